"""The charts and the pictures of codes on a network's page, read back from what was drawn."""

from io import BytesIO

import attrs
import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from PIL import Image

from dcsc.networks.analysis import (
    Coherence,
    FilterFacts,
    Found,
    LayerAnalysis,
    ResynthesisFacts,
    TheoremFacts,
)
from dcsc.plotting import as_svg, charts
from dcsc.plotting.style import SKY
from dcsc.report.pictures import code_picture, input_picture, most_active


def layer(number, own, dense, random, resynthesis=()):
    filters = FilterFacts(
        shape=(4, 1, 3), stride=(2,), dilation=(1,), padding="", groups=1, activation="ReLU",
        leaves_zeros=True, own=own, dense=dense, random=random, floor=0.01 * number,
        threshold=(0.1,), always_on=(), dead=(), reasons=(),
    )  # fmt: skip
    return LayerAnalysis(f"conv{number}", filters, resynthesis=resynthesis)


def coherence(value):
    return Coherence(value, (0, 1), (0,))


def entries(axes):
    """Return what a legend names."""
    handles, labels = axes.get_legend_handles_labels()
    return dict(zip(labels, handles, strict=True))


def test_coherence_of_layers_by_name():
    layers = [
        layer(1, coherence(0.5), coherence(0.7), 0.6),
        layer(2, None, None, None),
        layer(3, coherence(0.2), coherence(0.3), 0.25),
    ]
    (axes,) = charts.coherence_chart(layers).axes
    expected = {
        "this network": [0.5, np.nan, 0.2],
        "at stride 1": [0.7, np.nan, 0.3],
        "random filters": [0.6, np.nan, 0.25],
        "floor": [0.01, 0.02, 0.03],
    }
    drawn = entries(axes)
    assert list(drawn) == list(expected)
    for name, values in expected.items():
        assert np.array_equal(drawn[name].get_ydata(), values, equal_nan=True), name
        assert drawn[name].get_xdata().tolist() == [0, 1, 2]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["conv1", "conv2", "conv3"]


def test_names_of_layers_are_no_mathematics():
    one = attrs.evolve(layer(1, None, None, None), name="$\\frac{$")
    assert ">$\\frac{$</text>" in as_svg(charts.coherence_chart([one])).decode()


def test_what_is_found_again_by_signs_and_by_way():
    def again(first):
        return tuple(
            ResynthesisFacts(signs, Found(at, 0, 0, 0), Found(at + 0.1, 0, 0, 0), 1, 1, 1)
            for signs, at in (("random", first), ("none", first + 0.2))
        )

    layers = [layer(n, None, None, None, again(first)) for n, first in ((1, 0.5), (2, 0.25))]
    (axes,) = charts.found_chart(layers).axes
    expected = {
        "layer alone, random signs": [0.5, 0.25],
        "from below, random signs": [0.6, 0.35],
        "layer alone, no signs": [0.7, 0.45],
        "from below, no signs": [0.8, 0.55],
    }
    drawn = entries(axes)
    assert list(drawn) == list(expected)
    for name, values in expected.items():
        assert drawn[name].get_ydata().tolist() == pytest.approx(values)
    assert len({(one.get_color(), one.get_linestyle()) for one in drawn.values()}) == 4


def counted(axes, values):
    """Hold the bars to the values, counted one by one; the last bar has its right end too."""
    for bar in axes.patches:
        low, high = bar.get_x(), bar.get_x() + bar.get_width()
        high += 1e-9 if bar is axes.patches[-1] else -1e-9
        assert bar.get_height() == sum(low - 1e-9 <= value < high for value in values)
    assert sum(bar.get_height() for bar in axes.patches) == len(values)


def test_bars_count_inputs():
    density = [0.0, 0.01, 0.02, 0.02, 0.013, 0.1, 0.07]
    (axes,) = charts.density_chart(density).axes
    counted(axes, density)
    assert axes.get_xlabel() == "units that are on"
    assert axes.get_ylabel() == "inputs"
    sparsity = [1, 1, 2, 5, 5, 9, 4]
    (axes,) = charts.sparsity_chart(sparsity, 27, ()).axes
    counted(axes, sparsity)
    assert axes.get_xlabel() == "stripe sparsity S, of 27"


def test_lines_stand_where_theorems_end():
    theorems = [
        TheoremFacts("(2)", holds=1, of=7, allowed=3),
        TheoremFacts("(3)", holds=0, of=7, allowed=None),
        TheoremFacts("(3R)", reason="too much work"),
        TheoremFacts("(H)", holds=5, of=7, allowed=6),
    ]
    (axes,) = charts.sparsity_chart([1, 5], 27, theorems).axes
    names = {to_hex(one.get_color()): name for name, one in entries(axes).items()}
    walls = {
        names[to_hex(one.get_color())]: list(one.get_xdata())
        for one in axes.lines
        if len(one.get_xdata())
    }
    assert walls == {"(2): S ≤ 3": [3, 3], "(3): none": [0, 0]}


def test_negative_thresholds_have_another_colour():
    (axes,) = charts.threshold_chart([0.5, -0.25, 0.125, -1.0]).axes
    (lines,) = axes.collections
    drawn = [segment.tolist() for segment in lines.get_segments()]
    values = [-1.0, -0.25, 0.125, 0.5]
    assert drawn == [[[x, 0], [x, value]] for x, value in enumerate(values)]
    negative, also, positive, last = map(to_hex, lines.get_colors())
    assert negative == also != positive == last


def test_signals_are_a_line_for_each_channel():
    values = np.sin(np.arange(3000)).reshape(2, 1500)
    (axes,) = charts.signal_chart(values).axes
    for number, one in enumerate(axes.lines):
        assert np.array_equal(one.get_ydata(), values[number][one.get_xdata()])
    assert len(axes.lines) == 2
    assert axes.lines[0].get_xdata()[-1] > 1490


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
