"""The worksheet: every printed number held against the package, against its own formula,
and against central differences."""

import argparse
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from minivae import RMSProp
from minivae.cli import worksheet as command
from minivae.course import worksheet
from minivae.course.worksheet import Worksheet

CASES = [(seed, sigma) for seed in range(4) for sigma in ("softplus", "logvar")]
LESSONS = sorted((Path(__file__).parents[1] / "lessons").glob("[0-9]*.ipynb"))
NAMES = {"log": np.log, "exp": np.exp, "max": max, "sqrt": np.sqrt}


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{case[1]}", scope="module")
def sheet(request):
    return Worksheet(*request.param)


def evaluate(formula, numbers=None):
    """A formula as it is printed, or with {names} and their numbers."""
    text = re.sub(r"\{([^}]+)\}", lambda m: f"({numbers[m[1]]!r})", formula) if numbers else formula
    return float(eval(text.replace("^", "**"), {"__builtins__": {}}, NAMES))


def printed_rows(text):
    """symbol -> (formula, value) of the table in the terminal."""
    lines = re.findall(r"^  (\S+) += (.+?) {2,}(-?\d+\.\d{4}|_+)  \(", text, re.MULTILINE)
    return {symbol: (formula, value) for symbol, formula, value in lines}


def downstream(sheet, symbol, value):
    """The loss by the worksheet's own forward formulas, with one number replaced by another."""
    numbers = {**sheet.given}
    if symbol in numbers:
        numbers[symbol] = value
    for row in sheet.rows:
        numbers[row.symbol] = value if row.symbol == symbol else evaluate(row.template, numbers)
        if row.symbol == "loss":
            return numbers["loss"]


# The numbers


def test_every_row_has_a_number_and_every_number_a_row(sheet):
    symbols = [row.symbol for row in sheet.rows]
    assert len(symbols) == len(set(symbols)) == 104
    assert set(symbols) == set(sheet.values) - set(sheet.given)


def test_the_values_are_those_of_the_package(sheet):
    vae = sheet.vae
    t = vae.forward(sheet.x, sheet.eps)
    d = vae.backward(t)
    v = sheet.values
    for name in ("mu", "raw", "sigma", "z", "log_px_z", "kl", "elbo", "loss"):
        assert v[name] == np.ravel(t[name])[0]
    for name in ("mu", "raw", "sigma", "z"):
        assert v["d" + name] == d["d" + name].item()
    for first, part in ((1, "encoder"), (3, "decoder")):
        for letter in "ah":
            for i in (0, 1):
                assert v[f"{letter}{first + i}"] == t[f"{part}_{letter}0"][0, i]
                assert v[f"d{letter}{first + i}"] == d[f"d{part}_{letter}0"][0, i]
    assert [v["l1"], v["l2"]] == t.logits[0].tolist() and [v["dl1"], v["dl2"]] == d.dlogits[0].tolist()
    assert [v["dx1"], v["dx2"]] == d.dx[0].tolist()
    p_x = [v[f"p{i}"] if v[f"x{i}"] else 1 - v[f"p{i}"] for i in (1, 2)]
    assert v["log_px_z"] == pytest.approx(np.log(p_x).sum())
    vae = vae.astype(np.float64)
    RMSProp(worksheet.LR).step(vae.theta, vae.grad)
    for k, layer in {"1": "encoder.0", "2": "encoder.1", "3": "decoder.0", "4": "decoder.1"}.items():
        for (i, j), g in np.ndenumerate(vae.gradients[layer + ".W"]):
            assert v[f"dW{k}[{i + 1},{j + 1}]"] == g
            assert v[f"W{k}[{i + 1},{j + 1}]'"] == vae.parameters[layer + ".W"][i, j]
        for j, g in enumerate(vae.gradients[layer + ".b"]):
            assert v[f"db{k}[{j + 1}]"] == g and v[f"b{k}[{j + 1}]'"] == vae.parameters[layer + ".b"][j]


