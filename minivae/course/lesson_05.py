"""The exercises of lesson 05: dense layers by hand.

    dense_forward(x, W, b)                          (5.3)        -> a
    dense_backward(da, x, W)                        (5.5, 5.6)   -> dx, dW, db
    relu_backward(dh, a)                            (5.8)        -> da
    sigmoid_backward(dh, a)                         (5.11)       -> da
    two_layer_backward(dout, x, W1, b1, W2, b2)     (5.12)       -> dx, dW1, db1, dW2, db2; ReLU in between

x is (B, n_in), W (n_in, n_out), b (n_out,), a and da (B, n_out).
"""

import numpy as np

from ..layers import sigmoid
from .judge import Exercise, Wrong, all_of, call, inputs, pencil, real, same_gradient, same_values

LAYERS = {
    "a layer of different sizes": inputs(
        x=real("B", "D", tails=20), W=real("D", "H", tails=20), b=real("H", tails=20)
    ),
    "a square layer": inputs(x=real("B", "N", tails=20), W=real("N", "N", tails=20), b=real("N", tails=20)),
}
TWO_LAYERS = inputs(
    x=real("B", "D", tails=100),
    W1=real("D", "H", tails=100),
    b1=real("H"),
    W2=real("H", "N", tails=100),
    b2=real("N"),
)


def two_layer(x, W1, b1, W2, b2):
    return np.maximum(x @ W1 + b1, 0) @ W2 + b2


def two_layer_names(values):
    a1 = values["x"] @ values["W1"] + values["b1"]
    dh1 = values["dout"] @ values["W2"].T
    return {
        "a1": a1,
        "h1": np.maximum(a1, 0),
        "[a1 > 0]": (a1 > 0).astype(float),
        "dh1": dh1,
        "da1": dh1 * (a1 > 0),
    }


def slipped_two_layers(mask=lambda a1, h1, out: a1 > 0, after=lambda dout, out: dout, h=lambda a1, h1: h1):
    """two_layer_backward with one of its parts exchanged."""

    def two_layer_backward(dout, x, W1, b1, W2, b2):
        a1 = x @ W1 + b1
        h1 = np.maximum(a1, 0)
        dout = after(dout, h1 @ W2 + b2)
        da1 = (dout @ W2.T) * mask(a1, h1, h1 @ W2 + b2)
        return da1 @ W1.T, x.T @ da1, da1.sum(axis=0), h(a1, h1).T @ dout, dout.sum(axis=0)

    return two_layer_backward


def keeps_its_tail(answer):
    """Far out on both sides, in float32, where 1 - sigmoid(a) rounds to 0 and exp(-a)^2 overflows."""
    a = np.array([[20, 40, 80, 100], [-20, -40, -80, -100]], np.float32)
    dh = np.array([[1.5, -1.5, 2.5, 0.5], [-2.5, 1.5, -1.5, 0.5]], np.float32)
    da = np.asarray(call(answer, {"dh": dh, "a": a}), float)
    true = dh * sigmoid(a.astype(float)) * sigmoid(-a.astype(float))
    near = np.abs(da - true) <= 1e-3 * np.abs(true) + 1e-37  # at 100 float32 has no digits left
    if near.all():
        return
    i = tuple(np.argwhere(~near)[0])
    if not np.isfinite(da[i]):
        why = ": an exp overflows"
    elif i[1] == 0 and da[i] == 0:
        why = ": two numbers near 1 were subtracted, and it has rounded to 0. Write it so that nothing is"
    elif da[i] == 0:
        why = ": something that grew below the line has overflowed, or a difference has rounded to 0"
    else:
        why = ""
    raise Wrong(
        f"Right on paper, and right for moderate a. But in float32 at a = {a[i]:.0f}, with dh = {dh[i]}, "
        f"da is {da[i]:.3g}, where {true[i]:.3g} is right{why}."
    )


