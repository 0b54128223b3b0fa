"""The layers above the first, exactly, for given signs of the layers below."""

import math

import numpy as np
import numpy.typing as npt

from dcsc._arrays import Array, real_array
from dcsc.bounds.hypotheses import Hypothesis, layers_below
from dcsc.bounds.records.instance import LayerInstance
from dcsc.bounds.records.measured import checked_pathway
from dcsc.bounds.tails import Exact
from dcsc.coefficients import TOLERANCE
from dcsc.dictionaries import EffectiveDictionary
from dcsc.errors import DcscError, NotCoveredError
from dcsc.model import DCSCModel, Layer
from dcsc.pathway import Pathway

__all__ = ["oracle_layers"]

_MOST = 24


def oracle_layers(
    model: DCSCModel, truth: Pathway, noise: "npt.ArrayLike | None" = None
) -> tuple[LayerInstance, ...]:
    r"""Return one record per layer, each exact for the drawn signs of the other layers.

    Layer l is described as the single layer that it is for a forward pass which is told the
    supports below: with `EffectiveDictionary`, and the noise of the signal as it is. While the
    layers below recover, the actual forward pass is that one. So `InstanceBound` bounds the
    probability, over the signs of layer l, that layer l is the first to fail, without any bound of
    the error that enters it. This holds for the drawn signs of the other layers; averaged over
    draws of the model, the sum over the layers bounds the failure probability of the pathway.

    The supports below must not depend on the signs of layer l, which is false only if some signs
    make contributions to an entry cancel exactly. That is decided entry by entry, where no more
    than 24 non-zeros meet.

    Parameters
    ----------
    model : DCSCModel
        Drawn.
    truth : Pathway
        What ``model.synthesize`` returned, of one column: its supports belong to it alone.
    noise : array_like, optional
        The noise on the signal, of the signal's shape, whatever the signs.

    Raises
    ------
    NotDrawnError
        If the signs of a layer below the deepest are random and not drawn.
    NotCoveredError
        If a layer below the deepest selects by no threshold, or shrinks what it keeps.

    Examples
    --------
    >>> import numpy as np
    >>> from dcsc import CirculantDictionary, DCSCModel, HardThreshold, InstanceBound, Layer
    >>> from dcsc.dictionaries import filters
    >>> rng = np.random.default_rng(0)
    >>> below = CirculantDictionary(filters.gaussian(8, 32, 3, rng=rng), extent=16)
    >>> above = CirculantDictionary(filters.gaussian(4, 8, 1, rng=rng), extent=16)
    >>> model = DCSCModel([Layer(below, HardThreshold(0.02)), Layer(above, HardThreshold(0.7))])
    >>> codes = np.zeros((4, 16))
    >>> codes[0, 3] = codes[1, 9] = 1
    >>> drawn = model.draw(0)
    >>> first, second = oracle_layers(drawn, drawn.synthesize(codes))
    >>> round(InstanceBound().evaluate(second).failure_probability, 4)
    0.0
    """
    arrays = checked_pathway(model, truth, "oracle_layers")
    if math.prod(truth.batch) != 1:
        raise DcscError(
            f"oracle_layers: truth: expected one column, got batch {truth.batch}: the supports of "
            "each column make a dictionary of their own"
        )
    # Codes without their batch axes, and the noise on the signal.
    signal_shape = tuple(model.layers[0].dictionary.signal_shape)
    signal = np.zeros(signal_shape) if noise is None else real_array(noise, "oracle_layers: noise")
    shapes = [tuple(layer.dictionary.code_shape) for layer in model.layers]
    codes = [array.reshape(shape) for array, shape in zip(arrays[1:], shapes, strict=True)]
    records = []
    for number, layer in enumerate(model.layers, start=1):
        # Told the supports below, the pass up to here is linear: one dictionary, their product.
        below = model.layers[: number - 1]
        for lower, other in enumerate(below, start=1):
            _check_linear(lower, other)
        operators = [other.operator for other in below]
        supports = [code != 0 for code in codes[: number - 1]]
        whole = EffectiveDictionary([*operators, layer.dictionary], supports)
        records.append(
            LayerInstance(
                whole if below else layer.dictionary,
                codes[number - 1],
                noise=signal,
                selection=layer.projection.selection,
                signs_independent=layer.signs.independent,
                hypotheses=_given_below(number, whole, codes[number - 1]) if below else (),
            )
        )
    return tuple(records)


def _check_linear(number: int, layer: Layer) -> None:
    """Refuse a layer that changes what it keeps."""
    selection = layer.projection.selection
    if selection is None or selection.shrinkage:
        why = "selects by no threshold" if selection is None else "shrinks what it keeps"
        raise NotCoveredError(
            f"oracle_layers does not cover the layers above layer {number}: its projection {why}"
        )


def _given_below(number: int, whole: EffectiveDictionary, code: Array) -> tuple[Hypothesis, ...]:
    below = layers_below(number)
    return (
        Hypothesis(
            f"layer {number}: the signs of {below} are those drawn; the bound is joint with their "
            "success"
        ),
        Hypothesis(
            f"layer {number}: its signs do not change the supports of {below}",
            _same_supports(whole, code),
        ),
    )


def _same_supports(whole: EffectiveDictionary, code: Array) -> bool | None:
    """Return whether the supports below are the same for all signs of a code, if it is decided.

    An entry of a code below is a signed sum of what the non-zeros contribute to it.
    """
    support = np.flatnonzero(code)
    if not support.size:
        return True
    units = np.zeros((len(support), code.size))
    units[np.arange(len(support)), support] = code.ravel()[support]
    shares, reach = units.reshape(-1, *code.shape), np.abs(code)
    decided: bool | None = True
    for operator in whole.operators[:0:-1]:
        shares, reach = operator.synthesize(shares), operator.contributions(reach)
        weights = np.abs(shares).reshape(len(support), -1).T
        limit = TOLERANCE * reach.ravel()
        weights = np.sort(np.where(weights > limit[:, None], weights, 0), axis=1)[:, ::-1]
        rest = weights[:, 1:].sum(axis=1)
        doubt = (weights[:, 0] > 0) & (weights[:, 0] - rest <= limit)
        unsure = weights[doubt]
        few = np.count_nonzero(unsure, axis=1) <= _MOST
        tail, rows, edge = Exact(_MOST), unsure[few], limit[doubt][few]
        if (tail.upper(rows, -edge) > tail.lower(rows, edge)).any():
            return False
        if not few.all():
            decided = None
    return decided
