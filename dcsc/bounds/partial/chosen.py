"""A threshold that an objective has chosen, with what it is good for at both ends."""

import attrs

from dcsc._display import Display, Displayed, ends, interval
from dcsc.bounds.objectives import Objective
from dcsc.bounds.partial.guarantee import LayerPartial
from dcsc.intervals import Interval
from dcsc.projections.base import Threshold

__all__ = ["ChosenThreshold"]


@attrs.frozen(repr=False)
class ChosenThreshold(Displayed):
    """A threshold, and how much of the support is right with it: finds and false alarms together.

    Parameters
    ----------
    threshold : float or array of shape (filters,)
    objective : Objective
        What it was chosen for.
    part : LayerPartial
        What is proved of the layer with it.
    """

    threshold: Threshold = attrs.field(eq=False)
    objective: Objective
    part: LayerPartial

    @property
    def recall(self) -> Interval[float]:
        """Mean of the share of the support that is found."""
        return self.part.recall

    @property
    def missed(self) -> Interval[float]:
        """Expected number of units of the support that are not found."""
        return self.part.missed

    @property
    def false_alarms(self) -> Interval[float]:
        """Expected number of units that are on and not in the support."""
        return self.part.false_alarms

    def _display(self) -> Display:
        return Display(
            f"Threshold {interval(*self.part.threshold)} for {self.objective!r}",
            ("", "recall", "missed", "false alarms", "false alarms per active unit"),
            [
                (
                    "layer",
                    ends(*self.recall),
                    ends(*self.missed),
                    ends(*self.false_alarms),
                    ends(*self.part.false_per_active),
                )
            ],
        )
