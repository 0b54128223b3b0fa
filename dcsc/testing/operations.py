"""The laws of operations, the steps of networks."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from dcsc._arguments import flag
from dcsc._arrays import Array, Rng, generator, instance
from dcsc.errors import DcscError, NotCoveredError
from dcsc.intervals import Interval
from dcsc.networks.operations import Activation, Equivariance, Operation
from dcsc.networks.relaxations import ROUNDING, Box, Relaxation
from dcsc.testing.common import fail, same

__all__ = ["arrays_of", "check_operation"]

_UNITS = 60


def check_operation(
    operation: Operation, *inputs: Array, batched: bool = True, rng: Rng = 0
) -> None:
    """Check the laws of `Operation`, and those of `Activation` if it is one.

    Parameters
    ----------
    operation : Operation
    *inputs : array
        What it is given; by default one array of shape (3, 4, 7, 6), normal.
    batched : bool, default True
        Whether the samples along the first axis do not see one another. Operations that move axes
        or compute shapes are checked without.
    rng : None, int, SeedSequence or Generator
    """
    instance(operation, Operation, "check_operation: operation")
    source = generator(rng, "check_operation: rng")
    values = tuple(map(np.asarray, inputs)) or (source.standard_normal((3, 4, 7, 6)),)
    _check_result(operation, values)
    _check_dtypes(operation, values)
    _check_refusals(operation, values)
    level = operation.equivariance
    if flag(batched, "check_operation: batched") or level > Equivariance.NONE:
        _check_samples(operation, values)
    if level > Equivariance.NONE:
        _check_equivariance(operation, values[0].shape, source)
    if isinstance(operation, Activation):
        _check_zeros(operation, values[0])
    if operation.monotone:
        _check_order(operation, values, source)
    _check_relaxation(operation, values, source)


def _call(operation: Operation, law: str, *values: Array) -> Array:
    try:
        return operation(*values)
    except DcscError as error:
        fail(operation, law, f"inputs of shape {_shapes(values)} raised: {error}")
        raise


def arrays_of(operation: Operation) -> dict[str, Array]:
    """Return the fields of an operation that are arrays, by name."""
    names = [field.name for field in getattr(type(operation), "__attrs_attrs__", ())]
    fields = {name: getattr(operation, name) for name in names}
    return {name: value for name, value in fields.items() if isinstance(value, np.ndarray)}


def _shapes(values: tuple[Array, ...]) -> str:
    return ", ".join(str(value.shape) for value in values)


def _with_floats(values: tuple[Array, ...], change: Any) -> tuple[Array, ...]:
    """Return the inputs with the floating ones changed; integers are indices and shapes."""
    return tuple(change(value) if value.dtype.kind == "f" else value for value in values)


def _check_result(operation: Operation, values: tuple[Array, ...]) -> None:
    law = "the result depends on fields and inputs alone"
    copies = tuple(value.copy() for value in values)
    result = _call(operation, law, *copies)
    if result.dtype.kind not in "biuf":
        fail(operation, "the result is an array of real numbers", f"{result.dtype}")
    for value, copy in zip(values, copies, strict=True):
        if not np.array_equal(value, copy, equal_nan=value.dtype.kind == "f"):
            fail(operation, "inputs are left as they were", f"{value.shape} was written into")
    before = result.copy()
    _call(operation, law, *_with_floats(values, lambda value: value / 2))
    again = _call(operation, law, *values)
    if not np.array_equal(again, before, equal_nan=before.dtype.kind == "f"):
        fail(operation, law, "a second call with the same inputs gives another result")


def _check_dtypes(operation: Operation, values: tuple[Array, ...]) -> None:
    law = "floating inputs keep their dtype, unless weights are wider"
    weights = [array.dtype for array in arrays_of(operation).values() if array.dtype.kind == "f"]
    if not any(value.dtype.kind == "f" for value in values):
        return
    for dtype in (np.float32, np.float64):
        narrow = _with_floats(values, lambda value, to=dtype: value.astype(to))
        result = _call(operation, law, *narrow)
        allowed = {np.dtype(dtype), np.result_type(dtype, *weights)}
        if result.dtype.kind == "f" and result.dtype not in allowed:
            fail(operation, law, f"{np.dtype(dtype)} gives {result.dtype}")


def _check_refusals(operation: Operation, values: tuple[Array, ...]) -> None:
    law = "inputs that do not fit are refused with a DcscError"
    for attempt in _misfits(values):
        try:
            operation(*attempt)
        except DcscError:
            continue
        except Exception as error:
            fail(operation, law, f"inputs of shape {_shapes(attempt)} raised {error!r}")


def _misfits(values: tuple[Array, ...]) -> Iterator[tuple[Array, ...]]:
    """Yield inputs of which some may be taken: one too few or too many, an axis too few or many."""
    yield values[:-1]
    yield (*values, np.ones(()))
    for place, value in enumerate(values):
        for other in (np.ones((), value.dtype), value.reshape(-1), value[None]):
            yield (*values[:place], other, *values[place + 1 :])


def _check_samples(operation: Operation, values: tuple[Array, ...]) -> None:
    law = "samples of a batch do not see one another: f(x)_b = f(x_b)"
    data = values[0]
    whole = _call(operation, law, *values)
    if not data.ndim or not whole.ndim or len(whole) != len(data):
        fail(operation, law, f"shape {data.shape} gives {whole.shape}")
    beside = [value.ndim == data.ndim and len(value) == len(data) for value in values]
    for at in range(len(data)):
        parts = (
            value[at : at + 1] if cut else value for value, cut in zip(values, beside, strict=True)
        )
        alone = _call(operation, law, *parts)
        same(operation, law, alone, whole[at : at + 1], f"sample {at} of {len(data)} alone")


def _check_equivariance(
    operation: Operation, shape: tuple[int, ...], rng: np.random.Generator
) -> None:
    """Try f(s ⊙ x + t) = s ⊙ f(x) + f(t) with what the level says of s and t."""
    level = operation.equivariance
    law = f"equivariance {level.name}: f(s x + t) = s f(x) + f(t)"
    channels = (shape[1], *[1] * (len(shape) - 2))
    for _ in range(5):
        x = rng.standard_normal(shape)
        t = np.zeros(shape)
        if level == Equivariance.SCALE:
            s = np.exp(rng.standard_normal(channels))
        elif level == Equivariance.ORDER:
            s = np.maximum(rng.standard_normal(channels), 0)
            t += rng.standard_normal(channels)
        else:
            s = rng.standard_normal(channels)
            t = rng.standard_normal(shape)
        joint, apart, moved = (_call(operation, law, value) for value in (s * x + t, x, t))
        if apart.ndim < 2 or apart.shape[1] != shape[1]:
            fail(operation, law, f"shape {shape} gives {apart.shape}, without the channels")
        s = s.reshape(-1, *[1] * (apart.ndim - 2))
        expected = s * apart + (moved if level > Equivariance.SCALE else 0)
        same(operation, law, joint, expected, f"s = {s.ravel()}")


def _check_zeros(activation: Activation, data: Array) -> None:
    z = np.where(np.abs(data) < np.median(np.abs(data)) / 2, 0, data)
    result = _call(activation, "an activation keeps the shape", z)
    if result.shape != z.shape:
        fail(activation, "an activation keeps the shape", f"{z.shape} to {result.shape}")
    sparse = np.broadcast_to(activation.zero_below(z.shape[1]), z.shape[1])
    on, expected = (result != 0)[:, sparse], (z > 0)[:, sparse]
    if np.any(on != expected):
        place = tuple(map(int, np.argwhere(on != expected)[0]))
        fail(
            activation,
            "where zero_below says so, f(z) ≠ 0 exactly where z > 0",
            f"z = {z[:, sparse][place]} gives {result[:, sparse][place]} at {place}",
        )


def _check_order(operation: Operation, values: tuple[Array, ...], rng: np.random.Generator) -> None:
    law = "monotone: x ≤ x' makes f(x) ≤ f(x')"
    for _ in range(3):
        more = _with_floats(values, lambda value: value + rng.exponential(size=value.shape))
        lower, higher = (_call(operation, law, *some) for some in (values, more))
        if np.any(lower > higher + ROUNDING * (1 + np.abs(higher))):
            fail(operation, law, f"entry {_first(lower > higher)} falls")


def _check_relaxation(
    operation: Operation, values: tuple[Array, ...], rng: np.random.Generator
) -> None:
    """Try intervals around the first sample, of the first floating input and of all of them."""
    floats = [place for place, value in enumerate(values) if value.dtype.kind == "f" and value.ndim]
    if not floats:
        return
    length = len(values[floats[0]])
    beside = [value.ndim > 0 and len(value) == length for value in values]
    sample = [value[:1] if cut else value for value, cut in zip(values, beside, strict=True)]
    for places in (floats[:1], floats):
        for size in (0.0, 0.1, 3.0):
            boxes = {
                place: _around(sample[place].astype(np.float64), size, rng) for place in places
            }
            inputs = (boxes.get(place, value) for place, value in enumerate(sample))
            try:
                relaxation = operation.relaxation(*inputs)
            except NotCoveredError:
                break
            _check_bounds(operation, relaxation, sample, boxes, rng)


def _around(data: Array, size: float, rng: np.random.Generator) -> Box:
    low, high = size * rng.random((2, *data.shape))
    return Interval(data - low, data + high)


def _check_bounds(
    operation: Operation,
    relaxation: Relaxation,
    sample: list[Array],
    boxes: dict[int, Box],
    rng: np.random.Generator,
) -> None:
    # Some combinations of all entries, and single ones of either sign.
    rows = rng.standard_normal((3 + _UNITS, *relaxation.low.shape[1:]))
    single = rows[3:].reshape(_UNITS, -1)
    single *= np.arange(single.shape[1]) == rng.integers(max(single.shape[1], 1), size=(_UNITS, 1))
    parts, constant = relaxation.lower(rows)
    room = ROUNDING * _joint(np.abs(rows), np.maximum(-relaxation.low, relaxation.high))
    for number in range(10):
        points = list(sample)
        for place, box in boxes.items():  # the two ends, corners, and points in between
            share = rng.random(box.low.shape)
            chosen = number if number < 2 else share < 0.5
            inside = box.low + share * (box.high - box.low)
            points[place] = inside if number > 5 else np.where(chosen, box.high, box.low)
        law = "f(x) lies between low and high of the relaxation"
        value = _call(operation, law, *points)
        outside = (value < relaxation.low) | (value > relaxation.high)
        if value.shape != relaxation.low.shape or outside.any():
            fail(
                operation, law, f"{value.shape}, entry {_first(outside)} of {relaxation.low.shape}"
            )
        law = "⟨r, f(x)⟩ is at least what lower(r) says"
        least = constant.copy()
        for part, point in zip(parts, points, strict=True):
            if part is not None:
                least += _joint(part, point)
        if np.any(_joint(rows, value) < least - room):
            fail(operation, law, f"{np.max(least - _joint(rows, value)):.3g} less")


def _joint(rows: Array, value: Array) -> Array:
    """Return the inner product of each row with the only sample."""
    product: Array = (rows * value).reshape(len(rows), -1).sum(axis=1)
    return product


def _first(wrong: Array) -> tuple[int, ...]:
    return tuple(map(int, np.argwhere(wrong)[:1].ravel()))
