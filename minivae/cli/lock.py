"""Locks that the operating system holds for a process, and that end with it, however it ends."""

import contextlib
import os
import sys

if sys.platform == "win32":
    import msvcrt
else:
    try:
        import fcntl
    except ImportError:  # a browser
        fcntl = None


@contextlib.contextmanager
def held(path, what):
    """Hold a lock on a folder or a file, or raise ValueError at once where another process does: `what`
    begins the sentence. Where the file system knows no locks, there is none."""
    handle = _locked(path, what, wait=False)
    try:
        yield
    finally:
        _release(handle, path)


@contextlib.contextmanager
def waited_for(path):
    """Hold a lock on a file as soon as nobody else does."""
    handle = _locked(path, "", wait=True)
    try:
        yield
    finally:
        _release(handle, path)


def _locked(path, what, wait):
    if sys.platform == "win32":
        name = os.path.join(path, ".lock") if os.path.isdir(path) else path
        handle = os.open(name, os.O_RDWR | os.O_CREAT)
        lock = lambda: msvcrt.locking(handle, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
    else:
        handle = os.open(path, os.O_RDONLY)
        lock = lambda: fcntl and fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    try:
        lock()
    except (BlockingIOError, PermissionError) as error:
        os.close(handle)
        raise ValueError(f"{what}: wait for it, or take another folder.") from error
    except OSError:
        pass  # no locks here
    return handle


def _release(handle, path):
    os.close(handle)  # and the lock with it
    if sys.platform == "win32" and os.path.isdir(path):
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(path, ".lock"))
