"""From a template and what it shows to one page that needs nothing but itself."""

from importlib import resources
from typing import Any

import attrs
import jinja2
from markupsafe import Markup
from matplotlib.figure import Figure

from dcsc._version import __version__
from dcsc._words import readable
from dcsc.plotting import as_svg
from dcsc.report.pictures import data_uri

__all__ = ["Picture", "drawing", "png", "rendered", "svg"]


@attrs.frozen
class Picture:
    """A picture of the page: where it is, its size in pixels if it has one, and what it shows."""

    address: Markup
    alt: str
    width: int = 0
    height: int = 0


def svg(figure: Figure, alt: str) -> Picture:
    """Return a figure as a picture."""
    return Picture(Markup(data_uri(as_svg(figure), "image/svg+xml")), alt)


def drawing(text: str, alt: str) -> Picture:
    """Return a chart that is SVG already as a picture."""
    return Picture(Markup(data_uri(text.encode(), "image/svg+xml")), alt)


def png(content: tuple[bytes, tuple[int, int]], alt: str) -> Picture:
    """Return a file and its size as a picture."""
    return Picture(Markup(data_uri(content[0], "image/png")), alt, *content[1])


def rendered(template: str, context: dict[str, Any]) -> str:
    """Return a page; texts in it become readable, and nothing in them acts as HTML."""
    folder = resources.files("dcsc.report") / "templates"
    files = {item.name: item.read_text("utf-8") for item in folder.iterdir()}
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(files),
        autoescape=True,
        finalize=lambda value: readable(value) if type(value) is str else value,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(version=__version__, **context)
