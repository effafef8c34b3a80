"""What the lessons show: figures with alternative text, sliders, and a pad to draw on."""

import base64
import html
import io

import numpy as np

CSS_PIXELS = 96  # per inch


def show(fig, alt, dpi=130):
    """Show a matplotlib figure with its alternative text, a sentence that says what is seen, and close it.

    The text stays with the picture in the open notebook, the reopened one and the exported one.
    """
    import matplotlib.pyplot as plt
    from IPython.display import display
    from PIL import Image

    buffer = io.BytesIO()
    fig.savefig(buffer, dpi=dpi, bbox_inches="tight", facecolor="white")
    plt.close(fig)
    picture = Image.open(buffer).convert("RGB")
    width = round(picture.width * CSS_PIXELS / dpi)
    buffer = io.BytesIO()
    picture.quantize(128, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    source = base64.b64encode(buffer.getvalue()).decode()
    img = f'<img alt="{html.escape(alt)}" width="{width}" src="data:image/png;base64,{source}">'
    display({"text/html": img, "text/plain": f"[picture] {alt}"}, raw=True)


def slider(function, **ranges):
    """A slider per keyword: function(name=value) is called again whenever one moves, and shows what it shows.

    ranges: name=(start, lowest, highest, step), of integers or of floats. A saved notebook shows a sentence
    instead. Without ipywidgets function is called once, with what the sliders would start at.
    """
    try:
        import ipywidgets
    except ImportError:
        print(f"What follows is {', '.join(f'{k} = {start}' for k, (start, *_) in ranges.items())}; ", end="")
        print("for a slider: pip install ipywidgets, and start the kernel again.")
        return function(**{name: start for name, (start, *_) in ranges.items()})
    from IPython.display import display

    def one(name, start, lowest, highest, step):
        kind = ipywidgets.IntSlider if isinstance(step, int) else ipywidgets.FloatSlider
        return kind(start, min=lowest, max=highest, step=step, description=name, continuous_update=False)

    widget = ipywidgets.interactive(
        function, **{name: one(name, *numbers) for name, numbers in ranges.items()}
    )
    bundle = widget._repr_mimebundle_()
    *first, last = ranges
    bundle["text/plain"] = (
        f"Run this cell in Jupyter to move {', '.join(first) + ' and ' * bool(first) + last}."
    )
    display(bundle, raw=True)


def pad(function, start):
    """A pad to draw on, a toggle button for each block of pixels: function(drawing) is called at once and
    after each change, and shows what it shows.

    start (H, W) bool: the drawing to begin with; drawing is like it. A saved notebook shows a sentence
    instead. Without ipywidgets function is called once, with start.
    """
    start = np.array(start, bool)
    try:
        import ipywidgets
    except ImportError:
        print(
            "What follows is the drawing that a pad would begin with; for the pad: pip install ipywidgets, ",
            end="",
        )
        print("and start the kernel again.")
        return function(start)
    from IPython.display import display

    size = ipywidgets.Layout(width="20px", height="20px", margin="0", padding="0")
    cells = [ipywidgets.ToggleButton(bool(dark), layout=size) for dark in start.flat]
    out, clear = ipywidgets.Output(), ipywidgets.Button(description="clear")

    def changed(_=None):
        for cell in cells:
            cell.description = "\u25a0" if cell.value else ""
        out.clear_output(wait=True)
        with out:
            function(np.reshape([cell.value for cell in cells], start.shape))

    def cleared(_):
        for cell in cells:
            cell.unobserve(changed, "value")
            cell.value = False
            cell.observe(changed, "value")
        changed()

    for cell in cells:
        cell.observe(changed, "value")
    clear.on_click(cleared)
    changed()
    columns = ipywidgets.Layout(grid_template_columns=f"repeat({start.shape[1]}, 20px)")
    widget = ipywidgets.HBox([ipywidgets.VBox([ipywidgets.GridBox(cells, layout=columns), clear]), out])
    bundle = widget._repr_mimebundle_()
    bundle["text/plain"] = "Run this cell in Jupyter to draw: each button is a block of pixels."
    display(bundle, raw=True)
