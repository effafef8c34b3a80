"""A whole model: every gradient of it against a numerical derivative (lesson 06)."""

import copy
import inspect
from collections import Counter
from types import MethodType

import numpy as np

from ..bounds import OBJECTIVES, image_weight
from ..trace import Trace
from .block import Block
from .compare import ASIDE, along, compare
from .diagnosis import AGAIN, Explanation
from .learner import line_of, not_complex, quietly
from .model_causes import explained
from .numeric import METHODS
from .report import (
    ACCUMULATED,
    ELSEWHERE,
    FLOAT32,
    KEPT,
    NAN,
    SAMPLED,
    SECOND_CALL,
    STALE,
    UNFROZEN,
    Report,
    Stop,
    Trap,
)
from .slope import EPS

SMALL = 5000  # coordinates: a larger model is sampled
SAMPLES = 16  # coordinates per block, there
PARTS = None, "reconstruction", "kl"


def check(
    vae, x, eps, y=None, method="central", objective="elbo", part=None, samples=None, seed=0, explain=True
):
    """Every gradient of a model against a numerical derivative; where and how it goes wrong, if it does.

    x (B, D), eps (B, M) or (K, B, M), y: as for vae.forward. Take B > 1 and K > 1: mistakes of layout vanish
    at 1.
    method     "central", or "complex" for the last digit
    objective  "elbo", or "iwae" for the importance-weighted bound of bounds.py
    part       None for the loss, "reconstruction" for -log p(x|z) alone, "kl" for beta KL alone
    samples    at most so many coordinates of a block, drawn with the seed; by default all of a small model,
               16 of each block of a large one. The rest of a sampled block is checked by the slope along one
               random direction.
    explain    whether to look for the cause of a wrong gradient

    Checks all parameters, x and every intermediate of the trace, on a copy in float64 (or complex128) that
    shares the model's code: the model itself is neither changed nor trained. Returns a Report; it never
    raises for what the model's own code does. A mistake spoils every gradient that a backward pass comes to
    after it; the Report names the first wrong one, where it sits, and looks for the cause. Raises
    ValueError for unknown settings, and for input that the model refuses.

    >>> import numpy as np
    >>> from minivae import VAE
    >>> rng = np.random.default_rng(0)
    >>> x, eps = rng.random((3, 5)), rng.standard_normal((2, 3, 2))  # three images, two draws for each
    >>> check(VAE(n_inputs=5, hidden=(4,), n_latent=2), x, eps).passed
    True
    """
    for name, value, known in (
        ("method", method, METHODS),
        ("objective", objective, OBJECTIVES),
        ("part", part, PARTS),
    ):
        if value not in known:
            raise ValueError(f"{name}={value!r} is not known; take one of {', '.join(map(repr, known))}.")
    if part is not None and objective != "elbo":
        raise ValueError(
            "the importance-weighted bound has no parts: leave part out, or take objective='elbo'."
        )
    pass_ = Pass(vae, x, eps, y, objective)
    what = OBJECTIVES[objective].name + (f" ({part} alone)" if part else "")
    draws = f"{len(pass_.eps)} samples of " if pass_.eps.ndim == 3 else ""
    of = f"{draws}{len(pass_.x)} images of {vae.n_inputs} pixels, hidden {vae.hidden}, {vae.n_latent} latents"
    kinds = f"{vae.likelihood.name} decoder, {vae.head} head, {vae.activation}"
    report = Report(f"Gradient check of {what} by {METHODS[method]}\n  {of}; {kinds}", method)
    try:
        quietly(_check, pass_, report, method, part, samples, np.random.default_rng(seed), explain)
    except Stop as stop:
        report.traps.append(stop.trap)
    return report


class Nudged(Trace):
    """A trace in which something is added to intermediates where they are last set: the next stage begins
    with the sums.

    deltas: {name: what is added}; sets: how often each is set in a pass.
    """

    __slots__ = ("_deltas", "_left")

    def __init__(self, deltas, sets):
        object.__setattr__(self, "_deltas", deltas)
        object.__setattr__(self, "_left", {name: sets.get(name, 1) for name in deltas})

    def __setattr__(self, name, value):
        if name in self._deltas:
            self._left[name] -= 1
            value = value + self._deltas[name] if self._left[name] == 0 else value
        super().__setattr__(name, value)


class Counted(Trace):
    """A trace that counts how often each intermediate is set."""

    __slots__ = ("_sets",)

    def __init__(self, sets):
        object.__setattr__(self, "_sets", sets)

    def __setattr__(self, name, value):
        self._sets[name] += 1
        super().__setattr__(name, value)


