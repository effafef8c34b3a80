"""The card of the course holds every numbered formula, legible, on two pages."""

import sys

import lessons_tools as tools
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.mathtext import MathTextParser

sys.path.insert(0, str(tools.LESSONS))
import card

TAGS = [tag for path in tools.PATHS for tag in tools.TAG.findall(tools.markdown(tools.read(path)))]


@pytest.fixture(scope="module")
def pages():
    return card.draw(card.course())


def test_every_numbered_formula_is_there_once():
    assert [tag for _, _, formulas in card.course() for tag in formulas] == TAGS
    assert [number for number, _, _ in card.course()] == [tools.number_of(path) for path in tools.PATHS]


def test_every_line_can_be_set():
    parser = MathTextParser("path")
    for _, _, formulas in card.course():
        for tag, lines in formulas.items():
            assert lines, tag
            for line in lines:
                parser.parse(f"${line}$")


def test_two_pages_hold_them_all_and_nothing_leaves_its_column(pages):
    assert len(pages) == 2
    shown = [text.get_text() for page in pages for text in page.texts]
    assert [text for text in shown if text in TAGS] == TAGS
    for page in pages:
        page.dpi, renderer = 200, FigureCanvasAgg(page).get_renderer()
        for text in page.texts:
            box = text.get_window_extent(renderer)
            left = box.x0 / page.dpi - card.MARGIN
            column = int((left + 0.01) // (card.WIDTH + card.GAP))
            right = card.MARGIN + column * (card.WIDTH + card.GAP) + card.WIDTH
            assert 0 <= column < card.COLUMNS and box.x1 / page.dpi < right + 0.03, text.get_text()
            assert box.y0 > 0 and box.y1 < page.dpi * card.PAGE[1], text.get_text()
            assert text.get_fontsize() >= 3, text.get_text()


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="do not fit on two pages"):
        card.draw(card.course() * 4)


def test_formulas_are_spelt_as_matplotlib_takes_them():
    assert card.lines_of(r"a = \tfrac12 b, \qquad \text{if } c \le 3 \tag{1.1}") == [
        r"a = \frac{1}{2} b",
        r"\mathrm{if\ } c \leq 3",
    ]
    assert card.broken("x = (y = 3) = z") == ["x ", "= (y = 3) ", "= z"]
