"""Every kernel beside its formula in plain NumPy."""

import math

import numpy as np
from scipy.special import comb, gamma, kv

from wassail import kernels


def differences(x, y):
    return x[:, None, :] - y[None, :, :]


def distances(x, y):
    return np.sqrt((differences(x, y) ** 2).sum(-1))


def matern(nu, lengthscale):
    def values(x, y):
        z = math.sqrt(2 * nu) * distances(x, y) / lengthscale
        with np.errstate(invalid="ignore"):
            return np.where(z > 0, 2 ** (1 - nu) / gamma(nu) * z**nu * kv(nu, z), 1.0)

    return values


def bernoulli_polynomial(order, t):
    numbers = [1, -1 / 2, 1 / 6, 0, -1 / 30, 0, 1 / 42]
    return sum(comb(order, k) * numbers[k] * t ** (order - k) for k in range(order + 1))


def sobolev(s, period):
    def values(x, y):
        t = differences(x, y) / period
        t = np.abs(t - np.round(t))  # the polynomial is symmetric about 1/2, and cancels less here
        factor = (-1) ** (s + 1) * (2 * np.pi) ** (2 * s) / math.factorial(2 * s)
        return np.prod(1 + factor * bernoulli_polynomial(2 * s, t), axis=-1) - 1

    return values


def spline(degree, scale):
    def one(t):
        n, t = degree + 1, -np.abs(t)  # the side where fewer powers cancel
        powers = [(-1) ** k * comb(n, k) * np.maximum(t + n / 2 - k, 0.0) ** degree for k in range(n + 1)]
        return sum(powers)

    return lambda x, y: np.prod(one(scale * differences(x, y)) / one(np.zeros(())), axis=-1)


def norms(x):
    return np.sqrt((x**2).sum(-1))


def energy(beta):
    return lambda x, y: norms(x)[:, None] ** beta + norms(y)[None, :] ** beta - distances(x, y) ** beta


def gaussian(lengthscale):
    return lambda x, y: np.exp(-(distances(x, y) ** 2) / (2 * lengthscale**2))


CASES = [
    (kernels.Gaussian(1.3), gaussian(1.3)),
    (kernels.Laplace(0.8), lambda x, y: np.exp(-distances(x, y) / 0.8)),
    (kernels.LaplaceL1(2.0), lambda x, y: np.exp(-np.abs(differences(x, y)).sum(-1) / 2.0)),
    *[(kernels.Matern(p + 0.5, 1.7), matern(p + 0.5, 1.7)) for p in range(9)],
    (kernels.Matern(0.3, 1.7), matern(0.3, 1.7)),
    (kernels.Matern(3.0), matern(3.0, 1.0)),
    (kernels.InverseMultiquadric(0.7, 1.2, 0.5), lambda x, y: (1.44 + distances(x, y) ** 2 / 0.49) ** -0.5),
    (kernels.InverseMultiquadric(0.7, 1.2, 0.37), lambda x, y: (1.44 + distances(x, y) ** 2 / 0.49) ** -0.37),
    (kernels.InverseMultiquadric(2.0, 0.5, 4.0), lambda x, y: (0.25 + distances(x, y) ** 2 / 4.0) ** -4.0),
    (kernels.InverseMultiquadric(2.0, 0.5, 6.5), lambda x, y: (0.25 + distances(x, y) ** 2 / 4.0) ** -6.5),
    (kernels.RationalQuadratic(0.9, 2.5), lambda x, y: (1 + distances(x, y) ** 2 / (5.0 * 0.81)) ** -2.5),
    (kernels.RationalQuadratic(0.9, 0.3), lambda x, y: (1 + distances(x, y) ** 2 / (0.6 * 0.81)) ** -0.3),
    (kernels.Sinc(1.9), lambda x, y: np.prod(np.sinc(1.9 / np.pi * differences(x, y)), axis=-1)),
    *[(kernels.BSpline(degree, 0.6), spline(degree, 0.6)) for degree in (1, 3, 5, 7)],
    *[(kernels.Sobolev(s, 1.5), sobolev(s, 1.5)) for s in (1, 2, 3)],
    *[(kernels.Energy(beta), energy(beta)) for beta in (1.0, 0.5, 1.7)],
    (kernels.Linear(), lambda x, y: x @ y.T),
    (kernels.Polynomial(3, 0.5, 0.2), lambda x, y: (0.2 * x @ y.T + 0.5) ** 3),
    (
        kernels.Gaussian(1.0) + 0.5 * kernels.Gaussian(2.0) + 2.0 * kernels.Gaussian(4.0) + kernels.Laplace(1.0),
        lambda x, y: (
            gaussian(1.0)(x, y) + 0.5 * gaussian(2.0)(x, y) + 2.0 * gaussian(4.0)(x, y) + np.exp(-distances(x, y))
        ),
    ),
    (
        kernels.Gaussian(1.0) * kernels.Linear() * kernels.Laplace(2.0),
        lambda x, y: gaussian(1.0)(x, y) * (x @ y.T) * np.exp(-distances(x, y) / 2.0),
    ),
    (
        kernels.Gaussian(1.5) + 3.0 * kernels.Energy() + 0.1 * (kernels.Linear() * kernels.Sinc(1.0)),
        lambda x, y: (
            gaussian(1.5)(x, y)
            + 3.0 * energy(1.0)(x, y)
            + 0.1 * (x @ y.T) * np.prod(np.sinc(differences(x, y) / np.pi), axis=-1)
        ),
    ),
    (kernels.from_callable(gaussian(1.3)), gaussian(1.3)),
    (
        kernels.from_callable(gaussian(1.3)) * kernels.Gaussian(1.0),
        lambda x, y: gaussian(1.3)(x, y) * gaussian(1.0)(x, y),
    ),
]
NAMES = [repr(kernel)[:60] for kernel, _ in CASES]
