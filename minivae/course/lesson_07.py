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
from .judge import Exercise, between, bits, inputs, pencil, real, same_gradient, same_values

D = 5


def log_prob(x, logits):
    return (x * logits - softplus(logits)).sum(axis=-1)


def log_prob_from_p(x, p, tiny=0.0):
    return (x * np.log(p + tiny) + (1 - x) * np.log(1 - p + tiny)).sum(axis=-1)


def small_numbers_in_logarithms():
    """Slips of 7.2: p with something added, or clipped, at any of the usual sizes."""
    for k in (3, 4, 5, 6, 7, 8, 9, 10, 12, 15):
        tiny = 10.0**-k
        stops = f"stops the surprise of a pixel at {-np.log(tiny):.1f}: use softplus and no p"
        yield (
            f"the 1e-{k} inside the logarithm {stops}",
            lambda x, logits, tiny=tiny: log_prob_from_p(x, sigmoid(logits), tiny),
        )
        yield (
            f"p clipped at 1e-{k} {stops}",
            lambda x, logits, tiny=tiny: log_prob_from_p(x, np.clip(sigmoid(logits), tiny, 1 - tiny)),
        )
    for most in (10, 15, 16, 20, 25, 30, 50, 100):
        yield (
            f"logits clipped at {most}: a pixel that is wrong by more costs more",
            lambda x, logits, most=most: log_prob(x, np.clip(logits, -most, most)),
        )


def gaussian_loss(x, mean, log_sigma):
    u = (x - mean) * np.exp(-log_sigma)
    return (u * u / 2 + log_sigma + np.log(2 * np.pi) / 2).sum()


def gaussian_names(values):
    r, sigma = values["x"] - values["mean"], np.exp(values["log_sigma"])
    return {"sigma": sigma, "1/sigma": 1 / sigma, "x - mean": r, "u": r / sigma}


def gaussian_paths(values):
    u = (values["x"] - values["mean"]) * np.exp(-values["log_sigma"])
    return {
        "the term u^2/2": (-u * np.exp(-values["log_sigma"]), -(u**2)),
        "the term log sigma": (0 * u, 1 + 0 * u),
    }


def gaussian_backward(r, sigma, slope=1.0):
    """dmean and dlog_sigma for a residual x - mean; slope is d log sigma by what was differentiated by."""
    return -r / sigma**2, (1 - (r / sigma) ** 2) * slope


def residuals(scale):
    """Inputs of 7.4: log sigma of this size."""
    return inputs(x=real("B", D), mean=real("B", D), log_sigma=real("B", D, scale=scale, tails=0))


black_and_white = {
    "black and white pixels": inputs(x=bits("B", D), logits=real("B", D, scale=2.0, tails=0)),
    "logits of hundreds": inputs(x=bits("B", D), logits=real("B", D, scale=250.0, tails=0)),
}

