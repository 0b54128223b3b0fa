"""Sums of signs against thresholds: tables of all sign patterns, and sums draw by draw.

Outcomes are 0 for a draw that recovers, 1 for one that fails, 2 for one that rounding decides;
those of several comparisons are joined by bitwise or. The arrays of comparisons are those of
`dcsc.experiments.simulation.comparisons.Comparisons`.
"""

import numpy as np

from dcsc._arrays import Array
from dcsc._numerics.compiling import inner, loop

__all__ = ["add_up", "count", "join", "look_up", "tabulate"]

_WORD = 64
_LOOK_BACK = 16


@loop
def tabulate(
    start: Array,
    sign: Array,
    weight: Array,
    factor: Array,
    offset: Array,
    threshold: Array,
    active: Array,
    doubt: Array,
) -> tuple[Array, Array, Array]:  # pragma: no cover  # compiled
    """Return the outcome of every sign pattern, for each run of comparisons with the same signs.

    Returns the first comparison of each run, where its table begins, and all tables. Bit b of a
    pattern is set where sign number b is −1.
    """
    # Runs: neighbouring comparisons of the same signs share a table, of 2^m patterns.
    tests = len(factor)
    run, begin = np.empty(tests, np.int64), np.zeros(tests + 1, np.int64)
    runs = 0
    for t in range(tests):
        m = start[t + 1] - start[t]
        same = runs > 0 and start[t] - start[t - 1] == m
        for e in range(m if same else 0):
            same = same and sign[start[t] + e] == sign[start[t - 1] + e]
        if not same:
            run[runs] = t
            runs += 1
            begin[runs] = begin[runs - 1] + (1 << m)
    out = np.zeros(begin[runs], np.uint8)
    sums = np.empty(np.max(begin[1:] - begin[:-1]) if tests else 0)
    for r in range(runs):
        last = run[r + 1] if r + 1 < runs else tests
        for t in range(run[r], last):
            # All signs +1: the sum of the weights. Sign number ``mine`` is the atom's own.
            total, mine = offset[t], -1
            for e in range(start[t], start[t + 1]):
                total += weight[e]
                if sign[e] == factor[t]:
                    mine = e - start[t]
            # Each sign doubles the patterns: where it is −1, its weight goes off twice.
            sums[0] = total
            for e in range(start[t + 1] - start[t]):
                step = 2 * weight[start[t] + e]
                for p in range(1 << e):
                    sums[p + (1 << e)] = sums[p] - step
            # z = ε_k h or |h|, against the threshold.
            for p in range(begin[r + 1] - begin[r]):
                size = abs(sums[p])
                if factor[t] >= 0:
                    size = -sums[p] if p >> mine & 1 else sums[p]
                margin = size - threshold[t]
                if abs(margin) <= doubt[t]:
                    out[begin[r] + p] |= 2
                elif (margin > 0) != active[t]:
                    out[begin[r] + p] |= 1
    return run[:runs], begin[: runs + 1], out


@loop
def join(
    start: Array, sign: Array, run: Array, begin: Array, small: Array, bits: int
) -> tuple[Array, Array, Array, Array]:  # pragma: no cover  # compiled
    """Join the tables of runs into tables of up to ``bits`` signs, as far as they share signs.

    Returns where the signs of each joint table begin, its signs, where it begins itself, and all
    tables. Runs that no pattern fails or puts in doubt are left out.
    """
    # 1. Each run goes to the joint table, of the last few, that has room and grows least.
    runs = len(run)
    home = np.full(runs, -1, np.int64)
    places = np.empty((runs, bits), np.int64)
    used = np.zeros(runs, np.int64)
    joint = 0
    for r in range(runs):
        if not np.any(small[begin[r] : begin[r + 1]]):
            continue
        first, last = start[run[r]], start[run[r] + 1]
        best, least = -1, bits + 1
        for c in range(max(0, joint - _LOOK_BACK), joint):
            growth = last - first
            for e in range(first, last):
                for b in range(used[c]):
                    growth -= places[c, b] == sign[e]
            if used[c] + growth <= bits and growth < least:
                best, least = c, growth
        if best < 0:
            best = joint
            joint += 1
        # Its signs take the next places in that table.
        home[r] = best
        for e in range(first, last):
            known = False
            for b in range(used[best]):
                known = known or places[best, b] == sign[e]
            if not known:
                places[best, used[best]] = sign[e]
                used[best] += 1
    # 2. Where each joint table and its signs begin.
    table = np.zeros(joint + 1, np.int64)
    head = np.zeros(joint + 1, np.int64)
    for c in range(joint):
        table[c + 1] = table[c] + (1 << used[c])
        head[c + 1] = head[c] + used[c]
    which = np.empty(head[joint], np.int64)
    for c in range(joint):
        which[head[c] : head[c + 1]] = places[c, : used[c]]
    # 3. A pattern of a joint table fails where its part that a run sees fails, for any of its runs.
    out = np.zeros(table[joint], np.uint8)
    part = np.empty(1 << bits, np.int64)
    for r in range(runs):
        if home[r] < 0:
            continue
        c, first, last = home[r], start[run[r]], start[run[r] + 1]
        # ``part[p]`` is where the run's own table has joint pattern p: sign by sign, each doubles.
        part[0] = begin[r]
        for b in range(used[c]):
            step = 0
            for e in range(first, last):
                if sign[e] == places[c, b]:
                    step = 1 << (e - first)
            for p in range(1 << b):
                part[p + (1 << b)] = part[p] + step
        for p in range(1 << used[c]):
            out[table[c] + p] |= small[part[p]]
    return head, which, table, out


