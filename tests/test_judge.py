"""The machinery of the exercises, on a lesson of its own: what is tried, what is read, what is said."""

import _thread
from unittest.mock import ANY

import numpy as np
import pytest

from minivae import course
from minivae.course import check, hint, progress, record
from minivae.course.answers import order_of, rounded
from minivae.course.judge import (
    Exercise,
    NotTried,
    Right,
    Wrong,
    all_of,
    between,
    bits,
    call,
    chosen,
    each_of,
    inputs,
    pencil,
    positive,
    real,
    same_gradient,
    same_value,
    same_values,
    whole,
)


@pytest.fixture(autouse=True)
def fresh_session(monkeypatch, tmp_path):
    monkeypatch.setattr(record, "session", set())
    monkeypatch.setattr(course, "_hints_shown", {})
    monkeypatch.chdir(tmp_path)


def raises(*arguments):
    return 1 / 0


def changes_its_input(*arguments):
    for a in arguments:
        if isinstance(a, np.ndarray):
            a += 1
    return arguments


KL = same_gradient(
    lambda mu, sigma: ((sigma**2 + mu**2) / 2 - np.log(sigma) - 0.5).sum(axis=-1),
    out="kl",
    wrt="mu sigma",
    takes="mu sigma",
    inputs=inputs(mu=real("B", 3), sigma=positive("B", 3)),
)
EXERCISES = {
    e.number: e
    for e in (
        Exercise(
            "99.1",
            "a number",
            same_value(0.5, "p", mistakes={"you forgot the half": 1.0}),
            ("think", "p = 1/2"),
        ),
        Exercise(
            "99.2",
            "a function",
            same_values(
                lambda x: x.sum(axis=-1),
                inputs(x=real("B", 5)),
                "total",
                mistakes={"you took the mean": lambda x: x.mean(axis=-1)},
            ),
            ("add",),
        ),
        Exercise("99.3", "a gradient", KL, ("differentiate",)),
    )
}


@pytest.fixture
def lesson_99(monkeypatch):
    own = course.exercises_of
    monkeypatch.setattr(
        course, "exercises_of", lambda lesson: EXERCISES if str(lesson) == "99" else own(lesson)
    )


@pytest.mark.parametrize(
    "number, answer",
    [
        ("99.1", 0.5),
        ("99.1", np.float32(0.5)),
        ("99.1", np.array(0.5)),
        (99.1, 0.5),
        ("99.2", lambda x: x.sum(axis=1)),
        ("99.3", lambda mu, sigma: (mu, sigma - 1 / sigma)),
        ("99.3", lambda m, s: [1 * m, s - s**-1]),
    ],
)
def test_right_answers(lesson_99, number, answer):
    assert check(number, answer).passed


