"""What records show of themselves: short texts, and HTML that takes the style of its page."""

import html.parser
import re

import attrs
import numpy as np
import pytest
import torch

from dcsc import (
    CirculantDictionary,
    DCSCModel,
    DenseDictionary,
    Dictionary,
    HardThreshold,
    IdentitySigns,
    Layer,
    Pathway,
)
from dcsc._diagram import Station, diagram
from dcsc._display import Display, Displayed, Facts
from dcsc.bounds import Certificate, LayerStatistics, PartialBound
from dcsc.experiments.simulation import Tally
from dcsc.intervals import Interval
from dcsc.networks import load
from dcsc.networks.analysis import Analysis, Coherence, analyze
from dcsc.networks.autoencoders.analysis import AutoencoderAnalysis
from dcsc.networks.shipped import digits_inputs, digits_network_path
from dcsc.report import page
from dcsc.report.numbers import rounded_out
from nightly.good_instances import INSTANCES

PLAIN = {"div", "p", "strong", "table", "thead", "tbody", "tr", "th", "td"}
DRAWN = {"svg", "rect", "path", "text"}
# How a chain is drawn: places and sizes, in the colour and the font of the page around it.
PLACES = {"x", "y", "d", "width", "height", "rx", "viewbox", "role", "aria-label", "text-anchor"}
FRAMED = (Analysis, AutoencoderAnalysis)
ROWS = [(f"layer {at}", str(at), "wide" * (1 + at % 9)) for at in range(1, 31)]


