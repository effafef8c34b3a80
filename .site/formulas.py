"""Formulas as HTML and MathML, rendered at build time by KaTeX: a page needs no JavaScript for them."""

import json
import subprocess
from pathlib import Path

from docutils import nodes
from sphinx.util import logging

RENDER = """
const katex = require(process.argv[1])
require('readline').createInterface({ input: process.stdin }).on('line', line => {
  const [tex, displayMode] = JSON.parse(line)
  let markup = null, problem = null
  try { markup = katex.renderToString(tex, { displayMode, strict: false }) }
  catch (error) { problem = String(error) }
  console.log(JSON.stringify([markup, problem]))
})
"""


def start(app):
    command = ["node", "-e", RENDER, str(Path(app.config.katex_folder, "katex.min.js"))]
    app.katex = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")


def stop(app, exception):
    app.katex.stdin.close()
    app.katex.wait(30)


def render(translator, node, display):
    katex = translator.builder.app.katex
    print(json.dumps([node.astext(), display]), file=katex.stdin, flush=True)
    markup, error = json.loads(katex.stdout.readline())
    if error:
        logging.getLogger(__name__).warning("KaTeX: %s", error, location=node)
    translator.body.append(markup or node.astext())


def inline(translator, node):
    render(translator, node, display=False)
    raise nodes.SkipNode


def block(translator, node):
    # its frame, which the theme adds, has the id; what scrolls must be reached by the keyboard
    translator.body.append('<div class="math" tabindex="0" role="group">')
    render(translator, node, display=True)
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app):
    app.add_config_value("katex_folder", "", "html", str)
    app.add_html_math_renderer("formulas", inline_renderers=(inline, None), block_renderers=(block, None))
    app.connect("builder-inited", start)
    app.connect("build-finished", stop)
    return {"parallel_read_safe": False}
