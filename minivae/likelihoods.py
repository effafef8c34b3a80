"""Decoders are likelihoods: p(x|z) as a distribution over pixels, from the last layer's output (lesson 07).

A likelihood says how many outputs a pixel needs, gives them names in the trace, and computes log p(x|z),
summed over pixels, and its gradient. x (B, D), outputs (B, D) or (K, B, D), log p(x|z) (B,) or (K, B) nats.
"""

from numbers import Real

import numpy as np

from .gaussian import HALF_LOG_2PI
from .layers import sigmoid, softplus

# sigma >= 0.0025, less than one of 255 grey levels: a pixel that never changes would send sigma to 0
LOG_SIGMA_MIN = -6.0
EXP_MAX = 80  # exp of 88.8 is infinite in float32


def _coarse_softplus(a):
    """layers.softplus for a sum: log(1 + exp(a)) as it stands, unless some exp(a) is near overflow.

    Rounded like a 1, so far below 0 it is 0. Half the time, in one array.
    """
    if a.real.max(initial=0) > EXP_MAX:
        return softplus(a)
    e = np.exp(a)
    e += 1
    return np.log(e, out=e)


class Bernoulli:
    """p(x|z) = product over pixels of p^x (1 - p)^(1 - x), with p = sigmoid(logits). Pixels in [0, 1].

    Works on logits a and never on p: log p(x|z), the sum of x a - softplus(a) (7.5), is right for any logit,
    where log(sigmoid(a)) is -inf from -104 down in float32. On pixels strictly between 0 and 1 it is a
    cross-entropy, which has a floor (7.7) and is no likelihood.
    """

    name = "bernoulli"
    needs_unit_pixels = True
    n_parameters = 0  # of its own, beside the decoder's layers

    def n_outputs(self, n_inputs):
        return n_inputs

    def forward(self, t, output, parameters):
        """Name the last layer's output (..., B, D) in the trace t: logits."""
        t.logits = output

    def log_prob(self, t):
        """log p(x|z) = sum over pixels of x a - softplus(a), a = logits (7.5)."""
        x, a, ones = t.x, t.logits, np.ones(t.logits.shape[-1], t.logits.dtype)
        # vecdot conjugates its first argument
        return np.vecdot(x.conj(), a) - np.vecdot(ones, _coarse_softplus(a))

    def backward(self, dlog_px_z, t, d, dparameters):
        """dlogits = dlog_px_z (x - p), p = sigmoid(a) = (1 + tanh(a/2))/2 (7.6). Returns the last layer's
        doutput."""
        p = 0.5 * t.logits
        np.tanh(p, out=p)
        p += 1
        p *= 0.5
        d.dlogits = np.subtract(t.x, p, out=p)
        d.dlogits *= dlog_px_z[..., None]
        return d.dlogits

    def dx(self, dlog_px_z, t):
        """The derivative through x as the target: dlog_px_z * logits (7.6), (..., B, D)."""
        return dlog_px_z[..., None] * t.logits

    def mean(self, t):
        """Pixel probabilities sigmoid(logits), (..., B, D)."""
        return sigmoid(t.logits)

    def sample(self, t, rng):
        """A draw of 0s and 1s, (..., B, D), in the dtype of the logits."""
        p = self.mean(t)
        return (rng.random(p.shape) < p).astype(p.dtype)

    def start(self, mean, variance):
        """The last layer's bias that makes the mean image of every z: its logit, clipped to [.001, .999]
        (the code of Burda et al. 2016); and no parameters of its own. mean, variance (D,) of the images."""
        p = np.clip(mean, 0.001, 0.999)
        return np.log(p / (1 - p)), None

    def config(self):
        return {"name": self.name}


