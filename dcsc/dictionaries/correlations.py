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
from functools import cache, lru_cache
from typing import Any, Self, TypeVar

import attrs
import numpy as np

from dcsc._arrays import Array, Shape
from dcsc._numerics.products import matmul
from dcsc._threads import OneBlasThread, share
from dcsc.dictionaries.axes import AtomAxis

__all__ = [
    "Meeting",
    "Piece",
    "Table",
    "Terms",
    "Use",
    "all_tables",
    "multiply",
    "row_ranges",
    "visit_tables",
]

Found = TypeVar("Found")

# What is held of a table at once.
_TABLE_BYTES = 2**22

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

    kernel: int
    step: int
    shift: int
    reach: int

    @classmethod
    def along(cls, axis: AtomAxis) -> Self:
        """Return where atoms meet on an axis."""
        common = math.gcd(axis.stride, axis.dilation)
        shift = axis.stride // common
        return cls(axis.kernel, axis.dilation // common, shift, (axis.kernel - 1) // shift)

    @property
    def turns(self) -> range:
        """All turns at which atoms can meet."""
        return range(-self.reach, self.reach + 1)

    def term(self, a: int, b: int, turns: int) -> Term:
        """Return where taps [a, b) of an atom meet one that is so many turns on.

        With q = p + t·step, ``G_{(p,i),(q,j)} = Σ_{c,u} w_i[c, u] w_j[c, u − t·shift]``, over the
        taps u of the first that lie inside; those of the second then do so by themselves.
        """
        shift = turns * self.shift
        return shift, max(a, shift), min(b, self.kernel + shift)


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


def all_tables(axes: tuple[AtomAxis, ...], positions: list[Shape], symmetric: bool) -> list[Table]:
    """Return the tables in which all rows of G at some positions are.

    Without ``symmetric``, every row of G there is a row of a table, and none a column. They depend
    on no filters: dictionaries of one geometry, such as random twins, share what is kept of them.
    """
    return _all_tables(axes, tuple(positions), symmetric)


@lru_cache(maxsize=2)
def _all_tables(
    axes: tuple[AtomAxis, ...], positions: tuple[Shape, ...], symmetric: bool
) -> list[Table]:
    tables: dict[tuple[Terms, bool], Table] = {}

    @cache
    def neighbours(axis: AtomAxis, p: int) -> list[tuple[int, tuple[Term, ...], tuple[Term, ...]]]:
        return [
            (q, terms, tuple(sorted((-t, a - t, b - t) for t, a, b in terms)))
            for q, terms in _neighbours(axis, p).items()
        ]

    for p in positions:
        # Atoms at p meet those at q if they do so along every axis.
        for pair in itertools.product(*map(neighbours, axes, p)):
            q = tuple(place for place, _, _ in pair)
            direct, transpose = (
                tuple(terms for _, terms, _ in pair),
                tuple(terms for *_, terms in pair),
            )
            # Of R(s) and its transpose R(−s) one is computed, the one that sorts first.
            swapped = symmetric and transpose < direct
            terms = transpose if swapped else direct
            table = tables.setdefault((terms, p == q), Table(terms, p == q))
            table.uses.append(Use(p, q, swapped))
    return list(tables.values())


def _neighbours(axis: AtomAxis, p: int) -> dict[int, tuple[Term, ...]]:
    """Return the positions whose atoms meet one at p along an axis, and where."""
    meeting = Meeting.along(axis)
    turns = np.array(meeting.turns)
    (a,), (b,) = axis.kept(np.array([p]))
    places, exist = axis.neighbours(p + meeting.step * turns)
    met: dict[int, tuple[Term, ...]] = {}
    for q, t in zip(places[exist].tolist(), turns[exist].tolist(), strict=True):
        term = meeting.term(int(a), int(b), t)
        if term[1] < term[2]:
            # A second time where a circle is shorter than a stripe.
            met[q] = tuple(sorted((*met.get(q, ()), term)))
    return met


@attrs.frozen(eq=False)
class Piece:
    """Some rows of a table, by the filters that they belong to."""

    rows: slice
    table: Table


def row_ranges(taps: Array, most: int | None = None) -> list[slice]:
    """Return ranges of rows of a table that are computed at once, of at most ``most`` each."""
    groups, n = taps.shape[:2]
    room = _TABLE_BYTES // (8 * groups * n)
    step = min(max(1, room if most is None else min(room, most)), n)
    return [slice(start, min(start + step, n)) for start in range(0, n, step)]


def visit_tables(
    pieces: list[Piece], taps: Array, visit: Callable[[Piece, Array, Array], Found]
) -> list[Found]:
    """Return ``visit(piece, |T[rows]|, spare)`` of all pieces, called from several threads.

    What is multiplied at once does not depend on their number, nor does BLAS on one thread.
    """
    queue = deque(enumerate(pieces))
    most = max((piece.rows.stop - piece.rows.start for piece in pieces), default=0)
    found: dict[int, Found] = {}

    def work(start: int, stop: int) -> None:
        room = np.empty((2, len(taps), most, taps.shape[1]), dtype=taps.dtype)
        with OneBlasThread():
            while True:
                try:
                    number, piece = queue.popleft()
                except IndexError:
                    return
                left = taps[:, piece.rows]
                values, spare = room[:, :, : left.shape[1]]
                multiply(left, taps, piece.table.terms, values, spare)
                np.abs(values, out=values)
                if piece.table.diagonal:
                    row = np.arange(left.shape[1])
                    values[:, row, piece.rows.start + row] = 0
                found[number] = visit(piece, values, spare)

    share(work, len(queue), max(1, 2**20 // max(2 * most * taps.size, 1)))
    return [found[number] for number in range(len(pieces))]


def multiply(left: Array, right: Array, terms: Terms, out: Array, spare: Array) -> None:
    """Compute a table, by products that need no copy of the filters, as channels come last."""
    products = _products(left, right, terms)
    matmul(*next(products), out=out)
    for x, y in products:
        out += matmul(x, y, out=spare)


def _products(left: Array, right: Array, terms: Terms) -> Iterator[tuple[Array, Array]]:
    for *others, (shift, a, b) in itertools.product(*terms):
        for u in itertools.product(*(range(first, last) for _, first, last in others)):
            v = (tap - t for tap, (t, _, _) in zip(u, others, strict=True))
            at_left: tuple[Any, ...] = (..., *u, slice(a, b), slice(None))
            at_right: tuple[Any, ...] = (..., *v, slice(a - shift, b - shift), slice(None))
            one, other = (x.reshape(*x.shape[:2], -1) for x in (left[at_left], right[at_right]))
            yield one, other.swapaxes(1, 2)
