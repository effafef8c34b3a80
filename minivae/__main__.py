"""The command line. `python -m minivae` trains the default; train, sample, evaluate, gradcheck, worksheet and bench.

Exit status: 0 done; 1 a check failed; 2 an error, told in one sentence; 130 Ctrl-C, 143 SIGTERM, 141 the reader left.
"""

import argparse
import importlib
import os
import shlex
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from . import VAE, __version__, bounds, load_data, recipes, runs, training
from .gaussian import HEADS
from .inputs import check_images, check_labels
from .layers import ACTIVATIONS, INITS
from .storage import save_npz

OPTIMIZERS = ("rmsprop", "rmsprop-keras", "rmsprop-pytorch", "adam", "adagrad", "sgd")
BINARIZE = {"threshold": "pixels > 0.5", "dynamic": "pixels drawn anew each epoch", "none": "pixels as they are"}
LAZY = {  # modules that bring their own flags: add_arguments(parser), command(args) -> exit status
    "gradcheck": "check every gradient against central differences",
    "worksheet": "a whole pass through a tiny VAE as a table of numbers",
    "bench": "what a training step costs, and where the time goes",
}


# train ----------------------------------------------------------------------------------------------------------------


def train(args):
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
    check(vae, train_set.images, y, settings["data"])
    check(vae, test_set.images, test_y, settings["test"] or settings["data"])
    if not args.resume:
        folder, note = runs.new_folder(args.out, settings, given)
        if note:
            tell(f"{note}\n")
    checkpoint = folder / "checkpoint.npz"
    done = epochs_of(VAE.load(checkpoint)) if checkpoint.exists() else 0
    if done > settings["epochs"]:
        raise ValueError(f"the run in {folder} has {done} epochs already; give --epochs {done} or more, the total to reach.")
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
                train_set.images, y, epochs=min(settings["epochs"], done + (args.epochs_now or settings["epochs"])),
                batch_size=settings["batch_size"], optimizer=recipes.optimizer(settings),
                binarize=None if settings["binarize"] == "none" else settings["binarize"], n_samples=settings["samples"],
                objective=settings["objective"], schedule=settings["schedule"], validation=(test_set.images, test_y),
                progress=sys.stderr.isatty(), checkpoint=checkpoint, resume=checkpoint.exists(), on_epoch=after_epoch,
            )  # fmt: skip
    except (KeyboardInterrupt, BrokenPipeError, FloatingPointError) as error:
        if not checkpoint.exists():
            raise
        with undisturbed():
            vae = VAE.load(checkpoint)  # the last whole epoch
            runs.write_model(folder, vae)
        if isinstance(error, FloatingPointError):
            raise
        why = ", as nobody reads its output any more" if isinstance(error, BrokenPipeError) else ""
        raise Stopped(f"stopped{why}; {folder} holds the run as it was after epoch {epochs_of(vae)} of {settings['epochs']}, "
                      f"and this goes on from there: {runs.resume_command(folder)}", status_of(error)) from None  # fmt: skip
    runs.write_model(folder, vae)
    pictures = runs.draw(vae, folder, test_set)
    farewell(vae, folder, settings, pictures, args.epochs_now)
    return 0


def epochs_of(vae):
    return len(vae.history.get("epoch", ()))


def check(vae, X, y, source):
    """Complain about images and labels that don't suit the model, with the name of the file that they are from."""
    try:
        check_images(X, vae.n_inputs, vae.likelihood.needs_unit_pixels, "images")
        check_labels(y, len(X), vae.n_conditions)
    except (ValueError, TypeError) as error:
        raise type(error)(f"{source}: {error}") from error