EXERCISES = (
    Exercise(
        "7.1",
        "the gradient with respect to p",
        same_gradient(
            lambda x, p: -log_prob_from_p(x, p).sum(),
            wrt="p",
            takes="x p",
            inputs=inputs(x=bits("B", D), p=between(0.01, 0.99, "B", D)),
            named=lambda values: {
                "x - p": values["x"] - values["p"],
                "1 - p": 1 - values["p"],
                "p(1 - p)": values["p"] * (1 - values["p"]),
            },
            mistakes={
                "a dark pixel pulls the other way: -x/p + (1 - x)/(1 - p)": (
                    lambda x, p: -x / p - (1 - x) / (1 - p)
                ),
                "the dark pixels are left out: + (1 - x)/(1 - p)": lambda x, p: -x / p,
                "the light pixels are left out: -x/p": lambda x, p: (1 - x) / (1 - p),
                "brackets: (p - x) / (p * (1 - p)) divides by both factors": lambda x, p: (
                    (p - x) / p * (1 - p)
                ),
                "brackets: all of p - x stands above p (1 - p)": lambda x, p: p - x / (p * (1 - p)),
                "that is the gradient of the squared error": lambda x, p: 2 * (p - x),
                "that is the loss itself; its derivative is asked for": (
                    lambda x, p: -x * np.log(p) - (1 - x) * np.log(1 - p)
                ),
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
            black_and_white,
            "log_px_z",
            mistakes={
                "this is the loss; log p(x|z) is its negative": lambda x, logits: -log_prob(x, logits),
                "a mean over pixels: independent pixels multiply, so their logarithms are added": (
                    lambda x, logits: log_prob(x, logits) / x.shape[-1]
                ),
                "the loss, and as a mean over pixels: log p(x|z) is its negative, as a sum": (
                    lambda x, logits: -log_prob(x, logits) / x.shape[-1]
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
                "the light pixels are left out: x * a": lambda x, logits: ((x - 1) * softplus(logits)).sum(
                    -1
                ),
                "light and dark are exchanged": (
                    lambda x, logits: -(x * softplus(logits) + (1 - x) * softplus(-logits)).sum(axis=-1)
                ),
                "softplus(a), not softplus(-a)": (
                    lambda x, logits: (x * logits - softplus(-logits)).sum(axis=-1)
                ),
                "x multiplies the logit, not p": (
                    lambda x, logits: (x * sigmoid(logits) - softplus(logits)).sum(axis=-1)
                ),
                "that is a squared error, not the logarithm of a probability": (
                    lambda x, logits: -((x - sigmoid(logits)) ** 2).sum(axis=-1)
                ),
                "log(1 + exp(a)) overflows for a large logit; softplus of the lesson does not": (
                    lambda x, logits: (x * logits - np.log(1 + np.exp(logits))).sum(axis=-1)
                ),
                "where p rounds to 0 or 1 its logarithm is lost: use softplus and no p": (
                    lambda x, logits: log_prob_from_p(x, sigmoid(logits))
                ),
                **dict(small_numbers_in_logarithms()),
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
            inputs=inputs(x=bits("B", D), logits=real("B", D, scale=2.0, tails=300)),
            named=lambda values: {
                "sigmoid(logits)": sigmoid(values["logits"]),
                "sigmoid'(logits)": sigmoid(values["logits"]) * sigmoid(-values["logits"]),
            },
            mistakes={
                "in two steps, by way of p, 0/0 remains where p rounds to 0 or 1: do both steps as one": (
                    lambda x, a: (
                        (sigmoid(a) - x) / (sigmoid(a) * (1 - sigmoid(a))) * sigmoid(a) * (1 - sigmoid(a))
                    )
                ),
                "softplus is in the loss; its slope, the sigmoid, is in the gradient": (
                    lambda x, a: softplus(a) - x
                ),
                "sigmoid(a), not sigmoid(-a)": lambda x, a: sigmoid(-a) - x,
                "that is dp, the gradient with respect to p; the slope of the sigmoid is missing": (
                    lambda x, a: (sigmoid(a) - x) / (sigmoid(a) * sigmoid(-a))
                ),
                "x itself is taken off, not x * a": lambda x, a: sigmoid(a) - x * a,
                "that is the slope of the sigmoid, dp/da, alone": lambda x, a: sigmoid(a) * sigmoid(-a),
                "the dark pixels are left out; they send back sigmoid(a)": lambda x, a: x * (sigmoid(a) - 1),
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
            gaussian_loss,
            wrt="mean log_sigma",
            takes="x mean log_sigma",
            inputs={"sigma near 1": residuals(0.5), "sigmas from small to large": residuals(3.0)},
            named=gaussian_names,
            paths=gaussian_paths,
            mistakes={
                "log_sigma is the logarithm: sigma is exp(log_sigma)": (
                    lambda x, mean, t: gaussian_backward(x - mean, t)
                ),
                "1/sigma^2 is exp(-2 log_sigma), not exp(-log_sigma)": (
                    lambda x, mean, t: gaussian_backward(x - mean, np.exp(t / 2))
                ),
                "that is the derivative with respect to sigma; log_sigma is the variable": (
                    lambda x, mean, t: gaussian_backward(x - mean, np.exp(t), np.exp(-t))
                ),
            },
        ),
        (
            (
                "Write the loss of one pixel with t = log sigma: (x - m)^2 exp(-2t)/2 + t + log(2 pi)/2, and"
                " differentiate by m and by t."
            ),
            "By m: (m - x) exp(-2t). By t: the 2 of exp(-2t) cancels the 1/2, and the t alone gives 1.",
            "u = (x - mean) * np.exp(-log_sigma); dmean = -u * np.exp(-log_sigma); dlog_sigma = 1 - u**2",
        ),
    ),
    Exercise(
        "7.5",
        "the best shared sigma",
        same_values(
            lambda x, mean: np.sqrt(np.mean((x - mean) ** 2)),
            inputs(x=real("B", D), mean=real("B", D)),
            "sigma",
            mistakes={
                "this is sigma squared: (7.11) gives the variance, take its root": (
                    lambda x, mean: np.mean((x - mean) ** 2)
                ),
                "the mean of |x - m| is not the root of the mean square": (
                    lambda x, mean: np.mean(np.abs(x - mean))
                ),
                "np.std takes the mean of the residuals off first; a decoder that is wrong on one side must "
                "own up to it": lambda x, mean: np.std(x - mean),
                "a sum where a mean is meant": lambda x, mean: np.sqrt(np.sum((x - mean) ** 2)),
                "this is a variance, and np.var takes the mean of the residuals off first": lambda x, mean: (
                    np.var(x - mean)
                ),
                "a sum over pixels, a mean over images; the mean is over all of them": (
                    lambda x, mean: np.sqrt(np.sum((x - mean) ** 2) / len(x))
                ),
                "that is the spread of the images; the residuals are x - mean": lambda x, mean: np.std(x),
                "one sigma per image, and then their mean; all pixels have one": (
                    lambda x, mean: np.mean(np.sqrt(np.mean((x - mean) ** 2, axis=1)))
                ),
                "this is log sigma": lambda x, mean: np.log(np.mean((x - mean) ** 2)) / 2,
                "N is the number of all pixels, no less": (
                    lambda x, mean: np.sqrt(np.sum((x - mean) ** 2) / (x.size - 1))
                ),
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
                ("sigma", np.sqrt(2 * 784)): "the 2 is below: sigma^2 = 784/2",
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
                ("beta", np.sqrt(392)): "that is sigma; beta is sigma squared",
            },
        ),
        (
            "Compare with (7.13): what stands in front of the SSE?",
            "1/(2 sigma^2) = 1/784. For beta, multiply the loss by what makes the factor of SSE 1/2.",
            "sigma^2 = 392; multiplied by 392 the loss is SSE/2 + 392 KL.",
        ),
    ),
)
