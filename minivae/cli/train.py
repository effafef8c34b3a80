"""`python -m minivae train`: train a new run, or go on with one."""

import argparse
import shlex
from pathlib import Path

import numpy as np

from .. import VAE, load_data
from ..gaussian import HEADS
from ..inputs import check_images, check_labels, check_not_empty
from ..layers import ACTIVATIONS
from ..parameters import INITS
from ..progress import can_be_seen
from . import recipes, runs
from .flags import BINARIZE, Widths, at_least, decoder_sigma, number, path, widths, with_default
from .settings import OPTIMIZERS
from .terminal import Stopped, sigterm_as_ctrl_c, status_of, tell, tell_about, undisturbed

EXAMPLE = """example:
  python -m minivae train --data mnist --latent 2 --hidden 200 100
  python -m minivae train --recipe pytorch-example"""

# fmt: off
FLAGS = {  # by group: the flag, its help, to which [the default] is added where it has none, and its form
    "data and run": (
        ("--data", "glyphs (built in), mnist, a FILE (.npz, .npy, IDX, CSV), or a folder of PNG or JPEG",
         {"type": path, "metavar": "DATA"}),
        ("--test", "a second file or folder to hold out [FILE's own test set, or a tenth]",
         {"type": path, "metavar": "FILE"}),
        ("--shape", "of an image, H W or H W 3, where FILE holds rows of numbers",
         {"type": at_least(1), "nargs": "+"}),
        ("--recipe", "a published configuration, listed below; other flags override it",
         {"choices": recipes.RECIPES}),
        ("--seed", "of data, parameters, order and noise", {"type": at_least(0)}),
        ("--out", "the run's folder [runs/ and a name that says what is special]",
         {"type": path, "metavar": "FOLDER"}),
        ("--resume", "go on with the run in --out [the newest in runs/], with its settings", {}),
    ),
    "model": (
        ("--hidden", "widths of the encoder's hidden layers; the decoder mirrors them [200]",
         {"type": widths, "nargs": "*", "action": Widths, "metavar": "N"}),
        ("--latent", "number of latents", {"type": at_least(1)}),
        ("--activation", "of the hidden layers: %(choices)s", {"choices": list(ACTIVATIONS)}),
        ("--likelihood", "the decoder: %(choices)s", {"choices": ("bernoulli", "gaussian")}),
        ("--decoder-sigma", "of a Gaussian decoder: shared, pixel, or a NUMBER [shared]",
         {"type": decoder_sigma, "metavar": "SIGMA"}),
        ("--head", "of the encoder, which makes sigma: %(choices)s", {"choices": list(HEADS)}),
        ("--beta", "weight of the KL in what is maximised [1]", {"type": number, "metavar": "BETA"}),
        ("--init", "of the weights: %(choices)s", {"choices": list(INITS)}),
        ("--conditional", "give the labels to encoder and decoder", {}),
    ),
    "training": (
        ("--optimizer", "%(choices)s", {"choices": OPTIMIZERS}),
        ("--lr", "learning rate [the optimiser's own: 0.001; adagrad 0.01]",
         {"type": number, "metavar": "LR"}),
        ("--batch-size", "images per step", {"type": at_least(1)}),
        ("--epochs", "the total; a resumed run goes on up to it", {"type": at_least(1)}),
        ("--epochs-now", "stop after N epochs this time; --resume goes on", {"type": at_least(1)}),
        ("--threads", "of the matrix products", {"type": at_least(1)}),
        ("--reduction", "the loss is the sum or mean over a batch", {"choices": ("sum", "mean")}),
        ("--binarize",
         "threshold (pixel > 0.5), dynamic (drawn anew each epoch) or none [threshold; Gaussian: none]",
         {"choices": tuple(BINARIZE), "metavar": "HOW"}),
    ),
}
# fmt: on


def recipe_list():
    lines = [f"  {name:17}  {recipe}\n{'':21}{recipe.source}" for name, recipe in recipes.RECIPES.items()]
    return "\n".join(["recipes (on MNIST; figures in nats per image, times on two cores):", *lines, "", ""])


def add_arguments(parser):
    """The flags of train. Settings have no default here, so that those that were given can be told apart."""
    for title, flags in FLAGS.items():
        group = parser.add_argument_group(title)
        for name, text, form in flags:
            setting = name[2:].replace("-", "_")
            text = with_default(text, recipes.DEFAULTS.get(setting))
            form = (
                {"metavar": "NAME" if "choices" in form else "N", **form}
                if form
                else {"action": "store_true"}
            )
            missing = (
                argparse.SUPPRESS if setting in recipes.DEFAULTS else False if name == "--resume" else None
            )
            group.add_argument(name, help=text, default=missing, **form)
    parser.epilog = recipe_list() + EXAMPLE


