"""The gradient checks: right gradients pass to the last digit, wrong ones fail where they are wrong,
traps have names."""

import itertools
import time

import numpy as np
import pytest
from models import LIKELIHOODS, batch_of, every_head, every_likelihood, odd_vae

from minivae import VAE, Bernoulli, gaussian, likelihoods
from minivae.cli import gradcheck as command
from minivae.cli.flags import Parser
from minivae.gradcheck import check, check_gradient
from minivae.gradcheck.numeric import central_difference, complex_step
from minivae.layers import ACTIVATIONS, sigmoid, softplus

# what a model may be, and its batch: 96 combinations beside likelihood and head
REST = {
    "-".join(map(str, rest)): rest
    for rest in itertools.product(ACTIVATIONS, ((), (4,), (4, 3), (4, 3, 4)), (0, 3), (1, 5), (1, 7))
}  # activation, hidden, C, K, B
WORST = {"central": 1e-7, "complex": 1e-13}


def some(step, first=0):
    names = list(REST)[first::step]
    return pytest.mark.parametrize("rest", [REST[name] for name in names], ids=names)


def case(likelihood, head, activation="tanh", hidden=(4,), n_conditions=0, K=2, B=3, **settings):
    """An odd model, and x, eps and y for it."""
    kinds = {"likelihood": LIKELIHOODS.get(likelihood, likelihood), "head": head, "activation": activation}
    vae = odd_vae(n_inputs=4, hidden=hidden, n_conditions=n_conditions, **kinds, **settings)
    return vae, *batch_of(vae, K, B)


# The shipped models.


@some(1)
@every_head
@every_likelihood
def test_every_model_is_right_to_the_last_digit(likelihood, head, rest):
    report = check(*case(likelihood, head, *rest), method="complex", samples=0)
    assert report.passed and report.worst < WORST["complex"], str(report)


@some(11)
@every_head
@every_likelihood
def test_central_differences_agree_with_every_model(likelihood, head, rest):
    report = check(*case(likelihood, head, *rest), samples=2)
    assert report.passed and report.worst < WORST["central"], str(report)


@some(23, first=5)
@pytest.mark.parametrize("method", WORST)
@every_likelihood
def test_every_single_coordinate(likelihood, method, rest):
    report = check(*case(likelihood, "logvar" if rest[1] else "softplus", *rest), method=method)
    assert all(row.checked == row.size for row in report.rows)
    assert report.passed and report.worst < WORST[method], str(report)


@pytest.mark.parametrize("K, B, n_conditions", [(1, 7, 0), (5, 1, 3), (5, 7, 3)])
@pytest.mark.parametrize("method", WORST)
@every_head
@every_likelihood
def test_importance_weighted_bound(likelihood, head, method, K, B, n_conditions):
    batch = case(likelihood, head, n_conditions=n_conditions, K=K, B=B)
    report = check(*batch, method=method, objective="iwae", samples=4)
    assert report.passed and report.worst < WORST[method], str(report)
    assert "log_w" in [row.name for row in report.rows]


@pytest.mark.parametrize("part", [None, "reconstruction", "kl"])
@pytest.mark.parametrize("method", WORST)
@pytest.mark.parametrize(
    "settings", [{"beta": 4.0}, {"beta": 0.0}, {"reduction": "sum"}, {"K": None}, {"dtype": np.float32}]
)
def test_every_option(settings, method, part):
    report = check(*case("pixel", "softplus", **settings), method=method, part=part)
    assert report.passed and report.worst < WORST[method], str(report)


def test_reconstruction_and_kl_apart(monkeypatch):
    monkeypatch.setattr(gaussian, "kl_gradient", lambda mu, sigma: (2 * mu, 2 * (sigma - 1 / sigma)))
    model = case("bernoulli", "softplus")
    assert check(*model, part="reconstruction").passed
    report = check(*model, part="kl")
    assert (
        not report.passed
        and report.explanations[0].relation == "scale"
        and report.explanations[0].term == "2"
    )


