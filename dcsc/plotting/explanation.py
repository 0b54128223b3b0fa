"""Why guarantees hold or not."""

import math

import matplotlib
import numpy as np
from matplotlib.axes import Axes

from dcsc._arrays import instance
from dcsc._display import at_least
from dcsc.bounds import Explanation, LayerExplanation
from dcsc.errors import DcscError
from dcsc.experiments.simulation.tally import Tally
from dcsc.plotting.drawing import Canvas, canvas
from dcsc.plotting.style import BLUE, ORANGE, STYLE

__all__ = ["explanation"]

_BARS = {"guaranteed": BLUE, "likely": ORANGE, "measured": "0.35"}
_BAR_WIDTH = 0.27
_SMALLEST = 1e-12


def explanation(
    found: Explanation, tally: Tally | None = None, figure: Canvas | None = None
) -> Canvas:
    """Draw how dense codes may be, how dense they are, and how often that fails, layer by layer.

    On the left the largest S that is proved for certain and for δ, beside the S of the codes. On
    the right the sharpest bound of the failure probability of each layer, beside the measured rate
    with its exact 95% interval; below 1e-12 they are drawn there, and a number says what they are.

    Parameters
    ----------
    found : Explanation
        What `dcsc.bounds.explain` returned.
    tally : Tally, optional
        What `dcsc.experiments.simulate` returned for the same model.
    figure : matplotlib.figure.Figure or SubFigure, optional
        What to draw on, by default a new figure.
    """
    instance(found, Explanation, "explanation: found")
    depth = len(found.layers)
    if tally is not None:
        instance(tally, Tally, "explanation: tally")
    if tally is not None and len(tally.failures) != depth + 1:
        raise DcscError(
            f"explanation: tally: expected {depth} layers, got {len(tally.failures) - 1}"
        )
    with matplotlib.rc_context(STYLE):
        figure = canvas(figure, (max(9.5, 4 + 2.6 * depth), 4.8), "explanation")
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


def _densities(axes: Axes, facts: Explanation) -> None:
    delta = f"{facts.failure_probability:.3g}"
    names = {
        "guaranteed": "guaranteed: failure impossible",
        "likely": f"proved likely: failure at most {delta}",
        "measured": "the codes",
    }
    finite = [
        value
        for layer in facts.layers
        for value in (layer.guaranteed, layer.likely, layer.measured)
        if value is not None and math.isfinite(value)
    ]
    top = 2 * max([1.0, *finite])
    for at, (kind, name) in enumerate(names.items(), start=-1):
        values = [getattr(layer, kind) for layer in facts.layers]
        heights = [0.0 if value is None else min(float(value), top) for value in values]
        places = np.arange(len(values)) + at * _BAR_WIDTH
        bars = axes.bar(places, heights, _BAR_WIDTH, color=_BARS[kind], label=name)
        texts = [
            _sparsity(value) if layer.verdicts or kind == "measured" else "no\ntheorem"
            for layer, value in zip(facts.layers, values, strict=True)
        ]
        axes.bar_label(bars, texts, fontsize=9, padding=1)
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


def _proved(layer: LayerExplanation) -> str:
    verdict, lost = layer.sharpest, layer.lost
    if verdict is None:
        return "no bound covers it"
    value = verdict.failure_probability
    if value < 1:
        return f"{value:.2g}\n{verdict.bound}"
    if lost is not None:
        return f"at least {at_least(lost.guarantee.least, 2)}\n{lost.bound}"
    return "nothing is proved"


def _failures(axes: Axes, facts: Explanation, tally: Tally | None) -> None:
    proved = [layer.sharpest for layer in facts.layers]
    for place, verdict in enumerate(proved):
        value = 1.0 if verdict is None else verdict.failure_probability
        height = max(value, _SMALLEST)
        axes.plot(
            [place - 0.12], [height], "v", ms=9, color=_BARS["likely"],
            label="proved, at most" if place == 0 else None,
        )  # fmt: skip
        axes.annotate(
            _proved(facts.layers[place]),
            (place - 0.12, height),
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
    delta = max(facts.failure_probability, _SMALLEST)
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
