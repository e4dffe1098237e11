# Compiled core of wassail: thin bindings, private. Arguments are already validated by the Python layer.
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Chains",
    "Geometry",
    "Kernel",
    "Moments",
    "Target",
    "Transition",
    "__version__",
    "bench_distance",
    "bench_exp",
    "bench_fma",
    "bench_gradient",
    "bench_kernel",
    "bench_normals",
    "bench_read",
    "bench_streams",
    "bench_sweep",
    "blocked_mass",
    "c_transform",
    "certificate_sums",
    "circle_cut",
    "cost_scan",
    "exact",
    "exp_f32",
    "exp_f64",
    "get_num_threads",
    "greedy_select",
    "halve",
    "isa",
    "kernel_diagonal",
    "kernel_gram",
    "kernel_gram_f32",
    "kernel_herd",
    "kernel_row_sums",
    "kernel_sign_forms",
    "kernel_split",
    "kernel_symmetric_sums",
    "kernel_thin",
    "kernel_upper_sums",
    "log_f32",
    "log_f64",
    "low_rank_split",
    "memory_limit",
    "plan_apply",
    "plan_dense",
    "plan_gradient",
    "plan_sparse",
    "plan_sums",
    "replace_by_rank",
    "rp_cholesky",
    "set_num_threads",
    "sinkhorn",
    "sinkhorn_batch",
    "sinkhorn_newton",
    "sliced_distances",
    "sliced_gradient",
    "sliced_pulls",
    "softmin_cols",
    "softmin_rows",
    "sparse_transport",
    "support_points",
]

__version__: str

# f, g, status (0 converged, 1 max_iter, 2 stopped by the callback, 3 stalled at rounding level), n_iter,
# absolute L1 marginal error, and one trace entry per sweep: error, epsilon, relaxation.
_Solution: TypeAlias = tuple[
    NDArray[np.float64],
    NDArray[np.float64],
    int,
    int,
    float,
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
]

# One entry per sweep: whether it tried a Newton step, entries of the Hessian that were used as a share of all,
# iterations of conjugate gradients, share of the direction that was gone (0 for a trial that was taken back).
_Steps: TypeAlias = tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]

# Ground cost handle. Immutable; stored costs are borrowed (the array is kept alive), points are copied.
@final
class Geometry:
    # (n, m), native and aligned, any strides that are multiples of the element
    @staticmethod
    def from_array(cost: NDArray[np.float32] | NDArray[np.float64]) -> Geometry: ...
    # C-contiguous, same float dtype; kind: 0 sqeuclidean, 1 euclidean, 2 cityblock, 3 cosine, 4 p-norm ** power
    @staticmethod
    def from_points(x: NDArray[Any], y: NDArray[Any], kind: int, p: float, power: float) -> Geometry: ...
    @property
    def shape(self) -> tuple[int, int]: ...
    @property
    def is_float32(self) -> bool: ...

# Weights must be positive here. rho: inf = balanced on that side. anneal: None auto, 1.0 off, else the ratio of
# successive epsilons. relaxation: None auto, else fixed in (0, 2). n_threads: 0 = default. callback(n_iter, epsilon,
# marginal_error) -> True stops; progress has the same arguments and is called about every 0.1 s.
def sinkhorn(
    geometry: Geometry,
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    epsilon: float,
    tol: float,
    max_iter: int,
    rho_a: float,
    rho_b: float,
    anneal: float | None,
    relaxation: float | None,
    f0: NDArray[np.float64] | None,
    g0: NDArray[np.float64] | None,
    n_threads: int,
    callback: Callable[[int, float, float], bool | None] | None,
    progress: Callable[[int, float, float], None] | None,
) -> _Solution: ...
def sinkhorn_batch(
    geometries: list[Geometry],
    a: list[NDArray[np.float64]],
    b: list[NDArray[np.float64]],
    epsilon: list[float],
    tol: float,
    max_iter: int,
    rho_a: float,
    rho_b: float,
    anneal: float | None,
    relaxation: float | None,
    n_threads: int,
) -> list[_Solution]: ...

# trial: sweeps of Sinkhorn after which Newton takes over; then their error and number come back. 0: Newton at once.
def sinkhorn_newton(
    geometry: Geometry,
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    epsilon: float,
    tol: float,
    max_iter: int,
    anneal: float | None,
    trial: int,
    f0: NDArray[np.float64] | None,
    g0: NDArray[np.float64] | None,
    n_threads: int,
    callback: Callable[[int, float, float], bool | None] | None,
    progress: Callable[[int, float, float], None] | None,
) -> tuple[_Solution, _Steps, tuple[float, int] | None]: ...

