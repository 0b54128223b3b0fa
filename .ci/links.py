"""Check the pages of a built site: what their links name is there, and no TeX is left in the text.

    python .ci/links.py docs/_build/html

Nothing is fetched: links to other sites are listed, and stay as they are.
"""

import re
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

TEX = re.compile(r"\$?\\[A-Za-z]+|\$\$")  # a command, or mathematics that never began or ended
VERBATIM = {"code", "pre", "script", "style"}


class Page(HTMLParser):
    """What a page links to, the anchors that it has, and the TeX that readers would see in it."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors, self.tex = [], set(), []
        self.verbatim = 0
        self.feed(path.read_text("utf-8"))

    def handle_data(self, data):
        if not self.verbatim:
            self.tex += TEX.findall(data)

    def handle_endtag(self, tag):
        self.verbatim -= tag in VERBATIM

    def handle_starttag(self, tag, attrs):
        self.verbatim += tag in VERBATIM
        attributes = dict(attrs)
        self.anchors |= {attributes[key] for key in ("id", "name") if attributes.get(key)}
        self.links += [attributes[key] for key in ("href", "src") if attributes.get(key)]


def check(folder):
    """Return what is broken, how many links were followed, and the links that lead elsewhere."""
    paths = [path.relative_to(folder) for path in sorted(folder.rglob("*.html"))]
    # What the theme keeps in _static are templates.
    pages = {folder / path: Page(folder / path) for path in paths if path.parts[0] != "_static"}
    broken, followed, elsewhere = [], 0, Counter()
    for path, page in pages.items():
        name = path.relative_to(folder)
        # Sphinx knows one module by which the reference shows what a source file defines, and there
        # may be two: back from the source to the page is all that can be asked.
        source = name.parts[0] == "_modules"
        broken += [f"{name}: {text}: TeX in the text" for text in page.tex]
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme == "data":
                continue
            if parts.scheme or parts.netloc:
                elsewhere[link] += 1
                continue
            followed += 1
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            anchor = unquote(parts.fragment)
            if not target.is_file():
                broken.append(f"{name}: {link}: no such file")
            elif source or not anchor or target not in pages:
                continue
            elif anchor not in pages[target].anchors:
                broken.append(f"{name}: {link}: no such anchor")
    return broken, followed, elsewhere


def main():
    """Check the folder that the command line names; the exit code is 1 if anything is broken."""
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        sys.exit(f"usage: python {sys.argv[0]} FOLDER")
    broken, followed, elsewhere = check(Path(sys.argv[1]).resolve())
    for link, count in sorted(elsewhere.items()):
        print(f"not followed: {link}" + (f" ({count} times)" if count > 1 else ""))
    for line in broken:
        print(f"broken: {line}")
    print(f"{followed} links followed, {len(broken)} broken; {len(elsewhere)} lead elsewhere")
    return int(bool(broken or not followed))


if __name__ == "__main__":
    sys.exit(main())
