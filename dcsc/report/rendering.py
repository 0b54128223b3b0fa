"""From a template and what it shows to one page that needs nothing but itself."""

from importlib import resources
from typing import Any

import attrs
import jinja2
from markupsafe import Markup

from dcsc._version import __version__
from dcsc._words import readable
from dcsc.report.pictures import data_uri

__all__ = ["Picture", "drawing", "png", "rendered"]


@attrs.frozen
class Picture:
    """A picture of the page.

    Parameters
    ----------
    content : Markup
        The address that holds it, or the drawing itself.
    alt : str
        What it shows.
    drawn : bool
        Whether it is a drawing, which is part of the page.
    width, height : int
        In pixels, where it has some.
    """

    content: Markup
    alt: str
    drawn: bool = False
    width: int = 0
    height: int = 0


def drawing(text: str, alt: str) -> Picture:
    """Return SVG as a picture."""
    return Picture(Markup(text), alt, drawn=True)


def png(content: tuple[bytes, tuple[int, int]], alt: str) -> Picture:
    """Return a file and its size as a picture."""
    width, height = content[1]
    return Picture(Markup(data_uri(content[0], "image/png")), alt, width=width, height=height)


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