def test_rows_come_in_the_order_of_the_flow():
    report = check(*case("pixel", "softplus", hidden=(4, 3)), samples=1)
    assert [row.name for row in report.rows] == [
        "x",
        "encoder.0.W",
        "encoder.0.b",
        "encoder_a0",
        "encoder_h0",
        "encoder.1.W",
        "encoder.1.b",
        "encoder_a1",
        "encoder_h1",
        "encoder.2.W",
        "encoder.2.b",
        "mu",
        "raw",
        "sigma",
        "z",
        "decoder.0.W",
        "decoder.0.b",
        "decoder_a0",
        "decoder_h0",
        "decoder.1.W",
        "decoder.1.b",
        "decoder_a1",
        "decoder_h1",
        "decoder.2.W",
        "decoder.2.b",
        "mean",
        "raw_log_sigma",
        "log_sigma",
    ]
    shared = [row.name for row in check(*case("shared", "logvar", hidden=()), samples=1).rows]
    assert shared.index("decoder.raw_log_sigma") == shared.index("raw_log_sigma") - 1


def test_the_model_and_the_input_stay_as_they_are():
    vae, x, eps, y = case("bernoulli", "softplus", n_conditions=3, dtype=np.float32)
    vae.backward(vae.forward(x, eps, y))
    before = [a.copy() for a in (vae.theta, vae.grad, x, eps, y)], vae.rng.bit_generator.state
    for method in "central", "complex":
        check(vae, x, eps, y, method=method)
    assert (
        all(map(np.array_equal, before[0], (vae.theta, vae.grad, x, eps, y)))
        and vae.rng.bit_generator.state == before[1]
    )


def test_the_report_reads():
    report = check(*case("bernoulli", "softplus"))
    text = str(report)
    assert "central differences" in text and "PASSED" in text and "all 4" in text and repr(report) == text
    assert all(row.words == "right" for row in report.rows) and max(map(len, text.splitlines())) <= 110


def test_settings_that_are_unknown():
    model = case("bernoulli", "softplus")
    for settings, words in (
        ({"method": "forward"}, "method"),
        ({"objective": "vae"}, "objective"),
        ({"part": "loss"}, "part"),
        ({"objective": "iwae", "part": "kl"}, "no parts"),
    ):
        with pytest.raises(ValueError, match=words):
            check(*model, **settings)
    with pytest.raises(ValueError, match="eps"):
        check(model[0], model[1], model[2][..., :1])


# Large models.


def test_a_large_model_is_sampled_and_still_checked_everywhere(monkeypatch):
    vae = VAE(200, (60,), 20, seed=1)
    rng = np.random.default_rng(0)
    x, eps = rng.random((3, 200)), rng.standard_normal((2, 3, 20))
    report = check(vae, x, eps)
    rows = {row.name: row for row in report.rows}
    assert (
        report.passed
        and rows["encoder.0.W"].checked == 16
        and "random direction" in str(report)
        and "float64" in str(report)
    )
    assert report.worst < 1e-6 and check(vae, x, eps, method="complex").worst < 1e-12

    right = VAE.encode_backward

    def one_number_wrong(self, t, d, need_dx=True):
        right(self, t, d, need_dx)
        self.gradients["encoder.0.W"][123, 45] += 0.3

    monkeypatch.setattr(VAE, "encode_backward", one_number_wrong)
    report = check(vae, x, eps)
    assert report.first == ["encoder.0.W"], (
        "16 of 12,000 coordinates would miss it; the random direction does not"
    )


def test_the_default_model_takes_seconds(capsys):
    started = time.process_time()
    assert run("gradcheck") == 0
    assert time.process_time() - started < 10
    assert "784 pixels" in capsys.readouterr().out


# What is wrong is found where it is.


@pytest.mark.parametrize("name", ["encoder.0.W", "encoder.0.b", "encoder.1.W", "decoder.0.b", "decoder.1.W"])
def test_one_wrong_number_in_a_parameter(monkeypatch, name):
    right = VAE.backward

    def wrong(self, t, need_dx=True):
        d = right(self, t, need_dx)
        self.gradients[name].flat[-1] *= 1.01
        return d

    monkeypatch.setattr(VAE, "backward", wrong)
    for method in "central", "complex":
        report = check(*case("bernoulli", "softplus"), method=method, explain=False)
        assert (
            not report.passed
            and report.first == [name]
            and [row.name for row in report.rows if not row.right] == [name]
        )


def test_the_first_wrong_intermediate_is_named(monkeypatch):
    monkeypatch.setattr(gaussian, "kl_gradient", lambda mu, sigma: (0 * mu, sigma - 1 / sigma))
    report = check(*case("bernoulli", "softplus"))
    wrong = {row.name for row in report.rows if not row.right}
    assert report.first == ["mu"] and wrong == {
        "x",
        "encoder.0.W",
        "encoder.0.b",
        "encoder_a0",
        "encoder_h0",
        "encoder.1.W",
        "encoder.1.b",
        "mu",
    }
    assert (
        "lacks the term mu: the KL path" in report.summary
        and "lacks the term mu: the KL path" in str(report)
        and "<-- here" in str(report)
    )


