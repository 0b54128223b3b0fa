"""Pictures with several panels scroll on narrow screens, where they would be too small to read."""

from docutils import nodes
from sphinx_gallery.directives import imgsgnode

WIDE = "wide"


def setup(sphinx):
    """Register the wrapping, after pages are read."""
    sphinx.connect("doctree-read", _wrap)
    return {"parallel_read_safe": True}


def _wrap(sphinx, doctree):
    for image in [*doctree.findall(nodes.image), *doctree.findall(imgsgnode)]:
        if image["uri"].endswith(".png") and isinstance(
            image.parent, nodes.section | nodes.paragraph
        ):
            place = image.parent
            if isinstance(place, nodes.paragraph):
                place["classes"].append(WIDE)
            else:
                image.replace_self(nodes.container("", image.deepcopy(), classes=[WIDE]))
