"""Files that the package wrote before its layout and names were today's are still read.

tests/data/ was written at commit 65fe540, where the sigma head was called `sigma` and optimisers kept u = v /
(1 - decay): two models; three checkpoints after two of four epochs; and the models at the end of the same
runs, uninterrupted.
"""

from pathlib import Path
from shutil import copy

import numpy as np
import pytest

from minivae import VAE, Adam, RMSProp

DATA = Path(__file__).parent / "data"
X = np.random.default_rng(0).random((20, 6)) < 0.4
LABELS = np.arange(20) % 3
OPTIMIZERS = {
    "rmsprop": lambda: RMSProp(1e-2, "tensorflow1"),
    "rmsprop_keras": lambda: RMSProp(1e-2, "keras"),
    "adam": lambda: Adam(1e-2),
}


def test_a_model():
    vae = VAE.load(DATA / "model_plain.npz")
    assert (vae.head, vae.hidden, vae.n_latent, len(vae.history["elbo"])) == ("softplus", (4,), 2, 2)
    assert np.allclose(vae.elbo(X, rng=0).mean(), -9.069056, rtol=1e-6)
    assert np.allclose(vae.log_likelihood(X, n_samples=50, rng=0).mean(), -4.820114321924297, rtol=1e-6)


def test_a_conditional_model_with_a_log_variance_head():
    vae = VAE.load(DATA / "model_conditional_gaussian.npz")
    assert (vae.head, vae.likelihood.sigma, vae.n_conditions) == ("logvar", "pixel", 3)
    assert np.allclose(vae.elbo(X, LABELS, rng=0).mean(), -768.0147, rtol=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_run_goes_on_from_its_checkpoint(name, tmp_path):
    copy(DATA / f"checkpoint_{name}.npz", tmp_path / "checkpoint.npz")
    vae = VAE(6, (4,), 2, seed=3)
    settings = {"epochs": 4, "batch_size": 8, "binarize": "dynamic", "progress": False}
    vae.fit(X, optimizer=OPTIMIZERS[name](), checkpoint=tmp_path / "checkpoint.npz", resume=True, **settings)
    end = VAE.load(DATA / f"end_{name}.npz")
    assert np.allclose(vae.theta, end.theta, rtol=1e-5, atol=1e-6)
    assert np.allclose(vae.history["elbo"], end.history["elbo"], rtol=1e-5)
    other = VAE(6, (4,), 2, seed=3)
    other.fit(X, optimizer=OPTIMIZERS[name](), **{**settings, "epochs": 2})
    fresh = OPTIMIZERS[name]()
    other.fit(X, optimizer=fresh, **{**settings, "epochs": 2})
    assert not np.allclose(other.theta, end.theta, rtol=1e-5, atol=1e-6)  # the optimiser's state counts
