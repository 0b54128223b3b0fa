"""The deepest code first, and from it the others."""

import attrs
import numpy as np

from dcsc._arrays import Array, instance_of
from dcsc.dictionaries import Dictionary, EffectiveDictionary
from dcsc.errors import DcscError
from dcsc.layer import Layer, signals_of
from dcsc.pursuits.base import Pursuit
from dcsc.pursuits.pathways.base import PathwayPursuit
from dcsc.pursuits.pathways.task import PathwayTask

__all__ = ["Holistic"]

_NEGLIGIBLE = 1e-12


@attrs.frozen
class Holistic(PathwayPursuit):
    r"""The deepest code from the signal itself, then the codes above it by synthesis.

    The deepest code generates the signal through
    :math:`E = A^{(1)} D^{(1)} \cdots A^{(L)} D^{(L)}`, which is a dictionary too. The pursuit
    solves for it there, with the deepest layer's projection; what it finds is synthesised down to
    the first layer, so that all layers agree with each other.
    No error grows from layer to layer, and what is sparsest, the deepest code, is what is looked
    for. But all layers have to be those that made the signal.

    The atoms of E have all kinds of norms, even where every layer's have norm 1. The pursuit works
    on E with atoms of unit norm, and its code is scaled back.

    Parameters
    ----------
    pursuit : Pursuit

    Raises
    ------
    DcscError
        By a call, if an atom of E is zero, or there is noise above the signal.
    TooLargeError
        By a call, if E has more than 2²⁷ matrix entries: their norms are computed one by one.

    References
    ----------
    A. Aberdam, J. Sulam and M. Elad, "Multi-Layer Sparse Coding: The Holistic Way", SIAM Journal on
    Mathematics of Data Science 1, 2019.

    Examples
    --------
    >>> from dcsc import DCSCModel, DenseDictionary, IdentitySigns, Layer, OneStep, TopK
    >>> below = DenseDictionary([[1, 0, 0.6], [0, 1, 0.8]])
    >>> above = DenseDictionary([[1, 0], [0, 1], [1, -0.9]])
    >>> layers = [Layer(below, TopK(2), IdentitySigns()), Layer(above, TopK(1), IdentitySigns())]
    >>> model = DCSCModel(layers)
    >>> signal = model.synthesize([0, 1])[0]
    >>> [code.round(2).tolist() for code in model.forward(signal)][1:]
    [[-0.54, 0.28, 0.0], [-0.54, 0.0]]
    >>> [code.round(2).tolist() for code in model.forward(signal, pursuit=Holistic(OneStep()))][1:]
    [[0.0, 1.0, -0.9], [0.0, 1.0]]
    """

    pursuit: Pursuit = attrs.field(validator=instance_of(Pursuit))

    def _pursue(self, task: PathwayTask) -> list[Array]:
        entering = task.noisy_signal("Holistic")
        deepest = task.layers[-1]
        whole = effective(task.layers)
        norms = whole.atom_norms()
        if norms.min() <= _NEGLIGIBLE * norms.max():
            atom = tuple(int(i) for i in np.unravel_index(norms.argmin(), norms.shape))
            raise DcscError(
                f"Holistic: layers: expected units of the deepest layer that show in the signal, "
                f"got one, {atom}, that synthesises zeros"
            )
        pursued = self.pursuit._run(
            entering, whole.normalized(), deepest.projection, deepest.dictionary
        )
        code = pursued.code / norms.astype(pursued.code.dtype)
        return signals_of(task.layers, code)[1:]


def effective(layers: tuple[Layer, ...]) -> Dictionary:
    """Return what the deepest code becomes on its way down to the signal, E."""
    operators = [layer.operator for layer in layers]
    if len(operators) == 1:
        return operators[0]
    everywhere = [np.ones(operator.code_shape, dtype=bool) for operator in operators[:-1]]
    return EffectiveDictionary(operators, everywhere)
