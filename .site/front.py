"""The first page, from the lessons' own first cells; and on every lesson a link to run it."""

import re
from pathlib import Path

import source
from docutils import nodes
from myst_nb.core.read import nbf
from sphinx import addnodes

RUN = "run/notebooks/index.html?path={}.ipynb"
SLIDER = re.compile(r"(Run this cell in Jupyter to move [^<\n]*\.)")


def lessons(app):
    """(page, title, question, time) of each lesson."""
    for path in sorted(Path(app.srcdir).glob("[0-9][0-9]_*.ipynb")):
        first = nbf.read(path, as_version=4).cells[0].source
        title = re.search(r"^# (?:Lesson \d+: )?(.*)", first)[1]
        question = re.search(r"\*\*The question:\*\*\s*(.*?)[.?;]", first, re.DOTALL)
        time = re.search(r"\*\*Time:\*\*\D*(\d+)", first)
        yield path.stem, title, " ".join(question[1].split()) if question else "", time[1] if time else ""


def fill(app, docname, content):
    if docname != "index":
        return
    runs = app.config.run_edition
    rows = ["| lesson | the question | minutes |" + " run it |" * runs, "|---|---|---|" + "---|" * runs]
    for page, title, question, time in lessons(app):
        asked = f"{question[:1].upper()}{question[1:]}?" if question else ""
        run = f' <a href="{RUN.format(page)}">in the browser</a> |' if runs else ""
        rows.append(f"| [{page[:2]} {title}]({page}.ipynb) | {asked} | {time} |{run}")
    content[0] = content[0].replace("{lessons}", "\n".join(rows))


def offer(app, page, template, context, tree):
    if app.config.run_edition and re.match(r"\d\d_", page):
        link = f'<a href="{RUN.format(page)}">'
        context["body"] = f'<p class="run-here">{link}Run this lesson in the browser</a></p>\n' + SLIDER.sub(
            rf"\1 {link}Or in the browser</a>.", context["body"]
        )


def link_files(app, tree):
    """A link to a script beside the lessons leads to its page, one to a lesson that is still to come nowhere.

    Any other missing page is a warning.
    """
    for link in list(tree.findall(addnodes.pending_xref)):
        target = link["reftarget"]
        number = re.match(r"(\d\d)_\w+\.ipynb", target)
        if number and not list(Path(app.srcdir).glob(f"{number[1]}_*.ipynb")):
            link.parent.replace(link, link.children)
        elif target.endswith(".py") and (page := source.page_of(target.removesuffix(".py"))):
            link.parent.replace(link, nodes.reference("", "", *link.children, internal=True, refuri=page))


def setup(app):
    app.add_config_value("run_edition", True, "html", bool)
    app.connect("source-read", fill)
    app.connect("doctree-read", link_files)
    app.connect("html-page-context", offer)
    return {"parallel_read_safe": False}
