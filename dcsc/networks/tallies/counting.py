"""Counting one batch of inputs."""

import math
from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Array, generator
from dcsc.dictionaries import ToeplitzDictionary
from dcsc.networks.activations import Activations
from dcsc.networks.analysis import Inputs
from dcsc.networks.analysis.coded import CodedLayer, coded_layer
from dcsc.networks.analysis.codes import CLASSES
from dcsc.networks.analysis.filters import products
from dcsc.networks.analysis.own import fill_with_signs, wrong_units
from dcsc.networks.analysis.safety import RISK
from dcsc.networks.network import ConvNetwork
from dcsc.networks.tallies.counts import Counts
from dcsc.networks.tallies.layers import STEPS, LayerTally, SignTally, TheoremTally
from dcsc.networks.tallies.network import NetworkTally
from dcsc.networks.tallies.settings import Settings

__all__ = ["Counter"]


class Counter:
    """Counts batches of inputs of one network, and keeps what all batches share.

    Parameters
    ----------
    network : ConvNetwork
    settings : Settings
    task : str
        The hash that tallies bear.
    split : int
        Units of a layer, times classes, that are counted class by class at most.
    """

    def __init__(self, network: ConvNetwork, settings: Settings, task: str, split: int) -> None:
        self.network, self.settings, self.task, self.split = network, settings, task, split
        self.dictionaries: dict[str, ToeplitzDictionary] = {}
        self.drawn: dict[str, Array] = {}

    def batch(self, inputs: Inputs, first: int, classes: int) -> NetworkTally:
        """Return the tally of a batch, whose first input has a number in the data set.

        Parameters
        ----------
        inputs : Inputs
        first : int
        classes : int
            How many labels there are in the whole data set.
        """
        values = {
            name: value.astype(np.float64) if value.dtype.kind == "f" else value
            for name, value in inputs.values.items()
        }
        activations = self.network.forward(values)
        every = self.settings.every
        chosen = np.arange(first, first + inputs.count) % every == 0 if every else None
        labels = None if inputs.labels is None else inputs.labels.astype(str)
        right, answered = _right(activations, inputs, self.settings.class_names)
        stops = tuple(map(str, activations.stops))
        # Of the activations no more is kept than what is looked at, and that as it is needed.
        chain = list(activations.chain)
        del activations
        layers = []
        for _ in range(len(chain)):
            layer = coded_layer(chain.pop(0))
            if len(layer.codes):
                layers.append(self._layer(layer, inputs.count, chosen, labels, classes))
        names, members = np.unique([] if labels is None else labels, return_counts=True)
        return NetworkTally(
            self.task,
            self.network.source,
            inputs.count,
            0 if chosen is None else int(chosen.sum()),
            tuple(layers),
            self.settings.noise,
            dict(zip(names.tolist(), members.tolist(), strict=True)),
            right,
            answered,
            stops,
        )

    def _layer(
        self,
        layer: CodedLayer,
        inputs: int,
        chosen: Array | None,
        labels: Array | None,
        classes: int,
    ) -> LayerTally:
        # What was computed of the atoms for one batch holds for all.
        dictionary = self.dictionaries.setdefault(layer.name, layer.dictionary)
        if dictionary.code_shape == layer.dictionary.code_shape:
            layer = attrs.evolve(layer, dictionary=dictionary)
        # A network may make several codes of one input, or one of several.
        of = np.arange(len(layer.codes)) * inputs // len(layer.codes)
        active = layer.on.reshape(len(layer.on), -1).sum(axis=1)
        sparsity = np.asarray(layer.dictionary.stripe_sparsity(layer.on))
        positive = layer.codes[layer.codes > 0]
        split: dict[str, Array] | None = {}
        if classes * math.prod(dictionary.code_shape) > self.split:
            split = None
        elif labels is not None:
            split = {str(x): layer.on[labels[of] == x].sum(axis=0) for x in np.unique(labels[of])}
        looked = None if chosen is None else _part(layer, chosen[of])
        return LayerTally(
            layer.name,
            Counts.of(active),
            Counts.of(sparsity),
            Counts.of(_contrasts(layer.codes)),
            layer.dictionary.stripes.size,
            layer.on.sum(axis=0),
            float(positive.min()) if positive.size else None,
            float(positive.max()) if positive.size else None,
            int(active.sum() - positive.size),
            _steady(layer, self.settings.noise),
            () if looked is None else self._theorems(looked),
            None if looked is None else self._signs(looked),
            split,
        )

    def _theorems(self, layer: CodedLayer) -> tuple[TheoremTally, ...]:
        """Return of how many codes theorems about all codes with their constants hold."""
        dictionary = layer.dictionary
        places = dictionary._representatives().size // len(dictionary.filters)
        if products(dictionary, places) > self.settings.products:
            return ()
        statistics = [one for one in layer.statistics() if one is not None]
        tallies = []
        for name, bound in CLASSES.items():
            guarantees = [bound.evaluate(one) for one in statistics]
            holds = sum(one.holds and one.unclipped <= RISK for one in guarantees)
            tallies.append(TheoremTally(name, holds, len(guarantees)))
        return tuple(tallies)

    def _signs(self, layer: CodedLayer) -> SignTally:
        """Return what becomes of active units, with the network's own signs and with drawn ones."""
        shape = layer.dictionary.code_shape
        if layer.name not in self.drawn:
            random = generator(self.settings.seed, "tally: seed")
            patterns = np.ones((1 + self.settings.draws, *shape), np.int8)
            fill_with_signs(patterns[1:], random)
            self.drawn[layer.name] = patterns
        counts = wrong_units(layer, layer.codes, self.drawn[layer.name])
        missed, raised = counts.sum(axis=2).T
        return SignTally(int(np.count_nonzero(layer.codes)), missed, raised)


