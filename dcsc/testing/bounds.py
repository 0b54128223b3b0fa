"""The laws of bounds."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Rng, generator, instance
from dcsc.bounds import BoundCalculator, LayerInstance, LayerStatistics
from dcsc.dictionaries import CirculantDictionary, filters
from dcsc.errors import ContractError, NotCoveredError
from dcsc.pursuits import OneStep
from dcsc.testing.common import call, fail, line
from dcsc.testing.pursued import check_pursued, runs
from dcsc.testing.soundness import Enumerated, check_soundness

__all__ = ["BoundReport", "check_bound"]


def _random_layers(rng: np.random.Generator) -> list[LayerStatistics]:
    """Return one to three layers whose guarantees are neither all empty nor all certain."""
    layers = []
    for number in range(int(rng.integers(1, 4))):
        x_max = float(rng.uniform(0.5, 2))
        layers.append(
            LayerStatistics(
                coherence=float(10 ** rng.uniform(-4, -0.3)),
                x_min=x_max * float(rng.uniform(0.2, 1)),
                x_max=x_max,
                sparsity=int(10 ** rng.uniform(0, 2)),
                noise=float(rng.uniform(0, 0.3)) * x_max if number == 0 else None,
                n_atoms=int(10 ** rng.uniform(1, 5)),
                n_samples=int(rng.integers(1, 5)),
                patch_sparsity=int(rng.integers(1, 5)),
            )
        )
    return layers


_RISES: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("sparsity", lambda value: value + 1),
    ("sparsity", lambda value: 10 * value),
    ("coherence", lambda value: min(1.3 * value, 1.0)),
    ("noise", lambda value: None if value is None else 1.3 * value + 0.01),
    ("n_atoms", lambda value: 2 * value),
    ("n_samples", lambda value: value + 1),
    ("x_max", lambda value: 1.3 * value),
    ("patch_sparsity", lambda value: value + 1),
)


@attrs.frozen
class BoundReport:
    """What `check_bound` tried, and what it did not.

    Parameters
    ----------
    layers, covered : int
        Sets of layers that the bound was shown, and those for which it had a guarantee.
    enumerated : Enumerated or None
        How it did on small layers, of which all sign patterns were tried; None if that was not
        asked for.
    untested : tuple of str
        What may still be wrong.

    Examples
    --------
    >>> from dcsc.bounds import UniformBound
    >>> print(check_bound(UniformBound()))  # doctest: +ELLIPSIS
    100 of 100 random sets of layers are covered, and the laws hold for them.
    60 of 60 small layers are covered, ... with a guarantee below 1; none is below the truth, ...
    Not tested: ...
    """

    layers: int
    covered: int
    enumerated: Enumerated | None
    untested: tuple[str, ...]

    def __str__(self) -> str:
        lines = [
            f"{self.covered} of {self.layers} random sets of layers are covered, and the laws hold "
            "for them."
        ]
        small = self.enumerated
        if small is not None:
            lines.append(
                f"{small.covered} of {small.layers} small layers are covered, {small.informative} "
                "of them with a guarantee below 1; none is below the truth, which comes to at "
                f"most {small.closest:.2g} of it."
            )
        return "\n".join([*lines, f"Not tested: {'; '.join(self.untested)}."])


def check_bound(bound: BoundCalculator, rng: Rng = 0, enumerate: bool = True) -> BoundReport:
    """Check the laws of `BoundCalculator` on 100 random sets of layers, and whether it is true.

    A bound that needs instances is shown 30 single ones, and held to the laws that speak of noise.
    Sets that it does not cover are passed over, and counted.

    Parameters
    ----------
    bound : BoundCalculator
    rng : None, int, SeedSequence or Generator
    enumerate : bool, default True
        Whether the bound is also held against the truth: 60 single layers of at most 13 non-zeros,
        of which all sign patterns are tried, without noise or with one that the signs do not
        matter to, at a threshold of the bound's own or at another one. A bound of another pursuit
        than the forward pass is tried with that pursuit, and some of the patterns.

    Returns
    -------
    BoundReport
    """
    instance(bound, BoundCalculator, "check_bound: bound")
    source = generator(rng, "check_bound: rng")
    count, check = (30, _check_one) if bound.needs_instances else (100, _check_layers)
    covered = 0
    for _ in range(count):
        try:
            check(bound, source)
        except NotCoveredError:
            continue
        covered += 1
    enumerated = _enumerated(bound, source) if enumerate else None
    return BoundReport(count, covered, enumerated, tuple(_untested(bound, covered, enumerated)))


def _enumerated(bound: BoundCalculator, rng: np.random.Generator) -> Enumerated | None:
    """Hold the bound against the truth, if dcsc can run what it speaks of."""
    if OneStep in bound.pursuits:
        return check_soundness(bound, rng)
    return check_pursued(bound, rng) if runs(bound) else None


def _untested(bound: BoundCalculator, covered: int, enumerated: Enumerated | None) -> Iterator[str]:
    if not covered:
        yield "any law on random layers, since it covers none of them"
    elif bound.needs_instances:
        yield "orders in anything but the noise"
    if enumerated is None:
        yield "whether it is true"
        return
    if not enumerated.covered:
        yield "whether it is true, since it covers none of the small layers"
    elif not enumerated.informative:
        yield "whether it is true, since no guarantee for a small layer is below 1"
    yield "more than one layer against the truth"
    yield "noise that is chosen after the signs, or at random"
    if OneStep not in bound.pursuits:
        yield "sign patterns that were not drawn"
        return
    yield "sums that meet a threshold exactly"
    yield "projections other than HardThreshold and ReLU"


def _lines(layers: list[Any]) -> str:
    return ", ".join(map(line, layers))


def _value(bound: BoundCalculator, layers: list[Any]) -> float:
    told = f"evaluate of {_lines(layers)}"
    law, refusals = "a guarantee, or a refusal", (NotCoveredError, ContractError)
    guarantee = call(bound, law, told, bound.evaluate, layers, refusals=refusals)
    return float(guarantee.failure_probability)


def _check_layers(bound: BoundCalculator, rng: np.random.Generator) -> None:
    """Hold the bound to the laws of one random set of layers."""
    layers = _random_layers(rng)
    value = _value(bound, layers)
    _check_probability(bound, value, layers)
    for number, layer in enumerate(layers):
        for name, grow in _RISES:
            changed = attrs.evolve(layer, **{name: grow(getattr(layer, name))})
            _check_order(bound, f"rises with {name}", layers, number, changed, value)
        lower = attrs.evolve(layer, x_min=0.8 * layer.x_min)
        _check_order(bound, "falls with x_min", layers, number, lower, value)
    _check_max_sparsity(bound, layers[0], float(10 ** rng.uniform(-8, 0)))


def _check_one(bound: BoundCalculator, rng: np.random.Generator) -> None:
    """Hold a bound for given codes to the laws of one random layer."""
    layer = attrs.evolve(_random_instance(rng), signs_independent=not bound.needs_signs)
    _check_instance(bound, layer, float(10 ** rng.uniform(-4, 0)))


def _check_probability(bound: BoundCalculator, value: float, layers: list[Any]) -> None:
    if not 0 <= value <= 1:
        fail(bound, "failure_probability lies in [0, 1]", f"{value} for {_lines(layers)}")


def _check_order(
    bound: BoundCalculator,
    law: str,
    layers: list[Any],
    number: int,
    worse: LayerStatistics | LayerInstance,
    value: float,
) -> None:
    changed = [*layers[:number], worse, *layers[number + 1 :]]
    other = _value(bound, changed)
    if other < value * (1 - 1e-9):
        told = f"{other} with layer {number + 1} as {line(worse)}"
        fail(bound, law, f"{value} for {_lines(layers)}, {told}")


def _check_max_sparsity(bound: BoundCalculator, layer: LayerStatistics, delta: float) -> None:
    law = "max_sparsity meets δ, and one more does not"
    most = bound.max_sparsity(layer, delta)
    if most is None:
        beyond = 0
    elif math.isinf(most):
        far = bound.evaluate(attrs.evolve(layer, sparsity=2**62))
        if far.failure_probability > delta:
            fail(
                bound,
                law,
                f"inf, but {far.failure_probability} > {delta} at S = 2**62, {line(layer)}",
            )
        return
    else:
        beyond = int(most) + 1
        met = bound.evaluate(attrs.evolve(layer, sparsity=int(most)))
        if met.failure_probability > delta:
            fail(bound, law, f"{met.failure_probability} > {delta} at S = {most} for {line(layer)}")
    over = bound.evaluate(attrs.evolve(layer, sparsity=beyond))
    if over.failure_probability <= delta < 1:
        fail(bound, law, f"{over.failure_probability} <= {delta} at S = {beyond} for {line(layer)}")


def _random_instance(rng: np.random.Generator) -> LayerInstance:
    """Return codes of three to five entries on a line, mostly neither certain nor lost."""
    dictionary = CirculantDictionary(filters.gaussian(3, 6, 3, rng=rng), extent=8)
    code = np.zeros(dictionary.code_shape)
    places = rng.choice(code.size, int(rng.integers(3, 6)), replace=False)
    code.ravel()[places] = rng.uniform(0.7, 1, len(places))
    threshold, noise = float(rng.uniform(0.3, 0.7)), float(rng.uniform(0, 0.2))
    return LayerInstance(dictionary, code, threshold, noise=noise)


def _check_instance(bound: BoundCalculator, layer: LayerInstance, delta: float) -> None:
    value = _value(bound, [layer])
    _check_probability(bound, value, [layer])
    noise = layer.noise_level or 0.0
    for grown in (1.3 * noise + 0.01, 2 * noise + 0.1):
        louder = attrs.evolve(layer, noise=grown)
        _check_order(bound, "rises with noise", [layer], 0, louder, value)
    law = "max_noise meets δ, and a little more does not"
    most = bound.max_noise(layer, delta)
    for level, meets in (
        (most, True),
        (0.0 if most is None else most * (1 + 1e-6) + 1e-6, False),
    ):
        if level is None or math.isinf(level):
            continue
        reached = _value(bound, [attrs.evolve(layer, noise=level)])
        if (reached <= delta) != meets and delta < 1:
            fail(bound, law, f"{reached} at {level}, where δ = {delta}, for {line(layer)}")
