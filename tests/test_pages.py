"""What the pages about networks say beside their examples, which run by themselves."""

import re
from pathlib import Path

import pytest

from dcsc import DcscError, networks
from dcsc.networks.analysis import Limits, analyze, shipped_inputs
from dcsc.networks.readers import READERS
from dcsc.networks.shipped import digits_network_path
from tests import extras

DOCS = Path(__file__).parents[1] / "docs"


def test_twelve_lines_from_a_module_to_its_page(tmp_path, monkeypatch, capsys):
    extras.torch()
    page = (DOCS / "networks.md").read_text()
    code, shown = re.search(r"```python\n(.*?)```.*?```text\n(.*?)```", page, re.DOTALL).groups()
    assert sum(bool(line.strip()) for line in code.splitlines()) == 12
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    assert capsys.readouterr().out == shown
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")


def tables(name):
    """Return the rows of each table of a page, without their headings."""
    text = (DOCS / name).read_text()
    blocks = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    return [
        [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()[2:]]
        for block in blocks
    ]


READ, ELSEWHERE = tables("network_formats.md")


def test_formats_that_are_read():
    named = {ending for row in READ for ending in re.findall(r"`(\.[\w.]+)`", row[0])}
    assert named == {ending for reader in READERS for ending in reader.suffixes}


@pytest.mark.parametrize(("endings", "origin", "way"), ELSEWHERE)
def test_formats_that_are_not_read(endings, origin, way, tmp_path):
    for ending in re.findall(r"`(\.\w+)`", endings):
        path = tmp_path / f"net{ending}"
        path.write_bytes(b"")
        with pytest.raises(DcscError) as error:
            networks.load(path)
        assert str(error.value).endswith(f"; such a file is of {origin}: {way.strip('`')}")


def test_questions_have_calls_that_answer_them():
    network = networks.load(digits_network_path())
    limits = Limits(inputs=12, proved=2, resynthesized=2, placed=9)
    analysis = analyze(network, shipped_inputs(), limits=limits, perturbation=1 / 255)
    names = {"network": network, "analysis": analysis, "layer": analysis.layers[1]}
    names["to_pandas"] = analysis.to_pandas
    calls = [
        call
        for table in tables("answers.md")
        for row in table
        for call in re.findall(r"`((?:network|analysis|layer|to_pandas)\b[^`]*)`", row[1])
    ]
    assert len(calls) > 20
    for call in calls:
        eval(call, names)
