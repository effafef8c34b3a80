"""A verdict is never more than what was compared: no right pair is called wrong, no wrong one passes."""

import functools
import itertools

import numpy as np
import pytest
from pairs import PAIRS

from minivae import VAE, Gaussian
from minivae.gradcheck import check, check_gradient, function, hessian_vector, pair_causes
from minivae.layers import Dense

A = np.random.default_rng(3).standard_normal((4, 3))


# Right ones.


@pytest.mark.parametrize("method", ["central", "complex"])
def test_no_false_alarm(method):
    """On a thousand right pairs: scales of 1e-6 to 1e6, kinks, borders, tiny and huge numbers."""
    undecided = []
    for pair in PAIRS:
        report = check_gradient(pair.function, pair.gradient, *pair.arrays, method=method, **pair.keywords)
        assert report.verdict != "wrong", (pair.name, str(report))
        undecided += [pair.name] * (report.verdict == "undecided" and report.traps[0].name == "undecided")
        if report.passed:
            assert all(row.checked == row.size for row in report.rows), pair.name
            assert report.worst <= {"central": 1e-6, "complex": 1e-10}[method], pair.name
    assert len(PAIRS) > 1000 and len(undecided) <= {"central": 10, "complex": 12}[method], undecided


LIKELIHOODS = "bernoulli", "gaussian", Gaussian(0.5), Gaussian(0.01), Gaussian("pixel")
MODELS = list(
    itertools.product(
        LIKELIHOODS,
        ("softplus", "logvar"),
        ("relu", "tanh", "softplus"),
        ((), (5,), (5, 4)),
        (1e-3, 1e-2, 0.1, 1, 2, 4, 8, 20),  # of the weights
        (1, 3),
        (0, 3),
        ("elbo", "iwae"),
    )
)


@pytest.mark.parametrize("seed", range(4))
def test_no_false_alarm_on_models(seed):
    """Black and white images, pixels up to 1000, weights from 0.001 to 20: saturated, on kinks, or huge."""
    passed = 0
    for k in np.random.default_rng(seed).permutation(len(MODELS))[:16]:
        likelihood, head, activation, hidden, scale, K, C, objective = MODELS[k]
        rng = np.random.default_rng(k)
        vae = VAE(6, hidden, 2, likelihood, head, activation, n_conditions=C, dtype=np.float64, init="glorot")
        vae.theta = scale * (vae.theta + 0.1 * rng.integers(2) * rng.standard_normal(vae.theta.shape))
        x = (rng.random((4, 6)), rng.integers(2, size=(4, 6)) * 1.0, np.zeros((4, 6)), np.ones((4, 6)))[k % 4]
        x = x if likelihood == "bernoulli" else x * (1, 10, 1000)[k % 3]
        eps, y = rng.standard_normal((K, 4, 2)), rng.integers(C, size=4) if C else None
        for method in "central", "complex":
            report = check(vae, x, eps, y, method=method, objective=objective, samples=3)
            assert report.verdict != "wrong", (MODELS[k], str(report))
            passed += report.passed
    assert passed > 22


# Wrong ones.


def spoiled(gradient, how):
    """A gradient that returns `how` of what it should."""

    def wrong(*arguments):
        result = gradient(*arguments)
        several = result if isinstance(result, tuple) else (result,)
        several = tuple(how(np.array(g, float)) for g in several)
        return several if isinstance(result, tuple) else several[0]

    return functools.wraps(gradient)(wrong)


def one_entry(g):
    g.flat[np.argmax(np.abs(g))] *= 1.001
    return g


@pytest.mark.parametrize("how", [lambda g: 2 * g, lambda g: 1.00001 * g, lambda g: -g, one_entry])
def test_no_wrong_one_passes(monkeypatch, how):
    """But for gradients of 0, and such as drown in the rounding of the function itself."""
    monkeypatch.setattr(function, "causes", lambda *arguments: [])  # its sentences are not looked at
    passed = []
    for pair in PAIRS[::3]:
        report = check_gradient(pair.function, spoiled(pair.gradient, how), *pair.arrays, **pair.keywords)
        zero = report.rows and all(
            not row.analytic.any() or "0 up to rounding" in row.words for row in report.rows
        )
        kinks = sum(row.kinks for row in report.rows)
        passed += [pair.name] * (report.passed and not zero and not kinks)
    assert not passed


