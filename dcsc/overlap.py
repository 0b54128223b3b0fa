"""Pathways as decisions: how much of their pathways samples of the same class share."""

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from dcsc._arrays import Array, brief, numeric_array, unwrapped
from dcsc._display import Display, Displayed, digits
from dcsc._entries import unpacked
from dcsc._tables import Tabled
from dcsc._words import counted, quoted
from dcsc.errors import DcscError
from dcsc.pathway import Pathway

__all__ = ["PathwayOverlap", "pathway_overlap"]

_BLOCK_ENTRIES = 2**24


@attrs.frozen(eq=False, repr=False)
class PathwayOverlap(Displayed, Tabled):
    """How much activation pathways overlap within and between classes, layer by layer.

    Entry l − 1 of every array is that of layer l. NaN stands where there is no pair of samples.

    Parameters
    ----------
    classes : array of shape (classes,)
        The labels, in rising order.
    counts : int array of shape (classes,)
        How many samples have them.
    matrices : array of shape (L, classes, classes)
        The mean Jaccard index over the pairs of two samples, one from each class; on the diagonal
        over the pairs of two different samples of the class. Symmetric.
    within, between : array of shape (L,)
        The mean over all pairs of one class, and over all pairs of two classes.
    """

    classes: Array = attrs.field(repr=brief)
    counts: Array = attrs.field(repr=brief)
    matrices: Array = attrs.field(repr=brief)
    within: Array
    between: Array

    def _display(self) -> Display:
        return Display(
            f"Overlap of the pathways of {counted(self.counts.sum(), 'sample')}, "
            f"{counted(len(self.classes), 'class')}",
            ("mean Jaccard index", "within a class", "between classes"),
            [
                (name, digits(within), digits(between))
                for name, within, between in zip(*self._table().values(), strict=True)
            ],
        )

    def _table(self) -> dict[str, list[Any]]:
        return {
            "layer": [f"layer {number}" for number in range(1, len(self.within) + 1)],
            "within": self.within.tolist(),
            "between": self.between.tolist(),
        }


def pathway_overlap(
    codes: "Pathway | Sequence[npt.ArrayLike]", labels: "npt.ArrayLike"
) -> PathwayOverlap:
    r"""Return how much the activation pathways of labelled samples overlap.

    The overlap of two samples at a layer is the Jaccard index of the supports of their codes,

    .. math:: J(a, b) = |a \cap b| / |a \cup b|,

    and 1 where both are empty. Where a layer decides between classes, pathways overlap within them
    and not between them.

    Parameters
    ----------
    codes : Pathway or sequence of array_like
        A pathway of a batch, of which layers 1 … L are looked at; or one array for each layer,
        ``(samples, ...)``, such as the activations of a network.
    labels : array_like of int, bool or str, shape (samples,)
        The class of each sample; for a pathway in the shape of its batch.

    Raises
    ------
    DcscError
        If there are no layers, fewer than two samples, or if labels and samples do not match.

    Notes
    -----
    All pairs are compared by products of matrices, in time and memory that grow with the square of
    the number of samples.

    Examples
    --------
    >>> first = [[1, 1, 0, 0], [0.5, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 0]]
    >>> overlap = pathway_overlap([first], ["a", "a", "b", "b"])
    >>> overlap.within, overlap.between
    (array([0.75]), array([0.16666667]))
    >>> overlap.matrices[0]
    array([[1.        , 0.16666667],
           [0.16666667, 0.5       ]])
    """
    where = "pathway_overlap"
    supports, shape = _supports(codes, where)
    names = _labels(labels, where)
    if names.shape != shape or names.dtype.kind not in "biuUS":
        raise DcscError(
            f"{where}: labels: expected ints or strings of shape {shape}, got {names.dtype} of "
            f"shape {names.shape}"
        )
    if names.size < 2:
        raise DcscError(f"{where}: labels: expected two samples or more, got {names.size}")
    classes, members, counts = np.unique(names, return_inverse=True, return_counts=True)
    belongs = np.eye(len(classes))[members.ravel()]
    pairs = np.outer(counts, counts) - np.diag(counts)
    totals = np.stack([belongs.T @ _jaccard(support) @ belongs for support in supports])
    same = np.eye(len(classes), dtype=bool)
    return PathwayOverlap(
        classes,
        counts,
        _mean(totals, pairs),
        _mean(totals[:, same].sum(axis=1), pairs[same].sum()),
        _mean(totals[:, ~same].sum(axis=1), pairs[~same].sum()),
    )


def _labels(labels: Any, where: str) -> Array:
    plain = unwrapped(labels, f"{where}: labels")
    try:
        return np.asarray(plain)
    except (TypeError, ValueError, RuntimeError, MemoryError):
        raise DcscError(
            f"{where}: labels: expected ints or strings, got {quoted(labels)}"
        ) from None


def _supports(codes: Any, where: str) -> tuple[list[Array], tuple[int, ...]]:
    """Return the supports of each layer, flat, and the shape that labels must have."""
    if isinstance(codes, Pathway):
        samples = int(np.prod(codes.batch))
        return [support.reshape(samples, -1) for support in codes.supports], codes.batch
    if isinstance(codes, np.ndarray | range) or not isinstance(codes, Sequence) or not len(codes):
        raise DcscError(
            f"{where}: codes: expected a Pathway, or a list of one array per layer and at least "
            f"one, got {brief(codes) if isinstance(codes, np.ndarray) else quoted(codes)}"
        )
    names = [f"{where}: codes[{at}]" for at in range(len(codes))]
    pairs = zip(codes, names, strict=True)
    arrays = [numeric_array(unpacked(code, name), name) for code, name in pairs]
    shapes = [array.shape for array in arrays]
    if min(map(len, shapes)) == 0 or len({shape[0] for shape in shapes}) > 1:
        raise DcscError(
            f"{where}: codes: expected shapes (samples, ...) with as many samples in every layer, "
            f"got {shapes}"
        )
    return [(array != 0).reshape(len(array), -1) for array in arrays], shapes[0][:1]


def _jaccard(support: Array) -> Array:
    """Return the Jaccard indices of all pairs of different rows, and zeros on the diagonal."""
    live = support[:, support.any(axis=0)]
    block = max(1, _BLOCK_ENTRIES // len(live))  # few enough for single precision to count exactly
    both = np.zeros((len(live), len(live)))
    for start in range(0, live.shape[1], block):
        part = live[:, start : start + block].astype(np.float32)
        both += part @ part.T
    sizes = live.sum(axis=1)
    either = np.add.outer(sizes, sizes) - both
    indices = np.divide(both, either, out=np.ones_like(both), where=either > 0)
    np.fill_diagonal(indices, 0)
    return indices


def _mean(totals: Array, pairs: Any) -> Array:
    return np.divide(totals, pairs, out=np.full(totals.shape, np.nan), where=np.asarray(pairs) > 0)
