"""
Steps of samplers on one chain in plain NumPy, with the random words that the core takes for them.

A density is ``f(x) -> (logp, grad)``; each step returns where the chain goes, and its velocity where that lasts.
"""

import numpy as np

from tests.reference.random_words_numpy import ACCEPT, NOISE, PARTNER, PATH, START, TIME, Stream

LONGEST = 1024
MINIMAL_NORM = 0.1931833275037836  # first kick (McLachlan 1995)


def newton(v, grad, h):
    """Kick a velocity; return it and the change of |v|²/2."""
    new = v + h * grad
    return new, 0.5 * (new @ new - v @ v)


def isokinetic(u, grad, h):
    """Turn a unit velocity by the force; return it and the change of energy (arXiv:2503.01707, eq. (6))."""
    rest, size = len(u) - 1, np.linalg.norm(grad)
    e, delta = grad / size, h * size / rest
    along = e @ u
    stretch = np.cosh(delta) + along * np.sinh(delta)
    return (u + e * (np.sinh(delta) + along * (np.cosh(delta) - 1))) / stretch, rest * np.log(stretch)


def unit(v):
    """Divide by the norm."""
    return v / np.linalg.norm(v)


def step(density, kick, x, v, h, *, minimal_norm=False):
    """Make a step of kicks and drifts; return x, v, log π and the change of kinetic energy."""
    kicks = [MINIMAL_NORM, 1 - 2 * MINIMAL_NORM, MINIMAL_NORM] if minimal_norm else [0.5, 0.5]
    change = 0.0
    for number, share in enumerate(kicks):
        if number:
            x = x + h / (len(kicks) - 1) * v
        logp, grad = density(x)
        v, more = kick(v, grad, share * h)
        change += more
    return x, v, logp, change


def is_accepted(draws, log_ratio):
    """Accept with probability min(1, exp(log ratio))."""
    return draws.uniform(ACCEPT) < np.exp(min(0.0, log_ratio))


def steps_of(key, number, mean, jitter):
    """Return the number of steps, uniform around its mean; the same for all chains."""
    width = max(2 * jitter * mean - 1, 1)
    u = Stream(key, 2**32 - 1, number).uniform(TIME)
    return min(max(int(np.floor(mean + (u - 0.5) * width + 0.5)), 1), LONGEST)


def trajectory(density, x, draws, h, length, *, kick=newton, jitter=0.5, decay=0.0, minimal_norm=False):
    """HMC (arXiv:1206.1901), with `decay` MALT (arXiv:2202.13230), with `isokinetic` MAMS (arXiv:2503.01707)."""
    d = len(x)
    v = draws.normals(NOISE, d)
    if kick is isokinetic:
        v = unit(v)
    y, change = x, 0.0
    for number in range(steps_of(draws.key, draws.step, length / h, jitter)):
        if number and decay:
            noise = Stream(draws.key, draws.chain, draws.step * LONGEST + number).normals(PATH, d)
            v = np.exp(-decay) * v + np.sqrt(1 - np.exp(-2 * decay)) * noise
        y, v, logp, more = step(density, kick, y, v, h, minimal_norm=minimal_norm)
        change += more
    return y if is_accepted(draws, logp - density(x)[0] - change) else x


def first_velocity(key, chain, d):
    """Return the velocity that a chain starts with."""
    return Stream(key, chain, 0).normals(START, d)


def ghmc(density, x, v, draws, h, length):
    """Horowitz (1991): a leapfrog step with a velocity that lasts, turned around where it is rejected."""
    keep = np.exp(-h / length)
    v = keep * v + np.sqrt(1 - keep**2) * draws.normals(NOISE, len(x))
    y, w, logp, change = step(density, newton, x, v, h)
    return (y, w) if is_accepted(draws, logp - density(x)[0] - change) else (x, -v)


def mclmc(density, x, u, draws, h, length, *, minimal_norm=False):
    """arXiv:2212.08549: a partial refreshment of eq. (12), then a step that is always taken."""
    spread = np.sqrt(np.expm1(2 * h / length) / len(x))
    u = unit(u + spread * draws.normals(NOISE, len(x)))
    y, u, _, _ = step(density, isokinetic, x, u, h, minimal_norm=minimal_norm)
    return y, u


def barker(density, x, draws, h):
    """Livingstone and Zanella (arXiv:1908.11812), with noise of variance 2h."""
    d = len(x)
    logp, grad = density(x)
    z = np.sqrt(2 * h) * draws.normals(NOISE, d)
    move = np.where(draws.uniforms(PARTNER, d) < 1 / (1 + np.exp(-z * grad)), z, -z)
    other, back = density(x + move)
    correction = np.log1p(np.exp(-move * grad)) - np.log1p(np.exp(move * back))
    return x + move if is_accepted(draws, other - logp + correction.sum()) else x
