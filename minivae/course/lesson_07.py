"""The exercises of lesson 07: decoders are likelihoods.

    bernoulli_dp(x, p)                          (7.3)    -> dp
    bernoulli_log_prob(x, logits)               (7.5)    -> log p(x|z) per image, (B,)
    bernoulli_backward(x, logits)               (7.6)    -> dlogits
    gaussian_backward(x, mean, log_sigma)       (7.10)   -> dmean, dlog_sigma
    best_sigma(x, mean)                         (7.11)   -> one number for all images and pixels

x, p, logits, mean, log_sigma are (B, D). The gradients are those of the loss -log p(x|z), summed over pixels
and images.
"""

import numpy as np

from ..layers import sigmoid, softplus
from .judge import Exercise, pencil, same_gradient, same_values

D = 5


def _coins(rng, B):
    return {"x": rng.integers(0, 2, (B, D)).astype(float), "p": rng.uniform(0.1, 0.9, (B, D))}


def _logits(scale, grey=False):
    def inputs(rng, B):
        x = rng.uniform(0, 1, (B, D)) if grey else rng.integers(0, 2, (B, D)).astype(float)
        return {"x": x, "logits": scale * rng.uniform(-3, 3, (B, D))}

    return inputs


def _gaussian(rng, B):
    return {
        "x": rng.normal(size=(B, D)),
        "mean": rng.normal(size=(B, D)),
        "log_sigma": rng.uniform(-0.7, 0.7, (B, D)),
    }


def _residuals(rng, B):
    mean = rng.normal(size=(B, D))
    return {"x": mean + rng.normal(0.3, 0.7, (B, D)), "mean": mean}


def log_prob(x, logits):
    return (x * logits - softplus(logits)).sum(axis=-1)


def _from_p(x, logits, epsilon):
    p = sigmoid(logits)
    return (x * np.log(p + epsilon) + (1 - x) * np.log(1 - p + epsilon)).sum(axis=-1)


def _gaussian_loss(x, mean, log_sigma):
    u = (x - mean) * np.exp(-log_sigma)
    return (u * u / 2 + log_sigma + np.log(2 * np.pi) / 2).sum()


def _gaussian_names(values):
    x, mean, sigma = values["x"], values["mean"], np.exp(values["log_sigma"])
    return {"sigma": sigma, "1/sigma": 1 / sigma, "x - mean": x - mean, "u": (x - mean) / sigma}


