"""The command line: `python -m minivae` trains the default; train, sample, evaluate, gradcheck, course,
worksheet and bench.

Exit status: 0 done; 1 a check failed; 2 an error, told in one sentence; 130 Ctrl-C, 143 SIGTERM, 141 the
reader left.
"""

import importlib
import re
import sys
import warnings

from .. import __version__
from .flags import Parser
from .terminal import Stopped, complain, safe_streams, sentence, status_of

COMMANDS = {  # modules that bring their own flags: add_arguments(parser), command(args) -> exit status
    "train": "train a model, and write it, its history and its pictures to a folder",
    "sample": "draw new images from a trained model",
    "evaluate": "held-out ELBO and log p(x) of a trained model, beside its recipe's figures",
    "gradcheck": "check every gradient against central differences",
    "course": "a copy of the lessons to work in, which keeps what is yours",
    "worksheet": "a whole pass through a tiny VAE as a table of numbers",
    "bench": "what a training step costs, and where the time goes",
}


def main(argv=None):
    """Run the command line argv; returns the exit status."""
    argv = sys.argv[1:] if argv is None else list(argv)
    if not argv or (argv[0].startswith("-") and argv[0] not in ("-h", "--help", "--version")):
        argv = ["train", *argv]
    with safe_streams(), warnings.catch_warnings():
        warnings.showwarning = lambda message, *more: complain(f"note: {sentence(message)}")
        try:
            args = make_parser(argv).parse_args(argv)
            return args.command(args)
        except Stopped as stop:
            complain(str(stop))
            return stop.status
        except KeyboardInterrupt as error:
            complain("stopped.")
            return status_of(error)
        except BrokenPipeError as error:
            return status_of(error)
        except (ValueError, TypeError, OSError, FloatingPointError, MemoryError) as error:
            complain(f"error: {sentence(error)}")
            return 2


def make_parser(argv):
    """The parser of all commands; only the one that is asked for is imported and has its flags."""
    parser = Parser(
        prog="python -m minivae",
        description="A variational autoencoder whose every gradient is written by hand.",
        epilog="Without a command: train with the defaults, about a minute.\n\nexample:\n  python -m minivae",
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"minivae {__version__}")
    commands = parser.add_subparsers(metavar="command", required=True)
    for name, text in COMMANDS.items():
        sub = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        if argv[0] == name:
            module = importlib.import_module(f".{name}", __package__)
            module.add_arguments(sub)
            sub.set_defaults(command=module.command)
            parser.flags = re.findall(r"--[a-z-]+", sub.format_usage())
    return parser