def test_a_wrong_entry_is_found_beside_much_larger_ones():
    report = check_gradient(lambda x: np.log(x).sum(), lambda x: [1, 1, 2] / x, np.array([1e-7, 1.0, 2.0]))
    assert report.verdict == "wrong" and "at [2] (1 where 0.5 is meant)" in report.summary
    assert report.rows[0].error > 0.1


def test_what_was_not_compared_does_not_pass():
    log = lambda x: np.log(x).sum()
    assert check_gradient(log, lambda x: np.array([999.0, 1, 0.5]), np.array([1e-7, 1, 2])).verdict == "wrong"
    tiny = check_gradient(lambda x: 1e-12 * (x**2).sum(), lambda x: 3e-12 * x, A)
    assert tiny.verdict == "wrong" and "0, as it should be" not in str(tiny)
    steep = check_gradient(np.sqrt, lambda dy, x: dy / (2 * np.sqrt(x)), np.array([0.0, 1, 2]))
    assert steep.verdict == "undecided" and not steep.passed and steep.rows[0].checked == 2
    assert (
        "1 of 3 could not be compared" in steep.summary
        and "UNDECIDED" in str(steep)
        and np.isfinite(steep.worst)
    )
    assert not check_gradient(np.sqrt, lambda dy, x: dy * 1e300 * 1e300, np.ones(3)).passed


@pytest.mark.parametrize("scale", [1e-6, 1e-9, 1e-12, 1e-14])
def test_a_gradient_of_zero_is_compared_however_tiny_x_is(scale):
    """Nudges of x's own size change nothing there: that is rounding, and no slope of 0."""
    x, sigmoid = scale * A, lambda x: 1 / (1 + np.exp(-x))
    assert check_gradient(sigmoid, lambda dy, x: 0 * x, x).verdict == "wrong"
    assert check_gradient(sigmoid, lambda dy, x: dy / 4, x).passed
    cosh = check_gradient(lambda x: np.logaddexp(x, -x) - np.log(2), lambda dy, x: dy * np.tanh(x), x)
    assert cosh.verdict in ("right", "undecided"), "its value is 0, and rounds at 1e-16 all the same"


def test_a_loss_of_the_imaginary_part_too_small_to_see_is_no_mistake():
    x, softsign = 1e-8 * A, lambda x: x / (1 + np.abs(x))
    report = check_gradient(softsign, lambda dy, x: dy / (1 + np.abs(x)) ** 2, x, method="complex")
    assert report.verdict == "undecided" and "confirm the complex step" in report.summary
    noisy = check_gradient(
        np.tanh, lambda dy, x: dy * (1 - np.tanh(x) ** 2) * (1 + 1e-9), A, method="complex"
    )
    assert noisy.verdict == "wrong", "so small a mistake is seen where the imaginary part is sound"


def test_several_kinks_at_once_are_not_a_second_point_that_fails():
    x, c = np.array([[0.0, 1.0, 0.0], [-1.0, 2.0, 0.0]]), np.array([1.0, -0.9, 0.8])
    report = check_gradient(
        lambda x: np.abs(x) @ c, lambda dy, x: dy[:, None] * c * np.where(x < 0, -1, 1), x
    )
    assert report.passed and report.rows[0].kinks == 3
    many = np.zeros((80, 80))
    large = check_gradient(lambda x: np.maximum(x, 0).sum(), lambda x: np.where(x < 0, 0.0, 1.0), many)
    assert large.passed and "the rest between the slopes of kinks" in str(large)


def test_an_offset_does_not_hide_a_factor():
    for gradient, verdict in (
        (lambda x: 2 * x, "right"),
        (lambda x: 4 * x, "wrong"),
        (lambda x: 0 * x, "wrong"),
    ):
        assert check_gradient(lambda x: 1e11 + (x * x).sum(), gradient, A).verdict == verdict


