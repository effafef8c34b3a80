"""Common wrong answers to the exercises of lesson 14, and what the check must say."""

import numpy as np

from minivae.course import lesson_14 as right
from minivae.gaussian import kl as kl_to_prior
from minivae.layers import softplus

BACK = (
    right.draw_backward,
    right.heads_backward,
    right.shared_backward,
    right.logvar_backward,
    right.output_backward,
)
PUBLISHED = tuple(mended.published for mended in right.EXERCISES[1].judge.judges)
SEEN_BY = tuple(right.SEEN_BY.values())


def back(name, answer):
    """All of room one right, except one of them."""
    return tuple(answer if f.__name__ == name else f for f in BACK)


def named(name):
    def decorate(function):
        function.__name__ = name
        return function

    return decorate


@named("heads_backward")
def without_slope(dmu, dsigma, raw):
    return np.concatenate([dmu, dsigma], axis=1)


@named("logvar_backward")
def half_for_the_kl_alone(dz, mu, logvar, eps):
    return dz + mu, dz * eps * np.exp(logvar / 2) + (np.exp(logvar) - 1) / 2


def sum_of_everything(x, logits, kl):
    return (softplus(logits) - x * logits).sum() + kl.mean()


def kl_by_abs(mu, logvar):
    return 0.5 * np.abs(1 + logvar - mu**2 - np.exp(logvar)).sum(axis=1) * 2


def from_everywhere(rng, B, M):
    return np.random.default_rng(0).standard_normal((B, M))


def uniform(rng, B, M):
    return rng.uniform(-(3**0.5), 3**0.5, (B, M))


def one_per_image(rng, B, M):
    return rng.standard_normal((B, 1)) + np.zeros((B, M))


def unseeded(rng, B, M):
    return np.random.default_rng().standard_normal((B, M))


def pairs(rng, B, M):
    return np.repeat(rng.standard_normal((B // 2, M)), 2, axis=0)


WRONG = [
    ("14.1", ("identity", *SEEN_BY[1:]), "Which check compares it with the way back?"),
    ("14.1", (*SEEN_BY[:7], "identity"), "what is printed later"),
    ("14.2", (PUBLISHED[0], *BACK[1:]), "is not tried yet"),
    ("14.2", back("heads_backward", without_slope), "its slope, sigmoid(raw), is missing"),
    ("14.2", back("logvar_backward", half_for_the_kl_alone), "only the KL's path has its half"),
    ("14.2", back("output_backward", lambda x, p: x - p), "the sign: the loss is minus"),
    ("14.2", back("shared_backward", lambda dmu, draw, W: draw @ W[:, len(dmu[0]) :].T), "both heads read h"),
    (
        "14.3",
        (lambda mu, logvar, eps: mu + np.exp(logvar) / 2 * eps, right.kl, right.loss),
        "to the exponent",
    ),
    ("14.3", (right.draw, kl_by_abs, right.loss), "kl"),
    ("14.3", (right.draw, right.kl, sum_of_everything), "a sum over the images, too"),
    ("14.3", (right.draw, right.kl), "a tuple of 3"),
    ("14.4", (right.small_noise, right.noise_of_a_batch)[::-1], "share one draw"),
    (
        "14.4",
        (lambda rng, B, M: 0.1 * rng.standard_normal((B, M)), uniform),
        "deviation of your noise is 0.1",
    ),
    ("14.4", (uniform, uniform), "no normal distribution"),
    ("14.4", (from_everywhere, from_everywhere), "Two generators give the same noise"),
    ("14.4", (unseeded, unseeded), "The same generator gives other noise"),
    ("14.4", (one_per_image, one_per_image), "All latents of an image share one number"),
    ("14.4", (pairs, pairs), "Some images share their draws"),
    (
        "14.4",
        (lambda rng, B, M: 1 + rng.standard_normal((B, M)), uniform),
        "The mean of your noise is 0.97; the KL",
    ),
    (
        "14.5",
        (
            lambda log_px_z, kl, z, eps, sigma: log_px_z - kl + ((eps**2 - z**2) / 2 + np.log(sigma)).sum(-1),
            right.weights,
            right.weighted_sum,
        ),
        "the KL is still in the weights",
    ),
    (
        "14.5",
        (right.log_weights, right.weights, lambda dz, w: (w.T[:, :, None] * dz).mean(axis=0)),
        "the weights add up to 1 already",
    ),
    ("14.5", (right.log_weights, lambda log_w: log_w / log_w.sum(axis=0), right.weighted_sum), "are not the"),
    (
        "14.5",
        (right.log_weights, lambda log_w: np.exp(log_w) / np.exp(log_w).sum(axis=0), right.weighted_sum),
        "NaN or infinite",
    ),
    (
        "14.6",
        (lambda x, m, sigma: np.log(1e-300 + np.prod(right.densities(x, m, sigma), axis=1)), right.held_out),
        "a smaller number under the logarithm is still a floor",
    ),
    (
        "14.6",
        (
            right.log_density,
            lambda log_px_z, mu, sigma, eps: (log_px_z(mu + eps) - kl_to_prior(mu, sigma)).mean(),
        ),
        "the noise as it is, without sigma",
    ),
]
