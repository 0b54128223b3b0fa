"""A dual certificate: that basis pursuit without noise finds a code."""

import math
from typing import Any, ClassVar

import attrs
import numpy as np

from dcsc._arrays import Array, as_batch, frozen_array, positive, real_array
from dcsc._fields import array_field
from dcsc.bounds.base import BoundCalculator
from dcsc.bounds.guarantee import Guarantee, LayerGuarantee
from dcsc.bounds.hypotheses import Hypothesis
from dcsc.bounds.pursued.search import dual_vector, least_norm, reach_of
from dcsc.bounds.records import LayerInstance
from dcsc.coefficients import TOLERANCE, strictly_below
from dcsc.errors import DcscError
from dcsc.pursuits import Pursuit

__all__ = ["DualBound"]


def _vectors(value: Any, record: Any, where: str) -> Array:
    return frozen_array(real_array(value, where).astype(np.float64))


@attrs.frozen
class DualBound(BoundCalculator):
    r"""A dual certificate: basis pursuit without noise finds these codes, with these signs.

    A vector p proves that x, with support T and signs s, is the only minimiser of
    :math:`\|u\|_1` subject to Au = Ax, if the atoms of T are independent and

    .. math:: \max_{j \notin T} |\langle a_j, p \rangle| + q\, \|A_T^T p - s\|_\infty < 1, \qquad
        q \ge \max_{j \notin T} \|G_{TT}^{-1} G_{T,j}\|_1 ;

    for :math:`q = \sqrt{|T|}\, \max_j \|a_j\| / \sigma` with the least singular value σ of
    :math:`A_T`. So a vector that misses the signs by rounding alone loses next to nothing. It is
    computed once (`search`), and checked by one analysis.

    It speaks of that problem alone, in which there is no noise and no penalty. For a penalty λ > 0,
    however small, the support may be larger nevertheless: there `FuchsBound` decides. And it does
    not say that no sparser code exists. Where a vector is no certificate, another may be one: it is
    undecided, and the probability is reported as 1.

    The signs are those of the codes under the dictionary: a layer with signs D is given by its
    operator, ``LayerInstance(layer.operator, codes, signs_independent=False)``.

    Parameters
    ----------
    vectors : array of shape (*batch, *signal_shape), optional
        p for each column; by default :math:`A_T G_{TT}^{-1} s`, the one of least norm.

    Examples
    --------
    >>> from dcsc import DenseDictionary
    >>> import numpy as np
    >>> atoms = DenseDictionary(np.array([[1, 0, 0, 0.4], [0, 1, 0, 0.4], [0, 0, 1, 0.9]]))
    >>> layer = LayerInstance(atoms, [1, 1, 0, 1], signs_independent=False)
    >>> DualBound().evaluate(layer).holds
    True
    """

    label: ClassVar[str] = "(D)"
    about: ClassVar[str] = "for basis pursuit without noise, these supports and signs"
    fails: ClassVar[str] = "basis pursuit without noise misses the codes"
    reference: ClassVar[str] = "Dual certificates, after J.-J. Fuchs, 2004"
    needs_instances: ClassVar[bool] = True
    needs_signs: ClassVar[bool] = True
    pursuits: ClassVar[tuple[type[Pursuit], ...]] = ()

    vectors: Array | None = array_field(_vectors, optional=True)

    @classmethod
    def search(cls, instance: LayerInstance, seconds: float = 10.0) -> "DualBound":
        """Return the bound with the best vectors that a search finds.

        From the vector of least norm on, the atoms off the support that see the most of it are
        pinned at ±0.95, those that overlap by more than 0.5 one at a time; pins that pull the wrong
        way are let go. Whether the vectors certify the codes, `evaluate` says; if they do not,
        that is left undecided.

        Parameters
        ----------
        instance : LayerInstance
        seconds : float, default 10
            Of time for all columns together; a round that has begun is finished.
        """
        _check(instance)
        limit = positive(seconds, "DualBound.search: seconds")
        flat = instance.codes.reshape(-1, *instance.dictionary.code_shape)
        vectors = [
            dual_vector(instance.dictionary, code, limit / max(len(flat), 1)) for code in flat
        ]
        shape = instance.batch + tuple(instance.dictionary.signal_shape)
        return cls(np.array(vectors).reshape(shape))

    def _evaluate(self, layers: tuple[LayerInstance, ...]) -> Guarantee:
        if len(layers) > 1:
            raise self._refuse(2, "it is about one layer, whose signal is known without error")
        (layer,) = layers
        if layer.noise is not None and np.any(layer.noise):
            raise self._refuse(1, "it is about signals without noise")
        layer.check_units("DualBound")
        signal_shape = tuple(layer.dictionary.signal_shape)
        codes = layer.codes.reshape(-1, *layer.dictionary.code_shape).astype(np.float64)
        if self.vectors is None:
            vectors = [least_norm(layer.dictionary, code) for code in codes]
        elif self.vectors.shape != layer.batch + signal_shape:
            raise DcscError(
                f"DualBound: vectors: expected shape {layer.batch + signal_shape}, got "
                f"{self.vectors.shape}"
            )
        else:
            vectors = list(
                as_batch(self.vectors, signal_shape, "DualBound: vectors", np.float64)[0]
            )
        reached, independent = 0.0, True
        for code, vector in zip(codes, vectors, strict=True):
            value = reach_of(layer.dictionary, code, vector)
            independent &= value is not None
            reached = max(reached, math.inf if value is None else value)
        hypotheses = (
            Hypothesis("layer 1: the atoms of each support are independent", independent),
            Hypothesis(
                f"layer 1: max |A' p| off the support, with what p misses the signs by: "
                f"{reached:.6g} < 1",
                strictly_below(reached, 1.0, TOLERANCE),
            ),
            Hypothesis("layer 1: there is no noise", None if layer.noise is None else True),
        )
        holds = all(hypothesis.holds is not False for hypothesis in hypotheses)
        part = LayerGuarantee(0.0 if holds else 1.0, (0.0, 0.0), 0.0, hypotheses)
        return self._guarantee(layers, [part])


def _check(instance: Any) -> None:
    """Refuse what is no instance with signs that are given, in units in which it has squares."""
    DualBound()._records(instance, "search: instance")
    instance.check_units("DualBound.search")
