"""Figures of sweeps with at most one numeric axis: curves, points and panels."""

import numpy as np
import pytest
from matplotlib.collections import QuadMesh

import dcsc
from dcsc.bounds import family
from dcsc.plotting import as_svg, phase
from tests.sweeps.cases import axes
from tests.sweeps.figures import (
    BOUNDS,
    RATE,
    SIGNS,
    SIZES,
    THREE,
    THREE_R,
    TWO,
    WIDE,
    S,
    dashes,
    distinct,
    footer,
    line,
    words,
)


def assert_steps(proved, values):
    """What is proved is drawn at its places, and between two of them no more than at either."""
    assert proved.get_ydata()[::3].tolist() == values.tolist()
    for part in (1, 2):
        lower = np.minimum(values[:-1], values[1:])
        assert proved.get_ydata()[part::3].tolist() == lower.tolist()


def test_one_axis_makes_a_curve(drawn):
    data, figure = drawn(axes=axes(stripe_sparsity=S), title="A title")
    (panel,) = figure.axes
    assert figure.get_suptitle() == "A title"
    trials = "40 trials a cell, intervals hold with 95% · seed 0"
    assert footer(figure) == f"{trials} · dcsc {dcsc.__version__}"
    assert panel.get_xlabel() == "stripe sparsity"
    assert panel.get_ylabel() == RATE
    nowhere = [f"guaranteed: {name}, nowhere on this grid" for name in (THREE, THREE_R)]
    assert words(figure) == ["measured", f"guaranteed: {TWO}", *nowhere]
    curve = line(panel, "measured")
    assert curve.get_xdata().tolist() == [1, 2, 3, 5]
    assert np.array_equal(curve.get_ydata(), 1 - data["best"].values)
    proved = line(panel, f"guaranteed: {TWO}")
    assert_steps(proved, 1 - data["guarantee"].sel(bound="UniformBound").values)
    assert proved.get_xdata().tolist() == [1, 1, 2, 2, 2, 3, 3, 3, 5, 5]
    (band,) = panel.collections
    edges = band.get_paths()[0].vertices
    for end in ("low", "high"):
        for value in 1 - data[end].values:
            assert np.isclose(edges[:, 1], value).any()
    styles = [line(panel, name).get_linestyle() for name in words(figure)]
    assert (
        len(
            {
                (style, line(panel, n).get_color())
                for style, n in zip(styles, words(figure), strict=True)
            }
        )
        == 4
    )
    assert panel.get_xscale() == "linear"


def test_axes_that_span_much_are_logarithmic(drawn):
    _, figure = drawn(low_coherence=True, axes=axes(sparsity=WIDE))
    assert figure.axes[0].get_xscale() == "log"
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == [
        "1",
        "2",
        "4",
        "8",
        "48",
    ]


def test_values_out_of_order_are_drawn_in_order(drawn):
    mixed = axes(sparsity=("codes.sparsity", [3, 1, 5, 2]), noise=("noise", [0.2, 0.0]))
    data, figure = drawn(axes=mixed)
    (mesh,) = [c for c in figure.axes[0].collections if isinstance(c, QuadMesh)]
    expected = 1 - data["best"].sel(sparsity=[1, 2, 3, 5], noise=[0.0, 0.2]).values.T
    assert np.array_equal(mesh.get_array(), expected)
    _, figure = drawn(lambda data: data.isel(noise=0), axes=mixed)
    assert line(figure.axes[0], "measured").get_xdata().tolist() == [1, 2, 3, 5]


def test_an_axis_of_names_tells_curves_apart(drawn):
    data, figure = drawn(low_coherence=True, axes=axes(sparsity=WIDE, signs=SIGNS))
    (panel,) = figure.axes
    names = ["signs = free", "signs = per filter"]
    heading = "guaranteed, in the colour of its curve and drawn below it:"
    proved = [f"guaranteed: {name}" for name in (TWO, THREE, THREE_R)]
    assert words(figure) == [*names, heading, *proved]
    widths = [line(panel, name).get_linewidth() for name in names]
    assert widths[0] > widths[1]  # where they agree, both are visible
    assert len({line(panel, name).get_color() for name in names}) == 2
    for name, label in zip(names, data["signs"].values, strict=True):
        assert np.array_equal(line(panel, name).get_ydata(), 1 - data["best"].sel(signs=label))
    measured = line(panel, names[0]).get_linestyle()
    assert measured not in [line(panel, name).get_linestyle() for name in proved]


def test_an_axis_of_names_alone(drawn):
    """Points, with guarantees beside them, also where only one of the labels has one."""
    data, figure = drawn(low_coherence=True, axes=axes(signs=SIGNS))
    (panel,) = figure.axes
    assert [text.get_text() for text in panel.get_xticklabels()] == ["free", "per filter"]
    assert panel.get_xlabel() == "signs"
    measured = line(panel, "measured")
    assert measured.get_xdata().tolist() == [0, 1]
    assert measured.get_linestyle() == "None"
    markers = set()
    for name, bound in ((TWO, "UniformBound"), (THREE, "ProbabilisticBound")):
        proved = line(panel, f"guaranteed: {name}")
        markers.add(proved.get_marker())
        assert proved.get_linestyle() == "None"
        values = 1 - data["guarantee"].sel(bound=bound).values
        assert np.array_equal(proved.get_ydata(), values, equal_nan=True)
        assert (proved.get_xdata() - [0, 1] > 0).all()
        assert (proved.get_xdata() - [0, 1] < 0.5).all()
    assert len(markers) == 2
    assert "None" not in markers


