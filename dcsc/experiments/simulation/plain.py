"""What the compiled loops beside this module compute, in numpy; arrays and outcomes are theirs.

They take all sign patterns of a table, or all draws, at once and not one by one.
"""

import itertools

import numpy as np
import scipy.sparse

from dcsc._arrays import Array
from dcsc._numerics.packed import WORD, unpack

__all__ = ["add_up", "count", "join", "look_up", "tabulate"]

_LOOK_BACK = 16


def tabulate(
    start: Array,
    sign: Array,
    weight: Array,
    factor: Array,
    offset: Array,
    threshold: Array,
    active: Array,
    doubt: Array,
) -> tuple[Array, Array, Array]:
    """Return the outcome of every sign pattern, for each run of comparisons with the same signs.

    Returns the first comparison of each run, where its table begins, and all tables. Bit b of a
    pattern is set where sign number b is −1.
    """
    run: list[int] = []
    tables: list[Array] = []
    for t, (first, last) in enumerate(itertools.pairwise(start.tolist())):
        signs, weights = sign[first:last], weight[first:last]
        if not run or not np.array_equal(signs, sign[start[t - 1] : first]):
            run.append(t)
            tables.append(np.zeros(1 << len(signs), np.uint8))
        # The sum of every pattern: each sign doubles the patterns, and takes its weight off twice.
        sums = np.cumsum([offset[t], *weights])[-1:]
        for w in weights:
            sums = np.concatenate([sums, sums - 2 * w])
        if factor[t] >= 0:
            mine = int(np.flatnonzero(signs == factor[t])[0])
            size = np.where(np.arange(len(sums)) >> mine & 1, -sums, sums)
        else:
            size = np.abs(sums)
        tables[-1] |= _outcome(size - threshold[t], active[t], doubt[t])
    begin = np.cumsum([0, *map(len, tables)])
    return np.array(run, np.int64), begin, np.concatenate([np.zeros(0, np.uint8), *tables])


def join(
    start: Array, sign: Array, run: Array, begin: Array, small: Array, bits: int
) -> tuple[Array, Array, Array, Array]:
    """Join the tables of runs into tables of up to ``bits`` signs, as far as they share signs.

    Returns where the signs of each joint table begin, its signs, where it begins itself, and all
    tables. Runs that no pattern fails or puts in doubt are left out.
    """
    places: list[list[int]] = []
    homes: list[list[int]] = []
    for r, t in enumerate(run.tolist()):
        if not small[begin[r] : begin[r + 1]].any():
            continue
        signs = sign[start[t] : start[t + 1]].tolist()
        # The joint table, of the last few, that has room and grows least.
        best, least = len(places), bits + 1
        for c in range(max(0, len(places) - _LOOK_BACK), len(places)):
            growth = len(set(signs) - set(places[c]))
            if len(places[c]) + growth <= bits and growth < least:
                best, least = c, growth
        if best == len(places):
            places.append([])
            homes.append([])
        homes[best].append(r)
        places[best] += [s for s in signs if s not in places[best]]
    tables = []
    for held, home in zip(places, homes, strict=True):
        tables.append(np.zeros(1 << len(held), np.uint8))
        for r in home:
            # Which pattern of the run each joint pattern is: sign by sign of the joint table.
            signs = sign[start[run[r]] : start[run[r] + 1]].tolist()
            part = np.zeros(1, np.int64)
            for s in held:
                part = np.concatenate([part, part + (1 << signs.index(s) if s in signs else 0)])
            tables[-1] |= small[begin[r] + part]
    return (
        np.cumsum([0, *map(len, places)]),
        np.array([*itertools.chain(*places)], np.int64),
        np.cumsum([0, *map(len, tables)]),
        np.concatenate([np.zeros(0, np.uint8), *tables]),
    )


def look_up(
    packed: Array, head: Array, which: Array, table: Array, entries: Array, out: Array
) -> None:
    """Join to the outcomes of draws what the tables say of their signs ``(atoms, words)``."""
    negative = unpack(packed, packed.shape[1] * WORD).T < 0
    for c, (first, last) in enumerate(itertools.pairwise(head)):
        pattern = np.zeros(negative.shape[1], np.int64)
        for b, atom in enumerate(which[first:last]):
            pattern |= negative[atom].astype(np.int64) << b
        out |= entries[table[c] + pattern]


def add_up(
    packed: Array,
    start: Array,
    sign: Array,
    weight: Array,
    factor: Array,
    offset: Array,
    threshold: Array,
    active: Array,
    doubt: Array,
    out: Array,
) -> None:
    """Join to the outcomes of draws what the sums of their signs ``(atoms, words)`` say.

    ``offset`` is (comparisons, 1), or (comparisons, 64) for one word.
    """
    columns = threshold[:, None], active[:, None], doubt[:, None]
    for word in range(packed.shape[1]):
        size = _sizes(packed[:, word : word + 1], start, sign, weight, factor, offset)
        outcome = _outcome(size - columns[0], *columns[1:])
        out[word * WORD : (word + 1) * WORD] |= np.bitwise_or.reduce(outcome, axis=0)


def count(
    packed: Array,
    start: Array,
    sign: Array,
    weight: Array,
    factor: Array,
    offset: Array,
    threshold: Array,
    active: Array,
    doubt: Array,
    wrong: Array,
    unsure: Array,
) -> None:
    """Add up, for every draw, how many comparisons fail: ``wrong`` is (2, draws).

    Row 0 counts those of active atoms, row 1 the others; ``unsure`` marks draws in which rounding
    decides. The other arguments are those of `add_up`.
    """
    for word in range(packed.shape[1]):
        draws = slice(word * WORD, (word + 1) * WORD)
        size = _sizes(packed[:, word : word + 1], start, sign, weight, factor, offset)
        margin = size - threshold[:, None]
        fails = (margin > 0) != active[:, None]
        wrong[0, draws] += fails[active].sum(axis=0)
        wrong[1, draws] += fails[~active].sum(axis=0)
        unsure[draws] |= (np.abs(margin) <= doubt[:, None]).any(axis=0)


def _outcome(margin: Array, active: Array, doubt: Array) -> Array:
    """Return 2 where rounding decides, else 1 where a comparison fails, else 0."""
    fails = (margin > 0) != active
    return np.where(np.abs(margin) <= doubt, 2, fails).astype(np.uint8)


def _sizes(
    packed: Array, start: Array, sign: Array, weight: Array, factor: Array, offset: Array
) -> Array:
    """Return what all comparisons compare with their thresholds, in one word of draws."""
    signs = unpack(packed, WORD).T
    sums = scipy.sparse.csr_array((weight, sign, start), shape=(len(factor), len(signs)))
    h = offset + sums @ signs
    sizes = np.abs(h)
    known = factor >= 0
    sizes[known] = h[known] * signs[factor[known]]
    return sizes
