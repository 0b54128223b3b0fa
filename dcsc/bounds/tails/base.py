"""What a tail is."""

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import attrs
import numpy as np
import numpy.typing as npt

from dcsc._arrays import Array, from_hook, instance, real_array
from dcsc._cached import cached_property
from dcsc._numerics.plain_sums import TOGETHER
from dcsc._numerics.scaling import times_power
from dcsc._words import quoted
from dcsc.bounds.noise import Noise, as_noise
from dcsc.coefficients import TOLERANCE
from dcsc.errors import DcscError, NotCoveredError

__all__ = ["NOISE_MODELS", "Rows", "Tail", "summing"]

NOISE_MODELS = ("none", "independent", "martingale", "adversarial", "gauss")
"""The names of dcsc's own noise models, `dcsc.bounds.noise`."""


# Sums with Gaussian noise go beyond so many times the norm and the deviation together with a
# probability below all floats: exp(-40²/2) by Hoeffding's inequality.
_FAR = 40.0
_SMALLEST = float(np.finfo(np.float64).smallest_subnormal)


def summing(count: Array) -> Array:
    """Return how much a sum of so many positive numbers is rounded at most, relative to it.

    It is added up in blocks of 512, and in any order inside them.
    """
    return np.finfo(np.float64).eps / 2 * (np.minimum(count, TOGETHER) + count / TOGETHER + 2)


@attrs.frozen(eq=False, slots=False)
class Rows:
    """What a tail's hooks are handed: rows of weights and what each has to reach.

    Parameters
    ----------
    weights : array of shape (rows, width)
        Non-negative, each row from large to small, zeros where it has no more.
    level : array of shape (rows,)
        t, between minus and plus the sum of the row, or anything if there is Gaussian noise.
    spread : array of shape (rows,)
        Standard deviation of the Gaussian noise that is added to the sum.
    """

    weights: Array
    level: Array
    spread: Array

    def __len__(self) -> int:
        return len(self.level)

    @cached_property
    def reach(self) -> Array:
        """The largest value of each sum, without the noise."""
        return np.asarray(self.weights.sum(axis=1))

    @cached_property
    def variance(self) -> Array:
        """The variance of each sum, noise included; `summing` says how it is rounded."""
        out = np.zeros(len(self))
        for start in range(0, self.weights.shape[1], TOGETHER):
            some = self.weights[:, start : start + TOGETHER]
            out += np.einsum("ij,ij->i", some, some)
        return out + self.spread**2

    @cached_property
    def count(self) -> Array:
        """The number of weights of each row."""
        return np.asarray(np.count_nonzero(self.weights, axis=1))

    def take(self, which: Array) -> "Rows":
        """Return some of the rows, as places or a mask."""
        if which.dtype == bool and which.all():
            return self
        taken = Rows(self.weights[which], self.level[which], self.spread[which])
        for known in vars(self).keys() & {"reach", "variance", "count"}:
            vars(taken)[known] = vars(self)[known][which]
        return taken

    def at(self, level: Array) -> "Rows":
        """Return the rows with other levels."""
        return attrs.evolve(self, level=level)

    def of_size_one(self) -> tuple["Rows", Array]:
        """Return the rows scaled by powers of two to sizes below 1, and the exponents.

        The size, the sum of a row or the spread, is then at least 1/2: squares are numbers.
        """
        exponents = -np.frexp(np.maximum(self.reach, self.spread))[1]
        spread = np.ldexp(self.spread, exponents)
        scaled = Rows(
            times_power(self.weights, exponents[:, None]),
            np.ldexp(self.level, exponents),
            # noise that is there stays
            np.where(self.spread > 0, np.maximum(spread, _SMALLEST), 0.0),
        )
        vars(scaled)["reach"] = np.ldexp(self.reach, exponents)
        return scaled, exponents


