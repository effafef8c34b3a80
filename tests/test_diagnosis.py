"""diagnose: what is wrong with a gradient, by name; and silence where nothing fits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minivae.gradcheck.diagnosis import Explanation, diagnose, ranked

rng = np.random.default_rng(1)
K, B, D, M = 3, 4, 6, 5


def arrays(*shape):
    return rng.standard_normal(shape)


EPS, Z, DZ = arrays(K, B, M), arrays(K, B, M), arrays(K, B, M)
MU, RAW = arrays(B, M), arrays(B, M)
SIGMA = np.log1p(np.exp(RAW))
X, DA, H = arrays(B, D), arrays(B, M), np.tanh(arrays(B, M))
W = arrays(D, M)
NAMED = {
    "eps": EPS,
    "z": Z,
    "dz": DZ,
    "mu": MU,
    "raw": RAW,
    "sigma": SIGMA,
    "x": X,
    "da": DA,
    "h": H,
    "W": W,
    "B": B,
    "K": K,
    "D": D,
    "beta": 3.7,
}


def first(analytic, numeric, named=NAMED, **more):
    found = diagnose(analytic, numeric, named, **more)
    assert found, "not explained"
    assert all(
        isinstance(e, Explanation) and e.words.startswith(("yours", "the true")) and e.fit < 1e-5
        for e in found
    )
    return found[0]


def is_named(explanation, relation, term):
    assert (explanation.relation, explanation.term) == (relation, term), explanation.words


TRUE = MU + 0.1 * arrays(B, M)  # a gradient of which only the shape is known


@pytest.mark.parametrize(
    ("analytic", "relation", "term", "words"),
    [
        (0 * TRUE, "zero", "0", "zero everywhere"),
        (-TRUE, "sign", "-1", "wrong sign"),
        (abs(TRUE), "sign", "|.|", "absolute value"),
        (2 * TRUE, "scale", "2", "twice"),
        (TRUE / 2, "scale", "1/2", "half"),
        (-2 * TRUE, "scale", "-2", "-2 times"),
        (TRUE * B, "scale", "B", "summed where the mean was meant"),
        (TRUE / B, "scale", "1/B", "averaged"),
        (TRUE / (K * B), "scale", "1/(K B)", "too small"),
        (TRUE / D, "scale", "1/D", "D times too small"),
        (TRUE * 0.3141, "scale", "0.3141", "no number that has a name"),
        (TRUE[::-1], "rows", "reversed", "reverse order"),
        (TRUE[:, ::-1], "columns", "reversed", "reverse order"),
        (np.roll(TRUE, 1, 0), "rows", "shifted", "one off"),
        (np.roll(TRUE, -1, 1), "columns", "shifted", "one off"),
        (TRUE[[2, 0, 3, 1]], "rows", "permuted", "another order"),
        (TRUE[[0, 3, 2, 1]], "rows", "permuted", "rows 1 and 3 swapped"),
        (TRUE.T.reshape(B, M), "layout", "reshape", "reshaped"),
        (np.clip(TRUE, -0.5, 0.5), "clip", "0.5", "clipped"),
        (np.broadcast_to(TRUE.sum(axis=0), TRUE.shape), "axis", "axis 0", "sum over all rows"),
        (np.broadcast_to(TRUE[0], TRUE.shape), "axis", "axis 0", "first row"),
        (np.where(np.arange(M) == 2, 0, TRUE), "columns", "column 2", "there yours is zero"),
        (np.where(np.arange(B)[:, None] == 3, 2 * TRUE, TRUE), "rows", "row 3", "there yours is twice"),
    ],
)
def test_the_true_gradient_scaled_or_elsewhere(analytic, relation, term, words):
    explanation = first(analytic, TRUE)
    is_named(explanation, relation, term)
    assert words in explanation.words


def test_too_small_is_said_of_numbers_above_one_alone():
    assert "is T times too small" in diagnose(TRUE / 7, TRUE, {"T": 7})[0].words
    assert "is 1/rho times the true gradient" in diagnose(TRUE / 0.9, TRUE, {"rho": 0.9})[0].words


def test_what_the_gradient_calls_its_own_is_told_after_the_place():
    x, da = arrays(B, M), arrays(B, D)
    wrong, true = x.T @ da, x.T @ np.hstack([2.5 * da[:, :1] + 1, da[:, 1:]])
    inside = ranked(wrong, true, {"x": x, "da": da}, inside={"da": {}})
    assert inside[0].words == "yours is right except in column 0."


def test_transposed_and_laid_out_otherwise():
    square, three = arrays(4, 4), arrays(K, B, M)
    is_named(first(square.T, square), "transpose", ".T")
    is_named(first(three.swapaxes(0, 1).reshape(K, B, M), three), "layout", "(K, B)")
    is_named(first(np.roll(TRUE[:, :4], 2, 1), TRUE[:, :4]), "heads", "swapped")


@pytest.mark.parametrize(
    ("missing", "term"),
    [
        (MU, "mu"),
        (SIGMA, "sigma"),
        (SIGMA**2, "sigma^2"),
        (1 / (1 + np.exp(-RAW)), "sigmoid(raw)"),
        (1 - H**2, "1 - h^2"),
        (H * (1 - H), "h * (1 - h)"),
        ((RAW > 0) * 1.0, "raw > 0"),
        (SIGMA / 2, "sigma/2"),
        (2 * SIGMA, "2 * sigma"),
        (H, "h"),
    ],
)
def test_a_factor_missing(missing, term):
    upstream = arrays(B, M)
    explanation = first(upstream, upstream * missing)
    is_named(explanation, "factor", term)
    assert explanation.words.startswith(f"yours is the true gradient without the factor {term}")


def test_a_factor_that_may_be_a_divisor_is_told_both_ways():
    upstream = arrays(B, M)
    for analytic, true, words in (
        (upstream, upstream * SIGMA, "without the factor sigma (or with 1/sigma too many)"),
        (upstream, upstream / SIGMA, "with a factor sigma too many (or without the factor 1/sigma)"),
        (upstream * SIGMA, upstream, "with a factor sigma too many (or without the factor 1/sigma)"),
    ):
        assert first(analytic, true).words == f"yours is the true gradient {words}."


@pytest.mark.parametrize(("extra", "term"), [(MU, "mu"), (SIGMA, "sigma"), (H, "h"), (1 - H**2, "1 - h^2")])
def test_a_factor_too_many(extra, term):
    explanation = first(TRUE * extra, TRUE)
    is_named(explanation, "factor", term)
    assert "too many" in explanation.words


@pytest.mark.parametrize(
    ("wrong", "right", "term"),
    [
        (1 - RAW**2, 1 - H**2, "1 - h^2"),
        (1 - H, 1 - H**2, "1 - h^2"),
        (H * (1 - H), 1 - H**2, "1 - h^2"),
        (SIGMA, MU, "mu"),
        (np.tanh(RAW), 1 / (1 + np.exp(-RAW)), "sigmoid(raw)"),
    ],
)
def test_one_factor_in_the_place_of_another(wrong, right, term):
    upstream = arrays(B, M)
    explanation = first(upstream * wrong, upstream * right)
    is_named(explanation, "factor", term)
    assert f"where {term} is meant" in explanation.words


@pytest.mark.parametrize(
    ("analytic", "term", "words"),
    [
        (TRUE - MU, "mu", "lacks the term mu"),
        (TRUE + MU, "mu", "the term mu too many"),
        (TRUE - MU / B, "mu", "lacks the term mu/B"),
        (TRUE - 3.7 * MU, "mu", "lacks the term beta * mu"),
        (TRUE + 1 / SIGMA, "1/sigma", "has the term 1/sigma too many (or lacks -1/sigma)"),
        (TRUE - MU * SIGMA, "mu * sigma", "lacks the term mu * sigma"),
        (TRUE - 1, "1", "1"),
        (TRUE - 0.01 * MU, "mu", "0.01"),
        (TRUE - DZ.sum(axis=0), "dz", "lacks the term dz"),
        (TRUE - (DZ * EPS).sum(axis=0), "dz * eps", "lacks the term dz * eps"),
    ],
)
def test_a_term(analytic, term, words):
    explanation = first(analytic, TRUE)
    is_named(explanation, "term", term)
    assert words in explanation.words


@pytest.mark.parametrize(
    ("analytic", "relation", "term", "words"),
    [
        (SIGMA, "term", "1/sigma", "yours lacks the term -1/sigma."),
        (SIGMA + 1 / SIGMA, "term", "1/sigma", "yours has the wrong sign in the term -1/sigma."),
        (SIGMA - 1, "term", "1/sigma", "yours has the term -1 where -1/sigma is meant."),
        (
            SIGMA**2 - 1,
            "factor",
            "sigma",
            "yours is the true gradient with a factor sigma too many (or without the factor 1/sigma).",
        ),
        (SIGMA - 2 / SIGMA, "term", "1/sigma", "yours has the term -2/sigma where -1/sigma is meant."),
        (-1 / SIGMA, "term", "sigma", "yours lacks the term sigma."),
    ],
)
def test_the_derivative_of_the_kl_by_sigma(analytic, relation, term, words):
    explanation = first(analytic, SIGMA - 1 / SIGMA, {"mu": MU, "sigma": SIGMA})
    is_named(explanation, relation, term)
    assert explanation.words == words


Z_PATH, KL_PATH = (DZ * EPS).sum(axis=0), SIGMA - 1 / SIGMA


def sigma_gradient(z_path=Z_PATH, kl=KL_PATH):
    return z_path + kl


@pytest.mark.parametrize(
    ("analytic", "relation", "term"),
    [
        (sigma_gradient(z_path=DZ.sum(axis=0)), "factor", "eps"),
        (sigma_gradient(z_path=(DZ * EPS**2).sum(axis=0)), "factor", "eps"),
        (sigma_gradient(z_path=(DZ * EPS).mean(axis=0)), "term", "dz * eps"),
        (sigma_gradient(z_path=0 * SIGMA), "term", "dz * eps"),
        (sigma_gradient(z_path=(DZ * EPS)[0]), "image", "first sample"),
        (sigma_gradient(z_path=(DZ * EPS).reshape(B, K, M).sum(axis=1)), "layout", "(K, B)"),
        (sigma_gradient(z_path=(DZ * EPS[:, ::-1]).sum(axis=0)), "rows", "reversed"),
        (sigma_gradient(kl=SIGMA), "term", "1/sigma"),
        (sigma_gradient(kl=SIGMA**2 - 1), "term", "sigma - 1/sigma"),
    ],
)
def test_one_of_several_terms(analytic, relation, term):
    """dsigma = sum of dz * eps over samples, + sigma - 1/sigma: the mistake is in one of the terms only."""
    path = (DZ * EPS).sum(axis=0)
    named = {name: NAMED[name] for name in ("eps", "dz", "mu", "sigma", "K", "B")}
    explanations = diagnose(
        analytic, sigma_gradient(), named, {"the decoder's path": path, "the KL path": SIGMA - 1 / SIGMA}
    )
    if relation in ("image", "layout", "rows"):  # those are told of a path by itself
        explanations = diagnose(analytic - (SIGMA - 1 / SIGMA), path, named)
    is_named(explanations[0], relation, term)


def test_paths_give_the_term_its_place():
    true = DZ.sum(axis=0) + MU
    paths = {"the decoder's path": DZ.sum(axis=0), "the KL path": MU}
    for analytic, words in (
        (DZ.sum(axis=0), "yours lacks the term mu: the KL path."),
        (DZ.sum(axis=0) - MU, "yours has the wrong sign in the term mu: the KL path."),
        (DZ.sum(axis=0) + MU / B, "yours has 1/B times the term mu: the KL path."),
        (MU, "yours lacks the term dz: the decoder's path."),
    ):
        assert first(analytic, true, paths=paths).words == words
    unnamed = arrays(B, M)
    assert first(TRUE - unnamed, TRUE, {}, paths={"the path of the sigma head": unnamed}).relation == "heads"


# Weights and biases: sums over rows, products of matrices.


@pytest.mark.parametrize(
    ("analytic", "relation", "term"),
    [
        (X.T @ DA / B, "scale", "1/B"),
        (X.T @ (DA * (1 - H**2)), "factor", "1 - h^2"),
        (abs(X).T @ DA, "sign", "|x|"),
        (X[:1].T @ DA[:1], "image", "first image"),
        (X[-1:].T @ DA[-1:], "image", "last image"),
        (X.T @ DA[::-1], "rows", "reversed"),
        ((DA.T @ X).reshape(D, M), "layout", "reshape"),
        (X.T @ DA + 0.01 * W, "term", "W"),
    ],
)
def test_of_a_weight_matrix(analytic, relation, term):
    is_named(first(analytic, X.T @ DA), relation, term)


@pytest.mark.parametrize(
    ("analytic", "relation", "term"),
    [
        (DA.mean(axis=0), "scale", "1/B"),
        (DA[0], "image", "first image"),
        ((DA * H).sum(axis=0), "factor", "h"),
        (np.full(M, DA.sum()), "axis", "axis 0"),
    ],
)
def test_of_a_bias(analytic, relation, term):
    is_named(first(analytic, DA.sum(axis=0)), relation, term)


def test_of_a_layers_input():
    square = arrays(M, M)
    is_named(first(DA @ square, DA @ square.T, {"da": DA, "W": square}), "transpose", "W")
    is_named(first(DA @ W.T, (DA * (1 - H**2)) @ W.T), "factor", "1 - h^2")
    is_named(first(DA @ W.T * X, DA @ W.T), "factor", "x")


@pytest.mark.parametrize(
    ("analytic", "numeric", "relation", "term"),
    [
        (W.T, W, "transpose", ".T"),
        (DZ, DZ.sum(axis=0), "axis", "axis 0"),
        (DA.sum(axis=0), DA, "axis", "axis 0"),
        (DA.mean(axis=0), DA, "axis", "axis 0"),
        (DA.sum(axis=0, keepdims=True), DA.sum(axis=0), "shape", f"({M},)"),
        (W.ravel(), W, "shape", f"({D}, {M})"),
    ],
)
def test_a_wrong_shape(analytic, numeric, relation, term):
    explanation = first(analytic, numeric)
    is_named(explanation, relation, term)
    assert str(analytic.shape) in explanation.words and str(numeric.shape) in explanation.words
    assert diagnose(analytic + 1, numeric, NAMED) == []


# Never a guess.


@given(st.integers(0, 2**32), st.sampled_from([(), (1,), (2,), (5,), (1, 2), (4, 5), (6, 5), (3, 4, 5)]))
@settings(max_examples=40, deadline=None)
def test_nothing_is_said_of_numbers_that_have_nothing_to_do_with_each_other(seed, shape):
    rng = np.random.default_rng(seed)
    named = {name: rng.standard_normal(np.shape(v)) for name, v in NAMED.items() if np.ndim(v)} | {
        "B": B,
        "K": K,
        "beta": 4.0,
    }
    assert diagnose(rng.standard_normal(shape), rng.standard_normal(shape), named) == []


@given(st.integers(0, 2**32), st.sampled_from([(2,), (3,), (2, 2), (4, 5)]))
@settings(max_examples=40, deadline=None)
def test_round_numbers_meet_by_chance_and_explain_nothing(seed, shape):
    """On a worksheet everything is 1/2, 1 or 2: only what holds of the two gradients themselves is said."""
    rng = np.random.default_rng(seed)

    def halves(*shape):
        return rng.choice([-1.5, -1.0, -0.5, 0.5, 1.0, 1.5], shape)

    named = {name: halves(*np.shape(v)) for name, v in NAMED.items() if np.ndim(v)}
    found = diagnose(halves(*shape), halves(*shape), named)
    assert {e.relation for e in found} <= {"scale", "sign", "rows", "columns"}


def test_almost_is_not_explained():
    noisy = TRUE * SIGMA * (1 + 1e-4 * arrays(B, M))
    assert diagnose(noisy, TRUE, NAMED) == []
    assert diagnose(TRUE * SIGMA * (1 + 1e-9 * arrays(B, M)), TRUE, NAMED), "but rounding is no objection"


def test_a_right_gradient_needs_no_explanation():
    assert (
        diagnose(TRUE, TRUE, NAMED) == []
        and diagnose(TRUE * (1 + 1e-9), TRUE, NAMED) == []
        and diagnose(0 * TRUE, 0 * TRUE) == []
    )


def test_what_cannot_be_told_apart_is_said():
    explanation = first(2 * TRUE, TRUE, {"K": 2})
    assert explanation.term == "2" and "here the same as K" in explanation.words


def test_simple_explanations_come_first():
    """Where sigma = exp(raw/2), both names fit: the plain one is taken."""
    sigma, upstream = np.exp(RAW / 2), arrays(B, M)
    assert first(upstream, upstream * sigma, {"raw": RAW, "sigma": sigma}).term == "sigma"
    assert first(upstream, upstream * sigma, {"raw": RAW}).term == "exp(raw/2)"


def test_entries_that_were_not_measured():
    numeric = TRUE * SIGMA
    numeric[rng.random(TRUE.shape) < 0.4] = np.nan
    is_named(first(TRUE, numeric), "factor", "sigma")
    is_named(first(-TRUE, np.where(np.isnan(numeric), np.nan, TRUE)), "sign", "-1")
    assert diagnose(TRUE, np.full(TRUE.shape, np.nan), NAMED) == []


def test_large_gradients():
    big, upstream = arrays(400, 300), arrays(400, 300)
    is_named(first(upstream, upstream * big, {"h": big}), "factor", "h")
    one_row = upstream * big
    one_row[17] = 0
    is_named(first(one_row, upstream * big, {"h": big}), "rows", "row 17")


def test_a_single_number():
    named = {"w": 0.7, "x": 1.3, "B": 4}
    is_named(first(2 * 1.30813, 1.30813, named), "scale", "2")
    is_named(first(1.20317 / 4, 1.20317, named), "scale", "1/B")
    is_named(first(0.0, 1.20317, named), "zero", "0")
    assert diagnose(0.513, 1.20317, named) == []
    assert diagnose(2.6, 1.3, named) == [], "a round number is twice another one by chance"


def test_anything_may_be_named():
    names = {
        "words": "a string",
        "nothing": None,
        "empty": np.empty((0, 3)),
        "labels": np.array(["a", "b"]),
        "mask": RAW > 0,
        "nan": np.nan * MU,
        "function": abs,
        "complex": MU + 0j,
        "pair": (1, 2),
        "sigma": SIGMA,
    }
    is_named(first(TRUE, TRUE * SIGMA, names), "factor", "sigma")
    assert (
        diagnose(TRUE * np.nan, TRUE, NAMED) == []
        and diagnose(np.empty((0, 3)), np.empty((0, 3)), NAMED) == []
    )
    assert diagnose(TRUE.tolist(), (-TRUE).tolist())[0].relation == "sign"
