"""The charts and the pictures of codes on a network's page, read back from what was drawn."""

import base64
from io import BytesIO
from xml.etree import ElementTree

import attrs
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from dcsc._colours import SKY
from dcsc.networks.analysis import (
    Coherence,
    FilterFacts,
    Found,
    LayerAnalysis,
    ResynthesisFacts,
    TheoremFacts,
)
from dcsc.overlap import PathwayOverlap
from dcsc.report.charts import density_chart, sparsity_chart, threshold_chart
from dcsc.report.overlap import overlap_drawing
from dcsc.report.overview import coherence_chart, found_chart
from dcsc.report.pictures import code_picture, input_picture, most_active
from dcsc.report.signals import signal_chart
from dcsc.report.svg import ticks
from tests.drawings import Drawn


def layer(number, own, dense, random, resynthesis=()):
    filters = FilterFacts(
        shape=(4, 1, 3), stride=(2,), dilation=(1,), padding="", groups=1, activation="ReLU",
        leaves_zeros=True, own=own, dense=dense, random=random, floor=0.01 * number,
        threshold=(0.1,), always_on=(), dead=(), reasons=(),
    )  # fmt: skip
    return LayerAnalysis(f"conv{number}", filters, resynthesis=resynthesis)


def coherence(value):
    return Coherence(value, (0, 1), (0,))


def test_coherence_of_layers_by_name():
    layers = [
        layer(1, coherence(0.5), coherence(0.7), 0.6),
        layer(2, None, None, None),
        layer(3, coherence(0.2), coherence(0.3), 0.25),
    ]
    drawn = Drawn(coherence_chart(layers))
    expected = {
        "this network": [0.5, None, 0.2],
        "at stride 1": [0.7, None, 0.3],
        "random filters": [0.6, None, 0.25],
        "floor": [0.01, 0.02, 0.03],
    }
    drawn_shares = shares(drawn, 3)
    assert list(drawn_shares) == list(expected)
    for name, values in expected.items():
        for value, seen in zip(values, drawn_shares[name], strict=True):
            assert seen == (None if value is None else pytest.approx(value, abs=1e-3)), name
    names = drawn.texts
    assert [text for text in names if text and text.startswith("conv")] == [
        "conv1", "conv2", "conv3"
    ]  # fmt: skip
    # between two layers there is nothing that a line could go through
    assert {line.get("stroke") for _, line in drawn.lines} == {"black"}


def shares(drawn, layers):
    """Return what is drawn at each layer, by name."""
    y = drawn.scale(below=False)
    points, found = drawn.marks(), {}
    for name, style in drawn.key().items():
        left, right = 48, float(drawn.root.get("viewBox").split()[2]) - 7
        found[name] = [None] * layers
        for x, at in points.get(style, ()):
            place = (x - left) / (right - left) * layers - 0.5
            assert abs(place - round(place)) < 0.01
            found[name][round(place)] = float(y(at))
    return found


def test_names_of_layers_are_text():
    one = attrs.evolve(layer(1, None, None, None), name="<b>$\\x")
    assert ">&lt;b&gt;$\\x</text>" in coherence_chart([one])


def test_what_is_found_again_by_signs_and_by_way():
    def again(first):
        return tuple(
            ResynthesisFacts(signs, Found(at, 0, 0, 0), Found(at + 0.1, 0, 0, 0), 1, 1, 1)
            for signs, at in (("random", first), ("none", first + 0.2))
        )

    layers = [layer(n, None, None, None, again(first)) for n, first in ((1, 0.5), (2, 0.25))]
    drawn = Drawn(found_chart(layers))
    expected = {
        "layer alone, random signs": [50, 25],
        "from below, random signs": [60, 35],
        "layer alone, no signs": [70, 45],
        "from below, no signs": [80, 55],
    }
    assert shares(drawn, 2) == {
        name: pytest.approx(values, abs=0.02) for name, values in expected.items()
    }
    assert len(set(drawn.key().values())) == 4
    assert "100%" in drawn.texts


def counted(drawn, values, unit):
    """Hold the bars to the values, counted one by one; the last bar has its right end too."""
    x, y = drawn.scale(below=True), drawn.scale(below=False)
    total = 0
    for bar in drawn.parts("rect"):
        at, top, width, height = (float(bar.get(k)) for k in ("x", "y", "width", "height"))
        low, high = x(at) / unit, x(at + width) / unit
        count = sum(
            low - 0.01 * (high - low) <= value < high - 0.01 * (high - low) for value in values
        )
        count += sum(abs(value - high) <= 0.01 * (high - low) for value in values) * (
            high >= 0.99 * max(values)
        )
        assert y(top) - y(top + height) == pytest.approx(count, abs=0.1)
        total += count
    assert total == len(values)


