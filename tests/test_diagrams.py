"""The drawings of the lessons hold what they were given."""

import matplotlib.pyplot as plt
import pytest

from minivae.course.diagrams import graph, rectangles


@pytest.fixture
def ax():
    fig, ax = plt.subplots()
    yield ax
    plt.close(fig)


def texts(ax):
    return [text.get_text() for text in ax.texts if text.get_text()]


def test_a_graph_has_a_box_per_node_an_arrow_per_edge_and_a_cross_per_stop(ax):
    graph(
        ax,
        {"mu": (0, 1), "z": (1, 0), "f": (2, 0)},
        forward=[("mu", "z"), ("z", "f", "f(z)")],
        backward=[("f", "z", "dz"), ("z", "mu")],
        random=["z"],
        stops=[("z", "mu")],
    )
    assert texts(ax) == ["mu", "z", "f", "f(z)", "dz"]
    arrows = [text.arrow_patch for text in ax.texts if getattr(text, "arrow_patch", None)]
    assert [arrow.get_linestyle() == "-" for arrow in arrows] == [True, True, False, False]
    assert len(ax.lines) == 1
    assert ax.texts[1].get_bbox_patch().get_boxstyle().__class__.__name__ == "Circle"


def test_a_product_is_drawn_to_scale(ax):
    rectangles(
        ax,
        [("a", ("B", 4), ("n_out", 3)), "=", ("x", ("B", 4), ("n_in", 6)), "+", ("b", None, ("n_out", 3))],
        scale=0.5,
    )
    assert [(patch.get_height(), patch.get_width()) for patch in ax.patches] == [(2, 1.5), (2, 3), (0.5, 1.5)]
    assert texts(ax).count("B") == 2 and {"=", "+", "n_in"} < set(texts(ax))
    lefts = [patch.get_x() for patch in ax.patches]
    assert all(
        right.get_x() >= left.get_x() + left.get_width() for left, right in zip(ax.patches, ax.patches[1:])
    ), lefts
