"""Known mistakes, planted into the package, and the checks that catch them (lessons 06 and 14).

A check that has never failed proves nothing. Each Mutant replaces a few lines of the package by wrong ones,
for as long as a `with` block lasts; most of them shipped in published code. table.py plants one after the
other and asks six checks.
"""

from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from unittest import mock

import numpy as np

from .. import bounds, gaussian, layers, likelihoods
from ..bounds import OBJECTIVES
from ..likelihoods import Gaussian
from ..trace import Trace
from ..vae import VAE

MODEL = {"n_inputs": 5, "hidden": (6,), "activation": "tanh", "init": "glorot", "dtype": np.float64}


@dataclass(frozen=True)
class Mutant:
    """A mistake: its name, what is wrong in a sentence, and how it is planted.

    places   functions without arguments -> [(object or dict, name, what stands there instead)]
    model    settings of the VAE that shows it, where they differ from MODEL
    expect   of a wrong gradient: (where it sits, relation, term) of the right diagnosis
    """

    name: str
    words: str
    places: Callable
    model: dict = field(default_factory=dict)
    expect: tuple = ()
    objective: str = "elbo"

    @contextmanager
    def planted(self):
        """The mistake is in the package inside the with block, and gone after it."""
        with ExitStack() as stack:
            for where, name, wrong in self.places():
                stack.enter_context(
                    mock.patch.dict(where, {name: wrong})
                    if isinstance(where, dict)
                    else mock.patch.object(where, name, wrong)
                )
            yield

    def vae(self, n_latent=2):
        """A small model with odd numbers in it: zeros hide mistakes."""
        vae = VAE(**{**MODEL, "n_latent": n_latent, **self.model})
        vae.theta += 0.3 * np.random.default_rng(1).standard_normal(vae.theta.shape)
        return vae


# Wrong code, each the size of a slip.


def _reparameterize_backward(wrong):
    """dmu and dsigma before the sum over samples, from dz, eps."""

    def backward(dz, eps):
        dmu, dsigma = wrong(dz, eps)
        return (dmu.sum(axis=0), dsigma.sum(axis=0)) if dz.ndim == 3 else (dmu, dsigma)

    return [(gaussian, "reparameterize_backward", backward)]


def _kl_gradient(wrong):
    return [(gaussian, "kl_gradient", wrong)]


def _kl(forward, backward):
    return [
        (gaussian, "kl", lambda mu, sigma: forward(mu, sigma).sum(axis=-1)),
        (gaussian, "kl_gradient", backward),
    ]


def _head(name, backward):
    return [(gaussian.HEADS, name, replace(gaussian.HEADS[name], backward=backward))]


def _activation(name, backward):
    return [(layers.ACTIVATIONS, name, replace(layers.ACTIVATIONS[name], backward=backward))]


def _dense(wrong):
    """wrong(layer, rows of x, rows of da) after the right dW and db are there."""
    right = layers.Dense.backward

    def backward(self, da, x, need_dx=True):
        dx = right(self, da, x, need_dx)
        wrong(self, x.reshape(-1, x.shape[-1]), da.reshape(-1, da.shape[-1]))
        return dx

    return [(layers.Dense, "backward", backward)]


def _set(name, value):
    """A change to dW or db in place."""

    def wrong(layer, x, da):
        getattr(layer, name)[...] = value(layer, x, da)

    return wrong


def _dense_dx(wrong):
    right = layers.Dense.backward

    def backward(self, da, x, need_dx=True):
        return wrong(self, da, right(self, da, x, need_dx))

    return [(layers.Dense, "backward", backward)]


def _dense_accumulates():
    def backward(self, da, x, need_dx=True):
        rows, drows = x.reshape(-1, x.shape[-1]), da.reshape(-1, da.shape[-1])
        self.dW += rows.T @ drows
        self.db += drows.sum(axis=0)
        return da @ self.W.T if need_dx else None

    return [(layers.Dense, "backward", backward)]


def _bernoulli(wrong):
    def backward(self, dlog_px_z, t, d, dparameters):
        d.dlogits = wrong(t.x, 1 / (1 + np.exp(-t.logits)), t.logits, dlog_px_z[..., None])
        return d.dlogits

    return [(likelihoods.Bernoulli, "backward", backward)]


