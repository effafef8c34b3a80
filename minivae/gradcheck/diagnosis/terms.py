"""Which term of the gradient is missing, too many, turned round, or another one (6.8, 6.9)?

The difference of two gradients says what is added, not to which of them: c E is in yours too much, or -c E is
missing in it. Which of the two is said only where one of the gradients is known as a sum; else both are.
"""

from collections import Counter

import numpy as np

from .case import Explanation
from .constants import UNNAMED, ZERO
from .costs import COSTS
from .misread import MISREAD
from .sums import Sum, of_one, of_two, simplest_sum, term
from .texts import bare, monomial, signed, summed

CLEARLY = 6  # bits: so much simpler has to be what one reading leaves than what another does
PLAIN = 12  # bits: so simple has to be the name of a path
NOTHING = 1e-6  # relative: of a term is left


def path(case):
    """A known summand of the true gradient is missing, turned round, or multiplied by a number."""
    delta = case.a - case.n
    for words, summand in case.paths.items():
        p = case.at(summand)
        if not p.any():
            continue
        c = float(delta @ p / (p @ p))
        share = 0.0 if abs(1 + c) < NOTHING else 1 + c  # as much of the path is in yours
        constant = case.constants.known(share) if share else ZERO
        if abs(c) > NOTHING and constant is not None:
            yield _path(case, words, p, -1 if share < 0 else 1, constant)


def _path(case, words, p, sign, constant):
    """The sentence for so many times a path."""
    named = [s for s in of_one(case, p) if s.bits <= PLAIN and not s.terms[0].product.is_difference]
    name = bare(named[0].terms[0].product.text) if named else words
    what = f"the term {named[0].text}: {words}" if named else words
    said = f"has {'-' if sign < 0 else ''}{constant.text} times"
    if constant is ZERO:
        said = "lacks"
    elif sign < 0 and constant.text == "1":
        said = "has the wrong sign in"
    also = "" if constant is ZERO else case.constants.also(constant)
    bits = COSTS["path"] + constant.bits + (COSTS["sign"] if sign < 0 else 0)

    def claim(case):
        share = sign * case.constants.value(constant)
        return case.a - case.n, (share - 1) * case.at(case.paths[words])

    relation = "heads" if "head" in words else "term"
    found = Explanation(relation, name, 0.0, f"yours {said} {what}{also}.", bits, claim)
    return case.verified(found, case.tells(case.a - case.n))


def one_term(case):
    """wrong - true = c E."""
    delta = case.a - case.n
    for found in of_one(case, delta, digits=True)[:6]:
        one = found.terms[0]
        if one.product.is_difference:
            yield _misread(case, one, delta)
            continue
        parts = one.product.expanded()
        known = case.true_sum or case.your_sum
        if len(parts) > 1 and (_of_two_terms(one.product, case) or (known and _in_parts(case, known, parts))):
            yield _both(case, _split(one, parts, case), one.bits + 1, delta)
        else:
            yield _one(case, one, delta)


def two_terms(case):
    """wrong - true = c1 E1 + c2 E2: one of them stands where the other is meant."""
    delta = case.a - case.n
    for found in of_two(case, delta)[:6]:
        if not any(one.product.is_difference for one in found.terms):
            yield _both(case, found.terms, found.bits, delta)


def two_sums(case):
    """wrong and true are known as sums: what stands in one and not in the other."""
    yours, true = case.your_sum, case.true_sum
    if yours is None or true is None or len(yours.terms) == len(true.terms) == 1:
        return
    for expanded in (False, True):
        terms = _in_one_alone(case, yours.shares(expanded), true.shares(expanded))
        if 0 < len(terms) <= 2 and not any(one.product.is_difference for one in terms):
            bits = max(yours.bits, true.bits)
            several = len(terms) > 1
            delta = case.a - case.n
            yield _both(case, terms, bits, delta) if several else _one(case, terms[0], delta)
            return


