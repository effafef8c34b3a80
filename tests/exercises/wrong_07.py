"""Common wrong answers to the exercises of lesson 07, and what the check must say."""

import numpy as np

from minivae.layers import sigmoid, softplus


def gaussian(dmean=lambda r, s: -r / s**2, dlog_sigma=lambda r, s: 1 - (r / s) ** 2):
    """gaussian_backward with one of its two lines exchanged: r = x - mean, s = sigma."""

    def gaussian_backward(x, mean, log_sigma):
        r, s = x - mean, np.exp(log_sigma)
        return dmean(r, s), dlog_sigma(r, s)

    return gaussian_backward


def from_p(x, logits):
    p = sigmoid(logits)
    return (x * np.log(p + 1e-7) + (1 - x) * np.log(1 - p + 1e-7)).sum(axis=-1)


def naive(x, logits):
    p = 1 / (1 + np.exp(-logits))
    return (x * np.log(p) + (1 - x) * np.log(1 - p)).sum(axis=-1)


def atomic(x, logits):
    p = sigmoid(logits)
    return (p - x) / (p * (1 - p)) * p * (1 - p)


def atomic_in_two_terms(x, logits):
    p = sigmoid(logits)
    return (-x / p + (1 - x) / (1 - p)) * p * (1 - p)


def clipped(x, logits):
    p = np.clip(sigmoid(logits), 1e-12, 1 - 1e-12)
    return (x * np.log(p) + (1 - x) * np.log(1 - p)).sum(axis=-1)


WRONG = [
    ("7.1", lambda x, p: (x - p) / (p * (1 - p)), {"relation": "sign"}),
    ("7.1", lambda x, p: p - x, "a factor p(1 - p) too many"),
    ("7.1", lambda x, p: (p - x) / p, "a factor 1 - p too many"),
    ("7.2", from_p, "1e-7 inside the logarithm"),
    ("7.2", naive, "NaN or infinite"),
    ("7.2", lambda x, logits: (softplus(logits) - x * logits).sum(axis=-1), "this is the loss"),
    ("7.2", lambda x, logits: (x * logits - softplus(logits)).mean(axis=-1), "a mean over pixels"),
    ("7.2", lambda x, logits: -softplus(-logits).sum(axis=-1), "right for a light pixel"),
    ("7.2", lambda x, logits: (x * logits - softplus(logits)).sum(), "single number"),
    ("7.2", clipped, "p clipped at 1e-12"),
    ("7.2", lambda x, logits: (x * logits - np.log1p(np.exp(logits))).sum(axis=-1), "overflows"),
    ("7.3", atomic, "0/0 remains where p rounds"),
    ("7.3", atomic_in_two_terms, "NaN or infinite"),
    ("7.3", lambda x, logits: x - sigmoid(logits), {"relation": "sign"}),
    ("7.3", lambda x, logits: logits - x, "sigmoid(logits)"),
    ("7.3", lambda x, logits: (sigmoid(logits) - x) * sigmoid(logits) * sigmoid(-logits), "sigmoid'(logits)"),
    ("7.3", lambda x, logits: sigmoid(logits), "lacks the term -x"),
    ("7.4", gaussian(dmean=lambda r, s: r / s**2), {"relation": "sign"}),
    ("7.4", gaussian(dmean=lambda r, s: -r / s), "exp(-2 log_sigma)"),
    ("7.4", gaussian(dmean=lambda r, s: -r), "1/sigma"),
    ("7.4", gaussian(dlog_sigma=lambda r, s: -((r / s) ** 2)), "the term log sigma is missing"),
    ("7.4", gaussian(dlog_sigma=lambda r, s: (r / s) ** 2 - 1), {"relation": "sign"}),
    # d/dsigma, not d/dlog sigma
    ("7.4", gaussian(dlog_sigma=lambda r, s: 1 / s - r**2 / s**3), "log_sigma is the variable"),
    ("7.4", lambda *a: gaussian()(*a)[::-1], "another order: you return dlog_sigma, dmean"),
    ("7.4", lambda x, mean, t: ((mean - x) / t**2, 1 - ((x - mean) / t) ** 2), "sigma is exp(log_sigma)"),
    ("7.4", gaussian(lambda r, s: -r / s, lambda r, s: 1 - r**2 / s), "exp(-2 log_sigma)"),
    ("7.5", lambda x, mean: np.mean((x - mean) ** 2), "this is sigma squared"),
    ("7.5", lambda x, mean: np.std(x - mean), "takes the mean of the residuals off"),
    ("7.5", lambda x, mean: np.sqrt(np.mean((x - mean) ** 2, axis=1)), "shape"),
    ("7.6", (392.0, 392.0), "that is sigma squared"),
    ("7.6", (392**0.5, 784.0), "784 would be right"),
    ("7.6", (392**0.5, 1 / 392), "upside down"),
]
