"""The learner's own functions for the VAE of lesson 09, collected from the saved lessons.

    part = collect()             part.dense_forward, part.latent_backward, ...
    vae_backward = assemble(part)

A function of yours is taken where its exercise's check passes, the last definition that does, in whatever
cell it stands; until then minivae's own stands in its place. The lessons are read as they were saved,
with what the functions use (saved_code.py).
"""

import contextlib
import io
import sys
from pathlib import Path
from time import perf_counter
from types import SimpleNamespace

import numpy as np

from .. import gaussian
from ..gradcheck.learner import quietly
from ..layers import ACTIVATIONS, Dense
from ..likelihoods import Bernoulli
from ..trace import Trace
from . import exercises_of, judged
from .lesson_08 import rmsprop_step
from .saved_code import SavedCode


def dense_forward(x, W, b):
    return Dense(W, b, None, None).forward(x)


def dense_backward(da, x, W):
    dW, db = np.empty_like(W), np.empty_like(W[0])
    dx = Dense(W, None, dW, db).backward(da, x)
    return dx, dW, db


def relu_backward(dh, a):
    return ACTIVATIONS["relu"].backward(dh, a, None)


def latent_backward(dz, mu, raw, eps, beta=1.0):
    head = gaussian.HEADS["softplus"]
    sigma = head.forward(raw)
    dmu, dsigma = gaussian.reparameterize_backward(dz, eps)
    dkl_dmu, dkl_dsigma = gaussian.kl_gradient(mu, sigma)
    return dmu + beta * dkl_dmu, head.backward(dsigma + beta * dkl_dsigma, raw, sigma)


def bernoulli_log_prob(x, logits):
    return Bernoulli().log_prob(_decoded(x, logits))


def bernoulli_backward(x, logits):
    t = _decoded(x, logits)
    log_px_z = Bernoulli().log_prob(t)
    return Bernoulli().backward(np.full_like(log_px_z, -1), t, Trace(), None)  # of the loss -log p(x|z)


def _decoded(x, logits):
    t = Trace()
    t.x, t.logits = x, logits
    return t


SPARES = {  # name: (exercise, what stands in for it)
    "kl_to_prior": ("2.4", gaussian.kl),
    "reparameterize": ("4.3", gaussian.reparameterize),
    "latent_backward": ("4.6", latent_backward),
    "dense_forward": ("5.2", dense_forward),
    "dense_backward": ("5.3", dense_backward),
    "relu_backward": ("5.4", relu_backward),
    "bernoulli_log_prob": ("7.2", bernoulli_log_prob),
    "bernoulli_backward": ("7.3", bernoulli_backward),
    "rmsprop_step": ("8.3", rmsprop_step),
}


class Parts(SimpleNamespace):
    """The nine parts as attributes. `mine`: the names of those that are the learner's; `minivae`: what may
    stand in for them.
    """

    def __init__(self, found):
        spares = {name: spare for name, (_, spare) in SPARES.items()}
        super().__init__(**spares | found, mine=tuple(found), minivae=SimpleNamespace(**spares))

    @property
    def whose(self):
        """Whose parts they are, for a title or a label."""
        if not self.mine:
            return "minivae's parts"
        if len(self.mine) == len(SPARES):
            return "your parts"
        return f"{len(self.mine)} of your parts, {len(SPARES) - len(self.mine)} of minivae's"


def collect(folder="."):
    """The nine parts: yours, from the notebooks saved in `folder`, or minivae's. Prints which is which.

    This runs code of the saved lessons: your functions, and what they use.
    """
    print(
        "Looking into the lessons as they were saved, and running your functions there, with what they use:"
    )
    found, without = {}, False
    for name, (number, _) in SPARES.items():
        function, words = yours(number, name, folder)
        if function is not None:
            found[name] = function
            words += slowness(name, function)
        without |= words == NO_LESSON
        print(f"  {name:20} {number:4} {words}")
    if without:
        where = (
            "Open and save them in this browser first; then run this cell again."
            if sys.platform == "emscripten"
            else ('If your lessons lie in another folder: collect("folder").')
        )
        print(f"Looked in {Path(folder).resolve().name}/. {where}")
    return Parts(found)


NO_LESSON = "minivae's: the lesson's notebook is not here"


