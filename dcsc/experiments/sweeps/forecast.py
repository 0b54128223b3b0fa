"""What a run would do, and about what it would take: measured on a few of its cells."""

import math
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import numpy as np

from dcsc._arguments import any_path
from dcsc._arrays import instance
from dcsc._display import Display, Displayed, digits
from dcsc._threads import OneBlasThread
from dcsc._words import counted
from dcsc.errors import DcscError
from dcsc.experiments.simulation.draws import BLOCK
from dcsc.experiments.sweeps.cells import Cell
from dcsc.experiments.sweeps.configuration import Sweep
from dcsc.experiments.sweeps.examination import Examination, examine
from dcsc.experiments.sweeps.progress import cell_progress
from dcsc.experiments.sweeps.records import GuaranteesRecord
from dcsc.experiments.sweeps.stopping import FIRST_LOOK
from dcsc.experiments.sweeps.store import Store
from dcsc.experiments.sweeps.work import Piece, work

__all__ = ["Forecast", "forecast"]

_SAMPLE = 8
_ENOUGH = 1.0  # seconds; short measurements are made more often
_SHORT = 0.2  # seconds; a first look that takes no longer is followed by a whole block
_STATUS, _HIGHEST = Path("/proc/self/status"), re.compile(r"VmHWM:\s+(\d+) kB")
_BYTES_OF_A_CELL = 3000  # its identities, its tables and its place in the list of cells


@attrs.frozen(kw_only=True, repr=False)
class Forecast(Displayed):
    """What a run would do.

    Parameters
    ----------
    cells : int
    examination : Examination
        Which of them can be made.
    trials : int
        Trials that are missing, at most if there is a stopping rule; cells that agree share them.
    found : int
        Trials that the folder holds.
    sampled : int
        How many cells have been measured.
    seconds : float
        About how long one process would work.
    memory : int or None
        About how many bytes a process would need at most; None where the system does not tell.
    """

    cells: int
    examination: Examination
    trials: int
    found: int
    sampled: int
    seconds: float
    memory: int | None

    def _display(self) -> Display:
        memory = "not known" if self.memory is None else f"about {self.memory / 2**20:.0f} MB"
        rows = [
            ("trials to do", f"{self.trials}, {self.found} are there"),
            ("cells without codes", str(len(self.examination.infeasible))),
            (
                "time of one process",
                f"about {digits(self.seconds)} s, from {counted(self.sampled, 'cell')}",
            ),
            ("memory", memory),
        ]
        title = f"Forecast for {counted(self.cells, 'cell')}"
        return Display(title, ("", "is"), rows, self.examination.reasons)


@OneBlasThread()
def forecast(sweep: Sweep, folder: str | Path | None = None) -> Forecast:
    """Say what `run` would do; nothing is written.

    The model and the codes of every cell are made. Eight cells or more, evenly spaced over those
    that have trials missing, are run for 64 of them, or for 1024 where 64 are done at once. Their
    mean time, extrapolated to all their trials, stands for that of each cell.

    Parameters
    ----------
    sweep : Sweep
    folder : str or Path, optional
        Of the results, whose trials are not counted again.

    Raises
    ------
    DcscError
        That names every cell that cannot be made.
    """
    examination = examine(instance(sweep, Sweep, "forecast: sweep"))
    if examination.mistakes:
        raise DcscError(f"{sweep.source}: {'; '.join(examination.mistakes)}")
    place = None if folder is None else any_path(folder, "forecast: folder")
    store = Store.read(place) if place is not None and Store.is_one(place) else None
    # What is to do, once for all cells that share it.
    tasks, models, bounds = dict[str, tuple[Cell, int]](), set[str](), set[str]()
    found, infeasible = 0, set(examination.infeasible)
    for cell in sweep.cells():
        if cell.identity in infeasible:
            continue
        models.add(",".join(layer.text for layer in cell.task.used))
        if store is None or cell.guarantees_identity not in store.guarantees:
            bounds.add(cell.guarantees_identity)
        if cell.identity not in tasks:
            done, missing = _progress(store, cell.identity, sweep)
            found += done
            tasks[cell.identity] = (cell, missing)
    # A few of the cells are run, as a worker would.
    open_cells = [cell for cell, missing in tasks.values() if missing]
    trials = sum(missing for _, missing in tasks.values())
    times = list(_times(sweep, open_cells))
    work_of = np.mean(times or [(0, 0, 0)], axis=0)
    return Forecast(
        cells=len(sweep),
        examination=examination,
        trials=trials,
        found=found,
        sampled=len(times),
        seconds=float(work_of @ [len(models), len(bounds), trials]),
        memory=_peak(len(sweep)),
    )


