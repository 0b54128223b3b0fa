"""A layer, layers that chain, and what codes make on their way down through them."""

import itertools
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from dcsc._arguments import items
from dcsc._arrays import Array, instance_of
from dcsc._cached import cached_property
from dcsc._display import Display, Displayed, rounded, times
from dcsc._words import quoted
from dcsc.dictionaries import Dictionary, SignedDictionary
from dcsc.errors import DcscError, NotDrawnError
from dcsc.projections import Projection
from dcsc.signs import FixedSigns, RademacherSigns, SignPattern

__all__ = ["HEADINGS", "RESIDUE", "Layer", "as_layers", "law_of", "signals_of", "without_residue"]

RESIDUE = 16
HEADINGS = ("dictionary", "signal", "code", "projection", "signs")
_PIECE_ENTRIES = 2**18


def _selects(layer: Any, field: Any, projection: Projection) -> None:
    # A class without checks of its own would tell a wrong threshold only where a bound asks for it,
    # and bounds that look at no filter would take thresholds of other filters.
    try:
        projection._check_filters(layer.dictionary.code_shape[0])
    except DcscError as error:
        raise DcscError(f"Layer: projection: {error}") from None


@attrs.frozen(slots=False)
class Layer(Displayed):
    """One layer: the dictionary A, the projection and the signs D.

    Parameters
    ----------
    dictionary : Dictionary
    projection : Projection
    signs : SignPattern, default RademacherSigns()
    """

    dictionary: Dictionary = attrs.field(validator=instance_of(Dictionary))
    projection: Projection = attrs.field(validator=[instance_of(Projection), _selects])
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

    def _cells(self) -> tuple[str, ...]:
        """Return what a table of layers has of this one, under `HEADINGS`."""
        return (
            type(self.dictionary).__name__,
            times(self.dictionary.signal_shape),
            times(self.dictionary.code_shape),
            rounded(repr(self.projection)),
            type(self.signs).__name__,
        )

    def _display(self) -> Display:
        return Display("Layer", ("", "is"), list(zip(HEADINGS, self._cells(), strict=True)))

    def draw(self, rng: np.random.Generator) -> "Layer":
        """Return the layer with its signs fixed by one draw."""
        if isinstance(self.signs, FixedSigns):
            return self
        values = self.signs.draw(self.dictionary.code_shape, rng)
        return attrs.evolve(self, signs=FixedSigns(values, law=self.signs))


def as_layers(value: Any, where: str) -> tuple[Layer, ...]:
    """Return layers that chain, layer 1 first; one Layer stands for itself."""
    layers = items((value,) if isinstance(value, Layer) else value, where)
    if not layers or not all(isinstance(layer, Layer) for layer in layers):
        raise DcscError(f"{where}: expected one Layer or more, got {quoted(value)}")
    for number, (lower, upper) in enumerate(itertools.pairwise(layers), start=1):
        if tuple(lower.dictionary.code_shape) != tuple(upper.dictionary.signal_shape):
            raise DcscError(
                f"{where}: layer {number} has codes of shape "
                f"{lower.dictionary.code_shape}, but layer {number + 1} synthesises signals of "
                f"shape {upper.dictionary.signal_shape}"
            )
    return layers


def law_of(signs: SignPattern) -> SignPattern:
    """Return the law that signs were drawn from, or the signs themselves."""
    return signs.law if isinstance(signs, FixedSigns) and signs.law is not None else signs


def signals_of(layers: Sequence[Layer], codes: Array) -> list[Array]:
    """Return what codes of the deepest layer synthesise, layer by layer: X^(0) … X^(L).

    Entries of intermediate codes that are only the residue of a cancellation are zero.
    """
    pathway = [codes]
    for number, layer in reversed(list(enumerate(layers, start=1))):
        signal = layer.operator.synthesize(pathway[0])
        if number > 1:
            _remove_residue(signal, layer.operator, pathway[0])
        pathway.insert(0, signal)
    return pathway


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
