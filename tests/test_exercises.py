"""The exercises of the lessons: checks that never raise, that know a stub, a right and a wrong answer, and
name the common mistakes.

Each lesson's answers stand in tests/exercises, as rows of

    wrong_NN.py, WRONG   (number, answer, words that the message must hold)   or
                         (number, answer, {"relation": "factor", "term": "eps"}): the first Explanation's
    right_NN.py, RIGHT   (number, answer)
"""

import importlib
import importlib.util
import runpy
from pathlib import Path

import numpy as np
import pytest
from test_judge import changes_its_input, raises

from minivae import course
from minivae.course import check, exercises_of, record
from minivae.course.answers import Wrong
from minivae.course.draws import Kind
from minivae.course.functions import BATCHES, WIDE, OfFunctions
from minivae.course.gradients import same_gradient
from minivae.course.judge import inputs, pencil, same_value
from minivae.gradcheck.numeric import relative_error


def rows(kind):
    files = sorted((Path(__file__).parent / "exercises").glob(f"{kind}_*.py"))
    return [row for path in files for row in runpy.run_path(str(path))[kind.upper()]]


WRONG, RIGHT = rows("wrong"), rows("right")
ALL = [exercise for lesson in range(17) for exercise in exercises_of(lesson).values()]


def judges(judge):
    """A judge, and those inside of it."""
    return [judge] + [leaf for inner in getattr(judge, "judges", ()) for leaf in judges(inner)]


OF_FUNCTIONS = [(e.number, judge) for e in ALL for judge in judges(e.judge) if isinstance(judge, OfFunctions)]


@pytest.fixture(autouse=True)
def fresh_session(monkeypatch):
    monkeypatch.setattr(record, "session", set())
    monkeypatch.setattr(course, "_hints_shown", {})


@pytest.mark.parametrize(
    "number, answer", RIGHT, ids=lambda v: v if isinstance(v, str) else getattr(v, "__name__", "")
)
def test_right_answers_of_every_style_count(number, answer):
    result = check(number, answer)
    assert result.passed, result.message


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


JUNK = [
    10**400,
    lambda *a: 10**400,
    lambda *a: memoryview(b"ab"),
    lambda dout, cache: cache,
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


def mistakes():
    """(number, the answer with a common mistake, the words for it) of every table of mistakes."""
    for e in ALL:
        for judge in judges(e.judge):
            if isinstance(judge, same_value):
                yield from (
                    (e.number, value() if callable(value) else value, words)
                    for words, value in judge.mistakes.items()
                )
            elif isinstance(judge, pencil):
                for (name, value), words in judge.mistakes.items():
                    yield e.number, tuple((judge.true | {name: value}).values()), words
            elif isinstance(judge, OfFunctions) and judge is e.judge:
                yield from ((e.number, mistake, words) for words, mistake in judge.mistakes.items())


@pytest.mark.parametrize(
    "number, answer, words", mistakes(), ids=lambda v: v[:40] if isinstance(v, str) else ""
)
def test_each_mistake_as_an_answer_is_refused_and_named(number, answer, words):
    """A mistake may raise, but then as a learner's answer would."""
    result = check(number, answer)
    assert not result.passed and words.rstrip(".") in result.message, result.message


INSIDE = [(e.number, judge) for e in ALL for judge in judges(e.judge)[1:] if isinstance(judge, OfFunctions)]


@pytest.mark.parametrize("number, judge", INSIDE, ids=lambda v: v if isinstance(v, str) else "")
def test_each_mistake_in_one_of_several_functions_is_refused_and_named(number, judge):
    for words, mistake in judge.mistakes.items():
        with pytest.raises(Wrong) as wrong:
            judge(mistake)
        assert words.rstrip(".") in str(wrong.value)


@pytest.mark.parametrize("number, judge", OF_FUNCTIONS, ids=lambda v: v if isinstance(v, str) else "")
def test_the_named_paths_add_up_to_the_gradient(number, judge):
    for case in judge.cases if isinstance(judge, same_gradient) and judge.paths else ():
        for i, expected in enumerate(case.expected):
            if not case.single:
                assert relative_error(sum(judge.summands(i, case).values()), expected) < 1e-9


@pytest.mark.parametrize("number, judge", OF_FUNCTIONS, ids=lambda v: v if isinstance(v, str) else "")
def test_inputs_say_what_is_allowed_and_no_sizes_coincide(number, judge):
    """No axis has the length of a batch, or of 1 or 2: a mean would be a half, a wrong sum would fit."""
    for _, draw in judge.kinds:
        assert isinstance(draw, inputs), "a plain function does not say what the exercise allows"
        shapes = [kind.shape for kind in draw.kinds.values() if isinstance(kind, Kind)]
        fixed = {n for shape in shapes for n in shape if isinstance(n, int)}
        assert not fixed & {1, 2, *BATCHES, WIDE}
        for B in (4, 7, WIDE):
            moving = {n(B) for shape in shapes for n in shape if callable(n)}
            assert not moving & (fixed | {1, 2, B})


def test_the_exercises_need_nothing_but_minivae():
    for lesson in range(17):
        name = f"minivae.course.lesson_{lesson:02}"
        if importlib.util.find_spec(name):
            importlib.import_module(name)
