"""Lesson 04 in a real browser: JupyterLab opens it, runs every cell, its slider is moved, and the picture
changes.

Opt-in, since it needs Debian's chromium and chromium-driver beside requirements.txt of this folder:

    apt install chromium chromium-driver
    pip install -r tests/browser/requirements.txt
    MINIVAE_BROWSER=1 python -m pytest tests/browser

Everything is on the loopback interface, and the lesson that is run is a copy.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

if not os.environ.get("MINIVAE_BROWSER"):
    pytest.skip("opt-in: set MINIVAE_BROWSER=1 (needs chromium and selenium)", allow_module_level=True)

selenium = pytest.importorskip("selenium", reason="pip install -r tests/browser/requirements.txt")
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

LESSON = next((Path(__file__).parents[2] / "lessons").glob("04_*.ipynb"))
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
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
        for _ in range(240):
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
def browser():
    if not (CHROMIUM and DRIVER):
        pytest.skip("chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1200,1400"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_script_timeout(300)
    yield driver
    driver.quit()


def in_lab(browser, body):
    """Run JavaScript that may await, with `app` and the notebook's `panel` at hand;
    return what it returns."""
    return browser.execute_async_script(
        "const done = arguments[arguments.length - 1]; const app = window.jupyterapp; const panel ="
        f" app.shell.currentWidget;(async () => {{ {body} }})().then(value => done({{value}}), error =>"
        " done({error: String(error)}));"
    )


def test_the_slider_of_lesson_04_moves_its_picture(lab, browser):
    browser.get(f"{lab}/doc/tree/{LESSON.name}?token={TOKEN}")
    wait = WebDriverWait(browser, 120)
    wait.until(lambda b: b.execute_script("return !!window.jupyterapp?.shell?.currentWidget?.sessionContext"))

    # The kernel itself has to answer: the toolbar shows "idle" before there is one.
    alive = in_lab(
        browser,
        "await panel.context.ready; await panel.sessionContext.ready;"
        "const info = await panel.sessionContext.session.kernel.info; return info.status;",
    )
    assert alive == {"value": "ok"}

    # the committed ones
    ran = in_lab(
        browser,
        "await app.commands.execute('notebook:clear-all-cell-outputs');"
        "await app.commands.execute('notebook:run-all-cells');"
        # after all that was asked before
        "await panel.sessionContext.session.kernel.requestKernelInfo();"
        "const cells = [...panel.content.model.cells].filter(c => c.type == 'code');"
        "return cells.map(c => [c.executionCount, c.outputs.toJSON().some(o => o.output_type == 'error')]);",
    )
    counts = [count for count, _ in ran["value"]]
    assert counts == list(range(1, len(counts) + 1)) and not any(error for _, error in ran["value"])

    # The notebook draws only the cells in view, so go to the slider's.
    in_lab(
        browser,
        "const i = [...panel.content.model.cells].findIndex(c => c.type == 'code' &&"
        " c.sharedModel.source.includes('slider('));panel.content.activeCellIndex = i; await"
        " panel.content.scrollToItem(i, 'center');",
    )
    handle = wait.until(lambda b: b.find_element(By.CSS_SELECTOR, ".jp-Notebook .noUi-handle"))
    cell = handle.find_element(By.XPATH, "./ancestor::div[contains(@class, 'jp-CodeCell')]")

    def picture():
        images = cell.find_elements(By.CSS_SELECTOR, ".jp-OutputArea img")
        return images and (images[-1].get_attribute("src"), images[-1].get_attribute("alt"))

    before = wait.until(lambda b: picture())
    assert len(before[1]) >= 20
    for _ in range(5):
        handle.send_keys(Keys.ARROW_RIGHT)
    after = wait.until(lambda b: picture() and picture()[0] != before[0] and picture())
    assert after[0] != before[0]
