"""Pathways, the codes of all layers, and the comparison of two of them."""

import math
from collections.abc import Iterator
from typing import Any, NoReturn, overload

import attrs
import numpy as np

from dcsc._arguments import items
from dcsc._arrays import Array, Shape, instance, numeric_array, shape_tuple
from dcsc._display import Display, Displayed, digits, percent, times
from dcsc._entries import unpacked
from dcsc._fields import named_field
from dcsc._numerics.scaling import norms
from dcsc._tables import Tabled
from dcsc._words import counted
from dcsc.errors import DcscError

__all__ = ["Pathway", "Recovery"]


def _read_only(value: Any, record: Any, where: str) -> tuple[Array, ...]:
    """Return read-only views; the caller's arrays stay as they are."""
    arrays = (
        array
        if type(array) is np.ndarray
        else numeric_array(unpacked(array, where), where, finite=False)
        for array in items(value, where)
    )
    views = tuple(array.view() for array in arrays)
    for view in views:
        view.flags.writeable = False
    return views


def _batch(value: Any, record: Any, where: str) -> Shape:
    return shape_tuple(value, where)


@attrs.frozen(eq=False, repr=False)
class Pathway(Displayed, Tabled):
    """The signal and the codes of all layers, X^(0) … X^(L).

    ``pathway[0]`` is the signal, ``pathway[l]`` the code of layer l, and ``len`` is L + 1. The
    supports of the codes are the *activation pathway*.

    Parameters
    ----------
    arrays : tuple of arrays, each ``(*batch, *shape of that layer)``
    batch : tuple of int
        The batch axes that all of them share.
    coefficients : tuple of arrays, optional
        What each layer saw before its projection; entry l − 1 for layer l.
    """

    arrays: tuple[Array, ...] = named_field(_read_only)
    batch: Shape = named_field(_batch, default=())
    coefficients: tuple[Array, ...] | None = named_field(_read_only, optional=True)

    def __len__(self) -> int:
        return len(self.arrays)

    @overload
    def __getitem__(self, layer: int) -> Array: ...

    @overload
    def __getitem__(self, layer: slice) -> tuple[Array, ...]: ...

    def __getitem__(self, layer: int | slice) -> Array | tuple[Array, ...]:
        return self.arrays[layer]

    def __iter__(self) -> Iterator[Array]:
        return iter(self.arrays)

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse to be one array: NumPy would take those of one shape for a batch."""
        raise TypeError(
            f"a Pathway of {len(self)} arrays: its signal is pathway[0], its deepest code "
            "pathway[-1]"
        )

    @property
    def supports(self) -> tuple[Array, ...]:
        """Where the codes of layers 1 … L are not zero; entry l − 1 for layer l."""
        return tuple(code != 0 for code in self.arrays[1:])

    def _display(self) -> Display:
        batch = f", batch {times(self.batch)}" if self.batch else ""
        return Display(
            f"Pathway of {counted(len(self) - 1, 'layer')}{batch}",
            ("", "shape", "non-zeros", "share", "largest"),
            [
                (name, times(shape), digits(count), percent(share), digits(largest))
                for name, shape, count, share, largest in zip(*self._table().values(), strict=True)
            ],
        )

    def _table(self) -> dict[str, list[Any]]:
        axes = len(self.batch)
        columns = max(1, math.prod(self.batch))
        counts = [np.count_nonzero(array) for array in self]
        return {
            "layer": ["signal", *(f"layer {number}" for number in range(1, len(self)))],
            "shape": [array.shape[axes:] for array in self],
            "nonzeros": [count / columns for count in counts],
            "share": [n / max(array.size, 1) for n, array in zip(counts, self, strict=True)],
            "largest": [float(np.abs(array).max(initial=0.0)) for array in self],
        }

    def compare(self, guess: "Pathway") -> "Recovery":
        """Compare a guess with this pathway, the truth.

        Raises
        ------
        DcscError
            If the two have different shapes.
        """
        instance(guess, Pathway, "Pathway.compare: guess")
        shapes, others = ([array.shape for array in path] for path in (self, guess))
        if shapes != others or self.batch != guess.batch:
            raise DcscError(f"Pathway.compare: guess: expected shapes {shapes}, got {others}")
        missed, false_alarms, error = [], [], []
        for true, estimate in zip(self.arrays[1:], guess.arrays[1:], strict=True):
            axes = tuple(range(len(self.batch), true.ndim))
            missed.append(((true != 0) & (estimate == 0)).sum(axis=axes))
            false_alarms.append(((true == 0) & (estimate != 0)).sum(axis=axes))
            error.append(norms(true - estimate, axes).astype(true.dtype))
        return Recovery(np.stack(missed), np.stack(false_alarms), np.stack(error))


@attrs.frozen(eq=False, repr=False)
class Recovery(Displayed, Tabled):
    """How closely a guess agrees with the true pathway.

    Parameters
    ----------
    missed, false_alarms : int arrays of shape (L, *batch)
        Entries of the true support that the guess lacks, and entries that only the guess has.
    error_norm : array of shape (L, *batch)
        ℓ2 norm of the difference of the codes.
    """

    missed: Array
    false_alarms: Array
    error_norm: Array

    @property
    def recovered(self) -> Array:
        """Whether layer l has exactly the true support, (L, *batch)."""
        return np.asarray((self.missed == 0) & (self.false_alarms == 0))

    @property
    def pathway_recovered(self) -> Array:
        """Whether all layers have exactly the true support, (*batch)."""
        return np.asarray(self.recovered.all(axis=0))

    @property
    def first_failure(self) -> Array:
        """The first layer, from 1, whose support is not the true one; 0 if none, (*batch)."""
        first = self.recovered.argmin(axis=0) + 1
        return np.where(self.pathway_recovered, 0, first)

    def _display(self) -> Display:
        columns = self.pathway_recovered.size
        return Display(
            f"Recovery: the whole pathway is exact in "
            f"{np.count_nonzero(self.pathway_recovered)} of {columns}",
            ("mean over columns", "exact", "missed", "false alarms", "error norm"),
            [
                (name, f"{exact} of {columns}", *map(digits, means))
                for name, exact, *means in zip(*self._table().values(), strict=True)
            ],
        )

    def _table(self) -> dict[str, list[Any]]:
        axes = tuple(range(1, self.missed.ndim))
        return {
            "layer": [f"layer {number}" for number in range(1, len(self.missed) + 1)],
            "exact": np.count_nonzero(self.recovered, axis=axes).tolist(),
            "missed": self.missed.mean(axis=axes).tolist(),
            "false_alarms": self.false_alarms.mean(axis=axes).tolist(),
            "error_norm": self.error_norm.mean(axis=axes).tolist(),
        }
