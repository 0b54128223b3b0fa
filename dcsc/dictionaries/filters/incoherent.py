"""Filters of low coherence, by descent on the correlations themselves."""

import math
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import scipy

from dcsc._arrays import Array, Rng, Shape, checked_size, generator, integer, numeric_array
from dcsc._threads import OneBlasThread
from dcsc.dictionaries.filters.common import checked, per_axis, unit
from dcsc.errors import DcscError

__all__ = ["low_coherence"]

# Slowly at first, where the filters find their places, and then towards the largest alone.
_POWERS = (3, 4, 5, 6, 8, 11, 16, 22, 32, 64, 128, 256, 512, 1024, 4096)
# Steps for each power; without a number of starts there are fewer, and as many starts as this many
# correlations allow, up to a few. Beside a start of many steps there are some of few: small banks
# gain more by where they begin.
_STEPS, _QUICK_STEPS = 150, 40
_CORRELATIONS, _MOST_STARTS, _BESIDE = 2**15, 24, 3


def low_coherence(
    n: int,
    c: int,
    kernel: int | Sequence[int],
    stride: int | Sequence[int] = 1,
    mask: "npt.ArrayLike | None" = None,
    starts: int | None = None,
    rng: Rng = None,
) -> Array:
    r"""Filters whose largest correlation, over all pairs and shifts, is about as small as can be.

    From normal filters on, a quasi-Newton method brings down

    .. math:: \Big(\sum_{(i, 0) \ne (j, s)} |R_{ij}(s)|^p\Big)^{1/p}, \qquad
        R_{ij}(s) = \sum_{c, u} w_i[c, u]\, w_j[c, u - s],

    over the shifts s of a dictionary of this stride, for p = 3, 4, …, 4096, where it is the largest
    correlation but for less than a per cent. Shape ``(n, c, *kernel)``.

    Parameters
    ----------
    n, c, kernel
        As in the module.
    stride : int or sequence of int, default 1
        Of the dictionary, one or one per axis.
    mask : array_like of bool, optional
        The taps that may differ from zero; it is broadcast to ``(n, c, *kernel)``.
    starts : int, optional
        How often to begin anew; the best filters are kept. By default as often as takes a second or
        two, once for large banks, and with fewer steps each time; from 8 starts on they are never
        worse than those of the default.
    rng : None, int, SeedSequence or Generator

    Raises
    ------
    DcscError
        If an argument is not as described, or the mask leaves a filter no tap.

    References
    ----------
    The floor of the coherence is after L. R. Welch, "Lower bounds on the maximum cross correlation
    of signals", IEEE Trans. Inf. Theory 20 (1974); J. Nocedal, "Updating quasi-Newton matrices with
    limited storage", Math. Comp. 35 (1980). The descent is our own.

    Examples
    --------
    >>> from dcsc import CirculantDictionary
    >>> from dcsc.dictionaries.filters import gaussian
    >>> for bank in gaussian(6, 3, 3, rng=0), low_coherence(6, 3, 3, rng=0):
    ...     dictionary = CirculantDictionary(bank, extent=16)
    ...     print(round(dictionary.mutual_coherence() / dictionary.welch_floor(), 1))
    3.9
    1.1
    """
    where = "low_coherence"
    n, c, kernel = checked(where, n, c, kernel)
    strides = per_axis(stride, len(kernel), f"{where}: stride")
    kept = _mask(mask, (n, c, *kernel), f"{where}: mask")
    table = _Correlations.of(kept, strides)
    # Pairs that can be told apart: all filters at all shifts.
    pairs = n * n * math.prod(2 * ((k - 1) // s) + 1 for k, s in zip(kernel, strides, strict=True))
    quick, thorough = min(_MOST_STARTS, max(1, _CORRELATIONS // pairs)), 0
    if starts is not None:
        thorough = integer(starts, f"{where}: starts", minimum=1)
        quick = min(quick, _BESIDE * thorough)
    source = generator(rng, f"{where}: rng")
    draws = [source.standard_normal(kept.shape) for _ in range(max(quick, thorough))]
    with OneBlasThread():  # the last bits would depend on their number
        banks = [table.descend(draw, _STEPS) for draw in draws[:thorough]]
        banks += [table.descend(draw, _QUICK_STEPS) for draw in draws[:quick]]
        best = min(banks, key=table.coherence)
    return unit(best)


def _mask(value: Any, shape: Shape, where: str) -> Array:
    """Return which taps are kept, bool of the shape of the filters."""
    if value is None:
        return np.ones(shape, dtype=bool)
    array = numeric_array(value, where) != 0
    try:
        kept = np.broadcast_to(array, shape)
    except ValueError:
        raise DcscError(f"{where}: expected an array for {shape}, got {array.shape}") from None
    empty = np.flatnonzero(~kept.reshape(len(kept), -1).any(axis=1))
    if len(empty):
        raise DcscError(f"{where}: expected a tap in every filter, got none in filter {empty[0]}")
    return kept


@attrs.frozen(eq=False)
class _Correlations:
    """The correlations of a bank, as numbers and as a function to bring down.

    Axes of taps, shifts and frequencies come first: what follows is a matrix for each of them.

    Parameters
    ----------
    mask : array of bool, shape (n, c, *kernel)
    grid : tuple of int
        How many shifts there are on each axis, as a circle on which none meets another.
    counted : array of shape (*grid, n, n)
        1 for the correlations that count: of shifts by the stride, but for a filter with itself.
    """

    mask: Array
    grid: Shape
    counted: Array

    @classmethod
    def of(cls, mask: Array, strides: Shape) -> "_Correlations":
        n, _, *kernel = mask.shape
        grid = tuple(scipy.fft.next_fast_len(2 * k - 1, real=True) for k in kernel)
        counted = np.ones(checked_size((*grid, n, n), "low_coherence: correlations"))
        for axis, (k, size, stride) in enumerate(zip(kernel, grid, strides, strict=True)):
            shift = np.minimum(np.arange(size), size - np.arange(size))
            on = (shift < k) & (shift % stride == 0)
            counted *= on.reshape(-1, *[1] * (len(grid) - axis + 1))
        counted[(0,) * len(grid)] -= np.eye(n)
        return cls(mask, grid, counted)

    def descend(self, filters: Array, steps: int) -> Array:
        """Return filters of lower coherence, after so many steps for each power."""
        point = (filters * self.mask).ravel()
        for power in _POWERS:
            point = scipy.optimize.minimize(
                self.norm,
                unit(point.reshape(self.mask.shape)).ravel(),
                args=(power,),
                jac=True,
                method="L-BFGS-B",
                options={"maxiter": steps, "ftol": 0, "gtol": 0},
            ).x
        return np.asarray(point.reshape(self.mask.shape))

    def coherence(self, filters: Array) -> float:
        """Return the largest correlation."""
        return float(np.abs(self._table(self._spectrum(unit(filters)))).max())

    def norm(self, point: Array, power: int) -> tuple[float, Array]:
        """Return the p-norm of the correlations of normalised filters, and its gradient."""
        shape, axes = self.mask.shape, tuple(range(1, self.mask.ndim))
        raw = point.reshape(shape) * self.mask
        length = np.sqrt(np.square(raw).sum(axis=axes, keepdims=True))
        filters = raw / length
        spectrum = self._spectrum(filters)
        table = self._table(spectrum)
        sizes = np.abs(table)
        largest = float(sizes.max())
        if largest == 0:
            return 0.0, np.zeros_like(point)
        t = sizes / largest
        # t^p by squaring, from the first digit of p on.
        powers = t
        for digit in f"{power:b}"[1:]:
            powers = np.square(powers) * t if digit == "1" else np.square(powers)
        total = float(powers.sum())
        norm = largest * total ** (1 / power)
        # The slope in R_ij(s) is (|R|/norm)^(p−1) with its sign; each pair occurs twice.
        slope = np.divide(powers, t, out=np.zeros_like(t), where=t > 0)
        slope = np.copysign(slope * total ** (1 / power - 1), table)
        lines = tuple(range(len(self.grid)))
        waves = scipy.fft.rfftn(slope, axes=lines) @ spectrum
        inside = tuple(slice(k) for k in shape[2:])
        taps = scipy.fft.irfftn(waves, self.grid, axes=lines)[inside]
        gradient = 2 * np.moveaxis(taps, (-2, -1), (0, 1)) * self.mask
        # Only what is orthogonal to a filter changes its direction.
        gradient -= filters * (gradient * filters).sum(axis=axes, keepdims=True)
        return norm, (gradient / length).ravel()

    def _spectrum(self, filters: Array) -> Array:
        taps = np.moveaxis(filters, (0, 1), (-2, -1))
        return scipy.fft.rfftn(taps, self.grid, axes=tuple(range(len(self.grid))))

    def _table(self, spectrum: Array) -> Array:
        """Return R_ij(s), and 0 for what does not count."""
        products = spectrum @ np.conj(np.swapaxes(spectrum, -1, -2))
        table = scipy.fft.irfftn(products, self.grid, axes=tuple(range(len(self.grid))))
        return table * self.counted
