"""What the terminal sees: lines, complaints of one sentence, signals."""

import os
import signal
import sys
from contextlib import contextmanager


def tell(text=""):
    """A line on stdout at once, above a progress bar where there is one."""
    from tqdm import tqdm

    try:
        with tqdm.external_write_mode(file=sys.stdout):
            print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSError(error.errno, f"could not write to the standard output: {error.strerror}.") from error


def complain(text):
    print(f"minivae: {text}", file=sys.stderr, flush=True)


def sentence(error):
    """An exception as one line."""
    if isinstance(error, MemoryError):
        return "there is not enough memory: take a smaller batch, model or file of data."
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename and str(error.filename) not in error.strerror else ""
        return f"{where}{error.strerror}"
    return " ".join(str(error).split())


def give_up_broken_output():
    """Where stdout can't be written to any more, the interpreter must not try again at its exit."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Stopped(Exception):
    """A run that was stopped in good order: the sentence that says so, and the exit status."""

    def __init__(self, sentence, status):
        super().__init__(sentence)
        self.status = status


class Terminated(KeyboardInterrupt):
    """SIGTERM."""


def status_of(error):
    """What a shell calls a process that this ended: 128 + the signal's number."""
    return 143 if isinstance(error, Terminated) else 141 if isinstance(error, BrokenPipeError) else 130


@contextmanager
def sigterm_as_ctrl_c():
    def stop(signum, frame):
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def undisturbed():
    """A second Ctrl-C must not cut the saving short."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
