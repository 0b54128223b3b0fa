"""What was counted of all inputs, as a table and as sentences."""

from collections.abc import Iterator

from dcsc._arrays import instance
from dcsc._words import as_layer, counted, listed
from dcsc.bounds.forward import CLASS_BOUNDS
from dcsc.networks.tallies import LayerTally, NetworkTally, class_overlap
from dcsc.report.charts import counts_chart
from dcsc.report.glossary import word
from dcsc.report.numbers import percent, rate
from dcsc.report.rendering import Picture, drawing

__all__ = ["tally_charts", "tally_columns", "tally_rows", "tally_sentences"]

_LABELS = tuple(kind.label for kind in CLASS_BOUNDS)
_COLUMNS = (
    *("layer", "on", "S", "silent units", "silent filters", "contrast", "found", "false alarms"),
    *("shared", "steady", *_LABELS),
)


def tally_columns(tally: NetworkTally) -> dict[str, str]:
    """Return the headings, and what each means in a sentence.

    Parameters
    ----------
    tally : NetworkTally
    """
    instance(tally, NetworkTally, "tally_columns: tally")
    known = {name for row in tally_rows(tally) for name, text in row.items() if text != "–"}
    return {name: word(name).text(every=True) for name in _COLUMNS if name in known}


def tally_rows(tally: NetworkTally) -> list[dict[str, str]]:
    """Return the cells of each layer, by heading.

    Parameters
    ----------
    tally : NetworkTally
    """
    instance(tally, NetworkTally, "tally_rows: tally")
    return [_row(tally, layer) for layer in tally.layers]


def _row(tally: NetworkTally, layer: LayerTally) -> dict[str, str]:
    low, high = (layer.active.quantile(end) for end in (0, 1))
    cells = {
        "layer": as_layer(layer.name),
        "on": f"{percent(layer.density)} ({_share(low, layer)}–{_share(high, layer)})",
        "S": f"{layer.sparsity.median:g} ({layer.sparsity.quantile(1):g}) of {layer.stripe_size}",
        "silent units": f"{layer.silent} of {layer.units}",
        "silent filters": f"{layer.silent_filters} of {len(layer.fired)}",
        "contrast": "–" if layer.usual_contrast is None else f"{layer.usual_contrast:.2g}",
        "steady": percent(layer.steady_share),
    }
    cells |= dict.fromkeys(_LABELS, "–")
    cells |= {one.name: f"{one.holds} of {one.of}" for one in layer.theorems if one.of}
    found, raised = (None, None) if layer.signs is None else (layer.signs.found, layer.signs.raised)
    cells["found"] = "–" if found is None else f"{percent(found.mean)} ({percent(found.value)})"
    cells["false alarms"] = "–" if raised is None else f"{rate(raised.mean)} ({rate(raised.value)})"
    shared = class_overlap(tally, layer.name)
    ends = None if shared is None else f"{percent(shared.within)} ({percent(shared.between)})"
    cells["shared"] = "–" if ends is None else ends
    return cells


def _share(units: float | None, layer: LayerTally) -> str:
    return percent(None if units is None else units / layer.units)


def tally_sentences(tally: NetworkTally) -> list[str]:
    """Return what is to be known about the table.

    Parameters
    ----------
    tally : NetworkTally
    """
    return list(_sentences(instance(tally, NetworkTally, "tally_sentences: tally")))


def _sentences(tally: NetworkTally) -> Iterator[str]:
    classes = f" of {counted(len(tally.classes), 'class')}" if tally.classes else ""
    verb = "was" if tally.inputs == 1 else "were"
    yield f"{counted(tally.inputs, 'input')}{classes} {verb} counted."
    if tally.answered:
        yield (
            f"The network's largest output is the label for {tally.right} of "
            f"{counted(tally.answered, 'input')}: {percent(tally.right / tally.answered)}."
        )
    if tally.looked:
        yield (
            f"Theorems were asked, and signs drawn, of {tally.looked} of them, at thresholds β/2."
        )
    yield f"Steady units bear an error of {percent(tally.noise)} of the strongest patch."
    silent = [as_layer(x.name) for x in tally.layers if x.silent_filters]
    if silent:
        yield f"Some filters were never on, in {listed(silent, 6)}."
    for stop in tally.stops:
        yield f"It stopped at {stop}."


def tally_charts(layer: LayerTally) -> list[Picture]:
    """Return charts of a layer: over all inputs, which share is on, and the stripe sparsity.

    Parameters
    ----------
    layer : LayerTally
    """
    instance(layer, LayerTally, "tally_charts: layer")
    active = counts_chart(
        layer.active.values / layer.units, layer.active.times, "units that are on", percent=True
    )
    label = f"stripe sparsity S, of {layer.stripe_size}"
    sparsity = counts_chart(layer.sparsity.values, layer.sparsity.times, label)
    return [
        drawing(active, f"Units of {as_layer(layer.name)} that are on, over all inputs"),
        drawing(sparsity, f"Stripe sparsity of {as_layer(layer.name)} over all inputs"),
    ]
