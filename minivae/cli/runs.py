"""The folder of a run: its name, its settings, its history, its pictures, and how to find it again.

model.npz, checkpoint.npz (after every epoch), history.csv, config.json, the pictures, and evaluations.csv
with a row for each `evaluate`. A folder that holds a run is never given to another one.
"""

import csv
import json
import shlex
from contextlib import contextmanager
from pathlib import Path

from ..model_file import renamed
from ..storage import append, csv_text, remove_leftovers, to_json, write_beside, write_csv
from ..vae import VAE
from . import recipes
from .flags import flag
from .lock import held, waited_for
from .settings import check_known

RUNS = Path("runs")
FILES = ("model.npz", "checkpoint.npz", "history.csv", "config.json")
PICTURES = (
    "learning_curves.png",
    "reconstructions.png",
    "prior_samples.png",
    "style_transfer.png",
    "latent_map.png",
    "latent_grid.png",
)
EVALUATION = ("epoch", "elbo", "log_px", "n_samples", "n_images", "seed")  # the columns of evaluations.csv
UNNAMED = ("recipe", "epochs", "test", "threads")  # settings that a folder's name doesn't tell
LARGEST_TEXT = 2**20  # bytes of config.json; evaluations.csv may have ten times as many


def new_folder(out, settings, given):
    """Claim the folder of a new run -> a context in which it is ours, the folder, and a sentence where its
    name is not the first choice.

    out: the folder that was asked for, refused with a ValueError where it holds a run; or None for one in
    runs/, named after its settings and numbered where the name is taken. Raises OSError where no folder can
    be made.
    """
    if out is not None:
        folder = Path(out)
        make_folder(folder, exist_ok=True)
        return claimed(folder, empty=True), folder, None
    first = folder = RUNS / default_name(settings, given)
    number = 1
    while not make_folder(folder, exist_ok=False):
        number += 1
        folder = first.with_name(f"{first.name}-{number}")
    note = f"{first} holds a run already ({how_far(first)}) and stays as it is; this one goes to {folder}."
    return claimed(folder), folder, note if number > 1 else None


@contextmanager
def claimed(folder, empty=False):
    """Within this, the folder is ours: no other process trains in it. What a killed one left there goes away.

    empty=True refuses a folder that holds a run. Raises ValueError where another process has it.
    """
    with held(folder, f"another process is training in {folder}"):
        if empty and holds_run(folder):
            raise ValueError(
                f"{folder} holds a run already ({how_far(folder)}): go on with it ({resume_command(folder)}),"
                " or give another --out."
            )
        remove_leftovers(folder, (*FILES, *PICTURES))
        yield


def make_folder(folder, exist_ok):
    """Make it, and say whether it is there now; False where it was before and that is not right."""
    try:
        folder.mkdir(parents=True, exist_ok=exist_ok)
    except OSError as error:
        if isinstance(error, FileExistsError) and not exist_ok:
            return False
        raise OSError(
            error.errno, f"could not make the run folder {folder}: {error.strerror}; give another with --out."
        ) from error
    return True


def default_name(settings, given):
    """The recipe or the data, and whatever else was asked for: glyphs, mnist-latent-2, burda-k1-seed-1."""
    usual = recipes.resolve({"recipe": settings["recipe"]})
    source = settings["data"] if settings["data"] in ("glyphs", "mnist") else Path(settings["data"]).stem
    words = [settings["recipe"] or source]
    special = [name for name in usual if name in given and given[name] != usual[name] and name not in UNNAMED]
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
        epochs = read_settings(folder)["epochs"]
        history = folder / "history.csv"
        done = len(history.read_text().splitlines()) - 1 if history.exists() else 0
        return f"{done} of {epochs} epochs"
    except (OSError, ValueError):
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
    if run == "":
        raise ValueError("the run is empty: give the folder of a run, or a model's .npz file.")
    path = newest() if run is None else Path(run)
    if not path.is_dir():
        return path.parent, VAE.load(path)
    file = model_file(path)
    if file is None:
        raise FileNotFoundError(f"{path} holds no model: give the folder of a run, or a model's .npz file.")
    vae = VAE.load(file)
    if (path / "config.json").exists():
        check_settings_of(vae, read_settings(path), file)
    return path, vae


def model_file(folder):
    """The checkpoint of a run, which is never behind, or its model.npz, or None."""
    files = [folder / name for name in ("checkpoint.npz", "model.npz")]
    return next((file for file in files if file.exists()), None)


