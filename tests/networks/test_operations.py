"""The laws of operations, and what they refuse."""

import attrs
import numpy as np
import pytest

from dcsc import DcscError, NotCoveredError
from dcsc.networks import operations as ops
from dcsc.networks.operations import Equivariance, Operation
from dcsc.networks.readers import READERS, Reader
from tests.contracts.test_registry import missing, subclassed_leaves
from tests.networks.cases import OPERATIONS

RUN = [kind for kind in OPERATIONS if kind is not ops.Unread]


def takes_data(kind):
    return any(given is ... for given in OPERATIONS[kind][1])


def inputs_of(kind, dtype=np.float64, seed=1):
    data = np.random.default_rng(seed).normal(size=(2, 4, 6, 6)).astype(dtype)
    return [data if given is ... else given for given in OPERATIONS[kind][1]]


def test_every_operation_has_a_case_and_every_reader_is_listed():
    assert missing(Operation, OPERATIONS) == set()
    assert missing(Reader, {type(reader) for reader in READERS}) == set()


@pytest.mark.parametrize("family", [Operation, Reader])
def test_leaves_are_not_subclassed(family):
    assert subclassed_leaves(family) == set()


@pytest.mark.parametrize("kind", RUN)
def test_inputs_are_left_as_they_were_and_the_result_depends_on_nothing_else(kind):
    operation, inputs = OPERATIONS[kind][0], inputs_of(kind)
    copies = [value.copy() for value in inputs]
    for value in inputs:
        value.flags.writeable = False
    first, second = operation(*inputs), operation(*inputs)
    np.testing.assert_array_equal(first, second)
    for value, copy in zip(inputs, copies, strict=True):
        np.testing.assert_array_equal(value, copy)


@pytest.mark.parametrize("kind", [kind for kind in RUN if takes_data(kind)])
def test_the_dtype_is_kept_unless_weights_are_wider(kind):
    operation = OPERATIONS[kind][0]
    narrow = [x.astype(np.float32) if x.dtype == float else x for x in inputs_of(kind)]
    if any(getattr(v, "dtype", None) == np.float64 for v in attrs.asdict(operation).values()):
        narrow = inputs_of(kind)
    expected = {ops.ArgMax: np.int64, ops.ShapeOf: np.int64}.get(kind, narrow[0].dtype)
    assert operation(*narrow).dtype == expected


def broken(operation, seed):
    """Return by how much an operation breaks what it declares to let through."""
    level = operation.equivariance
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2, 4, 6, 6))
    scale = rng.normal(size=(4, 1, 1)) if level == Equivariance.LINEAR else rng.random((4, 1, 1))
    shift = rng.normal(size=(4, 1, 1)) * (level > Equivariance.SCALE)
    constant = np.broadcast_to(shift, x.shape)
    expected = scale * operation(x) + operation(constant) * (level > Equivariance.SCALE)
    return np.abs(operation(scale * x + shift) - expected).max()


DECLARED = [
    op for op, _ in OPERATIONS.values()
    if op.equivariance > Equivariance.NONE and not isinstance(op, ops.BatchNorm)
] + [
    ops.AveragePool(kernel=(2, 3), padding=((1, 0), (2, 1)), count_padding=False),
    ops.MaxPool(kernel=(3, 3), padding=1, stride=2, ceil=True),
    ops.Pad(((0, 0), (0, 0), (1, 2), (0, 3))),
    ops.Pad(((0, 0), (0, 0), (1, 2), (0, 3)), "edge"),
]  # fmt: skip


@pytest.mark.parametrize("operation", DECLARED, ids=lambda operation: operation.label)
@pytest.mark.parametrize("seed", range(5))
def test_what_is_declared_to_pass_passes(operation, seed):
    assert broken(operation, seed) < 1e-13


def test_batch_norm_passes_scales_and_shifts_but_for_its_own_shift():
    assert broken(ops.BatchNorm(np.arange(1.0, 5.0), np.zeros(4)), 0) < 1e-13


@attrs.frozen
class Liar(ops.Operation):
    level: Equivariance
    inner: ops.Operation

    @property
    def equivariance(self):
        return self.level

    def _apply(self, *values):
        return self.inner(*values)


@pytest.mark.parametrize("operation", [
    Liar(Equivariance.SCALE, ops.Sigmoid()),
    Liar(Equivariance.SCALE, ops.Clip(0, 0.5)),
    Liar(Equivariance.ORDER, ops.Relu()),
    Liar(Equivariance.LINEAR, ops.MaxPool(kernel=(2, 2))),
    Liar(Equivariance.SCALE, ops.Pad(((0, 0), (0, 0), (1, 2), (0, 3)), "constant", 0.5)),
])  # fmt: skip
def test_a_false_declaration_is_found(operation):
    assert broken(operation, 0) > 1e-3


def test_a_true_declaration_is_believed():
    assert broken(Liar(Equivariance.LINEAR, ops.Transpose((0, 1, 3, 2))), 0) < 1e-13


def test_padding_with_numbers_or_channels_lets_nothing_through():
    assert ops.Pad(((0, 0), (0, 1), (0, 0))).equivariance == Equivariance.NONE
    assert ops.Pad(((0, 0), (0, 0), (1, 0)), value=1.0).equivariance == Equivariance.NONE
    assert ops.Pad(None).equivariance == Equivariance.NONE


