"""The probability that each unit comes out wrong, between two ends."""

import attrs
import numpy as np

from dcsc._arrays import Array, Shape, brief, real
from dcsc._display import Display, Displayed, between, times
from dcsc._fields import SAME_ARRAY
from dcsc.bounds.instance.problem import Problem
from dcsc.bounds.tails import Tail

__all__ = ["UnitClasses", "UnitProbabilities", "joined", "unit_probabilities"]


def _shown() -> Array:
    field: Array = attrs.field(repr=brief, eq=SAME_ARRAY, hash=False)
    return field


@attrs.frozen(repr=False)
class UnitClasses(Displayed):
    """Units by whether they come out wrong with a probability above some δ.

    Each is an array of bool in the shape of the codes, and every unit is in one of them.

    Parameters
    ----------
    safe : array
        Those that do not.
    unsafe : array
        Those that do.
    open : array
        Those whose two ends lie on both sides of δ.
    """

    safe: Array = _shown()
    unsafe: Array = _shown()
    open: Array = _shown()

    def _display(self) -> Display:
        counts = [
            (name, str(np.count_nonzero(getattr(self, name))))
            for name in ("safe", "unsafe", "open")
        ]
        return Display(f"Units of a code of {times(self.safe.shape)}", ("", "units"), counts)


@attrs.frozen(repr=False)
class UnitProbabilities(Displayed):
    r"""Between which ends the probability lies that a unit comes out wrong, over random signs.

    A unit is wrong if it is on after the threshold and not in the support, or in it and not on;
    for a two-sided threshold a unit of the support that overshoots to the other sign is on. The
    ends hold for every error that the noise model allows; a coefficient too near to the threshold
    to be decided (`dcsc.coefficients`) counts as wrong in the upper end and as right in the lower.

    All arrays have the shape of the codes, one entry for each unit.

    Parameters
    ----------
    lower, upper : array of float
        :math:`p_k^- \le p_k \le p_k^+`.
    safe : array of bool
        Whether the unit comes out right for all signs and errors.
    lost : array of bool
        Whether it comes out wrong for all signs and errors.

    Examples
    --------
    >>> from dcsc.bounds import InstanceBound, LayerInstance
    >>> from dcsc.dictionaries import CirculantDictionary
    >>> pair = CirculantDictionary([[[0.5**0.5, 0.5**0.5]]], extent=8)
    >>> units = InstanceBound().units(LayerInstance(pair, [[1, 0, 1, 0, 1, 0, 0, 0]], 0.6))
    >>> units.upper.round(12)
    array([[0. , 0.5, 0. , 0.5, 0. , 0. , 0. , 0. ]])
    >>> float(units.lower.sum()), float(units.upper.sum())
    (1.0, 1.0)
    """

    lower: Array = _shown()
    upper: Array = _shown()
    safe: Array = _shown()
    lost: Array = _shown()

    def _display(self) -> Display:
        safe, lost = np.count_nonzero(self.safe), np.count_nonzero(self.lost)
        rows = [
            ("right for all signs and errors", f"{safe} units"),
            ("wrong for all of them", f"{lost} units"),
            ("wrong with probability, lower end", between(self.lower)),
            ("wrong with probability, upper end", between(self.upper)),
        ]
        title = f"Units of a code of {times(self.upper.shape)}: how likely each comes out wrong"
        return Display(title, ("", "is"), rows)

    def at(self, delta: float) -> UnitClasses:
        """Return which units are safe, and which are not, at a probability δ of 0 to 1.

        Parameters
        ----------
        delta : float
        """
        limit = real(delta, "UnitProbabilities.at: delta", minimum=0, maximum=1)
        safe, unsafe = self.upper <= limit, self.lower > limit
        return UnitClasses(safe, unsafe, ~(safe | unsafe))


def unit_probabilities(
    problem: Problem,
    tail: Tail,
    tolerance: float,
    others: float | None = None,
    among: Array | None = None,
    bounds: Array | None = None,
) -> UnitProbabilities:
    """Return the ends for the atoms of one column.

    Parameters
    ----------
    problem : Problem
    tail : Tail
        Valid for the noise of the problem.
    tolerance : float
        As in `InstanceBound.units`.
    others : float, optional
        In its place, for the units that are not of the support.
    among : array of int, optional
        The only ones that the tail is asked about, each once.
    bounds : array, optional
        What is known that no atom fails more often than, in place of `Problem.screen`.
    """
    lost, on = problem.lost, problem.column.on
    lower = lost.astype(np.float64)
    upper = np.where(lost, 1.0, problem.screen() if bounds is None else bounds)
    # What each atom of either kind may leave open, so that all of a kind leave open what they may.
    asked = np.arange(len(on)) if among is None else among
    active = max(int(on.sum()), 1)
    gap = np.zeros(len(on))
    for kind, most in ((on, tolerance), (~on, tolerance if others is None else others)):
        of_kind = asked[kind[asked]]
        share = len(of_kind) / max(int(kind.sum()), 1)
        gap[of_kind] = _gap(upper[of_kind[~lost[of_kind]]], most * active * share)
    # A cheap bound is enough for many; the others are looked at, those of few summands first.
    waiting = np.zeros(len(on), dtype=bool)
    waiting[asked] = ~lost[asked] & (upper[asked] > gap[asked])
    for atoms in problem.column.batches(np.flatnonzero(waiting)):
        waiting[atoms] = False
        low, high = problem.ends(tail, atoms, problem.column.weights(atoms), gap[atoms])
        lower[atoms], upper[atoms] = low, np.minimum(high, upper[atoms])
        # What they could have left open besides is for the rest of their kind.
        spare = gap[atoms] - (upper[atoms] - lower[atoms])
        for kind in (on, ~on):
            more, rest = float(spare[kind[atoms]].sum()), waiting & kind
            if more > 0 and rest.any():
                gap[rest] += more / np.count_nonzero(rest)
    return UnitProbabilities(lower, upper, problem.safe, lost)


def joined(columns: list[UnitProbabilities], shape: Shape) -> UnitProbabilities:
    """Return the ends of several columns as one, in the shape of their codes."""

    def all_of(name: str, dtype: type) -> Array:
        parts = [getattr(column, name) for column in columns]
        return np.array(parts, dtype=dtype).reshape(shape)

    return UnitProbabilities(
        all_of("lower", float), all_of("upper", float), all_of("safe", bool), all_of("lost", bool)
    )


def _gap(bounds: Array, room: float) -> float:
    r"""Return the g with :math:`\sum_k \min(b_k, g)` the room, or infinity if all has room.

    Atoms with smaller bounds are left at them, and the others share what these do not take.
    """
    ordered = np.sort(bounds)
    taken = np.cumsum(ordered) - ordered
    gaps = (room - taken) / np.arange(len(ordered), 0, -1)
    (short,) = np.nonzero(gaps <= ordered)
    return max(float(gaps[short[0]]), 0.0) if short.size else np.inf
