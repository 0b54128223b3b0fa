"""The laws of operations, and faults that the check must find."""

import attrs
import numpy as np
import pytest

from dcsc.networks import operations as ops
from dcsc.networks.operations import Activation, Equivariance, Operation
from dcsc.networks.relaxations import Constants, clipped
from dcsc.testing import check_operation
from tests.networks.cases import OPERATIONS, WHOLE

RUN = [kind for kind in OPERATIONS if kind is not ops.Unread]
MORE = [
    ops.AveragePool(kernel=(2, 3), padding=((1, 0), (2, 1)), count_padding=False),
    ops.BatchNorm(np.arange(1.0, 5.0), np.zeros(4)),
    ops.Convolve(np.ones((4, 1, 3, 2)), groups=4, padding="same_upper"),
    ops.MaxPool(kernel=(3, 3), padding=1, stride=2, ceil=True),
    ops.MaxPool(kernel=(2, 2), padding="same_lower"),
    ops.Pad(((0, 0), (0, 0), (1, 2), (0, 3))),
    ops.Pad(((0, 0), (0, 0), (1, 2), (0, 3)), "edge"),
    ops.Softmax(1, onward=True),
    ops.Clip(0, 6),
    ops.LeakyRelu(0.0),
    ops.PRelu([0.0, 0.1, 0.0, -0.2]),
    ops.PRelu([1.0, 2.0, -1.0, 0.5]),
    ops.Clip(-0.3, 0.2),
    ops.Clip(None, -0.1),
    ops.HardSigmoid(-0.2),
    ops.Elu(-0.5),
    *(ops.Elementwise(name) for name in ("Ceil", "Erf", "Exp", "Floor", "Neg", "Round", "Sign")),
    *(ops.Reduce(name, (1, 3), keep) for name in ("Max", "Mean", "Min") for keep in (True, False)),
]
PAIRS = ("Add", "Max", "Min", "Mul", "Sub", "Sum")


@pytest.mark.parametrize("kind", RUN)
@pytest.mark.parametrize("seed", [0, 1])
def test_laws(kind, seed):
    operation, inputs = OPERATIONS[kind]
    data = np.random.default_rng(seed).normal(size=(2, 4, 6, 6))
    values = [data if value is ... else value for value in inputs]
    check_operation(operation, *values, batched=kind not in WHOLE, rng=seed)


@pytest.mark.parametrize("operation", MORE, ids=repr)
def test_laws_of_more_of_them(operation):
    check_operation(operation, rng=2)


@pytest.mark.parametrize("function", PAIRS)
@pytest.mark.parametrize("shape", [(2, 4, 6, 6), (2, 1, 6, 1), (4, 1, 1)], ids=str)
def test_laws_of_two_arrays(function, shape):
    data, other = (
        np.random.default_rng(seed).normal(size=s) for seed, s in ((0, (2, 4, 6, 6)), (1, shape))
    )
    check_operation(ops.Elementwise(function), data, other)
    if len(shape) == 4:
        check_operation(ops.Elementwise(function), other, data)


def test_what_is_declared_and_true_is_believed():
    check_operation(Declared(Equivariance.LINEAR, ops.Transpose((0, 1, 3, 2))))


# ---- faults the check must find ------------------------------------------------------------------


@attrs.frozen
class Declared(Operation):
    """An operation that declares what it is told to."""

    level: Equivariance
    inner: Operation

    @property
    def equivariance(self):
        return self.level

    def _apply(self, *values):
        return self.inner(*values)


class Writes(Operation):
    def _apply(self, *values):
        (data,) = values
        np.maximum(data, 0, out=data)
        return data


class Counts(Operation):
    calls = 0

    def _apply(self, *values):
        self.calls += 1
        return values[0] + self.calls


class Random(Operation):
    def _apply(self, *values):
        (data,) = values
        return data + np.random.default_rng().normal()


class Worded(Operation):
    def _apply(self, *values):
        (data,) = values
        return data.astype(str)


class Complex(Operation):
    def _apply(self, *values):
        (data,) = values
        return np.fft.fft(data)


class Narrow(Operation):
    def _apply(self, *values):
        (data,) = values
        return data.astype(np.float32)


class Widening(Operation):
    def _apply(self, *values):
        (data,) = values
        return data * np.ones(1)


class Bursting(Operation):
    def _apply(self, *values):
        (data,) = values
        assert data.ndim == 4
        return data


