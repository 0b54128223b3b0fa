"""Two analyses side by side: against loops over units, and layers that have no partner."""

import attrs
import numpy as np
import pytest

from dcsc import DcscError
from dcsc.networks import load
from dcsc.networks.analysis import Limits, analyze, compare, shipped_inputs
from dcsc.networks.shipped import digits_network_path
from dcsc.plotting import comparison_figure

FEW = Limits(inputs=3, proved=1, resynthesized=1, draws=1, placed=0, units=4, twins=1)
INPUTS = shipped_inputs().first(3)


def analysis(variant, inputs=INPUTS, **more):
    return analyze(load(digits_network_path(variant)), inputs, limits=FEW, **more)


@pytest.fixture(scope="module")
def plain():
    return analysis("plain")


@pytest.fixture(scope="module")
def incoherent():
    return analysis("incoherent")


def renamed(one, *names):
    layers = zip(one.layers, names, strict=True)
    return attrs.evolve(one, layers=tuple(attrs.evolve(x, name=name) for x, name in layers))


def test_an_analysis_agrees_with_itself(plain):
    comparison = compare(plain, plain)
    assert comparison.differences == ()
    assert [pair.name for pair in comparison.layers] == [layer.name for layer in plain.layers]
    for pair in comparison.layers:
        assert pair.pathways_alike == 1
        assert pair.filters_alike == pytest.approx(1, abs=1e-6)
        assert len(set(pair.measured("coherence"))) == 1


def test_agreement_is_that_of_loops(plain, incoherent):
    comparison = compare(plain, incoherent)
    for pair, one, other in zip(comparison.layers, plain.layers, incoherent.layers, strict=True):
        on = [layer.coded.on.reshape(3, -1).tolist() for layer in (one, other)]
        shares = []
        for first, second in zip(*on, strict=True):
            both = sum(a and b for a, b in zip(first, second, strict=True))
            shares.append(both / sum(a or b for a, b in zip(first, second, strict=True)))
        assert 0 < pair.pathways_alike < 1
        assert pair.pathways_alike == pytest.approx(np.mean(shares))
        filters = [layer.coded.dictionary.filters for layer in (one, other)]
        cosines = [float(np.vdot(a, b)) for a, b in zip(*filters, strict=True)]
        assert pair.filters_alike == pytest.approx(np.median(cosines))


def test_where_nothing_is_on_pathways_agree(plain):
    layers = [
        attrs.evolve(layer, coded=attrs.evolve(layer.coded, on=np.zeros_like(layer.coded.on)))
        for layer in plain.layers
    ]
    silent = attrs.evolve(plain, layers=tuple(layers))
    assert [pair.pathways_alike for pair in compare(silent, silent).layers] == [1, 1, 1]
    assert [pair.pathways_alike for pair in compare(silent, plain).layers] == [0, 0, 0]


def test_numbers_are_those_of_both(plain, incoherent):
    table = compare(plain, incoherent).to_pandas()
    for which, one in (("first", plain), ("second", incoherent)):
        assert table[f"coherence_{which}"].tolist() == [x.filters.own.value for x in one.layers]
        assert table[f"density_{which}"].tolist() == [
            np.median(x.codes.density) for x in one.layers
        ]
        lows = [x.partial.found.low for x in one.layers]
        assert table[f"proved_low_{which}"].tolist() == lows
        alone = one.to_pandas()
        assert alone.index.tolist() == [x.name for x in one.layers]
        for name in alone.columns:
            assert table[f"{name}_{which}"].fillna(-1).tolist() == alone[name].fillna(-1).tolist()


def test_text_says_first_and_second(plain, incoherent):
    lines = repr(compare(plain, incoherent, ["plain", "incoherent"])).split("\n")
    assert lines[0] == "plain → incoherent: 3 layers, accuracy 100% → 100%"
    first, second = (x.layers[0].filters.own.value for x in (plain, incoherent))
    assert f"{first:.4g} → {second:.4g}" in lines[2]


