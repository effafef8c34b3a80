"""`python -m minivae train`: train a new run, or go on with one."""

import argparse
import shlex
import sys
from pathlib import Path

from .. import VAE, load_data
from ..gaussian import HEADS
from ..inputs import check_images, check_labels
from ..layers import ACTIVATIONS
from ..parameters import INITS
from . import recipes, runs
from .flags import BINARIZE, Widths, at_least, decoder_sigma, number, widths
from .terminal import Stopped, sigterm_as_ctrl_c, status_of, tell, undisturbed

EXAMPLE = """example:
  python -m minivae train --data mnist --latent 2 --hidden 200 100
  python -m minivae train --recipe pytorch-example"""
OPTIMIZERS = ("rmsprop", "rmsprop-keras", "rmsprop-pytorch", "adam", "adagrad", "sgd")


def recipe_list():
    lines = [f"  {name:17}  {recipe}\n{'':21}{recipe.source}" for name, recipe in recipes.RECIPES.items()]
    return "\n".join(["recipes (on MNIST; figures in nats per image, times on two cores):", *lines, "", ""])


def add_arguments(parser):
    """The flags of train.

    None has a default here, so that those that were given can be told from the rest.
    """
    d, quiet = recipes.DEFAULTS, argparse.SUPPRESS
    run, model, training_ = (
        parser.add_argument_group(title) for title in ("data and run", "model", "training")
    )

    def add(group, name, text, default=None, **settings):
        default = d.get(name.strip("-").replace("-", "_")) if default is None else default
        text += f" [{default}]" if default is not None and default is not False else ""
        group.add_argument(name, help=text, default=quiet, **settings)

    add(run, "--data", "glyphs (built in), mnist, or a FILE: .npy, .npz or IDX", metavar="DATA")
    add(run, "--test", "a second file to hold out [a tenth of FILE]", metavar="FILE")
    add(
        run,
        "--recipe",
        "a published configuration, listed below; other flags override it",
        choices=recipes.RECIPES,
        metavar="NAME",
    )
    add(run, "--seed", "of data, parameters, order and noise", type=at_least(0), metavar="N")
    run.add_argument(
        "--out", help="the run's folder [runs/ and a name that says what is special]", metavar="FOLDER"
    )
    run.add_argument(
        "--resume",
        help="go on with the run in --out [the newest in runs/], with its settings",
        action="store_true",
    )
    add(
        model,
        "--hidden",
        "widths of the encoder's hidden layers; the decoder mirrors them",
        "200",
        type=widths,
        nargs="*",
        action=Widths,
        metavar="N",
    )
    add(model, "--latent", "number of latents", type=at_least(1), metavar="N")
    add(model, "--activation", "of the hidden layers: %(choices)s", choices=list(ACTIVATIONS), metavar="NAME")
    add(model, "--likelihood", "the decoder: %(choices)s", choices=("bernoulli", "gaussian"), metavar="NAME")
    add(
        model,
        "--decoder-sigma",
        "of a Gaussian decoder: shared, pixel, or a NUMBER",
        "shared",
        type=decoder_sigma,
        metavar="SIGMA",
    )
    add(
        model, "--head", "of the encoder, which makes sigma: %(choices)s", choices=list(HEADS), metavar="NAME"
    )
    add(model, "--beta", "weight of the KL in what is maximised", "1", type=number, metavar="BETA")
    add(model, "--init", "of the weights: %(choices)s", choices=list(INITS), metavar="NAME")
    add(model, "--conditional", "give the labels to encoder and decoder", action="store_true")
    add(training_, "--optimizer", "%(choices)s", choices=OPTIMIZERS, metavar="NAME")
    add(
        training_,
        "--lr",
        "learning rate [the optimiser's own: 0.001; adagrad 0.01]",
        type=number,
        metavar="LR",
    )
    add(training_, "--batch-size", "images per step", type=at_least(1), metavar="N")
    add(training_, "--epochs", "the total, also of a run that is gone on with", type=at_least(1), metavar="N")
    training_.add_argument(
        "--epochs-now", help="stop after N epochs this time; --resume goes on", type=at_least(1), metavar="N"
    )
    add(
        training_,
        "--reduction",
        "the loss is the sum or mean over a batch",
        choices=("sum", "mean"),
        metavar="NAME",
    )
    add(training_, "--binarize", "threshold (pixel > 0.5), dynamic (drawn anew each epoch) or none",
        "threshold; Gaussian: none",
        choices=tuple(BINARIZE), metavar="HOW")  # fmt: skip
    parser.epilog = recipe_list() + EXAMPLE


