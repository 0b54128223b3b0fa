"""The numbers of an experiment, drawn."""

import math
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dcsc._arrays import Array, instance
from dcsc.bounds import Explanation, Verdict
from dcsc.errors import DcscError
from dcsc.experiments.poster import DepthPanel, Poster, RatePanel, ScalingPanel
from dcsc.experiments.recover import RecoveryReport
from dcsc.experiments.tally import Tally

__all__ = ["explanation", "poster_figure", "recovery_figure"]

# Colours that remain apart to colour-blind eyes (Okabe and Ito, 2008).
_COLOURS = {"(2)": "#0072B2", "(3)": "#E69F00", "(3R)": "#009E73"}
_NAMES = {
    "(2)": "(2) every sign pattern",
    "(3)": "(3) random signs",
    "(3R)": "(3R) random signs, any noise",
}
_DASHES = {"(2)": "-", "(3)": "-", "(3R)": (0, (5, 2))}
_LAYERS = ["#7A4EAB", "#CC79A7", "#56B4E9"]
_STYLE: Any = {"font.size": 10.0, "axes.spines.top": False, "axes.spines.right": False}


def poster_figure(poster: Poster) -> Figure:
    """Draw the three panels of `dcsc.experiments.poster`."""
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(17, 7), layout="constrained")
        axes = figure.subplots(1, 3)
        _rate(axes[0], poster.rate)
        _scaling(axes[1], poster.scaling)
        _depth(axes[2], poster.depth)
        figure.supxlabel(
            f"measured over random signs, with exact 95 % intervals · seed {poster.seed} · "
            f"dcsc {poster.version}",
            fontsize=8,
            color="0.4",
        )
    return figure


def _ends(rates: list[list[float]]) -> tuple[Array, Array]:
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
        shown = "none" if limit is None else f"up to S = {limit:.0f}"
        points = [(float(s), value) for s, value in zip(panel.sparsity, values, strict=True)]
        if name == "(2)" and limit is not None:
            points = sorted([*points, (limit, 0.0), (limit, 1.0)])
        axes.plot(
            *zip(*points, strict=True),
            color=_COLOURS[name],
            ls=_DASHES[name],
            label=f"{_NAMES[name]}: {shown}",
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
    _legend(axes)


def _scaling(axes: Axes, panel: ScalingPanel) -> None:
    mu = np.array(panel.coherence)
    slope = {"(2)": "slope −1", "(3)": "slope −2", "(3R)": "slope −2; the same without noise"}
    for name, values in panel.lines.items():
        axes.plot(
            mu,
            np.maximum(values, 1e-3),
            color=_COLOURS[name],
            ls=_DASHES[name],
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
    axes.plot([star], [level], "*", color="#D55E00", ms=13, zorder=5)
    axes.annotate(
        f"crossing: μ* = {star:.3f}, S* = {level:.0f}",
        (star, level),
        (0.0055, 2.2),
        arrowprops={"arrowstyle": "-", "color": "#D55E00"},
        color="#D55E00",
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
    _legend(axes)


def _depth(axes: Axes, panel: DepthPanel) -> None:
    names = [f"layer {number}" for number in range(1, len(panel.recovered))]
    for name, colour, rates in zip(names, _LAYERS, panel.recovered, strict=False):
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
            ls=_DASHES[name],
            label=f"{name}: {_said(panel.limits[name])}",
        )
    axes.set_ylim(-0.05, 1.08)
    axes.set_xlabel("noise ζ₀: largest norm of a patch")
    axes.set_ylabel("share of draws with the exact support")
    axes.set_title(
        "(c) Three layers, sparse filters: is the pathway recovered?\n"
        + "coherence and S from layer 1: "
        + ", ".join(
            f"{layer['coherence']:.2g} / {layer['sparsity']:.0f}" for layer in panel.layers
        ),
        fontsize=10,
        loc="left",
    )
    _legend(axes)


def _legend(axes: Axes) -> None:
    """Put the legend below the axes, where it hides nothing."""
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), frameon=False, fontsize=9)