EXERCISES = (
    Exercise(
        "7.1",
        "the gradient with respect to p",
        same_gradient(
            lambda x, p: -(x * np.log(p) + (1 - x) * np.log(1 - p)).sum(),
            wrt="p",
            takes="x p",
            inputs=_coins,
            named=lambda values: {
                "x - p": values["x"] - values["p"],
                "1 - p": 1 - values["p"],
                "p(1 - p)": values["p"] * (1 - values["p"]),
            },
        ),
        (
            "The derivative of log p is 1/p. That of log(1 - p) is -1/(1 - p): mind the sign.",
            "The loss is minus the log-likelihood, so both signs turn once more: -x/p + (1 - x)/(1 - p).",
            "On one fraction: (p - x) / (p * (1 - p))",
        ),
    ),
    Exercise(
        "7.2",
        "the log-likelihood from logits",
        same_values(
            log_prob,
            (_logits(1.0), _logits(100.0), _logits(1.0, grey=True)),
            "log_px_z",
            mistakes={
                "this is the loss; log p(x|z) is its negative": lambda x, logits: -log_prob(x, logits),
                "a mean over pixels: independent pixels multiply, so their logarithms are added": (
                    lambda x, logits: log_prob(x, logits) / x.shape[-1]
                ),
                "softplus(a) is subtracted, not added": (
                    lambda x, logits: (x * logits + softplus(logits)).sum(axis=-1)
                ),
                "softplus(a) is subtracted for every pixel, light or dark": (
                    lambda x, logits: (x * (logits - softplus(logits))).sum(axis=-1)
                ),
                "that is right for a light pixel; a dark one has softplus(a) and not softplus(-a)": (
                    lambda x, logits: -softplus(-logits).sum(axis=-1)
                ),
                "the 1e-7 inside the logarithm stops the loss of a pixel at 16.1: use softplus and no p": (
                    lambda x, logits: _from_p(x, logits, 1e-7)
                ),
                "the 1e-8 inside the logarithm stops the loss of a pixel at 18.4: use softplus and no p": (
                    lambda x, logits: _from_p(x, logits, 1e-8)
                ),
            },
        ),
        (
            "Don't compute p at all: (7.5) needs the logits and softplus.",
            "One term per pixel, x * a - softplus(a); then one sum, over the last axis.",
            "(x * logits - softplus(logits)).sum(axis=-1)",
        ),
    ),
    Exercise(
        "7.3",
        "the gradient with respect to the logits",
        same_gradient(
            lambda x, logits: -log_prob(x, logits).sum(),
            wrt="logits",
            takes="x logits",
            inputs=(_logits(1.0), _logits(1.0, grey=True)),
            named=lambda values: {
                "sigmoid(logits)": sigmoid(values["logits"]),
                "sigmoid'(logits)": sigmoid(values["logits"]) * sigmoid(-values["logits"]),
            },
        ),
        (
            "Differentiate softplus(a) - x a by a. What is the slope of softplus?",
            "The slope of softplus is the sigmoid; that of x a is x.",
            "sigmoid(logits) - x, and nothing else",
        ),
    ),
    Exercise(
        "7.4",
        "backward through the Gaussian decoder",
        same_gradient(
            _gaussian_loss,
            wrt="mean log_sigma",
            takes="x mean log_sigma",
            inputs=_gaussian,
            named=_gaussian_names,
        ),
        (
            (
                "Write the loss of one pixel with t = log sigma: (x - m)^2 exp(-2t)/2 + t + log(2 pi)/2, and"
                " differentiate by m and by t."
            ),
            "By m: (m - x) exp(-2t). By t: the 2 of exp(-2t) cancels the 1/2, and the t alone gives 1.",
            (
                "dmean = (mean - x) * np.exp(-2 * log_sigma); dlog_sigma = 1 - (x - mean)**2 * np.exp(-2 *"
                " log_sigma)"
            ),
        ),
    ),
    Exercise(
        "7.5",
        "the best shared sigma",
        same_values(
            lambda x, mean: np.sqrt(np.mean((x - mean) ** 2)),
            _residuals,
            "sigma",
            mistakes={
                "this is sigma squared: (7.11) gives the variance, take its root": lambda x, mean: np.mean(
                    (x - mean) ** 2
                ),
                "the mean of |x - m| is not the root of the mean square": lambda x, mean: np.mean(
                    np.abs(x - mean)
                ),
                "np.std takes the mean of the residuals off first; a decoder that is wrong on one side must "
                "own up to it": lambda x, mean: np.std(x - mean),
                "a sum where a mean is meant": lambda x, mean: np.sqrt(np.sum((x - mean) ** 2)),
            },
        ),
        (
            "(7.11): the mean over all images and all pixels.",
            "A mean of squares, then its root: np.sqrt(np.mean(...)).",
        ),
    ),
    Exercise(
        "7.6",
        "what a mean over pixels implies",
        pencil(
            sigma=np.sqrt(392),
            beta=392.0,
            mistakes={
                ("sigma", 392.0): "that is sigma squared",
                ("sigma", 784.0): "1/(2 sigma^2) = 1/784, so 2 sigma^2 is 784; solve for sigma",
                ("sigma", 28.0): "that forgets the 2 in 1/(2 sigma^2)",
                (
                    "sigma",
                    np.sqrt(0.5),
                ): "that is the sigma of the sum of squares; here the sum is divided by 784",
                ("beta", 784.0): (
                    "784 would be right if the sum of squares had no 1/2 in front: with sigma = 1 the loss is"
                    " SSE/2 + beta KL"
                ),
                (
                    "beta",
                    1 / 392,
                ): "upside down: after multiplying by 392 it is the KL that carries the factor",
                ("beta", 0.5): "that is the beta of the sum of squares; here the sum is divided by 784",
            },
        ),
        (
            "Compare with (7.13): what stands in front of the SSE?",
            (
                "1/(2 sigma^2) = 1/784. For beta, multiply the whole loss by what makes the factor of SSE"
                " equal to 1/2."
            ),
            "sigma^2 = 392; multiplied by 392 the loss is SSE/2 + 392 KL.",
        ),
    ),
)
