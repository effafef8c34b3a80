"""minivae's own step, and its matrix products alone: what remains when everything else is free."""

from minivae import VAE, Adam, RMSProp
from minivae.cli.bench import matrix_products


def build(parameters, batches, optimizer, form):
    """step(i) -> the loss of batch i; wait() returns when all is done."""
    n_inputs, n_hidden = parameters["encoder.0.W"].shape
    vae = VAE(n_inputs, (n_hidden,), len(parameters["decoder.0.W"]), reduction="sum")
    for name, value in parameters.items():
        vae.parameters[name] = value
    if form == "products":
        products = matrix_products(vae, len(batches[0][0]))
        return lambda i: products(), lambda: None
    optimizer = Adam(1e-3) if optimizer == "adam" else RMSProp(1e-3, "pytorch")

    def step(i):
        t = vae.run(*batches[i % len(batches)])
        vae.backward(t, need_dx=False)
        optimizer.step(vae.theta, vae.grad)
        return t.loss

    return step, lambda: None
