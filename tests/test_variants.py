"""Every exercise against answers made from its folded solution: one thing exchanged, or the same in other
words.

A variant whose value differs by more than the tolerance on an input that the exercise allows has to be
refused; one that gives the same has to be accepted. What an exercise allows is drawn here anew, and the
judge does not see it."""

import contextlib
import copy
import functools
import importlib
import io

import lessons_tools as tools
import numpy as np
import pytest
from variants import equivalents, variants

from minivae.course import exercises_of
from minivae.course.answers import Wrong, parts_of
from minivae.course.functions import BATCHES, WIDE, OfFunctions
from minivae.course.judge import each_of, pencil, same_value
from minivae.course.saved_code import SavedCode
from minivae.gradcheck.learner import quietly
from minivae.gradcheck.numeric import relative_error

LESSONS = {tools.number_of(path): path for path in tools.PATHS}
EXERCISES = {e.number: e for lesson in LESSONS for e in exercises_of(lesson).values()}
CLEAR = 10  # a difference of so many tolerances is one, and of one so many times smaller is none


def leaves(judge):
    """(index of the answer or None, judge) of the ready-made judges inside of one."""
    for k, inner in enumerate(getattr(judge, "judges", ())):
        for _, leaf in leaves(inner):
            yield k if isinstance(judge, each_of) else None, leaf
    if isinstance(judge, (OfFunctions, same_value, pencil)):
        yield None, judge


JUDGED = [number for number, e in EXERCISES.items() if any(leaves(e.judge))]


@functools.cache
def saved(lesson):
    """(the notebook of a lesson, its code)."""
    nb = tools.read(LESSONS[lesson])
    return nb, SavedCode([(k, cell.source) for k, cell in enumerate(tools.code_cells(nb))])


@functools.cache
def solved(number):
    """(the solution's code, a namespace with what it uses, the expression of the answer)."""
    nb, lesson = saved(int(number.split(".")[0]))
    code, answer = tools.solutions(nb)[number], tools.checks(nb)[number]
    namespace, end = {"np": np}, len(lesson.statements)
    needed = [s for target in SavedCode([(0, code)]).statements for s in lesson.needed(end, target)]
    with contextlib.redirect_stdout(io.StringIO()):
        for s in lesson.statements:
            if any(s is one for one in needed):
                exec(s.code, namespace)  # noqa: S102
    return code, namespace, answer


def answer_from(number, code):
    """The answer that this code gives instead of the solution; None where it can't be run."""
    _, namespace, expression = solved(number)
    namespace = dict(namespace)
    try:
        quietly(lambda: exec(code, namespace))  # noqa: S102
        return eval(expression, namespace)
    except Exception:  # noqa: BLE001 - a variant may do anything
        return None


def allowed(judge):
    """Arguments that the exercise allows, none of which the judge tries itself: a list of lists."""
    found = []
    for k, (_, draw) in enumerate(judge.kinds):
        for seed in range(12):
            rng = np.random.default_rng([99, k, seed])
            wide = seed >= 4 and draw.has_wide
            values = draw(rng, WIDE if wide else BATCHES[seed % len(BATCHES)], wide)
            found.append(judge.called_with(values, rng, wide))
    return found


def tried_by(judge):
    """Arguments that the judge tries, in float64."""
    cases = [case for case in judge.cases if not case.single]
    return [{name: case.arguments[name] for name in judge.takes} for case in cases]


