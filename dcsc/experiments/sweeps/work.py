"""What a worker does: stretches of the trials of cells, one cell after the other."""

import time
import traceback

import attrs

from dcsc._threads import OneBlasThread
from dcsc.errors import DcscError, InfeasibleError
from dcsc.experiments.simulation.draws import Draws
from dcsc.experiments.sweeps.configuration import Sweep
from dcsc.experiments.sweeps.guarantees import guarantees
from dcsc.experiments.sweeps.records import InfeasibleRecord, Record, TrialsRecord

__all__ = ["Piece", "work"]


@attrs.frozen
class Piece:
    """What is to do of one cell.

    Parameters
    ----------
    index : tuple of int
        Which cell.
    identity : str
        Its identity, as the command that asks computes it.
    stretches : tuple of (start, stop)
        The trials to run.
    guarantees : bool
        Whether to evaluate the bounds.
    """

    index: tuple[int, ...]
    identity: str
    stretches: tuple[tuple[int, int], ...]
    guarantees: bool


def work(sweep: Sweep, pieces: tuple[Piece, ...]) -> list[list[Record]]:
    """Return the records of each piece; they depend on the sweep and the pieces only.

    Raises
    ------
    DcscError
        If a cell fails, in the user's code too; the message names the cell.
    """
    with OneBlasThread():
        return [_named(sweep, piece) for piece in pieces]


def _named(sweep: Sweep, piece: Piece) -> list[Record]:
    try:
        return _piece(sweep, piece)
    except DcscError:
        raise
    except Exception as error:  # a user's class may raise anything
        where = traceback.extract_tb(error.__traceback__)[-1]
        raise DcscError(
            f"{sweep.cell(piece.index).named}: {type(error).__name__}: {error} "
            f"({where.filename}, line {where.lineno})"
        ) from None


def _piece(sweep: Sweep, piece: Piece) -> list[Record]:
    start = time.perf_counter()
    cell = sweep.cell(piece.index)
    if cell.identity != piece.identity:
        raise DcscError(
            f"sweep: a worker reads {cell.named} otherwise than the one who asked: expected the "
            "same version of dcsc, of your own code and of files of filters everywhere (restart "
            "workers that began before a change)"
        )
    model = cell.model(sweep.strategies)
    try:
        codes = cell.codes(model, sweep.strategies)
    except InfeasibleError as error:
        seconds = time.perf_counter() - start
        return [InfeasibleRecord(cell.identity, str(error), seconds)]
    records: list[Record] = []
    if piece.guarantees:
        draws = Draws.of(model, codes, cell.seed, cell.task.noise)
        records.append(guarantees(cell, codes, draws, sweep.strategies))
        start += records[-1].seconds
    if piece.stretches:
        simulation = cell.trials(model, codes, sweep.strategies)
        for first, last in piece.stretches:
            try:
                tally = simulation.tally(first, last, entries=True)
            except DcscError as error:  # of a pursuit that does not get there
                raise DcscError(f"{cell.named}: {error}") from None
            assert tally.missed is not None
            assert tally.false_alarms is not None
            end = time.perf_counter()
            records.append(
                TrialsRecord(
                    cell.identity,
                    first,
                    last,
                    tuple(tally.failures.tolist()),
                    tuple(tally.missed.tolist()),
                    tuple(tally.false_alarms.tolist()),
                    end - start,
                )
            )
            start = end
    return records