def test_the_complex_step_is_borne_out_or_an_error():
    norm = lambda x: x / np.linalg.norm(x)
    spread = lambda x: (x - x.mean()) / np.sqrt(x.var())
    for function_, gradient in (  # right by complex step: it loses what these gradients forget
        (norm, lambda dy, x: dy / np.linalg.norm(x)),
        (spread, lambda dy, x: (dy - dy.mean()) / np.sqrt(x.var())),
        (np.abs, lambda dy, x: 0 * x),
        (lambda x: x.std(), lambda x: 2 * (x - x.mean()) / x.std() / x.size),
    ):
        report = check_gradient(function_, gradient, A, method="complex")
        assert [trap.name for trap in report.traps] == ["imaginary part"]
        assert check_gradient(function_, gradient, A).verdict == "wrong"
    refused = check_gradient(lambda x: np.logaddexp(0, x), lambda dy, x: dy, A, method="complex")
    assert refused.traps[0].name == "complex" and "method='central'" in refused.summary


# From call to call.


class Layer:
    """As learners write them: what it is given is kept, gradients are added up."""

    def __init__(self):
        self.W, self.dW = A[:3, :2].copy(), np.zeros((3, 2))

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dy):
        return dy @ self.W.T

    def add_up(self, dy, W):
        self.dW += A.T @ dy
        return self.dW

    def add_up_anew(self, dy, W):
        self.dW = self.dW + A.T @ dy
        return self.dW


@pytest.mark.parametrize("backward", ["add_up", "add_up_anew"])
def test_an_accumulator_is_named(backward):
    report = check_gradient(lambda W: A @ W, getattr(Layer(), backward), A[:3, :2])
    assert report.traps[0].name == "accumulated" and "second call" in report.summary


def test_a_stale_cache_is_named():
    kept = {}
    stale = lambda dy, x: 2 * kept.setdefault("x", x.copy()) * dy
    report = check_gradient(np.square, stale, A)
    assert report.traps[0].name == "stale" and not report.passed
    half = lambda dy, x: (x + kept["x"]) * dy
    assert check_gradient(np.square, half, A).traps[0].name == "second point"
    assert check_gradient(lambda x: 3 * x, lambda dy, x: 3 * dy, A).passed, (
        "the same numbers again, and rightly"
    )
    layer = Layer()
    assert check_gradient(layer.forward, layer.backward, A).passed, "it remembers the input of its last call"


def test_weights_kept_by_a_model_are_found(monkeypatch):
    right, kept = Dense.backward, {}

    def first_weights(self, da, x, need_dx=True):
        dx = right(self, da, x, need_dx)
        return None if dx is None else da @ kept.setdefault(id(self), self.W.copy()).T

    monkeypatch.setattr(Dense, "backward", first_weights)
    vae = VAE(5, (4,), 2, activation="tanh", dtype=np.float64)
    rng = np.random.default_rng(0)
    report = check(vae, rng.random((3, 5)), rng.standard_normal((2, 3, 2)))
    assert [trap.name for trap in report.traps] == ["second point"]


def test_noise_in_a_right_gradient_is_no_pass():
    noisy = lambda dy, x: 2 * x * dy * (1 + 1e-9 * np.random.default_rng().standard_normal(x.shape))
    assert check_gradient(np.square, noisy, A).traps[0].name == "noise"
    last_bit = lambda dy, x: 2 * x * dy * (1 + 2.3e-16 * np.random.default_rng().integers(2))
    assert check_gradient(np.square, last_bit, A).passed


# Conventions.

SIGMA, EPS = np.abs(A) + 0.1, A[::-1].copy()
W, B = A[:3, :2].copy(), A[0, :2].copy()
dense = lambda x, W, b: x @ W + b


