"""What an analysis says of one layer."""

import attrs
import numpy as np

from dcsc._display import Display, Displayed, Facts, at_least, digits, percent
from dcsc._words import as_layer
from dcsc.networks.analysis.coded import CodedLayer
from dcsc.networks.analysis.codes import CodeFacts, TheoremFacts
from dcsc.networks.analysis.filters import FilterFacts
from dcsc.networks.analysis.own import OwnFacts
from dcsc.networks.analysis.partial import PartialFacts
from dcsc.networks.analysis.perturbed import StabilityFacts
from dcsc.networks.analysis.resynthesis import Found
from dcsc.networks.analysis.safety import SafetyFacts

__all__ = ["HEADINGS", "NO_NUMBERS", "LayerAnalysis", "ResynthesisFacts", "remark_of", "row_of"]

NO_NUMBERS = {"numbers": False}
HEADINGS = ("", "filters", "coherence", "on", "theorems", "found", "false alarms")


@attrs.frozen(repr=False)
class ResynthesisFacts(Facts):
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
    coded: CodedLayer | None = attrs.field(default=None, metadata=NO_NUMBERS)
    stability: StabilityFacts | None = None
    own: OwnFacts | None = None

    def _display(self) -> Display:
        decided = self.stability is not None
        headings = HEADINGS + (("decided",) if decided else ())
        told = () if self.codes is None else (remark_of(decided),)
        return Display(f"Analysis of layer {self.name}", headings, [row_of(self, decided)], told)


def remark_of(decided: bool) -> str:
    """Say which columns are proved."""
    return (
        f"proved: theorems{', decided' if decided else ''}; measured with random signs: found, "
        "false alarms"
    )


def row_of(layer: LayerAnalysis, decided: bool) -> tuple[str, ...]:
    """Return the cells of a layer under `HEADINGS`, and what of perturbed inputs is decided."""
    codes, random = layer.codes, next((x for x in layer.resynthesis if x.signs == "random"), None)
    alone = None if random is None else random.alone
    return (
        as_layer(layer.name),
        "×".join(map(str, layer.filters.shape)),
        "–" if layer.filters.own is None else digits(layer.filters.own.value),
        percent(None if codes is None else float(np.median(codes.density))),
        f"{sum(x.holds > 0 for x in layer.theorems)} of {len(layer.theorems)}",
        percent(None if alone is None else alone.found),
        digits(None if alone is None else alone.false_alarms),
        *((_decided(layer.stability),) if decided else ()),
    )


def _decided(facts: StabilityFacts | None) -> str:
    if facts is None:
        return "–"
    return f"{at_least(100 * facts.decided, 3)}%" + (
        " (intervals)" if facts.method == "interval" else ""
    )
