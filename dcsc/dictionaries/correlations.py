"""Tables of the correlations of filters with one another, for dictionaries of shifted filters.

A table holds ``R_ij`` for all filters i and j of each group at one shift, ``(groups, n, n)``: atoms
of different groups are orthogonal. Tables come one at a time, so that the table of all pairs of
atoms is never held, and each is computed once: pairs of positions that are cut alike share it, and
so do opposite pairs, by ``R_ij(s) = R_ji(−s)``.
"""

import itertools
import math
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
    "Meeting",
    "Table",
    "Terms",
    "Use",
    "all_tables",
    "channels_last",
    "cut_terms",
    "meetings",
    "multiply",
    "representatives",
    "visit_tables",
]

# A shift of the second filter in taps, and the taps [first, last) of the first that meet it.
Term = tuple[int, int, int]
# For each axis, the terms that add up: one, or several where a circle is shorter than a stripe.
Terms = tuple[tuple[Term, ...], ...]


@attrs.frozen
class Meeting:
    """Where atoms share samples along an axis, for stride s, dilation d and g = gcd(s, d).

    Positions have to differ by t·step, with ``step = d/g`` and at most ``reach`` turns t; then tap
    u of the first atom lies on tap ``u − t·shift`` of the second, with ``shift = s/g``.
    """

    step: int
    shift: int
    reach: int

    def term(self, a: int, b: int, turns: int, kernel: int) -> Term:
        """Return where taps [a, b) of an atom meet one that is so many turns on.

        With q = p + t·step, ``G_{(p,i),(q,j)} = Σ_{c,u} w_i[c, u] w_j[c, u − t·shift]``, over the
        taps u of the first that lie inside; those of the second then do so by themselves.
        """
        shift = turns * self.shift
        return shift, max(a, shift), min(b, kernel + shift)


@attrs.frozen
class Use:
    """Atoms at p and q, whose part of G is a table, or its transpose where ``swapped``."""

    p: Shape
    q: Shape
    swapped: bool


@attrs.frozen
class Table:
    """``T_ij = Σ_terms Σ_{c,u} w_i[c, u] w_j[c, u − shift]``, and the pairs of positions it is of.

    Filters i and j are numbered within their group.

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
    meeting, kernel = meetings(dictionary)[axis], dictionary._grid.kernel[axis]
    turns = np.arange(-meeting.reach, meeting.reach + 1)
    (a,), (b,) = dictionary._kept(axis, np.array([p]))
    places, exist = dictionary._neighbour(axis, p + meeting.step * turns)
    found: dict[int, tuple[Term, ...]] = {}
    for q, t in zip(places[exist], turns[exist], strict=True):
        term = meeting.term(int(a), int(b), int(t), kernel)
        if term[1] < term[2]:
            found[int(q)] = tuple(sorted((*found.get(int(q), ()), term)))
    return found


def visit_tables(
    tables: list[Table],
    taps: Array,
    rows: slice,
    visit: Callable[[Table, Array, slice, Array], None],
) -> None:
    """Call ``visit(table, |T[rows]|, rows, spare)`` for all tables, from several threads."""
    left = taps[:, rows]
    queue = deque(tables)

    def work(start: int, stop: int) -> None:
        values, spare = np.empty((2, *left.shape[:2], taps.shape[1]))
        while True:
            try:
                table = queue.popleft()
            except IndexError:
                return
            multiply(left, taps, table.terms, values, spare)
            np.abs(values, out=values)
            if table.diagonal:
                own = np.arange(left.shape[1])
                values[:, own, rows.start + own] = 0
            visit(table, values, rows, spare)

    share(work, len(tables), max(1, 2**20 // (2 * left.shape[1] * taps.size)))


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
            here: tuple[Any, ...] = (..., *u, slice(a, b), slice(None))
            there: tuple[Any, ...] = (..., *v, slice(a - shift, b - shift), slice(None))
            one, other = (x.reshape(*x.shape[:2], -1) for x in (left[here], right[there]))
            yield one, other.swapaxes(1, 2)


def channels_last(dictionary: "ConvolutionalDictionary") -> Array:
    """Return the taps as they are laid, float64 of shape ``(groups, n, *kernel, c)``."""
    last = np.ascontiguousarray(np.moveaxis(dictionary._taps(), 1, -1), dtype=np.float64)
    return last.reshape(dictionary.groups, -1, *last.shape[1:])


def meetings(dictionary: "ConvolutionalDictionary") -> list[Meeting]:
    """Return where atoms share samples, axis by axis."""
    grid, found = dictionary._grid, []
    for f, s, d in zip(grid.kernel, grid.stride, grid.dilation, strict=True):
        common = math.gcd(s, d)
        found.append(Meeting(d // common, s // common, (f - 1) // (s // common)))
    return found


def representatives(dictionary: "ConvolutionalDictionary") -> list[Shape]:
    """Return positions whose atoms see, up to moves on the grid, all that any atom sees."""
    axes = (dictionary._axis_representatives(axis) for axis in range(len(dictionary.extent)))
    return list(itertools.product(*(axis.tolist() for axis in axes)))


def cut_terms(
    dictionary: "ConvolutionalDictionary", cut: Array, turns: Array
) -> list[Terms | None]:
    """Return where atoms cut in the same place meet others, per turns; None for nowhere."""
    found: list[Terms | None] = []
    axes = list(zip(meetings(dictionary), cut.tolist(), dictionary._grid.kernel, strict=True))
    for some in turns.tolist():
        terms = [
            axis.term(a, b, t, kernel) for (axis, (a, b), kernel), t in zip(axes, some, strict=True)
        ]
        every = all(first < last for _, first, last in terms)
        found.append(tuple((term,) for term in terms) if every else None)
    return found
