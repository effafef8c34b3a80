"""Is the wrong gradient the true one, times a number (6.6)?"""

from .case import Explanation
from .costs import COSTS, DIGITS, information


def scale(case):
    """wrong = c * true. Yields Explanations that are verified."""
    a, n = case.a, case.n
    if not a.any():
        words = "yours is zero everywhere: nothing comes back along this path."
        found = Explanation("zero", "0", 0.0, words, COSTS["zero"], lambda c: (c.a, 0 * c.a))
        yield case.verified(found, case.tells(n, grid=information(n)))
        return
    if not n.any():
        words = "the true gradient is zero everywhere, and yours is not."
        found = Explanation("zero", "the true gradient", 0.0, words, COSTS["zero"], lambda c: (c.n, 0 * c.n))
        yield case.verified(found, case.tells(a, grid=information(a)))
        return
    c = float(a @ n / (n @ n))
    if case.error(a, c * n) > case.tolerance:
        return
    constant, sign = case.constants.any(c), -1 if c < 0 else 1
    bits = constant.bits + COSTS["sign" if c < 0 else "scale"]
    words = f"yours {_words(constant, sign, case.constants.also(constant), len(n) > 1)}."
    term = ("-" if c < 0 else "") + constant.text
    relation = "sign" if term == "-1" else "scale"

    def claim(case):
        return case.a, sign * case.constants.value(constant) * case.n

    yield case.verified(Explanation(relation, term, 0.0, words, bits, claim), case.tells(n))


def _words(constant, sign, also, several):
    text = constant.text
    if constant.bits == DIGITS:
        also = ", and no number that has a name here"
    size = text.removeprefix("1/").strip("()")
    of_sizes = constant.is_size and several
    named = size.isidentifier() and constant.value < 1  # T times too small, but only if T is more than 1
    if sign < 0:
        return "has the wrong sign" if text == "1" else f"is -{text} times the true gradient{also}"
    if text == "2":
        return f"is twice the true gradient{also}: counted twice, or without a factor 1/2"
    if text == "1/2":
        return f"is half the true gradient{also}: without a factor 2, or with a 1/2 too many"
    if text.startswith("1/") and (constant.is_size or "shape" in text or named):
        why = ": averaged where the sum was meant, or averaged twice" if of_sizes else ""
        return f"is {size} times too small{also}{why}"
    if constant.is_size or ("shape" in text and "/" not in text):
        why = ": summed where the mean was meant" if of_sizes else ""
        return f"is {size} times too large{also}{why}"
    return f"is {text} times the true gradient{also}"