def _in_one_alone(case, mine, other):
    """[Term] of what two sums differ by."""
    terms = []
    for key, (_, product) in {**mine, **other}.items():
        c = mine.get(key, (0.0,))[0] - other.get(key, (0.0,))[0]
        if abs(c) > 1e-5 * max(abs(some.get(key, (0.0,))[0]) for some in (mine, other)):
            terms.append(term(case, c, product, digits=True))
    return terms


def _of_two_terms(product, case):
    """Whether its bracket is rather a slip in one of two terms, dz (1 - eps), than a derivative."""
    atom = next(atom for atom in product.atoms if atom.parts)
    if not any(part is None for _, part in atom.parts) and "(1 - " not in atom.text:
        return False
    v, square = case.named[atom.names[0]], "^2" in atom.text
    return not (np.abs(v) <= 1).all() if square else not ((v >= 0) & (v <= 1)).all()


def _in_parts(case, known, parts):
    """Whether a part of the bracket, alone, is a term of the sum that is known."""
    held = [_held_of(case, known, p) for _, p in parts]
    return any(held) and not (
        len(held) == 2 and all(held) and np.isclose(held[0] / parts[0][0], held[1] / parts[1][0])
    )


def _held_of(case, known, product):
    """How much of a product stands in a sum, under this name or another."""
    shares = known.shares()
    if product.key in shares:
        return shares[product.key][0]
    v = product.evaluate(case)
    return next((c for c, p in shares.values() if np.allclose(p.evaluate(case), v, rtol=1e-9, atol=0)), 0.0)


def _split(one, parts, case):
    terms = []
    for sign, product in parts:
        c = one.c * sign
        terms.append(term(case, c, product, digits=True))
    return tuple(terms)


# One term ---------------------------------------------------------------------------------------------------


def shares(case, terms):
    """[(how much of each term is in yours, in the true gradient)] where one of the two is known as a sum;
    else None."""
    yours, true = (
        known and [known.share(one.product) for one in terms] for known in (case.your_sum, case.true_sum)
    )
    if yours is None and true is None:
        return None
    yours = yours or [share + one.c for share, one in zip(true, terms)]
    true = true or [share - one.c for share, one in zip(yours, terms)]
    rounded = lambda share, one: 0.0 if abs(share) < 1e-5 * abs(one.c) else share
    found = [(rounded(a, one), rounded(n, one)) for a, n, one in zip(yours, true, terms)]
    if all(abs(a - n - one.c) < 1e-5 * abs(one.c) for (a, n), one in zip(found, terms)):
        return found
    return _simplest_rest(case, terms)  # the sums have other names for the same numbers


def _held(case, one):
    """Whether both formulas are known, and differ by this term."""
    yours, true = (_whole_in(case, known, one.product) for known in (case.your_sum, case.true_sum))
    return abs(yours - true - one.c) < 1e-5 * abs(one.c)


def _whole_in(case, known, product):
    """How much of a product, with all parts of its bracket, stands in a sum."""
    shares = {round(_held_of(case, known, p) / sign, 9) for sign, p in product.expanded()}
    return shares.pop() if len(shares) == 1 else 0.0


def _simplest_rest(case, terms):
    """The same, where neither sum holds the terms by name: all are too many, missing, or turned round,
    whichever leaves the simplest rest."""
    rest = {1.0: case.true_sum, 0.0: case.your_sum, 0.5: simplest_sum(case, (case.a + case.n) / 2)}
    known = sorted((s.bits, share) for share, s in rest.items() if s is not None)
    if not known or (len(known) > 1 and known[1][0] - known[0][0] < CLEARLY):
        return None
    share = known[0][1]
    return [(share * one.c, (share - 1) * one.c) for one in terms]


def _text(case, c, product):
    """c * product, with its sign."""
    one = term(case, c, product, 3e-5, digits=True)
    return Sum((one,)).text


def _claim(terms):
    return lambda c: (c.a - c.n, sum(one.evaluate(c) for one in terms))


