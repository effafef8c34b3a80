"""The door of the course: its table of lessons, its map, its notation and its glossary agree with the
lessons.
"""

import re

import lessons_tools as tools
import pytest

DOOR = tools.LESSONS / "00_start_here.ipynb"
TEXT = tools.markdown(tools.read(DOOR))
LESSONS = {tools.number_of(path): path for path in tools.PATHS if path != DOOR}


def rows_under(heading):
    """The cells of the rows of the table under a heading."""
    section = re.split(r"^## ", TEXT.split(f"## {heading}\n")[1], flags=re.MULTILINE)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


TERMS = {
    phrase: (meaning, where)
    for first, meaning, where in rows_under("Glossary")
    for phrase in re.findall(r"\*\*(.+?)\*\*", first)
}


@pytest.mark.parametrize("number", LESSONS)
def test_every_lesson_has_a_row_with_its_time(number):
    row = next(row for row in rows_under("The lessons") if row[0].startswith(f"[{number} "))
    opening = tools.read(LESSONS[number]).cells[0].source
    assert f"({LESSONS[number].name})" in row[0]
    assert row[2] == re.search(r"\*\*Time:\*\* (\d+) minutes", opening)[1]


@pytest.mark.parametrize("number", LESSONS)
def test_the_map_knows_what_a_lesson_says_it_needs(number):
    namespace = {}
    cell = next(c for c in tools.code_cells(tools.read(DOOR)) if c.source.startswith("needs = "))
    exec(cell.source, namespace)  # noqa: S102 - of our own lesson
    opening = tools.read(LESSONS[number]).cells[0].source
    said = re.search(r"\*\*You need\*\*.*", opening)
    needed = re.findall(r"\d+", " ".join(re.findall(r"lessons? [\d, and]+", said[0]))) if said else ()
    assert {int(n) for n in needed} <= set(namespace["before"](number))


def test_no_term_stands_twice_and_all_are_explained():
    phrases = re.findall(r"\*\*(.+?)\*\*", " ".join(row[0] for row in rows_under("Glossary")))
    assert len(phrases) == len(set(phrases)) > 100
    for phrase, (meaning, where) in TERMS.items():
        assert 10 < len(meaning) < 220, phrase
        assert re.match(r"lesson \d+(, |$)", where), phrase
    number = re.search(r"(\d+) terms of art", TEXT)[1]
    assert int(number) == len(rows_under("Glossary"))


@pytest.mark.parametrize("phrase", TERMS)
def test_a_term_occurs_in_the_lesson_that_is_named(phrase):
    number = int(re.match(r"lesson (\d+)", TERMS[phrase][1])[1])
    if number in LESSONS:
        nb = tools.read(LESSONS[number])
        text = re.sub(r"[-*\s]+", " ", " ".join(cell.source for cell in nb.cells)).lower()
        assert re.sub(r"[-\s]+", " ", phrase).lower() in text
    for lesson in re.findall(r"\((\d+)\.\d+\)", TERMS[phrase][1]):
        assert int(lesson) <= 16
