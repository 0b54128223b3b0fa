"""The exact recovery condition, for given supports under all signs."""

import math
from typing import Any, ClassVar, Self

import attrs
import numpy as np

from dcsc._arguments import choice
from dcsc._arrays import Array
from dcsc._fields import named_field
from dcsc.bounds.base import BoundCalculator
from dcsc.bounds.guarantee import Guarantee
from dcsc.bounds.pursued.margins import one_each, positive_numbers, told_by
from dcsc.bounds.pursued.supports import Support, seen_of_noise
from dcsc.bounds.pursued.windows import Look, Window, guarantee_of_windows, tie_of_penalties
from dcsc.bounds.records import LayerInstance
from dcsc.coefficients import TOLERANCE
from dcsc.pursuits import BasisPursuit, OrthogonalMatchingPursuit, Pursuit

__all__ = ["ExactRecoveryBound"]

_KINDS = {"basis": BasisPursuit, "matching": OrthogonalMatchingPursuit}


def _one_pursuit(value: Any, record: Any, where: str) -> str:
    return choice(value, _KINDS, where)


@attrs.frozen
class ExactRecoveryBound(BoundCalculator):
    r"""The exact recovery condition: given supports, every sign pattern, any dynamic range.

    With the atoms of the support T, :math:`H_j = G_{TT}^{-1} G_{T,j}`, and ε what an atom sees of
    the error at most,

    .. math:: q = \max_{j \notin T} \|H_j\|_1 < 1, \qquad
        \frac{1 + q}{1 - q}\, \varepsilon < \lambda, \qquad
        (\varepsilon + \lambda) \|(G_{TT}^{-1})_k\|_1 < |x_k| \quad (k \in T)

    `BasisPursuit` at penalty λ finds the support. Below the first bound on λ, the support may have
    spurious atoms; above the second entries of T may be lost.

    `OrthogonalMatchingPursuit` takes the atoms of T and no others if some λ meets these conditions
    for atoms of norm 1, and stops in time at every level that is less than such a λ may be, from
    :math:`(1 + q)\, \varepsilon` on. By default both pursuits are meant, and λ is to do for
    either.

    It says that these pursuits find T. It does not say that no sparser code explains the signal:
    that is `UniquenessBound`.

    Parameters
    ----------
    level : float or sequence of float, optional
        λ, for all layers or each. By default that of the deepest layer is left open, and those
        below have the least.
    pursuit : str, optional
        ``"basis"`` or ``"matching"``, the one that is meant; `at` fills it in.

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
    pursuit: str | None = named_field(_one_pursuit, optional=True, kw_only=True)

    def _at(self, pursuits: tuple[Any, ...]) -> Self:
        kinds = {type(one) for one in pursuits}
        # layers that different pursuits run ask for what does for both
        pursuit = next((name for name, kind in _KINDS.items() if kinds == {kind}), None)
        return attrs.evolve(self, level=told_by(pursuits, "ExactRecoveryBound"), pursuit=pursuit)

    def _evaluate(self, layers: tuple[LayerInstance, ...]) -> Guarantee:
        levels = one_each(self.level, len(layers), "ExactRecoveryBound: level")
        look, name = _WINDOWS[self.pursuit]
        return self._guarantee(
            layers, guarantee_of_windows(self, layers, levels, look, ("q", name))
        )


def _basis(layer: LayerInstance, noise: float, code: Array, support: Support) -> Window:
    """Return between which penalties basis pursuit finds the support."""
    eps, response = seen_of_noise(layer, noise, unit=False), support.response(unit=False)
    q = float(support.reach(unit=False).max(initial=0.0))
    high = float((np.abs(code) / response).min(initial=math.inf)) - eps
    largest = float(response.max(initial=0.0))
    tie = tie_of_penalties(layer, noise)
    return Window(q, _least(q, eps), high, lambda at: largest * (eps + at), tie)


def _matching(layer: LayerInstance, noise: float, code: Array, support: Support) -> Window:
    """Return between which levels matching pursuit finds the support.

    Of a residual m = |A_T' r| at the most, an atom beside T sees q m + (1 + q) ε. The entries z of
    least squares for it are those of x less ε times their response where an atom of T is missing,
    and at most m times it everywhere. So m is more than ``high`` as long as one is missing. In the
    end nothing is left but (1 + q) ε.
    """
    eps, response = seen_of_noise(layer, noise, unit=True), support.response(unit=True)
    q = float(support.reach(unit=True).max(initial=0.0))
    high = float((support.norms * np.abs(code) / response).min(initial=math.inf)) - eps
    largest = float((response / support.norms).max(initial=0.0))
    tie = TOLERANCE * (float((support.norms * np.abs(code)).max(initial=0.0)) + noise)
    return Window(q, (1 + q) * eps, high, lambda at: largest * eps, tie, _least(q, eps))


def _both(layer: LayerInstance, noise: float, code: Array, support: Support) -> Window:
    """Return between which λ either pursuit finds the support, be it penalty or level."""
    return _basis(layer, noise, code, support).joined(_matching(layer, noise, code, support))


def _least(q: float, eps: float) -> float:
    """Return how much an atom of T has to see for those beside it to see less."""
    return (1 + q) / (1 - q) * eps if q < 1 else math.inf


_WINDOWS: dict[str | None, tuple[Look, str]] = {
    "basis": (_basis, "penalty"),
    "matching": (_matching, "level"),
    None: (_both, "level"),
}
