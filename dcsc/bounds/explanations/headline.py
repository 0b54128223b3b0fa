"""The first sentences of an explanation: what is proved or why nothing is, and what would help."""

from collections.abc import Sequence

from dcsc._display import at_least, at_most, digits
from dcsc.bounds.explanations.parts import Change, LayerExplanation, Verdict
from dcsc.bounds.guarantee import Guarantee

__all__ = ["headline"]


def headline(
    layers: Sequence[LayerExplanation], guarantees: Sequence[Guarantee], delta: float
) -> str:
    """Return what is proved of all layers, or what the first that lacks a proof lacks."""
    depth = len(layers)
    for layer in layers:
        if not (layer.reaches(delta) and layer.reaches(1 - 1e-15)):
            where = f" of layer {layer.number}: it" if depth > 1 else ": the layer"
            return f"{_standing(layer, where, delta)} {_remedy(layer, delta)}".rstrip()
    best = min(guarantees, key=lambda guarantee: guarantee.failure_probability)
    if best.holds:
        outcome = _outcome(best.failure_probability)
        return f"Proved: the pathway {outcome}{_allowed(layers, best)}, by {best.bound}."
    worst = max(layer.sharpest.failure_probability for layer in layers if layer.sharpest)
    return f"Proved of each layer: it {_outcome(worst)}."


def _allowed(layers: Sequence[LayerExplanation], guarantee: Guarantee) -> str:
    """Say which thresholds a proof is for, where none is in use."""
    free = [layer for layer in layers if not layer.thresholds]
    if not free:
        return ""
    if len(layers) > 1:
        return f" at {free[0].parameter}s that the bound allows"
    return f" at a {free[0].parameter} {_place(*guarantee.thresholds[0])}"


def _place(low: float, high: float) -> str:
    return f"of {digits(low)}" if low == high else f"between {digits(low)} and {digits(high)}"


def _standing(layer: LayerExplanation, where: str, delta: float) -> str:
    """Say what is proved of a layer that lacks a proof, or why nothing is."""
    sharpest, lost = layer.sharpest, layer.lost
    nothing = f"Nothing is proved of layer {layer.number}"
    if sharpest is None:
        return f"{nothing}: no theorem that was asked covers it."
    if sharpest.failure_probability < 1:
        outcome = _outcome(sharpest.failure_probability)
        return f"Proved{where} {outcome}, by {sharpest.bound}; asked for was {digits(delta)}."
    if lost is not None:
        least = at_least(lost.guarantee.least, 3)
        worst = " under the worst noise" if lost.guarantee.noise else ""
        return f"Proved{where} fails{worst} with probability at least {least}, by {lost.bound}."
    return f"{nothing}: {_reason(layer)}."


def _reason(layer: LayerExplanation) -> str:
    """Return what is in the way: the threshold where that is all, or else the atoms."""
    missed = [one for one in layer.verdicts if one.inside is False and _would(one)]
    if missed and layer.thresholds:
        used = digits(layer.thresholds[0]) if len(set(layer.thresholds)) == 1 else "one of those"
        place = _place(*missed[0].guarantee.threshold)
        return f"the {layer.parameter} {used} is not one {place}, as {missed[0].bound} asks"
    constants = layer.statistics
    if layer.pair is None:
        return f"mu = {digits(constants.coherence)} and S = {digits(constants.sparsity)}"
    (first, second), value = layer.pair.filters, digits(layer.pair.value)
    alike = (
        f"filter {first} and itself moved" if first == second else f"filters {first} and {second}"
    )
    return f"{alike} have inner product {value}, and S = {digits(constants.sparsity)}"


def _would(verdict: Verdict) -> bool:
    return verdict.best is not None and verdict.best.failure_probability < 1


def _remedy(layer: LayerExplanation, delta: float) -> str:
    """Say which change is the nearest: another threshold, or the least change of a quantity."""
    if not layer.verdicts:
        return ""
    better = [one for one in layer.verdicts if one.best and one.best.failure_probability <= delta]
    if better:
        one = min(better, key=_at_best)
        assert one.best is not None
        outcome = _outcome(_at_best(one))
        return f"With {layer.parameter} {digits(one.best.threshold)} it {outcome}, by {one.bound}."
    steps = [
        (_distance(change), change, one)
        for one in layer.verdicts
        for change in one.changes
        if _helps(change)
    ]
    if not steps:
        return "No change of one quantity alone would lead to a proof."
    _, change, one = min(steps, key=lambda step: step[0])
    relation = "at most" if change.upper else "at least"
    # rounded to the side on which it is enough
    limit = (at_least if change.upper else at_most)(change.needed or 0.0)
    another = "" if change.keeps_threshold else f" and a {layer.parameter} chosen anew"
    return (
        f"With {change.quantity} {relation} {limit} in place of {digits(change.now)}{another} it "
        f"fails with probability at most {digits(delta)}, by {one.bound}."
    )


def _at_best(verdict: Verdict) -> float:
    return verdict.best.failure_probability if verdict.best else 1.0


def _helps(change: Change) -> bool:
    """Return whether a change is a step that can be taken, and leads to δ."""
    return change.sufficient and bool(change.needed) and bool(change.now) and not change.met


def _distance(change: Change) -> float:
    """Return by what factor a quantity has to change."""
    assert change.now
    assert change.needed
    return change.now / change.needed if change.upper else change.needed / change.now


def _outcome(most: float) -> str:
    return "cannot fail" if most == 0 else f"fails with probability at most {at_most(most, 3)}"
