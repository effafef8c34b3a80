"""The figures: they show what the model says, nothing is cut off, and drawing changes nothing."""

import copy
import errno
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread

from minivae import VAE, plots, storage
from minivae.inputs import to_floats


@pytest.fixture
def X(rng):
    return rng.integers(0, 256, (12, 5, 4), dtype=np.uint8)


LABELS = np.arange(12) % 3


def model(X, n_latent=2, epochs=2, n_conditions=0, **options):
    vae = VAE(20, (6,), n_latent, n_conditions=n_conditions, **options)
    y = LABELS if n_conditions else None
    vae.fit(
        X,
        y,
        epochs=epochs,
        binarize="threshold" if "likelihood" not in options else None,
        validation=(X[:4], y if y is None else y[:4]),
        progress=False,
    )
    return vae


def drawings(vae, X):
    y = LABELS if vae.n_conditions else None
    figures = {
        "learning_curves": plots.learning_curves(vae.history),
        "reconstructions": plots.reconstructions(vae, X, y),
        "prior_samples": plots.prior_samples(vae),
    }
    if vae.n_conditions:
        figures["style_transfer"] = plots.style_transfer(vae, X, y)
    if vae.n_latent == 2:
        figures["latent_map"] = plots.latent_map(vae, X, LABELS)
        figures["latent_grid"] = plots.latent_grid(vae)
    return figures


def render(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def shown(ax):
    """The array that an axis shows, with its gaps left out as 0."""
    return np.ma.filled(np.ma.masked_invalid(ax.images[0].get_array()), 0)


# All of them ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape, options",
    [
        ((5, 4), {}),
        ((4, 5), {"n_latent": 3}),
        ((1, 20), {"n_conditions": 3}),
        ((20, 1), {"likelihood": "gaussian"}),
        ((5, 4), {"epochs": 1}),
    ],
    ids=["two latents", "three latents", "conditional, flat images", "gaussian, tall images", "one epoch"],
)
def test_every_figure_is_drawn_whole_and_not_blank(shape, options, X):
    X = X.reshape(-1, *shape)
    vae = model(X, **options)
    for name, figure in drawings(vae, X).items():
        page = render(figure)
        assert page.std() > 5, name
        assert (page[[0, -1]] == 255).all() and (page[:, [0, -1]] == 255).all(), f"{name} is cut off"
        width, height = figure.get_size_inches()
        box = figure.get_tightbbox()
        assert box.x0 >= -0.01 and box.y0 >= -0.01 and box.x1 <= width + 0.01 and box.y1 <= height + 0.01, (
            f"{name} is cut off"
        )
        assert width <= 13 and height <= 9


def test_drawing_changes_nothing_and_is_repeatable(X):
    vae = model(X, n_conditions=3)
    before = copy.deepcopy((vae.header(), vae.theta, X))
    first = {name: render(figure) for name, figure in drawings(vae, X).items()}
    again = {name: render(figure) for name, figure in drawings(vae, X).items()}
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert vae.header() == before[0] and np.array_equal(vae.theta, before[1]) and np.array_equal(X, before[2])


def test_other_random_numbers_give_another_picture(X):
    vae = model(X)
    for draw in (
        lambda rng: plots.prior_samples(vae, rng=rng),
        lambda rng: plots.reconstructions(vae, X, rng=rng),
    ):
        assert np.array_equal(shown(draw(5).axes[0]), shown(draw(5).axes[0]))
        assert not np.array_equal(shown(draw(5).axes[0]), shown(draw(6).axes[0]))


def test_pyplot_stays_out_of_it():
    code = "import sys, minivae.plots; print('matplotlib.pyplot' in sys.modules)"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "False"
    )


# Each of them -----------------------------------------------------------------------------------------------