def _gaussian_pixel(dmean, dlog_sigma):
    def backward(self, dlog_px_z, t, d, dparameters):
        w, inv_sigma = dlog_px_z[..., None], np.exp(-t.log_sigma)
        u = (t.x - t.mean) * inv_sigma
        d.dmean, d.dlog_sigma = w * dmean(u, inv_sigma), w * dlog_sigma(u)
        d.draw_log_sigma = d.dlog_sigma * layers.sigmoid(t.raw_log_sigma - likelihoods.LOG_SIGMA_MIN)
        return np.concatenate([d.dmean, d.draw_log_sigma], axis=-1)

    return [(likelihoods.Gaussian, "backward", backward)]


def _encode_backward(left, right):
    """The head's gradient [dmu, draw] as left(d) and right(d) make it."""

    def encode_backward(self, d, t, need_dx=True):
        d.draw = gaussian.HEADS[self.head].backward(d.dsigma, t.raw, t.sigma)
        d.draw = right(d)
        dhead = np.concatenate([left(d), d.draw], axis=-1)
        dx = self.encoder.backward(dhead, t, self.with_condition(t.x, t), d, need_dx)
        if need_dx:
            d.dx = dx[:, : self.n_inputs]

    return [(VAE, "encode_backward", encode_backward)]


def _one_head_only():
    right = layers.Stack.backward

    def backward(self, dout, t, x, d, need_dx=True):
        dx = right(self, dout, t, x, d, need_dx)
        if not self.names[0][0].startswith("encoder"):
            return dx
        (a_name, h_name), M = self.names[-1], dout.shape[-1] // 2
        d["d" + h_name] = dout[:, :M] @ self.layers[-1].W[:, :M].T
        d["d" + a_name] = self.activation.backward(d["d" + h_name], t[a_name], t[h_name])
        return self.layers[0].backward(d["d" + a_name], x, need_dx)

    return [(layers.Stack, "backward", backward)]


def _gradient_of_the_sum():
    right = VAE.backward

    def backward(self, t, need_dx=True):
        with mock.patch.object(self, "reduction", "sum"):
            return right(self, t, need_dx)

    return [(VAE, "backward", backward)]


def _score(wrong):
    right = VAE.score

    def score(self, t):
        right(self, t)
        wrong(self, t)

    return [(VAE, "score", score)]


def _loss_per_pixel(self, t):
    t.loss = t.loss / self.n_inputs


def _iwae(weights):
    """dlog_w from the normalised weights w (K, B) and log_w."""

    def backward(vae, t, need_dx=True):
        right = bounds.backward_iwae(vae, t, need_dx)
        w = -right.dlog_w / bounds.image_weight(vae, t)
        d = Trace()
        d.dlog_w = -weights(w, t.log_w) * bounds.image_weight(vae, t)
        vae.decode_backward(d.dlog_w, t, d)
        d.dz = d.dz - d.dlog_w[..., None] * t.z
        d.dmu = d.dz.sum(axis=0)
        d.dsigma = (d.dz * t.eps).sum(axis=0) + d.dlog_w.sum(axis=0)[:, None] / t.sigma
        vae.encode_backward(d, t, need_dx)
        if need_dx:
            d.dx += vae.dx_target(d.dlog_w, t)
        return d

    return [(OBJECTIVES, "iwae", replace(OBJECTIVES["iwae"], backward=backward))]


def _closed_kl_in_weights():
    def backward(vae, t, need_dx=True):
        d = Trace()
        w = np.exp(t.log_w - t.log_w.max(axis=0))
        d.dlog_w = -w / w.sum(axis=0) * bounds.image_weight(vae, t)
        vae.decode_backward(d.dlog_w, t, d)
        dkl_dmu, dkl_dsigma = gaussian.kl_gradient(t.mu, t.sigma)
        d.dmu = d.dz.sum(axis=0) - d.dlog_w.sum(axis=0)[:, None] * dkl_dmu
        d.dsigma = (d.dz * t.eps).sum(axis=0) - d.dlog_w.sum(axis=0)[:, None] * dkl_dsigma
        vae.encode_backward(d, t, need_dx)
        if need_dx:
            d.dx += vae.dx_target(d.dlog_w, t)
        return d

    return [
        (bounds, "log_weights", lambda t: t.log_px_z - t.kl),
        (OBJECTIVES, "iwae", replace(OBJECTIVES["iwae"], backward=backward)),
    ]


def _both_passes(z, dsigma):
    """z(mu, sigma, eps) and dsigma(dz, eps, sigma) in agreement;
    backward is told the sigma of the last forward pass."""
    last = {}

    def forward(mu, sigma, eps):
        last["sigma"] = sigma
        return z(mu, sigma, eps)

    def backward(dz, eps):
        ds = dsigma(dz, eps, last["sigma"])
        return (dz.sum(axis=0), ds.sum(axis=0)) if dz.ndim == 3 else (dz, ds)

    return [(gaussian, "reparameterize", forward), (gaussian, "reparameterize_backward", backward)]


