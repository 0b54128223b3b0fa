"""ONNX operators that dcsc has no operation for: defined here, or run by the package onnx."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from dcsc._arguments import items, mapping
from dcsc._arrays import Array, Shape, integer
from dcsc._cached import cached_property
from dcsc._fields import named_field, number_field
from dcsc._outside import outside
from dcsc._words import quoted
from dcsc.errors import DcscError, NotCoveredError
from dcsc.networks.extras import extra
from dcsc.networks.operations.base import Operation, checked_size
from dcsc.networks.operations.definitions import DEFINITIONS

__all__ = ["FOREIGN", "Foreign"]

_WHERE = "Foreign: attributes"
_MOST_INPUTS = 64
_MOST_RESULTS = 8

_REFERENCE: tuple[str, ...] = (
    *("Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Cosh", "Sinh", "Tan"),
    *("Celu", "Mish", "Selu", "Shrink", "Softsign", "Swish", "ThresholdedRelu"),
    *("BitShift", "BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor", "Xor"),
    *("IsInf", "IsNaN", "Mean", "Mod"),
    *("Attention", "Det", "Gemm", "LayerNormalization", "RMSNormalization"),
    *("NegativeLogLikelihoodLoss", "RotaryEmbedding", "SoftmaxCrossEntropyLoss"),
    *(
        "ArgMax",
        "ArgMin",
        "CumProd",
        "CumSum",
        "ReduceL1",
        "ReduceLogSum",
        "ReduceLogSumExp",
        "ReduceProd",
    ),
    "ReduceSumSquare",
    *("BlackmanWindow", "HammingWindow", "HannWindow"),
    *("CenterCropPad", "Compress", "DepthToSpace", "EyeLike", "GatherND", "NonZero", "OneHot"),
    *("ReverseSequence", "ScatterElements", "ScatterND", "Size", "SpaceToDepth"),
    *("TensorScatter", "Tile", "Trilu"),
)

FOREIGN: tuple[str, ...] = tuple(sorted((*_REFERENCE, *DEFINITIONS)))
"""The operators, or those variants of them that dcsc has no operation for.

Each agrees with ONNX Runtime in the tests, and computes in float64 what comes in float64. Where the
reference implementation does not, `DEFINITIONS` have another.
"""

_RESULTS = {
    **dict.fromkeys(("Attention", "Unique"), 4),
    **dict.fromkeys(("LSTM", "LayerNormalization"), 3),
    **dict.fromkeys(("CausalConvWithState", "LinearAttention"), 2),
    **dict.fromkeys(("GRU", "MaxPool", "RNN", "SoftmaxCrossEntropyLoss", "TopK"), 2),
}
"""How many results an operator has, if more than one."""


def _attended(attributes: Mapping[str, Any], queries: Array, keys: Array, *others: Array) -> int:
    """Return how many pairs of queries and keys there are, in all heads."""
    flat = queries.ndim == 3
    heads = attributes["q_num_heads"] if flat else queries.shape[1]
    past = others[2].shape[2] if len(others) > 2 and others[2].ndim == 4 else 0
    return len(queries) * heads * queries.shape[-2] * (keys.shape[-2] + past)


def _centred(attributes: Mapping[str, Any], data: Array, sizes: Array) -> int:
    shape = dict(enumerate(data.shape))
    axes = (axis % data.ndim for axis in attributes.get("axes", range(data.ndim)))
    return math.prod((shape | dict(zip(axes, map(int, sizes), strict=True))).values())


def _transformed(attributes: Mapping[str, Any], data: Array, *others: Array) -> int:
    """Return how many numbers a Fourier transform has, real and imaginary parts."""
    length = next((int(size.item()) for size in others[:1] if size.size == 1), 0)
    return 2 * data.size * max(length, 1)


def _windowed(attributes: Mapping[str, Any], signal: Array, step: Array, *others: Array) -> int:
    """Return how many numbers lie in all frames of a signal."""
    length = max(int(size.item()) if size.size == 1 else size.size for size in others)
    return 2 * signal.size // max(int(step.item()), 1) * length


def _tiled(attributes: Mapping[str, Any], data: Array, repeats: Array) -> int:
    return data.size * math.prod(max(abs(int(count)), 1) for count in repeats)


# How many entries come out or are made on the way, where that is more than what goes in.
_ENTRIES: dict[str, Callable[..., int]] = {
    **dict.fromkeys(("BlackmanWindow", "HammingWindow", "HannWindow"), lambda _, size: int(size)),
    "AffineGrid": lambda _, parts, size: len(parts) * math.prod(map(int, size[2:])) * len(size),
    "Attention": _attended,
    "CenterCropPad": _centred,
    "DFT": _transformed,
    "EyeLike": lambda _, data: max(data.shape) ** 2,
    "OneHot": lambda _, indices, depth, ends: indices.size * int(depth.reshape(())),
    "STFT": _windowed,
    "Tile": _tiled,
}


def _pairs(attributes: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Return attributes as pairs in a fixed order, with tuples for lists."""
    try:
        named = dict(attributes if isinstance(attributes, tuple) else mapping(attributes, _WHERE))
    except (TypeError, ValueError):
        raise DcscError(f"{_WHERE}: expected a mapping, got {quoted(attributes)}") from None
    listed = (
        (name, tuple(value) if isinstance(value, list) else value) for name, value in named.items()
    )
    return tuple(sorted(listed, key=lambda pair: pair[0]))