@pytest.mark.parametrize(
    "gradient",
    [
        lambda da, x, W, b: (da @ W.T, x.T @ da, da.sum(0)),
        lambda x, W, b, da: (da @ W.T, x.T @ da, da.sum(0)),
        lambda W, da, b, x: (da @ W.T, x.T @ da, da.sum(0)),
        lambda upstream, X, w, c: (upstream @ w.T, X.T @ upstream, upstream.sum(0)),
        lambda p, q, r, s: (p @ r.T, q.T @ p, p.sum(0)),  # names tell nothing: tried
        lambda p, q, r, s: (s @ q.T, p.T @ s, s.sum(0)),
        lambda x, W, b, *, d: (d @ W.T, x.T @ d, d.sum(0)),
        lambda x, W, b, delta=None: (delta @ W.T, x.T @ delta, delta.sum(0)),
        lambda da, x, W, b: {"W": x.T @ da, "x": da @ W.T, "b": da.sum(0)},
        lambda da, x, W, b: {"dx": da @ W.T, "dW": x.T @ da, "db": da.sum(0)},
        lambda da, x, W, b: [da @ W.T, x.T @ da, da.sum(0).tolist()],
    ],
)
def test_any_order_of_arguments_is_understood(gradient):
    report = check_gradient(dense, gradient, A, W, B)
    assert report.passed and report.worst < 1e-8, str(report)


def test_it_is_said_how_the_gradient_was_called():
    last = check_gradient(np.tanh, lambda a, dh: dh * (1 - np.tanh(a) ** 2), A)
    assert last.passed and "Called as gradient(x, upstream)" in str(last)
    first = check_gradient(np.tanh, lambda dh, a: dh * (1 - np.tanh(a) ** 2), A)
    assert first.passed and "Called as" not in str(first)
    unnamed = check_gradient(np.tanh, lambda a, b: b * (1 - np.tanh(a)), A)
    assert unnamed.verdict == "wrong" and "Judged as gradient(upstream, x); called as gradient(x" in str(
        unnamed
    )
    assert "Judged as" not in str(check_gradient(np.tanh, lambda dh, a: dh * (1 - np.tanh(a)), A))


def test_a_cache_beside_the_output():
    def forward(x, W, b):
        return x @ W + b, (x, W)

    for backward in (
        lambda dout, cache: (dout @ cache[1].T, cache[0].T @ dout, dout.sum(0)),
        lambda cache, dout: (dout @ cache[1].T, cache[0].T @ dout, dout.sum(0)),
        lambda dout, x, W, b: (dout @ W.T, x.T @ dout, dout.sum(0)),
    ):
        report = check_gradient(forward, backward, A, W, B)
        assert report.passed and "tuple" in report.summary and "cache" in report.summary
    wrong = check_gradient(forward, lambda dout, cache: (dout @ cache[1].T, cache[0].T @ dout, dout), A, W, B)
    assert wrong.first == ["b"]
    one = check_gradient(lambda x: (np.tanh(x), np.tanh(x)), lambda dout, cache: dout * (1 - cache**2), A)
    assert one.passed, "an array may be a cache, too"
    none = check_gradient(lambda x: (x**2, None), lambda dy, x: 2 * x * dy, A)
    assert none.passed


def test_lists_and_dicts_of_arrays():
    ws = [A, W, 3.0]
    f = lambda ws: (ws[0] ** 2).sum() + (ws[1] ** 3).sum() * ws[2]
    df = lambda ws: [2 * ws[0], 3 * ws[1] ** 2 * ws[2], (ws[1] ** 3).sum()]
    report = check_gradient(f, df, ws)
    assert report.passed and [row.name for row in report.rows] == ["ws[0]", "ws[1]", "ws[2]"]
    assert check_gradient(f, lambda ws: tuple(df(ws)), tuple(ws)).passed
    wrong = check_gradient(f, lambda ws: [ws[0], *df(ws)[1:]], ws)
    assert wrong.first == ["ws[0]"] and wrong.explanations[0].term in ("2", "1/2")
    assert check_gradient(lambda ws: (ws[0] ** 2).sum() / 2, lambda ws: ws, [A]).passed
    handed_back = check_gradient(lambda ws: ws[0].sum(), lambda ws: ws, [A, W])
    assert handed_back.traps[0].name == "arguments" and "unchanged" in handed_back.summary
    layer = {"W": W, "b": B}
    forward, backward = (
        lambda x, layer: x @ layer["W"] + layer["b"],
        lambda da, x, layer: (
            da @ layer["W"].T,
            {"b": da.sum(0), "dW": x.T @ da},
        ),
    )
    report = check_gradient(forward, backward, A, layer)
    assert report.passed and [row.name for row in report.rows] == ["x", "layer['W']", "layer['b']"]
    assert check_gradient(forward, backward, A, layer, method="complex").passed
    flat = lambda da, x, pair: (da @ pair[0].T, x.T @ da, da.sum(0))
    assert check_gradient(lambda x, pair: x @ pair[0] + pair[1], flat, A, (W, B)).passed
    ragged = check_gradient(
        lambda x: x[0].sum() + (x[1] ** 2).sum(), lambda x: [np.ones(1), 2 * x[1]], [[1.0], [2.0, 3.0]]
    )
    assert ragged.passed and len(ragged.rows) == 2
    assert check_gradient(lambda x: {"a": x**2, "b": x.sum()}, lambda da, db, x: 2 * x * da + db, A).passed


