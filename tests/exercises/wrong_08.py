"""Common wrong answers to the exercises of lesson 08, and what the check must say."""

import numpy as np

from minivae.course.lesson_08 import momentum_step


def rmsprop(
    update=lambda v, g, decay: decay * v + (1 - decay) * g**2, divide=lambda g, v, eps: g / np.sqrt(v + eps)
):
    """rmsprop_step with one of its two lines exchanged."""

    def rmsprop_step(theta, v, grad, lr, decay, eps):
        v = update(v, grad, decay)
        return theta - lr * divide(grad, v, eps), v

    return rmsprop_step


def adam(
    hat=lambda m, v, b1t, b2t: (m / (1 - b1t), v / (1 - b2t)), move=lambda m, v, eps: m / (np.sqrt(v) + eps)
):
    """adam_step with one of its lines exchanged."""

    def adam_step(theta, m, v, grad, t, lr, beta1, beta2, eps):
        m, v = beta1 * m + (1 - beta1) * grad, beta2 * v + (1 - beta2) * grad**2
        return theta - lr * move(*hat(m, v, beta1**t, beta2**t), eps), m, v

    return adam_step


def in_place(theta, grad, lr):
    theta -= lr * grad
    return theta


def old_accumulator(theta, v, grad, lr, decay, eps):
    return theta - lr * grad / np.sqrt(v + eps), decay * v + (1 - decay) * grad**2


def velocity(theta, m, grad, lr, momentum):
    m = momentum * m - lr * grad
    return theta + m, m


def nesterov(theta, m, grad, lr, momentum):
    m = momentum * m + grad
    return theta - lr * (grad + momentum * m), m


WRONG = [
    ("8.1", lambda theta, grad, lr: theta + lr * grad, "uphill"),
    ("8.1", lambda theta, grad, lr: theta - grad, "learning rate is missing"),
    ("8.1", in_place, "changes its input theta"),
    ("8.2", lambda theta, m, grad, lr, momentum: (theta - lr * m, momentum * m + grad), "update m first"),
    (
        "8.2",
        lambda theta, m, grad, lr, momentum: (theta - lr * grad, momentum * m + grad),
        "has to move by m",
    ),
    (
        "8.2",
        lambda theta, m, grad, lr, momentum: theta - lr * (momentum * m + grad),
        "2 are expected: return theta, m",
    ),
    ("8.2", velocity, "keeps sign and learning rate out of m"),
    ("8.2", nesterov, "Nesterov"),
    ("8.2", lambda *a: momentum_step(*a)[::-1], "another order: you return m, theta"),
    ("8.3", old_accumulator, "updated before it divides"),
    ("8.3", rmsprop(divide=lambda g, v, eps: g / (np.sqrt(v) + eps)), "PyTorch's variant"),
    ("8.3", rmsprop(divide=lambda g, v, eps: g / (v + eps)), "root is missing"),
    ("8.3", rmsprop(update=lambda v, g, decay: decay * v + g**2), "1 - decay is missing"),
    ("8.3", rmsprop(update=lambda v, g, decay: (1 - decay) * v + decay * g**2), "changed places"),
    ("8.3", lambda *a: rmsprop()(*a)[::-1], "another order: you return v, theta"),
    ("8.3", rmsprop(update=lambda v, g, decay: v + g**2), "that is Adagrad"),
    ("8.4", ("tensorflow1", "pytorch", "keras"), "Run A is not 'tensorflow1'"),
    ("8.4", ("pytorch", "keras", "tensorflow1"), "Run B is not 'keras'"),
    ("8.4", ("torch", "tensorflow1", "keras"), "'torch' is none of"),
    ("8.5", adam(hat=lambda m, v, b1t, b2t: (m, v)), "bias correction is missing"),
    ("8.5", adam(move=lambda m, v, eps: m / np.sqrt(v + eps)), "outside the root"),
    (
        "8.6",
        lambda g, decay: np.log(g**2 * (1 / 0.9 - 1) / (1 - g**2)) / np.log(decay),
        "0.9 has to be squared",
    ),
    ("8.6", lambda g, decay: np.log(g**2 * (1 / 0.81 - 1) / (1 - g**2)), "log(decay)"),
]
