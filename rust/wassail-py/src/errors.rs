//! Failures of the core as Python exceptions.

use pyo3::exceptions::{PyKeyboardInterrupt, PyMemoryError, PyRuntimeError};
use pyo3::prelude::*;
use std::any::Any;
use std::sync::{Mutex, PoisonError};
use wassail_core::error::Error;

static LAST_PANIC: Mutex<Option<String>> = Mutex::new(None);

/// Keeps the place and message of a panic for the exception instead of printing them.
pub fn install_hook() {
    std::panic::set_hook(Box::new(|info| {
        *LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner) = Some(info.to_string());
    }));
}

/// A failure of the core.
pub fn raised(error: &Error) -> PyErr {
    match error {
        Error::Interrupted => PyKeyboardInterrupt::new_err(()),
        Error::OutOfMemory(_) => PyMemoryError::new_err(error.to_string()),
        Error::Overflow => Python::attach(|py| own(py, "NumericalError", &error.to_string())),
        Error::Raised(foreign) => match foreign.0.downcast_ref::<PyErr>() {
            Some(raised) => Python::attach(|py| raised.clone_ref(py)),
            None => PyRuntimeError::new_err(error.to_string()),
        },
    }
}

/// An exception of `wassail.exceptions`.
pub fn own(py: Python<'_>, name: &str, message: &str) -> PyErr {
    let class = py.import("wassail.exceptions").and_then(|m| m.getattr(name));
    match class.and_then(|c| c.call1((message,))) {
        Ok(error) => PyErr::from_value(error),
        Err(_) => PyRuntimeError::new_err(message.to_owned()),
    }
}

/// A caught panic as `wassail.exceptions.InternalError`.
pub fn internal(py: Python<'_>, payload: &(dyn Any + Send)) -> PyErr {
    let said = payload.downcast_ref::<&str>().map(ToString::to_string);
    let said = said.or_else(|| payload.downcast_ref::<String>().cloned());
    let kept = LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner).take();
    let what = kept.or(said).unwrap_or_else(|| "unknown".into());
    let message = format!("this is a defect of wassail, please report it with the call that led here: {what}");
    own(py, "InternalError", &message)
}
