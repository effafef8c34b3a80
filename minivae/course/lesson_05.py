"""The exercises of lesson 05: dense layers by hand.

    dense_forward(x, W, b)                          (5.3)        -> a
    dense_backward(x, W, da)                        (5.5, 5.6)   -> dx, dW, db
    relu_backward(dh, a)                            (5.8)        -> da
    sigmoid_backward(dh, a)                         (5.11)       -> da
    two_layer_backward(x, W1, b1, W2, b2, dout)     (5.12)       -> dx, dW1, db1, dW2, db2; ReLU between the
    layers

x is (B, n_in), W (n_in, n_out), b (n_out,), a and da (B, n_out).
"""

import numpy as np

from ..layers import sigmoid
from .judge import Exercise, Wrong, call, pencil, same_gradient, same_values


def layer(n_in, n_out):
    def inputs(rng, B):
        return {
            "x": rng.normal(size=(B, n_in)),
            "W": rng.normal(size=(n_in, n_out)),
            "b": rng.normal(size=n_out),
        }

    return inputs


def off_the_kink(rng, B):
    a = rng.normal(size=(B, 5))
    return {"a": a + np.copysign(0.1, a)}


def two_layers(rng, B):
    x, W1, b1 = layer(3, 5)(rng, B).values()
    _, W2, b2 = layer(5, 2)(rng, B).values()
    return {"x": x, "W1": W1, "b1": b1, "W2": W2, "b2": b2}


def two_layer(x, W1, b1, W2, b2):
    return np.maximum(x @ W1 + b1, 0) @ W2 + b2


def two_layer_names(values):
    a1 = values["x"] @ values["W1"] + values["b1"]
    return {
        "a1": a1,
        "h1": np.maximum(a1, 0),
        "[a1 > 0]": (a1 > 0).astype(float),
        "dh1": values["dout"] @ values["W2"].T,
    }


def keeps_the_tail(judge):
    """judge, and then, in float32, numbers where 1 - sigmoid(a) has rounded to 0."""

    def with_tail(answer):
        judge(answer)
        a = np.array([[20.0, 40.0, -40.0]], np.float32)
        da = np.asarray(call(answer, {"dh": np.ones_like(a), "a": a}), float)
        true = sigmoid(a.astype(float)) * sigmoid(-a.astype(float))
        if da.shape != a.shape or not np.allclose(da, true, rtol=1e-3, atol=0):
            raise Wrong(
                "Right on paper, and right for moderate a. But in float32 at a = 20 it is "
                f"{np.ravel(da)[0]:.3g}, where {true[0, 0]:.3g} is right: 1 - sigmoid(a) has rounded to 0. "
                "Write it so that nothing is subtracted."
            )

    with_tail.is_gradient = True
    return with_tail


EXERCISES = (
    Exercise(
        "5.1",
        "one weight with the pencil",
        pencil(
            a=-5,
            da=-5,
            dw=-15,
            dx=10,
            db=-5,
            mistakes={
                ("a", -6): "the bias is missing",
                ("a", 7): "a sign: w is -2",
                ("a", 5): "a sign: 3 times -2 is -6",
                ("da", 12.5): "that is L; asked for is its derivative at a",
                ("da", 5): "a sign: the derivative of a^2/2 is a",
                ("dw", 3): "3 is da/dw; the chain rule multiplies it by da",
                ("dw", 10): "w and x have changed places: dw = da x",
                ("dw", -5): "the factor x is missing",
                ("dw", 15): "a sign: da is negative",
                ("dx", -2): "-2 is da/dx; the chain rule multiplies it by da",
                ("dx", -15): "w and x have changed places: dx = da w",
                ("dx", -5): "the factor w is missing",
                ("dx", -10): "a sign: da and w are both negative",
                ("db", 1): "1 is da/db; the chain rule multiplies it by da",
                ("db", -4): "db is da, not da + b",
            },
        ),
        (
            "Forward first: w times x, then plus b.",
            "da is the derivative of a^2/2. It multiplies everything that follows.",
            "dw = da * x, dx = da * w, db = da.",
        ),
    ),
    Exercise(
        "5.2",
        "a dense layer forward",
        same_values(
            lambda x, W, b: x @ W + b,
            (layer(3, 2), layer(5, 5)),
            "a",
            mistakes={
                "the bias is missing": lambda x, W, b: x @ W,
                "the bias is taken off": lambda x, W, b: x @ W - b,
                "W is transposed; here a row of x meets a column of W: x @ W": lambda x, W, b: x @ W.T + b,
            },
        ),
        (
            "A row of x times a column of W, for every row and every column: that is a matrix product.",
            "@ is the matrix product. The bias has one number per output; NumPy uses it again for every row.",
            "x @ W + b",
        ),
    ),
    Exercise(
        "5.3",
        "a dense layer backward",
        same_gradient(
            lambda x, W, b: x @ W + b, (layer(3, 2), layer(5, 5)), wrt="x W b", takes="x W da", out="a"
        ),
        (
            "Each gradient has the shape of its array. Which products of da with x or W have that shape?",
            "dW sums over the images: x.T @ da. dx sums over the outputs: da @ W.T.",
            "db: b was used once per image, so its gradients add up over the rows: da.sum(axis=0).",
        ),
    ),
    Exercise(
        "5.4",
        "ReLU backward",
        same_gradient(
            lambda a: np.maximum(a, 0),
            off_the_kink,
            wrt="a",
            takes="dh a",
            out="h",
            named=lambda v: {"[a > 0]": (v["a"] > 0).astype(float)},
        ),
        (
            "Where a is negative, h does not move at all. Where it is positive, h moves as a does.",
            "a > 0 is an array of True and False; multiplied with numbers it counts as 1 and 0.",
            "dh * (a > 0)",
        ),
    ),
    Exercise(
        "5.5",
        "the sigmoid backward, without losing its tail",
        keeps_the_tail(
            same_gradient(
                sigmoid,
                lambda rng, B: {"a": rng.normal(0, 2, (B, 3))},
                wrt="a",
                takes="dh a",
                out="h",
                named=lambda v: {"sigmoid(a)": sigmoid(v["a"]), "sigmoid(-a)": sigmoid(-v["a"])},
            )
        ),
        (
            "What arrives, times the slope (5.11).",
            "1 - sigmoid(a) is sigmoid(-a), computed without a subtraction.",
            "dh * sigmoid(a) * sigmoid(-a)",
        ),
    ),
    Exercise(
        "5.6",
        "two layers backward",
        same_gradient(
            two_layer,
            two_layers,
            wrt="x W1 b1 W2 b2",
            takes="x W1 b1 W2 b2 dout",
            out="out",
            named=two_layer_names,
        ),
        (
            (
                "Run forward again as far as you need it: a1, then h1. Then go back from dout, one line for"
                " each line forward."
            ),
            (
                "The second layer's input was h1: dW2 = h1.T @ dout, and dh1 = dout @ W2.T goes on through"
                " the ReLU."
            ),
            "da1 = dh1 * (a1 > 0); then dW1 = x.T @ da1, db1 = da1.sum(axis=0), dx = da1 @ W1.T.",
        ),
    ),
)
