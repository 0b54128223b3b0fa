"""Layers of a network with the codes that real inputs have there."""

import math
from collections.abc import Mapping

import attrs
import numpy as np

from dcsc._arguments import mapping
from dcsc._arrays import Array, instance, integer
from dcsc._display import Display, Displayed, digits, interval, percent, times
from dcsc._words import as_layer, counted, listed, quoted
from dcsc.bounds import LayerInstance, LayerStatistics
from dcsc.dictionaries import ToeplitzDictionary
from dcsc.errors import DcscError
from dcsc.networks.activations import Activations
from dcsc.networks.chain import NetworkLayer
from dcsc.projections import ReLU

__all__ = ["CodedLayer", "coded_layer", "coded_layers", "stack"]


@attrs.frozen(eq=False, repr=False)
class CodedLayer(Displayed):
    r"""A layer read as a dictionary of unit filters, with the codes of some inputs.

    A unit is *on* where its coefficient exceeds the threshold β, which is what a rectifier lets
    through. Its code is the coefficient itself, :math:`x_k = \langle a_k, y\rangle`: the rectifier
    subtracts β from it, and a second β would switch units off without any interference. So all
    codes exceed β, and β/2 lies halfway between them and 0.

    Parameters
    ----------
    name : str
        The convolution's.
    dictionary : ToeplitzDictionary
    threshold : array, shape (filters,)
        β; of thresholds that differ between positions the smallest.
    codes : array, shape (batch, *code_shape)
        The coefficients of the units that are on, where they are positive, and 0.
    on : array of bool, shape (batch, *code_shape)
        Which units are on. With a negative β some are on whose coefficient is not positive.
    signals : array, shape (batch, *signal_shape)
        What the layer sees.
    below : str or None
        The layer whose code the signals are, if they are a code and nothing else.
    start : str
        What the signals are, in words, if they are no code.
    """

    name: str
    dictionary: ToeplitzDictionary
    threshold: Array
    codes: Array
    on: Array
    signals: Array
    below: str | None = None
    start: str = ""

    def _display(self) -> Display:
        batch = max(len(self.codes), 1)
        rows = [
            (
                "dictionary",
                f"{type(self.dictionary).__name__}, filters {times(self.dictionary.filters.shape)}",
            ),
            ("codes", f"{times(self.codes.shape[1:])}, {counted(len(self.codes), 'input')}"),
            (
                "units on",
                f"{digits(np.count_nonzero(self.on) / batch)} an input, "
                f"{percent(self.on.mean() if self.on.size else None)}",
            ),
            ("thresholds", interval(self.threshold.min(), self.threshold.max())),
            (
                "signal",
                f"the code of {as_layer(self.below)}" if self.below else self.start or "an input",
            ),
        ]
        return Display(f"Layer {self.name} and its codes", ("", "is"), rows)

    @property
    def projection(self) -> ReLU:
        """ReLU at β/2, or at 0 where β is negative."""
        return ReLU(np.maximum(self.threshold, 0.0) / 2)

    @property
    def instances(self) -> list[LayerInstance]:
        """One record for each input, with the threshold β/2."""
        return [self.instance(number) for number in range(len(self.codes))]

    def instance(self, number: int) -> LayerInstance:
        """Return the record of one input."""
        where = "CodedLayer.instance: number"
        code = self.codes[integer(number, where, 0, len(self.codes) - 1)]
        return LayerInstance(self.dictionary, code, selection=self.projection.selection)

    @property
    def work(self) -> int:
        """The multiplications of one pass of one input through the layer."""
        return math.prod(self.dictionary.code_shape) * math.prod(self.dictionary.filters.shape[1:])

    def statistics(self) -> list[LayerStatistics | None]:
        """Return the constants of each input, None where nothing is on.

        The threshold is half of the smallest non-zero, the one that (3) speaks of.
        """
        live = self.codes.any(axis=tuple(range(1, self.codes.ndim)))
        records: list[LayerStatistics | None] = [None] * len(self.codes)
        if not live.any():
            return records
        first = LayerInstance(self.dictionary, self.codes[live][0], selection=ReLU().selection)
        constants = first.statistics(babel=False)
        sparsity = self.dictionary.stripe_sparsity(self.codes)
        active = self.codes > 0
        inside = tuple(range(1, active.ndim))
        smallest = np.where(active, self.codes, np.inf).min(axis=inside)
        largest = self.codes.max(axis=inside)
        norms = np.where(active, self.dictionary.atom_norms(), np.inf).min(axis=inside)
        for number in np.flatnonzero(live):
            x_min = float(smallest[number])
            records[number] = attrs.evolve(
                constants,
                x_min=x_min,
                x_max=float(largest[number]),
                sparsity=int(sparsity[number]),
                gain=(float(min(norms[number], constants.gain[0])), constants.gain[1]),
                threshold=None,
                selection=ReLU(x_min / 2).selection,
            )
        return records


def coded_layers(activations: Activations) -> tuple[CodedLayer, ...]:
    """Return the layers of a forward pass with their codes, as they follow on each other."""
    instance(activations, Activations, "coded_layers: activations")
    return tuple(map(coded_layer, activations.chain))


def coded_layer(layer: NetworkLayer) -> CodedLayer:
    """Return a layer with its codes."""
    coefficients = layer.coefficients()
    filters = len(layer.reading.filters)
    beta = layer.reading.threshold
    if beta.ndim == 1:
        beta = beta.reshape(-1, *[1] * (coefficients.ndim - 2))
    on = coefficients > beta
    joined = layer.below is not None and not layer.between
    steps = " and ".join(operation.label for operation in layer.between)
    return CodedLayer(
        layer.convolution.name,
        layer.dictionary,
        beta.reshape(filters, -1).min(axis=1),
        np.where(on & (coefficients > 0), coefficients, 0.0),
        on,
        layer.signal,
        below=layer.below if joined else None,
        start="" if joined else f"after {steps}" if steps else layer.reason,
    )


def stack(layers: Mapping[str, CodedLayer], name: str) -> tuple[CodedLayer, ...]:
    """Return a layer and those below it, as far down as each signal is the code of a layer."""
    table = mapping(layers, "stack: layers")
    if not isinstance(name, str) or name not in table:
        raise DcscError(f"stack: name: expected one of {listed(table)}, got {quoted(name)}")
    for layer in table.values():
        instance(layer, CodedLayer, "stack: layers")
    chain = [table[name]]
    while (below := chain[0].below) is not None and below in table:
        chain.insert(0, table[below])
    return tuple(chain)