def describe(settings, vae, train_set, test_set):
    size = " x ".join(map(str, train_set.images.shape[1:]))
    widths = [vae.n_inputs, *vae.hidden]
    chain = "-".join(map(str, widths)) + f"-({vae.n_latent})-" + "-".join(map(str, widths[::-1]))
    decoder = settings["likelihood"] + (f" ({settings['decoder_sigma']} sigma)" if settings["decoder_sigma"] else "")
    more = [f"beta {vae.beta:g}"] * (vae.beta != 1) + [f"{vae.n_conditions} classes as condition"] * (vae.n_conditions > 0)
    loss = "the importance-weighted bound" if settings["objective"] == "iwae" else "loss"
    how = f"{loss} {'summed over' if vae.reduction == 'sum' else 'averaged over'} a batch of {settings['batch_size']}"
    samples = f", {settings['samples']} samples per image" if settings["samples"] > 1 else ""
    tell(f"data       {train_set.name}: {len(train_set):,} images of {size} to train on, {len(test_set):,} held out")
    tell(f"model      {chain}, {vae.theta.size:,} parameters")
    tell("           " + ", ".join([vae.activation, f"{decoder} decoder", f"{vae.sigma} sigma", f"{vae.init} init", *more]))
    lr = "lr by schedule" if settings["schedule"] else f"lr {settings['lr']:g}"
    tell(f"training   {settings['optimizer']}, {lr}, {how}{samples}")
    tell(f"           {BINARIZE[settings['binarize']]}, seed {settings['seed']}")


