"""`python -m minivae evaluate`: the held-out ELBO and log p(x) of a run, beside its recipe's figures."""

import numpy as np

from .. import bounds, training
from ..progress import can_be_seen
from ..threads import blas_threads
from . import recipes, runs
from .flags import BINARIZE, at_least, flag
from .terminal import tell
from .train import built, check_data, epochs_of, fit_settings, load


def add_arguments(parser):
    """The flags of evaluate."""
    parser.add_argument("run", nargs="?", help="the folder of a run [the newest in runs/]")
    parser.add_argument(
        "--samples", type=at_least(1), metavar="K", help="per image, for log p(x) [1000, or the recipe's]"
    )
    parser.add_argument(
        "--images",
        type=at_least(1),
        metavar="N",
        help="estimate log p(x) on the first N only [1000, or the recipe's]",
    )
    parser.add_argument("--seed", type=at_least(0), default=0, metavar="S", help="of the samples [0]")
    parser.epilog = "example:\n  python -m minivae evaluate runs/glyphs --samples 5000 --images 100"


def command(args):
    """The held-out ELBO and log p(x), kept in the run's folder, beside a recipe's figures;
    status 1 where one is outside its band."""
    folder, vae = runs.find_model(args.run)
    settings = runs.read_settings(folder)
    runs.check_evaluations(folder)
    recipe = recipes.RECIPES.get(settings["recipe"])
    train_set, test_set = load(settings)
    new, train_y, y = built(settings, train_set, test_set)
    check_data(vae, test_set.images, y, settings["test"] or settings["data"])
    told = fit_settings(settings, train_set, train_y, test_set, y)
    training.check_same_run(folder / "checkpoint.npz", new, **told)
    with blas_threads(settings["threads"]):
        return evaluate(args, folder, vae, settings, recipe, test_set, y)


def evaluate(args, folder, vae, settings, recipe, test_set, y):
    """Estimate, print and keep; whether the recipe's figures are reached."""
    n = len(test_set)
    K = args.samples or (recipe.n_samples if recipe else 1000)
    n_log_px = min(n, args.images if args.images is not None else (recipe.n_images or n) if recipe else 1000)
    done = epochs_of(vae)
    tell(f"run        {folder}: {done} of {settings['epochs']} epochs on {test_set.name}")
    black_and_white = test_set.images.dtype == bool
    pixels = BINARIZE[settings["binarize"]].replace("anew each epoch", "with the seed")
    tell(f"held out   {n:,} images, {'pixels 0 and 1' if black_and_white else pixels}")
    if settings["likelihood"] == "bernoulli" and settings["binarize"] == "none" and is_grey(test_set.images):
        tell("           grey pixels under a cross-entropy: no likelihood, compare only with the same")
    tell()
    found = training.evaluate(vae, test_set.images, y)
    tell(f"held-out elbo    {found['validation_elbo']:9.2f}   = log p(x|z) "
         f"{found['validation_log_px_z']:.2f} - KL {found['validation_kl']:.2f}, "
         "nats per image")  # fmt: skip
    active = bounds.active_units(vae, test_set.images, y, rng=vae.seed).sum()
    tell(f"active latents   {active:9d}   of {vae.n_latent} (variance of the posterior mean > 0.01)")
    log_px = vae.log_likelihood(
        test_set.images[:n_log_px], None if y is None else y[:n_log_px], K, args.seed, can_be_seen()
    )
    error = f" +- {log_px.std(ddof=1) / n_log_px**0.5:.2f}" if n_log_px > 1 else ""
    which = f"all {n:,}" if n_log_px == n else f"the first {n_log_px:,}"
    tell(f"log p(x)         {log_px.mean():9.2f}  {error}, K = {K}, {which} images")
    status = 0
    if recipe is not None:
        ours = {"-ELBO": -found["validation_elbo"], "NLL": -log_px.mean()}
        departures = recipes.differences(settings, black_and_white)
        estimate = K, None if n_log_px == n else n_log_px
        status = compare_with_recipe(settings, recipe, departures, done, ours, *estimate)
    row = {
        "epoch": done,
        "elbo": found["validation_elbo"],
        "log_px": log_px.mean(),
        "n_samples": K,
        "n_images": n_log_px,
        "seed": args.seed,
    }
    try:
        tell(f"\nAdded to {runs.keep_evaluation(folder, row)}.")
    except OSError as error:
        tell(f"\nNot added to {folder / 'evaluations.csv'}: {error.strerror}")
    return status


def is_grey(X):
    values = X / 255 if X.dtype == np.uint8 else X
    return bool(((values > 0) & (values < 1)).any())


def compare_with_recipe(settings, recipe, departures, done, ours, K, n_images):
    """Print a recipe's figures beside ours; 1 if one of them lies outside its band, else 0."""
    tell()
    tell(f"recipe {settings['recipe']}: {recipe.source}")
    if departures:
        tell("This run departs from it, so the figures are to look at, not to be judged by:")
        for name, theirs, now in departures:
            tell(f"  {flag(name)} {now} instead of {theirs}")
    status, shown = 0, [figure for figure in recipe.figures if figure.epoch == done]
    if not shown:
        epochs = sorted({figure.epoch for figure in recipe.figures})
        tell(
            f"Its figures are for {' and '.join(map(str, epochs))} epochs; this run has {done}."
            if epochs
            else "It is published as curves, without a number."
        )
    for figure in shown:
        value = ours[figure.quantity]
        verdict = f"{value - figure.value:+.2f}" if not isinstance(figure.value, tuple) else ""
        comparable = not departures and (
            figure.quantity == "-ELBO" or (figure.n_samples, figure.n_images) == (K, n_images)
        )
        if figure.band and comparable:
            inside = figure.band[0] <= value <= figure.band[1]
            verdict += f"  {'inside' if inside else 'OUTSIDE'}" + (
                f" +- {figure.within:g}" if figure.within else " the band"
            )
            status |= not inside
        elif figure.quantity == "NLL" and not comparable and not departures:
            verdict += f"  (estimated with K = {figure.n_samples}, {figure.n_images or 'all'} images)"
        tell(f"  {figure.quantity:6} ours {value:7.2f}   figure {figure!s:13} {verdict}")
        tell(f"         epoch {figure.epoch}, {figure.source}")
    return int(status)
