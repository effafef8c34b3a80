"""Both web editions and a real browser: what the tests in this folder share. Opt-in:

    apt install chromium chromium-driver                      (Debian; npm is needed, too)
    pip install -r tests/browser/requirements.txt
    MINIVAE_BROWSER=1 python -m pytest tests/browser          everything: every lesson in the running edition
    MINIVAE_BROWSER=one python -m pytest tests/browser        one lesson of it, as .ci/run does

Only the build asks the package registries; after it everything is on the loopback interface.
MINIVAE_SITE=FOLDER takes editions that `bash .site/build FOLDER` has made.
"""

import functools
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LESSONS = sorted((ROOT / "lessons").glob("[0-9][0-9]_*.ipynb"))
CHOSEN = os.environ.get("MINIVAE_BROWSER", "")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--window-size=1200,1400",
)  # fmt: skip


@pytest.fixture(scope="session", autouse=True)
def opted_in():
    if not CHOSEN:
        pytest.skip("opt-in: set MINIVAE_BROWSER=1 (needs chromium, npm and tests/browser/requirements.txt)")


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder with both editions."""
    if "MINIVAE_SITE" in os.environ:
        return Path(os.environ["MINIVAE_SITE"]).resolve()
    if not shutil.which("npm"):
        pytest.skip("npm is not installed: the web editions can't be built")
    out = tmp_path_factory.mktemp("site") / "site"
    venv = os.environ.get("MINIVAE_SITE_VENV", sys.prefix)  # has what tests/browser/requirements.txt names
    built = subprocess.run(
        ["bash", ROOT / ".site" / "build", out],
        env=os.environ | {"MINIVAE_SITE_VENV": venv},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return out


class Quiet(http.server.SimpleHTTPRequestHandler):
    extensions_map = {
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".wasm": "application/wasm",
        ".mjs": "text/javascript",
    }

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="session")
def address(site):
    """Where the two editions are served."""
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=site)
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def browser(tmp_path):
    """A new Chromium; at the end no page may have asked for anything but the loopback interface."""
    webdriver = pytest.importorskip(
        "selenium.webdriver", reason="pip install -r tests/browser/requirements.txt"
    )
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    browser.set_script_timeout(600)
    try:
        yield browser
        assert not [
            url
            for url in requests(browser)
            if not url.startswith(("http://127.0.0.1", "data:", "blob:", "chrome"))
        ]
    finally:
        browser.quit()


def requests(browser):
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            yield message["params"]["request"]["url"]


class Notebook:
    """An open notebook of JupyterLab or JupyterLite, driven by JavaScript."""

    def __init__(self, browser, url):
        from selenium.webdriver.support.ui import WebDriverWait

        self.browser, self.wait = browser, WebDriverWait(browser, 120)
        browser.get(url)
        self.wait.until(
            lambda b: b.execute_script("return !!window.jupyterapp?.shell?.currentWidget?.sessionContext")
        )
        # The kernel itself has to answer: the toolbar shows "idle" before there is one.
        alive = self.do(
            "await panel.context.ready; await panel.sessionContext.ready;"
            "return (await panel.sessionContext.session.kernel.info).status"
        )
        assert alive == "ok"

    def do(self, body):
        """What an async function with this body returns; it has `app` and the notebook's `panel` at hand."""
        result = self.browser.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "const app = window.jupyterapp, panel = app.shell.currentWidget;"
            f"(async () => {{ {body} }})()"
            ".then(value => done({value}), error => done({error: String(error)}));"
        )
        assert "error" not in result, result["error"]
        return result.get("value")

    def run_all(self):
        """[(execution count, source, outputs)] of the code cells after all of them have run."""
        self.do(
            "await app.commands.execute('notebook:clear-all-cell-outputs');"  # the committed ones
            "await app.commands.execute('notebook:run-all-cells');"
            "await panel.sessionContext.session.kernel.requestKernelInfo()"
        )
        return self.do(
            "return [...panel.content.model.cells].filter(c => c.type == 'code')"
            ".map(c => [c.executionCount, c.sharedModel.source, c.outputs.toJSON()])"
        )

    def find(self, text):
        """The index of the first code cell that has this text."""
        found = self.do(
            "return [...panel.content.model.cells].findIndex(c => c.type == 'code' &&"
            f" c.sharedModel.source.includes({json.dumps(text)}))"
        )
        assert found >= 0, text
        return found

    def show(self, i):
        """Bring cell i into view: the notebook draws only what is seen."""
        self.do(f"panel.content.activeCellIndex = {i}; await panel.content.scrollToItem({i}, 'center')")

    def run(self, i, source=None):
        """What cell i prints, with another source if one is given."""
        if source is not None:
            self.do(f"panel.content.model.cells.get({i}).sharedModel.setSource({json.dumps(source)})")
        self.do(
            f"panel.content.activeCellIndex = {i}; await app.commands.execute('notebook:run-cell');"
            "await panel.sessionContext.session.kernel.requestKernelInfo()"
        )
        return text_of(self.do(f"return panel.content.model.cells.get({i}).outputs.toJSON()"))

    def move_a_slider(self):
        """The picture (source, alternative text) below the first slider, before and after a drag."""
        from selenium.webdriver import ActionChains
        from selenium.webdriver.common.by import By

        self.show(self.find("slider("))
        handle = self.wait.until(lambda b: b.find_element(By.CSS_SELECTOR, ".jp-Notebook .noUi-handle"))
        cell = handle.find_element(By.XPATH, "./ancestor::div[contains(@class, 'jp-CodeCell')]")

        def picture():
            images = cell.find_elements(By.CSS_SELECTOR, ".jp-OutputArea img")
            return images and (images[-1].get_attribute("src"), images[-1].get_attribute("alt"))

        before = self.wait.until(lambda b: picture())
        ActionChains(self.browser).drag_and_drop_by_offset(handle, 30, 0).perform()
        return before, self.wait.until(lambda b: picture() and picture()[0] != before[0] and picture())


def text_of(outputs):
    joined = (
        "".join(part)
        for output in outputs
        for part in (output.get("text", ""), output.get("data", {}).get("text/plain", ""))
    )
    return "\n".join(joined)


def errors_of(cells):
    return [
        (source[:80], output)
        for _, source, outputs in cells
        for output in outputs
        if output["output_type"] == "error"
    ]


def assert_whole_run(cells):
    """Every code cell ran, in order, without an error."""
    counts = [count for count, _, _ in cells]
    assert counts and counts == list(range(counts[0], counts[0] + len(counts)))
    assert not errors_of(cells)
