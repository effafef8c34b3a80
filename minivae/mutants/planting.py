"""How a mistake gets into the package, for as long as a `with` block lasts: wrong code the size of a slip.

The functions return places: [(object or dict, name, what stands there instead)].
"""

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from unittest import mock

import numpy as np

from .. import bounds, gaussian, layers, likelihoods
from ..bounds import OBJECTIVES
from ..gaussian import HEADS
from ..layers import ACTIVATIONS, Dense, Stack
from ..likelihoods import Bernoulli, Gaussian
from ..trace import Trace
from ..vae import VAE

MODEL = {"n_inputs": 5, "hidden": (6,), "activation": "tanh", "init": "glorot", "dtype": np.float64}


@dataclass(frozen=True)
class Mutant:
    """A mistake: its name, what is wrong in a sentence, and how it is planted.

    expect     of a wrong gradient: (where it sits, relation, term) of the right diagnosis; else ()
    places     what to put where
    model      settings of the VAE that shows it, where they differ from MODEL
    objective  "elbo" or "iwae"
    """

    name: str
    words: str
    expect: tuple
    places: list
    model: dict = field(default_factory=dict)
    objective: str = "elbo"

    @contextmanager
    def planted(self):
        """The mistake is in the package inside the with block, and gone after it."""
        with ExitStack() as stack:
            for where, name, wrong in self.places:
                patch = mock.patch.dict(where, {name: wrong}) if isinstance(where, dict) else None
                stack.enter_context(patch or mock.patch.object(where, name, wrong))
            yield

    def vae(self, n_latent=2):
        """A small model with odd numbers in it: zeros hide mistakes."""
        vae = VAE(**{**MODEL, "n_latent": n_latent, **self.model})
        vae.theta += 0.3 * np.random.default_rng(1).standard_normal(vae.theta.shape)
        return vae


# The sample and the KL --------------------------------------------------------------------------------------


def z_backward(wrong):
    """wrong(dz, eps) -> dmu, dsigma, before the sum over samples."""

    def backward(dz, eps):
        dmu, dsigma = wrong(dz, eps)
        return (dmu.sum(axis=0), dsigma.sum(axis=0)) if dz.ndim == 3 else (dmu, dsigma)

    return [(gaussian, "reparameterize_backward", backward)]


def z_in_both_passes(z, dsigma):
    """z(mu, sigma, eps), and dsigma(dz, eps, sigma) that agrees with it: it is told forward's last sigma."""
    last = {}

    def forward(mu, sigma, eps):
        last["sigma"] = sigma
        return z(mu, sigma, eps)

    return [
        (gaussian, "reparameterize", forward),
        *z_backward(lambda dz, eps: (dz, dsigma(dz, eps, last["sigma"]))),
    ]


def read_batch_first(v):
    """Samples (K, B, M) read as if they lay there as (B, K, M)."""
    return v.reshape(v.shape[1], v.shape[0], -1).swapaxes(0, 1) if v.ndim == 3 else v


def noise(wrong):
    """What the model draws, changed by wrong(eps)."""
    right = VAE.noise
    return [(VAE, "noise", lambda self, rng, *shape: wrong(right(self, rng, *shape)))]


def kl_gradient(wrong):
    """wrong(mu, sigma) -> dkl_dmu, dkl_dsigma."""
    return [(gaussian, "kl_gradient", wrong)]


def kl_in_both_passes(kl, gradient):
    """kl(mu, sigma) per latent, and the gradient that belongs to it."""
    return [
        (gaussian, "kl", lambda mu, sigma: kl(mu, sigma).sum(axis=-1)),
        (gaussian, "kl_gradient", gradient),
    ]


# Heads and layers -------------------------------------------------------------------------------------------


def head(name, wrong):
    """wrong(dsigma, raw, sigma) -> draw."""
    return [(HEADS, name, replace(HEADS[name], backward=wrong))]


def draw_is_dmu():
    """The raw half of the encoder's gradient is that of the mu half."""

    def encode_backward(self, d, t, need_dx=True):
        d.draw = d.dmu
        dhead = np.concatenate([d.dmu, d.draw], axis=-1)
        d.dx = self.encoder.backward(dhead, t, self.with_condition(t.x, t), d)[:, : self.n_inputs]

    return [(VAE, "encode_backward", encode_backward)]


def one_head_only():
    """The shared layer below the heads hears of the mu head alone."""
    right = Stack.backward

    def backward(self, dout, t, x, d, need_dx=True):
        dx = right(self, dout, t, x, d, need_dx)
        if not self.names[0][0].startswith("encoder"):
            return dx
        (a_name, h_name), M = self.names[-1], dout.shape[-1] // 2
        d["d" + h_name] = dout[:, :M] @ self.layers[-1].W[:, :M].T
        d["d" + a_name] = self.activation.backward(d["d" + h_name], t[a_name], t[h_name])
        return self.layers[0].backward(d["d" + a_name], x, need_dx)

    return [(Stack, "backward", backward)]


def activation(name, wrong):
    """wrong(dh, a, h) -> da."""
    return [(ACTIVATIONS, name, replace(ACTIVATIONS[name], backward=wrong))]