def test_a_small_term_is_seen_by_the_complex_step_alone(monkeypatch):
    def log_prob(self, t):
        p = sigmoid(t.logits)
        return (t.x * np.log(p + 1e-7) + (1 - t.x) * np.log(1 - p + 1e-7)).sum(axis=-1)

    monkeypatch.setattr(Bernoulli, "log_prob", log_prob)
    model = case("bernoulli", "softplus")
    assert check(*model).passed
    report = check(*model, method="complex")
    assert not report.passed and not report.traps and "suspicious" in str(report)


def test_a_subclass_a_likelihood_and_a_method_of_ones_own_are_checked_as_they_are():
    class Forgetful(VAE):
        def encode_backward(self, d, t, need_dx=True):
            d.dsigma = 0 * d.dsigma
            super().encode_backward(d, t, need_dx)

    class Doubled(Bernoulli):
        def backward(self, dlog_px_z, t, d, dparameters):
            d.dlogits = 2 * super().backward(dlog_px_z, t, d, dparameters)
            return d.dlogits

    _, x, eps, _ = case("bernoulli", "softplus")
    assert check(Forgetful(4, (4,), 2, activation="tanh", seed=1), x, eps).first == ["sigma"]
    assert check(VAE(4, (4,), 2, likelihood=Doubled(), activation="tanh", seed=1), x, eps).first == ["logits"]

    vae = VAE(4, (4,), 2, activation="tanh", seed=1)

    def no_sigma(self, d, t, need_dx=True):
        d.dsigma = 0 * d.dsigma
        VAE.encode_backward(self, d, t, need_dx)

    vae.encode_backward = no_sigma.__get__(vae)
    assert check(vae, x, eps).first == ["sigma"]


def test_an_unsearched_cause_is_not_called_unknown(monkeypatch):
    monkeypatch.setattr(gaussian, "kl_gradient", lambda mu, sigma: (0 * mu, sigma - 1 / sigma))
    report = check(*case("bernoulli", "softplus"), explain=False)
    assert report.summary == "The gradient of mu is wrong." and report.explanations == []


# Traps: each has its name, and the gradient is not blamed.


def trap(report):
    assert not report.passed and len(report.traps) == 1, str(report)
    assert report.traps[0].name in str(report) and not report.explanations
    return report.traps[0].name


def test_traps_of_a_model(monkeypatch):
    model = case("bernoulli", "softplus")
    rng = np.random.default_rng(0)

    def replaced(where, name, wrong, method="central"):
        with monkeypatch.context() as patch:
            patch.setattr(where, name, wrong)
            return trap(check(*model, method=method))

    right_kl, right_decode, right_log_prob = gaussian.kl, VAE.decode, Bernoulli.log_prob
    assert (
        replaced(
            gaussian, "reparameterize", lambda mu, sigma, eps: mu + sigma * rng.standard_normal(eps.shape)
        )
        == "noise"
    )
    assert (
        replaced(gaussian, "kl", lambda mu, sigma: right_kl(mu, sigma) + np.log(0 * mu).sum(axis=-1)) == "NaN"
    )
    assert (
        replaced(gaussian, "kl", lambda mu, sigma: right_kl(np.abs(mu), sigma), "complex") == "imaginary part"
    )
    assert (
        replaced(Bernoulli, "log_prob", lambda self, t: right_log_prob(self, t).real, "complex")
        == "imaginary part"
    )
    assert replaced(VAE, "backward", lambda self, t, need_dx=True: 1 / 0) == "raised"

    def in_float32(self, t):
        right_decode(self, t)
        t.logits = t.logits.astype(np.float32)

    def updates(self, t, need_dx=True, right=VAE.backward):
        d = right(self, t, need_dx)
        self.theta -= 0.1 * self.grad
        return d

    assert replaced(VAE, "decode", in_float32) == "float32"
    assert replaced(VAE, "backward", updates) == "changed"

    def into_a_buffer(mu, sigma, eps):
        z = np.empty(eps.shape)
        z[:] = mu + sigma * eps
        return z

    assert replaced(gaussian, "reparameterize", into_a_buffer, "complex") == "imaginary part"


