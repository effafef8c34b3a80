"""What somebody's functions returned, read as arrays; a Stop says what is the matter."""

import numpy as np

from .arguments import CONTAINERS, is_array, leaves, parts, rebuilt
from .report import Stop


def outputs_of(result):
    """(outputs, beside, cached) of what a function returned: its arrays, copied; what stands beside the
    first one, if it is a tuple; and whether that is no output but a cache."""
    if result is None:
        raise Stop("None", "The function returns None: is its `return` missing?")
    beside, cached = None, False
    if isinstance(result, (tuple, list)) and len(result) > 1 and is_array(result[0]):
        beside = result[1] if len(result) == 2 else result[1:]
        if not all(map(is_array, result)):
            result, cached = result[0], any(part is not None for part in result[1:])
    outputs = [np.array(a) for _, a in leaves(result, "")]
    outputs = [o.astype(float) if o.dtype.kind in "iub" else o for o in outputs]  # their differences wrap
    if not outputs:
        said = f"The function returns a {type(result).__name__} without an array of numbers in it."
        raise Stop("dtype", said)
    return outputs, beside, cached


def upstreams_of(upstream, outputs):
    """The caller's upstream gradients as a list of arrays, which have the shapes of the outputs."""
    try:
        ups = [np.array(u, float) for u in (upstream if isinstance(upstream, (tuple, list)) else [upstream])]
    except (TypeError, ValueError):
        said = "upstream has to hold real numbers, in the shape of what the function returns."
        raise Stop("dtype", said) from None
    if [u.shape for u in ups] != [o.shape for o in outputs]:
        given, expected = (", ".join(str(v.shape) for v in some) for some in (ups, outputs))
        said = f"upstream has shape {given}, what the function returns {expected}: they have to be the same."
        raise Stop("shape", said)
    return ups


def gradients_of(result, names, wanted, forms):
    """Arrays, copied, from what a gradient returned: those of each wanted argument, in the order of its own
    arrays.

    names and forms: of all arguments; wanted: the numbers of those that are differentiated.
    """
    found = per_argument(result, names, wanted, forms)
    return [np.array(a) for k, part in zip(wanted, found) for a in per_array(part, forms[k], names[k])]


def per_argument(result, names, wanted, forms):
    """What a gradient returned, as one thing for each wanted argument."""
    called = [names[k] for k in wanted]
    expected = f"{len(wanted)} arrays are expected, for {', '.join(called)}"
    hint = f"If it is for some of them only, name those: wrt={called[0]!r}" if len(wanted) > 1 else ""
    container = isinstance(forms[wanted[0]], CONTAINERS) if len(wanted) == 1 else False
    if result is None:
        raise Stop("None", "The gradient is None: is its `return` missing?")
    if isinstance(result, dict) and not container:
        keys = [[key for key in (n, f"d{n}", f"d_{n}", f"grad_{n}") if key in result] for n in called]
        if not all(keys):
            raise Stop(
                "shape", f"The gradient is a dict of {', '.join(map(repr, result))}; {expected}. {hint}"
            )
        return [result[key[0]] for key in keys]
    if len(wanted) == 1:
        if not isinstance(result, tuple) or container:
            return [result]
        if len(result) in (1, len(names)):
            return [result[0] if len(result) == 1 else result[wanted[0]]]
        said = f"The gradient holds {len(result)} things; one array is expected, for {called[0]}."
        raise Stop("shape", said)
    if not isinstance(result, (tuple, list)):
        raise Stop("shape", f"The gradient is one {type(result).__name__}; {expected}. {hint}")
    if len(result) == len(wanted):
        return list(result)
    if len(result) == len(names):
        return [result[k] for k in wanted]
    if len(result) == sum(len(leaves(forms[k], "")) for k in wanted):  # without the arguments' own brackets
        remaining = iter(result)
        return [rebuilt(forms[k], remaining) for k in wanted]
    raise Stop("shape", f"The gradient holds {len(result)} things; {expected}. {hint}")


def per_array(part, form, name):
    """The arrays in the gradient of one argument, in the order of the argument's own."""
    if part is None:
        raise Stop("None", f"The gradient of {name} is None.")
    if isinstance(form, CONTAINERS):
        return in_container(part, form, name)
    try:
        array = np.asarray(part)
    except ValueError:  # ragged
        array = np.asarray(None)
    if isinstance(part, CONTAINERS) and (array.dtype.kind not in "fiub" or array.shape != np.shape(form)):
        said = f"The gradient of {name} is a {type(part).__name__}; make it an array with np.array."
        raise Stop("list", said)
    if array.dtype.kind not in "fiub":
        said = (
            f"The gradient of {name} is {type(part).__name__} of dtype {array.dtype}; expected real numbers."
        )
        raise Stop("dtype", said)
    return [array]


def in_container(part, form, name):
    """The arrays in the gradient of a list, tuple or dict, which has to be one of as many things."""
    if isinstance(form, dict) and isinstance(part, dict):
        part = [part.get(key, part.get(f"d{key}")) for key in form]
    if isinstance(part, dict):
        part = list(part.values())
    if not isinstance(part, (list, tuple)) or len(part) != len(form):
        said = f"{name} is a {type(form).__name__} of {len(form)} things; its gradient has to be one, too."
        raise Stop("shape", said)
    inside = zip(part, parts(form, name))
    return [a for item, (called, own) in inside if leaves(own, "") for a in per_array(item, own, called)]
