"""The exercises of lesson 04: the reparameterization trick.

    score_estimates(f_z, eps, sigma, baseline=0.0)   (4.5)    -> one estimate of dJ/dmu per draw
    reparameterize(mu, sigma, eps)                   (4.6)    -> z
    reparameterize_backward(dz, eps)                 (4.7)    -> dmu, dsigma, summed over K draws where there
    are several
    softplus_head_backward(dsigma, raw)              (4.10)   -> draw
    logvar_head_backward(dsigma, sigma)              (4.11)   -> draw
    latent_backward(dz, mu, raw, eps, beta=1.0)      (4.12)   -> dmu, draw, the KL's path included, softplus
    head

mu, sigma, raw are (B, M), eps, z, dz (B, M) or (K, B, M). The losses are sums over images: there is no 1/B in
them.
"""

import numpy as np

from ..gaussian import HEADS, kl, reparameterize
from ..layers import sigmoid
from .judge import Exercise, Wrong, pencil, same_gradient, same_values, untouched

K, M = 5, 3


def _draws(rng, B):
    n = 8 * B
    return {
        "f_z": rng.normal(3, 2, n),
        "eps": rng.standard_normal(n),
        "sigma": rng.uniform(0.4, 0.9),
        "baseline": rng.uniform(1, 3),
    }


def _latents(*samples):
    def inputs(rng, B):
        return {
            "mu": rng.normal(size=(B, M)),
            "sigma": rng.uniform(0.3, 2, (B, M)),
            "eps": rng.standard_normal((*samples, B, M)),
        }

    return inputs


def _raw(rng, B):
    return {"raw": rng.normal(0, 1.5, (B, M))}


def _encoder_end(rng, B):
    mu, raw, eps, dz = rng.standard_normal((4, B, M))
    return {"mu": mu, "raw": raw, "eps": eps, "dz": dz, "beta": 1.5}


def _loss(mu, raw, eps, dz, beta):
    """A decoder whose gradient is dz, plus beta KL."""
    sigma = HEADS["softplus"].forward(raw)
    return (dz * reparameterize(mu, sigma, eps)).sum() + beta * kl(mu, sigma).sum()


def _encoder_end_names(values):
    mu, raw, eps = (values[name] for name in ("mu", "raw", "eps"))
    sigma = HEADS["softplus"].forward(raw)
    return {"sigma": sigma, "1/sigma": 1 / sigma, "sigmoid(raw)": sigmoid(raw), "z": mu + sigma * eps}


def both(first, second):
    """A judge for a pair of functions: one judge each."""

    def judge(answer):
        if not isinstance(answer, (tuple, list)) or len(answer) != 2:
            raise Wrong("A pair of functions is expected: (first, second), their names without brackets.")
        for function, one in zip(answer, (first, second)):
            name = getattr(function, "__name__", "one of the two")
            if untouched(function):
                raise Wrong(f"{name} is still {function!r}.")
            try:
                one(function)
            except Wrong as wrong:
                raise Wrong(f"{name}: {wrong}", wrong.explanations) from None

    judge.is_gradient = True
    return judge


