"""What marks and colours stand for, read back from the figures and held against the records."""

import io

import attrs
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

import dcsc
from dcsc import pathway_overlap, plotting
from dcsc.bounds import explain
from dcsc.bounds.explanations.records import Change
from dcsc.errors import DcscError
from dcsc.experiments import Tally
from dcsc.experiments.studies.poster import DepthPanel, Poster, RatePanel, ScalingPanel
from dcsc.experiments.studies.poster.panels import Crossing, LayerConstants, MeasuredLimit
from dcsc.experiments.studies.recover import LayerReport, RecoveryReport
from dcsc.intervals import Estimate
from dcsc.pathway import Pathway
from dcsc.plotting import as_png, as_svg, explanation, poster_figure, recovery_figure
from tests.test_explain import chain


def named(axes):
    """Return the entries of a legend, by name: what a reader learns a colour from."""
    handles = axes.get_legend_handles_labels()
    return {label: handle for handle, label in zip(*handles, strict=True)}


def line(axes, start):
    """Return the only line whose name in the legend begins so."""
    (label,) = [label for label in named(axes) if label.startswith(start)]
    return named(axes)[label]


def colour(artist):
    return to_hex(artist.get_color())


# ---- recovery ------------------------------------------------------------------------------------

LAYERS = [
    # truth, guess: of four filters at three positions, then of two at two times two
    ([[1, 0, 0], [0, 2, 0], [0, 0, -1], [0, 0, 0]], [[1, 0, 3], [0, 0, 0], [0, 0, -1], [4, 0, 0]]),
    ([[[0, 1], [1, 0]], [[0, 0], [0, 1]]], [[[0, 0], [1, 0]], [[5, 0], [0, 0]]]),
    ([[0, 0]], [[0, 0]]),
]


@pytest.fixture
def recovery():
    def pathway(at):
        codes = [np.array(layer[at], dtype=float) for layer in LAYERS]
        return Pathway((np.zeros((1, 4)), *codes))

    layers = tuple(
        LayerReport(0.1, 7 + n, 0.5, 30.0 + n, 2.5 + n, 4.5 + n, Estimate(0.1, 0.2, 0.3))
        for n in range(3)
    )
    waves = np.arange(12).reshape(3, 4) / 10
    return RecoveryReport(
        "tone", 0.75, 0.25, 1.0, 9, layers, Estimate(0.25, 0.5, 0.875), {}, *waves,
        pathway(0), pathway(1),
    )  # fmt: skip


def marks(axes, entry):
    """Return where the marks in the colour of an entry of the legend are, as (filter, position)."""
    return {
        (row, column)
        for cloud in axes.collections
        if {to_hex(c) for c in cloud.get_edgecolors()} == {colour(entry)}
        for column, row in cloud.get_offsets()
    }


def test_a_recovery_marks_what_was_found_missed_and_false(recovery):
    figure = recovery_figure(recovery)
    (legend,) = figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    entries = dict(zip(texts, legend.legend_handles, strict=True))
    assert list(entries) == ["found", "missed", "false alarm"]
    for axes, (truth, guess) in zip(figure.axes[3:], LAYERS, strict=True):
        expected = {name: set() for name in entries}
        for number, (filter_truth, filter_guess) in enumerate(zip(truth, guess, strict=True)):
            pairs = zip(np.ravel(filter_truth), np.ravel(filter_guess), strict=True)
            for place, (is_on, is_guessed) in enumerate(pairs):
                if is_on and is_guessed:
                    expected["found"].add((number, place))
                elif is_on:
                    expected["missed"].add((number, place))
                elif is_guessed:
                    expected["false alarm"].add((number, place))
        assert {name: marks(axes, entry) for name, entry in entries.items()} == expected
    clouds = figure.axes[3].collections
    shapes = {tuple(map(tuple, cloud.get_paths()[0].vertices.tolist())) for cloud in clouds}
    assert len(shapes) == 3


