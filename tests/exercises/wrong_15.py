"""Common wrong answers to the exercises of lesson 15, and what the check must say."""

import numpy as np

from minivae.course.lesson_15 import critic_with, gumbel_max, hinge_with, project, robust_max, softmax


def hinge_forward(dloss, scores, y):
    return dloss[:, None] * np.maximum(1 + scores - scores[np.arange(len(y)), y][:, None], 0)


def sorted_and_shifted(v, order=-1, place=0):
    """Exercise 15.2 with u sorted the other way, or with another theta."""
    u = order * np.sort(order * v)
    theta = [(sum(u[: k + 1]) - 1) / (k + 1) for k in range(len(v))]
    return np.maximum(v - theta[sum(u > theta) + place], 0)


def pulled_in_any_case(dloss, scores, y):
    rows = range(len(y))
    over = np.where(scores + 1 > scores[rows, y][:, None], 1.0, 0.0)
    over[rows, y] = -1
    return over * dloss[:, None]


def whole_columns(dloss, scores, y):
    rows = range(len(y))
    over = (1 + scores > scores[rows, y][:, None]) * dloss[:, None]
    over[:, y] = 0
    over[rows, y] = -over.sum(axis=1)
    return over


WRONG = [
    ("15.1", lambda dQ, Q: Q * dQ, "is missing"),
    ("15.1", lambda dQ, Q: dQ * Q * (1 - Q), "diagonal of the Jacobian"),
    ("15.1", lambda dQ, Q: Q * (dQ - (dQ * Q).sum(axis=1, keepdims=True)), "axis=0"),
    ("15.1", lambda dQ, Q: -Q * (dQ - (dQ * Q).sum(axis=0)), "sign"),
    ("15.1", lambda dQ, Q: dQ - (dQ * Q).sum(axis=0), "Q"),
    ("15.2", lambda v: np.maximum(v, 0) / np.maximum(v, 0).sum(), "not the nearest"),
    ("15.2", softmax, "softmax"),
    ("15.2", lambda v: v - (v.sum() - 1) / len(v), "not clipped"),
    ("15.2", lambda v: 2 * project(v), "q"),
    ("15.2", sorted_and_shifted, "theta_k is theta[k - 1]"),
    ("15.2", lambda v: sorted_and_shifted(v, place=-2), "theta"),
    ("15.2", lambda v: sorted_and_shifted(v, order=1, place=-1), "u sorted upwards"),
    ("15.3", lambda logits, u: np.argmax(logits + np.log(-np.log(u)), axis=-1), "outer sign"),
    ("15.3", lambda logits, u: np.argmax(logits, axis=-1), "likeliest word"),
    ("15.3", lambda logits, u: gumbel_max(logits.T, u.T), "word"),
    ("15.4", lambda f, eps: robust_max(f.mean(axis=0, keepdims=True), eps), "winner of the mean"),
    ("15.4", lambda f, eps: robust_max(f, eps) * f.shape[-1], "p"),
    ("15.5", critic_with(slope=np.ones_like), "slope of tanh"),
    ("15.5", lambda *a: critic_with()(*a)[1:] + critic_with()(*a)[:1], "another order"),
    ("15.6", hinge_with(pull=lambda over: 0 * over[:, 0]), "true class is pulled up"),
    ("15.6", hinge_with(margin=0.0), "margin is missing"),
    ("15.6", pulled_in_any_case, "not by 1 in any case"),
    ("15.6", whole_columns, "whole columns"),
    ("15.6", hinge_forward, "dscores is wrong"),
]
