"""Every example in a docstring, in the README and in the guides runs, without a warning."""

import doctest
import importlib
import pkgutil
import re
import warnings
from pathlib import Path

import pytest

import wassail

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def modules():
    """Return the dotted names of all Python modules of the installed package."""
    names = [info.name for info in pkgutil.walk_packages(wassail.__path__, "wassail.")]
    return ["wassail", *(name for name in names if name != "wassail._core")]


@pytest.mark.parametrize("name", modules())
def test_docstrings(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        failed, _ = doctest.testmod(importlib.import_module(name), optionflags=OPTIONS)
    assert failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages(page, tmp_path, monkeypatch):
    """Blocks marked `python` run in order in one namespace, as a reader would paste them."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    namespace = {"__name__": page.stem}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for block in blocks:
            if block.startswith(">>>"):
                parsed = doctest.DocTestParser().get_doctest(block, namespace, page.name, None, 0)
                assert doctest.DocTestRunner(optionflags=OPTIONS).run(parsed).failed == 0
            else:
                exec(compile(block, page.name, "exec"), namespace)  # noqa: S102
