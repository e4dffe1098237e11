"""Kernel discrepancies of samples, and the tests that are made of them."""

from wassail.discrepancy.aggregated import AggregatedTest, kernel_collection, ksd_agg_test, mmd_agg_test
from wassail.discrepancy.boundary import BallBoundary, BoxBoundary
from wassail.discrepancy.compressed import CompressedTest, compress_then_test
from wassail.discrepancy.goodness import ksd_test
from wassail.discrepancy.incomplete import block_ksd, block_mmd, incomplete_ksd, incomplete_mmd, linear_ksd, linear_mmd
from wassail.discrepancy.ksd import ksd
from wassail.discrepancy.mmd import mmd
from wassail.discrepancy.perturbed import ModeJumps, perturbed_ksd_test
from wassail.discrepancy.results import Discrepancy, Estimate, MonteCarloTest
from wassail.discrepancy.two_sample import mmd_test, mmd_wild_test

__all__ = [
    "AggregatedTest",
    "BallBoundary",
    "BoxBoundary",
    "CompressedTest",
    "Discrepancy",
    "Estimate",
    "ModeJumps",
    "MonteCarloTest",
    "block_ksd",
    "block_mmd",
    "compress_then_test",
    "incomplete_ksd",
    "incomplete_mmd",
    "kernel_collection",
    "ksd",
    "ksd_agg_test",
    "ksd_test",
    "linear_ksd",
    "linear_mmd",
    "mmd",
    "mmd_agg_test",
    "mmd_test",
    "mmd_wild_test",
    "perturbed_ksd_test",
]