def yours(number, name, folder="."):
    """(the learner's function, words), or (None, why not), from the saved notebooks of the exercise's
    lesson.
    """
    paths = sorted(
        Path(folder).glob(f"{int(number.split('.')[0]):02}_*.ipynb"),
        key=lambda path: (-path.stat().st_mtime, path.name),
    )
    if not paths:
        return None, NO_LESSON
    found, refused = [], []
    for path in paths:
        function, words = in_notebook(path, number, name)
        (refused if function is None else found).append((path, function, words))
    path, function, words = (found + refused)[0]
    if found:
        words = f"YOURS, from {path.name}"
    elif len(paths) == 1 or words != UNSOLVED:
        words += f" ({path.name})"
    if len(paths) > 1:
        words += f"; there is also {', '.join(other.name for other in paths if other != path)}"
    return function, words


UNSOLVED = "minivae's, until you have solved it"


def in_notebook(path, number, name):
    """The last definition that passes its check, as the exercise calls it; (None, why not) if there is
    none.
    """
    try:
        lesson = SavedCode.read(path)
    except Exception as error:  # noqa: BLE001 - whatever stands in a learner's notebook
        return None, f"minivae's: the notebook can't be read, {type(error).__name__}: {error}"
    why = None
    for answer, problem in lesson.answers(number, name):
        with contextlib.redirect_stdout(io.StringIO()):
            result = judged(number, answer)
        if result.passed:
            return result.answer or answer, ""
        if problem or result.tried:
            why = why or f"minivae's: yours is not right yet. {problem or reason(result.message)}"
    broken = [cell for cell, text in lesson.unreadable if name in text]
    if not why and broken:
        why = f"minivae's: cell {broken[-1]} is no Python that can be read"
    return None, why or UNSOLVED


def reason(message):
    """The first thing that a check has to say, in a line."""
    line = message.split("\n")[1]
    return line if len(line) <= 120 else line[:117] + "..."


IMAGES, BATCH, STEPS = 2, 50, 600  # a part is timed on a few images of a batch; lesson 09 takes so many steps
PATIENCE = 200  # seconds of training in one part that are no reason to speak


def slowness(name, function):
    """A warning, if training lesson 09 with this function would take long; else nothing."""
    rng, n = np.random.default_rng(0), IMAGES
    z, h, x, W = (rng.uniform(0.1, 1, shape) for shape in ((n, 10), (n, 100), (n, 784), (784, 100)))
    latent = {"mu": z, "sigma": z, "raw": z, "eps": z, "dz": z, "beta": 1.0}
    layer = {"x": x, "W": W, "b": W[0], "da": h, "dh": h, "a": h, "logits": x}
    update = {"theta": W, "v": W, "grad": W, "lr": 1e-3, "decay": 0.9, "eps": 1e-7}
    number = SPARES[name][0]
    known = latent | layer if name != "rmsprop_step" else update
    arguments = [known[argument] for argument in exercises_of(number.split(".")[0])[number].judge.takes]
    seconds = []
    while len(seconds) < 3 and sum(seconds) < 0.5:
        start = perf_counter()
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                quietly(function, *arguments)
        except Exception:  # noqa: BLE001 - its check will have said so
            return ""
        seconds.append(perf_counter() - start)
    training = min(seconds) * STEPS * (1 if name == "rmsprop_step" else BATCH / IMAGES)
    if training < PATIENCE:
        return ""
    took = f"{training / 3600:.1f} hours" if training > 5400 else f"{training / 60:.0f} minutes"
    return (
        f"\n{'':28}but slow, loops perhaps: the training below would spend about {took} in it."
        f"\n{'':28}To go on with minivae's: part.{name} = part.minivae.{name}"
    )


def assemble(part):
    """The whole backward pass (9.2 to 9.11) from the parts: what exercise 9.2 asks for."""

    def vae_backward(p, t):
        B, d = len(t.x), {}
        dlogits = part.bernoulli_backward(t.x, t.logits) / B
        dh, d["decoder.1.W"], d["decoder.1.b"] = part.dense_backward(dlogits, t.decoder_h0, p["decoder.1.W"])
        da = part.relu_backward(dh, t.decoder_a0)
        dz, d["decoder.0.W"], d["decoder.0.b"] = part.dense_backward(da, t.z, p["decoder.0.W"])
        dmu, draw = part.latent_backward(dz, t.mu, t.raw, t.eps, beta=1 / B)
        dhead = np.concatenate([dmu, draw], axis=1)
        dh, d["encoder.1.W"], d["encoder.1.b"] = part.dense_backward(dhead, t.encoder_h0, p["encoder.1.W"])
        da = part.relu_backward(dh, t.encoder_a0)
        _, d["encoder.0.W"], d["encoder.0.b"] = part.dense_backward(da, t.x, p["encoder.0.W"])
        return d

    return vae_backward
