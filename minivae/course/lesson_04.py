"""The exercises of lesson 04: the reparameterization trick.

    score_estimates(f_z, eps, sigma, baseline=0.0)   (4.5)    -> one estimate of dJ/dmu per draw
    reparameterize(mu, sigma, eps)                   (4.6)    -> z
    reparameterize_backward(dz, eps)                 (4.7)    -> dmu, dsigma, summed over K draws (4.13)
    softplus_head_backward(dsigma, raw)              (4.10)   -> draw
    logvar_head_backward(dsigma, sigma)              (4.11)   -> draw
    latent_backward(dz, mu, raw, eps, beta=1.0)      (4.12)   -> dmu, draw, the KL's path included

mu, sigma, raw are (B, M), eps, z, dz (B, M) or (K, B, M). The losses are sums over images: there is no 1/B in
them.
"""

import numpy as np

from ..gaussian import HEADS, kl, reparameterize
from ..layers import sigmoid, softplus
from .judge import Exercise, each_of, inputs, pencil, positive, real, same_gradient, same_values

LATENTS = {
    "one draw": inputs(mu=real("B", "M"), sigma=positive("B", "M"), eps=real("B", "M")),
    "several draws": inputs(mu=real("B", "M"), sigma=positive("B", "M"), eps=real("K", "B", "M")),
}
softplus_head = HEADS["softplus"].forward


def _wide(rng, B, values):
    return rng.uniform(3, 9, values["mu"].shape)


ENCODER_ENDS = {
    "ordinary numbers": inputs(
        dz=real("B", "M", tails=None),
        mu=real("B", "M", tails=None),
        raw=real("B", "M", scale=1.5, tails=None),
        eps=real("B", "M", tails=None),
        beta=positive(tails=None),
    ),
    "a wide q": inputs(mu=real("B", "M"), raw=_wide, dz=real("B", "M"), eps=real("B", "M"), beta=positive()),
    "large numbers": inputs(
        dz=real("B", "M", scale=100, tails=None),
        mu=real("B", "M", scale=100, tails=None),
        raw=real("B", "M", scale=1.5, tails=None),
        eps=real("B", "M", tails=None),
        beta=positive(low=30, high=90, tails=None),
    ),
}


def _loss(mu, raw, eps, dz, beta):
    """A decoder whose gradient is dz, plus beta KL."""
    sigma = softplus_head(raw)
    return (dz * reparameterize(mu, sigma, eps)).sum() + beta * kl(mu, sigma).sum()


def _names(values):
    mu, raw, eps = (values[name] for name in ("mu", "raw", "eps"))
    sigma = softplus_head(raw)
    return {"sigma": sigma, "1/sigma": 1 / sigma, "sigmoid(raw)": sigmoid(raw), "z": mu + sigma * eps}


def _paths(values):
    """The two summands of dmu and draw."""
    mu, raw, eps, dz, beta = (values[name] for name in ("mu", "raw", "eps", "dz", "beta"))
    sigma, slope = softplus_head(raw), sigmoid(raw)
    return {
        "the decoder's path": (dz, dz * eps * slope),
        "the KL's path": (beta * mu, beta * (sigma - 1 / sigma) * slope),
    }


def _without_the_floor(dz, mu, raw, eps, beta):
    sigma = softplus(raw)
    return dz + beta * mu, (dz * eps + beta * (sigma - 1 / sigma)) * sigmoid(raw)


def _raw_for_sigma(dz, mu, raw, eps, beta):
    return dz + beta * mu, (dz * eps + beta * (raw - 1 / raw)) * sigmoid(raw)


def _logvar_head(dz, mu, raw, eps, beta):
    sigma = np.exp(raw / 2)
    return dz + beta * mu, (dz * eps + beta * (sigma - 1 / sigma)) * sigma / 2


