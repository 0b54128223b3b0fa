"""How often the forward pass recovers the pathway, over draws of the signs."""

from typing import Any, Protocol

import attrs
import numpy as np
import numpy.typing as npt

from dcsc._arrays import Array, Rng, integer, real_array
from dcsc.experiments.draws import Block, Draws
from dcsc.experiments.interference import InterferenceEngine
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
    array([175, 175])
    """
    given = real_array(codes, "simulate: codes")
    total = integer(trials, "simulate: trials", minimum=1)
    draws = Draws.of(model, given, rng, noise)
    dense = _DenseEngine(model, given)
    engine: _Engine = dense
    if InterferenceEngine.covers(model):
        engine = InterferenceEngine.of(model, given, draws, dense)
    failures = np.zeros(len(model.layers) + 1, dtype=np.int64)
    for block in draws.blocks(total):
        failed = engine.failed(block)
        failures[:-1] += failed.sum(axis=0)
        failures[-1] += failed.any(axis=1).sum()
    return Tally(total, failures)


@attrs.frozen(eq=False)
class _DenseEngine:
    """Every draw by the model itself: synthesis, forward pass, comparison."""

    model: DCSCModel
    codes: Array

    def failed(self, block: Block) -> Array:
        return np.stack([self.failed_draw(block, draw) for draw in range(len(block))])

    def failed_draw(self, block: Block, draw: int) -> Any:
        """Return whether one draw fails at each layer, bool (L,)."""
        drawn = block.model(self.model, draw)
        truth = drawn.synthesize(self.codes)
        guess = drawn.forward(truth[0] + block.noise_of(draw))
        wrong = ~truth.compare(guess).recovered
        return wrong.reshape(len(wrong), -1).any(axis=1)