def _places(value: Any, record: Any, where: str) -> Shape:
    return tuple(integer(place, where, 0, _MOST_INPUTS - 1) for place in items(value, where))


@attrs.frozen(slots=False)
class Foreign(Operation):
    """One of the operators `FOREIGN`, by its definition or by the reference of the package onnx.

    Parameters
    ----------
    kind : str
        Its ONNX name.
    opset : int
        The version of ONNX' operators.
    attributes : mapping of str to number, str or list of numbers
    places : tuple of int
        Which of the operator's inputs are given; the others are optional and left out.
    result : int
        Which of its results is meant.

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
    result: int = number_field(integer, default=0, minimum=0, maximum=_MOST_RESULTS - 1)

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.kind, str) or self.kind not in FOREIGN:
            raise NotCoveredError("no operation of dcsc does this")
        if self.result >= _RESULTS.get(self.kind, 1):
            raise NotCoveredError("only its first result is computed")
        try:
            self._run  # noqa: B018  # it is made once, and what it cannot run ends here
        except DcscError:
            raise
        except Exception as error:  # onnx raises anything at what it does not know
            raise NotCoveredError(f"the installed package onnx does not run it: {error}") from None

    @property
    def label(self) -> str:
        return self.kind

    @cached_property
    def _run(self) -> Callable[..., Sequence[Array]]:
        if self.kind in DEFINITIONS:
            return self._defined
        onnx = extra("onnx", "onnx")
        names = [f"{place}" if place in self.places else "" for place in range(self._count)]
        results = [str(number) for number in range(self.result + 1)]
        node = onnx.helper.make_node(self.kind, names, results, **dict(self.attributes))
        runner = extra("onnx.reference", "onnx").ReferenceEvaluator(node, opsets={"": self.opset})
        given = [str(place) for place in self.places]
        return lambda *values: runner.run(None, dict(zip(given, values, strict=True)))

    def _defined(self, *values: Array) -> Sequence[Array]:
        every: list[Array | None] = [None] * self._count
        for place, value in zip(self.places, values, strict=True):
            every[place] = value
        return DEFINITIONS[self.kind](self.opset, dict(self.attributes), *every)

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
                entries = _ENTRIES[self.kind](dict(self.attributes), *values)
                checked_size((entries,), f"{self.kind}: result")
            return self._run(*values)[self.result]