COLUMNS = {  # of the table: title, width, format
    "epoch": ("epoch", 5, "d"), "elbo": ("elbo", 10, ".2f"), "log_px_z": ("log p(x|z)", 12, ".2f"), "kl": ("KL", 8, ".2f"),
    "bound": ("bound", 10, ".2f"), "validation_elbo": ("held-out elbo", 15, ".2f"), "seconds": ("seconds", 9, ".1f"),
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
    tell(f"Held-out elbo {history['validation_elbo'][-1]:.2f} nats per image after {done} epoch{'s' * (done > 1)}, "
         f"{sum(history['seconds']):.0f} s of training.")  # fmt: skip
    tell()
    tell(f"Written to {folder}:")
    files = {"model.npz": f"the model, for VAE.load({str(folder / 'model.npz')!r})", "checkpoint.npz": "what it takes to go on with the run",
             "history.csv": "the table, in full precision", "config.json": "the settings", **pictures}  # fmt: skip
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
    tell("      an estimate of log p(x)" + (f", and the figures of recipe {settings['recipe']} beside ours" if settings["recipe"] else ""))
    if done == wanted and not settings["recipe"]:
        tell(f"  {runs.resume_command(folder)} --epochs {2 * wanted}")
        tell(f"      train on, up to {2 * wanted} epochs")


# sample and evaluate --------------------------------------------------------------------------------------------------


def sample(args):
    """Draw images from the prior, into a picture or an .npz file."""
    folder, vae = runs.find_model(args.run)
    y = None
    if args.label is not None:
        if not vae.n_conditions:
            raise ValueError("--label asks for a class, but this model is not conditional; leave it out, or train with --conditional.")
        y = np.full(args.n or 25, args.label)
    elif vae.n_conditions and args.n:
        raise ValueError("this model is conditional: give --label with --n, or leave out --n for five images of each class.")
    out = Path(args.out) if args.out else folder / "samples.png"
    if out.suffix == ".npz":
        if vae.n_conditions and y is None:
            y = np.repeat(np.arange(vae.n_conditions), 5)
        n = args.n or (25 if y is None else len(y))
        images, means = vae.prior_predictive_sample_with_probs(n, y, rng=args.seed)
        arrays = {"images": images, "means": means} | ({} if y is None else {"labels": y})
        shape = (-1, *vae.image_shape)
        save_npz(out, "samples", {}, **{name: a.reshape(shape) if a.ndim == 2 else a for name, a in arrays.items()})
    else:
        from . import plots

        plots.save(plots.prior_samples(vae, args.n or 25, y, args.seed), out)
    tell(f"Written: {out}, drawn with seed {args.seed} from the model in {folder}.")
    return 0


def evaluate(args):
    """The held-out ELBO and log p(x), kept in the run's folder, beside a recipe's figures; status 1 where one is outside its band."""
    folder, vae = runs.find_model(args.run)
    settings = runs.read_settings(folder)
    recipe = recipes.RECIPES.get(settings["recipe"])
    _, test_set = load_data(settings["data"], settings["test"], settings["seed"])
    y = test_set.labels if settings["conditional"] else None
    n = len(test_set)
    K = args.samples or (recipe.n_samples if recipe else 1000)
    n_log_px = min(n, args.images if args.images is not None else (recipe.n_images or n) if recipe else 1000)
    done = epochs_of(vae)
    tell(f"run        {folder}: {done} of {settings['epochs']} epochs on {test_set.name}")
    tell(f"held out   {n:,} images, {BINARIZE[settings['binarize']].replace('anew each epoch', 'with the seed')}")
    if settings["likelihood"] == "bernoulli" and settings["binarize"] == "none" and is_grey(test_set.images):
        tell("           grey pixels under a cross-entropy: no likelihood, compare only with the same")
    tell()
    check(vae, test_set.images, y, settings["test"] or settings["data"])
    found = training.evaluate(vae, test_set.images, y)
    tell(f"held-out elbo    {found['validation_elbo']:9.2f}   = log p(x|z) {found['validation_log_px_z']:.2f} - KL {found['validation_kl']:.2f}, "
         "nats per image")  # fmt: skip
    active = bounds.active_units(vae, test_set.images, y, rng=vae.seed).sum()
    tell(f"active latents   {active:9d}   of {vae.n_latent} (variance of the posterior mean > 0.01)")
    log_px = vae.log_likelihood(test_set.images[:n_log_px], None if y is None else y[:n_log_px], K, args.seed, sys.stderr.isatty())
    error = f" +- {log_px.std(ddof=1) / n_log_px**0.5:.2f}" if n_log_px > 1 else ""
    which = f"all {n:,}" if n_log_px == n else f"the first {n_log_px:,}"
    tell(f"log p(x)         {log_px.mean():9.2f}  {error}, K = {K}, {which} images")
    status = 0
    if recipe is not None:
        ours = {"-ELBO": -found["validation_elbo"], "NLL": -log_px.mean()}
        status = judge(settings, recipe, done, ours, K, None if n_log_px == n else n_log_px)
    row = {"epoch": done, "elbo": found["validation_elbo"], "log_px": log_px.mean(), "n_samples": K, "n_images": n_log_px, "seed": args.seed}
    tell(f"\nAdded to {runs.keep_evaluation(folder, row)}.")
    return status


def is_grey(X):
    values = X / 255 if X.dtype == np.uint8 else X
    return bool(((values > 0) & (values < 1)).any())


def judge(settings, recipe, done, ours, K, n_images):
    """Print a recipe's figures beside ours; 1 if one of them lies outside its band, else 0."""
    tell()
    tell(f"recipe {settings['recipe']}: {recipe.source}")
    departures = recipes.differences(settings)
    if departures:
        tell("This run departs from it, so the figures are to look at, not to be judged by:")
        for name, theirs, now in departures:
            tell(f"  {runs.flag(name)} {now} instead of {theirs}")
    status, shown = 0, [figure for figure in recipe.figures if figure.epoch == done]
    if not shown:
        epochs = sorted({figure.epoch for figure in recipe.figures})
        tell(f"Its figures are for {' and '.join(map(str, epochs))} epochs; this run has {done}." if epochs else "It is published as curves, without a number.")
    for figure in shown:
        value = ours[figure.quantity]
        verdict = f"{value - figure.value:+.2f}" if not isinstance(figure.value, tuple) else ""
        comparable = not departures and (figure.quantity == "-ELBO" or (figure.n_samples, figure.n_images) == (K, n_images))
        if figure.band and comparable:
            inside = figure.band[0] <= value <= figure.band[1]
            verdict += f"  {'inside' if inside else 'OUTSIDE'}" + (f" +- {figure.within:g}" if figure.within else " the band")
            status |= not inside
        elif figure.quantity == "NLL" and not comparable and not departures:
            verdict += f"  (estimated with K = {figure.n_samples}, {figure.n_images or 'all'} images)"
        tell(f"  {figure.quantity:6} ours {value:7.2f}   figure {figure!s:13} {verdict}")
        tell(f"         epoch {figure.epoch}, {figure.source}")
    return int(status)


# Signals, output, errors ----------------------------------------------------------------------------------------------


class Stopped(Exception):
    """A run that was stopped in good order: the sentence that says so, and the exit status."""

    def __init__(self, sentence, status):
        super().__init__(sentence)
        self.status = status


class Terminated(KeyboardInterrupt):
    """SIGTERM."""


def status_of(error):
    """What a shell calls a process that this ended: 128 + the signal's number."""
    return 143 if isinstance(error, Terminated) else 141 if isinstance(error, BrokenPipeError) else 130


@contextmanager
def sigterm_as_ctrl_c():
    def stop(signum, frame):
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def undisturbed():
    """A second Ctrl-C must not cut the saving short."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def tell(text=""):
    """A line on stdout at once, above a progress bar where there is one."""
    from tqdm import tqdm

    try:
        with tqdm.external_write_mode(file=sys.stdout):
            print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSError(error.errno, f"could not write to the standard output: {error.strerror}.") from error


def sentence(error):
    """An exception as one line."""
    if isinstance(error, MemoryError):
        return "there is not enough memory: take a smaller batch, model or file of data."
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename and str(error.filename) not in error.strerror else ""
        return f"{where}{error.strerror}"
    return " ".join(str(error).split())


def give_up_broken_output():
    """Where stdout can't be written to any more, the interpreter must not try again at its exit."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(text):
    print(f"minivae: {text}", file=sys.stderr, flush=True)


def main(argv=None):
    """Run the command line argv; returns the exit status."""
    argv = sys.argv[1:] if argv is None else list(argv)
    if not argv or (argv[0].startswith("-") and argv[0] not in ("-h", "--help", "--version")):
        argv = ["train", *argv]
    try:
        args = make_parser(argv).parse_args(argv)
        return args.command(args)
    except Stopped as stop:
        complain(str(stop))
        return stop.status
    except KeyboardInterrupt as error:
        complain("stopped.")
        return status_of(error)
    except BrokenPipeError as error:
        return status_of(error)
    except (ValueError, TypeError, OSError, FloatingPointError, MemoryError) as error:
        complain(f"error: {sentence(error)}")
        return 2
    finally:
        give_up_broken_output()


# The parser -----------------------------------------------------------------------------------------------------------


class Parser(argparse.ArgumentParser):
    """argparse, with complaints of one sentence."""

    def __init__(self, **settings):
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **settings)

    def error(self, message):
        raise ValueError(f"{message}; see {self.prog} --help")