def _mean_over_pixels():
    log_prob, backward, dx = (
        likelihoods.Bernoulli.log_prob,
        likelihoods.Bernoulli.backward,
        likelihoods.Bernoulli.dx,
    )
    return [
        (likelihoods.Bernoulli, "log_prob", lambda self, t: log_prob(self, t) / t.x.shape[-1]),
        (
            likelihoods.Bernoulli,
            "backward",
            lambda self, dlog, t, d, p: backward(self, dlog / t.x.shape[-1], t, d, p),
        ),
        (likelihoods.Bernoulli, "dx", lambda self, dlog, t: dx(self, dlog / t.x.shape[-1], t)),
    ]


def _epsilon_in_the_log():
    def log_prob(self, t):
        p = layers.sigmoid(t.logits)
        t.probs = p
        return (t.x * np.log(p + 1e-7) + (1 - t.x) * np.log(1 - p + 1e-7)).sum(axis=-1)

    return [(likelihoods.Bernoulli, "log_prob", log_prob)]


def _noise(wrong):
    right = VAE.noise

    def noise(self, rng, *shape):
        return wrong(right(self, rng, *shape))

    return [(VAE, "noise", noise)]


PIXEL = {"likelihood": Gaussian(sigma="pixel")}
LOGVAR, RELU, SOFTPLUS = {"head": "logvar"}, {"activation": "relu"}, {"activation": "softplus"}
_rng = np.random.default_rng(0)

