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
from browser_tools import CHOSEN, FLAGS, PATIENCE, ROOT, Quiet


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
    browser.set_script_timeout(PATIENCE)
    browser.set_page_load_timeout(PATIENCE)
    browser.command_executor.client_config.timeout = 2 * PATIENCE  # of an answer of the driver
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
