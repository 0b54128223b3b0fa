"""One self-contained page of what was found of a network."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dcsc._arrays import Array, instance, integer
from dcsc._words import as_layer
from dcsc.bounds.forward import BOUNDS
from dcsc.networks.analysis import Analysis, LayerAnalysis, receptive_model, stack
from dcsc.networks.analysis.inputs import channels_last
from dcsc.report import sentences, words
from dcsc.report.charts import density_chart, sparsity_chart, threshold_chart
from dcsc.report.glossary import legend
from dcsc.report.numbers import percent
from dcsc.report.overlap import overlap_drawing
from dcsc.report.overview import coherence_chart, found_chart, range_chart
from dcsc.report.patterns import MOST_CHANNELS, patterns
from dcsc.report.pictures import (
    atoms_picture,
    code_picture,
    input_picture,
    most_active,
    tinted_picture,
)
from dcsc.report.rendering import Picture, drawing, png, rendered
from dcsc.report.signals import signal_chart, undecided_chart
from dcsc.report.table import columns, differing, groups, row
from dcsc.report.undecided import undecided_share

if TYPE_CHECKING:
    from dcsc.networks.tallies import NetworkTally

__all__ = ["page"]

_PICTURES = 160
_FILTERS = 64
_UNITS = 24
_LARGEST_FIELD = 128
_MOST_MATRICES = 12
# Of networks with more layers than this one chart shows all of them.
_MOST_CHARTED = 24
_FEW_UNITS, _SMALL_FIELD = 8, 32
_WORK = 4e10  # multiplications that what all units look for may take


def page(analysis: Analysis, shown: int = 8, tally: "NetworkTally | None" = None) -> str:
    """Return an HTML page that needs nothing but itself.

    Parameters
    ----------
    analysis : Analysis
    shown : int, default 8
        For how many inputs the pathways are drawn; fewer where there are many layers.
    tally : NetworkTally, optional
        What was counted of many inputs, for a table and charts of its own.

    Examples
    --------
    >>> from dcsc.networks import load
    >>> from dcsc.networks.analysis import analyze
    >>> from dcsc.networks.shipped import digits_network_path
    >>> text = page(analyze(load(digits_network_path())))
    >>> text.startswith("<!doctype html>"), "http" in text.replace("http://www.w3.org", "")
    (True, False)
    """
    instance(analysis, Analysis, "page: analysis")
    most = integer(shown, "page: shown", minimum=0)
    headings = columns(analysis)
    rows = [row(layer, number) for number, layer in enumerate(analysis.layers, start=1)]
    kept, same = differing(list(headings), rows)
    context: dict[str, Any] = {
        "analysis": analysis,
        "glance": words.at_a_glance(analysis),
        "limits": words.limits(analysis),
        "columns": {name: headings[name] for name in kept},
        "groups": groups(kept),
        "meanings": {
            "": {"layer": headings["layer"]},
            **{title: {one.name: one.text() for one in asked} for title, asked in legend(headings)},
        },
        "theorems": {
            kind.label: kind.about
            for kind in BOUNDS
            if kind.label not in headings
            and any(x.name == kind.label for layer in analysis.layers for x in layer.theorems)
        },
        "same": same,
        "rows": rows,
        "proved": sentences.PROVED,
        "overview": _overview(analysis),
        "pathways": _pathways(analysis, most),
        "sections": [
            _section(layer, number, analysis) for number, layer in enumerate(analysis.layers, 1)
        ],
        "overlap": _overlap(analysis),
        "undecided": any(layer.stability is not None for layer in analysis.layers),
        "blue": any(layer.codes.outside for layer in analysis.layers if layer.codes),
        "tally": None if tally is None else _tally(tally),
    }
    return rendered("page.html.j2", context)


def _tally(tally: "NetworkTally") -> dict[str, Any]:
    # few count: the page of the others does without these modules
    from dcsc.networks.tallies import NetworkTally  # noqa: PLC0415
    from dcsc.report import tallies  # noqa: PLC0415

    few = len(instance(tally, NetworkTally, "page: tally").layers) <= _MOST_CHARTED
    charts = [picture for x in tally.layers for picture in tallies.tally_charts(x)] if few else []
    known = tallies.tally_columns(tally)
    return {
        "sentences": tallies.tally_sentences(tally),
        "columns": known,
        "groups": groups(list(known)),
        "rows": tallies.tally_rows(tally),
        "charts": charts,
    }


# ---- pictures --------------------------------------------------------------------------------


def _ranges(layers: Sequence[LayerAnalysis]) -> Iterator[Picture]:
    """Yield for all layers at once what each has charts of where they are few."""
    coded = [layer.codes for layer in layers]
    for name, values in (
        ("threshold β", [layer.filters.threshold for layer in layers]),
        ("share of units on", [codes.density if codes else () for codes in coded]),
        ("stripe sparsity S", [codes.sparsity if codes else () for codes in coded]),
    ):
        if any(map(len, values)):
            alt = f"From the least to the largest {name} of each layer"
            yield drawing(range_chart(layers, values, name), alt)


def _overview(analysis: Analysis) -> list[Picture]:
    layers = analysis.layers
    pictures = [drawing(coherence_chart(layers), "Coherence of the layers")]
    coded = [layer for layer in layers if layer.resynthesis]
    if coded:
        pictures.append(drawing(found_chart(coded), "Share of active units found again, by layer"))
    return [*pictures, *(_ranges(layers) if len(layers) > _MOST_CHARTED else ())]


def _pathways(analysis: Analysis, most: int) -> list[dict[str, Any]]:
    """Return for some inputs the input and the codes of all layers, as pictures."""
    inputs = analysis.inputs
    layers = [layer for layer in analysis.layers if layer.coded is not None]
    if inputs is None or not layers:
        return []
    count = min(max(1, min(most, _PICTURES // len(layers))), inputs.count)
    side = 48 if len(layers) <= 12 else 24
    busiest = {layer.name: most_active(layer.coded.on, _FILTERS) for layer in layers if layer.coded}
    values = next(iter(inputs.values.values()))
    pathways = []
    for number in range(count):
        steps = []
        for layer in layers:
            coded = layer.coded
            at = number if coded is None else number * len(coded.on) // inputs.count
            if coded is None or at >= len(coded.on):
                continue
            filters = busiest[layer.name]
            code, on = coded.codes[at][filters], coded.on[at][filters]
            share = float(coded.on[at].mean())
            alt = f"Active units of {as_layer(layer.name)} for input {number + 1}"
            steps.append(
                {
                    "name": sentences.name_of(layer),
                    "filters": _filters(len(filters), len(coded.on[at])),
                    "on": percent(share),
                    "picture": png(code_picture(code, on, side), alt),
                }
            )
        value = _channels_first(np.asarray(values[number], dtype=np.float64))
        pathways.append(
            {
                "title": _title(analysis, number),
                "picture": _input(value, number),
                "undecided": _undecided(analysis, value, number),
                "steps": steps,
            }
        )
    return pathways


def _filters(count: int, total: int) -> str:
    return f"{total} filters" if count == total else f"{count} most active of {total} filters"


def _title(analysis: Analysis, number: int) -> str:
    inputs, answers = analysis.inputs, analysis.answers
    parts = []
    if inputs is not None and inputs.labels is not None:
        parts.append(f"label {inputs.class_of(inputs.labels[number])}")
    if inputs is not None and answers is not None and (parts or inputs.class_names):
        # Names are those of the outputs only where there are as many.
        named = len(inputs.class_names) == analysis.outputs
        answer = inputs.class_of(answers[number]) if named else str(answers[number])
        parts.append(f"largest output {answer}")
    return f"Input {number + 1}" + (f": {', '.join(parts)}" if parts else "")


def _channels_first(value: Array) -> Array:
    return np.moveaxis(value, -1, 0) if channels_last((1, *value.shape)) else value


def _undecided(analysis: Analysis, value: Array, number: int) -> dict[str, Any] | None:
    """Return where units are undecided in an input, and the largest share of them at a place."""
    share = undecided_share(analysis.layers, number, value.shape[1:])
    if share is None or value.ndim not in (2, 3):
        return None
    alt = f"Where units are undecided in input {number + 1}"
    picture = (
        png(tinted_picture(value, share), alt)
        if value.ndim == 3
        else drawing(undecided_chart(value, share), alt)
    )
    return {"picture": picture, "most": percent(float(share.max()))}


def _input(value: Array, number: int) -> Picture:
    alt = f"Input {number + 1}"
    if value.ndim == 3:
        return png(input_picture(value), alt)
    return drawing(signal_chart(value.reshape(-1, value.shape[-1])), alt)


def _section(layer: LayerAnalysis, number: int, analysis: Analysis) -> dict[str, Any]:
    many = len(analysis.layers) > _MOST_CHARTED
    return {
        "anchor": f"layer-{number}",
        "layer": layer,
        "name": sentences.name_of(layer),
        "lowest": as_layer(layer.reach[0]) if layer.reach else "",
        "texts": sentences.of_layer(layer, analysis.noise),
        "pictures": [] if many else list(_charts(layer)),
        "atoms": _atoms(layer, analysis.layers),
        "coloured": _coloured(layer, analysis.layers),
    }


def _coloured(layer: LayerAnalysis, every: Sequence[LayerAnalysis]) -> bool:
    """Return whether what units look for is drawn in colours: a picture of three channels."""
    first = next((x.coded for x in every if layer.reach and x.name == layer.reach[0]), None)
    return first is not None and len(shape := first.dictionary.signal_shape) == 3 == shape[0]


def _charts(layer: LayerAnalysis) -> Iterator[Picture]:
    yield drawing(threshold_chart(layer.filters.threshold), "Thresholds of the filters")
    codes = layer.codes
    if codes is not None:
        yield drawing(density_chart(codes.density), "Units that are on, over the inputs")
        sparsity = sparsity_chart(codes.sparsity, codes.stripe_size, layer.theorems)
        yield drawing(sparsity, "Stripe sparsity over the inputs")


def _atoms(layer: LayerAnalysis, every: Sequence[LayerAnalysis]) -> Picture | None:
    """Return what the units of a layer look for, unless that cannot be drawn."""
    if layer.coded is None:
        return None
    layers = stack({x.name: x.coded for x in every if x.coded}, layer.name)
    model = receptive_model(layers)
    channels, *extent = model.layers[0].dictionary.signal_shape
    if channels > MOST_CHANNELS or (len(extent) > 1 and max(extent) > _LARGEST_FIELD):
        return None
    many = len(every) > _MOST_CHARTED
    units = most_active(layer.coded.on, _FEW_UNITS if many else _UNITS)
    work = sum(
        math.prod(one.code_shape) * math.prod(two.dictionary.filters.shape[1:])
        for one, two in zip((x.dictionary for x in model.layers), layers, strict=True)
    )
    if work * len(units) * len(every) > _WORK:
        return None
    alt = f"Patterns that units of {as_layer(layer.name)} look for"
    if many and len(extent) == 2:
        atoms = model.effective_atoms(len(layers), units)
        return png(atoms_picture(atoms, _SMALL_FIELD), alt)
    return drawing(patterns(model, len(layers), units), alt)


def _overlap(analysis: Analysis) -> Picture | None:
    if analysis.overlap is None or len(analysis.overlap.matrices) > _MOST_MATRICES:
        return None
    count = analysis.overlap.counts.sum()
    names = [as_layer(x.name) for x in analysis.layers if x.coded and len(x.coded.on) == count]
    depth = len(analysis.overlap.matrices)
    if len(names) != depth:  # layers were taken out of the record
        names = [f"layer {number}" for number in range(1, depth + 1)]
    return drawing(overlap_drawing(analysis.overlap, names), "Overlap of pathways between classes")
