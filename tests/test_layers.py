"""Layers: softplus and sigmoid to the last digit,
every activation and dense layer against central differences."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minivae import Trace
from minivae.layers import ACTIVATIONS, Dense, Stack, sigmoid, softplus
from minivae.parameters import INITS

DTYPES = [np.float32, np.float64, np.complex128]
any_float = st.floats(allow_nan=False, allow_infinity=False)


def dense(rng, n_in, n_out, dtype=np.float64):
    W, b = rng.standard_normal((n_in, n_out)).astype(dtype), rng.standard_normal(n_out).astype(dtype)
    return Dense(W, b, np.full_like(W, np.nan), np.full_like(b, np.nan))


# softplus and sigmoid ---------------------------------------------------------------------------------------


def exact_softplus(a):
    return a + math.log1p(math.exp(-a)) if a > 0 else math.log1p(math.exp(a))


def exact_sigmoid(a):
    return 1 / (1 + math.exp(-a)) if a > 0 else math.exp(a) / (1 + math.exp(a))


@pytest.mark.parametrize("f, exact", [(softplus, exact_softplus), (sigmoid, exact_sigmoid)])
@pytest.mark.parametrize("dtype, tolerance, ends", [(np.float32, 4e-7, 86), (np.float64, 1e-15, 700)])
def test_softplus_and_sigmoid_keep_their_relative_precision_at_both_ends(f, exact, dtype, tolerance, ends):
    a = np.linspace(-ends, ends, 2001).astype(dtype)
    expected = np.array([exact(float(x)) for x in a])
    assert (expected > 0).all()  # the left end is tiny and still not 0
    assert np.allclose(f(a), expected, rtol=tolerance, atol=0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softplus_and_sigmoid_of_huge_numbers_are_finite_and_right(dtype):
    a = np.array([-1e30, -1e4, 0, 1e4, 1e30], dtype)
    assert np.array_equal(softplus(a), np.array([0, 0, np.log(2), 1e4, 1e30], dtype))
    assert np.array_equal(sigmoid(a), np.array([0, 0, 0.5, 1, 1], dtype))


@given(any_float)
def test_softplus_of_any_number(a):
    s, mirrored = softplus(np.float64(a)), softplus(np.float64(-a))
    assert s >= max(a, 0) and math.isfinite(s)
    assert math.isclose(s - mirrored, a, rel_tol=1e-14, abs_tol=1e-15)  # softplus(a) - softplus(-a) = a


@given(any_float, any_float)
def test_sigmoid_of_any_number(a, b):
    p, q = sigmoid(np.float64(a)), sigmoid(np.float64(b))
    assert 0 <= p <= 1 and math.isclose(p + sigmoid(np.float64(-a)), 1, rel_tol=1e-15)
    assert p <= q or a > b  # rises


@pytest.mark.parametrize("a", [-800.0, -40.0, -1.0, -1e-30, 0.0, 1e-30, 1.0, 40.0, 800.0])
def test_the_complex_step_is_exact_also_at_zero(a):
    h = 1e-30
    assert math.isclose(
        softplus(np.array([a + 1j * h]))[0].imag / h,
        exact_sigmoid(max(a, -700)),
        rel_tol=1e-14,
        abs_tol=1e-300,
    )
    slope = exact_sigmoid(max(a, -700)) * exact_sigmoid(max(-a, -700))
    assert math.isclose(sigmoid(np.array([a + 1j * h]))[0].imag / h, slope, rel_tol=1e-14, abs_tol=1e-300)


# Activations ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("shape", [(4, 3), (2, 4, 3)])
def test_activation_against_an_upstream_gradient(name, shape, rng, assert_gradient):
    activation, a, dh = ACTIVATIONS[name], rng.standard_normal(shape) * 3, rng.standard_normal(shape)
    da = activation.backward(dh, a, activation.forward(a))
    assert_gradient(lambda: (dh * activation.forward(a)).sum(), a, da)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_activation_keeps_the_dtype_and_its_arguments(name, dtype, rng):
    a, dh = rng.standard_normal((2, 4, 3)).astype(dtype)
    before = a.copy(), dh.copy()
    h = ACTIVATIONS[name].forward(a)
    assert h.dtype == ACTIVATIONS[name].backward(dh, a, h).dtype == dtype
    assert np.array_equal(a, before[0]) and np.array_equal(dh, before[1])


def test_relu_passes_nothing_at_and_below_zero():
    a = np.array([-1.0, 0.0, 2.0])
    relu = ACTIVATIONS["relu"]
    assert np.array_equal(relu.forward(a), [0, 0, 2])
    assert np.array_equal(relu.backward(np.ones(3), a, relu.forward(a)), [0, 0, 1])


# Dense layers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lead", [(4,), (3, 4), (1,), (2, 3, 4)])
def test_dense_layer_against_an_upstream_gradient(lead, rng, assert_gradient):
    layer, x, da = dense(rng, 5, 3), rng.standard_normal((*lead, 5)), rng.standard_normal((*lead, 3))

    def f():
        return (da * layer.forward(x)).sum()

    dx = layer.backward(da, x)
    assert_gradient(f, x, dx)
    assert_gradient(f, layer.W, layer.dW)
    assert_gradient(f, layer.b, layer.db)


def test_dense_layer_equals_its_loops(rng):
    layer, x, da = dense(rng, 3, 2), rng.standard_normal((4, 3)), rng.standard_normal((4, 2))
    a, dx, dW, db = np.zeros((4, 2)), np.zeros((4, 3)), np.zeros((3, 2)), np.zeros(2)
    for n in range(4):
        for j in range(2):
            a[n, j] = layer.b[j]
            db[j] += da[n, j]
            for i in range(3):
                a[n, j] += x[n, i] * layer.W[i, j]
                dW[i, j] += x[n, i] * da[n, j]
                dx[n, i] += da[n, j] * layer.W[i, j]
    assert np.allclose(layer.forward(x), a, rtol=1e-14)
    assert np.allclose(layer.backward(da, x), dx, rtol=1e-14)
    assert np.allclose(layer.dW, dW, rtol=1e-14) and np.allclose(layer.db, db, rtol=1e-14)


def test_dense_backward_overwrites_its_gradients_and_nothing_else(rng):
    layer, x, da = dense(rng, 3, 2), rng.standard_normal((4, 3)), rng.standard_normal((4, 2))
    before = [a.copy() for a in (x, da, layer.W, layer.b)]
    layer.backward(da, x)
    once = layer.dW.copy(), layer.db.copy()
    assert layer.backward(da, x, need_dx=False) is None
    assert np.array_equal(layer.dW, once[0]) and np.array_equal(layer.db, once[1])
    assert all(np.array_equal(*pair) for pair in zip(before, (x, da, layer.W, layer.b), strict=True))


@pytest.mark.parametrize("dtype", DTYPES)
def test_dense_layer_keeps_the_dtype(dtype, rng):
    layer, x, da = (
        dense(rng, 3, 2, dtype),
        rng.standard_normal((4, 3)).astype(dtype),
        rng.standard_normal((4, 2)).astype(dtype),
    )
    assert layer.forward(x).dtype == layer.backward(da, x).dtype == layer.dW.dtype == layer.db.dtype == dtype


# Stacks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("widths", [(4, 2), (4, 3, 2), (4, 5, 3, 2)])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_stack_against_an_upstream_gradient(widths, activation, rng, assert_gradient):
    layers = [dense(rng, *pair) for pair in itertools.pairwise(widths)]
    stack, x = Stack("encoder", layers, ACTIVATIONS[activation]), rng.standard_normal((3, 4, widths[0]))
    dout = rng.standard_normal((3, 4, widths[-1]))
    t, d = Trace(), Trace()
    stack.forward(t, x)
    dx = stack.backward(dout, t, x, d)
    for a, analytic in (
        [(x, dx)] + [(layer.W, layer.dW) for layer in layers] + [(layer.b, layer.db) for layer in layers]
    ):
        assert_gradient(lambda: (dout * stack.forward(Trace(), x)).sum(), a, analytic)


def test_stack_names_its_hidden_layers_in_the_traces_and_ends_linear(rng):
    layers = [dense(rng, 4, 3), dense(rng, 3, 5), dense(rng, 5, 2)]
    stack, x, t, d = (
        Stack("decoder", layers, ACTIVATIONS["relu"]),
        rng.standard_normal((6, 4)),
        Trace(),
        Trace(),
    )
    out = stack.forward(t, x)
    stack.backward(np.ones((6, 2)), t, x, d)
    assert list(t) == ["decoder_a0", "decoder_h0", "decoder_a1", "decoder_h1"]
    assert list(d) == ["ddecoder_h1", "ddecoder_a1", "ddecoder_h0", "ddecoder_a0"]
    assert np.array_equal(t.decoder_h0, np.maximum(t.decoder_a0, 0))
    assert np.allclose(out, t.decoder_h1 @ layers[2].W + layers[2].b) and (out < 0).any()


# Initial parameters -----------------------------------------------------------------------------------------


def moments(sample):
    """Mean, its standard error, and the standard deviation."""
    return sample.mean(), sample.std() / sample.size**0.5, sample.std()


@pytest.mark.parametrize("name, sigma", [("reference", 2 / math.sqrt(600)), ("normal", 0.01)])
def test_normal_initialisations(name, sigma, rng):
    W, b = INITS[name](rng, 600, 400)
    mean, error, std = moments(W)
    assert W.shape == (600, 400) and b.shape == (400,)
    assert abs(mean) < 4 * error and math.isclose(std, sigma, rel_tol=0.01)
    assert 4 < abs(W).max() / sigma < 6.5  # normal, not uniform and not truncated
    assert (b == 0).all() if name == "reference" else math.isclose(b.std(), sigma, rel_tol=0.2)


@pytest.mark.parametrize("name, bound", [("glorot", math.sqrt(6 / 1000)), ("pytorch", 1 / math.sqrt(600))])
def test_uniform_initialisations(name, bound, rng):
    W, b = INITS[name](rng, 600, 400)
    mean, error, std = moments(W)
    assert W.shape == (600, 400) and b.shape == (400,)
    assert abs(mean) < 4 * error and math.isclose(std, bound / math.sqrt(3), rel_tol=0.01)
    assert 0.999 * bound < abs(W).max() <= bound
    assert (b == 0).all() if name == "glorot" else 0.95 * bound < abs(b).max() <= bound
