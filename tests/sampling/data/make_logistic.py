"""Means and deviations of the posterior of `examples/logistic_posterior.py` by numpyro's NUTS.

`python tests/sampling/data/make_logistic.py` writes `logistic.json` beside it, in a minute or two, with numpyro, arviz
and scikit-learn: the numbers come from a sampler that shares nothing with wassail.
"""

import json
from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)

import arviz  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import numpyro  # noqa: E402
from sklearn.datasets import load_breast_cancer  # noqa: E402

CHAINS, WARMUP, DRAWS = 4, 2000, 15_000
PRIOR = 2.0


def main():
    data = load_breast_cancer()
    x = (data.data - data.data.mean(axis=0)) / data.data.std(axis=0)
    design, y = np.column_stack([np.ones(len(x)), x]), data.target.astype(float)

    def potential(theta):
        eta = jnp.asarray(design) @ theta
        return jnp.sum(jnp.logaddexp(0.0, eta) - y * eta) + 0.5 * jnp.sum(theta**2) / PRIOR**2

    kernel = numpyro.infer.NUTS(potential_fn=potential, dense_mass=True)
    options = {"num_warmup": WARMUP, "num_samples": DRAWS, "num_chains": CHAINS, "chain_method": "sequential"}
    mcmc = numpyro.infer.MCMC(kernel, progress_bar=False, **options)
    mcmc.run(jax.random.PRNGKey(0), init_params=jnp.zeros((CHAINS, design.shape[1])))
    draws = np.asarray(mcmc.get_samples(group_by_chain=True))
    mean, sd = draws.mean(axis=(0, 1)), draws.std(axis=(0, 1), ddof=1)
    squares = (draws - mean) ** 2
    sizes = [
        arviz.ess(arviz.convert_to_dataset({"theta": values}), method="mean")["theta"].to_numpy()
        for values in (draws, squares)
    ]
    out = {
        "prior_scale": PRIOR,
        "sampler": f"numpyro {numpyro.__version__}, NUTS, {CHAINS} chains of {DRAWS} draws",
        "rhat": float(arviz.rhat(arviz.convert_to_dataset({"theta": draws}))["theta"].max()),
        "mean": mean.tolist(),
        "sd": sd.tolist(),
        "mcse_mean": (sd / np.sqrt(sizes[0])).tolist(),
        "mcse_sd": (squares.std(axis=(0, 1)) / np.sqrt(sizes[1]) / (2 * sd)).tolist(),
    }
    Path(__file__).with_name("logistic.json").write_text(json.dumps(out, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
