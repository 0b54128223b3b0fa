"""How often the forward pass recovers the pathway, over draws of the signs."""

from typing import Protocol, Self

import attrs
import numpy as np
import numpy.typing as npt

from dcsc._arrays import Array, Rng, integer, real_array
from dcsc._threads import share
from dcsc.experiments.simulation.draws import BLOCK, Block, Draws
from dcsc.experiments.simulation.engines.passes import BatchEngine, DrawEngine
from dcsc.experiments.simulation.engines.tables import InterferenceEngine
from dcsc.experiments.simulation.tally import Tally
from dcsc.model import DCSCModel

__all__ = ["Simulation", "simulate"]


class _Engine(Protocol):
    def failed(self, block: Block) -> Array:
        """Return whether each draw fails at each layer, bool (draws, L)."""

    def counts(self, block: Block) -> Array:
        """Return how many entries each draw misses and how many are false alarms, (draws, L, 2).

        Summed over the columns of the batch.
        """


@attrs.frozen(eq=False)
class Simulation:
    """Trials 0, 1, 2, … of a model and codes; any stretch of them can be run by itself.

    Parameters
    ----------
    draws : Draws
        The randomness of the trials.
    engine : engine
        The fastest that counts what the model itself does.
    """

    draws: Draws
    engine: _Engine

    @classmethod
    def of(
        cls, model: DCSCModel, codes: npt.ArrayLike, rng: Rng = 0, noise: float | npt.ArrayLike = 0
    ) -> Self:
        """Prepare what `simulate` is given."""
        given = real_array(codes, "simulate: codes")
        draws = Draws.of(model, given, rng, noise)
        return cls(draws, _engine(model, given, draws))

    def tally(self, start: int, stop: int, entries: bool = False) -> Tally:
        """Run trials ``[start, stop)``.

        Parameters
        ----------
        start, stop : int
            ``start`` is a multiple of 64.
        entries : bool
            Whether to count missed entries and false alarms as well.
        """
        numbers = range(start // BLOCK, -(-stop // BLOCK))
        depth = len(self.draws.model.layers)
        failures = np.zeros((len(numbers), depth + 1), dtype=np.int64)
        wrong = np.zeros((len(numbers), depth, 2), dtype=np.int64)

        def work(first: int, last: int) -> None:
            for row in range(first, last):
                origin = numbers[row] * BLOCK
                block = self.draws.block(
                    numbers[row], min(BLOCK, stop - origin), max(start - origin, 0)
                )
                if entries:
                    counts = self.engine.counts(block)
                    wrong[row] = counts.sum(axis=0)
                failed = np.any(counts, axis=2) if entries else self.engine.failed(block)
                failures[row, :-1] = failed.sum(axis=0)
                failures[row, -1] = np.count_nonzero(failed.any(axis=1))

        share(work, len(numbers))
        if not entries:
            return Tally(stop - start, failures.sum(axis=0))
        missed, false_alarms = wrong.sum(axis=0).T
        return Tally(stop - start, failures.sum(axis=0), missed, false_alarms)


def simulate(
    model: DCSCModel,
    codes: npt.ArrayLike,
    trials: int,
    rng: Rng = 0,
    noise: float | npt.ArrayLike = 0.0,
    entries: bool = False,
) -> Tally:
    """Count how often the forward pass fails, over draws of the signs.

    A trial is one draw of the signs of all layers: the codes are synthesised, noise is added, the
    forward pass runs, and the trial fails at a layer if the support of any column is wrong there.

    Parameters
    ----------
    model : DCSCModel
        Drawn or not; the signs of a drawn model are drawn anew from their law.
    codes : array_like, shape (*batch, *code_shape) of the deepest layer
    trials : int
    rng : None, int, SeedSequence or Generator
    noise : float or array_like, default 0
        An array is added to the signal in every trial. A number ζ draws normal noise in every
        trial, independent of the signs and scaled to patch norm ζ in every column.
    entries : bool, default False
        Whether to count missed entries and false alarms as well, which takes longer where many
        trials fail.

    Returns
    -------
    Tally
        The same counts whichever way they are computed.

    Examples
    --------
    >>> from dcsc import CirculantDictionary, DCSCModel, HardThreshold, Layer, codes
    >>> from dcsc.dictionaries import filters
    >>> dictionary = CirculantDictionary(filters.barker(1, 1, 13), extent=64)
    >>> model = DCSCModel([Layer(dictionary, HardThreshold(0.5))])
    >>> x = codes.draw(dictionary, 14, amplitudes=codes.ConstantAmplitudes(), rng=0)
    >>> simulate(model, x, trials=1000).failures
    array([160, 160])
    """
    total = integer(trials, "simulate: trials", minimum=1)
    return Simulation.of(model, codes, rng, noise).tally(0, total, entries)


def _engine(model: DCSCModel, codes: Array, draws: Draws) -> _Engine:
    """Return the fastest engine that counts what the model itself does."""
    if InterferenceEngine.covers(model):
        return InterferenceEngine.of(model, codes, draws)
    if BatchEngine.covers(model):
        return BatchEngine.of(model, codes)
    return DrawEngine(codes)
