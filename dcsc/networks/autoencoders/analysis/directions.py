"""What the atoms of an autoencoder are like: how alike, which twice, and which of no size."""

from typing import Any

import attrs
import numpy as np
import scipy.sparse

from dcsc._arrays import Array, brief
from dcsc._display import Display, Facts
from dcsc._numerics.scaling import norms
from dcsc._tables import Tabled
from dcsc.dictionaries import DenseDictionary
from dcsc.dictionaries.alike import Alike, most_alike
from dcsc.dictionaries.sums import sums_of_columns

__all__ = ["CrossFacts", "DecoderFacts", "LatentPair", "cross_facts", "decoder_facts", "unit_atoms"]

_MOST_LINKS = 2**20


@attrs.frozen
class LatentPair:
    """Two latents, and the cosine between their atoms."""

    first: int
    second: int
    cosine: float

    def __str__(self) -> str:
        return f"{self.first} and {self.second} ({self.cosine:.4f})"


@attrs.frozen(eq=False, repr=False)
class DecoderFacts(Facts, Tabled):
    """The decoder as a dictionary of unit atoms.

    Parameters
    ----------
    norms : (float, float, float)
        Smallest, median and largest norm of the atoms as they are.
    dead : tuple of int
        Latents whose atom in the encoder or decoder is so small that they are left out below.
    coherence : float
        Largest absolute cosine of two atoms.
    floor : float
        Welch's bound, below which no atoms of this number and dimension are.
    pairs : tuple of LatentPair
        Those with the largest absolute cosines.
    nearest : array, shape (latents,)
        The largest absolute cosine of each latent with another, to single precision.
    duplicates : tuple of tuple of int
        Groups of latents that cosines of at least `level` link.
    level : float
    babel : tuple of float
        μ₁(1), μ₁(2), … of the unit atoms.
    """

    norms: tuple[float, float, float]
    dead: tuple[int, ...]
    coherence: float
    floor: float
    pairs: tuple[LatentPair, ...]
    nearest: Array = attrs.field(repr=brief)
    duplicates: tuple[tuple[int, ...], ...] = attrs.field(repr=lambda groups: f"<{len(groups)}>")
    level: float
    babel: tuple[float, ...] = attrs.field(repr=lambda values: f"<{len(values)}>")

    def _display(self) -> Display:
        return self._shown(
            ("coherence", "floor", "pairs", "nearest", "norms", "dead", "duplicates", "babel")
        )

    def _table(self) -> dict[str, list[Any]]:
        return _columns(self.pairs)


@attrs.frozen(eq=False, repr=False)
class CrossFacts(Facts, Tabled):
    """The encoder's atoms beside the decoder's.

    Parameters
    ----------
    aligned : array, shape (latents,)
        The cosine of each latent's atom in the encoder with its own in the decoder; 0 for those of
        no size.
    coherence : float
        The largest absolute cosine of an atom in the encoder with another latent's in the decoder.
    pairs : tuple of LatentPair
        Those with the largest, the encoder's latent first.
    """

    aligned: Array = attrs.field(repr=brief)
    coherence: float
    pairs: tuple[LatentPair, ...]

    def _table(self) -> dict[str, list[Any]]:
        return _columns(self.pairs)


