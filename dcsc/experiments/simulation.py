"""How often the forward pass recovers the pathway, over draws of the signs."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from dcsc._arrays import Array, Rng, integer, real_array
from dcsc._threads import share
from dcsc.experiments.draws import BLOCK, Block, Draws
from dcsc.experiments.interference import InterferenceEngine
from dcsc.experiments.passes import BatchEngine, DrawEngine
from dcsc.experiments.tally import Tally
from dcsc.model import DCSCModel

__all__ = ["simulate"]


class _Engine(Protocol):
    def failed(self, block: Block) -> Array:
        """Return whether each draw fails at each layer, bool (draws, L)."""


def simulate(
    model: DCSCModel,
    codes: npt.ArrayLike,
    trials: int,
    rng: Rng = 0,
    noise: float | npt.ArrayLike = 0.0,
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
    given = real_array(codes, "simulate: codes")
    total = integer(trials, "simulate: trials", minimum=1)
    draws = Draws.of(model, given, rng, noise)
    engine = _engine(model, given, draws)
    blocks = -(-total // BLOCK)
    failures = np.zeros((blocks, len(model.layers) + 1), dtype=np.int64)

    def work(start: int, stop: int) -> None:
        for count, block in zip(
            failures[start:stop], draws.blocks(total, start, stop), strict=True
        ):
            failed = engine.failed(block)
            count[:-1] = failed.sum(axis=0)
            count[-1] = failed.any(axis=1).sum()

    share(work, blocks)
    return Tally(total, failures.sum(axis=0))


def _engine(model: DCSCModel, codes: Array, draws: Draws) -> _Engine:
    """Return the fastest engine that counts what the model itself does."""
    if InterferenceEngine.covers(model):
        return InterferenceEngine.of(model, codes, draws)
    if BatchEngine.covers(model):
        return BatchEngine.of(model, codes)
    return DrawEngine(codes)
