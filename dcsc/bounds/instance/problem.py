"""The probability that an atom of one column fails, from its coefficient and the noise."""

import math

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc.bounds.noise import Noise
from dcsc.bounds.records import LayerInstance
from dcsc.bounds.tails import Bentkus, Chernoff, Hoeffding, Tail
from dcsc.bounds.tails.base import Rows
from dcsc.bounds.tails.smooth import least_moment
from dcsc.coefficients import TOLERANCE, Column, columns
from dcsc.errors import DcscError

__all__ = ["Entering", "Problem", "problems", "threshold_of"]

# Smaller numbers have squares of few digits, and a larger deviation bounds as well.
_LEAST = math.sqrt(np.finfo(np.float64).tiny)


@attrs.frozen(eq=False)
class Entering:
    """What a layer sees besides its codes: an error of some size, and a signal that is known."""

    size: float
    law: Noise
    signal: Array | None = None


@attrs.frozen(eq=False)
class Problem:
    """One column: the sum with which each atom fails, and the noise that may help to reach it."""

    column: Column
    law: Noise

    @property
    def sides(self) -> int:
        """Number of thresholds that an atom off the support may cross."""
        return 1 if self.column.one_sided else 2

    def at(self, threshold: Array) -> "Problem":
        """Return the problem with another threshold, one or one per filter."""
        return attrs.evolve(
            self, column=self.column.at(np.repeat(threshold, len(self.column) // len(threshold)))
        )

    def screen(self, atoms: Array | slice = slice(None)) -> Array:
        """Return a cheap bound of each atom's probability, 0 where it cannot fail."""
        column = self.column
        # of those that can, only the variance is looked at
        required = column.level[atoms] - column.slack[atoms]
        level, spread = self.law.softened(required, column.error[atoms])
        deviation = np.maximum(column.deviation[atoms] * (1 + TOLERANCE), _LEAST)
        rows = Rows(deviation[:, None], level, spread)
        tail = np.minimum(Hoeffding()._upper(rows), 1.0)
        if Bentkus().covers(self.law):
            tail = np.minimum(tail, Bentkus()._upper(rows))
        return np.where(self._never[atoms], 0.0, self._both(tail, atoms))

    @property
    def _never(self) -> Array:
        """Whether no signs and no noise bring an atom across its threshold."""
        column = self.column
        level = column.level - column.slack
        reach = column.total + self.law.reach(column.error)
        return (reach < level) | (column.still & ~column.on)

    def upper(self, tail: Tail, atoms: Array, weights: Array) -> Array:
        """Return upper bounds of the probabilities that some atoms fail."""
        level = self.column.level[atoms] - self.column.slack[atoms]
        return self._both(tail.upper(weights, level, self.column.error[atoms], self.law), atoms)

    def chernoff(self) -> Array:
        """Return Chernoff's bound of the probability that each atom fails.

        It is what `upper` returns with that tail, for all atoms at once. Without an error, and
        where the sizes of the summands are read off tables, no table of them is laid out.
        """
        column = self.column
        out, active = np.zeros(len(column)), np.flatnonzero(~self._never)
        level, reach = (column.level - column.slack)[active], column.total[active]
        some = (level > 0) & (level - TOLERANCE * np.maximum(level, reach) <= reach)
        asked, inside = active[some], np.minimum(level, reach)[some]
        best = column.best_moments(asked, inside) if self.law.name == "none" else None
        if best is None:
            for atoms in column.batches(active):
                out[atoms] = self.upper(Chernoff(), atoms, column.weights(atoms))
            return out
        tail = (level <= 0).astype(np.float64)
        tail[some] = np.minimum(least_moment(*best, column.count[asked]), 1.0)
        out[active] = self._both(tail, active)
        return out

    def lower(self, tail: Tail, atoms: Array, weights: Array) -> Array:
        """Return lower bounds of the probabilities that some atoms fail.

        On the support a two-sided threshold is also crossed by overshooting to the other sign.
        """
        column = self.column
        error, on = column.error[atoms], column.on[atoms]
        level = column.level[atoms] + column.slack[atoms]
        out = self._both(tail.lower(weights, level, error, self.law), atoms)
        if self.sides == 2 and on.any():
            # the noise that brings z to the threshold must not carry it through to the other side
            beyond = column.beyond[atoms] - column.slack[atoms]
            if self.law.shifts:
                over = tail.upper(weights, beyond + error, noise_model="none")
            else:
                over = tail.upper(weights, beyond, error, self.law)
            out = np.where(on, np.maximum(out - over, 0.0), out)
        return out

    def ends(self, tail: Tail, atoms: Array, weights: Array, gap: Array) -> tuple[Array, Array]:
        """Return between what the probability lies that some atoms come out wrong, for every error.

        On the support a two-sided threshold loses those that overshoot it: they are on again. Ends
        as near to one another as ``gap``, (atoms,), are near enough.
        """
        column, on = self.column, self.column.on[atoms]
        error, slack, part = column.error[atoms], column.slack[atoms], gap / self.sides
        ends = tail.ends(weights, column.level[atoms], error, self.law, slack, part)
        low, high = (self._both(end, atoms) for end in ends)
        if self.sides == 2 and on.any():
            beyond = column.beyond[atoms][on]
            over = tail.ends(weights[on], beyond, error[on], self.law, slack[on], part[on])
            low_over, high_over = over
            low[on] = np.maximum(low[on] - high_over, 0.0)
            high[on] = np.maximum(high[on] - low_over, low[on])
        return low, high

    @property
    def safe(self) -> Array:
        """Whether each atom comes out right for all signs and errors."""
        return self.column.safe & self._within_reach

    @property
    def lost(self) -> Array:
        """Whether it comes out wrong for all signs and errors."""
        return self.column.lost & self._within_reach

    @property
    def _within_reach(self) -> Array:
        """Whether no error is larger than its size says."""
        return self.law.reach(self.column.error) <= self.column.error

    def _both(self, tail: Array, atoms: Array | slice) -> Array:
        return np.minimum(np.where(self.column.on[atoms], 1, self.sides) * tail, 1.0)


def problems(layer: LayerInstance, entering: Entering) -> list[Problem]:
    """Return one problem per column."""
    dictionary = layer.dictionary
    shape, samples = tuple(dictionary.code_shape), tuple(dictionary.signal_shape)
    codes = layer.codes.reshape(-1, *shape)
    noise: float | Array = entering.size
    if entering.signal is not None:
        batch = layer.codes.shape[: layer.codes.ndim - len(shape)]
        noise = np.broadcast_to(entering.signal, batch + samples).reshape(len(codes), *samples)
    assert layer.selection is not None
    seen = columns(
        dictionary,
        codes,
        threshold_of(1, layer),
        one_sided=layer.selection.one_sided,
        noise=noise,
        coins=layer.coins,
    )
    return [Problem(column, entering.law) for column in seen]


def threshold_of(number: int, layer: LayerInstance) -> Array:
    """Return the threshold of layer ``number``, one or one per filter, or say that it has none."""
    beta = layer.chosen_threshold
    if beta is None:
        raise DcscError(
            f"InstanceBound: threshold: layer {number} has none: give one, or choose it"
        )
    return np.atleast_1d(np.asarray(beta, dtype=np.float64))
