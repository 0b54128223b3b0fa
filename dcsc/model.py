"""The deep convolutional sparse coding model: layers, synthesis and the forward pass."""

import itertools
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from dcsc._arguments import flag, items
from dcsc._arrays import (
    Array,
    Rng,
    as_batch,
    flat_indices,
    generator,
    instance_of,
    integer,
    real_array,
)
from dcsc._cached import cached_property
from dcsc._display import Display, Displayed, times
from dcsc._words import quoted
from dcsc.dictionaries import Dictionary, SignedDictionary
from dcsc.errors import DcscError, NotDrawnError
from dcsc.pathway import Pathway
from dcsc.projections import Projection
from dcsc.signs import FixedSigns, RademacherSigns, SignPattern

if TYPE_CHECKING:
    from dcsc.torch import TorchModel

__all__ = ["DCSCModel", "Layer"]

RESIDUE = 16
_PIECE_ENTRIES = 2**18


@attrs.frozen(slots=False)
class Layer:
    """One layer: the dictionary A, the projection and the signs D.

    Parameters
    ----------
    dictionary : Dictionary
    projection : Projection
    signs : SignPattern, default RademacherSigns()
    """

    dictionary: Dictionary = attrs.field(validator=instance_of(Dictionary))
    projection: Projection = attrs.field(validator=instance_of(Projection))
    signs: SignPattern = attrs.field(factory=RademacherSigns, validator=instance_of(SignPattern))

    @cached_property
    def operator(self) -> SignedDictionary:
        """The dictionary with its signs, A D.

        Raises
        ------
        NotDrawnError
            If the signs are random and no draw has fixed them.
        """
        if self.signs.random:
            raise NotDrawnError(
                f"Layer: signs: {type(self.signs).__name__} is random: call model.draw(rng) first, "
                "which returns the model with its signs fixed"
            )
        return SignedDictionary(self.dictionary, self.signs.draw(self.dictionary.code_shape))

    def draw(self, rng: np.random.Generator) -> "Layer":
        """Return the layer with its signs fixed by one draw."""
        if isinstance(self.signs, FixedSigns):
            return self
        values = self.signs.draw(self.dictionary.code_shape, rng)
        return attrs.evolve(self, signs=FixedSigns(values, law=self.signs))


