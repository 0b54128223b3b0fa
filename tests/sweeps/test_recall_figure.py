"""Figures of how much of a support is found: curves, maps, and the law of classes."""

import matplotlib
import numpy as np
import pytest
from matplotlib.collections import FillBetweenPolyCollection, LineCollection, QuadMesh

from dcsc.errors import DcscError
from dcsc.experiments import sweeps
from dcsc.experiments.sweeps import run
from dcsc.plotting import recall_figure
from tests.sweeps.cases import BARE, DEEP, axes, sweep, table
from tests.sweeps.figures import NOISE, S, line, words

BOUNDS = ["UniformBound", "PartialBound", {"kind": "PartialBound", "tail": "chernoff"}]
RECALL = "share of the active units that are found"
FALSE = "false alarms for each active unit"
LOW = {
    "projection": {"kind": "HardThreshold", "threshold": 0.5},
    "dictionary": {
        "kind": "CirculantDictionary",
        "extent": 4,
        "filters": {"kind": "equicorrelated", "n": 8, "c": 64, "kernel": 2, "correlation": 0.01},
    },
}
FAR = {**table(BARE)["layers"][0], "projection": {"kind": "HardThreshold", "threshold": 9.0}}


@pytest.fixture
def drawn(tmp_path, strict):
    """Return a function that runs a sweep and draws how much of a layer's support is found."""

    def draw(text=BARE, layer=1, low_coherence=False, **changes):
        if low_coherence:
            changes["layers"] = [LOW]
        run(sweep(text, **{"trials": 20, "bounds": BOUNDS, **changes}), tmp_path, jobs=1)
        data = sweeps.open(tmp_path)
        figure = recall_figure(data, layer)
        figure.draw_without_rendering()
        return data, figure

    return draw


def test_curves_have_the_proved_intervals(drawn):
    data, figure = drawn(axes=axes(sparsity=S))
    assert [panel.get_ylabel() for panel in figure.axes] == [RECALL, FALSE]
    for panel, name in zip(figure.axes, ("recall", "false_per_active"), strict=True):
        curve = line(panel, "measured")
        assert np.array_equal(curve.get_ydata(), data[name].sel(layer=1))
        (band,) = [c for c in panel.collections if isinstance(c, FillBetweenPolyCollection)]
        edges = band.get_paths()[0].vertices
        for end in ("low", "high"):
            ends = data[f"proved_{name}_{end}"].sel(layer=1, partial="PartialBound").values
            for place, value in zip(data["sparsity"].values, ends, strict=True):
                assert np.isclose(edges, [place, value]).all(axis=1).any()
    whole = 1 - data["layer_best"].sel(layer=1).values
    assert any(np.array_equal(one.get_ydata(), whole) for one in figure.axes[0].lines)


def test_the_law_of_classes_is_drawn_along_the_sparsity_only(drawn):
    data, figure = drawn(axes=axes(sparsity=S))
    limit = data["missed_limit"].values.max()
    said = [text for text in words(figure) if text.startswith("proved for all codes")]
    assert said[0].endswith(f"a tenth is missed at the most: up to S = {limit:.0f}")
    assert said[1].endswith(f"but for 0.01: up to S = {np.nanmax(data['limit'].values):.0f}")
    assert any(np.array_equal(one.get_xdata(), [limit] * 2) for one in figure.axes[0].lines)
    _, figure = drawn(axes=axes(noise=NOISE))
    assert not any(text.startswith("proved for all codes") for text in words(figure))


def test_labels_tell_curves_apart_or_stand_side_by_side(drawn):
    # signs that are not random are not covered: nothing is proved, and what is measured not counted
    signs = ("layers.1.signs", ["RademacherSigns", "IdentitySigns"], ["free", "none"])
    data, figure = drawn(axes=axes(signs=signs, sparsity=S))
    names = ["signs = free", "signs = none"]
    assert words(figure)[:2] == names
    assert np.array_equal(
        line(figure.axes[0], names[0]).get_ydata(), data["recall"].sel(signs="free", layer=1)
    )
    assert not len(line(figure.axes[0], names[1]).get_ydata())
    data, figure = drawn(axes=axes(signs=signs))
    lines = [c for c in figure.axes[0].collections if isinstance(c, LineCollection)]
    (segment,) = [s for s in lines[0].get_segments() if len(s) and np.isfinite(s).all()]
    proved = data.sel(signs="free", layer=1, partial="PartialBound")
    assert segment[:, 1].tolist() == [proved[f"proved_recall_{end}"] for end in ("low", "high")]


def test_maps_have_frontiers_where_enough_is_proved(drawn):
    """The edges between cells whose proved recall is nine tenths and those in which it is less."""
    dense = ("codes.sparsity", [1, 7, 12])
    data, figure = drawn(axes=axes(sparsity=dense, noise=NOISE))
    for panel, name in zip(figure.axes, ("recall", "false_per_active"), strict=False):
        (mesh,) = [c for c in panel.collections if isinstance(c, QuadMesh)]
        assert np.array_equal(mesh.get_array(), data[name].sel(layer=1).values.T)
        one = data.sel(layer=1, partial="PartialBound")
        ends = {end: one[f"proved_{name}_{end}"] for end in ("low", "high")}
        kept, missed = ends["low"] >= 0.9, ends["high"] < 0.9
        if name != "recall":
            kept, missed = ends["high"] <= 0.1, ends["low"] > 0.1
        for sure, thick in ((kept, True), (missed, False)):
            changes = [np.abs(np.diff(sure.values.astype(int), axis=axis)).sum() for axis in (0, 1)]
            segments = [
                segment
                for lines in panel.collections
                if isinstance(lines, LineCollection)
                and matplotlib.colors.to_hex(lines.get_color()[0]) == "#0072b2"
                and (lines.get_linewidth()[0] > 2) == thick
                for segment in lines.get_segments()
            ]
            assert len(segments) == sum(changes)
            assert sum(changes) > 0
    assert words(figure)[1] == "proved: at least 0.9, by"
    assert words(figure)[3] == "proved: less than 0.9"
    assert words(figure, 1)[3] == "proved: more than 0.1"
    few = axes(sparsity=("codes.sparsity", [1, 2]), noise=("noise", [0.0, 0.01]))
    _, figure = drawn(low_coherence=True, axes=few)
    for panel in (0, 1):
        assert words(figure, panel)[-1].endswith(": everywhere on this grid")
    _, figure = drawn(layers=[FAR], axes=few)
    assert words(figure)[-2].endswith(": nowhere on this grid")
    assert words(figure)[-1] == "proved: less than 0.9: everywhere on this grid"


def test_deeper_layers_say_which(drawn):
    data, figure = drawn(DEEP, 2)
    assert figure.axes[0].get_title(loc="left") == "layer 2"
    (mesh,) = [c for c in figure.axes[0].collections if isinstance(c, QuadMesh)]
    expected = data["recall"].sel(layer=2).transpose("sparsity", "depth").values
    assert np.array_equal(mesh.get_array().filled(np.nan), expected, equal_nan=True)


def test_what_cannot_be_drawn(drawn, tmp_path):
    data, _ = drawn(axes={})
    with pytest.raises(DcscError, match="recall_figure: layer: expected at most 1, got 2"):
        recall_figure(data, 2)
    with pytest.raises(DcscError, match="recall_figure: data: expected what"):
        recall_figure(data.drop_dims("partial"))