def outputs(judge, function, arguments):
    """What a function returns, as a list of arrays; None where it raises or returns something else."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            result = quietly(
                function, *(np.copy(v) if isinstance(v, np.ndarray) else v for v in arguments.values())
            )
        return [np.asarray(part, float) for part in parts_of(result, judge.returns)]
    except Exception:  # noqa: BLE001 - a variant may do anything
        return None


def difference(judge, right, other):
    """How far two lists of arrays are apart, in tolerances."""
    if other is None or any(
        np.shape(r) != np.shape(o) or not np.isfinite(o).all() for r, o in zip(right, other)
    ):
        return np.inf
    error = judge.error if isinstance(judge, OfFunctions) else relative_error
    return max(error(o, r) for r, o in zip(right, other)) / judge.rtol


def compared(number, examples_of=None):
    """A function of an answer: how far it is from the solution on what the exercise allows, in tolerances;
    NaN where nobody can say.
    """
    right = answer_from(number, solved(number)[0])
    known = []
    for k, judge in leaves(EXERCISES[number].judge):
        if isinstance(judge, OfFunctions):
            examples = allowed(judge) if examples_of is None else examples_of(judge)
            known.append(
                (k, judge, examples, [outputs(judge, right if k is None else right[k], a) for a in examples])
            )

    def distance(answer):
        worst = 0.0
        for k, judge, examples, expected in known:
            function = answer if k is None else answer[k]
            for arguments, e in zip(examples, expected):
                worst = max(worst, difference(judge, e, outputs(judge, function, arguments)))
                if worst > CLEAR:
                    return worst
        return worst

    return distance


def accepted(number, answer):
    try:
        found = EXERCISES[number].judge(answer)
    except Wrong:
        return False
    return not isinstance(found, str)


def passes(number, answer):
    """The verdict of the ready-made judges, without the words, which may take long."""
    judges = [(k, judge) for k, judge in leaves(EXERCISES[number].judge) if isinstance(judge, OfFunctions)]
    return all(judge.passes(answer if k is None else answer[k]) for k, judge in judges)


FUNCTIONS = [
    n for n in JUDGED if any(isinstance(judge, OfFunctions) for _, judge in leaves(EXERCISES[n].judge))
]


@pytest.mark.parametrize("number", FUNCTIONS)
def test_variants_are_judged_by_what_they_compute(number):
    distance, seen, code = compared(number), compared(number, tried_by), solved(number)[0]
    assert accepted(number, answer_from(number, code))
    tried, let_pass, refused = 0, [], []
    for words, other in variants(code):
        answer = answer_from(number, other)
        if answer is None:
            continue
        far = distance(answer)
        tried += far > CLEAR
        if far > CLEAR and passes(number, answer) and accepted(number, answer):
            let_pass.append(words)
        if far < 1 / CLEAR and not passes(number, answer) and seen(answer) < 1 / CLEAR:
            refused.append(words)
    assert not let_pass and not refused, (let_pass, refused)
    assert tried >= 5


@pytest.mark.parametrize("number", FUNCTIONS)
def test_the_same_in_other_words_is_accepted(number):
    for words, code in equivalents(solved(number)[0]):
        answer = answer_from(number, code)
        assert answer is not None and accepted(number, answer), words


def contained(parts, names):
    """What a function may return instead of the tuple of these arrays, by words."""
    yield "a dictionary", dict(zip(names, parts))
    if len(parts) == 1:
        alone = parts[0]
        yield "a list", alone.tolist()
        yield "objects", alone.astype(object)
        yield "float32", alone.astype(np.float32)
        yield "a tuple", tuple(np.atleast_1d(alone))
    else:
        yield "lists", [part.tolist() for part in parts]
        yield "objects", tuple(part.astype(object) for part in parts)
        yield "float32", tuple(part.astype(np.float32) for part in parts)
        if len({part.shape for part in parts}) == 1:
            yield "one array", np.stack(parts)
        if not any(part.ndim for part in parts):
            yield "arrays of one number", [part[None] for part in parts]


@pytest.mark.parametrize("number", FUNCTIONS)
def test_the_same_in_another_container_is_accepted(number):
    right = answer_from(number, solved(number)[0])
    for k, judge in leaves(EXERCISES[number].judge):
        if not isinstance(judge, OfFunctions):
            continue
        function = right if k is None else right[k]

        def forms(*arguments, function=function, names=judge.returns):
            result = function(*arguments)
            return dict(contained([np.asarray(part) for part in parts_of(result, names)], names))

        for words in forms(*(judge.cases[0].arguments[name] for name in judge.takes)):
            if not (judge.entrywise and words == "float32"):  # its tails are beyond float32
                assert judge.passes(lambda *a, forms=forms, words=words: forms(*a)[words]), words


NUMBERS = [number for number in JUDGED if number not in FUNCTIONS]
FAR = 0.06  # an honest rounding to two digits is off by less


@pytest.mark.parametrize("number", NUMBERS)
def test_other_numbers_are_refused(number):
    code = solved(number)[0]
    right = answer_from(number, code)
    assert accepted(number, right)
    others = [] if "Worksheet" in code else [answer_from(number, other) for _, other in variants(code)]
    for k, v in enumerate(np.ravel(right)):  # a sign, twice, a half, 0, one more: each number alone
        for changed in (-v, 2 * v, v / 2, 0.0, v + 1):
            others.append(
                [*np.ravel(right)[:k], changed, *np.ravel(right)[k + 1 :]] if np.ndim(right) else changed
            )
    for other in others:
        given = np.asarray(other)
        if given.dtype.kind in "fi" and given.shape == np.shape(right):
            far = np.abs(given - right) > FAR * np.abs(right)
            assert not (far.any() and accepted(number, other)), other


OWN = [e.number for e in EXERCISES.values() if e.number not in JUDGED]


def flat(result):
    """All numbers of a result, of whatever containers, as one array; None where it holds something else."""
    parts = (
        result.values() if isinstance(result, dict) else result if isinstance(result, (tuple, list)) else None
    )
    try:
        return (
            np.ravel(np.asarray(result, float)) if parts is None else np.concatenate([flat(p) for p in parts])
        )
    except Exception:  # noqa: BLE001 - a variant may give anything
        return None


@pytest.mark.parametrize("number", OWN)
def test_a_judge_of_its_own_refuses_what_differs_where_it_looks(number, monkeypatch):
    module = importlib.import_module(f"minivae.course.lesson_{int(number.split('.')[0]):02}")
    monkeypatch.setattr(module, "diagnose", lambda *arguments: [], raising=False)  # the words take long
    right, calls = answer_from(number, solved(number)[0]), []
    if not callable(right):
        assert accepted(number, right)
        return

    @functools.wraps(right)
    def recorded(*arguments):
        calls.append((copy.deepcopy(arguments), flat(right(*arguments))))
        return right(*arguments)

    assert accepted(number, recorded) and calls
    tried = 0
    for words, code in variants(solved(number)[0]):
        answer = answer_from(number, code)
        for arguments, expected in calls if callable(answer) else ():
            given = outcome(answer, copy.deepcopy(arguments))
            same_shape = given is not None and given.shape == expected.shape
            if not same_shape or not relative_error(given, expected) < 1e-5:
                tried += 1
                assert not accepted(number, answer), words
                break
    assert tried >= 5


def outcome(function, arguments):
    try:
        return flat(quietly(function, *arguments))
    except Exception:  # noqa: BLE001 - as above
        return None
