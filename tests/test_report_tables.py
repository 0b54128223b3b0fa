"""What the tables of an analysis show: what tells layers apart, and the network's own case."""

import attrs
import pytest

from dcsc.errors import DcscError
from dcsc.networks import load
from dcsc.networks.analysis import Limits, OwnCase, OwnFacts, Place, analyze, shipped_inputs
from dcsc.networks.shipped import digits_network_path
from dcsc.report import page, row, sentences, words
from dcsc.report.table import columns, differing

FEW = Limits(inputs=12, proved=2, resynthesized=6, draws=2, units=2, twins=0, placed=20)
CASE = OwnCase(None, 6, Place(0.97, 0.66, 1.0), Place(1.25, 1.5, 0.125))
OWN = OwnFacts(20, 3, CASE, (attrs.evolve(CASE, label="<b>", inputs=2),))


@pytest.fixture(scope="module")
def digits():
    return analyze(load(digits_network_path("incoherent")), shipped_inputs(), limits=FEW)


def test_columns_that_are_the_same_everywhere_are_one_sentence(digits):
    rows = [row(layer, number) for number, layer in enumerate(digits.layers)]
    headings = list(columns(digits))
    kept, same = differing(headings, rows)
    for name in headings:
        texts = {one[name].text for one in rows}
        assert (name in kept) == (len(texts) > 1 or name == "layer")
        if name not in kept:
            (text,) = texts
            assert (f"{name} {text}" if text != "–" else name) in same
    assert [name for name in headings if name in kept] == kept
    assert same in page(digits)
    strides = [{**one, "stride": rows[0]["stride"]} for one in rows]
    assert differing(["layer", "stride", "S"], strides) == (
        ["layer", "S"],
        f"The same in every layer: stride {rows[0]['stride'].text}.",
    )
    assert differing(headings, rows[:1]) == (headings, "")
    assert differing(["layer", "on"], rows) == (["layer", "on"], "")
    # what one of two layers lacks is no sameness, what both lack is
    some = [{**rows[0], "new": rows[0]["on"]}, rows[1]]
    assert differing(["layer", "new", "none"], some) == (
        ["layer", "new"],
        "Not known of any layer: none.",
    )
    with pytest.raises(DcscError, match="differing: rows: expected a dict"):
        differing(["layer"], [3, 4])


def test_what_layers_are_asked_about_most_comes_first(digits):
    headings = list(columns(digits))
    assert headings[:6] == ["layer", "on", "S", "found", "false alarms", "own"]
    assert len(set(headings)) == len(headings)


def test_theorems_that_are_empty_take_one_sentence(digits):
    layer = digits.layers[0]
    assert not any(theorem.holds for theorem in layer.theorems)
    first, *others = sentences.of_layer(layer, 0.05)["What is proved"]
    assert first.startswith("Nothing of whole codes: (2), (3), (3R), (H), (I) hold for none of")
    assert not any("empty" in text for text in others)


def test_a_proof_of_fewer_inputs_says_of_how_many(digits):
    layer = digits.layers[0]
    inputs = layer.resynthesis[0].inputs
    all_of_them, fewer = (
        row(attrs.evolve(layer, partial=attrs.evolve(layer.partial, inputs=count)))["proved"].text
        for count in (inputs, inputs - 1)
    )
    assert "of" not in all_of_them
    assert fewer == f"{all_of_them} (of {inputs - 1})"


def test_the_own_case_has_cells_and_sentences(digits):
    layer = attrs.evolve(digits.layers[0], own=OWN)
    cells = row(layer)
    assert (cells["own"].text, cells["own"].value) == ("97% (100%)", 0.97)
    assert (cells["own false"].text, cells["own false"].value) == ("1.25 (12%)", 1.25)
    first, classes = sentences.of_layer(layer, 0.05)["The network's own signs"]
    assert "finds 97% of the active units again and switches on 1.25 others for each" in first
    assert "20 draws of the signs from seed 3 find 66% and switch on 1.50 in the mean" in first
    assert first.endswith("All of them find fewer, and 12% of them switch on fewer.")
    assert classes.endswith("draws with less: <b>: 97% (100%) and 1.25 (12%).")
    both = attrs.evolve(digits, layers=(layer, attrs.evolve(layer, own=None)))
    assert any(
        "in every draw of random ones in 1 of 1 layer." in x for x in words.at_a_glance(both)
    )
    assert "&lt;b&gt;: 97% (100%)" in page(both)
    assert f"{layer.name}: the place of its own signs" in " ".join(words.limits(both))
    assert "the place of its own signs" not in " ".join(words.limits(digits))
    without = attrs.evolve(digits, layers=(both.layers[1],))
    assert "own" not in columns(without)
    assert "own" not in row(without.layers[0])
    assert "The network's own signs" not in sentences.of_layer(without.layers[0], 0.05)


def test_the_terminal_leads_with_what_differs(tmp_path, called, monkeypatch):
    """What is proved comes before what a layer is; what is the same everywhere comes below."""
    monkeypatch.setenv("COLUMNS", "100")  # as many as the table needs
    done = called("analyze", "--most", 4, "--html", tmp_path / "page.html")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    (heading,) = [line for line in lines if line.startswith("┃ layer")]
    assert [cell.strip() for cell in heading.strip("┃").split("┃")][:4] == [
        *("layer", "✓ proved", "✓ proved false", "own"),
    ]
    headings = len(heading.strip("┃").split("┃"))
    assert headings <= 8
    assert not [line for line in lines if "…" in line]
