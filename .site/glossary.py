"""The glossary's terms are links: the first time a page uses one.

A glossary is a table under a heading "Glossary" in any lesson. Each bold phrase in its first column is a
term, and its row's id is term-... after the first of them. A remark in brackets behind it, **gap** (of the
bound), says that the word means other things as well: it is no link.
"""

import re

from docutils import nodes
from equations import NO_LINKS, ancestors

terms = {}  # phrase in lower case: (page, id, its meaning)


def anchor(phrase):
    return "term-" + re.sub(r"\W+", "-", phrase.lower()).strip("-")


def collect(app, tree):
    """Give the rows of a glossary their ids, and remember what they explain."""
    for section in tree.findall(nodes.section):
        if section.next_node(nodes.title).astext().strip().lower().endswith("glossary"):
            for row in section.findall(nodes.row):
                first, *others = row.findall(nodes.entry)
                phrases = [strong.astext() for strong in first.findall(nodes.strong)]
                if phrases:
                    row["ids"].append(anchor(phrases[0]))
                    meaning = " ".join(entry.astext() for entry in others[:1]).replace("\\", "")
                    if " (" not in first.astext():
                        terms.update(
                            {
                                phrase.lower(): (app.env.docname, anchor(phrases[0]), meaning)
                                for phrase in phrases
                            }
                        )


def link(app, tree, page):
    """Link the first use of each term in the prose of a page that isn't the glossary's."""
    open_terms = {phrase: of for phrase, of in terms.items() if of[0] != page}
    if not open_terms or not re.match(r"\d\d_", page):
        return
    for text in list(tree.findall(nodes.Text)):
        if any(isinstance(parent, (*NO_LINKS, nodes.literal_block)) for parent in ancestors(text)):
            continue
        pattern = re.compile(
            rf"(?<![\w-])({'|'.join(map(re.escape, sorted(open_terms, key=len, reverse=True)))})s?(?![\w-])",
            re.IGNORECASE,
        )
        pieces, at, words = [], 0, text.astext()
        for match in pattern.finditer(words) if open_terms else ():
            if match[1].lower() in open_terms:
                home, place, meaning = open_terms[match[1].lower()]
                open_terms = {phrase: of for phrase, of in open_terms.items() if of[1] != place}
                pieces += [
                    nodes.Text(words[at : match.start()]),
                    nodes.reference(
                        "",
                        match[0],
                        internal=True,
                        refuri=f"{home}.html#{place}",
                        reftitle=meaning,
                        classes=["term"],
                    ),
                ]
                at = match.end()
        if pieces:
            text.parent.replace(text, [*pieces, nodes.Text(words[at:])])


def setup(app):
    app.connect("doctree-read", collect)
    app.connect("doctree-resolved", link)
    return {"parallel_read_safe": False}
