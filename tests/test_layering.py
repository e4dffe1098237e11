"""Who may import whom: lower layers never reach up, the subsystems never reach sideways."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ROOT / "rust/wassail-core"
PYTHON = ROOT / "python/wassail"

RUST_LAYERS = [
    {"numeric", "matrix", "error", "memory"},
    {"rng", "parallel", "monitor", "points", "linalg"},
    {"kernel", "sink"},
    {"ot", "sampling", "thinning"},
    {"probe"},
]
PYTHON_LAYERS = [
    {"_core", "exceptions"},
    {"_arrays", "_validate", "_rng", "_config", "_memory", "_progress", "_frozen", "_interrupt", "_user"},
    {"_cuda"},
    {"kernels", "discrepancy"},
    {"ot", "sampling", "thinning"},
    {"__init__"},
]
SUBSYSTEMS = {"ot", "sampling", "thinning"}


def unit(path, source_root):
    """Return the layered unit that a file belongs to: its top folder, or its own name."""
    return path.relative_to(source_root).with_suffix("").parts[0]


def rust_imports(text):
    """Yield the units named by `crate::unit` and `crate::{unit, unit::item}`."""
    text = re.sub(r"//[^\n]*", "", text)
    for match in re.finditer(r"\bcrate::(?:(\w+)|\{)", text):
        if match[1]:
            yield match[1]
            continue
        depth, head = 1, ""
        for char in text[match.end() :]:
            depth += (char == "{") - (char == "}")
            if depth == 0:
                break
            head += char if depth == 1 else ""
        yield from re.findall(r"(?:^|,)\s*(\w+)", head)


def python_imports(path, units):
    """Yield the units of `wassail` imported anywhere in a file, inside functions too."""
    package = ["wassail", *path.relative_to(PYTHON).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names = [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == "wassail":
                yield parts[1] if len(parts) > 1 and parts[1] in units else "__init__"


def violations(edges, layers):
    """Return the edges that go up a layer or sideways between subsystems."""
    level = {name: depth for depth, names in enumerate(layers) for name in names}
    for importer, imported in edges:
        assert importer in level, f"{importer} has no layer: give it one here and in the docs"
        assert imported in level, f"{imported} has no layer: give it one here and in the docs"
    return sorted(
        f"{importer} imports {imported}"
        for importer, imported in edges
        if level[imported] > level[importer] or (importer != imported and {importer, imported} <= SUBSYSTEMS)
    )


@pytest.mark.skipif(not CORE.exists(), reason="needs the source tree")
def test_rust_layers():
    source = CORE / "src"
    edges = {
        (unit(path, source), name)
        for path in source.rglob("*.rs")
        if path != source / "lib.rs"
        for name in rust_imports(path.read_text(encoding="utf-8"))
    }
    # A `crate::name` that is no module is an item re-exported by lib.rs.
    units = {unit(path, source) for path in source.rglob("*.rs")} - {"lib"}
    assert ("ot", "numeric") in edges, "the parser of `use` lines found nothing"
    assert violations({edge for edge in edges if edge[1] in units}, RUST_LAYERS) == []


def test_the_core_knows_no_python():
    manifest = (CORE / "Cargo.toml").read_text(encoding="utf-8")
    assert not re.search(r"^(pyo3|numpy)\b", manifest, flags=re.MULTILINE)


def test_python_layers():
    units = {unit(path, PYTHON) for path in PYTHON.rglob("*.py*")} - {"__pycache__"}
    units |= {"_core"}
    edges = {(unit(path, PYTHON), name) for path in PYTHON.rglob("*.py") for name in python_imports(path, units)}
    assert ("ot", "_core") in edges, "the parser of imports found nothing"
    assert violations(edges, PYTHON_LAYERS) == []
