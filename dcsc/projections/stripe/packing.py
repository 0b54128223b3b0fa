"""The decisions in projecting a code: small packings that do not depend on each other.

Entries that compete with no other are kept at once. The others fall into clusters that share no
full window, and in each the entries that the same windows hold form a group, of which only the
largest can be kept.
"""

from functools import reduce
from itertools import pairwise
from typing import Any

import attrs
import numpy as np
import scipy.sparse

from dcsc._arrays import Array
from dcsc.dictionaries import WindowAxis, Windows

__all__ = ["Packing", "clusters", "components", "incidence"]


@attrs.frozen(eq=False)
class Packing:
    """Keep entries of the largest energy, at most ``limit`` of those that a window holds.

    Parameters
    ----------
    groups : tuple of arrays of int
        Flat indices of the entries that the same windows hold, by falling size.
    windows : tuple of arrays of int
        For each group the numbers of its windows, rising, from 0 without a gap over all groups.
    limit : int
    """

    groups: tuple[Array, ...]
    windows: tuple[Array, ...]
    limit: int

    @property
    def n_windows(self) -> int:
        """Number of windows."""
        return 1 + max(int(held[-1]) for held in self.windows)

    @property
    def entries(self) -> Array:
        """Flat indices of all entries, group by group."""
        return np.concatenate(self.groups)

    @property
    def group_of(self) -> Array:
        """The group of each of ``entries``."""
        return np.repeat(np.arange(len(self.groups)), [len(group) for group in self.groups])

    def matrix(self) -> scipy.sparse.csc_array:
        """Return the windows that hold each of ``entries``, shape (windows, entries)."""
        held = [self.windows[group] for group in self.group_of]
        ends = np.cumsum([0] + [len(windows) for windows in held])
        ones = np.ones(ends[-1])
        shape = (self.n_windows, len(held))
        return scipy.sparse.csc_array((ones, np.concatenate(held), ends), shape=shape)

    def spans(self) -> list[tuple[int, int]] | None:
        """Return first and last window of each group, the windows laid out on a line.

        Each group must then hold a run of them. The orders tried are the given one and, for
        windows around a circle, the one that begins where no group goes on. None if neither fits.
        """
        count = self.n_windows
        crossed = np.zeros(count, dtype=bool)
        for held in self.windows:
            if len(held) < count:
                crossed[held[1:][np.diff(held) == 1]] = True
                crossed[0] |= held[0] == 0 and held[-1] == count - 1
        for cut in (0, int(np.argmin(crossed))):
            ends = []
            for held in self.windows:
                moved = (held - cut) % count
                first, last = int(moved.min()), int(moved.max())
                if last - first + 1 != len(held):
                    break
                ends.append((first, last))
            else:
                return ends
        return None


def incidence(windows: Windows) -> scipy.sparse.csr_array:
    """Return the positions that each window holds, shape (windows, positions)."""

    def along(axis: WindowAxis) -> scipy.sparse.csr_array:
        held = [axis.holding(entry) for entry in range(axis.entries)]
        ends = np.cumsum([0] + [len(numbers) for numbers in held])
        ones = np.ones(ends[-1], dtype=np.int64)
        shape = (axis.windows, axis.entries)
        return scipy.sparse.csc_array((ones, np.concatenate(held), ends), shape=shape).tocsr()

    one = scipy.sparse.csr_array(np.ones((1, 1), dtype=np.int64))
    axes = (along(axis) for axis in windows.axes)
    return reduce(lambda a, b: scipy.sparse.kron(a, b, format="csr"), axes, one)


def clusters(sizes: Array, held: scipy.sparse.csr_array, limit: int) -> tuple[Array, list[Packing]]:
    """Return the entries that are kept in any case, and the packings of those in question.

    Parameters
    ----------
    sizes : array of shape (entries,)
        ``|z|``, in C order; the last axes are the positions.
    held : sparse array of shape (windows, positions)
    limit : int
        S. Zeros never enter, a window with at most S non-zeros limits nothing, and of entries that
        the same windows hold at most the S largest are kept, ties in C order.
    """
    ranked = np.argsort(-sizes, kind="stable")[: np.count_nonzero(sizes)]
    position = ranked % held.shape[1]
    counts = np.bincount(position, minlength=held.shape[1])
    somewhere = np.bincount(held.indices, minlength=held.shape[1]) > 0
    counts = np.where(somewhere, np.minimum(counts, limit), counts)
    # Positions that the same windows hold are filled together, so a window can still turn out to
    # limit nothing; that costs time, not exactness.
    full = _distinct(held[np.flatnonzero(held @ counts > limit)])
    signatures = [
        full.indices[start:stop] if count else full.indices[:0]
        for (start, stop), count in zip(pairwise(full.indptr), counts, strict=True)
    ]
    numbers: dict[bytes, int] = {}
    label = np.array([numbers.setdefault(s.tobytes(), len(numbers)) for s in signatures])
    windows = {numbers[s.tobytes()]: s for s in signatures}
    free, groups = [], {}
    for number, members in _parts(label[position], ranked):
        if len(windows[number]):
            groups[number] = members[:limit]
        else:
            parts = _parts(members % held.shape[1], members)
            free += [entries[: counts[place]] for place, entries in parts]
    kept = np.concatenate(free) if free else ranked[:0]
    return kept, _linked(groups, windows, full.shape[0], limit)


def _distinct(held: scipy.sparse.csr_array) -> scipy.sparse.csc_array:
    """Return the rows without repetitions, as columns of sorted window numbers."""
    held.sort_indices()
    ends = enumerate(pairwise(held.indptr))
    first = {held.indices[start:stop].tobytes(): row for row, (start, stop) in ends}
    columns = held[np.array(sorted(first.values()), dtype=np.int64)].tocsc()
    columns.sort_indices()
    return columns


def _parts(labels: Array, values: Array) -> list[tuple[int, Array]]:
    """Split values by their label, in their order."""
    order = np.argsort(labels, kind="stable")
    keys, starts = np.unique(labels[order], return_index=True)
    ends = pairwise([*starts, len(values)])
    return [
        (int(label), values[order[start:stop]])
        for label, (start, stop) in zip(keys, ends, strict=True)
    ]


def components(links: scipy.sparse.coo_array, *, strong: bool) -> Array:
    """Return the number of the component that each node of a directed graph is in."""
    from scipy.sparse import csgraph  # noqa: PLC0415  # slow to import, and few need it

    kind = "strong" if strong else "weak"
    return np.asarray(csgraph.connected_components(links, connection=kind)[1])


def _linked(
    groups: dict[int, Array], windows: dict[int, Array], count: int, limit: int
) -> list[Packing]:
    """Split groups into those that are linked by common windows."""
    if not groups:
        return []
    names = list(groups)
    held = [windows[name] for name in names]
    columns = np.concatenate(held)
    rows = np.repeat(np.arange(len(names)), [len(indices) for indices in held])
    size = len(names) + count
    links = scipy.sparse.coo_array(
        (np.ones(len(rows)), (rows, len(names) + columns)), shape=(size, size)
    )
    label = components(links, strong=False)[: len(names)]
    packings = []
    for _, members in _parts(label, np.arange(len(names))):
        used: Any = np.unique(np.concatenate([held[member] for member in members]))
        packings.append(
            Packing(
                tuple(groups[names[member]] for member in members),
                tuple(np.searchsorted(used, held[member]) for member in members),
                limit,
            )
        )
    return packings
