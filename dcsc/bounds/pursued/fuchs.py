"""The condition of Fuchs, for given supports and signs."""

import math
from typing import Any, ClassVar, Self

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc._fields import named_field
from dcsc.bounds.base import BoundCalculator
from dcsc.bounds.guarantee import Guarantee
from dcsc.bounds.pursued.margins import one_each, positive_numbers, told_by
from dcsc.bounds.pursued.supports import Support, seen_of_noise
from dcsc.bounds.pursued.windows import Window, guarantee_of_windows, tie_of_penalties
from dcsc.bounds.records import LayerInstance
from dcsc.pursuits import BasisPursuit, Pursuit

__all__ = ["FuchsBound"]


@attrs.frozen
class FuchsBound(BoundCalculator):
    r"""The condition of Fuchs: basis pursuit denoising of given supports with given signs.

    With :math:`H_j = G_{TT}^{-1} G_{T,j}`, the signs s of the code on its support T, and ε what an
    atom sees of the error at most, the code of least objective has the support and the signs of
    the true one if

    .. math:: \lambda |H_j^T s| + \varepsilon (1 + \|H_j\|_1) < \lambda \quad (j \notin T), \qquad
        \lambda\, s_k (G_{TT}^{-1} s)_k + \varepsilon \|(G_{TT}^{-1})_k\|_1 < |x_k| \quad (k \in T).

    It asks for less than `ExactRecoveryBound`, which holds for all signs, and it is necessary as
    well as λ goes to 0: where some :math:`|H_j^T s| > 1`, atoms beside the support come in at every
    small λ, whatever else certifies the noiseless problem.

    The signs are those of the codes under the dictionary: a layer with signs D is given by its
    operator, ``LayerInstance(layer.operator, codes, signs_independent=False)``.

    Parameters
    ----------
    penalty : float or sequence of float, optional
        λ, for all layers or each. By default that of the deepest layer is left open, and those
        below have the least.

    Examples
    --------
    >>> from dcsc import DenseDictionary
    >>> atoms = DenseDictionary([[1, 0, 0.8], [0, 1, 0.6]])
    >>> for code in ([1, 1, 0], [1, -1, 0]):
    ...     layer = LayerInstance(atoms, code, signs_independent=False)
    ...     print(FuchsBound().evaluate(layer).holds)
    False
    True
    """

    label: ClassVar[str] = "(F)"
    about: ClassVar[str] = "for basis pursuit, these supports and signs"
    reference: ClassVar[str] = "J.-J. Fuchs, On sparse representations in arbitrary bases, 2004"
    needs_instances: ClassVar[bool] = True
    needs_signs: ClassVar[bool] = True
    pursuits: ClassVar[tuple[type[Pursuit], ...]] = (BasisPursuit,)

    penalty: float | tuple[float, ...] | None = named_field(positive_numbers, optional=True)

    def _at(self, pursuits: tuple[Any, ...]) -> Self:
        return attrs.evolve(self, penalty=told_by(pursuits, "FuchsBound"))

    def _evaluate(self, layers: tuple[LayerInstance, ...]) -> Guarantee:
        penalties = one_each(self.penalty, len(layers), "FuchsBound: penalty")
        words = "max |H_j' s|", "penalty"
        return self._guarantee(
            layers, guarantee_of_windows(self, layers, penalties, _window, words)
        )


def _window(layer: LayerInstance, level: float, code: Array, support: Support) -> Window:
    """Return between which penalties the support and its signs are found."""
    eps, signs = seen_of_noise(layer, level, unit=False), np.sign(code)
    solved, pulled = support.pulled(signs)
    response, pull = support.response(unit=False), signs * solved
    worst = float(np.abs(pulled).max(initial=0.0))
    low, room = 0.0, np.abs(code) - eps * response
    if worst >= 1:
        low = math.inf
    elif eps > 0:
        # of atoms that meet none of the support the noise is all there is
        needed = eps * (1 + support.reach(unit=False)) / (1 - np.abs(pulled))
        low = float(needed.max(initial=eps))
    hurt = pull > 0
    high = float((room[hurt] / pull[hurt]).min(initial=math.inf))
    if (room <= 0).any():
        high = -math.inf

    def error(penalty: float) -> float:
        return float((eps * response + penalty * np.abs(solved)).max(initial=0.0))

    return Window(worst, low, high, error, tie_of_penalties(layer, level))
