"""The aggregate posterior, the split of the KL, spherical paths: against quadrature, loops, geometry."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minivae import gaussian, latent
from minivae.gradcheck import check_gradient


def posteriors(N=7, M=3, seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(0.3, 1.2, (N, M)), np.exp(rng.uniform(-1.5, 0.3, (N, M)))


def test_log_q_is_the_logarithm_of_the_average_density(rng):
    mu, sigma = posteriors()
    z = rng.normal(0, 2, (5, 3))
    for row, found in zip(z, latent.log_aggregate_posterior(z, mu, sigma), strict=True):
        densities = [
            math.prod(
                math.exp(-(((a - m) / s) ** 2) / 2) / (s * math.sqrt(2 * math.pi))
                for a, m, s in zip(row, mu[n], sigma[n], strict=True)
            )
            for n in range(7)
        ]
        assert found == pytest.approx(math.log(sum(densities) / 7), rel=1e-12)


def test_log_q_is_finite_far_out_and_the_same_in_pieces(rng, monkeypatch):
    mu, sigma = posteriors()
    far = np.concatenate([rng.normal(0, 2, (10, 3)), np.full((1, 3), 1e4), np.full((1, 3), -1e4)])
    whole, slope = (
        f(far, mu, sigma) for f in (latent.log_aggregate_posterior, latent.log_aggregate_posterior_gradient)
    )
    assert np.isfinite(whole).all() and whole[-1] < -1e6
    assert np.isfinite(slope).all()
    monkeypatch.setattr(latent, "NUMBERS", 50)
    assert np.allclose(latent.log_aggregate_posterior(far, mu, sigma), whole, rtol=1e-14)
    assert np.allclose(latent.log_aggregate_posterior_gradient(far, mu, sigma), slope, rtol=1e-14)


@pytest.mark.parametrize("method", ["central", "complex"])
def test_the_slope_of_log_q(method, rng):
    mu, sigma = posteriors()
    report = check_gradient(
        lambda z: latent.log_aggregate_posterior(z, mu, sigma).sum(),
        lambda z: latent.log_aggregate_posterior_gradient(z, mu, sigma),
        rng.normal(0, 1.5, (6, 3)),
        method=method,
    )
    assert report.passed, str(report)


def test_float32_is_computed_in_double_precision_and_left_as_it_is(rng):
    mu, sigma = (a.astype(np.float32) for a in posteriors())
    z = rng.normal(0, 2, (5, 3)).astype(np.float32)
    before = z.copy(), mu.copy(), sigma.copy()
    exact = latent.log_aggregate_posterior(*(a.astype(float) for a in before))
    found = latent.log_aggregate_posterior(z, mu, sigma)
    assert found.dtype == float and np.array_equal(found, exact)
    latent.kl_split(mu, sigma, 5, 0)
    assert all(np.array_equal(a, b) for a, b in zip((z, mu, sigma), before, strict=True))


def test_the_split_against_quadrature():
    """One latent and five images: I, KL(q(z) || p(z)) and their sum, the mean of (2.8), on a grid."""
    mu, sigma = posteriors(N=5, M=1, seed=4)
    z = np.linspace(-14, 14, 20_001)
    step = z[1] - z[0]
    log_qz_x = gaussian.log_prob(z[:, None, None], mu, sigma)
    log_qz = latent.log_aggregate_posterior(z[:, None], mu, sigma)
    log_pz = gaussian.log_prob(z[:, None], 0, np.ones(1))
    information = (np.exp(log_qz_x) * (log_qz_x - log_qz[:, None])).sum() * step / 5
    marginal = (np.exp(log_qz) * (log_qz - log_pz)).sum() * step
    assert information + marginal == pytest.approx(gaussian.kl(mu, sigma).mean(), abs=1e-10)
    assert 0 < information < math.log(5)
    for parts, expected in zip(latent.kl_split(mu, sigma, 40_000, 2), (information, marginal), strict=True):
        error = parts.std() / 200
        assert abs(parts.mean() - expected) < 4 * error < 0.03


def test_far_apart_ellipses_tell_log_n_and_equal_ones_nothing():
    mu, sigma = np.arange(6.0)[:, None] * [[100.0, 0]], np.full((6, 2), 0.5)
    assert np.allclose(latent.kl_split(mu, sigma, 60, 0)[0], math.log(6), atol=1e-12)
    information, marginal = latent.kl_split(0 * mu + 0.7, sigma, 4000, 0)
    assert np.allclose(information, 0, atol=1e-12)
    assert abs(marginal.mean() - gaussian.kl(0 * mu + 0.7, sigma)[0]) < 4 * marginal.std() / 4000**0.5


def test_every_image_is_drawn_from_as_often(monkeypatch):
    mu, sigma = np.arange(4.0)[:, None] * [[1000.0, 0]], np.ones((4, 2))
    seen = []
    each = latent.log_aggregate_posterior
    monkeypatch.setattr(latent, "log_aggregate_posterior", lambda z, *a: seen.append(z) or each(z, *a))
    latent.kl_split(mu, sigma, 3, 0)
    latent.kl_split(mu, sigma, 8, 0)
    images = [np.round(z[:, 0] / 1000).astype(int).tolist() for z in seen]
    assert len(set(images[0])) == 3 and sorted(images[1]) == [0, 0, 1, 1, 2, 2, 3, 3]
    again = latent.kl_split(mu, sigma, 3, np.random.default_rng(0))
    assert np.array_equal(again, latent.kl_split(mu, sigma, 3, 0))


@pytest.mark.parametrize(
    "z, mu, sigma, words",
    [
        (np.zeros((2, 3)), np.zeros((4, 2)), np.ones((4, 2)), "expected .n, M. latents"),
        (np.zeros((2, 2)), np.zeros((4, 2)), np.ones((3, 2)), "expected .n, M. latents"),
        (np.zeros((2, 2)), np.zeros((0, 2)), np.ones((0, 2)), "at least one"),
        (np.zeros((2, 2)), np.zeros((4, 2)), np.zeros((4, 2)), "sigma must be positive"),
        (np.zeros((2, 2)), np.zeros((4, 2)), np.full((4, 2), np.nan), "sigma must be positive"),
    ],
)
def test_what_does_not_fit_is_told(z, mu, sigma, words):
    for function in (latent.log_aggregate_posterior, latent.log_aggregate_posterior_gradient):
        with pytest.raises(ValueError, match=words):
            function(z, mu, sigma)


def test_no_latents_give_no_numbers():
    assert latent.log_aggregate_posterior(np.zeros((0, 3)), *posteriors()).shape == (0,)
    assert latent.log_aggregate_posterior_gradient(np.zeros((0, 3)), *posteriors()).shape == (0, 3)


# Paths

vectors = (
    st.lists(st.floats(-50, 50), min_size=4, max_size=4)
    .map(np.array)
    .filter(lambda v: np.linalg.norm(v) > 1e-3)
)
parts = st.floats(-0.5, 1.5)


def angle(a, b):
    return 2 * math.atan2(
        np.linalg.norm(a / np.linalg.norm(a) - b / np.linalg.norm(b)),
        np.linalg.norm(a / np.linalg.norm(a) + b / np.linalg.norm(b)),
    )


@given(vectors, vectors, st.floats(0, 1))
def test_slerp_turns_evenly_and_keeps_the_length_between(a, b, t):
    z = latent.slerp(a, b, t)
    length = (1 - t) * np.linalg.norm(a) + t * np.linalg.norm(b)
    assert np.linalg.norm(z) == pytest.approx(length, rel=1e-9)
    assert angle(a, z) == pytest.approx(t * angle(a, b), abs=1e-7)
    assert angle(z, b) == pytest.approx((1 - t) * angle(a, b), abs=1e-7)


@given(vectors, st.floats(0.1, 3), st.floats(0, 1))
def test_slerp_of_parallel_and_of_opposite_vectors(a, factor, t):
    assert np.allclose(latent.slerp(a, factor * a, t), (1 - t + t * factor) * a, rtol=1e-9, atol=1e-9)
    round_about = latent.slerp(a, -factor * a, t)
    assert np.linalg.norm(round_about) == pytest.approx((1 - t + t * factor) * np.linalg.norm(a), rel=1e-9)
    assert angle(a, round_about) == pytest.approx(t * math.pi, abs=1e-7)


@given(vectors, vectors)
def test_slerp_is_the_textbook_formula_for_unit_vectors(a, b):
    u, v = a / np.linalg.norm(a), b / np.linalg.norm(b)
    omega = angle(u, v)
    if 1e-3 < omega < 3.1:
        expected = (math.sin(0.7 * omega) * u + math.sin(0.3 * omega) * v) / math.sin(omega)
        assert np.allclose(latent.slerp(u, v, 0.3), expected, atol=1e-9)


def test_slerp_of_rows_and_of_several_parts(rng):
    a, b = rng.normal(size=(2, 5, 3))
    rows = latent.slerp(a, b, 0.3)
    assert np.allclose(rows, [latent.slerp(*pair, 0.3) for pair in zip(a, b, strict=True)])
    path = latent.slerp(a[0], b[0], np.array([[0.0], [0.5], [1.0]]))
    assert np.allclose(path[[0, 2]], [a[0], b[0]]) and path.shape == (3, 3)


@pytest.mark.parametrize("a, b, words", [
    (np.zeros(3), np.ones(3), "length 0"), (np.ones(3), np.zeros(3), "length 0"),
    (np.ones(1), -np.ones(1), "two latents"), (1.0, 2.0, "two latents"),
])  # fmt: skip
def test_what_can_not_be_turned_is_told(a, b, words):
    with pytest.raises(ValueError, match=words):
        latent.slerp(a, b, 0.5)


# Attributes


def test_an_attribute_vector_is_a_difference_of_means(rng):
    mu, has = rng.normal(size=(9, 3)), np.array([0, 1, 1, 0, 0, 1, 0, 0, 1])
    expected = sum(mu[[1, 2, 5, 8]]) / 4 - sum(mu[[0, 3, 4, 6, 7]]) / 5
    assert np.allclose(latent.attribute_vector(mu, has), expected)
    assert np.allclose(latent.attribute_vector(mu, has.astype(bool)), expected)


def test_like_with_like_is_not_moved_by_what_the_groups_differ_in(rng):
    """Two groups far apart, and most of the first have the attribute: only within groups is it the truth."""
    group = np.repeat([4, 7], [60, 30])
    has = np.r_[np.arange(60) < 50, np.arange(30) < 3].astype(int)
    mu = np.outer(has, [1.0, 0, 0]) + np.outer(group == 7, [0, 20.0, 0])
    assert np.allclose(latent.attribute_vector(mu, has, group), [1, 0, 0])
    assert abs(latent.attribute_vector(mu, has)[1]) > 5
    mu = mu + rng.normal(size=mu.shape)
    each = [latent.attribute_vector(mu[group == g], has[group == g]) for g in (4, 7)]
    assert np.allclose(latent.attribute_vector(mu, has, group), (2 * each[0] + each[1]) / 3)


@pytest.mark.parametrize("has, group, words", [
    ([1, 1, 1, 1], None, "needs images that have it and images that have it not.$"),
    ([0, 0, 0, 0], None, "have it not.$"), ([0, 1, 1, 1], [0, 0, 3, 3], "in group 3"),
    ([0, 1], None, "expected .N, M. codes"), ([0, 1, 2, 1], None, "0 or 1"), ([0, 1, 0, 1], [0, 1], "group"),
])  # fmt: skip
def test_what_gives_no_attribute_vector_is_told(has, group, words):
    with pytest.raises(ValueError, match=words):
        latent.attribute_vector(np.ones((4, 2)), has, group)