def check_settings_of(vae, settings, file):
    """Raise a ValueError where a model is not that of the settings in the same folder."""
    likelihood = {"name": settings["likelihood"]}
    if settings["decoder_sigma"]:
        likelihood["sigma"] = settings["decoder_sigma"]
    wanted = {"hidden": list(settings["hidden"]), "n_latent": settings["latent"], "likelihood": likelihood}
    wanted |= {name: settings[name] for name in ("activation", "head", "reduction", "init", "seed")}
    found = json.loads(to_json(vae.config()))
    odd = [f"{name} {found[name]} (not {value})" for name, value in wanted.items() if found[name] != value]
    if odd:
        raise ValueError(
            f"{file} is not the model of {file.parent / 'config.json'}: it has {', '.join(odd)}. "
            "Put back the file that belongs there."
        )


def read_settings(folder):
    """The settings of the run in a folder.

    Raises FileNotFoundError, or ValueError where they are not whole.
    """
    path = folder / "config.json"
    try:
        if path.stat().st_size > LARGEST_TEXT:
            raise ValueError("too large")
        settings = json.loads(path.read_text())
        if not isinstance(settings, dict):
            raise ValueError("no table of settings")
        settings = {"shape": None, "threads": 1, **renamed(settings)}  # two that came later
        odd = sorted(set(settings) ^ set(recipes.DEFAULTS))
        if odd:
            raise ValueError(f"it has missing or unknown settings, {', '.join(odd)}")
        check_known(settings)
    except FileNotFoundError:
        raise FileNotFoundError(f"{folder} holds no run: there is no {path}.") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is not the config.json of a run ({error}): restore it, or train anew in another folder."
        ) from error
    return settings


def resumed_settings(folder, given):
    """The settings of a run to go on with; of those that are given, only the epochs may differ,
    else ValueError."""
    settings, given = read_settings(folder), with_whole_paths(given)
    may_change = ("epochs", "threads")
    changed = [name for name, value in given.items() if name not in may_change and settings[name] != value]
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


def add_to_history(folder, row):
    """One epoch's row below those that are there."""
    path = folder / "history.csv"
    if row["epoch"] == 1:
        write_csv(path, [row, row.values()])
    else:
        append(path, csv_text([row.values()]))


def check_evaluations(folder):
    """Raise a ValueError where evaluations.csv is no such table, before a long piece of work is to be
    added."""
    path = folder / "evaluations.csv"
    if not path.exists():
        return
    try:
        if path.stat().st_size > 10 * LARGEST_TEXT:
            raise ValueError("too large")
        text = path.read_text(encoding="utf-8")
        rows = list(csv.reader(text.splitlines()))
        if text and (not text.endswith("\n") or tuple(rows[0]) != EVALUATION):
            raise ValueError(f"its titles are not {','.join(EVALUATION)}, or its last line has no end")
        if any(len(row) != len(EVALUATION) for row in rows):
            raise ValueError("its rows differ in length")
    except (ValueError, csv.Error) as error:
        raise ValueError(
            f"{path} is not a table of evaluations ({error}): repair it, or move it away."
        ) from error


def keep_evaluation(folder, row):
    """Add a row to evaluations.csv, {column: value}; the path of a long run is read off it.

    Two that come at once follow one another. Returns the file; raises OSError where it can't be written.
    """
    path = folder / "evaluations.csv"
    append(path, "")
    with waited_for(path):
        titles = [row] if path.stat().st_size == 0 else []
        append(path, csv_text([*titles, row.values()]))
    return path


def write_model(folder, vae):
    """model.npz and history.csv, which say the same."""
    vae.save(folder / "model.npz")
    write_history(folder, vae)


def draw(vae, folder, test_set, test_y):
    """Draw the pictures of a run into its folder; returns their names and what is to be seen.

    test_y: the held-out labels as the model takes them, or None. Where they are attributes, those of the
    first held-out images are drawn with.
    """
    from .. import plots

    X, attributes = test_set.images, vae.classes == []
    n = min(len(X), 25)
    y = test_y[:n] if attributes else None
    pictures = {
        "learning_curves.png": (
            "ELBO, log p(x|z) and KL, epoch by epoch",
            plots.learning_curves(vae.history),
        ),
        "reconstructions.png": (
            "held-out images and their reconstructions",
            plots.reconstructions(vae, X, test_y),
        ),
        "prior_samples.png": (
            "new images beside their " + ("probabilities" if vae.likelihood.name == "bernoulli" else "means"),
            plots.prior_samples(vae, n if attributes else 25, y),
        ),
    }
    if vae.n_conditions and not attributes:
        pictures["style_transfer.png"] = (
            "held-out images, and the z of each with every class",
            plots.style_transfer(vae, X, test_y),
        )
    if vae.n_latent == 2:
        pictures["latent_map.png"] = (
            "where held-out images lie in the latent space",
            plots.latent_map(vae, X, test_set.labels, y=test_y),
        )
        pictures["latent_grid.png"] = (
            "what is decoded from each place in it",
            plots.latent_grid(vae, y=test_y[0] if attributes else None),
        )
    for name, (_, figure) in pictures.items():
        plots.save(figure, folder / name)
    return {name: caption for name, (caption, _) in pictures.items()}
