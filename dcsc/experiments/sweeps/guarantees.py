"""What is proved of one cell, as a record of plain numbers."""

import math
import time
from functools import lru_cache

import attrs

from dcsc._arrays import Array
from dcsc._cached import cached_property
from dcsc.bounds import (
    BoundCalculator,
    Guarantee,
    LayerRecord,
    LayerStatistics,
    declare,
    measure,
)
from dcsc.errors import DcscError, NotCoveredError
from dcsc.experiments.simulation.draws import Draws
from dcsc.experiments.sweeps.cells import Cell
from dcsc.experiments.sweeps.records import CONSTANTS, BoundRecord, GuaranteesRecord
from dcsc.experiments.sweeps.strategies import Strategies
from dcsc.pathway import Pathway
from dcsc.pursuits.pathways.layered import FORWARD_PASS

__all__ = ["guarantees"]

_DRAWS = 32
_ROUNDING = 1e-9


def guarantees(cell: Cell, codes: Array, draws: Draws, strategies: Strategies) -> GuaranteesRecord:
    """Return what every bound of the task says, and of which constants."""
    start = time.perf_counter()
    bounds = [
        (strategy.label, strategies.build("bound", strategy, cell.task.seed))
        for strategy in cell.task.bounds
    ]
    try:
        records, share = _records(cell, codes, draws)
        forward = cell.pursuit(strategies) == FORWARD_PASS
        statements = [
            _statement(name, bound, records, cell.task.delta)
            if forward
            else BoundRecord(name, None, f"{name} covers no pursuit but the forward pass")
            for name, bound in bounds
        ]
        numbers = records.numbers
    except DcscError as error:
        statements = [BoundRecord(name, None, str(error)) for name, _ in bounds]
        numbers, share = (), None
    constants = {
        name: tuple(_plain(getattr(layer, name)) for layer in numbers) for name in CONSTANTS
    }
    seconds = time.perf_counter() - start
    return GuaranteesRecord(cell.guarantees_identity, tuple(statements), constants, share, seconds)


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


def _statement(name: str, bound: BoundCalculator, records: _Records, delta: float) -> BoundRecord:
    layers = records.of(bound)
    try:
        guarantee = bound.evaluate(layers)
    except NotCoveredError as error:
        return BoundRecord(name, None, str(error))
    why = "; ".join(guarantee.violations)
    if not why and not guarantee.holds:
        why = f"its value is {guarantee.unclipped:.3g}"
    limits = () if bound.needs_instances else tuple(_limits(bound, guarantee, layers, delta))
    return BoundRecord(
        name, guarantee.failure_probability, why, bool(guarantee.conditional), limits
    )


def _limits(
    bound: BoundCalculator, guarantee: Guarantee, layers: tuple[LayerRecord, ...], delta: float
) -> list[float | str | None]:
    """Return the largest S that the bound allows each layer, with the noise that reaches it."""
    limits = []
    for layer, part in zip(layers, guarantee.layers, strict=True):
        alone = attrs.evolve(layer.statistics(), sparsity=0, patch_sparsity=None, noise=part.noise)
        limits.append(_plain(_max_sparsity(bound, alone, delta)))
    return limits


@lru_cache(maxsize=4096)
def _max_sparsity(
    bound: BoundCalculator, layer: LayerStatistics, delta: float
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
