"""The one rule of ties: what is too near to a threshold to be decided, and what is no number."""

import numpy as np
import numpy.typing as npt

from dcsc._arrays import Array
from dcsc.dictionaries import Dictionary
from dcsc.errors import DcscError

__all__ = [
    "LARGEST",
    "SMALLEST",
    "TOLERANCE",
    "check_strengths",
    "check_units",
    "rounding_of",
    "strictly_below",
    "tolerance_of",
]

TOLERANCE = 1e-12
"""What is closer than this, relative to what may enter a comparison, is a tie in float64."""

SMALLEST, LARGEST = 1e-150, 1e150
"""Coefficients c² |x| are taken from here to there, where their squares are numbers too."""


def strictly_below(small: float, large: float, slack: float) -> bool:
    """Decide a strict inequality of two coefficients; in doubt it is false."""
    return large - small > slack if np.isfinite(large) else small < large


def rounding_of(dictionary: Dictionary, codes: Array) -> float:
    """Return n·eps for a model that computes with this dictionary and these codes.

    A sample of A x is a sum over the atoms that are active there, at most a full stripe of them,
    and a coefficient one over the samples of a patch. As much again is for the sums over rows of G.
    """
    active = int(np.max(dictionary.stripe_sparsity(codes), initial=0))
    roundings = dictionary.patches.size + active + 4
    return roundings * float(np.finfo(np.result_type(dictionary._dtype(), codes.dtype)).eps)


def tolerance_of(dictionary: Dictionary, codes: Array, share: float = 1.0) -> float:
    """Return up to what share of its terms a coefficient is a tie, `TOLERANCE` or rounding's.

    Of rounding only a share may count. No more atoms are active than a stripe holds: in double
    precision this decides for all codes, and none are counted.
    """
    eps = float(np.finfo(np.result_type(dictionary._dtype(), codes.dtype)).eps)
    most = dictionary.patches.size + dictionary.stripes.size + 4
    if most * eps * share <= TOLERANCE:
        return TOLERANCE
    return max(TOLERANCE, rounding_of(dictionary, codes) * share)


def check_units(strengths: "npt.ArrayLike", where: str) -> None:
    """Refuse coefficients whose squares overflow or underflow; zeros are allowed.

    Raises
    ------
    DcscError
        If a coefficient lies outside of 1e-150 to 1e150.
    """
    sizes = np.abs(np.asarray(strengths, dtype=np.float64))
    outside = sizes[(sizes != 0) & ~((sizes >= SMALLEST) & (sizes <= LARGEST))]
    if outside.size:
        raise DcscError(
            f"{where}: expected coefficients c² |x| between {SMALLEST:g} and {LARGEST:g}, got "
            f"{outside[0]:g}: give filters, codes and noise in other units"
        )


def check_strengths(norms: "npt.ArrayLike", sizes: "npt.ArrayLike", where: str) -> None:
    """Refuse shares c² |x| as `check_units` does, also those that are rounded to 0 or infinity.

    Parameters
    ----------
    norms : array_like
        c.
    sizes : array_like
        ``|x|``.
    where : str
        The argument, for the message of an error.
    """
    c, x = (np.asarray(factor, dtype=np.float64) for factor in (norms, sizes))
    with np.errstate(over="ignore"):
        shares = c * (c * x)
    lost = (shares == 0) & (c != 0) & (x != 0)
    check_units(np.where(lost, np.finfo(np.float64).smallest_subnormal, shares), where)
