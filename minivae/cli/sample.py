"""`python -m minivae sample`: new images out of a trained model."""

import itertools
from pathlib import Path

import numpy as np

from ..progress import can_be_seen, progress_bar
from ..storage import save_npz_in_pieces
from . import runs
from .flags import at_least, path, whole
from .terminal import tell

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
    place = None if args.label is None else place_of(args.label, vae)
    if vae.classes == []:
        raise ValueError(
            "this model's condition is a row of attributes: draw in Python, with "
            "VAE.load(...).prior_predictive_sample(n, y)."
        )
    if vae.n_conditions and args.n and place is None:
        raise ValueError(
            "this model is conditional: give --label with --n, or leave out --n for five images of each"
            " class."
        )
    n, each = args.n or 25, vae.n_conditions > 0 and place is None
    out = Path(args.out) if args.out else free_name(folder / "samples.png")
    there = " The file that was there is replaced." if args.out and out.exists() else ""
    if out.suffix == ".npz":
        write_arrays(out, vae, 5 * vae.n_conditions if each else n, place, args.seed)
    elif n > MOST:
        raise ValueError(f"a picture has room for {MOST:,} images: give --out FILE.npz for {n:,}.")
    else:
        from .. import plots

        y = None if place is None else np.full(n, place)
        plots.save(plots.prior_samples(vae, n, y, args.seed), out)
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


def write_arrays(out, vae, n, place, seed):
    """images, means and, of a conditional model, labels, drawn and written some at a time: of the class at
    that place, or five of each."""

    def bounds():
        return ((start, min(start + CHUNK, n)) for start in range(0, n, CHUNK))

    def places(start, stop):
        return np.arange(start, stop) // 5 if place is None else np.full(stop - start, place)

    def drawn(which):  # the same draws each time: the file holds one array behind the other
        rng = np.random.default_rng(seed)
        with progress_bar(can_be_seen(), n, f"drawing, {which + 1} of 2") as bar:
            for start, stop in bounds():
                y = places(start, stop) if vae.n_conditions else None
                yield vae.prior_predictive_sample_with_probs(stop - start, y, rng=rng)[which]
                bar.update(stop - start)

    shape = n, *vae.image_shape
    arrays = {"images": (shape, vae.dtype, drawn(0)), "means": (shape, vae.dtype, drawn(1))}
    if vae.n_conditions:
        labels = np.array(vae.class_labels)
        arrays["labels"] = (n,), labels.dtype, (labels[places(*part)] for part in bounds())
    save_npz_in_pieces(out, "samples", {}, arrays)