def _progress(store: Store | None, identity: str, sweep: Sweep) -> tuple[int, int]:
    """Return how many trials of a cell there are, and how many are missing at most."""
    if store is None:
        return 0, sweep.trials
    progress = cell_progress(store, identity, sweep.stop, sweep.trials)
    done = 0 if progress.tally is None else progress.tally.trials
    return done, 0 if progress.settled else sweep.trials - done


def _times(sweep: Sweep, cells: list[Cell]) -> Iterator[tuple[float, float, float]]:
    """Measure some cells, evenly spaced: eight, and up to 64 while all of it takes no second."""
    spaced = cells[:: max(1, math.ceil(len(cells) / _SAMPLE**2))]
    # Before each, one alike of another seed: what is compiled or imported for it is not counted.
    other = attrs.evolve(sweep, table={**sweep.table, "seed": sweep.table.get("seed", 0) ^ 1})
    begin = time.perf_counter()
    order = (cell for first in range(_SAMPLE) for cell in spaced[first::_SAMPLE])
    for count, cell in enumerate(order):
        if count >= _SAMPLE and time.perf_counter() - begin > _ENOUGH:
            return
        # The first call may only compile; the second goes as far as the one that counts.
        alike = other.cell(cell.index)
        _run(other, alike, min(sweep.trials, FIRST_LOOK), guarantees=True)
        *_, trial = _measure(other, alike)
        model, guarantee, same = _measure(sweep, cell)
        # Both trials are the same work: what else the machine does only adds to one of them. What
        # the guarantees of the other keep, its second ones find.
        yield model, guarantee, min(trial, same)


def _measure(sweep: Sweep, cell: Cell) -> tuple[float, float, float]:
    """Return the seconds of its dictionaries, of its guarantees, and of one trial of many."""
    begin = time.perf_counter()
    for layer in cell.task.used:
        sweep.strategies.build("dictionary", layer.dictionary, cell.task.seed)
    model = time.perf_counter() - begin
    cell.model(sweep.strategies)  # neighbours of a cell find its dictionaries made
    first = min(sweep.trials, FIRST_LOOK)
    spent, guarantee = _run(sweep, cell, first, guarantees=True)
    if spent > _SHORT or sweep.trials == first:
        return model, guarantee, spent / first
    block = min(sweep.trials, BLOCK)
    return model, guarantee, _run(sweep, cell, block, guarantees=False)[0] / block


def _run(sweep: Sweep, cell: Cell, trials: int, guarantees: bool) -> tuple[float, float]:
    """Return the seconds of the first trials, and of the guarantees."""
    piece = Piece(cell.index, cell.identity, ((0, trials),), guarantees)
    begin = time.perf_counter()
    (records,) = work(sweep, (piece,))
    spent = time.perf_counter() - begin
    proved = sum(r.seconds for r in records if isinstance(r, GuaranteesRecord))
    return spent - proved, proved


def _peak(cells: int) -> int | None:
    """Return the most memory that this process has had, and that a list of cells takes."""
    # Linux begins ru_maxrss at what the parent had when it started this process; VmHWM it does not.
    if _STATUS.exists():
        peak = _HIGHEST.search(_STATUS.read_text())
        return None if peak is None else int(peak[1]) * 1024 + cells * _BYTES_OF_A_CELL
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415  # not on Windows

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit + cells * _BYTES_OF_A_CELL