@pytest.mark.parametrize(
    "number, answer, words",
    [
        ("99.1", 1.0, "you forgot the half"),
        ("99.1", 0.25, "p is 0.25; that is not it"),
        ("99.1", np.array([0.5, 0.5]), "shape (2,)"),
        ("99.1", lambda: 0.5, "call it"),
        ("99.1", "0.5", "expected real numbers"),
        ("99.1", np.nan, "NaN or infinite"),
        ("99.2", 3.0, "A function of (x) is expected, but this is the number 3"),
        ("99.2", lambda x: x.mean(axis=-1), "you took the mean"),
        ("99.2", lambda x: [[1], [1, 2]], "a list of unequal"),
        ("99.2", lambda x: x.sum(), "is a single number; an array of shape (4,)"),
        ("99.2", lambda x: x, "sum over axis 1 missing?"),
        ("99.2", lambda x, y: x, "takes (x, y); it is called with (x)"),
        ("99.2", raises, "raised ZeroDivisionError: division by zero"),
        ("99.2", raises, "`return 1 / 0`"),
        ("99.2", changes_its_input, "changes its input x"),
        ("99.2", lambda x: np.log(-np.abs(x)).sum(axis=-1), "logarithm of 0"),
        ("99.2", lambda x: x.sum(axis=-1) if len(x) < 2 else x[0].sum() * np.ones(len(x)), "total[5] is"),
        ("99.3", lambda mu, sigma: mu, "2 are expected: return dkl_dmu, dkl_dsigma"),
        ("99.3", lambda mu, sigma: (mu, None), "dsigma is still None"),
        ("99.3", lambda mu, sigma: (mu.T, sigma), "is it transposed?"),
        ("99.3", lambda mu, sigma: (mu, sigma), "dkl_dmu is right.\ndkl_dsigma is wrong: off by"),
        ("99.3", lambda mu, sigma: (mu / len(mu), sigma - 1 / sigma), "It is right with mu of shape (1, 3)"),
        ("99.3", lambda mu, sigma: (mu, sigma + 1 / sigma), "Likeliest cause:"),
        ("99.2", lambda x: x.sum(axis=-1) + np.random.default_rng().normal(), "it draws noise"),
        ("99.9", 1, "There is no exercise 99.9"),
        (1.0, "99.1", "There is no exercise 1.0"),
        (None, None, "in quotes"),
    ],
)
def test_what_is_wrong_is_said(lesson_99, number, answer, words, capsys):
    result = check(number, answer)
    assert not result.passed and words in result.message
    assert result.message in capsys.readouterr().out


def test_a_stub_is_not_tried_yet(lesson_99):
    def unwritten(*arguments):
        raise NotImplementedError

    for stub in (None, ..., unwritten, lambda x: None):
        result = check("99.2", stub)
        assert not result.tried and "not tried yet" in result.message


def test_a_broken_judge_is_no_traceback(lesson_99, monkeypatch):
    monkeypatch.setitem(EXERCISES, "99.1", Exercise("99.1", "broken", lambda answer: 1 / 0, ("none",)))
    assert "could not be judged" in check("99.1", 1.0).message


def test_a_judge_may_return_a_sentence():
    assert Exercise("99.4", "", lambda answer: "too large", ()).judge(1) == "too large"
    with pytest.raises(Wrong, match="changes its input"):
        call(changes_its_input, {"x": np.ones(3)})


def test_a_loop_that_never_ends_can_be_interrupted_and_is_shown(lesson_99):
    def endless(x):
        _thread.interrupt_main()  # as if the button were pressed, or Ctrl-C
        while True:
            pass

    result = check("99.2", endless)
    assert not result.passed and result.tried and "Interrupted before it came to an end" in result.message
    assert "of test_judge.py: `" in result.message
    assert check("99.2", lambda x: x.sum(axis=-1)).passed


def test_what_an_answer_prints_is_shown_once(lesson_99, capsys):
    def loud(x):
        print("x has shape", x.shape)
        return x.sum(axis=-1)

    assert check("99.2", loud).passed
    lines = capsys.readouterr().out.splitlines()
    assert lines[:1] == ["x has shape (4, 5)"] and lines.count("...") == 1 and len(lines) == 8


def test_progress_counts_what_is_right_now(lesson_99, capsys):
    assert "1 of 3 done  ■□□" in check("99.1", 0.5).message
    assert "2 of 3 done  ■■□" in check("99.2", lambda x: x.sum(axis=-1)).message
    check("99.1", 0.7)
    capsys.readouterr()
    progress(99)
    out = capsys.readouterr().out
    assert "1 of 3 done" in out and "open  99.1" in out and "done  99.2" in out


def test_hints_come_one_at_a_time_and_start_again(lesson_99, capsys):
    for _ in range(4):
        hint("99.1")
    hint("99.7")
    out = capsys.readouterr().out.splitlines()
    assert (
        out[:2] == ["Hint 1 of 2: think", "Hint 2 of 2: p = 1/2"]
        and "last hint" in out[2]
        and out[3] == out[0]
    )
    assert "no exercise 99.7" in out[4]


