"""What the numbers of a network mean, in sentences."""

from collections.abc import Iterator, Sequence

import numpy as np

from dcsc._arrays import instance
from dcsc._words import counted, listed
from dcsc.networks.analysis import Analysis, FilterFacts, LayerAnalysis
from dcsc.networks.analysis.unknown import why_no_accuracy
from dcsc.report.numbers import number, of_all, percent, rate, rounded_out
from dcsc.report.own import among_draws
from dcsc.report.perturbed import decided, perturbed
from dcsc.report.sentences import name_of

__all__ = ["at_a_glance", "limits"]


def at_a_glance(analysis: Analysis) -> list[str]:
    """Return what is worth knowing first."""
    instance(analysis, Analysis, "at_a_glance: analysis")
    return [text for text in _glance(analysis) if text]


def _glance(analysis: Analysis) -> Iterator[str]:
    facts = [layer.filters for layer in analysis.layers]
    coded = [layer for layer in analysis.layers if layer.codes is not None]
    yield f"{counted(len(facts), 'convolution')} with {sum(x.shape[0] for x in facts)} filters."
    if analysis.inputs is not None:
        yield f"{len(coded)} of {len(facts)} could be run on the inputs." + "".join(
            f" It stopped at {stop}." for stop in analysis.stops
        )
    yield _accuracy(analysis)
    yield from _coherence(analysis.layers)
    outside = sum(len(set(x.always_on) | set(x.dead)) for x in facts)
    if outside:
        share = outside / sum(x.shape[0] for x in facts)
        yield f"{percent(share)} of the filters are outside the sparse coding reading."
    summed = sum(bool(x.summed) for x in facts)
    if summed:
        yield (
            f"{counted(summed, 'layer')} of {len(facts)} {'goes' if summed == 1 else 'go'} into a "
            "sum before the activation: the codes are those of the sums."
        )
    joined = sum(bool(x.joined) for x in facts)
    if joined:
        yield f"Read as one dictionary of all terms: {counted(joined, 'sum')} before an activation."
    dense = [x for x in facts if not x.leaves_zeros and not x.summed]
    if dense:
        yield (
            f"{counted(len(dense), 'layer')} of {len(facts)} "
            f"{'leaves' if len(dense) == 1 else 'leave'} no zeros in the codes."
        )
    yield _whole(analysis)
    yield _recall(analysis)
    yield _survival(coded)
    own = [layer.own for layer in coded if layer.own is not None]
    yield among_draws(own, len(facts))
    yield from decided(analysis)
    for stop in analysis.unbounded:
        yield f"Bounds of perturbed inputs stop at {stop}."


def _whole(analysis: Analysis) -> str:
    """Say in which layers whole supports are proved to be found, of those that were asked about."""
    asked = [x for x in analysis.layers if any(t.of for t in x.theorems)]
    if not asked:
        return ""
    names = [name_of(x) for x in asked if any(t.holds for t in x.theorems)]
    rest = len(analysis.layers) - len(asked)
    others = f" ({counted(rest, 'layer')} of {len(analysis.layers)} could not be asked about)"
    end = f"{others * bool(rest)}."
    if names:
        return (
            f"Whole supports are proved to be found in {listed(names)}, and in no other layer{end}"
        )
    every = "every layer" if not rest else f"every layer that they were asked about{others}"
    return f"The theorems are empty for {every}: nothing is proved of any whole code."


def _recall(analysis: Analysis) -> str:
    """Say how much of the codes is proved to be found in the mean, over all layers."""
    known = [layer for layer in analysis.layers if layer.partial is not None]
    ends = [layer.partial.found for layer in known if layer.partial is not None]
    if not ends:
        return ""
    low, high = min(end.low for end in ends), max(end.high for end in ends)
    lowest, highest = rounded_out(100 * low, 100 * high, 0)
    worst = name_of(known[[end.low for end in ends].index(low)])
    least = f"{lowest}% (in {worst})" if len(ends) > 1 else f"{lowest}%"
    span = f"{lowest}%" if lowest == highest else f"from {least} to {highest}%"
    return (
        f"In {of_all(len(ends), len(analysis.layers), 'layer')} it is proved how much of the codes "
        f"is found in the mean over random signs: {span} of the active units."
    )


