"""Where a figure comes from: commit, processor, instruction set, threads, versions."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("wassail", "numpy", "scipy", "pot", "ott-jax", "jax", "geomloss", "torch", "pykeops", "regot")


def processor() -> str:
    """Name of the processor with the number of cores in use."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        fields = dict(line.split(":", 1) for line in cpuinfo.read_text().splitlines() if ":" in line)
        cleaned = {key.strip(): value.strip() for key, value in fields.items()}
        model = f"family {cleaned.get('cpu family', '?')} model {cleaned.get('model', '?')}"
        name = f"{cleaned.get('model name', name)} ({model})"
    return f"{name}, {os.cpu_count()} cores"


def commit() -> str:
    """Short hash of the checkout, with a plus sign when files differ from it."""
    git = shutil.which("git")
    if git is None:
        return "unknown"
    here = Path(__file__).resolve().parent

    def ask(*arguments: str) -> str:
        command = [git, "-C", str(here), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    dirty = "+" if ask("status", "--porcelain", "--untracked-files=no") else ""
    return (ask("rev-parse", "--short", "HEAD") or "unknown") + dirty


def version(package: str) -> str | None:
    """Return the installed version of a package, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def instruction_set() -> str:
    """Instruction set that the compiled core has chosen."""
    try:
        from wassail import _core  # type: ignore[import-not-found]
    except ImportError:
        return "wassail not installed"
    return str(_core.isa())


def describe(threads: int) -> dict[str, Any]:
    """Everything that must stand beside a figure."""
    versions = {package: version(package) for package in PACKAGES}
    return {
        "commit": commit(),
        "cpu": processor(),
        "isa": instruction_set(),
        "threads": threads,
        "python": platform.python_version(),
        "versions": {name: number for name, number in versions.items() if number is not None},
    }
