"""The judges of functions: what an answer gives for all inputs that the exercise allows, compared with what
is right.
"""

import inspect
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..gradcheck.learner import quietly
from ..gradcheck.numeric import relative_error as distance
from .answers import (
    NotTried,
    Right,
    Wrong,
    as_array,
    listed,
    numbers,
    order_of,
    parts_of,
    same,
    where,
    without_cache,
)
from .readings import readings

BATCHES = 4, 1, 7
WIDE = 6  # the batch of the tails
WIDE_DRAWS = 16
TAILS = "large and small numbers"
SINGLE = 2e-3  # tolerance for inputs in float32
ROUNDED = 1e-5  # tolerance for a result in float32, where the inputs are float64


def of_any_size(kinds):
    """The kinds, with those of large and small numbers left out where the ordinary ones stand in the list."""
    return [kind for kind in kinds if kind not in {f"{ordinary} ({TAILS})" for ordinary in kinds}]


@dataclass
class Case:
    """One set of inputs: words for it, what the answer is called with, and what is expected."""

    kind: str
    words: str
    B: int
    values: dict
    rtol: float
    seed: int = 0
    single: bool = False
    arguments: dict = field(default_factory=dict)
    expected: list = field(default_factory=list)


@dataclass(frozen=True)
class Cause:
    """A likeliest cause that is none of minivae.gradcheck's Explanations, with the same names."""

    relation: str
    term: str
    words: str


@dataclass
class Trial:
    """What an answer gave for a case: arrays, or the problem that kept it from giving them."""

    case: Case
    returned: object = None
    parts: list = None  # what was returned for each name
    given: list = None  # as arrays, where there is a problem of other shapes or with NaN
    errors: list = None
    problem: str = ""
    raised: type = None  # of exception

    @property
    def right(self):
        return not self.problem and all(
            error <= tolerance for error, tolerance in zip(self.errors, self.tolerances)
        )

    @property
    def tolerances(self):
        narrow = (np.float32, np.float16)
        return [
            max(self.case.rtol, ROUNDED) if getattr(p, "dtype", None) in narrow else self.case.rtol
            for p in self.parts
        ]