def _one(case, one, delta):
    """In which of the two gradients the term stands, as far as that can be told."""
    product = one.product
    of = lambda share: _text(case, share, product)
    if case.your_sum and case.true_sum and not _held(case, one):
        return None  # what two formulas differ by is told by two_sums
    known = shares(case, [one])
    if known and 0.0 in known[0] and any(case.may_hold(s, product) for s in (case.your_sum, case.true_sum)):
        known = None
    yours, true = known[0] if known else (0.0, 0.0)
    odd = [
        s for s in (yours, true) if s and (case.constants.known(s, 3e-5) or UNNAMED).bits > COSTS["fraction"]
    ]
    if known is None and case.analytic.size == 1:
        return None  # of one number, that says nothing
    if known is None or (yours and true and odd):
        words = _either_way(case, one, of)
    else:
        if true == 0:
            words = f"has the term {of(yours)} too many"
        elif yours == 0:
            words = f"lacks the term {of(true)}"
        elif abs(yours + true) < 1e-5 * abs(true):
            words = f"has the wrong sign in the term {of(true)}"
        else:
            words = f"has the term {of(yours)} where {of(true)} is meant"
    name = bare(product.text)
    found = Explanation("term", name, 0.0, f"yours {words}.", one.bits + COSTS["term"], _claim([one]))
    return case.verified(found, case.tells(delta))


def _either_way(case, one, of):
    """Nothing shows on which side the difference stands: missing here, too many there, or the wrong sign of
    its half."""
    c = one.c
    half, whole = case.constants.known(c / 2), one.constant
    turned = half is not None and whole.text != "1" and (half.bits < whole.bits or half.is_size)
    wrong_sign = f", or the wrong sign in {of(-c / 2)}" if turned else ""
    if c < 0:
        return f"lacks the term {of(-c)} (or has {of(c)} too many{wrong_sign})"
    return f"has the term {of(c)} too many (or lacks {of(-c)}{wrong_sign})"


def _misread(case, one, delta):
    """The sentence for an array that was read wrongly, in a term or in all."""
    product = one.product
    held = (
        case.true_sum.share(product.right()) if case.true_sum else 0.0
    )  # as much of it, read rightly, is there
    plain = one.constant.text == "1" or one.constant.is_size
    if held * one.c < 0 or (not plain and abs(held - one.c) > 1e-5 * abs(one.c)):
        return None
    relation, name, words = misread_words(product)
    if one.c < 0 and product.misread == "transposed" and case.true_sum is None:
        words = f"has {name.removesuffix('.T')} where {name} is meant"
    elif one.c < 0 and case.true_sum is None:
        words += ", in a term with the sign -"
    if one.constant.text != "1":
        words += f", {one.constant.text} times"
    words = f"yours {words}" if words.endswith("?") else f"yours {words}."
    found = Explanation(relation, name, 0.0, words, one.bits + COSTS["term"], _claim([one]))
    return case.verified(found, case.tells(delta))


def misread_words(product):
    """(relation, term, words) of a product that is read wrongly."""
    if product.frame.kind == "wrong columns":
        whole = product.right().text
        return "columns", "last columns", f"takes the last columns of {whole}, where the first are meant"
    if product.reduce:
        text = monomial(product.powers.items())
        return (
            "axis",
            "max",
            f"takes the largest of {text}, the max, where all of them add up: the sum is meant",
        )
    name = " * ".join(atom.names[0] for atom in product.atoms if atom.misread) or product.frame.matrix
    relation, text, words = MISREAD[product.misread][:3]
    return relation, text.format(v=name), words.format(v=name)


# Two terms --------------------------------------------------------------------------------------------------


