"""The public API is what `api_snapshot.txt` says: a change of it is made on purpose.

After such a change, and a line in CHANGELOG.md: `python -m tests.test_api_snapshot`.
"""

import difflib
import enum
import importlib
import inspect
from pathlib import Path

SNAPSHOT = Path(__file__).with_name("api_snapshot.txt")
API_PAGE = Path(__file__).parents[1] / "docs/api.rst"
MODULES = [
    "wassail",
MODULES = []


if __name__ == "__main__":
    SNAPSHOT.write_text(describe(), encoding="utf-8")