def command(args):
    """Train a new run, or go on with the one in --out."""
    given = {name: value for name, value in vars(args).items() if name in recipes.DEFAULTS}
    if args.resume:
        folder = Path(args.out) if args.out else runs.newest()
        settings = runs.resumed_settings(folder, given)
    else:
        settings = recipes.resolve(given)
    train_set, test_set = load_data(settings["data"], settings["test"], settings["seed"])
    vae = recipes.build(settings, train_set.images, train_set.labels)
    y, test_y = (data.labels if settings["conditional"] else None for data in (train_set, test_set))
    check_data(vae, train_set.images, y, settings["data"])
    check_data(vae, test_set.images, test_y, settings["test"] or settings["data"])
    if not args.resume:
        folder, note = runs.new_folder(args.out, settings, given)
        if note:
            tell(f"{note}\n")
    checkpoint = folder / "checkpoint.npz"
    done = epochs_of(VAE.load(checkpoint)) if checkpoint.exists() else 0
    if done > settings["epochs"]:
        raise ValueError(
            f"the run in {folder} has {done} epochs already; give --epochs {done} or more, the total to"
            " reach."
        )
    runs.write_settings(folder, settings)

    describe(settings, vae, train_set, test_set)
    tell(f"run        {folder}" + (f", going on after epoch {done} of {settings['epochs']}" if done else ""))
    tell()
    tell("All in nats per image; elbo and held-out elbo are to rise.")

    def after_epoch(row):
        tell_row(row, first=row["epoch"] == done + 1)
        runs.write_history(folder, vae)

    try:
        with sigterm_as_ctrl_c():
            vae.fit(
                train_set.images, y, epochs=min(settings["epochs"], done + (args.epochs_now
                or settings["epochs"])),
                batch_size=settings["batch_size"], optimizer=recipes.optimizer(settings),
                binarize=None if settings["binarize"] == "none" else settings["binarize"],
                n_samples=settings["samples"],
                objective=settings["objective"], schedule=settings["schedule"], validation=(test_set.images,
                test_y),
                progress=sys.stderr.isatty(), checkpoint=checkpoint, resume=checkpoint.exists(),
                on_epoch=after_epoch,
            )  # fmt: skip
    except (KeyboardInterrupt, BrokenPipeError, FloatingPointError) as error:
        if not checkpoint.exists():
            raise
        with undisturbed():
            vae = VAE.load(checkpoint)  # the last whole epoch
            runs.write_model(folder, vae)
        if isinstance(error, FloatingPointError):
            raise FloatingPointError(str(error).replace("learning rate", "learning rate (--lr)")) from None
        why = ", as nobody reads its output any more" if isinstance(error, BrokenPipeError) else ""
        raise Stopped(f"stopped{why}; {folder} holds the run as it was after epoch {epochs_of(vae)} of "
                      f"{settings['epochs']}, "
                      f"and this goes on from there: {runs.resume_command(folder)}",
                      status_of(error)) from None  # fmt: skip
    runs.write_model(folder, vae)
    pictures = runs.draw(vae, folder, test_set)
    farewell(vae, folder, settings, pictures, args.epochs_now)
    return 0


def epochs_of(vae):
    return len(vae.history.get("epoch", ()))


def check_data(vae, X, y, source):
    """Complain about images and labels that don't suit the model,
    with the name of the file that they are from."""
    try:
        check_images(X, vae.n_inputs, vae.likelihood.needs_unit_pixels, "images")
        check_labels(y, len(X), vae.n_conditions)
    except (ValueError, TypeError) as error:
        raise type(error)(f"{source}: {error}") from error


