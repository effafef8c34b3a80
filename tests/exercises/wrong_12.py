"""Common wrong answers to the exercises of lesson 12, and what the check must say."""

import numpy as np


def joined(h, y):
    return np.concatenate([h, y], axis=1)


def keeps_all(da, h, y, W):
    """dh with y's columns still in it."""
    return da @ W.T, joined(h, y).T @ da, da.sum(axis=0)


def weights_of_h_alone(da, h, y, W):
    return (da @ W.T)[:, : h.shape[1]], h.T @ da, da.sum(axis=0)


def wrong_end(da, h, y, W):
    return (da @ W.T)[:, -h.shape[1] :], joined(h, y).T @ da, da.sum(axis=0)


def forgets_y(da, h, y, W):
    return (da @ W.T)[:, : h.shape[1]], joined(h, 0 * y).T @ da, da.sum(axis=0)


def softmax(a):
    r = np.exp(a - a.max(axis=1, keepdims=True))
    return r / r.sum(axis=1, keepdims=True)


def overflows(a, y):
    with np.errstate(all="ignore"):
        r = np.exp(a) / np.exp(a).sum(axis=1, keepdims=True)
    return (r - np.eye(a.shape[1])[y]) / len(a)


def one_top(a, y):
    with np.errstate(all="ignore"):
        r = np.exp(a - a.max()) / np.exp(a - a.max()).sum(axis=1, keepdims=True)
    return (r - np.eye(a.shape[1])[y]) / len(a)


def ignores_groups(codes, has, group):
    return codes[has == 1].mean(axis=0) - codes[has == 0].mean(axis=0)


def all_alike(codes, has, group):
    return np.mean([ignores_groups(codes[group == g], has[group == g], 0) for g in np.unique(group)], axis=0)


WRONG = (
    ("12.1", keeps_all, "dh"),
    ("12.1", weights_of_h_alone, "dW"),
    ("12.1", wrong_end, "the wrong end"),
    ("12.1", forgets_y, "y's rows are 0"),
    ("12.1", lambda da, h, y, W: weights_of_h_alone(da, h, y, W)[::-1], "dh"),
    ("12.2", lambda a, y: softmax(a) - np.eye(a.shape[1])[y], "1/B is missing"),
    ("12.2", lambda a, y: (np.eye(a.shape[1])[y] - softmax(a)) / len(a), "the sign"),
    ("12.2", overflows, "each row's largest"),
    ("12.2", one_top, "each row has its own largest logit"),
    ("12.2", lambda a, y: softmax(a), "da is wrong"),
    ("12.3", (-72.0, 1.7, 1.4), "bounds log p(x|y)"),
    ("12.3", (-74.3, 3.3, 1.4), "has to come off as well"),
    ("12.3", (-74.3, 1.7, 0.9), "what is left"),
    ("12.3", (-73.0, 1.7, 1.4), "natural logarithm"),
    ("12.4", ignores_groups, "the groups are not used"),
    ("12.4", all_alike, "here all count alike"),
    ("12.4", lambda codes, has, group: ignores_groups(codes, has, group)[:2], "v"),
)
