"""Herding, Stein thinning and recombination in plain NumPy, on whole kernel matrices."""

import numpy as np


def herding(K, size, weights=None, *, unique=False):
    """Chen, Welling and Smola (2010), eq. (8): argmax of mean k(x, x_j) - (1 / (t + 1)) sum over the t chosen ones."""
    n = len(K)
    mean = K @ (np.full(n, 1.0 / n) if weights is None else weights)
    chosen = []
    for t in range(size):
        score = mean - K[:, chosen].sum(axis=1) / (t + 1)
        if unique:
            score[chosen] = -np.inf
        chosen.append(int(np.argmax(score)))
    return chosen


def herding_passes(K, size, temperatures, uniforms, *, unique=False):
    """Herding by draws from softmax(score / temperature); later passes replace each point in turn; the best pass."""
    mean = K.mean(axis=1)
    uniforms = iter(uniforms)
    best, chosen = None, []
    for number, temperature in enumerate(temperatures):
        for slot in range(size):
            others = chosen[:slot] + chosen[slot + 1 :] if number else list(chosen)
            score = mean - K[:, others].sum(axis=1) / (len(others) + 1)
            if unique:
                score[others] = -np.inf
            if temperature > 0.0:
                weight = np.exp((score - score.max()) / temperature)
                pick = int(np.searchsorted(np.cumsum(weight), next(uniforms) * weight.sum(), side="right"))
            else:
                pick = int(np.argmax(score))
            if number:
                chosen[slot] = pick
            else:
                chosen.append(pick)
        squared = K[np.ix_(chosen, chosen)].mean() - 2.0 * mean[chosen].mean()
        if best is None or squared < best[0]:
            best = (squared, list(chosen))
    return best[1]


def stein_thinning(K, size, *, unique=False, log_density=None, curvature=None, strength=0.0):
    """
    Riabiz et al. (2022): argmin of k(x, x) / 2 + sum over the chosen ones.

    With a log density, Bénard et al. (2023): argmin of k(x, x) + curvature - strength t log p(x) + 2 sum.
    """
    n = len(K)
    log_density = np.zeros(n) if log_density is None else log_density
    curvature = np.zeros(n) if curvature is None else curvature
    chosen = []
    for t in range(1, size + 1):
        score = np.diag(K) + curvature - strength * t * log_density + 2.0 * K[:, chosen].sum(axis=1)
        if unique:
            score[chosen] = np.inf
        chosen.append(int(np.argmin(score)))
    return chosen
