"""An open notebook in a real browser, of JupyterLab or JupyterLite, and what is asked of it."""

import http.server
import json
import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
LESSONS = sorted((ROOT / "lessons").glob("[0-9][0-9]_*.ipynb"))
CHOSEN = os.environ.get("MINIVAE_BROWSER", "")
PATIENCE = 1200  # seconds, on any machine; what is waited for is seen at once when it is there
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--window-size=1200,1400",
)  # fmt: skip


class Quiet(http.server.SimpleHTTPRequestHandler):
    extensions_map = {
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".wasm": "application/wasm",
        ".mjs": "text/javascript",
    }

    def log_message(self, *arguments):
        pass


class Notebook:
    """An open notebook of JupyterLab or JupyterLite, driven by JavaScript."""

    def __init__(self, browser, url):
        from selenium.webdriver.support.ui import WebDriverWait

        self.browser, self.wait = browser, WebDriverWait(browser, PATIENCE)
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
        self.browser.execute_script(
            "const app = window.jupyterapp, panel = app.shell.currentWidget; window.answer = null;"
            f"(async () => {{ {body} }})()"
            ".then(value => window.answer = {value}, error => window.answer = {error: String(error)});"
        )
        result = self.wait.until(lambda b: b.execute_script("return window.answer"))
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

        return self._changed(
            "slider(",
            ".noUi-handle",
            lambda handle: ActionChains(self.browser).drag_and_drop_by_offset(handle, 30, 0).perform(),
        )

    def press_the_pad(self):
        """The picture beside the first pad, before and after a press on its first button."""
        return self._changed(
            "pad(", "button.jupyter-widgets.widget-toggle-button", lambda button: button.click()
        )

    def _changed(self, call, selector, act):
        """The last picture of the cell with this call, before and after `act` on its first such widget."""
        from selenium.webdriver.common.by import By

        self.show(self.find(call))
        widget = self.wait.until(lambda b: b.find_element(By.CSS_SELECTOR, f".jp-Notebook {selector}"))
        cell = widget.find_element(By.XPATH, "./ancestor::div[contains(@class, 'jp-CodeCell')]")

        def picture():
            images = cell.find_elements(By.CSS_SELECTOR, ".jp-OutputArea img")
            return images and (images[-1].get_attribute("src"), images[-1].get_attribute("alt"))

        before = self.wait.until(lambda b: picture())
        act(widget)
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
    assert not errors_of(cells), errors_of(cells)
    counts = [count for count, _, _ in cells]
    assert counts and counts == list(range(counts[0], counts[0] + len(counts))), counts
