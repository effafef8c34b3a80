"""The reference model in JAX, as one who knows JAX writes it for a CPU.

One jitted function is the whole step, optimiser included; parameters and optimiser state are donated, so that
XLA updates them in place.
"""

from functools import partial

import jax
import jax.numpy as jnp


def loss_of(p, x, eps):
    """Minus the sum of the ELBO over the batch."""
    h = jax.nn.relu(x @ p["encoder.0.W"] + p["encoder.0.b"])
    mu, raw = jnp.split(h @ p["encoder.1.W"] + p["encoder.1.b"], 2, axis=-1)
    sigma = jax.nn.softplus(raw) + 1e-6
    z = mu + sigma * eps
    h = jax.nn.relu(z @ p["decoder.0.W"] + p["decoder.0.b"])
    a = h @ p["decoder.1.W"] + p["decoder.1.b"]
    cross_entropy = jnp.sum(jax.nn.softplus(a) - x * a)
    return cross_entropy + jnp.sum(0.5 * (mu * mu + sigma * sigma - 1) - jnp.log(sigma))


def rmsprop(p, g, state, lr=1e-3, decay=0.99, eps=1e-8):
    v = jax.tree.map(lambda v, g: decay * v + (1 - decay) * g * g, state, g)
    return jax.tree.map(lambda p, g, v: p - lr * g / (jnp.sqrt(v) + eps), p, g, v), v


def adam(p, g, state, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m, v, t = state
    t = t + 1
    m = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, m, g)
    v = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, v, g)
    m_scale, v_scale = 1 - beta1**t, 1 - beta2**t
    return jax.tree.map(lambda p, m, v: p - lr * (m / m_scale) / (jnp.sqrt(v / v_scale) + eps), p, m, v), (
        m,
        v,
        t,
    )


@partial(jax.jit, static_argnums=0, donate_argnums=(1, 2))
def jitted_step(update, p, state, x, eps):
    loss, g = jax.value_and_grad(loss_of)(p, x, eps)
    p, state = update(p, g, state)
    return p, state, loss


@partial(jax.jit, static_argnums=(0, 1), donate_argnums=(2, 3))
def jitted_drawn_step(update, eps_shape, p, state, images, key):
    key, of_rows, of_eps = jax.random.split(key, 3)
    x = (images[jax.random.randint(of_rows, eps_shape[:1], 0, len(images))] > 127).astype(jnp.float32)
    return *jitted_step(update, p, state, x, jax.random.normal(of_eps, eps_shape)), key


def build(parameters, batches, optimizer, form, images=None):
    """step(i) -> the loss of batch i, or of a batch drawn from images, as an array; wait() returns when all
    is done."""
    p = {name: jnp.array(value) for name, value in parameters.items()}
    zeros = jax.tree.map(jnp.zeros_like, p)
    if optimizer == "adam":
        update, state = adam, (zeros, jax.tree.map(jnp.zeros_like, p), jnp.zeros(()))
    else:
        update, state = rmsprop, zeros
    batches = [(jnp.array(x), jnp.array(eps)) for x, eps in batches]

    def step(i):
        nonlocal p, state
        p, state, loss = jitted_step(update, p, state, *batches[i % len(batches)])
        return loss

    def drawn_step(i):
        nonlocal p, state, key
        p, state, loss, key = jitted_drawn_step(update, eps_shape, p, state, images, key)
        return loss

    if images is not None:
        images, key, eps_shape, step = jnp.array(images), jax.random.key(0), batches[0][1].shape, drawn_step
    return step, lambda: jax.block_until_ready(p)
