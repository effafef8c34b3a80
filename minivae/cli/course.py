"""`python -m minivae course FOLDER`: the lessons as a copy of one's own, to work in.

What was worked on is never overwritten: a lesson that has become newer meanwhile is put beside it. Which
version was handed out under which name is kept in a file in the folder.
"""

import hashlib
import json
import re
import shlex
from pathlib import Path

from ..storage import write_beside
from .terminal import tell

LESSONS = Path(__file__).parents[2] / "lessons"
HANDED_OUT = ".handed_out.json"  # {the name of a file in the folder: SHA-256 of what was copied to it}


def add_arguments(parser):
    """The flags of `python -m minivae course`."""
    parser.add_argument("folder", metavar="FOLDER", help="where the copy is or is to be; it may exist")
    parser.epilog = "example:\n  python -m minivae course my-course\n  jupyter lab my-course"


def command(args):
    """Copy the lessons, and say which are new and which stayed; returns the exit status."""
    if not args.folder:
        raise ValueError("FOLDER is empty; give the folder that is to hold your copy, such as my-course.")
    folder = Path(args.folder)
    lessons = sorted(LESSONS.glob("[0-9][0-9]_*.ipynb"))
    if not lessons:
        raise ValueError(
            f"there are no lessons in {LESSONS}; run this with a clone that was installed by"
            " pip install -r requirements.txt."
        )
    if folder.resolve() == LESSONS.resolve():
        raise ValueError(f"{folder} holds the lessons themselves; give another folder for your copy of them.")
    folder.mkdir(parents=True, exist_ok=True)
    for name, words in hand_out([*lessons, *sorted(LESSONS.glob("*.py"))], folder):
        tell(f"  {name:40} {words}")
    tell(f"\nTo work in your copy: jupyter lab {shlex.quote(str(folder / lessons[0].name))}")
    return 0


def hand_out(lessons, folder):
    """Copy each lesson where that takes nothing away; yields (its name in the folder, what was done)."""
    kept = folder / HANDED_OUT
    handed_out = read(kept)
    for lesson in lessons:
        data = lesson.read_bytes()
        name, words, new = place(lesson, digest(data), folder, handed_out)
        if new:
            write_beside(folder / name, lambda file, data=data: file.write(data))
            handed_out[name] = digest(data)
            write_beside(kept, lambda file: file.write(json.dumps(handed_out, indent=1).encode()))
        yield name, words


def place(lesson, version, folder, handed_out):
    """(the name in the folder, what to say, whether to write it) for a lesson whose SHA-256 is `version`."""

    def untouched(name):
        return digest((folder / name).read_bytes()) == handed_out.get(name)

    name = lesson.name
    if not (folder / name).exists():
        return name, "new", True
    if digest((folder / name).read_bytes()) == version:
        return name, "as it was", False
    if any(of == version for other, of in handed_out.items() if other.startswith(lesson.stem)):
        return name, "yours, as you left it", False
    if untouched(name):
        return name, "newer now; you had not worked in it", True
    number = 2
    while (folder / (beside := f"{lesson.stem}_{number}{lesson.suffix}")).exists() and not untouched(beside):
        number += 1
    return beside, f"newer than {name}, which is yours and stays as it is", True


def read(kept):
    """What was handed out; ValueError where the file that says so is damaged."""
    if not kept.exists():
        return {}
    try:
        handed_out = json.loads(kept.read_text(encoding="utf-8"))
        if not isinstance(handed_out, dict):
            raise ValueError
    except ValueError:
        raise ValueError(
            f"{kept} is damaged; remove it, and what you worked on will have the newer lessons beside it."
        ) from None
    return handed_out


def digest(data):
    """SHA-256 of a notebook, but for the version of Python, which JupyterLab writes into it on opening."""
    return hashlib.sha256(re.sub(rb'"version": "[\d.]+"', b"", data)).hexdigest()
