"""The results in the README are those of the runs that lessons/figures/learning_curves.csv keeps;
its picture is drawn from them."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from minivae.cli import recipes

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "lessons" / "figures" / "learning_curves.py"
KEPT = list(csv.DictReader(SCRIPT.with_suffix(".csv").open()))
LINES = (ROOT / "README.md").read_text().splitlines()
TABLES = [[cell.strip() for cell in line.strip("|").split("|")] for line in LINES if line.startswith("| ")]
RESULTS = {
    found[1]: row
    for row in TABLES
    if (found := re.match(r"`([\w-]+)`:", row[0])) and found[1] in recipes.RECIPES
}
PATH = {row[0]: row[1:] for row in TABLES if row[0] in ("epochs", "-ELBO", "NLL")}


def kept(recipe, column, **wanted):
    """The kept numbers of a recipe, in the order of the file, where seed, epoch or n_images are as wanted."""
    return [
        float(row[column])
        for row in KEPT
        if row["recipe"] == recipe and row[column] and all(row[k] == str(v) for k, v in wanted.items())
    ]


@pytest.mark.parametrize("name", RESULTS)
def test_the_table_of_results_says_what_was_run(name):
    _, _, seeds, elbo, _, nll, _ = RESULTS[name]
    seeds = seeds.split(", ")
    assert sorted({row["seed"] for row in KEPT if row["recipe"] == name}) == seeds
    assert elbo == ", ".join(f"{-kept(name, 'held_out_elbo', seed=seed)[-1]:.1f}" for seed in seeds)
    assert nll == (
        ""
        if name == "pytorch-example"
        else ", ".join(f"{-kept(name, 'log_px', seed=seed)[-1]:.1f}" for seed in seeds)
    )


def test_the_path_of_the_long_run():
    for epoch, elbo, nll in zip(PATH["epochs"], PATH["-ELBO"], PATH["NLL"], strict=True):
        epoch = int(epoch.replace(",", ""))
        assert elbo == f"{-kept('burda-k1', 'held_out_elbo', epoch=epoch, n_images=1000)[-1]:.2f}"
        assert nll == f"{-kept('burda-k1', 'log_px', epoch=epoch, n_images=1000)[-1]:.2f}"


def test_every_recipe_that_is_run_whole_reaches_its_band():
    for name, recipe in recipes.RECIPES.items():
        for figure in recipe.figures:
            column = {"-ELBO": "held_out_elbo", "NLL": "log_px"}[figure.quantity]
            for value in kept(name, column, epoch=figure.epoch) if figure.band else ():
                assert figure.band[0] <= -value <= figure.band[1], (name, figure, value)


def test_the_picture_is_drawn_from_the_folders_of_runs(tmp_path):
    for name, seed in (("reference", 1), ("burda-k1", 0), ("pytorch-example", 2)):
        folder = tmp_path / f"{name}-{seed}"
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps({**recipes.resolve({"recipe": name}), "seed": seed}))
        lines = [f"{epoch},-{100 + 40 / epoch}" for epoch in range(1, 201)]
        (folder / "history.csv").write_text("\n".join(["epoch,validation_elbo", *lines]))
    evaluation = "epoch,elbo,log_px,n_samples,n_images,seed\n200,-100.2,-95.25,5000,1000,0\n"
    (tmp_path / "burda-k1-0" / "evaluations.csv").write_text(evaluation)
    folders = [tmp_path / name for name in ("reference-1", "burda-k1-0", "pytorch-example-2")]
    subprocess.run([sys.executable, SCRIPT, *folders, "--out", tmp_path], check=True)
    rows = list(csv.DictReader((tmp_path / "learning_curves.csv").open()))
    assert {(row["recipe"], row["seed"]) for row in rows} == {
        ("reference", "1"),
        ("burda-k1", "0"),
        ("pytorch-example", "2"),
    }
    assert [(row["epoch"], row["log_px"]) for row in rows if row["log_px"]] == [("200", "-95.250")]
    epochs = [int(row["epoch"]) for row in rows if row["recipe"] == "reference"]
    assert epochs[0] == 1 and epochs[-1] == 200 and epochs == sorted(set(epochs)) and len(epochs) < 60
    assert (tmp_path / "learning_curves.png").read_bytes().startswith(b"\x89PNG")
