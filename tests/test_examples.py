"""The examples run, at a small size."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_color_transfer(tmp_path):
    pytest.importorskip("sklearn")
    image = pytest.importorskip("PIL.Image")
    output = tmp_path / "picture.png"
    command = [sys.executable, str(EXAMPLES / "color_transfer.py"), "--pixels", "300", "--output", str(output)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "converged" in done.stdout
    assert image.open(output).size[0] > 1280


def test_expert_routing(tmp_path):
    pytest.importorskip("sklearn")
    image = pytest.importorskip("PIL.Image")
    output = tmp_path / "routing.png"
    command = [sys.executable, str(EXAMPLES / "expert_routing.py"), "--tokens", "400", "--output", str(output)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "1.000000 balanced" in done.stdout
    assert image.open(output).size[0] > 600


def test_thin_posterior(tmp_path):
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")
    image = pytest.importorskip("PIL.Image")
    output = tmp_path / "thin.png"
    command = [sys.executable, str(EXAMPLES / "thin_posterior.py"), "--draws", "600", "--output", str(output)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Stein recombination" in done.stdout
    assert image.open(output).size[0] > 1000


def test_logistic_posterior(tmp_path):
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")
    image = pytest.importorskip("PIL.Image")
    output = tmp_path / "posterior.png"
    command = [sys.executable, str(EXAMPLES / "logistic_posterior.py"), "--draws", "2000", "--output", str(output)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "worst R-hat 1.0" in done.stdout
    assert image.open(output).size[0] > 1000
