"""Figures of sweeps: what is drawn where, and what is said of it."""

import itertools
import warnings

import matplotlib
import numpy as np
import pytest
from matplotlib.collections import LineCollection, QuadMesh
from matplotlib.contour import QuadContourSet

from dcsc.errors import DcscError
from dcsc.experiments import sweeps
from dcsc.experiments.sweeps import run
from dcsc.plotting import phase, sweep_figure
from tests.sweeps.cases import BARE, axes, sweep, table

S = ("codes.sparsity", [1, 2, 3, 5])
WIDE = ("codes.sparsity", [1, 2, 4, 8, 48])
NOISE = ("noise", [0.0, 0.2, 0.4])
SIGNS = ("layers.1.signs", ["RademacherSigns", "FilterSigns"], ["free", "per filter"])
SIZES = ("codes.amplitudes", ["ConstantAmplitudes", "UniformAmplitudes"])
TWO, THREE = "(2), for every sign pattern", "(3), for random signs"
THREE_R = "(3R), for random signs and any noise"
RATE = "share of trials with the whole pathway recovered"


@pytest.fixture(autouse=True)
def strict():
    """A figure that cannot lay itself out says so by a warning."""
    with matplotlib.rc_context({"figure.max_open_warning": 0}), warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture
def drawn(tmp_path):
    """Return a function that runs a sweep over some axes and draws it."""
    filters = {"kind": "equicorrelated", "n": 64, "c": 128, "kernel": 2, "correlation": 0.0303}
    layer = table(BARE)["layers"][0]
    low = {**layer, "dictionary": {"kind": "CirculantDictionary", "extent": 4, "filters": filters}}

    def draw(change=lambda data: data, low_coherence=False, **changes):
        if low_coherence:
            changes["layers"] = [low]
        run(sweep(BARE, **{"trials": 40, **changes}), tmp_path, jobs=1)
        data = change(sweeps.open(tmp_path))
        figure = sweep_figure(data)
        figure.draw_without_rendering()
        return data, figure

    return draw


def words(figure, panel=0):
    """Return the entries of a panel's legend."""
    return [text.get_text() for text in figure.axes[panel].get_legend().get_texts()]


def line(axes, name):
    (found,) = [line for line in axes.lines if line.get_label() == name]
    return found


def dashes(line):
    """Return the lengths of its dashes and gaps, which `get_linestyle` keeps for itself."""
    return line._unscaled_dash_pattern


def footer(figure):
    return figure.get_supxlabel()


# ---- curves --------------------------------------------------------------------------------------


def test_one_axis_makes_a_curve(drawn):
    data, figure = drawn(axes=axes(stripe_sparsity=S), title="A title")
    (panel,) = figure.axes
    assert figure.get_suptitle() == "A title"
    assert footer(figure) == "40 trials a cell, intervals hold with 95 % · seed 0 · dcsc 0.1.0"
    assert panel.get_xlabel() == "stripe sparsity"
    assert panel.get_ylabel() == RATE
    nowhere = [f"guaranteed: {name}, nowhere" for name in (THREE, THREE_R)]
    assert words(figure) == ["measured", f"guaranteed: {TWO}", *nowhere]
    curve = line(panel, "measured")
    assert curve.get_xdata().tolist() == [1, 2, 3, 5]
    assert np.array_equal(curve.get_ydata(), 1 - data["best"].values)
    proved = line(panel, f"guaranteed: {TWO}")
    assert np.array_equal(proved.get_ydata(), 1 - data["guarantee"].sel(bound="UniformBound"))
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
    assert words(figure) == [*names, *(f"guaranteed: {name}" for name in (TWO, THREE, THREE_R))]
    assert len({line(panel, name).get_color() for name in names}) == 2
    for name, label in zip(names, data["signs"].values, strict=True):
        assert np.array_equal(line(panel, name).get_ydata(), 1 - data["best"].sel(signs=label))
    measured = line(panel, names[0]).get_linestyle()
    assert measured not in [line(panel, name).get_linestyle() for name in words(figure)[2:]]


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
    assert np.array_equal(proved.get_ydata(), 1 - data["guarantee"].values[:, 0])
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


BOUNDS = {
    TWO: "UniformBound",
    THREE: "ProbabilisticBound",
    THREE_R: "RobustBound",
}