GRADIENT = (
    Mutant(
        "eps missing",
        "dsigma = dz",
        lambda: _reparameterize_backward(lambda dz, eps: (dz, dz)),
        expect=("sigma", "factor", "eps"),
    ),
    Mutant(
        "fresh noise",
        "eps is drawn again in the backward pass: kwj2104",
        lambda: _reparameterize_backward(lambda dz, eps: (dz, dz * _rng.standard_normal(eps.shape))),
        expect=("sigma", "noise", "eps"),
    ),
    Mutant(
        "no KL path to mu",
        "dmu = dz",
        lambda: _kl_gradient(lambda mu, s: (0 * mu, s - 1 / s)),
        expect=("mu", "term", "mu"),
    ),
    Mutant(
        "no decoder path to mu",
        "dmu = beta mu",
        lambda: _reparameterize_backward(lambda dz, eps: (0 * dz, dz * eps)),
        expect=("mu", "term", "dz"),
    ),
    Mutant(
        "-1/sigma missing",
        "dkl/dsigma = sigma",
        lambda: _kl_gradient(lambda mu, s: (mu, s)),
        expect=("sigma", "term", "1/sigma"),
    ),
    Mutant(
        "KL gradient without its 1/2",
        "dkl/dmu = 2 mu",
        lambda: _kl_gradient(lambda mu, s: (2 * mu, 2 * (s - 1 / s))),
        expect=("sigma", "term", "sigma - 1/sigma"),
    ),
    Mutant(
        "KL gradient with the wrong sign",
        "dkl/dmu = -mu",
        lambda: _kl_gradient(lambda mu, s: (-mu, 1 / s - s)),
        expect=("sigma", "term", "sigma - 1/sigma"),
    ),
    Mutant(
        "variance for sigma",
        "dkl/dsigma = sigma^2 - 1: the derivative by log sigma",
        lambda: _kl_gradient(lambda mu, s: (mu, s * s - 1)),
        expect=("sigma", "factor", "sigma"),
    ),
    Mutant(
        "softplus' missing",
        "draw = dsigma",
        lambda: _head("softplus", lambda ds, raw, s: ds),
        expect=("raw", "factor", "sigmoid(raw)"),
    ),
    Mutant(
        "log-sigma for log-variance",
        "draw = dsigma sigma, the 1/2 missing: fastforwardlabs/vae-tf #3, Lasagne/Recipes #90",
        lambda: _head("logvar", lambda ds, raw, s: ds * s),
        LOGVAR,
        ("raw", "scale", "2"),
    ),
    Mutant(
        "sigma for log-variance",
        "draw = dsigma, for sigma = exp(raw/2)",
        lambda: _head("logvar", lambda ds, raw, s: ds),
        LOGVAR,
        ("raw", "factor", "sigma/2"),
    ),
    Mutant(
        "the other head's gradient",
        "draw = dmu: y0ast/VAE-Torch PR 5",
        lambda: _encode_backward(lambda d: d.dmu, lambda d: d.dmu),
        expect=("raw", "formula", "dsigma * sigmoid(raw)"),
    ),
    Mutant(
        "heads not added",
        "the sigma head's path is missing from the shared layer: y0ast/VAE-Torch PR 5",
        _one_head_only,
        expect=("encoder_h0", "heads", "the path of the sigma head"),
    ),
    Mutant(
        "relu' missing",
        "da = dh",
        lambda: _activation("relu", lambda dh, a, h: dh),
        RELU,
        ("decoder_a0", "factor", "decoder_a0 > 0"),
    ),
    Mutant(
        "tanh' = 1 - h",
        "the square is missing",
        lambda: _activation("tanh", lambda dh, a, h: dh * (1 - h)),
        expect=("decoder_a0", "factor", "1 - decoder_h0^2"),
    ),
    Mutant(
        "softplus' of h",
        "sigmoid(h) for sigmoid(a)",
        lambda: _activation("softplus", lambda dh, a, h: dh * layers.sigmoid(h)),
        SOFTPLUS,
        ("decoder_a0", "factor", "sigmoid(decoder_a0)"),
    ),
    Mutant(
        "tanh' on a sigmoid output",
        "1 - p^2 for p (1 - p): amaurydelille",
        lambda: _bernoulli(lambda x, p, a, w: w * (x - p) / (p * (1 - p)) * (1 - p * p)),
        expect=("logits", "factor", "probs * (1 - probs)"),
    ),
    Mutant(
        "sigmoid' twice",
        "(x - p) p (1 - p): the derivative of squared error",
        lambda: _bernoulli(lambda x, p, a, w: w * (x - p) * p * (1 - p)),
        expect=("logits", "factor", "probs * (1 - probs)"),
    ),
    Mutant(
        "wrong sign",
        "dlogits = x - p for p - x",
        lambda: _bernoulli(lambda x, p, a, w: -w * (x - p)),
        expect=("logits", "sign", "-1"),
    ),
    Mutant(
        "logits for probabilities",
        "dlogits = logits - x",
        lambda: _bernoulli(lambda x, p, a, w: w * (x - a)),
        expect=("logits", "term", "probs"),
    ),
    Mutant(
        "averaged twice",
        "the reconstruction is divided by B again",
        lambda: _bernoulli(lambda x, p, a, w: w * (x - p) / x.shape[0]),
        expect=("logits", "scale", "1/B"),
    ),
    Mutant(
        "gradient of the sum",
        "the loss is a mean over images",
        _gradient_of_the_sum,
        expect=("logits", "scale", "B"),
    ),
    Mutant(
        "loss printed per pixel",
        "the gradient is that of the sum over pixels",
        lambda: _score(_loss_per_pixel),
        expect=("logits", "scale", "D"),
    ),
    Mutant(
        "no -1 in dlog_sigma",
        "u^2 for u^2 - 1",
        lambda: _gaussian_pixel(lambda u, i: u * i, lambda u: u * u),
        PIXEL,
        ("log_sigma", "term", "1"),
    ),
    Mutant(
        "sigma for sigma^2",
        "dmean = (x - mean) / sigma",
        lambda: _gaussian_pixel(lambda u, i: u, lambda u: u * u - 1),
        PIXEL,
        ("mean", "factor", "sigma_x"),
    ),
    Mutant(
        "mean for sum in db",
        "one bias at exactly 1/n",
        lambda: _dense(_set("db", lambda layer, x, da: da.mean(axis=0))),
        expect=("decoder.1.b", "scale", "1/(K B)"),
    ),
    Mutant(
        "one image only",
        "dW of the first row, for the whole batch",
        lambda: _dense(_set("dW", lambda layer, x, da: x[:1].T @ da[:1])),
        expect=("decoder.1.W", "image", "first row"),
    ),
    Mutant(
        "rows turned over",
        "dW upside down",
        lambda: _dense(_set("dW", lambda layer, x, da: layer.dW[::-1].copy())),
        expect=("decoder.1.W", "rows", "reversed"),
    ),
    Mutant(
        "one column off",
        "an index of a loop",
        lambda: _dense(_set("dW", lambda layer, x, da: np.roll(layer.dW, 1, -1))),
        expect=("decoder.1.W", "columns", "shifted"),
    ),
    Mutant(
        "W for W.T",
        "dx = da W, where W is square",
        lambda: _dense_dx(lambda layer, da, dx: da @ layer.W if np.ptp(layer.W.shape) == 0 else dx),
        {"hidden": (6, 6)},
        ("decoder_h0", "transpose", "decoder.1.W"),
    ),
    Mutant(
        "gradient added",
        "dW += for dW =",
        _dense_accumulates,
        expect=("decoder.1.b", "accumulated", "the old gradient"),
    ),
    Mutant(
        "samples read batch-first",
        "weights flattened (B, K), samples (K, B): VRbound",
        lambda: _reparameterize_backward(
            lambda dz, eps: (
                2 * (_batch_first(dz),) if dz.ndim < 3 else (_batch_first(dz), _batch_first(dz * eps))
            )
        ),
        expect=("sigma", "layout", "(K, B)"),
    ),
    Mutant(
        "x is no target",
        "dx without the path through the likelihood",
        lambda: [(VAE, "dx_target", lambda self, dlog_px_z, t: 0.0)],
        expect=("x", "term", "logits"),
    ),
    Mutant(
        "weights not detached",
        "the gradient also goes through the weights: AntixK #34",
        lambda: _iwae(lambda w, log_w: w * (1 + log_w - (w * log_w).sum(axis=0))),
        objective="iwae",
        expect=("log_w", "term", "w * (log_w - sum(w * log_w))"),
    ),
    Mutant(
        "worst samples upweighted",
        "softmax(-log w): AntixK #53",
        lambda: _iwae(lambda w, log_w: 1 / w / (1 / w).sum(axis=0)),
        objective="iwae",
        expect=("log_w", "formula", "w"),
    ),
    Mutant(
        "all samples alike",
        "1/K for the weights",
        lambda: _iwae(lambda w, log_w: 0 * w + 1 / len(w)),
        objective="iwae",
        expect=("log_w", "factor", "K * w"),
    ),
)


