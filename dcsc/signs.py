"""Sign patterns: the laws of the random signs D, one sign per atom.

A new law is a subclass of `SignPattern` with ``_draw`` and its traits.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import attrs
import numpy as np
import numpy.typing as npt

from dcsc._arrays import Array, Rng, Shape, brief, generator, integer, shape_tuple, sign_array
from dcsc.errors import ContractError, DcscError

__all__ = ["FilterSigns", "FixedSigns", "IdentitySigns", "RademacherSigns", "SignPattern"]


class SignPattern(ABC):
    """A law of sign patterns, arrays of +1 and -1 of a code's shape.

    Laws:

    - every entry of ``draw(shape, rng)`` is +1 or -1, and the shape is ``shape``
    - the same ``rng`` gives the same pattern
    - ``random`` is false only if every draw gives the same pattern

    Attributes
    ----------
    independent : bool
        Whether there is one fair sign per atom, all of them independent. The probabilistic
        guarantees need it.
    random : bool
        Whether a draw has to fix the pattern before a model can use it.
    """

    independent: bool = False
    random: ClassVar[bool] = True

    def draw(self, code_shape: int | tuple[int, ...], rng: Rng = None) -> Array:
        """Return one pattern, float64 of shape ``code_shape``."""
        name = type(self).__name__
        shape = self._shape(code_shape)
        signs = self._draw(shape, generator(rng, f"{name}: rng"))
        if getattr(signs, "shape", None) != shape or not np.all(np.abs(signs) == 1):
            raise ContractError(f"{name}._draw: expected +1 and -1 of shape {shape}, got {signs!r}")
        return np.asarray(signs, dtype=np.float64)

    def draw_many(self, count: int, code_shape: int | tuple[int, ...], rng: Rng = None) -> Array:
        """Return ``count`` independent patterns, ``(count, *code_shape)``."""
        name = type(self).__name__
        number = integer(count, f"{name}: count", minimum=0)
        source = generator(rng, f"{name}: rng")
        shape = self._shape(code_shape)
        if number == 0:
            return np.empty((0, *shape))
        signs = self._draw_many(number, shape, source)
        if getattr(signs, "shape", None) != (number, *shape):
            raise ContractError(
                f"{name}._draw_many: expected shape {(number, *shape)}, got {np.shape(signs)}"
            )
        return signs

    def _draw_many(self, count: int, code_shape: Shape, rng: np.random.Generator) -> Array:
        """Return ``(count, *code_shape)`` independent patterns."""
        return np.stack([self.draw(code_shape, rng) for _ in range(count)])

    def _shape(self, code_shape: int | tuple[int, ...]) -> Shape:
        where = f"{type(self).__name__}: code_shape"
        shape = shape_tuple(code_shape, where, minimum=1)
        if not shape:
            raise DcscError(f"{where}: expected at least one axis, got ()")
        return shape

    @abstractmethod
    def _draw(self, code_shape: Shape, rng: np.random.Generator) -> Array:
        """Return an array of +1 and -1 of shape ``code_shape``, random only through ``rng``."""


@attrs.frozen
class IdentitySigns(SignPattern):
    """No signs: every entry is +1."""

    random: ClassVar[bool] = False

    def _draw(self, code_shape: Shape, rng: np.random.Generator) -> Array:
        return np.ones(code_shape)


@attrs.frozen
class RademacherSigns(SignPattern):
    """One fair sign per atom, all of them independent: the signs of the D-CSC model."""

    independent = True

    def _draw(self, code_shape: Shape, rng: np.random.Generator) -> Array:
        return rng.integers(0, 2, size=code_shape, dtype=np.int8) * 2.0 - 1.0

    def _draw_many(self, count: int, code_shape: Shape, rng: np.random.Generator) -> Array:
        return self._draw((count, *code_shape), rng)


@attrs.frozen
class FilterSigns(SignPattern):
    """One fair sign per filter, the same at every position: weights stay shared.

    Interference within a filter is then not random, and no probabilistic guarantee covers it.
    """

    def _draw(self, code_shape: Shape, rng: np.random.Generator) -> Array:
        signs = rng.integers(0, 2, size=code_shape[0], dtype=np.int8) * 2.0 - 1.0
        return np.broadcast_to(signs.reshape(-1, *[1] * (len(code_shape) - 1)), code_shape).copy()


def _values(value: Any) -> Array:
    return sign_array(value, "FixedSigns: values")


@attrs.frozen
class FixedSigns(SignPattern):
    """A pattern that is known, and the law it was drawn from.

    Parameters
    ----------
    values : array_like of +1 and -1
    law : SignPattern, optional
        For a drawn pattern a guarantee speaks of the law before the draw, so its traits are those
        of the law. Without one the signs count as chosen, not as random.
    """

    values: npt.NDArray[np.float64] = attrs.field(
        repr=brief, converter=_values, eq=attrs.cmp_using(eq=np.array_equal), hash=False
    )
    law: SignPattern | None = None

    random: ClassVar[bool] = False

    @property
    def independent(self) -> bool:  # type: ignore[override]  # a trait of the law
        return self.law is not None and self.law.independent

    def _draw(self, code_shape: Shape, rng: np.random.Generator) -> Array:
        if code_shape != self.values.shape:
            raise DcscError(
                f"FixedSigns: expected code_shape {self.values.shape}, got {code_shape}"
            )
        return self.values
