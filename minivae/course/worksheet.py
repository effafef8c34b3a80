"""A whole pass through a tiny VAE, with every number: forward, backward and one RMSProp step (lesson 09).

Two pixels, two hidden units, one latent; one image, one eps; ReLU and a Bernoulli decoder. A pencil can
follow it.

    Worksheet(seed=0)                      the table, in a notebook or with print
    Worksheet(seed=0).text(blank=True)     the same, the values left out

The values are those of the real VAE and RMSProp. The names are those of lesson 09's equations: a1, h1 the
encoder's hidden layer, a3, h3 the decoder's, a4 the logits, W1 to W4 the weights; a1[2] is a unit of a
layer, counted from 1, as on paper. Pages to print are made by paper.py.
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

    def text(self, blank=False, update=True):
        """The table for the terminal, at most 100 columns wide; update=False leaves RMSProp out."""
        lines = [self.title, "", *INTRODUCTION, "", *self.given_lines()]
        for section, rows in self.sections(update):
            lines += ["", f"{section:76} {'value':>9}  derived in"]
            for row in rows:
                value = "_________" if blank else f"{self.rounded(row):9.4f}"
                lines.append(f"  {row.symbol:11} = {self.formula(row, blank):60} {value}  {row.where}")
        return "\n".join(lines)

    def markdown(self, blank=False, update=True):
        """The table as Markdown, for a notebook."""
        parts = [f"## {self.title}", "", *INTRODUCTION, "", "```", *self.given_lines(), "```"]
        for section, rows in self.sections(update):
            parts += ["", f"### {section}", "", "| | formula | value | derived in |", "|---|---|---:|---|"]
            for row in rows:
                value = "" if blank else f"{self.rounded(row):.4f}"
                parts.append(
                    f"| ${tex(row.symbol)}$ | ${tex(self.formula(row, blank))}$ | {value} | {row.where} |"
                )
        return "\n".join(parts)

    __str__ = __repr__ = text

    def _repr_markdown_(self):
        return self.markdown()

    @property
    def title(self):
        return f"A VAE by hand, exercise {self.seed}: one image, one eps, one step"

    def rounded(self, row):
        return round(self.values[row.symbol], 4) + 0.0  # no -0.0000

    def sections(self, update=True):
        """(the section's title, its rows), one after the other."""
        for section in dict.fromkeys(row.section for row in self.rows):
            if update or not section.startswith("RMSProp"):
                yield section, [row for row in self.rows if row.section == section]

    def given_lines(self):
        """What is known from the start, in five lines."""

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
    "log is natural; (a > 0) is 1 or 0; a1[2] is unit 2 of layer a1; W1[1,2] leads from unit 1 to unit 2;",
    "d + name is the derivative of the loss by that name. In brackets: names of traces and parameters.",
)
FLOW = {"1": "x to a1", "2": "h1 to mu, raw", "3": "z to a3", "4": "h3 to a4, the logits"}
UNITS = "[1]", "[2]"


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


def layer(name):
    """Its two units, a1[1] and a1[2]."""
    return [name + unit for unit in UNITS]


def forward_rows(head):
    """The four stages forward."""
    section = "Forward: the encoder's hidden layer a1, h1 (encoder_a0, encoder_h0)"
    yield from _dense(section, "1", layer("x"), layer("a1"))
    for i in UNITS:
        yield Entry(section, f"h1{i}", f"max({{a1{i}}}, 0)", "(5.8)")
    section = "Forward: the two heads (mu, raw, sigma)"
    yield from _dense(section, "2", layer("h1"), ["mu", "raw"])
    if head == "softplus":
        yield Entry(section, "sigma", "log(1 + exp({raw})) + 0.000001", "(4.10)")
    else:
        yield Entry(section, "sigma", "exp({raw} / 2)", "(4.11)")
    section = "Forward: z, and the decoder's hidden layer a3, h3 (decoder_a0, decoder_h0)"
    yield Entry(section, "z", "{mu} + {sigma} * {eps}", "(4.6)")
    yield from _dense(section, "3", ["z"], layer("a3"))
    for i in UNITS:
        yield Entry(section, f"h3{i}", f"max({{a3{i}}}, 0)", "(5.8)")
    section = "Forward: the logits a4 (logits), and the probabilities p"
    yield from _dense(section, "4", layer("h3"), layer("a4"))
    for i in UNITS:
        yield Entry(section, f"p{i}", f"1 / (1 + exp(-{{a4{i}}}))", "(5.10)")
    section = "Forward: the objective, in nats"
    for i in UNITS:
        yield Entry(section, f"softplus{i}", f"log(1 + exp({{a4{i}}}))", "(5.9)")
    terms = (f"{{x{i}}} * {{a4{i}}} - {{softplus{i}}}" for i in UNITS)
    yield Entry(section, "log_px_z", " + ".join(terms), "(7.5)")
    yield Entry(section, "kl", "-log({sigma}) + ({sigma}^2 + {mu}^2) / 2 - 1/2", "(2.8)")
    yield Entry(section, "elbo", "{log_px_z} - {kl}", "(3.7)")
    yield Entry(section, "loss", "-{elbo}", "(3.9)")


