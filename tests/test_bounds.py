"""The importance-weighted bound, the estimate of log p(x) and active units, against models whose log p(x)
is known."""

import itertools

import numpy as np
import pytest
from models import every_head, every_likelihood, gradient_error
from test_exact import images, labels, linear_gaussian, small_vae

from minivae import VAE, Adam, Gaussian, bounds, exact
from minivae.gaussian import log_prob


def spoiled(lg, sigma_factor=1.5, d_mu=0.2):
    """The linear-Gaussian model as a VAE whose q is visibly off, so that the bounds differ."""
    vae = lg.as_vae("logvar")
    M = lg.W.shape[1]
    vae.parameters["encoder.0.b"][:M] += d_mu
    vae.parameters["encoder.0.b"][M:] += 2 * np.log(sigma_factor)
    return vae


def bound_of(vae, x, n_samples, n_runs, seed):
    """Mean and standard error of the bound with K samples over n_runs draws, both a mean over the images."""
    x = np.repeat(x, n_runs, axis=0)
    eps = np.random.default_rng(seed).standard_normal((n_samples, len(x), vae.n_latent))
    bound = bounds.run_iwae(vae, x, eps).bound.reshape(-1, n_runs).mean(axis=0)
    return bound.mean(), bound.std() / np.sqrt(n_runs)


def relative_error(a, n):
    return np.abs(a - n).max() / (np.abs(a) + np.abs(n)).max()


def test_the_bar_of_log_likelihood_ends_at_its_length(monkeypatch):
    class Bar(list):
        update, __exit__ = list.append, lambda self, *error: None

        def __enter__(self):
            return self

    bars = []
    monkeypatch.setattr(bounds, "progress_bar", lambda *args: bars.append((args, Bar())) or bars[-1][1])
    vae = small_vae()
    bounds.log_likelihood(vae, images(11, vae), n_samples=60, progress=True, rows=120)
    ((show, total, _), bar) = bars[0]
    assert show is True and total == sum(bar) == 11 and len(bar) == 6


# The bound


def test_the_bound_rises_with_k_from_the_elbo_to_log_px():
    lg = linear_gaussian(D=6, M=2)
    vae, x = spoiled(lg), lg.sample(3, 1)
    truth, elbo = lg.log_px(x).mean(), lg.elbo(x, *vae.posterior(x)).mean()
    values = [bound_of(vae, x, n_samples, 4000, seed) for seed, n_samples in enumerate((1, 2, 5, 20, 100))]
    assert abs(values[0][0] - elbo) < 4 * values[0][1], "K = 1 is the ELBO"
    for (low, low_error), (high, high_error) in itertools.pairwise(values):
        assert high - low > 4 * np.hypot(low_error, high_error)
    assert all(value < truth + 4 * error for value, error in values)
    assert truth - values[-1][0] < 0.1 * (truth - elbo)


def test_with_the_true_posterior_as_q_every_weight_is_px():
    lg = linear_gaussian(D=6, M=3).rotate()
    vae, x = lg.as_vae(), lg.sample(4, 1)
    t = bounds.run_iwae(vae, x, np.random.default_rng(0).standard_normal((5, 4, 3)))
    np.testing.assert_allclose(t.log_w, np.broadcast_to(lg.log_px(x), (5, 4)), rtol=1e-12)
    np.testing.assert_allclose(t.bound, lg.log_px(x), rtol=1e-12)


def test_with_the_closed_form_kl_in_the_weights_it_is_no_bound():
    lg = linear_gaussian(D=6, M=2)
    vae, x = spoiled(lg, sigma_factor=2, d_mu=0), lg.sample(3, 1)
    t = vae.forward(np.repeat(x, 500, axis=0), np.random.default_rng(0).standard_normal((200, 1500, 2)))
    wrong = bounds.log_mean_exp(t.log_px_z - t.kl).reshape(3, 500)
    excess = wrong.mean(axis=1) - lg.log_px(x)
    assert (excess > 0.4).all() and (excess > 10 * wrong.std(axis=1) / np.sqrt(500)).all()
    # and in the limit of many samples, by quadrature
    g = exact.quadrature(vae, x)
    assert (np.log(g.expect(np.exp(g.log_px_z))) - t.kl.reshape(3, 500)[:, 0] > lg.log_px(x) + 0.4).all()
    right = bounds.log_mean_exp(bounds.log_weights(t)).reshape(3, 500)
    assert (right.mean(axis=1) < lg.log_px(x) + 4 * right.std(axis=1) / np.sqrt(500)).all()


