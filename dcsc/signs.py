"""Sign patterns: the laws of the random signs D, one sign per atom.

A new law is a subclass of `SignPattern` with ``_draw`` and its traits.
"""

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import attrs
import numpy as np
import numpy.typing as npt

from dcsc._arrays import (
    Array,
    Rng,
    Shape,
    brief,
    checked_size,
    flat_indices,
    from_hook,
    generator,
    instance,
    integer,
    per_axis,
    shape_tuple,
    sign_array,
)
from dcsc._fields import SAME_ARRAY, named_field, number_field
from dcsc._numerics import random_words
from dcsc._numerics.packed import pack, unpack, words
from dcsc._words import quoted
from dcsc.errors import ContractError, DcscError, NotCoveredError

__all__ = [
    "BlockSigns",
    "FilterSigns",
    "FixedSigns",
    "IdentitySigns",
    "RademacherSigns",
    "SignPattern",
]


class SignPattern(ABC):
    """A law of sign patterns, arrays of +1 and -1 of a code's shape.

    Laws:

    - every entry of ``draw(shape, rng)`` is +1 or -1, and the shape is ``shape``
    - the same ``rng`` gives the same pattern; of `draw_many`, fewer patterns of the same ``rng``
      are the beginning of more
    - `draw_packed` gives what `draw_many` does, whichever atoms are asked for
    - ``random`` is false only if every draw gives the same pattern
    - signs that `coins` gives one number agree in every draw; those of different numbers are
      independent and fair; those of number −1 never change

    Attributes
    ----------
    independent : bool
        Whether there is one fair sign per atom, all of them independent. The probabilistic
        guarantees need it; those for given codes, `InstanceBound` and `PartialBound`, do with
        `coins` of atoms that share signs.
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
            raise ContractError(
                f"{name}._draw: expected +1 and -1 of shape {shape}, got {quoted(signs)}"
            )
        return np.asarray(signs, dtype=np.float64)

    def draw_many(self, count: int, code_shape: int | tuple[int, ...], rng: Rng = None) -> Array:
        """Return ``count`` independent patterns, float64 of shape ``(count, *code_shape)``.

        Fewer patterns of the same ``rng`` are the beginning of more.
        """
        shape = self._shape(code_shape)
        number = integer(count, f"{type(self).__name__}: count", minimum=0)
        checked_size((number, *shape), f"{type(self).__name__}: count")
        packed = self.draw_packed(number, shape, np.arange(math.prod(shape)), rng)
        return unpack(packed, number).reshape(number, *shape)

    def draw_packed(
        self,
        count: int,
        code_shape: int | tuple[int, ...],
        atoms: "npt.ArrayLike",
        rng: Rng = None,
    ) -> Array:
        """Return what `draw_many` draws, at some atoms only, one bit per sign.

        Parameters
        ----------
        count : int
        code_shape : int or tuple of int
        atoms : array_like of int, shape (atoms,)
            Flat indices, C order in ``code_shape``.
        rng : None, int, SeedSequence or Generator

        Returns
        -------
        array of uint64, shape (atoms, ⌈count / 64⌉)
            Bit d of word w is set where the sign of draw 64·w + d is -1; bits beyond ``count``
            mean nothing.

        Examples
        --------
        >>> signs = RademacherSigns()
        >>> bits = signs.draw_packed(3, (2, 5), [4, 7], rng=0)[:, 0]
        >>> patterns = signs.draw_many(3, (2, 5), rng=0)
        >>> [(bits >> draw & 1).tolist() for draw in (0, 1, 2)]
        [[0, 1], [0, 0], [1, 0]]
        >>> patterns.reshape(3, -1)[:, [4, 7]].tolist()
        [[1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]
        """
        name = type(self).__name__
        number = integer(count, f"{name}: count", minimum=0)
        shape = self._shape(code_shape)
        chosen = flat_indices(atoms, math.prod(shape), f"{name}: atoms")
        checked_size((words(number), len(chosen)), f"{name}: count")
        packed = self._draw_packed(number, shape, chosen, generator(rng, f"{name}: rng"))
        expected = (len(chosen), words(number))
        return from_hook(packed, expected, np.uint64, f"{name}._draw_packed")

    def coins(self, code_shape: int | tuple[int, ...]) -> Array:
        """Return which fair coin decides each sign, so that all patterns can be listed.

        Returns
        -------
        array of int, shape ``code_shape``
            Signs of one number come from one coin; −1 where there is nothing to decide.

        Raises
        ------
        NotCoveredError
            If the pattern is random, and its class does not say which coins decide it.

        Examples
        --------
        >>> FilterSigns().coins((2, 3)).tolist()
        [[0, 0, 0], [1, 1, 1]]
        """
        shape = self._shape(code_shape)
        name = f"{type(self).__name__}._coins"
        return from_hook(np.asarray(self._coins(shape)), shape, np.int64, name)

    def _coins(self, code_shape: Shape) -> Array:
        """Return the coin of each sign; the default knows the two cases that the traits declare."""
        if not self.random:
            return np.full(code_shape, -1)
        if self.independent:
            return np.arange(math.prod(code_shape)).reshape(code_shape)
        name = type(self).__name__
        raise NotCoveredError(f"{name}: expected the fair coins of its signs: write {name}._coins")

    def _draw_packed(
        self, count: int, code_shape: Shape, atoms: Array, rng: np.random.Generator
    ) -> Array:
        """Return the words of ``count`` patterns at valid atoms; the default draws one by one."""
        negative = np.empty((count, len(atoms)), dtype=bool)
        for draw in range(count):
            if draw == 0 or self.random:
                pattern = self.draw(code_shape, rng).ravel()[atoms] < 0
            negative[draw] = pattern
        return pack(negative)

    def _shape(self, code_shape: int | tuple[int, ...]) -> Shape:
        where = f"{type(self).__name__}: code_shape"
        shape = shape_tuple(code_shape, where, minimum=1)
        if not shape:
            raise DcscError(f"{where}: expected at least one axis, got ()")
        return checked_size(shape, where)

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

    def _draw_packed(
        self, count: int, code_shape: Shape, atoms: Array, rng: np.random.Generator
    ) -> Array:
        key = rng.integers(0, 2**64, size=2, dtype=np.uint64)
        return random_words(key, atoms, words(count))


@attrs.frozen
class FilterSigns(SignPattern):
    """One fair sign per filter, the same at every position: weights stay shared.

    Interference within a filter is then not random. Of the probabilistic guarantees only those for
    given codes cover it, `InstanceBound` and `PartialBound`.
    """

    def _draw(self, code_shape: Shape, rng: np.random.Generator) -> Array:
        signs = rng.integers(0, 2, size=code_shape[0], dtype=np.int8) * 2.0 - 1.0
        return _by_filter(signs, code_shape).copy()

    def _coins(self, code_shape: Shape) -> Array:
        return _by_filter(np.arange(code_shape[0]), code_shape)


def _block(value: Any, record: Any, where: str) -> int | Shape:
    sizes = shape_tuple(value, where, minimum=1)
    return sizes if np.iterable(value) else sizes[0]


@attrs.frozen
class BlockSigns(SignPattern):
    """One fair sign per block of filters and positions, all blocks independent.

    Blocks tile the code from its first filter and position on; those at the end may be cut. Between
    `RademacherSigns`, blocks of one atom, and `FilterSigns`, blocks of one filter over all
    positions, it says how much randomness guarantees need. Atoms of one block keep their relative
    signs, so that what they leave on each other is not random, and what they leave on others adds
    up: the union over atoms with independent signs is false for them. So `independent` holds for
    blocks of one atom alone. Larger ones are covered by guarantees for all sign patterns, and by
    `InstanceBound` and `PartialBound`, which add up the blocks of given codes.

    Parameters
    ----------
    filters : int, default 1
        Filters of a block.
    positions : int or tuple of int, default 1
        Positions of a block, along all axes or along each.

    Examples
    --------
    >>> BlockSigns(positions=3).draw((2, 6), rng=9)
    array([[-1., -1., -1.,  1.,  1.,  1.],
           [ 1.,  1.,  1., -1., -1., -1.]])
    >>> BlockSigns(filters=2, positions=2).coins((4, 3)).tolist()
    [[0, 0, 1], [0, 0, 1], [2, 2, 3], [2, 2, 3]]
    """

    filters: int = number_field(integer, default=1, minimum=1)
    positions: int | Shape = named_field(_block, default=1)

    @property
    def independent(self) -> bool:  # type: ignore[override]  # a matter of the blocks
        return self.filters == 1 and set(np.atleast_1d(self.positions)) <= {1}

    def _draw(self, code_shape: Shape, rng: np.random.Generator) -> Array:
        coins = self._coins(code_shape)
        signs = rng.integers(0, 2, size=int(coins.max()) + 1, dtype=np.int8) * 2.0 - 1.0
        return signs[coins]

    def _draw_packed(
        self, count: int, code_shape: Shape, atoms: Array, rng: np.random.Generator
    ) -> Array:
        key = rng.integers(0, 2**64, size=2, dtype=np.uint64)
        places = np.unravel_index(atoms, code_shape)
        blocks = zip(places, self._sizes(code_shape), strict=True)
        coins = np.ravel_multi_index([at // size for at, size in blocks], self._grid(code_shape))
        return random_words(key, coins, words(count))

    def _sizes(self, code_shape: Shape) -> Shape:
        """Return how large a block is along each axis."""
        positions = per_axis(self.positions, len(code_shape) - 1, "BlockSigns: positions", 1)
        return tuple(map(min, (self.filters, *positions), code_shape))

    def _grid(self, code_shape: Shape) -> Shape:
        """Return how many blocks there are along each axis."""
        sizes = self._sizes(code_shape)
        return tuple(-(-n // size) for n, size in zip(code_shape, sizes, strict=True))

    def _coins(self, code_shape: Shape) -> Array:
        sizes = zip(code_shape, self._sizes(code_shape), strict=True)
        along = [np.arange(n) // size for n, size in sizes]
        return np.ravel_multi_index(np.ix_(*along), self._grid(code_shape))


def _by_filter(values: Array, code_shape: Shape) -> Array:
    """Repeat one value per filter at every position."""
    return np.broadcast_to(values.reshape(-1, *[1] * (len(code_shape) - 1)), code_shape)


def _values(value: Any) -> Array:
    return sign_array(value, "FixedSigns: values")


def _optional_law(record: Any, field: Any, value: Any) -> None:
    if value is not None:
        instance(value, SignPattern, "FixedSigns: law")


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
        repr=brief, converter=_values, eq=SAME_ARRAY, hash=False
    )
    law: SignPattern | None = attrs.field(default=None, validator=_optional_law)

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
