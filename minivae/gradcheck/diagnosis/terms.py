"""Which factor is wrong (6.7), which term (6.8, 6.9), which formula? Each question yields (cost,
Explanation)."""

from collections import Counter

import numpy as np

from .case import Explanation, bits_of, different, enough
from .constants import SAME, bare, is_gradient, times, wrap
from .products import MISREAD, expanded

# (6.7) One factor.


def factor(case):
    """wrong * g = c * true * f."""
    a, n = case.a[case.few], case.n[case.few]
    factors = [
        p
        for p in case.pool
        if not p.frame and not p.summed and p.text != "1" and not any(is_gradient(f) for f in p.factors)
    ]
    if not factors:
        return
    f = np.array([p.values for p in factors])
    for missing, lefts, rights in ((True, a * f, n + 0 * f), (False, a + 0 * f, n * f)):
        c = (lefts * rights).sum(axis=1) / (rights * rights).sum(axis=1)
        fits = np.abs(lefts - c[:, None] * rights).max(axis=1) / (2 * np.abs(lefts).max(axis=1))
        for k in np.flatnonzero(fits <= case.tolerance):
            p, known = factors[k], case.constants.name(c[k])
            if known and enough(bits_of(p.values), sum(q.cost <= p.cost for q in factors), known[1] > 0):
                yield (
                    known[1] + p.cost + 0.3 * (not missing) + 0.5 * (c[k] < 0),
                    _one_factor(p, c[k], known[0], missing, fits[k]),
                )
    yield from _other_factor(case, [p for p in factors if len(p.factors) == 1 and p.cost <= 2.8], a, n)


def _one_factor(p, c, text, missing, fit):
    if missing:  # wrong * f = c true: what is missing is f / c
        c, text = (
            1 / c,
            (text[2:].strip("()") if text.startswith("1/") else "1" if text == "1" else f"1/{wrap(text)}"),
        )
    factor = times(c, text, bare(p.text))
    if p.misread:
        return _misread(p, fit)
    words = f"without the factor {factor}" if missing else f"with a factor {factor} too many"
    return Explanation("factor", factor, fit, f"yours is the true gradient {words}.")


def _other_factor(case, factors, a, n):
    """Two factors at once: by their logarithms first, then exactly."""
    seen = (np.abs(a) > 1e-4 * case.scale) & (np.abs(n) > 1e-4 * case.scale)
    if np.sum(seen) < 3:
        return
    ratio = np.log(np.abs(a[seen] / n[seen]))
    logs = np.log(np.abs([p.values[seen] for p in factors]))
    usable = np.isfinite(logs).all(axis=1)
    factors, logs = [p for p, ok in zip(factors, usable) if ok], logs[usable]
    ratio, logs = ratio - ratio.mean(), logs - logs.mean(axis=1, keepdims=True)
    gram, along, size = logs @ logs.T, logs @ ratio, ratio @ ratio
    total = size + gram.diagonal()[:, None] + gram.diagonal()
    left = total - 2 * gram - 2 * along[:, None] + 2 * along  # |ratio - log f + log g|^2
    for i, j in np.argwhere(left < 1e-8 * total):
        f, g = factors[i], factors[j]
        if i == j or not (n * f.values).any():
            continue
        c = float((a * g.values) @ (n * f.values) / ((n * f.values) @ (n * f.values)))
        fit, known = case.error(a * g.values, c * n * f.values), case.constants.name(c)
        bits, same = bits_of((f.values / g.values)[seen]), f.names == g.names
        for p in (f, g):  # what takes few values tells little, and the less the less is known of its name
            if different(p.values) <= 2:
                bits = min(bits, len(p.values) + (20 if same else 8))
        if fit <= case.tolerance and known and enough(bits, len(factors) ** 2):
            if f.misread and f.misread[1] == g.text:
                yield known[1] + g.cost + 0.5, _misread(f, fit)
            else:
                words = (
                    f"yours has the factor {times(c, known[0], bare(f.text))} where {bare(g.text)} is meant."
                )
                cost = (
                    known[1] + (f.cost + g.cost) / 2 + 1.1 - 0.3 * same - 0.5 * (g.text in case.true_factors)
                )
                yield cost, Explanation("factor", bare(g.text), fit, words)


