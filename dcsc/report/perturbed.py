"""What is proved of perturbed inputs, in sentences."""

from collections.abc import Iterator

from dcsc._display import fraction
from dcsc._words import as_layer, counted, listed
from dcsc.networks.analysis import Analysis, LayerAnalysis
from dcsc.report.numbers import at_least_percent, of_all

__all__ = ["decided", "of_perturbed", "perturbed"]


def decided(analysis: Analysis) -> Iterator[str]:
    """Say what is decided of perturbed inputs, and where more could be."""
    layers = [layer for layer in analysis.layers if layer.stability is not None]
    facts = [layer.stability for layer in layers if layer.stability is not None]
    if not facts:
        return
    shares = [fact.decided for fact in facts]
    low, high = at_least_percent(min(shares)), at_least_percent(max(shares))
    worst = as_layer(layers[shares.index(min(shares))].name)
    every = len(analysis.layers)
    given = analysis.given if analysis.inputs is None else analysis.inputs.count
    where = "" if len(facts) == every else f", in {of_all(len(facts), every, 'layer')}"
    yield (
        f"Perturbations of at most {fraction(analysis.perturbation)} in each sample provably leave "
        + (low if low == high else f"from {low} (in {worst}) to {high}")
        + f" of the units as they are ({of_all(facts[0].inputs, given, 'input')}){where}."
        + _fewer(analysis, facts[0].inputs, given)
    )
    wide = [
        as_layer(layer.name)
        for layer, fact in zip(layers, facts, strict=True)
        if fact.method == "interval"
    ]
    if wide:
        most = analysis.limits.products
        yield (
            f"Of {listed(wide)} that is by intervals, which prove little in deep layers: affine "
            f"bounds would take more than {_power(4 * most)} multiplications for one input. "
            f"Limits(products={_power(10 * most)}), or --products on the command line, allows more."
        )


def _fewer(analysis: Analysis, looked: int, given: int) -> str:
    """Say why not all inputs were perturbed, and what allows more."""
    if looked == given:
        return ""
    if looked == analysis.limits.proved:
        return f" They are the first {looked}: Limits(proved=…) allows more."
    return (
        f" They are the first {looked}, for more would have taken too long: Limits(products=…), or "
        "--products on the command line, allows more."
    )


def _power(value: float) -> str:
    return f"{value:.0e}".replace("e+0", "e").replace("e+", "e")


def perturbed(analysis: Analysis) -> Iterator[str]:
    """Say how inputs were perturbed."""
    facts = [x.stability for x in analysis.layers if x.stability is not None]
    if not facts:
        return
    span = analysis.inputs.span if analysis.inputs else None
    within = "" if span is None else f", and stay between {span[0]:g} and {span[1]:g}"
    yield (
        f"Perturbations change each sample of an input by at most {fraction(analysis.perturbation)}"
        f"{within}; they were looked at for the first {counted(facts[0].inputs, 'input')}."
    )


def of_perturbed(layer: LayerAnalysis) -> Iterator[str]:
    """Say what is decided of the units of a layer."""
    facts = layer.stability
    if facts is None:
        return
    ways = "affine bounds" if facts.method == "affine" else "intervals"
    on, off, decided = map(at_least_percent, (facts.on, facts.off, facts.decided))
    yield (
        f"By {ways}, at least {on} of the units stay on and {off} stay off whatever perturbation "
        f"is added to the input: {decided} are decided."
    )
    if facts.steady is not None:
        yield f"Of the units that are on, {at_least_percent(facts.steady)} stay on."
