"""What the numbers of one layer mean, in sentences."""

from collections.abc import Iterator, Sequence

import numpy as np

from dcsc._words import as_layer, counted, listed
from dcsc.bounds.forward import BOUNDS, CLASS_BOUNDS
from dcsc.networks.analysis import Coherence, FilterFacts, LayerAnalysis, TheoremFacts
from dcsc.report.numbers import number, percent, rate, rounded_out
from dcsc.report.own import of_own
from dcsc.report.perturbed import of_perturbed

__all__ = ["PROVED", "name_of", "of_layer"]

# The headings below which everything is proved.
PROVED = ("What is proved", "Safe units", "Perturbed inputs")

_THEOREMS = {kind.label: kind.about for kind in BOUNDS}


def name_of(layer: LayerAnalysis) -> str:
    """Return what a layer is called in texts."""
    return as_layer(layer.name)


def of_layer(layer: LayerAnalysis, noise: float) -> dict[str, list[str]]:
    """Return what is to be said of a layer, under headings."""
    sections = {
        "Filters": list(_filters(layer.filters)),
        "Codes": list(_codes(layer)),
        "What is proved": [*_proved(layer.theorems), *_partial(layer)],
        "Safe units": list(_safety(layer, noise)),
        "Perturbed inputs": list(of_perturbed(layer)),
        "Down and up again": list(_resynthesis(layer)),
        "The network's own signs": list(of_own(layer.own)),
    }
    return {heading: texts for heading, texts in sections.items() if texts}


def _filters(facts: FilterFacts) -> Iterator[str]:
    if facts.own is not None:
        text = f"Coherence {number(facts.own.value)}{_pair(facts.own)}"
        if facts.random is not None:
            text += f"; random filters of this shape have {number(facts.random)}"
        yield text + f", and none can go below {number(facts.floor)}."
        moving = facts.dense if any(step > 1 for step in facts.stride) else None
        if moving is not None and number(moving.value) != number(facts.own.value):
            yield (
                f"At stride 1 it would be {number(moving.value)}{_pair(moving)}: the "
                "stride keeps shifted filters apart."
            )
    beta = np.asarray(facts.threshold)
    yield (
        f"Thresholds β = −b/|w| are from {number(beta.min())} to {number(beta.max())}: a unit is "
        "on where its unit filter finds more than that."
    )
    if facts.always_on:
        yield (
            f"The threshold of {counted(len(facts.always_on), 'filter')} of {facts.shape[0]} "
            f"({listed(facts.always_on)}) is negative: a positive bias switches units on where "
            "there is no signal. No sparse code does that, so the reading leaves them out."
        )
    if facts.dead:
        yield f"Zero in all taps: {counted(len(facts.dead), 'filter')} ({listed(facts.dead)})."
    if facts.joined:
        yield f"It is a sum before an activation, read as one dictionary ({facts.joined})."
    if facts.summed:
        yield (
            f"It {facts.summed}: the code is that of the sum, and what follows is about units of "
            "this layer alone whose coefficient exceeds the threshold, as if a ReLU came there."
        )
    elif not facts.leaves_zeros:
        kind = facts.activation or "no activation"
        yield (
            f"Its codes have no zeros ({kind}): what follows is about units whose coefficient "
            "exceeds the threshold, as if a ReLU came there."
        )
    for reason in facts.reasons:
        if "bounded" in reason or "differ" in reason:
            yield reason[0].upper() + reason[1:] + "."


def _pair(coherence: Coherence) -> str:
    if coherence.filters is None or coherence.shift is None:
        return ""
    i, j = coherence.filters
    if not any(coherence.shift):
        return f" (filters {i} and {j} at the same place)"
    return f" (filters {i} and {j}, {_shift(coherence.shift)} apart)"


def _shift(shift: Sequence[int]) -> str:
    if len(shift) == 1:
        return counted(abs(shift[0]), "sample")
    return "(" + ", ".join(map(str, shift)).replace("-", "−") + ")" + " samples"


def _codes(layer: LayerAnalysis) -> Iterator[str]:
    codes = layer.codes
    if codes is None:
        return
    units = int(np.prod(codes.shape))
    yield (
        f"An input switches on {percent(float(np.median(codes.density)))} of the {units} units; "
        f"stripes of {codes.stripe_size} units, whose atoms can overlap, have up to "
        f"{np.median(codes.sparsity):g} of them on (medians)."
    )
    if codes.contrast is not None:
        yield f"The largest coefficient of a code is {codes.contrast:.1f} times the smallest."
    if codes.silent:
        verb = "is" if codes.silent == 1 else "are"
        yield f"{counted(codes.silent, 'unit')} of {units} {verb} on for none of the inputs."
    if codes.outside:
        yield (
            f"{percent(codes.outside)} of the units that are on have a coefficient that is not "
            "positive (blue in the pictures): only the bias keeps them on."
        )