def _misread(p, fit, times=""):
    """The sentence for an array that was read wrongly."""
    key, name = p.misread
    relation, term, words = MISREAD[key]
    words = f"yours {words.format(v=name)}{times}"
    return Explanation(relation, term.format(v=name), fit, words if words.endswith("?") else f"{words}.")


# (6.8) One term.


def term(case):
    """wrong - true = c * E, for a known path, or a candidate."""
    delta, found = case.a - case.n, []
    for cost, p, c, known, fit in case.multiples(delta):
        found.append((cost, p))
        two = expanded(p)
        if len(two) == 2 and (case.true_terms or case.your_terms or "1" in p.factors[-1].strip("()").split()):
            yield from _both(case, cost + 1.5, [(c * sign, e) for sign, e in two], fit)
        else:
            yield cost, _term_words(case, p, c, known[0], fit)
    for words, path in case.paths.items():
        path = case.at(path)
        if not path.any():
            continue
        c = float(delta @ path / (path @ path))
        share = 0.0 if abs(1 + c) < SAME else 1 + c  # as much of the path is in yours
        fit, known = case.error(delta, c * path), case.constants.name(share) if share else ("0", 0)
        if not (fit <= 10 * case.tolerance and known):
            continue
        simple = [
            (cost, k) for k, (cost, p) in enumerate(found) if cost <= 4 and not p.frame and not p.misread
        ]
        term = bare(found[min(simple)[1]][1].text) if simple else words
        what = words if term is words else f"the term {term}: {words}"
        relation = "heads" if "head" in words else "term"
        if share == 0:
            sentence = f"yours lacks {what}."
        elif abs(share + 1) < SAME:
            sentence = f"yours has the wrong sign in {what}."
        else:
            sentence = f"yours has {'-' if share < 0 else ''}{known[0]} times {what}."
        yield 0.4 + known[1] / 10, Explanation(relation, term, fit, sentence)


def _term_words(case, p, c, text, fit):
    """In which of the two gradients the term stands, as far as that can be told."""
    name = bare(p.text)
    yours, true = _shares(case, p, c)
    if p.misread:
        return _misread(p, fit)

    def of(share):
        return times(share, case.constants.text(share), name)

    if true is None:
        words = (
            f"lacks the term {of(-c)}"
            if c < 0 or name.startswith("1/")
            else f"has the term {of(c)} too many (or lacks {of(-c)})"
        )
        if text == "2":
            words = f"is off by twice {name}: that term has the wrong sign, or {of(-c)} is missing"
    elif true == 0:
        words = f"has the term {of(yours)} too many"
    elif yours == 0:
        words = f"lacks the term {of(true)}"
    elif abs(yours + true) < 1e-5 * abs(true):
        words = f"has the wrong sign in the term {of(true)}"
    else:
        words = f"has the term {of(yours)} where {of(true)} is meant"
    return Explanation("term", name, fit, f"yours {words}.")


def _shares(case, p, c):
    """How often E stands in yours and in the true gradient, where one of the two is known as a sum;
    else None, None."""

    def share(terms):
        shares = {round(terms.get(e.text, 0.0) * sign, 6) for sign, e in expanded(p)}
        return shares.pop() if len(shares) == 1 else 0.0

    if case.true_terms is not None:
        true = share(case.true_terms)
        yours = true + c
    elif case.your_terms is not None:
        yours = share(case.your_terms)
        true = yours - c
    else:
        return None, None
    return tuple(0.0 if abs(k) < 1e-5 * abs(c) else k for k in (yours, true))


# (6.9) Two terms, and formulas.


def two_terms(case):
    """wrong - true = c1 E1 + c2 E2: one of them stands where the other is meant."""
    for cost, pair, fit in sorted(case.pairs(case.a - case.n), key=lambda found: found[0])[:6]:
        yield from _both(case, cost, pair, fit)