def _said(limits: list[float | None]) -> str:
    """Say which noise a bound guarantees recovery for."""
    if limits[-1] is not None:
        return f"all layers for ζ₀ < {limits[-1]:.2g}"
    deepest = max((depth for depth, limit in enumerate(limits, 1) if limit is not None), default=0)
    if deepest == 0:
        return "no guarantee, at no noise"
    return f"empty for the pathway; layer {deepest} alone for ζ₀ < {limits[deepest - 1]:.2g}"


# ---- recovery ----------------------------------------------------------------------------------

_HIT, _MISSED, _FALSE = "#0072B2", "#D55E00", "#E69F00"


def recovery_figure(report: RecoveryReport) -> Figure:
    """Draw the input, what its pathway keeps, one new synthesis, and each layer's codes."""
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(13, 9), layout="constrained")
        signals, maps = figure.subplots(2, 3)
        _signal(signals[0], report.signal, f"input: {report.name}")
        _signal(
            signals[1], report.kept, f"what the pathway keeps: {report.energy:.0%} of the energy"
        )
        _signal(
            signals[2],
            report.resynthesised,
            f"the same codes with random signs, {report.noise:.0%} noise",
        )
        for number, axes in enumerate(maps, start=1):
            _code_map(axes, report, number)
        handles = [
            Line2D([], [], marker="o", ls="", color=_HIT, label="found"),
            Line2D([], [], marker="x", ls="", color=_MISSED, label="missed"),
            Line2D([], [], marker="^", ls="", color=_FALSE, label="false alarm"),
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=3)
        low, best, high = report.exact
        figure.suptitle(
            f"Whole pathway exact in {best:.0%} of {report.draws} draws "
            f"(95 %: {low:.0%} to {high:.0%}); below: the codes of the first draw"
        )
    return figure


def _signal(axes: Axes, signal: Array, title: str) -> None:
    axes.set_title(title, fontsize=10)
    if signal.ndim == 2:
        axes.imshow(signal, cmap="gray")
        axes.set_axis_off()
    else:
        axes.plot(signal, lw=0.6, color="black")
        axes.set_xlabel("sample")


def _code_map(axes: Axes, report: RecoveryReport, number: int) -> None:
    true, found = report.truth[number] != 0, report.guess[number] != 0
    drawn: tuple[tuple[Array, dict[str, Any]], ...] = (
        (true & found, {"marker": ".", "color": _HIT, "s": 4}),
        (true & ~found, {"marker": "x", "color": _MISSED, "s": 18, "lw": 1}),
        (~true & found, {"marker": "^", "color": _FALSE, "s": 14}),
    )
    for entries, style in drawn:
        rows, columns = np.nonzero(entries.reshape(len(entries), -1))
        axes.scatter(columns, rows, **style)
    layer = report.layers[number - 1]
    axes.set_xlim(-1, math.prod(true.shape[1:]))
    shown = np.flatnonzero((true | found).reshape(len(true), -1).any(axis=1))
    axes.set_ylim(-1, shown.max(initial=0) + 1)
    axes.set_xlabel("position")
    axes.set_ylabel(f"filter (of {len(true)})")
    axes.set_title(
        f"layer {number}: {layer.active:.0f} active of {true.size}, S = {layer.stripe_sparsity}\n"
        f"a draw misses {layer.missed:.1f}, false alarms {layer.false_alarms:.1f}",
        fontsize=10,
    )


# ---- explanation -------------------------------------------------------------------------------

_BARS = {"guaranteed": "#0072B2", "likely": "#E69F00", "measured": "0.35"}
_BAR_WIDTH = 0.27
_SMALLEST = 1e-12


def explanation(found: Explanation, tally: Tally | None = None) -> Figure:
    """Draw how dense codes may be, how dense they are, and how often that fails, layer by layer.

    On the left the largest S that is proved for certain and for δ, beside the S of the codes. On
    the right the sharpest bound of the failure probability of each layer, beside the measured rate
    with its exact 95 % interval; below 1e-12 they are drawn there, and a number says what they are.

    Parameters
    ----------
    found : Explanation
        What `dcsc.bounds.explain` returned.
    tally : Tally, optional
        What `dcsc.experiments.simulate` returned for the same model.
    """
    instance(found, Explanation, "explanation: found")
    depth = len(found.layers)
    if tally is not None and len(tally.failures) != depth + 1:
        raise DcscError(
            f"explanation: tally: expected {depth} layers, got {len(tally.failures) - 1}"
        )
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(max(9.5, 4 + 2.6 * depth), 4.8), layout="constrained")
        densities, failures = figure.subplots(1, 2)
        _densities(densities, found)
        _failures(failures, found, tally)
        for axes in (densities, failures):
            axes.set_xticks(range(depth), [f"layer {layer.number}" for layer in found.layers])
            axes.set_xlim(-0.6, depth - 0.4)
            axes.legend(
                loc="upper center", bbox_to_anchor=(0.5, -0.08), frameon=False, fontsize=9, ncols=2
            )
    return figure


