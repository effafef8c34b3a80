"""The training loop over a model that is passed in: batches, history, held-out ELBO, checkpoints, resume."""

import json
import time
import warnings
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from .bounds import OBJECTIVES
from .inputs import (
    BINARIZE,
    check_images,
    check_labels,
    check_not_empty,
    check_whole,
    image_shape,
    to_floats,
    white_black,
)
from .model_file import check_checkpoint
from .npy import shortly
from .ondisk import fingerprint
from .optimizers import Optimizer, make_optimizer
from .progress import progress_bar
from .storage import load_npz, save_npz, to_json
from .threads import blas_threads


def fit(
    vae, X, y=None, epochs=30, batch_size=64, optimizer=None, binarize=None, n_samples=1, objective="elbo",
    validation=None, rng=None, progress=True, schedule=None, beta_schedule=None, checkpoint=None,
    resume=False, on_epoch=None, threads=1,
):  # fmt: skip
    """Train vae on X and return vae.history: a mapping of columns, with one row per epoch.

    A second fit goes on from the parameters as they are, with a history of its own. Ctrl-C leaves the
    parameters as the last step left them, and the history of the finished epochs.

    X           (N, D) or (N, H, W) images of uint8, bool or float; floats are made per batch
    y           labels or attributes of a conditional model
    epochs      the total: a resumed run goes on up to it
    batch_size  images per step; the last batch of an epoch may be smaller
    optimizer   None for RMSProp(1e-3) of TensorFlow 1, or any of minivae.optimizers; an object keeps its
                state from one fit to the next, so give each model its own
    binarize    None, "threshold" (pixel > 0.5) or "dynamic" (a fresh draw of Bernoulli(pixel) each epoch)
    n_samples   K, draws of z per image and step
    objective   "elbo", or "iwae" for the importance-weighted bound
    validation  held-out images, or (images, labels): their ELBO after each epoch, always with the same noise
    rng         a generator or seed for order, binarisation and noise; by default the model's own generator
    progress    a tqdm bar with elbo, log p(x|z), KL and images per second
    schedule    [(first_epoch, lr), ...] in ascending order: the learning rate from that epoch on; 1, 2, ...
    beta_schedule  the same for beta, the weight of the KL, a warm-up (11.9): [(1, 0.0), (5, 0.5), (10, 1.0)]
    checkpoint  a file written after every epoch (and once before the first); resume=True goes on from it, to
                the same bits as a run that was never interrupted
    on_epoch    called with the row of each finished epoch, before the checkpoint is written; where it changes
                vae.beta or the optimiser's settings, the checkpoint keeps that
    threads     of the matrix products (NumPy's BLAS): one gives the same bits on any number of cores, and
                stays fast beside other work; None for as many as BLAS likes

    Columns, in nats per image: epoch, elbo, log_px_z, kl (means over the epoch's own batches; with "iwae"
    also bound), with validation also validation_elbo, validation_log_px_z, validation_kl; and seconds spent
    on training. Raises ValueError or TypeError for bad input, FloatingPointError where the loss, or the
    held-out ELBO, is no longer a number. A resumed run that goes on with another number of threads or another
    NumPy gives a UserWarning: its bits may differ.
    """
    plan = checked(
        vae, X, y, batch_size, optimizer, binarize, n_samples, objective, validation, rng, schedule,
        beta_schedule,
    )  # fmt: skip
    epochs = check_whole("epochs", epochs, 0)
    threads = None if threads is None else check_whole("threads", threads, 1)
    if resume:
        resume_from(checkpoint, vae, plan, threads)
    else:
        vae.history, vae.binarize, vae.white_black = {}, plan.binarize, white_black(plan.images)
        if np.ndim(X) > 2:
            vae.image_shape = image_shape(np.shape(X))
        if checkpoint is not None:
            vae.check_savable()
            save_checkpoint(checkpoint, vae, plan, threads)
    done = len(vae.history.get("epoch", ()))
    bar = progress_bar(progress, max(epochs - done, 0) * len(plan.images), "training")
    with blas_threads(threads), bar:
        for epoch in range(done + 1, epochs + 1):
            plan.optimizer.lr = at(epoch, plan.schedule, plan.optimizer.lr)
            vae.beta = at(epoch, plan.beta_schedule, vae.beta)
            means, seconds = train_epoch(vae, plan, epoch, bar)
            held_out = evaluate(vae, *plan.held_out) if plan.held_out else {}
            for value in held_out.values():
                _check_finite("held-out ELBO", value, epoch, -(-len(plan.images) // plan.batch_size))
            row = {"epoch": epoch, **means, **held_out, "seconds": seconds}
            for name, value in row.items():
                vae.history.setdefault(name, []).append(value)
            try:
                if on_epoch is not None:
                    on_epoch(row)
            finally:  # an epoch that is trained is kept, also where its row can't be told
                if checkpoint is not None:
                    save_checkpoint(checkpoint, vae, plan, threads)
    return vae.history


def at(epoch, schedule, value):
    """What a schedule [(first epoch, value)] says for an epoch: its last value so far, or the one that is."""
    return ([value] + [new for first, new in schedule if first <= epoch])[-1]


@dataclass
class Plan:
    """What fit was asked to do, all of it checked: images (N, D), labels (N, C) or None, held_out a pair of
    these or None, schedules [[first epoch, value]]; the rest as fit's arguments."""

    images: np.ndarray
    labels: np.ndarray | None
    held_out: tuple | None
    batch_size: int
    n_samples: int
    objective: str
    binarize: str | None
    optimizer: Optimizer
    schedule: list
    beta_schedule: list
    rng: np.random.Generator
    config: dict  # the model's

    def eps_shape(self, vae, n_images):
        """(B, M) where one draw per image is enough, else (K, B, M)."""
        shape = n_images, vae.n_latent
        return shape if self.n_samples == 1 and self.objective == "elbo" else (self.n_samples, *shape)

    @cached_property
    def settings(self):
        """What must be the same for a resumed run to equal an uninterrupted one."""
        optimizer, config = self.optimizer.config(), dict(self.config)
        if self.schedule:
            del optimizer["lr"]
        if self.beta_schedule:
            del config["beta"]
        data = {name: fingerprint(getattr(self, name)) for name in ("images", "labels")}
        data["validation"] = [fingerprint(part) for part in self.held_out or ()]
        names = "batch_size", "binarize", "n_samples", "objective", "schedule", "beta_schedule"
        same = {name: getattr(self, name) for name in names}
        return json.loads(to_json({"config": config, "optimizer": optimizer, **same, "data": data}))


def checked(
    vae, X, y, batch_size, optimizer, binarize, n_samples, objective, validation, rng, schedule,
    beta_schedule=None,
):  # fmt: skip
    """The Plan that fit's arguments make. Raises ValueError or TypeError for what can't be trained on."""
    for name, value, known in (("binarize", binarize, BINARIZE), ("objective", objective, OBJECTIVES)):
        if value not in known:
            raise ValueError(f"{name}={value!r} is not known; take one of {', '.join(map(repr, known))}.")
    unit_pixels = vae.likelihood.needs_unit_pixels or binarize == "dynamic"  # read as probabilities

    def images_and_labels(X, y, name, of_labels, remedy):
        X = check_images(X, vae.n_inputs, unit_pixels, name)
        y = check_labels(y, len(X), vae.n_conditions, of_labels)
        if len(X) == 0:
            raise ValueError(f"{name} holds no images; {remedy}.")
        return X, y

    X, y = images_and_labels(X, y, "X", "y", "training needs at least one")
    check_not_empty(X, binarize)
    held_out = _pair(validation, vae.n_conditions)
    if held_out is not None:
        names = "validation", "the labels in validation=(images, labels)"
        held_out = images_and_labels(*held_out, *names, "leave it out, or hold some images out of training")
    schedule = _schedule("schedule", "lr", schedule, least=np.finfo(float).tiny)
    beta_schedule = _schedule("beta_schedule", "beta", beta_schedule, least=0)
    batch_size, n_samples = check_whole("batch_size", batch_size, 1), check_whole("n_samples", n_samples, 1)
    return Plan(
        images=X,
        labels=y,
        held_out=held_out,
        batch_size=batch_size,
        n_samples=n_samples,
        objective=objective,
        binarize=binarize,
        optimizer=make_optimizer(optimizer),
        schedule=schedule,
        beta_schedule=beta_schedule,
        rng=vae.rng if rng is None else np.random.default_rng(rng),
        config=vae.config(),
    )


def _schedule(name, of, steps, least):
    steps = [[check_whole(f"an epoch in {name}", first, 1), float(value)] for first, value in steps or ()]
    if steps != sorted(steps) or not all(least <= value < np.inf for _, value in steps):
        kind = "a positive number" if least else "a finite number of at least 0"
        raise ValueError(
            f"{name} is {[tuple(step) for step in steps]}; give (first_epoch, {of}) in ascending order of "
            f"epochs, each {of} {kind}."
        )
    return steps


def _pair(validation, n_conditions):
    """validation as (images, labels or None): a conditional model's is a tuple or a list of the two."""
    if validation is None:
        return None
    if isinstance(validation, tuple) and len(validation) != 2:
        raise ValueError(f"validation is a tuple of {len(validation)}; give images, or (images, labels).")
    pair = isinstance(validation, list) and n_conditions and len(validation) == 2
    return validation if pair or isinstance(validation, tuple) else (validation, None)


def train_epoch(vae, plan, epoch, bar):
    """One pass over the images in a random order; returns its means, {column: nats}, and its seconds."""
    objective, images, labels = OBJECTIVES[plan.objective], plan.images, plan.labels
    started, totals, n_done = time.perf_counter(), {}, 0
    order = plan.rng.permutation(len(images))
    with np.errstate(
        over="ignore", invalid="ignore", divide="ignore"
    ):  # a run that diverges ends in a sentence
        for batch, start in enumerate(range(0, len(images), plan.batch_size), 1):
            rows = order[start : start + plan.batch_size]
            x = to_floats(images.take(rows, axis=0), vae.dtype, vae.binarize, plan.rng)
            y = None if labels is None else labels[rows].astype(vae.dtype)
            t = objective.run(vae, x, vae.noise(plan.rng, *plan.eps_shape(vae, len(rows))), y)
            _check_finite("loss", t.loss, epoch, batch)
            objective.backward(vae, t, need_dx=False)
            plan.optimizer.step(vae.theta, vae.grad)
            for name in ("elbo", "log_px_z", "kl", "bound"):
                if name in t:
                    totals[name] = totals.get(name, 0.0) + float(t[name].sum()) * len(rows) / t[name].size
            n_done += len(rows)
            if bar.update(len(rows)):
                means = {name: f"{total / n_done:.1f}" for name, total in totals.items()}
                bar.set_postfix(means, refresh=False)
            del x, t  # so that the next pass finds their memory free, still in the processor's cache
        _check_finite("sum of the parameters", vae.theta.sum(), epoch, batch)
    return {name: total / n_done for name, total in totals.items()}, time.perf_counter() - started


def _check_finite(what, value, epoch, batch):
    if not np.isfinite(value):
        raise FloatingPointError(
            f"the {what} became {value} in epoch {epoch}, batch {batch}: the parameters ran away. Start again"
            " with a smaller learning rate, or look for outliers in the data; a checkpoint, if there is one,"
            " holds the epoch before."
        )


def evaluate(vae, X, y=None):
    """The held-out ELBO and its two parts, one draw of z per image,
    with noise that is the same every time."""
    rng, parts = np.random.default_rng(vae.seed), []
    for x, y_part in vae.batches(X, y, rng):
        t = vae.run(x, vae.noise(rng, len(x), vae.n_latent), y_part)
        parts.append((t.elbo, t.log_px_z, t.kl))
    names = "validation_elbo", "validation_log_px_z", "validation_kl"
    return {name: float(np.concatenate(column).mean(dtype=float)) for name, column in zip(names, zip(*parts))}


def save_checkpoint(path, vae, plan, threads):
    """Everything that a run needs to go on: parameters, optimiser, generators, history, settings."""
    optimizer, rng = plan.optimizer, plan.rng.bit_generator.state
    header = {"optimizer": optimizer.config(), "fit_rng": rng, "settings": plan.settings, "threads": threads}
    state = {f"optimizer.{name}": array for name, array in optimizer.state().items()}
    save_npz(path, "checkpoint", {**vae.header(), **header}, theta=vae.theta, **state)


def check_same_run(path, vae, **settings):
    """Raise a ValueError where a checkpoint is not that of a run of this model with these arguments of
    fit."""
    settings.pop("threads", None)
    plan = checked(vae, **{**dict.fromkeys(("rng", "beta_schedule")), **settings})
    expected = partial(check_checkpoint, vae, plan.optimizer)
    header, _ = load_npz(path, "checkpoint", expected=expected)
    _check_same(Path(path), header["settings"], plan.settings)


def _check_same(path, then, now):
    data_then, data_now = then["data"], now["data"]
    differences = list(_differences(then, {name: value for name, value in now.items() if name != "data"}))
    if differences:
        raise ValueError(
            f"{path} is the checkpoint of another run, with {shortly(', '.join(differences), 300)}: "
            "give the same settings to go on with it, or another folder to start anew."
        )
    names = {"images": "images", "labels": "labels", "validation": "held-out data"}
    other = [words for name, words in names.items() if data_now[name] != data_then[name]]
    if other:
        raise ValueError(
            f"{path} was trained with other {' and '.join(other)}; give the same as then, in the same order."
        )


def resume_from(path, vae, plan, threads):
    """Take the state of a run back from its checkpoint. Raises ValueError where it belongs to another run."""
    if path is None:
        raise ValueError("resume=True needs checkpoint=, the file to go on from.")
    expected = partial(check_checkpoint, vae, plan.optimizer)
    header, arrays = load_npz(path, "checkpoint", expected=expected)
    _check_same(Path(path), header["settings"], plan.settings)
    kind = header["fit_rng"]["bit_generator"]
    if plan.rng.bit_generator.state["bit_generator"] != kind:
        raise ValueError(
            f"{Path(path)} was trained with a generator of the kind {kind}; leave rng out, or give another "
            "of "
            "that kind."
        )
    for what, then, now in (
        ("NumPy", header.get("versions", {}).get("numpy"), np.__version__),
        ("BLAS threads", header.get("threads"), threads),
    ):
        if then is not None and then != now:
            warnings.warn(
                f"{Path(path)} goes on with {what} {now} in place of {then}: from here on its numbers may "
                "differ in the last digits from those of a run without a stop.",
                stacklevel=3,
            )
    vae.theta[:] = arrays["theta"]
    vae.load_header(header)
    vae.beta = float(header["config"]["beta"])
    for name, value in header["optimizer"].items():
        if name != "name":
            setattr(plan.optimizer, name, value)
    plan.optimizer.load_state({name.removeprefix("optimizer."): array for name, array in arrays.items()})
    plan.rng.bit_generator.state = header["fit_rng"]


NEW = {"beta_schedule": []}  # settings that older checkpoints lack, and what they were


def _differences(then, now):
    """In what two settings differ, one level deep: "config.beta=1.0 (now 2.0)"."""
    for name, value in now.items():
        if isinstance(value, dict) and isinstance(then.get(name), dict):
            yield from (f"{name}.{words}" for words in _differences(then[name], value))
        elif value != then.get(name, NEW.get(name)):
            yield f"{name}={then.get(name)!r} (now {value!r})"
