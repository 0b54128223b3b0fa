"""The table of the layers."""

from collections.abc import Iterator, Sequence

import attrs
import numpy as np

from dcsc._arguments import instances
from dcsc._arrays import instance
from dcsc.bounds.family import CLASS_BOUNDS, HybridBound, InstanceBound, UniformBound
from dcsc.networks.analysis import Analysis, FilterFacts, LayerAnalysis, Place
from dcsc.report.numbers import number as number_of
from dcsc.report.numbers import percent, rounded_out
from dcsc.report.words import name_of

__all__ = ["Cell", "columns", "differing", "row"]

_FILTERS = {
    "layer": "Name of the convolution in the file.",
    "filters": "How many filters, × channels each of them sees × its size.",
    "stride": "How many samples a filter moves from one position to the next.",
    "outside": "Filters that the sparse coding reading does not cover, because a positive bias "
    "switches them on where there is no signal at all, or because they are zero. (no zeros): the "
    "codes of the others have none either; (summed): the layer goes into a sum before the "
    "activation; (joined): it is such a sum as a whole.",
    "coherence": "μ: how alike the two most alike of all shifted filters are, from 0 (all "
    "orthogonal) to 1 (two are the same). Low coherence keeps units apart.",
    "random": "The coherence of random filters of the same shape (a median).",
    "floor": "What no filters of this shape can go below (Welch's bound).",
}

_CODES = {
    "on": "Which share of the units an input switches on (a median).",
    "S": "Stripe sparsity: how many units that can overlap are on at the same time, at most (a "
    "median).",
    **{
        kind.label: f"For how many inputs the theorem {kind.about} proves that the layer would "
        "find the active units again"
        + ("." if kind is UniformBound else ", with at most 1 % probability of failures.")
        for kind in CLASS_BOUNDS
    },
    "sharp": "The same, by whichever of two sharper bounds reaches further.",
    "noise steady": "Active units that no error of the size below, in the layer's own signal, "
    "could switch off in the network as it is.",
    "safe": "Active units that stay on in a signal made from the code alone, with such an error, "
    "whatever the signs of the others.",
    "found": "Active units found again after going down one layer and up again, with random signs "
    "and (in brackets) without. Active are the units of positive coefficients; those that a "
    "positive bias alone switches on, blue in the maps, are none, and filters with such a bias "
    "have the threshold 0 here. It is measured on a few draws, so that chance may put it beside "
    "what is proved of the mean.",
    "proved": "Between which ends it is proved that the mean of that lies over random signs, of "
    'the first inputs: in brackets how many, where it is not of all that "found" is of.',
    "false alarms": "The same of the units that are switched on besides, for each active unit.",
    "from below": "Active units found after going down as many layers as possible and up again, "
    "with random signs and (in brackets) without.",
    "own": "Active units found again with the network's own signs, all +1, and (in brackets) which "
    "share of draws of random signs find fewer.",
    "own false": "The same of the units that are switched on besides, for each active unit.",
}

_STABILITY = {
    "decided": "Units of which it is proved that they stay on, or that they stay off, whatever "
    "perturbation of the size asked for is added to the input. (intervals): affine bounds, which "
    "prove more, would have taken too long.",
}


_OWN = ("own", "own false")
_FIRST = ("layer", "on", "S", "found", "proved", "false alarms", *_OWN, "decided")
_NONE = "–"


@attrs.frozen
class Cell:
    """A cell of the table: what is read, and what rows are sorted by."""

    text: str
    value: float | None


def columns(analysis: Analysis) -> dict[str, str]:
    """Return the headings, and what each means in a sentence."""
    headings = _FILTERS
    if any(layer.codes is not None for layer in analysis.layers):
        # Where no theorem holds of anything, one sentence says it (`words.at_a_glance`).
        empty = not any(theorem.holds for layer in analysis.layers for theorem in layer.theorems)
        left_out = {*(kind.label for kind in CLASS_BOUNDS), "sharp"} if empty else set()
        headings = headings | {name: text for name, text in _CODES.items() if name not in left_out}
    if any(layer.stability is not None for layer in analysis.layers):
        headings = headings | _STABILITY
    if not any(layer.own is not None for layer in analysis.layers):
        headings = {name: text for name, text in headings.items() if name not in _OWN}
    # A screen cuts off what comes last.
    order = [name for name in _FIRST if name in headings]
    return {name: headings[name] for name in dict.fromkeys([*order, *headings])}


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
        "coherence": Cell(number_of(coherence), coherence),
        "random": Cell(number_of(facts.random), facts.random),
        "floor": Cell(number_of(facts.floor), facts.floor),
    }
    if layer.stability is not None:
        decided = layer.stability.decided
        way = " (intervals)" if layer.stability.method == "interval" else ""
        text = f"{rounded_out(100 * decided, 100 * decided, 1)[0]}%{way}"
        cells["decided"] = Cell(text, decided)
    if codes is None:
        return cells
    density, sparsity = float(np.median(codes.density)), float(np.median(codes.sparsity))
    cells["on"] = Cell(percent(density), density)
    cells["S"] = Cell(f"{sparsity:g} of {codes.stripe_size}", sparsity)
    theorems = {theorem.name: theorem for theorem in layer.theorems}
    for name in (kind.label for kind in CLASS_BOUNDS):
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
        ("false alarms", None if partial is None else partial.false_alarms),
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
    return cells


def _own_places(layer: LayerAnalysis) -> Iterator[tuple[str, Place, str]]:
    if layer.own is not None:
        found, raised = layer.own.all.found, layer.own.all.false_alarms
        yield "own", found, percent(found.value)
        yield "own false", raised, f"{raised.value:.2f}"


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
    texts = rounded_out(100 * low, 100 * high, 1) if share else rounded_out(low, high, 2)
    text = texts[0] if texts[0] == texts[1] else "–".join(texts)
    return Cell(f"{text}%" if share else text, (low + high) / 2)
