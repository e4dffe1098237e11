"""Tests of wassail; `tests.reference` holds the plain NumPy oracles."""