def test_the_weights_are_the_ratio_of_the_three_densities():
    vae = small_vae(n_latent=2)
    x = images(3, vae)
    t = bounds.run_iwae(vae, x, np.random.default_rng(0).standard_normal((4, 3, 2)))
    expected = t.log_px_z + log_prob(t.z, 0, np.ones(2)) - log_prob(t.z, t.mu, t.sigma)
    np.testing.assert_allclose(t.log_w, expected, rtol=1e-12)
    np.testing.assert_allclose(t.bound, np.log(np.exp(t.log_w).mean(axis=0)), rtol=1e-12)
    assert t.loss == pytest.approx(-t.bound.mean(), rel=1e-14)


# Its gradient


@pytest.mark.parametrize(("n_samples", "batch", "reduction"), [(1, 1, "mean"), (5, 3, "mean"), (5, 3, "sum")])
@every_head
@every_likelihood
def test_the_gradient_by_hand_is_that_of_central_differences_and_the_complex_step(
    likelihood, head, n_samples, batch, reduction
):
    vae = small_vae(
        n_latent=2, likelihood=likelihood, head=head, activation="tanh", n_conditions=2, reduction=reduction
    )
    rng = np.random.default_rng(0)
    x, eps, y = vae.check_batch(
        rng.random((batch, 5)), rng.standard_normal((n_samples, batch, 2)), labels(batch, vae)
    )

    d = bounds.backward_iwae(vae, bounds.run_iwae(vae, x, eps, y))
    for name, parameter in vae.parameters.items():
        assert (
            gradient_error(lambda: bounds.run_iwae(vae, x, eps, y).loss, parameter, vae.gradients[name])
            < 1e-7
        )
    assert gradient_error(lambda: bounds.run_iwae(vae, x, eps, y).loss, x, d.dx) < 1e-7

    wide = vae.astype(np.complex128)
    step = np.empty_like(vae.grad)
    for i in range(len(step)):
        wide.theta[i] += 1e-30j
        step[i] = bounds.run_iwae(wide, x + 0j, eps + 0j, y + 0j).loss.imag / 1e-30
        wide.theta[i] -= 1e-30j
    assert relative_error(vae.grad, step) < 1e-13


def test_the_gradient_with_one_sample_is_on_average_that_of_the_elbo():
    """K = 1: the same bound, so the same expected gradient, though not draw by draw."""
    vae = small_vae(n_latent=2, activation="tanh")
    x = images(1, vae)
    eps = np.random.default_rng(0).standard_normal((20_000, 1, 2))
    eps = np.concatenate([eps, -eps])
    vae.backward(vae.forward(x, eps))
    elbo = vae.grad.copy()
    bounds.backward_iwae(vae, bounds.run_iwae(vae, np.repeat(x, 40_000, axis=0), eps.reshape(1, -1, 2)))
    assert relative_error(vae.grad, elbo) < 0.02
    one = eps[:1]
    bounds.backward_iwae(vae, bounds.run_iwae(vae, x, one))
    iwae_once = vae.grad.copy()
    vae.backward(vae.forward(x, one))
    assert relative_error(vae.grad, iwae_once) > 0.05


def test_backward_overwrites_and_leaves_the_parameters_and_the_trace_alone():
    vae = small_vae(n_latent=2)
    x = images(3, vae)
    t = bounds.run_iwae(vae, x, np.random.default_rng(0).standard_normal((4, 3, 2)))
    before, theta = {name: np.copy(t[name]) for name in t}, vae.theta.copy()
    bounds.backward_iwae(vae, t)
    once = vae.grad.copy()
    d = bounds.backward_iwae(vae, t, need_dx=False)
    np.testing.assert_array_equal(vae.grad, once)
    assert "dx" not in d
    np.testing.assert_array_equal(vae.theta, theta)
    for name, value in before.items():
        np.testing.assert_array_equal(t[name], value, err_msg=name)


# Training with it