class OfFunctions:
    """What same_values and same_gradient have in common: cases, trials, and the message."""

    upstream, caches = None, ()

    @property
    def kinds(self):
        """(words, inputs) of each kind of input."""
        return list(self.inputs.items()) if isinstance(self.inputs, dict) else [("", self.inputs)]

    @cached_property
    def cases(self):
        """Every kind of input and batch size, then the tails, then float32."""
        found = []
        for k, (name, draw) in enumerate(self.kinds):
            for B in BATCHES:
                values = draw(np.random.default_rng([k, B]), B)
                ordinary = name or "numbers of ordinary size" * draw.has_wide
                found.append(Case(ordinary, described(values), B, values, self.rtol))
            for seed in range(WIDE_DRAWS * draw.has_wide):
                values = draw(np.random.default_rng([k, WIDE, seed]), WIDE, wide=True)
                tails = f"{name} ({TAILS})" if name else TAILS
                found.append(Case(tails, f"{TAILS}, {described(values)}", WIDE, values, self.rtol, seed))
        for case in [case for case in found if self.float32 and case.B != WIDE]:
            values = {name: to_single(v) for name, v in case.values.items()}
            words, rtol = f"{case.words} in float32", max(self.rtol, SINGLE)
            found.append(Case("float32", words, case.B, values, rtol, single=True))
        for case in found:
            self.prepare(case)
        return found

    def trial(self, way, case):
        """One call. NotTried passes through."""
        trial = Trial(case)
        try:
            result = trial.returned = way(case.arguments)
            shapes = [np.shape(e) for e in case.expected]
            if len(shapes) == 1 and not self.is_gradient:
                result = without_cache(result, shapes[0], case.arguments)
            trial.parts = parts_of(result, self.returns)
            given, problems = [], []
            for part, name, shape in zip(trial.parts, self.returns, shapes):
                try:
                    given.append(as_array(part, name, shape, f" (with {case.words})"))
                except Wrong as wrong:
                    given.append(getattr(wrong, "array", None))
                    problems.append(wrong)
            if all(array is not None for array in given):
                trial.given = given
            if problems:
                raise problems[0]
            trial.errors = [self.error(g, e) for g, e in zip(trial.given, case.expected)]
        except Wrong as wrong:
            trial.problem, trial.raised = str(wrong), type(wrong.__cause__) if wrong.__cause__ else None
        return trial

    def error(self, given, expected):
        if not self.entrywise:
            return distance(given, expected)
        size = np.abs(given) + np.abs(expected)
        return float(np.max(np.abs(given - expected) / np.where(size, size, 1), initial=0))

    def trials(self, way):
        """All cases; those in float32 only where float64 is right."""
        found = []
        for case in self.cases:
            if case.single and not all(trial.right for trial in found):
                break
            found.append(self.trial(way, case))
        return found

    def passes(self, answer):
        """The verdict alone, as soon as it is known."""
        try:
            return any(
                way.accepted and all(self.trial(way, case).right for case in self.cases)
                for way in readings(answer, self.takes, self.upstream, self.caches)
            )
        except (Wrong, NotTried):
            return False

    def __call__(self, answer):
        ways = readings(answer, self.takes, self.upstream, self.caches)
        tried = []
        for way in ways:
            trials = self.trials(way)
            if all(trial.right for trial in trials):
                if not way.accepted:
                    yours, ours = ", ".join(way.names), ", ".join(self.takes)
                    raise Wrong(
                        f"It would be right if it were called with ({yours}); it is called with ({ours})."
                    )
                return Right(way.note, self.understood(way, trials[0]))
            tried.append((way, trials))
        way, trials = next((pair for pair in tried[1:] if pair[0].accepted and not pair[0].cache), tried[0])
        if tried[0][0].cache:
            way, trials = max(tried, key=lambda pair: sum(trial.given is not None for trial in pair[1]))
        raise self.wrong(way, trials)

    def understood(self, way, trial):
        """The answer as a function that is called and returns as the exercise says."""
        parts = trial.returned if len(self.returns) > 1 else (trial.returned,)
        natural = isinstance(parts, tuple) and all(
            isinstance(p, (np.ndarray, np.number, float)) for p in parts
        )
        if natural and not (way.note or way.keywords):
            return way.function

        def function(*values, **keywords):
            result = way.raw(dict(zip(self.takes, values)) | keywords)
            if len(self.returns) == 1 and not self.is_gradient:
                result = without_cache(result, np.shape(trial.case.expected[0]), {})
            parts = [np.asarray(part) for part in parts_of(result, self.returns)]
            return parts[0] if len(parts) == 1 else tuple(parts)

        return function

    def wrong(self, way, trials):
        """The message for a wrong answer, as a Wrong."""
        all_bad = [trial for trial in trials if not trial.right]
        bad = [trial for trial in all_bad if trial.case.kind == all_bad[0].case.kind]
        compared = [trial for trial in all_bad if not trial.problem]
        shown = bad[0] if bad[0].problem else [trial for trial in bad if not trial.problem][-1]
        if not shown.problem:
            repeatable(self, way, shown)
        lines, explanations = [way.note] if way.note else [], []
        order = self.permutation(bad)
        if order:
            yours, expected = (", ".join(names) for names in ([self.returns[i] for i in order], self.returns))
            lines.append(
                f"The right numbers, but in another order: you return {yours} where {expected} is expected."
            )
        elif shown.problem:
            lines.append(shown.problem)
            lines += [f"Likeliest cause: {cause.words}." for cause in self.slips(bad)[:1]]
        else:
            joint = self.slips(bad)
            wrong = [i for i, (e, most) in enumerate(zip(shown.errors, shown.tolerances)) if e > most]
            for i, (given, expected, name) in enumerate(zip(shown.given, shown.case.expected, self.returns)):
                if i not in wrong:
                    lines.append(f"{name} is right.")
                    continue
                lines.append(self.line(name, given, expected, shown.errors[i]))
                found = joint or self.causes(i, compared)
                if found and not (found[0] in joint and i != wrong[0]):  # what explains them all is said once
                    lines.append(f"Likeliest cause: {found[0].words.rstrip('.')}.")
                explanations += found
            lines.append(f"(Tried with {shown.case.words}.)")
        lines += self.where_right(trials, bad)
        return Wrong("\n".join(lines), explanations)

    def line(self, name, given, expected, error):
        return where(given, expected, name, self.entrywise)

    def permutation(self, bad):
        """The order in which the arrays were returned, where they are the right ones."""
        if len(self.returns) == 1:
            return None
        orders = set()
        for trial in bad:
            try:
                parts = [numbers(part, name) for part, name in zip(trial.parts or [None], self.returns)]
            except Wrong:
                return None
            orders.add(order_of(parts, trial.case.expected, trial.case.rtol))
        return orders.pop() if len(orders) == 1 else None

    def where_right(self, trials, bad):
        """What else is right, in a line or none."""
        kinds = list(dict.fromkeys(trial.case.kind for trial in trials))
        fine = [k for k in kinds if all(trial.right for trial in trials if trial.case.kind == k)]
        failed = {trial.case.words for trial in bad}
        here = [
            trial
            for trial in trials
            if trial.right and trial.case.kind == bad[0].case.kind and trial.case.words not in failed
        ]
        lines = []
        if fine and all(kinds):
            others = [k for k in kinds if k not in fine]
            lines.append(f"Right for {listed(of_any_size(fine))}, but not for {listed(of_any_size(others))}.")
        elif fine and bad[0].case.single:
            lines.append("It is right in float64.")
        if here:
            lines.append(f"It is right with {here[0].case.words}.")
        return lines

    def slips(self, bad):
        """The mistakes that give all that the answer gives, wherever it is wrong."""
        found = []
        for words, mistaken in self.mistakes.items():
            outcomes = [self.outcome(mistaken, trial.case) for trial in bad]
            if all(alike(outcome, trial) for outcome, trial in zip(outcomes, bad)):
                found.append(Cause("mistake", words, words))
        return found

    def outcome(self, mistaken, case):
        """(arrays, None) that a function gives for a case, or (None, the type of what it raised)."""
        values = [case.arguments[name] for name in self.takes]
        arguments = [v.copy() if isinstance(v, np.ndarray) else v for v in values]
        try:
            parts = parts_of(quietly(mistaken, *arguments), self.returns)
            return [np.asarray(part, float) for part in parts], None
        except Exception as error:  # noqa: BLE001 - a slip may raise where the answer does
            return None, type(error)

    def causes(self, i, bad):
        """Why output i is wrong, the likeliest first. bad: the trials that gave arrays, of any kind."""
        bad = [trial for trial in bad if trial.case.kind == bad[0].case.kind]
        found = []
        for words, mistaken in self.mistakes.items():
            outcomes = [self.outcome(mistaken, trial.case)[0] for trial in bad]
            if all(
                o is not None and same(o[i], trial.given[i], trial.tolerances[i])
                for o, trial in zip(outcomes, bad)
            ):
                found.append(Cause("mistake", words, words))
        return found


