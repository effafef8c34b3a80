"""What the lessons show: figures with alternative text, and sliders."""

import base64
import html
import io

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
