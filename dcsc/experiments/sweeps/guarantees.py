"""What is proved of one cell, as a record of plain numbers."""

import math
import time
from functools import lru_cache
from typing import Any

import attrs

from dcsc._arrays import Array
from dcsc.bounds import (
    BoundCalculator,
    Guarantee,
    LayerInstance,
    LayerStatistics,
    declare,
    measure,
)
from dcsc.errors import DcscError, NotCoveredError
from dcsc.experiments.draws import Draws
from dcsc.experiments.sweeps.cells import Cell
from dcsc.experiments.sweeps.strategies import Strategies
from dcsc.pathway import Pathway

__all__ = ["guarantees"]

_DRAWS = 32
_ROUNDING = 1e-9
_CONSTANTS = ("coherence", "sparsity", "x_min", "x_max", "noise")


def guarantees(cell: Cell, codes: Array, draws: Draws, strategies: Strategies) -> dict[str, Any]:
    """Return what every bound of the task says, and of which constants."""
    start = time.perf_counter()
    task = cell.task
    block = draws.block(0, _DRAWS)
    try:
        if task.constants is None:
            truth = block.model(0).synthesize(codes)
            layers: tuple[Any, ...] = measure(draws.model, truth, task.noise)
            statistics = tuple(layer.statistics(babel=False) for layer in layers)
            kept = None
        else:
            floors = task.constants.x_min[: len(task.used)]
            layers = statistics = declare(draws.model, codes, floors, task.noise)
            pathways = [block.model(draw).synthesize(codes) for draw in range(_DRAWS)]
            kept = sum(_keeps(statistics, draws, path) for path in pathways) / _DRAWS
    except DcscError as error:
        layers, statistics, kept = (), (), None
        why = str(error)
    said = []
    for strategy in task.bounds:
        bound = strategies.build("bound", strategy, task.seed)
        one = _said(bound, layers, task.delta) if layers else {"value": None, "why": why}
        said.append({"name": strategy.label, **one})
    constants = {
        name: [_plain(getattr(layer, name)) for layer in statistics] for name in _CONSTANTS
    }
    return {
        "guarantees": cell.guarantees_identity,
        "bounds": said,
        "constants": constants,
        "kept": kept,
        "seconds": time.perf_counter() - start,
    }


def _said(bound: BoundCalculator, layers: tuple[Any, ...], delta: float) -> dict[str, Any]:
    try:
        found = bound.evaluate(layers)
    except NotCoveredError as error:
        return {"value": None, "why": str(error)}
    why = "; ".join(found.violations)
    if not why and not found.holds:
        why = f"its value is {found.unclipped:.3g}"
    return {
        "value": found.failure_probability,
        "conditional": found.conditional,
        "why": why,
        "limits": [] if bound.needs_instances else _limits(bound, found, layers, delta),
    }


def _limits(
    bound: BoundCalculator, found: Guarantee, layers: tuple[Any, ...], delta: float
) -> list[float | str | None]:
    """Return the largest S that the bound allows each layer, with the noise that reaches it."""
    limits = []
    for layer, part in zip(layers, found.layers, strict=True):
        numbers = layer.statistics(bound.needs_babel) if isinstance(layer, LayerInstance) else layer
        alone = attrs.evolve(numbers, sparsity=0, patch_sparsity=None, noise=part.noise)
        limits.append(_plain(_max_sparsity(bound, alone, delta)))
    return limits


@lru_cache(maxsize=4096)
def _max_sparsity(
    bound: BoundCalculator, layer: LayerStatistics, delta: float
) -> int | float | None:
    return bound.max_sparsity(layer, delta)


def _keeps(declared: tuple[LayerStatistics, ...], draws: Draws, truth: Pathway) -> bool:
    """Whether a pathway keeps to declared constants, with room for rounding in sums."""
    measured = measure(draws.model, truth)
    return all(
        attrs.evolve(
            layer, x_min=layer.x_min * (1 - _ROUNDING), x_max=layer.x_max * (1 + _ROUNDING)
        ).admits(found.statistics(babel=False))
        for layer, found in zip(declared, measured, strict=True)
    )


def _plain(value: float | None) -> float | str | None:
    """Return a number as JSON has it."""
    return "inf" if value is not None and math.isinf(value) else value
