"""The progress bar."""

import os
import sys


def in_notebook():
    """Whether this runs in the kernel of a notebook, and not in IPython on a terminal."""
    IPython = sys.modules.get("IPython")
    shell = IPython and IPython.get_ipython()
    return bool(shell) and type(shell).__name__ != "TerminalInteractiveShell"


def can_be_seen():
    """Whether a line that is written again and again makes sense: in a notebook, on most terminals."""
    if in_notebook():
        return True
    return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def progress_bar(show, total, what, unit=" images", delay=0):
    """A tqdm bar from `delay` seconds on; silent where show is False; once a minute in a file."""
    from tqdm.auto import tqdm

    # with its numbers within 80 columns
    form = "{desc} {percentage:.0f}%|{bar}|{remaining} {rate_fmt}{postfix}"
    return tqdm(
        total=total,
        desc=what,
        unit=unit,
        delay=delay,
        unit_scale=True,
        bar_format=form,
        disable=not show,
        leave=False,
        mininterval=0.1 if can_be_seen() else 60,
    )
