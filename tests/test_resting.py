"""What need not run again in a check: stages rest, and what is measured stays the same to the last bit."""

import numpy as np
import pytest

from minivae import VAE, gaussian
from minivae.gradcheck import check, resting


class Tied(VAE):
    """The decoder's last bias is added to what the encoder reads, and its gradient knows it."""

    def encode(self, t):
        t.x = t.x + self.decoder.layers[-1].b
        super().encode(t)

    def encode_backward(self, d, t, need_dx=True):
        super().encode_backward(d, t, True)
        self.gradients[f"decoder.{len(self.hidden)}.b"] += d.dx.sum(axis=0)


class Hidden(VAE):
    """What the encoder says of sigma reaches z past the trace."""

    def encode(self, t):
        super().encode(t)
        self.kept = 2 * t.sigma

    def run(self, x, eps, y=None, t=None):
        t = super().run(x, eps, y, t)
        t.z = t.mu + self.kept * t.eps / 2
        self.decode(t)
        self.score(t)
        return t


class Careless(VAE):
    """The decoder writes into what the encoder left."""

    def decode(self, t):
        t.mu += 1
        t.mu -= 1
        super().decode(t)


class Returning(VAE):
    """encode returns, and wants more than the trace."""

    def encode(self, t, twice=1):
        super().encode(t)
        return t.mu

    def run(self, x, eps, y=None, t=None):
        t = self.trace(x) if t is None else t
        t.x, t.eps = x, eps
        mu = self.encode(t, twice=2)
        t.z = gaussian.reparameterize(mu, t.sigma, eps)
        self.decode(t)
        self.score(t)
        return t


class Counting(VAE):
    """It knows how often its encoder ran."""

    runs = 0

    def encode(self, t):
        Counting.runs += 1
        super().encode(t)


def of(kind, **settings):
    rng = np.random.default_rng(0)
    vae = kind(**{"n_inputs": 4, "hidden": (3,), "n_latent": 2, "activation": "tanh", **settings})
    vae.theta += 0.3 * rng.standard_normal(vae.theta.shape)
    return vae, rng.uniform(0.1, 0.9, (3, 4)), rng.standard_normal((2, 3, 2))


@pytest.mark.parametrize("method", ["central", "complex"])
@pytest.mark.parametrize("kind", [VAE, Tied, Hidden, Careless, Returning])
def test_what_rests_changes_no_number(monkeypatch, kind, method):
    look = lambda: check(*of(kind, likelihood="gaussian"), method=method, explain=False)
    report = look()
    monkeypatch.setattr(resting, "STAGES", ())
    whole = look()
    assert str(report) == str(whole)
    for row, other in zip(report.rows, whole.rows):
        assert np.array_equal(row.numeric, other.numeric, equal_nan=True)


def test_a_wrong_gradient_behind_a_resting_stage_is_wrong(monkeypatch):
    right = gaussian.reparameterize_backward
    monkeypatch.setattr(gaussian, "reparameterize_backward", lambda dz, eps: right(dz, eps + 1e-3))
    assert check(*of(VAE)).first == ["sigma"]


def test_half_of_the_passes_need_no_encoder(monkeypatch):
    def runs():
        Counting.runs = 0
        assert check(*of(Counting)).passed
        return Counting.runs

    some = runs()
    monkeypatch.setattr(resting, "STAGES", ())
    assert some < 0.6 * runs()


def test_the_model_is_its_own_again(monkeypatch):
    class Failing(VAE):
        def decode(self, t):
            if np.abs(t.z - 0.001).min() < 0.0001:
                raise RuntimeError("near 0.001")
            super().decode(t)

    vae, x, eps = of(Failing)
    check(vae, x, eps)
    assert not {"encode", "decode"} & vars(vae).keys()
