"""The atoms one by one, for a map that is known only by what it does: slow, exact, and guarded."""

import math
from collections.abc import Callable, Iterator

import attrs
import numpy as np
import numpy.typing as npt
import scipy

from dcsc._arrays import Array, Shape
from dcsc._numerics.products import product
from dcsc._numerics.scaling import check_square, norms
from dcsc.errors import TooLargeError

__all__ = ["Columns"]

_EXPLICIT_LIMIT = 2**27
_BLOCK_ENTRIES = 2**21


@attrs.frozen
class Columns:
    """The columns of A, computed by the map itself, a block at a time.

    Parameters
    ----------
    name : str
        Of the dictionary's class, for errors.
    synthesize, analyze : callable
        A x and Aᵀ y, for arrays with one batch axis.
    signal_shape, code_shape : tuple of int
    dtype : dtype
        In which columns are computed.
    """

    name: str
    synthesize: Callable[[Array], Array]
    analyze: Callable[[Array], Array]
    signal_shape: Shape
    code_shape: Shape
    dtype: "npt.DTypeLike"

    def contributions(self, codes: Array) -> Array:
        """Return |A| |x| for codes with one batch axis."""
        out = np.zeros((len(codes), *self.signal_shape), dtype=codes.dtype)
        flat = np.abs(codes).reshape(len(codes), -1)
        for indices, atoms in self._all("_contributions"):
            sizes = np.abs(atoms).reshape(len(atoms), -1)
            added = product(flat[:, indices], sizes)
            out += added.reshape(out.shape).astype(codes.dtype)
        return out

    def exposure(self, signals: Array) -> Array:
        """Return |A|ᵀ |y| for signals with one batch axis."""
        out = np.zeros((len(signals), math.prod(self.code_shape)), dtype=signals.dtype)
        flat = np.abs(signals).reshape(len(signals), -1)
        for indices, atoms in self._all("_exposure"):
            out[:, indices] = product(flat, np.abs(atoms).reshape(len(atoms), -1).T)
        return out.reshape(-1, *self.code_shape)

    def norms(self) -> Array:
        """Return the norms of all columns, of ``code_shape``."""
        blocks = [
            norms(atoms.reshape(len(atoms), -1), (1,)) for _, atoms in self._all("_atom_norms")
        ]
        return np.concatenate(blocks).reshape(self.code_shape)

    def gram_rows(self, indices: Array, exponent: int = 0) -> "scipy.sparse.csr_array":
        """Return rows of ``AᵀA·2^(−2·exponent)``.

        Raises FloatingPointError where no float holds the largest entries.
        """
        self.check("_gram_rows", len(indices))
        rows = []
        for atoms in self.blocks(indices):
            flat = atoms.reshape(len(atoms), -1)
            scale = int(np.frexp(norms(flat, (1,)).max())[1])
            # Atoms are divided by 2^scale, so that only the numbers of the map itself decide how
            # large the products are.
            products = self.analyze(np.ldexp(atoms, -scale)).reshape(len(atoms), -1)
            check_square(scale - exponent)
            rows.append(scipy.sparse.csr_array(np.ldexp(products, scale - 2 * exponent)))
        return scipy.sparse.csr_array(scipy.sparse.vstack(rows, format="csr"))

    def to_sparse(self) -> "scipy.sparse.csc_array":
        """Return A, C order."""
        blocks = [
            scipy.sparse.csc_array(atoms.reshape(len(atoms), -1).T)
            for _, atoms in self._all("_to_sparse")
        ]
        return scipy.sparse.csc_array(scipy.sparse.hstack(blocks, format="csc"))

    def check(self, hook: str, columns: int) -> None:
        """Refuse to go through too many columns, and name the hook to write instead."""
        entries = columns * math.prod(self.signal_shape)
        if entries > _EXPLICIT_LIMIT:
            raise TooLargeError(
                f"{self.name}: {hook} would go through {entries} matrix entries one by one, more "
                f"than {_EXPLICIT_LIMIT}; write {self.name}.{hook}"
            )

    def _all(self, hook: str) -> Iterator[tuple[Array, Array]]:
        """Yield blocks of indices and their columns ``(block, *signal_shape)``."""
        size = math.prod(self.code_shape)
        self.check(hook, size)
        start = 0
        for atoms in self.blocks(np.arange(size)):
            yield np.arange(start, start + len(atoms)), atoms
            start += len(atoms)

    def blocks(self, indices: Array) -> Iterator[Array]:
        size = math.prod(self.code_shape)
        block = max(1, _BLOCK_ENTRIES // max(size, math.prod(self.signal_shape)))
        for start in range(0, len(indices), block):
            chosen = indices[start : start + block]
            units = np.zeros((len(chosen), size), dtype=self.dtype)
            units[np.arange(len(chosen)), chosen] = 1
            yield self.synthesize(units.reshape(len(chosen), *self.code_shape))
