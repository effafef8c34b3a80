"""What is said of wrong gradients as learners write them: each sentence was read beside its mistake."""

import numpy as np
import pytest

from minivae.gradcheck import check_gradient
from minivae.gradcheck.definitions import with_definitions

rng = np.random.default_rng(77)
n, u = rng.standard_normal, rng.uniform
T, EPS = n((6, 3)), n((3, 4, 2))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(a):
    e = np.exp(a - a.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax_backward(mistake):
    def backward(dy, a):
        p = softmax(a)
        inner = {"mean": (dy * p).mean(1, keepdims=True), "+": -(dy * p).sum(1, keepdims=True)}
        return dy * p * (1 - p) if mistake == "diagonal" else p * (dy - inner[mistake])

    return backward


def layer_norm(x):
    return (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)


def layer_norm_backward(mistake):
    def backward(dy, x):
        sd = x.std(1, keepdims=True)
        xn = (x - x.mean(1, keepdims=True)) / sd
        mean, projection = dy.mean(1, keepdims=True), xn * (dy * xn).mean(1, keepdims=True)
        mean, projection = (0 if mistake == m else v for m, v in (("mean", mean), ("variance", projection)))
        return (dy - mean - projection) * sd ** (1 if mistake == "times" else -1)

    return backward


def rms_norm(x, g):
    return g * x / np.sqrt((x * x).mean(1, keepdims=True))


def rms_norm_backward(dy, x, g):
    r = np.sqrt((x * x).mean(1, keepdims=True))
    xn, d = x / r, dy * g
    return d - xn * (d * xn).mean(1, keepdims=True), (dy * xn).mean(0)


def laplace(x, mu, b):
    return (-np.abs(x - mu) / b - np.log(2 * b)).sum()


def laplace_gradient(mistake):
    def gradient(x, mu, b):
        s, db = np.sign(x - mu), np.abs(x - mu) / b**2 - 1 / b
        if mistake == "1/b":
            db = np.abs(x - mu) / b**2
        if mistake == "b^2":
            db = np.abs(x - mu) / b - 1 / b
        if mistake == "abs":
            db = (x - mu) / b**2 - 1 / b
        return -s / b, (x - mu) / b if mistake == "sign" else s / b, db

    return gradient


def normal(x, m, logvar):
    return (-(logvar + (x - m) ** 2 / np.exp(logvar)) / 2).sum()


def attention(q, k, v):
    return softmax(q @ k.T / np.sqrt(q.shape[1])) @ v


def attention_backward(mistake):
    def backward(do, q, k, v):
        scale = np.sqrt(q.shape[1])
        A = softmax(q @ k.T / scale)
        dA = do @ v.T
        dS = A * (dA - (dA * A).sum(1, keepdims=True))
        factor = 1 if mistake == "scale" else 1 / scale
        return dS @ k * factor, dS.T @ (k if mistake == "k" else q) * factor, A.T @ do

    return backward


def inverse_backward(dY, A):
    Y = np.linalg.inv(A)
    return -Y.T @ dY


def inverse_untransposed(dY, A):
    Y = np.linalg.inv(A)
    return -Y @ dY @ Y


def rms_norm_without_g(dy, x, g):
    r = np.sqrt((x * x).mean(1, keepdims=True))
    xn = x / r
    return (dy - xn * (dy * xn).mean(1, keepdims=True)) / r, (dy * xn).sum(0)


def row_norm(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def row_norm_backward(dy, x):
    r = np.linalg.norm(x, axis=1, keepdims=True)
    y = x / r
    return dy - y * (y * dy).sum(1, keepdims=True)


def gate(x, W, h):
    return sigmoid(x @ W) * h


def gate_backward(dy, x, W, h):
    g = sigmoid(x @ W)
    return (dy * g * (1 - g)) @ W.T, x.T @ (dy * h * g * (1 - g)), dy * (1 - g)


def rnn(x, h, W, U):
    return np.tanh(x @ W + h @ U)


def rnn_backward(dy, x, h, W, U):
    y = np.tanh(x @ W + h @ U)
    da = dy * (1 - y**2)
    return da @ W.T, da @ U, x.T @ da, y.T @ da


def adam(g, m, v):
    return (0.9 * m + 0.1 * g) / np.sqrt(0.99 * v + 0.01 * g * g)


def adam_backward(dy, g, m, v):
    top, s = 0.9 * m + 0.1 * g, np.sqrt(0.99 * v + 0.01 * g * g)
    return dy * (0.1 / s - top * 0.01 * g / s**3), dy * 0.9 / s, -0.5 * dy * top / s**3


def drawn(m, r):
    return m + EPS * np.log1p(np.exp(r))


def huber(p):
    return np.where(np.abs(p) < 1, p * p / 2, np.abs(p) - 0.5).sum()


def mae(p):
    return np.abs(p - T).mean()


def mae_gradient(p):
    return (p - T) / p.size


logits, square = n((4, 5)), n((3, 3)) + 2 * np.eye(3)
laplaces = [n((4, 3)), n((4, 3)), u(0.5, 2, (4, 3))]
CASES = [  # function, gradient, arguments, {wrong argument: what is said, from its beginning}
    (softmax, softmax_backward("mean"), [logits],
     {"a": "yours has the term -mean(dy * y, over axis 1) * y where -sum(dy * y, over axis 1) * y is meant"}),
    (softmax, softmax_backward("+"), [logits],
     {"a": "yours has the wrong sign in the term -sum(dy * y, over axis 1) * y"}),
    (softmax, softmax_backward("diagonal"), [logits],
     {"a": "yours has the term -dy * y^2 where -sum(dy * y, over axis 1) * y is meant: the diagonal"}),
    (layer_norm, layer_norm_backward("variance"), [n((5, 6))],
     {"x": "yours has the term mean(dy * y, over axis 1) * y/sd too many (or lacks -mean(dy * y"}),
    (layer_norm, layer_norm_backward("mean"), [n((5, 6))],
     {"x": "yours has the term mean(dy, over axis 1)/std(x, over axis 1) too many (or lacks"}),
    (layer_norm, layer_norm_backward("times"), [n((5, 6))],
     {"x": "yours is the true gradient without the factor 1/sd^2; sd = x.std(1, keepdims=True)."}),
    (rms_norm, rms_norm_backward, [n((5, 4)), u(0.5, 2, 4)],
     {"x": "yours is the true gradient with a factor r too many (or without the factor 1/r); r = np.sqrt(",
      "g": "yours is B times too small"}),
    (laplace, laplace_gradient("1/b"), laplaces, {"b": "yours lacks the term -1/b."}),
    (laplace, laplace_gradient("abs"), laplaces,
     {"b": "yours has the term (x - mu)/b^2 where |x - mu|/b^2 is meant"}),
    (laplace, laplace_gradient("b^2"), laplaces,
     {"b": "yours has the term |x - mu|/b where |x - mu|/b^2 is meant: without its factor 1/b."}),
    (laplace, laplace_gradient("sign"), laplaces,
     {"mu": "yours has the factor x - mu where s is meant; s = np.sign(x - mu)."}),
    (normal, lambda x, m, logvar: (-(x - m) / np.exp(logvar / 2), (x - m) / np.exp(logvar),
                                   (x - m) ** 2 / np.exp(logvar) / 2), [n((4, 3)), n((4, 3)), n((4, 3))],
     {"x": "yours is the true gradient with a factor exp(logvar/2) too many", "logvar": "yours lacks "
      "the term -1/2."}),
    (attention, attention_backward("scale"), [n((4, 5)), n((6, 5)), n((6, 3))],
     {"q": "yours is scale times the true gradient; scale = np.sqrt(q.shape[1]).", "k": "yours is scale "
      "times"}),
    (attention, attention_backward("k"), [n((5, 5)), n((5, 5)), n((5, 3))],
     {"k": "yours is (dS.T @ k)/scale; the true gradient is (dS.T @ q)/scale"}),
    (np.linalg.inv, inverse_backward, [square],
     {"a": "yours is the true gradient without the factor Y.T on the right: yours @ Y.T is"}),
    (np.linalg.inv, inverse_untransposed, [square], {"a": "yours is right if a is transposed"}),
    (rms_norm, rms_norm_without_g, [n((5, 4)), u(0.5, 2, 4)],
     {"x": "yours is right if dy is multiplied by g first: the factor g is forgotten there."}),
    (row_norm, row_norm_backward, [n((4, 3))],
     {"x": "yours is the true gradient with a factor r too many (or without the factor 1/r); r"}),
    (gate, gate_backward, [n((6, 3)), n((3, 4)), n((6, 4))],
     {"x": "", "h": "yours has the factor 1 - g where g is meant; g = sigmoid(x @ W)."}),
    (rnn, rnn_backward, [n((4, 3)), n((4, 5)), n((3, 5)), n((5, 5))],
     {"h": "yours has U where U.T is meant", "U": "yours is y.T @ da; the true gradient is h.T @"}),
    (adam, adam_backward, [n(6), n(6), u(0.5, 2, 6)], {"v": "yours is 1/0.99 times the true gradient."}),
    (drawn, lambda dz, m, r: (dz.sum(0), (dz * EPS).sum(0) * np.log1p(np.exp(r))), [n((4, 2)), n((4, 2))],
     {"r": "yours has the factor softplus(r) where sigmoid(r) is meant."}),
    (drawn, lambda dz, m, r: (dz.sum(0), dz.sum(0) * sigmoid(r)), [n((4, 2)), n((4, 2))],
     {"r": "yours is the true gradient without the factor EPS."}),
    (huber, lambda p: np.where(np.abs(p) < 1, p / 2, np.sign(p)), [1.5 * n((4, 3))],
     {"p": "yours is right except where |p| < 1; there yours is half the true gradient"}),
    (mae, mae_gradient, [n((6, 3))], {"p": "yours has the factor p - T where sign(p - T) is meant."}),
    (lambda x: np.where(x > 0, x, 0.2 * x), lambda dy, x: dy * np.where(x > 0, 1, -0.2), [n((4, 3))],
     {"x": "yours is right except where x <= 0; there yours has the wrong sign."}),
    (lambda x: x - x.mean(0), lambda dy, x: dy - dy.mean(1, keepdims=True), [n((5, 4))],
     {"x": "yours has the term -mean(dy, over axis 1) where -mean(dy, over axis 0) is meant."}),
    (lambda x: x - x.mean(0), lambda dy, x: dy - dy.sum(0), [n((5, 4))],
     {"x": "yours has the term -sum(dy, over axis 0) where -mean(dy, over axis 0) is meant."}),
    (lambda z, c, h: (1 - z) * h + z * c, lambda dy, z, c, h: (dy * (c + h), dy * (1 - z), dy * z),
     [u(0, 1, (4, 3)), n((4, 3)), n((4, 3))],
     {"z": "yours has the wrong sign in the term -dy * h.",
      "c": "yours is the gradient of h: the gradients are swapped.", "h": "yours is the gradient of c"}),
    (lambda a, b: np.concatenate([a, b], axis=1), lambda dy, a, b: (dy[:, 1:4], dy[:, 3:]),
     [n((4, 3)), n((4, 3))],
     {"a": "yours has its columns one off: column 1 stands in column 0, and so on."}),
    (lambda x, a, b: a * x**3 + b * x,
     lambda dy, x, a, b: (3 * dy * a * x**2, (dy * x**3).sum(), (dy * x).sum()),
     [n((4, 3)), np.array(0.7), np.array(1.3)], {"x": "yours lacks the term b * dy."}),
    (lambda x, y: np.tanh(x) * y, lambda dy, x, y: (dy * y * (1 - x**2), dy * np.tanh(x)),
     [n((4, 3)), n((4, 3))],
     {"x": "yours has the factor 1 - x^2 where tanh'(x) is meant."}),
]  # fmt: skip


@pytest.mark.parametrize(("function", "gradient", "arguments", "said"), CASES)
def test_the_mistake_is_named(function, gradient, arguments, said):
    report = check_gradient(function, gradient, *arguments)
    wrong = {row.name: row.explanations[0].words if row.explanations else "" for row in report.wrong}
    assert wrong.keys() == said.keys()
    for name, words in said.items():
        assert wrong[name].startswith(words), wrong[name]


def weighted(x, scale):
    return scale * np.exp(-(x**2))


def weighted_backward(dy, x, scale):
    k = np.exp(-(x**2))
    total = np.zeros_like(x)
    np.add.at(total, (slice(None),), k)  # what total was made from is not what it is
    return dy * total, (dy * k).sum(0)


def test_a_name_that_is_changed_after_its_making_is_not_told_with_it():
    report = check_gradient(weighted, weighted_backward, n((4, 3)), u(0.5, 2, 3))
    assert all("total =" not in e.words for row in report.wrong for e in row.explanations)


def test_small_errors_in_some_entries_are_no_place():
    """A forgotten term that is near the tolerance is in all entries, though only some are beyond it."""
    x, W = n((64, 40)), 0.03 * n((40, 30))
    report = check_gradient(lambda W: x @ W, lambda dy, W: x.T @ dy + 1e-3 * W, W)
    assert not any("except in columns" in e.words for row in report.wrong for e in row.explanations)


def mixed(a, b):
    return np.tanh(a) * b


def mixed_backward(dy, a, b):
    mean = b - 0.5 * np.tanh(a)
    return dy * b * b * (1 - np.tanh(a) ** 2), dy * np.tanh(a) * (0 * mean + 1)


def test_a_word_of_the_sentence_is_no_name():
    words = check_gradient(mixed, mixed_backward, n((4, 3)), n((4, 3))).rows[0].explanations[0].words
    assert words == "yours is the true gradient with a factor b too many."
    told = with_definitions("yours is the true gradient with a factor c too many.", {"a": "1", "c": "x + 1"})
    assert told == "yours is the true gradient with a factor c too many; c = x + 1."
    told = with_definitions("yours has the factor a where mean(b) is meant.", {"a": "x + 1", "mean": "2"})
    assert told == "yours has the factor a where mean(b) is meant; a = x + 1."
