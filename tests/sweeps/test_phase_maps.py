"""Figures of sweeps with two numeric axes: what stands at each place of a map."""

import itertools
import math

import matplotlib
import numpy as np
import pytest
from matplotlib.collections import LineCollection, QuadMesh
from matplotlib.contour import QuadContourSet

from dcsc.errors import DcscError
from dcsc.experiments import sweeps
from tests.sweeps.cases import axes
from tests.sweeps.figures import (
    BOUNDS,
    NOISE,
    RATE,
    SIGNS,
    THREE,
    THREE_R,
    WIDE,
    S,
    distinct,
    footer,
    words,
)


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


@pytest.mark.parametrize(
    ("sparsity", "noise"),
    [(S[1], NOISE[1]), (WIDE[1], NOISE[1]), ([1, 40, 80], [0.01, 0.2, 0.4])],
)
def test_every_cell_of_a_map_is_around_its_own_place(drawn, sparsity, noise):
    """And around no other; each is within the axes, whether they are logarithmic or not."""
    over = axes(sparsity=("codes.sparsity", sparsity), noise=("noise", noise))
    data, figure = drawn(distinct, low_coherence=True, axes=over)
    widths = (data["high"] - data["low"]) / 2
    for (panel, mesh), expected in zip(meshes(figure), (1 - data["best"], widths), strict=True):
        corners = mesh.get_coordinates()
        across, up = corners[0, :, 0], corners[:, 0, 1]
        assert np.array_equal(corners, np.stack(np.meshgrid(across, up), axis=-1))
        assert panel.get_xlim() == pytest.approx((across[0], across[-1]))
        assert panel.get_ylim() == pytest.approx((up[0], up[-1]))
        column, row = np.searchsorted(across, sparsity) - 1, np.searchsorted(up, noise) - 1
        assert (column.tolist(), row.tolist()) == (
            list(range(len(sparsity))),
            list(range(len(noise))),
        )
        for i, s in enumerate(sparsity):
            for j, n in enumerate(noise):
                value = expected.sel(sparsity=s, noise=n).item()
                assert mesh.get_array()[j, i] == pytest.approx(value)


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
        if places[0] > 0 and places[-1] > 20 * places[0]:  # drawn on a logarithmic axis
            middles = [math.sqrt(a * b) for a, b in itertools.pairwise(places)]
            outer = places[0] ** 2 / middles[0], places[-1] ** 2 / middles[-1]
        else:
            middles = [(a + b) / 2 for a, b in itertools.pairwise(places)]
            outer = 2 * places[0] - middles[0], 2 * places[-1] - middles[-1]
        return [outer[0], *middles, outer[1]][at : at + 2]

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


@pytest.mark.parametrize(("why", "edges"), [("", 0), ("it does not cover", 1)])
def test_a_guarantee_ends_where_the_theorem_does_not_cover(drawn, why, edges):
    """And not where nobody has asked it yet."""

    def known(data):
        shape = data["guarantee"].shape
        guarantee = np.full(shape, 0.001)
        guarantee[-1] = np.nan
        reasons = np.full(shape, "", dtype=object)
        reasons[-1] = why
        dims = data["guarantee"].dims
        return data.assign(guarantee=(dims, guarantee), why=(dims, reasons))

    _, figure = drawn(known, bounds=["UniformBound"], axes=axes(sparsity=S, noise=NOISE))
    ends = {x for segment in segments(figure.axes[0]) for x, _ in segment}
    assert ends == ({4.0} if edges else set())
    assert len(segments(figure.axes[0])) == edges * len(NOISE[1])


def test_cells_without_a_rate_have_the_colour_that_the_legend_says(drawn):
    _, figure = drawn(axes=axes(sparsity=("codes.sparsity", [5, 15, 16]), noise=NOISE))
    (panel, mesh), _ = meshes(figure)
    entry = panel.get_legend().legend_handles[words(figure).index("no code is so dense")]
    assert matplotlib.colors.same_color(panel.get_facecolor(), entry.get_color())
    assert np.isnan(np.ma.filled(mesh.get_array()[:, -1], np.nan)).all()
    assert not matplotlib.colors.same_color(panel.get_facecolor(), mesh.get_cmap()(0.0))


@pytest.mark.parametrize("best", [0.0, 1.0])
def test_half_that_is_nowhere_is_told(drawn, best):
    _, figure = drawn(
        lambda data: data.assign(best=0 * data["best"] + best), axes=axes(s=S, n=NOISE)
    )
    assert words(figure)[0] == ("half of the trials recovered: not between the cells of this grid")
    assert not [c for c in figure.axes[0].collections if isinstance(c, QuadContourSet)]


@pytest.mark.parametrize(("high", "darkest"), [(0.7, 0.35), (0.1, 0.1)])
def test_the_darkest_grey_is_the_widest_interval(drawn, high, darkest):
    """But for intervals that are all narrow, which stay pale."""

    def known(data):
        return data.assign(low=0 * data["low"], high=0 * data["high"] + high)

    _, figure = drawn(known, axes=axes(sparsity=S, noise=NOISE))
    half = meshes(figure)[1][1]
    assert (half.norm.vmin, half.norm.vmax) == (0, pytest.approx(darkest))
    assert np.allclose(half.get_array(), high / 2)
