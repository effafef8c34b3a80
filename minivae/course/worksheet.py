"""A whole pass through a tiny VAE, with every number: forward, backward and one RMSProp step (lesson 09).

Two pixels, two hidden units, one latent; one image, one eps; ReLU and a Bernoulli decoder. A pencil can
follow it.

    Worksheet(seed=0)                      the table, in a notebook or with print
    Worksheet(seed=0).text(blank=True)     the same, the values left out

The values are those of the real VAE and RMSProp. Units and pixels are counted from 1, as on paper.
"""

import re
from dataclasses import dataclass

import numpy as np

from ..inputs import check_whole
from ..layers import softplus
from ..optimizers import RMSProp
from ..vae import VAE

LAYERS = {"1": "encoder.0", "2": "encoder.1", "3": "decoder.0", "4": "decoder.1"}  # W1, b1, ...
LR = 0.1
HALVES = np.array([-1.5, -1.0, -0.5, 0.5, 1.0, 1.5])
IMAGES = np.array([[[0.0, 1.0]], [[1.0, 0.0]], [[1.0, 1.0]]])


@dataclass(frozen=True)
class Entry:
    """One line of the table. In the formula, {name} stands for a number: of another row, or a given one."""

    section: str
    symbol: str
    template: str
    where: str


class Worksheet:
    """The exercise that belongs to a seed, and its table.

    seed   of the round numbers: parameters, image and eps
    head   what makes sigma of raw, "softplus" or "logvar"

    `vae`, `x` (1, 2), `eps` (1, 1) are the exercise; `t`, `d` the two traces; `rows` the table's lines;
    `values` maps every symbol to its number, `given` are the symbols that are known from the start.
    Raises ValueError for a seed that is not a whole number of at least 0, or an unknown head.
    """

    def __init__(self, seed=0, head="softplus"):
        self.seed, self.head = check_whole("seed", seed, 0), head
        self.vae, self.x, self.eps = exercise(self.seed, head)
        self.t = self.vae.forward(self.x, self.eps)
        self.d = self.vae.backward(self.t)
        self.rows = [*forward_rows(head), *backward_rows(head), *step_rows()]
        self.given = _given(self)
        self.values = {**self.given, **_computed(self)}

    def formula(self, row, blank=False):
        """The right-hand side with the numbers put in, rounded to 4 decimals; blank:
        only those that are given."""

        def number(match):
            name = match[1]
            if blank and name not in self.given:
                return name
            text = f"{round(self.values[name], 4) + 0.0:.4f}".rstrip("0").rstrip(".")
            return f"({text})" if text.startswith("-") else text

        text = re.sub(r"\{([^}]+)\}", number, row.template)
        # (-1) needs its brackets only inside a sum or product
        return re.sub(r"(^|(?<=\())\((-[\d.]+)\)(?!\^)", r"\2", text)

    def text(self, blank=False):
        """The table for the terminal, at most 100 columns wide."""
        lines = [self._title(), "", *INTRODUCTION, "", *self._given_lines()]
        for section, rows in self._sections():
            lines += ["", f"{section:76} {'value':>9}  derived in"]
            for row in rows:
                value = "_________" if blank else f"{self._rounded(row):9.4f}"
                lines.append(f"  {row.symbol:9} = {self.formula(row, blank):62} {value}  {row.where}")
        return "\n".join(lines)

    def markdown(self, blank=False):
        """The table as Markdown, for a notebook or to print."""
        parts = [f"## {self._title()}", "", *INTRODUCTION, "", "```", *self._given_lines(), "```"]
        for section, rows in self._sections():
            parts += ["", f"### {section}", "", "| | formula | value | derived in |", "|---|---|---:|---|"]
            for row in rows:
                value = "" if blank else f"{self._rounded(row):.4f}"
                parts.append(
                    f"| ${_tex(row.symbol)}$ | ${_tex(self.formula(row, blank))}$ | {value} | {row.where} |"
                )
        return "\n".join(parts)

    __str__ = __repr__ = text

    def _repr_markdown_(self):
        return self.markdown()

    def _title(self):
        return f"A VAE by hand, exercise {self.seed}: one image, one eps, one step"

    def _rounded(self, row):
        return round(self.values[row.symbol], 4) + 0.0  # no -0.0000

    def _sections(self):
        for section in dict.fromkeys(row.section for row in self.rows):
            yield section, [row for row in self.rows if row.section == section]

    def _given_lines(self):
        def show(array):
            return np.array2string(array, separator=", ", formatter={"float": lambda v: f"{v:g}"}).replace(
                "\n", ""
            )

        lines = [
            f"x = {show(self.x[0])}    eps = {self.eps[0, 0]:g}    learning rate {LR:g}    head: {self.head}"
        ]
        for k, layer in LAYERS.items():
            W, b = (show(self.vae.parameters[f"{layer}.{name}"]) for name in "Wb")
            lines.append(f"W{k} = {W:28} b{k} = {b:14} {layer}: {FLOW[k]}")
        return lines