def _both(case, terms, bits, delta):
    """wrong - true = c1 E1 + c2 E2."""
    names = " and ".join(bare(one.product.text) for one in terms)
    known = shares(case, terms)
    bits += COSTS["two terms"]
    relation, name = "term", names
    one_sided = known and not (any(a for a, _ in known) and any(n for _, n in known))
    if known is None or (one_sided and abs(sum(one.c for one in terms)) < 1e-5 * abs(terms[0].c)):
        words = _either(case, terms)
        bits += COSTS["either way"]
    else:
        yours = [(s, one.product) for one, (s, _) in zip(terms, known) if s]
        true = [(s, one.product) for one, (_, s) in zip(terms, known) if s]
        if len(yours) == len(true) == 1 and yours[0][1] is not true[0][1]:
            relation, name, words = replaced(case, *yours[0], *true[0])
        else:
            words = _as_sums(case, yours, true)
            bits += 1 if yours and true else COSTS["both forgotten"]
    found = Explanation(relation, name, 0.0, f"yours {words}.", bits, _claim(terms))
    return case.verified(found, case.tells(delta))


def _either(case, terms):
    """Of two terms of the difference: both readings."""
    (c1, e1), (c2, e2) = sorted(((one.c, one.product) for one in terms), key=lambda pair: -pair[0])
    of = lambda c, e: _text(case, c, e)
    if c1 * c2 < 0:
        return f"has {of(c1, e1)} where {of(-c2, e2)} is meant, or {of(c2, e2)} where {of(-c1, e1)} is"
    both = lambda k: summed([(np.sign(k * c), of(abs(c), e)) for c, e in ((c1, e1), (c2, e2))])
    return f"has {both(1)} too many, or lacks {both(-1)}"


def _as_sums(case, yours, true):
    text = lambda terms: summed([(np.sign(c), _text(case, abs(c), e)) for c, e in terms])
    if not true:
        return f"has the terms {text(yours)} too many"
    if not yours:
        return f"lacks the terms {text(true)}"
    return f"has {text(yours)} where {text(true)} is meant"


def replaced(case, c1, e1, c2, e2):
    """(relation, term, words) for the term c1 E1 in yours where c2 E2 is meant."""
    where = f"has the term {_text(case, c1, e1)} where {_text(case, c2, e2)} is meant"
    kind, wrong, meant = difference(case, c1, e1, c2, e2)
    if kind == "missing":
        return "factor", meant, f"{where}: without its factor {meant}"
    if kind == "too many":
        return "factor", wrong, f"{where}: with a factor {wrong} too many"
    if _is_summand(e1, e2):
        return "axis", bare(e2.text), f"{where}: the diagonal of a Jacobian, instead of all of it"
    if kind == "in place of":
        return "factor", meant, where
    return "term", bare(e2.text), where


def _is_summand(e1, e2):
    """Whether X stands in e1 where sum(X) stands in e2."""
    flat = Counter()
    for atom in e2.atoms:
        inside = dict.fromkeys(atom.names, 1) if atom.is_sum else dict(atom.powers)
        flat.update(inside)
    return flat == Counter(e1.powers) and any(atom.is_sum for atom in e2.atoms)


def difference(case, c1, e1, c2, e2):
    """(kind, wrong, meant): by which factors c1 E1 and c2 E2 differ, as texts; kind is "missing", "too many",
    "in place of", or "" where they have nothing in common."""
    if e1.frame != e2.frame or not e1.atoms or not e2.atoms:
        return "", "", ""
    more, less = {}, {}
    for base in {**e2.powers, **e1.powers}:
        k1, k2 = e1.powers.get(base, 0), e2.powers.get(base, 0)
        common = min(k1, k2, key=abs) if k1 * k2 > 0 else 0
        more[base], less[base] = k1 - common, k2 - common
    more, less = ({base: k for base, k in some.items() if k} for some in (more, less))
    constant, inverse = case.constants.known(c1 / c2), case.constants.known(c2 / c1)
    if constant is None or (more and less and not set(e1.powers) & set(e2.powers)):
        return "", "", ""
    sign = -1 if c1 * c2 < 0 else 1
    wrong = bare(signed(sign, monomial(more.items(), constant.text)))
    if more and less:
        return "in place of", wrong, bare(monomial(less.items()))
    if less:
        return "missing", "", signed(sign, monomial(less.items(), inverse.text if inverse else "1"))
    return ("too many", wrong, "") if more else ("", "", "")
