"""Dense layers and activations, each forward beside its backward (lesson 05).

Arrays are (..., features): any number of leading axes, the last one holds the features.
`da` means the derivative of the loss with respect to `a`, in the shape of `a`.
Every function works in float32, float64 and complex128 alike: what is checked is what is trained.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


def softplus(a):
    """log(1 + exp(a)) (5.9): never overflows, right at 0, and safe for a complex step.

    max(a, 0) + log(1 + exp(-|a|)), with -|a| written as min(a, -a): the modulus of a complex number is not
    what is meant.
    """
    return np.maximum(a, 0) + np.log1p(np.exp(np.minimum(a, -a)))


def sigmoid(a):
    """1 / (1 + exp(-a)), the derivative of softplus (5.10): relative precision at both ends, no overflow."""
    return np.exp(np.minimum(a, 0)) / (1 + np.exp(np.minimum(a, -a)))


@dataclass(frozen=True)
class Elementwise:
    """An elementwise pair: h = forward(a) and da = backward(dh, a, h).

    Activations, and the heads that make sigma of raw.
    """

    name: str
    forward: Callable
    backward: Callable


ACTIVATIONS = {
    act.name: act
    for act in (
        Elementwise("relu", lambda a: np.maximum(a, 0), lambda dh, a, h: dh * (a > 0)),
        Elementwise("tanh", np.tanh, lambda dh, a, h: dh * (1 - h * h)),
        Elementwise("softplus", softplus, lambda dh, a, h: dh * sigmoid(a)),
    )
}


class Dense:
    """a = x W + b (5.3), with W (n_in, n_out) and b (n_out,).

    W, b, dW and db are views into the model's flat vectors of parameters and gradients; nothing else is kept.
    Once the model is built, assigning to them writes into the view: the layer and the vector never part.
    """

    built = False

    def __init__(self, W, b, dW, db):
        self.W, self.b, self.dW, self.db = W, b, dW, db

    def __setattr__(self, name, value):
        if self.built:
            getattr(self, name)[...] = value
        else:
            super().__setattr__(name, value)

    def forward(self, x):
        """x (..., n_in) -> a (..., n_out)."""
        a = _rows(x) @ self.W
        a += self.b
        return a.reshape(*x.shape[:-1], a.shape[-1])

    def backward(self, da, x, need_dx=True):
        """dW = x' da, db = sum of da (5.5), dx = da W' (5.6).

        da (..., n_out), x (..., n_in) as it went in; overwrites dW and db with the sum over all leading axes
        and returns dx (..., n_in), or None where nobody needs it.
        """
        rows, drows = _rows(x), _rows(da)
        np.matmul(rows.T, drows, out=self.dW)
        drows.sum(axis=0, out=self.db)
        return (drows @ self.W.T).reshape(x.shape) if need_dx else None


def _rows(x):
    """(..., n) as one matrix (rows, n): one large product is faster than one for each sample."""
    return x.reshape(-1, x.shape[-1])


class Stack:
    """Dense layers with an activation between them; the last layer is linear.

    The pre-activations a and the activations h of the hidden layers are left in the trace as
    `<name>_a0`, `<name>_h0`, `<name>_a1`, ...; their gradients under the same names with a d in front.
    """

    def __init__(self, name, layers, activation):
        self.layers, self.activation = layers, activation
        self.names = [(f"{name}_a{i}", f"{name}_h{i}") for i in range(len(layers) - 1)]

    def forward(self, t, x):
        """x (..., n_in) -> output of the last layer (..., n_out); the hidden layers go into the trace t."""
        h = x
        for layer, (a_name, h_name) in zip(self.layers, self.names):
            t[a_name] = layer.forward(h)
            t[h_name] = self.activation.forward(t[a_name])
            h = t[h_name]
        return self.layers[-1].forward(h)

    def backward(self, dout, t, x, d, need_dx=True):
        """dout (..., n_out) -> dx (..., n_in); overwrites every dW and db,
        leaves da and dh in the trace d."""
        for i in range(len(self.layers) - 1, 0, -1):
            a_name, h_name = self.names[i - 1]
            d["d" + h_name] = self.layers[i].backward(dout, t[h_name])
            d["d" + a_name] = dout = self.activation.backward(d["d" + h_name], t[a_name], t[h_name])
        return self.layers[0].backward(dout, x, need_dx)
