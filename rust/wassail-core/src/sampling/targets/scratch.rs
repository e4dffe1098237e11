//! Buffers that a thread keeps between gradients.

use crate::sampling::density::DensityError;
use std::cell::RefCell;

thread_local! {
    static FREE: RefCell<Vec<Vec<f64>>> = const { RefCell::new(Vec::new()) };
}

/// Lends `use_it` a buffer of any content. Nested calls get buffers of their own.
pub fn lend<R>(len: usize, use_it: impl FnOnce(&mut [f64]) -> R) -> Result<R, DensityError> {
    let mut buffer = FREE.with_borrow_mut(Vec::pop).unwrap_or_default();
    if buffer.len() < len {
        buffer.try_reserve_exact(len - buffer.len()).map_err(|_| DensityError::Failed)?;
        buffer.resize(len, 0.0);
    }
    let out = use_it(&mut buffer[..len]);
    FREE.with_borrow_mut(|free| free.push(buffer));
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::lend;

    #[test]
    fn nested_buffers_are_apart() {
        let sum = lend(3, |outer| {
            outer.fill(1.0);
            lend(5, |inner| inner.fill(2.0)).expect("memory");
            outer.iter().sum::<f64>()
        });
        assert_eq!(sum.expect("memory"), 3.0);
    }
}