def test_nan_in_a_gradient_is_named_and_never_passes(monkeypatch):
    monkeypatch.setattr(
        gaussian, "kl_gradient", lambda mu, sigma: (mu * (0 * mu / (0 * mu)), sigma - 1 / sigma)
    )
    with np.errstate(invalid="ignore"):
        report = check(*case("bernoulli", "softplus"))
    row = {row.name: row for row in report.rows}["mu"]
    assert (
        not report.passed
        and report.first == ["mu"]
        and np.isnan(row.error)
        and "0/0" in row.words
        and np.isnan(report.worst)
    )


def test_kinks_of_a_model_are_compared_with_both_slopes():
    # biases are 0: a black image sits on every kink, and a pixel of it on those of all units at once
    vae = VAE(4, (5,), 2, activation="relu", dtype=np.float64, seed=1)
    eps = np.random.default_rng(0).standard_normal((2, 3, 2))
    for method in "central", "complex":
        report = check(vae, np.zeros((3, 4)), eps, method=method)
        rows = {row.name: row for row in report.rows}
        assert rows["encoder_a0"].right and rows["encoder_a0"].kinks == 15 and rows["encoder.0.b"].kinks == 5
        assert report.verdict == "undecided" and [row.name for row in report.undecided] == ["x"], str(report)
        assert "several kinks at once" in report.summary and "between its slopes" in str(report)


def test_a_wrong_gradient_does_not_hide_behind_kinks(monkeypatch):
    relu = ACTIVATIONS["relu"]
    monkeypatch.setitem(
        ACTIVATIONS, "relu", type(relu)("relu", relu.forward, lambda dh, a, h: dh * (a > 0) * 1.5)
    )
    vae = VAE(4, (5,), 2, activation="relu", dtype=np.float64, seed=1)
    report = check(vae, np.zeros((3, 4)), np.random.default_rng(0).standard_normal((2, 3, 2)))
    assert not report.passed and report.first == ["decoder_a0"]


def test_zero_on_both_sides_is_agreement():
    vae, x, eps, _ = case("bernoulli", "softplus")
    vae.parameters["decoder.0.W"][:] = 0
    report = check(vae, x, eps, part="reconstruction")
    rows = {row.name: row for row in report.rows}
    assert report.passed and rows["z"].error == 0 and rows["z"].words == "0, as it should be"


# Pairs of functions.

rng = np.random.default_rng(3)
A, MU, SIGMA, EPS = (
    rng.standard_normal((4, 3)),
    rng.standard_normal((4, 3)),
    rng.uniform(0.3, 2, (4, 3)),
    rng.standard_normal((4, 3)),
)
X, W, B = rng.standard_normal((4, 5)), rng.standard_normal((5, 3)), rng.standard_normal(3)


@pytest.mark.parametrize("method", ["central", "complex"])
@pytest.mark.parametrize(
    ("function", "gradient", "arrays"),
    [
        (softplus, sigmoid, (A,)),
        (np.tanh, lambda a, dh: dh * (1 - np.tanh(a) ** 2), (A,)),
        (lambda mu, sigma: mu + sigma * EPS, lambda mu, sigma, dz: (dz, dz * EPS), (MU, SIGMA)),
        (gaussian.kl, gaussian.kl_gradient, (MU, SIGMA)),
        (gaussian.log_prob, gaussian.log_prob_gradient, (A, MU, SIGMA)),
        (lambda x, W, b: x @ W + b, lambda x, W, b, da: (da @ W.T, x.T @ da, da.sum(axis=0)), (X, W, B)),
        (lambda a: (a * a, a.sum()), lambda a, d1, d2: 2 * a * d1 + d2, (A,)),
        (lambda x: x * x, lambda x: 2 * x, (0.7,)),
        (lambda x: x * x, 2 * A, (A,)),
        (lambda x: x * x, lambda x: 2 * x, (np.array([1, 2, 3]),)),
        (lambda x, n: x**n, lambda x, n: n * x ** (n - 1), (A, np.array(3))),
        (lambda *xs: xs[0] * xs[1], lambda *xs: (xs[1], xs[0]), (A, MU)),
    ],
)
def test_right_gradients_of_functions(function, gradient, arrays, method):
    report = check_gradient(function, gradient, *arrays, method=method)
    assert report.passed and report.worst < {"central": 1e-8, "complex": 1e-14}[method], str(report)


