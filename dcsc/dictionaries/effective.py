"""What codes become on their way down through layers, as one dictionary."""

import itertools
from collections.abc import Iterable
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from dcsc._arguments import instances, items
from dcsc._arrays import Array, Shape, frozen_array, numeric_array
from dcsc._cached import cached_property
from dcsc._entries import Entries
from dcsc._fields import named
from dcsc.dictionaries.base import Dictionary
from dcsc.errors import DcscError

__all__ = ["EffectiveDictionary"]


def _operators(value: Iterable[Dictionary]) -> tuple[Dictionary, ...]:
    operators = instances(value, Dictionary, "EffectiveDictionary: operators")
    if not operators:
        raise DcscError("EffectiveDictionary: operators: expected dictionaries, got none")
    for number, (lower, upper) in enumerate(itertools.pairwise(operators), start=1):
        if tuple(lower.code_shape) != tuple(upper.signal_shape):
            raise DcscError(
                f"EffectiveDictionary: operators: number {number} has codes of shape "
                f"{lower.code_shape}, but number {number + 1} synthesises signals of shape "
                f"{upper.signal_shape}"
            )
    return operators


def _supports(value: "Iterable[npt.ArrayLike]", record: Any, where: str) -> tuple[Array, ...]:
    supports = tuple(frozen_array(numeric_array(item, where) != 0) for item in items(value, where))
    expected = [tuple(operator.code_shape) for operator in record.operators[:-1]]
    shapes = [support.shape for support in supports]
    if shapes != expected:
        raise DcscError(f"{where}: expected shapes {expected}, got {shapes}")
    return supports


def _same(one: tuple[Array, ...], other: tuple[Array, ...]) -> bool:
    return len(one) == len(other) and all(map(np.array_equal, one, other))


@attrs.frozen(slots=False)
class EffectiveDictionary(Dictionary):
    r"""What a code becomes on its way down to the signal, on given supports.

    With the operators :math:`A_i D_i` of the layers below, the projections :math:`\Pi_i` onto the
    supports of their codes, and the dictionary :math:`A_l`, it is

    .. math:: E_l = A_1 D_1 \Pi_1\, A_2 D_2 \Pi_2 \cdots A_l .

    A forward pass that is told these supports hands :math:`D_l E_l^T \hat X^{(0)}` to the
    projection of layer l. So layer l behaves as a single layer with this dictionary, whose Gram
    matrix is the effective one, and with the noise of the signal itself.

    Parameters
    ----------
    operators : sequence of Dictionary
        Layer 1 first; the codes of one are the signals of the next.
    supports : sequence of array_like of bool
        One for each operator but the last, of the shape of its codes.

    Examples
    --------
    >>> from dcsc import DenseDictionary
    >>> below, above = DenseDictionary([[1, 0.6], [0, 0.8]]), DenseDictionary([[1], [0.5]])
    >>> EffectiveDictionary([below, above], [[True, False]]).synthesize([2.0])
    array([2., 0.])
    """

    operators: tuple[Dictionary, ...] = attrs.field(
        converter=_operators, repr=lambda operators: f"<{len(operators)}>"
    )
    supports: tuple[Array, ...] = attrs.field(
        converter=named(_supports),  # type: ignore[misc]  # see `named`
        eq=attrs.cmp_using(eq=_same),
        hash=False,
    )

    @property
    def signal_shape(self) -> Shape:
        return tuple(self.operators[0].signal_shape)

    @property
    def code_shape(self) -> Shape:
        return tuple(self.operators[-1].code_shape)

    def _dtype(self) -> "npt.DTypeLike":
        return np.result_type(*(operator._dtype() for operator in self.operators))

    @cached_property
    def _norms(self) -> Array:
        return frozen_array(super()._atom_norms())

    def _atom_norms(self) -> Array:
        return self._norms

    def _synthesize(self, codes: Array) -> Array:
        return self._downwards(self.operators[-1].synthesize(codes))

    def _synthesize_entries(self, codes: Entries) -> Array:
        return self._downwards(self.operators[-1]._synthesize_entries(codes))

    def _downwards(self, signal: Array) -> Array:
        """Return the signal of a code of the layer below the last."""
        for operator, support in zip(self.operators[-2::-1], self.supports[::-1], strict=True):
            signal = operator.synthesize(signal * support)
        return signal

    def _analyze(self, signals: Array) -> Array:
        code = signals
        for operator, support in zip(self.operators[:-1], self.supports, strict=True):
            code = operator.analyze(code) * support
        return self.operators[-1].analyze(code)
