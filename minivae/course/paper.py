"""The worksheet on paper: pages of a PDF, with room for the pencil.

    write_pdf(Worksheet(seed=7), "sheet.pdf", blank=True)

A row is a formula in symbols, room to put the numbers in, and a line for the value; filled, both stand there.
Everything is measured in millimetres from the upper left corner of the page.
"""

import functools
import itertools

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle

from ..storage import write_beside
from .worksheet import INTRODUCTION, LAYERS, UNITS, tex

PAPERS = {"A4": (210.0, 297.0), "letter": (215.9, 279.4)}
MM = 1 / 25.4
LEFT, RIGHT, TOP, BOTTOM = 15, 15, 15, 16  # margins
ROW, BELOW, HEAD = 8.6, 6.0, 10.5  # heights of a row, of a second line in it, and of a section's title
FORMULA, NUMBERS = 10, 8.5  # points
STYLE = {"font.family": "STIXGeneral", "mathtext.fontset": "stix", "font.size": 10.5}
GREY = "0.55"


def write_pdf(sheet, path, blank=False, update=True, paper="A4"):
    """Write a Worksheet to a PDF file, beside and then renamed.

    blank leaves the numbers out, update=False the step of RMSProp; paper is "A4" or "letter". Raises
    ValueError for another paper, OSError where the file can't be written.
    """
    if paper not in PAPERS:
        raise ValueError(f"paper is {paper!r}; take one of {', '.join(map(repr, PAPERS))}.")
    with rc_context(STYLE):
        figures = pages(sheet, blank, update, paper)

        def write(file):
            with PdfPages(file, metadata={"Title": sheet.title, "CreationDate": None}) as pdf:
                for figure in figures:
                    pdf.savefig(figure)

        write_beside(path, write)


def pages(sheet, blank, update, paper):
    """The pages as figures. Where a section goes on overleaf, three lines or more stay, two or more go."""
    found = [Page(paper)]
    heading(found[0], sheet)
    for title, rows in sheet.sections(update):
        lines = [Line(found[-1], sheet, row) for row in rows]
        here = found[-1].fitting(lines)
        if here < len(lines):
            here = min(here, len(lines) - 2) if here >= 3 else 0
        if here:
            section(found[-1], title, lines[:here], blank)
        if lines[here:]:
            found.append(Page(paper))
            section(found[-1], f"{title}, continued" if here else title, lines[here:], blank)
    for number, page in enumerate(found, 1):
        page.text(LEFT, page.height - 9, f"minivae, {sheet.title}", size=8, color=GREY)
        page.text(page.right, page.height - 9, f"{number} of {len(found)}", size=8, color=GREY, ha="right")
    return [page.figure for page in found]


class Page:
    """One page, written from top to bottom; y is where the next thing goes."""

    def __init__(self, paper):
        self.width, self.height = PAPERS[paper]
        self.right, self.y = self.width - RIGHT, TOP
        self.figure = Figure(figsize=(self.width * MM, self.height * MM))

    def fitting(self, lines):
        """How many of these lines, below their section's title, fit on what is left of the page."""
        heights = np.cumsum([line.height for line in lines])
        return int(np.sum(heights <= self.height - BOTTOM - self.y - HEAD))

    def at(self, x, y):
        return x / self.width, 1 - y / self.height

    def text(self, x, y, words, size=10.5, **how):
        self.figure.text(*self.at(x, y), words, size=size, va=how.pop("va", "baseline"), **how)

    def rule(self, x, to, y, width=0.5, **how):
        (x0, y0), (x1, y1) = self.at(x, y), self.at(to, how.pop("to_y", y))
        how = {"color": "black", "lw": width} | how
        self.figure.add_artist(Line2D([x0, x1], [y0, y1], **how))


@functools.cache
def ruler():
    figure = Figure()
    return figure, FigureCanvasAgg(figure).get_renderer()


@functools.cache
def extent(words, size):
    """How wide these words are."""
    figure, renderer = ruler()
    text = figure.text(0, 0, words, size=size)
    width = text.get_window_extent(renderer).width / figure.dpi / MM
    text.remove()
    return width


def columns(page):
    """Where the formula, the numbers and the value begin."""
    return LEFT + 22, LEFT + 92, page.right - 35


