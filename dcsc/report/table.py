"""The table of the layers."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import attrs
import numpy as np

from dcsc._arguments import instances
from dcsc._arrays import instance
from dcsc.bounds.forward import CLASS_BOUNDS, HybridBound, InstanceBound
from dcsc.networks.analysis import Analysis, FilterFacts, LayerAnalysis, Place
from dcsc.report.glossary import KINDS, WORDS, word
from dcsc.report.numbers import (
    at_least_percent,
    between_percent,
    cosine,
    percent,
    rate,
    rounded_out,
)
from dcsc.report.sentences import name_of

__all__ = ["Cell", "columns", "differing", "groups", "row"]

_FILTERS = ("layer", "filters", "stride", "outside", "coherence", "random", "floor")
_THEOREMS = tuple(kind.label for kind in CLASS_BOUNDS)
_CODES = (
    *("on", "S", *_THEOREMS, "sharp", "noise steady", "safe", "found", "false alarms"),
    *("proved", "proved false", "from below"),
)
_OWN = ("own", "own false")
_NONE = "–"


@attrs.frozen
class Cell:
    """A cell of the table: what is read, and what rows are sorted by."""

    text: str
    value: float | None


def columns(analysis: Analysis) -> dict[str, str]:
    """Return the headings, and what each means; what one kind of knowledge tells stands together.

    A screen cuts off what comes last: what was measured of the inputs comes first, then what is
    proved, then the filters by themselves.
    """
    layers = analysis.layers
    known = set(_FILTERS)
    if any(layer.codes is not None for layer in layers):
        # Where no theorem holds of anything, one sentence says it (`words.at_a_glance`).
        empty = not any(theorem.holds for layer in layers for theorem in layer.theorems)
        known |= set(_CODES) - ({*_THEOREMS, "sharp"} if empty else set())
    if any(layer.stability is not None for layer in layers):
        known.add("decided")
    if any(layer.own is not None for layer in layers):
        known.update(_OWN)
    order = [one for kind in KINDS for one in WORDS if one.kind == kind]
    return {one.name: one.text() for one in order if one.name in known}


def groups(headings: Sequence[str]) -> list[tuple[str, int]]:
    """Return what knows the numbers of columns that stand together, and how many these are.

    Examples
    --------
    >>> groups(["layer", "on", "found", "proved", "coherence"])
    [('', 1), ('Measured on the inputs', 2), ('Proved', 1), ('Of the filters alone', 1)]
    """
    kinds = [word(name).kind for name in instances(headings, str, "groups: headings")]
    return [(KINDS[kind], len(list(run))) for kind, run in groupby(kinds)]


def _mark(facts: FilterFacts) -> str:
    if facts.summed:
        return " (summed)"
    if facts.joined:
        return " (joined)" if facts.leaves_zeros else " (joined, no zeros)"
    return "" if facts.leaves_zeros else " (no zeros)"


def row(layer: LayerAnalysis, number: int = 0) -> dict[str, Cell]:
    """Return the cells of a layer by heading; those about codes only where there are any."""
    instance(layer, LayerAnalysis, "row: layer")
    facts, codes, safety = layer.filters, layer.codes, layer.safety
    outside = len(set(facts.always_on) | set(facts.dead))
    coherence = None if facts.own is None else facts.own.value
    cells = {
        "layer": Cell(name_of(layer), number),
        "filters": Cell("×".join(map(str, facts.shape)), facts.shape[0]),
        "stride": Cell("×".join(map(str, facts.stride)), float(np.prod(facts.stride))),
        "outside": Cell(f"{outside} of {facts.shape[0]}{_mark(facts)}", outside / facts.shape[0]),
        "coherence": Cell(cosine(coherence), coherence),
        "random": Cell(cosine(facts.random), facts.random),
        "floor": Cell(cosine(facts.floor), facts.floor),
    }
    if layer.stability is not None:
        decided = layer.stability.decided
        way = " (intervals)" if layer.stability.method == "interval" else ""
        cells["decided"] = Cell(at_least_percent(decided) + way, decided)
    if codes is None:
        return cells
    density, sparsity = float(np.median(codes.density)), float(np.median(codes.sparsity))
    cells["on"] = Cell(percent(density), density)
    cells["S"] = Cell(f"{sparsity:g} of {codes.stripe_size}", sparsity)
    theorems = {theorem.name: theorem for theorem in layer.theorems}
    for name in _THEOREMS:
        theorem = theorems[name]
        share = theorem.holds / theorem.of if theorem.of else None
        cells[name] = Cell(f"{theorem.holds} of {theorem.of}" if theorem.of else "–", share)
    pair = (theorems[HybridBound.label], theorems[InstanceBound.label])
    sharp = max(pair, key=lambda theorem: (theorem.holds, theorem.of))
    share = sharp.holds / sharp.of if sharp.of else None
    cells["sharp"] = Cell(f"{sharp.holds} of {sharp.of}" if sharp.of else "–", share)
    for name, value in (
        ("noise steady", None if safety is None else safety.steady),
        ("safe", None if safety is None else safety.on),
    ):
        cells[name] = Cell(percent(value), value)
    partial = layer.partial
    for name, ends in (
        ("proved", None if partial is None else partial.found),
        ("proved false", None if partial is None else partial.false_alarms),
    ):
        cells[name] = Cell("–", None) if ends is None else _ends(*ends, name == "proved")
    if partial is not None:
        remarks = ["sampled"] * (partial.sampled > 0)
        if layer.resynthesis and partial.inputs != layer.resynthesis[0].inputs:
            remarks.append(f"(of {partial.inputs})")
        cells["proved"] = attrs.evolve(
            cells["proved"], text=" ".join([cells["proved"].text, *remarks])
        )
    for name, place, text in _own_places(layer):
        cells[name] = Cell(f"{text} ({percent(place.below)})", place.value)
    for name in ("found", "from below"):
        parts = [x.alone if name == "found" else x.whole for x in layer.resynthesis]
        shares = [None if part is None else part.found for part in parts] or [None, None]
        text = f"{percent(shares[0])} ({percent(shares[1])})"
        cells[name] = Cell("–" if shares[0] is None else text, shares[0])
    raised = [None if x.alone is None else x.alone.false_alarms for x in layer.resynthesis]
    random, none = raised or [None, None]
    text = "–" if random is None else f"{rate(random)} ({rate(none)})"
    cells["false alarms"] = Cell(text, random)
    return cells


def _own_places(layer: LayerAnalysis) -> Iterator[tuple[str, Place, str]]:
    if layer.own is not None:
        found, raised = layer.own.all.found, layer.own.all.false_alarms
        yield "own", found, percent(found.value)
        yield "own false", raised, rate(raised.value)


def differing(headings: Sequence[str], rows: Sequence[dict[str, Cell]]) -> tuple[list[str], str]:
    """Return the headings in which layers differ, and a sentence about the others.

    The first heading stays, and so do all of a table of one row.

    Parameters
    ----------
    headings : sequence of str
    rows : sequence of mappings
        What `row` returned, one for each layer.

    Examples
    --------
    >>> layers = [{"layer": Cell(name, 0), "stride": Cell("2×2", 4)} for name in "ab"]
    >>> differing(["layer", "stride"], layers)
    (['layer'], 'The same in every layer: stride 2×2.')
    """
    first, *others = instances(headings, str, "differing: headings")
    records = instances(rows, dict, "differing: rows")
    if len(records) < 2:
        return [first, *others], ""
    texts = {name: {one[name].text if name in one else _NONE for one in records} for name in others}
    kept = [name for name in others if len(texts[name]) > 1]
    rest = {name: min(texts[name]) for name in others if name not in kept}
    same = "; ".join(f"{name} {text}" for name, text in rest.items() if text != _NONE)
    unknown = ", ".join(name for name, text in rest.items() if text == _NONE)
    sentences = (
        f"The same in every layer: {same}." if same else "",
        f"Not known of any layer: {unknown}." if unknown else "",
    )
    return [first, *kept], " ".join(filter(None, sentences))


def _ends(low: float, high: float, share: bool) -> Cell:
    """Return the two ends of a mean, rounded away from one another."""
    if share:
        return Cell(between_percent(low, high), (low + high) / 2)
    texts = rounded_out(low, high, 2)
    return Cell(texts[0] if texts[0] == texts[1] else "–".join(texts), (low + high) / 2)
