"""The course: `check` says whether an answer is right or what is wrong with it, `hint` helps on.

    check("4.4", backward)   not tried yet, right, or what is wrong: which array, by how much, the likeliest
                             cause
    hint("4.4")              the next hint
    progress(4)              what is done in lesson 4

Answers are functions, arrays or numbers; they are judged by computation. A check never raises, and nothing is
written to disk: hints and progress last as long as the kernel. The exercises of lesson N stand in
`lesson_NN.py`, the judges that they use in `judge.py`, the solutions folded in the lesson.
"""

import importlib
import importlib.util
from dataclasses import dataclass

from .judge import NotTried, Wrong, untouched
from .notebook import show, slider

__all__ = ["check", "hint", "progress", "show", "slider"]

_done = set()  # numbers answered rightly in this session
_hints_shown = {}  # number -> how many


@dataclass(frozen=True)
class Result:
    """What a check found: passed, and the message that it printed.

    `explanations` are minivae.gradcheck's, if any.
    """

    passed: bool
    message: str
    tried: bool = True
    explanations: tuple = ()

    def _ipython_display_(self):
        """Nothing: the message has been printed already."""


def check(number, answer=None):
    """Judge the answer to exercise `number`, such as "4.2";
    print what was found and return it as a Result."""
    result = judged(number, answer)
    print(result.message)
    return result


def judged(number, answer):
    """The Result of judging an answer, which `check` prints."""
    exercise, problem = _find(number)
    if problem:
        return Result(False, problem, tried=False)
    title = f"Exercise {exercise.number} ({exercise.title})"
    _done.discard(exercise.number)
    try:
        if untouched(answer):
            raise NotTried
        problem = exercise.judge(answer)
        if problem:
            raise Wrong(problem)
    except NotTried:
        return Result(False, f'{title}: not tried yet. hint("{exercise.number}") helps.', tried=False)
    except Wrong as wrong:
        return Result(False, f"{title}: not right yet.\n{wrong}", explanations=tuple(wrong.explanations))
    except Exception as error:  # noqa: BLE001 - never in the learner's face
        return Result(False, f"{title}: this answer could not be judged ({type(error).__name__}: {error}). "
                             "Compare its type and shape with what the exercise asks for.")  # fmt: skip
    _done.add(exercise.number)
    return Result(True, f"{title}: right.\n{_bar(exercise.number.split('.')[0])}")


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


def progress(lesson):
    """Print what is done and what is left of one lesson."""
    exercises = exercises_of(lesson)
    if not exercises:
        print(f"There are no exercises for a lesson {lesson}.")
        return
    print(_bar(lesson))
    for number, exercise in exercises.items():
        print(f"  {'done' if number in _done else 'open'}  {number}  {exercise.title}")


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
    done = sum(number in _done for number in exercises)
    return (
        f"Lesson {int(lesson)}: {done} of {len(exercises)} done  {'■' * done}{'□' * (len(exercises) - done)}"
    )
