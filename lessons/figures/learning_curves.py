"""The learning curves of the recipes as one picture, from the folders of their runs:

    python lessons/figures/learning_curves.py runs/reference runs/burda-k1 ...

takes history.csv and evaluations.csv of each run (train and evaluate write them), keeps their numbers in
learning_curves.csv, in the place of those of the same recipe and seed, and draws learning_curves.png from all
that is kept, both beside this file.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import StrMethodFormatter

from minivae import plots
from minivae.cli import recipes, runs
from minivae.storage import write_csv

HERE = Path(__file__).parent
COLUMNS = ("recipe", "seed", "epoch", "held_out_elbo", "log_px", "n_samples", "n_images")
PIXELS = {
    "threshold": "pixels > 0.5",
    "dynamic": "pixels drawn anew each epoch",
    "none": "grey pixels, no likelihood",
}


def rows_of(folder):
    """The rows of one run: its evaluations, and a few dozen epochs evenly spread in their logarithm,
    the last among them."""
    settings = runs.read_settings(folder)
    if settings["recipe"] is None:
        raise ValueError(f"{folder} is the run of no recipe; give runs that were started with --recipe.")
    history, kept = (folder / name for name in ("history.csv", "evaluations.csv"))
    elbo = {int(row["epoch"]): float(row["validation_elbo"]) for row in csv.DictReader(history.open())}
    evaluations = list(csv.DictReader(kept.open())) if kept.exists() else []
    evenly = np.rint(np.geomspace(1, max(elbo), 60)).astype(int).tolist()
    for epoch in sorted({*evenly, *(int(row["epoch"]) for row in evaluations)}):
        for row in [row for row in evaluations if int(row["epoch"]) == epoch] or [{}]:
            log_px = f"{float(row['log_px']):.3f}" if row else ""
            of = settings["recipe"], settings["seed"], epoch, f"{elbo[epoch]:.3f}"
            yield dict(zip(COLUMNS, (*map(str, of), log_px, row.get("n_samples"), row.get("n_images"))))


def draw(rows):
    """-ELBO as lines and NLL as dots, one panel for each way of making pixels,
    and as stars what is to be reached."""
    names = [name for name in recipes.RECIPES if any(row["recipe"] == name for row in rows)]
    pixels = {name: recipes.resolve({"recipe": name})["binarize"] for name in names}
    kinds = [kind for kind in PIXELS if kind in pixels.values()]
    figure = Figure(figsize=(1 + 3 * len(kinds), 4.4), layout="constrained")
    panels = figure.subplots(1, len(kinds), squeeze=False)[0]
    for ax, kind in zip(panels, kinds):
        for i, name in enumerate(name for name in names if pixels[name] == kind):
            mine, colour = [row for row in rows if row["recipe"] == name], f"C{i}"
            for seed in dict.fromkeys(row["seed"] for row in mine):
                curve = [
                    (int(row["epoch"]), -float(row["held_out_elbo"])) for row in mine if row["seed"] == seed
                ]
                ax.plot(*zip(*curve), color=colour, lw=1.2, label=name if seed == mine[0]["seed"] else None)
            if kind != "none":
                dots = [(int(row["epoch"]), -float(row["log_px"])) for row in mine if row["log_px"]]
                ax.plot(*zip(*dots) if dots else ((), ()), "o", color=colour, ms=4)
            for wanted in recipes.RECIPES[name].figures:
                if kind != "none" or wanted.quantity == "-ELBO":
                    ax.plot(
                        wanted.epoch,
                        np.mean(wanted.value),
                        "*",
                        color=colour,
                        mfc=colour if wanted.quantity == "NLL" else "none",
                        ms=10,
                    )
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        ax.set_title(PIXELS[kind], fontsize=10)
        ax.set_xlabel("epoch")
        ax.grid(alpha=0.3)
        ax.legend(fontsize=8, loc="upper right")
    panels[0].set_ylabel("held-out nats per image")
    marks = [
        Line2D([], [], color="0.3", lw=1.2, label="-ELBO"),
        Line2D([], [], color="0.3", ls="", marker="o", ms=4, label="NLL = -log p(x)"),
        Line2D([], [], color="0.3", ls="", marker="*", mfc="none", ms=10, label="-ELBO to reach"),
        Line2D([], [], color="0.3", ls="", marker="*", ms=10, label="NLL to reach"),
    ]
    figure.legend(handles=marks, loc="outside lower center", ncols=4, fontsize=9, frameon=False)
    return figure


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="*", type=Path, metavar="RUN", help="the folder of a recipe's run")
    parser.add_argument(
        "--out",
        type=Path,
        default=HERE,
        metavar="FOLDER",
        help="where table and picture are [beside this file]",
    )
    args = parser.parse_args()
    table = args.out / "learning_curves.csv"
    rows = list(csv.DictReader(table.open())) if table.exists() else []
    for folder in args.runs:
        new = list(rows_of(folder))
        run = new[0]["recipe"], new[0]["seed"]
        rows = [row for row in rows if (row["recipe"], row["seed"]) != run] + new
    rows.sort(key=lambda row: (list(recipes.RECIPES).index(row["recipe"]), int(row["seed"])))
    write_csv(table, [COLUMNS, *([row[name] for name in COLUMNS] for row in rows)])
    plots.save(draw(rows), args.out / "learning_curves.png")


if __name__ == "__main__":
    main()
