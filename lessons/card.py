"""The whole course on two printed pages: every numbered formula of the lessons, under its lesson.

    python lessons/card.py card.pdf

The formulas are read from the notebooks, so the card is as complete as they are. They are set by matplotlib,
whose TeX knows no environments: what stands on several lines there, or is separated by wide spaces, becomes
lines of its own here.
"""

import functools
import json
import re
import sys
from pathlib import Path

from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

LESSONS = Path(__file__).parent
FORMULA = re.compile(r"\$\$(.*?)\$\$", re.DOTALL)
TAG = re.compile(r"\\tag\{(\d+\.\d+)\}")
PAGE, MARGIN, COLUMNS = (8.27, 11.69), 0.35, 4  # A4 in inches
GAP, INDENT = 0.13, 0.25  # between columns, and of the formulas in them
SIZE = 6.2  # points, of the formulas
WIDTH = (PAGE[0] - 2 * MARGIN - (COLUMNS - 1) * GAP) / COLUMNS

BRACES = r"\{((?:[^{}]|\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})*)\}"  # three levels deep
OPEN, CLOSE = {"{", "(", "[", r"\left", r"\{"}, {"}", ")", "]", r"\right", r"\}"}
RELATIONS = {"=", r"\approx", r"\leq", r"\geq", r"\Rightarrow", r"\Leftrightarrow"}
ATOM = r"\s*(\\[A-Za-z]+|[A-Za-z0-9])"
SPELLING = [  # what matplotlib writes differently, in this order
    (r"\\tag\{[^}]*\}", ""),
    (r"\\begin\{array\}\{[^}]*\}|\\(?:begin|end)\{[a-z]+\}|\\hline(?![a-z])", r"\\\\"),
    (r"\\\\(?:\[[^]]*\])?|\\qquad", r"\\quad"),
    (r"&", r"\\;"),
    (r"\\(?:textstyle|displaystyle|limits)(?![A-Za-z])", ""),
    (r"\\[Bb]igg?[lrm]?(?![A-Za-z])", ""),
    (rf"\\underbrace{BRACES}_{BRACES}", r"\1"),
    (r"\\(?:tfrac|dfrac)(?![A-Za-z])", r"\\frac"),
    (r"\\text(?:bf|it)\{([^{}]*)\}", r"\1"),
    (rf"\\text{BRACES}", lambda m: rf"\mathrm{{{words(m[1])}}}"),
    (
        r"\\texttt\{([^}]*)\}",
        lambda m: rf"\mathtt{{{m[1].replace(chr(92), '').replace('_', chr(92) + '_')}}}",
    ),
    (r"\\operatorname\*?\{", r"\\mathrm{"),
    (r"\\(mathbf|mathcal|bar|hat|dot|tilde)\s+(\\?[A-Za-z]+|\d)", r"\\\1{\2}"),
    (r"\\lvert|\\rvert", "|"),
    (r"\\[lr]Vert", r"\\Vert "),
    (r"\\top(?![a-z])", "T"),
    (r"\\mathbb\s*", ""),
    (r"\\iff(?![a-z])|\\Longleftrightarrow", r"\\Leftrightarrow "),
    (r"\\Longrightarrow", r"\\Rightarrow "),
    (r"\\le(?![a-z])", r"\\leq "),
    (r"\\ge(?![a-z])", r"\\geq "),
    (r"\\ne(?![a-z])", r"\\neq "),
    (r"\\ldots|\\dots(?![a-z])", r"\\ldots "),
    (r"~", r"\\ "),
    (rf"\\frac{ATOM}{ATOM}", r"\\frac{\1}{\2}"),
    (rf"\\frac{ATOM}\s*(?=\{{)", r"\\frac{\1}"),
    (rf"\\sqrt(?!\s*[\[{{]){ATOM}", r"\\sqrt{\1}"),
    (rf"(\\frac{BRACES})\s*([A-Za-z0-9])", r"\1{\3}"),
]


def words(text):
    """Words inside a formula, as matplotlib takes them."""
    return text.replace("$", "").replace(" ", r"\ ").replace("-", "{-}")


