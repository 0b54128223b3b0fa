"""What the error that enters a layer may depend on: a family, each with what it does to a tail.

A new one is a subclass of `Noise` with ``upper`` and ``lower``. `as_noise` knows the ones here by
name.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Protocol, Self

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc._words import quoted
from dcsc.errors import DcscError

__all__ = [
    "Adversarial",
    "Gaussian",
    "Independent",
    "Martingale",
    "NoNoise",
    "Noise",
    "SignedSums",
    "as_noise",
]


_STEPS = 32


class SignedSums(Protocol):
    """Rows of sums Σ w_j ε_j and a tail of them, for a noise to ask."""

    @property
    def smooth(self) -> bool:
        """Whether the tail is continuous in the level and rises with every weight."""

    def upper(self, shift: Array) -> Array:
        """Return a bound of P(Σ w_j ε_j ≥ t + shift) from above."""

    def lower(self, shift: Array) -> Array:
        """Return a bound of P(Σ w_j ε_j ≥ t + shift) from below."""

    def ends(self, below: list[Array], above: list[Array]) -> tuple[Array, Array]:
        """Return bounds from below at some shifts and from above at others, a row for each."""

    def with_weight(self, size: Array) -> Self:
        """Return the rows with one more weight each."""

    def with_spread(self, size: Array) -> Self:
        """Return the rows with a normal summand of this standard deviation."""


class Noise(ABC):
    r"""The law of the error ν that a coefficient sees besides the signs, of a size z ≥ 0.

    In :math:`P(\sum_j w_j \varepsilon_j + \nu \ge t)` the sum is what fair signs make of the codes.
    The layer says how large ν is: z is the norm of an atom times ζ, or for `Gaussian` times the
    standard deviation of a sample.

    Laws, for the ends of every tail that is valid for it:

    - at z = 0 they are those of the sum alone
    - ``upper`` rises with z if that is a bound of |ν|, and is at least the probability for every ν
      that the noise allows
    - ``lower`` is at most the largest of these probabilities
    - of ``ends``, the first is at most the smallest of them, the second at least the largest

    Attributes
    ----------
    name : str
        What it is called in files, and in `Tail.noise_models` of the tails that are valid for it.
    as_good_as : str
        The name of a noise all of whose tails are valid for this one too; empty if there is none.
    statement : str
        What a guarantee then assumes of the error; empty if nothing but its size.
    bounded : bool
        Whether |ν| ≤ z.
    shifts : bool
        Whether ν may be chosen against the signs, so that at its worst it moves t by z.
    """

    name: ClassVar[str]
    as_good_as: ClassVar[str] = ""
    statement: ClassVar[str] = ""
    bounded: ClassVar[bool] = True
    shifts: ClassVar[bool] = False

    @abstractmethod
    def upper(self, sums: SignedSums, size: Array) -> Array:
        """Return a bound of the probability from above, for the worst ν of this size."""

    @abstractmethod
    def lower(self, sums: SignedSums, size: Array) -> Array:
        """Return a bound from below of the probability for the worst ν of this size."""

    def ends(self, sums: SignedSums, size: Array) -> tuple[Array, Array]:
        """Return bounds of the probability, from below and above, for every ν of this size.

        By default the one from below is that of a ν which is known by its size alone.
        """
        least = sums.lower(size) if self.bounded else np.where(size > 0, 0.0, sums.lower(0 * size))
        return least, self.upper(sums, size)

    def refusal(self, number: int, size: float, unbiased: Sequence[bool]) -> str | None:
        """Return why an error of patch norm ``size`` cannot be of this kind at a layer, or None.

        Parameters
        ----------
        number : int
            Of the layer, from 1.
        size : float
        unbiased : sequence of bool
            Whether the error of each layer below has mean zero given its signs.
        """
        return None

    def reach(self, size: Array) -> Array:
        """Return the largest value of ν."""
        return size if self.bounded else np.where(size > 0, np.inf, 0.0)

    def softened(self, level: Array, size: Array) -> tuple[Array, Array]:
        """Return a level, and the deviation of a sub-Gaussian summand, that are no better than ν.

        For tails that only know the variance of a sum.
        """
        return (level - size, np.zeros_like(level)) if self.shifts else (level, size)


@attrs.frozen
class NoNoise(Noise):
    """ν = 0."""

    name: ClassVar[str] = "none"

    def refusal(self, number: int, size: float, unbiased: Sequence[bool]) -> str | None:
        return f"the noise model is none, but the noise is {size:.6g}" if size else None

    def upper(self, sums: SignedSums, size: Array) -> Array:
        return sums.upper(0 * size)

    def lower(self, sums: SignedSums, size: Array) -> Array:
        return sums.lower(0 * size)

    def ends(self, sums: SignedSums, size: Array) -> tuple[Array, Array]:
        return _alone(sums, size)


def _alone(sums: SignedSums, size: Array) -> tuple[Array, Array]:
    """Return the ends of sums to which nothing is added."""
    (low,), (high,) = sums.ends([0 * size], [0 * size])
    return low, high


def _of_layer_below(number: int) -> str | None:
    """Return why an error cannot be independent of the signs above layer 1, or None."""
    return f"the error of layer {number - 1} depends on its signs" if number > 1 else None


@attrs.frozen
class Independent(Noise):
    r"""\|ν\| ≤ z, symmetric and independent of the signs."""

    name: ClassVar[str] = "independent"
    statement: ClassVar[str] = "the noise is independent of the signs"

    def refusal(self, number: int, size: float, unbiased: Sequence[bool]) -> str | None:
        return _of_layer_below(number)

    def upper(self, sums: SignedSums, size: Array) -> Array:
        # ν is a mixture of ±r with r ≤ z: at most one more weight z, or for a tail F with steps
        # (F(t - r) + F(t + r)) / 2 ≤ (F(t - z) + F(t)) / 2
        if sums.smooth or not size.any():
            return sums.with_weight(size).upper(0 * size)
        return (sums.upper(-size) + sums.upper(0 * size)) / 2

    def lower(self, sums: SignedSums, size: Array) -> Array:
        return (sums.lower(-size) + sums.lower(size)) / 2

    def ends(self, sums: SignedSums, size: Array) -> tuple[Array, Array]:
        if sums.smooth or not size.any():
            low, high = _alone(sums.with_weight(size), size)
            return np.where(size > 0, 0.0, low), high
        # of the two halves of the mixture, r moves one down not at all, the other by at most z
        low, high = sums.ends([0 * size, size], [-size, 0 * size])
        return low.mean(axis=0), high.mean(axis=0)


@attrs.frozen
class Martingale(Noise):
    r"""\|ν\| ≤ z, of mean zero given the signs."""

    name: ClassVar[str] = "martingale"
    statement: ClassVar[str] = "the error entering has mean zero, given the signs"

    def refusal(self, number: int, size: float, unbiased: Sequence[bool]) -> str | None:
        for below, fair in enumerate(unbiased, start=1):
            if not fair:
                return (
                    f"layer {below} leaves an error whose mean is not zero: it shrinks, or its "
                    "atoms are not of unit norm"
                )
        return None

    def upper(self, sums: SignedSums, size: Array) -> Array:
        if sums.smooth or not size.any():
            # exp(λν) has at most the mean cosh λz, that of one more weight
            return sums.with_weight(size).upper(0 * size)
        _, high = sums.ends([], list(-_steps(size)[1:]))
        return _stairs(high, high[-1])

    def lower(self, sums: SignedSums, size: Array) -> Array:
        if sums.smooth or not size.any():
            return sums.lower(0 * size)
        low, _ = sums.ends(list(-_steps(size)), [])
        return _stairs(low[:-1], low[-1])

    def ends(self, sums: SignedSums, size: Array) -> tuple[Array, Array]:
        if sums.smooth or not size.any():
            return super().ends(sums, size)
        # the largest share that falls below the level is the same for -ν
        steps = list(_steps(size)[1:])
        low, high = sums.ends(steps, [-step for step in steps])
        return _stairs(low, low[-1]), _stairs(high, high[-1])


def _steps(size: Array) -> Array:
    r"""Return where the largest share of ν that makes up for what is missing has fallen by a step.

    Where the sum lacks a, Markov's inequality for ν + z gives :math:`P(\nu \ge a) \le z / (z + a)`
    up to a = z, and a law on {-z, a} attains it: from 1 at a = 0 the share falls to 1/2 at a = z,
    and then to 0. Counted a step later than it falls it is bounded from above, a step earlier from
    below.
    """
    fallen = np.arange(_STEPS + 1) / (2 * _STEPS)
    return size * (fallen / (1 - fallen))[:, None]


def _stairs(each: Array, last: Array) -> Array:
    """Return the mean over a share that falls from 1 to 1/2 in equal steps, and at last to 0."""
    return (each.mean(axis=0) + last) / 2


@attrs.frozen
class Adversarial(Noise):
    r"""\|ν\| ≤ z, whatever it depends on."""

    name: ClassVar[str] = "adversarial"
    shifts: ClassVar[bool] = True

    def upper(self, sums: SignedSums, size: Array) -> Array:
        return sums.upper(-size)

    def lower(self, sums: SignedSums, size: Array) -> Array:
        return sums.lower(-size)

    def ends(self, sums: SignedSums, size: Array) -> tuple[Array, Array]:
        (low,), (high,) = sums.ends([size], [-size])
        return low, high


@attrs.frozen
class Gaussian(Noise):
    """Normal ν of standard deviation z, independent of the signs."""

    name: ClassVar[str] = "gauss"
    statement: ClassVar[str] = "the noise is normal and independent of the signs"
    bounded: ClassVar[bool] = False

    def refusal(self, number: int, size: float, unbiased: Sequence[bool]) -> str | None:
        return _of_layer_below(number)

    def upper(self, sums: SignedSums, size: Array) -> Array:
        return sums.with_spread(size).upper(0 * size)

    def lower(self, sums: SignedSums, size: Array) -> Array:
        return sums.with_spread(size).lower(0 * size)

    def ends(self, sums: SignedSums, size: Array) -> tuple[Array, Array]:
        return _alone(sums.with_spread(size), size)


_NAMED = {kind.name: kind for kind in (NoNoise, Independent, Martingale, Adversarial, Gaussian)}


def as_noise(value: Any, where: str = "noise_model") -> Noise:
    """Return a noise as it is, or the one of that name.

    Parameters
    ----------
    value : Noise or str
        ``"none"``, ``"independent"``, ``"martingale"``, ``"adversarial"`` or ``"gauss"``.
    where : str
        The argument, for the message of an error.
    """
    if isinstance(value, Noise):
        return value
    if isinstance(value, str) and value in _NAMED:
        return _NAMED[value]()
    raise DcscError(
        f"{where}: expected one of {', '.join(_NAMED)}, or a Noise, got {quoted(value)}"
    )
