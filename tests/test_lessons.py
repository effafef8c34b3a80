"""The lessons run as shipped, their solutions pass,
and what is committed is fit to be read without running."""

import ast
import re
from itertools import pairwise

import lessons_tools as tools
import pytest

from minivae.course import exercises_of

MACHINE_PATH = re.compile(r"/[A-Za-z]\w*/|[A-Z]:\\\\")
MACHINE = re.compile(MACHINE_PATH.pattern + r"|\d{4}-\d\d-\d\d|\b\d\d:\d\d(:\d\d)?\b|Warning\b|ipykernel_\d")

lesson = pytest.mark.parametrize("path", tools.PATHS, ids=lambda path: path.stem)


def test_there_are_lessons():
    assert tools.PATHS


@lesson
def test_runs_as_shipped(path):
    nb, _ = tools.executed(path)
    cells = tools.code_cells(nb)
    assert cells
    for i, cell in enumerate(cells, 1):
        assert cell.execution_count == i, f"skipped: {cell.source[:80]}"
        assert not {"skip-execution", "raises-exception"} & set(cell.metadata.get("tags", ()))
        for output in cell.outputs:
            assert output.output_type != "error"
            assert tools.is_progress_bar(output) or output.get("name") != "stderr", output.text


@lesson
def test_stubs_are_not_tried_and_solutions_pass(path):
    nb, verdicts = tools.executed(path)
    exercises = exercises_of(tools.number_of(path))
    assert 3 <= len(exercises) <= 6
    assert set(tools.checks(nb)) == set(exercises) == set(verdicts)
    shipped = "\n".join(tools.text_of(cell) for cell in tools.code_cells(nb))
    for number, exercise in exercises.items():
        assert re.search(rf"Exercise {number} \(.*\): not tried yet", shipped), number
        assert len(exercise.hints) >= 2
        assert f"Exercise {number} ({exercise.title}): right." in verdicts[number], verdicts[number]


@lesson
def test_claims_are_asserted(path):
    asserts = [
        node
        for cell in tools.code_cells(tools.read(path))
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Assert)
    ]
    assert len(asserts) >= 10


@lesson
def test_collapsed_cells_only_draw(path):
    for cell in tools.code_cells(tools.read(path)):
        hidden = tools.HIDDEN in cell.metadata.get("tags", ())
        assert hidden == bool(cell.metadata.get("jupyter", {}).get("source_hidden"))
        if hidden:
            assert "assert " not in cell.source and "check(" not in cell.source, cell.source


def names(source):
    """(names that a cell assigns, names that it uses)."""
    tree = ast.parse(source)
    stored = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    stored |= {n.name for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.alias))}
    arguments = {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    return stored, {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} - stored - arguments


@lesson
def test_nothing_to_read_hangs_on_a_collapsed_cell(path):
    collapsed = {}  # name: the collapsed cell that assigned it last
    for i, cell in enumerate(tools.code_cells(tools.read(path)), 1):
        stored, used = names(cell.source)
        if tools.HIDDEN in cell.metadata.get("tags", ()):
            collapsed |= dict.fromkeys(stored, i)
        else:
            assert not {name: collapsed[name] for name in used & set(collapsed)}, f"cell {i}"
            collapsed = {name: j for name, j in collapsed.items() if name not in stored}


@lesson
def test_opening(path):
    first = tools.read(path).cells[0].source
    assert first.startswith(f"# Lesson {tools.number_of(path)}: ")
    for part in ("**The question:**", "**Afterwards you can:**", "**Time:**"):
        assert part in first


@lesson
def test_committed_outputs(path):
    assert path.stat().st_size < 400_000
    nb, (fresh, _) = tools.read(path), tools.executed(path)
    assert nb.metadata == tools.METADATA
    for i, (cell, run) in enumerate(zip(tools.code_cells(nb), tools.code_cells(fresh)), 1):
        assert cell.execution_count == i, "commit the lesson executed: python tests/lessons_tools.py"
        expected = [output.output_type for output in run.outputs if not tools.is_progress_bar(output)]
        assert [output.output_type for output in cell.outputs] == expected, cell.source
        assert not MACHINE_PATH.search(cell.source)
        text = tools.text_of(cell)
        assert not MACHINE.search(text), MACHINE.search(text)
        assert len(text.splitlines()) <= 45, f"a wall of output: {cell.source[:80]}"


@lesson
def test_pictures_have_alternative_text(path):
    nb = tools.read(path)
    pictures = 0
    for output in (output for cell in tools.code_cells(nb) for output in cell.outputs if "data" in output):
        assert not {"image/png", "image/svg+xml", "image/jpeg"} & set(output.data), (
            "show it with minivae.course.show"
        )
        for img in re.findall(r"<img[^>]*>", output.data.get("text/html", "")):
            pictures += 1
            assert len(re.search(r'alt="([^"]*)"', img)[1]) >= 20
    assert pictures
    assert "![](" not in tools.markdown(nb)


@lesson
def test_equations_are_numbered_in_order(path):
    numbers = tools.TAG.findall(tools.markdown(tools.read(path)))
    lesson_number = tools.number_of(path)
    assert numbers == [f"{lesson_number}.{i}" for i in range(1, len(numbers) + 1)] and numbers


@lesson
def test_headings_go_down_one_level_at_a_time(path):
    """As the web edition asks."""
    text = re.sub(r"^```.*?^```", "", tools.markdown(tools.read(path)), flags=re.DOTALL | re.MULTILINE)
    levels = [0, *(len(marks) for marks in re.findall(r"^(#+) ", text, re.MULTILINE))]
    assert all(below <= above + 1 for above, below in pairwise(levels))
