"""How a hand-written gradient wants to be called: upstream first or last, by name, with a cache.

The documented order is gradient(upstream, inputs...). Where the names of its parameters settle it, they do;
otherwise what its number of parameters allows is tried in turn.
"""

import inspect
import re
from dataclasses import dataclass, field

UPSTREAM = re.compile(  # what an upstream gradient is called; one that is also an input's name is that input
    r"d(?!ata|im|type)\w*|grad\w*|\w+_grad|g|G|g_\w+|up\w*|err\w*|top\w*|\w+_?bar|cot\w*|ct|u|v"
)
CACHE = re.compile(r"cache\w*|ctx|context|saved\w*|memory|tape|state|residuals?|stuff")


@dataclass
class Call:
    """One way to call a gradient.

    sources: from where each positional argument comes, ("input", k), ("upstream", j), ("upstreams", 0) for a
    tuple of all, or ("cache", 0);
    names: what the gradient calls them; keywords: {name: source}. sure: the names leave no doubt.
    """

    sources: list
    names: list
    keywords: dict = field(default_factory=dict)
    sure: bool = False
    n_outputs: int = 1

    @property
    def ups(self):
        """{number of an output: what the gradient calls the upstream gradient of it}."""
        every = [*zip(self.names, self.sources), *self.keywords.items()]
        found = {k: name for name, (kind, k) in every if kind == "upstream"}
        every = [name for name, (kind, _) in every if kind == "upstreams"]
        return found | {k: f"{name or 'upstream'}[{k}]" for name in every for k in range(self.n_outputs)}

    def arguments(self, inputs, ups, cache):
        """(positional, keywords) to call it with."""
        of = {"input": inputs, "upstream": ups, "upstreams": [tuple(ups)], "cache": [cache]}
        return [of[kind][k] for kind, k in self.sources], {
            n: of[kind][k] for n, (kind, k) in self.keywords.items()
        }

    def documented(self, n_inputs):
        """Whether it is (upstream, inputs...) or (inputs...)."""
        ups = [source for source in self.sources if source[0] == "upstream"]
        return self.sources == ups + [("input", k) for k in range(n_inputs)] and not self.keywords

    def words(self, inputs):
        """gradient(mu, sigma, upstream)"""

        def said(kind, k):
            return inputs[k] if kind == "input" else kind + (f" {k + 1}" if k else "")

        named = [f"{name}={said(*source)}" for name, source in self.keywords.items()]
        return f"gradient({', '.join([*(said(*source) for source in self.sources), *named])})"


def ways(gradient, inputs, n_outputs, cached):
    """The Calls that this gradient's signature allows, the likeliest first.

    inputs: the names of the function's arguments; n_outputs: how many arrays it returns; cached: whether it
    returns a cache beside them.
    """
    try:
        parameters = list(inspect.signature(gradient).parameters.values())
    except (TypeError, ValueError):
        orders_ = orders(0, 99, len(inputs), n_outputs, cached, True, False)
        return [Call(sources, [""] * len(sources), n_outputs=n_outputs) for sources in orders_]
    plain = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p.name for p in plain if p.default is p.empty]
    open_end = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    found = [] if open_end else by_name(parameters, plain, inputs, n_outputs, cached)
    if found and found[0].sure:
        return found
    first, last = (bool(needed) and UPSTREAM.fullmatch(needed[k]) is not None for k in (0, -1))
    most = 99 if open_end else len(plain)
    for sources in orders(len(needed), most, len(inputs), n_outputs, cached, first, last):
        names = [p.name for p in plain] + [""] * len(sources)
        found.append(Call(sources, names[: len(sources)], n_outputs=n_outputs))
    return found


def by_name(parameters, plain, inputs, n_outputs, cached):
    """[the Call] in which each parameter called like an input is that input, and the others are upstream
    gradients and the cache; two, where one upstream may be a tuple of all; [] if that can't be."""
    sources, left = {}, []
    for p in parameters:
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            continue
        if p.name in inputs:
            sources[p.name] = "input", inputs.index(p.name)
        elif p.default is p.empty or (UPSTREAM.fullmatch(p.name) and len(p.name) > 1):
            left.append(p.name)
    cache = [name for name in left if CACHE.fullmatch(name)]
    cache += [name for name in left[::-1] if cached and not UPSTREAM.fullmatch(name)]
    if cache:
        sources[cache[0]] = "cache", 0
        left.remove(cache[0])
    certain = all(UPSTREAM.fullmatch(name) for name in left)
    if len(left) > n_outputs or not (sources or certain):
        return []
    one_of_many = len(left) == 1 < n_outputs  # or a tuple of all of them
    sure = bool(sources) and certain and not one_of_many
    sources |= {name: ("upstream", j) for j, name in enumerate(left)}
    gap = next((k for k, p in enumerate(plain) if p.name not in sources), len(plain))
    order = [p.name for p in plain[:gap]]
    found = []
    for up in (("upstream", 0), ("upstreams", 0)) if one_of_many else (None,):
        sources |= {left[0]: up} if up else {}
        keywords = {n: s for n, s in sources.items() if n not in order}
        found.append(Call([sources[n] for n in order], order, keywords, sure, n_outputs))
    return found


def orders(least, most, n, m, cached, first, last):
    """Lists of sources for n inputs and m upstream gradients, of a length from least to most, the likeliest
    first."""
    inputs, ups, cache = [("input", k) for k in range(n)], [("upstream", j) for j in range(m)], [("cache", 0)]
    with_ups = [ups + inputs, inputs + ups] if first or not last else [inputs + ups, ups + inputs]
    firsts = (ups[:1], [("upstreams", 0)]) if m > 1 else ()
    one = [order for first in firsts for order in (first + inputs, inputs + first)]
    every = [inputs, *with_ups, *one]
    if cached:
        every = [ups + cache, cache + ups, *every]
    if first and n == 1 == least:
        every = [ups[:1], *every]  # an object that remembers its input
    return [some for some in every if least <= len(some) <= most]
