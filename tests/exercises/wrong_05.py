"""Common wrong answers to the exercises of lesson 05, and what the check must say."""

import numpy as np

from minivae.layers import sigmoid


def two_layer(h1_in_dW2=True, mask=True, transpose_W2=True, bias=True):
    """two_layer_backward with one of its parts left out."""

    def two_layer_backward(x, W1, b1, W2, b2, dout):
        a1 = x @ W1 + b1
        h1 = np.maximum(a1, 0)
        dW2 = (h1 if h1_in_dW2 else a1).T @ dout
        dh1 = dout @ W2.T
        da1 = dh1 * (a1 > 0) if mask else dh1
        db1 = da1.sum(axis=0) if bias else da1.mean(axis=0)
        return da1 @ W1.T, x.T @ da1, db1, dW2, dout.sum(axis=0)

    return two_layer_backward


WRONG = [
    ("5.1", (-5, -5, 10, -15, -5), "changed places"),
    ("5.1", (-5, 12.5, -15, 10, -5), "that is L"),
    ("5.1", (-5, -5, -15, 10, 1), "multiplies it by da"),
    ("5.2", lambda x, W, b: x @ W, "the bias is missing"),
    ("5.2", lambda x, W, b: x @ W.T + b, "raised ValueError"),
    ("5.3", lambda x, W, da: (da @ W.T, x.T @ da, da.mean(axis=0)), {"relation": "scale", "term": "1/B"}),
    (
        "5.3",
        lambda x, W, da: (da @ W.T, x.T @ da / len(x), da.sum(axis=0)),
        {"relation": "scale", "term": "1/B"},
    ),
    ("5.3", lambda x, W, da: (da @ W.T, da.T @ x, da.sum(axis=0)), "is it transposed?"),
    ("5.3", lambda x, W, da: (da @ W.T, x.T @ da, da), "is a sum over axis 0 missing?"),
    (
        "5.3",
        lambda x, W, da: (da @ (W if len(W) == W.shape[1] else W.T), x.T @ da, da.sum(axis=0)),
        {"relation": "transpose", "term": "W"},
    ),
    ("5.3", lambda x, W, da: (da @ W.T, x.T @ da, -da.sum(axis=0)), {"relation": "sign"}),
    ("5.4", lambda dh, a: (a > 0) * 1.0, {"relation": "factor", "term": "dh"}),
    ("5.4", lambda dh, a: dh * np.maximum(a, 0), {"relation": "factor", "term": "h"}),
    ("5.4", lambda dh, a: dh, {"relation": "factor", "term": "[a > 0]"}),
    ("5.4", lambda dh, a: dh * (a < 0), "da is wrong"),
    ("5.5", lambda dh, a: dh * sigmoid(a), {"relation": "factor", "term": "sigmoid(-a)"}),
    ("5.5", lambda dh, a: sigmoid(a) * sigmoid(-a), {"relation": "factor", "term": "dh"}),
    ("5.5", lambda dh, a: dh * sigmoid(a) * (1 - sigmoid(a)), "nothing is subtracted"),
    ("5.5", lambda dh, a: dh * (1 - sigmoid(a) ** 2), "da is wrong"),
    ("5.6", two_layer(mask=False), {"relation": "factor", "term": "[a1 > 0]"}),
    ("5.6", two_layer(h1_in_dW2=False), {"relation": "formula"}),
    ("5.6", two_layer(bias=False), {"relation": "scale", "term": "1/B"}),
]