def copied(vae, dtype):
    """The model in another dtype, with everything that may have been put in its place: a subclass, a
    likelihood, a method."""
    model = object.__new__(type(vae))
    vars(model).update(vae.__getstate__())
    model.dtype, model.rng = np.dtype(dtype), copy.deepcopy(vae.rng)
    model.build(np.random.default_rng(0))
    model.theta = vae.theta
    for name, value in vars(vae).items():
        if inspect.ismethod(value) and value.__self__ is vae:
            setattr(model, name, MethodType(value.__func__, model))
    return model


class Pass:
    """One batch through copies of a model: its loss with something added to any array, and its gradients by
    hand."""

    def __init__(self, vae, x, eps, y, objective):
        self.vae, self.run, self.backward = vae, OBJECTIVES[objective].run, OBJECTIVES[objective].backward
        self.model, self.complex_model = copied(vae, np.float64), None
        self.x, self.eps, self.y = self.model.check_batch(x, eps, y)
        self.split = objective == "elbo" and vae.beta != 0  # into reconstruction and KL
        self.sets, self.bases, self.probe = Counter(), {}, None

    def trace(self, model, t):
        """The trace of a forward pass through a model; Stop where its code raises."""
        x, eps, y = (a if a is None else a.astype(model.dtype) for a in (self.x, self.eps, self.y))
        try:
            return self.run(model, x, eps, y, t)
        except (Exception, SystemExit) as error:  # a model in the making
            said = f"The forward pass raised {type(error).__name__}: {error}{line_of(error)}."
            raise Stop("raised", said) from error

    def nudged(self, deltas):
        """The model and its trace where {name of a parameter or intermediate: delta} is added."""
        model, intermediates, saved = self.model, {}, {}
        if any(delta.dtype.kind == "c" for delta in deltas.values()):
            model = self.complex_model = self.complex_model or copied(self.vae, np.complex128)
            model.theta = self.model.theta
        parameters = model.parameters
        for name, delta in deltas.items():
            if name in parameters:
                saved[name] = parameters[name].copy()
                parameters[name][...] += delta
            else:
                intermediates[name] = delta
        try:
            t = Nudged(intermediates, self.sets) if intermediates else Trace()
            return model, self.trace(model, t)
        finally:
            for name, value in saved.items():
                parameters[name] = value

    def terms(self, model, t, part):
        """(loss, its terms): those of each image and sample lose less to rounding than their sum."""
        if part is None:
            bound = "bound" in t
            return t.loss, -(image_weight(model, t) * t.bound if bound else model.weight(t) * t.objective)
        terms = model.weight(t) * (-t.log_px_z if part == "reconstruction" else t.log_px_z - t.objective)
        return terms.sum(), terms

    def loss(self, part=None):
        """The loss, or a part of it, anew."""
        return self.terms(*self.nudged({}), part)[0]

    def base(self, part=None):
        """(loss, its terms, their sizes, whether they sum to it) where nothing is added; a size is that of
        the numbers whose difference a term is."""
        if part not in self.bases:
            model, t = self.nudged({})
            loss, terms = self.terms(model, t, part)
            sizes = (
                model.weight(t) * (np.abs(t.log_px_z) + np.abs(t.objective))
                if part == "kl"
                else np.abs(terms)
            )
            self.bases[part] = loss, terms, sizes, bool(np.isclose(terms.sum(), loss, 1e-12))
        return self.bases[part]

    def change(self, deltas, part=None):
        """(difference, size) of the loss where {name: delta} is added, as a Block asks for it; NaN where the
        model fails."""
        loss, terms, sizes, summed = self.base(part)
        try:
            moved, moved_terms = self.terms(*self.nudged(deltas), part)
        except Stop:
            return np.nan, float(sizes.sum())
        difference = moved - loss
        if summed:
            by_terms = (moved_terms - terms).sum()
            if isinstance(by_terms, complex):
                close = abs(by_terms.imag - difference.imag) <= 1e-9 * abs(difference.imag)
            else:
                close = abs(by_terms - difference) <= 64 * EPS * abs(loss) + 1e-9 * abs(difference)
            if close:
                return by_terms, float(sizes[moved_terms != terms].sum())
        return difference, max(abs(loss), float(sizes.sum()))

    def block(self, found, places, part=None):
        """The Block of {name: the array} of some parameters and intermediates, one behind the other."""
        loss, _, sizes, _ = self.base(part)
        names = list(places)
        shapes = {name: np.shape(found[name]) for name in places}
        at = [np.broadcast_to(np.asarray(a, float), shapes[name]) for name, a in places.items()]
        whole = lambda arrays: np.concatenate([np.ravel(a) for a in arrays]) if len(places) > 1 else arrays[0]
        cuts = np.cumsum([a.size for a in at])[:-1]

        def change(delta):
            if len(places) == 1:
                return self.change({names[0]: delta}, part)
            deltas = np.split(delta.ravel(), cuts)
            return self.change({n: d.reshape(shapes[n]) for n, d in zip(places, deltas)}, part)

        size = max(abs(loss), float(sizes.sum()))
        return Block(", ".join(places), whole([found[name] for name in places]), change, size, whole(at))

    def gradients(self, part=None):
        """{name: its gradient by hand}, and the two traces of it."""
        model = self.model
        if part is not None:  # the gradient is linear in beta
            whole, beta, model.beta = self.gradients()[0], model.beta, 0.0
            try:
                found, t, d = self.gradients()
            finally:
                model.beta = beta
            return {name: whole[name] - found[name] for name in whole} if part == "kl" else found, t, d
        self.sets.clear()
        t = self.trace(model, Counted(self.sets))
        try:
            d = self.backward(model, t, True)
        except (Exception, SystemExit) as error:  # a backward pass in the making
            said = f"The backward pass raised {type(error).__name__}: {error}{line_of(error)}."
            raise Stop("raised", said) from error
        found = {name[1:]: np.array(d[name], float) for name in d if name[0] == "d" and name[1:] in t}
        return found | {name: g.copy() for name, g in model.gradients.items()}, t, d

    def moves(self, names):
        """{name of a parameter or intermediate: all intermediates that change where it does, in their order}.

        What depends on what is measured, not read off the names: it is true of a model with stages of its
        own.
        """
        self.probe = self.probe or Probe(self)
        return self.probe.moved(names)

    def flow(self, t, found):
        """The names of all gradients in the order of the flow; a parameter stands before what it changes
        first."""
        order = [name for name in t if name in found]
        moves = self.moves(self.vae.parameters)
        for parameter in self.vae.parameters:
            first = next((name for name in moves[parameter] if name in order), None)
            order.insert(len(order) if first is None else order.index(first), parameter)
        return order

    def after(self, name):
        """The gradients that name's is made from: those of the intermediates that it moves."""
        return set(self.moves([name])[name])


