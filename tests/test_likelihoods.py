"""Decoders as distributions over pixels: exact values, gradients through every path, extreme outputs,
samples."""

import itertools
import math

import numpy as np
import pytest

from minivae import Bernoulli, Gaussian
from minivae.gaussian import HALF_LOG_2PI
from minivae.layers import sigmoid, softplus
from minivae.likelihoods import LOG_SIGMA_MIN, make_likelihood
from minivae.trace import Trace

LIKELIHOODS = {
    "bernoulli": Bernoulli(),
    "shared": Gaussian(),
    "fixed": Gaussian(sigma=0.3),
    "pixel": Gaussian(sigma="pixel"),
}
every_likelihood = pytest.mark.parametrize("likelihood", LIKELIHOODS.values(), ids=LIKELIHOODS)
B, D = 4, 5
DTYPES = [np.float32, np.float64, np.complex128]


def trace(likelihood, x, output, parameters=None):
    """The likelihood's part of a pass."""
    t = Trace()
    t.x = x
    likelihood.forward(t, output, parameters)
    t.log_px_z = likelihood.log_prob(t)
    return t


@pytest.fixture(params=[(), (3,)], ids=["one sample", "K samples"])
def batch(request, rng):
    """x (B, D), a way to draw the last layer's output, the shared parameter, the upstream gradient."""
    lead = (*request.param, B)
    return (
        rng.random((B, D)),
        lambda columns: rng.standard_normal((*lead, columns)),
        rng.standard_normal(1),
        rng.standard_normal(lead),
    )


# Gradients --------------------------------------------------------------------------------------------------


@every_likelihood
def test_log_px_z_against_an_upstream_gradient(likelihood, batch, assert_gradient):
    x, draw, parameters, upstream = batch
    output = draw(likelihood.n_outputs(D))

    def f():
        return (upstream * trace(likelihood, x, output, parameters).log_px_z).sum()

    t, d, dparameters = trace(likelihood, x, output, parameters), Trace(), np.full(1, np.nan)
    assert t.log_px_z.shape == upstream.shape
    assert_gradient(f, output, likelihood.backward(upstream, t, d, dparameters))
    if likelihood.n_parameters:
        assert_gradient(f, parameters, dparameters)
    dx = likelihood.dx(upstream, t)
    assert_gradient(f, x, dx if dx.ndim == 2 else dx.sum(axis=0))


@every_likelihood
def test_backward_leaves_a_gradient_for_each_name_of_forward(likelihood, batch):
    x, draw, parameters, upstream = batch
    t, d = trace(likelihood, x, draw(likelihood.n_outputs(D)), parameters), Trace()
    likelihood.backward(upstream, t, d, np.zeros(1))
    names = {"bernoulli": ["dlogits"], "fixed": ["dmean"]}
    key = next(key for key, value in LIKELIHOODS.items() if value is likelihood)
    assert sorted(d) == names.get(key, ["dlog_sigma", "dmean", "draw_log_sigma"])
    assert all(d[name].shape == t[name[1:]].shape for name in d)


@every_likelihood
@pytest.mark.parametrize("dtype", DTYPES)
def test_nothing_is_promoted_and_no_argument_changed(likelihood, dtype, batch):
    arguments = x, output, parameters, upstream = [
        a.astype(dtype) for a in (batch[0], batch[1](likelihood.n_outputs(D)), *batch[2:])
    ]
    before = [a.copy() for a in arguments]
    t, d = trace(likelihood, x, output, parameters), Trace()
    results = [
        likelihood.backward(upstream, t, d, np.zeros(1, dtype)),
        likelihood.dx(upstream, t),
        likelihood.mean(t),
    ]
    results += [t[name] for name in t] + [d[name] for name in d]
    assert {a.dtype for a in results} == {np.dtype(dtype)}
    assert all(np.array_equal(a, b) for a, b in zip(before, arguments, strict=True))


# Bernoulli --------------------------------------------------------------------------------------------------


def test_bernoulli_is_the_product_of_its_pixels(rng):
    x, logits = (rng.random((B, D)) < 0.5).astype(float), rng.standard_normal((B, D))
    p = 1 / (1 + np.exp(-logits))
    expected = np.log(np.prod(np.where(x == 1, p, 1 - p), axis=1))
    assert np.allclose(trace(Bernoulli(), x, logits).log_px_z, expected, rtol=1e-13)


def test_bernoulli_sums_to_one_over_all_images(rng):
    x = np.array(list(itertools.product([0.0, 1.0], repeat=D)))
    t = trace(Bernoulli(), x, np.broadcast_to(rng.standard_normal(D), x.shape))
    assert math.isclose(np.exp(t.log_px_z).sum(), 1, rel_tol=1e-13)


def test_bernoulli_with_all_logits_zero_knows_nothing():
    """log 2 per pixel: 543.4 nats for an MNIST image."""
    t = trace(Bernoulli(), np.ones((1, 784)), np.zeros((1, 784)))
    assert (
        math.isclose(t.log_px_z[0], -784 * math.log(2), rel_tol=1e-13) and round(-t.log_px_z[0], 1) == 543.4
    )


