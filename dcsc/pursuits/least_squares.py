"""Least squares on the support of a code, by conjugate gradients."""

import numpy as np

from dcsc._arrays import Array
from dcsc._numerics.scaling import exponents, norms, times_power
from dcsc.dictionaries import Dictionary
from dcsc.pursuits.descent import spread

__all__ = ["least_squares"]

# The slope has to fall below this share of what it is for a code of zeros, or below rounding.
_TOLERANCE, _ROUNDINGS = 1e-13, 4
_FLAT = 1e-14
# Of a beginning whose image is so many times its signal, digits would be lost.
_FAR = 1e3


def least_squares(
    operator: Dictionary, signals: Array, codes: Array, step: float, iterations: int
) -> tuple[Array, Array]:
    r"""Return codes of least squares on the supports of others, and the steps that it took.

    On the support T the residual is least where :math:`A_T^T (y - A_T x) = 0`. Where the atoms of T
    depend on each other many codes are so good, and conjugate gradients go to the one nearest to
    where they begin. No step of theirs lets the residual rise. A beginning that makes a signal a
    thousand times as large is scaled to fit best: from so far, digits would be lost.

    Parameters
    ----------
    operator : Dictionary
    signals : array of float64, shape (batch, *signal_shape)
    codes : array of float64, shape (batch, *code_shape)
        Where it begins; what is zero stays so.
    step : float
        1/‖A‖², or less, as of `safe_step`.
    iterations : int
        The most steps to take.
    """
    # In units in which the signal is about 1.
    size = exponents(signals, tuple(range(1, signals.ndim)))
    unit = times_power(signals, -size)
    size = size.reshape(-1, *[1] * (codes.ndim - 1))
    solution, support = times_power(codes, -size), codes != 0
    solution *= spread(_fit(unit, operator.synthesize(solution)), solution)
    residual = unit - operator.synthesize(solution)
    slope = operator.analyze(residual) * support
    start = _square(operator.analyze(unit) * support)
    rounding = _ROUNDINGS * np.finfo(np.float64).eps
    enough = np.maximum(_TOLERANCE**2 * start, rounding**2 * _square(unit) / step)
    direction, square = slope.copy(), _square(slope)
    taken = np.zeros(len(signals), dtype=np.int64)
    running = square > enough
    for _ in range(iterations):
        if not running.any():
            break
        # Where a direction changes nothing of the signal, there is no going on.
        image = operator.synthesize(direction)
        curvature = _square(image)
        running = running & (curvature * step > _FLAT**2 * _square(direction))
        length = np.divide(square, curvature, out=np.zeros_like(square), where=running)
        solution += spread(length, direction) * direction
        residual -= spread(length, image) * image
        taken += running
        slope = operator.analyze(residual) * support
        following = _square(slope)
        turn = np.divide(following, square, out=np.zeros_like(square), where=running)
        direction = slope + spread(turn, direction) * direction
        running, square = running & (following > enough), following
    return times_power(solution, size), taken


def _fit(signals: Array, images: Array) -> Array:
    """Return 1, or where an image is far larger than its signal the factor that fits best."""
    sizes = norms(images.reshape(len(images), -1), (1,))
    units = images / spread(np.where(sizes > 0, sizes, 1.0), images)
    along = (signals * units).reshape(len(images), -1).sum(axis=1)
    far = sizes > _FAR * norms(signals.reshape(len(signals), -1), (1,))
    return np.divide(along, sizes, out=np.ones_like(sizes), where=far)


def _square(array: Array) -> Array:
    return np.square(norms(array.reshape(len(array), -1), (1,)))
