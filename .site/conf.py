"""The reading edition: the lessons, the docstrings and the source as web pages. Nothing is executed.

bash .site/build OUT lays out what this reads and runs it.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project, copyright, html_title = "minivae", "the minivae authors", "minivae"
root_doc = "index"
extensions = [
    "myst_nb",
    "formulas",
    "sphinx.ext.autodoc",
    "sphinx.ext.linkcode",
    "equations",
    "source",
    "glossary",
    "figures",
    "front",
    "weight",
]

nb_execution_mode = "off"
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

html_math_renderer = "formulas"

autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
autodoc_typehints = "none"
python_display_short_literal_types = True
add_module_names = False

html_theme = "furo"
html_sidebars = {"code/**": ["sidebar/brand.html", "sidebar/search.html"]}
html_static_path = ["static"]
html_css_files = ["katex/katex.min.css", "lesson.css"]
html_copy_source = html_show_sourcelink = False
html_show_sphinx = html_use_index = html_domain_indices = False
pygments_style, pygments_dark_style = "a11y-high-contrast-light", "a11y-high-contrast-dark"


def linkcode_resolve(domain, info):
    import source

    return source.page_of(info["module"], info["fullname"])
