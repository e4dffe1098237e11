"""Kernel thinning in NumPy, from a stored kernel matrix.

KT-SPLIT and KT-SWAP are Algorithms 1a and 1b of Dwivedi and Mackey, arXiv:2105.05842, with the thresholds of
Generalized Kernel Thinning, arXiv:2110.01593. Points go down the tree one after another, as in the papers; kernel sums
are taken anew for each decision.
"""

import numpy as np


def threshold(variance, distance, multiplier):
    """Return (a, new σ²) of a pair with b² = `distance`."""
    a = max(np.sqrt(variance * distance * multiplier), distance)
    if variance == 0.0:
        variance = distance
    elif a > 0.0:
        variance += distance * max(0.0, 1.0 + (distance / a - 2.0) * variance / a)
    return a, variance


def split(K, halvings, multipliers, uniform):
    """
    Return the 2^m leaves and the σ² of all nodes, {(level, node): σ²}.

    `uniform(level, node, pair)` gives the random number of a decision; it is called in the order of arrival: point by
    point, level by level, node by node.
    """
    nodes = {(level, node): [] for level in range(halvings + 1) for node in range(2**level)}
    variances = dict.fromkeys(nodes, 0.0)
    for i in range(K.shape[0]):
        nodes[0, 0].append(i)
        for level in range(halvings):
            if (i + 1) % 2 ** (level + 1):
                break
            for node in range(2**level):
                p, q = nodes[level, node][-2:]
                left, right = nodes[level + 1, 2 * node], nodes[level + 1, 2 * node + 1]
                distance = K[p, p] - 2.0 * K[p, q] + K[q, q]
                a, variances[level, node] = threshold(variances[level, node], distance, multipliers[level])
                difference = K[p] - K[q]
                alpha = difference[right].sum() - difference[left].sum()
                swap = uniform(level, node, len(left)) <= 0.5 * (1.0 - alpha / (a or 1.0))
                left.append(q if swap else p)
                right.append(p if swap else q)
    return np.array([nodes[halvings, leaf] for leaf in range(2**halvings)]), variances


def relative(K, chosen, mean):
    """Return MMD² less its constant."""
    return K[np.ix_(chosen, chosen)].mean() - 2.0 * mean[chosen].mean()


def standard_thinning(n, size):
    step = n // size
    return np.array([n - 1 - j * step for j in reversed(range(size))])


def best(K, leaves, mean):
    """Return the leaf of least MMD, or standard thinning if that is no worse."""
    candidates = [standard_thinning(K.shape[0], leaves.shape[1]), *leaves]
    return candidates[int(np.argmin([relative(K, c, mean) for c in candidates]))].copy()


def refine(K, chosen, mean, *, unique=True, rounds=1):
    """Replace each point in turn by the one of least MMD; `mean` is zero for centered kernels."""
    chosen, m = chosen.copy(), chosen.size
    for _ in range(rounds):
        for slot in range(m):
            others = np.delete(chosen, slot)
            score = np.diag(K) / m + 2.0 * (K[:, others].sum(axis=1) / m - mean)
            if unique:
                score[others] = np.inf
            if score.min() < score[chosen[slot]]:
                chosen[slot] = np.argmin(score)
    return chosen
