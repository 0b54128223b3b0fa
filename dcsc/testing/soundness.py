"""Whether a bound is true: small layers under all patterns of signs."""

import math
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc.bounds import BoundCalculator, Guarantee, LayerInstance
from dcsc.dictionaries import (
    CirculantDictionary,
    DenseDictionary,
    Dictionary,
    ToeplitzDictionary,
    filters,
)
from dcsc.errors import DcscError, NotCoveredError
from dcsc.experiments import enumerate_signs
from dcsc.model import DCSCModel, Layer
from dcsc.projections import HardThreshold, Projection, ReLU
from dcsc.testing.common import call, fail

__all__ = ["Enumerated", "check_soundness", "small_layer"]

_LAYERS = 60
_ROUNDING = 1e-9


@attrs.frozen
class Enumerated:
    """How a bound did on small layers.

    Parameters
    ----------
    layers : int
        All that it was shown.
    covered : int
        Those for which it had a guarantee.
    informative : int
        Those for which the guarantee was below 1.
    closest : float
        The largest share of a guarantee below 1 that the truth came to.
    """

    layers: int
    covered: int
    informative: int
    closest: float


def check_soundness(bound: BoundCalculator, rng: np.random.Generator) -> Enumerated:
    """Hold a bound against the share of all sign patterns that fail, on random small layers."""
    covered, shares = 0, []
    for number in range(_LAYERS):
        layer = small_layer(rng)
        kind: type[HardThreshold | ReLU] = HardThreshold
        if number % 4 == 3:
            kind, layer = ReLU, attrs.evolve(layer, codes=np.abs(layer.codes))
        layer = attrs.evolve(layer, selection=kind(0.0).selection)
        try:
            guarantee, threshold = _guarantee(bound, layer, number % 3, rng)
        except NotCoveredError:
            continue
        covered += 1
        if guarantee.failure_probability == 1 or not 0 <= threshold < math.inf:
            continue
        truth = _truth(layer, kind(threshold))
        _compare(bound, layer, guarantee, threshold, truth)
        shares.append(truth / guarantee.failure_probability if truth else 0.0)
    return Enumerated(_LAYERS, covered, len(shares), max(shares, default=0.0))


# ---- the layers ----------------------------------------------------------------------------------


def small_layer(rng: np.random.Generator) -> LayerInstance:
    """Return a layer of at most 13 non-zeros that fails under some of its signs, and not under all.

    Most layers are as hard as can be for a coherence μ: every two atoms meet with ±μ, and sizes are
    equal, so that sums just reach the threshold 1/2 with the about 1 / (2μ) non-zeros that there
    are. The others are random filters on a circle, or cut off by the ends of a line.
    """
    hard = rng.random() < 0.7
    dictionary = _equiangular(rng) if hard else _convolutional(rng)
    shape = tuple(dictionary.code_shape)
    codes = np.zeros(shape)
    size = codes.size
    count = size - int(rng.integers(1, 3)) if hard else int(rng.integers(2, 7))
    places = rng.choice(size, count, replace=False)
    codes.flat[places] = 1.0 if hard else rng.uniform(0.6, 1, count)
    codes.flat[places] *= rng.choice([-1.0, 1.0], count)
    noise = np.zeros(dictionary.signal_shape)
    if rng.random() < 0.3:  # along an atom, under any signs
        unit = np.zeros(shape)
        unit.flat[rng.integers(size)] = 1.0
        noise = rng.uniform(0.02, 0.15) * dictionary.synthesize(unit)
    return LayerInstance(dictionary, codes, noise=noise if noise.any() else 0.0)


def _equiangular(rng: np.random.Generator) -> Dictionary:
    atoms = int(rng.integers(9, 15))
    signs = np.triu(rng.choice([-1.0, 1.0], (atoms, atoms)), 1)
    signs += signs.T
    # The sum of all others but one reaches the threshold 1/2 from a little above this on.
    coherence = rng.uniform(0.9, 1.3) * 0.5 / (atoms - 1)
    coherence = min(coherence, 0.95 / float(-np.linalg.eigvalsh(signs)[0]))
    return DenseDictionary(np.linalg.cholesky(np.eye(atoms) + coherence * signs).T)


def _convolutional(rng: np.random.Generator) -> Dictionary:
    taps = filters.gaussian(2, int(rng.integers(2, 9)), 3, rng=rng)
    if rng.random() < 0.5:
        return CirculantDictionary(taps, extent=6)
    return ToeplitzDictionary(taps, extent=5, padding=1)


# ---- the truth -----------------------------------------------------------------------------------


def _guarantee(
    bound: BoundCalculator, layer: LayerInstance, number: int, rng: np.random.Generator
) -> tuple[Guarantee, float]:
    """Return what a bound says of a layer, and of which threshold.

    That is the middle of those that its guarantee holds for, the one that the bound finds best, or
    one that the layer has, if so asked or if the bound wants one.
    """
    law = "what is covered has a guarantee"
    told = f"{layer.codes.size} atoms of {layer.dictionary!r}"

    def ask(method: Callable[[LayerInstance], Any], record: LayerInstance, refusal: Any) -> Any:
        return call(bound, law, f"{method.__name__} of {told}", method, record, refusals=(refusal,))

    if number < 2:
        try:
            low, high = ask(bound.evaluate, layer, DcscError).thresholds[0]
            best = None if number else ask(bound.best_thresholds, layer, DcscError)[0]
            threshold = (low + high) / 2 if best is None else best
        except DcscError:
            number = 2
    if number >= 2:
        strengths = np.abs(layer.dictionary.atom_norms() ** 2 * layer.codes)
        threshold = float(strengths[strengths > 0].min()) * rng.uniform(0.4, 0.6)
    record = layer if number == 1 else attrs.evolve(layer, threshold=threshold)
    return ask(bound.evaluate, record, NotCoveredError), float(threshold)


def _truth(layer: LayerInstance, projection: Projection) -> float:
    model = DCSCModel([Layer(layer.dictionary, projection)])
    noise: Array | float = layer.noise if isinstance(layer.noise, np.ndarray) else 0.0
    return float(enumerate_signs(model, layer.codes, noise).probability[-1])


def _compare(
    bound: BoundCalculator,
    layer: LayerInstance,
    guarantee: Guarantee,
    threshold: float,
    truth: float,
) -> None:
    value = guarantee.failure_probability
    silent = not isinstance(layer.noise, np.ndarray)
    told = (
        f"{int(np.count_nonzero(layer.codes))} non-zeros from {layer.amplitude:.3g} down, "
        f"{layer.codes.size} atoms of {layer.dictionary!r}, coherence "
        f"{layer.dictionary.babel(1):.3g}, threshold {threshold:.3g}, "
        f"{'no noise' if silent else f'noise of {layer.noise_level:.3g}'}"
    )
    if value < truth * (1 - _ROUNDING):
        law = "the failure probability is at least the share of sign patterns that fail"
        fail(bound, law, f"{value} where {truth} of them fail: {told}")
    if silent and guarantee.lower > truth * (1 + _ROUNDING):
        law = "lower is at most the share of sign patterns that fail"
        fail(bound, law, f"{guarantee.lower} where {truth} of them fail: {told}")