def lines_of(formula):
    """The lines of a numbered formula, in matplotlib's spelling."""
    for pattern, new in SPELLING:
        formula = re.sub(pattern, new, formula)
    lines = (re.sub(r"\s+", " ", line) for line in re.split(r"\\quad", formula))
    lines = (re.sub(r"^(?:\\[;,!: ]|\s)+|(?:\\[;,!: ]|[\s.,;:])+$", "", line) for line in lines)
    return [line for line in lines if line]


def course(folder=LESSONS):
    """[(number of the lesson, its title, {number of the formula: its lines})], from the notebooks."""
    found = []
    for path in sorted(Path(folder).glob("[0-9][0-9]_*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        text = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
        formulas = {TAG.search(f)[1]: lines_of(f) for f in FORMULA.findall(text) if TAG.search(f)}
        found.append((int(path.name[:2]), re.search(r"# Lesson \d+: (.*)", text)[1], formulas))
    return found


def rows(lessons, room):
    """(text, number at the margin, is a title), from top to bottom."""
    for number, title, formulas in lessons:
        yield f"{number}  {title}", "", True
        for tag, lines in formulas.items():
            for k, piece in enumerate(fitted(lines, room)):
                yield f"${piece}$", "" if k else tag, False


def broken(line, at=RELATIONS):
    """The pieces of a line at its relations, =, <= and the like, where no bracket is open."""
    pieces, depth = [""], 0
    for token in re.findall(r"\\[A-Za-z]+|\\.|.", line):
        depth += (token in OPEN) - (token in CLOSE)
        if token in at and depth == 0 and pieces[-1].strip():
            pieces.append("")
        pieces[-1] += token
    return pieces


def fitted(lines, room):
    """The lines of a formula, those that are short side by side, those that are long broken at a relation."""
    found = []
    for line in lines:
        beside = found[-1] + r"\quad " + line if found else line
        if measured(f"${beside}$")[0] <= room:
            found[-1:] = [beside]
            continue
        found.append("")
        pieces = [[p] if measured(f"${p}$")[0] <= room else broken(p, {"+", "-"}) for p in broken(line)]
        for piece in (piece for several in pieces for piece in several):
            if found[-1] and measured(f"${found[-1] + piece}$")[0] > room:
                found.append(r"\;\;" + piece)
            else:
                found[-1] += piece
    return found


@functools.lru_cache(None)
def measured(text, size=SIZE, weight="normal"):
    """Width and height in inches of a line."""
    font = FontProperties(size=size, weight=weight)
    return tuple(
        n / 72 for n in text_to_path.get_text_width_height_descent(text, font, ismath=weight == "normal")[:2]
    )


def draw(lessons):
    """The two pages, as figures."""
    pages, items = [Figure(figsize=PAGE) for _ in range(2)], []
    for text, tag, title in rows(lessons, WIDTH - INDENT):
        size, weight, room = (7, "bold", WIDTH) if title else (SIZE, "normal", WIDTH - INDENT)
        wide, high = measured(text, size, weight)
        shrink = min(1, room / wide)
        items.append((text, tag, size * shrink, weight, high * shrink))
    space = 2 * COLUMNS * (PAGE[1] - 2 * MARGIN)
    between = 0.97 * (space - sum(high for *_, high in items)) / len(items)
    if between < 0.02:
        raise ValueError(f"The formulas do not fit on two pages: {-between:.3f} inches a line too many.")
    column, y = 0, PAGE[1] - MARGIN
    for i, (text, tag, size, weight, high) in enumerate(items):
        below = (
            high if weight == "normal" else high + between + items[i + 1][4]
        )  # a title keeps its first formula
        if y - below < MARGIN:
            column, y = column + 1, PAGE[1] - MARGIN
        page, left = pages[column // COLUMNS], MARGIN + column % COLUMNS * (WIDTH + GAP)
        middle = (y - high / 2) / PAGE[1]
        x = left + INDENT * (weight == "normal")
        page.text(x / PAGE[0], middle, text, fontsize=size, va="center", fontweight=weight)
        page.text(left / PAGE[0], middle, tag, fontsize=4.5, va="center", color="0.35")
        y -= high + between
    return pages


def main(path):
    with PdfPages(path) as pdf:
        for page in draw(course()):
            pdf.savefig(page)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python lessons/card.py card.pdf")
    main(sys.argv[1])
