"""Other packages get the same draws."""

import numpy as np
import pytest

from wassail import sampling
from wassail.exceptions import InputError

# Short runs, on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")

TARGET = sampling.targets.Gaussian(np.zeros(3), np.ones(3))


def run(**options):
    return sampling.mala(TARGET, np.zeros((4, 3)), n_samples=50, step_size=0.5, rng=0, **options)


@pytest.mark.peers
def test_arviz_says_the_same_of_them():
    arviz = pytest.importorskip("arviz", reason="the peer is optional")
    result = run()
    data = result.to_arviz()
    np.testing.assert_array_equal(data["posterior"]["x"].values, result.draws)
    np.testing.assert_array_equal(data["sample_stats"]["lp"].values, result.log_density)
    np.testing.assert_array_equal(data["sample_stats"]["acceptance_rate"].values, result.acceptance)
    np.testing.assert_allclose(arviz.ess(data)["x"].values, result.ess()[0], rtol=1e-10)


@pytest.mark.peers
def test_xarray_has_the_names():
    pytest.importorskip("xarray", reason="the peer is optional")
    result = run(keep=sampling.Keep(coordinates=[2, 0]), store_gradients=True)
    data = result.to_xarray()
    np.testing.assert_array_equal(data["x"].sel(coordinate=0).values, result.draws[:, :, 1])
    assert data["gradient"].dims == ("chain", "draw", "coordinate")
    assert data.sizes == {"chain": 4, "draw": 50, "coordinate": 2}


def test_moments_have_no_draws_to_hand_on():
    result = run(keep=sampling.Moments())
    for export in (result.to_arviz, result.to_xarray):
        with pytest.raises(InputError, match="only moments"):
            export()
