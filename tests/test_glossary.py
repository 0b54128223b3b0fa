"""The words that head columns: each stands in one table, and whatever has columns uses it."""

import re
import runpy
import textwrap
from pathlib import Path

import attrs
import pytest

import dcsc
from dcsc.errors import DcscError
from dcsc.networks import load
from dcsc.networks.analysis import Limits, analyze, compare, shipped_inputs
from dcsc.networks.operations import Relu
from dcsc.networks.shipped import digits_network_path
from dcsc.networks.tallies import tally
from dcsc.report import page, row
from dcsc.report.glossary import WORDS, legend, word
from dcsc.report.table import columns, differing, groups
from dcsc.report.tallies import tally_columns, tally_rows
from tests.networks.chains import convolve, network, shown

FEW = Limits(inputs=12, proved=2, resynthesized=6, draws=2, units=2, twins=1, placed=20)
DOCS = Path(dcsc.__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def digits():
    network = load(digits_network_path("incoherent"))
    return analyze(network, shipped_inputs(), limits=FEW, perturbation=0.01)


@pytest.fixture(scope="module")
def counted():
    few = shipped_inputs().first(20)
    return tally(load(digits_network_path("incoherent")), few)


def test_every_word_is_there_once():
    names = [one.name for one in WORDS]
    assert len(set(names)) == len(names)
    ends = [column for one in WORDS for column in one.columns]
    assert len(set(ends)) == len(ends)
    with pytest.raises(DcscError, match="word: name: expected one of layer, on, S, "):
        word("colour")


def test_every_column_of_pandas_has_a_word_and_none_else(digits):
    """Nothing in the glossary speaks of a column that is not there, and each column is told."""
    told = {column for one in WORDS for column in one.columns}
    alone = set(digits.to_pandas().columns)
    both = set(compare(digits, digits).to_pandas().columns)
    ends = {name.removesuffix("_first").removesuffix("_second") for name in both}
    assert alone | ends == told
    assert ends - alone == {"pathways_alike", "filters_alike"}


def test_every_cell_of_the_page_has_a_word(digits, counted):
    names = {one.name for one in WORDS}
    cells = {name for layer in digits.layers for name in row(layer)}
    assert cells <= names
    assert set(columns(digits)) <= names
    assert {name for one in tally_rows(counted) for name in one} <= names
    assert {*digits._display().headings, *compare(digits, digits)._display().headings} <= {
        "",
        *names,
    }
    for name, text in columns(digits).items():
        assert text == word(name).text()
    for name, text in tally_columns(counted).items():
        assert text == word(name).text(every=True)


def test_numbers_of_a_row_are_those_of_its_columns_in_pandas(digits):
    """A word that has one column in pandas has its number in the cell."""
    table = digits.to_pandas()
    for layer in digits.layers:
        cells = row(layer)
        looked = 0
        for one in WORDS:
            if len(one.columns) == 1 and one.name in cells and one.name != "decided":
                assert cells[one.name].value == table.loc[layer.name, one.columns[0]]
                looked += 1
        assert looked > 10
        assert cells["decided"].value == table.loc[layer.name, "decided"]


def test_what_the_page_says_of_filters_outside_and_silent_units_is_in_pandas():
    """Against the codes themselves, of layers with silent units and positive biases."""
    biases = [0.5, -0.1, -9.0], [-0.2, 0.1, 0.3, -4.0]
    parts = [convolve(len(bias), 2 + at, (3, 3), bias) for at, bias in enumerate(biases)]
    dead = attrs.evolve(parts[1], weight=parts[1].weight * [[[[1]]], [[[1]]], [[[1]]], [[[0]]]])
    chain = network(parts[0], Relu(), dead, Relu(), lengths=(7, 7))
    found = analyze(chain, shown(5, 2, 7, 7), limits=FEW)
    table = found.to_pandas()
    assert table.outside.tolist() == [1 / 3, 3 / 4]
    for layer in found.layers:
        on, codes = layer.coded.on, layer.coded.codes
        told = table.loc[layer.name]
        assert told.silent == (~on.any(axis=0)).mean()
        assert told.on_by_bias == pytest.approx(on[codes <= 0].sum() / on.sum())
        count, total = row(layer)["outside"].text.split()[:3:2]
        assert told.outside == int(count) / int(total)
        silent = rf">{layer.codes.silent} units? of {on[0].size} (is|are) on for none"
        assert re.search(silent, page(found, shown=1))
    assert table.silent.between(0, 1, inclusive="neither").all()
    assert table.on_by_bias.max() > 0
    alone = analyze(chain, limits=FEW).to_pandas()
    assert alone.outside.tolist() == table.outside.tolist()
    assert alone.silent.isna().all()


def test_what_is_proved_stands_together(digits):
    kept, _ = differing(
        list(columns(digits)), [row(layer, at) for at, layer in enumerate(digits.layers)]
    )
    titles = [title for title, _ in groups(kept)]
    assert titles == ["", "Measured on the inputs", "Proved", "Of the filters alone"]
    assert sum(count for _, count in groups(kept)) == len(kept)
    proved = [name for name in kept if word(name).kind == "proved"]
    assert {"proved", "proved false", "decided", "safe"} <= set(proved)
    text = page(digits)
    assert f'colspan="{len(proved)}" class="proved">Proved<' in text
    for heading in ("What is proved", "Perturbed inputs", "Safe units"):
        assert f'<h4 class="proved">{heading}</h4>' in text
    assert '<h4 class="proved">Codes</h4>' not in text
    assert "<h4>Codes</h4>" in text


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_the_terminal_shows_what_it_has_room_for_and_says_what_it_is(
    tmp_path, called, monkeypatch, width
):
    monkeypatch.setenv("COLUMNS", str(width))
    options = ("--most", 4, "--perturbation", "1/255", "--tallies", tmp_path / "counts")
    done = called("analyze", *options, "--html", tmp_path / "page.html")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert max(map(len, [line for line in lines if not line.startswith("Wrote")])) <= width
    heads = [at for at, line in enumerate(lines) if line.startswith("┃ layer")]
    assert len(heads) == 2
    for at, end in zip(heads, (*heads[1:], len(lines)), strict=True):
        shown = [cell.strip() for cell in lines[at].strip("┃").split("┃")]
        assert len(shown) >= 4
        below = lines[at:end]
        for heading in shown[1:]:
            name = heading.removeprefix("✓ ")
            assert (word(name).kind == "proved") == heading.startswith("✓ ")
            (told,) = [line for line in below if line.startswith(f"  {name}: ")]
            assert textwrap.shorten(word(name).line(), 12, placeholder="") in told
        # no cell of three layers is broken into several lines
        assert len([line for line in below if line.startswith("│")]) == 3
        rest = " ".join(below).partition("The page has more columns: ")[2].split(".")[0]
        assert not {x.removeprefix("✓ ") for x in shown} & set(rest.split(", "))
        assert bool(rest) == (width < 200)


def test_a_legend_has_the_words_that_are_asked_for_and_no_others():
    found = [one.name for _, words in legend(["decided", "on", "layer"]) for one in words]
    assert found == ["on", "decided"]


@pytest.mark.skipif(not DOCS.is_dir(), reason="a wheel has no documentation")
def test_the_reference_has_every_word():
    extension = runpy.run_path(str(DOCS / "_extensions" / "glossary.py"))
    assert (DOCS / "api" / "networks.md").read_text().count(extension["MARK"]) == 1
    rows = [line.split(" | ") for line in extension["table"]().splitlines()[2:]]
    for one in WORDS:
        (found,) = [cells for cells in rows if cells[0] == f"| {one.name}"]
        assert len(found) == 4
        assert one.meaning in found[1]
        assert found[2] == one.unit
        assert [name.strip("` |") for name in found[3].split(", ")] == list(one.columns or [""])
