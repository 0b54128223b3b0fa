"""The results of a sweep as a data set, at any time."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from dcsc._arguments import any_path, flag
from dcsc._arrays import Array
from dcsc._files import MARK, check_files, write_durably
from dcsc.experiments.sweeps.configuration import Sweep
from dcsc.experiments.sweeps.descriptions import DESCRIPTIONS
from dcsc.experiments.sweeps.progress import cell_progress
from dcsc.experiments.sweeps.records import CONSTANTS, PARTIAL
from dcsc.experiments.sweeps.store import RESULTS, Store

if TYPE_CHECKING:
    import xarray

__all__ = ["open", "planned", "write_netcdf"]


def open(folder: str | Path) -> "xarray.Dataset":
    """Return the results of a sweep as they are now, also while it runs.

    Parameters
    ----------
    folder : str or Path
        Where the sweep has put them.

    Returns
    -------
    xarray.Dataset
        One dimension per axis of the sweep, with its labels, ``layer`` (1 … L) and ``bound``
        (names). The counts are

        - ``trials``, ``failures``: of the pathway; ``layer_failures`` (…, layer)
        - ``missed``, ``false_alarms`` (…, layer): entries, over all trials and columns
        - ``rate``: failures / trials, ``layer_rate`` (…, layer). NaN without trials
        - ``low``, ``best``, ``high``: the rate with its interval, of which ``best`` is the rate;
          ``layer_low``, ``layer_best``, ``layer_high`` (…, layer)
        - ``settled``: whether the cell needs no further trial; ``seconds`` of simulation
        - ``infeasible``: why there are no codes as dense as the cell asks for, else ""

        and what is proved

        - ``guarantee`` (…, bound): a bound of the failure probability of the pathway; NaN if the
          theorem does not cover the cell, or it was not evaluated yet
        - ``guarantee_low`` (…, bound): what that probability is proved to be at the least, for the
          worst noise; 0 from theorems that say nothing of it
        - ``conditional`` (…, bound): whether it is about pathways with the measured constants
        - ``why`` (…, bound): why it says nothing, or why it does not cover
        - ``limit`` (…, bound, layer): the largest S at which the layer fails with probability at
          most δ; inf if any, NaN if none or if the bound has no such limit
        - ``layer_coherence``, ``layer_sparsity``, ``layer_x_min``, ``layer_x_max``,
          ``layer_noise`` (…, layer): the constants
        - ``kept``: the measured share of draws that keep to declared constants, else NaN

        and where `PartialBound` was asked, under the names of its entries in ``partial``

        - ``proved_recall_low``, ``proved_recall_high`` (…, partial, layer): between what the share
          of the active units that are found lies in the mean over signs, of all columns together;
          above layer 1 of a layer that is handed the true supports below
        - ``proved_missed_low``, ``proved_missed_high``, ``proved_false_alarms_low``,
          ``proved_false_alarms_high`` (…, partial, layer): expected numbers in one trial;
          ``proved_false_per_active_low``, ``proved_false_per_active_high``: for each active unit
        - ``missed_limit`` (…, partial, layer): the largest S at which a tenth of the active units
          is missed at the most, of all codes with the layer's constants; inf if any, NaN if none
        - ``partial_conditional``, ``partial_why`` (…, partial): as for bounds
        - ``active`` (…, layer): how many units are on in the codes of the first trial; NaN for
          declared constants. ``recall`` and ``false_per_active`` (…, layer) are what was measured

        Each variable has its meaning as ``long_name``, and an axis the parameter that it varies.
        Attributes hold the configuration as JSON, its seed, the versions and the stopping rule.
        Cells with fewer layers than others have NaN in the others' places, and −1 for counts.

    Raises
    ------
    DcscError
        If it is not the folder of a sweep, or something in it is damaged.
    """
    import xarray  # noqa: PLC0415  # takes half a second to import

    store = Store.read(any_path(folder, "open: folder"))
    plan, sweep = store.plan, store.plan.planned
    axes = sweep.axes
    shape = tuple(len(axis.labels) for axis in axes.values())
    names = list(axes)
    depth = max(plan.depths)
    counts = _counts(store, depth)
    columns = {**counts, **_proved(store, depth), **_partial(store, depth, counts)}
    coords: dict[str, Any] = {name: _labels(axis.labels) for name, axis in axes.items()}
    coords["layer"] = np.arange(1, depth + 1)
    for kind in ("bound", "partial"):
        if len(known := columns.pop(kind).values):
            coords[kind] = np.array(known, dtype=object)
    variables = {
        name: ([*names, *column.dims], column.values.reshape((*shape, *column.values.shape[1:])))
        for name, column in columns.items()
        if coords.keys() >= set(column.dims)
    }
    attributes = {
        "title": sweep.title,
        "source": MARK,
        "configuration": json.dumps(plan.sweep),
        "seed": sweep.seed,
        "trials": sweep.trials,
        "delta": sweep.delta,
        "stopping_rule": sweep.stop.said,
        "confidence": sweep.stop.confidence(sweep.trials),
        "versions": json.dumps(plan.versions),
        "parameters": json.dumps({name: axis.parameter for name, axis in axes.items()}),
    }
    data = xarray.Dataset(variables, coords, attributes)
    for name, axis in axes.items():
        data[name].attrs["long_name"] = axis.parameter
    for variable in data.variables.keys() - axes.keys():
        data[variable].attrs["long_name"] = DESCRIPTIONS[str(variable)]
    return data


def planned(folder: Path, allow_code: bool) -> Sweep:
    """Return the sweep whose results are in a folder."""
    plan = Store.read(folder).plan
    neighbour = folder.resolve() / plan.relative  # where the files are if both have moved together
    place = plan.folder if Path(plan.folder).is_dir() else neighbour
    return Sweep.of(plan.sweep, place, allow_code)


def write_netcdf(folder: str | Path, force: bool = False) -> Path:
    """Write what `open` returns to ``results.nc``, whole or not at all, and return its place.

    A file of that name that dcsc did not write is replaced with ``force`` only.
    """
    place = any_path(folder, "write_netcdf: folder")
    data, target = open(place), place / RESULTS
    check_files([target], "sweep", flag(force, "write_netcdf: force"))
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / RESULTS
        data.to_netcdf(path, engine="h5netcdf")
        write_durably(target, path.read_bytes())
    return target


@attrs.frozen(eq=False)
class _Column:
    """A variable, cells along the first axis, and the names of its other axes."""

    values: Any
    dims: tuple[str, ...] = ()


def _labels(labels: Sequence[Any]) -> Array:
    if all(isinstance(label, str) for label in labels):
        return np.array(labels, dtype=object)
    return np.array(labels)


def _counts(store: Store, depth: int) -> dict[str, _Column]:
    cells, stop, most = store.plan.cells, store.plan.planned.stop, store.plan.planned.trials
    trials, seconds = np.zeros(len(cells), dtype=np.int64), np.zeros(len(cells))
    failures = np.full((len(cells), depth + 1), -1, dtype=np.int64)  # the pathway's last
    missed, false_alarms = (np.full((len(cells), depth), -1, dtype=np.int64) for _ in range(2))
    settled = np.zeros(len(cells), dtype=bool)
    states = {identity: cell_progress(store, identity, stop, most) for identity in set(cells)}
    for at, identity in enumerate(cells):
        state = states[identity]
        settled[at], seconds[at] = state.settled, state.seconds
        if state.tally is not None:
            layers = len(state.tally.failures) - 1
            trials[at] = state.tally.trials
            failures[at, :layers] = state.tally.failures[:-1]
            failures[at, -1] = state.tally.failures[-1]
            missed[at, :layers] = np.asarray(state.tally.missed)
            false_alarms[at, :layers] = np.asarray(state.tally.false_alarms)
    ends = np.full((3, *failures.shape), np.nan)
    reached = failures >= 0
    totals = np.broadcast_to(trials[:, None], failures.shape)[reached]
    ends[:, reached] = stop.interval(failures[reached], totals, most)
    infeasible = np.array([store.infeasible.get(identity, "") for identity in cells], dtype=object)
    columns = {
        "trials": _Column(trials),
        "failures": _Column(np.maximum(failures[:, -1], 0)),
        "layer_failures": _Column(failures[:, :-1], ("layer",)),
        "missed": _Column(missed, ("layer",)),
        "false_alarms": _Column(false_alarms, ("layer",)),
        "settled": _Column(settled),
        "seconds": _Column(seconds),
        "infeasible": _Column(infeasible),
    }
    for name, rates in zip(("low", "best", "high", "rate"), (*ends, ends[1]), strict=True):
        columns[name] = _Column(rates[:, -1])
        columns[f"layer_{name}"] = _Column(rates[:, :-1], ("layer",))
    return columns


def _proved(store: Store, depth: int) -> dict[str, _Column]:
    records = [store.guarantees.get(identity) for identity in store.plan.guarantees]
    names = dict.fromkeys(
        bound.name for record in records if record is not None for bound in record.bounds
    )
    place = {name: at for at, name in enumerate(names)}
    count = len(records)
    value, low = (np.full((count, len(place)), np.nan) for _ in range(2))
    conditional = np.zeros((count, len(place)), dtype=bool)
    why = np.full((count, len(place)), "", dtype=object)
    limit = np.full((count, len(place), depth), np.nan)
    constants = {f"layer_{name}": np.full((count, depth), np.nan) for name in CONSTANTS}
    kept = np.full(count, np.nan)
    for at, record in enumerate(records):
        if record is None:
            continue
        kept[at] = _number(record.kept)
        for name, numbers in record.constants.items():
            for l, number in enumerate(numbers):
                constants[f"layer_{name}"][at, l] = _number(number)
        for bound in record.bounds:
            b = place[bound.name]
            value[at, b], why[at, b] = _number(bound.value), bound.why
            low[at, b] = _number(bound.lower)
            conditional[at, b] = bound.conditional
            for l, number in enumerate(bound.limits):
                limit[at, b, l] = _number(number)
    return {
        "bound": _Column(list(place)),
        "guarantee": _Column(value, ("bound",)),
        "guarantee_low": _Column(low, ("bound",)),
        "conditional": _Column(conditional, ("bound",)),
        "why": _Column(why, ("bound",)),
        "limit": _Column(limit, ("bound", "layer")),
        **{name: _Column(values, ("layer",)) for name, values in constants.items()},
        "kept": _Column(kept),
    }


def _partial(store: Store, depth: int, counts: dict[str, _Column]) -> dict[str, _Column]:
    """Return how much is proved of each support, and what was measured of the same."""
    records = [store.guarantees.get(identity) for identity in store.plan.guarantees]
    known = [() if record is None else record.partial for record in records]
    names = dict.fromkeys(one.name for parts in known for one in parts)
    if not names:
        return {"partial": _Column([])}
    place = {name: at for at, name in enumerate(names)}
    conditional = np.zeros((len(known), len(place)), dtype=bool)
    why = np.full(conditional.shape, "", dtype=object)
    means = {quantity: np.full((*conditional.shape, depth), np.nan) for quantity in PARTIAL}
    for at, parts in enumerate(known):
        for one in parts:
            p = place[one.name]
            conditional[at, p], why[at, p] = one.conditional, one.why
            for quantity, numbers in one.means.items():
                means[quantity][at, p, : len(numbers)] = list(map(_number, numbers))
    # The units that are on are the same in all trials; NaN where nothing has run.
    active = np.fmax.reduce(means.pop("active"), axis=1)
    trials = counts["trials"].values[:, None]
    missed, raised = (
        np.where((trials > 0) & (counts[name].values >= 0), counts[name].values, np.nan)
        for name in ("missed", "false_alarms")
    )
    each = trials * active
    limits = means.pop("limit")
    return {
        "partial": _Column(list(place)),
        **{
            f"proved_{quantity}": _Column(ends, ("partial", "layer"))
            for quantity, ends in means.items()
        },
        "missed_limit": _Column(limits, ("partial", "layer")),
        "partial_conditional": _Column(conditional, ("partial",)),
        "partial_why": _Column(why, ("partial",)),
        "active": _Column(active, ("layer",)),
        "recall": _Column(1 - missed / each, ("layer",)),
        "false_per_active": _Column(raised / each, ("layer",)),
    }


def _number(value: Any) -> float:
    return np.nan if value is None else float(value)
