"""The reading edition: whole, linked, readable on a phone and on paper, and complete without a network."""

import json
import re
import subprocess
import tarfile
import time
from collections import Counter
from functools import cache
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag

import pytest
from browser_tools import CHOSEN, LESSONS, PATIENCE

TAG = re.compile(r"\\tag\{(\d+\.\d+)\}")
PHONE, DESK, PAPER = 390, 1200, 680  # CSS pixels; the last is A4 between margins of 15 mm
AXE = "axe-core@4.10.3"


class Page(HTMLParser):
    """The ids, links, sources and pictures of one page."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.sources, self.pictures = Counter(), [], [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if attributes.get("id"):
            self.ids[attributes["id"]] += 1
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        if tag in ("script", "img", "iframe", "link", "use") and (
            "src" in attributes or "href" in attributes
        ):
            self.sources.append(attributes.get("src") or attributes["href"])
        if tag == "img":
            self.pictures.append(attributes.get("alt"))


@cache
def parsed(path):
    return Page(path)


def pages(site):
    return sorted([*site.glob("*.html"), *site.glob("code/*.html")])


def markdown(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def test_every_lesson_is_a_page_and_every_equation_has_its_id(site):
    for path in LESSONS:
        ids = parsed(site / f"{path.stem}.html").ids
        wanted = ["eq-" + number.replace(".", "-") for number in TAG.findall(markdown(path))]
        assert all(ids[name] == 1 for name in wanted), path.stem
    assert (site / "index.html").exists()
    assert (site / "api.html").exists()


def test_no_link_dangles(site):
    root, missing = site.resolve(), []
    for page in pages(site):
        for link in parsed(page).links + parsed(page).sources:
            address, anchor = urldefrag(link)
            if re.match(r"[a-z]+:", address):
                continue
            target = (
                (page.parent / unquote(address.partition("?")[0])).resolve() if address else page.resolve()
            )
            if target.is_dir():
                target /= "index.html"
            assert target.is_relative_to(root)
            if not target.exists():
                missing.append((page.name, link))
            elif anchor and target.suffix == ".html" and "run" not in target.relative_to(root).parts:
                known = parsed(target).ids
                if unquote(anchor) not in known and not (anchor.startswith("svg-") or anchor == ""):
                    missing.append((page.name, link))
    assert not missing


def test_equations_lead_to_the_code_and_back(site):
    lessons = [parsed(site / f"{path.stem}.html") for path in LESSONS]
    assert sum(len([link for link in page.links if "#eq-" in link]) for page in lessons) > 100
    assert "code/minivae.gaussian.html#reparameterize_backward" in parsed(next(site.glob("04_*.html"))).links
    source = parsed(site / "code" / "minivae.gaussian.html")
    assert any(re.fullmatch(r"\.\./04_\w+\.html#eq-4-7", link) for link in source.links)
    assert any(re.fullmatch(r"04_\w+\.html#eq-4-7", link) for link in parsed(site / "api.html").links)


def test_pictures_have_alternative_texts(site):
    pictures = [alt for page in pages(site) for alt in parsed(page).pictures]
    assert len(pictures) > len(LESSONS)
    assert all(alt and len(alt) >= 20 for alt in pictures)


def test_nothing_comes_from_outside(site):
    for page in pages(site):
        assert not [source for source in parsed(page).sources if re.match(r"[a-z]+:|//", source)]
        assert not [source for source in parsed(page).sources if re.search(r"(katex|mathjax)\S*\.js", source)]
    for sheet in site.glob("_static/**/*.css"):
        assert not re.findall(r"url\([\"']?(?:https?:|//)", sheet.read_text(encoding="utf-8"))


def test_glossary_terms_are_linked(site):
    door = next(iter(site.glob("00_*.html")), None)
    if door is None:
        pytest.skip("there is no page 00 with a glossary yet")
    terms = [name for name in parsed(door).ids if name.startswith("term-")]
    used = {link.partition("#")[2] for path in LESSONS for link in parsed(site / f"{path.stem}.html").links}
    assert len(terms) >= 10
    assert len(used & set(terms)) > len(terms) / 2


def test_size(site):
    read_only = [
        path for path in site.rglob("*") if path.is_file() and "run" not in path.relative_to(site).parts
    ]
    assert sum(path.stat().st_size for path in read_only) < 12e6
    assert sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) < 80e6


FORMULAS = """
return [...document.querySelectorAll('div.math')].map(box => {
  const line = box.querySelector('.katex-html'), tag = line.querySelector(':scope > .tag')
  const bases = [...line.querySelectorAll(':scope > .base')].map(base => base.getBoundingClientRect().right)
  const left = tag && tag.getBoundingClientRect().left + parseFloat(getComputedStyle(tag).paddingLeft)
  return {id: box.closest('[id]').id, gap: tag ? left - Math.max(...bases) : 99,
          over: box.scrollWidth - box.clientWidth, scrolls: getComputedStyle(box).overflowX == 'auto'}
})"""
PICTURES = """
return [...document.querySelectorAll('.figure img')].map(
  img => img.getBoundingClientRect().width / img.getAttribute('width'))"""


def look(browser, url, width, media="screen"):
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media})
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(url)


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_formulas_scroll_and_pictures_stay_legible(browser, address, width):
    for path in LESSONS:
        look(browser, f"{address}/{path.stem}.html", width)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        formulas = browser.execute_script(FORMULAS)
        assert formulas or path.name.startswith("00")
        for formula in formulas:
            assert formula["gap"] > 0, f"the number of {formula['id']} stands on the formula"
            assert formula["over"] <= 1 or formula["scrolls"]
        assert all(share > 0.79 for share in browser.execute_script(PICTURES)), path.stem


def test_a_printed_lesson_has_whole_formulas(browser, address):
    cut = []
    for path in LESSONS:
        look(browser, f"{address}/{path.stem}.html", PAPER + 15, media="print")  # and a scroll bar
        cut += [
            (formula["id"], formula["over"])
            for formula in browser.execute_script(FORMULAS)
            if formula["over"] > 1
        ]
        assert not browser.execute_script("return document.querySelector('.sidebar-drawer').offsetWidth")
    assert not cut


def test_solutions_are_folded_and_search_finds(browser, address):
    from selenium.webdriver.common.by import By

    look(browser, f"{address}/{next(p for p in LESSONS if p.name.startswith('04')).stem}.html", DESK)
    solution = next(s for s in browser.find_elements(By.CSS_SELECTOR, "details") if "Solution 4.1" in s.text)
    assert solution.get_attribute("open") is None
    browser.execute_script("arguments[0].click()", solution.find_element(By.TAG_NAME, "summary"))
    assert "f_z - baseline" in solution.text
    browser.get(f"{address}/search.html?q=reparameterization")
    for _ in range(10 * PATIENCE):
        found = browser.find_elements(By.CSS_SELECTOR, "#search-results li a")
        if found:
            break
        time.sleep(0.1)
    assert any("reparameterization" in link.get_attribute("href") for link in found)


@pytest.fixture(scope="session")
def axe(tmp_path_factory):
    folder = tmp_path_factory.mktemp("axe")
    subprocess.run(["npm", "pack", "--silent", AXE], cwd=folder, check=True, capture_output=True)
    with tarfile.open(next(folder.glob("axe-core-*.tgz"))) as archive:
        return archive.extractfile("package/axe.min.js").read().decode()


@pytest.mark.parametrize(
    "page, width, theme",
    [
        ("index", DESK, "light"),
        ("04_the_reparameterization_trick", PHONE, "dark"),
        ("code/minivae.gaussian", DESK, "light"),
        ("api", PHONE, "light"),
        ("04_the_reparameterization_trick", DESK, "light"),
        ("api", DESK, "dark"),
    ][: 3 if CHOSEN == "one" else 6],
)
def test_no_serious_obstacle_for_anybody(browser, address, axe, page, width, theme):
    look(browser, f"{address}/{page}.html", width)
    browser.execute_script("document.body.dataset.theme = arguments[0]", theme)
    browser.execute_script(axe)
    found = browser.execute_async_script(
        "const done = arguments[arguments.length - 1];"
        "axe.run(document, {resultTypes: ['violations']}).then(r => done(r.violations), e => done(String(e)))"
    )
    serious = [
        (v["id"], v["nodes"][0]["html"][:150]) for v in found if v["impact"] in ("serious", "critical")
    ]
    assert not serious