EXERCISES = (
    Exercise(
        "4.1",
        "the score-function estimator",
        same_values(
            lambda f_z, eps, sigma, baseline: (f_z - baseline) * eps / sigma,
            inputs(
                f_z=real(lambda B: 3 * B, scale=3),
                eps=real(lambda B: 3 * B),
                sigma=positive(),
                baseline=real(),
            ),
            "estimates",
            mistakes={
                "the score is (z - mu)/sigma^2, and z - mu is sigma * eps: one sigma cancels": (
                    lambda f_z, eps, sigma, baseline: (f_z - baseline) * eps / sigma**2
                ),
                "the score is eps / sigma; yours lacks the division by sigma": (
                    lambda f_z, eps, sigma, baseline: (f_z - baseline) * eps
                ),
                "you multiply by sigma where (4.5) divides": (
                    lambda f_z, eps, sigma, baseline: (f_z - baseline) * eps * sigma
                ),
                "the baseline is not taken off": lambda f_z, eps, sigma, baseline: f_z * eps / sigma,
                "the baseline is added where it comes off": (
                    lambda f_z, eps, sigma, baseline: (f_z + baseline) * eps / sigma
                ),
                "a sign: f comes first, and the baseline comes off it": (
                    lambda f_z, eps, sigma, baseline: (baseline - f_z) * eps / sigma
                ),
                "brackets: the baseline comes off f before the product": (
                    lambda f_z, eps, sigma, baseline: f_z - baseline * eps / sigma
                ),
                "brackets: the baseline comes off f, not off the product": (
                    lambda f_z, eps, sigma, baseline: f_z * eps / sigma - baseline
                ),
                "the factor eps is missing": lambda f_z, eps, sigma, baseline: (f_z - baseline) / sigma,
                "that is the score function's estimate for sigma; asked for is the one for mu": (
                    lambda f_z, eps, sigma, baseline: (f_z - baseline) * (eps**2 - 1) / sigma
                ),
            },
        ),
        (
            "Which array says on which side of mu a draw fell, and how far out?",
            "For each draw: how large f was (less the baseline), and the score, eps / sigma. Multiply.",
            "(f_z - baseline) * eps / sigma",
        ),
    ),
    Exercise(
        "4.2",
        "forward and back with the pencil",
        pencil(
            z=-0.7,
            dz=-1.4,
            dmu=-1.4,
            dsigma=2.1,
            mistakes={
                ("z", -0.46): "the noise is multiplied by sigma, a length, and not by the variance sigma^2",
                ("z", 0.5): "the noise is missing: z = mu + sigma * eps",
                ("z", -1.2): "mu is missing: z = mu + sigma * eps",
                ("z", -1.0): "sigma is missing: z = mu + sigma * eps",
                ("z", 1.7): "a sign: eps is -1.5",
                ("z", -0.2): "brackets: sigma stretches the noise alone",
                ("dz", 1.4): "a sign: f'(z) = 2z, and z is negative",
                ("dz", 0.49): "that is f(z); asked for is its derivative at z",
                ("dz", 1.0): "that is the derivative at mu; it is taken at z",
                ("dz", -0.7): "the 2 of 2z is missing",
                ("dmu", 1.0): "1 is dz/dmu; the chain rule multiplies it by dz",
                ("dsigma", -1.4): "yours lacks the factor eps: sigma moves z by eps, not by 1",
                ("dsigma", -1.5): "-1.5 is dz/dsigma; the chain rule multiplies it by dz",
                ("dsigma", -2.1): "a sign: (-1.4) times (-1.5) is positive",
                ("dsigma", -1.12): "sigma in the place of eps: dz/dsigma is eps",
                ("dsigma", 1.68): "a factor sigma too many: dz/dsigma is eps alone",
            },
        ),
        (
            "Go forward first: z is the mean plus sigma times what the dice show.",
            "dz is the derivative of z^2 at the z that you found. Then multiply it by how much z moves when "
            "mu, or sigma, moves.",
            "z = 0.5 + 0.8 * (-1.5); dz = 2 z; dmu = dz * 1; dsigma = dz * eps.",
        ),
    ),
    Exercise(
        "4.3",
        "z from mu, sigma and the noise",
        same_values(
            lambda mu, sigma, eps: mu + sigma * eps,
            LATENTS,
            "z",
            mistakes={
                "the noise is multiplied by sigma, a length, and not by the variance sigma^2": (
                    lambda mu, sigma, eps: mu + sigma**2 * eps
                ),
                "the noise is multiplied by sigma, not by its root": (
                    lambda mu, sigma, eps: mu + np.sqrt(sigma) * eps
                ),
                "sigma is the standard deviation itself here, not a log-variance": (
                    lambda mu, sigma, eps: mu + np.exp(sigma / 2) * eps
                ),
                "mu is missing": lambda mu, sigma, eps: sigma * eps,
                "the noise is missing": lambda mu, sigma, eps: mu + sigma + 0 * eps,
                "the noise is missing; nothing is random about this z": lambda mu, sigma, eps: mu + 0 * eps,
                "sigma is missing": lambda mu, sigma, eps: mu + eps,
                "a sign: the noise is added": lambda mu, sigma, eps: mu - sigma * eps,
                "mu and sigma have changed places": lambda mu, sigma, eps: sigma + mu * eps,
                "you divide by sigma: that is the way from z back to eps": (
                    lambda mu, sigma, eps: (eps - mu) / sigma
                ),
                "brackets: sigma stretches the noise alone": lambda mu, sigma, eps: (mu + eps) * sigma,
                "mu is multiplied by the noise, too": lambda mu, sigma, eps: (mu + sigma) * eps,
            },
        ),
        (
            "A standard normal draw, stretched and then shifted.",
            "No loop and no reshape: NumPy uses (B, M) again for each of the K draws.",
            "mu + sigma * eps",
        ),
    ),
    Exercise(
        "4.4",
        "backward through the draw",
        same_gradient(
            lambda mu, sigma, eps: mu + sigma * eps, LATENTS, wrt="mu sigma", takes="dz eps", out="z"
        ),
        (
            "By how much does z move when mu moves by 1? And when sigma moves by 1?",
            "dmu is dz times 1, dsigma is dz times eps, entry by entry (not a matrix product).",
            "With K draws dz has three axes (dz.ndim == 3): sum both gradients over axis 0.",
        ),
    ),
    Exercise(
        "4.5",
        "the two heads backward",
        each_of(
            same_gradient(
                lambda raw: softplus_head(raw),
                inputs(raw=real("B", 16, scale=1.5)),
                wrt="raw",
                takes="dsigma raw",
                out="sigma",
                named=lambda values: {"sigmoid(raw)": sigmoid(values["raw"])},
                mistakes={
                    "the slope of softplus is the sigmoid, not softplus itself": (
                        lambda dsigma, raw: dsigma * softplus(raw)
                    ),
                    "a sign in the exponent: that is sigmoid(-raw)": lambda dsigma, raw: (
                        dsigma * sigmoid(-raw)
                    ),
                    "that is the slope of the sigmoid; asked for is the slope of softplus, the sigmoid": (
                        lambda dsigma, raw: dsigma * sigmoid(raw) * sigmoid(-raw)
                    ),
                    "that is the other head, exp(raw / 2)": lambda dsigma, raw: dsigma * np.exp(raw / 2) / 2,
                },
            ),
            same_gradient(
                lambda raw: HEADS["logvar"].forward(raw),
                inputs(raw=real("B", 11, scale=1.5, tails=12)),
                wrt="raw",
                takes="dsigma sigma",
                out="sigma",
                mistakes={
                    "that is the slope of exp(raw); sigma is exp(raw / 2), whose slope is sigma / 2": (
                        lambda dsigma, sigma: dsigma * sigma**2
                    ),
                    "that is half the variance: the slope of exp(raw / 2) is half of itself, sigma / 2": (
                        lambda dsigma, sigma: dsigma * sigma**2 / 2
                    ),
                    "sigma is what comes out of the exponential: no further exp is needed": (
                        lambda dsigma, sigma: dsigma * np.exp(sigma / 2) / 2
                    ),
                },
            ),
        ),
        (
            "What arrives, times the slope of the head. Look at the right-hand picture above.",
            "The slope of softplus is the sigmoid. The slope of exp(raw / 2) is exp(raw / 2) / 2, and "
            "exp(raw / 2) has a name.",
            "dsigma * sigmoid(raw), and dsigma * sigma / 2",
        ),
    ),
    Exercise(
        "4.6",
        "from dz to the encoder's last layer",
        same_gradient(
            _loss,
            ENCODER_ENDS,
            wrt="mu raw",
            takes="dz mu raw eps beta",
            named=_names,
            paths=_paths,
            upstream="dz",
            mistakes={
                "sigma is softplus(raw) + 1e-6, and the 1e-6 is missing": _without_the_floor,
                "raw stands where sigma is meant: sigma = softplus(raw) + 1e-6": _raw_for_sigma,
                "that is the log-variance head; here sigma = softplus(raw) + 1e-6": _logvar_head,
            },
        ),
        (
            "Four lines: sigma forward, then dmu, dsigma, draw.",
            "Two paths lead to mu: the decoder sends dz, the KL sends beta * mu. Two lead to sigma: "
            "dz * eps and beta * (sigma - 1/sigma).",
            "draw = dsigma * sigmoid(raw), with dsigma the sum of both paths.",
        ),
    ),
)
