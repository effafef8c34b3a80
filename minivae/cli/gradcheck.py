"""`python -m minivae gradcheck`: is every gradient of a model right,
and which check catches which mistake?"""

import numpy as np

from .. import VAE, Gaussian
from ..bounds import OBJECTIVES
from ..gaussian import HEADS
from ..gradcheck import check
from ..gradcheck.numeric import METHODS
from ..inputs import check_whole
from ..layers import ACTIVATIONS
from ..mutants import make_table
from .flags import decoder_sigma


def add_arguments(parser):
    """The flags of `python -m minivae gradcheck`."""
    add = parser.add_argument
    add("--method", choices=tuple(METHODS), default="central", help="the numerical derivative [central]")
    add(
        "--objective",
        choices=tuple(OBJECTIVES),
        default="elbo",
        help="elbo, or iwae: the importance-weighted bound [elbo]",
    )
    add(
        "--model",
        metavar="FILE",
        help="check this trained model, instead of a fresh one of the settings below",
    )
    add(
        "--likelihood",
        choices=("bernoulli", "gaussian"),
        default="bernoulli",
        help="the decoder's distribution [bernoulli]",
    )
    add(
        "--decoder-sigma",
        type=decoder_sigma,
        default="shared",
        metavar="S",
        help="of a Gaussian decoder: shared, pixel or a number [shared]",
    )
    add(
        "--head",
        choices=tuple(HEADS),
        default="softplus",
        help="of the encoder, which makes sigma [softplus]",
    )
    add("--activation", choices=tuple(ACTIVATIONS), default="relu", help="of the hidden layers [relu]")
    add("--inputs", type=int, default=784, metavar="D", help="pixels [784]")
    add(
        "--hidden",
        type=int,
        nargs="*",
        default=[200],
        metavar="N",
        help="widths of the encoder's hidden layers [200]",
    )
    add("--latent", type=int, default=100, metavar="M", help="latents [100]")
    add("--beta", type=float, default=1.0, help="weight of the KL [1]")
    add("--conditional", action="store_true", help="give the label, one of ten, to encoder and decoder")
    add("--images", type=int, default=3, metavar="B", help="random images in the batch [3]")
    add("--samples", type=int, default=2, metavar="K", help="draws of z per image [2]")
    add(
        "--coordinates",
        type=int,
        metavar="N",
        help="at most N of a block [all of a small model, 20 of a large one]",
    )
    add("--seed", type=int, default=0, metavar="S", help="of model, images, noise and sample [0]")
    add(
        "--mutants",
        action="store_true",
        help="plant known mistakes instead, and show which check catches which",
    )
    parser.epilog = (
        "example:\n  python -m minivae gradcheck --method complex --activation tanh --likelihood gaussian"
        " --decoder-sigma pixel"
    )


def command(args):
    """Check a model and print the report; the exit status is 0 where every gradient is right, else 1."""
    if args.mutants:
        table = make_table()
        print(table)
        return 0 if table.complete else 1
    n_images, n_samples = check_whole("--images", args.images, 1), check_whole("--samples", args.samples, 1)
    samples = None if args.coordinates is None else check_whole("--coordinates", args.coordinates, 1)
    rng = np.random.default_rng(check_whole("--seed", args.seed, 0))
    if args.model is not None:
        vae = VAE.load(args.model)
    else:
        likelihood = args.likelihood
        if likelihood == "gaussian":
            likelihood = Gaussian(args.decoder_sigma)
        vae = VAE(args.inputs, args.hidden, args.latent, likelihood, args.head, args.activation, args.beta,
                  n_conditions=10 * args.conditional, seed=args.seed)  # fmt: skip
    x = rng.random((n_images, vae.n_inputs))
    eps = rng.standard_normal((n_samples, n_images, vae.n_latent))
    y = rng.integers(vae.n_conditions, size=n_images) if vae.n_conditions else None
    report = check(vae, x, eps, y, args.method, args.objective, samples=samples, seed=args.seed)
    print(report)
    return 0 if report.passed else 1
