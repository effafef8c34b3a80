"""Where the package computes in a faster form than the lessons derive, the two are equal:
here is the readable one of each."""

import numpy as np
import pytest

from minivae import Adam, Bernoulli, RMSProp, Trace
from minivae.gaussian import HEADS, SIGMA_MIN
from minivae.inputs import to_floats
from minivae.layers import Dense, sigmoid, softplus
from minivae.optimizers import FLUSH, FLUSH_EVERY

ATOL = {np.float32: 2e-6, np.float64: 1e-14}  # of numbers around 1
both_precisions = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@both_precisions
def test_softplus_and_sigmoid(dtype):
    """log(1 + exp(a)) and 1 / (1 + exp(-a)); the package's never overflow."""
    a = np.linspace(-80, 80, 4001).astype(dtype)
    exact = a.astype(float)
    assert np.allclose(
        softplus(a), np.log1p(np.exp(exact)), rtol=5e-6 if dtype == np.float32 else 1e-13, atol=0
    )
    assert np.allclose(
        sigmoid(a), 1 / (1 + np.exp(-exact)), rtol=5e-6 if dtype == np.float32 else 1e-13, atol=0
    )


@both_precisions
@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (5, 8), (3, 784), (4, 3, 12)], ids=str)
def test_bernoulli(dtype, shape, rng):
    """log p(x|z) = sum of x log p + (1 - x) log(1 - p), dlogits = dlog_px_z (x - p), with p = 1 / (1 +
    exp(-a)) (7.4, 7.6).

    The package goes by x a - softplus(a), has p from a tanh and takes the logs of products of eight (7.5).
    """
    t, d = Trace(), Trace()
    t.x = (rng.random(shape[-2:]) < 0.3).astype(dtype)
    t.x[0] = rng.random(shape[-1])  # grey pixels too
    t.logits = (2 * rng.standard_normal(shape)).astype(dtype)
    w = rng.standard_normal(shape[:-1]).astype(dtype)
    log_px_z = Bernoulli().log_prob(t)
    Bernoulli().backward(w, t, d, None)

    x, a = t.x.astype(float), t.logits.astype(float)
    p = 1 / (1 + np.exp(-a))
    readable = (x * np.log(p) + (1 - x) * np.log(1 - p)).sum(axis=-1)
    assert log_px_z.dtype == dtype and np.allclose(
        log_px_z, readable, rtol=1e-5 if dtype == np.float32 else 1e-11, atol=0
    )
    assert d.dlogits.dtype == dtype and np.allclose(
        d.dlogits, w[..., None] * (x - p), rtol=0, atol=ATOL[dtype]
    )


@pytest.mark.parametrize("logit", [-1e4, -100.0, 0.0, 100.0, 1e4])
@pytest.mark.parametrize("pixel", [0.0, 0.25, 1.0])
def test_bernoulli_where_the_readable_form_fails(logit, pixel):
    """x a - softplus(a), one pixel, for logits beyond every exp."""
    t = Trace()
    t.x, t.logits = np.full((1, 1), pixel, np.float32), np.full((1, 1), logit, np.float32)
    expected = pixel * logit - max(logit, 0.0) - np.log1p(np.exp(-abs(logit)))
    assert np.allclose(Bernoulli().log_prob(t), expected, rtol=1e-6)


@both_precisions
def test_the_softplus_heads_backward(dtype, rng):
    """draw = dsigma sigmoid(raw); the package has sigmoid(raw) = exp(raw - softplus(raw)), and softplus(raw)
    = sigma - 1e-6."""
    raw = np.linspace(-30, 30, 1001).astype(dtype)
    dsigma = rng.standard_normal(raw.shape).astype(dtype)
    head = HEADS["softplus"]
    sigma = head.forward(raw)
    assert np.allclose(sigma, softplus(raw) + SIGMA_MIN, rtol=0, atol=0)
    readable = dsigma * (1 / (1 + np.exp(-raw.astype(float))))
    assert np.allclose(
        head.backward(dsigma, raw, sigma), readable, rtol=1e-5 if dtype == np.float32 else 1e-12, atol=0
    )


