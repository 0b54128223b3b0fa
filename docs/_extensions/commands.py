"""The reference of the commands, in their own words: what ``--help`` says, as a page."""

import re

from dcsc.cli import app

MARK = "<!-- reference of the commands -->"


def setup(sphinx):
    """Register the reading of the page."""
    sphinx.connect("source-read", _insert)
    return {"parallel_read_safe": True}


def _insert(sphinx, docname, source):
    if MARK in source[0]:
        source[0] = source[0].replace(MARK, _reference())


def _reference():
    """Return a section for each command, one level below those of the page."""
    text = app.generate_docs(output_format="markdown")
    sections = text[text.index("## dcsc ") :]
    return re.sub(r"^## (.*)$", r"### `\1`", sections, flags=re.MULTILINE)