def test_mosaic_lays_images_out_row_by_row():
    images = np.arange(1, 13).reshape(3, 2, 2)
    page = plots.mosaic(images, 2)
    nan = np.nan
    expected = [
        [1, 2, nan, 5, 6],
        [3, 4, nan, 7, 8],
        [nan] * 5,
        [9, 10, nan, nan, nan],
        [11, 12, nan, nan, nan],
    ]
    assert np.array_equal(page, expected, equal_nan=True)
    assert np.array_equal(
        plots.mosaic(images.reshape(3, 4), 3, (2, 2), gap=0), [[1, 2, 5, 6, 9, 10], [3, 4, 7, 8, 11, 12]]
    )


@pytest.mark.parametrize("size", [(7.7, 2.1), (4, 4), (4, 2), (8, 2)])
def test_row_labels_are_whole_in_a_figure_of_any_size(size):
    figure = Figure(figsize=size, layout="constrained")
    plots.show_images(
        figure.subplots(),
        np.ones((30, 5, 4)),
        10,
        row_labels=["original x", "mean of p(x'|z)", "a draw x' ~ p(x'|z)"],
        gap=2,
    )
    page = render(figure)
    assert (page[:, [0, -1]] == 255).all() and (page[[0, -1]] == 255).all()
    assert figure.get_tightbbox().x0 >= 0


def test_learning_curves_show_the_history_in_nats():
    history = {
        "epoch": [1, 2, 3],
        "elbo": [-3.0, -2.0, -1.0],
        "log_px_z": [-2.0, -1.5, -0.5],
        "kl": [1.0, 0.5, 0.5],
        "validation_elbo": [-4.0, -3.0, -2.0],
        "validation_log_px_z": [-3.0, -2.5, -1.5],
        "validation_kl": [1.0, 0.5, 0.6],
    }
    figure = plots.learning_curves(history)
    assert "nats" in figure.axes[0].get_ylabel() and all(
        ax.get_xlabel() == "epoch" and ax.get_title() for ax in figure.axes
    )
    for ax, name in zip(figure.axes, ("elbo", "log_px_z", "kl"), strict=True):
        training, held_out = ax.lines
        assert (
            list(training.get_ydata()) == history[name]
            and list(held_out.get_ydata()) == history[f"validation_{name}"]
        )
        assert (
            training.get_marker() != held_out.get_marker()
            and training.get_linestyle() != held_out.get_linestyle()
        )
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["training", "held out"]


def test_learning_curves_do_without_held_out_images_and_show_a_bound_where_there_is_one():
    history = {
        "epoch": [1, 2],
        "elbo": [-3.0, -2.0],
        "log_px_z": [-2.0, -1.5],
        "kl": [1.0, 0.5],
        "bound": [-2.9, -1.9],
    }
    assert [len(ax.lines) for ax in plots.learning_curves(history).axes] == [2, 1, 1]
    many = {name: np.linspace(1, 2, 3280) for name in history}
    line = plots.learning_curves(many).axes[0].lines[0]
    assert len(line.get_markevery()) <= 13 and line.get_markevery()[0] == 3279


@pytest.mark.parametrize("binarize", ["threshold", "dynamic", None])
def test_reconstructions_stand_below_what_the_model_saw(binarize, X):
    vae = model(X)
    vae.binarize = binarize
    figure = plots.reconstructions(vae, X, n=4, rng=None)
    page = shown(figure.axes[0]).reshape(-1, 4 * 6 - 2)  # 4 images of 5 x 4, two pixels between them
    rows = [[page[7 * i : 7 * i + 5, 6 * j : 6 * j + 4].ravel() for j in range(4)] for i in range(3)]
    x = to_floats(X[:4].reshape(4, 20), np.float32, binarize, np.random.default_rng(vae.seed))
    assert np.allclose(rows[0], x)
    assert np.allclose(rows[1], vae.posterior_predictive_probs(X[:4], rng=vae.seed))
    assert set(np.unique(rows[2])) <= {0, 1}
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == [
        "original x",
        "mean of p(x'|z)",
        "a draw x' ~ p(x'|z)",
    ]


def test_the_reconstructed_draw_and_mean_share_their_z(X):
    """With nearly certain pixels the draw must be the mean, which it would not be for another z."""
    vae = model(X)
    vae.parameters["decoder.1.W"][:] *= 1e4
    page = shown(plots.reconstructions(vae, X, n=4).axes[0])
    mean, draw = page[7:12], page[14:19]
    assert abs(mean - draw).mean() < 0.02