def describe(settings, vae, train_set, test_set):
    size = " x ".join(map(str, train_set.images.shape[1:]))
    widths = [vae.n_inputs, *vae.hidden]
    chain = "-".join(map(str, widths)) + f"-({vae.n_latent})-" + "-".join(map(str, widths[::-1]))
    decoder = settings["likelihood"] + (
        f" ({settings['decoder_sigma']} sigma)" if settings["decoder_sigma"] else ""
    )
    more = [f"beta {vae.beta:g}"] * (vae.beta != 1) + [f"{vae.n_conditions} classes as condition"] * (
        vae.n_conditions > 0
    )
    loss = "the importance-weighted bound" if settings["objective"] == "iwae" else "loss"
    how = (
        f"{loss} {'summed over' if vae.reduction == 'sum' else 'averaged over'} a batch of"
        f" {settings['batch_size']}"
    )
    samples = f", {settings['samples']} samples per image" if settings["samples"] > 1 else ""
    tell(
        f"data       {train_set.name}: {len(train_set):,} images of {size} to train on, {len(test_set):,}"
        " held out"
    )
    tell(f"model      {chain}, {vae.theta.size:,} parameters")
    tell(
        "           "
        + ", ".join([vae.activation, f"{decoder} decoder", f"{vae.head} head", f"{vae.init} init", *more])
    )
    lr = "lr by schedule" if settings["schedule"] else f"lr {settings['lr']:g}"
    tell(f"training   {settings['optimizer']}, {lr}, {how}{samples}")
    tell(f"           {BINARIZE[settings['binarize']]}, seed {settings['seed']}")


COLUMNS = {  # of the table: title, width, format
    "epoch": ("epoch", 5, "d"), "elbo": ("elbo", 10, ".2f"), "log_px_z": ("log p(x|z)", 12, ".2f"),
    "kl": ("KL", 8, ".2f"),
    "bound": ("bound", 10, ".2f"), "validation_elbo": ("held-out elbo", 15, ".2f"), "seconds": ("seconds", 9,
    ".1f"),
}  # fmt: skip


def tell_row(row, first):
    """One epoch's row of the table, below a heading where it is the first."""
    columns = {name: column for name, column in COLUMNS.items() if name in row}
    if first:
        tell("".join(f"{title:>{width}}" for title, width, _ in columns.values()))
    tell("".join(f"{row[name]:{width}{form}}" for name, (_, width, form) in columns.items()))


def farewell(vae, folder, settings, pictures, epochs_now):
    """What was reached, what was written where, what to run next."""
    history, where = vae.history, shlex.quote(str(folder))
    done, wanted = len(history["epoch"]), settings["epochs"]
    tell()
    tell(f"Held-out elbo {history['validation_elbo'][-1]:.2f} nats per image after {done} "
         f"epoch{'s' * (done > 1)}, "
         f"{sum(history['seconds']):.0f} s of training.")  # fmt: skip
    tell()
    tell(f"Written to {folder}:")
    files = {"model.npz": f"the model, for VAE.load({str(folder / 'model.npz')!r})",
             "checkpoint.npz": "what it takes to go on with the run",
             "history.csv": "the table, in full precision", "config.json": "the settings",
             **pictures}  # fmt: skip
    for name, caption in files.items():
        tell(f"  {name:21} {caption}")
    tell()
    tell("Next:")
    if done < wanted:
        tell(f"  {runs.resume_command(folder, epochs_now)}")
        tell(f"      the next epochs of {wanted}")
    tell(f"  python -m minivae sample {where}")
    tell("      more images out of the prior")
    tell(f"  python -m minivae evaluate {where}")
    tell(
        "      an estimate of log p(x)"
        + (f", and the figures of recipe {settings['recipe']} beside ours" if settings["recipe"] else "")
    )
    if done == wanted and not settings["recipe"]:
        tell(f"  {runs.resume_command(folder)} --epochs {2 * wanted}")
        tell(f"      train on, up to {2 * wanted} epochs")
