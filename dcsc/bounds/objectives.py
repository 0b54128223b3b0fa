"""What a threshold is to be good for: a family, each a cost of misses and false alarms.

A new one is a subclass of `Objective` with ``_costs``.
"""

from abc import ABC, abstractmethod

import attrs
import numpy as np
import numpy.typing as npt

from dcsc._arrays import Array, from_hook, frozen_array, real, real_array
from dcsc._fields import number_field
from dcsc.errors import DcscError

__all__ = ["ExpectedWrong", "FewestMissed", "Objective"]

_HALVINGS = 50
_STEEPEST = 1e9
_ROUNDING = 1e-12


class Objective(ABC):
    r"""What the thresholds of a layer are to make as small as possible.

    A subclass supplies ``_costs``. Misses rise with a threshold, false alarms fall, and so either
    number alone is least where the other is worst: an objective looks at both.

    Laws, of the least cost of each group of filters:

    - it does not depend on the order of the groups
    - where no place has false alarms, it is at the fewest misses
    - a place with more of both costs no less than the other
    """

    def costs(self, missed: "npt.ArrayLike", false_alarms: "npt.ArrayLike") -> Array:
        """Return a cost of every place, whose least is wanted; infinite where it is not allowed.

        Parameters
        ----------
        missed, false_alarms : array_like of shape (places, groups)
            What is expected of each group of filters at one threshold, places from small to large.

        Examples
        --------
        >>> FewestMissed(2.0).costs([[0.0], [1.0], [3.0]], [[5.0], [2.0], [0.0]]).ravel()
        array([inf,  1.,  3.])
        """
        name = f"{type(self).__name__}.costs"
        numbers = [
            real_array(value, f"{name}: {word}").astype(np.float64)
            for value, word in ((missed, "missed"), (false_alarms, "false_alarms"))
        ]
        shape = numbers[0].shape
        if len(shape) != 2 or numbers[1].shape != shape or not len(numbers[0]):
            raise DcscError(
                f"{name}: missed, false_alarms: expected two of one shape, (places, groups), got "
                f"{shape} and {numbers[1].shape}"
            )
        frozen = [frozen_array(number) for number in numbers]
        return from_hook(self._costs(*frozen), shape, np.dtype(np.float64), f"{name[:-5]}_costs")

    @abstractmethod
    def _costs(self, missed: Array, false_alarms: Array) -> Array:
        """Return what `costs` returns, float64; the groups may share a joint limit."""


@attrs.frozen
class ExpectedWrong(Objective):
    """As few wrong units as possible, misses and false alarms alike.

    On dense codes this is a trap: where a false alarm is as likely as a find, all units off may be
    the best that there is.
    """

    def _costs(self, missed: Array, false_alarms: Array) -> Array:
        return missed + false_alarms


@attrs.frozen
class FewestMissed(Objective):
    r"""As few misses as possible with no more than so many false alarms.

    With several groups of filters the budget is shared out by a multiplier λ, the least for which
    the minima of :math:`\text{missed} + \lambda\, \text{false alarms}` keep to it together; what is
    left of it goes where it buys most.

    Parameters
    ----------
    false_alarms : float
        Expected number of units that are on and should not be, over all columns.
    """

    false_alarms: float = number_field(real, minimum=0)

    def _costs(self, missed: Array, false_alarms: Array) -> Array:
        places = self._places(missed, false_alarms)
        allowed = np.arange(len(missed))[:, None] >= places
        return np.where(allowed, missed, np.inf)

    def _places(self, missed: Array, raised: Array) -> Array:
        """Return the first place of each group that the budget allows."""
        groups = np.arange(missed.shape[1])
        limit = self.false_alarms * (1 + _ROUNDING)
        best = raised.argmin(axis=0)  # where no place keeps to the budget, the nearest to it
        low, high = 1 / _STEEPEST, _STEEPEST
        for _ in range(_HALVINGS):
            price = np.sqrt(low * high)
            places = (missed + price * raised).argmin(axis=0)
            if raised[places, groups].sum() <= limit:
                best, high = places, price
            else:
                low = price
        return self._filled(best, missed, raised, limit)

    def _filled(self, places: Array, missed: Array, raised: Array, limit: float) -> Array:
        """Return places as low as what is left of the budget allows, the best bargains first."""
        groups = np.arange(missed.shape[1])
        for _ in range(missed.size):
            left = limit - raised[places, groups].sum()
            gain = missed[places, groups] - missed
            cost = np.maximum(raised - raised[places, groups], 0.0)
            bought = (gain > 0) & (cost <= left) & (np.arange(len(missed))[:, None] < places)
            if not bought.any():
                break
            with np.errstate(divide="ignore", invalid="ignore"):
                bargain = np.where(bought, gain / cost, -1.0)
            place, group = np.unravel_index(bargain.argmax(), bargain.shape)
            places = np.where(groups == group, place, places)
        return places
