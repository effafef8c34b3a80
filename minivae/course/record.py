"""What has been solved: in this session, and, where one asks for it, in a file beside the lessons.

The file is there only if progress(remember=True) has made it; delete it to forget. It holds the numbers
of the exercises that have been right once, nothing else.
"""

import json
from pathlib import Path

from ..storage import write_beside

FILE = Path("progress.json")  # in the folder of the lessons, where their kernels run
session = set()  # numbers answered rightly in this session


def solved():
    """The numbers of the exercises that are done."""
    return session | remembered()


def remembered():
    """What the file holds; nothing where there is none, or none that can be read."""
    try:
        numbers = json.loads(FILE.read_text(encoding="utf-8"))["solved"]
        return {number for number in numbers if isinstance(number, str)}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def add(number):
    """It has been answered rightly. -> a sentence where the file could not be written, or nothing."""
    session.add(number)
    if FILE.exists() and number not in remembered():
        return write()
    return ""


def write():
    """Write all that is solved into the file. -> a sentence where that fails, or nothing."""
    text = json.dumps(
        {"solved": sorted(solved(), key=lambda number: [int(part) for part in number.split(".")])}, indent=1
    )
    try:
        write_beside(FILE, lambda file: file.write(text.encode()))
    except OSError as error:
        return f"Not remembered: {error.strerror}"
    return ""
