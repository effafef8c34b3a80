"""What an exercise is, and the judges that look at an answer: all that the author of a lesson has to read.

    # minivae/course/lesson_04.py
    one = inputs(mu=real("B", "M"), sigma=positive("B", "M"), eps=real("B", "M"))
    several = inputs(mu=real("B", "M"), sigma=positive("B", "M"), eps=real("K", "B", "M"))
    EXERCISES = (
        Exercise(
            "4.4", "backward through the draw",
            same_gradient(lambda mu, sigma, eps: mu + sigma * eps, out="z", wrt="mu sigma", takes="dz eps",
                          inputs={"one draw": one, "several draws": several}),
            ("By how much does z move when sigma moves by a little?", "..."),
        ),
    )

A judge is called with the answer. For a right one it returns None, or Right with a line for the learner;
for a wrong one it raises Wrong, or returns the sentence; NotTried is for a stub. These are ready-made:

    same_value(true)              a number or an array
    pencil(z=..., kl=...)         several numbers found with a pencil
    chosen({"A": ...}, known)     several words out of a list
    same_values(reference)        a function, compared with another one
    same_gradient(forward)        a backward pass, compared with the derivative of the forward pass
    each_of(first, second)        a tuple of functions, a judge each
    all_of(first, second)         one answer, judged by one after the other

For judges of one's own, `call` runs a learner's function and `as_array` looks at what it returns; both
say kindly what is wrong with either.

**Inputs as general as the claim.** Say what the exercise allows, and the judge tries all of it
(draws.py):

    inputs(x=bits("B", "D"), logits=real("B", "D", tails=300), sigma=positive("B", "M"),
           p=between(0, 1, "B", "D"), t=whole(1, 6), beta=positive(),
           mean=lambda rng, B, v: v["x"] + ...)    # what depends on others

An answer is tried with batches of 4, 1 and 7, then with large and small numbers, then in float32. Give
sizes as letters: they differ from each other and from batch to batch, so that no number in a wrong
formula fits. A fixed size may not be one of 1, 2, 4, 6 and 7: with M = 2 a mean is a half. A constant is
a positive(): with 1.5, beta - 1 is a half. Several kinds of input have their words, {"black and white
pixels": ..., "grey pixels": ...}: the message says which of them are right. The gradient that arrives
from above, "d" + out, is drawn by the judge, with both signs.

**What counts as right.** The right numbers in every container, [x] for x, honest rounding (two digits) of
single numbers, float32 to its own precision; a function whose arguments come in another order and have
the exercise's names, one with (dout, cache). A number that the exercise asks for (same_value, pencil) is
never printed.

**Causes** are looked for in this order. The right arrays in another order. `paths`, the named summands of
the true gradient, {"the KL's path": (dmu, draw)}: missing, doubled, turned round. `mistakes`, {words: a
function like the answer, with a common slip}; it may raise where a learner's would. Then
minivae.gradcheck.diagnose, among the inputs, `out`, "d" + out and what `named` adds. A cause holds for
all inputs of the kind, or it is not told.

Tests come by themselves: tests/test_exercises.py hands in every mistake as an answer, and sees that it is
refused and named so; tests/test_variants.py makes wrong and equivalent answers from the solution folded
in the lesson. Add common wrong answers to tests/exercises/wrong_NN.py, and right ones of other styles to
right_NN.py.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..gradcheck.numeric import relative_error as distance
from .answers import NotTried, Right, Wrong, as_array, kind, listed, order_of, parts_of, rounded, untouched
from .draws import between, bits, inputs, positive, real, whole
from .functions import BATCHES, same_values
from .gradients import same_gradient
from .readings import call

__all__ = ["Exercise", "NotTried", "Right", "Wrong", "all_of", "chosen", "each_of", "pencil"]
__all__ += ["same_gradient", "same_value", "same_values"]
__all__ += ["between", "bits", "inputs", "positive", "real", "whole"]  # kinds of input
__all__ += ["BATCHES", "as_array", "call", "kind", "untouched"]  # for judges of one's own

PENCIL = 0.005


@dataclass(frozen=True)
class Exercise:
    """number "4.2", a title in a few words, the judge of an answer, hints from gentle to plain."""

    number: str
    title: str
    judge: Callable
    hints: tuple


# Numbers and words


def right_number(given, true, rtol):
    return distance(given, true) <= rtol or (np.ndim(true) == 0 and rounded(float(given), float(true)))


class same_value:
    """A judge for a number or an array.

    true: the value, or a function without arguments that computes it when it is needed.
    mistakes: {words: the value (or function) that a common mistake gives}.
    """

    def __init__(self, true, name="your answer", rtol=1e-6, mistakes=None):
        self.true, self.name, self.rtol, self.mistakes = true, name, rtol, mistakes or {}

    def __call__(self, answer):
        expected = np.asarray(value(self.true))
        if callable(answer):
            wanted = "number" if expected.ndim == 0 else "NumPy array"
            raise Wrong(f"{self.name} is a function; a {wanted} is expected: call it.")
        given = as_array(answer, self.name, expected.shape)
        if right_number(given, expected, self.rtol):
            return
        off = np.unravel_index(np.argmax(np.abs(given - expected)), expected.shape)
        place = f"[{', '.join(map(str, off))}]" * bool(off)
        message = f"{self.name}{place} is {given[off]:.6g}; that is not it."
        for words, mistaken in self.mistakes.items():
            mistaken = np.asarray(value(mistaken))
            if mistaken.shape == given.shape and right_number(given, mistaken, self.rtol):
                message += f"\nLikeliest cause: {words}."
                break
        raise Wrong(message)


class pencil:
    """A judge for several numbers found with a pencil, by name: right to two digits. mistakes: {(name,
    value): words}.
    """

    def __init__(self, mistakes=None, **true):
        self.mistakes, self.true = mistakes or {}, true

    def __call__(self, answer):
        names, expected = tuple(self.true), tuple(map(float, self.true.values()))
        try:
            parts = parts_of(answer, names)
        except Wrong as wrong:
            raise Wrong(
                str(wrong)
                if isinstance(answer, dict)
                else f"{len(names)} numbers are expected: {', '.join(names)}."
            ) from None
        given, right = {}, []
        for name, part, true in zip(names, parts, expected):
            so_far = f" (Right so far: {listed(right)}.)" if right else ""
            given[name] = float(as_array(part, name, (), so_far))
            if right_number(given[name], true, PENCIL):
                right.append(name)
        if len(right) == len(names):
            return
        name = next(
            name for name in names if name not in right
        )  # what comes after it may only follow from it
        lines = [f"{name} is {given[name]:.4g}; that is not it."]
        causes = [
            words
            for (of, mistaken), words in self.mistakes.items()
            if of == name and right_number(given[name], mistaken, PENCIL)
        ]
        if not causes and order_of([np.array(v) for v in given.values()], expected, PENCIL):
            causes = [f"the numbers are right, but in another order; {', '.join(names)} is expected"]
        lines += [f"Likeliest cause: {words}." for words in causes[:1]]
        raise Wrong("\n".join([*lines, f"Right: {listed(right)}."] if right else lines))


class chosen:
    """A judge for several words, one for each run or case.

    right: {"A": "pytorch", ...}. known: the words to choose from. clues: {"A": what to look at}. what: "run".
    """

    def __init__(self, right, known, clues=None, what="run"):
        self.right, self.known, self.clues, self.what = right, tuple(known), clues or {}, what

    def __call__(self, answer):
        one_of = f"one of {', '.join(map(repr, self.known))}"
        if isinstance(answer, np.ndarray):
            answer = answer.tolist()
        if isinstance(answer, dict):
            answer = [answer.get(name) for name in self.right]
        if not isinstance(answer, (tuple, list)) or len(answer) != len(self.right):
            raise Wrong(
                f"{len(self.right)} words in quotes are expected, for {listed(self.right)}: each {one_of}."
            )
        for given, (name, right) in zip(answer, self.right.items()):
            label = f"{self.what.capitalize()} {name}"
            if untouched(given):
                raise Wrong(f"{label} is still {given!r}.")
            word = given.strip().lower() if isinstance(given, str) else given
            if not isinstance(word, str) or word not in {k.lower() for k in self.known}:
                raise Wrong(f"{label}: {given!r} is none of the words; each is {one_of}.")
            if word != right.lower():
                raise Wrong(f"{label} is not {given!r}. {self.clues.get(name, '')}".strip())


class each_of:
    """A judge for a tuple of functions: a judge each."""

    is_gradient = True

    def __init__(self, *judges):
        self.judges = judges

    def __call__(self, answer):
        if isinstance(answer, dict):
            answer = tuple(answer.values())
        if not isinstance(answer, (tuple, list)) or len(answer) != len(self.judges):
            wanted = "a pair (first, second)" if len(self.judges) == 2 else f"a tuple of {len(self.judges)}"
            raise Wrong(f"Functions are expected, {wanted}: their names without brackets.")
        lines, explanations, notes = [], [], []
        for function, judge in zip(answer, self.judges):
            name = getattr(function, "__name__", "one of them")
            try:
                if untouched(function):
                    raise Wrong(f"is still {function!r}")
                notes.append(getattr(judge(function), "note", ""))
                lines.append(f"{name} is right.")
            except NotTried:
                lines.append(f"{name} is not tried yet.")
            except Wrong as wrong:
                lines.append(f"{name}: {wrong}")
                explanations += wrong.explanations
        if len(notes) < len(self.judges):
            if all(line.endswith("is not tried yet.") for line in lines):
                raise NotTried
            raise Wrong("\n".join(lines), explanations)
        return Right(" ".join(filter(None, notes)))


class all_of:
    """A judge for one answer that several judges look at, one after the other; the words of the first that
    finds it wrong.
    """

    def __init__(self, *judges):
        self.judges = judges
        self.is_gradient = any(getattr(judge, "is_gradient", False) for judge in judges)

    def __call__(self, answer):
        first = None
        for judge in self.judges:
            found = judge(answer)
            if isinstance(found, str):
                return found
            first = first or found
            answer = getattr(found, "answer", None) or answer  # as it was understood
        return first


def value(of):
    return of() if callable(of) else of
