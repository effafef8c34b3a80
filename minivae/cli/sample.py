"""`python -m minivae sample`: new images out of a trained model."""

from pathlib import Path

import numpy as np

from ..storage import save_npz
from . import runs
from .flags import at_least
from .terminal import tell


def add_arguments(parser):
    """The flags of sample."""
    parser.add_argument("run", nargs="?", help="the folder of a run, or a model's file [the newest in runs/]")
    parser.add_argument(
        "--n", type=at_least(1), metavar="N", help="how many images [25; conditional: five of each class]"
    )
    parser.add_argument("--label", type=at_least(0), metavar="C", help="the class, of a conditional model")
    parser.add_argument(
        "--seed",
        type=at_least(0),
        default=1,
        metavar="S",
        help="of the draws [1; the run's own picture has the run's]",
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        help=".png, .pdf or .svg; .npz for the arrays [samples.png in the run's folder]",
    )
    parser.epilog = "example:\n  python -m minivae sample runs/glyphs --n 100 --seed 7"


def command(args):
    """Draw images from the prior, into a picture or an .npz file."""
    folder, vae = runs.find_model(args.run)
    y = None
    if args.label is not None:
        if not vae.n_conditions:
            raise ValueError(
                "--label asks for a class, but this model is not conditional; leave it out, or train with"
                " --conditional."
            )
        y = np.full(args.n or 25, args.label)
    elif vae.n_conditions and args.n:
        raise ValueError(
            "this model is conditional: give --label with --n, or leave out --n for five images of each"
            " class."
        )
    out = Path(args.out) if args.out else folder / "samples.png"
    if out.suffix == ".npz":
        if vae.n_conditions and y is None:
            y = np.repeat(np.arange(vae.n_conditions), 5)
        n = args.n or (25 if y is None else len(y))
        images, means = vae.prior_predictive_sample_with_probs(n, y, rng=args.seed)
        arrays = {"images": images, "means": means} | ({} if y is None else {"labels": y})
        shape = (-1, *vae.image_shape)
        save_npz(
            out, "samples", {}, **{name: a.reshape(shape) if a.ndim == 2 else a for name, a in arrays.items()}
        )
    else:
        from .. import plots

        plots.save(plots.prior_samples(vae, args.n or 25, y, args.seed), out)
    tell(f"Written: {out}, drawn with seed {args.seed} from the model in {folder}.")
    return 0