# Exact transport of all mass (mass None: equal sums) or of part of it; weights must be positive, g0 are column
# potentials to start from. f, g, (indptr, indices, data) of the plan, (value, gap, mass that only forbidden arcs could
# move, largest |cost| of the plan), whether optimal (else stopped by the callback), potentials of the dummy source and
# sink, and one trace entry per sweep: arcs, pivots, violations, gap. callback(pivots, epsilon of the start or 0, error
# of the start or gap).
def exact(
    geometry: Geometry,
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    mass: float | None,
    init: tuple[NDArray[np.float64], NDArray[np.float64], tuple[NDArray[np.int64], NDArray[np.int64]] | None] | None,
    n_threads: int,
    callback: Callable[[int, float, float], bool | None] | None,
    progress: Callable[[int, float, float], None] | None,
) -> tuple[
    NDArray[np.float64],
    NDArray[np.float64],
    tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]],
    tuple[float, float, float, float],
    bool,
    tuple[float | None, float | None],
    tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]],
]: ...

# S_i = -epsilon log sum_j b_j exp((g_j - C_ij) / epsilon), shape (n,), inf where the row is forbidden, and the mean of
# values (m, k) under the row-normalized weights, shape (n, k); (n, 0) when values is None.
def softmin_rows(
    geometry: Geometry,
    g: NDArray[np.float64],
    b: NDArray[np.float64],
    epsilon: float,
    values: NDArray[np.float64] | None,
    n_threads: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
def softmin_cols(
    geometry: Geometry, f: NDArray[np.float64], a: NDArray[np.float64], epsilon: float, n_threads: int
) -> NDArray[np.float64]: ...

# axis=1: (n,) min_j C_ij - g_j; axis=0: (m,) min_i C_ij - f_i; potentials of -inf are left out
def c_transform(
    geometry: Geometry, potential: NDArray[np.float64], axis: int, n_threads: int
) -> NDArray[np.float64]: ...

# (P 1, P^T 1, <C, P> over P > 0). Here and below weights may be zero: P is 0 there.
def plan_sums(
    geometry: Geometry,
    f: NDArray[np.float64],
    g: NDArray[np.float64],
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    epsilon: float,
    n_threads: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]: ...
def plan_dense(
    geometry: Geometry,
    f: NDArray[np.float64],
    g: NDArray[np.float64],
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    epsilon: float,
    n_threads: int,
) -> NDArray[np.float64]: ...

# v (m, k) -> (n, k); transpose: (n, k) -> (m, k)
def plan_apply(
    geometry: Geometry,
    f: NDArray[np.float64],
    g: NDArray[np.float64],
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    epsilon: float,
    v: NDArray[np.float64],
    transpose: bool,
    n_threads: int,
) -> NDArray[np.float64]: ...

# CSR (indptr, indices, data), sorted in each row, by one criterion: entries > threshold (others 0, 1.0), the k largest
# of each row (0.0, k, 1.0), or per row the fewest entries that hold that fraction of its mass (0.0, 0, mass).
def plan_sparse(
    geometry: Geometry,
    f: NDArray[np.float64],
    g: NDArray[np.float64],
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    epsilon: float,
    threshold: float,
    k: int,
    mass: float,
    n_threads: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]: ...

# points only: (n, d) sum_j P_ij grad_x c(x_i, y_j)
def plan_gradient(
    geometry: Geometry,
    f: NDArray[np.float64],
    g: NDArray[np.float64],
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    epsilon: float,
    n_threads: int,
) -> NDArray[np.float64]: ...

# Rounding of Altschuler, Weed and Rigollet: P1, P^T 1, x, y, rows and columns of P' = diag(x) P diag(y), <C, P'>,
# and e_a^T C e_b / |e_a|_1 with e_a = a - rows, e_b = b - columns (0 when e_a is 0; may be inf)
def certificate_sums(
    geometry: Geometry,
    f: NDArray[np.float64],
    g: NDArray[np.float64],
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    epsilon: float,
    n_threads: int,
) -> tuple[
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    float,
    float,
]: ...

# At most max_nonzeros (0: any number) nonzeros in each row (axis 1) or column (axis 0), whose side the sparse matrices
# have as rows. init is the potential of the other side. Returns f, g, the plan and the relaxed plan as (indptr,
# indices, data), (status as above or 4: dual solved but tied, dual value, primal value or inf, transport cost, L1
# marginal error of the plan, ties), and the trace: error, gamma, smoothing, edges, products, step.
_Csr: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]
_SparseSolution: TypeAlias = tuple[
    NDArray[np.float64],
    NDArray[np.float64],
    _Csr,
    _Csr,
    tuple[int, float, float, float, float, int],
    tuple[
        NDArray[np.float64],
        NDArray[np.float64],
        NDArray[np.float64],
        NDArray[np.int64],
        NDArray[np.int64],
        NDArray[np.float64],
    ],
]