class Probe:
    """What depends on what in a model: measured where all parameters and pixels are odd numbers."""

    def __init__(self, pass_):
        rng = np.random.default_rng(0)
        self.pass_, self.model, self.known = copy.copy(pass_), pass_.model, {}
        self.theta = self.model.theta + 0.1 * rng.standard_normal(self.model.theta.shape)
        x = pass_.x + rng.uniform(-0.3, 0.3, pass_.x.shape)
        self.pass_.x = np.clip(x, min(0.0, pass_.x.min()), max(1.0, pass_.x.max()))

    def moved(self, names):
        """{name of a parameter or intermediate: the intermediates that change where it does, in order}."""
        theta = self.model.theta.copy()
        self.model.theta = self.theta
        try:
            before = self.values()
            for name in set(names) - set(self.known):
                after, own = self.values(name, before), name not in self.model.parameters
                changed = [n for n, v in before.items() if not np.array_equal(v, after[n])]
                self.known[name] = [n for n in changed if not (own and n == name)]
        finally:
            self.model.theta = theta
        return self.known

    def values(self, name=None, before=None):
        """Copies of a trace's arrays, where the parameter or intermediate of this name is another one."""
        parameters, other = self.model.parameters, np.random.default_rng(1).standard_normal
        saved = parameters[name].copy() if name in parameters else None
        if saved is not None:
            parameters[name][...] += other(saved.shape)
        deltas = {name: other(before[name].shape)} if name is not None and saved is None else {}
        try:
            t = self.pass_.trace(self.model, Nudged(deltas, self.pass_.sets))
            return {n: np.array(t[n]) for n in t}  # while they are so: a trace may hold views of parameters
        finally:
            if saved is not None:
                parameters[name] = saved


