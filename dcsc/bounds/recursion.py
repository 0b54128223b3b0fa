"""How the error of one layer enters the next, and what is assumed of it."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from dcsc._arguments import flag, function, instances
from dcsc._arrays import instance, integer, real
from dcsc.bounds.hypotheses import Hypothesis, layers_below, real_or_infinite
from dcsc.bounds.records import LayerRecord, LayerStatistics

__all__ = ["chained_noise", "entering_noise", "noise_hypotheses", "propagated_noise"]


def propagated_noise(
    layer: LayerStatistics, noise: float, threshold: float, babel: bool = False
) -> float:
    r"""Return ζ_l, the worst error of the codes of a layer whose support is exact.

    .. math:: \zeta_l = \sqrt{s^P_l}\,\big(c_{\max}\zeta_{l-1} + \mu_l (S_l - 1) x_{\max}
        + \max|c^2 - 1|\, x_{\max}\; [+\, \beta_l]\big)

    in patches of the next layer, with gains c and, if the projection shrinks, its threshold β.
    With ``babel``, μ₁(S - 1) takes the place of μ(S - 1).
    (Papyan, Romano and Elad, JMLR 2017, in the patches of the layer above.)
    """
    instance(layer, LayerStatistics, "propagated_noise: layer")
    level = real(noise, "propagated_noise: noise", minimum=0)
    beta = real(threshold, "propagated_noise: threshold", minimum=0)
    with_babel = flag(babel, "propagated_noise: babel")
    others = max(layer.need("sparsity") - 1, 0)
    sum_of_others = layer.reach(others) if with_babel else layer.coherence * layer.x_max * others
    shrinkage = beta if layer.selection is not None and layer.selection.shrinkage else 0.0
    entry = layer.shift(level) + sum_of_others + layer.bias + shrinkage
    return math.sqrt(layer.need("patch_sparsity")) * entry


def entering_noise(
    layers: tuple[LayerStatistics, ...], threshold: Callable[[LayerStatistics], Any]
) -> list[float]:
    """Return ζ_{l-1} for l = 1 … L, the error entering each layer.

    It is what the layer says; where it says nothing, 0 at layer 1, and `propagated_noise` of the
    layer below elsewhere.

    Parameters
    ----------
    layers : tuple of LayerStatistics
        Layer 1 first, as ``_evaluate`` of a bound is handed them.
    threshold : callable
        From a layer that has no threshold of its own to the one that it will have.

    Examples
    --------
    >>> first = LayerStatistics(
    ...     coherence=0.125, x_min=1, x_max=1, sparsity=3, noise=0.25, patch_sparsity=4
    ... )
    >>> second = LayerStatistics(coherence=0.01, x_min=1, x_max=1)
    >>> entering_noise((first, second), lambda layer: layer.x_min / 2)
    [0.25, 1.0]
    """
    layers = instances(layers, LayerStatistics, "entering_noise: layers")
    told = function(threshold, "entering_noise: threshold")

    def passed_on(number: int, layer: LayerStatistics, noise: float) -> float:
        beta = layer.chosen_threshold
        beta = told(layer) if beta is None else beta
        return propagated_noise(layer, noise, float(np.max(beta)))

    return chained_noise(layers, passed_on)


def chained_noise(
    layers: tuple[LayerStatistics, ...],
    passed_on: Callable[[int, LayerStatistics, float], float],
) -> list[float]:
    """Return ζ_{l-1} for l = 1 … L, where ``passed_on`` makes ζ_l of l, the layer and ζ_{l-1}."""
    levels: list[float] = []
    for number, layer in enumerate(layers):
        if layer.noise is not None:
            levels.append(layer.noise)
        else:
            levels.append(passed_on(number, layers[number - 1], levels[-1]) if number else 0.0)
    return levels


def noise_hypotheses(number: int, layer: LayerRecord, noise: float) -> list[Hypothesis]:
    """Return what a bound assumes of the error that enters a layer.

    Parameters
    ----------
    number : int
        That of the layer, 1 for the first.
    layer : LayerStatistics or LayerInstance
    noise : float
        ζ, what `entering_noise` said.

    Examples
    --------
    >>> layer = LayerStatistics(coherence=0.01, x_min=1, x_max=1)
    >>> noise_hypotheses(1, layer, 0.1)[0].statement
    'layer 1: the noise has patch norm at most 0.1'
    """
    place = integer(number, "noise_hypotheses: number", minimum=1)
    instance(layer, LayerRecord, "noise_hypotheses: layer")
    level = real_or_infinite(noise, "noise_hypotheses: noise", minimum=0)
    if place == 1:
        return [Hypothesis(f"layer 1: the noise has patch norm at most {level:.6g}")]
    constants = Hypothesis(
        f"{layers_below(place)}: the codes keep to the constants, for the drawn signs of the "
        "layers above; the bound is joint with that"
    )
    if layer.noise is None:
        return [constants]
    return [
        constants,
        Hypothesis(
            f"layer {place}: if all layers below recover, the error entering has patch norm at "
            f"most {level:.6g}, almost surely"
        ),
    ]
