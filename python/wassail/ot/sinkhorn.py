"""Entropic optimal transport by Sinkhorn's iteration, balanced and unbalanced."""

from __future__ import annotations

from typing import Literal, TypeAlias

from numpy.typing import ArrayLike

from wassail._progress import progress_reporter
from wassail._validate import Report, check_callable, check_epsilon, check_rho, check_threads
from wassail.ot._order import cost_first
from wassail.ot._problem import Potentials, check_init, check_options, prepare, warn_unless_converged
from wassail.ot.geometry import Cost, as_cost
from wassail.ot.results import SinkhornResult

Rho: TypeAlias = float | tuple[float | None, float | None] | None


@cost_first
def sinkhorn(
    cost: ArrayLike | Cost,
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
    *,
    epsilon: float | None = None,
    tol: float = 1e-6,
    max_iter: int = 10_000,
    rho: Rho = None,
    anneal: float | Literal["auto"] | None = "auto",
    relaxation: float | Literal["auto"] | None = "auto",
    init: Potentials | SinkhornResult | None = None,
    callback: Report | None = None,
    progress: bool | Report = False,
    n_threads: int | None = None,
) -> SinkhornResult:
    r"""
    Solve entropic optimal transport.

    .. math::

        \min_{P \ge 0,\; P1 = a,\; P^\top 1 = b} \langle C, P \rangle + \varepsilon\, \mathrm{KL}(P \,|\, a \otimes b),
        \qquad \mathrm{KL}(P|Q) = \sum P \log\frac{P}{Q} - P + Q.

    With `rho` the constraints become penalties :math:`\rho_a \mathrm{KL}(P1|a) + \rho_b \mathrm{KL}(P^\top 1|b)`.

    Parameters
    ----------
    cost : array_like of shape (n, m), or PointCloud
        Ground cost. Arrays of float32 or float64 are used in place, whatever their strides; ``inf`` forbids an arc.
        A PointCloud computes its entries from points and takes O((n + m) d) memory.
    a : array_like, shape (n,), optional
        Source weights, finite and at least 0 (zeros are taken out exactly); uniform with mass 1 by default.
    b : array_like, shape (m,), optional
        Target weights. A mass that differs from that of `a` by rounding is rescaled, see `mass_rescale` of the result.
    epsilon : float
        Regularization strength in units of the cost, positive. It must be given: it sets the answer.
        :func:`suggest_epsilon` proposes one and says how to choose.
    tol : float, default 1e-6
        The run converges when ‖P1 − a‖₁ + ‖Pᵀ1 − b‖₁ ≤ tol · max(Σa, Σb), both sums of one pair of potentials. With
        `rho` the marginals are compared to a·exp(−f/ρ_a) and b·exp(−g/ρ_b), and the error to the larger mass of these:
        what `rho` leaves of the weights. The default is that of a plan for plots and
        losses, since every digit costs sweeps; the solvers that pay a few steps for many digits ask for 1e-9.
    max_iter : int, default 10_000
        Sweeps over the cost, those of annealing included; 0 evaluates the starting potentials.
    rho : float or pair of float, optional
        Penalty of each marginal, positive; inf or None keeps it exact. Masses may then differ. A point with forbidden
        arcs only is refused all the same: set its weight to 0, and count ρ times that weight in the value. Where masses
        are equal and both penalties at least 2⁵³ times all costs and epsilon, marginals are exact to rounding, and the
        balanced problem is solved: `rho` of the result is inf.
    anneal : "auto", float in (0, 1) or None, default "auto"
        Ratio of successive epsilons on the way down to `epsilon`; None starts at `epsilon`.
    relaxation : "auto", float in (0, 2) or None, default "auto"
        How far g moves along Sinkhorn's step r. A number is the over-relaxation factor ω; None is the plain iteration.
        "auto" solves (I − S) δ = r by conjugate gradients, S being the derivative of the iteration, and moves by δ:
        what the best ω approximates. Each product with S counts as a sweep and has relaxation 0 in the trace.
    init : pair (f, g) or SinkhornResult, optional
        Starting potentials, for instance of a problem nearby.
    callback : callable, optional
        Called as ``callback(n_iter, epsilon, marginal_error)`` after each sweep; True stops the run.
    progress : bool or callable, default False
        True draws a tqdm bar; a function is called with the same arguments about ten times a second.
    n_threads : int, optional
        Threads to use; the result does not depend on it.

    Returns
    -------
    SinkhornResult
        Potentials, status and error; plan, cost, maps and certificate on demand.

    Raises
    ------
    InputError
        An argument is unusable, or forbidden arcs leave no plan; the message names what.
    DeviceError
        An array lives on an accelerator.
    MemoryLimitError
        A copy of the cost without zero weights would not fit.
    NumericalError
        The potentials overflow.

    Warns
    -----
    ConvergenceWarning
        The tolerance was not met; the message says what to change. `status` tells why.

    Notes
    -----
    A sweep takes O(nm) operations (times d for points) and one exponential an entry; memory is O(n + m) beside the
    cost, and about one more copy of a stored cost where its kernel is kept. Weights of zero cost a copy of an array.
    Smaller epsilon needs more sweeps, about in proportion to 1/ε for hard problems. When the potentials or the
    value for very small epsilon are wanted, keep annealing on. Forbidden arcs may leave others that no plan can use,
    such as those below the diagonal where all above it are forbidden: the mass on these falls slowly, about as 1/k in k
    sweeps; forbid them too. For exact distances on the line use :func:`wasserstein_1d`; as a loss between samples
    prefer :func:`sinkhorn_divergence`, which is zero at equality.

    References
    ----------
    Cuturi, "Sinkhorn Distances", NeurIPS 2013, arXiv:1306.0895.
    Chizat, Peyré, Schmitzer, Vialard, "Scaling algorithms for unbalanced optimal transport problems", Math. Comp. 87
    (2018), doi:10.1090/mcom/3303.
    Séjourné, Vialard, Peyré, "Faster unbalanced optimal transport", AISTATS 2022, arXiv:2201.00730.
    Brauer, Clason, Lorenz, Wirth, "A Sinkhorn–Newton method for entropic optimal transport" (2017), arXiv:1710.06635.
    Lehmann, von Renesse, Sambale, Uschmajew, "A note on overrelaxation in the Sinkhorn algorithm", Optim. Lett. 16
    (2022), doi:10.1007/s11590-021-01830-0.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import ot
    >>> result = ot.sinkhorn(np.array([[0.0, 1.0], [1.0, 0.0]]), epsilon=1.0)
    >>> result.converged
    True
    >>> result.plan.round(6)
    array([[0.365529, 0.134471],
           [0.134471, 0.365529]])
    >>> round(result.transport_cost, 6)  # 1 / (1 + e)
    0.268941
    """
    options = check_options(tol, max_iter, anneal, relaxation)
    stop = check_callable(callback, "callback")
    threads, penalties = check_threads(n_threads), check_rho(rho)
    geometry = as_cost(cost)
    problem = prepare(geometry, a, b, check_epsilon(epsilon), penalties, threads)
    start = check_init(init, problem)
    with progress_reporter(progress, "sinkhorn") as report:
        result = problem.solve(options, start, stop, report)
    warn_unless_converged({"sinkhorn": result}, options)
    return result
