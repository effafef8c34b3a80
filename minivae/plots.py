"""Figures of a model and of its training. Each function takes arrays or a model and returns a matplotlib
Figure.

Nothing global is touched: no pyplot, no drawing from the model's own generator. Where a picture needs random
numbers it takes `rng`, by default a fresh generator seeded like the model, so that the same model gives the
same picture.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from .inputs import check_whole, to_floats
from .mosaic import cell_size, mosaic, show_images, show_page
from .storage import write_beside

FORMATS = (".png", ".pdf", ".svg")
CLASSES = 10  # of a conditional model that are drawn
PRIOR_95 = 5.991**0.5  # radius of the circle that holds 95 % of a two-dimensional N(0, I): sqrt(-2 log 0.05)


def save(figure, path, dpi=130):
    """Write a figure to a .png, .pdf or .svg file, beside and then renamed.

    Raises OSError where that fails.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise ValueError(
            f"{path} is not the name of a picture; it must end in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}."
        )
    write_beside(
        path,
        lambda file: figure.savefig(file, format=suffix[1:], dpi=dpi, bbox_inches="tight", pad_inches=0.05),
    )


def learning_curves(history):
    """elbo, log p(x|z) and KL against the epoch, training and held out.

    history: the columns that fit returns.
    """
    if not history:
        raise ValueError("the history is empty; its curves begin with the first epoch of training.")
    figure = Figure(figsize=(8.4, 2.8), layout="constrained")
    panels = figure.subplots(1, 3)
    epochs = history["epoch"]
    marked = list(range(len(epochs) - 1, -1, -(len(epochs) // 12 + 1)))  # a dozen epochs, the last among them
    for ax, name, title in zip(
        panels, ("elbo", "log_px_z", "kl"), ("ELBO", "log p(x|z)", "KL(q(z|x) || p(z))")
    ):
        curves = [(name, "training", "o-", "C0"), (f"validation_{name}", "held out", "s--", "C1")]
        if name == "elbo":
            curves.insert(1, ("bound", "training, K samples", "^:", "C2"))
        for column, label, style, colour in curves:
            if column in history:
                ax.plot(
                    epochs, history[column], style, color=colour, label=label, ms=4, lw=1.2, markevery=marked
                )
        ax.set_title(title, fontsize=10)
        ax.set_xlabel("epoch")
        ax.set_xticks(np.unique(np.linspace(epochs[0], epochs[-1], 6).round().astype(int)))
        ax.grid(alpha=0.3)
    panels[0].set_ylabel("nats per image")
    panels[0].legend(fontsize=8, loc="lower right")
    return figure


def reconstructions(vae, X, y=None, n=10, rng=None):
    """The first n images of X as the model sees them, and beneath each the mean of p(x'|z) and a draw from
    it.

    z ~ q(z|x) is the same draw for both. X (N, D), (N, H, W) or (N, H, W, 3); y labels for a conditional
    model.
    """
    X, y = np.asarray(X[:n]), None if y is None else np.asarray(y)[:n]
    if len(X) == 0:
        raise ValueError("there are no images to reconstruct; give at least one.")
    seed = vae.seed if rng is None else int(np.random.default_rng(rng).integers(2**32))
    # three generators of one seed: the same binarisation and the same z each time
    x = to_floats(X.reshape(len(X), -1), vae.dtype, vae.binarize, np.random.default_rng(seed))
    mean = vae.posterior_predictive_probs(X, y, rng=seed)
    draw = vae.posterior_predictive_sample(X, y, rng=seed)
    figure = Figure(
        figsize=_size(0.62 * len(X), len(X), 3, vae.image_shape, beside=1.45, above=0.15),
        layout="constrained",
    )
    show_images(figure.subplots(), np.concatenate([x, mean, draw]), len(X), vae.image_shape,
                ["original x", "mean of p(x'|z)", "a draw x' ~ p(x'|z)"], _white_black(vae, x),
                gap=2)  # fmt: skip
    return figure


def prior_samples(vae, n=25, y=None, rng=None):
    """n draws x ~ p(x|z) with z ~ N(0, I), and on the right, in the same places, the pixel means they were
    drawn from.

    A conditional model gets one row of five per class, of ten classes at most, or n draws of the classes or
    attributes y, (n,) or (n, C).
    """
    n, rng = check_whole("n", n, 1), np.random.default_rng(vae.seed if rng is None else rng)
    columns, names, of = int(np.ceil(n**0.5)), None, ""
    if vae.n_conditions and y is None:
        columns, names = 5, [f"class {c}" for c in vae.class_labels[:CLASSES]]
        y = np.repeat(np.arange(len(names)), columns)
        n, of = len(y), _of_classes(vae)
    draws, means = vae.prior_predictive_sample_with_probs(n, y, rng=rng)
    rows, limits = -(-n // columns), _white_black(vae, means)
    width, height = _size(max(2.5, 0.4 * columns), columns, rows, vae.image_shape, above=0.35)
    figure = Figure(figsize=(2 * width + (0.7 if names else 0.1), height), layout="constrained")
    left, right = figure.subplots(1, 2)
    show_images(left, draws, columns, vae.image_shape, names, limits)
    show_images(right, means, columns, vae.image_shape, None, limits)
    left.set_title("draws x ~ p(x|z), z ~ N(0, I)", fontsize=10, loc="left")
    what = "their probabilities" if vae.likelihood.name == "bernoulli" else "their means"
    right.set_title(what + of, fontsize=10, loc="left")
    return figure


def style_transfer(vae, X, y, n=6, rng=None):
    """The first n images, and beside each what the decoder makes of its z, the mean of q(z|x, y), with every
    class (ten at most): the same style, another digit (lesson 12).

    X (N, D), (N, H, W) or (N, H, W, 3), y labels. Raises ValueError for a model without classes.
    """
    if not vae.n_conditions:
        raise ValueError("this model is told no label; style transfer needs a conditional model.")
    classes = vae.class_labels[:CLASSES]
    X, y = np.asarray(X[:n]), np.asarray(y)[:n]
    if len(X) == 0:
        raise ValueError("there are no images to take the style of; give at least one.")
    seed = vae.seed if rng is None else int(np.random.default_rng(rng).integers(2**32))
    x = to_floats(X.reshape(len(X), -1), vae.dtype, vae.binarize, np.random.default_rng(seed))
    z = np.repeat(vae.transform(X, y, rng=seed), len(classes), axis=0)
    means = vae.prior_predictive_with_input(z, np.tile(np.arange(len(classes)), len(X)))
    rows = np.concatenate([x[:, None], means.reshape(len(X), len(classes), -1)], axis=1)
    columns = len(classes) + 1
    figure = Figure(
        figsize=_size(0.62 * columns, columns, len(X), vae.image_shape, beside=0.2, above=0.35),
        layout="constrained",
    )
    ax = figure.subplots()
    show_images(
        ax, rows.reshape(len(X) * columns, -1), columns, vae.image_shape, None, _white_black(vae, x), gap=2
    )
    ax.set_title(
        f"an image, and its z as class {', '.join(map(str, classes))}{_of_classes(vae)}",
        fontsize=10,
        loc="left",
    )
    return figure


def latent_map(vae, X, labels=None, n=2000, y=None):
    """The means of q(z|x) of the first n images for a model with two latents, each drawn as its label.

    The dashed circle holds 95 % of the prior N(0, I). labels (N,) small integers, or None for dots; beyond
    the ten most frequent labels there are only dots. y: the conditions of a conditional model, by default the
    labels. Raises ValueError for another number of latents.
    """
    _needs_two_latents(vae, "a map")
    y = labels if y is None else y
    X, y = np.asarray(X[:n]), None if y is None else np.asarray(y)[:n]
    mu = vae.transform(X, y if vae.n_conditions else None, rng=vae.seed)
    figure = Figure(figsize=(5.2, 5.2), layout="constrained")
    ax = figure.subplots()
    ax.add_patch(Circle((0, 0), PRIOR_95, fill=False, ls="--", color="0.4", lw=1))
    written = np.zeros(len(mu), bool)
    if labels is not None and np.ndim(labels) == 1:
        labels = np.asarray(labels)[:n]
        found, counts = np.unique(labels, return_counts=True)
        for i, label in enumerate(np.sort(found[np.argsort(-counts, kind="stable")[:CLASSES]])):
            z = mu[labels == label]
            ax.plot(*z.T, ls="", marker=f"${label}$", ms=5, mew=0.2, color=f"C{i % 10}", alpha=0.7)
            written |= labels == label
    if not written.all():
        ax.plot(*mu[~written].T, ".", ms=2, **({"color": "0.6"} if written.any() else {}))
    reach = 1.05 * max(PRIOR_95, np.abs(mu).max(initial=0))
    ax.set(
        xlim=(-reach, reach),
        ylim=(-reach, reach),
        aspect="equal",
        xlabel="mean of $z_1$",
        ylabel="mean of $z_2$",
    )
    ax.set_title("means of q(z|x); the circle holds 95 % of N(0, I)", fontsize=10)
    return figure


def latent_grid(vae, n=20, extent=3.0, y=None):
    """What the decoder makes of an n x n grid of z over [-extent, extent]^2, for a model with two latents.

    z_1 runs to the right and z_2 upwards, as in latent_map. A conditional model takes one class or row of
    attributes y, or by default shows a coarser grid for each of its first ten classes. Raises ValueError for
    another number of latents.
    """
    _needs_two_latents(vae, "a grid")
    each_class = vae.n_conditions > 0 and y is None
    classes = list(range(len(vae.class_labels[:CLASSES]))) if each_class else [y]
    n = min(n, 8) if each_class else min(n, 12) if vae.image_shape[0] == 1 else n
    across = min(5, len(classes))
    size = 2.3 if each_class else 6.0
    rows = -(-len(classes) // across)
    figure = Figure(figsize=(size * across, size * rows), layout="constrained")
    panels = figure.subplots(rows, across, squeeze=False, sharex=True, sharey=True).ravel()
    line = np.linspace(-extent, extent, n)
    z1, z2 = np.meshgrid(line, line[::-1])
    Z = np.stack([z1.ravel(), z2.ravel()], axis=1)
    means = [
        vae.prior_predictive_with_input(Z, None if c is None else np.repeat(np.asarray(c)[None], len(Z), 0))
        for c in classes
    ]
    limits = _white_black(vae, np.concatenate(means))
    edge = extent + extent / max(n - 1, 1)  # half a cell beyond the outermost z
    height, width = cell_size(vae.image_shape)
    for ax, c, mean in zip(panels, classes, means):
        if vae.image_shape[0] == 1:
            show_images(ax.inset_axes([0, 0, 1, 1]), mean, n, vae.image_shape, None, limits)
            ax.set(xlim=(-edge, edge), ylim=(-edge, edge))
        else:
            page = mosaic(mean, n, vae.image_shape, gap=0)
            show_page(ax, page, limits, extent=(-edge, edge, -edge, edge), aspect="auto")
        ax.set_box_aspect(height / width)
        ax.set_xticks(np.linspace(-extent, extent, 7 if not each_class else 3))
        ax.set_yticks(np.linspace(-extent, extent, 7 if not each_class else 3))
        if each_class:
            ax.set_title(f"class {vae.class_labels[c]}", fontsize=10)
    for ax in panels[len(classes) :]:
        ax.remove()
    if each_class:
        figure.supxlabel(f"$z_1$ {_of_classes(vae)}", fontsize=10)
        figure.supylabel("$z_2$", fontsize=10)
    else:
        panels[0].set(xlabel="$z_1$", ylabel="$z_2$")
    return figure


def _of_classes(vae):
    """Where not all classes are drawn: how many there are."""
    return f" ({CLASSES} of {vae.n_conditions} classes)" if vae.n_conditions > CLASSES else ""


def _size(width, n_columns, n_rows, image_shape, beside=0.0, above=0.0):
    """The inches of a figure with a mosaic `width` wide, and room for words."""
    cell_height, cell_width = cell_size(image_shape)
    height = width * n_rows * cell_height / (n_columns * cell_width)
    return width + beside, min(max(height, 0.8), 8.0) + above


def _white_black(vae, shown):
    """The pixel values to draw white and black: those of the images that the model was trained on, as fit
    found them."""
    if vae.white_black is not None:
        return vae.white_black
    if vae.likelihood.needs_unit_pixels or shown.size == 0 or 0 <= shown.min() <= shown.max() <= 1:
        return 0, 1
    return tuple(np.percentile(shown, (1, 99)))


def _needs_two_latents(vae, what):
    if vae.n_latent != 2:
        raise ValueError(
            f"this model has {vae.n_latent} latents; {what} of the latent space needs a model with 2."
        )
