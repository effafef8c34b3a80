"""minivae's own step, and its matrix products alone: what remains when everything else is free."""

import numpy as np

from minivae import VAE, Adam, RMSProp
from minivae.cli.bench import matrix_products
from minivae.inputs import to_floats


def build(parameters, batches, optimizer, form, images=None):
    """step(i) -> the loss of batch i, or of a batch drawn from images; wait() returns when all is done."""
    n_inputs, n_hidden = parameters["encoder.0.W"].shape
    vae = VAE(n_inputs, (n_hidden,), len(parameters["decoder.0.W"]), reduction="sum")
    for name, value in parameters.items():
        vae.parameters[name] = value
    if form == "products":
        products = matrix_products(vae, len(batches[0][0]))
        return lambda i: products(), lambda: None
    optimizer = Adam(1e-3) if optimizer == "adam" else RMSProp(1e-3, "pytorch")
    batch_size, rng = len(batches[0][0]), np.random.default_rng(0)

    def drawn():
        rows = rng.integers(0, len(images), batch_size)
        x = to_floats(images.take(rows, axis=0), vae.dtype, "threshold")
        return x, vae.noise(rng, batch_size, vae.n_latent)

    def step(i):
        t = vae.run(*(batches[i % len(batches)] if images is None else drawn()))
        vae.backward(t, need_dx=False)
        optimizer.step(vae.theta, vae.grad)
        return t.loss

    return step, lambda: None
