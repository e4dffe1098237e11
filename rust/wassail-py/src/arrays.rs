//! Borrowed `NumPy` arrays. The only unsafe code of the bindings.
#![allow(unsafe_code)]

use numpy::{Element, IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use wassail_core::numeric::Scalar;
use wassail_core::ot::geometry::Dense;

/// A two-dimensional array that is read without holding the interpreter.
pub struct Borrowed<S> {
    /// Keeps the memory alive.
    _owner: Py<PyArray2<S>>,
    /// Lowest address of any element.
    lowest: *const S,
    /// Elements from the lowest to the highest address.
    len: usize,
    origin: usize,
    shape: (usize, usize),
    strides: (isize, isize),
}

// SAFETY: the pointer is read only, the owner that keeps its memory alive may be moved and dropped on any thread.
unsafe impl<S: Send> Send for Borrowed<S> {}
// SAFETY: shared access only reads.
unsafe impl<S: Sync> Sync for Borrowed<S> {}

impl<S: Scalar + Element> Borrowed<S> {
    /// Any array of native, aligned elements whose strides are multiples of the element, and which is not empty.
    pub fn new(array: &Bound<'_, PyArray2<S>>) -> PyResult<Self> {
        let size = size_of::<S>() as isize;
        let (shape, bytes) = (array.shape(), array.strides());
        let (&[n, m], &[row, col]) = (shape, bytes) else {
            return Err(PyValueError::new_err("cost must have two dimensions"));
        };
        if n == 0 || m == 0 || row % size != 0 || col % size != 0 || !array.is_aligned() {
            return Err(PyValueError::new_err(
                "cost is empty, unaligned, or its strides are no multiples of its element",
            ));
        }
        let strides = (row / size, col / size);
        let reach = [(n as isize - 1) * strides.0, (m as isize - 1) * strides.1];
        let below: isize = reach.iter().map(|r| r.min(&0)).sum();
        let above: isize = reach.iter().map(|r| r.max(&0)).sum();
        Ok(Self {
            // SAFETY: `below` elements before the first one lies the element of lowest address of the same array.
            lowest: unsafe { array.data().offset(below) },
            len: (above - below) as usize + 1,
            origin: (-below) as usize,
            shape: (n, m),
            strides,
            _owner: array.clone().unbind(),
        })
    }

    /// The array as the core sees it.
    pub fn view(&self) -> Dense<'_, S> {
        // SAFETY: all elements lie in [lowest, lowest + len) of one allocation that `_owner` keeps alive. Elements between
        // the strides belong to the same allocation. As with NumPy itself, writing to the array from
        // another thread during a call gives numbers without meaning, and nothing worse: every bit pattern is a float.
        let data = unsafe { std::slice::from_raw_parts(self.lowest, self.len) };
        Dense::new(data, self.origin, self.shape, self.strides)
    }

    /// (n, m).
    pub fn shape(&self) -> (usize, usize) {
        self.shape
    }
}

/// A new one-dimensional array that takes over the vector.
pub fn vector<T: Element>(py: Python<'_>, values: Vec<T>) -> Bound<'_, PyArray1<T>> {
    values.into_pyarray(py)
}

/// A new (n, k) array that takes over the row-major vector.
pub fn matrix<T: Element>(py: Python<'_>, values: Vec<T>, n: usize, k: usize) -> PyResult<Bound<'_, PyArray2<T>>> {
    values.into_pyarray(py).reshape([n, k])
}
