"""One flat vector of parameters and one of gradients, with named views into them;
and the initial draws (lesson 05)."""

import itertools
import math
from collections.abc import Mapping

import numpy as np


class Views(Mapping):
    """Names -> views into one flat vector.

    Assigning writes into the view: the vector and its views never part.
    """

    def __init__(self, views):
        self._views = views

    def __getitem__(self, name):
        return self._views[name]

    def __setitem__(self, name, value):
        self._views[name][...] = value

    def __iter__(self):
        return iter(self._views)

    def __len__(self):
        return len(self._views)

    def __repr__(self):
        return "\n".join(
            ["Views", *(f"  {name:20} {view.shape} {view.dtype}" for name, view in self.items())]
        )


def reference(rng, fan_in, fan_out):
    """W ~ N(0, 1) * 2 / sqrt(fan_in), b = 0 (5.16): the reference model's, in every layer, heads too."""
    return rng.standard_normal((fan_in, fan_out)) * 2 / np.sqrt(fan_in), np.zeros(fan_out)


def glorot(rng, fan_in, fan_out):
    """W ~ U(-c, c), c = sqrt(6 / (fan_in + fan_out)), b = 0 (5.17; Glorot & Bengio 2010, equation 16)."""
    c = np.sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-c, c, (fan_in, fan_out)), np.zeros(fan_out)


def pytorch(rng, fan_in, fan_out):
    """W and b ~ U(-c, c) with c = 1 / sqrt(fan_in) (5.18): the default of PyTorch's linear layer."""
    c = 1 / np.sqrt(fan_in)
    return rng.uniform(-c, c, (fan_in, fan_out)), rng.uniform(-c, c, fan_out)


def normal(rng, fan_in, fan_out):
    """W and b ~ N(0, 0.01^2) (5.19): the small weights of Kingma & Welling 2014, section 5, which may mean
    0.1^2."""
    return rng.standard_normal((fan_in, fan_out)) * 0.01, rng.standard_normal(fan_out) * 0.01


INITS = {"reference": reference, "glorot": glorot, "pytorch": pytorch, "normal": normal}


def layer_shapes(name, sizes):
    """The shapes of a stack's parameters, {"<name>.0.W": (n_in, n_out), "<name>.0.b": (n_out,), ...},
    from its layers' sizes."""
    shapes = {}
    for i, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
        shapes[f"{name}.{i}.W"], shapes[f"{name}.{i}.b"] = (n_in, n_out), (n_out,)
    return shapes


def lay_out(shapes, dtype):
    """A flat vector of zeros (P,) that holds arrays of these shapes one behind the other,
    and its named Views."""
    vector, views, start = np.zeros(sum(map(math.prod, shapes.values())), dtype), {}, 0
    for name, shape in shapes.items():
        stop = start + math.prod(shape)
        views[name] = vector[start:stop].reshape(shape)
        start = stop
    return vector, Views(views)


def draw_layer(init, rng, n_in, n_out, n_side_by_side=1):
    """The initial W (n_in, n_out) and b (n_out,) of a layer that is several side by side:
    each has its own fan-out."""
    drawn = [INITS[init](rng, n_in, n_out // n_side_by_side) for _ in range(n_side_by_side)]
    return np.hstack([W for W, b in drawn]), np.hstack([b for W, b in drawn])