def test_bars_count_inputs():
    density = [0.0, 0.01, 0.02, 0.022, 0.013, 0.1, 0.07]
    drawn = Drawn(density_chart(density))
    counted(drawn, density, 100)
    assert drawn.texts[-2:] == ["units that are on", "inputs"]
    assert "10%" in drawn.texts
    sparsity = [1, 1, 2, 5, 5, 9, 4]
    drawn = Drawn(sparsity_chart(sparsity, 27, ()))
    counted(drawn, sparsity, 1)
    assert drawn.texts[-2:] == ["stripe sparsity S, of 27", "inputs"]


def test_lines_stand_where_theorems_end():
    theorems = [
        TheoremFacts("(2)", holds=1, of=7, allowed=3),
        TheoremFacts("(3)", holds=0, of=7, allowed=None),
        TheoremFacts("(3R)", reason="too much work"),
        TheoremFacts("(H)", holds=5, of=7, allowed=6),
    ]
    drawn = Drawn(sparsity_chart([1, 5], 27, theorems))
    dashed = [pair for pair in drawn.lines if pair[1].get("stroke-dasharray")]
    x = drawn.scale(below=True)
    walls = {
        line.get("stroke"): x(first[0]) for (first, last), line in dashed if first[0] == last[0]
    }
    entries = [line.get("stroke") for (first, last), line in dashed if first[0] != last[0]]
    names = [text for text in drawn.texts if text.startswith("(")]
    assert names == ["(2): S ≤ 3", "(3): none"]
    assert [walls[colour] for colour in entries] == pytest.approx([3, 0], abs=0.05)
    assert len(walls) == 2


def test_theorems_that_end_at_the_same_place_are_one_line():
    theorems = [TheoremFacts(name, holds=0, of=7, allowed=end) for name, end in
                (("(2)", 3), ("(3)", None), ("(3R)", 3))]  # fmt: skip
    drawn = Drawn(sparsity_chart([1, 5], 27, theorems))
    dashed = [pair for pair in drawn.lines if pair[1].get("stroke-dasharray")]
    walls = [first for (first, last), _ in dashed if first[0] == last[0]]
    assert len(walls) == 2
    names = [text for text in drawn.texts if text.startswith("(")]
    assert names == ["(2), (3R): S ≤ 3", "(3): none"]


def test_negative_thresholds_have_another_colour():
    drawn = Drawn(threshold_chart([0.5, -0.25, 0.125, -1.0]))
    y = drawn.scale(below=False)
    stems = list(drawn.stems())
    assert [y(end) for *_, end in stems] == pytest.approx([-1, -0.25, 0.125, 0.5], abs=0.02)
    assert [y(start) for *_, start, _ in stems] == pytest.approx([0] * 4, abs=0.02)
    assert [x for _, x, *_ in stems] == sorted(x for _, x, *_ in stems)
    negative, also, positive, last = (colour for colour, *_ in stems)
    assert negative == also != positive == last


@pytest.mark.parametrize(
    ("low", "high", "whole"), [(0, 1, False), (-3.2, 7, True), (0, 1e-7, False), (0, 3, True)]
)
def test_numbers_of_an_axis_are_round_and_few(low, high, whole):
    places = ticks(low, high, 6, whole)
    assert 2 <= len(places) <= 6
    assert all(low - 1e-9 * high <= place <= high * (1 + 1e-9) for place in places)
    steps = np.diff(places)
    assert steps == pytest.approx([steps[0]] * len(steps))
    mantissa = steps[0] / 10.0 ** np.floor(np.log10(steps[0]) + 1e-9)
    assert min(abs(mantissa - step) for step in (1, 2, 2.5, 5)) < 1e-6
    assert not whole or all(place == int(place) for place in places)


def test_signals_are_a_line_for_each_channel():
    values = np.sin(np.arange(3000)).reshape(2, 1500)
    drawn = Drawn(signal_chart(values))
    x, y = drawn.scale(below=True), drawn.scale(below=False)
    lines = [points for points, line in drawn.lines if line.get("stroke") != "black"]
    assert len(lines) == 2
    for points, channel in zip(lines, values, strict=True):
        assert [x(at) for at, _ in points] == pytest.approx(np.arange(1500), abs=0.6)
        assert [y(at) for _, at in points] == pytest.approx(channel, abs=0.02)
    assert len(Drawn(signal_chart(values[:1].repeat(8, axis=0))).lines) < 30