INTRODUCTION = (
    "Numbers go in as the table shows them, rounded to 4 decimals: your last digit may differ by a few.",
    "log is natural; (a > 0) is 1 or 0; dW is the derivative of the loss with respect to W; W[i,j] leads",
    "from unit i to unit j. The names in brackets are those of the traces and of vae.parameters.",
)
FLOW = {"1": "x to a1, a2", "2": "h1, h2 to mu, raw", "3": "z to a3, a4", "4": "h3, h4 to logits l1, l2"}


def exercise(seed, head="softplus"):
    """A model in float64 with round numbers, x (1, 2) and eps (1, 1), by the seed.

    Drawn until it is worth doing: one of the four ReLUs is dead, no other is near its kink, no two are alike,
    nothing is saturated, no gradient on the way vanishes, and no number is large.
    """
    rng = np.random.default_rng(seed)
    vae = VAE(2, (2,), 1, head=head, dtype=np.float64, seed=seed)
    bias = np.concatenate([np.full(array.size, name.endswith("b")) for name, array in vae.parameters.items()])
    dead = np.arange(4) == rng.integers(4)
    while True:
        vae.theta = np.where(
            bias, rng.integers(-1, 2, bias.shape) / 2, HALVES[rng.integers(6, size=bias.shape)]
        )
        x, eps = IMAGES[rng.integers(3)], HALVES[rng.integers(6, size=(1, 1))]
        t = vae.run(x, eps)
        a = np.concatenate([t.encoder_a0, t.decoder_a0], axis=1)[0]
        if (
            (dead != (a < 0)).any()
            or np.abs(a).min() < 0.2
            or np.abs(a).max() > 3
            or len(np.unique(np.abs(a))) < 4
        ):
            continue
        d = vae.backward(t)
        on_the_way = (
            t.mu,
            t.raw,
            t.logits,
            d.dlogits,
            d.ddecoder_h0,
            d.dz,
            d.dmu,
            d.dsigma,
            d.draw,
            d.dencoder_h0,
        )
        size = np.abs(np.concatenate(on_the_way, axis=1))
        if 0.1 < size.min() and size.max() < 2.5 and 0.4 < t.sigma.item() < 2:
            return vae, x, eps


# The lines. Each template repeats in symbols what the package computes; the tests hold it against the values.


def _dense(section, k, inputs, outputs, where="(5.3)"):
    """a = x W + b, a line per output."""
    for j, out in enumerate(outputs, 1):
        terms = [f"{{{name}}} * {{W{k}[{i},{j}]}}" for i, name in enumerate(inputs, 1)]
        yield Entry(section, out, " + ".join([*terms, f"{{b{k}[{j}]}}"]), where)


def _dense_parameters_backward(section, k, inputs, doutputs):
    """dW = x' da, db = da."""
    for i, name in enumerate(inputs, 1):
        for j, dout in enumerate(doutputs, 1):
            yield Entry(section, f"dW{k}[{i},{j}]", f"{{{name}}} * {{{dout}}}", "(5.5)")
    for j, dout in enumerate(doutputs, 1):
        yield Entry(section, f"db{k}[{j}]", f"{{{dout}}}", "(5.5)")


def _dense_input_backward(section, k, inputs, doutputs, more="", where="(5.6)"):
    """dx = da W', a line per input."""
    for i, name in enumerate(inputs, 1):
        terms = [f"{{{dout}}} * {{W{k}[{i},{j}]}}" for j, dout in enumerate(doutputs, 1)]
        yield Entry(section, f"d{name}", " + ".join(terms) + more.format(i), where)