def backward_rows(head):
    """The stages backward, in mirrored order."""
    section = "Backward: the decoder's last layer (dlogits, decoder.1)"
    for i in UNITS:
        yield Entry(section, f"da4{i}", f"{{p{i}}} - {{x{i}}}", "(7.6)")
    yield from _dense_parameters_backward(section, "4", layer("h3"), layer("da4"))
    section = "Backward: the decoder's hidden layer (ddecoder_h0, ddecoder_a0, decoder.0)"
    yield from _dense_input_backward(section, "4", layer("h3"), layer("da4"))
    for i in UNITS:
        yield Entry(section, f"da3{i}", f"{{dh3{i}}} * ({{a3{i}}} > 0)", "(5.8)")
    yield from _dense_parameters_backward(section, "3", ["z"], layer("da3"))
    section = "Backward: through the sample to the two heads (dz, dmu, draw, encoder.1)"
    yield from _dense_input_backward(section, "3", ["z"], layer("da3"))
    yield Entry(section, "dmu", "{dz} + {mu}", "(4.9)")
    yield Entry(section, "dsigma", "{dz} * {eps} + {sigma} - 1 / {sigma}", "(4.9)")
    if head == "softplus":
        yield Entry(section, "draw", "{dsigma} / (1 + exp(-{raw}))", "(4.10)")
    else:
        yield Entry(section, "draw", "{dsigma} * {sigma} / 2", "(4.11)")
    yield from _dense_parameters_backward(section, "2", layer("h1"), ["dmu", "draw"])
    section = "Backward: the encoder's hidden layer (dencoder_h0, dencoder_a0, encoder.0)"
    yield from _dense_input_backward(section, "2", layer("h1"), ["dmu", "draw"])
    for i in UNITS:
        yield Entry(section, f"da1{i}", f"{{dh1{i}}} * ({{a1{i}}} > 0)", "(5.8)")
    yield from _dense_parameters_backward(section, "1", layer("x"), layer("da1"))
    section = "Backward: the image, as input and as target (dx; training does without)"
    yield from _dense_input_backward(section, "1", layer("x"), layer("da1"), " - {{a4[{}]}}", "(9.12)")


def step_rows():
    """One RMSProp step of TensorFlow 1: the accumulator v starts at 1."""
    for k, n_rows in (("1", 2), ("2", 2), ("3", 1), ("4", 2)):
        section = f"RMSProp step of {LAYERS[k]}: v, which starts at 1, then the parameter"
        weights = [f"W{k}[{i},{j}]" for i in range(1, n_rows + 1) for j in (1, 2)]
        for name in weights + layer(f"b{k}"):
            yield Entry(section, f"v{name}", f"0.9 * 1 + 0.1 * {{d{name}}}^2", "(8.4)")
            step = f"{LR:g} * {{d{name}}} / sqrt({{v{name}}} + 1e-10)"
            yield Entry(section, f"{name}'", f"{{{name}}} - {step}", "(8.4)")


# The values, read from the traces, the gradients and the optimiser.


def _named(name, array, prime=""):
    """{"W1[1,1]": ..., ...} from an array, one entry after the other."""
    return {
        f"{name}[{','.join(str(i + 1) for i in index)}]{prime}": float(v)
        for index, v in np.ndenumerate(array)
    }


def _given(sheet):
    given = {**_named("x", sheet.x[0]), "eps": float(sheet.eps[0, 0])}
    for k, name in LAYERS.items():
        for letter in "Wb":
            given |= _named(f"{letter}{k}", sheet.vae.parameters[f"{name}.{letter}"])
    return given


def _computed(sheet):
    vae, t, d = sheet.vae, sheet.t, sheet.d
    layers = {
        "a1": t.encoder_a0,
        "h1": t.encoder_h0,
        "a3": t.decoder_a0,
        "h3": t.decoder_h0,
        "a4": t.logits,
        "p": vae.likelihood.mean(t),
        "softplus": softplus(t.logits),
        "da4": d.dlogits,
        "dh3": d.ddecoder_h0,
        "da3": d.ddecoder_a0,
        "dh1": d.dencoder_h0,
        "da1": d.dencoder_a0,
        "dx": d.dx,
    }
    values = {}
    for name, array in layers.items():
        values |= _named(name, array[0])
    for name in ("mu", "raw", "sigma", "z", "log_px_z", "kl", "elbo", "loss"):
        values[name] = np.ravel(t[name])[0].item()
    for name in ("dmu", "draw", "dsigma", "dz"):
        values[name] = d[name].item()
    stepped, v, optimizer = vae.astype(vae.dtype), vae.astype(vae.dtype), RMSProp(LR)
    optimizer.step(stepped.theta, vae.grad)
    v.theta = optimizer.state()["v"]  # a model's views name its entries
    for k, name in LAYERS.items():
        for letter in "Wb":
            values |= _named(f"d{letter}{k}", vae.gradients[f"{name}.{letter}"])
            values |= _named(f"v{letter}{k}", v.parameters[f"{name}.{letter}"])
            values |= _named(f"{letter}{k}", stepped.parameters[f"{name}.{letter}"], "'")
    return values


def tex(formula):
    """A symbol or a formula of the table as simple TeX."""
    formula = re.sub(r"\b([dv]?)([Wbahxp]|softplus)(\d?)(\[[\d,]+\])('?)", _tex_entry, formula)
    for name, symbol in TEX.items():
        formula = re.sub(
            rf"(?<![\\A-Za-z_{{])(d?){name}(?![A-Za-z_])", lambda m, tex=symbol: _d(m[1]) + tex, formula
        )
    formula = re.sub(r"sqrt\(((?:[^()]|\([^()]*\))*)\)", r"\\sqrt{\1}", formula)
    return formula.replace("1e-10", "10^{-10}").replace(" * ", r" \cdot ")


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
    return rf"\mathrm{{{letter}}}\," if letter else ""


def _tex_entry(match):
    letter, name, layer, index, prime = match.groups()
    name = r"\mathrm{softplus}" if name == "softplus" else name
    layer = f"_{layer}" * bool(layer)
    return rf"{{{_d(letter)}{name}{layer}{index}}}{prime}"  # in braces, as a square may follow
