"""What an analysis returns: records of numbers, layer by layer."""

import math
import re
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Array, integer, real
from dcsc._display import Display, Displayed, framed, percent
from dcsc._fields import number_field
from dcsc._tables import Tabled
from dcsc._words import counted
from dcsc.networks.analysis.inputs import Inputs
from dcsc.networks.analysis.layers import HEADINGS, NO_NUMBERS, LayerAnalysis, remark_of, row_of
from dcsc.networks.analysis.measures import measures
from dcsc.networks.analysis.saving import Saved
from dcsc.networks.analysis.unknown import why_no_accuracy
from dcsc.overlap import PathwayOverlap

__all__ = ["Analysis", "Limits"]


_GUESSED = re.compile("no geometry was given|(.*: )?guessed ")


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
        About how many multiplications each of these parts may take for one layer; affine bounds of
        perturbed inputs, four times as many.
    """

    inputs: int = number_field(integer, default=300, minimum=1)
    proved: int = number_field(integer, default=20, minimum=0)
    resynthesized: int = number_field(integer, default=20, minimum=0)
    draws: int = number_field(integer, default=5, minimum=1)
    placed: int = number_field(integer, default=99, minimum=0)
    units: int = number_field(integer, default=200, minimum=0)
    twins: int = number_field(integer, default=5, minimum=0)
    products: float = number_field(real, default=1e10, minimum=0)


@attrs.frozen(eq=False, repr=False)
class Analysis(Displayed, Tabled, Saved):
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
    outputs : int or None
        How many entries the output has for each input, where ``answers`` are known.
    """

    source: str
    layers: tuple[LayerAnalysis, ...]
    inputs: Inputs | None = attrs.field(metadata=NO_NUMBERS)
    given: int
    stops: tuple[str, ...]
    notes: tuple[str, ...]
    overlap: PathwayOverlap | None
    answers: Array | None = attrs.field(metadata=NO_NUMBERS)
    noise: float
    seed: int
    limits: Limits
    perturbation: float | None = None
    unbounded: tuple[str, ...] = ()
    outputs: int | None = None

    @property
    def accuracy(self) -> float | None:
        """Of which share of the inputs the largest output is the label, None where none is told.

        Labels are numbers of outputs from 0, or one of as many class names as there are outputs.

        Examples
        --------
        >>> from dcsc.networks import load
        >>> from dcsc.networks.analysis import Limits, analyze, shipped_inputs
        >>> from dcsc.networks.shipped import digits_network_path
        >>> few = Limits(proved=0, resynthesized=0, units=0, twins=0, placed=0)
        >>> round(analyze(load(digits_network_path()), shipped_inputs(), limits=few).accuracy, 2)
        0.98
        """
        inputs, answers, outputs = self.inputs, self.answers, self.outputs
        if inputs is None or inputs.labels is None or answers is None or outputs is None:
            return None
        labels, names = inputs.labels, inputs.class_names
        if labels.dtype.kind not in "iu" or (names and len(names) != outputs):
            return None
        if not np.all((labels >= 0) & (labels < outputs)):
            return None
        return float(np.mean(labels == answers))

    def _display(self) -> Display:
        # What changes how all numbers are to be read comes first, a line of each kind.
        said = [*self.stops[:1], *[note for note in self.notes if _GUESSED.match(note)][:1]]
        if self.accuracy is None:
            said += filter(None, [why_no_accuracy(self.inputs, self.outputs)])
        decided = any(layer.stability is not None for layer in self.layers)
        told = (remark_of(decided),) if any(layer.codes for layer in self.layers) else ()
        looked = (
            ""
            if self.inputs is None
            else f", {self.inputs.count} of {counted(self.given, 'input')}"
        )
        if self.accuracy is not None:
            looked += f", accuracy {percent(self.accuracy)}"
        return Display(
            f"Analysis of {self.source}: {counted(len(self.layers), 'layer')}{looked}",
            HEADINGS + (("decided",) if decided else ()),
            [row_of(layer, decided) for layer in self.layers],
            (*dict.fromkeys((*said, *told, *self.stops, *self.notes)),),
            lines=len(said) + len(told),
        )

    def _repr_html_(self) -> str:
        return framed(self._display(), self._page())

    def _page(self) -> str:
        # A door: the page is made of these records.
        from dcsc.report import page  # noqa: PLC0415

        return page(self)

    def _table(self) -> dict[str, Sequence[Any]]:
        rows = [{"layer": layer.name, **measures(layer)} for layer in self.layers]
        return {name: [row[name] for row in rows] for name in rows[0]}

    def numbers(self) -> dict[str, Any]:
        record = attrs.asdict(
            self, filter=lambda field, _: not field.metadata, value_serializer=_plain
        )
        inputs = self.inputs
        record["inputs"] = inputs and {
            "name": inputs.name,
            "note": inputs.note,
            "count": inputs.count,
            "labels": None if inputs.labels is None else inputs.labels.tolist(),
            "class_names": list(inputs.class_names),
            "answers": None if self.answers is None else self.answers.tolist(),
        }
        record["accuracy"] = self.accuracy
        return record


def _plain(_: Any, field: Any, value: Any) -> Any:
    """Return arrays as lists, and what is not a finite number as None."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(None, None, item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
