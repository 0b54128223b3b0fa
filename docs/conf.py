"""Sphinx configuration. The examples in the pages are run by pytest."""

import re
import sys
from pathlib import Path

import scipy.stats  # noqa: F401  # before torch is mocked: it asks for the classes of torch

import dcsc

project = "dcsc"
author = "The dcsc authors"
version = release = dcsc.__version__

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))
extensions = [
    "commands",
    "concepts",
    "figures",
    "glossary",
    "made",
    "mathml",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "made", "gallery/*.ipynb", "gallery/*.py", "gallery/*.md5"]

myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
myst_heading_anchors = 3

default_role = "py:obj"  # in docstrings, single backticks name a class or function
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_mock_imports = ["torch"]  # an extra, and a large one
autodoc_typehints = "none"  # numpydoc's tables say it in words
numpydoc_show_class_members = False  # autodoc lists them

sphinx_gallery_conf = {
    "examples_dirs": "../examples/gallery",
    "gallery_dirs": "gallery",
    "within_subsection_order": "FileNameSortKey",
    "reset_modules": ("matplotlib", "palette.reset"),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "min_reported_time": 10,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,  # that page asks another site for its scripts
}

copybutton_prompt_text = r">>> ?|\.\.\. ?|\$ "  # what is copied runs: outputs stay behind
copybutton_prompt_is_regexp = True

html_theme = "pydata_sphinx_theme"
html_title = f"dcsc {version}"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navbar_align": "left",
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
}
html_sidebars = {"index": [], "adding": []}  # nothing is below them
copyright = author


def _plain(app, what, name, obj, options, lines):
    """Let docstrings write ``(*batch, c)``, ``|A|`` and the initials of authors as plain text."""
    special = r"(`+).*?\1|(?<![\w*])\*(?=\w+[,)])|\|(?=\w\|)|(?<=\|\w)\||^ *[A-Z](?=\. )"
    text = re.sub(special, _escaped, "\n".join(lines), flags=re.MULTILINE | re.DOTALL)
    lines[:] = text.split("\n")


def _escaped(match):
    found = match[0]
    return found if match[1] else found[:-1] + "\\" + found[-1]  # what is in backticks stays


def _close(app, docname, source):
    """Drop the blank line that ends an example, which pytest needs before the closing fence."""
    source[0] = re.sub(r"\n\n```$", r"\n```", source[0], flags=re.MULTILINE)


def setup(app):
    """Register the hooks, the first one before numpydoc's."""
    app.connect("autodoc-process-docstring", _plain, priority=400)
    app.connect("source-read", _close)