def test_partners_have_the_same_name(plain, incoherent):
    one, other = renamed(plain, "a", "b", "c"), renamed(incoherent, "b", "d", "a")
    comparison = compare(one, other)
    assert [pair.name for pair in comparison.layers] == ["a", "b", "c", "d"]
    by_name = {pair.name: pair for pair in comparison.layers}
    assert by_name["a"].second is other.layers[2]
    assert by_name["a"].pathways_alike is None  # the shapes of their codes differ
    assert by_name["a"].filters_alike is None
    assert by_name["c"].second is None
    assert by_name["d"].first is None
    assert by_name["d"].measured("coherence")[0] is None
    table = comparison.to_pandas()
    assert np.isnan(table.loc["c", "coherence_second"])
    assert np.isnan(table.loc["d", "coherence_first"])


def test_without_a_name_in_common_layers_are_partners_in_their_order(plain, incoherent):
    comparison = compare(plain, renamed(incoherent, "x", "y", "z"))
    assert [pair.name for pair in comparison.layers] == ["conv1 / x", "conv2 / y", "conv3 / z"]
    fewer = attrs.evolve(incoherent, layers=renamed(incoherent, "x", "y", "z").layers[:2])
    assert len(compare(plain, fewer).layers) == 5


def test_what_was_not_the_same_is_said(plain):
    others = attrs.evolve(
        INPUTS, values={name: array[::-1].copy() for name, array in INPUTS.values.items()}
    )
    comparison = compare(plain, analysis("plain", others, noise=0.5, seed=1))
    assert [pair.pathways_alike for pair in comparison.layers] == [None] * 3
    different, noise, seed = comparison.differences
    assert "different inputs" in different
    assert noise == "They were asked with noise 0.05 and 0.5."
    assert seed == "They were asked with seed 0 and 1."
    assert "different inputs" in repr(comparison)
    without = compare(analysis("plain", None), analysis("plain", None))
    assert without.differences == ()
    assert without.layers[0].pathways_alike is None


def counted(one, proved, found, perturbed):
    """An analysis whose numbers are of other inputs, layer by layer."""
    layers = [
        attrs.evolve(
            layer,
            partial=attrs.evolve(layer.partial, inputs=proved[at]),
            resynthesis=[attrs.evolve(x, inputs=found[at]) for x in layer.resynthesis],
            stability=attrs.evolve(layer.stability, inputs=perturbed[at]),
        )
        for at, layer in enumerate(one.layers)
    ]
    return attrs.evolve(one, layers=tuple(layers))


def test_numbers_of_other_inputs_are_named():
    """The same was asked of the same inputs, and the work allowed more of them on one side."""
    one = analysis("plain", perturbation=0.01)
    first, second = (
        counted(one, [9] * 3, [5] * 3, [7] * 3),
        counted(one, [9, 8, 8], [5] * 3, [9] * 3),
    )
    comparison = compare(first, second)
    assert comparison.differences == (
        "proved: of the first 9 inputs with active units and of the first 8 (in conv2, conv3).",
        "decided: of the first 7 inputs and of the first 9.",
    )
    for told in comparison.differences:
        assert told in repr(comparison)
        assert told in comparison._repr_html_()
    table = comparison.to_pandas()
    assert table["perturbed_inputs_first"].tolist() == [7, 7, 7]
    assert table["proved_inputs_second"].tolist() == [9, 8, 8]
    assert table["found_inputs_second"].tolist() == [5, 5, 5]
    fewer = compare(first, counted(one, [9] * 3, [4] * 3, [7] * 3))
    assert fewer.differences == ("found, false alarms: of the first 5 inputs and of the first 4.",)
    assert compare(first, first).differences == ()


def test_of_limits_only_what_differs_is_said_and_fractions_stay_fractions(plain):
    limits = attrs.evolve(FEW, units=5, products=2e10)
    other = attrs.evolve(plain, limits=limits, perturbation=1 / 255, seed=123456789)
    assert compare(plain, other).differences == (
        "They were asked with seed 0 and 123456789.",
        "They were asked with perturbation none and 1/255.",
        "They were asked with the limits units 4 and 5, products 1e+10 and 2e+10.",
    )


