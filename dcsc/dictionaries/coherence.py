"""The most coherent and the most correlated atoms of dictionaries of shifted filters.

Of large filters they are sought in single precision, and tables that may hold them, few as a rule,
are computed again in double.
"""

from collections.abc import Callable, Iterator
from functools import cache

import attrs
import numpy as np

from dcsc._arrays import Array, Shape
from dcsc.dictionaries.alike import most_alike, slack
from dcsc.dictionaries.axes import AtomAxis, ShiftedFilters
from dcsc.dictionaries.correlations import Piece, Table, all_tables, row_ranges, visit_tables
from dcsc.dictionaries.gram import NEGLIGIBLE, Entry

__all__ = ["columns", "most_coherent", "most_correlated", "narrowed", "of_parts", "screened"]

# Where a table takes more multiplications, single precision comes first.
_SCREENED = 2**24

# Per axis, the taps [first, last) of an atom that lie inside the extent.
Cut = tuple[tuple[int, int], ...]
# What inner products are multiplied by, for all filters cut in one way: ``(groups, n)``.
Weights = Callable[[Cut], Array]


def most_coherent(shifted: ShiftedFilters) -> Entry:
    """Return two distinct atoms, not negligible, and the absolute cosine, which is the largest."""
    entry, _ = _largest(shifted, *_unit(shifted))
    return attrs.evolve(entry, value=min(entry.value, 1.0))


def of_parts(shifted: ShiftedFilters, parts: int) -> Array:
    """Return the coherence of each part of the groups, so many of the same size."""
    return _largest(shifted, *_unit(shifted), parts)[1]


def _unit(shifted: ShiftedFilters) -> tuple[Array, Callable[[Shape], Cut], Weights]:
    """Return the turned taps, how atoms are cut, and the weights that make atoms unit."""
    turned = shifted.turned.shifted
    taps, positions, cuts = turned.scaled(), turned.representatives(), _cuts(turned.axes)
    with np.errstate(over="ignore"):
        energies = np.einsum("...c,...c->...", taps, taps)

    # |a_k| of all filters at once, for each way in which the border cuts atoms.
    @cache
    def lengths(cut: Cut) -> Array:
        inside = energies[:, :, *(slice(*bounds) for bounds in cut)]
        return np.asarray(np.sqrt(inside.reshape(*taps.shape[:2], -1).sum(axis=2)))

    least = NEGLIGIBLE * max(float(lengths(cuts(p)).max()) for p in positions)

    @cache
    def inverse(cut: Cut) -> Array:
        norm = lengths(cut)
        return np.divide(1.0, norm, out=np.zeros_like(norm), where=norm > least)

    return taps, cuts, inverse


def most_correlated(shifted: ShiftedFilters) -> Entry:
    """Return two distinct atoms with the largest ``|G_kj|·2^(−2·scale)``, and it."""
    turned = shifted.turned.shifted
    return _largest(shifted, turned.scaled(), _cuts(turned.axes), None)[0]


