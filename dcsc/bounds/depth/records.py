"""What is known of every layer of a model, averaged over draws of its signs."""

from typing import Any

import attrs

from dcsc._arrays import Array
from dcsc._display import Display, Displayed, Facts, ends
from dcsc._tables import Tabled, ends_of
from dcsc.bounds.hypotheses import Hypothesis
from dcsc.intervals import Interval

__all__ = ["AveragedLayer", "AveragedMeans", "Shares"]

_HEADINGS = ("", "recall", "missed", "false alarms", "wrong units", "basis")
_MEANS = ("recall", "missed", "false_alarms", "hamming")


@attrs.frozen(repr=False)
class Shares(Facts):
    r"""How much of one layer's support is right, each number between two ends.

    Parameters
    ----------
    missed, false_alarms : Interval
        Numbers of units: of those of the support T that are off after the threshold, and of those
        off T that are on.
    recall : Interval
        The share of T that is on; 1 where T is empty.
    hamming : Interval
        The share of all units that are wrong.
    """

    missed: Interval[float]
    false_alarms: Interval[float]
    recall: Interval[float]
    hamming: Interval[float]


@attrs.frozen(repr=False)
class AveragedLayer(Displayed):
    """What is known of one layer, in the mean over all signs of the model.

    Parameters
    ----------
    means : Shares
        Between what the means lie. Each of these intervals holds with the confidence that the
        `AveragedMeans` names, and surely if they are ``proved``.
    averages : Shares
        The same as it was in the draws, on average.
    units : Interval of arrays in the shape of the codes
        Between what the probability of each unit to be wrong was in the draws, on average.
    proved : bool
        Whether nothing was drawn: the means are exact, but for what keeps their ends apart.
    basis : str
        In words, what is exact, what was drawn, and for how many units which theorem has told.
    hypotheses : tuple of Hypothesis
        What is assumed in each draw.
    """

    means: Shares
    averages: Shares
    units: Interval[Array] = attrs.field(repr=False, eq=False)
    proved: bool
    basis: str
    hypotheses: tuple[Hypothesis, ...] = ()

    @property
    def missed(self) -> Interval[float]:
        """Expected number of units of T that are not found."""
        return self.means.missed

    @property
    def false_alarms(self) -> Interval[float]:
        """Expected number of units that are on and not in T."""
        return self.means.false_alarms

    @property
    def recall(self) -> Interval[float]:
        """Mean of the share of T that is found."""
        return self.means.recall

    @property
    def hamming(self) -> Interval[float]:
        """Expected share of wrong units."""
        return self.means.hamming

    def _display(self) -> Display:
        return Display(
            "Expected recall of one layer", _HEADINGS, [self._row("layer")], (self.basis,)
        )

    def _row(self, name: str) -> tuple[str, ...]:
        means = (ends(*getattr(self, name)) for name in _MEANS)
        return name, *means, "proved" if self.proved else "measured"


@attrs.frozen(repr=False)
class AveragedMeans(Displayed, Tabled):
    """What `told_means` and `actual_means` return.

    Parameters
    ----------
    layers : tuple of AveragedLayer
        ``layers[l - 1]`` for layer l.
    of : str
        Of which pass the supports are: ``"told"`` those below, or the ``"actual"`` one.
    draws : int
        How often the signs were drawn; 0 if that was not needed.
    confidence : float
        With what probability each interval of a layer that is not proved holds, by itself.
    inequalities : str
        What these intervals rest on.
    """

    layers: tuple[AveragedLayer, ...]
    of: str
    draws: int
    confidence: float
    inequalities: str

    @property
    def assumptions(self) -> tuple[str, ...]:
        """The conditions that could not be checked, each once."""
        statements = (h.statement for layer in self.layers for h in layer.hypotheses)
        return tuple(dict.fromkeys(statements))

    def _display(self) -> Display:
        surely = all(layer.proved for layer in self.layers)
        claim = (
            "proved"
            if surely
            else f"each with confidence {self.confidence:g} over {self.draws} draws"
        )
        return Display(
            f"Expected recall and false alarms of the {self.of} pass: {claim}",
            _HEADINGS,
            [layer._row(f"layer {at}") for at, layer in enumerate(self.layers, start=1)],
            () if surely else (f"Intervals over draws: {self.inequalities}.",),
        )

    def _table(self) -> dict[str, list[Any]]:
        table: dict[str, list[Any]] = {
            "layer": [f"layer {number}" for number in range(1, len(self.layers) + 1)]
        }
        for name in _MEANS:
            table |= ends_of(name, [getattr(layer, name) for layer in self.layers])
        return {**table, "proved": [layer.proved for layer in self.layers]}