@loop
def look_up(
    packed: Array, head: Array, which: Array, table: Array, entries: Array, out: Array
) -> None:  # pragma: no cover  # compiled
    """Join to the outcomes of draws what the tables say of their signs ``(atoms, words)``."""
    bits = np.empty((packed.shape[0], _WORD), np.uint16)
    pattern = np.empty(_WORD, np.uint16)
    for word in range(packed.shape[1]):
        for u in range(packed.shape[0]):
            pack = packed[u, word]
            for d in range(_WORD):
                bits[u, d] = pack >> np.uint64(d) & np.uint64(1)
        result = out[word * _WORD : (word + 1) * _WORD]
        # Collect the pattern of each table's signs in all 64 draws, and look it up.
        for c in range(len(table) - 1):
            pattern[:] = 0
            for b in range(head[c + 1] - head[c]):
                line = bits[which[head[c] + b]]
                for d in range(_WORD):
                    pattern[d] |= line[d] << np.uint16(b)
            outcomes = entries[table[c] : table[c + 1]]
            for d in range(_WORD):
                result[d] |= outcomes[pattern[d]]


@inner
def _signs(packed: Array, word: int, signs: Array) -> None:  # pragma: no cover  # compiled
    """Write the signs of one word of draws, (atoms, 64)."""
    for u in range(packed.shape[0]):
        pack = packed[u, word]
        for d in range(_WORD):
            signs[u, d] = 1.0 - 2.0 * (pack >> np.uint64(d) & np.uint64(1))


@inner
def _sizes(
    t: int,
    signs: Array,
    start: Array,
    sign: Array,
    weight: Array,
    factor: Array,
    offset: Array,
    z: Array,
) -> None:  # pragma: no cover  # compiled
    """Write what comparison t compares with its threshold, in 64 draws."""
    z[:] = offset[t]
    for e in range(start[t], start[t + 1]):
        line, w = signs[sign[e]], weight[e]
        for d in range(_WORD):
            z[d] += w * line[d]
    if factor[t] >= 0:
        z *= signs[factor[t]]
    else:
        z[:] = np.abs(z)


@loop
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
) -> None:  # pragma: no cover  # compiled
    """Join to the outcomes of draws what the sums of their signs ``(atoms, words)`` say.

    ``offset`` is (comparisons, 1), or (comparisons, 64) for one word.
    """
    signs = np.empty((packed.shape[0], _WORD))
    z = np.empty(_WORD)
    for word in range(packed.shape[1]):
        _signs(packed, word, signs)
        result = out[word * _WORD : (word + 1) * _WORD]
        for t in range(len(factor)):
            _sizes(t, signs, start, sign, weight, factor, offset, z)
            for d in range(_WORD):
                margin = z[d] - threshold[t]
                wrong = (margin > 0) != active[t]
                unsure = abs(margin) <= doubt[t]
                result[d] |= np.uint8(2) if unsure else np.uint8(wrong)


@loop
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
) -> None:  # pragma: no cover  # compiled
    """Add up, for every draw, how many comparisons fail: ``wrong`` is (2, draws).

    Row 0 counts those of active atoms, row 1 the others; ``unsure`` marks draws in which rounding
    decides. The other arguments are those of `add_up`.
    """
    signs = np.empty((packed.shape[0], _WORD))
    z = np.empty(_WORD)
    for word in range(packed.shape[1]):
        _signs(packed, word, signs)
        first = word * _WORD
        for t in range(len(factor)):
            _sizes(t, signs, start, sign, weight, factor, offset, z)
            kind = 0 if active[t] else 1
            for d in range(_WORD):
                margin = z[d] - threshold[t]
                wrong[kind, first + d] += (margin > 0) != active[t]
                unsure[first + d] |= abs(margin) <= doubt[t]
