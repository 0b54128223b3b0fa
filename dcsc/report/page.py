"""One self-contained page of what was found of a network."""

from importlib import resources
from typing import Any

import attrs
import jinja2
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from dcsc._arrays import Array, instance, integer
from dcsc._version import __version__
from dcsc._words import readable
from dcsc.networks.analysis import Analysis, CodedLayer, LayerAnalysis, receptive_model, stack
from dcsc.networks.analysis.inputs import channels_last
from dcsc.plotting import as_svg, charts, pathway_overlap
from dcsc.report import words
from dcsc.report.charts import density_chart, sparsity_chart, threshold_chart
from dcsc.report.numbers import percent
from dcsc.report.patterns import MOST_CHANNELS, patterns
from dcsc.report.pictures import code_picture, data_uri, input_picture, most_active
from dcsc.report.table import columns, row

__all__ = ["page"]

_PICTURES = 160
_FILTERS = 64
_UNITS = 24
_LARGEST_FIELD = 128
_MOST_MATRICES = 12


@attrs.frozen
class Picture:
    """A picture of the page: where it is, its size in pixels if it has one, and what it shows."""

    address: Markup
    alt: str
    width: int = 0
    height: int = 0


def page(analysis: Analysis, shown: int = 8) -> str:
    """Return an HTML page that needs nothing but itself.

    Parameters
    ----------
    analysis : Analysis
    shown : int, default 8
        For how many inputs the pathways are drawn; fewer where there are many layers.

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
    folder = resources.files("dcsc.report") / "templates"
    files = {item.name: item.read_text("utf-8") for item in folder.iterdir()}
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(files),
        autoescape=True,
        finalize=lambda value: readable(value) if type(value) is str else value,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    context: dict[str, Any] = {
        "analysis": analysis,
        "version": __version__,
        "glance": words.at_a_glance(analysis),
        "limits": words.limits(analysis),
        "columns": columns(analysis),
        "rows": [row(layer, number) for number, layer in enumerate(analysis.layers, start=1)],
        "overview": _overview(analysis),
        "pathways": _pathways(analysis, most),
        "sections": [
            _section(layer, number, analysis) for number, layer in enumerate(analysis.layers, 1)
        ],
        "overlap": _overlap(analysis),
        "blue": any(layer.codes.outside for layer in analysis.layers if layer.codes),
    }
    return environment.get_template("page.html.j2").render(context)


# ---- pictures --------------------------------------------------------------------------------


def _svg(figure: Figure, alt: str) -> Picture:
    return Picture(Markup(data_uri(as_svg(figure), "image/svg+xml")), alt)


def _drawing(text: str, alt: str) -> Picture:
    return Picture(Markup(data_uri(text.encode(), "image/svg+xml")), alt)


def _png(content: tuple[bytes, tuple[int, int]], alt: str) -> Picture:
    return Picture(Markup(data_uri(content[0], "image/png")), alt, *content[1])


def _overview(analysis: Analysis) -> list[Picture]:
    layers = analysis.layers
    pictures = [_svg(charts.coherence_chart(layers), "Coherence of the layers")]
    coded = [layer for layer in layers if layer.resynthesis]
    if coded:
        pictures.append(
            _svg(charts.found_chart(coded), "Share of active units found again, by layer")
        )
    return pictures


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
            alt = f"Active units of {layer.name} for input {number + 1}"
            steps.append(
                {
                    "name": words.name_of(layer),
                    "filters": _filters(len(filters), len(coded.on[at])),
                    "on": percent(share),
                    "picture": _png(code_picture(code, on, side), alt),
                }
            )
        pathways.append(
            {
                "title": _title(analysis, number),
                "picture": _input(np.asarray(values[number], dtype=np.float64), number),
                "steps": steps,
            }
        )
    return pathways


def _filters(count: int, total: int) -> str:
    return f"{total} filters" if count == total else f"{count} most active of {total} filters"


def _title(analysis: Analysis, number: int) -> str:
    title = f"Input {number + 1}"
    inputs = analysis.inputs
    if inputs is not None and inputs.labels is not None:
        title += f": label {inputs.labels[number]}"
        if analysis.answers is not None:
            title += f", largest output {analysis.answers[number]}"
    return title


def _input(value: Array, number: int) -> Picture:
    alt = f"Input {number + 1}"
    if channels_last((1, *value.shape)):
        value = np.moveaxis(value, -1, 0)
    if value.ndim == 3:
        return _png(input_picture(value), alt)
    return _svg(charts.signal_chart(value.reshape(-1, value.shape[-1])), alt)


def _section(layer: LayerAnalysis, number: int, analysis: Analysis) -> dict[str, Any]:
    pictures = [_drawing(threshold_chart(layer.filters.threshold), "Thresholds of the filters")]
    if layer.codes is not None:
        codes = layer.codes
        pictures += [
            _drawing(density_chart(codes.density), "Units that are on, over the inputs"),
            _drawing(
                sparsity_chart(codes.sparsity, codes.stripe_size, layer.theorems),
                "Stripe sparsity over the inputs",
            ),
        ]
    return {
        "anchor": f"layer-{number}",
        "layer": layer,
        "name": words.name_of(layer),
        "texts": words.of_layer(layer, analysis.noise),
        "pictures": pictures,
        "atoms": _atoms(layer, {x.name: x.coded for x in analysis.layers if x.coded}),
    }


def _atoms(layer: LayerAnalysis, coded: dict[str, CodedLayer]) -> Picture | None:
    """Return what the units of a layer look for, unless that cannot be drawn."""
    if layer.coded is None:
        return None
    layers = stack(coded, layer.name)
    model = receptive_model(layers)
    channels, *extent = model.layers[0].dictionary.signal_shape
    if channels > MOST_CHANNELS or (len(extent) > 1 and max(extent) > _LARGEST_FIELD):
        return None
    units = most_active(layer.coded.on, _UNITS)
    return _drawing(
        patterns(model, len(layers), units), f"Patterns that units of {layer.name} look for"
    )


def _overlap(analysis: Analysis) -> Picture | None:
    if analysis.overlap is None or len(analysis.overlap.matrices) > _MOST_MATRICES:
        return None
    return _svg(pathway_overlap(analysis.overlap), "Overlap of pathways between classes")