def test_prior_samples_stand_beside_their_means(X):
    vae = model(X)
    draws, means = vae.prior_predictive_sample_with_probs(6, rng=3)
    left, right = plots.prior_samples(vae, 6, rng=3).axes
    for ax, images in ((left, draws), (right, means)):
        assert np.allclose(shown(ax), np.nan_to_num(plots.mosaic(images, 3, (5, 4))))
    assert "p(x|z)" in left.get_title("left") and right.get_title("left") == "their probabilities"


def test_prior_samples_of_a_conditional_model_are_a_row_per_class(X):
    vae = model(X, n_conditions=3)
    left, right = plots.prior_samples(vae).axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["class 0", "class 1", "class 2"]
    _, means = vae.prior_predictive_sample_with_probs(15, np.repeat([0, 1, 2], 5), rng=vae.seed)
    assert np.allclose(shown(right), np.nan_to_num(plots.mosaic(means, 5, (5, 4))))
    left, _ = plots.prior_samples(vae, 4, y=[2, 2, 2, 2]).axes
    assert shown(left).shape == (2 * 6 - 1, 2 * 5 - 1)


def test_style_transfer_keeps_z_and_changes_the_class(X):
    vae = model(X, n_conditions=3)
    (ax,) = plots.style_transfer(vae, X, LABELS, n=2).axes
    page, z = shown(ax), vae.transform(X[:2], LABELS[:2], rng=vae.seed)
    assert page.shape == (2 * 7 - 2, 4 * 6 - 2)
    for row in (0, 1):
        assert np.array_equal(page[7 * row : 7 * row + 5, :4], X[row] > 127)
        for c in range(3):
            mean = vae.prior_predictive_with_input(z[row : row + 1], [c]).reshape(5, 4)
            assert np.allclose(page[7 * row : 7 * row + 5, 6 * (c + 1) : 6 * (c + 1) + 4], mean)
    assert "class 0, 1, 2" in ax.get_title("left")
    with pytest.raises(ValueError, match="needs a conditional model"):
        plots.style_transfer(model(X), X, LABELS)
    with pytest.raises(ValueError, match="no images"):
        plots.style_transfer(vae, X[:0], LABELS[:0])


def test_the_map_puts_each_image_at_its_mean_and_writes_its_label_there(X):
    vae = model(X)
    ax = plots.latent_map(vae, X, LABELS).axes[0]
    mu = vae.transform(X, rng=vae.seed)
    for label, line in enumerate(ax.lines):
        assert line.get_marker() == f"${label}$" and np.allclose(
            np.transpose(line.get_data()), mu[LABELS == label]
        )
    assert ax.patches[0].get_radius() == pytest.approx(np.sqrt(-2 * np.log(0.05)), abs=1e-3)
    assert ax.get_aspect() == 1 and "z_1" in ax.get_xlabel() and "z_2" in ax.get_ylabel()
    (dots,) = plots.latent_map(vae, X).axes[0].lines
    assert np.allclose(np.transpose(dots.get_data()), mu)


def test_the_grid_decodes_z1_to_the_right_and_z2_upwards(X):
    vae = model(X)
    ax = plots.latent_grid(vae, n=3, extent=2.0).axes[0]
    page = shown(ax)
    for row, z2 in enumerate((2.0, 0.0, -2.0)):
        for column, z1 in enumerate((-2.0, 0.0, 2.0)):
            cell = page[5 * row : 5 * row + 5, 4 * column : 4 * column + 4]
            assert np.allclose(cell.ravel(), vae.prior_predictive_with_input([[z1, z2]])[0])
    # half a cell beyond the outermost z
    assert ax.images[0].get_extent() == [-3, 3, -3, 3] and ax.images[0].origin == "upper"


