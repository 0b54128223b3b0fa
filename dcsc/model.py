"""The deep convolutional sparse coding model: layers, synthesis and the forward pass."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import attrs
import numpy as np
import numpy.typing as npt

from dcsc._arguments import flag
from dcsc._arrays import (
    Array,
    Rng,
    as_batch,
    flat_indices,
    generator,
    integer,
)
from dcsc._diagram import Station
from dcsc._display import Display, Displayed, times
from dcsc._entries import SparseOrDense, code_array
from dcsc._words import number_of
from dcsc.layer import HEADINGS, Layer, as_layers, signals_of
from dcsc.pathway import Pathway
from dcsc.pursuits import PathwayPursuit, Pursuit
from dcsc.pursuits.pathways.layered import as_pathway_pursuit
from dcsc.pursuits.pathways.task import PathwayTask

if TYPE_CHECKING:
    from dcsc.torch import TorchModel

__all__ = ["DCSCModel", "Layer"]


def _layers(value: Iterable[Layer]) -> tuple[Layer, ...]:
    return as_layers(value, "DCSCModel: layers")


@attrs.frozen(repr=False)
class DCSCModel(Displayed):
    r"""The deep convolutional sparse coding model, layer 1 first.

    .. math:: X^{(l-1)} = A^{(l)} D^{(l)} X^{(l)}, \qquad
        \hat X^{(l)} = P^{(l)}\big((A^{(l)} D^{(l)})^T \hat X^{(l-1)}\big)

    Nothing in a model changes: `draw` returns another one.

    Parameters
    ----------
    layers : sequence of Layer
        The codes of a layer are the signals of the next.

    Raises
    ------
    DcscError
        If the shapes of two layers do not chain.

    References
    ----------
    M. Murray and J. Tanner, "Towards an understanding of CNNs: analysing the recovery of
    activation pathways via Deep Convolutional Sparse Coding", arXiv:1806.09888.
    """

    layers: tuple[Layer, ...] = attrs.field(converter=_layers)

    def draw(self, rng: Rng = None) -> "DCSCModel":
        """Return the model with all signs fixed, drawn independently layer by layer."""
        source = generator(rng, "DCSCModel.draw: rng")
        return DCSCModel([layer.draw(source) for layer in self.layers])

    def synthesize(self, codes: "SparseOrDense") -> Pathway:
        """Return the pathway of codes at the deepest layer, of shape ``(*batch, *code_shape)``.

        A sparse array of SciPy is unpacked, as a pathway holds arrays.

        Raises
        ------
        NotDrawnError
            If signs are random and not drawn.
        """
        array = code_array(codes, "DCSCModel.synthesize: codes")
        shape = tuple(self.layers[-1].dictionary.code_shape)
        _, batch = as_batch(array, shape, "DCSCModel.synthesize: codes", array.dtype)
        return Pathway(tuple(signals_of(self.layers, array.copy())), batch)

    def forward(
        self,
        signal: "npt.ArrayLike",
        noise: "Mapping[int, npt.ArrayLike] | None" = None,
        keep_coefficients: bool = False,
        pursuit: Pursuit | PathwayPursuit | None = None,
    ) -> Pathway:
        """Return the pathway that the forward pass, or another pursuit, estimates from a signal.

        Parameters
        ----------
        signal : array_like of shape (*batch, *signal_shape)
        noise : mapping of int to array_like, optional
            ``noise[l]`` is added to what enters layer l + 1, l = 0 … L − 1; the pathway keeps the
            estimates as they were before.
        keep_coefficients : bool
            Whether the pathway also keeps the coefficients that each layer sees in the estimate of
            the one below: what the forward pass projects.
        pursuit : Pursuit or PathwayPursuit, optional
            How the codes are found; a pursuit of one layer is taken layer by layer. By default the
            forward pass, ``Layered(OneStep())``.

        Examples
        --------
        Two atoms that overlap, of which the forward pass sees one only:

        >>> from dcsc import DenseDictionary, IdentitySigns, OrthogonalMatchingPursuit, TopK
        >>> atoms = DenseDictionary([[1, 0, 0.6], [0, 1, 0.8]])
        >>> model = DCSCModel([Layer(atoms, TopK(2), IdentitySigns())])
        >>> signal = model.synthesize([1, 0.4, 0])[0]
        >>> model.forward(signal)[1].round(2)
        array([1.  , 0.  , 0.92])
        >>> model.forward(signal, pursuit=OrthogonalMatchingPursuit(sparsity=2))[1].round(2)
        array([1. , 0.4, 0. ])
        """
        where = "DCSCModel.forward"
        task = PathwayTask.of(signal, self.layers, noise, where)
        keeps = flag(keep_coefficients, f"{where}: keep_coefficients")
        codes = as_pathway_pursuit(pursuit, f"{where}: pursuit")._codes(task)
        pathway = (task.signal.copy(), *codes)
        if not keeps:
            return Pathway(pathway, task.batch)
        coefficients = [
            layer.operator.analyze(task.entering(number, estimate))
            for number, (layer, estimate) in enumerate(zip(self.layers, pathway, strict=False))
        ]
        return Pathway(pathway, task.batch, tuple(coefficients))

    def effective_atoms(self, layer: int, indices: "npt.ArrayLike") -> Array:
        r"""Return what units of a layer stand for, as signals.

        Unit k of layer l stands for the input pattern

        .. math:: A^{(1)} D^{(1)} \cdots A^{(l)} D^{(l)} e_k,

        the signal that its code alone synthesises. For layer 1 it is an atom, with its sign.

        Parameters
        ----------
        layer : int
            l, from 1.
        indices : array_like of int, shape (units,)
            Flat indices, C order in the code shape of layer l.

        Returns
        -------
        array of float64, shape (units, *signal_shape)

        Raises
        ------
        NotDrawnError
            If signs are random and not drawn.

        Examples
        --------
        >>> from dcsc import DenseDictionary, HardThreshold, IdentitySigns
        >>> below, above = DenseDictionary([[1, 0.6], [0, 0.8]]), DenseDictionary([[1, 1], [1, -1]])
        >>> parts = HardThreshold(0.5), IdentitySigns()
        >>> model = DCSCModel([Layer(below, *parts), Layer(above, *parts)])
        >>> model.effective_atoms(2, [0, 1])
        array([[ 1.6,  0.8],
               [ 0.4, -0.8]])
        """
        where = "DCSCModel.effective_atoms"
        number = integer(layer, f"{where}: layer", minimum=1, maximum=len(self.layers))
        *below, top = [layer.operator for layer in self.layers[:number]]
        units = flat_indices(indices, math.prod(top.code_shape), f"{where}: indices")
        patterns = np.empty((len(units), *self.layers[0].dictionary.signal_shape))
        start = 0
        for atoms in top._columns.blocks(units):
            signals = atoms
            for operator in reversed(below):
                signals = operator.synthesize(signals)
            patterns[start : start + len(atoms)] = signals
            start += len(atoms)
        return patterns

    def to_torch(self) -> "TorchModel":
        """Return the model as a ``torch.nn.Module`` with the same forward pass.

        Filters are its parameters, signs and thresholds its buffers; see `dcsc.torch.TorchModel`.
        Needs PyTorch, ``pip install 'dcsc[torch]'``.

        Raises
        ------
        NotDrawnError
            If signs are random and not drawn.
        DcscError
            If PyTorch is missing, or a dictionary or projection has no counterpart in it.
        """
        from dcsc.torch import TorchModel  # noqa: PLC0415  # PyTorch is imported when it is used

        return TorchModel(self)

    def _display(self) -> Display:
        drawn = "random signs" if any(x.signs.random for x in self.layers) else "signs fixed"
        return Display(
            f"DCSCModel of {number_of(len(self.layers), 'layer')}, {drawn}",
            ("", *HEADINGS),
            [(f"layer {at}", *layer._cells()) for at, layer in enumerate(self.layers, start=1)],
            chain=list(self._stations()),
        )

    def _stations(self) -> Iterator[Station]:
        """Yield the signal, and the code of every layer, for a drawing."""
        shape = self.layers[0].dictionary.signal_shape
        yield Station(f"signal, {times(shape)}", math.prod(shape))
        for at, layer in enumerate(self.layers, start=1):
            kind, _, code, projection, signs = layer._cells()
            entries = math.prod(layer.dictionary.code_shape)
            yield Station(f"code {at}, {code}", entries, f"{kind}, {projection}, {signs}")
