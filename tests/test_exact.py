"""The objective, held against models whose log p(x) is known: log p(x) - ELBO = KL(q(z|x) || p(z|x))."""

import math
from fractions import Fraction
from unittest import mock

import numpy as np
import pytest
from models import every_head, every_likelihood, odd_vae

from minivae import VAE, Gaussian, exact, gaussian, likelihoods, objective
from minivae.gradcheck import check


def small_vae(**settings):
    return odd_vae(**{"n_latent": 1, **settings})


def images(n, vae, seed=1):
    return (np.random.default_rng(seed).random((n, vae.n_inputs)) < 0.5).astype(float)


def labels(n, vae):
    return np.arange(n) % vae.n_conditions if vae.n_conditions else None


def linear_gaussian(D=6, M=3, s=0.4, seed=0):
    rng = np.random.default_rng(seed)
    return exact.LinearGaussian(rng.standard_normal((D, M)), rng.standard_normal(D), s)


# The identity on the real model class


@pytest.mark.parametrize("n_conditions", [0, 3])
@pytest.mark.parametrize("hidden", [(), (4,), (5, 3)])
@pytest.mark.parametrize("activation", ["relu", "tanh", "softplus"])
@every_head
@every_likelihood
def test_log_px_minus_elbo_is_the_kl_to_the_posterior(likelihood, head, activation, hidden, n_conditions):
    vae = small_vae(
        likelihood=likelihood, head=head, activation=activation, hidden=hidden, n_conditions=n_conditions
    )
    gap = objective.identity(vae, images(4, vae), labels(4, vae))
    assert gap.shape == (4,)
    assert np.abs(gap).max() < 1e-12


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_the_identity_holds_with_two_latents(activation):
    vae = small_vae(n_latent=2, activation=activation)
    assert np.abs(objective.identity(vae, images(3, vae))).max() < (1e-12 if activation == "tanh" else 1e-8)


def test_the_three_terms_are_what_the_identity_puts_together():
    vae = small_vae()
    x = images(3, vae)
    terms = exact.log_px(vae, x) - exact.elbo(vae, x) - exact.kl_to_posterior(vae, x)
    np.testing.assert_allclose(terms, objective.identity(vae, x), rtol=0, atol=1e-13)
    assert (exact.kl_to_posterior(vae, x) > 0.01).all(), (
        "this model's q should be visibly off, or the test says little"
    )


def test_a_grey_batch_beta_and_the_reduction_leave_the_bound_what_it_is():
    vae = small_vae(beta=4.0, reduction="sum")
    x = np.random.default_rng(0).random((3, 5))
    assert np.abs(objective.identity(vae, x)).max() < 1e-12
    np.testing.assert_array_equal(exact.elbo(vae, x), exact.elbo(small_vae(), x))


right_kl, right_log_prob = gaussian.kl, likelihoods.Bernoulli.log_prob
SEVEN_MISTAKES = {
    # that change forward and backward alike, so that no gradient check sees them (only the forward counts
    # here)
    "std = exp(logvar)": (gaussian, "reparameterize", lambda mu, sigma, eps: mu + sigma * sigma * eps),
    "sigma dropped": (gaussian, "reparameterize", lambda mu, sigma, eps: mu + eps),
    "KL without 1/2": (gaussian, "kl", lambda mu, sigma: 2 * right_kl(mu, sigma)),
    "KL with the wrong sign": (gaussian, "kl", lambda mu, sigma: -right_kl(mu, sigma)),
    "KL without its +1": (gaussian, "kl", lambda mu, sigma: right_kl(mu, sigma) + 0.5 * mu.shape[-1]),
    "the reverse KL": (
        gaussian,
        "kl",
        lambda mu, s: ((1 + mu * mu) / (2 * s * s) + np.log(s) - 0.5).sum(axis=-1),
    ),
    "mean over pixels": (
        likelihoods.Bernoulli,
        "log_prob",
        lambda self, t: right_log_prob(self, t) / t.x.shape[-1],
    ),
}


@every_head
@pytest.mark.parametrize("mistake", SEVEN_MISTAKES)
def test_the_identity_sees_what_no_gradient_check_can(mistake, head):
    vae = small_vae(head=head)
    x = images(4, vae)
    with mock.patch.object(*SEVEN_MISTAKES[mistake]):
        assert np.abs(objective.identity(vae, x)).max() > 0.01
    assert np.abs(objective.identity(vae, x)).max() < 1e-12


