"""`python -m minivae gradcheck`: is every gradient of a model right,
and which check catches which mistake?"""

import numpy as np

from .. import VAE, Gaussian
from ..bounds import OBJECTIVES
from ..gaussian import HEADS
from ..gradcheck import check
from ..gradcheck.numeric import METHODS
from ..layers import ACTIVATIONS
from ..mutants import make_table
from .flags import at_least, decoder_sigma, number, with_default

# fmt: off
FLAGS = (  # the flag, its help, its default, its form
    ("--method", "the numerical derivative", "central", {"choices": tuple(METHODS)}),
    ("--objective", "elbo, or iwae: the importance-weighted bound", "elbo", {"choices": tuple(OBJECTIVES)}),
    ("--model", "check this trained model, instead of a fresh one of the settings below", None,
     {"metavar": "FILE"}),
    ("--likelihood", "the decoder's distribution", "bernoulli", {"choices": ("bernoulli", "gaussian")}),
    ("--decoder-sigma", "of a Gaussian decoder: shared, pixel or a number", "shared",
     {"type": decoder_sigma, "metavar": "S"}),
    ("--head", "of the encoder, which makes sigma", "softplus", {"choices": tuple(HEADS)}),
    ("--activation", "of the hidden layers", "relu", {"choices": tuple(ACTIVATIONS)}),
    ("--inputs", "pixels", 784, {"type": at_least(1), "metavar": "D"}),
    ("--hidden", "widths of the encoder's hidden layers [200]", [200],
     {"type": at_least(1), "nargs": "*", "metavar": "N"}),
    ("--latent", "latents", 100, {"type": at_least(1), "metavar": "M"}),
    ("--beta", "weight of the KL", 1.0, {"type": number}),
    ("--conditional", "give the label, one of ten, to encoder and decoder", False, {"action": "store_true"}),
    ("--images", "random images in the batch", 3, {"type": at_least(1), "metavar": "B"}),
    ("--samples", "draws of z per image", 2, {"type": at_least(1), "metavar": "K"}),
    ("--coordinates", "at most N of a block [all of a small model, 16 of a large one]", None,
     {"type": at_least(1), "metavar": "N"}),
    ("--seed", "of model, images, noise and sample", 0, {"type": at_least(0), "metavar": "S"}),
    ("--mutants", "plant known mistakes instead, and show which check catches which", False,
     {"action": "store_true"}),
)
# fmt: on


def add_arguments(parser):
    """The flags of `python -m minivae gradcheck`."""
    for name, text, default, form in FLAGS:
        parser.add_argument(name, help=with_default(text, default), default=default, **form)
    parser.epilog = (
        "example:\n  python -m minivae gradcheck --method complex --activation tanh --likelihood gaussian "
        "--decoder-sigma pixel"
    )


def command(args):
    """Check a model and print the report; the exit status is 0 where every gradient is right, else 1."""
    if args.mutants:
        table = make_table()
        print(table)
        return 0 if table.complete else 1
    rng, n_images = np.random.default_rng(args.seed), args.images
    if args.model is not None:
        vae = VAE.load(args.model)
    else:
        likelihood = Gaussian(args.decoder_sigma) if args.likelihood == "gaussian" else args.likelihood
        sizes = args.inputs, args.hidden, args.latent
        conditions = 10 if args.conditional else 0
        vae = VAE(
            *sizes, likelihood, args.head, args.activation, args.beta, n_conditions=conditions, seed=args.seed
        )
    x = rng.random((n_images, vae.n_inputs))
    eps = rng.standard_normal((args.samples, n_images, vae.n_latent))
    y = rng.integers(vae.n_conditions, size=n_images) if vae.n_conditions else None
    report = check(vae, x, eps, y, args.method, args.objective, samples=args.coordinates, seed=args.seed)
    print(report)
    return 0 if report.passed else 1
