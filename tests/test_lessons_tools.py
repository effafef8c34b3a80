"""The tools of the lessons: what a committed notebook keeps, and what the mutation run sees."""

import lessons_tools as tools
import mutate_lessons
import nbformat

CODE = """
import numpy as np
rng = np.random.default_rng(1)

def scaled(x):
    return 3 * x.sum(axis=0)

y = scaled(rng.normal(size=(4, 2)))
unseen = y[0] + 5
print(y + 1)
assert y.shape == (2,) and abs(scaled(np.ones((2, 1)))[0] - 6) < 1e-12
"""


def notebook(*sources):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])


def test_tags_and_collapsed_cells_are_kept():
    nb = notebook("1", "2", "3", "4")
    nb.cells[0].metadata = {"tags": ["hide-input"], "scrolled": True}
    nb.cells[1].metadata = {"jupyter": {"source_hidden": True, "outputs_hidden": True}}
    nb.cells[2].metadata = {"tags": ["other"]}
    kept = [cell.metadata for cell in tools.clean(nb).cells]
    hidden = {"tags": ["hide-input"], "jupyter": {"source_hidden": True}}
    assert kept == [hidden, hidden, {"tags": ["other"]}, {}]


def mutated(tmp_path, *sources):
    path = tmp_path / "99_toy.ipynb"
    nbformat.write(notebook(*sources), path)
    return mutate_lessons.run(path)


def test_a_mutant_that_no_assert_sees_survives(tmp_path):
    count, survivors = mutated(tmp_path, CODE)
    assert {line for _, line, _ in survivors} == {"unseen = y[0] + 5"}
    assert {words for _, _, words in survivors} == {"Add -> Sub", "5 -> 6", "0 -> 1"}
    assert count["assert"] >= 5  # 3, the sum, its axis, * and the sign of what scaled returns


def test_an_assert_of_a_later_cell_counts(tmp_path):
    count, survivors = mutated(tmp_path, CODE, "assert unseen == y[0] + 5 and y[0] != y[1]")
    assert not survivors and count["assert"] >= 8


def test_collapsed_cells_exercises_and_tolerances_are_left_alone(tmp_path):
    hidden = nbformat.v4.new_code_cell("a = 2 * 3", metadata={"tags": ["hide-input"]})
    nb = nbformat.v4.new_notebook(cells=[hidden, nbformat.v4.new_code_cell("b = 2 * 3\ncheck('9.9', b)")])
    assert all(map(mutate_lessons.is_skipped, nb.cells))
    lines = "assert abs(x) < 4 * error + 1e-9", "x = [3, -2.0]", "y = f(2, axis=1, rtol=1)", "ax.plot(2 * y)"
    assert [words for _, words, _ in mutate_lessons.mutants("\n".join(lines))] == ["axis=1 -> axis=0"]


def test_an_endless_mutant_ends(tmp_path):
    assert (
        mutate_lessons.fate(
            mutate_lessons.compiled(mutate_lessons.ast.parse("while True: pass")), [], {}, seconds=1
        )
        == "time"
    )


def test_reasons_are_read_by_lesson(tmp_path):
    file = tmp_path / "accepted.txt"
    file.write_text("# words\n\n01 | x = 1 | * | an input\n02 | y | 1 -> 2 | another\n")
    assert mutate_lessons.accepted(2, file) == [("y", "1 -> 2", "another")] and not mutate_lessons.accepted(
        3, file
    )
