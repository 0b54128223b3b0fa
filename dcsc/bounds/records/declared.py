"""Constants that hold for every draw of the signs, from codes and a model."""

from collections.abc import Sequence

import attrs
import numpy as np

from dcsc._arguments import items
from dcsc._arrays import as_batch, instance, real
from dcsc._entries import SparseOrDense, code_array
from dcsc.bounds.records.instance import LayerInstance
from dcsc.bounds.records.statistics import LayerStatistics
from dcsc.errors import DcscError
from dcsc.model import DCSCModel

__all__ = ["declare"]


def declare(
    model: DCSCModel,
    codes: "SparseOrDense",
    x_min: Sequence[float],
    noise: float | None = 0.0,
) -> tuple[LayerStatistics, ...]:
    r"""Return constants of all layers that hold whatever the signs, layer 1 first.

    Supports and sizes of the codes below are bounded by those of :math:`|A| \cdots |A|\,|x|`, where
    nothing cancels. The caller has to know how small a non-zero can get. With sparse filters of
    equal taps, and codes that are whole multiples of one unit, it is that unit; in general there is
    no such number.

    A guarantee from these constants is not conditional on a pathway, but joint with the event that
    they hold; the share of draws in which `LayerStatistics.admits` the measured ones estimates it.

    Parameters
    ----------
    model : DCSCModel
        Drawn or not.
    codes : array_like, shape (*batch, *code_shape) of the deepest layer
    x_min : sequence of float
        A lower bound of the non-zeros of each layer, layer 1 first.
    noise : float, default 0
        ζ_0, a bound of the patch norm of the noise on the signal.

    Examples
    --------
    >>> import dcsc
    >>> from dcsc.dictionaries import filters
    >>> dictionary = dcsc.CirculantDictionary(filters.barker(1, 1, 13), extent=64)
    >>> model = dcsc.DCSCModel([dcsc.Layer(dictionary, dcsc.HardThreshold(0.5))] * 2)
    >>> x = np.eye(64)[[3]]
    >>> [layer.sparsity for layer in declare(model, x, x_min=[13**-0.5, 1])]
    [13, 1]
    """
    instance(model, DCSCModel, "declare: model")
    array = code_array(codes, "declare: codes")
    shape = tuple(model.layers[-1].dictionary.code_shape)
    as_batch(array, shape, "declare: codes", array.dtype)
    floors = [real(floor, "declare: x_min", minimum=0) for floor in items(x_min, "declare: x_min")]
    if len(floors) != len(model.layers):
        raise DcscError(
            f"declare: x_min: expected {len(model.layers)} numbers, one per layer, got {floors}"
        )
    # From the deepest layer down, |A| |x| bounds the sizes of the codes below for all signs.
    sizes, declared = np.abs(array), list[LayerStatistics]()
    above = None
    for number, layer in reversed(list(enumerate(model.layers, start=1))):
        # The constants, from codes at their largest of which none is below the floor.
        floor = floors[number - 1]
        record = LayerInstance(
            layer.dictionary,
            np.where(sizes > 0, np.maximum(sizes, floor), 0),
            noise=noise if number == 1 else None,
            selection=layer.projection.selection,
            signs_independent=layer.signs.independent,
            successor=above,
            x_min=floor,
        )
        # Below the deepest layer, codes change their sign with the signs of the layer above.
        nonnegative = above is None and bool((array >= 0).all())
        declared.insert(
            0, attrs.evolve(record.statistics(), nonnegative=nonnegative, measured=False)
        )
        sizes, above = layer.dictionary.contributions(sizes), layer.dictionary
    return tuple(declared)
