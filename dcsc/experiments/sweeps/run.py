"""Running a sweep: rounds of looks, groups of cells, and the folder where all of it lands."""

import os
import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import attrs
import joblib

from dcsc._arguments import any_path, flag, function
from dcsc._arrays import instance
from dcsc._display import Display, Displayed, digits, percent
from dcsc._sharing import Pace, open_workers, process_count, results
from dcsc._version import __version__
from dcsc._words import counted
from dcsc.errors import DcscError
from dcsc.experiments.simulation.draws import BLOCK
from dcsc.experiments.sweeps.cells import Cell
from dcsc.experiments.sweeps.configuration import Sweep
from dcsc.experiments.sweeps.examination import examine
from dcsc.experiments.sweeps.progress import CellProgress, cell_progress
from dcsc.experiments.sweeps.records import PLAN_FORMAT, TrialsRecord
from dcsc.experiments.sweeps.store import Store
from dcsc.experiments.sweeps.work import Piece, work

__all__ = ["SECONDS_TO_EXAMINE", "Run", "State", "run"]

SECONDS_TO_EXAMINE = 5.0


@attrs.frozen(kw_only=True)
class State:
    """How far a run is.

    Parameters
    ----------
    cells, settled : int
        Cells, and those that need no further trial.
    found, trials : int
        Trials that the folder held before, and those that this run has added.
    pending, done : int
        Pieces of this round, and those of them that have landed; none yet when it begins.
    look : (int, int)
        Which look the round leads to, and how many there can be.
    waiting : bool
        Whether all workers of a cluster are lost, and the run waits for others.
    """

    cells: int
    settled: int
    found: int
    trials: int
    pending: int
    done: int
    look: tuple[int, int]
    waiting: bool = False


@attrs.frozen(kw_only=True, repr=False)
class Run(Displayed):
    """What a finished run did.

    Parameters
    ----------
    folder : Path
    cells : int
    found, trials : int
        Trials that the folder held before, and those of this run.
    infeasible : tuple of str
        Cells for which there are no codes as dense as they ask for, and why.
    most, saved : int
        Trials of all cells without the stopping rule, and how many of them it spared.
    seconds : float
        From the first dispatch to the end.
    busy : float
        Share of the workers' time in which they simulated or evaluated bounds.
    bookkeeping : float
        Share of the time that it took to land what had been done.
    """

    folder: Path
    cells: int
    found: int
    trials: int
    infeasible: tuple[str, ...]
    most: int
    saved: int
    seconds: float
    busy: float
    bookkeeping: float

    def _display(self) -> Display:
        rows = [
            ("trials", f"{self.trials}, {self.found} were there before"),
            ("spared by stopping", f"{self.saved} of {self.most}"),
            ("cells without codes", str(len(self.infeasible))),
            ("time", f"{digits(self.seconds)} s, workers busy {percent(self.busy)} of it"),
        ]
        title = f"Run of {counted(self.cells, 'cell')} into {self.folder}"
        return Display(title, ("", "is"), rows, self.infeasible)


def run(
    sweep: Sweep,
    folder: str | Path,
    jobs: int | None = None,
    dask: str | None = None,
    progress: Callable[[State], None] = lambda state: None,
    force: bool = False,
) -> Run:
    """Run a sweep, or what is left of it, into a folder.

    Results depend on the sweep only, not on who computes them in what order, or how often it was
    interrupted.

    Parameters
    ----------
    sweep : Sweep
    folder : str or Path
        Made if it does not exist. Work that it holds already is not done again.
    jobs : int, optional
        Processes on this machine, by default one per core.
    dask : str, optional
        The address of a Dask scheduler; its workers then do the work.
    progress : callable
        Called with the state of the run whenever the folder has received something, and now and
        then while there are no workers.
    force : bool, default False
        Whether a ``sweep.json`` or ``results.nc`` that dcsc did not write may be replaced.

    Raises
    ------
    DcscError
        If another run holds the folder, something in it is damaged, or a cell cannot be made; what
        has landed stays.
    """
    workers = process_count(jobs, "sweep: jobs")
    mistakes = examine(instance(sweep, Sweep, "run: sweep"), SECONDS_TO_EXAMINE).mistakes
    if mistakes:  # they leave no folder behind
        raise DcscError(f"{sweep.source}: {'; '.join(mistakes)}")
    cells = list(sweep.cells())
    place = any_path(folder, "run: folder")
    function(progress, "run: progress")
    replaces = flag(force, "run: force")
    told = _Told(progress)
    with (
        # a wrong address leaves no folder behind
        open_workers(workers, dask, told.waiting) as (parallel, count),
        Store.locked(place, _plan(sweep, cells, place), replaces) as store,
    ):
        return _Runner(sweep, cells, store, told).run(parallel, count)