def _proved(theorems: Sequence[TheoremFacts]) -> Iterator[str]:
    """Return a sentence for each theorem, one for those of which the same is to be said."""
    groups: dict[str, list[str]] = {}
    for theorem in theorems:
        groups.setdefault(_theorem(theorem), []).append(theorem.name)
    asked = [theorem for theorem in theorems if theorem.of]
    if len(asked) > 1 and not any(theorem.holds for theorem in asked):
        empty = ", ".join(theorem.name for theorem in asked)
        most = max(theorem.allowed or 0 for theorem in asked)
        codes = next((x.sparsity for x in asked if x.sparsity is not None), None)
        text = f"Nothing of whole codes: {empty} hold for none of those that they were asked about."
        yield text + (
            "" if codes is None else f" None of them allows more than S = {most}; {codes} is usual."
        )
        groups = {verdict: names for verdict, names in groups.items() if "not asked" in verdict}
    for verdict, names in groups.items():
        yield "; ".join(f"{name}, {_THEOREMS[name]}" for name in names) + f": {verdict}."


def _partial(layer: LayerAnalysis) -> Iterator[str]:
    if layer.partial is not None:
        found, raised = layer.partial.found, layer.partial.false_alarms
        low, high = rounded_out(100 * found.low, 100 * found.high, 2)
        fewest, most = rounded_out(*raised, 3)
        sampled = layer.partial.sampled
        drawn = (
            f"; sampled: {sampled} units, right but for a probability of 1e-3" if sampled else ""
        )
        yield (
            f"In the mean over random signs, between {low}% and {high}% of the active units are "
            f"found again, and between {fewest} and {most} others are switched on for each of them "
            f"({counted(layer.partial.inputs, 'input')}, without noise, thresholds β/2{drawn})."
        )


def _theorem(theorem: TheoremFacts) -> str:
    if not theorem.of:
        return f"not asked, {theorem.reason}"
    if theorem.holds == theorem.of:
        verdict = f"holds for all of {counted(theorem.of, 'code')}"
    elif theorem.holds:
        verdict = f"holds for {theorem.holds} of {counted(theorem.of, 'code')}"
    else:
        verdict = f"empty, it holds for none of {counted(theorem.of, 'code')}"
    if theorem.name not in {kind.label for kind in CLASS_BOUNDS}:
        assert theorem.value is not None
        value = number(theorem.value) if theorem.value < 1 else f"{theorem.value:.0f}, above 1"
        return f"{verdict}; it bounds the failure probability by {value} (median)"
    if theorem.allowed is None:
        return f"{verdict}; at these amplitudes it allows nothing, whatever S"
    limit = "not a single active unit" if not theorem.allowed else f"S up to {theorem.allowed}"
    return f"{verdict}; at these amplitudes it allows {limit}, the codes have {theorem.sparsity}"


def _safety(layer: LayerAnalysis, noise: float) -> Iterator[str]:
    facts = layer.safety
    if facts is None or facts.steady is None:
        return
    yield (
        f"An error of {percent(noise)} of the strongest patch ({number(facts.noise)}) in every "
        f"patch of the layer's signal could not switch off {percent(facts.steady)} of the active "
        "units of the network as it is."
    )
    if facts.on is not None:
        yield (
            f"In a signal made from the code alone, {percent(facts.on)} of the active units stay "
            f"on whatever the signs of the others and the error, and {percent(facts.on_random)} "
            f"with 99% probability over random signs (of {facts.looked_at[0]} drawn)."
        )
    if facts.off is not None:
        yield (
            f"Of the inactive ones, {percent(facts.off)} stay off like that, and "
            f"{percent(facts.off_random)} with 99% probability (of {facts.looked_at[1]} drawn)."
        )


def _resynthesis(layer: LayerAnalysis) -> Iterator[str]:
    for facts in layer.resynthesis:
        signs = "With random signs" if facts.signs == "random" else "Without signs"
        if facts.alone is None or facts.whole is None:
            continue
        text = (
            f"{signs}, {percent(facts.alone.found)} of the active units are found again from the "
            f"layer's own signal ({counted(facts.inputs, 'input')}), {percent(facts.alone.missed)} "
            f"are missed, with {rate(facts.alone.false_alarms)} false alarms for each active unit; "
            f"{percent(facts.alone.exact)} of the codes are found exactly"
        )
        if facts.depth > 1:
            text += (
                f". Through {facts.depth} layers, {percent(facts.whole.found)} are found again, "
                f"with {rate(facts.whole.false_alarms)} false alarms, and "
                f"{percent(facts.whole.exact)} of the codes exactly"
            )
        yield text + "."
    ends = len(layer.reach) > 1 or "input of the network" not in layer.start
    if layer.resynthesis and layer.start and ends:
        yield (
            f"The way down ends at the signal of {as_layer(layer.reach[0])}"
            + ("." if "input of the network" in layer.start else f": {_why(layer.start)}.")
        )


def _why(start: str) -> str:
    """Return why no code reaches below a signal."""
    if start.startswith("after "):
        return f"it is made by {start.removeprefix('after ')}, which is no synthesis"
    return start
