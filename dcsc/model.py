"""The deep convolutional sparse coding model: layers, synthesis and the forward pass."""

import itertools
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from dcsc._arrays import Array, Rng, as_batch, generator, instance_of, integer, real_array
from dcsc.dictionaries import Dictionary, SignedDictionary
from dcsc.errors import DcscError, NotDrawnError
from dcsc.pathway import Pathway
from dcsc.projections import Projection
from dcsc.signs import FixedSigns, RademacherSigns, SignPattern

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
    layers = tuple(value) if isinstance(value, Iterable) else (value,)
    if not layers or not all(isinstance(layer, Layer) for layer in layers):
        raise DcscError(f"DCSCModel: layers: expected one Layer or more, got {value!r}")
    for number, (lower, upper) in enumerate(itertools.pairwise(layers), start=1):
        if tuple(lower.dictionary.code_shape) != tuple(upper.dictionary.signal_shape):
            raise DcscError(
                f"DCSCModel: layers: layer {number} has codes of shape "
                f"{lower.dictionary.code_shape}, but layer {number + 1} synthesises signals of "
                f"shape {upper.dictionary.signal_shape}"
            )
    return layers


@attrs.frozen
class DCSCModel:
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
        given = real_array(codes, "DCSCModel.synthesize: codes")
        shape = tuple(self.layers[-1].dictionary.code_shape)
        _, batch = as_batch(given, shape, "DCSCModel.synthesize: codes", given.dtype)
        pathway = [given.copy()]
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
        given = real_array(signal, "DCSCModel.forward: signal")
        shape = tuple(self.layers[0].dictionary.signal_shape)
        _, batch = as_batch(given, shape, "DCSCModel.forward: signal", given.dtype)
        added = self._noise(noise, batch)
        pathway, coefficients = [given.copy()], []
        for number, layer in enumerate(self.layers):
            entering = pathway[-1] + added[number] if number in added else pathway[-1]
            coefficients.append(layer.operator.analyze(entering))
            pathway.append(layer.projection(coefficients[-1], layer.dictionary))
            if not keep_coefficients:
                coefficients.pop()
        return Pathway(tuple(pathway), batch, tuple(coefficients) if keep_coefficients else None)

    def _noise(self, noise: Any, batch: tuple[int, ...]) -> dict[int, Array]:
        where = "DCSCModel.forward: noise"
        if not isinstance(noise, Mapping | None):
            raise DcscError(f"{where}: expected a mapping of layer to array, got {noise!r}")
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
    signals, given = (
        array.reshape(-1, *shape)
        for array, shape in ((signal, operator.signal_shape), (codes, operator.code_shape))
    )
    most = 1.01 * RESIDUE * np.finfo(signal.dtype).eps * operator.atom_norms().max()
    piece = max(1, _PIECE_ENTRIES // max(signals[:1].size, given[:1].size, 1))
    for start in range(0, len(signals), piece):
        some = slice(start, start + piece)
        sizes = np.abs(signals[some]).reshape(len(signals[some]), -1)
        limits = most * np.abs(given[some]).reshape(len(sizes), -1).sum(axis=1, keepdims=True)
        doubtful = start + np.flatnonzero(((sizes <= limits) & (sizes > 0)).any(axis=1))
        if len(doubtful):
            contributions = operator.contributions(given[doubtful])
            signals[doubtful] = without_residue(signals[doubtful], contributions)


def without_residue(signal: Array, contributions: Array) -> Array:
    """Set to zero what is only the rounding residue of a cancellation.

    Contributions that cancel exactly leave a few eps of their sizes behind, and a support that
    counted them would be fiction.
    """
    limit = RESIDUE * np.finfo(signal.dtype).eps * contributions
    return np.where(np.abs(signal) <= limit, signal.dtype.type(0), signal)