def dense(which, wrong):
    """wrong(layer, da, x) -> dW, db or dx, after the right ones are there; da and x as rows."""
    right = Dense.backward

    def backward(self, da, x, need_dx=True):
        dx = right(self, da, x, need_dx)
        found = wrong(self, da.reshape(-1, da.shape[-1]), x.reshape(-1, x.shape[-1]))
        if which == "dx":
            return found.reshape(x.shape)
        getattr(self, which)[...] = found
        return dx

    return [(Dense, "backward", backward)]


def dense_accumulates():
    """dW += and db +=, where they are to be overwritten."""

    def backward(self, da, x, need_dx=True):
        rows, drows = x.reshape(-1, x.shape[-1]), da.reshape(-1, da.shape[-1])
        self.dW += rows.T @ drows
        self.db += drows.sum(axis=0)
        return da @ self.W.T if need_dx else None

    return [(Dense, "backward", backward)]


# The reconstruction and the loss ----------------------------------------------------------------------------


def bernoulli(wrong):
    """wrong(x, p, a, w) -> dlogits, w = dlog_px_z."""

    def backward(self, dlog_px_z, t, d, dparameters):
        d.dlogits = wrong(t.x, layers.sigmoid(t.logits), t.logits, dlog_px_z[..., None])
        return d.dlogits

    return [(Bernoulli, "backward", backward)]


def gaussian_pixel(dmean, dlog_sigma):
    """dmean(u, 1/sigma) and dlog_sigma(u), u = (x - mean)/sigma, before the factor dlog_px_z."""

    def backward(self, dlog_px_z, t, d, dparameters):
        w, inv_sigma = dlog_px_z[..., None], np.exp(-t.log_sigma)
        u = (t.x - t.mean) * inv_sigma
        d.dmean, d.dlog_sigma = w * dmean(u, inv_sigma), w * dlog_sigma(u)
        d.draw_log_sigma = d.dlog_sigma * layers.sigmoid(t.raw_log_sigma - likelihoods.LOG_SIGMA_MIN)
        return np.concatenate([d.dmean, d.draw_log_sigma], axis=-1)

    return [(Gaussian, "backward", backward)]


def mean_over_pixels():
    """log p(x|z) divided by D, in both passes: a beta of D in disguise (14.2)."""
    right = Bernoulli.log_prob, Bernoulli.backward, Bernoulli.dx
    return [
        (Bernoulli, "log_prob", lambda self, t: right[0](self, t) / t.x.shape[-1]),
        (Bernoulli, "backward", lambda self, w, t, *to: right[1](self, w / t.x.shape[-1], t, *to)),
        (Bernoulli, "dx", lambda self, w, t: right[2](self, w / t.x.shape[-1], t)),
    ]


def epsilon_in_the_log():
    """log(p + 1e-7), and the gradient without it."""

    def log_prob(self, t):
        p = layers.sigmoid(t.logits)
        return (t.x * np.log(p + 1e-7) + (1 - t.x) * np.log(1 - p + 1e-7)).sum(axis=-1)

    return [(Bernoulli, "log_prob", log_prob)]


def gradient_of_the_sum():
    """The loss is the mean over images, its gradient that of the sum."""
    right = VAE.backward

    def backward(self, t, need_dx=True):
        with mock.patch.object(self, "reduction", "sum"):
            return right(self, t, need_dx)

    return [(VAE, "backward", backward)]


def loss_per_pixel():
    """The loss that is printed is divided by D."""
    right = VAE.score

    def score(self, t):
        right(self, t)
        t.loss = t.loss / self.n_inputs

    return [(VAE, "score", score)]


# The importance-weighted bound ------------------------------------------------------------------------------


def iwae(wrong):
    """wrong(w, log_w) for the normalised weights w (K, B), in the gradient of the bound."""

    def backward(dout, a):
        w = np.exp(a - a.max(axis=0))
        return dout * wrong(w / w.sum(axis=0), a)

    return [(bounds, "log_mean_exp_backward", backward)]


def closed_kl_in_weights():
    """log w = log p(x|z) - KL, in both passes: its average is not p(x) (14.6)."""

    def backward(vae, t, need_dx=True):
        d = Trace()
        dbound = np.full(t.bound.shape, -bounds.image_weight(vae, t))
        d.dlog_w = bounds.log_mean_exp_backward(dbound, t.log_w)
        vae.decode_backward(d.dlog_w, t, d)
        dkl_dmu, dkl_dsigma = gaussian.kl_gradient(t.mu, t.sigma)
        d.dmu, d.dsigma = gaussian.reparameterize_backward(d.dz, t.eps)
        d.dmu = d.dmu - d.dlog_w.sum(axis=0)[:, None] * dkl_dmu
        d.dsigma = d.dsigma - d.dlog_w.sum(axis=0)[:, None] * dkl_dsigma
        vae.encode_backward(d, t, need_dx)
        if need_dx:
            d.dx += vae.dx_target(d.dlog_w, t)
        return d

    return [
        (bounds, "log_weights", lambda t: t.log_px_z - t.kl),
        (OBJECTIVES, "iwae", replace(OBJECTIVES["iwae"], backward=backward)),
    ]
