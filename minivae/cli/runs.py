"""The folder of a run: its name, its settings, its history, its pictures, and how to find it again.

model.npz, checkpoint.npz (after every epoch), history.csv, config.json, the pictures, and evaluations.csv
with a row for each `evaluate`. A folder that holds a run is never given to another one.
"""

import csv
import json
import shlex
from pathlib import Path

from ..model_file import renamed
from ..storage import write_beside, write_csv
from ..vae import VAE
from . import recipes
from .flags import flag

RUNS = Path("runs")
FILES = ("model.npz", "checkpoint.npz", "history.csv", "config.json")


def new_folder(out, settings, given):
    """Make the folder of a new run -> the folder, and a sentence where its name is not the first choice.

    out: the folder that was asked for, refused with a ValueError where it holds a run; or None for one in
    runs/, named after its settings and numbered where the name is taken. Raises OSError where no folder can
    be made.
    """
    if out is not None:
        folder = Path(out)
        if holds_run(folder):
            raise ValueError(
                f"{folder} holds a run already ({how_far(folder)}): go on with it ({resume_command(folder)}),"
                " or give another --out."
            )
        make_folder(folder, exist_ok=True)
        return folder, None
    first = folder = RUNS / default_name(settings, given)
    number = 1
    while True:
        try:
            make_folder(folder, exist_ok=False)
            break
        except FileExistsError:
            number += 1
            folder = first.with_name(f"{first.name}-{number}")
    if number == 1:
        return folder, None
    return (
        folder,
        f"{first} holds a run already ({how_far(first)}) and stays as it is; this one goes to {folder}.",
    )


def make_folder(folder, exist_ok):
    try:
        folder.mkdir(parents=True, exist_ok=exist_ok)
    except OSError as error:
        if isinstance(error, FileExistsError) and not exist_ok:
            raise
        raise OSError(
            error.errno, f"could not make the run folder {folder}: {error.strerror}; give another with --out."
        ) from error


def default_name(settings, given):
    """The recipe or the data, and whatever else was asked for: glyphs, mnist-latent-2, burda-k1-seed-1."""
    usual = recipes.resolve({"recipe": settings["recipe"]})
    source = settings["data"] if settings["data"] in ("glyphs", "mnist") else Path(settings["data"]).stem
    words = [settings["recipe"] or source]
    special = [
        name
        for name in usual
        if name in given and given[name] != usual[name] and name not in ("recipe", "epochs", "test")
    ]
    for name in special:
        if name == "data" and not settings["recipe"]:
            continue
        value = source if name == "data" else given[name]
        words += [
            name.replace("_", "-"),
            *(value if isinstance(value, list) else [] if value is True else [value]),
        ]
    return "-".join(map(str, words))


def holds_run(folder):
    return any((folder / name).exists() for name in FILES)


def how_far(folder):
    """How far a run is, for a sentence about it."""
    try:
        epochs = json.loads((folder / "config.json").read_text())["epochs"]
        history = folder / "history.csv"
        done = len(history.read_text().splitlines()) - 1 if history.exists() else 0
        return f"{done} of {epochs} epochs"
    except (OSError, ValueError, KeyError, TypeError):
        return "nobody knows how far"


def resume_command(folder, epochs_now=None):
    now = f" --epochs-now {epochs_now}" if epochs_now else ""
    return f"python -m minivae train --resume --out {shlex.quote(str(folder))}{now}"


def newest():
    """The run in runs/ that was written to last. Raises FileNotFoundError where there is none."""
    folders = [path.parent for path in RUNS.glob("*/config.json")]
    if not folders:
        raise FileNotFoundError(
            f"there is no run in {RUNS}/ yet: train one with `python -m minivae`, or give the folder of a"
            " run."
        )
    return max(
        folders,
        key=lambda folder: max((folder / name).stat().st_mtime for name in FILES if (folder / name).exists()),
    )


