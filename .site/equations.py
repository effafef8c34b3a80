r"""Equations are links: a formula with \tag{4.7} is #eq-4-7, and (4.7) in text or comment leads there.

Below each formula stands which functions of the package cite it.
"""

import html
import re
from pathlib import Path

import source
from docutils import nodes
from myst_nb.core.read import nbf  # nbformat, as myst-nb has it

TAG = re.compile(r"\\tag\{(\d+\.\d+)\}")
NUMBER = r"\d{1,2}\.\d{1,2}"
CITED = re.compile(rf"\(({NUMBER}(?:(?:, | and | to |; | or ){NUMBER})*)(?=[);,:])")
COMMENT = re.compile(r'<span class="(?:c1|sd)">.*?</span>', re.DOTALL)
NO_LINKS = (nodes.math, nodes.math_block, nodes.literal, nodes.raw, nodes.title, nodes.reference)
page_of = {}  # "4.7": the lesson that has it


def find_tags(app):
    page_of.clear()
    for path in sorted(Path(app.srcdir).glob("[0-9][0-9]_*.ipynb")):
        for cell in nbf.read(path, as_version=4).cells:
            if cell.cell_type == "markdown":
                page_of.update(dict.fromkeys(TAG.findall(cell.source), path.stem))


def anchor(number):
    return "eq-" + number.replace(".", "-")


def target(number, here, to_root=""):
    """The address of an equation, seen from page `here`."""
    page = page_of[number]
    return ("" if page == here else f"{to_root}{page}.html") + "#" + anchor(number)


def split(text):
    """[(words, the number they cite or None)]; None where nothing is cited that there is."""
    pieces, at = [], 0
    for match in CITED.finditer(text):
        for number in re.finditer(NUMBER, match[1]):
            if number[0] in page_of:
                start, stop = match.start(1) + number.start(), match.start(1) + number.end()
                if text[start - 1 : stop + 1] == f"({number[0]})":  # the brackets are easier to hit
                    start, stop = start - 1, stop + 1
                pieces += [(text[at:start], None), (text[start:stop], number[0])]
                at = stop
    return [*pieces, (text[at:], None)] if pieces else None


def link(app, tree):
    here = app.env.docname
    for node in list(tree.findall(nodes.math_block)):
        numbers = TAG.findall(node.astext())
        node["ids"] += map(anchor, numbers)
        functions = list(dict.fromkeys(cited for number in numbers for cited in source.citing(number)))
        if functions:
            note = nodes.paragraph("", "in code: ", classes=["in-code"])
            for i, (module, name) in enumerate(functions):
                shown = f"{module}.{name}".removeprefix("minivae.").removesuffix(".")
                note += [
                    nodes.Text(", " if i else ""),
                    nodes.reference(
                        "", "", nodes.literal(text=shown), internal=True, refuri=source.page_of(module, name)
                    ),
                ]
            node.parent.insert(node.parent.index(node) + 1, note)
    for text in list(tree.findall(nodes.Text)):
        if any(isinstance(parent, NO_LINKS) for parent in ancestors(text)):
            continue
        block = next((parent for parent in ancestors(text) if isinstance(parent, nodes.literal_block)), None)
        pieces = split(text.astext()) if block is None or "table" in block["classes"] else None
        if pieces:
            text.parent.replace(
                text,
                [
                    nodes.reference("", words, internal=True, refuri=target(number, here))
                    if number
                    else nodes.Text(words)
                    for words, number in pieces
                    if words
                ],
            )


def ancestors(node):
    while node.parent is not None:
        node = node.parent
        yield node


def link_comments(body, here, to_root=""):
    """Highlighted code with the equations in its comments and docstrings as links."""

    def link_to(number, words):
        return f'<a href="{html.escape(target(number, here, to_root))}">{words}</a>' if number else words

    def linked(match):
        pieces = split(match[0])
        return "".join(link_to(number, words) for words, number in pieces) if pieces else match[0]

    return COMMENT.sub(linked, body)


def link_code_cells(app, page, template, context, tree):
    if page in page_of.values():
        context["body"] = link_comments(context["body"], page)


def setup(app):
    app.connect("builder-inited", find_tags)
    app.connect("doctree-read", link)
    app.connect("html-page-context", link_code_cells)
    return {"parallel_read_safe": False}
