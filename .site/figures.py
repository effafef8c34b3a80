"""Pictures as files of their own, loaded as they come into view, in a frame that scrolls on a phone."""

import base64
import hashlib
import io
import re
from pathlib import Path

from PIL import Image

FIGURE = re.compile(r'<img alt="([^"]*)" width="(\d+)" src="data:image/png;base64,([^"]*)"\s*/?>')
LEGIBLE = 0.8  # of its width at least: below that the numbers on the axes are hard to read


def write(app, page, template, context, tree):
    def one(match):
        alt, width, data = match.groups()
        picture = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
        name = hashlib.sha256(data.encode()).hexdigest()[:16] + ".webp"
        folder = Path(app.outdir, "_images")
        folder.mkdir(exist_ok=True)
        picture.save(folder / name, lossless=True)  # a sixth smaller, every pixel the same
        height = round(int(width) * picture.height / picture.width)
        smallest = round(int(width) * LEGIBLE)
        return (
            f'<div class="figure" tabindex="0"><img alt="{alt}" width="{width}" height="{height}" '
            f'style="min-width: {smallest}px" loading="lazy" src="_images/{name}"></div>'
        )

    if re.match(r"\d\d_", page):
        context["body"] = FIGURE.sub(one, context["body"])


def focusable(app, page, template, context, tree):
    """Code that is wider than the screen scrolls, and so must be reached by the keyboard."""
    if "body" in context:
        context["body"] = context["body"].replace("<pre", '<pre tabindex="0"')


def setup(app):
    app.connect("html-page-context", write)
    app.connect("html-page-context", focusable)
    return {"parallel_read_safe": False}