@pytest.mark.parametrize(("operation", "zero"), [
    (ops.Relu(), [True] * 3),
    (ops.LeakyRelu(0.1), [False] * 3),
    (ops.LeakyRelu(0.0), [True] * 3),
    (ops.PRelu([0.0, 0.1, 0.0]), [True, False, True]),
    (ops.PRelu([0.1]), [False] * 3),
    (ops.Clip(0, 6), [True] * 3),
    (ops.Clip(-1, 1), [False] * 3),
    (ops.Clip(0), [True] * 3),
    (ops.Tanh(), [False] * 3),
])  # fmt: skip
def test_zeros_below_are_declared_as_they_are(operation, zero):
    assert operation.zero_below(3).tolist() == zero
    below = operation(-np.random.default_rng(0).random((5, 3, 4)))
    assert (below == 0).all(axis=(0, 2)).tolist() == zero


@pytest.mark.parametrize(("operation", "inputs", "message"), [
    (ops.Convolve(np.ones((2, 3, 2))), [np.ones((1, 2, 5))], "expected shape (batch, 3, *extent)"),
    (ops.Convolve(np.ones((2, 3, 2))), [np.ones((1, 3, 5, 5))], "with 1 axes to fit filters"),
    (ops.Convolve(np.ones((2, 3, 7))), [np.ones((1, 3, 5))], "expected kernels that reach over"),
    (ops.ConvolveTransposed(np.ones((2, 3, 2))), [np.ones((1, 3, 5))], "expected shape (batch, 2,"),
    (ops.Linear(np.ones((2, 3))), [np.ones((1, 4))], "expected shape (*batch, 3), got (1, 4)"),
    (ops.BatchNorm(np.ones(2), np.ones(2)), [np.ones((1, 3, 4))], "expected shape (batch, 2,"),
    (ops.PRelu([0.1, 0.2]), [np.ones((1, 3, 4))], "expected one or 3, one per channel, got 2"),
    (ops.PRelu([0.1], 4), [np.ones((1, 3, 4))], "expected data with 4 axes, got shape (1, 3, 4)"),
    (ops.MaxPool(kernel=(2, 2)), [np.ones((1, 3, 4))], "with 2 axes, got (1, 3, 4)"),
    (ops.Flatten(5), [np.ones((1, 3))], "expected at most 2, got 5"),
    (ops.Pad(((1, 1),)), [np.ones((1, 3))], "expected 2 pairs, got"),
    (ops.Elementwise("Add"), [np.ones(2)], "expected 2 inputs for Add, got 1"),
    (ops.Reshape((5,)), [np.ones(3)], "cannot be applied to inputs of shape (3,)"),
    (ops.MatMul(), [np.ones((2, 3)), np.ones((2, 3))], "inputs of shape (2, 3), (2, 3)"),
    (ops.Relu(), [np.ones(2), np.ones(2)], "cannot be applied to inputs of shape (2,), (2,)"),
])  # fmt: skip
def test_inputs_that_do_not_fit_are_refused(operation, inputs, message):
    with pytest.raises(DcscError) as error:
        operation(*inputs)
    assert str(error.value).startswith(f"{type(operation).__name__}: ")
    assert message in str(error.value)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: ops.Convolve(np.ones((2, 3))), "Convolve: weight: expected one or two spatial axes"),
    (lambda: ops.Convolve(np.ones((2, 0, 3))), "Convolve: weight: expected a shape without zeros"),
    (lambda: ops.Convolve(np.ones((2, 1, 3)), [1.0]), "Convolve: bias: expected 2 numbers"),
    (lambda: ops.Convolve([[[np.inf]]]), "Convolve: weight: expected finite numbers, got inf"),
    (lambda: ops.ConvolveTransposed(np.ones((2, 1, 3)), padding="same_upper"), "expected numbers"),
    (lambda: ops.Linear(np.ones(3)), "Linear: weight: expected 2 axes without zeros, got (3,)"),
    (lambda: ops.BatchNorm.of([1.0], [0.0], [0.0], [-1.0], 0.1), "variance: expected positive"),
    (lambda: ops.Elementwise("Tan"), "Elementwise: function: expected one of Abs, Add,"),
    (lambda: ops.Clip("a"), "Clip: bound: expected a real number, got 'a'"),
    (lambda: ops.MaxPool(kernel=(2, 0)), "MaxPool: kernel: expected at least 1, got 0"),
])  # fmt: skip
def test_fields_that_cannot_be_are_refused(make, message):
    with pytest.raises(DcscError) as error:
        make()
    assert message in str(error.value)


SHARED = {"same_upper": (1, 2), "same_lower": (2, 1)}  # of three zeros, before and after


@pytest.mark.parametrize("padding", SHARED)
@pytest.mark.parametrize(("make", "reduced"), [
    (lambda **same: ops.Convolve(np.ones((4, 1, 4, 1)), groups=4, **same), np.sum),
    (lambda **same: ops.MaxPool(kernel=(4, 1), **same), np.max),
    (lambda **same: ops.AveragePool(kernel=(4, 1), **same), np.mean),
])  # fmt: skip
def test_of_an_odd_number_of_zeros_upper_has_more_after_and_lower_more_before(
    make, reduced, padding
):
    data = np.random.default_rng(2).random((2, 4, 5, 3))  # positive: zeros are not the largest
    padded = np.pad(data, [(0, 0), (0, 0), SHARED[padding], (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, 4, axis=2)
    result = make(stride=(1, 1), padding=padding)(data)
    assert result.shape == data.shape
    np.testing.assert_allclose(result, reduced(windows, axis=-1), rtol=1e-14)


def test_what_is_not_read_is_not_run():
    with pytest.raises(NotCoveredError, match="LSTM: no operation of dcsc does this"):
        OPERATIONS[ops.Unread][0](np.ones(2))


@pytest.mark.parametrize("kind", OPERATIONS)
def test_an_operation_equals_its_copy(kind):
    operation = OPERATIONS[kind][0]
    assert operation == attrs.evolve(operation)