def alike(outcome, trial):
    """Whether a mistake's outcome is what the answer gave: the same arrays, or the same exception."""
    arrays, raised = outcome
    if arrays is None:
        return trial.raised is not None and raised is trial.raised
    return trial.given is not None and all(
        same(a, g, trial.tolerances[k]) for k, (a, g) in enumerate(zip(arrays, trial.given))
    )


def repeatable(judge, way, trial):
    """Raise Wrong for a function that draws: one that gives other numbers when it is called again."""
    again = judge.trial(way, trial.case)
    if again.given and not all(
        np.array_equal(p, q, equal_nan=True) for p, q in zip(trial.given, again.given)
    ):
        raise Wrong(
            "Your function gives other numbers when it is called again: it draws noise, or keeps something "
            "from one call to the next. All that it needs is in its arguments."
        )


def described(values):
    words = ", ".join(f"{name} of shape {np.shape(v)}" for name, v in values.items() if np.ndim(v))
    return words or ", ".join(
        f"{name} = {v:.4g}" for name, v in values.items() if isinstance(v, (int, float))
    )


def is_real(v):
    return isinstance(v, np.ndarray) and v.dtype.kind == "f"


def to_single(v):
    return v.astype(np.float32) if is_real(v) else v


class same_values(OfFunctions):
    """A judge for a function: compared with `reference`.

    reference  its parameters name the entries of `inputs` that it and the answer are called with, in order
    inputs     inputs(...), or several of these by words
    returns    the name or names ("mu sigma") of what comes back
    mistakes   {words: a function with a common mistake, of the same parameters}
    float32    False leaves out the inputs in float32
    entrywise  True compares each entry with its own size, not with the largest of its array: tails count
    """

    is_gradient = False

    def __init__(
        self, reference, inputs, returns="result", rtol=1e-6, mistakes=None, float32=True, entrywise=False
    ):
        self.reference, self.inputs, self.rtol, self.mistakes = reference, inputs, rtol, mistakes or {}
        self.float32, self.entrywise = float32, entrywise
        self.takes, self.returns = tuple(inspect.signature(reference).parameters), tuple(returns.split())

    def called_with(self, values, rng, wide=False):
        """What the answer is called with for these inputs, by name."""
        return {name: values[name] for name in self.takes}

    def prepare(self, case):
        case.arguments = self.called_with(case.values, None)
        case.expected = [np.asarray(e, float) for e in as_tuple(self.reference(*case.arguments.values()))]


def as_tuple(result):
    return result if isinstance(result, tuple) else (result,)
