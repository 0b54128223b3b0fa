"""Operators that the package onnx runs, where dcsc has no operation of its own."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np

from dcsc._arguments import items
from dcsc._arrays import Array, Shape, integer
from dcsc._cached import cached_property
from dcsc._fields import named_field
from dcsc._outside import outside
from dcsc._words import quoted
from dcsc.errors import DcscError, NotCoveredError
from dcsc.networks.extras import extra
from dcsc.networks.operations.base import Operation, checked_size

__all__ = ["FOREIGN", "Foreign"]

_MOST_INPUTS = 64

FOREIGN: tuple[str, ...] = (
    *("Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Cosh", "Sinh", "Tan"),
    *("Celu", "Hardmax", "Mish", "Selu", "Shrink", "Softsign"),
    *("ThresholdedRelu", "IsInf", "IsNaN", "Mean", "Mod", "Xor"),
    *("Gemm", "LayerNormalization"),
    *("ArgMax", "ArgMin", "CumSum", "ReduceL1", "ReduceLogSum", "ReduceLogSumExp", "ReduceProd"),
    "ReduceSumSquare",
    *("DepthToSpace", "GatherND", "NonZero", "Resize", "ScatterElements", "ScatterND", "Size"),
    *("SpaceToDepth", "Tile", "Trilu"),
)
"""The operators, or those variants of them that dcsc has not.

Each agrees with ONNX Runtime in the tests, and computes in float64 what comes in float64. These do
not: LpNormalization is wrong in the reference, and so is Hardmax before version 13;
MeanVarianceNormalization takes float32 alone. GridSample, LpPool and RoiAlign go from number to
number and would take minutes. Of Resize those variants are run that agree, see `_resizes`.
"""

_RESIZE: dict[str, tuple[str, ...]] = {
    "mode": ("nearest", "linear"),
    "nearest_mode": ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"),
    "coordinate_transformation_mode": ("asymmetric", "half_pixel", "pytorch_half_pixel"),
}


def _resizes(opset: int, attributes: Mapping[str, Any], places: Shape) -> bool:
    """Return whether the reference runs this Resize correctly.

    It aligns corners by the scales that it is given, though the size is rounded, so that they have
    to follow from sizes.
    """
    variants = dict(_RESIZE)
    if 3 in places:
        variants["coordinate_transformation_mode"] += ("align_corners",)
    telling = {key: value for key, value in attributes.items() if key != "cubic_coeff_a"}
    return opset > 10 and all(value in variants.get(key, ()) for key, value in telling.items())


def _tiled(data: Array, repeats: Array) -> int:
    return data.size * math.prod(max(abs(int(count)), 1) for count in repeats)


def _resized(data: Array, *others: Array) -> float:
    """Return the most entries that an axis-by-axis computation holds on its way."""
    sizes = others[-1] if others[-1].dtype.kind in "iu" else others[-1] * data.shape
    return math.prod(max(abs(m), n) for m, n in zip(sizes.tolist(), data.shape, strict=True))


# How many entries come out or are made on the way, where that is more than what goes in.
_ENTRIES: dict[str, Callable[..., float]] = {"Resize": _resized, "Tile": _tiled}


def _pairs(attributes: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Return attributes as pairs in a fixed order, with tuples for lists."""
    try:
        named = dict(attributes)
    except (TypeError, ValueError):
        raise DcscError(
            f"Foreign: attributes: expected a mapping, got {quoted(attributes)}"
        ) from None
    listed = (
        (name, tuple(value) if isinstance(value, list) else value) for name, value in named.items()
    )
    return tuple(sorted(listed, key=lambda pair: pair[0]))


def _places(value: Any, record: Any, where: str) -> Shape:
    return tuple(integer(place, where, 0, _MOST_INPUTS - 1) for place in items(value, where))


@attrs.frozen(slots=False)
class Foreign(Operation):
    """One of the operators `FOREIGN`, as the reference implementation of ONNX runs it.

    Parameters
    ----------
    kind : str
        Its ONNX name.
    opset : int
        The version of ONNX' operators.
    attributes : mapping of str to number, str or list of numbers
    places : tuple of int
        Which of the operator's inputs are given; the others are optional and left out.

    Raises
    ------
    NotCoveredError
        If the operator is none of `FOREIGN`, or the installed package onnx cannot run it.

    Examples
    --------
    >>> Foreign("Shrink", 18, {"lambd": 0.5, "bias": 0.5})(np.array([-2.0, 0.25, 1.0]))
    array([-1.5,  0. ,  0.5])
    """

    kind: str
    opset: int
    attributes: tuple[tuple[str, Any], ...] = attrs.field(factory=dict, converter=_pairs)
    places: Shape = named_field(_places, default=(0,))

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.kind, str) or self.kind not in FOREIGN:
            raise NotCoveredError("no operation of dcsc does this")
        if self.kind == "Hardmax" and self.opset < 13:
            raise NotCoveredError("before version 13 it takes several axes together")
        if self.kind == "Resize" and not _resizes(self.opset, dict(self.attributes), self.places):
            raise NotCoveredError("it is none of the variants that are known to be right")
        try:
            self._evaluator  # noqa: B018  # it is made once, and what it cannot run ends here
        except DcscError:
            raise
        except Exception as error:  # onnx raises anything at what it does not know
            raise NotCoveredError(f"the installed package onnx does not run it: {error}") from None

    @property
    def label(self) -> str:
        return self.kind

    @cached_property
    def _evaluator(self) -> Any:
        onnx = extra("onnx", "onnx")
        names = [f"{place}" if place in self.places else "" for place in range(self._count)]
        node = onnx.helper.make_node(self.kind, names, ["out"], **dict(self.attributes))
        return extra("onnx.reference", "onnx").ReferenceEvaluator(node, opsets={"": self.opset})

    @property
    def _count(self) -> int:
        return max(self.places, default=-1) + 1

    def _apply(self, *values: Array) -> Any:
        if len(values) != len(self.places):
            raise DcscError(f"{self.kind}: expected {len(self.places)} inputs, got {len(values)}")
        # The reference mixes no dtypes: all floating inputs get the widest one among them.
        floats = [value.dtype for value in values if value.dtype.kind == "f"]
        wide = np.result_type(*floats) if floats else None
        values = tuple(v.astype(wide) if v.dtype.kind == "f" else v for v in values)
        shapes = ", ".join(str(np.shape(value)) for value in values)
        axis, rank = dict(self.attributes).get("axis", 0), np.ndim(values[0]) if values else 0
        if not -max(rank, 1) <= axis <= rank:
            raise DcscError(f"{self.kind}: expected an axis of {shapes}, got {axis}")
        with outside(f"{self.kind}: cannot be applied to inputs of shape {shapes}"):
            if self.kind in _ENTRIES:
                checked_size((math.ceil(_ENTRIES[self.kind](*values)),), f"{self.kind}: result")
            names = map(str, self.places)
            (result,) = self._evaluator.run(None, dict(zip(names, values, strict=True)))
        return result
