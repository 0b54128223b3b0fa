"""Which cells of a sweep can be made, before any of them is run."""

import math
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import attrs

from dcsc._threads import OneBlasThread
from dcsc.errors import DcscError, InfeasibleError
from dcsc.experiments.sweeps.cells import Cell, CellError
from dcsc.experiments.sweeps.configuration import Sweep

__all__ = ["Examination", "examine"]

_MOST_MODELS = 16
_Made = tuple[tuple[str, ...], type | None]


@attrs.frozen
class Examination:
    """What was met when the model and the codes of every cell were made.

    Parameters
    ----------
    cells : int
        How many cells were looked at.
    infeasible : tuple of str
        Identities of the cells without codes as dense as they ask for, one for each cell.
    reasons, mistakes : tuple of str
        Why cells are infeasible, and why they cannot be made; each reason once, with the first of
        its cells and how many there are.
    """

    cells: int
    infeasible: tuple[str, ...]
    reasons: tuple[str, ...]
    mistakes: tuple[str, ...]


@lru_cache(maxsize=1)
@OneBlasThread()
def examine(sweep: Sweep, seconds: float = math.inf) -> Examination:
    """Make the model and the codes of each cell; those that cells share are made once.

    Parameters
    ----------
    sweep : Sweep
    seconds : float
        After so long the rest is left to those who run it.
    """
    end = time.monotonic() + seconds
    infeasible, reasons, mistakes = list[str](), _Reasons(), _Reasons()
    outcome = _Outcomes(sweep)
    count = 0
    for cell in sweep.cells():
        if time.monotonic() > end:
            break
        count += 1
        texts, kind = outcome.of(cell)
        if kind is InfeasibleError:
            infeasible.append(cell.identity)
        for text in texts:
            (reasons if kind is InfeasibleError else mistakes).add(cell, text)
    return Examination(count, tuple(infeasible), reasons.told(), mistakes.told())


class _Reasons:
    """Cells by what is wrong with them."""

    def __init__(self) -> None:
        self.cells: dict[str, list[Any]] = {}

    def add(self, cell: Cell, text: str) -> None:
        entry = self.cells.setdefault(text, [cell.named, 0])
        entry[1] += 1

    def told(self) -> tuple[str, ...]:
        return tuple(
            f"{first}: {text}" + (f" (and {count - 1} more)" if count > 1 else "")
            for text, (first, count) in self.cells.items()
        )


class _Outcomes:
    """What comes of making a cell: what is wrong, without the cell's name, and the error's type."""

    def __init__(self, sweep: Sweep) -> None:
        self.strategies = sweep.strategies
        self.models: dict[str, Any] = {}
        self.codes: dict[tuple[str, ...], _Made] = {}
        self.bounds: dict[str, _Made] = {}
        self.pursuits: dict[tuple[str, int], _Made] = {}

    def of(self, cell: Cell) -> tuple[list[str], type | None]:
        task = cell.task
        layers = ",".join(layer.text for layer in task.used)
        seed = str(task.seed)
        key = layers + seed
        if key not in self.models:
            if len(self.models) >= _MOST_MODELS:
                self.models.pop(next(iter(self.models)))
            self.models[key] = self._try(cell, lambda: cell.model(self.strategies))
        model, *made = self.models[key]
        place = ("" if model is None else task.used[-1].dictionary.text, task.codes.text, seed)
        if place not in self.codes:
            # Without a model there are no codes, but their amplitudes can be looked at.
            self.codes[place] = self._try(
                cell,
                lambda: (
                    cell.amplitudes(self.strategies)
                    if model is None
                    else cell.codes(model, self.strategies)
                ),
            )[1:]
        finder = (task.pursuit.text, len(task.used))
        if finder not in self.pursuits:
            self.pursuits[finder] = self._try(cell, lambda: cell.pursuit(self.strategies))[1:]
        bounds = ",".join(bound.text for bound in task.bounds)
        if bounds not in self.bounds:
            self.bounds[bounds] = self._try(cell, lambda: self._build(task.bounds, task.seed))[1:]
        found = [tuple(made), self.codes[place], self.pursuits[finder], self.bounds[bounds]]
        # Mistakes, of which all are told, come before codes that do not exist.
        for kind in (DcscError, InfeasibleError):
            texts = [text for told, what in found if what is kind for text in told]
            if texts:
                return texts, kind
        return [], None

    def _build(self, bounds: Iterable[Any], seed: int) -> None:
        texts = []
        for number, bound in enumerate(bounds, start=1):
            try:
                self.strategies.build("bound", bound, seed)
            except (DcscError, TypeError) as error:
                texts.append(f"bounds.{number}: {error}")
        if texts:
            several = CellError("; ".join(texts))
            several.texts = tuple(texts)
            raise several

    @staticmethod
    def _try(cell: Cell, make: Callable[[], Any]) -> tuple[Any, tuple[str, ...], type | None]:
        try:
            return make(), (), None
        except CellError as error:
            return None, error.texts, DcscError
        except Exception as error:  # the user's classes may raise anything
            text = str(error).removeprefix(f"{cell.named}: ")
            if not isinstance(error, DcscError):
                text = f"{type(error).__name__}: {text}"
            infeasible = isinstance(error, InfeasibleError)
            return None, (text,), InfeasibleError if infeasible else DcscError
