"""The course: `check` says whether an answer is right or what is wrong with it, `hint` helps on.

    check("4.4", backward)   not tried yet, right, or what is wrong: which array, how far, the likeliest cause
    hint("4.4")              the next hint
    progress(4)              what is done in lesson 4; progress() in the whole course

Answers are functions, arrays or numbers; they are judged by computation. A check never raises; one that
does not end is stopped by the kernel's interrupt button (in a terminal Ctrl-C), and says in which line it
was. Hints and progress last as long as the kernel, and nothing is written to disk, unless
progress(remember=True) asks for it (record.py). The exercises of lesson N stand in `lesson_NN.py`, the
judges that they use in `judge.py`, the solutions folded in the lesson.
"""

import contextlib
import importlib
import importlib.util
import io
from dataclasses import dataclass

from ..gradcheck.learner import line_of
from . import record
from .answers import NotTried, Right, Wrong, untouched
from .notebook import pad, show, slider

__all__ = ["check", "hint", "pad", "progress", "show", "slider"]

PRINTED = 5  # lines of what an answer prints
_hints_shown = {}  # number -> how many


@dataclass(frozen=True)
class Result:
    """What a check found: passed, and the message that it printed.

    explanations: minivae.gradcheck's, if any. answer: a right function as it was understood, called and
    returning as the exercise says."""

    passed: bool
    message: str
    tried: bool = True
    explanations: tuple = ()
    answer: object = None

    def _ipython_display_(self):
        """Nothing: the message has been printed already."""


def check(number, answer=None):
    """Judge the answer to exercise `number`, such as "4.2"; print what was found and return it as a
    Result.
    """
    with contextlib.redirect_stdout(io.StringIO()) as printed:  # by the answer, which is called many times
        result = judged(number, answer)
    lines = printed.getvalue().splitlines()
    print(*lines[:PRINTED], *["..."][: len(lines) > PRINTED], result.message, sep="\n")
    return result


def judged(number, answer):
    """The Result of judging an answer, which `check` prints."""
    exercise, problem = _find(number)
    if problem:
        return Result(False, problem, tried=False)
    title = f"Exercise {exercise.number} ({exercise.title})"
    record.session.discard(exercise.number)
    try:
        if untouched(answer):
            raise NotTried
        found = exercise.judge(answer)
        if isinstance(found, str):
            raise Wrong(found)
    except NotTried:
        return Result(False, f'{title}: not tried yet. hint("{exercise.number}") helps.', tried=False)
    except Wrong as wrong:
        return Result(False, f"{title}: not right yet.\n{wrong}", explanations=tuple(wrong.explanations))
    except KeyboardInterrupt as stop:
        found = f"Interrupted before it came to an end{line_of(stop)}. Is there a loop that never ends?"
        return Result(False, f"{title}: not right yet.\n{found}")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - never in the learner's face
        return Result(
            False,
            f"{title}: this answer could not be judged ({type(error).__name__}: {error}). "
            "Compare its type and shape with what the exercise asks for.",
        )
    found = found or Right()
    lines = [f"{title}: right.", found.note, record.add(exercise.number), _bar(exercise.number.split(".")[0])]
    return Result(True, "\n".join(filter(None, lines)), answer=found.answer)


def hint(number):
    """Print the next hint for exercise `number`; after the last one, start again."""
    exercise, problem = _find(number)
    if problem:
        print(problem)
        return
    shown = _hints_shown.get(exercise.number, 0)
    if shown == len(exercise.hints):
        print("That was the last hint. The solution is folded below the exercise.")
        _hints_shown[exercise.number] = 0
        return
    print(f"Hint {shown + 1} of {len(exercise.hints)}: {exercise.hints[shown]}")
    _hints_shown[exercise.number] = shown + 1


def progress(lesson=None, remember=False):
    """Print what is done and what is left: of one lesson, or of the whole course.

    remember=True: from now on it is remembered, in a file beside the lessons, for all of them.
    """
    if remember:
        print(
            record.write()
            or f"Remembered from now on, in {record.FILE} beside the lessons. Delete the file to forget."
        )
    if lesson is None:
        lessons = [n for n in range(100) if exercises_of(n)]
        numbers = {number for n in lessons for number in exercises_of(n)}
        print(f"The course: {len(numbers & record.solved())} of {len(numbers)} exercises done")
        print("\n".join("  " + _bar(n) for n in lessons))
        return
    exercises = exercises_of(lesson)
    if not exercises:
        print(f"There are no exercises for a lesson {lesson}.")
        return
    print(_bar(lesson))
    for number, exercise in exercises.items():
        print(f"  {'done' if number in record.solved() else 'open'}  {number}  {exercise.title}")


def exercises_of(lesson):
    """The exercises of one lesson by number; empty if there are none."""
    name = f"{__name__}.lesson_{int(lesson):02}" if str(lesson).isdigit() else ""
    if not name or importlib.util.find_spec(name) is None:
        return {}
    return {exercise.number: exercise for exercise in importlib.import_module(name).EXERCISES}


def _find(number):
    """(the exercise, None), or (None, what is wrong with its number)."""
    number = str(number) if isinstance(number, (str, int, float)) else ""
    exercises = exercises_of(number.split(".")[0])
    if number in exercises:
        return exercises[number], None
    if exercises:
        return None, f"There is no exercise {number}. This lesson has {', '.join(exercises)}."
    return None, 'The first argument is the number of the exercise, in quotes: check("4.2", answer).'


def _bar(lesson):
    exercises = exercises_of(lesson)
    done = sum(number in record.solved() for number in exercises)
    return (
        f"Lesson {int(lesson)}: {done} of {len(exercises)} done  {'■' * done}{'□' * (len(exercises) - done)}"
    )