def _coherence(layers: Sequence[LayerAnalysis]) -> Iterator[str]:
    # One filter of one tap meets no other.
    several = [x for x in layers if x.filters.shape[0] > 1 or np.prod(x.filters.shape[2:]) > 1]
    facts = [layer.filters for layer in several]
    values = {name_of(x): x.filters.own.value for x in several if x.filters.own is not None}
    left_out = sum(map(_no_coherence, facts))
    if not values:
        if left_out:
            yield f"Coherence was too much work in {left_out} of {counted(len(facts), 'layer')}."
        return
    low, high = number(min(values.values())), number(max(values.values()))
    worst = max(values, key=lambda name: values[name])
    text = f"Coherence is {low}"
    if low != high:
        text = f"Coherence is between {low} and {high} (in {worst})"
    if left_out:
        text += (
            f", in {len(values)} of {counted(len(facts), 'layer')}; in others it was too much work"
        )
    text += "."
    pairs = [(x.own.value, x.random) for x in facts if x.own is not None and x.random is not None]
    if pairs:
        count = sum(value < random for value, random in pairs)
        text += (
            f" It is lower than that of random filters in {count} of "
            f"{counted(len(pairs), 'layer')}."
        )
    yield text


def _accuracy(analysis: Analysis) -> str:
    inputs, share = analysis.inputs, analysis.accuracy
    if inputs is None or share is None:
        return why_no_accuracy(inputs, analysis.outputs)
    return (
        f"The network's largest output is the label for {round(share * inputs.count)} of "
        f"{counted(inputs.count, 'input')}: {percent(share)}."
    )


def _survival(layers: Sequence[LayerAnalysis]) -> str:
    deepest = [x for x in layers if x.resynthesis and x.resynthesis[0].whole]
    if not deepest:
        return ""
    layer = max(deepest, key=lambda one: len(one.reach))
    random, none = (x.whole for x in layer.resynthesis)
    assert random is not None
    assert none is not None
    way = f"through {counted(len(layer.reach), 'layer')}" if len(layer.reach) > 1 else "through it"
    return (
        f"From the code of {name_of(layer)} down {way} and up again, {percent(random.found)} of "
        f"its active units are found with random signs and {percent(none.found)} without, beside "
        f"{rate(random.false_alarms)} and {rate(none.false_alarms)} false ones for each true one."
    )


def limits(analysis: Analysis) -> list[str]:
    """Return what was left out to keep the work small, and what was drawn at random."""
    most, inputs = analysis.limits, analysis.inputs
    texts = [f"Random numbers are from seed {analysis.seed}."]
    if inputs is not None:
        texts += [
            f"Of {counted(analysis.given, 'input')}, {inputs.count} were looked at.",
            f"Theorems were asked about the first {most.proved} of them at most, and pathways "
            f"synthesised again from the first {most.resynthesized} at most, with {most.draws} "
            f"draws of the signs. The network's own were placed among at most {most.placed}.",
            *perturbed(analysis),
            f"Safety was computed for at most {most.units} active units of each layer, and as many "
            "inactive ones, drawn at random.",
        ]
    gaps = [
        f"{name_of(layer)}: {t.name} ({t.reason})"
        for layer in analysis.layers
        for t in layer.theorems
        if t.reason and t.reason != "no unit is on"
    ]
    gaps += [f"{name_of(x)}: coherence" for x in analysis.layers if _no_coherence(x.filters)]
    gaps += [f"{name_of(x)}: resynthesis" for x in analysis.layers if x.codes and not x.resynthesis]
    if most.placed:
        gaps += [
            f"{name_of(x)}: the place of its own signs"
            for x in analysis.layers
            if x.codes and x.own is None and any(x.codes.density)
        ]
    if gaps:
        texts.append(
            "Left out as too much work: " + "; ".join(gaps) + ". More is allowed by "
            "Limits(products=…), or --products on the command line."
        )
    return texts


def _no_coherence(facts: FilterFacts) -> bool:
    return facts.own is None and len(facts.dead) < facts.shape[0]
