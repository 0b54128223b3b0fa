"""The check of the site finds missing pages and anchors, follows no others, and sees TeX."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / ".ci" / "links.py"
PAGE = (
    """<html><body id="top"><a href="{}">x</a><img src="data:image/png;base64,AA"></body></html>"""
)


def checked(folder, link):
    (folder / "deep").mkdir(exist_ok=True)
    (folder / "deep" / "other page.html").write_text('<h1 id="ends-here">x</h1>')
    (folder / "index.html").write_text(PAGE.format(link))
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder)], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout.splitlines()


def test_what_is_there_passes(tmp_path):
    for link in ("deep/other%20page.html#ends-here", "#top", "index.html", "deep/../?q=1#top"):
        code, lines = checked(tmp_path, link)
        assert (code, lines) == (0, ["1 links followed, 0 broken; 0 lead elsewhere"])


def test_what_is_missing_is_named(tmp_path):
    for link, why in (("deep/gone.html", "file"), ("#gone", "anchor"), ("deep", "file")):
        code, lines = checked(tmp_path, link)
        assert code == 1
        assert lines[0] == f"broken: index.html: {link}: no such {why}"


def test_other_sites_are_listed_and_nothing_followed_is_no_success(tmp_path):
    code, lines = checked(tmp_path, "https://example.org/page#part")
    assert code == 1
    assert lines[0] == "not followed: https://example.org/page#part"


def test_tex_that_readers_would_see_is_named(tmp_path):
    page = tmp_path / "mathematics.html"
    page.write_text("<p>for $\\nu</p><ul><li>z$ and <code>$\\mu$</code></li></ul><pre>$$</pre>")
    code, lines = checked(tmp_path, "#top")
    assert code == 1
    assert lines[0] == "broken: mathematics.html: $\\nu: TeX in the text"
    assert lines[1] == "1 links followed, 1 broken; 0 lead elsewhere"
    page.write_text("<p>for <math><mi>z</mi></math>, <code>$\\nu$</code> and 5 $</p>")
    assert checked(tmp_path, "#top")[0] == 0