def at_least(least):
    def whole_number(text):
        try:
            value = int(text)
        except ValueError:
            value = None
        if value is None or value < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {least}")
        return value

    return whole_number


def number(text):
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def decoder_sigma(text):
    return text if text in ("shared", "pixel") else number(text)


def widths(text):
    return [at_least(1)(part) for part in text.split(",") if part]


class Widths(argparse.Action):
    """--hidden 400 200, --hidden 400,200, or --hidden alone for no hidden layer."""

    def __call__(self, parser, namespace, values, option_string=None):
        setattr(namespace, self.dest, [width for part in values for width in part])


def make_parser(argv):
    parser = Parser(
        prog="python -m minivae", description="A variational autoencoder whose every gradient is written by hand.",
        epilog="Without a command: train with the defaults, about a minute.\n\nexample:\n  python -m minivae",
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"minivae {__version__}")
    commands = parser.add_subparsers(metavar="command", required=True)

    def add(name, command, text, example, more=""):
        sub = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", epilog=f"{more}example:\n  {example}")
        sub.set_defaults(command=command)
        return sub

    add_train_flags(add("train", train, "train a model, and write it, its history and its pictures to a folder",
                        "python -m minivae train --data mnist --latent 2 --hidden 200 100\n"
                        "  python -m minivae train --recipe pytorch-example", recipe_list()))  # fmt: skip
    add_sample_flags(add("sample", sample, "draw new images from a trained model", "python -m minivae sample runs/glyphs --n 100 --seed 7"))
    add_evaluate_flags(add("evaluate", evaluate, "held-out ELBO and log p(x) of a trained model, beside its recipe's figures",
                           "python -m minivae evaluate runs/glyphs --samples 5000 --images 100"))  # fmt: skip
    for name, text in LAZY.items():
        sub = add(name, None, text, f"python -m minivae {name}")
        if argv[0] == name:  # only the one that is asked for is imported
            module = importlib.import_module(f".{name}", __package__)
            module.add_arguments(sub)
            sub.set_defaults(command=module.command)
    return parser


def recipe_list():
    lines = [f"  {name:17}  {recipe}\n{'':21}{recipe.source}" for name, recipe in recipes.RECIPES.items()]
    return "\n".join(["recipes (on MNIST; figures in nats per image, times on two cores):", *lines, "", ""])


