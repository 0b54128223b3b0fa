"""How much of their pathways inputs of the same class share, from counts alone."""

import attrs
import numpy as np

from dcsc._arrays import Array, brief, instance
from dcsc.networks.tallies.network import NetworkTally

__all__ = ["ClassOverlap", "class_overlap"]


@attrs.frozen(eq=False)
class ClassOverlap:
    """The units that two inputs of two classes share at a layer, of those that either switches on.

    Parameters
    ----------
    classes : tuple of str
    matrix : array of shape (classes, classes)
        On the diagonal of pairs of two different inputs of the class. NaN where there is no pair.
    within, between : float
        Of all pairs of one class, and of all pairs of two classes.
    """

    classes: tuple[str, ...]
    matrix: Array = attrs.field(repr=brief)
    within: float
    between: float


def class_overlap(tally: NetworkTally, layer: str) -> ClassOverlap | None:
    r"""Return how much of their pathways inputs share at a layer, within classes and between them.

    With :math:`n_c(k)` inputs of class c that switch unit k on, all pairs of an input of class c
    and one of class d share :math:`\sum_k n_c(k)\, n_d(k)` units. So the ratio of sums

    .. math:: \sum_{a, b} |a \cap b| \Big/ \sum_{a, b} |a \cup b|

    follows from counts, where `dcsc.pathway_overlap` has the mean of the ratios, which needs the
    pathways of all pairs.

    Parameters
    ----------
    tally : NetworkTally
    layer : str
        Its name.

    Returns
    -------
    ClassOverlap or None
        None without labels, and where there are too many classes of too many units.

    Raises
    ------
    DcscError
        If there is no such layer.

    Examples
    --------
    >>> from dcsc.networks import load
    >>> from dcsc.networks.analysis import shipped_inputs
    >>> from dcsc.networks.shipped import digits_network_path
    >>> from dcsc.networks.tallies import tally
    >>> counted = tally(load(digits_network_path("incoherent")), shipped_inputs())
    >>> shared = class_overlap(counted, "conv3")
    >>> f"{shared.within:.2f} {shared.between:.2f}"
    '0.39 0.17'
    """
    instance(tally, NetworkTally, "class_overlap: tally")
    split = tally.layer(layer).by_class
    if not split:
        return None
    classes = tuple(label for label in tally.labels if label in split)
    counts = np.stack([split[label].ravel() for label in classes]).astype(np.float64)
    sizes = counts.sum(axis=1)
    members: Array = np.array([tally.classes[label] for label in classes], dtype=np.float64)
    # one code of each input, but where axes become batches
    members *= tally.layer(layer).codes / tally.inputs
    # Over all pairs: what both switch on, and what each does.
    shared = counts @ counts.T - np.diag(sizes)
    each = np.outer(sizes, members) + np.outer(members, sizes) - 2 * np.diag(sizes)
    pairs = np.outer(members, members) - np.diag(members)
    same = np.eye(len(classes), dtype=bool)
    return ClassOverlap(
        classes,
        _ratio(shared, each, pairs),
        float(_ratio(*(x[same].sum() for x in (shared, each, pairs)))),
        float(_ratio(*(x[~same].sum() for x in (shared, each, pairs)))),
    )


def _ratio(shared: Array, each: Array, pairs: Array) -> Array:
    """Return |a ∩ b| over |a ∪ b|: 1 where both are empty, NaN where there is no pair."""
    either = each - shared
    ratio = np.where(either > 0, shared / np.where(either > 0, either, 1.0), 1.0)
    return np.asarray(np.where(pairs > 0, ratio, np.nan))
