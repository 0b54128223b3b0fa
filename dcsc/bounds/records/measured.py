"""Reading the constants of the theorems off a model and its pathway."""

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from dcsc._arrays import Array, instance, integer
from dcsc._words import quoted
from dcsc.bounds.records.instance import LayerInstance
from dcsc.errors import DcscError, NotCoveredError
from dcsc.layer import Layer
from dcsc.model import DCSCModel
from dcsc.pathway import Pathway

__all__ = ["checked_pathway", "measure"]


def measure(
    model: DCSCModel,
    truth: Pathway,
    noise: "float | npt.ArrayLike | None" = 0.0,
    x_min: float | Mapping[int, float] | None = None,
) -> tuple[LayerInstance, ...]:
    """Return one record per layer, layer 1 first, for any bound to evaluate.

    Parameters
    ----------
    model : DCSCModel
        Drawn or not: a guarantee speaks of the law of the signs before the draw.
    truth : Pathway
        What `DCSCModel.synthesize` returned.
    noise : float or array_like, default 0
        A number is ζ_0, a bound of the patch norm of the noise on the signal; an array is that
        noise itself, as in `LayerInstance`. The layers above take theirs from the recursion.
    x_min : float or mapping of layer to float, optional
        A lower bound of the non-zeros, for codes that are all zero or where the design value is
        below what this pathway shows.
    """
    checked_pathway(model, truth, "measure")
    if isinstance(x_min, Mapping):
        lowest = {integer(k, "measure: x_min", 1, len(model.layers)): v for k, v in x_min.items()}
    else:
        lowest = dict.fromkeys(range(1, len(model.layers) + 1), x_min) if x_min is not None else {}
    upper = [layer.dictionary for layer in model.layers[1:]]
    return tuple(
        LayerInstance(
            layer.dictionary,
            truth[number],
            noise=noise if number == 1 else None,
            selection=layer.projection.selection,
            signs_independent=layer.signs.independent,
            coins=_coins(layer),
            successor=successor,
            x_min=lowest.get(number),
        )
        for number, (layer, successor) in enumerate(
            zip(model.layers, [*upper, None], strict=True), start=1
        )
    )


def _coins(layer: Layer) -> Array | None:
    """Return which coins decide the signs of a layer, where that is known and not one per atom."""
    law = getattr(layer.signs, "law", layer.signs)  # a pattern that was drawn is one of its law
    if law is None or law.independent or not law.random:
        return None
    try:
        return law.coins(tuple(layer.dictionary.code_shape))
    except NotCoveredError:
        return None


def checked_pathway(model: DCSCModel, truth: Any, where: str) -> tuple[Array, ...]:
    """Return the arrays of a pathway that fits the model."""
    instance(model, DCSCModel, f"{where}: model")
    if not isinstance(truth, Pathway) or len(truth) != len(model.layers) + 1:
        raise DcscError(
            f"{where}: truth: expected a Pathway of {len(model.layers) + 1} arrays, which "
            f"model.synthesize(codes) returns, got {quoted(truth)}"
        )
    return truth.arrays
