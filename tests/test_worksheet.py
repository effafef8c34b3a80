"""The worksheet: every printed number held against the package, against its own formula,
and against central differences."""

import argparse
import itertools
import re
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from minivae import RMSProp
from minivae.cli import worksheet as command
from minivae.course import paper, worksheet
from minivae.course.paper import write_pdf
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
    for k, part in ((1, "encoder"), (3, "decoder")):
        for letter in "ah":
            for i in (0, 1):
                assert v[f"{letter}{k}[{i + 1}]"] == t[f"{part}_{letter}0"][0, i]
                assert v[f"d{letter}{k}[{i + 1}]"] == d[f"d{part}_{letter}0"][0, i]
    for name, array in (("a4", t.logits), ("da4", d.dlogits), ("dx", d.dx)):
        assert [v[name + "[1]"], v[name + "[2]"]] == array[0].tolist()
    p_x = [v[f"p[{i}]"] if v[f"x[{i}]"] else 1 - v[f"p[{i}]"] for i in (1, 2)]
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
    hidden = [v[f"{a}[{i}]"] for a in ("a1", "a3") for i in (1, 2)]
    assert sum(a < 0 for a in hidden) == 1 and all(0.2 <= abs(a) <= 3 for a in hidden)
    assert all(0.07 < v[p] < 0.93 for p in ("p[1]", "p[2]")) and 0.4 < v["sigma"] < 2
    assert all(
        0.1 < abs(v[name]) < 2.5
        for name in ("mu", "raw", "dz", "dmu", "dsigma", "draw", "da4[1]", "da4[2]", "dh3[1]", "dh3[2]")
    )
    assert v["kl"] > 0 and v["loss"] == -v["elbo"]


def test_the_same_seed_is_the_same_exercise_and_another_is_another():
    assert Worksheet(4).text() == Worksheet(4).text()
    sheets = [Worksheet(seed) for seed in range(12)]
    assert len({sheet.text().split("\n", 1)[1] for sheet in sheets}) == 12
    units = "a1[1]", "a1[2]", "a3[1]", "a3[2]"
    assert {min(units, key=sheet.values.get) for sheet in sheets} == set(units), "each is dead in its turn"


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
    assert rows["mu"][0].startswith("h1[1] * ") and rows["dmu"][0] == "dz + mu" and rows["loss"][0] == "-elbo"
    formulas = " ".join(formula for formula, _ in rows.values())
    assert set(re.findall(r"\d+\.\d{2,}", formulas)) <= {"0.000001"}, "given numbers are halves"
    assert rows["a1[1]"][0] == printed_rows(sheet.text())["a1[1]"][0], "what is given stands there"


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


# On paper


def words(page):
    """(text, left, right, baseline, size) of all that is written on a page, in millimetres."""
    found, renderer = [], FigureCanvasAgg(page).get_renderer()
    for text in page.texts:
        box = text.get_window_extent(renderer)
        mm = 25.4 / page.dpi
        found.append(
            (text.get_text(), box.x0 * mm, box.x1 * mm, round(text.get_position()[1], 4), text.get_size())
        )
    return found


def test_on_paper_nothing_runs_into_anything():
    """Not beyond the margins, and no two things on one line. (Letter paper is wider.)"""
    with matplotlib.rc_context(paper.STYLE):
        pages = paper.pages(Worksheet(3), blank=False, update=True, paper="A4")
        width, height = paper.PAPERS["A4"]
        for page in pages:
            lines = {}
            for text, left, right, y, _ in words(page):
                assert paper.LEFT - 1.5 < left < right < width - paper.RIGHT + 0.5, text
                lines.setdefault(y, []).append((left, right, text))
            for line in lines.values():
                line.sort()
                assert all(a[1] < b[0] for a, b in itertools.pairwise(line)), line
            assert page.get_size_inches() * 25.4 == pytest.approx([width, height])


def test_on_paper_every_row_stands_once_with_its_value_or_room_for_it():
    sheet = Worksheet(1, "logvar")
    filled, blank = (paper.pages(sheet, b, update=False, paper="A4") for b in (False, True))
    texts = [text for page in filled for text, *_ in words(page)]
    rows = [row for _, rows in sheet.sections(update=False) for row in rows]
    for row in rows:
        assert texts.count(f"${worksheet.tex(row.symbol)}$") >= 1
        assert f"{sheet.rounded(row):.4f}".replace("-", "\N{MINUS SIGN}") in texts
    numbers = r"\N{MINUS SIGN}?\d\.\d{4}"
    assert sum(bool(re.fullmatch(numbers, text)) for text in texts) == len(rows) == 60
    left = [t.replace("0.000001", "") for page in blank for t, *_ in words(page) if not t.startswith("(")]
    assert not [text for text in left if re.search(r"\d\.\d{2}", text)]
    lines = sum(len(page.artists) for page in blank) - sum(len(page.artists) for page in filled)
    assert lines == 60, "a dotted line for the numbers of each"


def test_on_paper_the_update_can_be_left_out():
    texts = [t for page in paper.pages(Worksheet(0), True, False, "letter") for t, *_ in words(page)]
    assert not any("RMSProp" in text or "(8.4)" in text for text in texts) and "(9.12)" in texts
    assert sum(text.startswith("$=") for text in texts) == 60


def test_a_pdf_is_the_same_bytes_each_time_and_other_paper_is_told(tmp_path):
    write_pdf(Worksheet(2), tmp_path / "a.pdf", blank=True, update=False)
    write_pdf(Worksheet(2), tmp_path / "b.pdf", blank=True, update=False)
    a, b = ((tmp_path / name).read_bytes() for name in ("a.pdf", "b.pdf"))
    assert a == b and a.startswith(b"%PDF") and a.count(b"/Type /Page ") == 3
    with pytest.raises(ValueError, match=r"'A5'; take one of 'A4', 'letter'"):
        write_pdf(Worksheet(0), tmp_path / "c.pdf", paper="A5")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pdf", "b.pdf"]


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


def test_the_command_leaves_the_update_out(capsys):
    run("--no-update")
    printed = capsys.readouterr().out
    assert printed == Worksheet(0).text(update=False) + "\n" and len(printed_rows(printed)) == 60
    assert len(re.findall(r"^\| \$", Worksheet(0).markdown(update=False), re.MULTILINE)) == 60


def test_the_command_writes_a_pdf(capsys, tmp_path):
    file = tmp_path / "sheet.pdf"
    assert run("--pdf", str(file), "--blank", "--no-update", "--paper", "letter") == 0
    assert capsys.readouterr().out == f"written    {file}\n"
    write_pdf(Worksheet(0), tmp_path / "same.pdf", blank=True, update=False, paper="letter")
    assert file.read_bytes() == (tmp_path / "same.pdf").read_bytes()
    with pytest.raises(SystemExit):
        run("--pdf", str(file), "--markdown")


def test_python_m_minivae_worksheet():
    def minivae(*argv):
        return subprocess.run(
            [sys.executable, "-m", "minivae", "worksheet", *argv], check=False, capture_output=True, text=True
        )

    done = minivae("--seed", "2", "--blank")
    assert done.returncode == 0 and done.stdout == Worksheet(2).text(blank=True) + "\n" and not done.stderr
    wrong = minivae("--seed", "-2")
    assert wrong.returncode == 2 and "seed" in wrong.stderr and "Traceback" not in wrong.stderr
    lost = minivae("--pdf", "no such folder/sheet.pdf")
    assert lost.returncode == 2 and "no such folder" in lost.stderr and "Traceback" not in lost.stderr
    assert minivae("--help").stdout.rstrip().endswith("python -m minivae worksheet --seed 7")