class _Neighbours:
    """Notes, tile by tile, each latent's nearest other, and who is linked to whom."""

    def __init__(self, latents: int, level: float) -> None:
        self.nearest = np.zeros(latents, np.float32)
        self.level = level
        self.links: list[Array] = [np.zeros((2, 0), np.intp)]

    def watch(self, rows: slice, columns: slice, products: Array) -> None:
        sizes = np.abs(products)
        for part, largest in ((rows, sizes.max(axis=1)), (columns, sizes.max(axis=0))):
            self.nearest[part] = np.maximum(self.nearest[part], largest)
        if self.nearest[rows].max() >= self.level:
            linked = np.argwhere(products >= self.level).T
            self.links.append(linked + np.array([[rows.start], [columns.start]]))
            if sum(part.shape[1] for part in self.links) > _MOST_LINKS:
                self.links = [self._forest()]

    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Return the latents that are linked, in groups, by their smallest latent."""
        first, latents = self._forest()
        return tuple((int(start), *latents[first == start].tolist()) for start in np.unique(first))

    def _forest(self) -> Array:
        """Return a link for every linked latent but the first of its group, to that one."""
        links, count = np.concatenate(self.links, axis=1), len(self.nearest)
        graph = scipy.sparse.coo_array((np.ones(links.shape[1]), tuple(links)), (count, count))
        _, labels = scipy.sparse.csgraph.connected_components(graph, directed=False)
        _, smallest, which = np.unique(labels, return_index=True, return_inverse=True)
        first = smallest[which]
        others = np.flatnonzero(first != np.arange(count))
        return np.stack([first[others], others])


def unit_atoms(dictionary: DenseDictionary, dead: Array) -> Array:
    """Return the atoms with unit norm in float64, and zeros in place of some."""
    matrix = dictionary.matrix.astype(np.float64)
    lengths = norms(matrix, (0,))
    matrix *= np.divide(1.0, lengths, out=np.zeros_like(lengths), where=~dead)
    return matrix


def decoder_facts(
    decoder: DenseDictionary, atoms: Array, dead: Array, count: int, level: float, most: int
) -> DecoderFacts:
    """Return the facts about the decoder.

    Parameters
    ----------
    decoder : DenseDictionary
    atoms : array
        Its unit atoms, zeros for the dead.
    dead : array of bool, shape (latents,)
    count : int
        How many pairs.
    level : float
        From which cosine on two latents are called the same.
    most : int
        Up to which S the Babel function is computed.
    """
    neighbours = _Neighbours(atoms.shape[1], level)
    alike = most_alike(atoms, count=count, watch=neighbours.watch)
    live = atoms[:, ~dead]
    lengths = decoder.atom_norms()
    floor = DenseDictionary(live).welch_floor() if live.size else 0.0
    return DecoderFacts(
        (float(lengths.min()), float(np.median(lengths)), float(lengths.max())),
        tuple(np.flatnonzero(dead).tolist()),
        _largest(alike),
        floor,
        _pairs(alike),
        neighbours.nearest,
        neighbours.groups(),
        level,
        _babel(live, most),
    )


def _babel(atoms: Array, most: int) -> tuple[float, ...]:
    """Return μ₁(S) of unit atoms, for S from 1 to ``most``, or to all others there are."""
    counts = np.arange(1, min(most, atoms.shape[1] - 1) + 1)
    return tuple(sums_of_columns(atoms, counts)[0].tolist()) if len(counts) else ()


def cross_facts(encoder: Array, decoder: Array, count: int) -> CrossFacts:
    """Return the facts about unit atoms of the encoder and the decoder, in one space."""
    alike = most_alike(encoder, decoder, count)
    aligned = np.clip(np.einsum("dn,dn->n", encoder, decoder), -1, 1)
    return CrossFacts(aligned, _largest(alike), _pairs(alike))


def _columns(pairs: tuple[LatentPair, ...]) -> dict[str, list[Any]]:
    """Return the columns of a table of pairs, the worst first."""
    names = ("first", "second", "cosine")
    return {
        "pair": list(range(1, len(pairs) + 1)),
        **{name: [getattr(pair, name) for pair in pairs] for name in names},
    }


def _largest(alike: Alike) -> float:
    return min(float(abs(alike.values[0])), 1.0) if len(alike.values) else 0.0


def _pairs(alike: Alike) -> tuple[LatentPair, ...]:
    each = zip(alike.rows.tolist(), alike.columns.tolist(), alike.values.tolist(), strict=True)
    return tuple(LatentPair(i, j, max(-1.0, min(value, 1.0))) for i, j, value in each)
