"""The poster's comparison."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes

from dcsc._arrays import Array, instance
from dcsc.bounds.forward import CLASS_BOUNDS, ProbabilisticBound, RobustBound, UniformBound
from dcsc.experiments.studies.poster import DepthPanel, Poster, RatePanel, ScalingPanel
from dcsc.intervals import Estimate
from dcsc.plotting.drawing import Canvas, canvas
from dcsc.plotting.style import BOUNDS, LAYERS, RED, STYLE, legend

__all__ = ["poster_figure"]

_COLOURS = {kind.label: colour for kind, colour in zip(CLASS_BOUNDS, BOUNDS, strict=False)}
_NAMES = {kind.label: f"{kind.label}, {kind.about}" for kind in CLASS_BOUNDS}
_DASHES: dict[str, Any] = {RobustBound.label: (0, (5, 2))}


def poster_figure(poster: Poster, figure: Canvas | None = None) -> Canvas:
    """Draw the three panels of `dcsc.experiments.studies.poster`.

    Parameters
    ----------
    poster : Poster
    figure : matplotlib.figure.Figure or SubFigure, optional
        What to draw on, by default a new figure.
    """
    instance(poster, Poster, "poster_figure: poster")
    with matplotlib.rc_context(STYLE):
        figure = canvas(figure, (17, 7), "poster_figure")
        axes = figure.subplots(1, 3)
        _rate(axes[0], poster.rate)
        _scaling(axes[1], poster.scaling)
        _depth(axes[2], poster.depth)
        figure.supxlabel(
            f"measured over random signs, with exact 95% intervals · seed {poster.seed} · "
            f"dcsc {poster.version}",
            fontsize=8,
            color="0.4",
        )
    return figure


def _ends(rates: Sequence[Estimate[float]]) -> tuple[Array, Array]:
    """Return the middles and the distances to both ends, as errorbar wants them."""
    low, best, high = np.array(rates).T
    return best, np.stack([np.maximum(best - low, 0), np.maximum(high - best, 0)])


def _rate(axes: Axes, panel: RatePanel) -> None:
    best, reach = _ends(panel.rate)
    axes.errorbar(
        panel.sparsity, best, reach, fmt="o", color="black", ms=4, capsize=2, lw=1, label="measured"
    )
    for name, values in panel.values.items():
        limit = panel.limits[name]
        reach_text = "none" if limit is None else f"up to S = {limit:.0f}"
        points = [(float(s), value) for s, value in zip(panel.sparsity, values, strict=True)]
        if name == UniformBound.label and limit is not None:
            points = sorted([*points, (limit, 0.0), (limit, 1.0)])
        axes.plot(
            *zip(*points, strict=True),
            color=_COLOURS[name],
            ls=_DASHES.get(name),
            label=f"{_NAMES[name]}: {reach_text}",
        )
        if limit is not None:
            axes.axvline(limit, color=_COLOURS[name], ls=":", lw=1)
    axes.set_xscale("log")
    axes.set_xticks([10, 30, 100, 300], labels=["10", "30", "100", "300"])
    axes.set_ylim(-0.02, 1.05)
    axes.set_xlabel("stripe sparsity S")
    axes.set_ylabel("probability that the support is wrong")
    axes.set_title(
        f"(a) One layer: measured failures, and what is proved\n"
        f"coherence {panel.coherence:.3g}, noise {panel.noise:g}; dotted: failure at most "
        f"{panel.delta:.0%}",
        fontsize=10,
        loc="left",
    )
    legend(axes)


def _scaling(axes: Axes, panel: ScalingPanel) -> None:
    mu = np.array(panel.coherence)
    slope = {
        UniformBound.label: "slope −1",
        ProbabilisticBound.label: "slope −2",
        RobustBound.label: "slope −2; the same without noise",
    }
    for name, values in panel.lines.items():
        axes.plot(
            mu,
            np.maximum(values, 1e-3),
            color=_COLOURS[name],
            ls=_DASHES.get(name),
            label=f"{_NAMES[name]}, {slope[name]}",
        )
    markers = {"equicorrelated": ("o", "black"), "random ±1": ("s", "0.55")}
    for family, (marker, colour) in markers.items():
        points = [point for point in panel.measured if point.filters == family]
        axes.plot(
            [point.coherence for point in points],
            [point.passed for point in points],
            marker,
            color=colour,
            ms=5,
            label=f"measured, {family} filters (whole numbers)",
        )
    star, level = panel.crossing
    axes.plot([star], [level], "*", color=RED, ms=13, zorder=5)
    axes.annotate(
        f"crossing: μ* = {star:.3f}, S* = {level:.0f}",
        (star, level),
        (0.0055, 2.2),
        arrowprops={"arrowstyle": "-", "color": RED},
        color=RED,
        fontsize=9,
    )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(0.7, 2500)
    axes.set_xlim(mu.min(), mu.max())
    ticks = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2]
    axes.set_xticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.grid(True, color="0.92")
    axes.set_xlabel("coherence μ of the filters")
    axes.set_ylabel(f"largest S with failure at most {panel.delta:.0%}")
    axes.set_title(f"(b) How sparse must codes be?\n{panel.setting}", fontsize=10, loc="left")
    legend(axes)


def _depth(axes: Axes, panel: DepthPanel) -> None:
    names = [f"layer {number}" for number in range(1, len(panel.recovered))]
    for name, colour, rates in zip(names, LAYERS, panel.recovered, strict=False):
        best, reach = _ends(rates)
        axes.errorbar(
            panel.noise,
            best,
            reach,
            fmt=".-",
            color=colour,
            capsize=2,
            lw=4,
            alpha=0.6,
            elinewidth=1,
            label=name,
        )
    best, reach = _ends(panel.recovered[-1])
    axes.errorbar(
        panel.noise, best, reach, fmt="o-", color="black", ms=4, capsize=2, label="whole pathway"
    )
    for number, (name, values) in enumerate(panel.values.items()):
        lowest = 1 - np.array(values)
        axes.plot(
            panel.noise,
            lowest + 0.012 * number,
            color=_COLOURS[name],
            ls=_DASHES.get(name),
            label=f"{name}: {_noise_limit(panel.limits[name])}",
        )
    axes.set_ylim(-0.05, 1.08)
    axes.set_xlabel("noise ζ₀: largest norm of a patch")
    axes.set_ylabel("share of draws with the exact support")
    axes.set_title(
        "(c) Three layers, sparse filters: is the pathway recovered?\n"
        + "coherence and S from layer 1: "
        + ", ".join(f"{layer.coherence:.2g} / {layer.sparsity:.0f}" for layer in panel.layers),
        fontsize=10,
        loc="left",
    )
    legend(axes)


def _noise_limit(limits: Sequence[float | None]) -> str:
    """Say which noise a bound guarantees recovery for."""
    if limits[-1] is not None:
        return f"all layers for ζ₀ < {limits[-1]:.2g}"
    deepest = max((depth for depth, limit in enumerate(limits, 1) if limit is not None), default=0)
    if deepest == 0:
        return "no guarantee, at no noise"
    return f"empty for the pathway; layer {deepest} alone for ζ₀ < {limits[deepest - 1]:.2g}"
