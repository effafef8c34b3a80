"""The command line: each command in a file of its own, with its flags (add_arguments)
and what it does (command)."""

import signal
import sys


def run(argv=None):
    """`python -m minivae`: main, with Ctrl-C told in one line from the first import to the exit."""
    from .main import main

    try:
        if argv is None:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        status = main(argv)
    except KeyboardInterrupt:
        print("minivae: stopped.", file=sys.stderr)
        status = 130
    if argv is None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # there is nothing left to stop
    return status
