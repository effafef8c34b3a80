"""Everything that the check of a function has to call: the function and its gradient, at a point."""

import copy
import inspect

import numpy as np

from .arguments import CONTAINERS, leaves, rebuilt
from .block import Block
from .conventions import UPSTREAM, Call, ways
from .learner import call, watched
from .numeric import STEP
from .report import FLOAT32, NAN, Stop
from .returned import gradients_of, outputs_of, upstreams_of

ROUGH = np.float16, np.float32, np.complex64


class Pair:
    """A function, its gradient, and a point.

    The arguments' arrays are numbered through; those in `free` are differentiated. ups: the upstream
    gradients at which the gradient is asked, one per output; way: the Call of the gradient; jacobian: it
    returns derivatives of each output, not of their sum.
    """

    def __init__(self, function, gradient, inputs, names, wrt, rng, jacobian=False):
        self.function, self.gradient, self.forms, self.names = function, gradient, inputs, names
        held = [
            (k, name, np.asarray(a)) for k, form in enumerate(inputs) for name, a in leaves(form, names[k])
        ]
        whole = all(a.dtype.kind in "iub" for _, _, a in held)
        wanted = {k for k, _, a in held if whole or a.dtype.kind == "f"} if wrt is None else set(wrt)
        real = [a.dtype.kind == "f" or (k in wanted and a.dtype.kind in "iub") for k, _, a in held]
        self.arrays = [a.astype(float) if yes else a for yes, (_, _, a) in zip(real, held)]
        self.array_names = [name for _, name, _ in held]
        self.free = [i for i, (k, _, _) in enumerate(held) if real[i] and k in wanted]
        self.wanted = sorted({held[i][0] for i in self.free})
        self.way, self.cached, self.jacobian, self.in_vain = Call([], []), False, jacobian, []
        self.outputs = self.forward()[0] if self.free else []
        self.random = [rng.uniform(0.5, 2, o.shape) * rng.choice([-1.0, 1.0], o.shape) for o in self.outputs]
        self.ups = [np.ones(o.shape) for o in self.outputs]

    def elsewhere(self, arrays, ups=None):
        """The same pair at another point."""
        other = copy.copy(self)
        other.arrays, other.ups = arrays, self.ups if ups is None else ups
        other.outputs = other.forward()[0]
        return other

    # The function.

    def inputs(self, arrays):
        """The function's arguments with these arrays in them."""
        remaining = iter(arrays)
        return [rebuilt(form, remaining) for form in self.forms]

    def forward(self):
        """(outputs, beside): copies of the arrays that the function returns, and what it returns beside the
        first."""
        result = call("The function", self.function, self.inputs(self.arrays), self.names)
        outputs, beside, self.cached = outputs_of(result)
        for o in outputs:
            if o.dtype in ROUGH:
                raise Stop("float32", FLOAT32.format(what="The function"))
            if not np.isfinite(o).all():
                raise Stop("NaN", NAN.format(what="The function"))
        return outputs, beside

    def nudged(self, nudges):
        """What the function returns where {number of an array: delta} is added."""
        arrays = [a + nudges[i] if i in nudges else a for i, a in enumerate(self.arrays)]
        outputs = outputs_of(self.function(*self.inputs(arrays)))[0]
        for o, m in zip(self.outputs, outputs):
            if m.shape != o.shape:
                said = f"The function returns shape {o.shape}, and {m.shape} as soon as its input is nudged."
                raise Stop("shape", said)
            if m.dtype in ROUGH:
                raise Stop("float32", FLOAT32.format(what="The function"))
        return outputs

    def change(self, nudges, k=None):
        """(difference, size): by how much the sum of upstream * output changes, or number k of all outputs;
        the size of the numbers that differ.

        NaN where the function fails: it is not defined there, or not for complex numbers.
        """
        try:
            outputs = self.nudged(nudges)
        except Stop:
            raise
        except (Exception, SystemExit):  # noqa: BLE001 - a learner's function
            return np.nan, 0.0
        if k is not None:
            before, after = (np.concatenate([np.ravel(o) for o in some]) for some in (self.outputs, outputs))
            return after[k] - before[k], float(abs(before[k]) * (after[k] != before[k]))
        three = list(zip(self.ups, self.outputs, outputs))
        size = sum(np.sum(np.abs(u * o) * (m != o)) for u, o, m in three)
        return sum(np.sum(u * (m - o)) for u, o, m in three), float(size)

    @property
    def size(self):
        """The size of the numbers that the function returns."""
        return float(sum(np.sum(np.abs(u * o)) for u, o in zip(self.ups, self.outputs)))

    def block(self, i, gradient, tick=lambda: None):
        """The Block of one free array, of its Jacobian where that is what is under test; tick is called with
        each evaluation."""
        return (self.jacobian_block if self.jacobian else self.block_of)(i, gradient, tick)

    def block_of(self, i, gradient, tick=lambda: None):
        """The Block of one free array, with the gradient of the sum of upstream * output."""

        def change(delta):
            tick()
            return self.change({i: delta})

        return Block(self.array_names[i], gradient, change, self.size, self.arrays[i])

    def jacobian_block(self, i, jacobian, tick):
        """The Block of a whole Jacobian, (output's shape, input's shape): the gradient of the sum of all
        outputs, where each output gets a nudge of the input for itself."""
        at, n = self.arrays[i], self.n_outputs
        whole = np.broadcast_to(at, (*self.jacobian_shape, *at.shape))

        def change(delta):
            difference, size = 0.0, 0.0
            for k, own in enumerate(delta.reshape(n, *at.shape)):
                if own.any():
                    tick()
                    moved, of = self.change({i: own}, k)
                    difference, size = difference + moved, size + of
            return difference, size

        return Block(self.array_names[i], jacobian, change, self.size, whole)

    @property
    def n_outputs(self):
        """How many numbers the function returns."""
        return sum(o.size for o in self.outputs)

    @property
    def jacobian_shape(self):
        """Of the outputs: several of them are one long vector."""
        return self.outputs[0].shape if len(self.outputs) == 1 else (self.n_outputs,)

    def joint(self, gradients):
        """All free arrays as one Block."""
        at = [self.arrays[i] for i in self.free]
        cuts = np.cumsum([a.size for a in at])[:-1]

        def change(delta):
            deltas = (part.reshape(a.shape) for part, a in zip(np.split(delta, cuts), at))
            return self.change(dict(zip(self.free, deltas)))

        joined = lambda arrays: np.concatenate([np.ravel(a) for a in arrays]).astype(float)
        return Block("all", joined(self.by_upstream(gradients)), change, self.size, joined(at))

    def sums_to_a_constant(self, rng):
        """Whether the outputs move along random directions, and their sum does not; for a gradient without
        upstream."""
        if self.way.ups or self.jacobian:
            return False
        for _ in range(2):
            moved = self.nudged({i: STEP * rng.choice([-1.0, 1.0], self.arrays[i].shape) for i in self.free})
            moves = np.concatenate([np.ravel(m - o) for o, m in zip(self.outputs, moved)])
            if not np.abs(moves.sum()) <= 1e-8 * np.abs(moves).sum() > 0:
                return False
        return True

    def hands_back(self, gradients):
        """Whether the gradient returned the lists or dicts that it was given."""
        held = all(isinstance(self.forms[k], CONTAINERS) for k in self.wanted)
        return held and all(np.array_equal(g, self.arrays[i]) for g, i in zip(gradients, self.free))

    # The gradient.

    def backward(self, ups=None):
        """The gradients under test, copies, one array per free one; after a forward pass at the point."""
        result = self.gradient
        if callable(self.gradient):
            beside = self.forward()[1]
            ups = self.ups if ups is None else ups
            positional, keywords = self.way.arguments(self.inputs(self.arrays), ups, beside)
            n, held = len(positional), list(keywords)
            given = lambda *a: self.gradient(*a[:n], **dict(zip(held, a[n:])))
            names = [*self.way.names, *held]
            result = call("The gradient", given, [*positional, *keywords.values()], names)
        of_each = self.jacobian and len(self.outputs) > 1
        if not of_each:
            return gradients_of(result, self.names, self.wanted, self.forms)
        if not isinstance(result, (tuple, list)) or len(result) != len(self.outputs):
            n = len(self.outputs)
            raise Stop("shape", f"The function has {n} outputs: {n} Jacobians are expected, in a tuple.")
        parts = [gradients_of(part, self.names, self.wanted, self.forms) for part in result]
        return [self.one_below_the_other(i, js) for i, js in zip(self.free, zip(*parts))]

    def one_below_the_other(self, i, jacobians):
        """The Jacobians of several outputs as that of one long vector."""
        shape = self.arrays[i].shape
        for k, (o, j) in enumerate(zip(self.outputs, jacobians)):
            if j.shape != o.shape + shape:
                said = f"The Jacobian of output {k + 1} by {self.array_names[i]} has shape {j.shape}"
                raise Stop("shape", f"{said}; {o.shape + shape} is expected.")
        return np.concatenate([j.reshape(o.size, *shape) for o, j in zip(self.outputs, jacobians)])

    def by_upstream(self, gradients):
        """The gradients of the sum of upstream * output."""
        if not self.jacobian:
            return gradients
        ups = np.concatenate([np.ravel(u) for u in self.ups])
        shapes = [self.arrays[i].shape for i in self.free]
        return [np.tensordot(ups, g.reshape(len(ups), *shape), 1) for g, shape in zip(gradients, shapes)]

    def find_way(self, upstream, agrees):
        """Settle how the gradient is to be called, and with which upstream gradients; the gradients of the
        first call.

        upstream: given by the caller, or None; agrees(found): whether gradients agree with the function at
        a glance.
        """
        if upstream is not None:
            self.ups = self.random = upstreams_of(upstream, self.outputs)
        if not callable(self.gradient):
            return self.first_call()
        given, failures, fits = self.ups, [], []
        n = 0 if self.jacobian else len(self.outputs)
        for way in ways(self.gradient, self.names, n, self.cached):
            every = self.askable(way, given, upstream is not None)
            for ups in every:
                self.way, self.ups = way, ups
                try:
                    found = self.first_call()
                except Stop as stop:
                    failures.append(stop)
                    continue
                if (way.sure and len(every) == 1) or (self.fit(found) and agrees(found)):
                    return found
                fits.append((way, self.ups, found))
        if fits:
            self.way, self.ups, found = fits[0]
            if not any(map(UPSTREAM.fullmatch, self.way.names)):  # names don't tell which one it is
                self.in_vain = list(dict.fromkeys(way.words(self.names) for way, _, _ in fits))
            return found
        if failures:
            raise failures[0]
        takes, inputs = inspect.signature(self.gradient), ", ".join(self.names)
        how = f"gradient({inputs})" if self.jacobian else f"gradient(upstream, {inputs}), or without upstream"
        said = f"The gradient takes {takes}; it is called as {how}."
        raise Stop("arguments", said)

    def askable(self, way, given, fixed):
        """The upstream gradients with which a way can be tried. A gradient that takes none may be that of the
        sum of all outputs, or of the first one alone."""
        if way.ups:
            return [[u if j in way.ups else 0 * u for j, u in enumerate(self.random)]]
        if self.jacobian:
            return [self.random]
        if fixed or len(given) == 1:
            return [given]
        first, *others = given
        both = [given, [first, *(0 * u for u in others)]]
        return both[::-1] if first.ndim == 0 < max(u.ndim for u in others) else both  # a loss, and the rest

    def first_call(self):
        """The gradients; whether they are whole Jacobians shows in their shapes."""
        found = self.backward()
        shape = self.outputs[0].shape
        whole = all(g.shape == shape + self.arrays[i].shape for g, i in zip(found, self.free))
        if whole and shape and len(self.outputs) == 1 and not self.way.ups:
            self.jacobian, self.ups = True, self.random
        return found

    def fit(self, gradients):
        """Whether they have the shapes of the arrays, or of the Jacobians."""
        before = self.jacobian_shape if self.jacobian else ()
        return all(g.shape == before + self.arrays[i].shape for g, i in zip(gradients, self.free))

    def called(self):
        """Sentences on how the two functions were called."""
        said = []
        if callable(self.gradient) and not self.way.documented(len(self.names)):
            said.append(f"Called as {self.way.words(self.names)}.")
        if len(self.in_vain) > 1:
            judged, *others = self.in_vain
            said[:1] = [f"Judged as {judged}; called as {' or '.join(others)} it does not agree, either."]
        others = [name for k, name in enumerate(self.names) if k not in self.wanted]
        if others:
            said.append(f"Not differentiated: {', '.join(others)}. (wrt names the arguments that are.)")
        return said

    def assumed(self):
        """Sentences on what was assumed about what they return: a verdict holds for no more."""
        said = []
        if self.cached or any(kind == "cache" for kind, _ in self.way.sources):
            said.append(
                "The function returns a tuple: its first part is taken as the output, the rest as the cache."
            )
        elif self.way.ups and len(self.way.ups) < len(self.outputs):
            n = len(self.way.ups) + 1
            said.append(f"The gradient takes no upstream gradient for output {n}: it was taken as 0.")
        if len(self.ups) > 1 and not (self.way.ups or any(u.any() for u in self.ups[1:])):
            said.append("The gradient takes no upstream gradient: it was taken as that of output 1 alone.")
        if self.jacobian:
            said.append("The gradient is a whole Jacobian, of each output by each number.")
        return said

    def ignored_upstreams(self, i, rng):
        """The upstream gradients, by name, that the gradient of one array takes no notice of."""
        before = self.backward()[self.free.index(i)]
        found = []
        for j, name in self.way.ups.items():
            ups = [u + rng.standard_normal(u.shape) if m == j else u for m, u in enumerate(self.ups)]
            if np.array_equal(before, self.backward(ups)[self.free.index(i)], equal_nan=True):
                found.append(name or "upstream")
        return found

    # What has a name.

    def around(self, named):
        """What a diagnosis is given: {name: array or number} of arguments, results, upstream gradients, what
        the two functions take from outside, and what they have names for inside; `named` goes before all of
        them. And the names of the upstream gradients, and those that the gradient alone knows."""
        found = {}
        for f in (self.gradient, self.function):
            try:
                outside = inspect.getclosurevars(getattr(f, "__func__", f))
            except (TypeError, ValueError):
                continue
            found |= {n: v for n, v in (outside.globals | outside.nonlocals).items() if is_number(v)}
        inside = {}
        if callable(self.gradient):
            results, inside = watched([self.gradient], self.backward)
            # what is returned explains nothing
            inside = {n: v for n, v in inside.items() if not any(np.array_equal(v, g) for g in results)}
        known = watched([self.function], self.forward)[1] | dict(zip(self.array_names, self.arrays))
        above = {}
        for k, output in enumerate(self.outputs):
            up = self.way.ups.get(k) or ("upstream" if k == 0 else f"d_out{k}")
            if self.way.ups:
                above[up] = self.ups[k]
            own = up[1:].lstrip("_") if up[0] == "d" else ""
            own = own if own.isidentifier() and own not in known else "output" if k == 0 else f"out{k}"
            known[own] = output
        known |= above | (named or {})
        return found | inside | known, set(above), set(inside) - set(known)


def is_number(value):
    """Whether it is an array or a number that a gradient may be made from."""
    return isinstance(value, (np.ndarray, np.number, float, int)) and not isinstance(value, bool)
