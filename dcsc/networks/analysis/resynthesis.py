"""Whether a pathway survives: synthesised from a layer's code, and found again going forward."""

from collections.abc import Sequence

import attrs
import numpy as np

from dcsc._arguments import instances
from dcsc._arrays import Rng, checked_size, generator, instance, integer
from dcsc._display import digits, percent
from dcsc.errors import DcscError
from dcsc.model import DCSCModel, Layer
from dcsc.networks.analysis.coded import CodedLayer
from dcsc.projections import HardThreshold
from dcsc.signs import SignPattern

__all__ = ["Found", "resynthesize"]


@attrs.frozen
class Found:
    """What is found again of the active units of one layer, a mean over inputs and draws.

    ``found``, ``missed`` and ``false_alarms`` are per active unit, ``exact`` is the share of whole
    supports.
    """

    found: float
    missed: float
    false_alarms: float
    exact: float

    def __str__(self) -> str:
        return f"{percent(self.found)} found, {digits(self.false_alarms)} false for each on"


def resynthesize(
    layers: Sequence[CodedLayer],
    signs: SignPattern,
    draws: int = 5,
    rng: Rng = 0,
    inputs: int | None = None,
) -> Found | None:
    """Synthesise from the codes of the last layer through all layers, and go forward again.

    Thresholds are β/2, halfway between zero and β, which the coefficients of all units that are on
    exceed. Only in the last layer are codes positive, and only there ReLU selects. In the layers
    below codes have signs, and hard thresholds select.

    Parameters
    ----------
    layers : sequence of CodedLayer
        Each of them reads the code of the one before.
    signs : SignPattern
        Of every layer.
    draws : int, default 5
    rng : None, int, SeedSequence or Generator
    inputs : int, optional
        Only the first ones.

    Returns
    -------
    Found or None
        None if no unit is on.
    """
    stacked = instances(layers, CodedLayer, "resynthesize: layers")
    if not stacked:
        raise DcscError("resynthesize: layers: expected one layer or more, got none")
    instance(signs, SignPattern, "resynthesize: signs")
    count = integer(draws, "resynthesize: draws", minimum=1)
    most = None if inputs is None else integer(inputs, "resynthesize: inputs", minimum=1)
    random = generator(rng, "resynthesize: rng")
    *below, last = stacked
    codes = last.codes[:most]
    active = np.count_nonzero(codes)
    if not active:
        return None
    model = DCSCModel(
        [Layer(x.dictionary, HardThreshold(x.projection.threshold), signs) for x in below]
        + [Layer(last.dictionary, last.projection, signs)]
    )
    missed, false_alarms, exact = np.zeros(checked_size((3, count), "resynthesize: draws"))
    for draw in range(count):
        drawn = model.draw(random)
        truth = drawn.synthesize(codes)
        # The states of the last layer are all that is asked about.
        on, again = (pathway[len(stacked)] != 0 for pathway in (truth, drawn.forward(truth[0])))
        missed[draw] = np.count_nonzero(on & ~again)
        false_alarms[draw] = np.count_nonzero(again & ~on)
        exact[draw] = (on == again).reshape(len(on), -1).all(axis=1).mean()
    lost = float(missed.mean() / active)
    return Found(1 - lost, lost, float(false_alarms.mean() / active), float(exact.mean()))