def command(args):
    """Train a new run, or go on with the one in --out."""
    given = {name: value for name, value in vars(args).items() if name in recipes.DEFAULTS}
    if args.resume:
        folder = Path(args.out) if args.out else runs.newest()
        settings = runs.resumed_settings(folder, given)
    else:
        settings = recipes.resolve(given)
    train_set, test_set = load(settings)
    if train_set.images.dtype == bool and not args.resume:
        settings["binarize"] = "none"  # black and white already
    vae, y, test_y = built(settings, train_set, test_set)
    how = None if settings["binarize"] == "none" else settings["binarize"]
    check_data(vae, train_set.images, y, settings["data"], how)
    check_data(vae, test_set.images, test_y, settings["test"] or settings["data"])
    if args.resume:
        claim = runs.claimed(folder)
    else:
        claim, folder, note = runs.new_folder(args.out, settings, given)
        if note:
            tell(f"{note}\n")
    with claim:
        checkpoint = folder / "checkpoint.npz"
        so_far = VAE.load(checkpoint) if checkpoint.exists() else vae
        done, wanted = epochs_of(so_far), settings["epochs"]
        if done > wanted:
            raise ValueError(
                f"the run in {folder} has {done} epochs already; give --epochs {done} or more, the total."
            )
        runs.write_settings(folder, settings)
        if done:
            runs.write_history(folder, so_far)  # a killed run may have been a row ahead
        describe(settings, vae, train_set, test_set)
        tell(f"run        {folder}" + (f", going on after epoch {done} of {wanted}" if done else ""))
        tell()
        tell("All in nats per image; elbo and held-out elbo are to rise.")
        data = fit_settings(settings, train_set, y, test_set, test_y)
        pictures = train(vae, folder, settings, data, (test_set, test_y), done, args.epochs_now)
        farewell(vae, folder, settings, pictures, args.epochs_now)
    return 0


def load(settings):
    """The training set and the held-out set of a run."""
    more = {"shape": settings["shape"]} if settings["shape"] else {}
    if can_be_seen():
        more["progress"] = True
    return load_data(settings["data"], settings["test"], settings["seed"], **more)


def built(settings, train_set, test_set):
    """The untrained model of a run, and both sets' labels as fit takes them."""
    labels = [train_set.labels, test_set.labels]
    every = labels[:1] if settings["test"] else labels  # of one file all count: the tenth may have the rarest
    every = None if any(part is None for part in labels) else np.concatenate(every)
    vae = recipes.build(settings, train_set.images, every)
    try:
        return vae, *(recipes.condition(vae, part) for part in labels)
    except ValueError as error:
        raise ValueError(f"{settings['test'] or settings['data']}: {error}") from error


def fit_settings(settings, train_set, y, test_set, test_y):
    """What fit is told in a run of these settings, but how far to go: evaluate compares it with a
    checkpoint."""
    return {
        "X": train_set.images, "y": y, "validation": (test_set.images, test_y),
        "optimizer": recipes.optimizer(settings), "n_samples": settings["samples"],
        "binarize": None if settings["binarize"] == "none" else settings["binarize"],
        **{name: settings[name] for name in ("batch_size", "objective", "schedule", "threads")},
    }  # fmt: skip


def train(vae, folder, settings, data, held_out, done, epochs_now):
    """Fit the model up to the epochs of this time, write it and draw it; returns its pictures.

    Stopped, it leaves the last whole epoch in the folder.
    """
    checkpoint = folder / "checkpoint.npz"

    def after_epoch(row):
        tell_row(row, first=row["epoch"] == done + 1)
        runs.add_to_history(folder, row)

    try:
        with sigterm_as_ctrl_c():
            vae.fit(
                **data,
                epochs=min(settings["epochs"], done + (epochs_now or settings["epochs"])),
                progress=can_be_seen(),
                checkpoint=checkpoint,
                resume=checkpoint.exists(),
                on_epoch=after_epoch,
            )
            runs.write_model(folder, vae)
            return runs.draw(vae, folder, *held_out)
    except (KeyboardInterrupt, BrokenPipeError, FloatingPointError) as error:
        if not checkpoint.exists():
            raise
        with undisturbed():
            vae = VAE.load(checkpoint)  # the last whole epoch
            runs.write_model(folder, vae)
        if isinstance(error, FloatingPointError):
            raise FloatingPointError(str(error).replace("learning rate", "learning rate (--lr)")) from None
        why = ", as nobody reads its output any more" if isinstance(error, BrokenPipeError) else ""
        so_far = f"as it was after epoch {epochs_of(vae)} of {settings['epochs']}"
        raise Stopped(
            f"stopped{why}; {folder} holds the run {so_far}, and this goes on from there: "
            f"{runs.resume_command(folder)}",
            status_of(error),
        ) from None


