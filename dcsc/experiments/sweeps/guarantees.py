"""What is proved of one cell, as a record of plain numbers."""

import math
import time
from functools import lru_cache, partial

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc._cached import cached_property
from dcsc.bounds import (
    BoundCalculator,
    Guarantee,
    LayerInstance,
    LayerPartial,
    LayerRecord,
    LayerStatistics,
    PartialBound,
    declare,
    measure,
)
from dcsc.bounds.inverse import with_babel
from dcsc.bounds.records.babel import values_of
from dcsc.errors import DcscError, NotCoveredError
from dcsc.experiments.simulation.draws import Draws
from dcsc.experiments.sweeps.cells import Cell
from dcsc.experiments.sweeps.records import (
    CONSTANTS,
    PARTIAL,
    BoundRecord,
    GuaranteesRecord,
    PartialRecord,
)
from dcsc.experiments.sweeps.strategies import Strategies
from dcsc.pathway import Pathway
from dcsc.pursuits import Layered, PathwayPursuit

__all__ = ["guarantees"]

_DRAWS = 32
_ROUNDING = 1e-9
_MISSED = 0.1


def guarantees(cell: Cell, codes: Array, draws: Draws, strategies: Strategies) -> GuaranteesRecord:
    """Return what every bound of the task says, and of which constants."""
    start = time.perf_counter()
    theorems = [
        (strategy.label, strategies.build("bound", strategy, cell.task.seed))
        for strategy in cell.task.bounds
    ]
    bounds = [one for one in theorems if not isinstance(one[1], PartialBound)]
    others = [one for one in theorems if isinstance(one[1], PartialBound)]
    try:
        records, share = _records(cell, codes, draws)
        pursuit = cell.pursuit(strategies)
        statements = [
            _statement(name, one, records, cell.task.delta, pursuit) for name, one in bounds
        ]
        means = [_partial(name, one, records.layers, pursuit) for name, one in others]
        numbers = records.numbers
    except DcscError as error:
        statements = [BoundRecord(name, None, str(error)) for name, _ in bounds]
        means = [_silent(name, str(error)) for name, _ in others]
        numbers, share = (), None
    constants = {
        name: tuple(_plain(getattr(layer, name)) for layer in numbers) for name in CONSTANTS
    }
    seconds = time.perf_counter() - start
    return GuaranteesRecord(
        cell.guarantees_identity, tuple(statements), constants, share, seconds, tuple(means)
    )


@attrs.frozen(eq=False, slots=False)
class _Records:
    """The layers of a cell as bounds want them, each kind made once.

    Parameters
    ----------
    layers : tuple of LayerRecord
        As measured or as declared.
    """

    layers: tuple[LayerRecord, ...]

    @cached_property
    def numbers(self) -> tuple[LayerStatistics, ...]:
        return self._statistics(babel=False)

    @cached_property
    def with_babel(self) -> tuple[LayerStatistics, ...]:
        return self._statistics(babel=True)

    def _statistics(self, babel: bool) -> tuple[LayerStatistics, ...]:
        return tuple(layer.statistics(babel) for layer in self.layers)

    def of(self, bound: BoundCalculator) -> tuple[LayerRecord, ...]:
        """Return the kind that a bound works with."""
        if bound.needs_instances:
            return self.layers
        return self.with_babel if bound.needs_babel else self.numbers


def _records(cell: Cell, codes: Array, draws: Draws) -> tuple[_Records, float | None]:
    """Return the constants, and the share of draws that keep to them if they are declared."""
    task = cell.task
    block = draws.block(0, _DRAWS)
    if task.constants is None:
        truth = block.model(0).synthesize(codes)
        return _Records(measure(draws.model, truth, task.noise)), None
    declared = declare(draws.model, codes, task.constants.x_min[: len(task.used)], task.noise)
    pathways = [block.model(draw).synthesize(codes) for draw in range(_DRAWS)]
    share = sum(_keeps(declared, draws, pathway) for pathway in pathways) / _DRAWS
    return _Records(declared), share


