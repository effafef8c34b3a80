"""Drawings for the lessons, readable without colour: computation graphs,
and matrix products as rectangles."""

import numpy as np

FORWARD = {"arrowstyle": "-|>", "linestyle": "-", "linewidth": 1.3, "color": "k"}
BACKWARD = {"arrowstyle": "-|>", "linestyle": (0, (2, 2)), "linewidth": 1.8, "color": "k"}
FIXED = {"boxstyle": "round,pad=0.4", "fc": "white"}
RANDOM = {"boxstyle": "circle,pad=0.35", "fc": "0.88", "ls": "--", "lw": 1.6}


def graph(ax, nodes, forward, backward=(), random=(), stops=()):
    """Draw a computation graph on ax: solid arrows run forward, dashed ones carry gradients back.

    nodes     {name: (x, y)}; boxes, those in `random` dashed circles; a name may hold a line break
    forward, backward   (from, to) or (from, to, label)
    stops     arrows (from, to) that are crossed out, such as a way back that no gradient can go
    """
    boxes = {}
    for name, (x, y) in nodes.items():
        look = RANDOM if name in random else FIXED
        boxes[name] = ax.text(x, y, name, ha="center", va="center", bbox=look, zorder=3).get_bbox_patch()
    x, y = np.array(list(nodes.values()), float).T
    ax.set(xlim=(x.min() - 0.4, x.max() + 0.4), ylim=(y.min() - 0.4, y.max() + 0.4), aspect="equal")
    ax.axis("off")
    both_ways = {frozenset(edge[:2]) for edge in forward} & {frozenset(edge[:2]) for edge in backward}
    for edges, style in ((forward, FORWARD), (backward, BACKWARD)):
        for a, b, *label in edges:
            start, end = np.array(nodes[a], float), np.array(nodes[b], float)
            bend = 0.13 if frozenset((a, b)) in both_ways else 0.0
            ax.annotate(
                "",
                end,
                start,
                arrowprops=dict(
                    **style,
                    patchA=boxes[a],
                    patchB=boxes[b],
                    shrinkA=3,
                    shrinkB=3,
                    connectionstyle=f"arc3,rad={-bend}",
                ),
            )
            side = np.array([-(end - start)[1], (end - start)[0]])  # to the left of the arrow
            middle = (start + end) / 2 + side * bend / 2
            if (a, b) in stops:
                ax.plot(*middle, "kx", ms=14, mew=3, zorder=4)
            if label:
                away = (
                    side / np.hypot(*side) * (0.17 + 0.025 * abs(side[0]) / np.hypot(*side) * len(label[0]))
                )
                ax.text(*(middle + away), label[0], ha="center", va="center", fontsize=9)


def rectangles(ax, terms, scale=0.3):
    """Draw a line of arrays as rectangles with their side lengths: terms are (name, rows, columns) or signs
    such as "=".

    rows and columns are pairs (letter, length); rows is None for a vector, drawn as one row.
    """
    x = 0.0
    for term in terms:
        if isinstance(term, str):
            ax.text(x + 0.25, 0, term, ha="center", va="center", fontsize=13)
            x += 0.5
            continue
        name, rows, columns = term
        height, width = (rows[1] if rows else 1) * scale, columns[1] * scale
        if rows:
            x += 0.1 + 0.14 * len(rows[0])
            ax.text(x - 0.06, 0, rows[0], ha="right", va="center", fontsize=9)
        ax.add_patch(_rectangle(x, -height / 2, width, height))
        ax.text(x + width / 2, 0, name, ha="center", va="center", fontsize=11)
        ax.text(x + width / 2, height / 2 + 0.05, columns[0], ha="center", va="bottom", fontsize=9)
        x += width
    ax.set(xlim=(-0.1, x + 0.1), ylim=(-1.1, 1.25), aspect="equal", anchor="W")
    ax.axis("off")


def _rectangle(x, y, width, height):
    from matplotlib.patches import Rectangle

    return Rectangle((x, y), width, height, fc="0.93", ec="k")