def test_the_grid_of_a_conditional_model_is_one_per_class_or_one_of_a_class(X):
    vae = model(X, n_conditions=3)
    figure = plots.latent_grid(vae, n=2)
    assert [ax.get_title() for ax in figure.axes] == ["class 0", "class 1", "class 2"]
    Z = [[-3, 3], [3, 3], [-3, -3], [3, -3]]
    for c, ax in enumerate(figure.axes):
        assert np.allclose(
            shown(ax), plots.mosaic(vae.prior_predictive_with_input(Z, np.full(4, c)), 2, (5, 4), gap=0)
        )
    (ax,) = plots.latent_grid(vae, n=2, y=1).axes
    assert np.allclose(shown(ax), shown(figure.axes[1]))


@pytest.mark.parametrize(
    "draw", [lambda vae, X: plots.latent_map(vae, X), lambda vae, X: plots.latent_grid(vae)]
)
def test_maps_ask_for_two_latents(draw, X):
    with pytest.raises(ValueError, match="this model has 3 latents.*needs a model with 2"):
        draw(model(X, n_latent=3), X)


def test_the_smallest_pictures(X):
    """One image, one draw, a grid of one; and none of them is refused with a sentence."""
    vae = model(X)
    assert len(plots.reconstructions(vae, X[:1]).axes) == 1 and len(plots.prior_samples(vae, 1).axes) == 2
    assert len(plots.latent_grid(model(X, n_latent=2), n=1).axes) == 1
    with pytest.raises(ValueError, match="no images to reconstruct; give at least one"):
        plots.reconstructions(vae, X[:0])
    with pytest.raises(ValueError, match="n is 0; it must be a whole number of at least 1"):
        plots.prior_samples(vae, 0)
    with pytest.raises(ValueError, match="the history is empty"):
        plots.learning_curves({})


def clim(figure):
    image = figure.axes[0].images[0]
    return image.get_cmap().name, *image.get_clim()


def test_drawings_are_ink_on_paper_and_photographs_are_natural(rng):
    """Grey values in [0, 1] are drawn on [0, 1]; others between the extremes that training found."""
    photographs = rng.uniform(0.2, 0.9, (30, 4, 4))
    drawings = np.where(rng.random((30, 4, 4)) < 0.2, photographs, 0)
    ink, natural = ("gray_r", 0, 1), ("gray", 0, 1)
    sets = [(drawings, ink), (photographs, natural), (drawings > 0, ink)]
    sets += [((255 * X).astype(np.uint8), look) for X, look in sets[:2]]
    for X, look in sets:
        for likelihood in ("bernoulli", "gaussian"):
            vae = VAE(16, (5,), 2, likelihood=likelihood)
            vae.fit(X, epochs=1, progress=False)
            assert clim(plots.reconstructions(vae, X, n=5)) == look
            assert clim(plots.prior_samples(vae)) == clim(plots.latent_grid(vae)) == look
    vae = VAE(16, (5,), 2, likelihood="gaussian")
    vae.fit(100 * photographs, epochs=1, progress=False)
    name, low, high = clim(plots.prior_samples(vae))
    assert name == "gray" and 20 <= low < 25 and 85 < high <= 90


def test_colour_is_drawn_in_colour(rng):
    X = rng.random((12, 5, 4, 3))
    vae = VAE(60, (6,), 2, likelihood="gaussian")
    vae.fit(X, epochs=1, progress=False)
    assert vae.image_shape == (5, 4, 3)
    page = plots.reconstructions(vae, X, n=4).axes[0].images[0].get_array()
    assert (
        page.shape == (3 * 7 - 2, 4 * 6 - 2, 3) and np.allclose(page[:5, 6:10], X[1]) and (page[5] == 1).all()
    )
    for figure in (plots.prior_samples(vae), plots.latent_grid(vae, n=5)):
        assert figure.axes[0].images[0].get_array().ndim == 3 and render(figure).std() > 5


