"""Is the loss a VAE's? Checks of the objective, for a model of your own (lesson 06).

A gradient check proves that backward matches forward; these, that forward is a VAE. Each gives a number that
is small for a right model. Above all the identity

    log p(x) - ELBO = KL(q(z|x) || p(z|x))
    (3.8)

which sees the mistakes that no gradient check can see. Quantities are in nats per image.
"""

import numpy as np

from . import exact
from .bounds import OBJECTIVES


def identity(vae, x, y=None):
    """log p(x) - ELBO - KL(q(z|x) || p(z|x)): (B,) nats, 0 up to rounding for a VAE that is one.

    The ELBO is the model's: `vae.run` with the nodes as eps, its own z, log_px_z and kl. The other two terms
    use none of these. q is N(mu, sigma^2) with the mu and sigma that the encoder puts out, whatever then
    scales eps and whatever the kl makes of them; p(x|z) is the normalised distribution of the decoder's
    outputs. So a wrong reparameterization, a wrong kl and a reconstruction that is not a sum over pixels each
    leave a gap.
    """
    g = exact.quadrature(vae, x, y)
    return g.log_px - exact.elbo(vae, x, y, g) - g.expect(g.log_q - g.log_posterior)


def moments(vae, x, y=None, n=4000, seed=0):
    """Mean and spread of z against mu and sigma, and images against each other: the worst deviation, in
    standard errors.

    n draws of eps by the model's own `noise`. A right model gives 3 or 4; ask for less than 6.
    """
    eps = vae.noise(np.random.default_rng(seed), n, len(x), vae.n_latent)
    x, eps, y = vae.check_batch(x, eps, y)
    t = vae.run(x, eps, y)
    u = (t.z - t.mu) / t.sigma  # N(0, 1), independent
    pairs = (u[:, 1:] * u[:, :-1]).mean(axis=0)
    return float(
        max(
            np.abs(some).max()
            for some in (u.mean(axis=0) * n**0.5, (u.std(axis=0) - 1) * (2 * n) ** 0.5, pairs * n**0.5)
            if some.size
        )
    )


def duplication(vae, x, eps, y=None, objective="elbo"):
    """Every image twice in the batch, with its noise: the relative change of loss and gradient, which should
    be none.

    With reduction="sum" both double, and that is what is compared.
    """
    run, backward, losses, gradients = OBJECTIVES[objective].run, OBJECTIVES[objective].backward, [], []
    for copies in (1, 2):
        x_n, eps_n = np.concatenate([x] * copies), np.concatenate([eps] * copies, axis=-2)
        t = run(vae, *vae.check_batch(x_n, eps_n, None if y is None else np.concatenate([y] * copies)), None)
        backward(vae, t, True)
        share = copies if vae.reduction == "sum" else 1
        losses.append(float(t.loss) / share)
        gradients.append(vae.grad / share)
    errors = [np.abs(a - b).max() / np.abs([a, b]).max() for a, b in (losses, gradients)]
    return float(max(errors))


def weights(vae, x, y=None):
    """log E[w] - log p(x) of the importance weights w, over eps by quadrature: (B,) nats,
    0 up to rounding."""
    g = exact.quadrature(vae, x, y)
    eps = (g.z[:, None] - g.mu) / g.sigma
    t = OBJECTIVES["iwae"].run(vae, *vae.check_batch(x, eps, y), None)
    log_terms = t.log_w + g.log_q + np.log(g.w)[:, None]
    top = log_terms.max(axis=0)
    return top + np.log(np.exp(log_terms - top).sum(axis=0)) - g.log_px