def test_each_formula_gives_its_value_and_uses_only_what_stands_above_it(sheet):
    known = dict(sheet.given)
    for row in sheet.rows:
        assert evaluate(row.template, known) == pytest.approx(
            sheet.values[row.symbol], rel=1e-9, abs=1e-12
        ), row
        known[row.symbol] = sheet.values[row.symbol]


def test_a_pencil_that_follows_the_printed_numbers_gets_the_printed_values(sheet):
    rows = printed_rows(sheet.text())
    assert len(rows) == len(sheet.rows)
    for symbol, (formula, value) in rows.items():
        assert abs(evaluate(formula) - float(value)) < 6e-4, (
            f"{symbol} = {formula} = {evaluate(formula)}, printed {value}"
        )
        assert float(value) == pytest.approx(sheet.values[symbol], abs=5.1e-5)
    errors = [abs(evaluate(formula) - float(value)) for formula, value in rows.values()]
    assert np.mean(np.array(errors) < 1.01e-4) > 0.9, "nearly always to the last digit but one"


def test_every_gradient_against_central_differences_of_the_loss(sheet):
    """Of parameters, the image and every intermediate: the loss from the worksheet's own forward lines."""
    h, checked = 1e-5, 0
    for row in sheet.rows:
        symbol = row.symbol[1:]
        if row.symbol.startswith("d") and symbol in sheet.values:
            middle = sheet.values[symbol]
            numeric = (downstream(sheet, symbol, middle + h) - downstream(sheet, symbol, middle - h)) / (
                2 * h
            )
            assert sheet.values[row.symbol] == pytest.approx(numeric, rel=1e-7, abs=1e-8), row.symbol
            checked += 1
    assert checked == 22 + 2 + 2 + 4 + 4 + 4  # parameters, x, logits, a, h, and z, mu, sigma, raw
    vae = sheet.vae.astype(np.float64)
    vae.backward(vae.forward(sheet.x, sheet.eps))
    for i, g in enumerate(vae.grad):
        losses = []
        for step in (h, -h):
            vae.theta[i] += step
            losses.append(vae.loss(sheet.x, sheet.eps))
            vae.theta[i] -= step
        assert g == pytest.approx((losses[0] - losses[1]) / (2 * h), rel=1e-7, abs=1e-8)


# The exercise


def test_exercises_are_round_and_not_degenerate(sheet):
    v = sheet.values
    assert all(value * 2 == round(value * 2) for value in sheet.given.values())
    hidden = [v[f"a{i}"] for i in (1, 2, 3, 4)]
    assert sum(a < 0 for a in hidden) == 1 and all(0.2 <= abs(a) <= 3 for a in hidden)
    assert all(0.07 < v[p] < 0.93 for p in ("p1", "p2")) and 0.4 < v["sigma"] < 2
    assert all(
        0.1 < abs(v[name]) < 2.5
        for name in ("mu", "raw", "dz", "dmu", "dsigma", "draw", "dl1", "dl2", "dh3", "dh4")
    )
    assert v["kl"] > 0 and v["loss"] == -v["elbo"]


def test_the_same_seed_is_the_same_exercise_and_another_is_another():
    assert Worksheet(4).text() == Worksheet(4).text()
    sheets = [Worksheet(seed) for seed in range(12)]
    assert len({sheet.text().split("\n", 1)[1] for sheet in sheets}) == 12
    dead = {min("1234", key=lambda i, sheet=sheet: sheet.values[f"a{i}"]) for sheet in sheets}
    assert dead == set("1234"), "each unit has its turn"


def test_the_global_generator_is_not_used_and_wrong_seeds_are_told():
    for seed in (-1, 1.5, "x"):
        with pytest.raises(ValueError, match="seed"):
            Worksheet(seed)
    with pytest.raises(ValueError, match="head"):
        Worksheet(0, "tanh")


# The page


@pytest.mark.parametrize("blank", [False, True])
def test_the_page_fits_100_columns_and_its_columns_line_up(sheet, blank):
    lines = sheet.text(blank).split("\n")
    assert max(map(len, lines)) <= 100
    assert all(line == line.rstrip() and line.isascii() for line in lines)
    rows = [line for line in lines if re.match(r"  \S+ +=", line)]
    assert len(rows) == 104 and all(re.match(r".{76} (.{9})  \(\d", line) for line in rows)