def distinct(data):
    """Put numbers in place of those of a sweep that all differ, so that none passes for another."""
    shape = data["guarantee"].shape
    guarantee = np.arange(1, data["guarantee"].size + 1).reshape(shape) / (2 + np.prod(shape))
    best = np.linspace(0.3, 0.6, data["best"].size).reshape(data["best"].shape)
    return data.assign(
        guarantee=(data["guarantee"].dims, guarantee),
        best=(data["best"].dims, best),
        low=(data["best"].dims, best / 2),
        high=(data["best"].dims, best + 0.2),
    )


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
            expected = 1 - data["guarantee"].sel(signs=label, bound=bound)
            assert np.array_equal(one.get_ydata(), expected)


def test_intervals_of_names_have_their_ends(drawn):
    data, figure = drawn(distinct, low_coherence=True, axes=axes(signs=SIGNS))
    (bars,) = figure.axes[0].containers
    ends = np.array([segment[:, 1] for segment in bars[2][0].get_segments()])
    assert ends == pytest.approx(1 - np.stack([data["high"], data["low"]], axis=-1))


# ---- maps ----------------------------------------------------------------------------------------


def meshes(figure):
    return [
        (panel, collection)
        for panel in figure.axes
        for collection in panel.collections
        if isinstance(collection, QuadMesh) and panel.get_xlabel()
    ]


def test_two_axes_make_a_map(drawn):
    data, figure = drawn(axes=axes(sparsity=S, noise=NOISE))
    (panel, rate), (other, half) = meshes(figure)
    assert np.array_equal(rate.get_array(), 1 - data["best"].values.T)
    assert np.allclose(half.get_array(), (data["high"] - data["low"]).values.T / 2)
    for one in (panel, other):
        assert (one.get_xlabel(), one.get_ylabel()) == ("sparsity", "noise")
    labels = [axes.get_ylabel() for axes in figure.axes[2:]]
    assert labels == [RATE, "half the width of its interval"]
    assert (rate.norm.vmin, rate.norm.vmax) == (0, 1)
    assert words(figure)[0] == "half of the trials recovered"
    assert words(figure)[1] == "proved: failure at most 0.01, by"
    assert words(figure)[3:] == [f"{name}: nowhere on this grid" for name in (THREE, THREE_R)]


def segments(panel, colour="#0072B2"):
    """Return the edges of the frontier of one bound: of the first, if nothing is said."""
    return {
        tuple(map(tuple, np.round(segment, 9).tolist()))
        for lines in panel.collections
        if isinstance(lines, LineCollection)
        and matplotlib.colors.to_hex(lines.get_color()[0]) == colour.lower()
        for segment in lines.get_segments()
    }


def frontier(data, bound, xs, ys):
    """Walk over all pairs of neighbouring cells: the definition of where a guarantee ends."""
    holds = {
        (s, n): data["guarantee"].sel(bound=bound, sparsity=s, noise=n).item() <= 0.01
        for s in xs
        for n in ys
    }

    def ends(places, at):
        middles = [(a + b) / 2 for a, b in itertools.pairwise(places)]
        first = 2 * places[0] - middles[0]
        return [first, *middles, 2 * places[-1] - middles[-1]][at : at + 2]

    edges = set()
    for i, s in enumerate(xs):
        for j, n in enumerate(ys):
            (left, right), (low, high) = ends(xs, i), ends(ys, j)
            if i + 1 < len(xs) and holds[s, n] != holds[xs[i + 1], n]:
                edges.add(((right, low), (right, high)))
            if j + 1 < len(ys) and holds[s, n] != holds[s, ys[j + 1]]:
                edges.add(((left, high), (right, high)))
    return {tuple(tuple(np.round(end, 9).tolist()) for end in edge) for edge in edges}


def test_frontiers_are_the_edges_of_where_a_guarantee_holds(drawn):
    data, figure = drawn(low_coherence=True, axes=axes(sparsity=WIDE, noise=NOISE))
    panel = figure.axes[0]
    found = segments(panel)
    assert found
    assert found == frontier(data, "UniformBound", WIDE[1], NOISE[1])
    assert segments(panel, "#009E73") == frontier(data, "RobustBound", WIDE[1], NOISE[1])


def test_half_of_the_trials_are_recovered_where_the_line_is(drawn):
    def known(data):
        best = np.repeat([[0.1], [0.3], [0.6], [0.9]], 3, axis=1)
        return data.assign(best=(("sparsity", "noise"), best))

    _, figure = drawn(known, axes=axes(sparsity=S, noise=NOISE))
    (contour,) = [c for c in figure.axes[0].collections if isinstance(c, QuadContourSet)]
    (path,) = contour.get_paths()
    assert path.vertices[:, 0] == pytest.approx([2 + 2 / 3] * 3)
    assert words(figure)[0] == "half of the trials recovered"
    entry = figure.axes[0].get_legend().legend_handles[0]
    foreground = contour.get_path_effects()[-1]._gc["foreground"]
    assert entry.get_color() == foreground


