"""Lesson 09 takes the learner's own functions where their checks pass, and minivae's where they don't."""

import os
import sys

import lessons_tools as tools
import nbformat
import numpy as np
import pytest

from minivae.course import judged
from minivae.course.saved_answers import SPARES, assemble, collect, slowness
from minivae.course.saved_code import SavedCode, without_magic

NAME = "04_the_reparameterization_trick.ipynb"


def lesson(folder, *cells, name=NAME):
    nbformat.write(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells]), folder / name
    )
    return folder / name


def collected(folder, capsys, name="reparameterize"):
    """(the parts, what was printed about one of them)."""
    part = collect(folder)
    lines = capsys.readouterr().out.splitlines()
    return part, next(line for line in lines if name in line)


CHECK = 'check("4.3", reparameterize)'
STUB = f"def reparameterize(mu, sigma, eps):\n    return None\n\n{CHECK}"
RIGHT = "def reparameterize(mu, sigma, eps):\n    return mu + sigma * eps"
WRONG = "def reparameterize(mu, sigma, eps):\n    return mu + sigma**2 * eps"
HELPED = f"def reparameterize(mu, sigma, eps):\n    return shifted(np.multiply(sigma, eps), mu)\n\n{CHECK}"
HELPER = "import numpy as np\n\ndef shifted(a, by):\n    return a + by\n\nprint('never run:', undefined)"
ENDLESS = (  # until the interrupt button is pressed
    "import _thread\n\ndef reparameterize(mu, sigma, eps):\n    _thread.interrupt_main()\n"
    "    while True:\n        pass"
)
NEVER = "raise SystemExit('a cell that nothing needs')"


@pytest.mark.parametrize(
    "cells",
    [
        (f"{RIGHT}\n{CHECK}",),
        (STUB, RIGHT),  # in a new cell below the stub
        (RIGHT, STUB),  # above it
        (RIGHT, WRONG),  # the last one that passes
        (NEVER, HELPER, HELPED),
        (HELPED, HELPER),  # a helper further down is there when the function runs
        (STUB, f"reparameterize = lambda mu, sigma, eps: mu + sigma * eps\n{CHECK}"),
        (STUB, "def my_own(mu, sigma, eps):\n    return mu + sigma * eps", 'check("4.3", my_own)'),
        (STUB, 'check("4.3", lambda mu, sigma, eps: mu + sigma * eps)'),
        (STUB, 'check(number="4.3", answer=lambda mu, sigma, eps: mu + sigma * eps)'),
        (STUB, 'course.check("4.3", lambda mu, sigma, eps: mu + sigma * eps)'),
        ("%%time\n" + RIGHT + "\n" + CHECK,),
        (
            "%%time\n%matplotlib inline\n"
            + RIGHT
            + "\n%timeit reparameterize(1, 2, 3)\n!ls\nreparameterize?\n"
            + CHECK,
        ),
        ("ONE = 1.0", "def reparameterize(mu, sigma, eps):\n    return ONE * mu + sigma * eps"),
        (
            "import numpy as np\nfrom numpy import *\ntimes = np.multiply",
            "def reparameterize(mu, sigma, eps):\n    return mu + times(sigma, eps)",
        ),
        (
            "from numpy import *",
            "def reparameterize(mu, sigma, eps):\n    return add(mu, multiply(sigma, eps))",
        ),
        (
            "SCALE = 0.5\nSCALE *= 2",
            "def reparameterize(mu, sigma, eps):\n    return mu + SCALE * sigma * eps",
        ),
        (
            "import numpy as np\ntry:\n    from nowhere import product\n"
            "except ImportError:\n    product = np.multiply",
            "def reparameterize(mu, sigma, eps):\n    return mu + product(sigma, eps)",
        ),
        (
            "class Draw:\n    def of(self, sigma, eps):\n        return sigma * eps",
            "def reparameterize(mu, sigma, eps):\n    return mu + sum([Draw().of(sigma, e) for e in [eps]])",
        ),
        ("%matplotlib inline", "def unfinished(", RIGHT, STUB),
        ("import no_such_module", RIGHT),  # nothing needs it
        ("def reparameterize(eps, sigma, mu):\n    return (mu + sigma * eps).tolist()",),
    ],
)
def test_a_right_answer_is_found_wherever_it_stands(tmp_path, capsys, cells):
    lesson(tmp_path, *cells)
    part, line = collected(tmp_path, capsys)
    assert f"YOURS, from {NAME}" in line and part.mine == ("reparameterize",)
    mu, sigma, eps = np.random.default_rng(0).normal(size=(3, 4, 2))
    assert np.allclose(part.reparameterize(mu, sigma, eps), mu + sigma * eps)
    assert isinstance(part.reparameterize(mu, sigma, eps), np.ndarray)
    assert part.dense_backward is SPARES["dense_backward"][1]  # no such notebook here


