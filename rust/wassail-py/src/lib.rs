//! Python bindings of wassail: thin, private, called with validated arguments only.

#![deny(unsafe_code)]
// Extracted arguments belong to the function that Python calls.
#![allow(clippy::needless_pass_by_value)]

mod arrays;
mod bench;
mod callable;
mod chains;
mod closing;
mod compress;
mod config;
mod discrepancy;
mod enter;
mod errors;
mod exact;
mod geometry;
mod greedy;
mod kernel;
mod minibatch;
mod moments;
mod newton;
mod ot;
mod plan;
mod points;
mod sampling;
mod sliced;
mod sparse;
mod support;
mod target;
mod thinning;
mod waiting;

use pyo3::prelude::*;

/// The compiled module `wassail._core`.
#[pymodule]
mod _core {
    #[pymodule_export]
    use super::bench::{
        bench_distance, bench_exp, bench_fma, bench_gradient, bench_kernel, bench_normals, bench_read, bench_streams,
        bench_sweep,
    };
    #[pymodule_export]
    use super::chains::Chains;
    #[pymodule_export]
    use super::compress::{halve, low_rank_split};
    #[pymodule_export]
    use super::config::{exp_f32, exp_f64, get_num_threads, isa, log_f32, log_f64, memory_limit, set_num_threads};
    #[pymodule_export]
    use super::discrepancy::{
        kernel_diagonal, kernel_row_sums, kernel_sign_forms, kernel_symmetric_sums, kernel_upper_sums,
    };
    #[pymodule_export]
    use super::exact::{blocked_mass, exact};
    #[pymodule_export]
    use super::geometry::Geometry;
    #[pymodule_export]
    use super::greedy::{greedy_select, kernel_herd, rp_cholesky};
    #[pymodule_export]
    use super::kernel::{Kernel, kernel_gram, kernel_gram_f32};
    #[pymodule_export]
    use super::moments::{Moments, replace_by_rank};
    #[pymodule_export]
    use super::newton::sinkhorn_newton;
    #[pymodule_export]
    use super::ot::{sinkhorn, sinkhorn_batch, softmin_rows};
    #[pymodule_export]
    use super::plan::{
        c_transform, certificate_sums, cost_scan, plan_apply, plan_dense, plan_gradient, plan_sparse, plan_sums,
        softmin_cols,
    };
    #[pymodule_export]
    use super::sampling::Transition;
    #[pymodule_export]
    use super::sliced::{circle_cut, sliced_distances, sliced_gradient, sliced_pulls};
    #[pymodule_export]
    use super::sparse::sparse_transport;
    #[pymodule_export]
    use super::support::support_points;
    #[pymodule_export]
    use super::target::Target;
    #[pymodule_export]
    #[pymodule_export]
    use super::thinning::{kernel_split, kernel_thin};
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::errors::install_hook();
        super::closing::register(module)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
