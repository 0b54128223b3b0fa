"""Projections that keep the largest coefficients, of a sample or of every stripe."""

from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Array, integer
from dcsc.dictionaries import Dictionary
from dcsc.projections.base import Projection

__all__ = ["StripeTopK", "TopK"]


def _ranks(coefficients: Array) -> Array:
    """Return each entry's place from 0 by falling ``|z|``, ties in C order, per batch element."""
    flat = np.abs(coefficients).reshape(len(coefficients), -1)
    order = np.argsort(-flat, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(flat.shape[1])[None], axis=1)
    return ranks.reshape(coefficients.shape)


def _count(value: Any, self_: Any, field: Any) -> int:
    return integer(value, f"{type(self_).__name__}: {field.name}", minimum=1)


class _Largest(Projection):
    """A projection that ranks coefficients, so that it has to know what one code is."""

    @property
    def needs_dictionary(self) -> bool:
        return True


@attrs.frozen
class TopK(_Largest):
    """Keep the k largest ``|z|`` of each sample, ties in C order.

    Parameters
    ----------
    k : int
        At least 1; from the size of a code on, everything is kept.
    """

    k: int = attrs.field(converter=attrs.Converter(_count, takes_self=True, takes_field=True))  # type: ignore[misc]  # the plugin knows no Converter

    def _project(self, coefficients: Array, dictionary: Dictionary | None) -> Array:
        zero = coefficients.dtype.type(0)
        return np.where(_ranks(coefficients) < self.k, coefficients, zero)


@attrs.frozen
class StripeTopK(_Largest):
    """Keep what is among the S largest ``|z|`` of every stripe that holds it, ties in C order.

    The result has stripe sparsity at most S. It is not the Euclidean projection: where stripes
    overlap, the nearest code of that sparsity can be another one.

    Parameters
    ----------
    sparsity : int
        S, at least 1; from the size of a stripe on, everything is kept.
    """

    sparsity: int = attrs.field(
        converter=attrs.Converter(_count, takes_self=True, takes_field=True)  # type: ignore[misc]  # the plugin knows no Converter
    )

    def _project(self, coefficients: Array, dictionary: Dictionary | None) -> Array:
        assert dictionary is not None
        ranks = _ranks(coefficients)
        last = dictionary.stripes.nth_smallest(ranks, self.sparsity)
        allowed = -dictionary.stripes.max_containing(-last)
        return np.where(ranks <= allowed, coefficients, coefficients.dtype.type(0))