def test_a_recovery_says_what_its_parts_are(recovery):
    figure = recovery_figure(recovery)
    drawn = [axes.lines[0].get_ydata().tolist() for axes in figure.axes[:3]]
    assert drawn == [list(x) for x in (recovery.signal, recovery.kept, recovery.resynthesised)]
    titles = [axes.get_title() for axes in figure.axes[:3]]
    assert [title.split(":")[0] for title in titles[:2]] == ["input", "what the pathway keeps"]
    assert "75%" in titles[1]
    assert titles[2] == "the same codes with random signs, 25% noise"
    assert figure.get_suptitle().startswith(
        "Whole pathway exact in 4 of 9 draws (rate 0.5, 95% interval 0.25 to 0.88)"
    )
    for number, axes in enumerate(figure.axes[3:]):
        entries = np.size(LAYERS[number][0])
        assert axes.get_title() == (
            f"layer {number + 1}: {30 + number} active of {entries}, S = {7 + number}\n"
            f"in the mean a draw misses {2.5 + number}, false alarms {4.5 + number}\n"
            "exact in 2 of 9 draws (rate 0.2, 95% interval 0.1 to 0.3)"
        )


def test_a_rate_is_told_by_counts_and_its_interval_is_rounded_outwards(recovery):
    """Few draws prove neither 0 nor 1, and what is missed now and then is not never missed."""
    rare = attrs.evolve(recovery.layers[0], missed=0.03, false_alarms=0.0)
    report = attrs.evolve(
        recovery,
        draws=1000,
        exact=Estimate(0.99444, 0.999, 0.99997),
        layers=(rare, *recovery.layers[1:]),
        energy=0.9999,
    )
    figure = recovery_figure(report)
    assert figure.get_suptitle().startswith(
        "Whole pathway exact in 999 of 1000 draws (rate 0.999, 95% interval 0.99 to 1)"
    )
    assert "misses 0.03, false alarms 0.0\n" in figure.axes[3].get_title()
    assert figure.axes[1].get_title() == "what the pathway keeps: >99.9% of the energy"


def test_a_recovery_of_a_picture_shows_pictures(recovery):
    pictures = np.arange(24.0).reshape(3, 2, 4)
    names = ("signal", "kept", "resynthesised")
    figure = recovery_figure(attrs.evolve(recovery, **dict(zip(names, pictures, strict=True))))
    for axes, picture in zip(figure.axes[:3], pictures, strict=True):
        (image,) = axes.get_images()
        assert np.array_equal(image.get_array(), picture)


# ---- explanation ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def explained():
    """Layers whose three numbers all differ."""
    whole = explain(*chain(3), failure_probability=0.02)
    layers = []
    for n, layer in enumerate(whole.layers):
        needed = (Change("S", None, 10 + n, True),)
        verdicts = [attrs.evolve(one, certain=1 + n, changes=needed) for one in layer.verdicts]
        codes = attrs.evolve(layer.statistics, sparsity=30 + n)
        layers.append(attrs.evolve(layer, statistics=codes, verdicts=tuple(verdicts)))
    return attrs.evolve(whole, layers=tuple(layers))


def test_bars_stand_for_what_the_legend_says(explained):
    densities, failures = explanation(explained, Tally(50, [1, 2, 0, 3])).axes
    kinds = {
        "guaranteed: failure impossible": [1, 2, 3],
        "proved likely: failure at most 0.02": [10, 11, 12],
        "the codes": [30, 31, 32],
    }
    bars = {c.get_label(): c for c in densities.containers}
    assert list(bars) == list(kinds)
    for name, values in kinds.items():
        assert [bar.get_height() for bar in bars[name]] == values
        middles = [bar.get_x() + bar.get_width() / 2 for bar in bars[name]]
        assert np.round(middles).tolist() == [0, 1, 2]
    colours = {to_hex(bar.get_facecolor()) for c in bars.values() for bar in c}
    assert len(colours) == 3
    entries = named(failures)
    assert set(entries) == {"proved, at most", "measured, 50 draws", "asked for: 0.02"}
    assert entries["asked for: 0.02"].get_ydata() == [0.02, 0.02]
    proved = [one for one in failures.lines if one.get_marker() == "v"]
    assert {colour(one) for one in proved} == {colour(entries["proved, at most"])}
    points, *_ = entries["measured, 50 draws"]
    assert points.get_ydata() == pytest.approx([0.02, 0.04, 1e-12])
    assert colour(points) != colour(proved[0])
    texts = [text.get_text() for text in failures.texts[-3:]]
    assert texts == ["0.02", "0.04", "0"]


# ---- poster --------------------------------------------------------------------------------------

BOUNDS = ["(2)", "(3)", "(3R)"]


def rates(*best):
    return tuple(Estimate(b * 0.75, b, b + (1 - b) / 4) for b in best)