SIGMOID = same_gradient(
    sigmoid,
    inputs(a=real("B", 8, scale=2, tails=80)),
    wrt="a",
    takes="dh a",
    out="h",
    named=lambda v: {"sigmoid(a)": sigmoid(v["a"]), "sigmoid(-a)": sigmoid(-v["a"])},
    mistakes={
        "right on paper, but far out 1 - sigmoid(a) rounds to 0: write it so that nothing is subtracted": (
            lambda dh, a: dh * sigmoid(a) * (1 - sigmoid(a))
        ),
        "that is tanh's slope, 1 - h^2, with the sigmoid for h": lambda dh, a: dh * (1 - sigmoid(a) ** 2),
        "a stands where sigmoid(a) is meant": lambda dh, a: dh * a * (1 - a),
        "that is dh times the sigmoid, not times its slope: sigmoid(-a) is missing": (
            lambda dh, a: dh * sigmoid(a)
        ),
    },
)
SIGMOID.entrywise = True  # each entry beside its own size: the tail counts

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
                ("a", -7): "a sign: the bias is added",
                ("da", 12.5): "that is L; asked for is its derivative at a",
                ("da", 5): "a sign: the derivative of a^2/2 is a",
                ("da", -10): "the 1/2 is missing: the derivative of a^2/2 is a",
                ("da", -2.5): "a 1/2 too many: the derivative of a^2/2 is a",
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
                ("db", 5): "a sign: db is da",
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
            LAYERS,
            "a",
            mistakes={
                "the bias is missing": lambda x, W, b: x @ W,
                "the bias is taken off": lambda x, W, b: x @ W - b,
                "W is transposed; here a row of x meets a column of W: x @ W": lambda x, W, b: x @ W.T + b,
                "x and W have changed places: x @ W": lambda x, W, b: W @ x + b,
                "the bias is multiplied, too; it is added after the product": lambda x, W, b: (x @ W) * b,
                "the bend is not part of the dense layer: its output may be negative": (
                    lambda x, W, b: np.maximum(x @ W + b, 0)
                ),
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
        same_gradient(lambda x, W, b: x @ W + b, LAYERS, wrt="x W b", takes="da x W", out="a"),
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
            inputs(a=real("B", "H", gap=0.1)),
            wrt="a",
            takes="dh a",
            out="h",
            named=lambda v: {"[a > 0]": (v["a"] > 0).astype(float)},
            mistakes={
                "the slope is 1 where a is positive, not a itself": lambda dh, a: dh * np.maximum(a, 0),
                "the slope is 1 or 0, not a": lambda dh, a: dh * a,
                "the slope is 1 or 0, not |a|": lambda dh, a: dh * np.abs(a),
                "where a is negative the slope is 0, not -1": lambda dh, a: dh * np.sign(a),
                "the wrong half: the gradient passes where a is positive": lambda dh, a: dh * (a < 0),
                "it is a that decides what passes, not dh": lambda dh, a: np.maximum(dh, 0),
                "a negative gradient has to pass, too": lambda dh, a: np.maximum(dh, 0) * (a > 0),
                "that is tanh's slope": lambda dh, a: dh * (1 - np.tanh(a) ** 2),
                "that is the slope of softplus": lambda dh, a: dh * sigmoid(a),
            },
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
        all_of(
            SIGMOID,
            keeps_its_tail,
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
            TWO_LAYERS,
            wrt="x W1 b1 W2 b2",
            takes="dout x W1 b1 W2 b2",
            out="out",
            named=two_layer_names,
            mistakes={
                "there is no ReLU after the second layer: dout goes on as it comes": (
                    slipped_two_layers(after=lambda dout, out: dout * (out > 0))
                ),
                "the ReLU between the layers was not passed on the way back: da1 = dh1 * (a1 > 0)": (
                    slipped_two_layers(mask=lambda a1, h1, out: 1)
                ),
                "the slope of the ReLU is 1 or 0, not h1": slipped_two_layers(mask=lambda a1, h1, out: h1),
                "what went into the second layer was h1, not a1: dW2 = h1.T @ dout": (
                    slipped_two_layers(h=lambda a1, h1: a1)
                ),
            },
        ),
        (
            "Run forward again as far as you need it: a1, then h1. Then go back from dout, one line for each "
            "line forward.",
            "The second layer's input was h1: dW2 = h1.T @ dout, and dh1 = dout @ W2.T goes on to the ReLU.",
            "da1 = dh1 * (a1 > 0); then dW1 = x.T @ da1, db1 = da1.sum(axis=0), dx = da1 @ W1.T.",
        ),
    ),
)