def test_the_blank_page_gives_no_computed_number_away(sheet):
    rows = printed_rows(sheet.text(blank=True))
    assert len(rows) == 104 and all(set(value) == {"_"} for _, value in rows.values())
    assert rows["mu"][0].startswith("h1 * ") and rows["dmu"][0] == "dz + mu" and rows["loss"][0] == "-elbo"
    formulas = " ".join(formula for formula, _ in rows.values())
    assert set(re.findall(r"\d+\.\d{2,}", formulas)) <= {"0.000001"}, "given numbers are halves"
    assert rows["a1"][0] == printed_rows(sheet.text())["a1"][0], "what is given stands there"


@pytest.mark.parametrize("blank", [False, True])
def test_the_markdown_is_a_table_with_the_same_values(sheet, blank):
    text = sheet.markdown(blank)
    rows = re.findall(r"^\| \$(.+)\$ \| \$(.+)\$ \| (\S*) ?\| (\(\d.*\)) \|$", text, re.MULTILINE)
    assert len(rows) == 104
    if not blank:
        assert [row[2] for row in rows] == [value for _, value in printed_rows(sheet.text()).values()]
    for line in text.split("\n"):
        if line.startswith("| $"):
            assert line.count("|") == 5, "a bar within a formula would end its cell"
            assert line.count("{") == line.count("}") and line.count("(") == line.count(")")
            assert "*" not in line and "sqrt(" not in line and "_px" not in line
    assert sheet._repr_markdown_() == sheet.markdown()
    assert str(sheet) == sheet.text()


def test_the_formulas_render():
    """matplotlib's mathtext takes every one; of those that differ in their digits only, one is enough."""
    from matplotlib.mathtext import MathTextParser

    parser = MathTextParser("path")
    pages = [
        Worksheet(1, sigma).markdown(blank) for sigma in ("softplus", "logvar") for blank in (False, True)
    ]
    for formula in {
        re.sub(r"[\d.]+", "1", formula) for page in pages for formula in re.findall(r"\$[^$]+\$", page)
    }:
        parser.parse(formula)


@pytest.mark.skipif(not LESSONS, reason="the lessons are not beside the tests")
def test_the_equations_stand_in_the_lessons():
    tags = {
        tag for path in LESSONS for tag in re.findall(r"tag\{([\d.]+)\}", path.read_text(encoding="utf-8"))
    }
    for sigma in ("softplus", "logvar"):
        cited = {number for row in Worksheet(0, sigma).rows for number in re.findall(r"\d+\.\d+", row.where)}
        assert cited <= tags and len(cited) >= 13


# The command line


def run(*argv):
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter)
    command.add_arguments(parser)
    return command.command(parser.parse_args(argv))


@pytest.mark.parametrize(("argv", "settings", "method", "blank"), [
    ((), (0, "softplus"), "text", False), (("--blank", "--seed", "3"), (3, "softplus"), "text", True),
    (("--markdown", "--head", "logvar"), (0, "logvar"), "markdown", False),
])  # fmt: skip
def test_the_command_prints_the_sheet(capsys, argv, settings, method, blank):
    assert run(*argv) == 0
    assert capsys.readouterr().out == getattr(Worksheet(*settings), method)(blank) + "\n"


def test_python_m_minivae_worksheet():
    def minivae(*argv):
        return subprocess.run(
            [sys.executable, "-m", "minivae", "worksheet", *argv], check=False, capture_output=True, text=True
        )

    done = minivae("--seed", "2", "--blank")
    assert done.returncode == 0 and done.stdout == Worksheet(2).text(blank=True) + "\n" and not done.stderr
    wrong = minivae("--seed", "-2")
    assert wrong.returncode == 2 and "seed" in wrong.stderr and "Traceback" not in wrong.stderr
    assert minivae("--help").stdout.rstrip().endswith("python -m minivae worksheet --seed 7")
