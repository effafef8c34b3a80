"""A gradient against numerical derivatives, block by block: right, wrong, or undecided.

    right       every coordinate that was looked at agrees; on a kink it lies between the slopes to both sides
    wrong       one disagrees by more than the measurement can be off
    undecided   one could not be measured well enough to say either

Two evaluations a coordinate are enough where the first slope agrees. Where it does not, slope.py measures
with many steps, and knows how far off that may be; where this is too much, the complex step is asked, if
central differences bear it out.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from .block import AGREES, ROUNDING, bears_out
from .numeric import BANDS, STEP, TOLERANCE
from .report import LOST, WHY, Row, Stop
from .slope import EPS

OWN = 1e-3  # of a coordinate's own size: so much is looked at, however large its neighbours are
LOOKS = 200  # coordinates of a block that are measured with many steps
SWALLOWED = 1e-4  # of the largest number: no change at all says that the slope is less than its rounding
TINY = 1e-290  # numbers near underflow have few digits
ASIDE = 0.01  # how far away a second point is


@dataclass
class Finding:
    """Of one slope: "right", "kink" (between its sides), "wrong" or "undecided"; the slope as measured; why
    it is undecided."""

    verdict: str
    numeric: float = np.nan
    why: str = ""
    error: float = 0.0  # relative, along a direction of all coordinates


def look(block, direction, a, scale, method, agreed=False):
    """A Finding about the slope `a` along a direction, where the first measurement disagrees.

    scale: of the block's numbers; agreed: beside them the first one did agree, but not beside the slope
    itself.
    """
    c, size = block.complex(direction)
    slope = block.measure(direction, size)
    tolerance, floor = TOLERANCE["central"] * scale, ROUNDING * scale
    slack = floor if agreed else tolerance
    if method == "complex" and bears_out(slope, c, tolerance) is False:
        if block.confirmed_elsewhere is not False:  # nothing is lost, but there are kinks all around
            return Finding("undecided", why="unconfirmed")
        raise Stop("imaginary part", LOST.format(name=block.name))
    if slope.kinked:
        return on_a_kink(block, direction, a, c, slope, tolerance)
    # where the two sides may differ, each of them may be yours, and the complex step is one of them
    sides = slope.left, slope.right
    sound = np.isfinite(c) and all(side.allows(c, slack) for side in sides)
    one_sided = slope.may_kink and any(side.allows(a, slack) for side in sides)
    if method == "complex" and sound and not one_sided:
        return by_complex_step(block, direction, a, c, slope, scale, size, agreed)
    # large steps speak only with the complex step: far away, a function may be another one
    against = slope if slope.allows(c, slack) else slope.near
    if abs(a - slope.value) <= tolerance and (agreed or slope.error <= tolerance):
        off = not one_sided and clear(a, against.value, 10 * against.error + floor)
        return wrong(block, direction, slope, a, against.value, c) if off else Finding("right", slope.value)
    if not against.allows(a, tolerance) and not one_sided:
        return wrong(block, direction, slope, a, against.value, c)
    told = bears_out(slope, c, tolerance)
    if sound and (told or (told is None and block.confirmed)):
        rounding = max(ROUNDING * size, block.unsure(direction, c))
        seen = slope.error <= 0.1 * (abs(a) + abs(c))  # at their own size
        off = abs(a - c) > tolerance + rounding or (seen and clear(a, c, rounding + floor))
        if off and not one_sided:
            return wrong(block, direction, slope, a, c)
        if not off and abs(a - c) <= tolerance:
            return Finding("right", c)
    if agreed:
        return Finding("right", a)
    if not np.isfinite(slope.value):
        return Finding("undecided", why="border")
    return Finding("undecided", why="rounding" if np.isfinite(slope.error) else "steep")


def on_a_kink(block, direction, a, c, slope, tolerance):
    """The slopes to the left and right differ: what lies between them is a slope, too."""
    low, high = sorted((slope.left.value, slope.right.value))
    slack = max(slope.left.error, slope.right.error) + tolerance
    if low - slack <= a <= high + slack:
        return Finding("kink")
    if abs(a - c) <= tolerance:  # too rough to tell
        return Finding("undecided", why="kinks")
    return wrong(block, direction, slope, a, min(low, high, key=lambda side: abs(side - a)))


def wrong(block, direction, slope, a, n, c=np.nan):
    """The Finding that a slope is n and not a; not where rounding may have made that of it, not where it is
    measured roughly and the complex step c is yours, and not where several kinks meet: yours need be none of
    their sides."""
    off = abs(a - n)
    rough = min(slope.error, slope.near.error) > 1e-3 * off
    if off <= block.blur * np.linalg.norm(direction) or (rough and abs(a - c) <= 1e-6 * off):
        return Finding("undecided", why="rounding")
    hidden = not slope.left.error + slope.right.error <= 0.1 * off
    if (slope.may_kink or hidden) and several_kinks(block, direction):
        return Finding("undecided", why="kinks")
    return Finding("wrong", n)


def several_kinks(block, direction):
    """Whether the slope along a direction takes more than two values near by."""
    rng, found = np.random.default_rng(0), []
    far, h = (step * max(1.0, np.abs(block.at).max()) for step in (2.0**-20, 2.0**-30))
    for _ in range(8):
        aside = far * rng.standard_normal(block.at.shape)
        (up, size), (down, _) = (block.change(aside + k * h * direction) for k in (1, -1))
        found.append((block.complex(direction, aside)[0], (up - down) / (2 * h)))
    roundings = block.dust(size), 16 * EPS * (size or block.size) / h
    for values, rounding in zip(np.sort(found, axis=0).T, roundings):
        gaps = np.diff(values[np.isfinite(values)])
        apart = max(1e-2 * np.sum(gaps), 1e-4 * np.nanmax(np.abs(values), initial=0), rounding)
        if np.sum(gaps > apart) > 1:
            return True
    return False


def by_complex_step(block, direction, a, c, slope, scale, size, agreed):
    """The complex step is exact, but for what rounding does to numbers that nearly cancel."""
    rounding = ROUNDING * (size * (1 + abs(c)) + scale)  # an exp of large numbers has lost their digits
    if abs(a - c) <= TOLERANCE["complex"] * scale and not clear(a, c, rounding):
        return Finding("right", c)
    if abs(a - c) <= max(rounding, block.unsure(direction, c)):
        return Finding("right", c) if agreed else Finding("undecided", why="rounding")
    if not block.confirmed or (
        slope.allows(a, TOLERANCE["central"] * scale) and not block.confirmed_elsewhere
    ):
        return Finding("undecided", why="unconfirmed")
    return wrong(block, direction, slope, a, c)


def clear(a, n, error):
    """Whether two slopes differ clearly beside their own size, however small they are beside their
    neighbours."""
    return abs(a - n) > 1e-2 * (abs(a) + abs(n)) + error + TINY


def along(block, directions, method):
    """The Finding about a whole block along a direction of all its coordinates; along the next where that
    can't tell, unless the complex step contradicts there."""
    doubt = None
    for direction in directions:
        expected = float(np.sum(direction * block.analytic))
        norm = float(np.linalg.norm(block.analytic * direction))
        slopes = (block.central(direction, h)[0] for h in (STEP / 64, STEP))  # far away there are kinks
        slopes = [block.complex(direction)[0]] if method == "complex" else slopes
        agreeing = (slope for slope in slopes if abs(slope - expected) <= AGREES[method] * 2 * norm)
        finding = Finding("right", next(agreeing, np.nan))
        if np.isnan(finding.numeric):
            finding = look(block, direction, expected, 2 * norm, method)
        if norm and np.isfinite(finding.numeric):
            finding.error = abs(finding.numeric - expected) / (norm + max(norm, abs(finding.numeric)))
        if finding.verdict != "undecided":
            break
        c = block.complex(direction)[0]
        if abs(c - expected) > 10 * (TOLERANCE["central"] * 2 * norm + block.unsure(direction, c)):
            doubt = finding
    return doubt if doubt and finding.verdict == "right" else finding