def find_model(run):
    """The folder of a run and its model; run is the folder, a model's file, or None for the newest run."""
    path = newest() if run is None else Path(run)
    if not path.is_dir():
        return path.parent, VAE.load(path)
    # the checkpoint is never behind
    names = [name for name in ("checkpoint.npz", "model.npz") if (path / name).exists()]
    if not names:
        raise FileNotFoundError(f"{path} holds no model: give the folder of a run, or a model's .npz file.")
    return path, VAE.load(path / names[0])


def read_settings(folder):
    """The settings of the run in a folder.

    Raises FileNotFoundError, or ValueError where they are not whole.
    """
    path = folder / "config.json"
    try:
        settings = renamed(json.loads(path.read_text()))
        odd = sorted(set(settings) ^ set(recipes.DEFAULTS))
    except FileNotFoundError:
        raise FileNotFoundError(f"{folder} holds no run: there is no {path}.") from None
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{path} is not the config.json of a run ({error}): restore it, or train anew in another folder."
        ) from error
    if odd:
        raise ValueError(
            f"{path} has missing or unknown settings ({', '.join(odd)}): restore it, or train anew in another"
            " folder."
        )
    return settings


def resumed_settings(folder, given):
    """The settings of a run to go on with; of those that are given, only the epochs may differ,
    else ValueError."""
    settings, given = read_settings(folder), with_whole_paths(given)
    changed = [name for name, value in given.items() if name != "epochs" and settings[name] != value]
    if changed:
        raise ValueError(
            f"the run in {folder} has "
            + ", ".join(f"{flag(name)} {settings[name]} (now {given[name]})" for name in changed)
            + ": leave that out to go on with it, or train anew in another folder."
        )
    if not (folder / "checkpoint.npz").exists() and (
        (folder / "model.npz").exists() or (folder / "history.csv").exists()
    ):
        raise FileNotFoundError(
            f"{folder / 'checkpoint.npz'} is gone, so this run can't go on; train anew in another folder."
        )
    return {**settings, **given}


def with_whole_paths(settings):
    """The settings with the files of data as whole paths,
    so that the run can be gone on with from any folder."""
    files = {
        name: settings[name]
        for name in ("data", "test")
        if settings.get(name) not in (None, "glyphs", "mnist")
    }
    return {**settings, **{name: str(Path(file).expanduser().absolute()) for name, file in files.items()}}


def write_settings(folder, settings):
    text = json.dumps(with_whole_paths(settings), indent=1) + "\n"
    write_beside(folder / "config.json", lambda file: file.write(text.encode()))


def write_history(folder, vae):
    write_csv(folder / "history.csv", [vae.history or ["epoch"], *zip(*vae.history.values())])


def keep_evaluation(folder, row):
    """Add a row to evaluations.csv, {column: value}; the path of a long run is read off it.

    Returns the file.
    """
    path = folder / "evaluations.csv"
    before = list(csv.reader(path.read_text().splitlines())) if path.exists() else []
    write_csv(path, [*(before or [row]), row.values()])
    return path


def write_model(folder, vae):
    """model.npz and history.csv, which say the same."""
    vae.save(folder / "model.npz")
    write_history(folder, vae)


def draw(vae, folder, test_set):
    """Draw the pictures of a run into its folder; returns their names and what is to be seen."""
    from .. import plots

    y = test_set.labels if vae.n_conditions else None
    pictures = {
        "learning_curves.png": (
            "ELBO, log p(x|z) and KL, epoch by epoch",
            plots.learning_curves(vae.history),
        ),
        "reconstructions.png": (
            "held-out images and their reconstructions",
            plots.reconstructions(vae, test_set.images, y),
        ),
        "prior_samples.png": ("new images beside their probabilities", plots.prior_samples(vae)),
    }
    if vae.n_latent == 2:
        pictures["latent_map.png"] = (
            "where held-out images lie in the latent space",
            plots.latent_map(vae, test_set.images, test_set.labels),
        )
        pictures["latent_grid.png"] = "what is decoded from each place in it", plots.latent_grid(vae)
    for name, (_, figure) in pictures.items():
        plots.save(figure, folder / name)
    return {name: caption for name, (caption, _) in pictures.items()}