def sparse_transport(
    geometry: Geometry,
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    gamma: float,
    max_nonzeros: int,
    axis: int,
    tol: float,
    max_iter: int,
    init: tuple[NDArray[np.float64], NDArray[np.float64]] | None,
    plans: tuple[_Csr, _Csr, float] | None,
    n_threads: int,
    callback: Callable[[int, float, float], bool | None] | None,
    progress: Callable[[int, float, float], None] | None,
) -> _SparseSolution: ...

# (min, max, mean over finite entries, flat index of the first NaN or -inf or -1, first row without a finite entry or
# -1, first such column or -1, whether any entry is not finite)
def cost_scan(geometry: Geometry, n_threads: int) -> tuple[float, float, float, int, int, int, bool]: ...

# Mass that only infinite entries could move from a to b, both positive.
def blocked_mass(geometry: Geometry, a: NDArray[np.float64], b: NDArray[np.float64], n_threads: int) -> float: ...

# x (n, d) and y (m, d), C-contiguous float32 or float64; (a, b) or None for equal weights; center (d,), subtracted
# from points times scale; p; mass of each side; differences of cumulated masses that are rounding. Results are in
# scaled units.
_Slices: TypeAlias = tuple[
    NDArray[Any],
    NDArray[Any],
    tuple[NDArray[np.float64], NDArray[np.float64]] | None,
    NDArray[np.float64],
    float,
    float,
    float,
    float,
]

# directions (L, d), of length 1 -> (L,) W_p of the projections
def sliced_distances(slices: _Slices, directions: NDArray[np.float64], n_threads: int) -> NDArray[np.float64]: ...

# derivatives of (mean W_p^p)^(1/p), whose value is given: in x (n, d), y (m, d), and, up to constants, a (n,), b (m,)
def sliced_gradient(
    slices: _Slices, directions: NDArray[np.float64], value: float, n_threads: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]: ...

