"""Run the lessons, and look into them. As a script it executes lessons in place, as they are committed:

    python tests/lessons_tools.py lessons/04*.ipynb

How a lesson is written, so that tests/test_lessons.py can read it:
- the first cell is "# Lesson 4: ..." with the lines "**The question:** ...", "**Afterwards you can:** ..."
  and "**Time:** ... minutes";
- equations are numbered with \\tag{4.7} in a display formula, and cited as (4.7);
- figures come from minivae.course.show(fig, alt), sliders from minivae.course.slider;
- a cell that only draws is tagged hide-input: it opens collapsed, and what is left to read is mathematics and
  its assertion. It holds no assert, and defines nothing that a visible cell uses;
- every exercise has a cell with its stub and check("4.2", answer), and below it a Markdown cell
  <details><summary>Solution 4.2</summary>, an empty line, one ```python block, </details>.
"""

import ast
import os
import re
import sys
from functools import lru_cache
from pathlib import Path

import nbformat
from nbclient import NotebookClient

LESSONS = Path(__file__).parent.parent / "lessons"
TAG = re.compile(r"\\tag\{(\d+\.\d+)\}")
PATHS = sorted(LESSONS.glob("[0-9][0-9]_*.ipynb"))
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {  # as JupyterLab writes it on opening: then there is nothing to save
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
        "version": "3.11.7",  # another Python writes its own version here, and nothing else
    },
}
HIDDEN = "hide-input"
WIDGET = "application/vnd.jupyter.widget-view+json"
SOLUTION = re.compile(r"<details>\s*<summary>Solution (\d+\.\d+)</summary>\n\n(.*?)</details>", re.DOTALL)
CODE_BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(nb):
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def markdown(nb):
    return "\n\n".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")


def number_of(path):
    return int(Path(path).name[:2])


def execute(nb, timeout=300):
    """Run every cell in a fresh kernel, in lessons/,
    without MINIVAE_DATA and without a way to the network."""
    env = {name: v for name, v in os.environ.items() if name != "MINIVAE_DATA"}
    env |= dict.fromkeys(
        ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9"
    )
    env |= {"PYTHONWARNINGS": "default", "TQDM_MININTERVAL": "0.5"}
    client = NotebookClient(
        nb, timeout=timeout, kernel_name="python3", record_timing=False, coalesce_streams=True,
        resources={"metadata": {"path": str(LESSONS)}},
    )  # fmt: skip
    client.execute(env=env)
    return nb


def clean(nb):
    """Leave out what changes from run to run: widget identities, progress bars, the interpreter's version.

    Of a cell's metadata its tags are kept, and that it opens collapsed, which the tag hide-input says to
    readers of the exported page and source_hidden to Jupyter: either is completed by the other.
    """
    nb.metadata = nbformat.from_dict(METADATA)
    for cell in nb.cells:
        tags = list(cell.metadata.get("tags", ()))
        if cell.metadata.get("jupyter", {}).get("source_hidden") and HIDDEN not in tags:
            tags.append(HIDDEN)
        hidden = {"jupyter": {"source_hidden": True}} if HIDDEN in tags else {}
        cell.metadata = nbformat.from_dict(({"tags": tags} if tags else {}) | hidden)
    for cell in code_cells(nb):
        cell.outputs = [output for output in cell.outputs if not is_progress_bar(output)]
        for output in cell.outputs:
            output.get("data", {}).pop(WIDGET, None)
            if output.output_type == "display_data":
                output.metadata = nbformat.from_dict({})
    return nb


def is_progress_bar(output):
    text = output.get("data", {}).get("text/plain", "") if "data" in output else output.get("text", "")
    return bool(re.search(r"\d+%\|.*(\d\d:\d\d|/s)", text))


def solutions(nb):
    """{number: code} of the folded solutions."""
    return {number: "\n".join(CODE_BLOCK.findall(body)) for number, body in SOLUTION.findall(markdown(nb))}


def checks(nb):
    """{number: the expression of the answer} of every check(...) in the code cells."""
    calls = [
        node
        for cell in code_cells(nb)
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Call)
    ]
    return {
        node.args[0].value: ast.unparse(node.args[1])
        for node in calls
        if isinstance(node.func, ast.Name)
        and node.func.id == "check"
        and isinstance(node.args[0], ast.Constant)
    }


@lru_cache
def executed(path):
    """The lesson run as shipped, and, in the same kernel after it, each solution followed by its check.

    -> (the notebook as run, {number: what the check of the solution printed}).
    """
    nb = read(path)
    n = len(nb.cells)
    numbers = solutions(nb)
    for number, code in numbers.items():
        answer = checks(nb).get(number, "None")
        nb.cells.append(
            nbformat.v4.new_code_cell(
                f"from minivae.course import check\n{code}\ncheck({number!r}, {answer})"
            )
        )
    execute(nb)
    verdicts = {number: text_of(cell) for number, cell in zip(numbers, nb.cells[n:])}
    nb.cells = nb.cells[:n]
    return nb, verdicts


def text_of(cell):
    """All text that a code cell put out."""
    return "\n".join(
        output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs
    )


def main(paths):
    for path in paths:
        nb = execute(read(path))
        nbformat.write(clean(nb), path)
        print(
            f"{Path(path).name}: {len(code_cells(nb))} code cells, {Path(path).stat().st_size / 1000:.0f} kB"
        )


if __name__ == "__main__":
    main(sys.argv[1:] or PATHS)