def test_progress_of_a_lesson_without_exercises(capsys):
    progress("x")
    assert "no exercises for a lesson x" in capsys.readouterr().out


def test_inputs_may_hold_functions_and_numbers():
    judge = same_values(lambda f, x: f(x), inputs(f=lambda rng, B, v: np.square, x=real()), "y")
    assert judge(lambda f, x: f(x)) == Right(answer=ANY)


# Containers and roundings


@pytest.mark.parametrize(
    "answer", [0.36, [0.36], (0.36,), np.array(0.36), np.array([[0.36]]), np.float32(0.36), 36 / 100]
)
def test_a_number_in_any_container(answer):
    assert same_value(0.36, "p")(answer) is None


@pytest.mark.parametrize(
    "given, true, right",
    [
        (1.4e12, 1.39471e12, True),
        (1.39e12, 1.39471e12, True),
        (1.3e12, 1.39471e12, False),
        (1e12, 1.39471e12, False),
        (1.31, 1.30685, True),
        (1.3, 1.30685, True),
        (1.2, 1.30685, False),
        (1.32, 1.30685, False),
        (20, 19.799, True),
        (19, 19.799, False),
        (-70, -70.2, True),
        (-71, -70.2, False),
        (70.2, -70.2, False),
        (0.1, 0.12, False),
        (0.13, 0.125, True),
        (0.12, 0.125, True),
        (0.11, 0.125, False),
        (np.float32(1.307), 1.30685, True),
        (0, 0.004, False),
        (np.inf, 1.0, False),
        (10.0, 9.96, True),
    ],
)
def test_honest_rounding(given, true, right):
    assert rounded(given, true) == right


def test_numbers_of_an_exercise_are_never_printed():
    for judge, answer in (
        (same_value(0.36, "p"), 0.5),
        (same_value(np.array([0.25, 0.36]), "p"), np.array([0.25, 0.5])),
        (pencil(z=0.36, y=1.5), (0.5, 1.5)),
    ):
        with pytest.raises(Wrong) as wrong:
            judge(answer)
        assert "0.36" not in str(wrong.value) and "that is not it" in str(wrong.value)


PENCIL = pencil(
    z=-0.7, dz=-1.4, dsigma=2.1, mistakes={("dsigma", -1.4): "eps is missing", ("dz", 0.49): "that is f"}
)


@pytest.mark.parametrize(
    "answer",
    [
        (-0.7, -1.4, 2.1),
        [-0.7, -1.4, 2.1],
        np.array([-0.7, -1.4, 2.1]),
        {"dsigma": 2.1, "z": -0.7, "dz": -1.4},
        ([-0.7], np.array(-1.4), np.float32(2.1)),
        iter((-0.7, -1.4, 2.1)),
    ],
)
def test_pencils_in_any_container(answer):
    assert PENCIL(answer) is None


@pytest.mark.parametrize(
    "answer, words",
    [
        (
            (-0.7, -1.4, -1.4),
            "dsigma is -1.4; that is not it.\nLikeliest cause: eps is missing.\nRight: z and dz.",
        ),
        ((-0.7, -1.4), "3 numbers are expected"),
        ((-1.4, -0.7, 2.1), "in another order; z, dz, dsigma is expected"),
        ((-0.7, None, None), "dz is still None (Right so far: z.)"),
        ((-0.7, 0.49, 5.0), "dz is 0.49; that is not it.\nLikeliest cause: that is f."),
        ({"z": -0.7}, "no entry 'dz'"),
        ("abc", "3 numbers"),
        ((-0.7, "two", 2.1), "dz is the text 'two'"),
        ((1j, 1, 1), "expected real numbers"),
    ],
)
def test_what_is_wrong_with_a_pencil(answer, words):
    with pytest.raises(Wrong) as wrong:
        PENCIL(answer)
    assert words in str(wrong.value)


