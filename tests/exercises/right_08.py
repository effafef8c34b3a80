"""Right answers to the exercises of lesson 08 in many styles: all of them count."""

import math

import numpy as np


def rmsprop(theta, v, grad, lr, decay, eps):
    v = v + (1 - decay) * (grad * grad - v)
    return theta - lr * grad * (v + eps) ** -0.5, v


def rmsprop_reordered(theta, grad, v, lr, decay, eps):
    return rmsprop(theta, v, grad, lr, decay, eps)


def adam(theta, m, v, grad, t, lr, beta1, beta2, eps):
    m = m + (1 - beta1) * (grad - m)
    v = v * beta2 + np.square(grad) * (1 - beta2)
    return theta - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


def adam_by_loop(theta, m, v, grad, t, lr, beta1, beta2, eps):
    new = [adam(*one, t, lr, beta1, beta2, eps) for one in zip(theta, m, v, grad)]
    return [np.array(part) for part in zip(*new)]


RIGHT = [
    ("8.1", lambda theta, grad, lr: theta - lr * grad),
    ("8.1", lambda theta, g, lr: np.subtract(theta, np.multiply(lr, g))),
    ("8.1", lambda theta, grad, lr: [t - lr * g for t, g in zip(theta, grad)]),
    ("8.2", lambda theta, m, grad, lr, momentum: (theta - lr * (momentum * m + grad), momentum * m + grad)),
    (
        "8.2",
        lambda theta, m, grad, lr, momentum: np.stack(
            [theta - lr * momentum * m - lr * grad, momentum * m + grad]
        ),
    ),
    ("8.3", rmsprop),
    ("8.3", rmsprop_reordered),
    ("8.3", lambda *a: list(rmsprop(*a))),
    ("8.3", lambda *a: dict(zip(("theta", "v"), rmsprop(*a)))),
    ("8.3", lambda *a: np.array(rmsprop(*a))),
    ("8.4", ("pytorch", "tensorflow1", "keras")),
    ("8.4", ["pytorch", "tensorflow1", "keras"]),
    ("8.5", adam),
    ("8.5", adam_by_loop),
    ("8.5", lambda *a: np.stack(adam(*a))),
    ("8.6", lambda g, decay: np.log(g**2 * (1 / 0.81 - 1) / (1 - g**2)) / np.log(decay)),
    ("8.6", lambda g, decay: (2 * np.log(g) + math.log(0.19 / 0.81) - np.log1p(-(g**2))) / math.log(decay)),
    ("8.6", lambda g, decay: math.log(0.19 * g * g / 0.81 / (1 - g * g), decay)),
]
