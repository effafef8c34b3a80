"""The diagonal Gaussian: two sigma heads, the reparameterization trick, the KL to N(0, I)
and the log density."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minivae import gaussian
from minivae.gaussian import (
    HALF_LOG_2PI,
    HEADS,
    kl,
    kl_gradient,
    log_prob,
    log_prob_gradient,
    reparameterize,
    reparameterize_backward,
)
from minivae.layers import sigmoid

DTYPES = [np.float32, np.float64, np.complex128]
B, M, K = 4, 3, 2


@pytest.fixture
def mu_sigma(rng):
    return rng.standard_normal((B, M)), rng.uniform(0.2, 2, (B, M))


# The heads --------------------------------------------------------------------------------------------------


def test_the_softplus_head_is_a_standard_deviation_with_a_floor():
    raw = np.array([-1e4, -3.0, 0.0, 3.0, 1e4])
    expected = np.array([0, math.log1p(math.exp(-3)), math.log(2), 3 + math.log1p(math.exp(-3)), 1e4]) + 1e-6
    assert np.allclose(HEADS["softplus"].forward(raw), expected, rtol=1e-15)
    assert (HEADS["softplus"].forward(raw.astype(np.float32)) > 0).all()


def test_the_logvar_head_halves_the_log_variance():
    raw = np.array([-4.0, 0.0, 2.0])
    sigma = HEADS["logvar"].forward(raw)
    assert np.allclose(sigma**2, np.exp(raw), rtol=1e-15)
    assert np.allclose(sigma, [math.exp(-2), 1, math.e], rtol=1e-15)


@pytest.mark.parametrize("name", HEADS)
def test_head_against_an_upstream_gradient(name, rng, assert_gradient):
    head, raw, dsigma = HEADS[name], rng.standard_normal((B, M)) * 2, rng.standard_normal((B, M))
    draw = head.backward(dsigma, raw, head.forward(raw))
    assert_gradient(lambda: (dsigma * head.forward(raw)).sum(), raw, draw)


@pytest.mark.parametrize("name", HEADS)
def test_samples_have_the_standard_deviation_that_the_head_says(name, rng):
    """std = exp(logvar), the most common mistake of all, in both passes: no gradient check can see it."""
    head, raw = HEADS[name], np.array([[-1.5, 0.3, 1.0]])
    z = reparameterize(np.array([[0.5, -2.0, 0.0]]), head.forward(raw), rng.standard_normal((100_000, 1, 3)))
    said = np.sqrt(np.exp(raw)) if name == "logvar" else np.log1p(np.exp(raw)) + 1e-6
    assert np.allclose(z.std(axis=0), said, rtol=0.01)
    assert np.allclose(z.mean(axis=0), [0.5, -2.0, 0.0], atol=0.03)


# Reparameterization -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(B, M), (1, B, M), (K, B, M)])
def test_reparameterize_against_an_upstream_gradient(shape, mu_sigma, rng, assert_gradient):
    (mu, sigma), eps, dz = mu_sigma, rng.standard_normal(shape), rng.standard_normal(shape)
    assert reparameterize(mu, sigma, eps).shape == shape
    dmu, dsigma = reparameterize_backward(dz, eps)
    assert_gradient(lambda: (dz * reparameterize(mu, sigma, eps)).sum(), mu, dmu)
    assert_gradient(lambda: (dz * reparameterize(mu, sigma, eps)).sum(), sigma, dsigma)


def test_every_sample_and_image_has_its_own_noise(mu_sigma, rng):
    (mu, sigma), eps = mu_sigma, rng.standard_normal((K, B, M))
    z = reparameterize(mu, sigma, eps)
    for k in range(K):
        for n in range(B):
            assert np.array_equal(z[k, n], mu[n] + sigma[n] * eps[k, n])
    assert np.array_equal(reparameterize(mu, sigma, np.zeros((B, M))), mu)  # eps = 0: a plain autoencoder


# KL ---------------------------------------------------------------------------------------------------------


def test_kl_is_the_formula_summed_over_latents(mu_sigma):
    mu, sigma = mu_sigma
    by_hand = [
        sum(-math.log(s) + (s * s + m * m) / 2 - 0.5 for m, s in zip(*row, strict=True))
        for row in zip(mu, sigma, strict=True)
    ]
    assert np.allclose(kl(mu, sigma), by_hand, rtol=1e-14) and kl(mu, sigma).shape == (B,)


def test_kl_of_the_prior_to_itself_is_zero():
    assert np.array_equal(kl(np.zeros((2, M)), np.ones((2, M))), [0, 0])


def test_kl_is_what_its_definition_integrates_to():
    """KL(q || p) is the integral of q (log q - log p):
    the trapezoid rule on a smooth density is exact to rounding."""
    for mu, sigma in [(0.0, 1.0), (1.5, 0.3), (-0.7, 2.5)]:
        z = np.linspace(mu - 12 * sigma, mu + 12 * sigma, 4001)[:, None]
        log_q, log_p = log_prob(z, mu, sigma), log_prob(z, 0.0, 1.0)
        integral = (np.exp(log_q) * (log_q - log_p)).sum() * (z[1, 0] - z[0, 0])
        assert math.isclose(integral, kl(np.array([mu]), np.array([sigma])), rel_tol=1e-12, abs_tol=1e-13)


@given(st.floats(-1e100, 1e100), st.floats(1e-100, 1e100))
def test_kl_is_never_negative(mu, sigma):
    assert kl(np.array([[mu]]), np.array([[sigma]]))[0] >= -1e-16


def test_kl_against_central_differences(mu_sigma, assert_gradient):
    mu, sigma = mu_sigma
    dmu, dsigma = kl_gradient(mu, sigma)
    assert_gradient(lambda: kl(mu, sigma).sum(), mu, dmu)
    assert_gradient(lambda: kl(mu, sigma).sum(), sigma, dsigma)
    assert np.array_equal(kl_gradient(np.zeros(3), np.ones(3)), np.zeros((2, 3)))  # its minimum


# Log density ------------------------------------------------------------------------------------------------


def test_log_density_where_the_density_itself_is_zero():
    """784 pixels with residual 1: the log density is -784 (1 + log(2 pi))/2 = -1112.4,
    the density underflows."""
    log_p = log_prob(np.ones(784), 0.0, 1.0)
    assert (
        math.isclose(log_p, -784 * (0.5 + math.log(2 * math.pi) / 2), rel_tol=1e-14)
        and round(float(log_p), 1) == -1112.4
    )
    assert np.exp(log_p) == 0
    assert math.isclose(HALF_LOG_2PI, math.log(2 * math.pi) / 2, rel_tol=1e-15)


def test_density_integrates_to_one():
    z = np.linspace(-15, 18, 5001)[:, None]
    assert math.isclose(np.exp(log_prob(z, 1.5, 1.3)).sum() * (z[1, 0] - z[0, 0]), 1, rel_tol=1e-13)


@pytest.mark.parametrize("shape", [(B, M), (K, B, M)])
def test_log_density_against_central_differences(shape, mu_sigma, rng, assert_gradient):
    (mu, sigma), z = mu_sigma, rng.standard_normal(shape)
    weights = rng.standard_normal(shape[:-1])
    dz, dmu, dsigma = (weights[..., None] * d for d in log_prob_gradient(z, mu, sigma))
    if len(shape) == 3:
        dmu, dsigma = dmu.sum(axis=0), dsigma.sum(axis=0)
    for a, analytic in ((z, dz), (mu, dmu), (sigma, dsigma)):
        assert_gradient(lambda: (weights * log_prob(z, mu, sigma)).sum(), a, analytic)


# Everywhere -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_nothing_is_promoted_and_no_argument_changed(dtype, mu_sigma, rng):
    mu, sigma = (a.astype(dtype) for a in mu_sigma)
    eps, dz = rng.standard_normal((2, K, B, M)).astype(dtype)
    arguments = mu, sigma, eps, dz
    before = [a.copy() for a in arguments]
    z = reparameterize(mu, sigma, eps)
    results = [
        z,
        kl(mu, sigma),
        log_prob(z, mu, sigma),
        *reparameterize_backward(dz, eps),
        *kl_gradient(mu, sigma),
        *log_prob_gradient(z, mu, sigma),
    ]
    for head in HEADS.values():
        results += [head.forward(mu), head.backward(dz, mu, sigma)]
    assert {a.dtype for a in results} == {np.dtype(dtype)}
    assert all(np.array_equal(a, b) for a, b in zip(before, arguments, strict=True))


def test_the_complex_step_gives_the_heads_slopes_to_the_last_digit():
    raw = np.array([-30.0, -1.0, 0.0, 2.0])
    stepped = raw + 1e-30j
    assert np.allclose(HEADS["softplus"].forward(stepped).imag / 1e-30, sigmoid(raw), rtol=1e-15)
    assert np.allclose(HEADS["logvar"].forward(stepped).imag / 1e-30, np.exp(raw / 2) / 2, rtol=1e-15)
    assert np.allclose(gaussian.kl(stepped, np.full(4, 2.0)).imag / 1e-30, raw.sum(), rtol=1e-15)