def test_words_are_chosen():
    judge = chosen(
        {"A": "keras", "B": "pytorch"}, ("keras", "pytorch", "tensorflow1"), {"B": "Look at the step."}
    )
    for right in (
        ("keras", "pytorch"),
        ["Keras", " PyTorch "],
        np.array(["keras", "pytorch"]),
        {"B": "pytorch", "A": "keras"},
    ):
        assert judge(right) is None
    for answer, words in (
        (("keras", "keras"), "Run B is not 'keras'. Look at the step."),
        (("keras",), "2 words in quotes"),
        ("keras", "2 words"),
        (("keras", "numpy"), "Run B: 'numpy' is none of the words"),
        (("keras", None), "Run B is still None"),
        ((1, 2), "none of"),
    ):
        with pytest.raises(Wrong, match=words):
            judge(answer)


# How a function may be called

PRODUCT = same_gradient(
    lambda x, W: x @ W, inputs(x=real("B", 3), W=real(3, 5)), wrt="x W", takes="da x W", out="a"
)


def product(da, x, W):
    return da @ W.T, x.T @ da


def upstream_last(x, W, da):
    return product(da, x, W)


def own_names(x, W, dout):
    return product(dout, x, W)


def no_names(p, q, r):
    return product(p, q, r)


def keywords(*, W, da, x):
    return product(da, x, W)


def any_keywords(**given):
    return product(**given)


def with_cache(dout, cache):
    x, W = cache
    return product(dout, x, W)


@pytest.mark.parametrize(
    "answer, note",
    [
        (product, ""),
        (no_names, ""),
        (lambda *a: product(*a), ""),
        (keywords, ""),
        (any_keywords, ""),
        (upstream_last, "Your arguments, (x, W, da), were taken by their names, and not as (da, x, W)."),
        (own_names, "Your arguments, (x, W, dout), were taken as (x, W, da)."),
        (lambda x, W, d: product(d, x, W), "were taken as (x, W, da)"),
        (lambda W, da, x: product(da, x, W), "by their names"),
        (with_cache, "Your cache was taken to hold (x, W)."),
        (lambda x, W, upstream: product(upstream, x, W), "were taken as (x, W, da)"),
    ],
)
def test_the_upstream_gradient_first_or_last(answer, note):
    found = PRODUCT(answer)
    assert note in found.note and bool(note) == bool(found.note)
    rng = np.random.default_rng(0)
    arguments = rng.normal(size=(2, 5)), rng.normal(size=(2, 3)), rng.normal(size=(3, 5))
    for mine, true in zip(found.answer(*arguments), product(*arguments)):
        assert np.array_equal(mine, true)


def test_a_right_function_is_handed_on_as_the_exercise_calls_it():
    for answer in (
        lambda da, x, W: list(product(da, x, W)),
        lambda da, x, W: dict(zip(("d_x", "d_W"), product(da, x, W))),
        lambda da, x, W: dict(zip(("W", "x"), product(da, x, W)[::-1])),
        lambda da, x, W: {"dW": x.T @ da, "dx": (da @ W.T).tolist()},
    ):
        dx, dW = PRODUCT(answer).answer(np.ones((2, 5)), x=np.ones((2, 3)), W=np.ones((3, 5)))
        assert dx.shape == (2, 3) and dW.shape == (3, 5)


def test_a_wrong_function_is_looked_at_in_the_order_of_its_names():
    with pytest.raises(Wrong, match=r"(?s)by their names.*dx is wrong.*wrong sign.*dW is right"):
        PRODUCT(lambda x, W, da: (-da @ W.T, x.T @ da))


RATIO = same_values(lambda x, p: x / p, inputs(x=real("B", 3), p=positive("B", 3)), "ratio")


def in_another_order(p, x):
    return x / p


