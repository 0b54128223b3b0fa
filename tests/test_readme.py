"""What the README shows is what happens."""

import re
from pathlib import Path

README = Path(__file__).parents[1].joinpath("README.md").read_text()


def test_twelve_lines(capsys, tmp_path, monkeypatch):
    pattern = r"## Twelve lines.*?```python\n(.*?)```\n\n```text\n(.*?)```"
    code, shown = re.search(pattern, README, re.DOTALL).groups()
    assert len([line for line in code.splitlines() if line.strip()]) <= 12
    names = {}
    exec(code, names)
    assert capsys.readouterr().out == shown
    # what follows goes on with the same names, and leaves a picture where it runs
    monkeypatch.chdir(tmp_path)
    exec(re.search(r"Three more lines.*?```python\n(.*?)```", README, re.DOTALL)[1], names)
    assert (tmp_path / "twelve.png").read_bytes().startswith(b"\x89PNG")


def test_files_that_are_linked_exist():
    links = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert links
    assert [link for link in links if not Path(__file__).parents[1].joinpath(link).exists()] == []
