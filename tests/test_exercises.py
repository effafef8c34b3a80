"""Checks that never raise, that know a stub, a right and a wrong answer, and name the common mistakes.

Each lesson's common wrong answers stand in tests/exercises/wrong_NN.py, as rows of WRONG:
    (number, answer, words that the message must hold)   or
    (number, answer, {"relation": "factor", "term": "eps"})   what the first Explanation must say.
"""

import importlib
import importlib.util
import runpy
from pathlib import Path

import numpy as np
import pytest

from minivae import course
from minivae.course import check, hint, progress
from minivae.course.judge import Exercise, Wrong, call, same_gradient, same_value, same_values

WRONG_FILES = sorted((Path(__file__).parent / "exercises").glob("wrong_*.py"))
WRONG = [row for path in WRONG_FILES for row in runpy.run_path(str(path))["WRONG"]]
ALL = [exercise for lesson in range(1, 17) for exercise in course.exercises_of(lesson).values()]


@pytest.fixture(autouse=True)
def fresh_session(monkeypatch):
    monkeypatch.setattr(course, "_done", set())
    monkeypatch.setattr(course, "_hints_shown", {})


@pytest.mark.parametrize(
    "number, answer, expected", WRONG, ids=lambda v: v if isinstance(v, str) else getattr(v, "__name__", None)
)
def test_common_mistakes_are_named(number, answer, expected):
    result = check(number, answer)
    assert not result.passed and result.tried
    if isinstance(expected, str):
        assert expected in result.message
    else:
        assert result.explanations, result.message
        assert {key: getattr(result.explanations[0], key) for key in expected} == expected


@pytest.mark.parametrize("exercise", ALL, ids=lambda e: e.number)
def test_every_gradient_exercise_has_two_wrong_answers(exercise):
    if getattr(exercise.judge, "is_gradient", False):
        assert sum(number == exercise.number for number, _, _ in WRONG) >= 2


def raises(*arguments):
    return 1 / 0


def changes_its_input(*arguments):
    for a in arguments:
        if isinstance(a, np.ndarray):
            a += 1
    return arguments


JUNK = [
    [],
    [1.0],
    (),
    3.0,
    np.nan,
    "text",
    {},
    np.zeros(0),
    np.zeros((2, 2, 2, 2)),
    np.array("text"),
    object(),
    np.inf,
    len,
    raises,
    changes_its_input,
    lambda: 1,
    lambda *a: [],
    lambda *a: "text",
    lambda *a: np.nan,
    lambda *a: (1, 2, 3, 4, 5),
]


@pytest.mark.parametrize("exercise", ALL, ids=lambda e: e.number)
def test_no_answer_makes_a_check_raise_or_pass(exercise, capsys):
    for stub in (None, ..., NotImplemented, (None, None)):
        assert not check(exercise.number, stub).tried
    for junk in JUNK:
        result = check(exercise.number, junk)
        assert not result.passed and "could not be judged" not in result.message, (junk, result.message)


# The machinery itself, on a lesson of its own.

KL = same_gradient(
    lambda mu, sigma: ((sigma**2 + mu**2) / 2 - np.log(sigma) - 0.5).sum(axis=-1),
    out="kl",
    wrt="mu sigma",
    takes="mu sigma",
    inputs=lambda rng, B: {"mu": rng.normal(size=(B, 3)), "sigma": rng.uniform(0.4, 2, (B, 3))},
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
                lambda rng, B: {"x": rng.normal(size=(B, 5))},
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
        ("99.1", 0.25, "p is 0.25; 0.5 is right"),
        ("99.1", np.array([0.5]), "shape (1,)"),
        ("99.1", lambda: 0.5, "call it"),
        ("99.1", "0.5", "expected real numbers"),
        ("99.1", np.nan, "NaN or infinite"),
        ("99.2", 3.0, "A function of (x) is expected, but this is the number 3"),
        ("99.2", lambda x: x.mean(axis=-1), "you took the mean"),
        ("99.2", lambda x: list(x.sum(axis=-1)), "is a list"),
        ("99.2", lambda x: x.sum(), "is a single number; an array of shape (4,)"),
        ("99.2", lambda x: x, "sum over axis 1 missing?"),
        ("99.2", lambda x, y: x, "takes (x, y); it is called with (x)"),
        ("99.2", raises, "raised ZeroDivisionError: division by zero"),
        ("99.2", raises, "`return 1 / 0`"),
        ("99.2", changes_its_input, "changes its input x"),
        ("99.2", lambda x: np.log(-np.abs(x)).sum(axis=-1), "logarithm of 0"),
        ("99.2", lambda x: x.sum(axis=-1) if len(x) < 2 else x[0].sum() * np.ones(len(x)), "total[5] is"),
        ("99.3", lambda mu, sigma: mu, "2 are expected: return dmu, dsigma"),
        ("99.3", lambda mu, sigma: (mu, None), "dsigma is still None"),
        ("99.3", lambda mu, sigma: (mu.T, sigma), "is it transposed?"),
        ("99.3", lambda mu, sigma: (mu, sigma), "dmu is right.\ndsigma is wrong: off by"),
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
    judge = same_values(lambda f, x: f(x), lambda rng, B: {"f": np.square, "x": 3.0}, "y")
    assert judge(lambda f, x: f(x)) is None


def test_the_exercises_need_nothing_but_minivae():
    for lesson in range(1, 17):
        name = f"minivae.course.lesson_{lesson:02}"
        if importlib.util.find_spec(name):
            importlib.import_module(name)