class Doubled(VAE):
    """A learner's own model, with a mistake in its objective."""

    def score(self, t):
        super().score(t)
        t.elbo = t.elbo - t.kl


def test_a_mistake_in_a_class_of_ones_own_is_seen_whatever_its_dtype():
    for dtype in (np.float32, np.float64):
        vae = Doubled(5, (4,), 1, dtype=dtype)
        assert np.abs(objective.identity(vae, images(3, vae))).max() > 0.01


# p(x) is a distribution, and quadrature is right


@pytest.mark.parametrize(
    "settings",
    [
        {"n_inputs": 8},
        {"n_inputs": 8, "activation": "tanh"},
        {"n_inputs": 4, "hidden": (3, 3)},
        {"n_inputs": 4, "n_conditions": 2},
        {"n_inputs": 4, "n_latent": 2, "activation": "softplus"},
    ],
    ids=str,
)
def test_the_probabilities_of_all_images_sum_to_one(settings):
    vae = small_vae(**settings)
    x = exact.all_images(vae.n_inputs)
    y = np.ones(len(x), int) if vae.n_conditions else None
    assert x.shape == (2**vae.n_inputs, vae.n_inputs) and len(np.unique(x, axis=0)) == len(x)
    assert abs(np.exp(exact.log_px(vae, x, y)).sum() - 1) < 1e-12


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_log_px_against_a_plain_fine_grid(activation):
    vae = small_vae(activation=activation)
    x = images(3, vae)
    z = np.linspace(-9, 9, 200_001)[:, None]
    p = vae.prior_predictive_with_input(z)
    joint = (
        np.prod(np.where(x[:, None] == 1, p, 1 - p), axis=2)
        * np.exp(-(z[:, 0] ** 2) / 2)
        / np.sqrt(2 * np.pi)
    )
    np.testing.assert_allclose(
        exact.log_px(vae, x), np.log(joint.sum(axis=1) * (z[1, 0] - z[0, 0])), rtol=0, atol=1e-8
    )


def test_two_latents_and_relu_reach_the_tolerance_they_are_given():
    vae = small_vae(n_latent=2)
    x = images(2, vae)
    fine = exact.quadrature(vae, x, tol=1e-9)
    assert np.abs(exact.log_px(vae, x) - fine.log_px).max() < 1e-5
    assert fine.error < exact.quadrature(vae, x).error < 1e-4


