"""The tools of the lessons: what a committed notebook keeps, and what the mutation run sees."""

import ast
from collections import Counter

import lessons_rerun
import lessons_tools as tools
import mutate_lessons
import nbformat
import numpy as np
import pytest

from minivae import VAE, Adam, training

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


def mutated(tmp_path, *sources, reasons=()):
    path = tmp_path / "99_toy.ipynb"
    nbformat.write(notebook(*sources), path)
    fates = list(mutate_lessons.run(path, reasons=reasons))
    survivors = [mutant for *mutant, fate, reason in fates if fate == mutate_lessons.SURVIVED and not reason]
    return Counter(fate for *_, fate, _ in fates), survivors


def test_a_mutant_that_no_assert_sees_survives(tmp_path):
    count, survivors = mutated(tmp_path, CODE)
    assert {line for _, line, _ in survivors} == {"unseen = y[0] + 5"}
    assert {words for _, _, words in survivors} == {"Add -> Sub", "5 -> 6", "0 -> 1"}
    assert count["assert"] >= 5  # 3, the sum, its axis, * and the sign of what scaled returns


def test_an_assert_of_a_later_cell_counts(tmp_path):
    count, survivors = mutated(tmp_path, CODE, "assert unseen == y[0] + 5 and y[0] != y[1]")
    assert not survivors and count["assert"] >= 8


def test_what_has_a_reason_runs_in_its_own_cell_alone(tmp_path):
    later = "assert unseen == y[0] + 5"
    count, survivors = mutated(
        tmp_path, CODE, later, reasons=[("unseen = y", "5 -> 6", "any number would do")]
    )
    assert not survivors and count["survived"] == 1


def test_collapsed_cells_exercises_and_tolerances_are_left_alone(tmp_path):
    hidden = nbformat.v4.new_code_cell("a = 2 * 3", metadata={"tags": ["hide-input"]})
    nb = nbformat.v4.new_notebook(cells=[hidden, nbformat.v4.new_code_cell("b = 2 * 3\ncheck('9.9', b)")])
    assert all(map(mutate_lessons.is_skipped, nb.cells))
    assert not mutate_lessons.is_skipped(nbformat.v4.new_code_cell("gradcheck.check(vae, x)"))  # no exercise
    lines = "assert abs(x) < 4 * error + 1e-9", "x = [3, -2.0]", "y = f(2, axis=1, rtol=1)", "ax.plot(2 * y)"
    assert [words for _, words, _ in mutate_lessons.mutants("\n".join(lines))] == ["axis=1 -> axis=0"]


@pytest.mark.parametrize("code", ["while True: pass", "import signal; signal.pause()"])
def test_an_endless_mutant_ends(code):
    assert mutate_lessons.fate([compile(code, "<lesson>", "exec")], {}, seconds=0.2) == "time"


def test_only_cells_that_a_change_reaches_run_again():
    cells = (
        "a, rng = 1, np.random.default_rng(1)\ndef f(x): return a * x",
        "b = a + rng.random()",
        "c = 2\nassert c",
        "d = f(c)",
        "assert d and rng.random()",
        "a = 5",
        "assert a",
    )
    trees = [ast.parse(cell) for cell in cells]
    reached = [lessons_rerun.reached(trees, n) for n in range(len(cells))]
    #          f in 3, through d 4      through rng  through d
    assert reached == [[1, 2, 3, 4], [2, 3, 4], [3, 4], [4], [], [6], []]


class Silly(VAE):
    def loss(self, x, eps, y=None):
        return 0.0


def test_what_was_trained_once_is_put_in_place(monkeypatch):
    x, trained = np.random.default_rng(0).random((20, 6)) < 0.5, []
    epoch = training.train_epoch
    monkeypatch.setattr(training, "train_epoch", lambda *args: trained.append(1) or epoch(*args))

    def outcome(kind=VAE, lr=1e-3, images=x, seed=2, **more):
        vae, adam, rng = kind(n_inputs=6, hidden=(4,), n_latent=2), Adam(lr), np.random.default_rng(seed)
        weights = vae.parameters["encoder.0.W"]
        for _ in range(2):
            vae.fit(images, epochs=1, optimizer=adam, rng=rng, progress=False, **more)
        assert np.shares_memory(weights, vae.theta)
        vae.history.pop("seconds")
        return vae.theta.tobytes(), vae.history, adam.state()["m"].tobytes(), rng.random(), vae.rng.random()

    plainly, n = outcome(), len(trained)
    with lessons_rerun.trained_once():
        assert outcome() == outcome() == plainly and len(trained) == 2 * n
        others = {"kind": Silly}, {"lr": 2e-3}, {"images": ~x}, {"seed": 3}, {"n_samples": 2}
        for times, other in enumerate(others, 3):
            outcome(**other)
            assert len(trained) == times * n
        outcome(on_epoch=lambda row: None)
        outcome(on_epoch=lambda row: None)
        assert len(trained) == (times + 2) * n


def test_reasons_are_read_by_lesson(tmp_path):
    file = tmp_path / "accepted.txt"
    file.write_text("# words\n\n01 | x = 1 | * | an input\n02 | y | 1 -> 2 | another\n")
    assert mutate_lessons.accepted(2, file) == [("y", "1 -> 2", "another")] and not mutate_lessons.accepted(
        3, file
    )
