"""Known mistakes, planted into the package: each is caught, and a wrong gradient is named.

The table is made anew here.
"""

import numpy as np
import pytest

from minivae import VAE, bounds, gaussian, gradcheck, layers, likelihoods, mutants, objective
from minivae.bounds import OBJECTIVES
from minivae.mutants import CHECKS, GRADIENT, MUTANTS, OBJECTIVE

INVISIBLE = (
    "std = exp(logvar)",
    "sigma dropped",
    "KL without its 1/2",
    "KL with the wrong sign",
    "KL without its +1",
    "the reverse KL",
    "mean over pixels",
)


@pytest.fixture(scope="module")
def table():
    return mutants.make_table()


def line(table, name):
    return next(line for line in table.lines if line.mutant.name == name)


def caught(table, name):
    return {check for check, yes in line(table, name).caught.items() if yes}


def test_every_mistake_is_caught(table):
    assert len(table.lines) == len(MUTANTS) and table.complete
    assert all(caught(table, mutant.name) for mutant in MUTANTS)


def test_wrong_gradients_are_caught_by_both_gradient_checks_and_named_where_they_sit(table):
    for mutant in GRADIENT:
        assert {"central", "complex"} <= caught(table, mutant.name), mutant.name
        found = line(table, mutant.name)
        assert found.named, (mutant.name, found.where, found.explanation)


def test_seven_mistakes_that_no_gradient_check_can_see(table):
    """FACTS: the identity log p(x) - ELBO = KL(q || posterior) catches all of them,
    and nothing in the gradient shows."""
    for name in INVISIBLE:
        assert not {"central", "complex"} & caught(table, name) and "identity" in caught(table, name), name
    for name in INVISIBLE[:2]:
        assert "moments" in caught(table, name)


@pytest.mark.parametrize(
    ("name", "by"),
    [
        ("1e-7 inside the log", {"complex", "identity"}),
        ("sum over the batch", {"duplication"}),
        ("noise of standard deviation 0.01", {"spread"}),
        ("one eps for the batch", {"spread"}),
        ("closed-form KL in the weights", {"weights"}),
        ("averaged twice", {"central", "complex", "duplication"}),
    ],
)
def test_mistakes_that_one_check_alone_sees(table, name, by):
    assert caught(table, name) == by


def test_the_table_reads(table):
    text = str(table)
    assert all(mutant.name in text and mutant.words in text for mutant in MUTANTS)
    assert (
        f"{len(MUTANTS)} of {len(MUTANTS)} mistakes are caught" in text
        and "yours lacks the term -1/sigma" in text
    )


def test_a_right_model_passes_every_check():
    rng = np.random.default_rng(0)
    for settings in (
        {},
        {"likelihood": "gaussian", "head": "logvar"},
        {"n_conditions": 3, "activation": "relu"},
        {"reduction": "sum"},
    ):
        vae = VAE(5, (6,), 1, **{"activation": "tanh", "init": "glorot", "dtype": np.float64, **settings})
        x, eps, y = (
            rng.random((4, 5)),
            rng.standard_normal((3, 4, 1)),
            np.arange(4) % 3 if vae.n_conditions else None,
        )
        assert gradcheck.check(vae, x, eps, y).passed and np.abs(objective.identity(vae, x, y)).max() < 1e-10
        assert objective.moments(vae, x, y) < 1e-12 and objective.spread(vae, x, y) < 6
        assert all(objective.duplication(vae, x, eps, y, which) < 1e-12 for which in ("elbo", "iwae"))
        assert np.abs(objective.weights(vae, x, y)).max() < 1e-10


def test_the_checks_look_at_a_model_for_training_in_float64():
    vae = VAE(5, (6,), 1, activation="tanh")
    x, eps = np.random.default_rng(0).random((4, 5)), np.zeros((2, 4, 1))
    assert objective.moments(vae, x) < 1e-12 and objective.duplication(vae, x, eps) < 1e-12
    assert np.abs(objective.weights(vae, x)).max() < 1e-10 and vae.dtype == np.float32


def test_a_mistake_is_gone_after_the_block():
    places = [
        (gaussian, "kl"),
        (gaussian, "kl_gradient"),
        (gaussian, "reparameterize"),
        (gaussian, "reparameterize_backward"),
        (layers.Dense, "backward"),
        (layers.Stack, "backward"),
        (likelihoods.Bernoulli, "backward"),
        (likelihoods.Bernoulli, "log_prob"),
        (likelihoods.Gaussian, "backward"),
        (VAE, "backward"),
        (VAE, "encode_backward"),
        (VAE, "score"),
        (VAE, "noise"),
        (VAE, "weight"),
        (VAE, "dx_target"),
        (bounds, "log_weights"),
        (bounds, "log_mean_exp_backward"),
    ]
    before = (
        [getattr(*place) for place in places],
        dict(gaussian.HEADS),
        dict(layers.ACTIVATIONS),
        dict(OBJECTIVES),
    )
    for mutant in MUTANTS:
        with pytest.raises(ZeroDivisionError), mutant.planted():
            raise ZeroDivisionError  # also where the block is left by an error
    assert (
        [getattr(*place) for place in places],
        dict(gaussian.HEADS),
        dict(layers.ACTIVATIONS),
        dict(OBJECTIVES),
    ) == before


def test_names_are_different_and_gradient_mistakes_say_what_they_expect():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert all(len(mutant.expect) == 3 for mutant in GRADIENT) and not any(
        mutant.expect for mutant in OBJECTIVE
    )
    assert (
        set(INVISIBLE) <= {mutant.name for mutant in OBJECTIVE} and len(GRADIENT) >= 11 and len(CHECKS) == 7
    )