def forward_rows(head):
    """The four stages forward."""
    section = "Forward: the encoder's hidden layer (encoder_a0, encoder_h0)"
    yield from _dense(section, "1", ["x1", "x2"], ["a1", "a2"])
    for i in "12":
        yield Entry(section, f"h{i}", f"max({{a{i}}}, 0)", "(5.8)")
    section = "Forward: the two heads (mu, raw, sigma)"
    yield from _dense(section, "2", ["h1", "h2"], ["mu", "raw"])
    if head == "softplus":
        yield Entry(section, "sigma", "log(1 + exp({raw})) + 0.000001", "(4.10)")
    else:
        yield Entry(section, "sigma", "exp({raw} / 2)", "(4.11)")
    section = "Forward: the sample, the decoder's hidden layer (z, decoder_a0, decoder_h0)"
    yield Entry(section, "z", "{mu} + {sigma} * {eps}", "(4.6)")
    yield from _dense(section, "3", ["z"], ["a3", "a4"])
    for i in "34":
        yield Entry(section, f"h{i}", f"max({{a{i}}}, 0)", "(5.8)")
    section = "Forward: the logits l1, l2, and their probabilities"
    yield from _dense(section, "4", ["h3", "h4"], ["l1", "l2"])
    for i in "12":
        yield Entry(section, f"p{i}", f"1 / (1 + exp(-{{l{i}}}))", "(5.10)")
    section = "Forward: the objective, in nats"
    for i in "12":
        yield Entry(section, f"s{i}", f"log(1 + exp({{l{i}}}))", "(5.9)")
    yield Entry(section, "log_px_z", "{x1} * {l1} - {s1} + {x2} * {l2} - {s2}", "(7.5)")
    yield Entry(section, "kl", "-log({sigma}) + ({sigma}^2 + {mu}^2) / 2 - 1/2", "(2.8)")
    yield Entry(section, "elbo", "{log_px_z} - {kl}", "(3.7)")
    yield Entry(section, "loss", "-{elbo}", "(3.9)")


def backward_rows(head):
    """The stages backward, in mirrored order."""
    section = "Backward: the decoder's last layer (dlogits, decoder.1)"
    for i in "12":
        yield Entry(section, f"dl{i}", f"{{p{i}}} - {{x{i}}}", "(7.6)")
    yield from _dense_parameters_backward(section, "4", ["h3", "h4"], ["dl1", "dl2"])
    section = "Backward: the decoder's hidden layer (ddecoder_h0, ddecoder_a0, decoder.0)"
    yield from _dense_input_backward(section, "4", ["h3", "h4"], ["dl1", "dl2"])
    for i in "34":
        yield Entry(section, f"da{i}", f"{{dh{i}}} * ({{a{i}}} > 0)", "(5.8)")
    yield from _dense_parameters_backward(section, "3", ["z"], ["da3", "da4"])
    section = "Backward: through the sample to the two heads (dz, dmu, draw, encoder.1)"
    yield from _dense_input_backward(section, "3", ["z"], ["da3", "da4"])
    yield Entry(section, "dmu", "{dz} + {mu}", "(4.9)")
    yield Entry(section, "dsigma", "{dz} * {eps} + {sigma} - 1 / {sigma}", "(4.9)")
    if head == "softplus":
        yield Entry(section, "draw", "{dsigma} / (1 + exp(-{raw}))", "(4.10)")
    else:
        yield Entry(section, "draw", "{dsigma} * {sigma} / 2", "(4.11)")
    yield from _dense_parameters_backward(section, "2", ["h1", "h2"], ["dmu", "draw"])
    section = "Backward: the encoder's hidden layer (dencoder_h0, dencoder_a0, encoder.0)"
    yield from _dense_input_backward(section, "2", ["h1", "h2"], ["dmu", "draw"])
    for i in "12":
        yield Entry(section, f"da{i}", f"{{dh{i}}} * ({{a{i}}} > 0)", "(5.8)")
    yield from _dense_parameters_backward(section, "1", ["x1", "x2"], ["da1", "da2"])
    section = "Backward: the image, as input and as target (dx; training does without)"
    yield from _dense_input_backward(section, "1", ["x1", "x2"], ["da1", "da2"], " - {{l{}}}", "(5.6), (7.5)")


def step_rows():
    """One RMSProp step of TensorFlow 1: the accumulator v starts at 1;
    its 1e-10 inside the root is left out."""
    for k, n_rows in (("1", 2), ("2", 2), ("3", 1), ("4", 2)):
        section = f"RMSProp step of {LAYERS[k]}: v, which starts at 1, then the parameter"
        for name in [f"W{k}[{i},{j}]" for i in range(1, n_rows + 1) for j in (1, 2)] + [
            f"b{k}[1]",
            f"b{k}[2]",
        ]:
            yield Entry(section, f"v{name}", f"0.9 * 1 + 0.1 * {{d{name}}}^2", "(8.4)")
            yield Entry(
                section, f"{name}'", f"{{{name}}} - {LR:g} * {{d{name}}} / sqrt({{v{name}}})", "(8.4)"
            )


