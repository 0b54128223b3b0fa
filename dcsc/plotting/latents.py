"""The charts of an autoencoder's page."""

from collections.abc import Callable
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dcsc._arrays import Array
from dcsc.networks.autoencoders.analysis import CrossFacts, DecoderFacts, FiringFacts
from dcsc.plotting.style import BLUE, GREEN, RED, STYLE

__all__ = ["active_chart", "aligned_chart", "babel_chart", "density_chart", "nearest_chart"]

_STYLE: Any = {**STYLE, "font.family": "sans-serif", "font.size": 9.0}
_WIDTH, _HEIGHT = 3.4, 2.2


def nearest_chart(facts: DecoderFacts) -> Figure:
    """Draw how many latents have which largest cosine with another, beside Welch's floor."""

    def draw(axes: Axes) -> None:
        _histogram(axes, np.delete(facts.nearest, facts.dead), (0.0, 1.0))
        axes.axvline(facts.floor, color=GREEN, ls="--", label=f"Welch's floor {facts.floor:.3f}")
        axes.axvline(facts.coherence, color=RED, ls="--", label=f"coherence {facts.coherence:.3f}")
        axes.set_xlabel("largest cosine with another latent")
        axes.set_ylim(top=1.4 * axes.get_ylim()[1])  # room for the legend
        axes.legend(frameon=False, fontsize=7, loc="upper center")

    return _small(draw)


def babel_chart(facts: DecoderFacts) -> Figure:
    """Draw the Babel function, beside what the coherence alone would say."""

    def draw(axes: Axes) -> None:
        counts = np.arange(1, len(facts.babel) + 1)
        axes.plot(counts, facts.babel, color=BLUE, label="Babel function μ₁(S)")
        axes.plot(counts, facts.floor * counts, "--", color=GREEN, label="S times Welch's floor")
        axes.set_xlabel("S, how many other latents are on")
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False, fontsize=7)

    return _small(draw)


def aligned_chart(facts: CrossFacts) -> Figure:
    """Draw how many latents have which cosine between their atoms in encoder and decoder."""

    def draw(axes: Axes) -> None:
        _histogram(axes, facts.aligned, (min(0.0, float(facts.aligned.min())), 1.0))
        axes.set_xlabel("cosine of encoder and decoder")

    return _small(draw)


def density_chart(facts: FiringFacts) -> Figure:
    """Draw how many latents fire for which share of the activations, on a scale of tenfolds."""

    def draw(axes: Axes) -> None:
        density = facts.density
        decades = np.log10(density[density > 0])
        low = min(float(decades.min(initial=0.0)), -1.0)
        _histogram(axes, decades, (low, 0.0))
        steps = np.log10([1, 2, 5]) if low > -2 else np.zeros(1)
        ticks = (np.arange(np.floor(low), 1)[:, None] + steps).ravel()
        ticks = ticks[(ticks >= low) & (ticks <= 0)]
        axes.set_xticks(ticks, [f"{10 ** (2 + tick):.3g}%" for tick in ticks])
        axes.set_xlabel(f"fire for ({len(facts.silent)} never do)")

    return _small(draw)


def active_chart(facts: FiringFacts) -> Figure:
    """Draw how many activations have how many active latents."""

    def draw(axes: Axes) -> None:
        low, high = int(facts.active.min()), int(facts.active.max())
        _histogram(axes, facts.active, (low - 0.5, high + 0.5), min(high - low + 1, 40))
        axes.set_xlabel("active latents")
        axes.set_ylabel("activations")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))

    return _small(draw)


def _small(draw: Callable[[Axes], None]) -> Figure:
    """Draw a small chart with fixed margins."""
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, _HEIGHT))
        figure.subplots_adjust(0.17, 0.45 / _HEIGHT, 0.97, 0.96)
        draw(figure.subplots())
    return figure


def _histogram(axes: Axes, values: Array, ends: tuple[float, float], bins: int = 40) -> None:
    axes.hist(values, bins=bins, range=ends, color=BLUE)
    axes.set_ylabel("latents")
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
