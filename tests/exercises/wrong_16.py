"""Common wrong answers to the exercises of lesson 16, and what the check must say."""

import numpy as np


def never_stretched(d, shape):
    while d.ndim > len(shape):
        d = d.sum(axis=0)
    return d


def loses_the_axis(d, shape):
    d = never_stretched(d, shape)
    return d.sum(axis=tuple(k for k, n in enumerate(shape) if n == 1))


def row(a):
    return a.mean(axis=-1, keepdims=True)


RIGHT_FATES = ("gone", "stays", "stays", "gone", "stays", "gone", "stays", "stays")

WRONG = [
    ("16.1", lambda a, da, b, db: (a / b, da / db), "not a quotient of derivatives"),
    ("16.1", lambda a, da, b, db: (a / b, da / b), "b moves, too"),
    ("16.1", lambda a, da, b, db: ((da - a / b * db) / b, a / b), "in another order"),
    ("16.2", never_stretched, "expected (9, 4, 1)"),
    ("16.2", loses_the_axis, "has shape (9, 4); expected (9, 4, 1)"),
    ("16.2", lambda d, shape: d, "expected (10,)"),
    ("16.2", lambda d, shape: d[0, 0], "not right yet"),
    ("16.3", lambda dp, p: dp * p * (1 - p), "the derivative of a sigmoid"),
    ("16.3", lambda dp, p: dp * p, "add up to 1"),
    ("16.3", lambda dp, p: p * (dp - (dp * p).sum()), "along each row"),
    ("16.4", lambda dh, h, s: dh / s, "the path through the mean is missing"),
    ("16.4", lambda dh, h, s: (dh - row(dh)) / s, "the path through the standard deviation is missing"),
    (
        "16.4",
        lambda dh, h, s: (dh - row(dh) + h * row(dh * h)) / s,
        "the path through the standard deviation has the wrong sign",
    ),
    ("16.4", lambda dh, h, s: dh - row(dh) - h * row(dh * h), "the division by s is missing"),
    ("16.5", ("stays", *RIGHT_FATES[1:]), "Mistake A is not 'stays'. Is there still a line"),
    ("16.5", (*RIGHT_FATES[:7], "gone"), "what does a tape make of log(sigmoid(a))"),
    ("16.6", lambda gradients, sizes: np.mean(gradients, axis=0), "a shard with more images weighs more"),
    ("16.6", lambda gradients, sizes: np.sum(gradients, axis=0), "a plain sum"),
    ("16.6", lambda gradients, sizes: sum(gradients) / sum(sizes), "multiplied by their number"),
    (
        "16.6",
        lambda gradients, sizes: sum(g * sum(sizes) / n for g, n in zip(gradients, sizes)),
        "not B / B_s",
    ),
]
