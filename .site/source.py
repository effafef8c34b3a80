"""The package on the web: api.html from its docstrings, and code/MODULE.html with the source of each file.

A docstring is plain text; here it becomes reStructuredText, its tables and formulas set as they stand.
"""

import ast
import html
import inspect
import io
import re
import tokenize
from collections import defaultdict
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "minivae"
LEFT_OUT = re.compile(
    r"minivae\.(__main__|cli|course\.(judge|lesson_|saved_answers|worksheet))"
)  # commands, answers
FIRST = "minivae.vae", "minivae.exact", "minivae.gradcheck", "minivae.objective"
SPECIAL = re.compile(r"([\\*|_`])")
NAME = re.compile(r"(`[^`\n]+`)")


@cache
def files():
    """{module: its path} in reading order: a file comes after those that it imports, the model first."""
    paths, ordered = {}, {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if not LEFT_OUT.match(module):
            paths[module] = path

    def add(module):
        if module in paths and module not in ordered:
            ordered[module] = None  # seen: a circle ends here
            for needed in imported(module, paths[module]):
                add(needed)
            ordered[module] = ordered.pop(module) or paths[module]

    for module in (*FIRST, *paths):
        add(module)
    return ordered


@cache
def shown():
    """{module: its path} of every file that has a page: the package, and the lessons' own."""
    return files() | {path.stem: path for path in sorted((PACKAGE.parent / "lessons").glob("*.py"))}


def imported(module, path):
    """The modules of the package that a file imports when it is imported."""
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    found = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.level:
            base = ".".join(
                package[: len(package) - node.level + 1] + (node.module.split(".") if node.module else [])
            )
            found += [base] * (base != "minivae") + [f"{base}.{alias.name}" for alias in node.names]
    return found


@cache
def definitions(module):
    """[(first line, last line, dotted name)] of the classes and functions in a file."""
    found = []

    def walk(node, prefix):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                first = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
                found.append((first, child.end_lineno, prefix + child.name))
                walk(child, f"{prefix}{child.name}.")
            elif not isinstance(child, ast.expr):
                walk(child, prefix)

    walk(ast.parse(shown()[module].read_text(encoding="utf-8")), "")
    return found


def page_of(module, name=""):
    """The address of a definition in its source page, or of the page."""
    if module not in shown():
        return None
    known = {dotted for _, _, dotted in definitions(module)}
    while name and name not in known:  # an attribute is found where its class is
        name = name.rpartition(".")[0]
    return f"code/{module}.html" + (f"#{name}" if name else "")


@cache
def citations():
    """{equation: [(module, function)]} of the docstrings and comments of the package."""
    from equations import CITED, NUMBER

    found = defaultdict(list)
    for module, path in shown().items():
        text = path.read_text(encoding="utf-8")
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT or (
                token.type == tokenize.STRING and token.string.startswith('"""')
            ):
                line = token.start[0]
                inside = [name for first, last, name in definitions(module) if first <= line <= last]
                for match in CITED.finditer(token.string):
                    for number in re.findall(NUMBER, match[1]):
                        found[number].append((module, inside[-1] if inside else ""))
    return found


def citing(number):
    return dict.fromkeys(citations()[number])


def directives(app, docname, content):
    """A section for each file in api.rst."""
    if docname == "api":
        for module in files():
            name = module.removeprefix("minivae.")
            content[0] += f"\n\n{name}\n{'-' * len(name)}\n\n.. automodule:: {module}\n"


def to_rst(app, what, name, obj, options, lines):
    """Paragraphs are prose; what is indented, or has columns, is kept as it stands."""
    paragraphs, out = re.split(r"\n\s*\n", inspect.cleandoc("\n".join(lines))), []
    for paragraph in paragraphs:
        rows = paragraph.splitlines()
        escaped = "".join(
            f"`{part}`" if part.startswith("`") else SPECIAL.sub(r"\\\1", part)
            for part in NAME.split(paragraph)
        ).splitlines()
        if any(row.startswith(" ") or "   " in row.strip() for row in rows):
            out += [".. parsed-literal::", "   :class: table", "", *("   " + row for row in escaped), ""]
        else:
            out += [re.sub(r"^([-+#•]|\w+[.)])(?= )", r"\\\1", row) for row in escaped] + [""]
    lines[:] = out


def pages(app):
    """Every file of the package, highlighted, its definitions with ids and its equations linked."""
    from equations import link_comments

    for module, path in shown().items():
        text = path.read_text(encoding="utf-8")
        lines = app.builder.highlighter.highlight_block(text, "python").splitlines(keepends=True)
        for first, _, name in reversed(definitions(module)):
            head, mark, rest = (
                lines[first - 1].partition("<pre>") if first == 1 else ("", "", lines[first - 1])
            )
            lines[first - 1] = f'{head}{mark}<span id="{name}"></span>{rest}'
        body = link_comments("".join(lines), None, "../")
        title = html.escape(str(path.relative_to(PACKAGE.parent)))
        back = f'<p><a href="../api.html#module-{module}">The same file by its docstrings</a></p>\n'
        head = f"<h1>{title}</h1>\n{back if module in files() else ''}"
        context = {"title": title, "body": f'<div class="source">{head}{body}</div>'}
        yield f"code/{module}", context, "page.html"


def setup(app):
    app.connect("source-read", directives)
    app.connect("autodoc-process-docstring", to_rst)
    app.connect("html-collect-pages", pages)
    return {"parallel_read_safe": False}