def test_labels_and_none_are_not_differentiated():
    y = np.array([0, 2, 1, 0])
    loss = lambda a, y, mask: (a[np.arange(4), y] ** 2).sum()

    def gradient(a, y, mask):
        g = np.zeros_like(a)
        g[np.arange(4), y] = 2 * a[np.arange(4), y]
        return g

    report = check_gradient(loss, gradient, A, y, None)
    assert report.passed and "Not differentiated: y, mask. (wrt names" in str(report)
    assert check_gradient(loss, lambda a, y, mask: (gradient(a, y, mask), None, None), A, y, None).passed
    several = check_gradient(
        lambda mu, sigma, eps: mu + sigma * eps, lambda dz, mu, sigma, eps: (dz, dz * eps), A, SIGMA, EPS
    )
    assert several.traps[0].name == "shape" and "wrt=" in several.summary


def test_upstream_gradients_left_out():
    two = lambda x: (np.tanh(x), x**2)
    ignored = check_gradient(two, lambda dh, dc, x: dh * (1 - np.tanh(x) ** 2), A)
    assert ignored.verdict == "wrong" and "takes no notice of dc" in ignored.summary
    one = check_gradient(two, lambda dh, x: dh * (1 - np.tanh(x) ** 2), A)
    assert one.passed and "output 2" in one.summary
    in_a_tuple = lambda ups, x: ups[0] * (1 - np.tanh(x) ** 2) + ups[1] * 2 * x
    assert check_gradient(two, in_a_tuple, A).passed
    assert check_gradient(two, lambda ups, x: in_a_tuple(ups, x) - ups[1] * x, A).verdict == "wrong"
    loss = check_gradient(lambda x: ((x**2).sum(), x**3), lambda x: 2 * x, A)
    assert loss.passed and "output 1 alone" in loss.summary
    both = check_gradient(lambda x: ((x**2).sum(), x**3), lambda x: 2 * x + 3 * x**2, A)
    assert both.passed and "alone" not in both.summary
    softmax = lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True)
    alone = check_gradient(softmax, lambda x: softmax(x) * (1 - softmax(x)), A)
    assert alone.traps[0].name == "upstream" and "sum to a constant" in alone.summary


def test_whole_jacobians_are_understood():
    M = A[:, :3]
    f = lambda x: np.tanh(M @ x)
    J = lambda x: (1 - np.tanh(M @ x) ** 2)[:, None] * M
    report = check_gradient(f, J, B.repeat(2)[:3])
    assert report.passed and "Jacobian" in report.summary
    assert check_gradient(f, lambda x: J(x) * [1, 1, 1.01], B.repeat(2)[:3]).verdict == "wrong"


@pytest.mark.parametrize("method", ["central", "complex"])
def test_every_entry_of_a_jacobian_is_compared(method):
    softmax = lambda x: np.exp(x) / np.exp(x).sum()
    J = lambda x: np.diag(softmax(x)) - np.outer(softmax(x), softmax(x))
    whole = {"jacobian": True, "method": method}
    assert check_gradient(softmax, J, A[0], **whole).rows[0].checked == 9

    def one_entry(x):
        j = J(x)
        j[1, 2] *= 1.001
        return j

    wrong = check_gradient(softmax, one_entry, A[0], **whole)
    assert list(wrong.rows[0].wrong_at) == [5] and "at [1, 2]" in wrong.summary
    transposed = check_gradient(lambda x: W.T @ x, lambda x: W, A[0], **whole)
    assert transposed.verdict == "wrong" and "transposed" in transposed.summary
    diagonal = check_gradient(softmax, lambda x: softmax(x) * (1 - softmax(x)), A[0], **whole)
    assert diagonal.verdict == "wrong" and "(3, 3)" in diagonal.summary
    upstream = check_gradient(softmax, lambda dy, x: J(x) @ dy, A[0], **whole)
    assert upstream.traps[0].name == "arguments" and "called as gradient(x)" in upstream.summary