def test_rows_carry_the_names_of_the_arguments():
    report = check_gradient(lambda mu, sigma: mu + sigma * EPS, lambda mu, sigma, dz: (dz, dz), MU, SIGMA)
    assert [row.name for row in report.rows] == ["mu", "sigma"] and report.first == ["sigma"]
    assert (
        report.explanations[0].relation == "factor" and report.explanations[0].term == "EPS"
    )  # found in the function's surroundings


def test_a_random_upstream_gradient_catches_the_one_that_forgets_it():
    report = check_gradient(np.tanh, lambda a, dh: 1 - np.tanh(a) ** 2, A)
    assert not report.passed and report.explanations[0].term == "dh"
    assert check_gradient(np.tanh, lambda a, dh: 1 - np.tanh(a) ** 2, A, upstream=np.ones(A.shape)).passed


def test_with_respect_to_some_arguments():
    function, gradient = lambda mu, sigma, eps: mu + sigma * eps, lambda mu, sigma, eps, dz: (dz, dz * eps)
    assert check_gradient(function, gradient, MU, SIGMA, EPS, wrt=("mu", "sigma")).passed
    assert check_gradient(function, lambda mu, sigma, eps, dz: dz * eps, MU, SIGMA, EPS, wrt=1).passed
    with pytest.raises(ValueError, match="wrt"):
        check_gradient(function, gradient, MU, SIGMA, EPS, wrt="tau")
    with pytest.raises(ValueError, match="method"):
        check_gradient(function, gradient, MU, SIGMA, EPS, method="exact")


def test_whatever_a_learner_returns_is_told_by_name():
    def changes(a):
        a += 1
        return a

    square = np.square
    for gradient, name in (
        (lambda a: None, "None"),
        (None, "None"),
        (lambda a: [1.0, 2.0], "list"),
        (lambda a: 1 / 0, "raised"),
        (changes, "changed"),
        (lambda a: "2a", "dtype"),
        (lambda a: (a, a), "shape"),
        (lambda a, b, c: a, "arguments"),
        (lambda a: a * 1j, "dtype"),
        (lambda a: (2 * a).tolist()[:2], "list"),
    ):
        assert trap(check_gradient(square, gradient, A)) == name
    two = lambda mu, sigma: mu * sigma
    assert trap(check_gradient(two, lambda mu, sigma: sigma, MU, SIGMA)) == "shape"
    assert trap(check_gradient(two, lambda mu, sigma: (sigma, None), MU, SIGMA)) == "None"
    for function, name in (
        (lambda a: None, "None"),
        (lambda a: 1 / 0, "raised"),
        (changes, "changed"),
        (lambda a: a + rng.standard_normal(a.shape), "noise"),
        (lambda a: np.log(a - 10), "NaN"),
        (lambda a: a.astype(np.float32) ** 2, "float32"),
    ):
        assert trap(check_gradient(function, lambda a: 2 * a, A)) == name
    assert trap(check_gradient(square, lambda a, d: 2 * a * d, A, upstream=np.ones(3))) == "shape"
    assert trap(check_gradient(square, lambda a: 2 * a)) == "arguments"


def test_a_wrong_shape_says_which_and_often_why():
    dense = lambda x, W, b: x @ W + b
    report = check_gradient(dense, lambda x, W, b, da: (da @ W.T, da.T @ x, da.sum(axis=1)), X, W, B)
    assert report.first == ["W", "b"]
    assert [e.relation for e in report.explanations] == [
        "transpose",
        "shape",
    ] and "(4,)" in report.explanations[1].words


def test_noise_in_a_gradient():
    report = check_gradient(lambda s: s * EPS, lambda s, dz: dz * rng.standard_normal(s.shape), SIGMA)
    assert report.explanations[0].relation == "noise"


def test_traps_of_the_complex_step():
    for function, gradient in (
        (np.abs, np.sign),
        (lambda a: np.sqrt((a * a.conj()).real), np.sign),
        (lambda a: np.linalg.norm(a), lambda a: a / np.linalg.norm(a)),
    ):
        assert check_gradient(function, gradient, A).passed
        assert trap(check_gradient(function, gradient, A, method="complex")) == "imaginary part"
    assert not check_gradient(np.square, lambda a: 2.1 * a, A, method="complex").traps, (
        "a wrong gradient is no trap"
    )
    assert (
        trap(check_gradient(np.square, lambda a: (2 * a).astype(np.float32), A, method="complex"))
        == "float32"
    )


