"""Many images on one axis, row by row: grey ones, colour ones, and rows of numbers that have no shape, as
curves."""

import numpy as np


def mosaic(images, n_columns, image_shape=None, gap=1):
    """Images side by side, row by row, `gap` empty pixels (NaN) between them, as one array.

    images (N, H, W) or (N, H, W, 3), or (N, D) with image_shape = (H, W) or (H, W, 3)
    -> (rows (H + gap) - gap, n_columns (W + gap) - gap), and the three colours where there are any.
    """
    images = np.asarray(images)
    if image_shape is not None:
        images = images.reshape(-1, *image_shape)
    n, height, width, *colours = images.shape
    n_rows = -(-n // n_columns)
    cells = np.full((n_rows * n_columns, height + gap, width + gap, *colours), np.nan)
    cells[:n, :height, :width] = images
    page = cells.reshape(n_rows, n_columns, height + gap, width + gap, *colours).swapaxes(1, 2)
    page = page.reshape(n_rows * (height + gap), n_columns * (width + gap), *colours)
    return page[: -gap or None, : -gap or None]


def show_page(ax, page, limits=(0, 1), **settings):
    """Draw a mosaic on ax. limits: the values drawn white and black, (0, 1) for ink on paper, (1, 0) for
    photographs.

    Colours are always drawn as they are, from the lower limit to the higher.
    """
    white, black = limits
    low, high = min(limits), max(limits)
    if page.ndim == 3:
        page = np.nan_to_num((page - low) / (high - low), nan=1.0).clip(0, 1)
    cmap = "gray_r" if black >= white else "gray"
    return ax.imshow(page, cmap=cmap, vmin=low, vmax=high, interpolation="nearest", **settings)


def show_images(ax, images, n_columns, image_shape=None, row_labels=None, limits=(0, 1), gap=1):
    """Draw images row by row on ax; row_labels name the rows on the left; limits are the values drawn white
    and black.

    Rows of numbers without a shape, image_shape = (1, D), are drawn as curves.
    """
    if image_shape is not None and image_shape[0] == 1:
        n_rows = -(-len(images) // n_columns)
        height, gap = CURVE[0] * n_rows / max(n_rows, len(row_labels or ())), 0
        _show_curves(ax, np.asarray(images), n_columns, limits)
    else:
        page = mosaic(images, n_columns, image_shape, gap)
        show_page(ax, page, limits)
        height = (page.shape[0] + gap) / len(row_labels) if row_labels else 0
    ax.set_frame_on(False)
    ax.set_anchor(
        "W"
    )  # the layout reckons with labels at the left edge of the space, so that is where the images must be
    ax.set_xticks([])
    ax.set_yticks([])
    if row_labels is not None:
        ax.set_yticks([height * (row + 0.5) - gap for row in range(len(row_labels))], row_labels)
        ax.tick_params(length=0)


CURVE = (3, 5)  # height and width of the cell that a curve is drawn in


def _show_curves(ax, rows, n_columns, limits):
    """Each row (D,) of numbers as a line in a cell of its own, from the lower limit at its foot to the
    higher at its top."""
    low, span = min(limits), max(limits) - min(limits)
    height, width = CURVE
    D = rows.shape[1]
    x = np.repeat(np.arange(D + 1), 2)[1:-1] * (0.9 * width / D)  # a step for each number
    n_rows = -(-len(rows) // n_columns)
    for i, row in enumerate(rows):
        y = np.repeat((np.clip(row, low - 0.05 * span, low + 1.05 * span) - low) / span, 2)
        line, column = divmod(i, n_columns)
        ax.plot(width * column + x, height * (line + 1 - 0.1) - 0.75 * height * y, color="black", lw=0.5)
    ax.set(xlim=(-0.1 * width, width * n_columns), ylim=(height * n_rows, 0), aspect="equal")


def cell_size(image_shape):
    """Height and width of one image's cell, gap included."""
    return CURVE if image_shape[0] == 1 else (image_shape[0] + 1, image_shape[1] + 1)