EXERCISES = (
    Exercise(
        "4.1",
        "the score-function estimator",
        same_values(
            lambda f_z, eps, sigma, baseline: (f_z - baseline) * eps / sigma,
            _draws,
            "estimates",
            mistakes={
                "the score is (z - mu)/sigma^2, and z - mu is sigma * eps: one sigma cancels, divide by "
                "sigma once": (lambda f_z, eps, sigma, baseline: (f_z - baseline) * eps / sigma**2),
                "the score is eps / sigma; yours lacks the division by sigma": (
                    lambda f_z, eps, sigma, baseline: (f_z - baseline) * eps
                ),
                "you multiply by sigma where (4.5) divides": (
                    lambda f_z, eps, sigma, baseline: (f_z - baseline) * eps * sigma
                ),
                "the baseline is not taken off": lambda f_z, eps, sigma, baseline: f_z * eps / sigma,
                "brackets: the baseline comes off f before the product": (
                    lambda f_z, eps, sigma, baseline: f_z - baseline * eps / sigma
                ),
                "the factor eps is missing": lambda f_z, eps, sigma, baseline: (f_z - baseline) / sigma,
            },
        ),
        (
            "Which array says on which side of mu a draw fell, and how far out?",
            (
                "Three things per draw: how large f was (less the baseline), and the score eps / sigma."
                " Multiply."
            ),
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
                (
                    "z",
                    0.5 + 0.64 * -1.5,
                ): "the noise is multiplied by sigma, a length, and not by the variance sigma^2",
                ("z", 0.5): "the noise is missing: z = mu + sigma * eps",
                ("z", -1.2): "mu is missing: z = mu + sigma * eps",
                ("z", 1.7): "a sign: eps is -1.5",
                ("dz", 1.4): "a sign: f'(z) = 2z, and z is negative",
                ("dz", 0.49): "that is f(z); asked for is its derivative at z",
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
            (
                "dz is the derivative of z^2 at the z that you found. Then multiply it by how much z moves"
                " when mu, or sigma, moves."
            ),
            "z = 0.5 + 0.8 * (-1.5); dz = 2 z; dmu = dz * 1; dsigma = dz * eps.",
        ),
    ),
    Exercise(
        "4.3",
        "z from mu, sigma and the noise",
        same_values(
            lambda mu, sigma, eps: mu + sigma * eps,
            (_latents(), _latents(K)),
            "z",
            mistakes={
                "the noise is multiplied by sigma, a length, and not by the variance sigma^2": (
                    lambda mu, sigma, eps: mu + sigma**2 * eps
                ),
                "the noise is multiplied by sigma, not by its root": (
                    lambda mu, sigma, eps: mu + np.sqrt(sigma) * eps
                ),
                "mu is missing": lambda mu, sigma, eps: sigma * eps,
                "the noise is missing": lambda mu, sigma, eps: mu + sigma + 0 * eps,
                "the noise is missing; nothing is random about this z": lambda mu, sigma, eps: mu + 0 * eps,
                "sigma is missing": lambda mu, sigma, eps: mu + eps,
                "mu and sigma have changed places": lambda mu, sigma, eps: sigma + mu * eps,
                "brackets: sigma stretches the noise alone": lambda mu, sigma, eps: (mu + eps) * sigma,
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
            lambda mu, sigma, eps: mu + sigma * eps,
            out="z",
            wrt="mu sigma",
            takes="dz eps",
            inputs=(_latents(), _latents(K)),
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
        both(
            same_gradient(
                lambda raw: HEADS["softplus"].forward(raw),
                out="sigma",
                wrt="raw",
                takes="dsigma raw",
                inputs=_raw,
                named=lambda values: {"sigmoid(raw)": sigmoid(values["raw"])},
            ),
            same_gradient(
                lambda raw: HEADS["logvar"].forward(raw),
                out="sigma",
                wrt="raw",
                takes="dsigma sigma",
                inputs=_raw,
            ),
        ),
        (
            "What arrives, times the slope of the head. Look at the right-hand picture above.",
            (
                "The slope of softplus is the sigmoid. The slope of exp(raw / 2) is exp(raw / 2) / 2, and"
                " exp(raw / 2) has a name."
            ),
            "dsigma * sigmoid(raw), and dsigma * sigma / 2",
        ),
    ),
    Exercise(
        "4.6",
        "from dz to the encoder's last layer",
        same_gradient(
            _loss, wrt="mu raw", takes="dz mu raw eps beta", inputs=_encoder_end, named=_encoder_end_names
        ),
        (
            "Four lines: sigma forward, then dmu, dsigma, draw.",
            (
                "Two paths lead to mu: the decoder sends dz, the KL sends beta * mu. Two lead to sigma: dz *"
                " eps and beta * (sigma - 1/sigma)."
            ),
            "draw = dsigma * sigmoid(raw), with dsigma the sum of both paths.",
        ),
    ),
)
