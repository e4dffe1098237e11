"""
Route tokens to experts so that every expert gets the same load and every token goes to at most k experts.

The routers of mixtures of experts send each token to the experts that fit it best; popular experts overflow and others
idle. Sparsity-constrained transport balances the load exactly and still sends each token to at most k experts, with
weights. Here the tokens are the 1797 images of handwritten digits that come with scikit-learn, and the experts are
centroids of k-means fitted to a few of them.

The picture shows one row per expert: the expert, the images that it gets most of, and two bars: its load if each image
chose its k nearest experts for itself (gray), and its load in the balanced plan (blue).

Run: python examples/expert_routing.py [--experts E] [--partners K] [--tokens N] [--output PATH]
"""

import argparse
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits

from wassail import ot

F64 = NDArray[np.float64]
SHOWN = 16
SIDE = 8
ZOOM = 4
CELL = SIDE * ZOOM + 4
BAR = 160


def route(tokens: F64, experts: F64, partners: int) -> ot.SparseTransportResult:
    """Balance the load, each token on at most `partners` experts."""
    cost = ot.PointCloud(experts, tokens)
    # A token spreads over experts whose costs differ by about gamma / (tokens · partners).
    gamma = 0.2 * ot.suggest_epsilon(cost, fraction=1.0) * len(tokens)
    return ot.sparse_transport(cost, gamma=gamma, max_nonzeros=partners, tol=1e-8, progress=True)


def greedy_load(tokens: F64, experts: F64, partners: int) -> F64:
    """Load of each expert when every token splits itself over its nearest ones."""
    distance = ot.PointCloud(experts, tokens).to_numpy()
    nearest = np.argsort(distance, axis=0)[:partners]
    return np.bincount(nearest.ravel(), minlength=len(experts)) / nearest.size


def picture(tokens: F64, experts: F64, result: ot.SparseTransportResult, before: F64) -> Image.Image:
    """Draw the experts, the images they get most of, and their loads."""
    plan = result.sparse_plan()
    after = result.plan_marginals[0]
    canvas = Image.new("RGB", ((SHOWN + 2) * CELL + BAR, len(experts) * CELL), "white")
    draw = ImageDraw.Draw(canvas)
    for e, expert in enumerate(experts):
        top = e * CELL
        canvas.paste(digit(expert), (2, top + 2))
        row: Any = plan[[e]]
        for place, t in enumerate(row.indices[np.argsort(-row.data, kind="stable")[:SHOWN]]):
            canvas.paste(digit(tokens[t]), ((place + 1) * CELL + CELL // 2, top + 2))
        left, scale = (SHOWN + 2) * CELL, (BAR - 10) / max(before.max(), after.max())
        draw.rectangle((left, top + 6, left + scale * before[e], top + 15), fill=(160, 160, 160))
        draw.rectangle((left, top + 19, left + scale * after[e], top + 28), fill=(40, 90, 200))
    return canvas


def digit(pixels: F64) -> Image.Image:
    """Draw one 8 × 8 image of values in [0, 1], dark on light."""
    shades = np.uint8(np.rint(255 * (1.0 - np.clip(pixels, 0.0, 1.0)))).reshape(SIDE, SIDE)
    return Image.fromarray(shades).resize((SIDE * ZOOM, SIDE * ZOOM), Image.Resampling.NEAREST)


def main() -> None:
    """Fit the experts, route, write the picture."""
    parser = argparse.ArgumentParser(description="Balanced routing of images to experts by sparse optimal transport.")
    parser.add_argument("--experts", type=int, default=16)
    parser.add_argument("--partners", type=int, default=2, help="experts of a token, at most")
    parser.add_argument("--tokens", type=int, default=1797, help="images used, at most 1797")
    parser.add_argument("--output", default="expert_routing.png", help="the picture to write")
    options = parser.parse_args()

    begin = time.perf_counter()
    tokens = load_digits().data[: options.tokens] / 16.0
    sample = tokens[np.random.default_rng(0).choice(len(tokens), size=len(tokens) // 3, replace=False)]
    experts = KMeans(options.experts, n_init=1, random_state=0).fit(sample).cluster_centers_

    result = route(tokens, experts, options.partners)
    before = greedy_load(tokens, experts, options.partners)
    after = result.plan_marginals[0]
    print(result)
    print(
        f"largest load by the mean: {before.max() / before.mean():.2f} greedy, "
        f"{after.max() / after.mean():.6f} balanced"
    )
    print(f"partners of a token: {np.bincount(result.nonzeros).tolist()} (count of tokens with 0, 1, ... experts)")
    print(f"value {result.value:.6f}, at most {result.gap / result.value:.1e} of it above the optimum")

    picture(tokens, experts, result, before).save(options.output)
    print(f"wrote {options.output} in {time.perf_counter() - begin:.1f} s")


if __name__ == "__main__":
    main()
