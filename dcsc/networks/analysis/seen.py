"""What the units of a layer see of its codes, computed once for all that ask."""

import math

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc.bounds import InstanceBound
from dcsc.bounds.instance.problem import Problem, problems
from dcsc.bounds.instance.units import unit_probabilities
from dcsc.coefficients import Column
from dcsc.networks.analysis.coded import CodedLayer

__all__ = ["Seen"]

_KEPT_UNITS = 2**19
_RARE = 0.3


@attrs.frozen(eq=False)
class Seen:
    """The codes of a layer at the thresholds β/2, without noise, as the sums that its units see.

    Parameters
    ----------
    layer : CodedLayer
    """

    layer: CodedLayer
    _problems: dict[int, Problem] = attrs.field(factory=dict, init=False)
    _bounds: dict[int, Array] = attrs.field(factory=dict, init=False)

    def knows(self, number: int) -> bool:
        """Whether the sums of an input are there."""
        return number in self._problems

    def column(self, number: int) -> Column:
        """Return what all units see of the code of an input."""
        return self._problem(number).column

    def union(self, number: int) -> float:
        """Return what ``InstanceBound("chernoff")`` proves of the code of an input, unclipped."""
        return math.fsum(self._chernoff(number).tolist())

    def ends(
        self,
        bound: InstanceBound,
        number: int,
        missed: float,
        raised: float,
        among: Array | None = None,
    ) -> tuple[Array, Array, Array]:
        """Return which units are on, and the ends of the probability that each is wrong.

        Parameters
        ----------
        bound : InstanceBound
        number : int
        missed, raised : float
            How far the ends may be apart, summed over the units that are on and over the others,
            for each unit that is on.
        among : array of int, optional
            The units whose ends are wanted; those of the others are further apart.
        """
        problem = self._problem(number)
        asked = np.arange(len(problem.column)) if among is None else among
        bounds = self._chernoff(number).copy()
        # Other bounds are lower where all are small, and show that more units hardly matter.
        rare = asked[bounds[asked] < _RARE]
        bounds[rare] = np.minimum(bounds[rare], problem.screen(rare))
        units = unit_probabilities(problem, bound.tail, missed, raised, among, bounds)
        return problem.column.on, units.lower, units.upper

    def _chernoff(self, number: int) -> Array:
        if number not in self._bounds:
            self._bounds[number] = self._problem(number).chernoff()
        return self._bounds[number]

    def _problem(self, number: int) -> Problem:
        if number not in self._problems:
            # Sums whose terms are read off tables take little room, of others one code's are kept.
            kept = self.layer.codes[0].size * (1 + len(self._problems))
            if self.layer.dictionary._near() is None or kept > _KEPT_UNITS:
                self._problems.clear()
            instance = self.layer.instance(number)
            entering = InstanceBound()._entering_one(instance, "units")
            (self._problems[number],) = problems(instance, entering)
        return self._problems[number]