def test_what_it_refuses(plain):
    with pytest.raises(DcscError, match="compare: second: expected an Analysis"):
        compare(plain, plain.layers)
    with pytest.raises(DcscError, match=r"compare: names: expected two names, got \('a',\)"):
        compare(plain, plain, ("a",))
    with pytest.raises(DcscError, match=r"LayerPair\.measured: name: expected one of filters, "):
        compare(plain, plain).layers[0].measured("coherent")


# ---- the figure ------------------------------------------------------------------------------


def test_marks_of_the_figure_are_the_numbers(plain, incoherent):
    comparison = compare(plain, incoherent, ("plain", "incoherent"))
    coherence, found, alike = comparison_figure(comparison).axes
    for axes, name, label in (
        (coherence, "coherence", "{}"),
        (found, "found", "{}, measured"),
    ):
        marks = {line.get_label(): line.get_ydata().tolist() for line in axes.lines}
        for which, known in enumerate(("plain", "incoherent")):
            values = [pair.measured(name)[which] for pair in comparison.layers]
            assert marks[label.format(known)] == pytest.approx(values)
    bars = [tuple(segment[:, 1]) for lines in found.collections for segment in lines.get_segments()]
    lows, highs = (
        [pair.measured(f"proved_{end}")[which] for which in (0, 1) for pair in comparison.layers]
        for end in ("low", "high")
    )
    assert np.ravel(bars) == pytest.approx(np.ravel(list(zip(lows, highs, strict=True))))
    shared = next(line for line in alike.lines if "in common" in line.get_label())
    assert shared.get_ydata().tolist() == [pair.pathways_alike for pair in comparison.layers]


def test_what_is_decided_stands_beside_the_others():
    """In the table, the figure and pandas, where a perturbation was asked for, and only there."""
    one, other = (analysis(name, perturbation=0.01) for name in ("plain", "incoherent"))
    comparison = compare(one, other, ("plain", "incoherent"))
    shares = [[layer.stability.decided for layer in x.layers] for x in (one, other)]
    assert shares[0] != shares[1]
    table = comparison.to_pandas()
    assert [table[f"decided_{end}"].tolist() for end in ("first", "second")] == shares
    display = comparison._display()
    for row, first, second in zip(display.rows, *shares, strict=True):
        cell = row[display.headings.index("decided")]
        ends = [float(text) for text in cell.removesuffix("%").split(" → ")]
        # proved, so rounded down
        for end, share in zip(ends, (first, second), strict=True):
            assert 0 <= 100 * share - end < 0.1
    _, _, decided, _ = comparison_figure(comparison).axes
    marks = {line.get_label(): line.get_ydata().tolist() for line in decided.lines}
    assert marks == {"plain, proved": shares[0], "incoherent, proved": shares[1]}
    # one of the two is enough
    half = compare(one, analysis("incoherent"))
    assert all(pair.measured("decided")[1] is None for pair in half.layers)
    assert half._display().rows[0][-1].endswith("% → –")
    assert len(comparison_figure(half).axes) == 4
    none = compare(analysis("plain"), analysis("incoherent"))
    assert "decided" not in none._display().headings
    assert len(comparison_figure(none).axes) == 3


def test_layers_are_no_scale_that_a_line_goes_through(plain, incoherent):
    comparison = compare(plain, incoherent)
    for axes in comparison_figure(comparison).axes:
        for line in axes.lines:
            assert len(line.get_xdata()) < 3 or line.get_linestyle() == "None"


def test_a_pair_tells_itself_in_a_few_lines(plain, incoherent):
    pair = compare(plain, incoherent).layers[0]
    lines = repr(pair).split("\n")
    assert len(lines) == 3
    assert lines[0] == "Two of layer conv1"
    assert f"{100 * pair.pathways_alike:.3g}%" in lines[2]
    assert "<table>" in pair._repr_html_()


def test_the_figure_of_networks_without_inputs_says_what_is_not_known():
    bare = analysis("plain", None)
    *_, alike = comparison_figure(compare(bare, bare)).axes
    (legend,) = alike.figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts
    assert all(text.endswith(": not known") for text in texts)