def test_fit_with_the_importance_weighted_objective_learns_and_repeats_itself():
    lg = linear_gaussian(D=6, M=2)
    X = lg.sample(600, 1)
    truth = lg.log_px(X).mean()

    def trained(objective, epochs):
        vae = VAE(6, (), 2, likelihood=Gaussian(sigma=lg.s), init="glorot", dtype=np.float64, seed=1)
        before = vae.log_likelihood(X, n_samples=50, rng=0).mean()
        vae.fit(
            X,
            n_samples=5,
            objective=objective,
            epochs=epochs,
            batch_size=20,
            optimizer=Adam(0.02),
            rng=0,
            progress=False,
        )
        return vae, before

    vae, before = trained("iwae", 20)
    after = vae.log_likelihood(X, n_samples=500, rng=0).mean()
    history = vae.history
    assert before < truth - 10 and truth - 0.1 < after < truth + 0.1
    assert history["bound"][-1] > history["bound"][0] + 10
    assert all(bound > elbo for bound, elbo in zip(history["bound"], history["elbo"])), (
        "it is the tighter one"
    )
    once, again, other = (trained(objective, 1)[0] for objective in ("iwae", "iwae", "elbo"))
    np.testing.assert_array_equal(once.theta, again.theta)
    assert not np.array_equal(once.theta, other.theta) and "bound" not in other.history


def test_the_bound_refuses_what_it_is_not_made_for():
    vae, x = small_vae(n_latent=2), images(3, small_vae())
    with pytest.raises(ValueError, match="beta=1"):
        bounds.run_iwae(small_vae(n_latent=2, beta=2.0), x, np.zeros((4, 3, 2)))
    with pytest.raises(ValueError, match=r"\(K, B, M\)"):
        bounds.run_iwae(vae, x, np.zeros((3, 2)))
    with pytest.raises(ValueError, match="beta=1"):
        small_vae(beta=2.0).fit(x, objective="iwae", epochs=1, progress=False)


# The estimate of log p(x)


@pytest.mark.parametrize(
    "settings",
    [{}, {"n_conditions": 3}, {"likelihood": "gaussian"}, {"n_latent": 2, "activation": "tanh"}],
    ids=str,
)
def test_log_likelihood_agrees_with_quadrature(settings):
    vae = small_vae(**settings)
    x, y = images(6, vae), labels(6, vae)
    estimate = vae.log_likelihood(x, y, n_samples=20_000, rng=0)
    assert estimate.shape == (6,) and estimate.dtype == np.float64
    t = bounds.run_iwae(
        vae, *vae.check_batch(x, np.random.default_rng(1).standard_normal((20_000, 6, vae.n_latent)), y)
    )
    w = np.exp(t.log_w - t.bound)
    assert (np.abs(estimate - exact.log_px(vae, x, y)) < 5 * w.std(axis=0) / np.sqrt(20_000)).all()


def test_log_likelihood_of_a_linear_gaussian_model_with_many_latents():
    lg = linear_gaussian(D=10, M=5)
    x = lg.sample(20, 1)
    difference = lg.as_vae().log_likelihood(x, n_samples=5000, rng=0) - lg.log_px(x)
    assert abs(difference.mean()) < 0.1 < lg.best_gap()
    rotated = lg.rotate().as_vae()  # q is the posterior: no noise at all
    np.testing.assert_allclose(rotated.log_likelihood(x, n_samples=3, rng=0), lg.log_px(x), rtol=1e-12)


@pytest.mark.parametrize("rows", [1, 7, 64, 10_000])
def test_the_chunks_change_the_draws_but_not_the_estimate(rows):
    vae = small_vae()
    x = images(5, vae)
    estimate = bounds.log_likelihood(vae, x, n_samples=500, rng=0, rows=rows)
    np.testing.assert_allclose(estimate, exact.log_px(vae, x), atol=0.25)
    rotated = linear_gaussian(D=5, M=2).rotate()
    x = rotated.sample(5, 0)
    np.testing.assert_allclose(  # weights without noise: chunks must put together exactly
        bounds.log_likelihood(rotated.as_vae(), x, n_samples=50, rng=0, rows=rows),
        rotated.log_px(x),
        rtol=1e-12,
    )


def test_log_likelihood_keeps_memory_bounded(monkeypatch):
    vae, most = small_vae(), []
    monkeypatch.setattr(vae, "decode", lambda t: (most.append(t.z.size), VAE.decode(vae, t)))
    bounds.log_likelihood(vae, images(30, vae), n_samples=70, rng=0, rows=100)
    bounds.log_likelihood(vae, images(3, vae), n_samples=450, rng=0, rows=100)
    assert max(most) <= 100 and sum(most) == 30 * 70 + 3 * 450