def test_other_arguments_in_another_order():
    """A function by name is understood; of a lambda it is said what is wrong."""
    assert "by their names" in RATIO(in_another_order).note
    with pytest.raises(Wrong, match=r"It would be right if it were called with \(p, x\)"):
        RATIO(lambda p, x: x / p)
    with pytest.raises(Wrong, match=r"takes \(x\); it is called with \(x, p\)"):
        RATIO(lambda x: x)


@pytest.mark.parametrize(
    "answer",
    [
        lambda x, p: (x / p, (x, p)),
        lambda x, p: (x / p, x),
        lambda x, p: (x / p, {"x": x}),
        lambda x, p: {"ratio": x / p},
        lambda x, p: (x / p).tolist(),
        lambda x, p: tuple(x / p),
        lambda x, p: (row for row in x / p),
        lambda x, p: (x / p).astype(object),
        lambda x, p: (x / p).astype(np.float32),
        lambda x, p: np.ma.array(x / p),
    ],
)
def test_containers_of_one_array(answer):
    assert isinstance(RATIO(answer), Right)


@pytest.mark.parametrize(
    "answer, words",
    [
        (lambda x, p: (x / p, x / p, p), "a list of unequal|shape"),
        (lambda x, p: x / p + 0j, "expected real numbers"),
        (lambda x, p: np.array("text"), "expected real numbers"),
        (lambda x, p: [[1], [1, 2]], "unequal or empty parts"),
        (lambda x, p: [], "shape"),
        (lambda x, p: np.zeros((0, 3)), "shape"),
        (lambda x, p: len, "call it"),
        (lambda x, p: __import__("sys").exit(), "raised SystemExit"),
        (lambda x, p: {"other": x}, "no entry 'ratio'"),
        (lambda x, p: x / p / 0, "NaN or infinite"),
        (lambda x, p: [None, *x], "a list of unequal|expected real"),
        (lambda x, p: [None] * 4, "returns None"),
        (lambda x, p: x.sum(axis=1)[:, None] and None, "raised ValueError"),
    ],
)
def test_what_can_not_be_read_is_said(answer, words):
    with pytest.raises(Wrong, match=words):
        RATIO(answer)


# Stubs


def forgets_to_return(x, p):
    x / p


def returns_sometimes(x, p):
    if len(x) > 4:
        return x / p


def test_a_function_without_return_is_no_stub():
    with pytest.raises(Wrong, match="returns None: is its `return` missing"):
        RATIO(forgets_to_return)
    with pytest.raises(Wrong, match=r"(?s)returns None.*It is right with x of shape \(7, 3\)"):
        RATIO(returns_sometimes)
    for stub in (lambda x, p: None, lambda x, p: ..., lambda x, p: (None, None)):
        with pytest.raises(NotTried):
            RATIO(stub)


# What is said about a wrong answer

TWO = same_values(
    lambda x, y: (x + y, x * y),
    inputs(x=real("B", 3), y=real("B", 3)),
    "sum product",
    mistakes={
        "it raises": lambda x, y: 1 / 0,
        "the difference": lambda x, y: (x - y, x * y),
        "the ratio": lambda x, y: (x + y, x / y),
    },
)


@pytest.mark.parametrize(
    "answer, words",
    [
        (
            lambda x, y: (x * y, x + y),
            "in another order: you return product, sum where sum, product is expected",
        ),
        (lambda x, y: (x - y, x * y), "Likeliest cause: the difference.\nproduct is right."),
        (lambda x, y: (x + y, x / y), "sum is right."),
        (lambda x, y: (x - y, x / y), "the difference"),
        (lambda x, y: (x - y, x / y), "the ratio"),
        (lambda x, y: 1 / int(0 * x[0, 0]), "Likeliest cause: it raises."),
        (lambda x, y: (x - y, x * x), "Likeliest cause: the difference.\nproduct["),
    ],
)
def test_two_arrays(answer, words):
    """A mistake that raises keeps no other from being named."""
    with pytest.raises(Wrong) as wrong:
        TWO(answer)
    assert words in str(wrong.value)