# (L,) W_p of the projections and (L, d) its derivatives in the directions
def sliced_pulls(
    slices: _Slices, directions: NDArray[np.float64], n_threads: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...

# x, y: sorted positions in [0, 1) and cumulated masses. Last atoms (i, j) before the cut, and how many turns y is
# ahead.
def circle_cut(
    x: tuple[NDArray[np.float64], NDArray[np.float64]],
    y: tuple[NDArray[np.float64], NDArray[np.float64]],
    order: float,
    resolution: float,
) -> tuple[int, int, int]: ...
def isa() -> str: ...
def set_num_threads(n: int) -> None: ...
def get_num_threads() -> int: ...
def memory_limit() -> int: ...
def exp_f64(x: NDArray[np.float64]) -> NDArray[np.float64]: ...
def log_f64(x: NDArray[np.float64]) -> NDArray[np.float64]: ...
def exp_f32(x: NDArray[np.float32]) -> NDArray[np.float32]: ...
def log_f32(x: NDArray[np.float32]) -> NDArray[np.float32]: ...

# Seconds of single kernels. exp, fma: repeats * n on each thread; the others are shared by all threads.
def bench_exp(n: int, repeats: int, float32: bool, n_threads: int) -> float: ...
def bench_fma(n: int, repeats: int, float32: bool, n_threads: int) -> float: ...
def bench_normals(n: int, repeats: int, n_threads: int) -> float: ...
def bench_read(nbytes: int, repeats: int, n_threads: int) -> float: ...
def bench_streams(n: int, repeats: int, n_threads: int) -> float: ...
def bench_distance(n: int, d: int, repeats: int, float32: bool, n_threads: int) -> float: ...
def bench_gradient(
    target: Target, points: NDArray[np.float64], repeats: int, together: bool, n_threads: int
) -> float: ...
def bench_kernel(kernel: Kernel, n: int, d: int, repeats: int, float32: bool, n_threads: int) -> float: ...
def bench_sweep(geometry: Geometry, epsilon: float, repeats: int, float32: bool, n_threads: int) -> float: ...

@final
class Kernel:
    @staticmethod
    def gaussian(lengthscale: float) -> Kernel: ...
    @staticmethod
    def multiquadric(lengthscale: float, offset: float, beta: float) -> Kernel: ...
    @staticmethod
    def rational(lengthscale: float, alpha: float) -> Kernel: ...
    # order: ν − ½
    @staticmethod
    def matern(lengthscale: float, order: int) -> Kernel: ...
    @staticmethod
    def manhattan(lengthscale: float) -> Kernel: ...
    @staticmethod
    def sinc(theta: float) -> Kernel: ...
    # order: (degree − 1) / 2
    @staticmethod
    def spline(order: int, scale: float) -> Kernel: ...
    @staticmethod
    def sobolev(smoothness: int, period: float) -> Kernel: ...
    @staticmethod
    def riesz(exponent: float) -> Kernel: ...
    @staticmethod
    def inner(scale: float, offset: float, degree: int) -> Kernel: ...
    # (n, d), (m, d) -> (n, m), float64, contiguous and finite
    @staticmethod
    def callable(function: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]) -> Kernel: ...
    @staticmethod
    def sum(kernels: list[Kernel], weights: list[float]) -> Kernel: ...
    @staticmethod
    def product(kernels: list[Kernel]) -> Kernel: ...
    def diagonal(self, x: NDArray[Any]) -> NDArray[np.float64]: ...
    # largest error of a value in f32 between these points, infinite where there is no bound
    def bound_f32(self, x: NDArray[Any]) -> float: ...
    @property
    def is_smooth(self) -> bool: ...
    @property
    def is_radial(self) -> bool: ...
    # (|G| d, d), the identity first
    def orbit(self, maps: NDArray[np.float64]) -> Kernel: ...
    def stein(self, scale: float) -> Kernel: ...
    # A and L = AᵀA, (d, d)
    def stein_matrix(self, root: NDArray[np.float64], metric: NDArray[np.float64]) -> Kernel: ...

def kernel_gram(kernel: Kernel, x: NDArray[Any], y: NDArray[Any], n_threads: int) -> NDArray[np.float64]: ...
def kernel_gram_f32(kernel: Kernel, x: NDArray[Any], y: NDArray[Any], n_threads: int) -> NDArray[np.float32]: ...

# multipliers (m,), uniforms (m, >= n // 2): leaves (2^m, n >> m), σ² of each, sums of k over pairs within each, sums of
# k of each point over the others, pairs evaluated, decisions recomputed; single: from values in float32 where that
# pays, the same leaves
def kernel_split(
    kernel: Kernel,
    x: NDArray[Any],
    multipliers: NDArray[np.float64],
    uniforms: NDArray[np.float64],
    single: bool,
    n_threads: int,
) -> tuple[NDArray[np.uintp], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], int, int]: ...

# tasks: order, points of each halving, their uniforms, failure probabilities. What is chosen, kernel values formed.
def halve(
    kernel: Kernel,
    points: NDArray[Any],
    center: NDArray[np.float64],
    tasks: tuple[NDArray[np.uintp], NDArray[np.uintp], NDArray[np.float64], NDArray[np.float64]],
    swap_passes: int,
    n_threads: int,
) -> tuple[NDArray[np.uintp], int]: ...

# features (n, width), multipliers (m,), uniforms (m, >= n // 2): leaves in turn, squared distances of their means
# from that of all
def low_rank_split(
    features: NDArray[np.float64], multipliers: NDArray[np.float64], uniforms: NDArray[np.float64], n_threads: int
) -> tuple[NDArray[np.uintp], NDArray[np.float64]]: ...

# split: another kernel for the halvings, with the points as it reads them; weights: (n,) with sum 1; order: rows to be
# halved; baseline: as many rows as are wanted. Rows, σ² of the leaf, kernel values used, decisions recomputed.
def kernel_thin(
    kernel: Kernel,
    x: NDArray[Any],
    split: tuple[Kernel, NDArray[Any]] | None,
    weights: NDArray[np.float64] | None,
    order: NDArray[np.uintp],
    multipliers: NDArray[np.float64],
    uniforms: NDArray[np.float64],
    baseline: NDArray[np.uintp],
    centered: bool,
    unique: bool,
    rounds: int,
    n_threads: int,
    progress: Callable[[int, float, float], object] | None,
) -> tuple[NDArray[np.uintp], float | None, int, int]: ...

