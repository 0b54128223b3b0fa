"""The largest entries of every stripe, compiled by numba on first use and cached.

A stripe slides along the last axis, over marks by rank: one byte for each entry inside, and counts
of 64 bytes each. The rank of the S-th best moves over the marks as entries come and go, as in
Huang's running median (1979). So an entry costs one step for each row of stripes that it is in,
whatever S is.
"""

import numpy as np

from dcsc._arrays import Array
from dcsc._numerics.compiling import inner, loop

__all__ = ["stripe_top"]

_BLOCK = 6


@loop
def stripe_top(
    order: Array,
    shape: tuple[int, int, int],
    sparsity: int,
    first_member: Array,
    members: Array,
    begin: Array,
    end: Array,
) -> Array:  # pragma: no cover  # compiled
    """Return flat indices of what is among the S largest of every stripe that holds it.

    Parameters
    ----------
    order : array of int, shape (non-zeros,)
        Flat indices of the non-zeros, from the largest to the smallest.
    shape : tuple of int
        Filters, rows and columns of the code.
    first_member, members : arrays of int
        The stripes along the rows: number v holds ``members[first_member[v]:first_member[v + 1]]``.
    begin, end : arrays of int
        The stripes along the columns: ``[begin, end)``, modulo the columns; both only rise.
    """
    n, rows, columns = shape
    positions, ranks = rows * columns, len(order)
    # The ranks at each position, from the best on.
    most = min(n, sparsity)
    best = np.empty((positions, most), np.int32)
    count = np.zeros(positions, np.int32)
    for rank in range(ranks):
        position = order[rank] % positions
        if count[position] < most:  # no other can be among the S best of its stripes
            best[position, count[position]] = rank
            count[position] += 1
    marks = np.zeros(ranks + (1 << _BLOCK), np.uint8)
    blocks = np.zeros((ranks >> _BLOCK) + 2, np.int32)
    last = np.empty(len(begin), np.int64)
    inside = np.empty(columns, np.int64)
    used = count.copy()
    if len(members) > rows and (end[0] - begin[0]) * most > sparsity:
        # What is not among the S best of its own row of a stripe need not be looked at again.
        for row in range(rows):
            alone = np.array([row])
            _slide(best, used, columns, alone, begin, end, sparsity, ranks, marks, blocks, last)
            inside[:] = -1
            for w in range(len(begin)):
                for c in range(begin[w], end[w]):
                    inside[c % columns] = max(inside[c % columns], last[w])
            for c in range(columns):
                position = row * columns + c
                while (
                    inside[c] >= 0
                    and used[position] > 0
                    and best[position, used[position] - 1] > inside[c]
                ):
                    used[position] -= 1
    # An entry may have the rank of the S-th best of every stripe that holds it: the least of them.
    allowed = np.full((rows, columns), ranks, np.int64)
    for v in range(len(first_member) - 1):
        held = members[first_member[v] : first_member[v + 1]]
        _slide(best, used, columns, held, begin, end, sparsity, ranks, marks, blocks, last)
        inside[:] = ranks
        for w in range(len(begin)):
            for c in range(begin[w], end[w]):
                inside[c % columns] = min(inside[c % columns], last[w])
        for row in held:
            for c in range(columns):
                allowed[row, c] = min(allowed[row, c], inside[c])
    flat = allowed.reshape(-1)
    kept, total = np.empty(ranks, np.int64), 0
    for rank in range(ranks):
        if rank <= flat[order[rank] % positions]:
            kept[total] = order[rank]
            total += 1
    return kept[:total]


@inner
def _slide(
    best: Array,
    count: Array,
    columns: int,
    rows: Array,
    begin: Array,
    end: Array,
    sparsity: int,
    ranks: int,
    marks: Array,
    blocks: Array,
    last: Array,
) -> None:  # pragma: no cover  # compiled
    """Write the rank of the S-th best of each stripe to ``last``, ``ranks`` where there are fewer.

    Of the ``total`` ranks inside, ``below`` are less than ``at``. Marks and blocks are left zero.
    """
    at, below, total = 0, 0, 0
    low, high = begin[0], begin[0]
    for w in range(len(begin) + 1):
        # What lies before the stripe leaves.
        to = begin[w] if w < len(begin) else high  # in the end, everything leaves
        while low < min(to, high):
            for row in rows:
                position = row * columns + low % columns
                for k in range(count[position]):
                    rank = best[position, k]
                    marks[rank] = 0
                    blocks[rank >> _BLOCK] -= 1
                    total -= 1
                    below -= rank < at
            low += 1
        if w == len(begin):
            break
        # What the stripe reaches anew enters.
        low = max(low, to)
        high = max(high, low)
        while high < end[w]:
            for row in rows:
                position = row * columns + high % columns
                for k in range(count[position]):
                    rank = best[position, k]
                    marks[rank] = 1
                    blocks[rank >> _BLOCK] += 1
                    total += 1
                    below += rank < at
            high += 1
        if total < sparsity:
            last[w] = ranks
            continue
        # Go up to where S ranks are less than ``at``, in blocks where that is not too far, ...
        while below < sparsity:
            block = at >> _BLOCK
            if at == block << _BLOCK and below + blocks[block] < sparsity:
                below += blocks[block]
                at += 1 << _BLOCK
            else:
                below += marks[at]
                at += 1
        # ... and down to just above the S-th.
        while below > sparsity or marks[at - 1] == 0:
            block = (at >> _BLOCK) - 1
            if at == (block + 1) << _BLOCK and below - blocks[block] >= sparsity:
                below -= blocks[block]
                at -= 1 << _BLOCK
            else:
                at -= 1
                below -= marks[at]
        last[w] = at - 1