class Elements(html.parser.HTMLParser):
    """Names and attributes of the elements, and their text."""

    def __init__(self, text):
        super().__init__()
        self.names, self.attributes, self.words, self.open = set(), [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.names.add(tag)
        self.attributes += attributes
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


# Modules of PyTorch show themselves as PyTorch has it.
RECORDS = [kind for kind in INSTANCES if not issubclass(kind, torch.nn.Module)]


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
def test_no_record_is_a_wall_of_numbers(kind):
    text = repr(INSTANCES[kind]())
    assert text.count("\n") < 10
    assert max(map(len, text.split("\n"))) < 240


def html_of(record):
    """The elements of what a notebook shows; of a framed page those around it."""
    text = record._repr_html_()
    if isinstance(record, FRAMED):
        frame, table = text.split("</iframe>")
        assert Elements(frame + "</iframe>").names == {"iframe"}
        start, end = "<details><summary>Numbers</summary>", "</details>"
        assert table.startswith(start)
        assert table.endswith(end)
        text = table.removeprefix(start).removesuffix(end)
    return Elements(text)


@pytest.mark.parametrize(
    "kind",
    [kind for kind in RECORDS if issubclass(kind, Displayed | Dictionary)],
    ids=lambda kind: kind.__name__,
)
def test_html_is_plain_and_whole(kind):
    record = INSTANCES[kind]()
    elements = html_of(record)
    drawn = elements.names & DRAWN
    assert elements.names - drawn <= PLAIN
    assert not elements.open
    for name, value in elements.attributes:
        assert drawn
        assert name in PLACES or (name, value) in {
            *(("fill", "none"), ("fill", "currentColor"), ("stroke", "currentColor")),
            *(("fill-opacity", "0.08"), ("font-size", "12")),
        }
    if isinstance(record, Displayed):
        display = record._display()
        cells = {display.title, *(cell for row in display.rows for cell in row)}
        assert cells <= {"", *elements.words}


def test_a_page_in_a_frame_reaches_nothing_around_it():
    analysis = INSTANCES[Analysis]()
    text = analysis._repr_html_()
    frame = Elements(text[: text.index("</iframe>")])
    attributes = dict(frame.attributes)
    assert attributes["srcdoc"] == page(analysis)
    assert attributes["sandbox"] == "allow-scripts"  # of another origin: it cannot see the notebook


def test_a_chain_of_many_layers_leaves_out_the_middle():
    stations = [Station(f"layer {at}", 2**at, f"way {at}") for at in range(40)]
    elements = Elements(diagram(stations))
    words = [word for word in elements.words if word.startswith(("layer", "…"))]
    assert words == [
        *(f"layer {at}" for at in range(6)),
        "… 28 more",
        *(f"layer {at}" for at in range(34, 40)),
    ]
    assert "way 39" in elements.words


def test_bars_of_a_chain_grow_with_what_they_stand_for():
    text = diagram([Station("a", 1), Station("b", 63, "<up>"), Station("c", 4095, "up")])
    widths = [int(width) for width in re.findall(r'<rect [^>]*width="(\d+)"', text)]
    assert widths == [100, 182, 280]  # 84 + 196·log2(1 + n)/12
    assert "&lt;up&gt;" in text


def test_an_arrow_leads_from_what_is_read_and_from_nothing_else():
    stations = [Station("a", 1), Station("b", 1, "far"), Station("c", 1, "sees a", follows=False)]
    text = diagram(stations)
    assert text.count("<path") == 1
    assert 'aria-label="a → b; c"' in text
    assert "sees a" in Elements(text).words


def test_text_has_room_in_a_bar_and_takes_two_lines_beside_it():
    long = "word " * 40
    text = diagram([Station("n" * 30, 1), Station("b", 2**12, long)])
    assert 'width="224"' in text  # 7 for each character, and for two more
    lines = [word for word in Elements(text).words if word.startswith("word")]
    assert [len(line) <= 70 for line in lines] == [True, True]
    assert lines[0] == long[:69]
    assert "…" in lines[1]


def test_measures_that_take_long_are_not_asked():
    shown = DenseDictionary([[1.0, 0.6], [0.0, 0.8]])._repr_html_()
    assert "<tr><th>coherence</th><td>0.6</td></tr>" in shown
    large = DenseDictionary(np.ones((2, 20_000)))
    assert "mutual_coherence() would take long here" in large._repr_html_()


def test_filters_that_are_zero_are_told():
    dead, half = (
        CirculantDictionary(taps, extent=8)
        for taps in (np.zeros((2, 1, 3)), [[[1, 1, 0]], [[0, 0, 0]]])
    )
    assert "2 of 2 filters are zero" in repr(dead)
    assert "1 of 2 filters are zero" in repr(half)
    assert "1 of 2 atoms are zero" in repr(DenseDictionary([[1.0, 0.0]]))
    assert "zero" not in repr(CirculantDictionary(np.ones((2, 1, 3)), extent=8))
    # no cosine is none, and not the least that there could be
    assert "<tr><th>coherence</th><td>–</td></tr>" in dead._repr_html_()
    assert "<tr><th>filters that are zero</th><td>1 of 2</td></tr>" in half._repr_html_()
    assert "<tr><th>coherence</th><td>0.5</td></tr>" in half._repr_html_()


def test_a_tally_without_entries_says_how_they_are_counted():
    assert "simulate(..., entries=True)" in repr(Tally(10, [1, 1]))
    assert "entries" not in repr(Tally(10, [1, 1], [3], [4]))


def test_facts_tell_many_numbers_in_a_few_characters():
    @attrs.frozen(repr=False)
    class Mine(Facts):
        of_each: tuple
        both: Interval
        known: bool
        missing: None
        array: object

    lines = repr(Mine((1, 2.5, 3, 4, 5), Interval(0.5, 1), True, None, np.arange(6.0))).split("\n")
    assert [line.split(maxsplit=1) for line in lines[2:4]] == [
        ["of", "each  5 numbers, 1 to 5"],
        ["both", "0.5 to 1"],
    ]
    assert [line.split()[-1] for line in lines[4:6]] == ["yes", "–"]
    assert lines[6].split(maxsplit=1) == ["array", "6, 0 to 5"]


def test_records_within_records_are_told_and_not_counted():
    """A step has a name; the coherence and what is found have a line of their own."""
    network = load(digits_network_path("plain"))
    rows = dict(network.convolutions[0]._display().rows)
    assert rows["parts"] == "activation: Relu"
    (layer, *_) = analyze(network, digits_inputs().images[:2]).layers
    own = layer.filters.own
    first, second = own.filters
    rows = dict(layer.filters._display().rows)
    assert rows["own"] == f"{own.value:.4g}, of {first} and {second} shifted by {own.shift}"
    found = layer.resynthesis[0].alone
    assert dict(layer.resynthesis[0]._display().rows)["alone"] == (
        f"{100 * found.found:.3g}% found, {found.false_alarms:.4g} false for each on"
    )
    assert str(Coherence(0.0, None, None)) == "0"


def test_text_leaves_out_the_middle_and_html_nothing():
    display = Display("Many layers", ("", "number", "word"), ROWS, ("first", "second"))
    lines = display.text().split("\n")
    assert len(lines) == 10
    assert [line.split()[0] for line in lines] == [
        *("Many", "number", "layer", "layer", "layer", "…", "layer", "layer", "layer", "first")
    ]
    assert lines[5].strip() == "… 24 more"
    assert max(map(len, lines)) < 80
    words = Elements(display.html()).words
    assert words == [
        "Many layers",
        "number",
        "word",
        *(c for r in ROWS for c in r),
        "first",
        "second",
    ]


def test_more_remarks_take_the_lines_of_rows():
    remarks = [f"remark {number}" for number in range(6)]
    for lines, kept in ((0, 3), (1, 3), (2, 2), (3, 2), (4, 1)):
        display = Display("Many", ("", "number", "word"), ROWS, remarks, lines=lines)
        text = display.text().split("\n")
        assert len(text) <= 10
        assert [line.strip() for line in text if "remark" in line] == remarks[:lines]
        assert sum(line.startswith("  layer") for line in text) == 2 * kept
        assert f"… {len(ROWS) - 2 * kept} more" in display.text()
        few = Display("Few", ("", "number", "word"), ROWS[: 8 - lines], remarks, lines=lines)
        assert len(few.text().split("\n")) == 10
        assert "more" not in few.text()


def test_what_files_say_is_text():
    display = Display("<script>alert()</script>", ("", "a & b"), [("<b>", "\x1b[31m")])
    assert "\x1b" not in display.text() + display.html()
    elements = Elements(display.html())
    assert elements.names <= PLAIN
    assert elements.words == ["<script>alert()</script>", "a & b", "<b>", "\\x1b[31m"]


def test_numbers_of_a_tally():
    text = repr(Tally(10, [8, 2], [30], [5]))
    assert "the pathway fails at a rate of 0.2, 0.02521 to 0.5561 with 95% confidence" in text
    cells = ["8", "0.8", "0.4439", "to", "0.9748", "3", "0.5"]  # beta quantiles at 2.5 and 97.5%
    assert text.split("\n")[2].split() == ["layer", "1", *cells]


def test_numbers_of_a_pathway_and_a_recovery():
    dictionary = CirculantDictionary([[[1.0, 0.0]]], extent=4)
    model = DCSCModel([Layer(dictionary, HardThreshold(0.5), IdentitySigns())])
    truth = model.synthesize([[[1, 0, 0, 2]], [[0, 0, 0, 3]]])
    wrong = Pathway([truth[0], [[[1, 1, 0, 2]], [[0, 0, 0, 3]]]], (2,))
    cells = ["1", "×", "4", "1.5", "37.5%", "3"]
    assert repr(truth).split("\n")[3].split() == ["layer", "1", *cells]
    recovery = truth.compare(wrong)
    assert repr(recovery).split("\n")[0].endswith("exact in 1 of 2")
    assert repr(recovery).split("\n")[2].split() == [
        "layer",
        "1",
        "1",
        "of",
        "2",
        "0",
        "0.5",
        "0.5",
    ]


def test_a_class_of_ones_own_with_fields_keeps_its_repr():
    @attrs.frozen
    class Mine(Displayed):
        value: int

        def _display(self):
            return Display("mine")

    assert repr(Mine(3)).endswith("Mine(value=3)")
    assert Mine(3)._repr_html_() == "<div><p><strong>mine</strong></p></div>"


def test_what_is_proved_is_never_rounded_in_its_favour():
    layer = LayerStatistics(coherence=0.01, x_min=1, x_max=1, sparsity=60, threshold=0.5, spread=1)
    guarantee = PartialBound().evaluate(layer)
    (part,) = guarantee.layers
    assert 0.9999 < part.recall.low < 1
    for text in (repr(guarantee), Certificate.of(guarantee).claim):
        assert "0.999" in text
    assert rounded_out(99.61, 99.68, 0) == ("99", "100")
    assert rounded_out(1e-5, 4e-4, 3) == ("0.000", "0.001")