def aside(a, rng, sign=1, zeros=1):
    """Numbers about a per cent larger, each by another share: no kink lies there. What is 0 moves as far as a
    typical one, unless zeros=0; a symmetric matrix stays so."""
    share = rng.uniform(0.5, 1.5, a.shape)
    if a.ndim == 2 and np.array_equal(a, a.T):
        share = (share + share.T) / 2
    typical = np.mean(np.abs(a[a != 0])) if np.any(a) else 1.0
    return a + sign * ASIDE * share * np.where(a, a, zeros * typical)


def compare(block, samples, method, rng):
    """(Row, Trap or None): at most `samples` coordinates of a block, and the slope along a random direction
    for the rest."""
    row = Row(block.name, block.analytic.shape, analytic=block.analytic)
    row.numeric = np.full(row.shape, np.nan)
    try:
        without_measuring(block, row, rng) or measuring(block, row, samples, method, rng)
    except Stop as stop:
        if stop.trap.name != "imaginary part":
            raise
        return row.told("undecided", np.nan, "not compared"), stop.trap
    return row, None


def without_measuring(block, row, rng):
    """Tell the row's verdict, if that is so simple: nothing, NaN, infinite where the slope is not, 0
    everywhere."""
    analytic = block.analytic
    if row.size == 0:
        return row.told("right", 0.0, "empty: nothing to compare")
    for words, bad in ("NaN", np.isnan(analytic)), ("infinite", np.isinf(analytic)):
        bad = np.flatnonzero(bad)
        if words == "infinite":  # the true slope may be, too
            bad = [i for i in bad[:LOOKS] if block.measure(block.unit(i)).settled]
        if len(bad):
            where = f"{words} in {len(bad)} of {row.size} places, first at {row.place(bad[0])}"
            return row.told("wrong", np.nan, f"{where}: a 0/0, a log of 0 or an overflow in its formula")
    if np.abs(analytic).max() <= block.dust() and is_zero(block, rng):
        row.checked, row.numeric[...] = row.size, 0.0
        return row.told("right", 0.0, ("0 up to rounding" if analytic.any() else "0") + ", as it should be")
    return None