# k(x_i, x_i)
def kernel_diagonal(kernel: Kernel, x: NDArray[Any]) -> NDArray[np.float64]: ...

# Sums in float64 of values in float32 where all points are float32. Σ_j w_j k(x_i, y_j), (n,)
def kernel_row_sums(
    kernel: Kernel, x: NDArray[Any], y: NDArray[Any], weights: NDArray[np.float64], n_threads: int
) -> NDArray[np.float64]: ...

# Σ_{j≠i} w_j k(x_i, x_j) for each row of weights (r, n): (r, n), each pair evaluated once
def kernel_symmetric_sums(
    kernel: Kernel, x: NDArray[Any], weights: NDArray[np.float64], n_threads: int
) -> NDArray[np.float64]: ...

# Σ_{i<j<ends_i} w_j h(i, j), (n,); h = k(x_i, x_j) without y, else k(x_i, x_j) − k(x_i, y_j) − k(y_i, x_j) + k(y_i,
# y_j). The ends must not decrease.
def kernel_upper_sums(
    kernel: Kernel,
    x: NDArray[Any],
    y: NDArray[Any] | None,
    weights: NDArray[np.float64],
    ends: NDArray[np.uintp],
    n_threads: int,
) -> NDArray[np.float64]: ...

# Σ_{i≠j} s_i s_j c_i c_j h(i, j), (kernels, vectors); the signs are bits (vectors, ceil(n / 8)), 1 for +1, the lowest
# first.
def kernel_sign_forms(
    kernels: list[Kernel],
    x: NDArray[Any],
    y: NDArray[Any] | None,
    factors: NDArray[np.float64] | None,
    signs: NDArray[np.uint8],
    n_threads: int,
) -> NDArray[np.float64]: ...

# size, whether no point is chosen twice, temperature of each pass, uniform numbers for passes of positive temperature
_Passes: TypeAlias = tuple[int, bool, NDArray[np.float64], NDArray[np.float64]]

# Indices in the order of choice and Σ k(x_i, x_j) / m² + 2 Σ s_i / m; None where no score is finite. Scores that are
# minimized: c_i + t s_i + Σ_chosen k(x_j, x_i), in herding with c = 0 and s = −(mean embedding).
def kernel_herd(
    kernel: Kernel,
    x: NDArray[Any],
    weights: NDArray[np.float64],
    passes: _Passes,
    n_threads: int,
    progress: Callable[[int, float, float], object] | None = None,
) -> tuple[NDArray[np.intp], float] | None: ...
def greedy_select(
    kernel: Kernel,
    x: NDArray[Any],
    constant: NDArray[np.float64],
    slope: NDArray[np.float64] | None,
    passes: _Passes,
    n_threads: int,
    progress: Callable[[int, float, float], object] | None = None,
) -> tuple[NDArray[np.intp], float] | None: ...

# factor (n, r) and pivots (r,): a pivot for each uniform number, fewer where the residual vanishes
def rp_cholesky(
    kernel: Kernel, x: NDArray[Any], weights: NDArray[np.float64], uniforms: NDArray[np.float64], n_threads: int
) -> tuple[NDArray[np.float64], NDArray[np.intp]]: ...

# unit: center (d,), scale, η; limits: tol, max_iter. Points, objective before each step and after the last, last move
def support_points(
    x: NDArray[Any],
    weights: NDArray[np.float64],
    start: NDArray[np.float64],
    unit: tuple[NDArray[np.float64], float, float],
    limits: tuple[float, int],
    n_threads: int,
    progress: Callable[[int, float, float], object] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]: ...

# indptr, indices, data of a sparse matrix
_Rows: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]

