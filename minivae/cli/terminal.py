"""What the terminal sees: lines, complaints of one sentence, signals; and streams that are not as they should
be."""

import os
import signal
import sys
import textwrap
import threading
from contextlib import contextmanager, suppress


@contextmanager
def safe_streams():
    """Within this, a stream that is closed is silent, and what a console can't show is written as an escape.

    The numbers 0 to 2 are taken where they are free, so that no file is opened under them: what a library
    writes to the standard error would land in it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (stream or open(os.devnull, "w") for stream in before)  # noqa: SIM115
    errors = [getattr(stream, "errors", None) for stream in before]
    for stream in before:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    hook, sys.unraisablehook = sys.unraisablehook, _interrupted_where_nobody_listens
    try:
        yield
    finally:
        _give_up_broken_output()
        sys.unraisablehook = hook
        for stream, how in zip(before, errors):
            if hasattr(stream, "reconfigure"):
                with suppress(OSError, ValueError):
                    stream.reconfigure(errors=how)
        sys.stdout, sys.stderr = before


def _interrupted_where_nobody_listens(event):
    """A Ctrl-C that came while Python was cleaning up an object comes again, to be told in one line."""
    if event.exc_type is KeyboardInterrupt:
        signal.raise_signal(signal.SIGINT)
    else:
        sys.__unraisablehook__(event)


def _give_up_broken_output():
    """Where a stream can't be written to any more, the interpreter must not try again at its exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError, AttributeError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


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


def tell_about(title, *sentences):
    """Lines of at most 80 columns under a title of the first eleven."""
    for sentence in sentences:
        tell(textwrap.fill(sentence, 80, initial_indent=f"{title:11}", subsequent_indent=" " * 11))
        title = ""


def complain(text):
    """A line on stderr, if anybody reads it."""
    with suppress(OSError, ValueError):
        print(f"minivae: {text}", file=sys.stderr, flush=True)


def sentence(error):
    """An exception as one line."""
    if isinstance(error, MemoryError):
        return "there is not enough memory: take a smaller batch, model or file of data."
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename and str(error.filename) not in error.strerror else ""
        return f"{where}{error.strerror}"
    return " ".join(str(error).split())


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
def handled(numbers, handler):
    """Within this, these signals go to a handler; only the main thread may say so, elsewhere they don't."""
    mine = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, handler) for number in numbers if mine}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def sigterm_as_ctrl_c():
    def stop(signum, frame):
        raise Terminated

    return handled([signal.SIGTERM], stop)


def undisturbed():
    """A second Ctrl-C must not cut the saving short."""
    return handled([signal.SIGINT, signal.SIGTERM], signal.SIG_IGN)
