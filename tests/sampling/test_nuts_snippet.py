"""The snippet of the documentation that hands a C function to nutpie gives draws of the same law as ours."""

import re
from pathlib import Path

import numpy as np
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "sampling-performance.md"


@pytest.mark.peers
def test_nutpie_samples_the_same_function():
    pytest.importorskip("numba")
    pytest.importorskip("nutpie")
    snippet = re.search(r"```py\n(import numpy as np\nimport nutpie\n.*?)```", PAGE.read_text(), re.DOTALL)
    names = {}
    exec(compile(snippet[1], str(PAGE), "exec"), names)  # noqa: S102
    exact = 1.0 / np.arange(1, 11)
    for draws in (names["ours"], names["theirs"]):
        assert draws.shape[-1] == 10
        squares = (draws**2).mean(axis=(0, 1)) / exact
        assert np.abs(squares - 1.0).max() < 0.2  # four standard errors of the slowest, MALA's