class Gaussian:
    """p(x|z) = product over pixels of N(x; mean, sigma^2) (7.8).

    sigma="shared": one learned number for all pixels; "pixel": a second output per pixel; a number: fixed.
    Learned sigmas come as log_sigma = c + softplus(raw - c), c = LOG_SIGMA_MIN: never below c, and smooth
    (7.12).
    """

    name = "gaussian"
    needs_unit_pixels = False

    def __init__(self, sigma="shared"):
        if not (
            sigma in ("shared", "pixel")
            if isinstance(sigma, str)
            else isinstance(sigma, Real) and 0 < sigma < np.inf
        ):
            raise ValueError(
                f"Gaussian decoder: sigma is {sigma!r}; it must be 'shared', 'pixel' or a positive number."
            )
        self.sigma = sigma if isinstance(sigma, str) else float(sigma)
        self.n_parameters = 1 if sigma == "shared" else 0

    def n_outputs(self, n_inputs):
        return 2 * n_inputs if self.sigma == "pixel" else n_inputs

    def forward(self, t, output, parameters):
        """Split the last layer's output (..., B, D or 2D) in the trace t: mean, raw_log_sigma, log_sigma.

        log_sigma is (..., B, D) per pixel, else (1,): shared (from `parameters`) or fixed.
        """
        if self.sigma == "pixel":
            D = output.shape[-1] // 2
            t.mean, t.raw_log_sigma = output[..., :D], output[..., D:]
        else:
            t.mean = output
        if self.sigma == "shared":
            t.raw_log_sigma = parameters
        if isinstance(self.sigma, str):
            t.log_sigma = LOG_SIGMA_MIN + softplus(t.raw_log_sigma - LOG_SIGMA_MIN)
        else:
            t.log_sigma = np.full(1, np.log(self.sigma), output.dtype)

    def log_prob(self, t):
        """log p(x|z) = -sum over pixels of u^2/2 + log sigma + log(2 pi)/2, u = (x - mean)/sigma (7.9)."""
        u = (t.x - t.mean) * np.exp(-t.log_sigma)
        return -(u * u / 2 + (t.log_sigma + HALF_LOG_2PI)).sum(axis=-1)

    def backward(self, dlog_px_z, t, d, dparameters):
        """dmean = (x - mean)/sigma^2, dlog_sigma = u^2 - 1 (7.10), times dlog_px_z.

        A shared sigma gets the sum of all of these (7.11). Returns the last layer's doutput.
        """
        w = dlog_px_z[..., None]
        inv_sigma = np.exp(-t.log_sigma)
        u = (t.x - t.mean) * inv_sigma
        d.dmean = w * u * inv_sigma
        if not isinstance(self.sigma, str):
            return d.dmean
        dlog_sigma = w * (u * u - 1)
        d.dlog_sigma = dlog_sigma if self.sigma == "pixel" else dlog_sigma.sum().reshape(1)
        d.draw_log_sigma = d.dlog_sigma * sigmoid(t.raw_log_sigma - LOG_SIGMA_MIN)
        if self.sigma == "pixel":
            return np.concatenate([d.dmean, d.draw_log_sigma], axis=-1)
        dparameters[:] = d.draw_log_sigma
        return d.dmean

    def dx(self, dlog_px_z, t):
        """The derivative through x as the target: dlog_px_z (mean - x)/sigma^2 (7.10), (..., B, D)."""
        return dlog_px_z[..., None] * (t.mean - t.x) * np.exp(-2 * t.log_sigma)

    def mean(self, t):
        """The mean of every pixel, (..., B, D)."""
        return t.mean

    def sample(self, t, rng):
        """mean + sigma * noise, (..., B, D)."""
        return t.mean + np.exp(t.log_sigma) * rng.standard_normal(t.mean.shape, dtype=t.mean.dtype)

    def start(self, mean, variance):
        """The last layer's bias that makes the mean image of every z, and the raw_log_sigma of the sigma that
        belongs to it: sigma^2 = the mean squared distance of the images from it (7.11), of all pixels alike.
        mean, variance (D,) of the images."""
        if not isinstance(self.sigma, str):
            return mean, None
        # log sigma - c = softplus(raw - c)
        above = max(np.log(variance.mean() + 1e-30) / 2 - LOG_SIGMA_MIN, 0.1)
        raw = LOG_SIGMA_MIN + np.log(np.expm1(above))
        return (mean, raw) if self.sigma == "shared" else (np.append(mean, np.full(len(mean), raw)), None)

    def config(self):
        return {"name": self.name, "sigma": self.sigma}


LIKELIHOODS = {"bernoulli": Bernoulli, "gaussian": Gaussian}


def make_likelihood(spec):
    """A likelihood from its name, from config() or as it is; one of your own is registered in LIKELIHOODS by
    its name, {"poisson": Poisson}, so that a file can name it."""
    if hasattr(spec, "log_prob") and not isinstance(spec, type):
        return spec
    spec = dict(spec) if isinstance(spec, dict) else {"name": spec}
    name = spec.pop("name", None)
    if not isinstance(name, str) or name not in LIKELIHOODS:
        raise ValueError(
            f"likelihood {name!r} is not known; take one of {', '.join(LIKELIHOODS)}, or Gaussian(sigma=...)."
            " One of your own is registered by LIKELIHOODS[name] = its class."
        )
    return LIKELIHOODS[name](**spec)
