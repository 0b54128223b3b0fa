"""How far a run is, cell by cell: what has landed, whether it is enough, and what is to do."""

import itertools
from collections.abc import Iterator

import attrs
import numpy as np

from dcsc.experiments.simulation.draws import BLOCK
from dcsc.experiments.simulation.tally import Tally
from dcsc.experiments.sweeps.records import TrialsRecord
from dcsc.experiments.sweeps.stopping import FIRST_LOOK, Stopping
from dcsc.experiments.sweeps.store import Store

__all__ = ["CellProgress", "cell_progress"]

LOOKS = tuple(FIRST_LOOK * 2**power for power in range(10) if FIRST_LOOK * 2**power < BLOCK)

Stretch = tuple[int, int]


@attrs.frozen
class CellProgress:
    """One cell, as far as it has come.

    Parameters
    ----------
    tally : Tally or None
        Of the trials that have landed, up to the last look that all of them reach; None if there
        are none, or no codes as dense as the cell asks for.
    seconds : float
        What they took.
    settled : bool
        Whether it needs no further trial.
    missing : tuple of (start, stop)
        What is to do until the next look.
    """

    tally: Tally | None
    seconds: float
    settled: bool
    missing: tuple[Stretch, ...]


def cell_progress(store: Store, identity: str, stop: Stopping, trials: int) -> CellProgress:
    """Go through the looks of a cell until it is settled, or until trials are missing."""
    if identity in store.infeasible:
        return CellProgress(None, 0.0, True, ())
    usable: list[TrialsRecord] = []
    looks = stop.looks(trials)
    for before, look in itertools.pairwise((0, *looks)):
        stretches = list(_cut(before, look))
        records = [store.trials.get((identity, *stretch)) for stretch in stretches]
        missing = tuple(s for s, record in zip(stretches, records, strict=True) if record is None)
        # A rule with several looks counts the trials of a look only once all of them are there.
        if not missing or not stop.adaptive:
            usable += [record for record in records if record is not None]
        tally = sum(_tally(record, identity) for record in usable) or None
        seconds = sum(record.seconds for record in usable)
        if missing:
            return CellProgress(tally, seconds, False, missing)
        assert tally is not None
        if stop.settled(int(tally.failures[-1]), tally.trials, trials):
            return CellProgress(tally, seconds, True, ())
    raise AssertionError("the last look settles")


def _cut(start: int, stop: int) -> Iterator[Stretch]:
    """Cut trials where the blocks of a simulation end, and at the looks that any rule has.

    So a stopping rule can use what another has asked for.
    """
    inner = [*LOOKS, *range(BLOCK, stop, BLOCK)]
    return itertools.pairwise([start, *(end for end in inner if start < end < stop), stop])


def _tally(record: TrialsRecord, identity: str) -> Tally:
    return Tally(
        record.stop - record.start,
        np.asarray(record.failures),
        np.asarray(record.missed),
        np.asarray(record.false_alarms),
        identity,
    )
