"""Philox4x32-10 (Salmon and others 2011, doi:10.1145/2063384.2063405) and numbers made of its words, in plain NumPy."""

from dataclasses import dataclass

import numpy as np

NOISE, ACCEPT, TIME, START, PARTNER, PATH = 0, 1, 2, 3, 4, 8  # purposes: draws for different ones share no word
LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)


def philox(counter, key):
    """Return four words for each counter (n, 4), as 64-bit integers below 2^32."""
    c = np.array(counter, dtype=np.uint64)
    k = [np.uint64(key & 0xFFFFFFFF), np.uint64(key >> 32)]
    for _ in range(10):
        first, second = c[:, 0] * np.uint64(0xD2511F53), c[:, 2] * np.uint64(0xCD9E8D57)
        columns = [second >> HALF ^ c[:, 1] ^ k[0], second & LOW, first >> HALF ^ c[:, 3] ^ k[1], first & LOW]
        c = np.stack(columns, axis=1)
        k = [(k[0] + np.uint64(0x9E3779B9)) & LOW, (k[1] + np.uint64(0xBB67AE85)) & LOW]
    return c


@dataclass(frozen=True)
class Stream:
    """The draws of a chain at a step."""

    key: int
    chain: int
    step: int

    def bits(self, purpose, blocks):
        """Return two 64-bit numbers for each block."""
        high = self.step >> 32 | purpose << 24
        words = philox([[block, self.step & 0xFFFFFFFF, high, self.chain] for block in blocks], self.key)
        return words[:, 0] << HALF | words[:, 1], words[:, 2] << HALF | words[:, 3]

    def uniform(self, purpose):
        """Return one uniform number."""
        return ((int(self.bits(purpose, [0])[0][0]) >> 12) + 0.5) * 2.0**-52

    def _pairs(self, purpose, d):
        """Return the bits of d numbers in groups of 32: 16 blocks give the numbers l and 16 + l."""
        return self.bits(purpose, range(16 * -(-d // 32)))

    def uniforms(self, purpose, d):
        """Return d uniform numbers."""
        numbers = [((bits >> np.uint64(12)).astype(float) + 0.5) * 2.0**-52 for bits in self._pairs(purpose, d)]
        return np.stack([part.reshape(-1, 16) for part in numbers], axis=1).ravel()[:d]

    def normals(self, purpose, d):
        """Return d standard normals by Box and Muller: a radius, a quadrant and an angle within it."""
        radial, angular = self._pairs(purpose, d)
        radius = np.sqrt(-2.0 * np.log1p(-(radial >> np.uint64(12)).astype(float) * 2.0**-52))
        angle = (angular << np.uint64(2) >> np.uint64(12)).astype(float) * 2.0**-52 - 0.5
        sin, cos = np.sin(np.pi / 2 * angle), np.cos(np.pi / 2 * angle)
        radius = np.where(angular >> np.uint64(63), -radius, radius)
        swap = (angular >> np.uint64(62) & np.uint64(1)).astype(bool)
        both = [radius * np.where(swap, sin, cos), radius * np.where(swap, cos, sin)]
        return np.stack([part.reshape(-1, 16) for part in both], axis=1).ravel()[:d]