def test_overlap_has_a_cell_and_a_number_for_every_pair_of_classes():
    matrices = np.array([[[0.5, 0.25], [0.25, np.nan]], [[1.0, 0.0], [0.0, 0.75]]])
    means = np.array([0.5, 0.875]), np.array([0.25, np.nan])
    overlap = PathwayOverlap(np.array(["a", "<b>"]), np.array([3, 1]), matrices, *means)
    root = ElementTree.fromstring(overlap_drawing(overlap, ["conv1", "<2>"]))
    images = [one.get("href") for one in root.iter() if one.tag.endswith("image")]
    cells = [Image.open(BytesIO(base64.b64decode(at.partition(",")[2]))) for at in images]
    light = [np.asarray(one.convert("L"), dtype=int) for one in cells]
    assert [one.shape for one in light] == [(2, 2), (2, 2), (64, 1)]
    first, second, scale = light
    assert first[0, 0] < first[0, 1] == first[1, 0] < first[1, 1] == scale[-1, 0]  # NaN as 0
    assert second[0, 0] == scale[0, 0] < second[1, 1] < second[0, 1] == second[1, 0]
    texts = [one.text for one in root.iter() if one.tag.endswith("text")]
    for number, count in ((".50", 1), (".25", 2), ("–", 1), (".00", 2), ("1.00", 1), (".75", 1)):
        assert texts.count(number) == count, number
    assert texts.count("<b>") == 4  # both sides of two matrices
    assert {"0.50", "0.88", "0.25", "conv1", "<2>"} <= set(texts)


# ---- a pixel for each unit -----------------------------------------------------------------------


def pixels(png):
    content, size = png
    with Image.open(BytesIO(content)) as picture:
        assert picture.size == size
        return np.asarray(picture.convert("RGB"), dtype=int)


def test_every_unit_has_its_pixel():
    """Grey is off, the darker the stronger it is on, and blue those on by their bias alone."""
    code = np.zeros((2, 4, 4))
    code[0, 1, 2], code[0, 3, 0], code[1, 0, 3], code[1, 2, 1] = 4.0, 1.0, 2.0, 3.0
    on = code > 0
    on[1, 3, 3] = True
    shown = pixels(code_picture(code, on, 48))
    assert shown.shape == (4, 9, 3)
    assert np.all(shown[:, 4] == 255)
    light = {}
    for number, row, column in np.ndindex(2, 4, 4):
        pixel = shown[row, 5 * number + column]
        if (number, row, column) == (1, 3, 3):
            assert pixel.tolist() == [round(255 * part) for part in to_rgb(SKY)]
        elif on[number, row, column]:
            light[code[number, row, column]] = pixel.sum()
        else:
            assert pixel.tolist() == [240, 240, 240]
    assert [light[size] for size in (1, 2, 3, 4)] == sorted(light.values(), reverse=True)
    assert len(set(light.values())) == 4


def test_large_maps_show_the_largest_of_a_block():
    code = np.zeros((1, 6, 6))
    code[0, 1, 1], code[0, 0, 0], code[0, 5, 2] = 2.0, 1.0, 1.0
    shown = pixels(code_picture(code, code > 0, 3))
    small = np.zeros((1, 3, 3))
    small[0, 0, 0], small[0, 2, 1] = 2.0, 1.0
    assert np.array_equal(shown, pixels(code_picture(small, small > 0, 48)))
    # by its coefficient, however small, before by its bias alone, before off
    code[0, 2, 0], small[0, 1, 0] = 1e-6, 1e-6
    on, few = code > 0, small > 0
    on[0, 3, 0] = on[0, 3, 3] = few[0, 1, 1] = True
    assert np.array_equal(pixels(code_picture(code, on, 3)), pixels(code_picture(small, few, 48)))


def test_filters_that_are_on_most_often():
    on = np.zeros((4, 5, 3), bool)
    for number, count in enumerate((2, 9, 0, 5, 7)):
        flat = np.zeros(12, bool)
        flat[:count] = True
        on[:, number] = flat.reshape(4, 3)
    assert most_active(on, 3).tolist() == [1, 3, 4]


def test_inputs_go_from_their_smallest_to_their_largest_value():
    value = np.array([[[-2.0, 0.0], [1.0, 3.0]]])
    assert pixels(input_picture(value))[..., 0].tolist() == [[0, 102], [153, 255]]
    colours = np.stack([value[0], value[0][::-1], value[0]])
    assert pixels(input_picture(colours))[0, 0].tolist() == [0, 153, 0]