def _part(layer: CodedLayer, chosen: Array) -> CodedLayer:
    return attrs.evolve(
        layer, codes=layer.codes[chosen], on=layer.on[chosen], signals=layer.signals[chosen]
    )


def _contrasts(codes: Array) -> Array:
    """Return the largest over the smallest coefficient of each code, in eighths of an octave."""
    live = codes.reshape(len(codes), -1)
    live = live[live.any(axis=1)]
    smallest = np.where(live > 0, live, np.inf).min(axis=1)
    # of logarithms, as a ratio may be more than any number
    octaves = np.log2(live.max(axis=1)) - np.log2(smallest)
    return np.floor(STEPS * octaves).astype(np.int64)


def _steady(layer: CodedLayer, noise: float) -> int:
    """Return how many active units no error of a share of the strongest patch could switch off."""
    dictionary = layer.dictionary
    axes = len(dictionary.code_shape)
    zeta = noise * np.asarray(dictionary.patch_norm(layer.signals))
    beta = layer.threshold.reshape(-1, *[1] * (axes - 1))
    room = dictionary.analyze(layer.signals) - beta
    steady = room > dictionary.atom_norms() * zeta.reshape(-1, *[1] * axes)
    return int(np.count_nonzero(steady & layer.on))


def _right(activations: Activations, inputs: Inputs, names: tuple[str, ...]) -> tuple[int, int]:
    """Return for how many inputs the largest output is the label, and of how many that is known."""
    labels, outputs = inputs.labels, activations.graph.outputs
    scores: Any = activations.values.get(outputs[0]) if outputs else None
    if labels is None or scores is None:
        return 0, 0
    if scores.ndim != 2 or len(scores) != inputs.count or scores.shape[1] < 2:
        return 0, 0
    if names and len(names) != scores.shape[1]:
        return 0, 0
    if names and labels.dtype.kind in "US":
        places = {name: at for at, name in enumerate(names)}
        labels = np.array([places.get(label, -1) for label in labels.astype(str).tolist()])
    if labels.dtype.kind not in "iu" or not np.all((labels >= 0) & (labels < scores.shape[1])):
        return 0, 0
    return int(np.count_nonzero(scores.argmax(axis=1) == labels)), inputs.count
