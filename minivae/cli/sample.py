"""`python -m minivae sample`: new images out of a trained model."""

import itertools
from pathlib import Path

import numpy as np

from ..progress import progress_bar
from ..storage import save_npz_in_pieces
from . import runs
from .flags import at_least, path, whole
from .terminal import shows_bars, tell

CHUNK = 4096  # images that are drawn at a time
MOST = 2500  # images in a picture


def add_arguments(parser):
    """The flags of sample."""
    parser.add_argument("run", nargs="?", help="the folder of a run, or a model's file [the newest in runs/]")
    parser.add_argument(
        "--n", type=at_least(1), metavar="N", help="how many images [25; conditional: five of each class]"
    )
    parser.add_argument("--label", type=whole, metavar="C", help="the class, of a conditional model")
    parser.add_argument(
        "--seed",
        type=at_least(0),
        default=1,
        metavar="S",
        help="of the draws [1; the run's own picture has the run's]",
    )
    parser.add_argument(
        "--out",
        type=path,
        metavar="FILE",
        help=".png, .pdf or .svg; .npz for the arrays [samples.png in the run's folder, or the next free "
        "name]",
    )
    parser.epilog = "example:\n  python -m minivae sample runs/glyphs --n 100 --seed 7"


def command(args):
    """Draw images from the prior, into a picture or an .npz file."""
    folder, vae = runs.find_model(args.run)
    y = None
    if args.label is not None:
        y = np.full(args.n or 25, place_of(args.label, vae))
    elif vae.classes == []:
        raise ValueError(
            "this model's condition is a row of attributes: draw in Python, with "
            "VAE.load(...).prior_predictive_sample(n, y)."
        )
    elif vae.n_conditions and args.n:
        raise ValueError(
            "this model is conditional: give --label with --n, or leave out --n for five images of each"
            " class."
        )
    out = Path(args.out) if args.out else free_name(folder / "samples.png")
    there = " The file that was there is replaced." if args.out and out.exists() else ""
    if out.suffix == ".npz":
        if vae.n_conditions and y is None:
            y = np.repeat(np.arange(vae.n_conditions), 5)
        write_arrays(out, vae, args.n or (25 if y is None else len(y)), y, args.seed)
    elif (args.n or 25) > MOST:
        raise ValueError(f"a picture has room for {MOST:,} images: give --out FILE.npz for {args.n:,}.")
    else:
        from .. import plots

        plots.save(plots.prior_samples(vae, args.n or 25, y, args.seed), out)
    tell(f"Written: {out}, drawn with seed {args.seed} from the model in {folder}.{there}")
    return 0


def place_of(label, vae):
    """The place of a label among the model's classes."""
    if not vae.n_conditions:
        raise ValueError(
            "--label asks for a class, but this model is not conditional; leave it out, or train with"
            " --conditional."
        )
    labels = vae.class_labels
    if label not in labels:
        known = f"0..{len(labels) - 1}" if vae.classes is None else ", ".join(map(str, labels[:20]))
        raise ValueError(f"the label {label} is none of this model's: {known}.")
    return labels.index(label)


def free_name(path):
    """path, or where there is such a file path-2, path-3, ...: nothing is written over."""
    names = (path.with_stem(f"{path.stem}-{i}") for i in itertools.count(2))
    return next(name for name in itertools.chain([path], names) if not name.exists())


def write_arrays(out, vae, n, y, seed):
    """images, means and, of a conditional model, labels, drawn and written some at a time."""
    shape = n, *vae.image_shape

    def drawn(which):  # the same draws each time: the file holds one array behind the other
        rng = np.random.default_rng(seed)
        with progress_bar(shows_bars(), n, f"drawing, {which + 1} of 2") as bar:
            for start in range(0, n, CHUNK):
                part = None if y is None else y[start : start + CHUNK]
                yield vae.prior_predictive_sample_with_probs(min(CHUNK, n - start), part, rng=rng)[which]
                bar.update(min(CHUNK, n - start))

    arrays = {"images": (shape, vae.dtype, drawn(0)), "means": (shape, vae.dtype, drawn(1))}
    if y is not None:
        labels = np.asarray(vae.class_labels)[y]
        arrays["labels"] = labels.shape, labels.dtype, [labels]
    save_npz_in_pieces(out, "samples", {}, arrays)
