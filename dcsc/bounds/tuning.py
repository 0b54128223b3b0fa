"""Models whose projections carry the thresholds that a bound finds best."""

import attrs
import numpy.typing as npt

from dcsc._words import quoted
from dcsc.bounds.base import BoundCalculator
from dcsc.bounds.objectives import Objective
from dcsc.bounds.partial import PartialBound
from dcsc.bounds.records import measure
from dcsc.errors import DcscError, NotCoveredError
from dcsc.model import DCSCModel
from dcsc.pathway import Pathway

__all__ = ["with_best_thresholds"]


def with_best_thresholds(
    model: DCSCModel,
    truth: Pathway,
    bound: BoundCalculator | PartialBound,
    noise: "float | npt.ArrayLike" = 0.0,
    per_filter: bool = False,
    objective: Objective | None = None,
) -> DCSCModel:
    """Return the model with the thresholds at which a bound is nearly best.

    Signs are left as they are. Below the deepest layer the codes are those of one draw, and the
    thresholds are chosen for them. For other draws these thresholds are as valid, but may be less
    good.

    Parameters
    ----------
    model : DCSCModel
        Drawn or not.
    truth : Pathway
        What `DCSCModel.synthesize` returned.
    bound : BoundCalculator or PartialBound
    noise : float or array_like, default 0
        As in `measure`.
    per_filter : bool, default False
        Whether to choose a threshold for each filter, for bounds that tell filters apart.
    objective : Objective, optional
        What is to be as small as possible, for `PartialBound` alone; `FewestMissed` has its budget
        in each layer.

    Raises
    ------
    NotCoveredError
        If the bound does not cover the model or the forward pass, or a projection cannot take
        another threshold.

    Examples
    --------
    >>> import numpy as np
    >>> from dcsc import CirculantDictionary, DCSCModel, HardThreshold, InstanceBound, Layer
    >>> from dcsc.dictionaries import filters
    >>> dictionary = CirculantDictionary(filters.dct(8, 1, 8), extent=64)
    >>> model = DCSCModel([Layer(dictionary, HardThreshold(0.5))])
    >>> codes = np.zeros((8, 64))
    >>> codes[3, 5] = 1
    >>> truth = model.draw(0).synthesize(codes)
    >>> better = with_best_thresholds(model, truth, InstanceBound())
    >>> for each in (model, better):
    ...     print(InstanceBound().evaluate(measure(each, truth)).failure_probability)
    1.0
    0.0
    """
    layers = measure(model, truth, noise)
    if isinstance(bound, PartialBound):
        chosen = bound.best_thresholds(layers, per_filter, objective)
    elif not isinstance(bound, BoundCalculator):
        raise DcscError(
            "with_best_thresholds: bound: expected a BoundCalculator or PartialBound, got "
            f"{quoted(bound)}"
        )
    elif objective is not None:
        raise NotCoveredError(
            f"with_best_thresholds: objective: {type(bound).__name__} is about whole supports: "
            "expected None, or a PartialBound"
        )
    else:
        chosen = bound.at().best_thresholds(layers, per_filter)
    return DCSCModel(
        [
            attrs.evolve(layer, projection=layer.projection.with_threshold(threshold))
            for layer, threshold in zip(model.layers, chosen, strict=True)
        ]
    )
