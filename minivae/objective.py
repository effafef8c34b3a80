"""Is the loss a VAE's? Checks of the objective, for a model of your own (lesson 06).

A gradient check proves that backward matches forward; these, that forward is a VAE. Each gives a number that
is small for a right model, and sees what the others can't:

    identity      log p(x) - ELBO = KL(q(z|x) || p(z|x)), by quadrature                              (3.8)
    moments       mean and standard deviation of z are the mu and sigma of the KL, for exact noise
    spread        and for the noise that the model draws, anew for each image and latent
    duplication   every image twice in the batch changes neither loss nor gradient
    weights       the importance weights average to p(x), by quadrature
    expectation   the gradient by draws is, on average, that of the expected loss, by quadrature

The model is a VAE or a class of your own with its stages and traces. Quantities are in nats per image.
"""

import numpy as np

from . import exact
from .bounds import OBJECTIVES
from .gradcheck.numeric import complex_step
from .gradcheck.passes import copied


def identity(vae, x, y=None):
    """log p(x) - ELBO - KL(q(z|x) || p(z|x)): (B,) nats, 0 up to rounding for a VAE that is one.

    The ELBO is the model's: `vae.run` with the nodes as eps, its own z, log_px_z and kl. The other two terms
    use none of these. q is N(mu, sigma^2) with the mu and sigma that the encoder puts out, whatever then
    scales eps and whatever the kl makes of them; p(x|z) is the normalised distribution of the decoder's
    outputs. So a wrong reparameterization, a wrong kl and a reconstruction that is not a sum over pixels each
    leave a gap, the difference of two ELBOs (14.3), whose size names the mistake (14.4). Raises ValueError
    for a model of more than two latents, which quadrature can't reach.
    """
    g = exact.quadrature(vae, x, y)
    return g.log_px - exact.elbo(vae, x, y, g) - g.expect(g.log_q - g.log_posterior)


def _in_float64(vae):
    """The model, or its copy, in which rounding does not hide a mistake."""
    return vae if vae.dtype == np.float64 else vae.astype(np.float64)


def moments(vae, x, y=None):
    """How far mean and standard deviation of z are from mu and sigma: the worst, relative to sigma.

    eps are the nodes of a quadrature for N(0, 1), one latent after the other: 0 up to rounding.
    """
    vae = _in_float64(vae)
    node, weight = np.polynomial.hermite_e.hermegauss(5)
    weight, worst = weight / weight.sum(), 0.0
    for j in range(vae.n_latent):
        eps = np.zeros((len(node), len(x), vae.n_latent))
        eps[..., j] = node[:, None]
        t = vae.run(*vae.check_batch(x, eps, y))
        z, mu, sigma = (a[..., j] for a in (t.z, t.mu, t.sigma))
        mean = weight @ z
        std = np.sqrt(weight @ (z - mean) ** 2)
        worst = max(worst, *(np.abs(off / sigma).max() for off in (mean - mu, std - sigma)))
    return float(worst)


def spread(vae, x, y=None, n=4000, seed=0):
    """Are z's draws N(mu, sigma^2), each image's its own? The worst deviation, in standard errors.

    n draws of eps by the model's own `noise`; means, standard deviations, and what neighbours in the batch
    and neighbouring latents have in common. A right model gives 3 or 4; ask for less than 6.
    """
    eps = vae.noise(np.random.default_rng(seed), n, len(x), vae.n_latent)
    t = vae.run(*vae.check_batch(x, eps, y))
    u = (t.z - t.mu) / t.sigma  # N(0, 1), independent
    means, stds = u.mean(axis=0) * n**0.5, (u.std(axis=0) - 1) * (2 * n) ** 0.5
    images, latents = u[:, 1:] * u[:, :-1], u[..., 1:] * u[..., :-1]
    deviations = means, stds, images.mean(axis=0) * n**0.5, latents.mean(axis=0) * n**0.5
    return float(max(np.abs(some).max(initial=0) for some in deviations))


def duplication(vae, x, eps, y=None, objective="elbo"):
    """Every image twice in the batch, with its noise: the relative change of loss and gradient, 0 if right.

    With reduction="sum" both double, and that is what is compared.
    """
    vae, losses, gradients = _in_float64(vae), [], []
    for copies in (1, 2):
        batch = np.concatenate([x] * copies), np.concatenate([eps] * copies, axis=-2)
        labels = None if y is None else np.concatenate([y] * copies)
        t = OBJECTIVES[objective].run(vae, *vae.check_batch(*batch, labels))
        OBJECTIVES[objective].backward(vae, t)
        share = copies if vae.reduction == "sum" else 1
        losses.append(float(t.loss) / share)
        gradients.append(vae.grad / share)
    return float(max(np.abs(a - b).max() / np.abs([a, b]).max() for a, b in (losses, gradients)))


def weights(vae, x, y=None):
    """log E[w] - log p(x) of the importance weights w, over eps by quadrature: (B,) nats, 0 if right."""
    vae, g = _in_float64(vae), exact.quadrature(vae, x, y)
    eps = (g.z[:, None] - g.mu) / g.sigma
    t = OBJECTIVES["iwae"].run(vae, *vae.check_batch(x, eps, y))
    log_terms = t.log_w + g.log_q + np.log(g.w)[:, None]
    top = log_terms.max(axis=0)
    return top + np.log(np.exp(log_terms - top).sum(axis=0)) - g.log_px


def expectation(vae, x, y=None, seed=0):
    """The average over eps of backward's gradient against the slope of the expected loss, along one random
    direction of each parameter: the worst difference, relative to the gradient.

    The average is a quadrature over eps. The expected loss is an integral over nodes z that stay where they
    are: mu and sigma enter through the density of q. Its slope is a complex step, so nothing is
    differentiated along the path from mu and sigma to z. Both are the same if the decoder has no jumps
    (Selsam, Liang & Dill 2017 prove it for a VAE); a model with one passes every gradient check, and is
    trained on the gradient of something else. Below 1e-12 for smooth activations. For ReLU, whose gradient
    jumps between nodes, 1e-8 to 1e-5, and with two latents 1e-4 to 1e-2. Raises what exact.quadrature does.
    """
    vae, rng, worst = _in_float64(vae), np.random.default_rng(seed), 0.0
    g, model = exact.quadrature(vae, x, y), copied(vae, np.complex128)
    for name, gradient in exact.mean_gradient(vae, x, y, g).items():
        direction = rng.standard_normal(gradient.shape)
        slope = _slope_of_expected_loss(model, name, direction, x, y, g)
        size = max(abs(slope), np.linalg.norm(direction * gradient))
        worst = max(worst, abs(slope - np.sum(direction * gradient)) / size if size else 0.0)
    return float(worst)


def _slope_of_expected_loss(model, name, direction, x, y, g):
    """By complex step, along a direction of one parameter."""
    parameter, start = model.parameters[name], model.parameters[name].copy()

    def loss(delta):
        parameter[...] = start + delta
        return exact.loss_on_nodes(model, x, y, g)

    try:
        return complex_step(loss, direction)
    finally:
        parameter[...] = start
