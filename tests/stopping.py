"""The command line in a process of its own that a signal stops at its n-th call of a function of minivae:
the same place on any machine, however fast or busy.

    python stopping.py SIGNAL N train ...    SIGNAL 0 stops nothing; the last line tells the calls
"""

import os
import subprocess
import sys
from pathlib import Path

PACKAGE = str(Path(__file__).parents[1] / "minivae")


def start(signal, n, *argv):
    """The process, with pipes; runs are not drawn."""
    command = [sys.executable, __file__, int(signal), n, *argv]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(PACKAGE).parent), *sys.path])}
    pipe = subprocess.PIPE
    return subprocess.Popen([str(a) for a in command], stdout=pipe, stderr=pipe, text=True, env=env)


def stopped(signal, n, *argv):
    """Let it stop there -> (exit status, stderr). Without a signal, it gets to the end -> number of calls."""
    process = start(signal, n, *argv)
    out, err = process.communicate()
    return (process.returncode, err) if signal else int(out.splitlines()[-1])


def main(number, n, *argv):
    from minivae.cli import run, runs

    runs.draw = lambda *args: {}
    n_calls, n = 0, int(float(n))

    def count(frame, event, arg):
        nonlocal n_calls
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            n_calls += 1
            if n_calls == n:
                os.kill(os.getpid(), int(number))

    sys.setprofile(count)
    status = run(argv)
    sys.setprofile(None)
    print(n_calls)
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