def add_train_flags(sub):
    """The flags of train. None has a default here, so that those that were given can be told from the rest."""
    d, quiet = recipes.DEFAULTS, argparse.SUPPRESS
    run, model, training_ = (sub.add_argument_group(title) for title in ("data and run", "model", "training"))

    def add(group, name, text, default=None, **settings):
        default = d.get(name.strip("-").replace("-", "_")) if default is None else default
        text += f" [{default}]" if default is not None and default is not False else ""
        group.add_argument(name, help=text, default=quiet, **settings)

    add(run, "--data", "glyphs (built in), mnist, or a FILE: .npy, .npz or IDX", metavar="DATA")
    add(run, "--test", "a second file to hold out [a tenth of FILE]", metavar="FILE")
    add(run, "--recipe", "a published configuration, listed below; other flags override it", choices=recipes.RECIPES, metavar="NAME")
    add(run, "--seed", "of data, parameters, order and noise", type=at_least(0), metavar="N")
    run.add_argument("--out", help="the run's folder [runs/ and a name that says what is special]", metavar="FOLDER")
    run.add_argument("--resume", help="go on with the run in --out [the newest in runs/], with its settings", action="store_true")
    add(model, "--hidden", "widths of the encoder's hidden layers; the decoder mirrors them", "200", type=widths, nargs="*", action=Widths, metavar="N")
    add(model, "--latent", "number of latents", type=at_least(1), metavar="N")
    add(model, "--activation", "of the hidden layers: %(choices)s", choices=list(ACTIVATIONS), metavar="NAME")
    add(model, "--likelihood", "the decoder: %(choices)s", choices=("bernoulli", "gaussian"), metavar="NAME")
    add(model, "--decoder-sigma", "of a Gaussian decoder: shared, pixel, or a NUMBER", "shared", type=decoder_sigma, metavar="SIGMA")
    add(model, "--sigma", "the encoder's head: %(choices)s", choices=list(HEADS), metavar="NAME")
    add(model, "--beta", "weight of the KL in what is maximised", "1", type=number, metavar="BETA")
    add(model, "--init", "of the weights: %(choices)s", choices=list(INITS), metavar="NAME")
    add(model, "--conditional", "give the labels to encoder and decoder", action="store_true")
    add(training_, "--optimizer", "%(choices)s", choices=OPTIMIZERS, metavar="NAME")
    add(training_, "--lr", "learning rate [the optimiser's own: 0.001; adagrad 0.01]", type=number, metavar="LR")
    add(training_, "--batch-size", "images per step", type=at_least(1), metavar="N")
    add(training_, "--epochs", "the total, also of a run that is gone on with", type=at_least(1), metavar="N")
    training_.add_argument("--epochs-now", help="stop after N epochs this time; --resume goes on", type=at_least(1), metavar="N")
    add(training_, "--reduction", "the loss is the sum or mean over a batch", choices=("sum", "mean"), metavar="NAME")
    add(training_, "--binarize", "threshold (pixel > 0.5), dynamic (drawn anew each epoch) or none", "threshold; Gaussian: none",
        choices=tuple(BINARIZE), metavar="HOW")  # fmt: skip


def add_sample_flags(sub):
    sub.add_argument("run", nargs="?", help="the folder of a run, or a model's file [the newest in runs/]")
    sub.add_argument("--n", type=at_least(1), metavar="N", help="how many images [25; conditional: five of each class]")
    sub.add_argument("--label", type=at_least(0), metavar="C", help="the class, of a conditional model")
    sub.add_argument("--seed", type=at_least(0), default=1, metavar="S", help="of the draws [1; the run's own picture has the run's]")
    sub.add_argument("--out", metavar="FILE", help=".png, .pdf or .svg; .npz for the arrays [samples.png in the run's folder]")


def add_evaluate_flags(sub):
    sub.add_argument("run", nargs="?", help="the folder of a run [the newest in runs/]")
    sub.add_argument("--samples", type=at_least(1), metavar="K", help="per image, for log p(x) [1000, or the recipe's]")
    sub.add_argument("--images", type=at_least(1), metavar="N", help="estimate log p(x) on the first N only [1000, or the recipe's]")
    sub.add_argument("--seed", type=at_least(0), default=0, metavar="S", help="of the samples [0]")


if __name__ == "__main__":
    sys.exit(main())
