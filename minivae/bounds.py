"""The importance-weighted bound, its gradient by hand, and the estimate of log p(x) (lesson 13).

With z_k ~ q(z|x), w_k = p(x|z_k) p(z_k) / q(z_k|x):   L_K = E log (1/K) sum_k w_k   rises with K towards log
p(x) (Burda, Grosse & Salakhutdinov 2016). The weights are those of the samples: with the closed-form KL
inside them it is no bound. The functions take the model as an argument.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import gaussian
from .inputs import check_whole
from .progress import progress_bar
from .trace import Trace


def log_weights(t):
    """log w = log p(x|z) + sum over latents of -z^2/2 + eps^2/2 + log sigma (13.4); the constants cancel.

    (K, B) nats.
    """
    squares = np.einsum("...m,...m->...", t.eps, t.eps) - np.einsum("...m,...m->...", t.z, t.z)
    return t.log_px_z + squares / 2 + np.log(t.sigma).sum(axis=-1)


def log_mean_exp(a):
    """log of the mean of exp(a) over the first axis, without overflow: a (K, B) -> (B,)."""
    top = a.max(axis=0)
    return top + np.log(np.exp(a - top).mean(axis=0))


def log_mean_exp_backward(dout, a):
    """da = dout softmax(a) over the first axis: each sample by its share of the mean (13.6).

    dout (B,), a (K, B) -> da (K, B).
    """
    w = np.exp(a - a.max(axis=0))
    return dout * w / w.sum(axis=0)


def run_iwae(vae, x, eps, y=None, t=None):
    """VAE.run, and then t.log_w (K, B), t.bound = L_K (B,), and t.loss, minus its mean or sum over images.

    eps must be (K, B, M). Raises ValueError for beta other than 1: log p(x), which is bounded, knows no beta.
    """
    if vae.beta != 1:
        raise ValueError(f"the importance-weighted bound needs beta=1, but this model has beta={vae.beta:g}.")
    if eps.ndim != 3:
        raise ValueError(f"the importance-weighted bound needs eps of shape (K, B, M), not {eps.shape}.")
    t = vae.run(x, eps, y, t)
    t.log_w = log_weights(t)
    t.bound = log_mean_exp(t.log_w)
    t.loss = -t.bound.sum() * image_weight(vae, t)
    return t


def image_weight(vae, t):
    """What the bound of one image weighs in the loss: 1/B, or 1 where images are summed."""
    return 1 / len(t.x) if vae.reduction == "mean" else 1.0


def backward_iwae(vae, t, need_dx=True):
    """The gradient of run_iwae's loss: first of the bound by the weights, then the VAE's own stages.

    z stands in p(x|z) and in p(z): dz = decoder's dz - dlog_w z; sigma stands in z and in q, which adds
    dlog_w / sigma (13.7).
    """
    d = Trace()
    dbound = np.full(t.bound.shape, -image_weight(vae, t), t.bound.dtype)
    d.dlog_w = log_mean_exp_backward(dbound, t.log_w)
    vae.decode_backward(d.dlog_w, t, d)
    d.dz = d.dz - d.dlog_w[..., None] * t.z
    d.dmu, dsigma_z = gaussian.reparameterize_backward(d.dz, t.eps)
    d.dsigma = dsigma_z + d.dlog_w.sum(axis=0)[:, None] / t.sigma
    vae.encode_backward(d, t, need_dx)
    if need_dx:
        d.dx += vae.dx_target(d.dlog_w, t)
    return d


def log_likelihood(vae, X, y=None, n_samples=1000, rng=None, progress=False, rows=250):
    """log p(x) per image, estimated as L_K with K = n_samples: a lower bound in expectation (13.3).

    (N,) nats. At most `rows` decoded images are in memory at a time, whatever N and K are, beside one log
    weight for each sample of an image. progress=True shows a bar.
    """
    n_samples = check_whole("n_samples", n_samples, 1)
    rng = vae.rng if rng is None else np.random.default_rng(rng)
    n_images = max(1, rows // n_samples)
    out = []
    with progress_bar(progress, len(X), "log p(x)") as bar:
        for x, y_part in vae.batches(X, y, rng, n_images):
            t = vae.trace(x, y_part)
            vae.encode(t)
            log_w = np.empty((n_samples, len(x)))
            for start in range(0, n_samples, rows):
                t.eps = vae.noise(rng, min(rows, n_samples - start), len(x), vae.n_latent)
                t.z = gaussian.reparameterize(t.mu, t.sigma, t.eps)
                vae.decode(t)
                t.log_px_z = vae.likelihood.log_prob(t)
                log_w[start : start + rows] = log_weights(t)
            out.append(log_mean_exp(log_w))
            bar.update(len(x))
    return np.concatenate(out) if out else np.empty(0)


def active_units(vae, X, y=None, threshold=0.01, rng=None):
    """Which latents are used, (M,) bool: the posterior's mean varies over images by more than the threshold.

    Source: Burda et al. 2016, section 5.2; lesson 11. Raises ValueError where there are no images.
    """
    means = vae.transform(X, y, rng)
    if len(means) == 0:
        raise ValueError("X holds no images; active units are those whose means vary over images.")
    return means.var(axis=0) > threshold


@dataclass(frozen=True)
class Objective:
    """What training maximises: a name for sentences, run(vae, x, eps, y=None, t=None) -> trace with its loss,
    backward(vae, t, need_dx=True) -> trace of the gradients."""

    name: str
    run: Callable
    backward: Callable


def run_elbo(vae, x, eps, y=None, t=None):
    """VAE.run."""
    return vae.run(x, eps, y, t)


def backward_elbo(vae, t, need_dx=True):
    """VAE.backward."""
    return vae.backward(t, need_dx)


OBJECTIVES = {
    "elbo": Objective("the elbo", run_elbo, backward_elbo),
    "iwae": Objective("the importance-weighted bound", run_iwae, backward_iwae),
}
