"""The plain way through sums of signs: rows of a Gram matrix, moments, and units under signs.

The rest of it is `plain`.
"""

import itertools
import math

import numpy as np

from dcsc._arrays import Array

__all__ = [
    "TOGETHER",
    "best_moments",
    "best_moments_of_terms",
    "lay_rows",
    "lay_terms",
    "selberg_sums",
    "sum_terms",
]

TOGETHER = 512
"""So many numbers from 1/2 to 1 have a product, and are added up in any order."""
_STEPS = 60
_EPS = float(np.finfo(np.float64).eps)


# ---- rows ----------------------------------------------------------------------------------------


def lay_rows(
    tables: Array,
    table_of: Array,
    rows: Array,
    ways: Array,
    positions: Array,
    ends: Array,
    first: Array,
    places: int,
    data: Array,
    columns: Array,
) -> None:
    """Write entries and their columns from ``ends[row]`` to ``ends[row + 1]``, for these rows.

    The arguments are those of `rows.lay_rows`.
    """
    n = tables.shape[2]
    firsts = np.arange(n)[:, None] * places
    for row, number in zip(rows, table_of, strict=True):
        part = slice(ends[row], ends[row + 1])
        count = (ends[row + 1] - ends[row]) // n
        data[part] = tables[number][ways[row, :count]].T.ravel()
        columns[part] = (first[row] + firsts + positions[row, :count]).ravel()


def sum_terms(
    across: Array,
    ways: Array,
    positions: Array,
    starts: Array,
    numbers: Array,
    sizes: Array,
    places: Array,
    unit: float,
    out: Array,
    first: int,
    last: int,
) -> None:
    """Add up the sizes of G_kj x_j for atoms k and j ≠ k, and their squares, and count them.

    The arguments are those of `rows.sum_terms`.
    """
    kinds, filters, n = across.shape
    groups = across.reshape(kinds, filters // n, n, n)
    tables = groups.transpose(1, 3, 0, 2).reshape(filters, kinds, n)
    code = starts, numbers, sizes
    for f, at in itertools.product(range(filters), range(first, last)):
        atom = f * len(ways) + int(places[at])
        terms = _terms_of(tables, ways, positions, *code, atom)
        out[:, f, at] = terms.sum(), np.square(terms / unit).sum(), len(terms)


def lay_terms(
    tables: Array,
    ways: Array,
    positions: Array,
    starts: Array,
    numbers: Array,
    sizes: Array,
    atoms: Array,
    out: Array,
) -> None:
    """Write the sizes of G_kj x_j for atoms k and j ≠ k that are not 0, a row each, from the left.

    The arguments are those of `rows.lay_terms`.
    """
    code = starts, numbers, sizes
    for row, atom in zip(out, atoms.tolist(), strict=True):
        terms = _terms_of(tables, ways, positions, *code, atom)
        row[: len(terms)] = terms


def _terms_of(
    tables: Array,
    ways: Array,
    positions: Array,
    starts: Array,
    numbers: Array,
    sizes: Array,
    atom: int,
) -> Array:
    (f, p), (filters, _, n) = divmod(atom, len(ways)), tables.shape
    met = ways[p] >= 0
    active = positions[p, met].astype(np.intp) * (filters // n) + f // n
    # The entries of these positions, one after the other, and the way of each.
    count = starts[active + 1] - starts[active]
    entries = np.arange(count.sum()) + np.repeat(starts[active + 1] - np.cumsum(count), count)
    met_in, others = np.repeat(ways[p, met], count), numbers[entries]
    terms = np.abs(tables[f, met_in, others - f // n * n] * sizes[entries])
    terms[(np.repeat(positions[p, met], count) == p) & (others == f)] = 0
    return np.asarray(terms[terms > 0])


# ---- selberg -------------------------------------------------------------------------------------


def selberg_sums(
    weights: Array,
    turns: Array,
    counts: Array,
    levels: Array,
    damping: Array,
    least: Array,
    coefficients: Array,
    spans: Array,
) -> Array:
    """Return Σ a_k φ_k sin(k t), Σ b_k φ_k cos(k t) and Σ b_k (−1)^k φ_k, (3, rows, levels).

    The arguments are those of `selberg.selberg_sums`.
    """
    out = np.empty((3, *levels.shape))
    for row, (count, (begin, end)) in enumerate(zip(counts, spans.tolist(), strict=True)):
        order = np.arange(end - begin, dtype=np.uint64)
        straight, waving = coefficients[:, begin:end]
        moments = np.exp(-damping[row] * order.astype(float) ** 2)
        angles = (weights[row, :count] * turns[row]).astype(np.int64).view(np.uint64)
        for angle in angles:
            alive = np.flatnonzero(np.abs(moments) > least[row])
            moments[alive] *= np.cos(_radians(angle * order[alive]))
        waves = _radians(levels[row, :, None] * order)
        out[0, row] = np.sin(waves) @ (straight * moments)
        out[1, row] = np.cos(waves) @ (waving * moments)
        out[2, row] = (waving * moments) @ np.where(order % 2 == 0, 1.0, -1.0)
    return out


def _radians(turns: Array) -> Array:
    return turns.view(np.int64) * (2 * np.pi / 2.0**64)


# ---- moments -------------------------------------------------------------------------------------


def best_moments(weights: Array, levels: Array, spreads: Array) -> Array:
    """Return λ close to that of the least exponential moment, and log E exp(λ Σ), (2, rows).

    The arguments are those of `moments.best_moments`.
    """
    variance = np.einsum("ij,ij->i", weights, weights) + spreads**2
    multiplier = levels / variance
    left = np.arange(len(levels))
    for _ in range(_STEPS):
        rest, noise, current = weights[left], spreads[left] ** 2, multiplier[left]
        slope = np.tanh(current[:, None] * rest)
        missing = levels[left] - np.einsum("ij,ij->i", rest, slope) - current * noise
        bend = np.einsum("ij,ij->i", rest**2, 1 - slope**2) + noise
        step = np.divide(missing, bend, out=np.zeros_like(missing), where=bend > 0)
        # Towards t = Σ w the best λ is infinite, and the steps only ever grow by a summand.
        step = np.clip(step, 0.0, 4 * current)
        multiplier[left] = current + step
        left = left[(step > 1e-9 * current) & (bend > _EPS**2 * variance[left])]
        if not left.size:
            break
    # log cosh y = y + log1p(exp(-2y)) - log 2, and y²/2 is an upper bound that is exact near 0
    y = multiplier[:, None] * weights
    grown = np.minimum(y + np.log1p(np.exp(-2 * y)) - math.log(2), y**2 / 2).sum(axis=1)
    return np.stack([multiplier, grown + (multiplier * spreads) ** 2 / 2])


def best_moments_of_terms(
    tables: Array,
    ways: Array,
    positions: Array,
    starts: Array,
    numbers: Array,
    sizes: Array,
    atoms: Array,
    width: int,
    levels: Array,
    unit: float,
) -> Array:
    """Return the same of the sums of `lay_terms`.

    The arguments are those of `moments.best_moments_of_terms`.
    """
    weights = np.zeros((len(atoms), width))
    lay_terms(tables, ways, positions, starts, numbers, sizes, atoms, weights)
    return best_moments(weights / unit, levels, np.zeros(len(atoms)))