def epochs_of(vae):
    return len(vae.history.get("epoch", ()))


def check_data(vae, X, y, source, binarize=None):
    """Complain about images and labels that don't suit the model, or that binarising would empty,
    with the name of the file that they are from."""
    try:
        check_images(X, vae.n_inputs, vae.likelihood.needs_unit_pixels, "images")
        check_labels(y, len(X), vae.n_conditions)
        check_not_empty(X, binarize, "images")
    except (ValueError, TypeError) as error:
        raise type(error)(f"{source}: {error}") from error


def describe(settings, vae, train_set, test_set):
    """Data, model and training, in six lines."""
    found = train_set.images.shape[1:]
    curves = len(found) == 1 and vae.image_shape[0] == 1
    size = " x ".join(map(str, found if len(found) > 1 or curves else vae.image_shape))
    widths = "-".join(map(str, [vae.n_inputs, *vae.hidden]))
    mirrored = "-".join(map(str, [*vae.hidden[::-1], vae.n_inputs]))
    decoder = f"{settings['likelihood']} decoder"
    if settings["decoder_sigma"]:
        decoder = f"{settings['likelihood']} ({settings['decoder_sigma']} sigma) decoder"
    kinds = [vae.activation, decoder, f"{vae.head} head", f"{vae.init} init"]
    if vae.beta != 1:
        kinds.append(f"beta {vae.beta:g}")
    if vae.n_conditions:
        kinds.append(f"{vae.n_conditions} {'attributes' if vae.classes == [] else 'classes'} as condition")
    loss = "the importance-weighted bound" if settings["objective"] == "iwae" else "loss"
    over = "summed over" if vae.reduction == "sum" else "averaged over"
    lr = "lr by schedule" if settings["schedule"] else f"lr {settings['lr']:g}"
    how = f"{settings['optimizer']}, {lr}, {loss} {over} a batch of {settings['batch_size']}"
    if settings["samples"] > 1:
        how += f", {settings['samples']} samples per image"
    held_out = f"{len(test_set):,} held out"
    tell(f"data       {train_set.name}: {len(train_set):,} images of {size} to train on, {held_out}")
    tell_about("", *train_set.notes)
    if curves:
        tell_about("", "drawn as curves; --shape HEIGHT WIDTH [3] draws them as pictures")
    tell(f"model      {widths}-({vae.n_latent})-{mirrored}, {vae.theta.size:,} parameters")
    tell_about("", ", ".join(kinds))
    tell_about("training", how)
    pixels = "pixels 0 and 1" if train_set.images.dtype == bool else BINARIZE[settings["binarize"]]
    threads = "1 BLAS thread" if settings["threads"] == 1 else f"{settings['threads']} BLAS threads"
    tell(f"           {pixels}, seed {settings['seed']}, {threads}")


# fmt: off
COLUMNS = {  # of the table: title, width, format
    "epoch": ("epoch", 5, "d"),
    "elbo": ("elbo", 10, ".2f"),
    "log_px_z": ("log p(x|z)", 12, ".2f"),
    "kl": ("KL", 8, ".2f"),
    "bound": ("bound", 10, ".2f"),
    "validation_elbo": ("held-out elbo", 15, ".2f"),
    "seconds": ("seconds", 9, ".1f"),
}
# fmt: on


def tell_row(row, first):
    """One epoch's row of the table, below a heading where it is the first."""
    columns = {name: column for name, column in COLUMNS.items() if name in row}
    if first:
        tell("".join(f"{title:>{width}}" for title, width, _ in columns.values()))
    cells = (f"{row[name]:{width - 1}{form}}" for name, (_, width, form) in columns.items())
    tell("".join(f" {cell}" for cell in cells))  # a number that is too wide pushes the others


def farewell(vae, folder, settings, pictures, epochs_now):
    """What was reached, what was written where, what to run next."""
    history, where = vae.history, shlex.quote(str(folder))
    done, wanted = len(history["epoch"]), settings["epochs"]
    epochs = "1 epoch" if done == 1 else f"{done} epochs"
    reached = f"Held-out elbo {history['validation_elbo'][-1]:.2f} nats per image after {epochs}"
    files = {
        "model.npz": f"the model, for VAE.load({str(folder / 'model.npz')!r})",
        "checkpoint.npz": "what it takes to go on with the run",
        "history.csv": "the table, in full precision",
        "config.json": "the settings",
        **pictures,
    }
    tell()
    tell(f"{reached}, {sum(history['seconds']):.0f} s of training.")
    rise = np.diff(history["validation_elbo"][-2:])
    if rise.size and rise[0] > 1:
        tell(f"It still rose by {rise[0]:.1f} nats in the last epoch: more epochs will raise it.")
    tell()
    tell(f"Written to {folder}:")
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
