"""What operations declare and refuse; their laws are in tests/contracts."""

import attrs
import numpy as np
import pytest
import scipy.special

from dcsc import DcscError, NotCoveredError
from dcsc.networks import operations as ops
from dcsc.networks.operations import Equivariance
from tests.networks.cases import OPERATIONS


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
    (ops.PRelu([0.0, 0.1, 0.0], 3), [True, False, True]),
    (ops.PRelu([0.0, 0.1, 0.0, 0.0], 2), [False] * 3),  # on the last axis
    (ops.PRelu([0.0] * 4, 2), [True] * 3),
    (ops.Clip(0, 6), [True] * 3),
    (ops.Clip(-1, 1), [False] * 3),
    (ops.Clip(0), [True] * 3),
    (ops.Tanh(), [False] * 3),
])  # fmt: skip
def test_zeros_below_are_declared_as_they_are(operation, zero):
    assert operation.zero_below(3).tolist() == zero
    below = operation(-np.random.default_rng(0).random((5, 3, 4)))
    assert (below == 0).all(axis=(0, 2)).tolist() == zero


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.filterwarnings("error")
def test_sigmoid_and_softmax_are_those_of_scipy(dtype):
    values = [np.linspace(-20, 20, 10_002), [-np.inf, -1e30, -800, -0.0, 0.0, 1e-30, 800, np.inf]]
    values = np.concatenate(values).astype(dtype)
    exact, close = scipy.special.expit(values), 2 * np.finfo(dtype).eps
    np.testing.assert_allclose(ops.Sigmoid()(values), exact, rtol=close, strict=True)
    finite = values[np.isfinite(values)].reshape(-1, 3)
    for axis in (0, 1):
        soft = ops.Softmax(axis)(finite)
        np.testing.assert_array_equal(soft, scipy.special.softmax(finite, axis), strict=True)


@pytest.mark.parametrize(("operation", "inputs", "message"), [
    (ops.Convolve(np.ones((2, 3, 2))), [np.ones((1, 2, 5))], "expected shape (batch, 3, *extent)"),
    (ops.Convolve(np.ones((2, 3, 2))), [np.ones((1, 3, 5, 5))], "with 1 axes to fit filters"),
    (ops.Convolve(np.ones((2, 3, 7))), [np.ones((1, 3, 5))], "expected kernels that reach over"),
    (ops.ConvolveTransposed(np.ones((2, 3, 2))), [np.ones((1, 3, 5))], "expected shape (batch, 2,"),
    (ops.Linear(np.ones((2, 3))), [np.ones((1, 4))], "expected shape (*batch, 3), got (1, 4)"),
    (ops.BatchNorm(np.ones(2), np.ones(2)), [np.ones((1, 3, 4))], "expected shape (batch, 2,"),
    (ops.PRelu([0.1, 0.2]), [np.ones((1, 3, 4))], "expected one or 3, one per channel, got 2"),
    (ops.PRelu([0.1, 0.2], 4), [np.ones((1, 3, 4))], "expected one or 1, one per channel, got 2"),
    (ops.MaxPool(kernel=(2, 2)), [np.ones((1, 3, 4))], "with 2 axes, got (1, 3, 4)"),
    (ops.AveragePool((2**30,), stride=(2**30,), ceil=True), [np.ones((1, 3, 4))], "at most 134"),
    (ops.Flatten(5), [np.ones((1, 3))], "expected at most 2, got 5"),
    (ops.Pad(((1, 1),)), [np.ones((1, 3))], "expected 2 pairs, got"),
    (ops.Elementwise("Add"), [np.ones(2)], "expected 2 inputs for Add, got 1"),
    (ops.Reshape((5,)), [np.ones(3)], "cannot be applied to inputs of shape (3,)"),
    (ops.MatMul(), [np.ones((2, 3)), np.ones((2, 3))], "inputs of shape (2, 3), (2, 3)"),
    (ops.Softmax(4), [np.ones((2, 3))], "expected one of 2 axes, got 4"),
    (ops.Softmax(0, onward=True), [np.ones(())], "expected one of 0 axes, got 0"),
    (ops.Range(), [np.ones(())] * 2 + [np.zeros(())], "inputs of shape (), (), ()"),
    (ops.Relu(), [np.ones(2), np.ones(2)], "cannot be applied to inputs of shape (2,), (2,)"),
])  # fmt: skip
def test_inputs_that_do_not_fit_are_refused(operation, inputs, message):
    with pytest.raises(DcscError) as error:
        operation(*inputs)
    assert str(error.value).startswith(f"{type(operation).__name__}: ")
    assert message in str(error.value)


def test_a_reach_of_many_digits_is_cut():
    with pytest.raises(DcscError, match="got ") as error:
        ops.Convolve(np.ones((2, 3, 7)), dilation=(10**90,))(np.ones((1, 3, 5)))
    assert len(str(error.value)) < 300


@pytest.mark.parametrize(("make", "message"), [
    (lambda: ops.Convolve(np.ones((2, 3))), "Convolve: weight: expected one or two spatial axes"),
    (lambda: ops.Convolve(np.ones((2, 0, 3))), "Convolve: weight: expected a shape without zeros"),
    (lambda: ops.Convolve(np.ones((2, 1, 3)), [1.0]), "Convolve: bias: expected 2 numbers"),
    (lambda: ops.Convolve([[[np.inf]]]), "Convolve: weight: expected finite numbers, got inf"),
    (lambda: ops.ConvolveTransposed(np.ones((2, 1, 3)), padding="same_upper"), "expected numbers"),
    (lambda: ops.Linear(np.ones(3)), "Linear: weight: expected 2 axes without zeros, got (3,)"),
    (lambda: ops.BatchNorm.of([1.0], [0.0], [0.0], [-1.0], 0.1), "variance: expected positive"),
    (lambda: ops.Elementwise("Tan"), "Elementwise: function: expected one of Abs, Add,"),
    (lambda: ops.Clip("a"), "Clip: low: expected a real number, got 'a'"),
    (lambda: ops.HardSigmoid(offset="a"), "HardSigmoid: offset: expected a real number, got 'a'"),
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


def test_the_mean_of_nothing_is_no_number_and_no_warning():
    mean = ops.Reduce("Mean", (1,), False)
    assert np.isnan(mean(np.zeros((2, 0)))).all()
    assert mean(np.arange(6, dtype=np.float32).reshape(2, 3)).tolist() == [1.0, 4.0]
    assert mean(np.zeros((0, 3))).shape == (0,)


def test_a_local_response_norm_of_an_even_number_of_channels():
    """From the channel itself upwards, which ONNX Runtime does not run."""
    data = np.random.default_rng(0).normal(size=(2, 4, 3))
    squares = np.concatenate([np.square(data), np.zeros((2, 1, 3))], axis=1)
    expected = data / (2 + 0.3 / 2 * (squares[:, :-1] + squares[:, 1:])) ** 0.75
    norm = ops.LocalResponseNorm(2, 0.3, bias=2.0)
    np.testing.assert_allclose(norm(data), expected, rtol=1e-13)
