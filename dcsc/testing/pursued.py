"""Whether a bound that speaks of another pursuit than the forward pass is true."""

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc.bounds import BoundCalculator, LayerInstance
from dcsc.errors import NotCoveredError
from dcsc.pursuits import BasisPursuit, OrthogonalMatchingPursuit, Pursuit
from dcsc.testing.common import call, fail, line
from dcsc.testing.soundness import Enumerated, small_layer

__all__ = ["check_pursued", "runs"]

_LAYERS = 60
_PATTERNS = 8


def runs(bound: BoundCalculator) -> bool:
    """Whether dcsc can run what a bound speaks of, at a threshold of a guarantee."""
    return BasisPursuit in bound.pursuits or OrthogonalMatchingPursuit in bound.pursuits


def check_pursued(bound: BoundCalculator, rng: np.random.Generator) -> Enumerated:
    """Hold a bound against the share of some sign patterns that fail, on random small layers.

    Each pursuit that it speaks of is run in the middle and near both ends of the interval that the
    guarantee names.
    """
    covered, shares = 0, []
    for _ in range(_LAYERS):
        layer = attrs.evolve(small_layer(rng), signs_independent=not bound.needs_signs)
        law, told = "what is covered has a guarantee", f"evaluate of {line(layer)}"
        try:
            guarantee = call(bound, law, told, bound.evaluate, layer, refusals=(NotCoveredError,))
        except NotCoveredError:
            continue
        covered += 1
        value = guarantee.failure_probability
        low, high = guarantee.thresholds[0]
        if value == 1 or not low < high < np.inf:
            continue
        failed = [
            _share(layer, low + part * (high - low), bound, rng) for part in (0.01, 0.5, 0.99)
        ]
        if value < max(failed):
            law = "the failure probability is at least the share of sign patterns that fail"
            fail(bound, law, f"{value} where {max(failed)} of them fail: {line(layer)}")
        shares.append(max(failed) / value if max(failed) else 0.0)
    return Enumerated(_LAYERS, covered, len(shares), max(shares, default=0.0))


def _share(
    layer: LayerInstance, threshold: float, bound: BoundCalculator, rng: np.random.Generator
) -> float:
    """Return the largest share of random signs with which a pursuit misses the support."""
    signs = rng.choice([-1.0, 1.0], (_PATTERNS, *layer.codes.shape))
    signs = np.ones_like(signs) if bound.needs_signs else signs
    codes = signs * layer.codes
    noise: Array | float = layer.noise if isinstance(layer.noise, np.ndarray) else 0.0
    signals = layer.dictionary.synthesize(codes) + noise
    pursuits: list[Pursuit] = []
    if BasisPursuit in bound.pursuits:
        pursuits.append(BasisPursuit(threshold, gap=1e-10))
    if OrthogonalMatchingPursuit in bound.pursuits:
        pursuits.append(OrthogonalMatchingPursuit(level=threshold))
    wrong = [
        ((pursuit(signals, layer.dictionary).code != 0) != (codes != 0)).reshape(_PATTERNS, -1)
        for pursuit in pursuits
    ]
    return max(float(each.any(axis=1).mean()) for each in wrong)