def _both(case, cost, pair, fit):
    """(cost, Explanation) of wrong - true = c1 E1 + c2 E2.

    The positive one is taken for yours, unless more is known.
    """
    (c1, e1), (c2, e2) = sorted(pair, key=lambda term: -term[0])
    (yours1, true1), (yours2, true2) = _shares(case, e1, c1), _shares(case, e2, c2)
    names = " and ".join(bare(e.text) for e in (e1, e2))
    if true1 is not None:
        if true1 == true2 == 0:
            words = f"yours has the terms {_sum_text(case, [(c1, e1), (c2, e2)])} too many."
            yield cost, Explanation("term", names, fit, words)
            return
        if true1 and true2:
            yours = _sum_text(case, [(yours1, e1), (yours2, e2)])
            words = (
                f"yours has {yours or 'nothing'} where {_sum_text(case, [(true1, e1), (true2, e2)])} is"
                " meant."
            )
            yield cost, Explanation("term", names, fit, words)
            return
        if true1:
            (c1, e1), (c2, e2) = (c2, e2), (c1, e1)
    if c1 * c2 < 0:
        yield cost, _in_place_of(case, c1, e1, -c2, e2, fit, of_a_term=True)
    else:
        words = f"yours and the true gradient differ by the terms {_sum_text(case, [(c1, e1), (c2, e2)])}."
        yield cost, Explanation("term", names, fit, words)


def formula(case):
    """Both gradients are known as formulas: what stands in one and not in the other?"""
    few = [sorted(case.multiples(target), key=lambda found: found[0])[:4] for target in (case.a, case.n)]
    for a_cost, e1, c1, _, a_fit in few[0]:
        for n_cost, e2, c2, _, n_fit in few[1]:
            if (e1.frame, e1.factors) == (e2.frame, e2.factors) and e1.misread == e2.misread:
                continue
            shared = set(e1.factors) & set(e2.factors) if e1.frame == e2.frame else ()
            inside = shared and len(shared) in (len(e1.factors), len(e2.factors))
            cost = (
                abs(a_cost - n_cost) + 0.5
                if inside
                else (a_cost + n_cost) / 2 + 0.5
                if shared
                else a_cost + n_cost - 1
            )
            yield cost, _in_place_of(case, c1, e1, c2, e2, max(a_fit, n_fit))
        if not few[1] and e1.text != "1":
            words = f"yours is {_sum_text(case, [(c1, e1)])} and nothing else."
            yield a_cost + 3, Explanation("formula", bare(e1.text), a_fit, words)


def _sum_text(case, terms):
    terms = [(c, p) for c, p in terms if abs(c) > SAME]
    texts = [times(c, case.constants.text(c), bare(p.text)) for c, p in terms]
    return " + ".join(texts).replace("+ -", "- ")


def _in_place_of(case, c1, e1, c2, e2, fit, of_a_term=False):
    """The sentence for c1 E1 where c2 E2 is meant, by the factors that differ.

    of_a_term: E2 is one of several terms.
    """
    c, yours, true = c1 / c2, Counter(e1.factors), Counter(e2.factors)
    missing, extra = list((true - yours).elements()), list((yours - true).elements())
    same_frame = e1.frame == e2.frame

    def product(c, factors):
        return times(c, case.constants.text(c), bare(" * ".join(factors)))

    if e1.misread and same_frame and not missing and not extra:
        return _misread(e1, fit, "" if abs(c - 1) < 1e-5 else f", {product(c, ['1'])} times")
    if same_frame and bool(missing) != bool(extra) and "1" not in (e1.text, e2.text):
        whole = f"has the term {e2.text}" if of_a_term else "is the true gradient"
        factor = product(1 / c, missing) if missing else product(c, extra)
        words = (
            f"{whole} without {'its' if of_a_term else 'the'} factor {factor}"
            if missing
            else f"{whole} with a factor {factor} too many"
        )
        return Explanation("factor", factor, fit, f"yours {words}.")
    if same_frame and missing and len(missing) < len(e2.factors):
        meant = bare(" * ".join(missing))
        return Explanation(
            "factor", meant, fit, f"yours has the factor {product(c, extra)} where {meant} is meant."
        )
    W1, W2 = (e.frame.strip("@ ") for e in (e1, e2))
    if (
        not same_frame
        and not missing
        and not extra
        and abs(c - 1) < 1e-5
        and W1.removesuffix(".T") == W2.removesuffix(".T")
    ):
        return Explanation("transpose", W1, fit, f"yours has {W1} where {W2} is meant.")
    wrong, right = _sum_text(case, [(c1, e1)]), _sum_text(case, [(c2, e2)])
    if of_a_term:
        return Explanation("term", bare(e2.text), fit, f"yours has the term {wrong} where {right} is meant.")
    return Explanation("formula", bare(e2.text), fit, f"yours is {wrong}; the true gradient is {right}.")
