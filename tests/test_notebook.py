"""Figures with alternative text, sliders and a pad to draw on, which leave a sentence in a saved notebook."""

import base64
import io
import re
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from minivae import progress
from minivae.course import notebook


@pytest.fixture
def shown(monkeypatch):
    bundles = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: bundles.append(bundle))
    return bundles


def test_a_figure_comes_with_its_alternative_text_and_is_closed(shown):
    fig, ax = plt.subplots(figsize=(4, 2))
    ax.plot([0, 1])
    notebook.show(fig, 'a line that rises: "p < q"')
    (bundle,) = shown
    assert bundle["text/plain"] == '[picture] a line that rises: "p < q"'
    assert 'alt="a line that rises: &quot;p &lt; q&quot;"' in bundle["text/html"]
    picture = Image.open(io.BytesIO(base64.b64decode(re.search(r"base64,([^\"]*)", bundle["text/html"])[1])))
    assert (
        picture.format == "PNG"
        and picture.width > int(re.search(r'width="(\d+)"', bundle["text/html"])[1]) > 300
    )
    assert not plt.fignum_exists(fig.number)


def test_the_same_figure_gives_the_same_bytes(shown):
    for _ in range(2):
        fig, ax = plt.subplots()
        ax.plot([0, 1])
        notebook.show(fig, "a line")
    assert shown[0] == shown[1]


def test_a_slider_calls_its_function_and_leaves_a_sentence(shown):
    calls = []
    notebook.slider(lambda mu, k: calls.append((mu, k)), mu=(0.5, -1.0, 1.0, 0.1), k=(2, 0, 5, 1))
    (bundle,) = shown
    assert calls == [(0.5, 2)] and isinstance(calls[0][1], int)
    assert bundle["text/plain"] == "Run this cell in Jupyter to move mu and k."
    notebook.slider(lambda **z: None, z1=(0, 0, 5, 1), z2=(0, 0, 5, 1), z3=(0, 0, 5, 1))
    notebook.slider(lambda k: None, k=(0, 0, 5, 1))
    assert [b["text/plain"].split("move ")[1] for b in shown[1:]] == ["z1, z2 and z3.", "k."]
    assert any("widget-view" in mime for mime in bundle)


def test_without_ipywidgets_a_slider_is_a_sentence_and_the_plain_result(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    notebook.slider(lambda beta, K: print(f"beta {beta}, K {K}"), beta=(1.5, 0.0, 4.0, 0.5), K=(3, 1, 9, 1))
    out = capsys.readouterr().out
    assert "beta = 1.5, K = 3" in out and "pip install ipywidgets" in out and out.endswith("beta 1.5, K 3\n")


START = np.array([[True, False, False], [False, False, True]])


def test_a_pad_calls_its_function_after_each_change_and_leaves_a_sentence(shown, monkeypatch):
    import ipywidgets

    boxes, drawings = [], []
    box = ipywidgets.HBox
    monkeypatch.setattr(ipywidgets, "HBox", lambda children: boxes.append(children) or box(children))
    notebook.pad(drawings.append, START)
    left, _ = boxes[0]
    grid, clear = left.children
    assert shown[0]["text/plain"] == "Run this cell in Jupyter to draw: each button is a block of pixels."
    assert any("widget-view" in mime for mime in shown[0])
    grid.children[4].value = True  # the middle of the second row
    grid.children[0].value = False
    clear.click()
    expected = [[1, 0, 0, 0, 0, 1], [1, 0, 0, 0, 1, 1], [0, 0, 0, 0, 1, 1], [0] * 6]
    assert [d.ravel().tolist() for d in drawings] == expected and all(d.shape == (2, 3) for d in drawings)
    grid.children[2].value = True
    assert drawings[-1].tolist() == [[0, 0, 1], [0, 0, 0]] and grid.children[2].description == "\u25a0"
    assert START.tolist() == [[True, False, False], [False, False, True]]


def test_without_ipywidgets_a_pad_is_a_sentence_and_the_plain_result(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    notebook.pad(lambda drawing: print(drawing.sum()), START)
    out = capsys.readouterr().out
    assert "pip install ipywidgets" in out and out.endswith("\n2\n")


def test_a_notebook_is_one_by_its_kernel_and_not_by_what_is_imported(monkeypatch):
    pytest.importorskip("ipykernel")
    assert not progress.in_notebook()
    kernel = type("ZMQInteractiveShell", (), {})()
    monkeypatch.setattr("IPython.get_ipython", lambda: kernel)
    assert progress.in_notebook() and progress.can_be_seen()