def test_an_answer_that_raises_for_some_inputs_and_is_wrong_for_others():
    def judged(*broken):
        def answer(x, y):
            if len(x) in broken:
                raise ValueError("not this batch")
            return x - y, x * y

        with pytest.raises(Wrong) as wrong:
            TWO(answer)
        return str(wrong.value)

    assert "sum[" in judged(7) and "the difference" in judged(7)
    assert "raised ValueError: not this batch" in judged(4)


def test_permutations():
    a, b, c = np.random.default_rng(0).normal(size=(3, 4))
    assert order_of([b, c, a], [a, b, c], 1e-9) == (1, 2, 0)
    assert order_of([a, b, c], [a, b, c], 1e-9) is None and order_of([a, a, b], [a, b, c], 1e-9) is None
    assert order_of([a, a, b], [a, b, a], 1e-9) == (0, 2, 1)


def test_it_says_which_kinds_of_input_are_right():
    judge = same_values(
        lambda x, a: (x * a - np.logaddexp(0, a)).sum(axis=-1),
        {
            "black and white pixels": inputs(x=bits("B", 5), a=real("B", 5, tails=300)),
            "grey pixels": inputs(x=between(0, 1, "B", 5), a=real("B", 5)),
        },
        "log_px_z",
    )
    for answer, words in (
        (
            lambda x, a: np.where(x == 1, -np.logaddexp(0, -a), -np.logaddexp(0, a)).sum(axis=-1),
            "Right for black and white pixels, but not for grey pixels.",
        ),
        (
            lambda x, a: (x * a - np.log(1 + np.exp(np.clip(a, -30, 30)))).sum(axis=-1),
            "but not for black and white pixels (large and small numbers)",
        ),
        (
            lambda x, a: (
                (x * a - np.log1p(np.exp(a))).sum(axis=-1)
                if a.dtype == float and abs(a).max() < 20
                else x.sum(axis=-1)
            ),
            "Right for black and white pixels and grey pixels",
        ),
    ):
        with pytest.raises(Wrong) as wrong:
            judge(answer)
        assert words in str(wrong.value), str(wrong.value)


def test_what_is_right_is_not_said_in_the_words_of_what_is_wrong():
    with pytest.raises(Wrong) as wrong:
        LOG_MEAN_EXP(lambda a: np.log(np.exp(a).mean(axis=0)))
    assert "NaN or infinite" in str(wrong.value) and "It is right with" not in str(wrong.value)


LOG_MEAN_EXP = same_values(
    lambda a: np.logaddexp.reduce(a, axis=0) - np.log(len(a)), inputs(a=real("K", "B", tails=900)), "y"
)


PATHS = same_gradient(
    lambda mu, s, dz, beta: (dz * mu).sum() + beta * ((mu**2 + s**2) / 2 - np.log(s)).sum() + (dz * s).sum(),
    inputs(mu=real("B", 3), s=positive("B", 3), dz=real("B", 3), beta=positive()),
    wrt="mu s",
    takes="dz mu s beta",
    upstream="dz",
    paths=lambda v: {
        "the decoder's path": (v["dz"], v["dz"]),
        "the KL's path": (v["beta"] * v["mu"], v["beta"] * (v["s"] - 1 / v["s"])),
    },
)


