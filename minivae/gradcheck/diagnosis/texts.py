"""How names, powers and constants are put together to texts: what a diagnosis is written in (lesson 06)."""

import re


def outside(text):
    """What of a text stands outside all brackets."""
    depth, kept = 0, ""
    for c in text:
        depth += (c in "([") - (c in ")]")
        kept += c if depth == 0 else ""
    return kept


def wrap(text):
    """In brackets where it is more than a name, a call or a power."""
    return f"({text})" if set(outside(text)) & set(" /*@") or re.fullmatch(r"\w\(.*", text) else text


def bare(text):
    """(1 - h^2) -> 1 - h^2."""
    return text[1:-1] if text.startswith("(") and wrap(text[1:-1]) == text else text


def is_sum(text):
    return " + " in outside(text) or " - " in outside(text)


def as_factor(text):
    """In brackets where it is a sum or a comparison."""
    some = re.sub(r"\|[^|]*\|", "", outside(text))  # |x - mu| is in brackets
    return f"({text})" if re.search(r" ([-+]|[<>=]=?) ", some) else text


def monomial(powers, constant="1"):
    """The text of a constant times powers of bases, [(text, power)]: 2 * dz * eps/sigma^2."""
    above, below = [], []
    top, _, bottom = constant.partition("/") if re.fullmatch(r"[^(]*/.*", constant) else (constant, "", "")
    above += [top] if top not in ("1", "") else []
    below += [bottom] if bottom else []
    for text, power in powers:
        raised = text if abs(power) == 1 else f"{wrap(text)}^{abs(power):g}"
        if power:
            (above if power > 0 else below).append(raised)
    if len(above) == 1 and not below:
        return bare(above[0])
    above = " * ".join(map(as_factor, above)) or "1"
    if not below:
        return above
    return f"{above}/{wrap(below[0]) if len(below) == 1 else '(' + ' * '.join(map(wrap, below)) + ')'}"


def signed(sign, text):
    """A text with its sign: -(h^2 - 1)."""
    return text if sign > 0 else f"-({text})" if is_sum(text) else f"-{text}"


def summed(terms):
    """The text of a sum, [(sign, text)]."""
    parts = []
    for sign, text in terms:
        text = f"({text})" if is_sum(text) and (sign < 0 or len(terms) > 1) else text
        parts.append(f"{'-' if sign < 0 else '+'} {text}")
    first = parts[0][2:] if parts[0][0] == "+" else "-" + parts[0][2:]
    return " ".join([first, *parts[1:]])


def listed(numbers):
    """Places along an axis: 0, 2, 5, or 3 to 7."""
    first, last = int(numbers[0]), int(numbers[-1])
    if len(numbers) > 2 and last - first == len(numbers) - 1:
        return f"{first} to {last}"
    return ", ".join([*(str(int(i)) for i in numbers[:6]), *(["..."] if len(numbers) > 6 else [])])
