"""Telling how far a command is, on stderr: a bar on a terminal."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from dcsc._words import counted
from dcsc.cli.common import Screen

if TYPE_CHECKING:
    from dcsc.experiments.sweeps import State, Sweep

__all__ = ["share_progress", "sweep_progress"]

_LINE_SECONDS = 10.0
_SHARE_TO_GUESS = 0.05
_WAITING = "waiting for workers"


def _bar(screen: Screen, *rest: ProgressColumn) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn())
    return Progress(*columns, TextColumn("{task.percentage:.0f}%"), *rest, console=screen)


@contextmanager
def share_progress(command: str) -> Iterator[Callable[[float], None]]:
    """Yield a function that takes the share done; in a pipe it says nothing."""
    screen = Screen(stderr=True)
    if not screen.is_terminal:
        yield lambda share: None
        return
    with _bar(screen, TimeElapsedColumn()) as bar:
        task = bar.add_task(command, total=1.0)
        yield lambda share: bar.update(task, completed=share)
        bar.update(task, completed=1.0)


# ---- sweeps --------------------------------------------------------------------------------------


@contextmanager
def sweep_progress(sweep: "Sweep") -> Iterator[Callable[["State"], None]]:
    """Yield a function that takes the state of a run; in a log it writes plain lines."""
    screen = Screen(stderr=True)
    if not screen.is_terminal:
        yield _Lines(sweep)
        return
    rate_column = TextColumn("{task.fields[rate]}")
    with _bar(screen, rate_column, TimeRemainingColumn(elapsed_when_finished=True)) as bar:
        task = bar.add_task(counted(len(sweep), "cell"), rate="", total=None)
        start = time.perf_counter()

        def report(state: "State") -> None:
            if state.waiting:
                bar.update(task, description=f"{_round(state)}, {_WAITING}")
                return
            if state.found and not state.trials and not state.done:
                screen.print(_restart(state))
            rate = state.trials / (time.perf_counter() - start)
            bar.update(
                task,
                description=_round(state),
                total=state.pending,
                completed=state.done,
                rate=f"{rate:,.0f} trials/s",
            )

        yield report


class _Lines:
    """Plain lines, one every ten seconds and one for the end of every round."""

    def __init__(self, sweep: "Sweep") -> None:
        self.start = self.round = self.last = time.perf_counter()
        _say(f"{counted(len(sweep), 'cell')}, at most {counted(sweep.trials, 'trial')} each")

    def __call__(self, state: "State") -> None:
        now = time.perf_counter()
        if state.waiting:
            _say(f"{_round(state)}: {_WAITING}")
            return
        if not state.done:
            self.round = now
            if state.found and not state.trials:
                _say(_restart(state))
            return
        if now - self.last < _LINE_SECONDS and state.done < state.pending:
            return
        self.last = now
        share = state.done / state.pending
        seconds = (now - self.round) * (1 - share) / share
        rate = state.trials / (now - self.start)
        guess = f", {seconds:.0f} s left" if share > _SHARE_TO_GUESS else ""
        _say(f"{_round(state)}: {share:.0%}, {rate:,.0f} trials/s{guess}")


def _say(line: str) -> None:
    print(f"dcsc sweep: {line}", file=sys.stderr, flush=True)


def _restart(state: "State") -> str:
    return f"{state.found:,} trials are there already: going on from them"


def _round(state: "State") -> str:
    number, most = state.look
    if most == 1:
        return counted(state.cells, "cell")
    total = counted(state.cells, "cell")
    return f"look {number} of at most {most}: {state.cells - state.settled} of {total}"