@pytest.fixture(scope="module")
def poster():
    """Numbers that all differ, so that none can pass for another."""
    values = {"(2)": (0.0, 1.0, 1.0), "(3)": (0.1, 0.2, 0.9), "(3R)": (0.3, 0.4, 0.8)}
    limits = {"(2)": 15.0, "(3)": 25.0, "(3R)": None}
    lines = {"(2)": (90.0, 30.0, 9.0), "(3)": (400.0, 50.0, 4.0), "(3R)": (300.0, 40.0, 3.0)}
    measured = tuple(
        MeasuredLimit(family, mu, passed, None, None, None)
        for family, mu, passed in (
            ("equicorrelated", 0.02, 500),
            ("random ±1", 0.05, 70),
            ("equicorrelated", 0.1, 60),
        )
    )
    crossing = Crossing(0.07, 21.0)
    layers = tuple(LayerConstants(0.1 * n, n, 1.0, 2.0, 64.0) for n in (1, 2, 3))
    recovered = tuple(rates(0.9 - n / 10, 0.5 - n / 10) for n in range(4))
    depth = {
        "(2)": (0.1, 0.2, 0.3, 0.4),
        "(3)": (0.5, 0.25, None, None),
        "(3R)": (None, None, None, None),
    }
    joint = {"(2)": (0.0, 1.0), "(3)": (0.2, 0.7), "(3R)": (0.4, 0.6)}
    return Poster(
        "1.2", 3,
        RatePanel("", 0.01, 0.2, 0.01, 40, (10, 20, 40), rates(0.0, 0.5, 0.8), values, limits),
        ScalingPanel("", 0.01, 64, 40, (0.005, 0.03, 0.2), lines, crossing, measured),
        DepthPanel("", layers, 40, (0.0, 0.3), recovered, joint, depth, 1.0),
    )  # fmt: skip


def ends(container):
    """Return low ends, points and high ends of error bars."""
    points, _, (bars,) = container
    low, high = np.array([segment[:, 1] for segment in bars.get_segments()]).T
    return np.array([low, points.get_ydata(), high])


def test_panel_a_has_every_rate_and_every_bound(poster):
    axes = poster_figure(poster).axes[0]
    panel = poster.rate
    assert ends(named(axes)["measured"]) == pytest.approx(np.array(panel.rate).T)
    for name, said in zip(BOUNDS, ("up to S = 15", "up to S = 25", "none"), strict=True):
        drawn = line(axes, f"{name}, ")
        assert drawn.get_label().endswith(f": {said}")
        points = dict(zip(panel.sparsity, panel.values[name], strict=True))
        for x, y in zip(*drawn.get_data(), strict=True):
            assert points.get(x, y) == y
        assert set(points) <= set(drawn.get_xdata())
        walls = [
            one.get_xdata()[0]
            for one in axes.lines
            if one.get_linestyle() == ":" and colour(one) == colour(drawn)
        ]
        assert walls == ([] if panel.limits[name] is None else [panel.limits[name]])
    step = line(axes, "(2), ").get_data()
    assert list(zip(*step, strict=True))[1:3] == [(15.0, 0.0), (15.0, 1.0)]
    assert len({colour(line(axes, f"{name}, ")) for name in BOUNDS}) == 3


def test_panel_b_has_every_line_and_every_measured_limit(poster):
    axes = poster_figure(poster).axes[1]
    panel = poster.scaling
    for name in BOUNDS:
        drawn = line(axes, f"{name}, ")
        assert tuple(drawn.get_xdata()) == panel.coherence
        assert tuple(drawn.get_ydata()) == panel.lines[name]
    for family, points in (
        ("equicorrelated", [(0.02, 500), (0.1, 60)]),
        ("random ±1", [(0.05, 70)]),
    ):
        drawn = line(axes, f"measured, {family} filters")
        assert list(zip(*drawn.get_data(), strict=True)) == points
    (star,) = [one for one in axes.lines if one.get_marker() == "*"]
    assert (star.get_xdata()[0], star.get_ydata()[0]) == (0.07, 21.0)
    assert axes.texts[0].get_text() == "crossing: μ* = 0.070, S* = 21"