def test_kinks_of_a_function():
    relu, a = lambda a: np.maximum(a, 0), np.array([2e-6, 0.0, -3e-6, 1, -1])
    report = check_gradient(relu, lambda a: (a > 0) * 1.0, a)
    assert report.passed and report.rows[0].kinks == 1 and report.rows[0].checked == 5
    assert not check_gradient(relu, lambda a: (a > 0) * 2.0, a).passed
    for slope, passes in (0, True), (0.5, True), (1, True), (1.001, False), (99, False), (-0.001, False):
        report = check_gradient(relu, np.full(3, float(slope)), np.zeros(3))
        assert report.passed == passes and report.verdict == ("right" if passes else "wrong")


def test_large_numbers_are_nudged_by_more():
    a = np.array([1e5, 3.0, -2e4])
    assert check_gradient(np.square, lambda a: 2 * a, a).passed


def test_numbers_of_lesson_06():
    """The central difference is best near 1e-5 and gives ten digits; the complex step gives sixteen."""
    f, exact = lambda d: np.exp(1 + d) * np.sin(1 + d), np.exp(1) * (np.sin(1) + np.cos(1))
    errors = {h: abs(central_difference(f, 1.0, h) - exact) for h in (1e-2, 1e-5, 1e-10)}
    assert errors[1e-5] < 1e-9 and errors[1e-2] > 1e-5 and errors[1e-10] > 1e-8
    assert abs(complex_step(f, 1.0) - exact) < 1e-15


# The command line.


def run(*arguments):
    parser = Parser()
    sub = parser.add_subparsers(dest="name").add_parser("gradcheck")
    command.add_arguments(sub)
    return command.command(parser.parse_args(arguments))


def test_command(capsys, tmp_path, monkeypatch):
    small = "--inputs", "6", "--hidden", "4", "--latent", "2"
    for flags in (
        "",
        "--method complex --activation softplus",
        "--likelihood gaussian --decoder-sigma 0.3",
        "--conditional",
        "--objective iwae",
        "--hidden --head logvar --beta 4",
        "--coordinates 3 --samples 1 --images 1",
    ):
        assert run("gradcheck", *small, *flags.split()) == 0
        assert "PASSED" in capsys.readouterr().out
    vae = VAE(6, (4,), 2, n_conditions=3)
    vae.save(tmp_path / "model.npz")
    assert run("gradcheck", "--model", str(tmp_path / "model.npz")) == 0
    assert "images of 6 pixels" in capsys.readouterr().out
    for flags, words in (
        (("--images", "0"), "--images"),
        (("--likelihood", "gaussian", "--decoder-sigma", "wide"), "wide"),
        (("--samples", "-1"), "--samples"),
    ):
        with pytest.raises(ValueError, match=words):
            run("gradcheck", *small, *flags)
    with pytest.raises(FileNotFoundError):
        run("gradcheck", "--model", str(tmp_path / "none.npz"))

    monkeypatch.setattr(likelihoods.Bernoulli, "dx", lambda self, dlog_px_z, t: 0 * t.logits)
    assert run("gradcheck", *small) == 1
    assert "FAILED" in capsys.readouterr().out


# What it costs, and where the words change.


def product(a):
    return np.sin(a) * a


def test_a_right_block_costs_two_evaluations_a_coordinate():
    def calls(n):
        made = []

        def counted(a):
            made.append(a)
            return product(a)

        a = np.random.default_rng(0).uniform(0.5, 2, n)
        assert check_gradient(counted, lambda a: np.cos(a) * a + np.sin(a), a).passed
        return len(made)

    ten, twenty, forty = calls(10), calls(20), calls(40)
    assert twenty - ten == 20 and forty - twenty == 40


@pytest.mark.parametrize("planted, words, passed", [
    (1e-9, "right", True), (3e-7, "right, but noisy", True), (3e-6, "suspicious", False),
    (3e-2, "wrong", False),
])  # fmt: skip
def test_a_planted_error_reads_as_large_as_it_is(planted, words, passed):
    a = np.random.default_rng(0).uniform(0.5, 2, 5)
    right = np.cos(a) * a + np.sin(a)
    report = check_gradient(product, right + 2 * planted * np.abs(right).max() * np.eye(5)[2], a)
    (row,) = report.rows
    assert row.words == words and report.passed == passed
    assert np.isclose(row.error, planted, rtol=0.05) or words == "right"