def heading(page, sheet):
    """Title, introduction, what is given, and the picture of the machine."""
    page.text(LEFT, page.y + 4, sheet.title, size=15, weight="bold")
    page.y += 12
    for words in INTRODUCTION:
        page.text(LEFT, page.y, words, size=9)
        page.y += 4.2
    page.y += 2
    machine(page, sheet)
    vectors = {name: np.atleast_2d(array) for name, array in (("x", sheet.x), ("eps", sheet.eps))}
    given = f"$x$ = {numbers(vectors['x'][0])}     $\\varepsilon$ = {sheet.eps.item():g}"
    page.text(LEFT, page.y, f"{given}     learning rate 0.1     head: {sheet.head}")
    for k, layer in LAYERS.items():
        page.y += 5.6
        W, b = (sheet.vae.parameters[f"{layer}.{name}"] for name in "Wb")
        page.text(LEFT, page.y, f"$W_{k}$ = {numbers(W)}")
        page.text(LEFT + 62, page.y, f"$b_{k}$ = {numbers(b)}")
        page.text(LEFT + 105, page.y, layer, color=GREY)
    page.y += 3


def numbers(array):
    """[[1, -0.5], ...] with true minus signs."""
    if np.ndim(array):
        return f"[{', '.join(map(numbers, array))}]"
    return f"{array:g}".replace("-", "\u2212")


def machine(page, sheet):
    """The tiny VAE as a picture: two pixels in, two probabilities out."""
    xs = np.linspace(LEFT + 12, page.right - 12, 6)
    top, low, middle = page.y + 4, page.y + 20, page.y + 12
    layers = [[f"x{i}" for i in UNITS], [f"h1{i}" for i in UNITS], ["mu", "raw"], ["z"]]
    layers += [[f"h3{i}" for i in UNITS], [f"p{i}" for i in UNITS]]
    places = [[(x, middle)] if len(names) == 1 else [(x, top), (x, low)] for x, names in zip(xs, layers)]
    for here, there in itertools.pairwise(places):
        for x, y in here:
            for to, to_y in there:
                page.rule(x, to, y, 0.7, to_y=to_y, color=GREY, zorder=1)
    for names, spots in zip(layers, places):
        for name, (x, y) in zip(names, spots):
            radius = 5.2
            centre = x * MM, (page.height - y) * MM
            page.figure.add_artist(
                Circle(
                    centre, radius * MM, transform=page.figure.dpi_scale_trans, fc="white", ec="black", lw=0.8
                )
            )
            page.text(x, y, f"${tex(name)}$", size=9.5, ha="center", va="center", zorder=3)
    page.text(xs[3], top - 1, r"$\varepsilon$", size=10, ha="center")
    page.rule(xs[3], xs[3], top, 0.8, to_y=middle - 5.4)
    for k, between in zip(LAYERS, ((0, 1), (1, 2), (3, 4), (4, 5))):
        x = (xs[between[0]] + xs[between[1]]) / 2
        page.text(x, low + 8.5, f"$W_{k},\\ b_{k}$", size=9.5, ha="center")
    page.text((xs[2] + xs[3]) / 2, low + 8.5, r"$z = \mu + \sigma\,\varepsilon$", size=9.5, ha="center")
    page.y = low + 16


def section(page, title, lines, blank):
    """A section's title and lines."""
    page.y += HEAD
    page.text(LEFT, page.y - 2.6, title, size=10.5, weight="bold")
    page.rule(LEFT, page.right, page.y - 0.8, 0.9)
    for line in lines:
        line.draw(page, blank)


class Line:
    """A row on paper: symbol, formula, the numbers put in, the value, the equation.

    Where formula and numbers do not fit side by side, the numbers come below.
    """

    def __init__(self, page, sheet, row):
        self.symbol, self.where = f"${tex(row.symbol)}$", row.where
        self.formula = f"$=\\ {tex(row.template.replace('{', '').replace('}', ''))}$"
        self.numbers = f"${tex(sheet.formula(row))}$"
        self.value = f"{sheet.rounded(row):.4f}".replace("-", "\u2212")
        formula, put_in, value = columns(page)
        fits = formula + extent(self.formula, FORMULA) < put_in - 2
        self.below = not (fits and put_in + extent(self.numbers, NUMBERS) < value - 2)
        self.height = ROW + BELOW * self.below

    def draw(self, page, blank):
        formula, put_in, value = columns(page)
        base = page.y + ROW - 2.4
        page.y += self.height
        page.text(formula - 3, base, self.symbol, ha="right")
        page.text(formula - 1.6, base, self.formula, size=FORMULA)
        if self.below:
            put_in, base = formula + 2, base + BELOW
        if blank:
            page.rule(put_in, value - 3, base + 0.9, 0.4, color="0.75", ls=(0, (1, 2)))
        else:
            page.text(put_in, base, self.numbers, size=NUMBERS, color="0.25")
            page.text(value + 19, base, self.value, ha="right")
        page.rule(value, value + 20, base + 0.9, 0.5)
        page.text(page.right, base, self.where, size=9, ha="right", color=GREY)
