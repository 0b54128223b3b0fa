"""Tables of the correlations of filters with one another, for dictionaries of shifted filters.

A table holds ``R_ij`` for all filters i and j at one shift. Tables come one at a time, so that the
table of all pairs of atoms is never held, and each is computed once: pairs of positions that are
cut alike share it, and so do opposite pairs, by ``R_ij(s) = R_ji(−s)``.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from dcsc._arrays import Array, Shape
from dcsc._threads import share

if TYPE_CHECKING:
    from dcsc.dictionaries.convolutional import ConvolutionalDictionary

__all__ = [
    "Table",
    "Terms",
    "Use",
    "all_tables",
    "channels_last",
    "cut_terms",
    "multiply",
    "reaches",
    "representatives",
    "visit_tables",
]

# A shift of the second filter, and the taps [first, last) of the first filter that meet it.
Term = tuple[int, int, int]
# For each axis, the terms that add up: one, or several where a circle is shorter than a stripe.
Terms = tuple[tuple[Term, ...], ...]


@attrs.frozen
class Use:
    """Atoms at p and q, whose part of G is a table, or its transpose where ``swapped``."""

    p: Shape
    q: Shape
    swapped: bool


@attrs.frozen
class Table:
    """``T_ij = Σ_terms Σ_{c,u} w_i[c, u] w_j[c, u − shift]``, and the pairs of positions it is of.

    ``diagonal`` where i = j is one atom and not a pair.
    """

    terms: Terms
    diagonal: bool
    uses: list[Use] = attrs.field(factory=list)


def all_tables(
    dictionary: "ConvolutionalDictionary", positions: list[Shape], symmetric: bool
) -> list[Table]:
    """Return the tables in which all rows of G at some positions are.

    Without ``symmetric``, every row of G there is a row of a table, and none a column.
    """
    found: dict[tuple[Terms, bool], Table] = {}

    @cache
    def neighbours(axis: int, p: int) -> list[tuple[int, tuple[Term, ...], tuple[Term, ...]]]:
        pairs = _neighbours(dictionary, axis, p)
        return [
            (q, terms, tuple(sorted((-t, a - t, b - t) for t, a, b in terms)))
            for q, terms in pairs.items()
        ]

    for p in positions:
        for pair in itertools.product(*(neighbours(axis, x) for axis, x in enumerate(p))):
            q = tuple(place for place, _, _ in pair)
            own, other = tuple(terms for _, terms, _ in pair), tuple(back for _, _, back in pair)
            swapped = symmetric and other < own
            terms = other if swapped else own
            table = found.setdefault((terms, p == q), Table(terms, p == q))
            table.uses.append(Use(p, q, swapped))
    return list(found.values())


def _neighbours(
    dictionary: "ConvolutionalDictionary", axis: int, p: int
) -> dict[int, tuple[Term, ...]]:
    """Return the positions whose atoms meet one at p along an axis, and where."""
    reach = reaches(dictionary)[axis]
    offsets = np.arange(-reach, reach + 1)
    (a,), (b,) = dictionary._kept(axis, np.array([p]))
    places, exist = dictionary._neighbour(axis, p + offsets)
    found: dict[int, tuple[Term, ...]] = {}
    for q, d in zip(places[exist], offsets[exist], strict=True):
        term = _term(dictionary, axis, int(a), int(b), int(d))
        if term[1] < term[2]:
            found[int(q)] = tuple(sorted((*found.get(int(q), ()), term)))
    return found


def _term(dictionary: "ConvolutionalDictionary", axis: int, a: int, b: int, offset: int) -> Term:
    """Return where taps [a, b) meet the filter moved by an offset of positions.

    With q = p + d, ``G_{(p,i),(q,j)} = Σ_{c,u} w_i[c, u] w_j[c, u − s·d]``, over the taps u of the
    first atom that lie inside; those of the second then do so by themselves.
    """
    shift = dictionary.stride[axis] * int(offset)
    return shift, max(int(a), shift), min(int(b), dictionary._grid.kernel[axis] + shift)


def visit_tables(
    tables: list[Table],
    taps: Array,
    rows: slice,
    visit: Callable[[Table, Array, slice, Array], None],
) -> None:
    """Call ``visit(table, |T[rows]|, rows, spare)`` for all tables, from several threads."""
    left = taps[rows]
    queue = deque(tables)

    def work(start: int, stop: int) -> None:
        values, spare = np.empty((2, len(left), len(taps)))
        while True:
            try:
                table = queue.popleft()
            except IndexError:
                return
            multiply(left, taps, table.terms, values, spare)
            np.abs(values, out=values)
            if table.diagonal:
                own = np.arange(len(left))
                values[own, rows.start + own] = 0
            visit(table, values, rows, spare)

    share(work, len(tables), max(1, 2**20 // (2 * len(left) * taps.size)))


def multiply(left: Array, right: Array, terms: Terms, out: Array, spare: Array) -> None:
    """Compute a table, by products that need no copy of the filters, as channels come last."""
    products = _products(left, right, terms)
    np.matmul(*next(products), out=out)
    for x, y in products:
        out += np.matmul(x, y, out=spare)


def _products(left: Array, right: Array, terms: Terms) -> Iterator[tuple[Array, Array]]:
    for *others, (shift, a, b) in itertools.product(*terms):
        for u in itertools.product(*(range(first, last) for _, first, last in others)):
            v = (tap - t for tap, (t, _, _) in zip(u, others, strict=True))
            here: tuple[Any, ...] = (slice(None), *u, slice(a, b))
            there: tuple[Any, ...] = (slice(None), *v, slice(a - shift, b - shift))
            yield left[here].reshape(len(left), -1), right[there].reshape(len(right), -1).T


def channels_last(dictionary: "ConvolutionalDictionary") -> Array:
    """Return the taps as they are laid, float64 of shape ``(n, *kernel, c)``."""
    return np.ascontiguousarray(np.moveaxis(dictionary._taps(), 1, -1), dtype=np.float64)


def reaches(dictionary: "ConvolutionalDictionary") -> list[int]:
    """Return how many positions away atoms still meet, per axis."""
    steps = zip(dictionary._grid.kernel, dictionary.stride, strict=True)
    return [(f - 1) // s for f, s in steps]


def representatives(dictionary: "ConvolutionalDictionary") -> list[Shape]:
    """Return positions whose atoms see, up to moves on the grid, all that any atom sees."""
    axes = (dictionary._axis_representatives(axis) for axis in range(len(dictionary.extent)))
    return list(itertools.product(*(axis.tolist() for axis in axes)))


def cut_terms(
    dictionary: "ConvolutionalDictionary", cut: Array, offsets: Array
) -> list[Terms | None]:
    """Return where atoms cut in the same place meet others, offset by offset; None for nowhere."""
    found: list[Terms | None] = []
    for offset in offsets:
        meeting = [
            _term(dictionary, axis, a, b, d)
            for axis, ((a, b), d) in enumerate(zip(cut, offset, strict=True))
        ]
        every = all(first < last for _, first, last in meeting)
        found.append(tuple((term,) for term in meeting) if every else None)
    return found
