"""Packings that are decided in whole numbers, without rounding: on a line, or small.

Ties are decided in the same way by both. Of all supports of the largest energy one is taken: of two
supports the one that holds the first entry, by falling size and then C order, in which they differ.
"""

import heapq
import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import scipy.sparse

from dcsc._arrays import Array
from dcsc.projections.stripe.packing import Packing, components

__all__ = ["enumerated", "laid_out"]


def _energies(sizes: Array) -> list[int]:
    """Return squares as whole numbers, in a unit that all of them share."""
    mantissa, exponent = np.frexp(sizes.astype(np.float64))
    whole = (mantissa * 2.0**53).astype(np.int64)
    shift = 2 * (exponent - exponent.min())
    return [int(a) ** 2 << int(b) for a, b in zip(whole, shift, strict=True)]


def enumerated(packing: Packing, sizes: Array) -> Array:
    """Return the entries to keep, by going through all supports that can still win.

    An entry is tried inside the support before outside, so of equal supports the one to take is
    seen first.
    """
    entries, held = packing.entries, [packing.windows[group] for group in packing.group_of]
    order = np.lexsort((entries, -sizes[entries]))
    energy = _energies(sizes[entries[order]])
    ahead = [sum(energy[step:]) for step in range(len(order) + 1)]
    room = np.full(packing.n_windows, packing.limit)
    best: tuple[int, list[int]] = (-1, [])

    def visit(step: int, kept: list[int], total: int) -> None:
        nonlocal best
        if total + ahead[step] <= best[0]:
            return
        if step == len(order):
            best = (total, kept)
            return
        windows = held[order[step]]
        if room[windows].all():
            room[windows] -= 1
            visit(step + 1, [*kept, step], total + energy[step])
            room[windows] += 1
        visit(step + 1, kept, total)

    visit(0, [], 0)
    return entries[order[best[1]]]


def laid_out(packing: Packing, spans: list[tuple[int, int]], sizes: Array) -> Array:
    """Return the entries to keep where each group holds a run of windows on a line.

    An entry is an interval of windows, and at most S intervals may overlap: a flow of S units
    along the line, each going through intervals or idle, for the largest gain.

    References
    ----------
    M. C. Carlisle and E. L. Lloyd, *On the k-coloring of intervals*, Discrete Applied Mathematics
    59, 1995.
    """
    entries, group_of = packing.entries, packing.group_of
    ends = np.cumsum([len(group) for group in packing.groups])[:-1]
    arcs = [(first, last + 1) for first, last in spans]

    def flow(gains: list[int]) -> _Flow:
        groups = [part.tolist() for part in np.split(np.array(gains, dtype=object), ends)]
        out = _Flow(arcs, groups, packing.n_windows)
        out.send(packing.limit)
        return out

    gains = _energies(sizes[entries])
    solution = flow(gains)
    levels = solution.undecided()
    tied = [k for k, group in enumerate(group_of) if gains[k] in levels[group]]
    if tied:
        # Ties take the place of the digits behind the energy: each outweighs all that follow.
        order = np.lexsort((entries[tied], -sizes[entries[tied]]))
        gains = [gain << len(tied) for gain in gains]
        for place, number in enumerate(order):
            gains[tied[number]] |= 1 << (len(tied) - 1 - place)
        solution = flow(gains)
    kept = [group[:used] for group, used in zip(packing.groups, solution.used, strict=True)]
    return np.concatenate(kept)


class _Move(NamedTuple):
    """One unit goes from node to node: along an arc or idle, or undoes that (change −1)."""

    start: int
    end: int
    loss: int
    arc: int | None
    change: int


class _Flow:
    """The flow of the largest gain along nodes 0, 1, ...: the windows, and the end of the line.

    Arc g leads from a node to a later one, and its n-th unit gains ``gains[g][n]``, which falls
    with n. Between neighbours any number of units may idle. ``height[v]`` is the largest gain with
    which one more unit could reach v. So no move loses less than zero, and the best path for the
    next unit is a shortest one, by Dijkstra's algorithm.
    """

    def __init__(self, arcs: list[tuple[int, int]], gains: list[list[int]], steps: int) -> None:
        self.arcs, self.gains = arcs, gains
        self.used = [0] * len(arcs)
        self.idle = [0] * steps
        self.leaving: list[list[int]] = [[] for _ in range(steps + 1)]
        self.arriving: list[list[int]] = [[] for _ in range(steps + 1)]
        for arc, (start, end) in enumerate(arcs):
            self.leaving[start].append(arc)
            self.arriving[end].append(arc)
        self.height = [0] * (steps + 1)
        for node in range(1, steps + 1):
            paths = [self.height[arcs[arc][0]] + gains[arc][0] for arc in self.arriving[node]]
            self.height[node] = max([self.height[node - 1], *paths])

    def send(self, units: int) -> None:
        """Send units along the best paths, until everything is carried: one more gains nothing."""
        for _ in range(units):
            last_move = self._best_path()
            if self.height[-1] == 0:
                return
            node = len(self.height) - 1
            while node:
                move = last_move[node]
                if move.arc is None:
                    self.idle[min(move.start, move.end)] += move.change
                else:
                    self.used[move.arc] += move.change
                node = move.start

    def _moves(self, node: int) -> Iterator["_Move"]:
        """Yield what one unit can do at a node, or undo."""
        height = self.height
        if node < len(self.idle):
            yield _Move(node, node + 1, height[node + 1] - height[node], None, 1)
        if node and self.idle[node - 1]:
            yield _Move(node, node - 1, height[node - 1] - height[node], None, -1)
        for arc in self.leaving[node]:
            if self.used[arc] < len(self.gains[arc]):
                end = self.arcs[arc][1]
                loss = height[end] - height[node] - self.gains[arc][self.used[arc]]
                yield _Move(node, end, loss, arc, 1)
        for arc in self.arriving[node]:
            if self.used[arc]:
                start = self.arcs[arc][0]
                loss = height[start] - height[node] + self.gains[arc][self.used[arc] - 1]
                yield _Move(node, start, loss, arc, -1)

    def _best_path(self) -> list["_Move"]:
        """Lower the heights to those of the next unit; return the last move on the way to each."""
        nothing = _Move(0, 0, 0, None, 0)
        last_move = [nothing] * len(self.height)
        lost: dict[int, int] = {}
        queue = [(0, 0, 0, nothing)]
        tickets = itertools.count(1)
        while queue:
            loss, _, node, move = heapq.heappop(queue)
            if node in lost:
                continue
            lost[node], last_move[node] = loss, move
            for ahead in self._moves(node):
                if ahead.end not in lost:
                    entry = (loss + ahead.loss, next(tickets), ahead.end, ahead)
                    heapq.heappush(queue, entry)
        self.height = [height - lost[node] for node, height in enumerate(self.height)]
        return last_move

    def undecided(self) -> list[set[int]]:
        """Return, arc by arc, the gains of units that some best flows use and others do not.

        Those are the units with a place on a circle of moves that loses nothing.
        """
        moves = [m for node in range(len(self.height)) for m in self._moves(node) if not m.loss]
        starts, ends = [move.start for move in moves], [move.end for move in moves]
        shape = (len(self.height), len(self.height))
        links = scipy.sparse.coo_array((np.ones(len(moves)), (starts, ends)), shape=shape)
        circle = components(links, strong=True)
        levels: list[set[int]] = [set() for _ in self.arcs]
        for move in moves:
            if move.arc is not None and circle[move.start] == circle[move.end]:
                unit = self.used[move.arc] - (move.change < 0)
                levels[move.arc].add(self.gains[move.arc][unit])
        return levels
