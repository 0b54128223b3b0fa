"""Two analyses side by side, layer by layer: two checkpoints of a network, or two networks."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import attrs
import numpy as np

from dcsc._arguments import choice, instances
from dcsc._arrays import Array, instance
from dcsc._display import Display, Displayed, at_least, digits, fraction, percent
from dcsc._tables import Tabled
from dcsc._words import as_layer, counted, listed, quoted
from dcsc.errors import DcscError
from dcsc.networks.analysis.inputs import Inputs
from dcsc.networks.analysis.layers import LayerAnalysis
from dcsc.networks.analysis.measures import measures
from dcsc.networks.analysis.records import Analysis, Limits

__all__ = ["Comparison", "LayerPair", "compare"]


def _proved(share: float | None) -> str:
    """Return a share that is proved, never rounded in its favour."""
    return "–" if share is None else f"{at_least(100 * share, 3)}%"


def _both(first: str, second: str) -> str:
    """Return two numbers, with one sign of per cent for both."""
    if first.endswith("%") and second.endswith("%"):
        first = first.removesuffix("%")
    return f"{first} → {second}"


def _each(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


Column = tuple[str, str, Callable[[float | None], str]]

# What a table of words shows: the heading, the measure, and how it is written.
_COLUMNS: tuple[Column, ...] = (
    ("coherence", "coherence", digits),
    ("on", "density", percent),
    ("proved", "proved_low", _proved),
    ("found", "found", percent),
    ("false alarms", "false_alarms", _each),
    ("decided", "decided", _proved),
)
_OPTIONAL = ("decided",)  # only where somebody asked
# Which columns are of some of the inputs only, the measure that says of how many, and of which.
_OF_SOME = (
    ("proved", "proved_inputs", "inputs with active units"),
    ("found, false alarms", "found_inputs", "inputs"),
    ("decided", "perturbed_inputs", "inputs"),
)


@attrs.frozen(eq=False, repr=False)
class LayerPair(Displayed):
    """A layer of one analysis beside its partner in the other.

    Parameters
    ----------
    name : str
        Of the layer; where the two have different names, both.
    first, second : LayerAnalysis or None
        None where only the other analysis has such a layer.
    filters_alike : float or None
        The median cosine of a filter with the filter of the same number in the other, as the
        layers read them; None where their shapes differ, or without inputs.
    pathways_alike : float or None
        Of the units that either has on for an input, the share that both have on (the Jaccard
        index), a mean over the inputs; None where the inputs or the shapes of the codes differ.
    """

    name: str
    first: LayerAnalysis | None = attrs.field(repr=False)
    second: LayerAnalysis | None = attrs.field(repr=False)
    filters_alike: float | None
    pathways_alike: float | None

    def _display(self) -> Display:
        headings = ("", "units shared", "filters alike", *(heading for heading, *_ in _COLUMNS))
        return Display(
            f"Two of layer {self.name}", headings, [(as_layer(self.name), *self._cells(_COLUMNS))]
        )

    def _cells(self, columns: Sequence[Column]) -> list[str]:
        """Return how alike the two are, and what the first and the second have of each column."""
        cells = [percent(self.pathways_alike), digits(self.filters_alike)]
        for _, name, written in columns:
            cells.append(_both(*map(written, self.measured(name))))
        return cells

    def measured(self, name: str) -> tuple[Any, Any]:
        """Return a column of `Analysis.to_pandas` for both, None where it is not known.

        Parameters
        ----------
        name : str
            ``"coherence"``, ``"density"``, ``"found"`` and the like.
        """
        known = [None if one is None else measures(one) for one in (self.first, self.second)]
        choice(name, next(filter(None, known)), "LayerPair.measured: name")
        first, second = (None if numbers is None else numbers[name] for numbers in known)
        return first, second


@attrs.frozen(eq=False, repr=False)
class Comparison(Displayed, Tabled):
    """What `compare` returns.

    Parameters
    ----------
    names : (str, str)
        What the two are called.
    layers : tuple of LayerPair
        Those of the first, then those that only the second has.
    differences : tuple of str
        What was not the same for both, so that their numbers differ for more than one reason.
    accuracy : (float or None, float or None)
        Of which share of its inputs each has the label as its largest output.
    """

    names: tuple[str, str]
    layers: tuple[LayerPair, ...]
    differences: tuple[str, ...] = ()
    accuracy: tuple[float | None, float | None] = (None, None)

    def _display(self) -> Display:
        shown = [
            column
            for column in _COLUMNS
            if column[1] not in _OPTIONAL
            or any(one is not None for pair in self.layers for one in pair.measured(column[1]))
        ]
        proved = [heading for heading, _, written in shown if written is _proved]
        first, second = self.names
        told = ""
        if self.accuracy != (None, None):
            told = f", accuracy {' → '.join(map(percent, self.accuracy))}"
        return Display(
            f"{first} → {second}: {counted(len(self.layers), 'layer')}{told}",
            ("", "units shared", "filters alike", *(heading for heading, *_ in shown)),
            [(as_layer(pair.name), *pair._cells(shown)) for pair in self.layers],
            (
                *filter(None, [" ".join(self.differences)]),
                f"proved, so rounded down: {', '.join(proved)}; measured: units shared, on, found, "
                "false alarms",
            ),
        )

    def _table(self) -> dict[str, list[Any]]:
        columns: dict[str, list[Any]] = {
            "layer": [pair.name for pair in self.layers],
            "pathways_alike": [pair.pathways_alike for pair in self.layers],
            "filters_alike": [pair.filters_alike for pair in self.layers],
        }
        known = [one for pair in self.layers for one in (pair.first, pair.second) if one]
        for name in measures(known[0]):
            values = [pair.measured(name) for pair in self.layers]
            for which, end in enumerate(("first", "second")):
                columns[f"{name}_{end}"] = [value[which] for value in values]
        return columns


def compare(first: Analysis, second: Analysis, names: tuple[str, str] | None = None) -> Comparison:
    """Compare two analyses layer by layer.

    Layers of the same name are partners. Where the two have no name in common, and equally many
    layers, they are partners in their order.

    Parameters
    ----------
    first, second : Analysis
        What `analyze` returned, for the same inputs if pathways are to be compared.
    names : (str, str), optional
        What to call them, by default their sources.

    Examples
    --------
    >>> from dcsc.networks import load
    >>> from dcsc.networks.analysis import analyze
    >>> from dcsc.networks.shipped import digits_network_path
    >>> plain, incoherent = (
    ...     analyze(load(digits_network_path(name))) for name in ("plain", "incoherent")
    ... )
    >>> for pair in compare(plain, incoherent).layers:
    ...     print(pair.name, *(round(value, 2) for value in pair.measured("coherence")))
    conv1 0.79 0.59
    conv2 0.91 0.08
    conv3 0.98 0.0
    """
    instance(first, Analysis, "compare: first")
    instance(second, Analysis, "compare: second")
    sources = (first.source, second.source)
    called = instances(sources if names is None else names, str, "compare: names")
    if len(called) != 2:
        raise DcscError(f"compare: names: expected two names, got {quoted(names)}")
    same_inputs = _same(first.inputs, second.inputs)
    layers = tuple(_pair(one, other, same_inputs) for one, other in _partners(first, second))
    return Comparison(
        (called[0], called[1]),
        layers,
        (*_differences(first, second, same_inputs), *_of_others(layers)),
        (first.accuracy, second.accuracy),
    )


def _partners(
    first: Analysis, second: Analysis
) -> Iterator[tuple[LayerAnalysis | None, LayerAnalysis | None]]:
    others = {layer.name: layer for layer in second.layers}
    shared = others.keys() & {layer.name for layer in first.layers}
    if not shared and len(first.layers) == len(second.layers):
        yield from zip(first.layers, second.layers, strict=True)
        return
    for layer in first.layers:
        yield layer, others.get(layer.name)
    for layer in second.layers:
        if layer.name not in shared:
            yield None, layer


def _pair(
    first: LayerAnalysis | None, second: LayerAnalysis | None, same_inputs: bool
) -> LayerPair:
    both = [layer for layer in (first, second) if layer is not None]
    name = " / ".join(dict.fromkeys(layer.name for layer in both))
    codes = [layer.coded for layer in both if layer.coded is not None]
    if len(codes) < 2:
        return LayerPair(name, first, second, None, None)
    one, other = codes
    filters = one.dictionary.filters, other.dictionary.filters
    return LayerPair(
        name,
        first,
        second,
        _cosine(*filters) if filters[0].shape == filters[1].shape else None,
        _jaccard(one.on, other.on) if same_inputs and one.on.shape == other.on.shape else None,
    )


def _cosine(first: Array, second: Array) -> float:
    """Return the median cosine of filters, which are of unit norm or zero."""
    return float(np.median(np.sum(first * second, axis=tuple(range(1, first.ndim)))))


def _jaccard(first: Array, second: Array) -> float | None:
    """Return |a ∩ b| / |a ∪ b| of the units of each input, the mean; 1 where both are empty."""
    axes = tuple(range(1, first.ndim))
    shared, either = (first & second).sum(axis=axes), (first | second).sum(axis=axes)
    if not len(either):
        return None
    return float(np.where(either > 0, shared / np.maximum(either, 1), 1.0).mean())


def _same(first: Inputs | None, second: Inputs | None) -> bool:
    if first is None or second is None:
        return first is second
    one, other = (list(inputs.values.values()) for inputs in (first, second))
    return len(one) == len(other) and all(map(np.array_equal, one, other))


def _differences(first: Analysis, second: Analysis, same_inputs: bool) -> Iterator[str]:
    if not same_inputs:
        yield "They have seen different inputs, so that their pathways cannot be compared."
    for text in _unequal(first, second, ("noise", "seed", "perturbation")):
        yield f"They were asked with {text}."
    names = [field.name for field in attrs.fields(Limits)]
    limits = ", ".join(_unequal(first.limits, second.limits, names))
    if limits:
        yield f"They were asked with the limits {limits}."


def _unequal(first: object, second: object, names: Iterable[str]) -> Iterator[str]:
    """Yield the fields that differ, with both values."""
    for name in names:
        one, other = getattr(first, name), getattr(second, name)
        if one != other:
            yield f"{name} {_written(one)} and {_written(other)}"


def _written(value: float | None) -> str:
    if value is None:
        return "none"
    return str(value) if isinstance(value, int) else fraction(value)


def _of_others(layers: Sequence[LayerPair]) -> Iterator[str]:
    """Say which numbers are of fewer inputs on one side than on the other."""
    for column, name, kind in _OF_SOME:
        counts: dict[tuple[int, int], list[str]] = {}
        for pair in layers:
            first, second = pair.measured(name)
            if first is not None and second is not None:
                counts.setdefault((first, second), []).append(as_layer(pair.name))
        for (first, second), names in counts.items():
            where = "" if len(counts) == 1 else f" (in {listed(names, most=3)})"
            if first != second:
                yield f"{column}: of the first {first} {kind} and of the first {second}{where}."