def test_the_legend_of_a_map_names_the_frontiers_by_colour(drawn):
    """One bound holds left of a step, one below another, the last everywhere."""
    holds = {
        "UniformBound": [[1, 1, 0], [1, 1, 0], [0, 0, 0], [0, 0, 0]],
        "ProbabilisticBound": [[1, 1, 0]] * 4,
        "RobustBound": [[1, 1, 1]] * 4,
    }

    def known(data):
        values = np.stack([np.where(holds[b], 0.001, 0.5) for b in data["bound"].values], axis=-1)
        return data.assign(guarantee=(("sparsity", "noise", "bound"), values))

    data, figure = drawn(known, axes=axes(sparsity=S, noise=NOISE))
    panel = figure.axes[0]
    entries = dict(zip(words(figure), panel.get_legend().legend_handles, strict=True))
    for name, bound in list(BOUNDS.items())[:2]:
        expected = frontier(data, bound, S[1], NOISE[1])
        assert segments(panel, entries[name].get_color()) == expected
        assert expected
    assert not segments(panel, entries[f"{THREE_R}: everywhere on this grid"].get_color())


def test_cells_that_have_not_been_run(drawn, tmp_path):
    """They are shaded, and no frontier is drawn towards them."""

    def forget(data):
        for path in sorted((tmp_path / "blocks").iterdir())[:-2]:
            path.unlink()
        return sweeps.open(tmp_path)

    data, figure = drawn(forget, low_coherence=True, axes=axes(sparsity=WIDE, noise=NOISE))
    assert not data["settled"].values.all()
    assert data["settled"].values.any()
    assert footer(figure).startswith("0–40 trials a cell")
    assert words(figure)[1] == "not run yet"
    known = data["settled"].values
    for (left, low), (right, high) in segments(figure.axes[0]):
        middle = ((left + right) / 2, (low + high) / 2)
        step = (0.01, 0) if left == right else (0, 0.001)
        for sign in (-1, 1):
            s = np.abs(data["sparsity"].values - middle[0] - sign * step[0]).argmin()
            n = np.abs(data["noise"].values - middle[1] - sign * step[1]).argmin()
            assert known[s, n]


def test_nothing_has_been_run(drawn, tmp_path):
    def forget(data):
        for path in (tmp_path / "blocks").iterdir():
            path.unlink()
        return sweeps.open(tmp_path)

    for over in (axes(sparsity=S), axes(sparsity=S, noise=NOISE), axes(signs=SIGNS), {}):
        _, figure = drawn(forget, axes=over)
        assert footer(figure).startswith("0 trials a cell")


def test_cells_that_do_not_exist(drawn):
    dense = axes(sparsity=("codes.sparsity", [5, 15, 16]), noise=NOISE)
    _, figure = drawn(axes=dense)
    assert "no code is so dense" in words(figure)
    assert footer(figure).startswith("40 trials a cell")


def test_a_guarantee_that_covers_no_cell_says_so(drawn):
    _, figure = drawn(axes=axes(sparsity=S, noise=NOISE, signs=SIGNS))
    titles = [panel.get_title(loc="left") for panel, _ in meshes(figure)]
    assert titles == ["signs = free", "", "signs = per filter", ""]
    second = figure.axes.index(meshes(figure)[2][0])
    assert f"{THREE}: does not cover these cells" in words(figure, second)


def test_too_many_panels(drawn):
    many = axes(sparsity=S, noise=NOISE, seed=("seed", list(range(10))))
    with pytest.raises(DcscError) as error:
        drawn(trials=1, axes=many)
    assert str(error.value) == (
        "sweep_figure: data: expected at most 9 panels, got 10 values of seed: select some of them"
    )
    _, figure = drawn(lambda data: data.sel(seed=[3, 4]), trials=1, axes=many)
    assert [panel.get_title(loc="left") for panel, _ in meshes(figure)] == [
        "seed = 3",
        "",
        "seed = 4",
        "",
    ]
    _, figure = drawn(lambda data: data.sel(seed=3), trials=1, axes=many)
    assert len(meshes(figure)) == 2
