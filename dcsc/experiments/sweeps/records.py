"""What the files in the folder of a sweep hold, checked when they are read."""

import math
from collections.abc import Mapping
from typing import Any

import attrs
import cattrs

from dcsc._words import quoted
from dcsc.errors import DcscError
from dcsc.experiments.sweeps.stopping import Stopping, check_trials
from dcsc.experiments.sweeps.strict import is_number, mistakes, register_record, strict_converter
from dcsc.experiments.sweeps.tables import check_axis_name, check_labels

__all__ = [
    "CONSTANTS",
    "PARTIAL",
    "PLAN_FORMAT",
    "BoundRecord",
    "GuaranteesRecord",
    "InfeasibleRecord",
    "PartialRecord",
    "Plan",
    "PlannedAxis",
    "PlannedSweep",
    "Record",
    "TrialsRecord",
    "as_json",
    "read_plan",
    "read_records",
]

PLAN_FORMAT = "dcsc sweep 1"
CONSTANTS = ("coherence", "sparsity", "x_min", "x_max", "noise")

PARTIAL = (
    *("recall_low", "recall_high", "missed_low", "missed_high"),
    *("false_alarms_low", "false_alarms_high", "false_per_active_low", "false_per_active_high"),
    *("active", "limit"),
)

_FORMAT = "dcsc blocks 1"
_MOST_LAYERS = 1000

# A number as JSON has it: infinity is "inf", and NaN is None.
Number = float | str | None


@attrs.frozen
class TrialsRecord:
    """The counts of a stretch of trials of one cell: of its layers, and last of its pathway."""

    cell: str
    start: int
    stop: int
    failures: tuple[int, ...]
    missed: tuple[int, ...]
    false_alarms: tuple[int, ...]
    seconds: float

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.start < self.stop:
            ends = f"{quoted(self.start)} to {quoted(self.stop)}"
            raise ValueError(f"expected a stretch of trials, got {ends}")
        if not len(self.missed) == len(self.false_alarms) == self.depth > 0:
            raise ValueError("expected as many counts of missed and false_alarms as of layers")
        if not all(0 <= count <= self.stop - self.start for count in self.failures):
            raise ValueError("failures: expected no more of them than trials")
        if not all(0 <= count < 2**53 for count in (*self.missed, *self.false_alarms)):
            raise ValueError("missed, false_alarms: expected counts")

    @property
    def depth(self) -> int:
        """Number of layers."""
        return len(self.failures) - 1


@attrs.frozen
class BoundRecord:
    """What one bound says of a cell, which fails with a probability of ``lower`` to ``value``."""

    name: str
    value: float | None
    why: str
    conditional: bool = False
    limits: tuple[Number, ...] = ()
    lower: float | None = None


@attrs.frozen
class PartialRecord:
    """How much of the supports of a cell is proved to be right; ``means`` are layer by layer."""

    name: str
    why: str
    conditional: bool
    means: Mapping[str, tuple[Number, ...]]

    def __attrs_post_init__(self) -> None:
        if set(self.means) != set(PARTIAL):
            raise ValueError(f"means: expected {', '.join(PARTIAL)}")


@attrs.frozen
class GuaranteesRecord:
    """What is proved of a cell, and of which constants, layer by layer."""

    guarantees: str
    bounds: tuple[BoundRecord, ...]
    constants: Mapping[str, tuple[Number, ...]]
    kept: float | None
    seconds: float
    partial: tuple[PartialRecord, ...] = ()

    def __attrs_post_init__(self) -> None:
        if set(self.constants) != set(CONSTANTS):
            raise ValueError(f"constants: expected {', '.join(CONSTANTS)}")

    @property
    def depth(self) -> int:
        """Number of layers that it speaks of, at most."""
        limits = (len(bound.limits) for bound in self.bounds)
        means = (len(numbers) for one in self.partial for numbers in one.means.values())
        return max((*limits, *means, *map(len, self.constants.values())))


@attrs.frozen
class InfeasibleRecord:
    """Why a cell has no codes."""

    infeasible: str
    why: str
    seconds: float


Record = TrialsRecord | GuaranteesRecord | InfeasibleRecord


