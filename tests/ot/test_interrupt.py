"""Ctrl-C returns at once from the longest calls; forks, spawned processes and threads work."""

import concurrent.futures
import multiprocessing
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from tests.interrupting import check_ctrl_c
from wassail import ot

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

PREPARE = """
rng = np.random.default_rng(0)
n = 100_000
x, y = rng.normal(size=(n, 3)), rng.normal(size=(n, 3))
cloud = ot.PointCloud(x, y)
f, w = np.zeros(n), np.full(n, 1 / n)
"""

RESULT = """
nothing = np.zeros(0)
result = ot.SinkhornResult(f, f, 1.0, ot.Status.MAX_ITER, 0, 0.0, ot.SinkhornTrace(nothing, nothing, nothing),
                           cloud, w, w, (np.inf, np.inf), 1.0)
"""

LONG = "u, v = rng.random(10_000_000), rng.random(10_000_000)"

CALLS = {
    "sinkhorn": ("", "ot.sinkhorn(cloud, epsilon=1e-3, tol=1e-12)"),
    "newton": ("", "ot.sinkhorn_newton(cloud, epsilon=1e-3, tol=1e-12)"),
    "callback": ("", "ot.sinkhorn(cloud, epsilon=1e-3, tol=1e-12, callback=lambda *state: False)"),
    "progress": ("", "ot.sinkhorn(cloud, epsilon=1e-3, tol=1e-12, progress=True)"),
    "exact": ("", "ot.exact(cloud)"),
    "pivots": ("few, start = ot.PointCloud(x[:20_000], y[:20_000]), f[:20_000]", "ot.exact(few, init=(start, start))"),
    "assignment": ("", "ot.assignment(cloud)"),
    "partial": ("", "ot.partial(cloud, mass=0.5)"),
    "sparse_transport": ("", "ot.sparse_transport(cloud, gamma=1.0, max_nonzeros=3)"),
    "solve": ("", "ot.solve(cloud)"),
    "trial": ("", "ot.solve(cloud, epsilon=0.06)"),
    "divergence": ("", "ot.sinkhorn_divergence(x, y, epsilon=1e-3, tol=1e-12)"),
    "batch": ("", "ot.sinkhorn_batch([cloud, cloud], epsilon=1e-3, tol=1e-12)"),
    "sliced": ("", "ot.sliced_wasserstein(x, y, n_projections=50_000)"),
    "max_sliced": ("", "ot.max_sliced_wasserstein(x, y, tol=1e-300, max_iter=5000)"),
    "circle": (LONG, "ot.wasserstein_circle(u, v)"),
    "circle, p=2": (LONG, "ot.wasserstein_circle(u, v, p=2)"),
    "line": (LONG, "ot.wasserstein_1d(u, v, p=2)"),
    "sums": (RESULT, "result.transport_cost"),
    "certificate": (RESULT, "result.certificate()"),
    "map": (RESULT, "[result.barycentric_map() for _ in range(99)]"),
    "apply": (RESULT, "[result.apply(f) for _ in range(99)]"),
    "sparse": (RESULT, "[result.sparse_plan(k=3) for _ in range(99)]"),
}


@pytest.mark.parametrize("name", CALLS)
def test_ctrl_c(name):
    prepare, call = CALLS[name]
    check_ctrl_c(PREPARE + prepare, call, "ot.sinkhorn([[0.0, 1.0], [1.0, 0.0]], epsilon=1.0).converged")


def solve(seed):
    """Large enough to use the pool."""
    C = np.random.default_rng(seed).random((600, 700))
    return ot.sinkhorn(C, epsilon=0.05, tol=1e-6).f


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_processes(method):
    expected = [solve(seed) for seed in range(3)]  # the parent's pool exists before the fork
    context = multiprocessing.get_context(method)
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        found = list(pool.map(solve, range(3), timeout=60))
    for ours, theirs in zip(expected, found, strict=True):
        assert np.array_equal(ours, theirs)


def test_threads():
    expected = [solve(seed) for seed in range(8)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = list(pool.map(solve, range(8), timeout=60))
    for ours, theirs in zip(expected, found, strict=True):
        assert np.array_equal(ours, theirs)


def test_other_threads_run_meanwhile():
    """The core lets go of the interpreter."""
    ticks, stop = [], threading.Event()

    def tick():
        while not stop.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.005)

    thread = threading.Thread(target=tick)
    thread.start()
    C = np.random.default_rng(0).random((1500, 1500))
    begun = time.monotonic()
    with pytest.warns(UserWarning, match="max_iter"):
        ot.sinkhorn(C, epsilon=1e-4, tol=1e-13, max_iter=150)
    spent = time.monotonic() - begun
    stop.set()
    thread.join()
    assert sum(begun < t < begun + spent for t in ticks) > 0.2 * spent / 0.005


def test_a_callback_may_solve():
    C = np.random.default_rng(1).random((50, 50))
    inner = []

    def callback(*_):
        inner.append(ot.sinkhorn(C[:10, :10], epsilon=0.1).converged)

    assert ot.sinkhorn(C, epsilon=0.05, callback=callback).converged
    assert inner
    assert all(inner)


WAITING = """
import threading
import numpy as np
from wassail import ot
rng = np.random.default_rng(0)
cloud = ot.PointCloud(rng.normal(size=(700, 3)), rng.normal(size=(700, 3)))
barrier = threading.Barrier(3)
def solve(callback=None):
    ot.sinkhorn(cloud, epsilon=0.5, n_threads=2, max_iter=3, tol=1e-300, callback=callback)
def elsewhere(*_):
    thread = threading.Thread(target=solve)
    thread.start()
    thread.join()
def together(*_):
    barrier.wait()
for callback in (elsewhere, together):
    threads = [threading.Thread(target=solve, args=(callback,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def test_callbacks_may_wait_for_each_other():
    """On one pool, three callbacks would hold its two workers while what they wait for needs one."""
    subprocess.run([sys.executable, "-W", "ignore", "-c", WAITING], check=True, timeout=30)