def test_rows_of_numbers_are_drawn_as_curves(rng):
    X = rng.random((12, 23))
    vae = VAE(23, (6,), 2, likelihood="gaussian")
    vae.fit(X, epochs=1, progress=False)
    ax = plots.reconstructions(vae, X, n=4).axes[0]
    assert len(ax.lines) == 12 and not ax.images
    heights = -np.diff(ax.lines[1].get_ydata()[::2])
    assert np.allclose(heights / heights[0], np.diff(X[1]) / np.diff(X[1])[0])
    for figure in (plots.reconstructions(vae, X), plots.prior_samples(vae), plots.latent_grid(vae, n=5)):
        page = render(figure)
        assert (page < 128).any(axis=(1, 2)).mean() > 0.5 and (page[[0, -1]] == 255).all()


def test_of_many_classes_ten_are_drawn_by_their_labels(rng):
    labels = np.arange(60) % 20
    vae = VAE(16, (5,), 2, n_conditions=20)
    vae.classes = list(range(100, 120))
    X = rng.random((60, 4, 4))
    vae.fit(X, labels, epochs=1, progress=False)
    left, right = plots.prior_samples(vae).axes
    assert [text.get_text() for text in left.get_yticklabels()] == [f"class {c}" for c in range(100, 110)]
    assert right.get_title("left") == "their probabilities (10 of 20 classes)"
    grid = plots.latent_grid(vae, n=2)
    assert [ax.get_title() for ax in grid.axes] == [f"class {c}" for c in range(100, 110)]
    assert "10 of 20 classes" in grid.get_supxlabel()
    lines = plots.latent_map(vae, X, labels + 100, y=labels).axes[0].lines
    assert [line.get_marker() for line in lines] == [*(f"${c}$" for c in range(100, 110)), "."]


def test_attributes_are_no_classes(rng):
    X, y = rng.random((12, 4, 4)), rng.random((12, 3))
    vae = VAE(16, (5,), 2, n_conditions=3)
    vae.fit(X, y, epochs=1, progress=False)
    vae.classes = []
    assert len(plots.prior_samples(vae, 4, y[:4]).axes) == 2
    (ax,) = plots.latent_grid(vae, n=2, y=y[0]).axes
    Z = [[-3, 3], [3, 3], [-3, -3], [3, -3]]
    expected = vae.prior_predictive_with_input(Z, np.tile(y[0], (4, 1)))
    assert np.allclose(shown(ax), plots.mosaic(expected, 2, (4, 4), gap=0))
    assert len(plots.latent_map(vae, X, y).axes[0].lines) == 1
    with pytest.raises(ValueError, match="a row of attributes, not a class: give y"):
        plots.prior_samples(vae)


def test_the_curves_end_at_the_last_epoch_and_pictures_at_their_edge(tmp_path, X):
    figure = plots.learning_curves(
        {"epoch": list(range(1, 31)), "elbo": [0.0] * 30, "log_px_z": [0.0] * 30, "kl": [0.0] * 30}
    )
    assert figure.axes[0].get_xticks()[[0, -1]].tolist() == [1, 30]
    plots.save(plots.prior_samples(model(X, n_conditions=3)), tmp_path / "a.png")
    page = imread(tmp_path / "a.png")[..., :3]
    blank = (page == 1).all(axis=(1, 2))
    assert blank[-12:-6].all() or not blank[-12:].all()


# Saving -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, start", [("a.png", b"\x89PNG"), ("a.pdf", b"%PDF"), ("a.svg", b"<?xml"), ("A.PNG", b"\x89PNG")]
)
def test_save_writes_the_format_of_the_name(name, start, tmp_path):
    figure = Figure((1, 1))
    plots.save(figure, tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)


def test_save_refuses_other_names_and_keeps_the_old_picture_where_the_disk_is_full(tmp_path, monkeypatch):
    with pytest.raises(
        ValueError, match=r"a\.jpg is not the name of a picture; it must end in \.png, \.pdf or \.svg"
    ):
        plots.save(Figure((1, 1)), tmp_path / "a.jpg")
    plots.save(Figure((1, 1)), tmp_path / "a.png")
    before = (tmp_path / "a.png").read_bytes()

    def full(fd):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(storage.os, "fsync", full)
    with pytest.raises(OSError, match=r"could not write .*a\.png: No space left on device.*unchanged"):
        plots.save(Figure((2, 2)), tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == before and len(list(tmp_path.iterdir())) == 1
