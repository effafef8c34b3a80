"""Lesson 09 takes the learner's own functions where their checks pass, and minivae's where they don't."""

import nbformat
import pytest

from minivae.course import judged, saved_answers


def lesson(folder, name, *cells):
    nbformat.write(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells]), folder / name
    )


STUB = 'def reparameterize(mu, sigma, eps):\n    return None\n\ncheck("4.3", reparameterize)'
RIGHT = (
    'def reparameterize(mu, sigma, eps):\n    return shifted(np.multiply(sigma, eps), mu)\n\ncheck("4.3",'
    " reparameterize)"
)
WRONG = 'def reparameterize(mu, sigma, eps):\n    return mu + sigma**2 * eps\n\ncheck("4.3", reparameterize)'
HELPER = "import numpy as np\n\ndef shifted(a, by):\n    return a + by\n\nprint('never run:', undefined)"


@pytest.mark.parametrize("cells, mine, words", [
    ((STUB,), False, "until you have solved it"),
    ((HELPER, RIGHT), True, "YOURS"),
    ((WRONG,), False, "not right yet"),
    ((RIGHT,), False, "not right yet"),  # its helper is missing
    (("%matplotlib inline", "def unfinished(", HELPER, RIGHT, STUB), True, "YOURS"),
    (("import no_such_module", RIGHT), False, "ModuleNotFoundError"),
    ((), False, "until you have solved it"),
])  # fmt: skip
def test_collect(tmp_path, capsys, cells, mine, words):
    lesson(tmp_path, "04_the_reparameterization_trick.ipynb", *cells)
    part = saved_answers.collect(tmp_path)
    assert (part.reparameterize is not saved_answers.SPARES["reparameterize"][1]) == mine
    line = next(line for line in capsys.readouterr().out.splitlines() if "reparameterize" in line)
    assert words in line
    assert part.dense_backward is saved_answers.dense_backward  # no such notebook here


def test_a_file_that_is_no_notebook(tmp_path, capsys):
    (tmp_path / "04_broken.ipynb").write_text("{")
    assert saved_answers.collect(tmp_path).reparameterize is saved_answers.SPARES["reparameterize"][1]
    assert "JSONDecodeError" in capsys.readouterr().out


def test_the_spares_pass_the_checks():
    for name, (number, spare) in saved_answers.SPARES.items():
        assert judged(number, spare).passed, name
    assert judged("9.2", saved_answers.assemble(saved_answers.collect("no such folder"))).passed