@pytest.mark.parametrize(
    "answer, words",
    [
        (lambda dz, mu, s, beta: (dz, dz + beta * (s - 1 / s)), "Likeliest cause: the KL's path is missing."),
        (
            lambda dz, mu, s, beta: (beta * mu, dz + beta * (s - 1 / s)),
            "Likeliest cause: the decoder's path is missing.",
        ),
        (
            lambda dz, mu, s, beta: (dz + beta * mu, dz - beta * (s - 1 / s)),
            "Likeliest cause: the KL's path has the wrong sign.",
        ),
        (
            lambda dz, mu, s, beta: (dz + 2 * beta * mu, dz + beta * (s - 1 / s)),
            "Likeliest cause: the KL's path enters twice.",
        ),
        (
            lambda dz, mu, s, beta: (dz + mu, dz + s - 1 / s),
            "Likeliest cause: the KL's path lacks the factor beta.",
        ),
        (
            lambda dz, mu, s, beta: (dz + beta**2 * mu, dz + beta * (s - 1 / s)),
            "the KL's path has a factor beta too many.",
        ),
        (
            lambda dz, mu, s, beta: (-dz + beta * mu, dz + beta * (s - 1 / s)),
            "the decoder's path has the wrong sign.",
        ),
        (
            lambda dz, mu, s, beta: (-dz, dz + beta * (s - 1 / s)),
            "the decoder's path has the wrong sign; the KL's path is missing.",
        ),
        (
            lambda dz, mu, s, beta: (-(dz + beta * mu), dz + beta * (s - 1 / s)),
            "Likeliest cause: yours has the wrong sign.",
        ),
    ],
)
def test_a_named_path_comes_before_algebra(answer, words):
    with pytest.raises(Wrong) as wrong:
        PATHS(answer)
    assert words in str(wrong.value), str(wrong.value)


def test_several_judges():
    first = same_values(lambda x: x.sum(axis=-1), inputs(x=real("B", 3)), "total")
    second = same_values(lambda x: x.max(axis=-1), inputs(x=real("B", 3)), "top")
    pair = each_of(first, second)

    def total(x):
        return x.sum(axis=1)

    assert isinstance(pair((total, lambda x: x.max(axis=1))), Right)
    for answer, words in (
        ((total, total), r"total is right\.\n.*top\["),
        (total, r"a pair \(first, second\)"),
        ((total, lambda x: None), "not tried yet"),
        ((total, None), "still None"),
    ):
        with pytest.raises(Wrong, match=words):
            pair(answer)
    with pytest.raises(NotTried):
        pair((lambda x: None, lambda x: None))
    both = all_of(RATIO, lambda answer: None if abs(answer(1.0, 4.0) - 0.25) < 1e-9 else "not for floats")
    assert both(lambda x, p: x / p).answer(1.0, 2.0) == 0.5
    assert both(lambda x, p: x / p if np.ndim(x) else 0) == "not for floats"


# Inputs


def test_inputs_are_as_general_as_they_say():
    draw = inputs(
        x=real("B", 3, tails=300),
        s=positive("B", 3),
        p=between(0, 1, "B", 3, ends=True),
        b=bits("B", 3),
        t=whole(2, 5),
        c=positive(),
        k=real(5, gap=0.1),
        y=lambda rng, B, v: v["x"] + B,
        W=real(lambda B: B + 2, 3),
    )
    for seed in range(20):
        ordinary, wide = (draw(np.random.default_rng(seed), 4, wide=w) for w in (False, True))
        for v in (ordinary, wide):
            assert (
                v["x"].shape == (4, 3)
                and v["W"].shape == (6, 3)
                and isinstance(v["c"], float)
                and isinstance(v["t"], int)
            )
            assert v["x"].min() < 0 < v["x"].max() and set(np.unique(v["b"])) == {0, 1} and 2 <= v["t"] <= 5
            assert (
                (v["s"] > 0).all()
                and (v["p"] >= 0).all()
                and (v["p"] <= 1).all()
                and np.array_equal(v["y"], v["x"] + 4)
            )
            assert (np.abs(v["k"]) >= 0.1).all()
        assert np.abs(ordinary["x"]).max() < 6 and 0.02 < ordinary["p"].min() and ordinary["p"].max() < 0.98
    tails = [draw(np.random.default_rng(seed), 7, wide=True) for seed in range(20)]
    assert max(np.abs(v["x"]).max() for v in tails) > 200 and {0.0, 1.0} <= set(
        np.concatenate([v["p"].ravel() for v in tails])
    )
    assert draw.has_wide and not inputs(b=bits("B")).has_wide


