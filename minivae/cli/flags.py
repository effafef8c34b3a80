"""What the commands' flags have in common: the parser, kinds of values,
and how a setting is called as a flag."""

import argparse
import difflib

BINARIZE = {
    "threshold": "pixels > 0.5",
    "dynamic": "pixels drawn anew each epoch",
    "none": "pixels as they are",
}


class Parser(argparse.ArgumentParser):
    """argparse, with complaints of one sentence."""

    def __init__(self, **settings):
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **settings)

    flags = ()  # of the command that was asked for

    def error(self, message):
        unknown = message.partition("unrecognized arguments: ")[2].split(" ")[0].split("=")[0]
        close = difflib.get_close_matches(unknown, self.flags, n=1)
        hint = f". Did you mean {close[0]}?" if close else f"; see {self.prog} --help"
        raise ValueError(message + hint)


class Widths(argparse.Action):
    """--hidden 400 200, --hidden 400,200, or --hidden alone for no hidden layer."""

    def __call__(self, parser, namespace, values, option_string=None):
        setattr(namespace, self.dest, [width for part in values for width in part])


def whole(text, least=None):
    try:
        value = int(text)
    except ValueError:
        value = None
    if value is None or (least is not None and value < least):
        more = "" if least is None else f" of at least {least}"
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number{more}")
    return value


def at_least(least):
    return lambda text: whole(text, least)


def number(text):
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def decoder_sigma(text):
    return text if text in ("shared", "pixel") else number(text)


def path(text):
    if not text:
        raise argparse.ArgumentTypeError("is empty; give a path")
    return text


def widths(text):
    return [at_least(1)(part) for part in text.split(",") if part]


def flag(name):
    """What the setting `name` is called on the command line."""
    return "--" + name.replace("_", "-")


def with_default(text, default):
    """The help of a flag, and in brackets what it is without the flag, where that is not said yet."""
    return text if default is None or default is False or text.endswith("]") else f"{text} [{default}]"
