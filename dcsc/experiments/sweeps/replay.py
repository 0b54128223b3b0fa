"""One trial of a sweep, made again bit for bit, and where its pathway broke."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from dcsc._arguments import any_path, flag, mapping
from dcsc._arrays import Array, integer
from dcsc._display import Display, Displayed, Facts
from dcsc._threads import OneBlasThread
from dcsc._words import listed, nearest, quoted, short
from dcsc.errors import DcscError
from dcsc.experiments.simulation.draws import BLOCK
from dcsc.experiments.simulation.trials import Simulation
from dcsc.experiments.sweeps.cells import Cell
from dcsc.experiments.sweeps.configuration import Sweep
from dcsc.experiments.sweeps.results import planned
from dcsc.experiments.sweeps.store import Store
from dcsc.model import DCSCModel, Layer
from dcsc.pathway import Pathway, Recovery
from dcsc.projections import Selection
from dcsc.pursuits import PathwayPursuit
from dcsc.pursuits.pathways.layered import FORWARD_PASS

__all__ = ["LayerBreak", "Replay", "WrongEntry", "replay"]


@attrs.frozen
class WrongEntry:
    """An entry of a code that came out wrong.

    Parameters
    ----------
    column : tuple of int
        Which of the batch.
    filter : int
    position : tuple of int
    missed : bool
        Whether it was missed; otherwise it is a false alarm.
    true : float
        Its value in the true code.
    coefficient : float
        What the atom sees of the estimate below: in a forward pass, what is projected.
    threshold : float or None
        What decides, in a forward pass whose projection selects by a threshold.
    stripe : int
        Non-zeros of the true code in the fullest stripe that holds it.
    """

    column: tuple[int, ...]
    filter: int
    position: tuple[int, ...]
    missed: bool
    true: float
    coefficient: float
    threshold: float | None
    stripe: int


@attrs.frozen(repr=False)
class LayerBreak(Facts):
    """What went wrong at one layer; ``entries`` is empty if nothing did."""

    number: int
    missed: int
    false_alarms: int
    entries: tuple[WrongEntry, ...]


@attrs.frozen(eq=False, repr=False)
class Replay(Displayed):
    """One trial.

    Parameters
    ----------
    cell : Cell
    trial : int
    model : DCSCModel
        With the signs of the trial.
    noise : array or 0.0
        What was added to the signal.
    truth, guess : Pathway
        The guess keeps its coefficients.
    chosen : bool
        Whether the caller asked for this trial.
    counted : bool
        Whether it is one of the trials whose counts the folder holds.
    pursuit : PathwayPursuit
        What made the guess.
    """

    cell: Cell
    trial: int
    model: DCSCModel
    noise: Array | float
    truth: Pathway
    guess: Pathway
    chosen: bool = True
    counted: bool = True
    pursuit: PathwayPursuit = FORWARD_PASS

    @property
    def recovery(self) -> Recovery:
        """The comparison of the two pathways."""
        return self.truth.compare(self.guess)

    @property
    def layers(self) -> tuple[LayerBreak, ...]:
        """What went wrong, layer 1 first, the largest excess over the threshold first."""
        return tuple(self._layer(number) for number in range(1, len(self.model.layers) + 1))

    def _layer(self, number: int) -> LayerBreak:
        layer = self.model.layers[number - 1]
        assert self.guess.coefficients is not None
        true, guess = self.truth[number], self.guess[number]
        z = self.guess.coefficients[number - 1]
        missed, false = (true != 0) & (guess == 0), (true == 0) & (guess != 0)
        windows = layer.dictionary.stripes
        fullest = windows.max_containing(windows.count(true))
        stripes = np.broadcast_to(fullest, true.shape)
        # Of another pursuit than the forward pass no threshold tells what it selects.
        selection = layer.projection.selection if self.pursuit == FORWARD_PASS else None
        entries = [
            _entry(layer, selection, index, true, z, stripes, bool(missed[index]))
            for index in zip(*np.nonzero(missed | false), strict=True)
        ]
        one_sided = selection is not None and selection.one_sided
        entries.sort(key=lambda entry: _excess(entry, one_sided), reverse=True)
        return LayerBreak(number, int(missed.sum()), int(false.sum()), tuple(entries))

    def _display(self) -> Display:
        recovery = self.recovery._display()
        title = f"Replay of {self.cell}, trial {self.trial}. {recovery.title}"
        return attrs.evolve(recovery, title=title, remarks=("print() shows every wrong entry.",))

    def __str__(self) -> str:
        from dcsc.experiments.sweeps.text import replay_text  # noqa: PLC0415  # it reads a Replay

        return replay_text(self)


@OneBlasThread()  # as the trial was run
def replay(
    folder: str | Path,
    cell: Mapping[str, Any] | None = None,
    trial: int | None = None,
    allow_code: bool = False,
) -> Replay:
    """Make one trial of a sweep again.

    Parameters
    ----------
    folder : str or Path
        The folder of the sweep.
    cell : mapping of str, optional
        The label of each axis; axes with one value can be left out.
    trial : int, optional
        From 0; by default the first that fails, or trial 0 if none of the sweep's trials does. It
        may be one that the sweep has not run, which the result says.
    allow_code : bool
        As in `Sweep.load`.

    Raises
    ------
    DcscError
        If there is no such cell, or it cannot be made as it was.
    """
    place = any_path(folder, "replay: folder")
    sweep = planned(place, flag(allow_code, "replay: allow_code"))
    store = Store.read(place)
    index = _index(sweep, {} if cell is None else dict(mapping(cell, "replay: cell")))
    point = sweep.cell(index)
    flat = int(np.ravel_multi_index(index, sweep.shape)) if index else 0
    if store.plan.cells[flat] != point.identity:
        raise DcscError(
            f"replay: {point.named} cannot be made as it was: expected the dcsc, the code of your "
            "own and the files of filters that the sweep was run with"
        )
    simulation = point.simulation(sweep.strategies)
    number = _first_failure(simulation, sweep.trials) if trial is None else trial
    which = integer(number, "replay: trial", minimum=0)
    block = simulation.draws.block(which // BLOCK, which % BLOCK + 1)
    draw = which % BLOCK
    model, noise = block.model(draw), block.noise_of(draw)
    truth = model.synthesize(point.codes(model, sweep.strategies))
    pursuit = point.pursuit(sweep.strategies)
    guess = model.forward(truth[0] + noise, keep_coefficients=True, pursuit=pursuit)
    counted = any(
        identity == point.identity and start <= which < stop
        for identity, start, stop in store.trials
    )
    return Replay(point, which, model, noise, truth, guess, trial is not None, counted, pursuit)


def _first_failure(simulation: Simulation, trials: int) -> int:
    for block in simulation.draws.blocks(trials):
        failed = simulation.engine.failed(block).any(axis=1)
        if failed.any():
            return block.number * BLOCK + int(failed.argmax())
    return 0


def _index(sweep: Sweep, labels: dict[str, Any]) -> tuple[int, ...]:
    names = [axis.name for axis in sweep.axes]
    for name in labels:
        if name not in names:
            raise DcscError(f"replay: cell: no axis is called {quoted(name)}{nearest(name, names)}")
    index = []
    for axis in sweep.axes:
        value = labels.pop(axis.name, axis.labels[0] if len(axis.labels) == 1 else None)
        matches = [at for at, label in enumerate(axis.labels) if _same(label, value)]
        if not matches:
            choices = listed(axis.labels)
            got = "none" if value is None else short(str(value), 100)
            raise DcscError(f"replay: cell: {axis.name}: expected one of {choices}, got {got}")
        index.append(matches[0])
    return tuple(index)


def _same(label: Any, value: Any) -> bool:
    """Compare with a label as a person writes it, a number to six digits or more."""
    if isinstance(label, str) or value is None:
        return label == value
    try:
        return math.isclose(label, float(value), rel_tol=1e-6, abs_tol=1e-12)
    except (TypeError, ValueError):
        return False


def _entry(
    layer: Layer,
    selection: Selection | None,
    index: tuple[int, ...],
    true: Array,
    z: Array,
    stripes: Array,
    missed: bool,
) -> WrongEntry:
    code = index[len(index) - len(layer.dictionary.code_shape) :]
    batch = index[: len(index) - len(code)]
    threshold = None
    if selection is not None and selection.threshold is not None:
        beta = np.asarray(selection.threshold)
        threshold = float(beta[code[0]] if beta.ndim else beta)
    return WrongEntry(
        tuple(map(int, batch)),
        int(code[0]),
        tuple(map(int, code[1:])),
        missed,
        float(true[index]),
        float(z[index]),
        threshold,
        int(stripes[index]),
    )


def _excess(entry: WrongEntry, one_sided: bool) -> float:
    """Return how far a coefficient is on the wrong side of its threshold."""
    size = entry.coefficient if one_sided else abs(entry.coefficient)
    return size if entry.threshold is None else abs(size - entry.threshold)
