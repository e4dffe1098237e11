"""Runs that never began leave no files, so that the corrected call finds its place free."""

import errno
import warnings

import numpy as np
import pytest

from wassail import sampling
from wassail.exceptions import DensityError, InputError
from wassail.sampling import _file

# Short runs, on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")

GAUSSIAN = sampling.targets.Gaussian(np.zeros(3), np.ones(3))
X0 = np.random.default_rng(0).normal(size=(4, 3))
OPTIONS = {"n_samples": 20, "n_warmup": 30, "rng": 0}


def density(x):
    return -0.5 * (x**2).sum(axis=1), -x


class Broken:
    """A density that raises from some call on, until it is mended."""

    def __init__(self, at, error=None):
        self.calls, self.at, self.error = 0, at, error or ZeroDivisionError("broken")

    def __call__(self, x):
        self.calls += 1
        if self.calls >= self.at:
            raise self.error
        return density(x)


def nowhere(x):
    return np.full(len(x), -np.inf), -x


def tempered(target, x0, **options):
    return sampling.temper(target, GAUSSIAN, x0, n_rungs=3, **options)


@pytest.fixture
def keep(tmp_path):
    return sampling.Keep(file=tmp_path / "draws.npy")


@pytest.mark.parametrize("sampler", [sampling.mala, sampling.sample, tempered])
@pytest.mark.parametrize(
    ("target", "error"),
    [
        (nowhere, InputError),
        (Broken(1), DensityError),
        (Broken(1, SystemExit(3)), SystemExit),
        (lambda x: (np.zeros(3), 0.0), InputError),
    ],
)
def test_a_start_that_fails_leaves_no_files(sampler, target, error, keep, tmp_path):
    options = {"keep": keep, "store_gradients": True, **OPTIONS}
    with pytest.raises(error):
        sampler(target, X0, **options)
    assert not list(tmp_path.iterdir())
    sampler(density, X0, **options)
    assert {path.name for path in tmp_path.iterdir()} == {"draws.npy", "draws.gradients.npy"}


@pytest.mark.parametrize("saved", [False, True])
def test_a_start_that_failed_can_be_tried_again_with_its_file(saved, keep, tmp_path):
    with pytest.raises(DensityError, match="at the start") as caught:
        sampling.mala(Broken(1), X0, keep=keep, **OPTIONS)
    result = caught.value.result
    assert result.draws.shape == (4, 0, 3)
    assert not list(tmp_path.iterdir())
    with pytest.raises(DensityError):  # once more
        result.resume(20, target=Broken(1))
    assert not list(tmp_path.iterdir())
    result.save_state(tmp_path / "state.npz")
    again = sampling.resume(tmp_path / "state.npz", density, 20) if saved else result.resume(20, target=density)
    np.testing.assert_array_equal(again.draws, sampling.mala(density, X0, **OPTIONS).draws)
    assert np.load(keep.file).shape == (20, 4, 3)
    # These draws could be those of the corrected call.
    with pytest.raises(InputError, match="exists: draws are not written over"):
        result.resume(10, target=density)
    assert np.load(keep.file).shape == (20, 4, 3)


def test_warm_up_that_failed_has_its_file(keep):
    """Also where the density fails again before it goes on."""
    with pytest.raises(DensityError, match="after 0 draws") as caught:
        sampling.mala(Broken(10), X0, keep=keep, **OPTIONS)
    assert np.load(keep.file).shape == (0, 4, 3)
    with pytest.raises(DensityError):
        caught.value.result.resume(20, target=Broken(1))
    assert np.load(keep.file).shape == (0, 4, 3)
    again = caught.value.result.resume(20, target=density)
    np.testing.assert_array_equal(again.draws, sampling.mala(density, X0, **OPTIONS).draws)


def test_no_steps_at_all_have_a_file_that_goes_on(keep):
    options = {"step_size": 0.5, "rng": 0, "keep": keep}
    first = sampling.mala(density, X0, n_samples=0, n_warmup=0, **options)
    assert np.load(keep.file).shape == (0, 4, 3)
    first.resume(20)
    assert np.load(keep.file).shape == (20, 4, 3)


def test_files_that_were_there_stay_alone(keep, tmp_path):
    beside = tmp_path / "draws.gradients.npy"
    beside.write_text("of somebody else")
    with pytest.raises(InputError, match=r"gradients.npy' exists"):
        sampling.mala(GAUSSIAN, X0, keep=keep, store_gradients=True, **OPTIONS)
    assert [path.name for path in tmp_path.iterdir()] == ["draws.gradients.npy"]
    assert beside.read_text() == "of somebody else"
    keep.file.write_text("too")
    with pytest.raises(InputError, match=r"draws.npy' exists"):
        sampling.mala(nowhere, X0, keep=keep, **OPTIONS)
    assert keep.file.read_text() == "too"


def test_a_run_that_goes_on_and_fails_keeps_its_files(keep):
    first = sampling.mala(density, X0, keep=keep, **OPTIONS)
    with pytest.raises(DensityError):
        first.resume(5, target=Broken(1))
    assert np.load(keep.file).shape == (20, 4, 3)
    assert first.resume(5, target=density).draws.shape == (4, 25, 3)


@pytest.mark.parametrize("method", ["_write", "_write_header"])
def test_a_disk_that_was_full_leaves_no_empty_file(method, keep, tmp_path, monkeypatch):
    def full(self, *_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(_file.DrawFile, method, full)
        with pytest.raises((DensityError, OSError), match="No space"):
            sampling.mala(density, X0, keep=keep, **OPTIONS)
    assert not list(tmp_path.iterdir())
    sampling.mala(density, X0, keep=keep, **OPTIONS)


@pytest.mark.filterwarnings("error::ResourceWarning", "error::pytest.PytestUnraisableExceptionWarning")
def test_files_are_closed_where_that_of_gradients_is_missing(keep, tmp_path):
    first = sampling.mala(density, X0, keep=keep, store_gradients=True, **OPTIONS)
    (tmp_path / "draws.gradients.npy").rename(tmp_path / "elsewhere.npy")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(InputError, match=r"gradients.npy' of the state is not there"):
            first.resume(5)
    assert not [one for one in caught if one.category is ResourceWarning]
    assert np.load(keep.file).shape == (20, 4, 3)