def _batch_first(v):
    return v.reshape(v.shape[1], v.shape[0], -1).swapaxes(0, 1) if v.ndim == 3 else v


OBJECTIVE = (
    Mutant(
        "std = exp(logvar)",
        "the 1/2 is missing in both passes, the KL has it: numpy-ml, keras #3283, BVAE-tf #7",
        lambda: _both_passes(lambda mu, s, eps: mu + s * s * eps, lambda dz, eps, s: dz * eps * 2 * s),
        LOGVAR,
    ),
    Mutant(
        "sigma dropped",
        "z = mu + eps, in both passes",
        lambda: _both_passes(lambda mu, s, eps: mu + eps + 0 * s, lambda dz, eps, s: 0 * dz),
    ),
    Mutant(
        "KL without its 1/2",
        "in both passes",
        lambda: _kl(
            lambda mu, s: s * s + mu * mu - 2 * np.log(s) - 1, lambda mu, s: (2 * mu, 2 * (s - 1 / s))
        ),
    ),
    Mutant(
        "KL with the wrong sign",
        "in both passes: pytorch/examples #824, AntixK #68",
        lambda: _kl(lambda mu, s: -((s * s + mu * mu) / 2 - np.log(s) - 0.5), lambda mu, s: (-mu, 1 / s - s)),
    ),
    Mutant(
        "KL without its +1",
        "a constant: no gradient knows it",
        lambda: _kl(lambda mu, s: (s * s + mu * mu) / 2 - np.log(s), lambda mu, s: (mu, s - 1 / s)),
    ),
    Mutant(
        "the reverse KL",
        "KL(p || q) for KL(q || p)",
        lambda: _kl(
            lambda mu, s: np.log(s) + (1 + mu * mu) / (2 * s * s) - 0.5,
            lambda mu, s: (mu / (s * s), 1 / s - (1 + mu * mu) / s**3),
        ),
    ),
    Mutant("mean over pixels", "a hidden beta of D: pytorch/examples #234, keras-io #270", _mean_over_pixels),
    Mutant("1e-7 inside the log", "caps the loss, and spoils the gradient by 2e-7", _epsilon_in_the_log),
    Mutant(
        "sum over the batch",
        "in both passes, where the mean is promised",
        lambda: [(VAE, "weight", lambda self, t: 1.0)],
    ),
    Mutant("noise of standard deviation 0.01", "keras PR 4211", lambda: _noise(lambda eps: 0.01 * eps)),
    Mutant("one eps for the batch", "anhtu", lambda: _noise(lambda eps: eps[..., :1, :] + 0 * eps)),
    Mutant(
        "closed-form KL in the weights",
        "no bound any more: AntixK #34",
        _closed_kl_in_weights,
        objective="iwae",
    ),
)

MUTANTS = GRADIENT + OBJECTIVE
