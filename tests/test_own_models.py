"""A model of one's own: the lines of CONTRIBUTING run, are right, and come back out of a file."""

import re
from pathlib import Path

import numpy as np
import pytest

from minivae import VAE
from minivae.gradcheck import check
from minivae.layers import ACTIVATIONS
from minivae.likelihoods import LIKELIHOODS

PAGE = Path(__file__).parent.parent / ".github" / "CONTRIBUTING.md"


@pytest.fixture(scope="module")
def own():
    """What the page's lines define; what they register is taken back."""
    _, _, page = PAGE.read_text("utf-8").partition("## A model of your own")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    before = dict(ACTIVATIONS), dict(LIKELIHOODS)
    names = {"printed": []}
    names["print"] = names["printed"].append
    for block in blocks:
        exec(compile(block, PAGE.name, "exec"), names)  # noqa: S102, this is what the page says to do
    yield names
    for table, old in zip((ACTIVATIONS, LIKELIHOODS), before):
        table.clear()
        table.update(old)


def test_each_of_the_three_is_checked_and_right(own):
    assert len(own["printed"]) == 3
    for report in own["printed"]:
        assert report.passed, report.summary


MODELS = {
    "poisson": lambda own: VAE(6, (8,), 2, likelihood="poisson", init="glorot"),
    "swish": lambda own: VAE(6, (8,), 2, activation="swish"),
    "flow": lambda own: own["Flow"](6, (8,), 2, activation="tanh"),
}


@pytest.mark.parametrize("name", MODELS)
def test_each_trains_and_comes_back_out_of_a_file(own, name, tmp_path):
    vae = MODELS[name](own)
    rng = np.random.default_rng(0)
    X = rng.poisson(np.repeat([1, 8], 100)[:, None] * np.ones(6)).astype(float) / (
        1 if name == "poisson" else 40
    )
    history = vae.fit(X, epochs=20, batch_size=20, progress=False, checkpoint=tmp_path / "c.npz")
    assert history["elbo"][-1] > history["elbo"][0]
    vae.save(tmp_path / "m.npz")
    for file in ("m.npz", "c.npz"):
        again = type(vae).load(tmp_path / file)
        assert type(again) is type(vae) and np.array_equal(again.theta, vae.theta)
        assert np.array_equal(again.elbo(X, rng=1), vae.elbo(X, rng=1))
    assert vae.prior_predictive_sample(3).shape == (3, 6) and vae.posterior_predictive_probs(X[:2]).shape == (
        2,
        6,
    )
    report = check(vae, X[:3], rng.standard_normal((2, 3, 2)), method="complex")
    assert report.passed, report.summary


def test_the_flow_is_a_bound_on_a_density(own):
    """With a decoder that ignores zk, log p(x) is known: the gap is KL(q(zk|x) || N(0, I)), by sampling."""
    flow = own["Flow"](6, (), 1, seed=3)
    flow.parameters["flow.r"] = 0.8
    flow.parameters["decoder.0.W"] = 0
    x, rng = np.full((1, 6), 0.3), np.random.default_rng(0)
    t = flow.forward(x, rng.standard_normal((200_000, 1, 1)))
    log_q = -(t.eps**2) / 2 - np.log(t.sigma * t.slope)
    kl = (log_q + t.zk**2 / 2).mean()
    gap = (t.log_px_z - t.elbo).mean()
    spread = (t.log_px_z - t.elbo).std() / 200_000**0.5
    assert kl > 0.01 and gap == pytest.approx(kl, abs=float(6 * spread + 1e-4))


def test_a_slip_in_the_page_is_seen(own):
    """One sign turned in the flow's backward."""

    class Slip(own["Flow"]):
        def decode_backward(self, dlog_px_z, t, d):
            super().decode_backward(dlog_px_z, t, d)
            d.dz = d.dz - 2 * dlog_px_z[..., None] * t.z

    vae = Slip(6, (8,), 2, activation="tanh")
    assert not check(
        vae, np.random.default_rng(0).random((4, 6)), np.random.default_rng(1).standard_normal((4, 2))
    ).passed
