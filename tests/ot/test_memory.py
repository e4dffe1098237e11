"""Memory: no growth over many calls, and what cannot fit is refused before it is allocated."""

import dataclasses
import gc
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from wassail import _core, ot
from wassail.exceptions import MemoryLimitError

N = 3_000_000


def resident():
    """Return the resident memory of this process in bytes."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


def use_everything(C, x, y):
    result = ot.sinkhorn(C, epsilon=0.1, tol=1e-3)
    cloud = ot.sinkhorn(ot.PointCloud(x, y), epsilon=0.5, tol=1e-3)
    for item in (result, cloud):
        item.certificate()
        item.apply(item.g)
        item.sparse_plan(k=2)
    assert cloud.plan.size
    assert cloud.barycentric_map(x[:3]).size


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_growth_over_ten_thousand_calls():
    rng = np.random.default_rng(0)
    C, x, y = rng.random((60, 50)), rng.normal(size=(60, 3)), rng.normal(size=(50, 3))
    for _ in range(50):
        use_everything(C, x, y)
    before = resident()
    for _ in range(1000):
        use_everything(C, x, y)  # ten calls of the core
    gc.collect()
    # One leaked potential a call would be 1000 × 10 × 60 × 8 bytes = 4.8 MB.
    assert resident() - before < 3_000_000


def test_results_do_not_keep_each_other_alive():
    C = np.random.default_rng(1).random((300, 300))
    ot.sinkhorn(C, epsilon=0.1)
    gc.collect()
    tracemalloc.start()
    for _ in range(20):
        assert ot.sinkhorn(C, epsilon=0.1).plan.size
    gc.collect()
    left, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert left < C.nbytes


def huge_result():
    line = np.zeros((N, 1))
    cloud = ot.PointCloud(line, line)
    nothing, f = np.zeros(0), np.zeros(N)
    trace = ot.SinkhornTrace(nothing, nothing, nothing)
    w = np.full(N, 1 / N)
    return ot.SinkhornResult(f, f, 1.0, ot.Status.MAX_ITER, 0, 0.0, trace, cloud, w, w, (np.inf, np.inf), 1.0)


def test_a_plan_too_large_is_refused_at_once():
    result = huge_result()
    with pytest.raises(
        MemoryLimitError, match=r"dense plan of shape \(3000000, 3000000\) needs 65.5 TiB.*apply.*sparse_plan"
    ):
        _ = result.plan
    with pytest.raises(MemoryLimitError, match=r"cost matrix.*PointCloud"):
        result.cost.to_numpy()
    with pytest.raises(MemoryLimitError, match=r"sparse plan.*fewer"):
        result.sparse_plan(k=N)
    with pytest.raises(MemoryError):
        _ = result.plan


def test_a_sparse_plan_is_not_made_dense():
    u = np.arange(200_000.0)[:, None]
    result = ot.sparse_transport(np.eye(2), gamma=1.0)
    big = dataclasses.replace(result, cost=ot.PointCloud(u, u), entries=csr_array((u.size, u.size)))
    with pytest.raises(MemoryLimitError, match=r"dense plan of shape \(200000, 200000\).*sparse_plan"):
        _ = big.plan


def test_the_limit_is_real():
    limit = _core.memory_limit()
    assert 2**20 < limit < 2**50


def test_compacting_a_virtual_cost_is_refused():
    """A broadcast array has no memory of its own: its copy without zero weights would."""
    cost = np.broadcast_to(np.float64(1.0), (4_000_000, 2_000_000))
    with pytest.raises(MemoryLimitError, match="without the points of weight zero"):
        ot.as_cost(cost).select(np.arange(3_999_999), np.arange(2_000_000))


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss in KiB")
def test_point_clouds_take_linear_memory():
    code = """
import resource
import numpy as np
from wassail import ot
rng = np.random.default_rng(0)
x, y = rng.normal(size=(40_000, 3)), rng.normal(size=(300, 3))
ot.sinkhorn(ot.PointCloud(x[:100], y), epsilon=1.0, tol=1e-2)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
result = ot.sinkhorn(ot.PointCloud(x, y), epsilon=1.0, tol=1e-2)
result.certificate(); result.barycentric_map(); result.apply(np.ones(300))
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) * 1024)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 40_000_000  # the matrix would take 96 MB


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS")
def test_a_refused_allocation_is_an_exception():
    """The entries of a sparse plan are not known before: their buffers grow until the system refuses."""
    code = """
import resource
import numpy as np
from wassail import ot
n = 6000
result = ot.sinkhorn(np.broadcast_to(0.0, (n, n)), epsilon=1.0, n_threads=1)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**28, -1))  # all entries would take 576 MB
try:
    result.sparse_plan(threshold=0.0)
except MemoryError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "could not allocate" in done.stdout