@final
class Target:
    @staticmethod
    def diagonal_gaussian(mean: NDArray[np.float64], precision: NDArray[np.float64]) -> Target: ...
    # precision (d * d,), row by row
    @staticmethod
    def dense_gaussian(mean: NDArray[np.float64], precision: NDArray[np.float64]) -> Target: ...
    @staticmethod
    def sparse_gaussian(mean: NDArray[np.float64], precision: _Rows) -> Target: ...
    # bands[k, i] = precision[i + k, i]
    @staticmethod
    def banded_gaussian(mean: NDArray[np.float64], bands: NDArray[np.float64]) -> Target: ...
    # logarithms of weights and normalizers, means (k * d,), precisions (k * d,) or (k * d * d,)
    @staticmethod
    def gaussian_mixture(
        logs: NDArray[np.float64], means: NDArray[np.float64], precisions: NDArray[np.float64], full: bool
    ) -> Target: ...
    @staticmethod
    def student(gaussian: Target, freedom: float) -> Target: ...
    @staticmethod
    def student_product(location: NDArray[np.float64], rate: NDArray[np.float64], freedom: float) -> Target: ...
    @staticmethod
    def elastic_net(
        center: NDArray[np.float64], absolute: NDArray[np.float64], square: NDArray[np.float64]
    ) -> Target: ...
    # family: 0 logistic, 1 Poisson, 2 linear of a precision; prior: weights of |θ| and θ²/2
    @staticmethod
    def regression(
        design: NDArray[np.float64] | _Rows,
        family: tuple[int, float],
        observed: NDArray[np.float64],
        offset: NDArray[np.float64],
        prior: tuple[NDArray[np.float64], NDArray[np.float64]],
    ) -> Target: ...
    @staticmethod
    def dirichlet(concentration: NDArray[np.float64]) -> Target: ...
    @staticmethod
    def funnel(dim: int, scale: float) -> Target: ...
    @staticmethod
    def rosenbrock(dim: int, variance: float) -> Target: ...
    @staticmethod
    def phi4(shape: tuple[int, int], mass: float, coupling: float) -> Target: ...
    @staticmethod
    def sum(parts: Sequence[Target]) -> Target: ...
    # factor (d,) or (d * d,), row by row
    @staticmethod
    def affine(inner: Target, shift: NDArray[np.float64], factor: NDArray[np.float64]) -> Target: ...
    @staticmethod
    def truncated(inner: Target, lower: NDArray[np.float64], upper: NDArray[np.float64]) -> Target: ...
    @staticmethod
    def transformed(inner: Target, lower: NDArray[np.float64], upper: NDArray[np.float64]) -> Target: ...
    # function(X (n, dim)) -> (logp (n,), grad (n, dim)), contiguous float64
    @staticmethod
    def from_callable(function: Callable[..., Any], dim: int) -> Target: ...
    # function(X (n, dim), indices (n, batch)) -> grad (n, dim), contiguous float64
    @staticmethod
    def from_minibatches(function: Callable[..., Any], dim: int, n_data: int, batch: int) -> Target: ...
    # int (size_t dim, const double *x, double *grad, double *logp, void *user), or with a size_t n before dim
    @staticmethod
    def from_pointer(address: int, user: int, dim: int, batched: bool, keep: object) -> Target: ...
    # addresses of bs_log_density_gradient, bs_free_error_msg, and of the model
    @staticmethod
    def from_stan(
        addresses: tuple[int, int, int], dim: int, jacobian: bool, threaded: bool, keep: object
    ) -> Target: ...
    # -inf outside the support, NaN where the density failed
    def evaluate(
        self, points: NDArray[np.float64], n_threads: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
    @property
    def dim(self) -> int: ...

@final
class Transition:
    @property
    def uses_gradients(self) -> bool: ...
    # taming: 0 none, 1 by the length of the gradient, 2 by coordinates
    @staticmethod
    def ula(taming: int) -> Transition: ...
    @staticmethod
    def midpoint() -> Transition: ...
    @staticmethod
    def barker() -> Transition: ...
    # steps h (1 + t / offset)^(-power)
    @staticmethod
    def sgld(offset: float, power: float) -> Transition: ...
    @staticmethod
    def psgld(offset: float, power: float, keep: float, damping: float) -> Transition: ...
    @staticmethod
    def sghmc(offset: float, power: float, friction: float) -> Transition: ...
    @staticmethod
    def stretch() -> Transition: ...
    # directions: 0 coordinates, 1 normals, 2 differences of walkers
    @staticmethod
    def slice(directions: int) -> Transition: ...
    @staticmethod
    def mala() -> Transition: ...
    # 0 OBABO, 1 BAOAB, 2 ABOBA, 3 UBU
    @staticmethod
    def kinetic(friction: float, integrator: int) -> Transition: ...
    # splitting: 0 leapfrog, 1 minimal norm; friction a unit of time, damping a mean trajectory
    @staticmethod
    def trajectory(isokinetic: bool, splitting: int, friction: float, damping: float, jitter: float) -> Transition: ...
    @staticmethod
    def persistent(isokinetic: bool, splitting: int, friction: float, damping: float, adjusted: bool) -> Transition: ...

# end (0 complete, 1 interrupted, 2 failed, 3 bad start), of which chain, at which step
_Ended: TypeAlias = tuple[int, int, int]
# draws that all chains made; draws, gradients, log-densities and acceptances, chain by chain
_Drawn: TypeAlias = tuple[
    _Ended,
    int,
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
]

# start (chains * d,); schedule: (warm-up steps, steps per draw); step: (size, what to adapt it to, whether that is an
# error of the energy, whether sizes are time steps of what MALA tunes, preconditioner: 0 none, 1 diagonal, 2 low rank);
# length: (value, rule: 0 none, 1 autocorrelation time, 2 a share of it, its value); kept: (coordinates, whether
# gradients)
@final
class Chains:
    def __new__(
        cls,
        target: Target,
        transition: Transition,
        start: NDArray[np.float64],
        scale: NDArray[np.float64],
        key: int,
        schedule: tuple[int, int],
        step: tuple[float, float | None, bool, bool, int],
        length: tuple[float, int, float],
        kept: tuple[list[int] | None, bool],
    ) -> Chains: ...
    # reference: (density, mean, factor (d,) or (d * d,)); ladder: (rungs, steps a scan); step: (size, acceptance to
    # adapt it to)
    @staticmethod
    def ladders(
        target: Target,
        reference: tuple[Target, NDArray[np.float64], NDArray[np.float64]],
        transition: Transition,
        start: NDArray[np.float64],
        scale: NDArray[np.float64],
        key: int,
        schedule: tuple[int, int],
        ladder: tuple[int, int],
        step: tuple[float, float | None],
        kept: tuple[list[int] | None, bool],
    ) -> Chains: ...
    def prepare(
        self, progress: Callable[..., Any] | None, callback: Callable[..., Any] | None, n_threads: int
    ) -> None: ...
    def draw(
        self, n: int, progress: Callable[..., Any] | None, callback: Callable[..., Any] | None, n_threads: int
    ) -> None: ...
    def stop(self) -> None: ...
    def take(self) -> _Drawn | None: ...
    def save(self) -> tuple[NDArray[np.float64], NDArray[np.uint64]]: ...
    # 0 where the state fits, 1 where chains are out of step, 2 where it is another run's
    def load(self, floats: NDArray[np.float64], integers: NDArray[np.uint64], verify: bool) -> int: ...
    def is_doubted(self) -> bool: ...
    def differing(self, chain: int) -> tuple[float, float] | None: ...
    # divergences, steps outside the support and step size of each chain, square roots of the preconditioner, its
    # directions, steps of a trajectory, share of shorter steps
    def settings(
        self,
    ) -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.float64], NDArray[np.float64], int, float, float]: ...
    # steps, gradients of a chain
    def progress(self) -> tuple[int, int]: ...
    # betas, rejections between rungs and round trips of ladders
    def rungs(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.uint64]]: ...
    def flat(self) -> list[bool]: ...
    def endless(self) -> NDArray[np.uint64]: ...
    def diverged(self) -> int: ...
    def take_raised(self) -> BaseException | None: ...

@final
class Moments:
    def __new__(cls, d: int, chains: int, probabilities: list[float]) -> Moments: ...
    def update(self, draws: NDArray[np.float64], n_threads: int) -> None: ...
    # draws of the first part of a chain, and of a batch, and batches of a chain
    def cuts(self) -> tuple[int, int, int]: ...
    # draws of a chain; means, sums of squared deviations, both after the first part, (chains, d); sums of squared
    # deviations of the means of batches, (d,); quantiles (number, d)
    def table(
        self,
    ) -> tuple[int, list[NDArray[np.float64]], NDArray[np.float64], NDArray[np.float64]]: ...
    def save(self) -> tuple[NDArray[np.float64], int]: ...
    def load(self, numbers: NDArray[np.float64], count: int) -> bool: ...

# draws (n * d,), table (2 n - 1,) of values for mean ranks 1, 3/2, … n
def replace_by_rank(draws: NDArray[np.float64], d: int, table: NDArray[np.float64]) -> NDArray[np.float64]: ...