def test_jacobians_of_several_outputs_by_several_arguments():
    f, x, y = lambda x, y: (x * y, x.sum() + y**2), A[0], A[1]
    of_one, ones = lambda x, y: (np.diag(y), np.diag(x)), np.ones((3, 3))
    right = lambda x, y: (of_one(x, y), (ones, np.diag(2 * y)))
    report = check_gradient(f, right, x, y, jacobian=True)
    assert report.passed and [row.shape for row in report.rows] == [(6, 3), (6, 3)]
    half = lambda x, y: (of_one(x, y), (ones, np.diag(y)))
    assert check_gradient(f, half, x, y, jacobian=True).first == ["y"]
    assert check_gradient(f, of_one, x, y, jacobian=True).traps[0].name == "shape"
    by_W = lambda W, x: (np.einsum("ik,j->ikj", np.eye(2), x), W)
    assert check_gradient(lambda W, x: W @ x, by_W, W.T, A[0], jacobian=True).passed


def test_a_large_jacobian_is_sampled():
    M = np.random.default_rng(0).standard_normal((60, 120))
    report = check_gradient(lambda x: M @ x, lambda x: M, M[0])
    assert report.passed and report.rows[0].checked == 16
    M2 = M.copy()
    M2[31, 7] += 0.1
    assert check_gradient(lambda x: M @ x, lambda x: M2, M[0]).verdict == "wrong"


# Second order.


def test_a_hessian_vector_product_is_checked_as_a_gradient_of_a_gradient():
    g = lambda x: 4 * x**3 + x.sum()
    assert check_gradient(g, lambda v, x: 12 * x**2 * v + v.sum(), A).passed
    assert check_gradient(g, lambda v, x: 12 * x**2 * v, A).verdict == "wrong"
    assert check_gradient(g, lambda x: np.diag(12 * x**2) + 1, A[0], jacobian=True).passed


@pytest.mark.parametrize(("method", "digits"), [("central", 1e-8), ("complex", 1e-14)])
def test_the_hessian_of_a_vae_times_a_vector(method, digits):
    """Against H by differences of the loss alone, and symmetric, as no wrong gradient would be."""
    rng = np.random.default_rng(0)
    vae = VAE(4, (3,), 2, activation="tanh", dtype=np.complex128, init="glorot")
    theta, u, v = vae.theta.real + 0.3, *rng.standard_normal((2, vae.theta.size))
    batch = rng.random((3, 4)), rng.standard_normal((2, 3, 2))

    def gradient(theta):
        vae.theta = theta
        vae.backward(vae.forward(*batch))
        return vae.grad if method == "complex" else vae.grad.real

    Hv, Hu = hessian_vector(gradient, theta, v, method), hessian_vector(gradient, theta, u, method)
    assert abs(u @ Hv - v @ Hu) < digits * np.linalg.norm(Hv) * np.linalg.norm(u)

    def slope(a):  # of the loss along u, by complex step
        vae.theta = theta + a * v + 1e-20j * u
        return vae.forward(*batch).loss.imag / 1e-20

    assert abs(u @ Hv - (slope(1e-5) - slope(-1e-5)) / 2e-5) < 1e-8 * np.linalg.norm(Hv)
    halves = lambda theta: gradient(theta) * np.linspace(1, 2, len(theta))  # the gradient of nothing
    Hv, Hu = hessian_vector(halves, theta, v, method), hessian_vector(halves, theta, u, method)
    assert abs(u @ Hv - v @ Hu) > 1e-2 * np.linalg.norm(Hv)