class Tail(ABC):
    r"""An upper bound of :math:`P(\sum_j w_j \varepsilon_j + \nu \ge t)` for fair signs ε.

    Every tail is combined with the ℓ1 norm: no sum exceeds :math:`\sum |w_j|`. Ties count: a sum
    within 1e-12 of t, relative to the larger of t and the ℓ1 norm, reaches it. Small
    probabilities keep their relative accuracy, and rounding never makes them smaller.

    What ν is depends on the `Noise`, and ``noise`` is its size z.

    A subclass supplies ``_upper``, and ``_lower`` if it also bounds from below.

    Laws, for :math:`P_w(t, z)`, the probability with the worst noise of the model:

    - :math:`0 \le \text{lower}_w(t, z) \le P_w(t, z) \le \text{upper}_w(t, z) \le 1`
    - :math:`\text{upper}_w(t, z) = 0` for :math:`t > \|w\|_1 + z`, but for Gaussian noise
    - :math:`\text{upper}_w(t, z)` falls with t, and rises with z if that is a bound of the noise or
      the tail is ``smooth``; if it is not ``monotone``, then only between its two ends
    - :math:`\text{upper}_w = \text{upper}_v` where v has the weights of w with other signs, in
      another order, and any number of zeros
    - :math:`\text{upper}_{aw}(at, az) = \text{upper}_w(t, z)` for a > 0, to rounding
    - rows do not see one another

    Attributes
    ----------
    noise_models : frozenset of str
        The names of the noises that it is valid for.
    smooth : bool
        Whether it is continuous in t and rises with every weight, so that symmetric noise is at
        most one more weight.
    monotone : bool
        Whether its upper end itself falls with t and rises with z.
    costly : bool
        Whether it should be spared where a cheaper tail shows that a row hardly matters.
    """

    noise_models: ClassVar[frozenset[str]] = frozenset({"none"})
    smooth: ClassVar[bool] = True
    monotone: ClassVar[bool] = True
    costly: ClassVar[bool] = False

    def upper(
        self,
        weights: "npt.ArrayLike",
        level: "npt.ArrayLike",
        noise: "npt.ArrayLike" = 0.0,
        noise_model: Noise | str = "adversarial",
    ) -> Array:
        """Return the bound for each row, in [0, 1].

        Parameters
        ----------
        weights : array_like of shape (rows, width) or (width,)
            A row is one sum; shorter ones are filled up with zeros.
        level : array_like, broadcast to (rows,)
            t.
        noise : array_like, broadcast to (rows,)
            z, not negative.
        noise_model : Noise or str

        Raises
        ------
        NotCoveredError
            If the tail is not valid for the noise model.
        """
        sums, size, law = self._sums(weights, level, noise, noise_model)
        return law.upper(sums, size)

    def lower(
        self,
        weights: "npt.ArrayLike",
        level: "npt.ArrayLike",
        noise: "npt.ArrayLike" = 0.0,
        noise_model: Noise | str = "adversarial",
    ) -> Array:
        """Return a lower bound of the probability for the worst noise of the model, or 0.

        Here sums within rounding of t do not reach it.
        """
        sums, size, law = self._sums(weights, level, noise, noise_model)
        return law.lower(sums, size)

    def ends(
        self,
        weights: "npt.ArrayLike",
        level: "npt.ArrayLike",
        noise: "npt.ArrayLike" = 0.0,
        noise_model: Noise | str = "adversarial",
        slack: "npt.ArrayLike" = 0.0,
        gap: "npt.ArrayLike" = 0.0,
    ) -> tuple[Array, Array]:
        """Return what the probability is at least and at most, for every noise of the model.

        The lower end is 0 where the tail does not bound from below. Sums within rounding of t reach
        it in the upper end, and do not in the lower one.

        Parameters
        ----------
        weights, level, noise, noise_model
            As in `upper`.
        slack : array_like, broadcast to (rows,)
            How near to t a sum is a tie, beyond the 1e-12; not negative.
        gap : array_like, broadcast to (rows,)
            Ends as near to one another as this are near enough: a tail that can come as near as it
            is asked to may stop there.
        """
        sums, size, law = self._sums(weights, level, noise, noise_model, slack, gap)
        low, high = law.ends(sums, size)
        return np.minimum(low, high), high

    def covers(self, noise: Noise) -> bool:
        """Return whether the tail is valid for a noise, by its own name or that of a weaker one."""
        instance(noise, Noise, f"{type(self).__name__}.covers: noise")
        return bool({noise.name, noise.as_good_as} & self.noise_models)

    # ---- hooks -------------------------------------------------------------------------------

    @abstractmethod
    def _upper(self, rows: Rows) -> Array:
        """Return an upper bound, float64 of shape (rows,); what exceeds 1 is cut off."""

    def _lower(self, rows: Rows) -> Array:
        """Return a lower bound, float64 of shape (rows,)."""
        return np.zeros(len(rows))

    def _ends(
        self, rows: Rows, lower_at: Array, upper_at: Array, gap: Array
    ) -> tuple[Array, Array]:
        """Return lower bounds at some levels and upper bounds at others, each (levels, rows).

        The level of the rows themselves is not looked at. A tail overrides this if many levels cost
        it little more than one, or if it can come as near as ``gap``, (rows,), asks for.
        """
        low, high = np.empty(lower_at.shape), np.empty(upper_at.shape)
        for number, level in enumerate(lower_at):
            low[number] = self._lower(rows.at(level))
        for number, level in enumerate(upper_at):
            high[number] = self._upper(rows.at(level))
        return low, high

    # ---- what comes before and after ---------------------------------------------------------

    def _sums(
        self,
        weights: Any,
        level: Any,
        noise: Any,
        noise_model: Noise | str,
        slack: Any = 0.0,
        gap: Any = 0.0,
    ) -> tuple["_Sums", Array, Noise]:
        name = type(self).__name__
        law = as_noise(noise_model, f"{name}: noise_model")
        if not self.covers(law):
            raise NotCoveredError(f"{name} is no bound for the noise model {quoted(law.name)}")
        w = np.abs(np.atleast_2d(real_array(weights, f"{name}: weights")))
        if w.ndim != 2:
            raise DcscError(f"{name}: weights: expected (rows, width), got shape {w.shape}")
        t = _column(level, f"{name}: level", len(w))
        size = _column(noise, f"{name}: noise", len(w), minimum=0.0)
        if law.name == "none" and size.any():
            raise DcscError(f"{name}: noise: expected 0, got {size[size != 0][0]}")
        w = w.astype(np.float64, copy=False)
        w.sort(axis=1)
        rows = Rows(w[:, ::-1], t, np.zeros(len(w)))
        near = _column(slack, f"{name}: slack", len(w), minimum=0.0)
        enough = _column(gap, f"{name}: gap", len(w), minimum=0.0)
        with np.errstate(over="ignore"):
            if not np.isfinite(rows.reach + np.abs(t) + size + near).all():
                raise DcscError(f"{name}: weights, level, noise and slack add up to no float")
        return _Sums(self, rows, near, enough), size, law

    def _end(self, rows: Rows, moved: Array, tie: float, hook: Any, name: str) -> Array:
        """Answer where the ℓ1 norm decides, and hand the rest to the hook."""
        edge = _Edge.of(rows, moved, tie, self.smooth)
        out = edge.certain.astype(np.float64)
        if edge.unsure.any():
            rest, _ = rows.at(edge.inside).take(edge.unsure).of_size_one()
            where = f"{type(self).__name__}.{name}"
            out[edge.unsure] = from_hook(hook(rest), (len(rest),), np.dtype(np.float64), where)
        return np.clip(out, 0.0, 1.0)

    def _two_ends(self, sums: "_Sums", below: list[Array], above: list[Array]) -> list[Array]:
        """Answer the same for lower ends at some shifts and upper ends at others."""
        rows, slack = sums.rows, sums.slack
        edges = [_Edge.of(rows, shift + slack, TOLERANCE, self.smooth) for shift in below]
        edges += [_Edge.of(rows, shift - slack, -TOLERANCE, self.smooth) for shift in above]
        out = np.stack([edge.certain.astype(np.float64) for edge in edges])
        unsure = np.stack([edge.unsure for edge in edges])
        some = np.asarray(unsure.any(axis=0))
        if some.any():
            rest, exponents = rows.at(edges[0].inside).take(some).of_size_one()
            levels = np.ldexp(np.stack([edge.inside[some] for edge in edges]), exponents)
            ends = self._ends(rest, levels[: len(below)], levels[len(below) :], sums.gap[some])
            where, shape = f"{type(self).__name__}._ends", (len(rest),)
            told = [
                from_hook(end, shape, np.dtype(np.float64), where) for each in ends for end in each
            ]
            out[:, some] = np.where(unsure[:, some], np.stack(told), out[:, some])
        return np.split(np.clip(out, 0.0, 1.0), [len(below)])