def _check(pass_, report, method, part, samples, rng, explain):
    """Fill the report."""
    model = pass_.model
    loss = pass_.loss(part)
    if not np.isfinite(loss + pass_.loss()):
        raise Stop("NaN", NAN.format(what="The loss"))
    if abs(pass_.loss(part) - loss) > 1e-12 * abs(loss):
        raise Stop("noise", UNFROZEN.format(what="the forward pass"))
    if method == "complex":
        try:
            pass_.nudged({"x": 0j * pass_.x})
        except Stop as stop:
            raise not_complex("The model", stop.__cause__) from None
    model.grad[:] = stale = rng.standard_normal(model.grad.shape)
    theta = model.theta.copy()
    found, t, d = pass_.gradients(part)
    again = pass_.gradients(part)[0]
    _stop_at_what_spoils_it(model, theta, found, t, d)

    order = pass_.flow(t, found)
    if samples is None:
        samples = SAMPLES if sum(found[name].size for name in order) > SMALL else SMALL
    for name in order:
        at = t[name] if name in t else model.parameters[name]
        row, trap = compare(pass_.block(found, {name: at}, part), samples, method, rng)
        report.rows.append(row)
        if trap:
            report.traps = [trap]  # the last one is nearest to where it happened
    if pass_.vae.dtype == np.float32:
        report.notes.append("The model is float32; what was checked is a copy in float64, by the same lines.")
    if any(row.size > samples for row in report.rows):
        report.notes.append(SAMPLED.format(samples=samples))
    wrong = {row.name for row in report.rows if row.verdict == "wrong"}
    report.first = [name for name in order[::-1] if name in wrong and not pass_.after(name) & wrong]
    report.doubt()
    if report.traps:
        return
    differ = [
        name for name in order[::-1] if not np.allclose(found[name], again[name], 1e-9, 0, equal_nan=True)
    ]
    if differ and not wrong:
        words = _unrepeatable(found[differ[0]], again[differ[0]], np.nan).words
        report.traps = [Trap("noise", SECOND_CALL.format(words=words))]
        return
    if not wrong:
        _second_point(pass_, report, found, part, rng)
    starts = dict(zip(model.parameters, np.cumsum([0, *(p.size for p in model.parameters.values())])))
    for row in report.wrong[: 2 * explain]:
        a, b = found[row.name], again[row.name]
        if row.name in differ:
            old = stale[starts[row.name] :][: a.size].reshape(a.shape) if row.name in starts else np.nan
            row.explanations = [_unrepeatable(a, b, old)]
        else:
            row.explanations = _explained(pass_, report, row, method, part, found, t, d, wrong, rng)


def _second_point(pass_, report, first, part, rng):
    """A gradient that is right at one point may be one that was kept: look where all parameters are a per
    cent larger."""
    model, theta = pass_.model, pass_.model.theta.copy()
    try:
        model.theta = theta * (1 + ASIDE)
        pass_.bases = {}
        second = pass_.gradients(part)[0]
        block = pass_.block(second, {**model.parameters, "x": pass_.x}, part)
        verdict = along(block, block.directions(rng, own_first=True), "central").verdict
    except Stop as stop:
        report.traps = [Trap("second point", ELSEWHERE.format(words=stop.trap.words))]
        return
    finally:
        model.theta, pass_.bases = theta, {}
    if verdict == "wrong":
        stale = all(np.array_equal(first[name], second[name]) for name in model.parameters)
        report.traps = [Trap("stale", STALE) if stale else Trap("second point", ELSEWHERE.format(words=KEPT))]


def _stop_at_what_spoils_it(model, theta, found, t, d):
    """Stop where the backward pass did something that no comparison can make up for."""
    if not np.array_equal(theta, model.theta):
        raise Stop(
            "changed",
            "The backward pass changed the parameters; it has to compute the gradient and update nothing.",
        )
    for trace in (t, d):
        for name in trace:
            if getattr(trace[name], "dtype", None) == np.float32:
                raise Stop("float32", FLOAT32.format(what=f"The stage that gives {name}"))
    for name, gradient in found.items():
        shape = np.shape(t[name] if name in t else model.parameters[name])
        if gradient.shape != shape:
            raise Stop(
                "shape",
                f"The gradient of {name} has shape {gradient.shape}; {name} itself has shape {shape}.",
            )


def _unrepeatable(first, second, old):
    """The Explanation of a gradient that differs from call to call; old: what stood there before."""
    if np.allclose(second - first, first - old):
        return Explanation("accumulated", "the old gradient", 0.0, ACCUMULATED)
    return Explanation("noise", "eps", 0.0, AGAIN)


def _explained(pass_, report, row, method, part, found, t, d, wrong, rng):
    """Explanations of a wrong gradient; the verdict stands where the diagnosis itself fails."""
    if not np.isfinite(found[row.name]).all():
        return []
    try:
        return explained(pass_, row, method, part, found, t, d, wrong, rng)
    except Exception as error:  # noqa: BLE001 - a diagnosis is worth less than a verdict
        said = f"The diagnosis of {row.name} failed ({type(error).__name__}: {error}); the verdict stands."
        report.notes.append(said)
        return []
