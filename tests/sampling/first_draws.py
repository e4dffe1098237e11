"""First draws of every sampler: `python -m tests.sampling.first_draws` writes `data/first_draws.json`."""

import json
from functools import partial
from pathlib import Path

import numpy as np

from tests.sampling.adjusted import KERNELS
from wassail import sampling
from wassail.sampling import Integrator, PolynomialDecay, Taming

FILE = Path(__file__).with_name("data") / "first_draws.json"

SAMPLERS = {
    **{name: kernel.sampler for name, kernel in KERNELS.items()},
    "ula": partial(sampling.ula, step_size=0.2),
    "ula, tamed": partial(sampling.ula, step_size=0.2, taming=Taming.COORDINATES),
    "randomized midpoint": partial(sampling.randomized_midpoint, step_size=0.2),
    **{i.name: partial(sampling.underdamped, step_size=0.4, integrator=i) for i in Integrator},
    "sgld, shrinking": partial(sampling.sgld, step_size=PolynomialDecay(0.2, offset=3.0)),
    "psgld": partial(sampling.psgld, step_size=0.2),
    "sghmc": partial(sampling.sghmc, step_size=0.3),
    "mala, adapted": lambda *arguments, **options: sampling.mala(*arguments, **{**options, "n_warmup": 20}),
}


def first_draws(name):
    """Return two draws of two of eight chains on a Gaussian of three coordinates."""
    target = sampling.targets.Gaussian([0.5, 0.0, -1.0], [1.0, 2.0, 0.5])
    x0 = np.linspace(-1.0, 1.0, 24).reshape(8, 3) ** np.array([1, 2, 3])
    return SAMPLERS[name](target, x0, n_samples=2, n_warmup=0, rng=2024).draws[[0, 7]]


if __name__ == "__main__":
    values = {name: first_draws(name).round(14).tolist() for name in SAMPLERS}
    FILE.write_text(json.dumps(values, indent=0) + "\n", encoding="utf-8")
