"""Lesson 04 in JupyterLab: every cell runs, its slider is dragged, and the picture changes.

Everything is on the loopback interface, and the lesson that is run is a copy.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from browser_tools import LESSONS, PATIENCE, Notebook, assert_whole_run

LESSON = next(path for path in LESSONS if path.name.startswith("04_"))
TOKEN = "loopback"


@pytest.fixture
def lab(tmp_path):
    """The address of a JupyterLab that serves a copy of the lesson, with settings and state of its own."""
    (tmp_path / "lessons").mkdir()
    shutil.copy(LESSON, tmp_path / "lessons")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    env = os.environ | {
        name: str(tmp_path / name)
        for name in ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    }
    (tmp_path / "HOME").mkdir()
    settings = [
        "--no-browser",
        "--allow-root",
        "--ip=127.0.0.1",
        f"--port={port}",
        f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.root_dir={tmp_path / 'lessons'}",
        "--LabApp.expose_app_in_browser=True",
    ]
    with open(tmp_path / "log", "w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *settings], env=env, stdout=log, stderr=log
        )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(2 * PATIENCE):
            try:
                urllib.request.urlopen(f"{address}/api?token={TOKEN}", timeout=5).close()
                break
            except OSError:
                assert server.poll() is None, (tmp_path / "log").read_text()
                time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture
def notebook(lab, browser):
    return Notebook(browser, f"{lab}/doc/tree/{LESSON.name}?token={TOKEN}")


def test_opening_a_lesson_changes_nothing(notebook, tmp_path):
    """But for the version of Python, where it isn't the one that the lessons are committed with."""
    notebook.wait.until(
        lambda b: notebook.do("return panel.content.model.getMetadata('language_info').codemirror_mode")
    )
    notebook.do("await panel.context.save()")
    version = re.compile(r'"version": "[\d.]+"')
    saved, committed = (
        version.sub("", path.read_text(encoding="utf-8"))
        for path in (tmp_path / "lessons" / LESSON.name, LESSON)
    )
    assert saved == committed


def test_the_lesson_runs_and_its_slider_moves_the_picture(notebook):
    assert_whole_run(notebook.run_all())
    before, after = notebook.move_a_slider()
    assert len(before[1]) >= 20 and before != after
