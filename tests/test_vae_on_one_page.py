"""The page is the package's reference model, to twelve digits; the equations in its margin exist."""

import ast
import importlib.util
import re
import runpy
from types import SimpleNamespace

import lessons_tools as tools
import numpy as np
import pytest
from PIL import Image

import minivae
from minivae import VAE, RMSProp

PATH = tools.LESSONS / "vae_on_one_page.py"
SIZES = {"n_inputs": 20, "hidden": (7,), "n_latent": 3}
N = 50 * 16 - 5  # fifty batches of 16, the last one smaller
X = (np.random.default_rng(1).random((N, 20)) < 0.4).astype(float)


@pytest.fixture(scope="module")
def page():
    spec = importlib.util.spec_from_file_location("vae_on_one_page", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def vae():
    return VAE(**SIZES, reduction="sum", init="reference", dtype=np.float64, seed=4)


@pytest.fixture
def p(page):
    return page.initialise(np.random.default_rng(4), D=20, H=7, M=3)


def distance(arrays, views):
    """The largest difference between the page's arrays and the package's views, beside the largest number."""
    assert [a.shape for a in arrays] == [view.shape for view in views.values()]
    worst = max(np.abs(a - view).max() for a, view in zip(arrays, views.values()))
    return worst / max(np.abs(a).max() for a in arrays)


def test_the_initial_parameters_are_the_packages_bit_for_bit(vae, p):
    assert all(np.array_equal(theta, view) for theta, view in zip(p, vae.parameters.values(), strict=True))


def test_elbo_and_gradients_are_the_packages(page, vae, p, rng):
    for theta in p[1::2]:
        theta += rng.normal(0, 0.3, theta.shape)  # biases of 0 hide a bias that is forgotten
    for theta, view in zip(p, vae.parameters.values()):
        view[...] = theta
    x, eps = X[:6], rng.standard_normal((6, 3))
    elbo, trace = page.forward(p, x, eps)
    t = vae.forward(x, eps)
    np.testing.assert_allclose(elbo, t.elbo, rtol=1e-12)
    vae.backward(t)
    assert distance(page.backward(p, trace), vae.gradients) < 1e-12


def test_the_first_hundred_updates_are_those_of_fit(page, vae, p):
    v, rng = [np.ones_like(theta) for theta in p], np.random.default_rng(5)
    start = [theta.copy() for theta in p]
    for _ in range(2):
        page.train(p, v, X, rng, batch_size=16)
    vae.fit(X, epochs=2, batch_size=16, optimizer=RMSProp(1e-3), rng=np.random.default_rng(5), progress=False)
    assert distance(p, vae.parameters) < 1e-12
    assert all(np.abs(theta - before).max() > 0.02 for theta, before in zip(p, start)), "and they did move"


def test_where_v_has_decayed_eps_stands_inside_the_root(page):
    theta, v = np.array([1.0]), np.array([0.0])
    page.rmsprop([theta], [v], [np.array([1e-6])])
    np.testing.assert_allclose(1 - theta, 1e-3 * 1e-6 / np.sqrt(0.1 * 1e-12 + 1e-10), rtol=1e-9)
    assert page.train.__defaults__ == (64,), "the reference model's batch"


def test_a_sample_is_what_the_packages_decoder_says(page, vae, p, rng):
    z = rng.standard_normal((5, 3))
    np.testing.assert_allclose(page.sample(p, z), vae.prior_predictive_with_input(z), rtol=1e-12)


def test_run_as_a_script_it_trains_prints_and_draws(monkeypatch, tmp_path, capsys):
    images = np.random.default_rng(2).integers(0, 256, (150, 28, 28), dtype=np.uint8)
    data = SimpleNamespace(images=images), SimpleNamespace(images=images[:20])
    monkeypatch.setattr(minivae, "load_data", {"glyphs": data}.get)
    monkeypatch.setattr("sys.argv", [str(PATH)])
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(PATH), run_name="__main__")
    elbo = re.findall(r"epoch +\d+: held-out ELBO (-\d+\.\d) nats", capsys.readouterr().out)
    assert len(elbo) == 10 and float(elbo[-1]) > float(elbo[0])
    assert Image.open(tmp_path / "vae_on_one_page.png").size == (12 * 28, 5 * 28)


def test_it_is_one_page_of_plain_numpy():
    lines = PATH.read_text().splitlines()
    assert len(lines) <= 100 and max(map(len, lines)) <= 110
    nodes = ast.walk(ast.parse(PATH.read_text()))
    imports = {ast.unparse(node) for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)}
    plain = {"import sys", "import numpy as np", "import matplotlib.pyplot as plt"}
    assert imports == plain | {"from minivae import load_data"}


def test_the_equations_in_its_margin_stand_in_the_lessons():
    lessons = "\n".join(tools.markdown(tools.read(path)) for path in tools.PATHS)
    tags = set(re.findall(r"\\tag\{([\d.]+)\}", lessons))
    cited = re.findall(r"\((\d+\.\d+)\)$", PATH.read_text(), re.MULTILINE)
    assert len(cited) >= 28 and set(cited) <= tags
