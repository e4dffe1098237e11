# Every check is a step of .ci/run, so that here and there the same commands run.

# list the recipes
default:
    @just --list

# everything that CI checks
ci:
    .ci/run

# rustfmt and clippy
rust-lint:
    .ci/run rust-lint

# the Rust tests
rust-test:
    .ci/run rust-test

# the CI environment .venv-ci, with wassail built from this tree
install:
    .ci/run install

# ruff, mypy and stubtest (after `just install`)
python-lint:
    .ci/run python-lint

# the Python tests, on this CPU's level and on the lower ones (after `just install`)
python-test:
    .ci/run python-test isa-test

# wheel and sdist, each built, installed into a clean environment and used
package:
    .ci/run wheel sdist

# build the Rust core into the active environment, optimized
develop:
    maturin develop --release

# rewrite the API snapshot after an intended change
snapshot:
    python -m tests.test_api_snapshot

# the documentation, warnings are errors
docs:
    python -m sphinx -W -b html docs docs/_build