def test_a_model_of_two_sharp_modes_gets_both():
    """x = |z - c| + 0.001 noise: far from 0, p(x) = N(x; -c, 1 + s^2) + N(x; c, 1 + s^2),
    with peaks at z = c - x and c + x."""
    s, c = 1e-3, 0.123
    vae = VAE(1, (2,), 1, likelihood=Gaussian(sigma=s), dtype=np.float64)
    for name, value in {"0.W": [[1, -1]], "0.b": [-c, c], "1.W": 1, "1.b": 0}.items():
        vae.parameters["decoder." + name] = value
    x = np.array([[0.3], [1.0], [2.34], [5.1]])
    std = np.sqrt(1 + s * s)
    expected = np.logaddexp(gaussian.log_prob(x, -c, std), gaussian.log_prob(x, c, std))
    np.testing.assert_allclose(exact.log_px(vae, x), expected, rtol=0, atol=1e-11)
    alone = [exact.log_px(vae, image)[0] for image in x[:, None]]  # the nodes are others
    np.testing.assert_allclose(alone, expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("s", [1e-3, 1e-6])
@pytest.mark.parametrize("x", [0.123456789, -2.7182818, 77.7])
def test_a_very_narrow_peak_off_the_nodes_is_found_with_few_cells(s, x):
    """p(z|x) of x = z + s noise is s wide and lies anywhere: in closed form, p(x) = N(x; 0, 1 + s^2)."""
    lg = exact.LinearGaussian(np.ones((1, 1)), np.zeros(1), s)
    g = exact.quadrature(lg.as_vae("logvar"), np.array([[x]]))
    np.testing.assert_allclose(g.log_px, lg.log_px(np.array([[x]])), rtol=1e-10, atol=1e-9)
    assert len(g.z) < 16 * 400  # 16 nodes a cell


@pytest.mark.parametrize("n_latent", [1, 2])
def test_a_q_too_narrow_for_any_nodes_is_no_q_without_mass(n_latent):
    vae = small_vae(n_latent=n_latent, hidden=(2,), n_inputs=3, activation="tanh")
    x, mu = images(1, vae), np.full((1, n_latent), 0.3)
    with pytest.raises(
        ValueError, match="q of image 0 integrates to 0 over the nodes instead of 1: its sigma"
    ):
        exact.kl_to_posterior(vae, x, q=(mu, np.full((1, n_latent), 1e-17)))
    g = exact.quadrature(vae, x, q=(mu, np.full((1, n_latent), 1e-7)))
    assert abs(g.expect(np.ones((len(g.z), 1))) - 1).max() <= g.error < 1e-6


@pytest.mark.parametrize("sigma_q", [1e-5, 0.3, 20.0])
def test_moments_under_q_for_narrow_and_wide_q(sigma_q):
    """E[x^2 + sin x] = mu^2 + sigma^2 + exp(-sigma^2/2) sin mu."""
    vae = small_vae()
    mu, sigma = np.array([[0.7], [-30.0]]), np.full((2, 1), sigma_q)
    g = exact.quadrature(vae, images(2, vae), q=(mu, sigma))
    # z - mu rounds at 1e-16 |mu| / sigma
    np.testing.assert_allclose(g.expect(np.ones((len(g.z), 1))), 1, rtol=1e-11)
    np.testing.assert_allclose(g.expect(g.z), mu[:, 0], rtol=1e-11)
    if sigma_q < 1:
        expected = (mu**2 + sigma**2 + np.exp(-(sigma**2) / 2) * np.sin(mu))[:, 0]
        np.testing.assert_allclose(g.expect(g.z**2 + np.sin(g.z)), expected, rtol=1e-11)


def test_the_lines_of_the_derivation_are_sums_over_the_nodes():
    vae = small_vae()
    x = images(3, vae)
    g = exact.quadrature(vae, x)
    near = {"rtol": 0, "atol": 1e-12}
    np.testing.assert_allclose(np.log(g.integrate(np.exp(g.log_joint))), g.log_px, **near)
    np.testing.assert_allclose(g.integrate(np.exp(g.log_posterior)), 1, **near)
    np.testing.assert_allclose(g.expect(g.log_joint - g.log_posterior), g.log_px, **near)
    np.testing.assert_allclose(
        g.expect(g.log_px_z) - g.expect(g.log_q - g.log_pz), exact.elbo(vae, x), **near
    )


def test_the_posterior_is_a_density_at_any_z():
    lg = linear_gaussian(M=1)
    x = lg.sample(3, 0)
    z = np.linspace(-4, 4, 41)[:, None]
    mean, covariance = lg.posterior(x)
    expected = np.exp(-((z - mean[:, 0]) ** 2) / (2 * covariance[0])) / np.sqrt(2 * np.pi * covariance[0])
    np.testing.assert_allclose(exact.posterior(lg.as_vae(), x, z), expected, rtol=1e-10)


# KL and the moments of z


@pytest.mark.parametrize("n_latent", [1, 2])
def test_the_closed_form_kl_against_quadrature(n_latent):
    vae = small_vae(n_latent=n_latent, activation="tanh")
    x = images(3, vae)
    g = exact.quadrature(vae, x)
    np.testing.assert_allclose(g.expect(g.log_q - g.log_pz), gaussian.kl(g.mu, g.sigma), rtol=1e-12)
    np.testing.assert_allclose(
        vae.forward(x, np.zeros((3, n_latent))).kl, gaussian.kl(g.mu, g.sigma), rtol=1e-14
    )


@every_head
def test_the_moments_of_z_are_the_mu_and_sigma_of_the_kl(head):
    """Gauss-Hermite nodes as eps: mean and standard deviation of z are exact, and the KL must be theirs."""
    vae = small_vae(n_latent=2, head=head)
    x = images(3, vae)
    node, weight = np.polynomial.hermite_e.hermegauss(5)
    weight = weight / weight.sum()
    for j in range(2):
        eps = np.zeros((5, 3, 2))
        eps[:, :, j] = node[:, None]
        t = vae.forward(x, eps)
        mean = np.tensordot(weight, t.z, axes=1)
        std = np.sqrt(np.tensordot(weight, (t.z - mean) ** 2, axes=1))
        np.testing.assert_allclose(mean, t.mu, rtol=1e-12)
        np.testing.assert_allclose(std[:, j], t.sigma[:, j], rtol=1e-12)
        assert (std[:, 1 - j] < 1e-12).all(), "eps of one latent must not move another"
    from_moments = (mean**2 + t.sigma**2 - 1 - np.log(t.sigma**2)).sum(axis=1) / 2
    np.testing.assert_allclose(t.kl, from_moments, rtol=1e-12)


# The mean over a batch


@pytest.mark.parametrize("n_samples", [None, 1, 4])
@every_likelihood
def test_duplicating_the_batch_changes_no_gradient_of_the_mean_and_doubles_the_sum(likelihood, n_samples):
    x = images(3, small_vae())
    eps = np.random.default_rng(2).standard_normal((3, 2) if n_samples is None else (n_samples, 3, 2))
    for reduction, factor in (("mean", 1), ("sum", 2)):
        vae = small_vae(n_latent=2, likelihood=likelihood, reduction=reduction)
        t = vae.forward(x, eps)
        vae.backward(t)
        once = vae.grad.copy()
        twice = vae.forward(np.concatenate([x, x]), np.concatenate([eps, eps], axis=-2))
        vae.backward(twice)
        np.testing.assert_allclose(twice.loss, factor * t.loss, rtol=1e-13)
        np.testing.assert_allclose(vae.grad, factor * once, rtol=1e-11, atol=1e-13)


def test_duplicating_the_samples_changes_no_gradient():
    vae, x = small_vae(n_latent=2), images(3, small_vae())
    eps = np.random.default_rng(2).standard_normal((2, 3, 2))
    vae.backward(vae.forward(x, eps))
    once = vae.grad.copy()
    vae.backward(vae.forward(x, np.concatenate([eps, eps])))
    np.testing.assert_allclose(vae.grad, once, rtol=1e-11, atol=1e-13)


# The gradient by draws, on average


@every_head
@every_likelihood
@pytest.mark.parametrize(
    ("n_latent", "activation", "n_conditions"), [(1, "tanh", 0), (1, "softplus", 3), (2, "tanh", 0)]
)
def test_the_average_gradient_is_that_of_the_expected_loss(
    n_latent, activation, n_conditions, likelihood, head
):
    """Over a grid of z that stays where it is: mu and sigma enter through the density of q alone."""
    few = {"n_inputs": 2, "hidden": (2,)} if n_latent == 2 else {}
    settings = {"n_latent": n_latent, "likelihood": likelihood, "head": head, "activation": activation}
    vae = small_vae(n_conditions=n_conditions, beta=0.7, reduction="sum", **settings, **few)
    n = 1 if n_latent == 2 else 3
    assert objective.expectation(vae, images(n, vae), labels(n, vae)) < 1e-10


@pytest.mark.parametrize(("n_latent", "reached"), [(1, 1e-4), (2, 1e-2)])
def test_kinks_leave_digits_to_the_average_gradient(n_latent, reached):
    vae = small_vae(n_latent=n_latent)
    assert 1e-10 < objective.expectation(vae, images(1, vae)) < reached


class Stairs(VAE):
    """A decoder with a step, where z is 0.2."""

    def with_condition(self, h, t):
        return h + (np.real(h) > 0.2) if h.shape[-1] == self.n_latent else h


def test_a_step_passes_gradient_checks_and_not_the_average():
    """At almost every z its slope is right, and the gradient still is not that of the expected loss."""
    vae = Stairs(5, (4,), 1, activation="tanh", dtype=np.float64)
    vae.theta += 0.5 * np.random.default_rng(0).standard_normal(vae.theta.size)
    x, eps = images(3, vae), np.random.default_rng(0).standard_normal((2, 3, 1))
    assert check(vae, x, eps, samples=3).passed
    assert objective.expectation(vae, x) > 1e-3


@pytest.mark.parametrize(
    "wrong", [lambda dz, eps: (dz.sum(0), dz.sum(0)), lambda dz, eps: (dz.sum(0), (dz * eps**2).sum(0))]
)
def test_a_wrong_path_shows_in_the_average(monkeypatch, wrong):
    monkeypatch.setattr(gaussian, "reparameterize_backward", wrong)
    assert objective.expectation(small_vae(activation="tanh"), images(2, small_vae())) > 1e-2


def test_a_kl_of_its_own_shows_in_the_average(monkeypatch):
    right = gaussian.kl_gradient
    monkeypatch.setattr(gaussian, "kl_gradient", lambda mu, sigma: tuple(g / 2 for g in right(mu, sigma)))
    assert objective.expectation(small_vae(activation="tanh"), images(2, small_vae())) > 1e-2


# The linear-Gaussian model


@pytest.mark.parametrize(
    ("M", "s", "head"), [(1, 0.4, "softplus"), (1, 0.01, "logvar"), (2, 0.4, "softplus")]
)
def test_quadrature_of_the_real_class_agrees_with_the_closed_form(M, s, head):
    lg = linear_gaussian(M=M, s=s)
    vae, x = lg.as_vae(head), lg.sample(3, 1)
    mu, std = vae.posterior(x)
    np.testing.assert_allclose(mu, lg.best_q(x)[0], rtol=1e-10)
    np.testing.assert_allclose(std, lg.best_q(x)[1], rtol=1e-10)
    np.testing.assert_allclose(exact.log_px(vae, x), lg.log_px(x), rtol=1e-11)
    np.testing.assert_allclose(exact.elbo(vae, x), lg.elbo(x, mu, std), rtol=1e-11)
    np.testing.assert_allclose(exact.log_px(vae, x) - exact.elbo(vae, x), lg.best_gap(), rtol=0, atol=1e-11)
    np.testing.assert_allclose(exact.kl_to_posterior(vae, x), lg.best_gap(), rtol=0, atol=1e-11)


def test_the_gap_of_the_best_diagonal_q_with_many_latents():
    lg = linear_gaussian(D=8, M=5)
    x = lg.sample(4, 1)
    gap = lg.log_px(x) - lg.elbo(x, *lg.best_q(x))
    assert lg.best_gap() > 0.1
    np.testing.assert_allclose(gap, lg.best_gap(), rtol=1e-10)
    for d_mu, d_sigma in ((0.1, 1), (-0.1, 1), (0, 1.1), (0, 0.9)):  # and it is the best
        mu, sigma = lg.best_q(x)
        assert (lg.elbo(x, mu + d_mu, sigma * d_sigma) < lg.elbo(x, mu, sigma)).all()


def log_px_in_fractions(W, b, s, x):
    """log N(x; b, W W' + s^2 I) by elimination in exact fractions: nothing is lost, however small s is."""
    W, r = ([[Fraction(float(a)) for a in row] for row in rows] for rows in (W, [x - 0.0, b]))
    r, n = [x - b for x, b in zip(*r)], len(b)
    C = [
        [sum(u * v for u, v in zip(W[i], W[j])) + (i == j) * Fraction(s) ** 2 for j in range(n)]
        for i in range(n)
    ]
    squares, det = Fraction(0), Fraction(1)
    for i in range(n):
        det, squares = det * C[i][i], squares + r[i] ** 2 / C[i][i]
        for j in range(i + 1, n):
            f = C[j][i] / C[i][i]
            C[j] = [a - f * b for a, b in zip(C[j], C[i])]
            r[j] -= f * r[i]
    log_det = math.log(det.numerator) - math.log(det.denominator)
    return -(float(squares) + log_det + n * math.log(2 * math.pi)) / 2


@pytest.mark.parametrize(("D", "M"), [(5, 2), (5, 1), (3, 5)])
@pytest.mark.parametrize("s", [1.0, 1e-3, 1e-5, 1e-7])
def test_log_px_keeps_its_digits_where_the_noise_is_tiny(D, M, s):
    """Beside x itself, which rounds at 1e-16/s of the distance across the span of W."""
    lg = linear_gaussian(D, M, s)
    for x in (lg.sample(1, 1)[0], np.random.default_rng(1).standard_normal(D)):
        expected = log_px_in_fractions(lg.W, lg.b, s, x)
        np.testing.assert_allclose(lg.log_px(x[None])[0], expected, rtol=1e-14 + 1e-17 / s)
    log_det_M = (
        log_px_in_fractions(lg.W, lg.b, s, lg.b) * -2 - D * math.log(2 * math.pi) + 2 * (M - D) * math.log(s)
    )
    expected = (np.log(np.diag(lg.M)).sum() - log_det_M) / 2
    np.testing.assert_allclose(lg.best_gap(), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("D", "M"), [(8, 5), (3, 5), (4, 1)])
def test_rotating_to_the_principal_axes_keeps_p_and_closes_the_gap(D, M):
    lg = linear_gaussian(D, M)
    turned, x = lg.rotate(), lg.sample(4, 1)
    np.testing.assert_allclose(turned.log_px(x), lg.log_px(x), rtol=1e-12)
    assert abs(turned.best_gap()) < 1e-14
    np.testing.assert_allclose(turned.elbo(x, *turned.best_q(x)), lg.log_px(x), rtol=1e-12)
    W = turned.W
    np.testing.assert_allclose(W.T @ W, np.diag(np.diag(W.T @ W)), atol=1e-13)


def test_the_elbo_of_the_real_class_with_many_latents_agrees_within_its_standard_error():
    lg = linear_gaussian(D=8, M=5)
    vae, x = lg.as_vae(), lg.sample(2, 1)
    t = vae.forward(x, np.random.default_rng(0).standard_normal((20_000, 2, 5)))
    error = t.elbo.std(axis=0) / np.sqrt(20_000)
    assert (np.abs(t.elbo.mean(axis=0) - lg.elbo(x, *lg.best_q(x))) < 4 * error).all()


def test_log_px_and_samples_belong_together():
    lg = linear_gaussian(D=4, M=2)
    x = lg.sample(20_000, 0)
    np.testing.assert_allclose(x.mean(axis=0), lg.b, atol=0.05)
    np.testing.assert_allclose(np.cov(x.T), lg.W @ lg.W.T + lg.s**2 * np.eye(4), atol=0.15)
    entropy = np.linalg.slogdet(2 * np.pi * np.e * (lg.W @ lg.W.T + lg.s**2 * np.eye(4)))[1] / 2
    assert abs(-lg.log_px(x).mean() - entropy) < 4 * lg.log_px(x).std() / np.sqrt(20_000)


# What is left alone, and what is refused


def test_a_float32_model_is_evaluated_in_float64_and_nothing_is_changed():
    vae = small_vae().astype(np.float32)
    x = images(2, vae).astype(bool)
    theta, grad, state = vae.theta.copy(), vae.grad.copy(), vae.rng.bit_generator.state
    assert np.abs(objective.identity(vae, x)).max() < 1e-12
    assert exact.log_px(vae, x).dtype == np.float64
    np.testing.assert_array_equal(vae.theta, theta)
    np.testing.assert_array_equal(vae.grad, grad)
    assert vae.rng.bit_generator.state == state and vae.dtype == np.float32
    np.testing.assert_array_equal(exact.log_px(vae, x), exact.log_px(vae, x.astype(np.uint8) * 255))


def test_one_image_is_worth_the_same_alone_and_in_a_batch():
    vae = small_vae(n_conditions=2, activation="tanh")  # quadrature through kinks is less exact
    x, y = images(4, vae), labels(4, vae)
    alone = [exact.log_px(vae, x[i : i + 1], y[i : i + 1])[0] for i in range(4)]
    np.testing.assert_allclose(exact.log_px(vae, x, y), alone, rtol=0, atol=1e-12)


def test_every_wrong_input_gets_a_sentence():
    vae = small_vae()
    x = images(2, vae)
    lg = linear_gaussian()
    for call, words in {
        "three latents": (lambda: exact.log_px(small_vae(n_latent=3), x), "one or two"),
        "empty": (lambda: exact.log_px(vae, x[:0]), "empty batch"),
        "pixels": (lambda: exact.log_px(vae, x[:, :4]), "shape"),
        "labels": (lambda: objective.identity(small_vae(n_conditions=2), x), "conditional"),
        "z": (lambda: exact.posterior(vae, x, np.zeros(3)), r"\(n, 1\)"),
        "q": (
            lambda: exact.kl_to_posterior(vae, x, q=(np.zeros((2, 1)), np.zeros((2, 1)))),
            "sigma positive",
        ),
        "q shape": (lambda: exact.kl_to_posterior(vae, x, q=(np.zeros(2), np.ones(2))), "expected"),
        "b": (lambda: exact.LinearGaussian(lg.W, np.zeros(2), 1), "one row of W per pixel"),
        "s": (lambda: exact.LinearGaussian(lg.W, lg.b, 0), "positive"),
        "floor": (lambda: exact.LinearGaussian(lg.W, lg.b, 1e-7).as_vae(), "logvar"),
    }.values():
        with pytest.raises(ValueError, match=words):
            call()


@pytest.mark.parametrize(("limit", "number"), [("MAX_CELLS", 30), ("MAX_NUMBERS", 30 * 16 * 4)])
def test_a_quadrature_that_does_not_settle_says_so(monkeypatch, limit, number):
    monkeypatch.setattr(exact, limit, number)
    with pytest.raises(ValueError, match="did not settle within 30 cells"):
        exact.log_px(small_vae(), images(2, small_vae()))