def test_letters_are_sizes_that_differ_from_each_other_and_from_batch_to_batch():
    draw = inputs(x=real("B", "M"), y=real("D", "M"), z=real("K", "H"))
    shapes = {B: [v.shape for v in draw(np.random.default_rng(0), B).values()] for B in (4, 1, 7, 6)}
    for B, ((rows, M), (D, columns), (K, H)) in shapes.items():
        assert rows == B and columns == M and len({B, M, D, K, H}) == 5 and not {M, D, K, H} & {1, 2}
    assert shapes[4][1] != shapes[7][1] != shapes[1][1]
    judge = same_values(lambda x: x.sum(axis=-1) - x.shape[-1], inputs(x=real("B", "M")))
    for n in range(12):
        assert not judge.passes(lambda x, n=n: x.sum(axis=-1) - n)


def test_a_lost_imaginary_part_is_no_derivative():
    """The truth of a gradient exercise: by complex step only where a central difference agrees."""
    judge = same_gradient(lambda x: np.abs(x) * x, inputs(x=real("B", 3)), wrt="x", takes="dy x", out="y")
    assert isinstance(judge(lambda dy, x: dy * 2 * np.abs(x)), Right)
    with pytest.raises(Wrong):
        judge(lambda dy, x: dy * np.abs(x))


def test_an_answer_that_loses_its_imaginary_part_is_told_where():
    def slope(f, x, h):
        out = np.zeros(1)
        out[0] = f(x + 1j * h)
        return out[0].imag / h

    step = same_values(
        lambda f, x, h: f(x + 1j * h).imag / h, inputs(f=lambda *_: np.sin, x=real(), h=lambda *_: 1e-20)
    )
    with pytest.raises(Wrong, match=r"raised ComplexWarning: .*`out\[0\] = f\(x \+ 1j \* h\)`"):
        step(slope)


def test_the_tails_count_entry_by_entry():
    judge = same_values(
        lambda a: np.exp(-np.abs(a)), inputs(a=real("B", 3, tails=80)), "p", entrywise=True, float32=False
    )
    assert isinstance(judge(lambda a: np.minimum(np.exp(-np.abs(a)), 1)), Right)
    with pytest.raises(Wrong):
        judge(lambda a: np.exp(-np.abs(a)) + 1e-12)


# Progress of the course


def test_progress_of_the_whole_course_is_remembered_where_asked(lesson_99, capsys, monkeypatch, tmp_path):
    check("99.1", 0.5)
    assert not list(tmp_path.iterdir())  # nothing is written unasked
    progress(99, remember=True)
    check("99.2", lambda x: x.sum(axis=-1))
    monkeypatch.setattr(record, "session", set())  # a new kernel
    capsys.readouterr()
    progress(99)
    assert "2 of 3 done" in capsys.readouterr().out
    check("99.1", 0.7)  # has been right once
    assert record.remembered() == {"99.1", "99.2"}
    progress()
    out = capsys.readouterr().out
    assert (
        "The course: 2 of " in out and "Lesson 1: 0 of 5 done" in out and "Lesson 99: 2 of 3 done  ■■□" in out
    )
    for damaged in ("{", "[]", '{"solved": 3}', '{"solved": [1]}', "\x00"):
        record.FILE.write_text(damaged)
        assert record.remembered() == set()
    record.FILE.unlink()
    assert check("99.1", 0.5).passed and not list(tmp_path.iterdir())


def test_progress_that_can_not_be_written_is_told(lesson_99, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(record, "FILE", tmp_path / "no folder" / "progress.json")
    progress(99, remember=True)
    assert "Not remembered: could not write" in capsys.readouterr().out
    assert check("99.1", 0.5).passed
