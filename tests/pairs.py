"""Right pairs to try a checker on: functions and their gradients over scales of 1e-6 to 1e6, kinks,
borders, extremes.

`PAIRS` is a list of Pair. None of them may be called wrong; where a derivative can't be measured,
"undecided" is allowed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

SCALES = [10.0**k for k in range(-6, 7)]
rng = np.random.default_rng(7)


@dataclass
class Pair:
    name: str
    function: Callable
    gradient: Callable
    arrays: tuple
    keywords: dict = field(default_factory=dict)


PAIRS = []


def both(s, shape=(3, 4)):
    """Both signs, none near 0."""
    return s * rng.uniform(0.3, 2, shape) * rng.choice([-1.0, 1.0], shape)


def positive(s, shape=(3, 4)):
    return s * rng.uniform(0.3, 2, shape)


def normal(s, shape=(3, 4)):
    return s * rng.standard_normal(shape)


def over_scales(name, function, gradient, *makers, scales=SCALES):
    for s in scales:
        f, g = (function(s), gradient(s)) if function.__name__ == "scaled" else (function, gradient)
        PAIRS.append(Pair(f"{name} at {s:.0e}", f, g, tuple(make(s) for make in makers)))


def sigmoid(x):
    e = np.exp(np.where(x.real > 0, -x, x))
    return np.where(x.real > 0, 1 / (1 + e), e / (1 + e))


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(np.minimum(x, -x)))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


up_to = lambda top: [s for s in SCALES if s <= top]

# one number at a time
over_scales("sin", np.sin, lambda dy, x: dy * np.cos(x), both)
over_scales("cos", np.cos, lambda dy, x: -dy * np.sin(x), both)
over_scales("tanh", np.tanh, lambda dy, x: dy / np.cosh(x) ** 2, both, scales=up_to(100))
over_scales("tanh by 1 - y^2", np.tanh, lambda dy, x: dy * (1 - np.tanh(x) ** 2), both, scales=up_to(10))
over_scales("exp", np.exp, lambda dy, x: dy * np.exp(x), both, scales=up_to(100))
over_scales("expm1", np.expm1, lambda dy, x: dy * np.exp(x), both, scales=up_to(100))
over_scales("log", np.log, lambda dy, x: dy / x, positive)
over_scales("sum of log", lambda x: np.log(x).sum(), lambda x: 1 / x, positive)
over_scales("log of |x|", lambda x: np.log(np.abs(x)), lambda dy, x: dy / x, both)
over_scales("log1p", np.log1p, lambda dy, x: dy / (1 + x), positive)
over_scales("1/x", lambda x: 1 / x, lambda dy, x: -dy / x**2, both)
over_scales("1/x^2", lambda x: (1 / x**2).sum(), lambda x: -2 / x**3, both)
over_scales("x^2", np.square, lambda dy, x: 2 * x * dy, both)
over_scales("sum of x^2", lambda x: (x * x).sum(), lambda x: 2 * x, normal)
over_scales("x^3", lambda x: x**3, lambda dy, x: 3 * x * x * dy, both)
over_scales("x^7", lambda x: (x**7).sum(), lambda x: 7 * x**6, both)
over_scales("sqrt", np.sqrt, lambda dy, x: dy / (2 * np.sqrt(x)), positive)
over_scales("x^1.5", lambda x: x**1.5, lambda dy, x: 1.5 * dy * np.sqrt(x), positive)
over_scales("cube root", np.cbrt, lambda dy, x: dy / (3 * np.cbrt(x) ** 2), both)
over_scales("arctan", np.arctan, lambda dy, x: dy / (1 + x * x), both)
over_scales("arcsinh", np.arcsinh, lambda dy, x: dy / np.sqrt(1 + x * x), both)
over_scales("x log x", lambda x: x * np.log(x), lambda dy, x: dy * (np.log(x) + 1), positive)
over_scales("softplus", softplus, lambda dy, x: dy * sigmoid(x), both)
over_scales("logaddexp", lambda x: np.logaddexp(0, x), lambda dy, x: dy * sigmoid(x), both)
over_scales("sigmoid", sigmoid, lambda dy, x: dy * sigmoid(x) * sigmoid(-x), both, scales=up_to(100))
over_scales("relu", lambda x: np.maximum(x, 0), lambda dy, x: dy * (x > 0), both)
over_scales("relu by product", lambda x: x * (x > 0), lambda dy, x: dy * (x > 0), both)
over_scales(
    "leaky relu", lambda x: np.where(x > 0, x, 0.01 * x), lambda dy, x: dy * np.where(x > 0, 1, 0.01), both
)
over_scales(
    "elu",
    lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    lambda dy, x: dy * np.where(x > 0, 1, np.exp(np.minimum(x, 0))),
    both,
)
over_scales("abs", np.abs, lambda dy, x: dy * np.sign(x), both)
over_scales("sum of |x|", lambda x: np.abs(x).sum(), np.sign, both)
over_scales(
    "huber",
    lambda x: np.where(np.abs(x) < 1, x * x / 2, np.abs(x) - 0.5),
    lambda dy, x: dy * np.clip(x, -1, 1),
    both,
)
over_scales("clip", lambda x: np.clip(x, -1, 1), lambda dy, x: dy * (np.abs(x) < 1), both)
over_scales(
    "x sigmoid(x)",
    lambda x: x * sigmoid(x),
    lambda dy, x: dy * (sigmoid(x) + x * sigmoid(x) * sigmoid(-x)),
    both,
)
over_scales("1/(1 + x^2)", lambda x: 1 / (1 + x * x), lambda dy, x: -2 * x * dy / (1 + x * x) ** 2, both)
over_scales("linear", lambda x: 3 * x - 1, lambda dy, x: 3 * dy, both)
over_scales("sin(1 + x)", lambda x: np.sin(1 + x), lambda dy, x: dy * np.cos(1 + x), both)
over_scales("zero", lambda x: 0 * x + 2.0, lambda dy, x: 0 * x, both)
over_scales(
    "floor is flat", lambda x: x + np.floor(x / 1e3), lambda dy, x: dy + 0 * x, both, scales=up_to(1e5)
)


def scaled(s):
    return lambda x: np.tanh(x / s)


over_scales("tanh of its own scale", scaled, lambda s: lambda dy, x: dy / s / np.cosh(x / s) ** 2, both)


def scaled(s):
    return lambda x: np.exp(-((x / s) ** 2))


over_scales(
    "bump of its own scale",
    scaled,
    lambda s: lambda dy, x: dy * -2 * x / s**2 * np.exp(-((x / s) ** 2)),
    both,
)


def scaled(s):
    return lambda x: np.sin(x / s) + x * 3


over_scales("wave on a slope", scaled, lambda s: lambda dy, x: dy * (np.cos(x / s) / s + 3), both)


def scaled(s):
    return lambda x: s * (x**2).sum()


over_scales("x^2 times", scaled, lambda s: lambda x: 2 * s * x, lambda s: normal(1.0))


def scaled(s):
    return lambda x: s + np.sin(x).sum()


over_scales("under an offset", scaled, lambda s: lambda x: np.cos(x), lambda s: normal(1.0))

# several numbers at a time
over_scales(
    "softmax",
    softmax,
    lambda dy, x: softmax(x) * (dy - (dy * softmax(x)).sum(-1, keepdims=True)),
    both,
    scales=up_to(10),
)
over_scales(
    "cross-entropy",
    lambda x: -np.log(softmax(x)[:, 1]).sum(),
    lambda x: softmax(x) - np.eye(4)[1],
    both,
    scales=up_to(100),
)
over_scales("norm", lambda x: np.linalg.norm(x), lambda x: x / np.linalg.norm(x), both)
over_scales(
    "unit vectors",
    lambda x: x / np.sqrt((x * x).sum(-1, keepdims=True)),
    lambda dy, x: _unit_backward(dy, x),
    both,
)
over_scales("mean", np.mean, lambda x: np.full(x.shape, 1 / x.size), both)
over_scales("variance", lambda x: x.var(), lambda x: 2 * (x - x.mean()) / x.size, both)
over_scales("standard deviation", lambda x: x.std(), lambda x: (x - x.mean()) / x.std() / x.size, both)
over_scales("centring", lambda x: x - x.mean(0), lambda dy, x: dy - dy.mean(0), both)
over_scales(
    "maximum of a row", lambda x: x.max(-1), lambda dy, x: dy[:, None] * (x == x.max(-1, keepdims=True)), both
)
over_scales(
    "product of a row", lambda x: x.prod(-1), lambda dy, x: dy[:, None] * x.prod(-1, keepdims=True) / x, both
)
over_scales("cumulative sum", lambda x: x.cumsum(-1), lambda dy, x: dy[:, ::-1].cumsum(-1)[:, ::-1], both)
over_scales(
    "layer norm",
    lambda x: (x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True),
    lambda dy, x: _layer_norm_backward(dy, x),
    both,
)
over_scales("transpose", lambda x: x.T, lambda dy, x: dy.T, both)
over_scales("embedding", lambda x: x[[0, 2, 0]], lambda dy, x: _embedding_backward(dy, x), both)


def _unit_backward(dy, x):
    r = np.sqrt((x * x).sum(-1, keepdims=True))
    y = x / r
    return (dy - y * (dy * y).sum(-1, keepdims=True)) / r


def _layer_norm_backward(dy, x):
    s = x.std(-1, keepdims=True)
    y = (x - x.mean(-1, keepdims=True)) / s
    return (dy - dy.mean(-1, keepdims=True) - y * (dy * y).mean(-1, keepdims=True)) / s


def _embedding_backward(dy, x):
    dx = np.zeros_like(x)
    np.add.at(dx, [0, 2, 0], dy)
    return dx


# several arguments
one = lambda shape: lambda s: both(1.0, shape)
over_scales(
    "dense",
    lambda x, W, b: x @ W + b,
    lambda da, x, W, b: (da @ W.T, x.T @ da, da.sum(0)),
    both,
    one((4, 2)),
    one(2),
)
over_scales(
    "dense, W of the scale",
    lambda x, W, b: x @ W + b,
    lambda da, x, W, b: (da @ W.T, x.T @ da, da.sum(0)),
    one((3, 4)),
    lambda s: both(s, (4, 2)),
    one(2),
)
over_scales(
    "tanh(x W)",
    lambda x, W: np.tanh(x @ W),
    lambda da, x, W: (lambda d: (d @ W.T, x.T @ d))(da / np.cosh(x @ W) ** 2),
    one((3, 4)),
    lambda s: both(s, (4, 2)),
    scales=up_to(10),
)
over_scales(
    "relu(x W) V",
    lambda x, W, V: np.maximum(x @ W, 0) @ V,
    lambda da, x, W, V: _two_layers(da, x, W, V),
    one((3, 4)),
    lambda s: both(s, (4, 5)),
    one((5, 2)),
)
over_scales("product", lambda a, b: a * b, lambda dy, a, b: (dy * b, dy * a), both, lambda s: both(1.0))
over_scales(
    "quotient", lambda a, b: a / b, lambda dy, a, b: (dy / b, -dy * a / b**2), lambda s: both(1.0), both
)
over_scales(
    "sum of two scales",
    lambda a, b: (a * a).sum() + (b * b).sum(),
    lambda a, b: (2 * a, 2 * b),
    both,
    lambda s: both(1.0),
)
over_scales(
    "reparameterization",
    lambda mu, sigma, eps: mu + sigma * eps,
    lambda dz, mu, sigma, eps: (dz, dz * eps, dz * sigma),
    both,
    positive,
    lambda s: normal(1.0),
)
over_scales(
    "KL",
    lambda mu, sigma: ((mu**2 + sigma**2 - 1) / 2 - np.log(sigma)).sum(-1),
    lambda dkl, mu, sigma: (dkl[:, None] * mu, dkl[:, None] * (sigma - 1 / sigma)),
    both,
    positive,
)
over_scales(
    "normal log-density",
    lambda x, mu, sigma: -(((x - mu) / sigma) ** 2) / 2 - np.log(sigma),
    lambda dy, x, mu, sigma: (
        -dy * (x - mu) / sigma**2,
        dy * (x - mu) / sigma**2,
        dy * (((x - mu) / sigma) ** 2 - 1) / sigma,
    ),
    both,
    both,
    positive,
)
over_scales(
    "normal, sigma of the scale",
    lambda x, sigma: (-((x / sigma) ** 2) / 2 - np.log(sigma)).sum(),
    lambda x, sigma: (-x / sigma**2, ((x / sigma) ** 2 - 1) / sigma),
    one((3, 4)),
    positive,
)
over_scales("poisson", lambda a: (3 * a - np.exp(a)).sum(), lambda a: 3 - np.exp(a), both, scales=up_to(100))
over_scales(
    "bernoulli from logits", lambda a: (0.3 * a - softplus(a)).sum(), lambda a: 0.3 - sigmoid(a), both
)
over_scales(
    "inverse",
    lambda A: np.linalg.inv(A),
    lambda dY, A: -np.linalg.inv(A).T @ dY @ np.linalg.inv(A).T,
    lambda s: s * (np.eye(3) * 2 + 0.3 * normal(1.0, (3, 3))),
)
over_scales(
    "log-determinant",
    lambda A: np.linalg.slogdet(A)[1],
    lambda A: np.linalg.inv(A).T,
    lambda s: s * (np.eye(3) * 2 + 0.3 * normal(1.0, (3, 3))),
)
over_scales(
    "solve",
    lambda A, b: np.linalg.solve(A, b),
    lambda dx, A, b: _solve_backward(dx, A, b),
    lambda s: s * (np.eye(3) * 2 + 0.3 * normal(1.0, (3, 3))),
    one((3, 1)),
)
over_scales(
    "two outputs", lambda x: (np.sin(x), (x * x).sum()), lambda dy, dz, x: dy * np.cos(x) + 2 * x * dz, both
)
over_scales("a number", lambda x: x * x * x, lambda dy, x: 3 * dy * x * x, lambda s: s * 1.7)


def _two_layers(da, x, W, V):
    a = x @ W
    d = (da @ V.T) * (a > 0)
    return d @ W.T, x.T @ d, np.maximum(a, 0).T @ da


def _solve_backward(dx, A, b):
    g = np.linalg.solve(A.T, dx)
    return -g @ np.linalg.solve(A, b).T, g


def add(name, function, gradient, *arrays, **keywords):
    PAIRS.append(Pair(name, function, gradient, arrays, keywords))


# kinks: on them, and within a step of them
relu, relu_backward = lambda x: np.maximum(x, 0), lambda dy, x: dy * (x > 0)
for distance in (0.0, 1e-12, 1e-9, 3e-7, 2e-6, 1e-5, 1e-4, 1e-3):
    x = np.array([distance, -distance, 1.0, -2.0, 0.5])
    add(f"relu {distance:g} from its kink", relu, relu_backward, x)
    add(f"relu {distance:g} from its kink, the slope 1 there", relu, lambda dy, x: dy * (x >= 0), x)
    add(
        f"relu {distance:g} from its kink, the slope 1/2 there",
        relu,
        lambda dy, x: dy * (np.sign(x) + 1) / 2,
        x,
    )
    add(f"|x| {distance:g} from its kink", np.abs, lambda dy, x: dy * np.sign(x), x)
    add(f"sum of |x|, {distance:g} from its kink", lambda x: np.abs(x).sum(), np.sign, x)
    add(
        f"clip {distance:g} from its kink",
        lambda x: np.clip(x, -1, 1),
        lambda dy, x: dy * (np.abs(x) < 1),
        x + 1,
    )
    add(
        f"maximum {distance:g} from a tie",
        lambda x: x.max(),
        lambda x: 1.0 * (np.arange(4) == x.argmax()),
        np.array([1, 1 + distance, 0.3, -1]),
    )
    add(
        f"pinball {distance:g} from its kink",
        lambda x: np.maximum(0.3 * x, -0.7 * x),
        lambda dy, x: dy * np.where(x > 0, 0.3, -0.7),
        x,
    )
    add(
        f"hinge {distance:g} from its kink",
        lambda x: np.maximum(0, 1 - x).sum(),
        lambda x: -1.0 * (x < 1),
        x + 1,
    )
    add(f"x|x|, {distance:g} from 0", lambda x: x * np.abs(x), lambda dy, x: 2 * dy * np.abs(x), x)
add("relu, all on kinks", relu, relu_backward, np.zeros((2, 3)))
add("|x|, all on kinks", np.abs, lambda dy, x: dy * np.sign(x), np.zeros(4))
add(
    "relu(x W) V at x = 0",
    lambda x, W, V: relu(x @ W) @ V,
    _two_layers,
    np.zeros((3, 4)),
    both(1.0, (4, 5)),
    both(1.0, (5, 2)),
)
add(
    "relu(x W) V at W = 0",
    lambda x, W, V: relu(x @ W) @ V,
    _two_layers,
    both(1.0, (3, 4)),
    np.zeros((4, 5)),
    both(1.0, (5, 2)),
)
add("relu, all dead", relu, relu_backward, -np.ones((2, 3)))
add(
    "max pooling of equal numbers",
    lambda x: x.max(-1),
    lambda dy, x: dy[:, None] * (np.arange(3) == x.argmax(-1)[:, None]),
    np.ones((2, 3)),
)
add("norm at 0, the slope 0 there", lambda x: np.sqrt((x * x).sum()), np.zeros(3), np.zeros(3))

# borders: one side is outside, or infinitely steep
add(
    "x log x near 0",
    lambda x: x * np.log(x),
    lambda dy, x: dy * (np.log(x) + 1),
    np.array([1e-300, 1e-12, 1e-8, 1e-5, 1.0]),
)
add("log near 0", np.log, lambda dy, x: dy / x, np.array([1e-12, 1e-9, 1e-7, 1e-5, 1.0]))
add("log near 0, two by two", np.log, lambda dy, x: dy / x, np.array([1e-5, 2.0, 3.0]))
add("sqrt near 0", np.sqrt, lambda dy, x: dy / (2 * np.sqrt(x)), np.array([1e-12, 1e-8, 1e-6, 1.0]))
add(
    "x sqrt(x) at 0", lambda x: x * np.sqrt(x), lambda dy, x: 1.5 * dy * np.sqrt(x), np.array([0.0, 1.0, 2.0])
)
add("arcsin near 1", np.arcsin, lambda dy, x: dy / np.sqrt(1 - x * x), np.array([1 - 1e-9, 0.5, -0.9999999]))
add(
    "log(1 - x) near 1",
    lambda x: np.log(1 - x),
    lambda dy, x: -dy / (1 - x),
    np.array([1 - 1e-7, 1 - 2**-40, 0.0]),
)
add(
    "binary cross-entropy by p",
    lambda p: -(0.3 * np.log(p) + 0.7 * np.log(1 - p)).sum(),
    lambda p: -(0.3 / p - 0.7 / (1 - p)),
    np.array([1e-7, 0.5, 1 - 1e-7]),
)
add("arccosh near 1", np.arccosh, lambda dy, x: dy / np.sqrt(x * x - 1), np.array([1 + 1e-8, 2.0]))
add(
    "defined for x >= 0 only, at 0",
    lambda x: np.where(x < 0, np.nan, x * x + 3 * x),
    lambda dy, x: dy * (2 * x + 3),
    np.array([0.0, 1.0]),
)
add(
    "defined for x <= 0 only, at 0",
    lambda x: np.where(x > 0, np.nan, np.exp(x)),
    lambda dy, x: dy * np.exp(x),
    np.array([0.0, -1.0]),
)
add("sqrt at 0, infinitely steep", np.sqrt, lambda dy, x: dy / (2 * np.sqrt(x)), np.array([0.0, 1.0]))
add("cube root at 0", np.cbrt, lambda dy, x: dy / (3 * np.cbrt(x) ** 2), np.array([0.0, 1.0]))

# extremes
add("exp at 700", np.exp, lambda dy, x: dy * np.exp(x), np.array([700.0, 1.0]))
add("softplus far out", softplus, lambda dy, x: dy * sigmoid(x), np.array([-800.0, -40, 0, 40, 800]))
add(
    "sigmoid, saturated", sigmoid, lambda dy, x: dy * sigmoid(x) * sigmoid(-x), np.array([-40.0, 40, 36, -36])
)
add("tanh, saturated", np.tanh, lambda dy, x: dy * (1 - np.tanh(x) ** 2), np.array([18.0, -18.5, 20]))
add(
    "softmax, saturated",
    softmax,
    lambda dy, x: softmax(x) * (dy - (dy * softmax(x)).sum(-1, keepdims=True)),
    np.array([[0.0, 1000, -1000]]),
)
add(
    "log-sum-exp at 1e5",
    lambda x: x.max() + np.log(np.exp(x - x.max()).sum()),
    softmax,
    1e5 + np.array([0.0, 1, 2]),
)
add("1e-12 x^2", lambda x: 1e-12 * (x * x).sum(), lambda x: 2e-12 * x, normal(1.0))
add("1e-150 x^2", lambda x: 1e-150 * (x * x).sum(), lambda x: 2e-150 * x, normal(1.0))
add("1e150 x^2", lambda x: 1e150 * (x * x).sum(), lambda x: 2e150 * x, normal(1.0))
add("x at 1e-150", lambda x: (x / 1e-150) ** 2, lambda dy, x: 2 * dy * x / 1e-300, both(1e-150))
add("x at 1e100", lambda x: np.log(np.abs(x)), lambda dy, x: dy / x, both(1e100))
add(
    "numbers from 1e-6 to 1e6",
    lambda x: np.log(x).sum(),
    lambda x: 1 / x,
    np.array([1e-6, 1e-3, 1, 1e3, 1e6]),
)
add(
    "squares from 1e-6 to 1e6", lambda x: (x * x).sum(), lambda x: 2 * x, np.array([1e-6, 1e-3, 1, 1e3, -1e6])
)
add(
    "a zero among large numbers",
    lambda x: np.sin(x),
    lambda dy, x: dy * np.cos(x),
    np.array([0.0, 1e6, -1e3]),
)
add("all zeros", lambda x: np.sin(x), lambda dy, x: dy * np.cos(x), np.zeros(4))
add(
    "sums to a constant, gradient up to rounding",
    lambda x, b: x + b - (x + b).mean(0),
    lambda dy, x, b: (dy - dy.mean(0), (dy - dy.mean(0)).sum(0)),
    normal(1.0),
    normal(1.0, 4),
)
add(
    "bias before a batch norm",
    lambda x, b: (x + b - (x + b).mean(0)) / (x + b).std(0),
    lambda dy, x, b: (lambda g: (g, g.sum(0)))(_layer_norm_backward(dy.T, (x + b).T).T),
    normal(1.0, (6, 3)),
    normal(1.0, 3),
)
add(
    "an argument without effect",
    lambda x, y: np.sin(x) + 0 * y,
    lambda dz, x, y: (dz * np.cos(x), 0 * y),
    normal(1.0),
    normal(1.0),
)
add(
    "the last bit is not repeatable",
    lambda x, calls=[]: (calls.append(1), (x * x).sum() * (1 + 2.3e-16 * (len(calls) % 2)))[1],
    lambda x: 2 * x,
    10 + normal(1.0),
)
add("one number, 0", lambda x: np.sin(x), lambda dy, x: dy * np.cos(x), 0.0)
add("curved strongly", lambda x: np.sin(1000 * x), lambda dy, x: 1000 * dy * np.cos(1000 * x), normal(1.0))
add("curved very strongly", lambda x: np.sin(1e5 * x), lambda dy, x: 1e5 * dy * np.cos(1e5 * x), normal(1.0))
add(
    "E[x^2] - E[x]^2 at an offset",
    lambda x: (x * x).mean() - x.mean() ** 2,
    lambda x: 2 * (x - x.mean()) / x.size,
    1e3 + normal(1.0),
)
add(
    "a large part that does not move",
    lambda x, c: (c * c).sum() + (x * x).sum(),
    lambda x, c: 2 * x,
    normal(1.0),
    np.array([1e4]),
    wrt="x",
)
