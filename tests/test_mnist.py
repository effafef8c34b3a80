"""Real MNIST, where it is found: the reference model lands in its band after one epoch."""

import os
from pathlib import Path

import numpy as np
import pytest

from minivae import VAE, load_data

FOLDER = os.environ.get("MINIVAE_DATA")
pytestmark = pytest.mark.skipif(
    FOLDER is None or not (Path(FOLDER).expanduser() / "mnist").is_dir(),
    reason="needs MNIST: set MINIVAE_DATA to the folder that holds mnist/",
)


def test_the_reference_model_lands_in_its_band_after_one_epoch():
    """784-200-(100)-200-784, TensorFlow 1's RMSProp, the loss summed over batches of 64, pixels > 0.5:
    -ELBO 138 to 144."""
    train, test = load_data("mnist")
    vae = VAE(reduction="sum")
    history = vae.fit(train.images, epochs=1, binarize="threshold", validation=test.images, progress=False)
    assert 138 < -history["validation_elbo"][0] < 144
    assert history["elbo"][0] < history["validation_elbo"][0]  # the epoch's mean includes its bad beginning
    assert 10 < history["validation_kl"][0] < 50

    # the scale of the numbers: what the model has learnt beats independent pixels (205.9 nats), and log p(x)
    # lies above the bound
    few = test.images[:100]
    assert (
        -206 < vae.elbo(few, n_samples=20, rng=0).mean() < vae.log_likelihood(few, n_samples=20, rng=0).mean()
    )
    mean = (train.images > 127).mean(axis=0).clip(1e-6, 1 - 1e-6)
    white = test.images > 127
    independent = np.where(white, np.log(mean), np.log1p(-mean)).sum(axis=(1, 2)).mean()
    assert 205 < -independent < 207
