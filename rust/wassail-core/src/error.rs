//! What can go wrong, as data.

use std::any::Any;
use std::sync::Arc;
use thiserror::Error;

/// Failures of the core. Input is validated by the caller; these are what only the run can tell.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum Error {
    /// The monitor asked to stop (Ctrl-C).
    #[error("interrupted")]
    Interrupted,
    /// An allocation was refused by the system.
    #[error("could not allocate {0} bytes")]
    OutOfMemory(usize),
    /// Values are too large for floats.
    #[error("kernel values at these points are beyond the range of floating-point numbers: rescale them")]
    Overflow,
    /// What a function of the user raised.
    #[error("a function failed")]
    Raised(Foreign),
}

/// An error that the core carries without knowing it.
#[derive(Debug, Clone)]
pub struct Foreign(pub Arc<dyn Any + Send + Sync>);

impl PartialEq for Foreign {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Foreign {}

/// Result of the core.
pub type Result<T> = std::result::Result<T, Error>;

/// Bytes from which on the system gives pages that are zero once they are touched: to write zeros takes seconds a few GB.
const LAZY: usize = 1 << 20;

/// A zeroed buffer, or an error where the plain `vec!` would abort the process.
pub fn try_zeroed<T: Clone + Default>(len: usize) -> Result<Vec<T>> {
    let bytes = len.saturating_mul(size_of::<T>());
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(len).map_err(|_| Error::OutOfMemory(bytes))?;
    if bytes >= LAZY {
        // There is room, as was just seen; only this asks for zeroed memory.
        drop(buffer);
        return Ok(vec![T::default(); len]);
    }
    buffer.resize(len, T::default());
    Ok(buffer)
}

/// Appends to a buffer, or fails where the plain `extend` would abort the process.
pub fn try_extend<T>(buffer: &mut Vec<T>, items: impl ExactSizeIterator<Item = T>) -> Result<()> {
    let len = buffer.len() + items.len();
    buffer.try_reserve(items.len()).map_err(|_| Error::OutOfMemory(len.saturating_mul(size_of::<T>())))?;
    buffer.extend(items);
    Ok(())
}
