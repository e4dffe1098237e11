//! Measurements of single kernels.
