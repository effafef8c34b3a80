"""Right answers to the exercises of lesson 16 in many styles: all of them count."""

import numpy as np


def quotient_by_the_rule_of_school(a, da, b, db):
    return {"c": a / b, "dc": (da * b - a * db) / b**2}


def fit_by_reductions(d, shape):
    extra = d.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(extra + k for k, n in enumerate(shape) if n == 1)
    return np.sum(d, axis=axes).reshape(shape)


def softmax_by_jacobian(dp, p):
    return np.array([(np.diag(row) - np.outer(row, row)) @ d for row, d in zip(p, dp)])


def normalise_by_jacobian(dh, h, s):
    M = h.shape[1]
    jacobians = [(np.eye(M) - 1 / M - np.outer(row, row) / M) / sd for row, sd in zip(h, s[:, 0])]
    return np.array([J.T @ d for J, d in zip(jacobians, dh)])


def one_shard_after_the_other(gradients, sizes):
    total = 0.0
    for g, n in zip(gradients, sizes):
        total = total + n * g
    return total / np.sum(sizes)


RIGHT = [
    ("16.1", quotient_by_the_rule_of_school),
    ("16.1", lambda a, da, b, db: (a / b, da / b - a * db / b / b)),
    ("16.2", fit_by_reductions),
    ("16.3", softmax_by_jacobian),
    ("16.3", lambda dp, p: p * dp - p * np.sum(p * dp, axis=1)[:, None]),
    ("16.4", normalise_by_jacobian),
    ("16.4", lambda dh, h, s: ((dh - dh.mean(1, keepdims=True)) - h * np.mean(h * dh, 1)[:, None]) / s),
    ("16.5", ["gone", "stays", "stays", "gone", "stays", "gone", "stays", "stays"]),
    ("16.6", one_shard_after_the_other),
    ("16.6", lambda gradients, sizes: np.average(gradients, axis=0, weights=sizes)),
]