def _column(value: Any, where: str, rows: int, minimum: float = -math.inf) -> Array:
    """Return a number for each row."""
    array = real_array(value, where).astype(np.float64)
    if array.shape not in ((), (1,), (rows,)):
        raise DcscError(f"{where}: expected a number or {rows}, got shape {array.shape}")
    if (array < minimum).any():
        raise DcscError(f"{where}: expected at least {minimum:g}, got {array.min()}")
    return np.broadcast_to(array, (rows,))


@attrs.frozen(eq=False)
class _Edge:
    """A level of each row, moved by what is a tie.

    Parameters
    ----------
    certain : array of bool
        Whether the ℓ1 norm shows that every sum reaches it.
    unsure : array of bool
        Whether the ℓ1 norm does not decide.
    inside : array
        What is asked of a hook then.
    """

    certain: Array
    unsure: Array
    inside: Array

    @classmethod
    def of(cls, rows: Rows, shift: Array, tie: float, smooth: bool) -> "_Edge":
        reach = rows.reach
        with np.errstate(over="ignore"):  # infinite levels are far enough
            level = rows.level + shift
            far = _FAR * (reach + rows.spread)
        size = np.maximum(np.maximum(np.abs(rows.level), np.abs(shift)), reach)
        edge = level + math.copysign(1.0, tie) * np.maximum(abs(tie) * size, _SMALLEST)
        # beyond the ℓ1 norm on either side the sum always reaches the level, or never
        below = edge < -reach if tie > 0 else edge <= -reach
        noisy = rows.spread > 0
        unsure = ((edge <= reach) & (edge > -reach)) | noisy
        nearest = np.clip(level if smooth else edge, -reach, reach)
        return cls(below & ~noisy, unsure, np.where(noisy, np.clip(level, -far, far), nearest))


@attrs.frozen(eq=False)
class _Sums:
    """Rows, and the tail that a noise asks about them: a `SignedSums`."""

    tail: Tail
    rows: Rows
    slack: Array
    gap: Array

    @property
    def smooth(self) -> bool:
        return self.tail.smooth

    def upper(self, shift: Array) -> Array:
        moved = shift - self.slack
        return self.tail._end(self.rows, moved, -TOLERANCE, self.tail._upper, "_upper")

    def lower(self, shift: Array) -> Array:
        moved = shift + self.slack
        return self.tail._end(self.rows, moved, TOLERANCE, self.tail._lower, "_lower")

    def ends(self, below: list[Array], above: list[Array]) -> tuple[Array, Array]:
        low, high = self.tail._two_ends(self, below, above)
        return low, high

    def with_weight(self, size: Array) -> "_Sums":
        if not size.any():
            return self
        joint = np.sort(np.column_stack([self.rows.weights, size]), axis=1)[:, ::-1]
        return attrs.evolve(self, rows=attrs.evolve(self.rows, weights=joint))

    def with_spread(self, size: Array) -> "_Sums":
        return attrs.evolve(self, rows=attrs.evolve(self.rows, spread=size))