class Centring(Operation):
    """Takes the mean over the batch off."""

    def _apply(self, *values):
        (data,) = values
        return data - data.mean(axis=0, keepdims=True)


class Flat(Operation):
    def _apply(self, *values):
        (data,) = values
        return data.reshape(-1)


class Pooled(Activation):
    def _activate(self, value):
        return value[..., ::2]


class Late(Activation):
    """A rectifier with a threshold above zero."""

    _sparse = True

    def _activate(self, value):
        return np.where(value > 0.9, value, 0)


class Dense(Activation):
    _sparse = True

    def _activate(self, value):
        return np.where(value > 0, value, 0.1 * value)


class Falls(Operation):
    monotone = True

    def _apply(self, *values):
        return -values[0]


class Doubles(Operation):
    moves = True

    def _apply(self, *values):
        return 2 * values[0]


class Narrows(Operation):
    """The square, as if no interval held zero."""

    def _apply(self, *values):
        return np.square(values[0])

    def _relaxation(self, *values):
        squares = [np.square(end) for end in values[0]]
        return Constants(np.minimum(*squares), np.maximum(*squares))


class Tilts(Operation):
    """A rectifier from below by the wrong line, half of z."""

    def _apply(self, *values):
        return np.maximum(values[0], 0)

    def _relaxation(self, *values):
        lines = clipped(values[0], 0, np.inf)
        return attrs.evolve(lines, below=(lines.below[0] * 0 + 0.5, lines.below[1] * 0 + 0.1))


DEPENDS = "the result depends on fields and inputs alone"
REAL = "the result is an array of real numbers"
DTYPE = "floating inputs keep their dtype, unless weights are wider"
REFUSED = "inputs that do not fit are refused with a DcscError"
SAMPLES = "samples of a batch do not see one another: f(x)_b = f(x_b)"
ORDER = "monotone: x ≤ x' makes f(x) ≤ f(x')"
ENDS = "f(x) lies between low and high of the relaxation"
BELOW = "⟨r, f(x)⟩ is at least what lower(r) says"
ZEROS = "where zero_below says so, f(z) ≠ 0 exactly where z > 0"


def equation(level):
    return f"equivariance {level.name}: f(s x + t) = s f(x) + f(t)"


FAULTS = [
    (Writes(), "inputs are left as they were"),
    (Counts(), DEPENDS),
    (Random(), DEPENDS),
    (Worded(), REAL),
    (Complex(), REAL),
    (Narrow(), DTYPE),
    (Widening(), DTYPE),
    (Bursting(), REFUSED),
    (Centring(), SAMPLES),
    (Flat(), SAMPLES),
    (Pooled(), "an activation keeps the shape"),
    (Late(), ZEROS),
    (Dense(), ZEROS),
    (Falls(), ORDER),
    (Doubles(), ENDS),
    (Narrows(), ENDS),
    (Tilts(), BELOW),
    (Declared(Equivariance.SCALE, ops.Sigmoid()), equation(Equivariance.SCALE)),
    (Declared(Equivariance.SCALE, ops.Clip(0, 0.5)), equation(Equivariance.SCALE)),
    (
        Declared(Equivariance.SCALE, ops.Pad(((0, 0), (0, 0), (1, 2), (0, 3)), "constant", 0.5)),
        equation(Equivariance.SCALE),
    ),
    (Declared(Equivariance.ORDER, ops.Relu()), equation(Equivariance.ORDER)),
    (Declared(Equivariance.LINEAR, ops.MaxPool(kernel=(2, 2))), equation(Equivariance.LINEAR)),
    (
        Declared(Equivariance.LINEAR, ops.BatchNorm(np.ones(4), np.ones(4))),
        equation(Equivariance.LINEAR),
    ),
    (
        Declared(Equivariance.SCALE, ops.Convolve(np.ones((4, 4, 2, 2), np.float32))),
        equation(Equivariance.SCALE),
    ),
    (Declared(Equivariance.LINEAR, ops.Reduce("Sum", (1,), False)), equation(Equivariance.LINEAR)),
]


NAMES = [f"{number}-{type(faulty).__name__}" for number, (faulty, _) in enumerate(FAULTS)]


@pytest.mark.parametrize(("faulty", "law"), FAULTS, ids=NAMES)
def test_the_check_finds(faulty, law):
    with pytest.raises(AssertionError) as error:
        check_operation(faulty)
    assert str(error.value).startswith(f"{type(faulty).__name__} breaks the law '{law}': ")
