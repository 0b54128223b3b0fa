"""Orthogonal matching pursuit, with Gram rows in place of residuals."""

import math

import attrs
import numpy as np

from dcsc._arrays import Array, integer, positive
from dcsc._fields import number_field
from dcsc.dictionaries import Dictionary, SignedDictionary
from dcsc.errors import DcscError
from dcsc.projections import Projection
from dcsc.pursuits.base import Pursued, Pursuit
from dcsc.pursuits.support import Support

__all__ = ["OrthogonalMatchingPursuit"]

# What is left of a signal below so many roundings of it is nothing.
_ROUNDINGS = 64


@attrs.frozen
class OrthogonalMatchingPursuit(Pursuit):
    r"""One atom after the other, the best for what is left; all coefficients by least squares.

    With the support T so far and the residual :math:`r = y - A_T x_T`, which is orthogonal to the
    atoms of T, the next atom is the one of the largest :math:`|\langle a_k, r \rangle| / \|a_k\|`,
    and then :math:`x_T` is solved anew. Only correlations are kept: a coefficient that moves by δ
    takes δ times a row of the Gram matrix off them, so that a step costs what the new atom can
    reach, and not the signal.

    It selects by itself, and leaves the layer's projection out.

    Parameters
    ----------
    sparsity : int, optional
        The number of atoms, for the whole of a signal; fewer where nothing but rounding is left, or
        the atoms in use make all others. At least one of the two is to be given.
    level : float, optional
        The pursuit ends once no :math:`|\langle a_k, r \rangle| / \|a_k\|` is above it.

    Notes
    -----
    With unit atoms of coherence μ, noise v with
    :math:`|\langle a_k, v \rangle| \le \varepsilon`, and :math:`c = 1 - (2S - 1)\mu > 0` for
    the true code's stripe sparsity S, the support is found if its smallest entry has
    :math:`c\, x_{\min} > 2 \varepsilon`, by a level from
    :math:`\varepsilon (1 + \mu) / (1 - (S - 1) \mu)` on that is below
    :math:`(1 - (S - 1) \mu) x_{\min} - \varepsilon`. A lower level goes on to fit the noise.

    References
    ----------
    Y. C. Pati, R. Rezaiifar and P. S. Krishnaprasad, "Orthogonal Matching Pursuit", 1993; J. Tropp,
    "Greed is Good", IEEE Transactions on Information Theory 50, 2004; R. Rubinstein, M. Zibulevsky
    and M. Elad, "Efficient Implementation of the K-SVD Algorithm Using Batch Orthogonal Matching
    Pursuit", 2008.

    Examples
    --------
    >>> from dcsc import DenseDictionary
    >>> atoms = DenseDictionary([[1, 0, 0.6], [0, 1, 0.8]])
    >>> OrthogonalMatchingPursuit(sparsity=2)([1, 0.4], atoms).code.round(4)
    array([1. , 0.4, 0. ])
    """

    sparsity: int | None = number_field(integer, default=None, minimum=1)
    level: float | None = number_field(positive, default=None)

    def __attrs_post_init__(self) -> None:
        if self.sparsity is None and self.level is None:
            raise DcscError(
                "OrthogonalMatchingPursuit: sparsity: expected it or a level, got neither"
            )

    def _pursue(
        self,
        signals: Array,
        operator: Dictionary,
        projection: Projection | None,
        dictionary: Dictionary,
    ) -> Pursued:
        if isinstance(operator, SignedDictionary):
            return self._without_signs(signals, operator)
        near, norms = operator._near(), operator.atom_norms().ravel()
        inverse = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
        seen = operator.analyze(signals.astype(np.float64)).reshape(len(signals), -1)
        codes = np.zeros_like(seen)
        supports = [Support(operator, z, inverse, near) for z in seen]
        for support in supports:
            self._grow(support, operator, signals.dtype)
        for code, support in zip(codes, supports, strict=True):
            code[support.atoms] = support.solve()
        shape = (len(signals), *operator.code_shape)
        taken = np.array([len(support.atoms) for support in supports])
        return Pursued(codes.reshape(shape).astype(signals.dtype), taken)

    def _grow(self, support: Support, operator: Dictionary, dtype: np.dtype) -> None:
        nothing = _ROUNDINGS * float(np.finfo(dtype).eps) * support.largest
        level = max(nothing, 0.0 if self.level is None else self.level)
        most = min(math.prod(operator.code_shape), math.prod(operator.signal_shape))
        support.grow(most if self.sparsity is None else min(most, self.sparsity), level)
