"""The words of the page: a table of what heads its columns, made from the one that the page has."""

from dcsc.report.glossary import KINDS, WORDS

MARK = "<!-- the words of the page -->"


def setup(sphinx):
    """Register the reading of the page."""
    sphinx.connect("source-read", _insert)
    return {"parallel_read_safe": True}


def _insert(sphinx, docname, source):
    if MARK in source[0]:
        source[0] = source[0].replace(MARK, table())


def table():
    """Return the words, group by group, with their units and their columns in pandas."""
    lines = ["| word | is | unit | `to_pandas()` |", "|---|---|---|---|"]
    for kind, title in KINDS.items():
        if title:
            lines.append(f"| **{title}** | | | |")
        for word in WORDS:
            if word.kind == kind:
                columns = ", ".join(f"`{column}`" for column in word.columns)
                inside = f". {word.brackets}".rstrip(". ") if word.brackets else ""
                lines.append(f"| {word.name} | {word.meaning}{inside} | {word.unit} | {columns} |")
    return "\n".join(lines)
