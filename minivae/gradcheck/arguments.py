"""Arguments of any form: arrays, numbers, and lists, tuples and dicts of them, as named arrays and back."""

import numpy as np

CONTAINERS = list, tuple, dict


def is_array(value):
    """Whether it is an array of numbers, or a number."""
    return value is not None and not isinstance(value, CONTAINERS) and np.asarray(value).dtype.kind in "fiubc"


def plain(value):
    """Nested lists of numbers as an array; all else as it is."""
    if isinstance(value, dict):
        return {key: plain(v) for key, v in value.items()}
    if not isinstance(value, (list, tuple)):
        return value
    if is_numbers(value) and len(value):
        try:
            return np.array(value)
        except ValueError:  # ragged: a list of arrays
            pass
    return like(value, [plain(v) for v in value])


def is_numbers(value):
    """Whether it is a number, or nested lists of numbers."""
    if isinstance(value, (list, tuple)):
        return all(map(is_numbers, value))
    return isinstance(value, (int, float, np.number))


def parts(form, name):
    """[(name, part)] of a list, tuple or dict: ws[0], layer['W']."""
    items = form.items() if isinstance(form, dict) else enumerate(form)
    return [(f"{name}[{key!r}]", part) for key, part in items]


def leaves(form, name):
    """[(name, array)] of all that it holds. What is no number (None, a word) is left out."""
    if isinstance(form, CONTAINERS):
        return [leaf for called, part in parts(form, name) for leaf in leaves(part, called)]
    return [(name, form)] if is_array(form) else []


def rebuilt(form, arrays):
    """The same form with these arrays, an iterator, in the places of its own."""
    if isinstance(form, dict):
        return {key: rebuilt(v, arrays) for key, v in form.items()}
    if isinstance(form, (list, tuple)):
        return like(form, [rebuilt(v, arrays) for v in form])
    return next(arrays) if is_array(form) else form


def like(form, items):
    """A list or tuple of the form's kind."""
    return type(form)(*items) if hasattr(form, "_fields") else type(form)(items)
