r"""Mathematics as MathML, which browsers draw without a script or a network.

Sphinx hands over TeX; a command that the converter does not know is a warning, and so an error of
the build.
"""

import re
from html import escape

from docutils.nodes import SkipNode, Text, math
from latex2mathml.converter import convert
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number, wrap_displaymath

logger = logging.getLogger(__name__)

_LONG = 45  # characters of TeX that may be wider than a telephone, and then scroll
_BARS = re.compile(r"<mo(?=[^>]*>&#x(?:0007C|02016);)")
_TAG = re.compile(r"\\tag\{([^{}]*)\}")
_PUNCTUATION = re.compile(r"[.,;:!?)]+")


def setup(app):
    """Register the renderer, under the name ``mathml``."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    app.connect("doctree-resolved", _close_up)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _close_up(app, doctree, docname):
    """Hand formulas the punctuation behind them: browsers would begin a line with it."""
    for node in list(doctree.findall(math)):
        behind = node.next_node(descend=False, siblings=True)
        if isinstance(behind, Text) and (found := _PUNCTUATION.match(behind)):
            node["punctuation"] = found[0]
            node.parent.replace(behind, Text(behind[found.end() :]))


def visit_math(translator, node):
    """Write mathematics in a line."""
    text = node.astext()
    name = "formula long" if len(text) > _LONG else "formula"
    formula = _mathml(node, text, "inline")
    translator.body.append(f'<span class="{name}">{formula}{node.get("punctuation", "")}</span>')
    raise SkipNode


def visit_math_block(translator, node):
    """Write mathematics in lines of its own, with the number or the tag of the equation."""
    text, *others = _TAG.split(node.astext())
    names = [get_node_equation_number(translator, node)] if node["number"] else others[::2]
    text += "".join(others[1::2])
    if "\\\\" in text and not node.get("no-wrap", node.get("nowrap")):
        text = wrap_displaymath(text, None, False)
    translator.body.append(translator.starttag(node, "div", CLASS="math"))
    translator.body.append(_mathml(node, text, "block"))
    translator.body += [f'<span class="eqno">({escape(name)})</span>' for name in names]
    translator.body.append("</div>\n")
    raise SkipNode


def _mathml(node, text, display):
    result = convert(text, display=display)
    if "\\" in result or "<mi>&</mi>" in result or "<mi>&amp;</mi>" in result:
        logger.warning("TeX that has no MathML: %s", text, location=node)
    return _BARS.sub('<mo lspace="0" rspace="0"', result)  # |x| is no relation, with its room
