"""What a sweep is: tasks that differ along axes."""

import itertools
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import attrs

from dcsc._arguments import any_path, flag, items, mapping
from dcsc._arrays import instance_of, integer
from dcsc._display import Display, Displayed
from dcsc._words import counted, listed, quoted
from dcsc.errors import DcscError
from dcsc.experiments.sweeps.cells import Cell
from dcsc.experiments.sweeps.grid import Grid
from dcsc.experiments.sweeps.reading import read_sweep, read_toml
from dcsc.experiments.sweeps.stopping import Stopping
from dcsc.experiments.sweeps.strategies import Strategies
from dcsc.experiments.sweeps.strict import mistakes
from dcsc.experiments.sweeps.tables import Axis

__all__ = ["Sweep"]


@attrs.frozen(repr=False)
class Sweep(Displayed):
    """Simulations and guarantees at every point of a grid.

    Made from a file with `load`, or from the same tables with `of`.

    Parameters
    ----------
    title : str
    trials : int
        Trials of each cell; with a ``stop`` no cell has more.
    axes : tuple of Axis
        What varies; a cell is one value of each.
    stop : Stopping
        When a cell has had enough trials.
    table : mapping
        Everything else, as in the file: a cell before `substitute` puts its values in.
    strategies : Strategies
        How names are read.
    source : str
        Where it is from, for errors: the name of its file.
    """

    title: str
    trials: int
    axes: tuple[Axis, ...]
    stop: Stopping
    table: Mapping[str, Any] = attrs.field(hash=False)
    strategies: Strategies
    source: str = attrs.field(default="sweep", validator=instance_of(str), eq=False)

    @classmethod
    def load(cls, path: str | Path, allow_code: bool = False) -> Self:
        """Read a TOML file.

        Parameters
        ----------
        path : str or Path
        allow_code : bool
            Whether the user's classes, ``module:Class``, are imported, from the file's folder or
            wherever Python finds them, which runs them; and whether files of filters may be
            elsewhere than in that folder.

        Raises
        ------
        DcscError
            That names every place where something else was expected.
        """
        file = any_path(path, "Sweep.load: path")
        allowed = flag(allow_code, "Sweep.load: allow_code")
        return cls._of(read_toml(file), Strategies(file.resolve().parent, allowed), str(file))

    @classmethod
    def of(
        cls, table: Mapping[str, Any], folder: str | Path = ".", allow_code: bool = False
    ) -> Self:
        """Return the sweep that nested mappings describe, with the keys of a file.

        Parameters
        ----------
        table : mapping
        folder : str or Path
            Where the files and modules are that it names.
        allow_code : bool
            As in `load`.
        """
        place = any_path(folder, "Sweep.of: folder").resolve()
        allowed = flag(allow_code, "Sweep.of: allow_code")
        return cls._of(mapping(table, "Sweep.of: table"), Strategies(place, allowed), "sweep")

    @classmethod
    def _of(cls, table: Mapping[str, Any], strategies: Strategies, where: str) -> Self:
        head, rest = read_sweep(table, strategies, where)
        return cls(**head, table=rest, strategies=strategies, source=where)

    def _display(self) -> Display:
        rows = [
            (axis.name, axis.parameter, str(len(axis.labels)), listed(axis.labels, most=6))
            for axis in self.axes
        ]
        title = (
            f"Sweep {self.title or 'without a title'}: {counted(len(self), 'cell')} of "
            f"{counted(self.trials, 'trial')}"
        )
        return Display(title, ("axis", "parameter", "values", ""), rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values of each axis."""
        return tuple(len(axis.values) for axis in self.axes)

    def __len__(self) -> int:
        return math.prod(self.shape)

    def cells(self) -> Iterator[Cell]:
        """Yield the cells, the last axis fastest."""
        grid = Grid(self.table, self.axes, self.strategies)
        for index in itertools.product(*map(range, self.shape)):
            yield self._cell(grid, index)

    def cell(self, index: tuple[int, ...]) -> Cell:
        """Return the cell at one index of each axis."""
        where = "Sweep.cell: index"
        places = items(index, where)
        if len(places) != len(self.axes):
            raise DcscError(f"{where}: expected {len(self.axes)} numbers, got {quoted(index)}")
        numbers = tuple(
            integer(place, where, minimum=0, maximum=length - 1)
            for place, length in zip(places, self.shape, strict=True)
        )
        return self._cell(Grid(self.table, self.axes, self.strategies), numbers)

    def _cell(self, grid: Grid, index: tuple[int, ...]) -> Cell:
        coordinates = {
            axis.name: axis.labels[at] for axis, at in zip(self.axes, index, strict=True)
        }
        try:
            return Cell(index, coordinates, grid.task(index))
        except (ValueError, ExceptionGroup) as error:
            labels = ", ".join(f"{name}={label}" for name, label in coordinates.items())
            named = f"cell {labels}" if labels else "the only cell"
            raise DcscError(f"{named}: {'; '.join(mistakes(error, ''))}") from None

    def as_table(self) -> dict[str, Any]:
        """Return the tables that `of` makes this sweep from."""
        axes = {
            axis.name: {
                "parameter": axis.parameter,
                "values": list(axis.values),
                "labels": list(axis.labels),
            }
            for axis in self.axes
        }
        stop = {"levels": list(self.stop.levels)}
        width = {} if self.stop.width is None else {"width": self.stop.width}
        head = {"title": self.title, "trials": self.trials, "stop": {**stop, **width}}
        return {**head, "axes": axes, **self.table}
