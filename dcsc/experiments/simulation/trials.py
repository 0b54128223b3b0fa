"""How often the forward pass recovers the pathway, over draws of the signs."""

from typing import Self

import attrs
import numpy as np
import numpy.typing as npt

from dcsc._arguments import choice, flag
from dcsc._arrays import Rng, checked_size, instance, integer
from dcsc._entries import SparseOrDense, code_array
from dcsc._threads import share
from dcsc._words import quoted
from dcsc.errors import NotCoveredError
from dcsc.experiments.simulation.draws import BLOCK, Draws, Trials
from dcsc.experiments.simulation.engines import ENGINES, DrawEngine, Engine
from dcsc.experiments.simulation.tally import Tally
from dcsc.model import DCSCModel
from dcsc.pursuits import PathwayPursuit, Pursuit
from dcsc.pursuits.pathways.layered import FORWARD_PASS, as_pathway_pursuit

__all__ = ["Simulation", "engine_of", "simulate"]


@attrs.frozen(eq=False)
class Simulation:
    """Trials 0, 1, 2, … of a model and codes; any stretch of them can be run by itself.

    Parameters
    ----------
    draws : Trials
        The signs and the noise of the trials.
    engine : Engine
    """

    draws: Trials
    engine: Engine

    @classmethod
    def of(
        cls,
        model: DCSCModel,
        codes: "SparseOrDense",
        rng: Rng = 0,
        noise: "float | npt.ArrayLike" = 0,
        engine: str | None = None,
        pursuit: Pursuit | PathwayPursuit | None = None,
    ) -> Self:
        """Prepare what `simulate` is given."""
        x = code_array(codes, "simulate: codes")
        draws = Draws.of(model, x, rng, noise)
        chosen = as_pathway_pursuit(pursuit, "simulate: pursuit")
        if chosen == FORWARD_PASS:
            return cls(draws, engine_of(model, engine, "simulate").of(model, x, draws))
        named = DrawEngine.name if engine is None else engine
        if engine_of(model, named, "simulate") is not DrawEngine:
            raise NotCoveredError(
                f"simulate: the engine {quoted(engine)} runs the forward pass alone, and no pursuit"
            )
        return cls(draws, DrawEngine(x, chosen))

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
        checked_size((numbers.stop - numbers.start, 3 * depth), "simulate: trials")
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
    codes: "SparseOrDense",
    trials: int,
    rng: Rng = 0,
    noise: "float | npt.ArrayLike" = 0.0,
    entries: bool = False,
    engine: str | None = None,
    pursuit: Pursuit | PathwayPursuit | None = None,
) -> Tally:
    """Count how often the forward pass, or another pursuit, fails, over draws of the signs.

    A trial is one draw of the signs of all layers: the codes are synthesised, noise is added, the
    pursuit runs, and the trial fails at a layer if the support of any column is wrong there.

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
    engine : {"tables", "batches", "draws"}, optional
        How the trials are run; by default the fastest that covers the model. ``"tables"`` look the
        outcomes of sign patterns up, for one layer with a threshold; ``"batches"`` run many draws
        at once, for layers with thresholds; ``"draws"`` is the model itself, draw by draw.
    pursuit : Pursuit or PathwayPursuit, optional
        What takes the place of the forward pass, as in `DCSCModel.forward`; draw by draw.

    Returns
    -------
    Tally
        The same counts whichever engine makes them.

    Raises
    ------
    NotCoveredError
        If the engine that was asked for does not cover the model, or the pursuit.

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
    flag(entries, "simulate: entries")
    return Simulation.of(model, codes, rng, noise, engine, pursuit).tally(0, total, entries)


def engine_of(model: DCSCModel, name: str | None, where: str) -> type[Engine]:
    """Return the engine of a name, or the fastest one that covers the model."""
    instance(model, DCSCModel, f"{where}: model")
    if name is None:
        return next(engine for engine in ENGINES if engine.covers(model))
    named = {engine.name: engine for engine in ENGINES}
    chosen = named[choice(name, named, f"{where}: engine")]
    if not chosen.covers(model):
        raise NotCoveredError(f"{where}: the engine {quoted(name)} does not cover {quoted(model)}")
    return chosen
