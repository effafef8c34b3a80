"""One batch through copies of a model: its loss with something added to any array, and its gradients by
hand; and what depends on what in it."""

import copy
import inspect
from collections import Counter
from functools import cache, cached_property
from types import MethodType

import numpy as np

from ..bounds import OBJECTIVES, image_weight
from ..trace import Trace
from .block import ROUNDING, Block
from .learner import line_of
from .report import Stop
from .slope import EPS


class Nudge:
    """An attribute of a trace to which something is added where it is last set: the next stage begins with
    the sum."""

    def __init__(self, name):
        self.name = name

    def __get__(self, t, kind):
        if self.name not in t:
            raise AttributeError(f"the trace holds no {self.name} yet")
        return t[self.name]

    def __set__(self, t, value):
        t.sets_to_come[self.name] -= 1
        last = t.sets_to_come[self.name] == 0
        vars(t)[self.name] = value + t.deltas_to_add[self.name] if last else value


@cache
def nudging(names):
    """The class of traces in which intermediates of these names are nudged, and the others set as ever."""
    nudges = {name: Nudge(name) for name in names}
    return type("Nudged", (Trace,), {"__slots__": ("deltas_to_add", "sets_to_come"), **nudges})


def nudged_trace(deltas, sets):
    """A trace that adds {name of an intermediate: delta}; sets: how often each is set in a pass."""
    t = nudging(tuple(deltas))()
    t.deltas_to_add, t.sets_to_come = deltas, {name: sets.get(name, 1) for name in deltas}
    return t


class Counted(Trace):
    """A trace that counts in `sets` how often each intermediate is set."""

    __slots__ = ("sets",)

    def __init__(self, sets):
        object.__setattr__(self, "sets", sets)

    def __setattr__(self, name, value):
        self.sets[name] += 1
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
        self.model = copied(vae, np.float64)
        self.x, self.eps, self.y = self.model.check_batch(x, eps, y)
        self.split = objective == "elbo" and vae.beta != 0  # into reconstruction and KL
        self.sets, self.bases, self.probe, self.blurs = Counter(), {}, None, {}

    @cached_property
    def complex_model(self):
        """The copy for the complex step."""
        model = copied(self.vae, np.complex128)
        model.theta = self.model.theta
        return model

    def move(self, theta):
        """Go to another point."""
        for model in {"model", "complex_model"} & vars(self).keys():
            vars(self)[model].theta = theta
        self.bases = {}

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
            model = self.complex_model
        parameters = model.parameters
        for name, delta in deltas.items():
            if name in parameters:
                saved[name] = parameters[name].copy()
                parameters[name][...] += delta
            else:
                intermediates[name] = delta
        try:
            t = nudged_trace(intermediates, self.sets) if intermediates else Trace()
            return model, self.trace(model, t)
        finally:
            for name, value in saved.items():
                parameters[name] = value

    def terms(self, model, t, part):
        """(loss, its terms, the weight of each): those of single images and samples lose less to rounding
        than their sum."""
        if part is None and "bound" in t:
            return t.loss, t.bound, -image_weight(model, t)
        weight = model.weight(t)
        if part is None:
            return t.loss, t.objective, -weight
        terms = -t.log_px_z if part == "reconstruction" else t.log_px_z - t.objective
        return weight * terms.sum(), terms, weight

    def loss(self, part=None):
        """The loss, or a part of it, anew."""
        return self.terms(*self.nudged({}), part)[0]

    def base(self, part=None):
        """(loss, its terms, their sizes, whether they sum to it) where nothing is added; a size is that of
        the numbers whose difference a term is."""
        if part not in self.bases:
            model, t = self.nudged({})
            loss, terms, weight = self.terms(model, t, part)
            sizes = abs(weight) * np.abs(terms)
            if part == "kl":
                sizes = weight * (np.abs(t.log_px_z) + np.abs(t.objective))
            self.bases[part] = loss, terms, sizes, bool(np.isclose(weight * terms.sum(), loss, 1e-12))
        return self.bases[part]

    def change(self, deltas, part=None):
        """(difference, size) of the loss where {name: delta} is added, as a Block asks for it; NaN where the
        model fails."""
        loss, terms, sizes, summed = self.base(part)
        try:
            moved, moved_terms, weight = self.terms(*self.nudged(deltas), part)
        except Stop:
            return np.nan, float(sizes.sum())
        difference = moved - loss
        if summed:
            by_terms = weight * (moved_terms - terms).sum()
            if isinstance(by_terms, complex):
                close = abs(by_terms.imag - difference.imag) <= 1e-9 * abs(difference.imag)
            else:
                close = abs(by_terms - difference) <= 64 * EPS * abs(loss) + 1e-9 * abs(difference)
            if close:
                return by_terms, float(np.vdot(sizes, moved_terms != terms))
        return difference, max(abs(loss), float(sizes.sum()))

    def block(self, found, places, part=None):
        """The Block of {name: the array} of some parameters and intermediates, one behind the other."""
        loss, _, sizes, _ = self.base(part)
        shapes = {name: np.shape(found[name]) for name in places}
        at = [np.broadcast_to(np.asarray(a, float), shapes[name]) for name, a in places.items()]
        whole = lambda arrays: np.concatenate([np.ravel(a) for a in arrays]) if len(places) > 1 else arrays[0]
        cuts = np.cumsum([a.size for a in at])[:-1]

        def change(delta):
            deltas = np.split(delta.ravel(), cuts) if len(places) > 1 else [delta]
            return self.change({n: d.reshape(shapes[n]) for n, d in zip(places, deltas)}, part)

        size, blur = max(abs(loss), float(sizes.sum())), max(self.blurs.get(name, 0.0) for name in places)
        analytic = whole([found[name] for name in places])
        return Block(", ".join(places), analytic, change, size, whole(at), blur if part == "kl" else 0.0)

    def gradients(self, part=None):
        """{name: its gradient by hand}, and the two traces of it."""
        model = self.model
        if part is not None:  # the gradient is linear in beta
            whole, beta, model.beta = self.gradients()[0], model.beta, 0.0
            try:
                found, t, d = self.gradients()
            finally:
                model.beta = beta
            if part == "kl":  # small differences of large numbers
                self.blurs = {name: ROUNDING * np.abs(g).max(initial=0) for name, g in whole.items()}
                found = {name: whole[name] - found[name] for name in whole}
            return found, t, d
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

    def reached(self, t, name):
        """The intermediates that a nudge of this array may change: of an intermediate, all later ones."""
        if name in t:
            return set(list(t)[list(t).index(name) + 1 :])
        return set(self.moves(self.vae.parameters)[name])

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
            t = self.pass_.trace(self.model, nudged_trace(deltas, self.pass_.sets))
            return {n: np.array(t[n]) for n in t}  # while they are so: a trace may hold views of parameters
        finally:
            if saved is not None:
                parameters[name] = saved