@attrs.frozen
class PlannedAxis:
    """An axis, as far as results need it."""

    parameter: str
    labels: tuple[Any, ...]

    def __attrs_post_init__(self) -> None:
        check_labels(self.labels)


@attrs.frozen
class PlannedSweep:
    """A sweep, as far as results need it."""

    title: str
    trials: int
    axes: Mapping[str, PlannedAxis]
    stop: Stopping
    seed: int = 0
    delta: float = 0.01

    def __attrs_post_init__(self) -> None:
        for name in self.axes:
            check_axis_name(name)
        check_trials(self.trials)


@attrs.frozen
class Plan:
    """What a reader of the folder needs to know, and what made it.

    Parameters
    ----------
    format : str
    sweep : mapping
        The tables of the sweep.
    folder, relative : str
        Where its files are, as such and seen from the folder of the results.
    cells, guarantees : tuple of str
        The identities of the cells, and of their guarantees.
    depths : tuple of int
        Layers of each cell.
    versions : mapping
    """

    format: str
    sweep: Mapping[str, Any]
    folder: str
    relative: str
    cells: tuple[str, ...]
    guarantees: tuple[str, ...]
    depths: tuple[int, ...]
    versions: Mapping[str, Any]
    planned: PlannedSweep = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        planned = _converter.structure(self.sweep, PlannedSweep)
        object.__setattr__(self, "planned", planned)
        count = math.prod(len(axis.labels) for axis in planned.axes.values())
        if not len(self.cells) == len(self.guarantees) == len(self.depths) == count:
            raise ValueError(f"expected {count} cells, guarantees and depths")
        if not all(1 <= depth <= _MOST_LAYERS for depth in self.depths) or not self.depths:
            raise ValueError(f"depths: expected numbers from 1 to {_MOST_LAYERS}")


def read_plan(content: Any, where: str) -> Plan:
    """Return the plan that a file holds."""
    if not isinstance(content, Mapping) or content.get("format") != PLAN_FORMAT:
        expected = f"expected format {PLAN_FORMAT!r}"
        raise DcscError(f"sweep: {where} is not what a sweep wrote: {expected}")
    plan: Plan = _read(content, Plan, where)
    return plan


def read_records(content: Any, where: str) -> list[Record]:
    """Return the records that a file holds."""
    body: _Body = _read(content, _Body, where)
    if body.format != _FORMAT:
        raise DcscError(f"sweep: {where}: expected format {_FORMAT!r}, got {quoted(body.format)}")
    return [_read(record, _kind(record), where) for record in body.records]


def as_json(records: list[Record]) -> Any:
    """Return records as `read_records` takes them."""
    return {"format": _FORMAT, "records": [_plain.unstructure(record) for record in records]}


@attrs.frozen
class _Body:
    format: str
    records: tuple[Mapping[str, Any], ...]


def _kind(record: Mapping[str, Any]) -> type:
    kinds = {"infeasible": InfeasibleRecord, "guarantees": GuaranteesRecord}
    return next((kinds[key] for key in kinds if key in record), TrialsRecord)


def _read(value: Any, kind: type, where: str) -> Any:
    try:
        return _converter.structure(value, kind)
    except (ValueError, ExceptionGroup) as error:
        first = next(mistakes(error, ""))
        raise DcscError(f"sweep: {where} is not what a sweep wrote: {first}") from None


def _number(value: Any, _: Any) -> Any:
    if value is not None and value != "inf" and not is_number(value):
        raise ValueError(f"expected a number, got {quoted(value)}")
    return value


_plain = cattrs.Converter()
_converter = strict_converter()
_converter.register_structure_hook_func(lambda kind: kind == Number, _number)
_converter.register_structure_hook(
    Stopping, lambda value, _: Stopping(value.get("width"), tuple(value["levels"]))
)
for _kind_of_record in (
    *(TrialsRecord, BoundRecord, PartialRecord, GuaranteesRecord, InfeasibleRecord, _Body, Plan),
):
    register_record(_converter, _kind_of_record)
for _kind_of_table in (PlannedAxis, PlannedSweep):
    register_record(_converter, _kind_of_table, known=False)
