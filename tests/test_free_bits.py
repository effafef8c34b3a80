"""Free bits: what is paid for, its gradient, and a model that trains with it and comes back from its file."""

import numpy as np
import pytest
from models import every_head

from minivae import VAE, Adam
from minivae.free_bits import FreeBits, free_bits, free_bits_gradient
from minivae.gaussian import kl, kl_gradient, kl_per_latent
from minivae.gradcheck import check, check_gradient

B, M = 5, 4
RNG = np.random.default_rng(0)
MU, SIGMA = RNG.standard_normal((B, M)) * [0.1, 0.2, 1, 2], RNG.uniform(0.5, 1.3, (B, M))
FLOOR = 0.25  # two latents tell less, two tell more
ABOVE = kl_per_latent(MU, SIGMA).mean(axis=0) > FLOOR


def test_the_latents_of_this_file_lie_on_both_sides():
    assert sorted(ABOVE) == [False, False, True, True]


def test_a_latent_pays_its_mean_kl_or_the_floor():
    told = kl_per_latent(MU, SIGMA).mean(axis=0)
    assert free_bits(MU, SIGMA, FLOOR) == pytest.approx(told[ABOVE].sum() + 2 * FLOOR, rel=1e-14)
    assert free_bits(MU, SIGMA, 0) == pytest.approx(kl(MU, SIGMA).mean(), rel=1e-14)
    assert free_bits(MU, SIGMA, 100) == 400


@pytest.mark.parametrize("method", ["central", "complex"])
def test_gradient(method):
    assert check_gradient(
        free_bits, free_bits_gradient, MU, SIGMA, FLOOR, wrt=("mu", "sigma"), method=method
    ).passed


def test_below_the_floor_nothing_pulls_and_above_it_the_kl_does():
    dpaid_dmu, dpaid_dsigma = free_bits_gradient(MU, SIGMA, FLOOR)
    dkl_dmu, dkl_dsigma = kl_gradient(MU, SIGMA)
    assert not dpaid_dmu[:, ~ABOVE].any() and not dpaid_dsigma[:, ~ABOVE].any()
    np.testing.assert_allclose(dpaid_dmu[:, ABOVE], dkl_dmu[:, ABOVE] / B, rtol=1e-14)
    np.testing.assert_allclose(dpaid_dsigma[:, ABOVE], dkl_dsigma[:, ABOVE] / B, rtol=1e-14)


def model(floor, **settings):
    named = {"beta": 1.7, "activation": "tanh", "dtype": np.float64, **settings}
    return FreeBits(6, (5,), M, floor=floor, **named)


@pytest.mark.parametrize("method", ["central", "complex"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("draws", [(), (3,)])
@every_head
def test_the_whole_model_s_gradient(head, draws, reduction, method):
    vae, rng = model(0.4, head=head, reduction=reduction, seed=1), np.random.default_rng(1)
    x, eps = rng.random((B, 6)), rng.standard_normal((*draws, B, M))
    t = vae.forward(x, eps)
    told = kl_per_latent(t.mu, t.sigma).mean(axis=0)
    assert (told > 0.4).any() and (told < 0.4).any(), told
    assert check(vae, x, eps, method=method).passed


def test_only_the_objective_knows_of_the_floor():
    rng, vae = np.random.default_rng(0), model(0.4)
    x, eps = rng.random((B, 6)), rng.standard_normal((B, M))
    plain = VAE(6, (5,), M, beta=1.7, activation="tanh", dtype=np.float64)
    t, u = vae.forward(x, eps), plain.forward(x, eps)
    assert np.array_equal(t.elbo, u.elbo) and np.array_equal(t.kl, u.kl)
    assert t.loss == pytest.approx(-(u.log_px_z.mean() - 1.7 * t.kl_paid), rel=1e-14)
    assert t.kl_paid > u.kl.mean()
    free = model(0)
    d, e = free.backward(free.forward(x, eps)), plain.backward(u)
    assert free.forward(x, eps).loss == pytest.approx(u.loss, rel=1e-14)
    for name in ("dmu", "dsigma"):
        np.testing.assert_allclose(d[name], e[name], rtol=1e-12, atol=1e-16)


def test_it_trains_and_comes_back_from_its_file(tmp_path):
    rng, vae = np.random.default_rng(0), model(0.3)
    vae.fit(rng.random((40, 6)) < 0.5, epochs=2, batch_size=8, optimizer=Adam(1e-2), progress=False)
    vae.save(tmp_path / "model.npz")
    again = FreeBits.load(tmp_path / "model.npz")
    assert again.floor == 0.3 and np.array_equal(again.theta, vae.theta)


@pytest.mark.parametrize("floor", [-0.1, np.nan, np.inf, "0.25", None])
def test_a_floor_that_is_none_is_refused(floor):
    with pytest.raises(ValueError, match=r"floor is .*; the nats that are free"):
        FreeBits(6, (5,), M, floor=floor)
