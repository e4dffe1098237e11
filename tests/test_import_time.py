"""`import wassail` stays cheap: SciPy and tqdm are imported when first used, not before."""

import subprocess
import sys

import pytest

LAZY = ("scipy", "tqdm")


@pytest.mark.parametrize("statement", ["import wassail", "from wassail import ot"])
def test_import_is_lazy(statement):
    # NumPy may import some of these itself: only what wassail adds counts.
    code = (
        "import sys, numpy\n"
        f"before = set(sys.modules)\n{statement}\n"
        f"print(*[name for name in {LAZY!r} if name in sys.modules and name not in before])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
