"""A wrong gradient as a picture: which entry is wrong, how, and how much."""

import io
import math

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from ..plots import save
from ..progress import in_notebook

ROWS = 4  # gradients in one figure
WRITTEN = 80  # numbers that are written into their cells


def draw(rows, path=None):
    """Yours, the true gradient and the difference of up to ROWS Rows: black is negative, white positive.

    Cells with a frame are wrong; crossed ones were not measured. path: a .png, .pdf or .svg file to write.
    Without it the figure is shown in a notebook, and returned elsewhere.
    """
    rows = [row for row in rows if row.analytic is not None and row.analytic.shape == row.shape and row.size]
    if not rows:
        raise ValueError("there is nothing to draw: no gradient was compared.")
    rows = rows[:ROWS]
    cells = [flat(row.analytic) for row in rows]
    heights = [min(4.0, max(1.0, 0.35 * len(grid))) + 0.5 for grid in cells]
    figure = Figure(figsize=(10.5, sum(heights)), layout="constrained")
    axes = figure.subplots(len(rows), 3, squeeze=False, height_ratios=heights)
    for row, three in zip(rows, axes):
        draw_row(row, three)
    if path is not None:
        save(figure, path)
    elif in_notebook():
        return display(figure, rows)
    return figure


def draw_row(row, three):
    """The three pictures of one gradient."""
    yours, true = flat(row.analytic), flat(row.numeric)
    both = np.concatenate([yours[np.isfinite(yours)], true[np.isfinite(true)]])
    top, wrong = (
        np.max(np.abs(both), initial=0),
        flat(np.isin(np.arange(row.size), row.wrong_at).reshape(row.shape)),
    )
    apart = yours - true
    apart[np.abs(apart) <= 1e-6 * top] = 0
    pictures = (f"{row.name}: yours", yours, top), ("true", true, top), ("yours - true", apart, None)
    for axis, (title, grid, limit) in zip(three, pictures):
        known = np.isfinite(grid)
        limit = np.max(np.abs(grid[known]), initial=0) if limit is None else limit
        axis.imshow(np.where(known, grid, 0), cmap="gray", vmin=-limit or -1, vmax=limit or 1, aspect="auto")
        axis.set_title(f"{title}, up to {limit:.2g}", fontsize=9)
        for ticks in axis.xaxis, axis.yaxis:
            ticks.set_major_locator(MaxNLocator(integer=True))
        axis.tick_params(labelsize=7)
        for r, c in np.argwhere(wrong):
            axis.add_patch(Rectangle((c - 0.5, r - 0.5), 1, 1, fill=False, edgecolor="C3", lw=1.5))
        for r, c in np.argwhere(~known):
            axis.plot([c - 0.4, c + 0.4], [r - 0.4, r + 0.4], color="black", lw=0.6)
        if grid.size <= WRITTEN:
            for (r, c), value in np.ndenumerate(grid):
                dark = value < -0.2 * limit
                axis.text(
                    c, r, f"{value:.2g}", ha="center", va="center", fontsize=7, color="w" if dark else "k"
                )


def flat(array):
    """As rows and columns: the last axis to the right, all others one below the other."""
    return array.reshape(math.prod(array.shape[:-1]), -1)


def display(figure, rows):
    """Show a figure in a notebook, with a sentence in its place where pictures are not seen."""
    from IPython.display import display as show

    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110)
    wrong = "; ".join(f"{row.name}: {len(row.wrong_at)} of {row.size} wrong" for row in rows)
    words = f"[picture] Yours, the true gradient and the difference as cells from black to white. {wrong}."
    show({"image/png": file.getvalue(), "text/plain": words}, raw=True)