def test_a_single_cell(drawn):
    data, figure = drawn(low_coherence=True, axes={})
    measured = line(figure.axes[0], "measured")
    assert measured.get_ydata().tolist() == [1 - data["best"].item()]
    assert line(figure.axes[0], f"guaranteed: {TWO}").get_marker() == "s"


def test_a_single_bound_is_drawn(drawn):
    data, figure = drawn(axes=axes(sparsity=S), bounds=["UniformBound"])
    proved = line(figure.axes[0], f"guaranteed: {TWO}")
    assert_steps(proved, 1 - data["guarantee"].values[:, 0])
    _, figure = drawn(axes=axes(sparsity=S), bounds=[])
    assert words(figure) == ["measured"]


def test_what_is_left_makes_panels(drawn):
    three = axes(sparsity=S, signs=SIGNS, sizes=SIZES)
    data, figure = drawn(axes=three)
    assert [panel.get_title(loc="left") for panel in figure.axes] == [
        "sizes = ConstantAmplitudes",
        "sizes = UniformAmplitudes",
    ]
    for panel, label in zip(figure.axes, data["sizes"].values, strict=True):
        expected = 1 - data["best"].sel(sizes=label, signs="free")
        assert np.array_equal(line(panel, "signs = free").get_ydata(), expected)


def test_bounds_of_ones_own_parameters_keep_them():
    assert phase._bound("InstanceBound(tail=hoeffding)") == (
        "(I), for these very codes, atom by atom (tail=hoeffding)"
    )
    assert phase._bound("mine:Own") == "mine:Own"


@pytest.mark.parametrize("kind", family.PURSUED)
def test_bounds_of_other_pursuits_have_their_labels_too(kind):
    assert phase._bound(kind.__name__).startswith(f"{kind.label}, ")


def test_every_curve_has_its_own_guarantees(drawn):
    """Its colour says which curve, its dashes which bound."""
    data, figure = drawn(distinct, low_coherence=True, axes=axes(sparsity=WIDE, signs=SIGNS))
    (panel,) = figure.axes
    for label in data["signs"].values:
        curve = line(panel, f"signs = {label}")
        for name, bound in BOUNDS.items():
            entry = line(panel, f"guaranteed: {name}")
            (one,) = [
                other
                for other in panel.lines
                if other.get_color() == curve.get_color() and dashes(other) == dashes(entry)
            ]
            assert_steps(one, 1 - data["guarantee"].sel(signs=label, bound=bound).values)


def test_intervals_of_names_have_their_ends(drawn):
    data, figure = drawn(distinct, low_coherence=True, axes=axes(signs=SIGNS))
    (bars,) = figure.axes[0].containers
    ends = np.array([segment[:, 1] for segment in bars[2][0].get_segments()])
    assert ends == pytest.approx(1 - np.stack([data["high"], data["low"]], axis=-1))


def test_text_of_the_file_is_no_mathematics(drawn):
    """Titles and labels are drawn as they stand in the file."""
    text = "a$\\frac{$"
    named = (SIGNS[0], SIGNS[1], [text, "$b$"])
    _, figure = drawn(title=text, axes=axes(sparsity=S, signs=named))
    drawing = as_svg(figure).decode()
    for said in (text, f"signs = {text}", "signs = $b$"):
        assert f">{said}</text>" in drawing
    _, figure = drawn(axes=axes(signs=named))
    assert ">$b$</text>" in as_svg(figure).decode()


def test_two_axes_of_names_stand_side_by_side(drawn):
    """The points of a label are around its place, each curve on its own side, in its own order."""
    data, figure = drawn(distinct, axes=axes(signs=SIGNS, sizes=SIZES))
    (panel,) = figure.axes
    curves = [line(panel, f"sizes = {label}") for label in data["sizes"].values]
    across = np.array([curve.get_xdata() for curve in curves])
    assert across.mean(axis=0) == pytest.approx([0, 1])
    assert (np.diff(across, axis=0) > 0).all()
    assert np.ptp(across, axis=0).max() < 0.5
    for curve, label in zip(curves, data["sizes"].values, strict=True):
        assert np.array_equal(curve.get_ydata(), 1 - data["best"].sel(sizes=label))


def test_rates_from_zero_to_one_are_within_the_axes(drawn):
    _, figure = drawn(axes=axes(sparsity=S))
    low, high = figure.axes[0].get_ylim()
    assert low < 0 < 1 < high


def test_curves_are_no_more_than_colours(drawn):
    """An axis with more labels makes panels."""
    seven = ("layers.1.signs", [SIGNS[1][0]] * 7, list("abcdefg"))
    _, figure = drawn(trials=1, axes=axes(sparsity=S, signs=seven))
    titles = [panel.get_title(loc="left") for panel in figure.axes]
    assert [title for title in titles if title] == [f"signs = {label}" for label in "abcdefg"]