def _plan(sweep: Sweep, cells: Sequence[Cell], place: Path) -> dict[str, Any]:
    """Return what a reader of the folder needs to know, and what made it."""
    names = ("numpy", "scipy", "numba")
    return {
        "format": PLAN_FORMAT,
        "sweep": sweep.as_table(),
        "folder": str(sweep.strategies.folder),
        "relative": os.path.relpath(sweep.strategies.folder, place.resolve()),
        "cells": [cell.identity for cell in cells],
        "guarantees": [cell.guarantees_identity for cell in cells],
        "depths": [len(cell.task.used) for cell in cells],
        "versions": {"dcsc": __version__, **{name: _version(name) for name in names}},
    }


def _version(name: str) -> str | None:
    """Return the version of a package, None where it is not installed, as numba need not be."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


class _Told:
    """Hands states on, and the last one once more while there are no workers."""

    def __init__(self, progress: Callable[[State], None]) -> None:
        self.progress = progress
        self.last: State | None = None

    def __call__(self, state: State) -> None:
        self.last = state
        self.progress(state)

    def waiting(self) -> None:
        if self.last is not None:
            self.progress(attrs.evolve(self.last, waiting=True))


class _Runner:
    """The state of one run; what has landed is in the store."""

    def __init__(
        self,
        sweep: Sweep,
        cells: list[Cell],
        store: Store,
        progress: Callable[[State], None],
    ) -> None:
        self.sweep, self.cells, self.store, self.progress = sweep, cells, store, progress
        self.found, self.trials, self.work, self.landing = 0, 0, 0.0, 0.0
        self.pace = Pace()

    def run(self, parallel: Any, count: int) -> Run:
        """Go from look to look until every cell is settled."""
        start = time.perf_counter()
        states = self._states()
        self.found = self._landed(states)
        looks = self.sweep.stop.looks(self.sweep.trials)
        for number in range(1, len(looks) + 1):
            todo = self._todo(states)
            if todo:
                self._round(parallel, count, todo, (number, len(looks)), states)
                states = self._states()
        seconds = time.perf_counter() - start
        infeasible = [c for c in self.cells if c.identity in self.store.infeasible]
        most = (len(self.cells) - len(infeasible)) * self.sweep.trials
        return Run(
            folder=self.store.folder,
            cells=len(self.cells),
            found=self.found,
            trials=self.trials,
            infeasible=tuple(self.store.infeasible[c.identity] for c in infeasible),
            most=most,
            saved=most - self._landed(states),
            seconds=seconds,
            busy=self.work / (seconds * count),
            bookkeeping=self.landing / seconds,
        )

    def _states(self) -> list[CellProgress]:
        stop, trials = self.sweep.stop, self.sweep.trials
        return [cell_progress(self.store, cell.identity, stop, trials) for cell in self.cells]

    @staticmethod
    def _landed(states: list[CellProgress]) -> int:
        return sum(state.tally.trials for state in states if state.tally is not None)

    def _todo(self, states: list[CellProgress]) -> list[Piece]:
        """Return what is missing until the next look; cells of one identity share their trials."""
        pieces, known = [], set[str]()
        for cell, state in zip(self.cells, states, strict=True):
            stretches = () if cell.identity in known else state.missing
            known.add(cell.identity)
            wanted = cell.guarantees_identity
            done = cell.identity in self.store.infeasible or wanted in self.store.guarantees
            guarantees = not done and wanted not in known
            known.add(wanted)
            first = tuple(stretch for stretch in stretches if stretch[1] <= BLOCK)
            if first or guarantees:
                pieces.append(Piece(cell.index, cell.identity, first, guarantees))
            pieces += [
                Piece(cell.index, cell.identity, (stretch,), guarantees=False)
                for stretch in stretches
                if stretch[1] > BLOCK
            ]
        return pieces

    def _round(
        self,
        parallel: Any,
        workers: int,
        todo: list[Piece],
        look: tuple[int, int],
        states: list[CellProgress],
    ) -> None:
        done = 0
        settled = sum(state.settled for state in states)
        self._tell(settled, len(todo), done, look)
        groups = self.pace.groups(len(todo), workers)
        calls = (joblib.delayed(work)(self.sweep, tuple(todo[a:b])) for a, b in groups)
        with results(parallel, calls) as landed:
            for pieces in landed:
                records = [record for piece in pieces for record in piece]
                begin = time.perf_counter()
                self.store.land(records)
                self.landing += time.perf_counter() - begin
                seconds = sum(record.seconds for record in records)
                stretches = [record for record in records if isinstance(record, TrialsRecord)]
                self.trials += sum(record.stop - record.start for record in stretches)
                self.work += seconds
                done += len(pieces)
                self.pace.learn(seconds / len(pieces))
                self._tell(settled, len(todo), done, look)

    def _tell(self, settled: int, pending: int, done: int, look: tuple[int, int]) -> None:
        self.progress(
            State(
                cells=len(self.cells),
                settled=settled,
                found=self.found,
                trials=self.trials,
                pending=pending,
                done=done,
                look=look,
            )
        )