def test_hessian_vector_refuses_other_shapes_and_methods():
    with pytest.raises(ValueError, match=r"v has shape \(3,\), x \(4, 3\)"):
        hessian_vector(np.sin, A, A[0])
    with pytest.raises(ValueError, match="method='forward' is not known"):
        hessian_vector(np.sin, A, A, "forward")


def test_gradients_in_another_order_are_named():
    swapped = lambda dz, a, b: (dz * a, dz * b)
    report = check_gradient(lambda a, b: a * b, swapped, A, EPS)
    assert report.first == ["a", "b"] and report.explanations[0].relation == "swapped"


def test_nothing_raises():
    def leaves(*arguments):
        raise SystemExit(1)

    assert check_gradient(np.sin, leaves, A).traps[0].name == "raised"
    assert check_gradient(leaves, lambda x: x, A).traps[0].name == "raised"
    assert check_gradient(np.sin, lambda dy, x: dy * np.cos(x), np.zeros((0, 3))).passed
    assert check_gradient(lambda x: x.sum(), lambda x: np.ones_like(x), np.zeros((0, 3))).passed
    assert check_gradient(np.tanh, lambda x, d: 2 * d * (1 - np.tanh(x)), A).verdict == "wrong"
    assert check_gradient(
        lambda data, d: data * d, lambda delta, data, d: (delta * d, delta * data), A, EPS
    ).passed
    assert check_gradient(lambda x: "no", lambda x: x, A).traps[0].name == "dtype"
    assert check_gradient(lambda x: (), lambda x: x, A).traps[0].name == "dtype"
    assert check_gradient(lambda x: bool((x > 0).all()), lambda x: 0 * x, A).passed
    assert check_gradient(np.sin, lambda dy, x: dy, A, upstream="x").traps[0].name == "dtype"
    positive = check_gradient(
        lambda S: 2 * np.log(np.diag(np.linalg.cholesky(S))).sum(),
        lambda S: 2 * np.tril(np.linalg.inv(S)) - np.diag(np.diag(np.linalg.inv(S))),
        np.eye(2),
    )
    assert positive.verdict in ("right", "wrong"), str(positive)


def test_a_failure_of_the_diagnosis_leaves_the_verdict(monkeypatch):
    monkeypatch.setattr(pair_causes, "ranked", lambda *arguments, **more: 1 / 0)
    report = check_gradient(np.tanh, lambda dy, x: dy, A)
    assert (
        report.verdict == "wrong" and "ZeroDivisionError" in str(report) and "verdict stands" in str(report)
    )


# Which entry, and how much it costs.


def test_one_wrong_entry_is_told_and_drawn(tmp_path):
    def gradient(dy, x):
        g = 2 * x * dy
        g[1, 2] = 0.5
        return g

    report = check_gradient(np.square, gradient, A)
    assert "wrong at [1, 2] (0.5 where" in report.summary and list(report.rows[0].wrong_at) == [5]
    figure = report.show(tmp_path / "wrong.png")
    assert (tmp_path / "wrong.png").stat().st_size > 10_000 and len(figure.axes) == 3
    yours, true, apart = (axis.images[0].get_array() for axis in figure.axes)
    assert yours[1, 2] == 0.5 and np.allclose(true, report.rows[0].numeric)
    assert np.flatnonzero(apart).tolist() == [5] and len(figure.axes[2].patches) == 1
    vae, rng = VAE(5, (4,), 2), np.random.default_rng(0)
    model = check(vae, rng.random((3, 5)), rng.standard_normal((2, 3, 2)), samples=2)
    assert len(model.show().axes) == 12, "four gradients; what was not measured is crossed out"


def test_large_arrays_are_sampled():
    calls = []
    x, w = np.random.default_rng(0).standard_normal((2, 60, 100))

    def f(x, w):
        calls.append(1)
        return (x * w).sum()

    report = check_gradient(f, lambda x, w: (w, x), x, w)
    assert (
        report.passed
        and len(calls) < 100
        and report.rows[0].checked == 16
        and "random direction" in str(report)
    )

    def one_wrong(x, w):
        g = w.copy()
        g[31, 7] += 0.1
        return g, x

    assert check_gradient(f, one_wrong, x, w).first == ["x"]