def test_a_dense_layer_with_samples_in_front(rng):
    """dW and db by loops over samples and images; the package flattens the leading axes into one product."""
    x, da, W, b = (
        rng.standard_normal((3, 4, 5)),
        rng.standard_normal((3, 4, 2)),
        rng.standard_normal((5, 2)),
        np.zeros(2),
    )
    layer = Dense(W, b, np.full_like(W, np.nan), np.full_like(b, np.nan))
    dx = layer.backward(da, x)
    assert np.allclose(layer.dW, sum(np.outer(x[k, i], da[k, i]) for k in range(3) for i in range(4)))
    assert np.allclose(layer.db, sum(da[k, i] for k in range(3) for i in range(4)))
    assert np.allclose(dx, [[W @ da[k, i] for i in range(4)] for k in range(3)])


# Optimisers: a running mean v = decay v + (1 - decay) g^2 is kept as u = v / (1 - decay).


def rmsprop(theta, g, state, lr=1e-3, start=1.0, decay=0.9, eps=1e-10, inside=True):
    v = state["v"] = decay * state.get("v", start) + (1 - decay) * g * g
    return theta - lr * g / (np.sqrt(v + eps) if inside else np.sqrt(v) + eps)


def adam(theta, g, state, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    t = state["t"] = state.get("t", 0) + 1
    m = state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
    v = state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g * g
    return theta - lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps)


@both_precisions
@pytest.mark.parametrize(
    "optimizer, readable",
    [
        (RMSProp(), rmsprop),
        (RMSProp(variant="keras"), lambda *a: rmsprop(*a, start=0.0, eps=1e-7)),
        (RMSProp(variant="pytorch"), lambda *a: rmsprop(*a, start=0.0, decay=0.99, eps=1e-8, inside=False)),
        (Adam(), adam),
        (Adam(eps=1e-4), lambda *a: adam(*a, eps=1e-4)),
    ],
    ids=["tensorflow1", "keras", "pytorch", "adam", "burda's adam"],
)
def test_optimizers(optimizer, readable, dtype, rng):
    optimizer = type(optimizer)(
        **{name: value for name, value in optimizer.config().items() if name != "name"}
    )
    theta = rng.standard_normal(500).astype(dtype)
    slow, state = theta.astype(float), {}
    for _ in range(2 * FLUSH_EVERY + 10):
        g = (rng.standard_normal(500) * 10 ** rng.uniform(-6, 2, 500)).astype(dtype)
        g[:10] = 0
        optimizer.step(theta, g)
        slow = readable(slow, g.astype(float), state)
    assert np.allclose(theta, slow, rtol=0, atol=3e-5 if dtype == np.float32 else 1e-13)


def test_the_flush_takes_nothing_but_what_is_nothing():
    """Every FLUSH_EVERY steps u becomes (u + 1e-20) - 1e-20: what is far below it becomes 0,
    what is far above keeps its bits."""
    optimizer = Adam()
    optimizer.step(np.zeros(4, np.float32), np.zeros(4, np.float32))
    m = optimizer.state()["m"]
    m[:] = [1e-38, -1e-30, 1e-9, 3.0]
    optimizer.flush()
    assert m[0] == m[1] == 0 and np.array_equal(m[2:], np.array([1e-9, 3.0], np.float32))
    assert FLUSH < 1e-11 * Adam().eps


# Batches.


def test_thresholding_whole_numbers_is_thresholding_what_they_mean():
    """pixel / 255 > 0.5, for each of the 256 levels; the package compares the uint8."""
    levels = np.arange(256, dtype=np.uint8)
    assert np.array_equal(to_floats(levels, np.float32, "threshold"), (levels / 255 > 0.5).astype(np.float32))