def _densities(axes: Axes, found: Explanation) -> None:
    delta = f"{found.failure_probability:.3g}"
    names = {
        "guaranteed": "guaranteed: failure impossible",
        "likely": f"proved likely: failure at most {delta}",
        "measured": "the codes",
    }
    finite = [
        value
        for layer in found.layers
        for value in (layer.guaranteed, layer.likely, layer.measured)
        if value is not None and math.isfinite(value)
    ]
    top = 2 * max([1.0, *finite])
    for at, (kind, name) in enumerate(names.items(), start=-1):
        values = [getattr(layer, kind) for layer in found.layers]
        heights = [0.0 if value is None else min(float(value), top) for value in values]
        places = np.arange(len(values)) + at * _BAR_WIDTH
        bars = axes.bar(places, heights, _BAR_WIDTH, color=_BARS[kind], label=name)
        axes.bar_label(bars, [_sparsity(value) for value in values], fontsize=9, padding=1)
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylim(0, 3 * top)
    ticks = [0, *(10**power for power in range(math.ceil(math.log10(3 * top))))]
    axes.set_yticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_ylabel("stripe sparsity S")
    axes.set_title("How many non-zeros in a stripe?", fontsize=10, loc="left")


def _sparsity(value: float | None) -> str:
    if value is None:
        return "none"
    return "any" if math.isinf(value) else f"{value:.0f}"


def _proved(verdict: Verdict | None) -> str:
    if verdict is None:
        return "no bound covers it"
    value = verdict.failure_probability
    return f"{value:.2g}\n{verdict.bound}" if value < 1 else "nothing is proved"


def _failures(axes: Axes, found: Explanation, tally: Tally | None) -> None:
    proved = [layer.sharpest for layer in found.layers]
    for place, verdict in enumerate(proved):
        value = 1.0 if verdict is None else verdict.failure_probability
        shown = max(value, _SMALLEST)
        axes.plot(
            [place - 0.12], [shown], "v", ms=9, color=_BARS["likely"],
            label="proved, at most" if place == 0 else None,
        )  # fmt: skip
        axes.annotate(
            _proved(verdict),
            (place - 0.12, shown),
            (0, 8),
            textcoords="offset points",
            ha="center",
            fontsize=8,
        )
    if tally is not None:
        low, best, high = (ends[:-1] for ends in tally.interval())
        ends = np.maximum(np.stack([low, best, high]), _SMALLEST)
        places = np.arange(len(best)) + 0.12
        reach = [ends[1] - ends[0], ends[2] - ends[1]]
        label = f"measured, {tally.trials} draws"
        axes.errorbar(places, ends[1], reach, fmt="o", ms=5, capsize=3, color="black", label=label)
        for place, rate, height in zip(places, best, ends[2], strict=True):
            axes.annotate(
                f"{rate:.2g}", (place, height), (0, 4), textcoords="offset points", ha="center",
                fontsize=8,
            )  # fmt: skip
    delta = max(found.failure_probability, _SMALLEST)
    axes.axhline(delta, color="0.6", ls=":", lw=1, label=f"asked for: {delta:.3g}")
    axes.set_yscale("log")
    axes.set_ylim(_SMALLEST / 3, 30)
    powers = range(-12, 1, 3)
    least = r"$\leq 10^{-12}$"
    axes.set_yticks(
        [10.0**power for power in powers],
        [least, *(f"$10^{{{power}}}$" for power in powers[1:])],
    )
    axes.minorticks_off()
    axes.set_ylabel("failure probability of the layer")
    axes.set_title("How often does a layer fail?", fontsize=10, loc="left")