def _largest(
    shifted: ShiftedFilters,
    taps: Array,
    cuts: Callable[[Shape], Cut],
    weights: Weights | None,
    parts: int = 1,
) -> tuple[Entry, Array]:
    """Return two distinct atoms whose weighted inner product is the largest, and its size.

    Beside it the largest of each part of the groups. Taps are those of the turned filters, and so
    are positions that are cut.
    """
    turned = shifted.turned
    positions = turned.shifted.representatives()
    tables = all_tables(turned.shifted.axes, positions, symmetric=True)
    alone = columns(turned.shifted, tables, taps)
    if alone is not None:
        (use,) = tables[0].uses
        if weights is not None:
            alone *= weights(cuts(use.p))[0]
        entry, place = most_alike(alone).entry, turned.position(use.p)
        first, second = (shifted.atom(0, i, place) for i in (entry.row, entry.column))
        return Entry(first, second, entry.value), np.array([entry.value])

    # Inner products come table by table; one serves all pairs of positions that meet alike.
    def search(pieces: list[Piece], taps: Array) -> tuple[Array, Entry]:
        entries = [Entry(0, 0, 0.0)]

        def visit(piece: Piece, values: Array, spare: Array) -> Array:
            largest = np.zeros(parts)
            for (p, first), (q, second) in _ends(piece.table, cuts, weights):
                # |⟨a_k, a_j⟩| / |a_k| |a_j|, and the largest of them.
                if first is None or second is None:
                    sizes = scaled = values
                else:
                    scaled = np.multiply(values, second[:, None].astype(values.dtype), out=spare)
                    sizes = scaled.max(axis=2) * first[:, piece.rows]
                each = np.minimum(sizes.reshape(parts, -1).max(axis=1), 1.0)
                largest, value = np.maximum(largest, each), float(each.max())
                if value >= entries[-1].value:
                    group, row = np.unravel_index(int(sizes.argmax()), sizes.shape)[:2]
                    i, j = piece.rows.start + int(row), int(scaled[group, row].argmax())
                    ends = (i, turned.position(p)), (j, turned.position(q))
                    atoms = [shifted.atom(int(group), *end) for end in ends]
                    entries.append(Entry(min(atoms), max(atoms), value))
            return largest

        # Of equal entries the first: the result must not depend on which thread came first.
        values = np.array(visit_tables(pieces, taps, visit)).reshape(len(pieces), parts)
        return values, min(entries, key=lambda entry: (-entry.value, entry.row, entry.column))

    pieces = [Piece(rows, table) for rows in row_ranges(taps) for table in tables]
    if screened(taps):
        near, _ = search(pieces, narrowed(taps))
        floor = near.max(axis=0, initial=0.0) - 2 * slack(taps[0, 0].size)
        pieces = [piece for piece, some in zip(pieces, near >= floor, strict=True) if some.any()]
    values, entry = search(pieces, taps)
    return entry, values.max(axis=0, initial=0.0)


def _ends(
    table: Table, cuts: Callable[[Shape], Cut], weights: Weights | None
) -> Iterator[tuple[tuple[Shape, Array | None], tuple[Shape, Array | None]]]:
    """Yield the positions that a table is of, with weights; one pair of those that are cut alike.

    Without weights, one pair stands for all.
    """
    seen = set()
    for use in table.uses:
        p, q = (use.q, use.p) if use.swapped else (use.p, use.q)
        if weights is None:
            yield (p, None), (q, None)
            return
        ends = cuts(p), cuts(q)
        if ends not in seen:
            seen.add(ends)
            yield (p, weights(ends[0])), (q, weights(ends[1]))


def columns(shifted: ShiftedFilters, tables: list[Table], taps: Array) -> Array | None:
    """Return the taps of filters whose atoms meet others of their position only, as columns.

    None if atoms of several positions meet, if those of several positions stand for others, or if
    there are several groups.
    """
    if len(tables) != 1 or shifted.groups > 1:
        return None
    (table,) = tables
    if len(table.uses) > 1 or not table.diagonal:
        return None
    inside = tuple(slice(first, last) for ((_, first, last),) in table.terms)
    return taps[0][:, *inside].reshape(len(shifted.taps), -1).T


def screened(taps: Array) -> bool:
    """Whether tables of these taps are worth computing in single precision first."""
    return taps.size * taps.shape[1] >= _SCREENED


def narrowed(taps: Array) -> Array:
    """Return taps in float32; one that no atom keeps may be infinite."""
    with np.errstate(over="ignore"):
        return taps.astype(np.float32)


def _cuts(axes: tuple[AtomAxis, ...]) -> Callable[[Shape], Cut]:
    """Return a function that tells which taps of the atoms at a position lie inside."""

    @cache
    def line(axis: AtomAxis, p: int) -> tuple[int, int]:
        (first,), (last,) = axis.kept(np.array([p]))
        return int(first), int(last)

    return lambda position: tuple(map(line, axes, position))
