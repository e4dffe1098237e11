"""
Move the colors of one photograph onto another, and back.

The colors of each photograph are a cloud of points in the RGB cube. An entropic transport plan between a few thousand
sampled pixels of each gives a map that is defined at every color: the barycentric projection. It recolors all pixels,
most of which the fit has never seen; equal colors are mapped once.

Run: python examples/color_transfer.py [--pixels N] [--output PATH]

The photographs come with scikit-learn, under a Creative Commons license (CC BY 2.0):
china.jpg by danielbuechele, https://www.flickr.com/photos/danielbuechele/6061409035/
flower.jpg by vultilion, https://www.flickr.com/photos/vultilion/6056698931/
"""

import argparse
import time

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images
from tqdm import tqdm

from wassail import ot

CHUNK = 5_000


def sample(pixels: NDArray[np.float32], size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return `size` pixels drawn without replacement."""
    return pixels[rng.choice(len(pixels), size=min(size, len(pixels)), replace=False)]


def fit(x: NDArray[np.float32], y: NDArray[np.float32]) -> tuple[ot.SinkhornResult, ot.SinkhornResult]:
    """Solve entropic transport between two samples of colors, both ways."""
    there, back = ot.PointCloud(x, y), ot.PointCloud(y, x)
    # A small fraction of the mean cost keeps colors vivid; a large one pulls them to their mean.
    epsilon = ot.suggest_epsilon(there, fraction=0.02)
    forward = ot.sinkhorn(there, epsilon=epsilon, tol=1e-3, progress=True)
    # The way back is the same problem transposed: its solution is known, and only checked.
    backward = ot.sinkhorn(back, epsilon=epsilon, tol=1e-3, init=(forward.g, forward.f))
    print(f"china to flower: {forward}\nflower to china: {backward}")
    return forward, backward


def recolor(pixels: NDArray[np.float32], result: ot.SinkhornResult, label: str) -> NDArray[np.float32]:
    """Apply the fitted map to all pixels, a chunk at a time so that there is progress to show."""
    colors, color_of = np.unique(pixels, axis=0, return_inverse=True)
    chunks = np.array_split(colors, max(1, len(colors) // CHUNK))
    mapped = [result.barycentric_map(chunk) for chunk in tqdm(chunks, desc=label)]
    return np.concatenate(mapped).astype(np.float32)[color_of.reshape(-1)]


def side_by_side(top: list[NDArray[np.float32]], bottom: list[NDArray[np.float32]]) -> Image.Image:
    """Tile pictures of values in [0, 1] with a thin white gap."""
    padded = [[np.pad(p, ((4, 4), (4, 4), (0, 0)), constant_values=1.0) for p in row] for row in (top, bottom)]
    tiled = np.vstack([np.hstack(row) for row in padded])
    return Image.fromarray(np.uint8(np.clip(np.rint(tiled * 255), 0, 255)))


def main() -> None:
    """Fit both maps, apply them, write the picture."""
    parser = argparse.ArgumentParser(description="Exchange the colors of two photographs by optimal transport.")
    parser.add_argument("--pixels", type=int, default=8000, help="sampled from each photograph for the fit")
    parser.add_argument("--output", default="color_transfer.png", help="the picture to write")
    options = parser.parse_args()

    begin = time.perf_counter()
    china, flower = (np.float32(image) / 255 for image in load_sample_images().images)
    x, y = china.reshape(-1, 3), flower.reshape(-1, 3)
    rng = np.random.default_rng(0)
    forward, backward = fit(sample(x, options.pixels, rng), sample(y, options.pixels, rng))

    x_new = recolor(x, forward, "recoloring china")
    y_new = recolor(y, backward, "recoloring flower")

    picture = side_by_side([china, flower], [x_new.reshape(china.shape), y_new.reshape(flower.shape)])
    picture.save(options.output)
    print(f"wrote {options.output} in {time.perf_counter() - begin:.1f} s")


if __name__ == "__main__":
    main()