@pytest.mark.parametrize(
    "cells, words",
    [
        ((STUB,), "until you have solved it"),
        ((), "until you have solved it"),
        ((WRONG,), "yours is not right yet. z["),
        ((HELPED,), "NameError: name 'shifted' is not defined"),
        (("import numpy as np", HELPED), "NameError: name 'shifted' is not defined"),
        (
            ("FACTOR = 1 / 0", "def reparameterize(mu, sigma, eps):\n    return mu + FACTOR * eps"),
            f"ZeroDivisionError: division by zero, in {NAME}, cell 1",
        ),
        (("def reparameterize(mu, sigma, eps)\n    return mu + sigma * eps",), "cell 1 is no Python"),
        (("reparameterize = 3",), "is the number 3"),
        (("import sys\nreparameterize = sys.exit()",), "SystemExit"),
        ((ENDLESS,), "yours is not right yet. Interrupted before it came to an end"),
        (("%%bash\nreparameterize() { echo; }",), "until you have solved it"),
    ],
)
def test_what_keeps_an_answer_from_being_taken(tmp_path, capsys, cells, words):
    lesson(tmp_path, *cells)
    part, line = collected(tmp_path, capsys)
    assert part.reparameterize is SPARES["reparameterize"][1] and part.mine == ()
    assert words in line


def test_the_lessons_with_their_solutions_typed_in_below(tmp_path, capsys):
    for path in tools.PATHS:
        nb = tools.read(path)
        nb.cells += [nbformat.v4.new_code_cell(code) for code in tools.solutions(nb).values()]
        nbformat.write(nb, tmp_path / path.name)
    part = collect(tmp_path)
    assert part.whose == "your parts", capsys.readouterr().out
    assert judged("9.2", assemble(part)).passed


def test_two_notebooks_of_a_lesson(tmp_path, capsys):
    """The one that is right is taken, and both are named; an untouched copy is no reason for silence."""
    right, copy = (
        lesson(tmp_path, RIGHT),
        lesson(tmp_path, STUB, name="04_the_reparameterization_trick-Copy1.ipynb"),
    )
    for first, second in ((right, copy), (copy, right)):
        os.utime(first, (1, 1))
        os.utime(second, (2, 2))
        part, line = collected(tmp_path, capsys)
        assert part.mine == ("reparameterize",) and f"from {right.name}; there is also {copy.name}" in line


def test_a_file_that_is_no_notebook(tmp_path, capsys):
    for text in ("{", "[]", "\x00"):
        (tmp_path / "04_broken.ipynb").write_text(text)
        _, line = collected(tmp_path, capsys)
        assert "can't be read" in line


def test_it_says_whose_parts_they_are_and_what_it_runs(tmp_path, capsys, monkeypatch):
    lesson(tmp_path, RIGHT)
    part = collect(tmp_path)
    out = capsys.readouterr().out
    assert "running your functions" in out and 'collect("folder")' in out
    assert part.whose == "1 of your parts, 8 of minivae's"
    assert collect("no such folder").whose == "minivae's parts"
    part.mine = tuple(SPARES)
    assert part.whose == "your parts"
    monkeypatch.setattr(sys, "platform", "emscripten")
    collect("no such folder")
    assert "in this browser" in capsys.readouterr().out


def test_nothing_is_printed_by_the_learners_cells(tmp_path, capsys):
    lesson(
        tmp_path,
        "print('loud')",
        "VOLUME = print('louder')",
        RIGHT.replace("return", "VOLUME; print('loudest'); return"),
    )
    assert collect(tmp_path).mine == ("reparameterize",)
    assert "loud" not in capsys.readouterr().out.replace("YOURS", "")


def test_loops_are_timed():
    def by_loops(da, x, W):
        dx, dW = np.zeros_like(x), np.zeros_like(W)
        for b in range(len(x)):
            for i in range(len(W)):
                for o in range(W.shape[1]):
                    dx[b, i] += da[b, o] * W[i, o]
                    dW[i, o] += x[b, i] * da[b, o]
        return dx, dW, da.sum(axis=0)

    words = slowness("dense_backward", by_loops)
    assert (
        "loops perhaps" in words
        and ("hours" in words or "minutes" in words)
        and "part.minivae.dense_backward" in words
    )
    for name, (_, spare) in SPARES.items():
        assert slowness(name, spare) == "", name


def test_the_spares_pass_the_checks():
    for name, (number, spare) in SPARES.items():
        assert judged(number, spare).passed, name
    assert judged("9.2", assemble(collect("no such folder"))).passed


def test_only_what_is_needed_is_run():
    code = SavedCode(
        [
            (1, "a = 1\nb = a + 1\nc = 1 / 0"),
            (2, "def f(x):\n    c = 2\n    return [b * y for y in x] + [c]"),
            (3, "b = 5"),
        ]
    )
    target = code.statements[3]
    assert [s.source for s in code.needed(3, target)] == ["notebook, cell 1"] * 2
    assert code.value(3, "f")[0]([1]) == [2, 2]


@pytest.mark.parametrize(
    "text, kept",
    [
        ("x = (1\n% 2)", "x = (1\n% 2)"),
        ("%time y = 1\nx = 2", "pass\nx = 2"),
        ("if 1:\n    %time y = 1\nx = 2", "if 1:\n    pass\nx = 2"),
        ("files = !ls\nx = 2", "pass\nx = 2"),
        ("np.sum?\nx = 2", "pass\nx = 2"),
        ("%%timeit -n 3\nx = 2", "x = 2"),
        ("%%html\n<b>", ""),
    ],
)
def test_magic_is_left_out(text, kept):
    assert without_magic(text) == kept
