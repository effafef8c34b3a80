"""The command line: each command in a file of its own, with its flags (add_arguments)
and what it does (command)."""

import os
import signal
import sys


def stop_at_once():
    """Until `run` takes over, Ctrl-C ends `python -m minivae` in one line."""

    def stop(signum, frame):
        try:
            os.write(2, b"minivae: stopped.\n")
        finally:
            os._exit(130)

    signal.signal(signal.SIGINT, stop)


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
