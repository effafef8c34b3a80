"""The first page, from the lessons' own first cells; and on every lesson a link to run it."""

import re
from pathlib import Path

from myst_nb.core.read import nbf
from sphinx import addnodes

RUN = "run/notebooks/index.html?path={}.ipynb"
SLIDER = re.compile(r"(Run this cell in Jupyter to move [^<\n]*\.)")


def lessons(app):
    """(page, title, question, time) of each lesson."""
    for path in sorted(Path(app.srcdir).glob("[0-9][0-9]_*.ipynb")):
        first = nbf.read(path, as_version=4).cells[0].source
        title = re.search(r"^# (?:Lesson \d+: )?(.*)", first)[1]
        question, time = (
            re.search(rf"\*\*{label}:\*\*\s*(.*?)[.?;]", first, re.DOTALL)
            for label in ("The question", "Time")
        )
        yield (path.stem, title, *(" ".join(found[1].split()) if found else "" for found in (question, time)))


def fill(app, docname, content):
    if docname != "index":
        return
    rows = ["| lesson | the question | time |", "|---|---|---|"]
    for page, title, question, time in lessons(app):
        run = f', <a href="{RUN.format(page)}">run</a>' if app.config.run_edition else ""
        asked = f"{question[:1].upper()}{question[1:]}?" if question else ""
        rows.append(f"| [{page[:2]} {title}]({page}.ipynb) | {asked} | {time}{run} |")
    content[0] = content[0].replace("{lessons}", "\n".join(rows))


def offer(app, page, template, context, tree):
    if app.config.run_edition and re.match(r"\d\d_", page):
        link = f'<a href="{RUN.format(page)}">'
        context["body"] = f'<p class="run-here">{link}Run this lesson in the browser</a></p>\n' + SLIDER.sub(
            rf"\1 {link}Or in the browser</a>.", context["body"]
        )


def not_written_yet(app, tree):
    """A link to a lesson whose number nobody has yet is plain text; any other missing page is a warning."""
    for link in list(tree.findall(addnodes.pending_xref)):
        number = re.match(r"(\d\d)_\w+\.ipynb", link["reftarget"])
        if number and not list(Path(app.srcdir).glob(f"{number[1]}_*.ipynb")):
            link.parent.replace(link, link.children)


def setup(app):
    app.add_config_value("run_edition", True, "html", bool)
    app.connect("source-read", fill)
    app.connect("doctree-read", not_written_yet)
    app.connect("html-page-context", offer)
    return {"parallel_read_safe": False}
