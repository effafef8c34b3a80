"""Whatever is cited exists: equations, lessons, exercises; in lessons, README, package and tests."""

import io
import re
import tokenize
from pathlib import Path

import lessons_tools as tools
import pytest

from minivae.course import exercises_of

ROOT = Path(__file__).parents[1]
MADE_UP = 99  # the tests' own lesson
NUMBER = r"(?:[1-9]|1\d)\.[1-9]\d?"
EQUATIONS = re.compile(rf"\(({NUMBER}(?:(?:, | and | to |; | or ){NUMBER})*)(?=[);,])")
LESSONS = re.compile(r"\b[Ll]essons? (\d{1,2}(?:(?:, | and | to )\d{1,2})*)(?!\d|\.\d|%| %)")
EXERCISES = re.compile(rf"\b[Ee]xercises? ({NUMBER}(?:(?:, | and | to ){NUMBER})*)")


def cited(pattern, text):
    """The numbers of all citations in a text: "(5.5, 5.99), (13.99)" -> 5.5, 5.99, 13.99."""
    return [n for match in pattern.finditer(text) for n in re.findall(r"\d+(?:\.\d+)?", match[1])]


def python_prose(source):
    """Comments, docstrings and messages of Python source."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    kept = tokenize.COMMENT, tokenize.STRING
    return "\n".join(t.string.lstrip("#") for t in tokens if t.type in kept)


def comments(cell):
    """The comments of a code cell."""
    return "\n".join(re.findall(r"#.*", cell.source))


def sources():
    """(name, prose) of everything that cites."""
    for path in tools.PATHS:
        nb = tools.read(path)
        text = re.sub(r"```.*?```|`[^`\n]*`", "", tools.markdown(nb), flags=re.DOTALL)
        yield path.name, "\n".join([text, *map(comments, tools.code_cells(nb))])
    yield "README.md", (ROOT / "README.md").read_text(encoding="utf-8")
    for folder in ("minivae", "tests", "lessons"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path != Path(__file__):
                yield str(path.relative_to(ROOT)), python_prose(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def prose():
    return list(sources())


NUMBERED = {
    tools.number_of(path): tools.TAG.findall(tools.markdown(tools.read(path))) for path in tools.PATHS
}


def missing(pattern, text, there):
    """The numbers cited that are not there(lesson)."""
    lessons = ((n, int(n.split(".")[0])) for n in cited(pattern, text))
    return [n for n, lesson in lessons if lesson != MADE_UP and n not in there(lesson)]


def missing_equations(text):
    return missing(EQUATIONS, text, lambda lesson: NUMBERED.get(lesson, ()))


def missing_lessons(text):
    return missing(LESSONS, text, lambda lesson: {str(lesson), f"{lesson:02}"} if lesson in NUMBERED else ())


def missing_exercises(text):
    return missing(EXERCISES, text, exercises_of)


@pytest.mark.parametrize("missing_of", [missing_equations, missing_lessons, missing_exercises])
def test_what_is_cited_exists(missing_of, prose):
    assert not {name: numbers for name, text in prose if (numbers := missing_of(text))}


def test_a_wrong_citation_is_seen():
    text = "(5.5, 5.99), (17.99) and (2.3; 3.77) to (4.1 to 4.88)"
    assert missing_equations(text) == ["5.99", "17.99", "3.77", "4.88"]
    assert missing_lessons("lesson 98, lessons 03 and 55") == ["98", "55"]
    assert missing_exercises("exercise 4.99, exercises 5.1 and 5.98") == ["4.99", "5.98"]
    assert python_prose('x = 1  # see (7.99)\n"""As (8.88)."""\n') == ' see (7.99)\n"""As (8.88)."""'


@pytest.mark.parametrize("lesson", [n for n in NUMBERED if n])  # not lesson 0: (0.5) is a half
def test_a_number_that_a_lesson_does_not_have_is_seen(lesson):
    assert missing_equations(f"({lesson}.99)") == [f"{lesson}.99"]