def _layers(value: Iterable[Layer]) -> tuple[Layer, ...]:
    layers = items((value,) if isinstance(value, Layer) else value, "DCSCModel: layers")
    if not layers or not all(isinstance(layer, Layer) for layer in layers):
        raise DcscError(f"DCSCModel: layers: expected one Layer or more, got {quoted(value)}")
    for number, (lower, upper) in enumerate(itertools.pairwise(layers), start=1):
        if tuple(lower.dictionary.code_shape) != tuple(upper.dictionary.signal_shape):
            raise DcscError(
                f"DCSCModel: layers: layer {number} has codes of shape "
                f"{lower.dictionary.code_shape}, but layer {number + 1} synthesises signals of "
                f"shape {upper.dictionary.signal_shape}"
            )
    return layers


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

    def synthesize(self, codes: npt.ArrayLike) -> Pathway:
        """Return the pathway of codes at the deepest layer, of shape ``(*batch, *code_shape)``.

        Raises
        ------
        NotDrawnError
            If signs are random and not drawn.
        """
        array = real_array(codes, "DCSCModel.synthesize: codes")
        shape = tuple(self.layers[-1].dictionary.code_shape)
        _, batch = as_batch(array, shape, "DCSCModel.synthesize: codes", array.dtype)
        pathway = [array.copy()]
        for number, layer in reversed(list(enumerate(self.layers, start=1))):
            signal = layer.operator.synthesize(pathway[0])
            if number > 1:
                _remove_residue(signal, layer.operator, pathway[0])
            pathway.insert(0, signal)
        return Pathway(tuple(pathway), batch)

    def forward(
        self,
        signal: npt.ArrayLike,
        noise: Mapping[int, npt.ArrayLike] | None = None,
        keep_coefficients: bool = False,
    ) -> Pathway:
        """Return the pathway that the forward pass estimates from a signal.

        Parameters
        ----------
        signal : array_like of shape (*batch, *signal_shape)
        noise : mapping of int to array_like, optional
            ``noise[l]`` is added to what enters layer l + 1, l = 0 … L − 1; the pathway keeps the
            estimates as they were before.
        keep_coefficients : bool
            Whether the pathway also keeps what each layer saw before its projection.
        """
        array = real_array(signal, "DCSCModel.forward: signal")
        shape = tuple(self.layers[0].dictionary.signal_shape)
        _, batch = as_batch(array, shape, "DCSCModel.forward: signal", array.dtype)
        added = self._noise(noise, batch)
        keeps = flag(keep_coefficients, "DCSCModel.forward: keep_coefficients")
        pathway, coefficients = [array.copy()], []
        for number, layer in enumerate(self.layers):
            entering = pathway[-1] + added[number] if number in added else pathway[-1]
            coefficients.append(layer.operator.analyze(entering))
            pathway.append(layer.projection(coefficients[-1], layer.dictionary))
            if not keeps:
                coefficients.pop()
        return Pathway(tuple(pathway), batch, tuple(coefficients) if keeps else None)

    def effective_atoms(self, layer: int, indices: npt.ArrayLike) -> Array:
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
            f"DCSCModel of {len(self.layers)} layers, {drawn}",
            ("", "dictionary", "signal", "code", "projection", "signs"),
            [
                (
                    f"layer {at}",
                    type(layer.dictionary).__name__,
                    times(layer.dictionary.signal_shape),
                    times(layer.dictionary.code_shape),
                    repr(layer.projection),
                    type(layer.signs).__name__,
                )
                for at, layer in enumerate(self.layers, start=1)
            ],
        )

    def _noise(self, noise: Any, batch: tuple[int, ...]) -> dict[int, Array]:
        where = "DCSCModel.forward: noise"
        if not isinstance(noise, Mapping | None):
            raise DcscError(f"{where}: expected a mapping of layer to array, got {quoted(noise)}")
        added = {}
        for key, value in (noise or {}).items():
            layer = integer(key, where, minimum=0, maximum=len(self.layers) - 1)
            shape = tuple(self.layers[layer].dictionary.signal_shape)
            array = real_array(value, f"{where}[{layer}]")
            if array.shape not in (shape, batch + shape):
                raise DcscError(
                    f"{where}[{layer}]: expected shape {batch + shape}, got {array.shape}"
                )
            added[layer] = array
        return added


def _remove_residue(signal: Array, operator: Dictionary, codes: Array) -> None:
    """Apply `without_residue` in place, to those of a batch in which an entry may be a residue.

    No contribution is larger than the largest atom, so that the sum of its sizes times the
    largest norm bounds them all; one per cent is for the rounding of both.
    """
    signals, inputs = (
        array.reshape(-1, *shape)
        for array, shape in ((signal, operator.signal_shape), (codes, operator.code_shape))
    )
    most = 1.01 * RESIDUE * np.finfo(signal.dtype).eps * operator.atom_norms().max()
    piece = max(1, _PIECE_ENTRIES // max(signals[:1].size, inputs[:1].size, 1))
    for start in range(0, len(signals), piece):
        batch = slice(start, start + piece)
        sizes = np.abs(signals[batch]).reshape(len(signals[batch]), -1)
        limits = most * np.abs(inputs[batch]).reshape(len(sizes), -1).sum(axis=1, keepdims=True)
        doubtful = start + np.flatnonzero(((sizes <= limits) & (sizes > 0)).any(axis=1))
        if len(doubtful):
            contributions = operator.contributions(inputs[doubtful])
            signals[doubtful] = without_residue(signals[doubtful], contributions)


def without_residue(signal: Array, contributions: Array) -> Array:
    """Set to zero what is only the rounding residue of a cancellation.

    Contributions that cancel exactly leave a few eps of their sizes behind, and a support must not
    count them.
    """
    limit = RESIDUE * np.finfo(signal.dtype).eps * contributions
    return np.where(np.abs(signal) <= limit, signal.dtype.type(0), signal)