# The values, read from the traces, the gradients and the optimiser.


def _named(pattern, array, first=1):
    """{"W1[1,1]": ..., ...} or {"a1": ..., ...} from an array (1, n), (n,) or (n, m)."""
    array = np.asarray(array)
    if "[" in pattern:
        return {
            pattern.format(",".join(str(i + 1) for i in index)): float(v)
            for index, v in np.ndenumerate(array)
        }
    return {pattern.format(i): float(v) for i, v in enumerate(array.ravel(), first)}


def _given(sheet):
    given = {**_named("x{}", sheet.x), "eps": float(sheet.eps[0, 0])}
    for k, layer in LAYERS.items():
        for letter in "Wb":
            given |= _named(f"{letter}{k}[{{}}]", sheet.vae.parameters[f"{layer}.{letter}"])
    return given


def _computed(sheet):
    vae, t, d = sheet.vae, sheet.t, sheet.d
    values = {
        **_named("a{}", t.encoder_a0),
        **_named("h{}", t.encoder_h0),
        **_named("a{}", t.decoder_a0, 3),
        **_named("h{}", t.decoder_h0, 3),
        **_named("l{}", t.logits),
        **_named("p{}", vae.likelihood.mean(t)),
        **_named("s{}", softplus(t.logits)),
        **_named("dl{}", d.dlogits),
        **_named("dh{}", d.ddecoder_h0, 3),
        **_named("da{}", d.ddecoder_a0, 3),
        **_named("dh{}", d.dencoder_h0),
        **_named("da{}", d.dencoder_a0),
        **_named("dx{}", d.dx),
    }
    values |= {
        name: np.ravel(t[name])[0].item()
        for name in ("mu", "raw", "sigma", "z", "log_px_z", "kl", "elbo", "loss")
    }
    values |= {"d" + name: d["d" + name].item() for name in ("mu", "raw", "sigma", "z")}
    stepped = vae.astype(vae.dtype)
    RMSProp(LR).step(stepped.theta, vae.grad)
    start, decay, _ = RMSProp.VARIANTS["tensorflow1"]
    for k, layer in LAYERS.items():
        for letter in "Wb":
            name = f"{layer}.{letter}"
            values |= _named(f"d{letter}{k}[{{}}]", vae.gradients[name])
            values |= _named(f"v{letter}{k}[{{}}]", decay * start + (1 - decay) * vae.gradients[name] ** 2)
            values |= _named(f"{letter}{k}[{{}}]'", stepped.parameters[name])
    return values


def _tex(formula):
    """A symbol or a formula of the table as simple TeX."""
    formula = re.sub(r"\b([dv]?)([Wb])(\d)\[([\d,]+)\]('?)", _tex_entry, formula)
    formula = re.sub(r"\b(d?)([ahlpsx])(\d)\b", lambda m: f"{_d(m[1])}{m[2]}_{m[3]}", formula)
    for name, tex in TEX.items():
        formula = re.sub(
            rf"(?<![\\A-Za-z_])(d?){name}(?![A-Za-z_])", lambda m, tex=tex: _d(m[1]) + tex, formula
        )
    formula = re.sub(r"sqrt\(((?:[^()]|\([^()]*\))*)\)", r"\\sqrt{\1}", formula)
    return formula.replace(" * ", r" \cdot ")


TEX = {
    "mu": r"\mu",
    "sigma": r"\sigma",
    "eps": r"\varepsilon",
    "raw": r"\mathrm{raw}",
    "z": "z",
    "log_px_z": r"\log p(x \mid z)",
    "kl": r"\mathrm{KL}",
    "elbo": r"\mathrm{ELBO}",
    "loss": r"\mathrm{loss}",
    "log": r"\log",
    "exp": r"\exp",
    "max": r"\max",
}


def _d(letter):
    return rf"\mathrm{{{letter}}}" if letter else ""


def _tex_entry(match):
    letter, name, layer, index, prime = match.groups()
    # in braces, as a square may follow
    return rf"{{{_d(letter)}{name}^{{({layer})}}_{{{index.replace(',', '')}}}}}{prime}"
