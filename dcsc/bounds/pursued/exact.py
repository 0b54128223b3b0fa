"""The exact recovery condition, for given supports under all signs."""

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
from dcsc.bounds.pursued.windows import Window, guarantee_of_windows
from dcsc.bounds.records import LayerInstance
from dcsc.pursuits import BasisPursuit, OrthogonalMatchingPursuit, Pursuit

__all__ = ["ExactRecoveryBound"]


@attrs.frozen
class ExactRecoveryBound(BoundCalculator):
    r"""The exact recovery condition: given supports, every sign pattern, any dynamic range.

    With the atoms of the support T, :math:`H_j = G_{TT}^{-1} G_{T,j}`, and ε what an atom sees of
    the error at most,

    .. math:: q = \max_{j \notin T} \|H_j\|_1 < 1, \qquad
        \frac{1 + q}{1 - q}\, \varepsilon < \lambda, \qquad
        (\varepsilon + \lambda) \|(G_{TT}^{-1})_k\|_1 < |x_k| \quad (k \in T)

    `BasisPursuit` at penalty λ finds the support, and so does `OrthogonalMatchingPursuit` at level
    λ; its atoms count as of norm 1, and both forms of the condition are asked for. Below the first
    bound on λ, the support may have spurious atoms, below the second entries of T may be lost.

    It says that these pursuits find T. It does not say that no sparser code explains the signal:
    that is `UniquenessBound`.

    Parameters
    ----------
    level : float or sequence of float, optional
        λ, for all layers or each. By default that of the deepest layer is left open, and those
        below have the least.

    Examples
    --------
    >>> from dcsc import DenseDictionary
    >>> atoms = DenseDictionary([[1, 0, 0.6], [0, 1, 0.8]])
    >>> bound = ExactRecoveryBound()
    >>> [bound.evaluate(LayerInstance(atoms, x)).holds for x in ([0, 0, 1], [1, 1, 0])]
    [True, False]
    """

    label: ClassVar[str] = "(E)"
    about: ClassVar[str] = "for basis and matching pursuit, these supports under all signs"
    reference: ClassVar[str] = "Exact recovery condition, Tropp, Greed is good, 2004, with noise"
    needs_instances: ClassVar[bool] = True
    pursuits: ClassVar[tuple[type[Pursuit], ...]] = (BasisPursuit, OrthogonalMatchingPursuit)

    level: float | tuple[float, ...] | None = named_field(positive_numbers, optional=True)

    def _at(self, pursuits: tuple[Any, ...]) -> Self:
        return attrs.evolve(self, level=told_by(pursuits, "ExactRecoveryBound"))

    def _evaluate(self, layers: tuple[LayerInstance, ...]) -> Guarantee:
        levels = one_each(self.level, len(layers), "ExactRecoveryBound: level")
        parts = guarantee_of_windows(self, layers, levels, _window, ("q", "level"))
        return self._guarantee(layers, parts)


def _window(layer: LayerInstance, level: float, code: Array, support: Support) -> Window:
    """Return between which levels the support is found, by both pursuits."""
    raw, normed = (_form(layer, level, code, support, unit) for unit in (False, True))
    return raw.joined(normed)


def _form(layer: LayerInstance, level: float, code: Array, support: Support, unit: bool) -> Window:
    """Return the same by one form of the condition, for atoms as they are or of norm 1."""
    eps, response = seen_of_noise(layer, level, unit), support.response(unit)
    q = float(support.reach(unit).max(initial=0.0))
    low = (1 + q) / (1 - q) * eps if q < 1 else math.inf
    # Basis pursuit compares each entry with its own error, matching the smallest with the largest.
    norms = support.norms if unit else np.ones(len(code))
    sizes = norms * np.abs(code)
    least = sizes.min(initial=math.inf) if unit else sizes
    high = float((least / response).min(initial=math.inf)) - eps
    largest = float((response / norms).max(initial=0.0))
    return Window(q, low, high, lambda at: largest * (eps + at))
