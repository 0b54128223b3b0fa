"""What an analysis returns: records of numbers, layer by layer."""

import math
from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Array, integer, real
from dcsc._display import Display, Displayed, digits, percent, times
from dcsc._fields import number_field
from dcsc.networks.analysis.coded import CodedLayer
from dcsc.networks.analysis.codes import CodeFacts, TheoremFacts
from dcsc.networks.analysis.filters import FilterFacts
from dcsc.networks.analysis.inputs import Inputs
from dcsc.networks.analysis.own import OwnFacts
from dcsc.networks.analysis.partial import PartialFacts
from dcsc.networks.analysis.perturbed import StabilityFacts
from dcsc.networks.analysis.resynthesis import Found
from dcsc.networks.analysis.safety import SafetyFacts
from dcsc.overlap import PathwayOverlap

__all__ = ["Analysis", "LayerAnalysis", "Limits", "ResynthesisFacts"]

_NO_NUMBERS = {"numbers": False}
_HEADINGS = ("", "filters", "coherence", "on", "theorems", "found", "false alarms a unit")


@attrs.frozen
class Limits:
    """How much work an analysis may take; the analysis says what it leaves out for that reason.

    Parameters
    ----------
    inputs : int
        How many inputs are looked at.
    proved, resynthesized : int
        For how many of them theorems are asked and perturbations looked at, and pathways
        synthesised again.
    draws : int
        Draws of the signs in resynthesis.
    placed : int
        Draws of the signs among which the network's own are placed.
    units : int
        Active units of a layer, and inactive ones, whose safety is computed.
    twins : int
        Random layers to compare the coherence with.
    products : float
        About how many multiplications each of these parts may take for one layer.
    """

    inputs: int = number_field(integer, default=300, minimum=1)
    proved: int = number_field(integer, default=20, minimum=0)
    resynthesized: int = number_field(integer, default=20, minimum=0)
    draws: int = number_field(integer, default=5, minimum=1)
    placed: int = number_field(integer, default=99, minimum=0)
    units: int = number_field(integer, default=200, minimum=0)
    twins: int = number_field(integer, default=5, minimum=0)
    products: float = number_field(real, default=1e10, minimum=0)


@attrs.frozen
class ResynthesisFacts:
    """How much of a layer's pathway is found again.

    Parameters
    ----------
    signs : str
        ``"random"`` or ``"none"``.
    alone : Found or None
        From the layer's own signal; None if no unit is on.
    whole : Found or None
        From the signal of the lowest layer that the codes reach down to.
    depth : int
        How many layers lie on that way.
    inputs, draws : int
        What it is a mean over; without random signs one draw is all.
    """

    signs: str
    alone: Found | None
    whole: Found | None
    depth: int
    inputs: int
    draws: int


@attrs.frozen(eq=False, repr=False)
class LayerAnalysis(Displayed):
    """What was found out about one layer.

    Parameters
    ----------
    name : str
    filters : FilterFacts
    codes : CodeFacts or None
        None, like what follows, where there are no inputs or they do not reach the layer.
    theorems : tuple of TheoremFacts
    partial : PartialFacts or None
        How much is proved to be found again.
    safety : SafetyFacts or None
    resynthesis : tuple of ResynthesisFacts
        Empty if it would take too long.
    reach : tuple of str
        The layers from the lowest one that the codes reach down to, up to this one.
    start : str
        What the signal of that lowest one is.
    coded : CodedLayer or None
        The codes themselves.
    stability : StabilityFacts or None
        None where no perturbation was asked for, or bounds do not reach.
    own : OwnFacts or None
        The network's own signs among random ones; None if that would take too long.
    """

    name: str
    filters: FilterFacts
    codes: CodeFacts | None = None
    theorems: tuple[TheoremFacts, ...] = ()
    partial: PartialFacts | None = None
    safety: SafetyFacts | None = None
    resynthesis: tuple[ResynthesisFacts, ...] = ()
    reach: tuple[str, ...] = ()
    start: str = ""
    coded: CodedLayer | None = attrs.field(default=None, metadata=_NO_NUMBERS)
    stability: StabilityFacts | None = None
    own: OwnFacts | None = None

    def _display(self) -> Display:
        return Display(f"Analysis of layer {self.name}", _HEADINGS, [_row(self)])


@attrs.frozen(eq=False, repr=False)
class Analysis(Displayed):
    """What was found out about a network.

    Parameters
    ----------
    source : str
        Name of the file.
    layers : tuple of LayerAnalysis
    inputs : Inputs or None
    given : int
        How many inputs there were, of which those in ``inputs`` were looked at.
    stops, notes : tuple of str
        Where the forward pass stopped, and what was said when the network was read.
    overlap : PathwayOverlap or None
        For labelled inputs.
    answers : array of int, or None
        The largest entry of the output for each input, if the output has one row for each.
    noise, seed, limits, perturbation
        What was asked for.
    unbounded : tuple of str
        Where the bounds of perturbed inputs stopped.
    """

    source: str
    layers: tuple[LayerAnalysis, ...]
    inputs: Inputs | None = attrs.field(metadata=_NO_NUMBERS)
    given: int
    stops: tuple[str, ...]
    notes: tuple[str, ...]
    overlap: PathwayOverlap | None
    answers: Array | None = attrs.field(metadata=_NO_NUMBERS)
    noise: float
    seed: int
    limits: Limits
    perturbation: float | None = None
    unbounded: tuple[str, ...] = ()

    def _display(self) -> Display:
        looked = "" if self.inputs is None else f", {self.inputs.count} of {self.given} inputs"
        return Display(
            f"Analysis of {self.source}: {len(self.layers)} layers{looked}",
            _HEADINGS,
            [_row(layer) for layer in self.layers],
            (*self.stops, *self.notes),
        )

    def numbers(self) -> dict[str, Any]:
        """Return all numbers in types that JSON has; None stands where a number is missing."""
        record = attrs.asdict(
            self, filter=lambda field, _: not field.metadata, value_serializer=_plain
        )
        inputs = self.inputs
        record["inputs"] = inputs and {
            "name": inputs.name,
            "note": inputs.note,
            "count": inputs.count,
            "labels": None if inputs.labels is None else inputs.labels.tolist(),
            "answers": None if self.answers is None else self.answers.tolist(),
        }
        return record


def _row(layer: LayerAnalysis) -> tuple[str, ...]:
    codes, random = layer.codes, next((x for x in layer.resynthesis if x.signs == "random"), None)
    alone = None if random is None else random.alone
    return (
        layer.name,
        times(layer.filters.shape),
        "–" if layer.filters.own is None else digits(layer.filters.own.value),
        percent(None if codes is None else float(np.median(codes.density))),
        f"{sum(x.holds > 0 for x in layer.theorems)} of {len(layer.theorems)}",
        percent(None if alone is None else alone.found),
        digits(None if alone is None else alone.false_alarms),
    )


def _plain(_: Any, field: Any, value: Any) -> Any:
    """Return arrays as lists, and what is not a finite number as None."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(None, None, item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
