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
    "wassail.discrepancy",
    "wassail.exceptions",
    "wassail.kernels",
    "wassail.ot",
    "wassail.sampling",
    "wassail.sampling.targets",
    "wassail.thinning",
]


def signature(function):
    """Return the signature without annotations: mypy checks those, and their text varies."""
    found = inspect.signature(function)
    bare = [p.replace(annotation=p.empty) for p in found.parameters.values()]
    return str(found.replace(parameters=bare, return_annotation=found.empty))


def members(name, cls):
    """Yield the constructor, methods, properties and fields that a class itself defines."""
    bases = ", ".join(base.__name__ for base in cls.__bases__)
    if issubclass(cls, BaseException):
        yield f"class {name}({bases})"
        return
    if issubclass(cls, enum.Enum):
        yield f"class {name}({bases}): {', '.join(cls.__members__)}"
        return
    yield f"class {name}{signature(cls)}"
    public = {key for base in cls.__mro__[:-1] for key in vars(base)} | set(getattr(cls, "__dataclass_fields__", ()))
    for key in sorted(key for key in public if not key.startswith("_")):
        member = inspect.getattr_static(cls, key, None)
        if inspect.isfunction(member):
            yield f"  {name}.{key}{signature(member)}"
        elif isinstance(member, (staticmethod, classmethod)):
            yield f"  {name}.{key}{signature(member.__func__)}"
        else:
            yield f"  {name}.{key}"


def describe():
    """Return the public API as text, one line a name."""
    lines = []
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        lines.append(f"# {module_name}")
        for name in sorted(module.__all__):
            item = getattr(module, name)
            if inspect.isclass(item):
                lines.extend(members(name, item))
            elif inspect.isfunction(item):
                lines.append(f"{name}{signature(item)}")
            else:
                lines.append(name)
    return "\n".join(lines) + "\n"


def test_api_snapshot():
    expected = SNAPSHOT.read_text(encoding="utf-8").splitlines()
    diff = list(difflib.unified_diff(expected, describe().splitlines(), "snapshot", "now", n=0))
    assert not diff, "\n".join(["the public API changed:", *diff, str(__doc__)])


def test_public_names_are_documented():
    modules = [importlib.import_module(name) for name in MODULES]
    items = [getattr(module, name) for module in modules for name in module.__all__]
    assert [item for item in items if callable(item) and not item.__doc__] == []


def test_public_names_have_a_page():
    listed = API_PAGE.read_text(encoding="utf-8").split()
    names = {name for module in MODULES for name in importlib.import_module(module).__all__}
    assert (
        sorted(names - set(listed) - {"__version__", "targets", *(name.rpartition(".")[2] for name in MODULES)}) == []
    )


if __name__ == "__main__":
    SNAPSHOT.write_text(describe(), encoding="utf-8")