def test_panel_c_has_every_layer_and_every_bound(poster):
    axes = poster_figure(poster).axes[2]
    panel = poster.depth
    names = ("layer 1", "layer 2", "layer 3", "whole pathway")
    for name, layer in zip(names, panel.recovered, strict=True):
        assert ends(named(axes)[name]) == pytest.approx(np.array(layer).T)
    assert len({colour(named(axes)[name][0]) for name in names}) == 4
    said = {
        "(2)": "all layers for ζ₀ < 0.4",
        "(3)": "empty for the pathway; layer 2 alone for ζ₀ < 0.25",
        "(3R)": "no guarantee, at no noise",
    }
    for name, text in said.items():
        drawn = line(axes, f"{name}: ")
        assert drawn.get_label() == f"{name}: {text}"
        # Curves that would lie on each other are moved up by a little.
        moved = drawn.get_ydata() - (1 - np.array(panel.values[name]))
        assert moved == pytest.approx([moved[0]] * 2)
        assert 0 <= moved[0] < 0.03
        assert colour(drawn) == colour(line(poster_figure(poster).axes[0], f"{name}, "))


# ---- names from files ----------------------------------------------------------------------------

NASTY = "$\\frac{$ [/x] \x1b[31m"
SHOWN = "$\\frac{$ [/x] \\x1b[31m"


def test_names_are_drawn_as_they_are(recovery):
    """No part of them is mathematics, and control characters are shown."""
    named_so = attrs.evolve(recovery, name=NASTY)
    labels = np.array([NASTY, NASTY, "b$", "b$"])
    shared = pathway_overlap([np.eye(4)], labels)
    for figure, text in (
        (recovery_figure(named_so), f"input: {SHOWN}"),
        (plotting.pathway_overlap(shared), "$\\frac…x1b[31m"),
        (plotting.pathway_overlap(shared), "b$"),
    ):
        assert f">{text}</text>" in as_svg(figure).decode()


# ---- files ---------------------------------------------------------------------------------------


def test_files_of_the_same_numbers_are_the_same(poster, recovery):
    for save, start in ((as_svg, b"<?xml"), (as_png, b"\x89PNG")):
        once, again = (save(recovery_figure(recovery)) for _ in range(2))
        assert once == again
        assert once.startswith(start)
        assert once != save(poster_figure(poster))
    assert b">false alarm</text>" in as_svg(recovery_figure(recovery))


def drawings(recovery, poster):
    """Return the figures that need no long computation, as functions of what they draw on."""
    dictionary = dcsc.CirculantDictionary([[[1.0, 0.5]]], extent=4)
    model = dcsc.DCSCModel([dcsc.Layer(dictionary, dcsc.ReLU(), dcsc.IdentitySigns())])
    overlap = pathway_overlap([np.eye(4, dtype=bool)], [0, 0, 1, 1])
    why = explain(*chain(2))
    return {
        "effective_atoms": lambda **more: plotting.effective_atoms(model, 1, [0, 1], **more),
        "explanation": lambda **more: explanation(why, **more),
        "pathway_overlap": lambda **more: plotting.pathway_overlap(overlap, **more),
        "poster_figure": lambda **more: poster_figure(poster, **more),
        "recovery_figure": lambda **more: recovery_figure(recovery, **more),
    }


def test_figures_show_in_a_notebook_and_are_drawn_where_one_says(recovery, poster):
    for name, draw in drawings(recovery, poster).items():
        width, height = Image.open(io.BytesIO(draw()._repr_png_())).size
        assert min(width, height) > 200
        figure = Figure(figsize=(5, 4))
        assert draw(figure=figure) is figure
        assert figure.get_size_inches().tolist() == [5, 4]
        assert len(figure.axes) == len(draw().axes)
        with pytest.raises(DcscError, match=f"{name}: figure: expected a Figure or SubFigure, got"):
            draw(figure=figure.axes[0])


def test_figures_are_drawn_on_a_part_of_one(recovery, poster):
    whole = Figure(figsize=(12, 24), layout="constrained")
    every = drawings(recovery, poster)
    parts = whole.subfigures(len(every))
    for part, draw in zip(parts, every.values(), strict=True):
        assert draw(figure=part) is part
    whole.draw_without_rendering()
    for part, draw in zip(parts, every.values(), strict=True):
        alone = draw()
        assert len(part.axes) == len(alone.axes)
        assert part.get_suptitle() == alone.get_suptitle()
        for artist in (*part.axes, *part.legends):
            box = artist.get_window_extent()
            assert part.bbox.x0 <= box.x0 < box.x1 <= part.bbox.x1
            assert part.bbox.y0 <= box.y0 < box.y1 <= part.bbox.y1