@pytest.mark.parametrize("lead", [(2,), (3, 2)], ids=str)
def test_many_pixels_that_nothing_is_known_of_cost_log_2_each(lead):
    """4096 factors of 1/2 in float32: as a product, 0."""
    D = 4096
    t = trace(Bernoulli(), np.ones((2, D), np.float32), np.zeros((*lead, D), np.float32))
    assert t.log_px_z.shape == lead and np.allclose(t.log_px_z, -D * math.log(2), rtol=1e-6)


@pytest.mark.parametrize("columns", [1, 5, 8, 12, 784])
@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 1e-6), (np.float64, 1e-14)])
def test_bernoulli_is_precise_for_any_logits_and_any_number_of_pixels(columns, dtype, tolerance, rng):
    logits, x = (rng.standard_normal((B, columns)) * 20).astype(dtype), rng.random((B, columns)).astype(dtype)
    t, d = trace(Bernoulli(), x, logits), Trace()
    Bernoulli().backward(np.ones(B, dtype), t, d, None)
    a, p = logits.astype(float), sigmoid(logits.astype(float))
    expected = np.array([math.fsum(row) for row in x * a - np.maximum(a, 0) - np.log1p(np.exp(-abs(a)))])
    assert np.allclose(t.log_px_z, expected, rtol=tolerance, atol=tolerance * columns)
    assert np.allclose(d.dlogits, x - p, rtol=0, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bernoulli_of_extreme_logits_is_finite_and_right(dtype):
    logits = np.array([[1e4], [-1e4], [1e4], [-1e4], [200.0], [-200.0]], dtype)
    x = np.array([[1], [1], [0], [0], [0], [1]], dtype)
    t, d = trace(Bernoulli(), x, logits), Trace()
    Bernoulli().backward(np.ones(6, dtype), t, d, None)
    assert np.array_equal(t.log_px_z, np.array([0, -1e4, -1e4, 0, -200, -200], dtype))
    assert np.array_equal(d.dlogits, np.array([[0], [1], [-1], [0], [-1], [1]], dtype))


@pytest.mark.parametrize("largest", [79.0, 81.0, 90.0, 800.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_one_large_logit_overflows_nothing_and_leaves_the_other_images_alone(largest, dtype):
    logits = np.array([[largest, -3.0, 0.5], [2.0, -90.0, 0.5]]).astype(dtype)
    x = np.array([[1.0, 0.0, 0.2], [1.0, 0.0, 0.2]]).astype(dtype)
    others = np.log1p(np.exp(-3.0)), np.log1p(np.exp(0.5)) - 0.2 * 0.5, np.log1p(np.exp(-2.0))
    with np.errstate(over="raise"):
        costs = -trace(Bernoulli(), x, logits).log_px_z.real
    assert np.allclose(costs, [others[0] + others[1], others[1] + others[2]], rtol=1e-5)


def test_a_confident_wrong_pixel_costs_its_logit_and_is_not_capped():
    """A 1e-7 inside the logarithm would cap the loss at 16.1."""
    t = trace(Bernoulli(), np.zeros((1, 1)), np.full((1, 1), 30.0))
    assert math.isclose(t.log_px_z[0], -30, rel_tol=1e-12)


def test_bernoulli_on_grey_pixels_is_a_cross_entropy_with_a_floor(rng):
    x = rng.uniform(0.01, 0.99, (1, 50))
    perfect = trace(Bernoulli(), x, np.log(x / (1 - x)))
    entropy = -(x * np.log(x) + (1 - x) * np.log(1 - x)).sum()
    assert math.isclose(-perfect.log_px_z[0], entropy, rel_tol=1e-12) and entropy > 10


# Gaussian ---------------------------------------------------------------------------------------------------


def raw_of(log_sigma):
    """log_sigma = c + softplus(raw - c), solved for raw."""
    return LOG_SIGMA_MIN + math.log(math.expm1(log_sigma - LOG_SIGMA_MIN))


def test_gaussian_of_784_pixels_with_residual_1_and_sigma_1():
    raw = raw_of(log_sigma=0)
    expected = -784 * (0.5 + HALF_LOG_2PI)
    assert round(expected, 1) == -1112.4
    x, mean = np.ones((1, 784)), np.zeros((1, 784))
    for likelihood, output in (
        (Gaussian(sigma=1), mean),
        (Gaussian(sigma="shared"), mean),
        (Gaussian(sigma="pixel"), np.hstack([mean, np.full((1, 784), raw)])),
    ):
        t = trace(likelihood, x, output, np.full(1, raw))
        assert math.isclose(t.log_px_z[0], expected, rel_tol=1e-13)


@pytest.mark.parametrize("sigma", ["shared", "pixel", 0.3])
def test_gaussian_is_the_product_of_its_pixels(sigma, rng):
    likelihood, x = Gaussian(sigma), rng.random((B, D))
    t = trace(likelihood, x, rng.standard_normal((B, likelihood.n_outputs(D))), rng.standard_normal(1))
    s = np.broadcast_to(np.exp(t.log_sigma), (B, D))
    density = np.exp(-((x - t.mean) ** 2) / (2 * s**2)) / np.sqrt(2 * np.pi * s**2)
    assert np.allclose(t.log_px_z, np.log(np.prod(density, axis=1)), rtol=1e-12)
    if sigma == 0.3:
        assert np.allclose(s, 0.3, rtol=1e-15)


def test_a_fixed_sigma_is_the_squared_error_scaled(rng):
    x, mean = rng.random((2, B, D))
    t = trace(Gaussian(sigma=0.5), x, mean)
    squared_error = ((x - mean) ** 2).sum(axis=1)
    assert np.allclose(
        t.log_px_z, -squared_error / (2 * 0.5**2) - D * (math.log(0.5) + HALF_LOG_2PI), rtol=1e-13
    )


def test_the_best_shared_sigma_is_the_root_mean_squared_residual(rng):
    x, mean = rng.random((2, B, D))
    raw = raw_of(log_sigma=math.log(np.sqrt(((x - mean) ** 2).mean())))
    d, dparameters = Trace(), np.full(1, np.nan)
    Gaussian().backward(np.ones(B), trace(Gaussian(), x, mean, np.full(1, raw)), d, dparameters)
    assert abs(dparameters[0]) < 1e-12


@pytest.mark.parametrize("sigma", ["shared", "pixel"])
def test_a_learned_sigma_has_a_smooth_floor_and_never_explodes(sigma):
    """A pixel that never changes would send sigma to 0 and the density to infinity."""
    likelihood, raw, D = Gaussian(sigma), np.array([-1e4, -6.0, 0.0, 50.0], np.float32), 1
    for r in raw:
        output = np.array([[0.0, r]], np.float32)[:, : likelihood.n_outputs(D)]
        t, d = trace(likelihood, np.ones((1, 1), np.float32), output, np.full(1, r, np.float32)), Trace()
        likelihood.backward(np.ones(1, np.float32), t, d, np.zeros(1, np.float32))
        assert all(np.isfinite(t[name]).all() for name in t) and all(np.isfinite(d[name]).all() for name in d)
        assert t.log_sigma.item() >= LOG_SIGMA_MIN
        assert math.isclose(
            t.log_sigma.item(),
            LOG_SIGMA_MIN + softplus(np.float64(r) - LOG_SIGMA_MIN),
            rel_tol=1e-6,
            abs_tol=1e-6,
        )


# Samples, means, names --------------------------------------------------------------------------------------


def test_bernoulli_samples_are_0_and_1_with_the_said_probability(rng):
    logits = np.broadcast_to(np.array([-2.0, 0.0, 1.0], np.float32), (40_000, 3))
    t = trace(Bernoulli(), np.zeros((40_000, 3), np.float32), logits)
    sample = Bernoulli().sample(t, rng)
    assert sample.dtype == np.float32 and set(np.unique(sample)) == {0, 1}
    assert np.allclose(sample.mean(axis=0), sigmoid(logits[0]), atol=0.01)
    assert np.array_equal(Bernoulli().mean(t), sigmoid(logits))


@pytest.mark.parametrize("sigma", ["shared", "pixel", 0.3])
def test_gaussian_samples_have_the_said_moments(sigma, rng):
    likelihood = Gaussian(sigma)
    output = np.broadcast_to(
        np.array([0.5, -1.0, -0.7, 0.2], np.float32)[: likelihood.n_outputs(2)],
        (40_000, likelihood.n_outputs(2)),
    )
    t = trace(likelihood, np.zeros((40_000, 2), np.float32), output, np.array([-0.4], np.float32))
    sample, sigmas = likelihood.sample(t, rng), np.broadcast_to(np.exp(t.log_sigma), (40_000, 2))[0]
    assert sample.dtype == np.float32 and np.array_equal(likelihood.mean(t), t.mean)
    assert np.allclose(sample.mean(axis=0), [0.5, -1.0], atol=5 * sigmas.max() / 200)
    assert np.allclose(sample.std(axis=0), sigmas, rtol=0.02)


@every_likelihood
def test_a_likelihood_comes_back_from_its_config(likelihood):
    again = make_likelihood(likelihood.config())
    assert type(again) is type(likelihood) and again.config() == likelihood.config()
    assert make_likelihood(likelihood) is likelihood


def test_names_of_likelihoods():
    assert isinstance(make_likelihood("bernoulli"), Bernoulli)
    assert make_likelihood("gaussian").sigma == "shared"
    for wrong in ("poisson", Gaussian, None):
        with pytest.raises(
            ValueError,
            match=r"likelihood .* is not known; take one of bernoulli, gaussian, or Gaussian\(sigma=...\)",
        ):
            make_likelihood(wrong)


@pytest.mark.parametrize("sigma", [0, -1.0, np.nan, np.inf, "fixed", None, [0.5]])
def test_a_sigma_that_is_none(sigma):
    with pytest.raises(ValueError, match="it must be 'shared', 'pixel' or a positive number"):
        Gaussian(sigma=sigma)
