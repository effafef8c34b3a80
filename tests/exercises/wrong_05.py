"""Common wrong answers to the exercises of lesson 05, and what the check must say."""

import numpy as np

from minivae.layers import sigmoid


def layer(dx=lambda da, W: da @ W.T, dW=lambda da, x: x.T @ da, db=lambda da: da.sum(axis=0)):
    """dense_backward with one of its lines exchanged."""
    return lambda da, x, W: (dx(da, W), dW(da, x), db(da))


def two_layer(
    mask=lambda a1, h1: a1 > 0,
    h=lambda a1, h1: h1,
    after=lambda dout, out: dout,
    db1=lambda da1: da1.sum(axis=0),
    order=lambda *parts: parts,
):
    """two_layer_backward with one of its parts exchanged."""

    def two_layer_backward(dout, x, W1, b1, W2, b2):
        a1 = x @ W1 + b1
        h1 = np.maximum(a1, 0)
        dout = after(dout, h1 @ W2 + b2)
        da1 = (dout @ W2.T) * mask(a1, h1)
        return order(da1 @ W1.T, x.T @ da1, db1(da1), h(a1, h1).T @ dout, dout.sum(axis=0))

    return two_layer_backward


WRONG = [
    ("5.1", (-5, -5, 10, -15, -5), "changed places"),
    ("5.1", (-5, 12.5, -15, 10, -5), "that is L"),
    ("5.1", (-5, -5, -15, 10, 1), "multiplies it by da"),
    ("5.1", (-5, -10, -30, 20, -10), "the 1/2 is missing"),
    ("5.2", lambda x, W, b: x @ W, "the bias is missing"),
    ("5.2", lambda x, W, b: x @ W.T + b, "raised ValueError"),
    ("5.2", lambda x, W, b: np.maximum(x @ W + b, 0), "not part of the dense layer"),
    ("5.2", lambda x, W, b: x @ W + abs(b), "is right"),  # a bias may be negative
    ("5.2", lambda x, W, b: (x @ W + b) / len(x), "It is right with x of shape (1, "),
    ("5.3", layer(db=lambda da: da.mean(axis=0)), {"relation": "scale", "term": "1/B"}),
    ("5.3", layer(dW=lambda da, x: x.T @ da / len(x)), {"relation": "scale", "term": "1/B"}),
    ("5.3", layer(dW=lambda da, x: da.T @ x), "is it transposed?"),
    ("5.3", layer(db=lambda da: da), "is a sum over axis 0 missing?"),
    ("5.3", layer(dx=lambda da, W: da @ (W if len(W) == W.shape[1] else W.T)), {"relation": "transpose"}),
    ("5.3", layer(db=lambda da: -da.sum(axis=0)), {"relation": "sign"}),
    ("5.3", layer(dx=lambda da, W: abs(da) @ W.T), "dW is right.\ndb is right."),
    ("5.3", lambda da, x, W: layer()(da, x, W)[::-1], "in another order"),
    ("5.4", lambda dh, a: (a > 0) * 1.0, {"relation": "factor", "term": "dh"}),
    ("5.4", lambda dh, a: dh * np.maximum(a, 0), "not a itself"),
    ("5.4", lambda dh, a: dh * abs(a), "not |a|"),
    ("5.4", lambda dh, a: dh, {"relation": "factor", "term": "[a > 0]"}),
    ("5.4", lambda dh, a: dh * (a < 0), "the wrong half"),
    ("5.4", lambda dh, a: abs(dh) * (a > 0), "its signs are lost"),
    ("5.4", lambda dh, a: np.where(dh * a > 0, dh, 0), "da is wrong"),
    ("5.4", lambda dh, a: dh * (1 - np.tanh(a) ** 2), "tanh's slope"),
    ("5.5", lambda dh, a: dh * sigmoid(a), "sigmoid(-a) is missing"),
    ("5.5", lambda dh, a: sigmoid(a) * sigmoid(-a), {"relation": "factor", "term": "dh"}),
    ("5.5", lambda dh, a: abs(dh) * sigmoid(a) * sigmoid(-a), "its signs are lost"),
    ("5.5", lambda dh, a: dh * sigmoid(a) * (1 - sigmoid(a)), "nothing is subtracted"),
    ("5.5", lambda dh, a: dh * (1 - np.tanh(a / 2) ** 2) / 4, "Right for numbers of ordinary size"),
    ("5.5", lambda dh, a: dh * np.exp(-a) / (1 + np.exp(-a)) ** 2, "at a = -80"),
    ("5.5", lambda dh, a: dh * (1 - sigmoid(a) ** 2), "with the sigmoid for h"),
    ("5.6", two_layer(mask=lambda a1, h1: 1), "was not passed on the way back"),
    ("5.6", two_layer(mask=lambda a1, h1: h1), "not h1"),
    ("5.6", two_layer(h=lambda a1, h1: a1), "dW2 = h1.T @ dout"),
    ("5.6", two_layer(after=lambda dout, out: dout * (out > 0)), "no ReLU after the second layer"),
    ("5.6", two_layer(db1=lambda da1: da1.mean(axis=0)), {"relation": "scale", "term": "1/B"}),
    ("5.6", two_layer(order=lambda *parts: parts[3:] + parts[:3]), "in another order"),
]