def is_zero(block, rng):
    """Whether the slopes along three random directions are 0 up to rounding, as the gradient is."""
    dust = block.dust()
    for direction in rng.choice([-1.0, 1.0], (3, *block.at.shape)):
        (c, size) = block.complex(direction)
        slope = block.measure(direction, size)
        sharp = slope.error <= 100 * dust * np.sqrt(block.at.size)
        if slope.kinked or not (sharp and abs(slope.value) <= dust + slope.error):
            return False
        if np.abs(block.analytic).max() > block.dust(size):
            return False  # more than rounding of the numbers that move: the rest of f is too large to tell
        off = abs(float(np.sum(direction * block.analytic)) - c)
        if off > TOLERANCE["central"] * abs(c) and off > 10 * block.unsure(direction, c):
            return False  # tiny, but no rounding: the complex step knows it
    return True


def measuring(block, row, samples, method, rng):
    """Tell the row's verdict: the coordinates at first sight, those that disagree again with many steps,
    and the rest along a random direction."""
    finite = np.flatnonzero(np.isfinite(block.analytic))
    whys = Counter(steep=row.size - len(finite))
    whole = len(finite) <= samples
    entries = finite if whole else np.sort(rng.choice(finite, samples, replace=False))
    a, (n, noise) = block.analytic.flat[entries], block.slopes(entries, method)
    scale = 2 * np.max(np.abs(block.analytic.flat[finite]), initial=0)
    verdicts = second_look(block, entries, a, n, noise, scale, method, rng, whys)

    known, wrong = np.isin(verdicts, ["right", "wrong"]), verdicts == "wrong"
    row.numeric.flat[entries[known]], row.wrong_at = n[known], entries[wrong]
    row.kinks = int(np.sum(verdicts == "kink"))
    row.checked = int(np.sum(known)) + row.kinks
    gap, both = np.abs(a - n), np.abs(a) + np.abs(n)
    scale = max(scale / 2, np.max(both[known], initial=0))
    error = float(np.max(gap[known], initial=0) / scale) if scale else 0.0
    if wrong.any() and error <= TOLERANCE[method]:  # small beside its neighbours
        error = float(np.max(gap[wrong] / both[wrong]))

    verdicts = set(verdicts)
    if (not whole or "unseen" in verdicts) and len(finite) == row.size:
        finding = along(block, block.directions(rng), method)
        error = max(error, finding.error)
        verdicts.add(finding.verdict)
        row.loose = finding.verdict == "kink"
        whys[finding.why] += 1
    if method == "complex" and "wrong" not in verdicts and not block.confirmed:
        if block.confirmed is block.confirmed_elsewhere is False:
            raise Stop("imaginary part", LOST.format(name=block.name))
        whys["unconfirmed"] = row.size
    row.left_out = {WHY[why]: count for why, count in whys.items() if why and count}
    if "wrong" in verdicts:
        return row.told("wrong", error, band(error, method))
    if row.left_out:
        return row.told("undecided", error if known.any() else np.nan, "undecided")
    between = "; the rest between the slopes of kinks" * row.loose
    return row.told("right", error, band(error, method) + between)


def second_look(block, entries, a, n, noise, scale, method, rng, whys):
    """Verdicts on the coordinates `entries`, whose gradient is a, by their slopes n at first sight, which are
    replaced where a second look is taken; whys counts what can't be told."""
    gap = np.abs(a - n)
    agreed = (gap <= AGREES[method] * scale) | ((gap <= 3 * noise) & (gap <= TOLERANCE[method] / 2 * scale))
    agreed &= noise <= np.where(n == 0, SWALLOWED, 1.0) * scale
    own = agreed & (gap > OWN * (np.abs(a) + np.abs(n))) & (gap > 8 * noise + ROUNDING * scale + TINY)
    verdicts, sharp = np.full(len(entries), "right", object), 0
    disagree = rng.permutation(np.flatnonzero(~agreed | own))
    for done, k in enumerate(disagree):
        if done == LOOKS:
            verdicts[disagree[done:]], n[disagree[done:]] = "unseen", np.nan
            break
        finding = look(block, block.unit(entries[k]), a[k], scale, method, own[k])
        off = abs(n[k] - finding.numeric)
        sharp += finding.verdict == "wrong" and off <= 1e-4 * (abs(a[k]) + abs(finding.numeric))
        verdicts[k], n[k] = finding.verdict, finding.numeric
        whys[finding.why] += 1
        if sharp == done + 1 == 3:  # no need to look again at each of many: the first sight was right
            verdicts[disagree[3:]] = "wrong"
            break
    return verdicts


def band(error, method):
    """What an error says."""
    return next((words for top, words in BANDS[method] if error <= top), "wrong")