def test_log_likelihood_repeats_itself_and_leaves_everything_alone():
    vae = small_vae()
    x = images(5, vae)
    before, theta, state = x.copy(), vae.theta.copy(), vae.rng.bit_generator.state
    np.testing.assert_array_equal(
        vae.log_likelihood(x, n_samples=9, rng=4), vae.log_likelihood(x, n_samples=9, rng=4)
    )
    assert vae.rng.bit_generator.state == state
    first, second = (vae.log_likelihood(x, n_samples=9) for _ in range(2))
    assert not np.array_equal(first, second), "without rng it draws from the model's own generator"
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(vae.theta, theta)


def test_log_likelihood_on_uint8_images_and_a_float32_model_agrees_with_float64():
    vae = small_vae()
    x = images(5, vae)
    single = vae.astype(np.float32).log_likelihood((x * 255).astype(np.uint8), n_samples=2000, rng=0)
    np.testing.assert_allclose(single, exact.log_px(vae, x), atol=0.1)


# Extreme and empty


def test_log_mean_exp_does_not_overflow_and_is_right():
    a = np.random.default_rng(0).standard_normal((7, 3))
    np.testing.assert_allclose(bounds.log_mean_exp(a), np.log(np.exp(a).mean(axis=0)), rtol=1e-14)
    for shift in (-1e5, 1e5):
        np.testing.assert_allclose(bounds.log_mean_exp(a + shift), bounds.log_mean_exp(a) + shift, rtol=1e-15)
    np.testing.assert_array_equal(bounds.log_mean_exp(a[:1]), a[0])
    spread = np.array([[0.0], [-1e5]])
    np.testing.assert_allclose(bounds.log_mean_exp(spread), -np.log(2), rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_weights_leave_finite_bounds_and_gradients(dtype):
    # log p(x|z) down to -1e5 and beyond
    for likelihood, scale in (("bernoulli", 300), (Gaussian(sigma=0.01), 3)):
        vae = small_vae(n_latent=2, likelihood=likelihood)
        vae.parameters["decoder.1.W"] *= scale
        vae = vae.astype(dtype)
        x = images(3, vae).astype(dtype)
        t = bounds.run_iwae(vae, x, np.random.default_rng(0).standard_normal((5, 3, 2)).astype(dtype))
        d = bounds.backward_iwae(vae, t)
        assert t.log_w.min() < -300 and np.ptp(t.log_w, axis=0).max() > 100
        assert np.isfinite(t.loss) and np.isfinite(vae.grad).all() and np.isfinite(d.dx).all()
        np.testing.assert_allclose(d.dlog_w.sum(axis=0), -1 / 3, rtol=1e-5)
        assert np.isfinite(vae.log_likelihood(x, n_samples=50, rng=0)).all()


def test_no_images_and_one_image():
    vae = small_vae()
    x = images(1, vae)
    assert vae.log_likelihood(x[:0], n_samples=5).shape == (0,)
    assert vae.log_likelihood(x, n_samples=1, rng=0).shape == (1,)
    assert not bounds.active_units(vae, x).any(), "one image has no variance"
    with pytest.raises(ValueError, match="no images"):
        bounds.active_units(vae, x[:0])


@pytest.mark.parametrize("n_samples", [0, -1, 2.5])
def test_a_number_of_samples_must_be_whole_and_positive(n_samples):
    with pytest.raises(ValueError, match="n_samples"):
        small_vae().log_likelihood(images(2, small_vae()), n_samples=n_samples)


def test_bad_pixels_and_labels_get_their_sentence_here_too():
    vae = small_vae()
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        vae.log_likelihood(images(2, vae) * 3, n_samples=2)
    with pytest.raises(ValueError, match="conditional"):
        small_vae(n_conditions=2).log_likelihood(images(2, vae), n_samples=2)


def test_active_units_are_those_whose_mean_moves():
    vae = small_vae(n_latent=3, hidden=())
    vae.parameters["encoder.0.W"][:, :3] = np.array([0, 0.05, 2])  # variances over images: 0, a little, much
    x = images(50, vae)
    variance = vae.transform(x).var(axis=0)
    assert variance[0] < 1e-20 and 1e-4 < variance[1] < 0.01 < variance[2]
    assert bounds.active_units(vae, x).tolist() == [False, False, True]
    assert bounds.active_units(vae, x, threshold=variance[1] / 2).tolist() == [False, True, True]
