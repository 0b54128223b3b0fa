"""A trained network and some inputs, layer by layer, in the terms of sparse coding theory."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from dcsc._arguments import function, instances, two_ends
from dcsc._arrays import Array, instance, integer, real
from dcsc._display import fraction
from dcsc._words import listed
from dcsc.dictionaries import ToeplitzDictionary
from dcsc.errors import DcscError
from dcsc.model import DCSCModel, Layer
from dcsc.networks.activations import Activations
from dcsc.networks.analysis.coded import CodedLayer, coded_layer, stack
from dcsc.networks.analysis.codes import code_facts, theorem_facts
from dcsc.networks.analysis.filters import filter_facts
from dcsc.networks.analysis.given import inputs_of
from dcsc.networks.analysis.inputs import Inputs
from dcsc.networks.analysis.layers import LayerAnalysis, ResynthesisFacts
from dcsc.networks.analysis.own import OwnFacts, WrongUnits, wrong_under_draws
from dcsc.networks.analysis.partial import partial_facts
from dcsc.networks.analysis.perturbed import StabilityFacts, stability_facts
from dcsc.networks.analysis.records import Analysis, Limits
from dcsc.networks.analysis.resynthesis import Found, found_again, found_alone
from dcsc.networks.analysis.safety import safety
from dcsc.networks.analysis.seen import Seen
from dcsc.networks.network import ConvNetwork, network_of
from dcsc.overlap import PathwayOverlap, pathway_overlap
from dcsc.projections import ReLU
from dcsc.signs import IdentitySigns, RademacherSigns

__all__ = ["SIGNS", "analyze", "receptive_model"]

_FEW, _BYTE = 16, 255  # whole numbers beyond the first, up to the second, look like bytes
SIGNS = {"random": RademacherSigns(), "none": IdentitySigns()}


def analyze(
    network: ConvNetwork,
    inputs: "Inputs | Activations | npt.ArrayLike | Mapping[str, npt.ArrayLike] | None" = None,
    noise: float = 0.05,
    seed: int = 0,
    limits: Limits | None = None,
    report: Callable[[float], None] = lambda share: None,
    perturbation: float | None = None,
    labels: "npt.ArrayLike | None" = None,
    valid_range: tuple[float, float] | None = None,
    class_names: Sequence[str] | None = None,
) -> Analysis:
    """Look at a network layer by layer.

    Parameters
    ----------
    network : ConvNetwork
    inputs : array_like, mapping of str to array_like, Inputs or Activations, optional
        A batch, or one for each input of the network by its name; tensors may lie on any device.
        `Activations` were computed before, here or elsewhere (`ConvNetwork.activations`), and the
        network is not run again. Without inputs only the filters are looked at.
    noise : float, default 0.05
        The error that units have to withstand to be called safe, as a share of the norm of the
        strongest patch of the layer's signal.
    seed : int, default 0
    limits : Limits, optional
    report : callable, optional
        Called with the share that is done.
    perturbation : float, optional
        By how much each sample of an input may change: which units that cannot switch.
    labels : array_like of int or str, shape (batch,), optional
        The class of each input, in place of those in ``inputs``: its number or its name.
    valid_range : (float, float), optional
        Between which numbers perturbed inputs stay, in place of ``Inputs.span``: pictures in
        ``(0, 1)`` for example.
    class_names : sequence of str, optional
        What the classes are called, in the order of the network's outputs, in place of those in
        ``inputs``. Labels are then numbers from 0 or these names, and the page shows names.

    Raises
    ------
    DcscError
        If the network has no convolutions, or the inputs do not fit.

    Examples
    --------
    >>> from dcsc.networks import load
    >>> from dcsc.networks.analysis import shipped_inputs
    >>> from dcsc.networks.shipped import digits_network_path
    >>> network = load(digits_network_path("incoherent"))
    >>> analysis = analyze(network, shipped_inputs(), limits=Limits(inputs=10))
    >>> [f"{layer.filters.own.value:.2g}" for layer in analysis.layers]
    ['0.59', '0.082', '1.8e-05']
    >>> [layer.theorems[0].holds for layer in analysis.layers]
    [0, 0, 10]
    """
    network_of(network, "analyze: network")
    function(report, "analyze: report")
    chosen = Limits() if limits is None else instance(limits, Limits, "analyze: limits")
    share = real(noise, "analyze: noise", minimum=0)
    number = integer(seed, "analyze: seed", minimum=0)
    if perturbation is not None:
        perturbation = real(perturbation, "analyze: perturbation", minimum=0)
    if not network.convolutions:
        kinds = Counter(f"{stop.operation} ({stop.reason})" for stop in network.unread)
        unread = listed((f"{count} {kind}" for kind, count in kinds.items()), most=3)
        raise DcscError(
            f"analyze: network: expected convolutions, found none in {network.source}"
            + (f"; not read: {unread}" if kinds else "")
        )
    # Run the network on the first inputs; without inputs, only the filters are read.
    every = inputs_of(network, inputs, labels, class_names)
    if valid_range is not None:
        span = two_ends(valid_range, "analyze: valid_range")
        every = None if every is None else attrs.evolve(every, span=span)
    sample = None if every is None else every.first(chosen.inputs)
    activations: Activations | None = None
    if isinstance(inputs, Activations):
        activations = inputs.first(chosen.inputs)
    elif sample is not None:
        activations = _forward(network, sample)
    # Readings of the forward pass replace those of the filters alone: they know what was below.
    readings = {c.name: c.reading() for c in network.convolutions}
    chain = [] if activations is None else list(activations.chain)
    readings |= {layer.convolution.name: layer.reading for layer in chain}
    answers, outputs = _answers(activations, sample)
    stops = () if activations is None else tuple(map(str, activations.stops))
    # Of the activations no more is kept than what is looked at, and that as each layer needs it.
    del activations
    every_code = [coded_layer(chain.pop(0)) for _ in range(len(chain))]
    # Where a step of the network leaves no inputs, there is nothing to look at.
    coded = {layer.name: layer for layer in every_code if len(layer.codes)}
    steady: dict[str, StabilityFacts] = {}
    unbounded: tuple[str, ...] = ()
    if perturbation is not None and sample is not None and chosen.proved:
        first = sample.first(chosen.proved)
        steady, unbounded = stability_facts(network, first, perturbation, chosen.products)
    # The facts, layer by layer.
    layers = []
    count = len(network.convolutions)
    for at, convolution in enumerate(network.convolutions):
        report(at / count)
        name = convolution.name
        layer = LayerAnalysis(
            name,
            filter_facts(convolution, readings[name], chosen.twins, chosen.products),
        )
        if name in coded:
            wrong = _wrong_under_draws(coded[name], sample, number, chosen, count)
            layer = _with_codes(layer, coded, share, number, chosen, wrong)
            layer = attrs.evolve(layer, own=_own(wrong, sample))
        layers.append(attrs.evolve(layer, stability=steady.get(name)))
    return Analysis(
        source=network.source,
        layers=tuple(layers),
        inputs=sample,
        given=0 if every is None else every.count,
        stops=stops,
        notes=(
            *network.notes,
            *_steps_of_whole_numbers(network, sample, perturbation),
            *_unscaled(network, sample),
        ),
        overlap=_overlap(layers, sample),
        answers=answers,
        noise=share,
        seed=number,
        limits=chosen,
        perturbation=perturbation,
        unbounded=unbounded,
        outputs=outputs,
    )


def _steps_of_whole_numbers(
    network: ConvNetwork, inputs: Inputs | None, perturbation: float | None
) -> Iterator[str]:
    """Say where inputs are whole numbers, and the perturbation is less than a step of them."""
    if inputs is None or perturbation is None or perturbation >= 1:
        return
    for needed in network.inputs:
        value = inputs.values[needed.name]
        if not value.size or needed.integer or np.ptp(value) <= 1:
            continue
        if np.array_equal(value, np.rint(value)):
            yield (
                f"{needed.name}: whole numbers from {value.min():g} to {value.max():g}, taken as "
                f"they are: a perturbation of {fraction(perturbation)} is less than a step of them"
            )


def _unscaled(network: ConvNetwork, inputs: Inputs | None) -> Iterator[str]:
    """Say where inputs are bytes, as of pictures that are not scaled yet."""
    if inputs is None:
        return
    for needed in network.inputs:
        value = inputs.values[needed.name]
        if needed.integer or not value.size or not _FEW < value.max() <= _BYTE or value.min() < 0:
            continue
        if np.array_equal(value, np.rint(value)):
            yield (
                f"{needed.name}: whole numbers from {value.min():g} to {value.max():g}, as the "
                "bytes of pictures are: a network that was trained on numbers from 0 to 1 is to be "
                f"shown inputs / {_BYTE}"
            )


def _forward(network: ConvNetwork, inputs: Inputs) -> Activations:
    """Return the activations in float64, in as many passes as a fixed batch size asks for.

    With several inputs, whose batches need not be alike, it is one pass of all inputs.
    """
    values = {
        name: value.astype(np.float64) if value.dtype.kind == "f" else value
        for name, value in inputs.values.items()
    }
    first = network.inputs[0].shape
    size = first[0] if first else None
    # What an activation acts on is computed again from the signal, as the dictionary sees it.
    needed = {name for one in network.convolutions for name in (one.signal, one.code)}
    needed.update(network.outputs)
    if len(values) > 1 or size in (None, inputs.count):
        return network._forward(values, needed)
    if inputs.count % size:
        raise DcscError(
            f"analyze: inputs: expected a multiple of the batch size {size} of {network.source}, "
            f"got {inputs.count}"
        )
    passes = [
        network._forward({name: value[at : at + size] for name, value in values.items()}, needed)
        for at in range(0, inputs.count, size)
    ]
    joint = {name: np.concatenate([one[name] for one in passes]) for name in passes[0].values}
    return attrs.evolve(passes[0], values=joint)


def _with_codes(
    layer: LayerAnalysis,
    coded: Mapping[str, CodedLayer],
    noise: float,
    seed: int,
    limits: Limits,
    wrong: WrongUnits | None,
) -> LayerAnalysis:
    deepest = coded[layer.name]
    layers = stack(coded, layer.name)
    seen = Seen(deepest)
    return attrs.evolve(
        layer,
        codes=code_facts(deepest),
        theorems=theorem_facts(deepest, limits.products, limits.proved, seen),
        partial=partial_facts(deepest, limits.products, limits.proved, seen, seed),
        safety=safety(deepest, noise, limits.units, limits.proved, seed, seen),
        resynthesis=tuple(_resynthesis(layers, seed, limits, wrong)),
        reach=tuple(one.name for one in layers),
        start=layers[0].start,
        coded=deepest,
    )


def _wrong_under_draws(
    layer: CodedLayer, sample: Inputs | None, seed: int, limits: Limits, layers: int
) -> WrongUnits | None:
    labels = None if sample is None else sample.labels
    if labels is not None and len(labels) != len(layer.codes):
        labels = None
    # a tenth of a part for each layer, and two parts for all of them
    most = limits.products / max(10.0, layers / 2)
    return wrong_under_draws(layer, limits.placed, limits.resynthesized, most, seed, labels)


def _own(wrong: WrongUnits | None, sample: Inputs | None) -> OwnFacts | None:
    if wrong is None or sample is None or not sample.class_names:
        return None if wrong is None else wrong.facts
    facts = wrong.facts
    classes = [attrs.evolve(x, label=sample.class_of(int(x.label or 0))) for x in facts.classes]
    return attrs.evolve(facts, classes=tuple(classes))


def _resynthesis(
    layers: tuple[CodedLayer, ...], seed: int, limits: Limits, wrong: WrongUnits | None
) -> Iterable[ResynthesisFacts]:
    each = 2 * limits.draws * sum(layer.work for layer in layers)
    inputs = min(limits.resynthesized, len(layers[-1].codes), int(limits.products / each))
    if not inputs:
        return
    codes = layers[-1].codes[:inputs]
    laws = [(SIGNS["random"], limits.draws), (SIGNS["none"], 1)]
    alone: Sequence[Found | None] = [None] * len(laws)
    if codes.any():
        alone = found_alone(wrong, limits.draws, codes) or found_again(
            layers[-1:], laws, seed, inputs
        )
    whole = alone
    if codes.any() and len(layers) > 1:
        whole = found_again(layers, laws, seed, inputs)
    for name, (_, draws), found, from_below in zip(SIGNS, laws, alone, whole, strict=True):
        yield ResynthesisFacts(name, found, from_below, len(layers), inputs, draws)


def _overlap(layers: list[LayerAnalysis], inputs: Inputs | None) -> PathwayOverlap | None:
    if inputs is None or inputs.labels is None or inputs.count < 2:
        return None
    on = [x.coded.on for x in layers if x.coded is not None and len(x.coded.on) == inputs.count]
    if not on:
        return None
    overlap = pathway_overlap(on, inputs.labels)
    # classes stay in the order of their numbers, whatever they are called
    names = np.array([inputs.class_of(label) for label in overlap.classes])
    return attrs.evolve(overlap, classes=names) if inputs.class_names else overlap


def _answers(
    activations: Activations | None, inputs: Inputs | None
) -> tuple[Array, int] | tuple[None, None]:
    """Return the largest output for each input and how many there are, if outputs are scores."""
    if activations is None or inputs is None or not activations.graph.outputs:
        return None, None
    name = activations.graph.outputs[0]
    scores = activations.values.get(name)
    if scores is None or scores.ndim != 2 or len(scores) != inputs.count or scores.shape[1] < 2:
        return None, None
    return np.asarray(scores.argmax(axis=1)), scores.shape[1]


def receptive_model(layers: tuple[CodedLayer, ...]) -> DCSCModel:
    """Return the layers on just the samples that one unit of the last one sees, without signs.

    Its last layer has one position, so that the effective atoms of its units are what the filters
    stand for, not cut off at any border.
    """
    layers = instances(layers, CodedLayer, "receptive_model: layers")
    if not layers:
        raise DcscError("receptive_model: layers: expected one layer or more, got none")
    positions = (1,) * len(layers[-1].dictionary.positions)
    parts: list[Layer] = []
    for layer in reversed(layers):
        dictionary = _at(layer.dictionary, positions)
        parts.insert(0, Layer(dictionary, ReLU(), IdentitySigns()))
        positions = dictionary.extent
    return DCSCModel(parts)


def _at(dictionary: ToeplitzDictionary, positions: tuple[int, ...]) -> ToeplitzDictionary:
    """Return the dictionary without borders, with so many positions."""
    steps = zip(positions, dictionary.stride, dictionary.span, strict=True)
    extent = tuple((p - 1) * step + span for p, step, span in steps)
    return attrs.evolve(dictionary, extent=extent, padding=0)