def _statement(
    name: str, bound: BoundCalculator, records: _Records, delta: float, pursuit: PathwayPursuit
) -> BoundRecord:
    layers = records.of(bound)
    try:
        guarantee = bound.at(pursuit).evaluate(layers)
    except NotCoveredError as error:
        return BoundRecord(name, None, str(error))
    why = "; ".join(guarantee.violations)
    if not why and not guarantee.holds:
        least = f": {guarantee.claim}" if guarantee.lower else ""
        why = f"its value is {guarantee.unclipped:.3g}{least}"
    assert isinstance(pursuit, Layered)  # no bound speaks of another
    each = [bound.at(step) for step in pursuit._each(len(layers))]
    limits = () if bound.needs_instances else tuple(_limits(each, guarantee, records, delta))
    return BoundRecord(
        name,
        guarantee.failure_probability,
        why,
        bool(guarantee.conditional),
        limits,
        guarantee.lower,
    )


def _silent(name: str, why: str) -> PartialRecord:
    return PartialRecord(name, why, False, dict.fromkeys(PARTIAL, ()))


def _partial(
    name: str, bound: PartialBound, layers: tuple[LayerRecord, ...], pursuit: PathwayPursuit
) -> PartialRecord:
    """Return between what the means of each layer lie, with the noise that reaches it."""
    try:
        guarantee = bound.at(pursuit).evaluate(layers)
    except NotCoveredError as error:
        return _silent(name, str(error))
    parts = [
        _means(bound, layer, part) for layer, part in zip(layers, guarantee.layers, strict=True)
    ]
    means = {quantity: tuple(_plain(part[quantity]) for part in parts) for quantity in PARTIAL}
    return PartialRecord(name, "; ".join(guarantee.violations), bool(guarantee.conditional), means)


def _means(bound: PartialBound, layer: LayerRecord, part: LayerPartial) -> dict[str, float | None]:
    """Return the numbers of one layer; its recall is that of all columns together."""
    active = int(np.count_nonzero(layer.codes)) if isinstance(layer, LayerInstance) else None
    low, high = part.recall
    if active is not None:
        low, high = (max(0.0, 1 - end / active) for end in part.missed[::-1])
    constants = layer.statistics(babel=False)
    alone = attrs.evolve(constants, sparsity=0, patch_sparsity=None, noise=part.noise)
    try:
        limit = bound.max_sparsity(alone, _MISSED)
    except NotCoveredError:  # which atoms share signs is known of given codes alone
        limit = None
    return {
        "recall_low": low,
        "recall_high": high,
        "missed_low": part.missed.low,
        "missed_high": part.missed.high,
        "false_alarms_low": part.false_alarms.low,
        "false_alarms_high": part.false_alarms.high,
        "false_per_active_low": part.false_per_active.low,
        "false_per_active_high": part.false_per_active.high,
        "active": active,
        "limit": limit,
    }


def _limits(
    bounds: list[BoundCalculator],
    guarantee: Guarantee,
    records: _Records,
    delta: float,
) -> list[float | str | None]:
    """Return the largest S that its bound allows each layer, with the noise that reaches it."""
    limits: list[float | str | None] = []
    for bound, record, layer, part in zip(
        bounds, records.layers, records.of(bounds[0]), guarantee.layers, strict=True
    ):
        if math.isinf(part.noise):  # nothing bounds what the layer below leaves
            limits.append(None)
            continue
        alone = attrs.evolve(layer.statistics(), sparsity=0, patch_sparsity=None, noise=part.noise)
        largest = partial(_max_sparsity, bound, delta)
        if bound.needs_babel and isinstance(record, LayerInstance):
            limit = with_babel(largest, alone, values_of(record.dictionary))
        else:
            limit = largest(alone)
        limits.append(_plain(limit))
    return limits


@lru_cache(maxsize=4096)
def _max_sparsity(
    bound: BoundCalculator, delta: float, layer: LayerStatistics
) -> int | float | None:
    return bound.max_sparsity(layer, delta)


def _keeps(declared: tuple[LayerStatistics, ...], draws: Draws, truth: Pathway) -> bool:
    """Whether a pathway keeps to declared constants, with room for rounding in sums."""
    records = measure(draws.model, truth)
    return all(
        attrs.evolve(
            layer, x_min=layer.x_min * (1 - _ROUNDING), x_max=layer.x_max * (1 + _ROUNDING)
        ).admits(record.statistics(babel=False))
        for layer, record in zip(declared, records, strict=True)
    )


def _plain(value: float | None) -> float | str | None:
    """Return a number as JSON has it."""
    return "inf" if value is not None and math.isinf(value) else value
