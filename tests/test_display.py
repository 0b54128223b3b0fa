"""What records show of themselves: short texts, and HTML that takes the style of its page."""

import html.parser

import attrs
import pytest
import torch

from dcsc import CirculantDictionary, DCSCModel, HardThreshold, IdentitySigns, Layer, Pathway
from dcsc._display import Display, Displayed
from dcsc.bounds import Certificate, LayerStatistics, PartialBound
from dcsc.experiments.simulation import Tally
from dcsc.report.numbers import rounded_out
from nightly.good_instances import INSTANCES

PLAIN = {"div", "p", "strong", "table", "thead", "tbody", "tr", "th", "td"}
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
    assert len(text) < 1000


@pytest.mark.parametrize(
    "kind", [kind for kind in INSTANCES if issubclass(kind, Displayed)], ids=lambda k: k.__name__
)
def test_html_is_plain_and_whole(kind):
    record = INSTANCES[kind]()
    elements = Elements(record._repr_html_())
    assert elements.names <= PLAIN
    assert not elements.attributes
    assert not elements.open
    display = record._display()
    assert {display.title, *(cell for row in display.rows for cell in row)} <= {"", *elements.words}


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


def test_what_files_say_is_text():
    display = Display("<script>alert()</script>", ("", "a & b"), [("<b>", "\x1b[31m")])
    assert "\x1b" not in display.text() + display.html()
    elements = Elements(display.html())
    assert elements.names <= PLAIN
    assert elements.words == ["<script>alert()</script>", "a & b", "<b>", "\\x1b[31m"]


def test_numbers_of_a_tally():
    text = repr(Tally(10, [8, 2], [30], [5]))
    assert "the pathway fails at a rate of 0.2, 0.02521 to 0.5561 with 95 % confidence" in text
    cells = ["8", "0.8", "0.4439", "to", "0.9748", "3", "0.5"]  # beta quantiles at 2.5 and 97.5 %
    assert text.split("\n")[2].split() == ["layer", "1", *cells]


def test_numbers_of_a_pathway_and_a_recovery():
    dictionary = CirculantDictionary([[[1.0, 0.0]]], extent=4)
    model = DCSCModel([Layer(dictionary, HardThreshold(0.5), IdentitySigns())])
    truth = model.synthesize([[[1, 0, 0, 2]], [[0, 0, 0, 3]]])
    wrong = Pathway([truth[0], [[[1, 1, 0, 2]], [[0, 0, 0, 3]]]], (2,))
    assert repr(truth).split("\n")[3].split() == [
        "layer",
        "1",
        "1",
        "×",
        "4",
        "1.5",
        "37.5",
        "%",
        "3",
    ]
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
