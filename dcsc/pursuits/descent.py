"""Proximal gradient steps, and the largest step that is safe."""

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import scipy

from dcsc._arrays import Array
from dcsc._numerics.scaling import norms
from dcsc.dictionaries import Dictionary
from dcsc.errors import DcscError

__all__ = ["Descent", "check_step", "relative_change", "safe_step", "spread"]

# With 24 steps, Lanczos' value is below 1/1.1 of the largest with a probability under 1e-3, up to a
# million entries (Kuczyński and Woźniakowski, 1992), and in practice never.
_STEPS, _MARGIN = 24, 1.1
_BROKEN_DOWN = 1e-10
_LARGEST = 250
_ROUNDED = 1 + 4 * float(np.finfo(np.float64).eps)


def safe_step(operator: Dictionary) -> float:
    r"""Return a step t with :math:`t \|A\|^2 \le 1`, from Lanczos' method on AAᵀ.

    No sign of an atom changes that matrix, and so none changes the step.

    Raises
    ------
    DcscError
        If atoms are so large or small that no float holds the fourth power of their norms.
    """
    signal = np.random.default_rng(0).standard_normal((1, *operator.signal_shape))
    signal /= np.linalg.norm(signal)
    # In units in which a coefficient of the signal is about 1, the square of A is a float.
    exponent = int(np.frexp(np.abs(operator.analyze(signal)).max())[1])
    last, beta = np.zeros_like(signal), 0.0
    diagonal: list[float] = []
    beside: list[float] = []
    margin = _MARGIN
    for _ in range(_STEPS):
        seen = np.ldexp(operator.analyze(signal), -exponent)
        image = np.ldexp(operator.synthesize(seen), -exponent) - beta * last
        diagonal.append(float(np.vdot(signal, image)))
        image -= diagonal[-1] * signal
        beta = float(np.linalg.norm(image))
        if beta <= _BROKEN_DOWN * max(diagonal):  # all there is to see has been seen
            margin = 1 + _BROKEN_DOWN
            break
        beside.append(beta)
        last, signal = signal, image / beta
    values = scipy.linalg.eigvalsh_tridiagonal(diagonal, beside[: len(diagonal) - 1])
    largest = float(values.max())
    if largest <= 0:
        return 1.0
    if abs(exponent) > _LARGEST:
        raise DcscError(
            "Pursuit: operator: expected atoms of norms from 1e-75 to 1e75, whose fourth powers "
            f"pursuits form, got coefficients of about 2^{exponent} for a signal of norm 1"
        )
    return float(np.ldexp(1 / (margin * largest), -2 * exponent))


def check_step(step: float, dtype: np.dtype[Any]) -> None:
    """Refuse steps that are no numbers in the dtype in which they are taken."""
    info = np.finfo(dtype)
    if not float(info.tiny) <= step <= float(info.max):
        raise DcscError(
            f"Pursuit: operator: expected atoms for which {dtype} holds a step, 1/‖A‖² or as "
            f"given, got {step:.3g}"
        )


@attrs.define(eq=False)
class Descent:
    r"""Steps that bring down :math:`F(x) = \tfrac12 \|y - Ax\|^2 + g(x)`, for a batch of signals.

    A step goes from v against the gradient and through the proximal map of t·g,

    .. math:: x^+ = \text{prox}_{t g}\big(v + t A^T (y - A v)\big),

    where v is x, or lies beyond it by a momentum that grows (Beck and Teboulle, 2009). Where F
    would rise, the step is taken again from x itself, and the momentum begins anew. From x, no step
    up to 1/‖A‖² lets F rise, whatever g: so F never does.

    Parameters
    ----------
    operator : Dictionary
    signals : array of shape (batch, *signal_shape)
    step : float
        t.
    project : callable
        The proximal map of t·g, on codes ``(batch, *code_shape)``.
    penalty : callable
        g, on the same.
    accelerate : bool
        Whether there is a momentum.
    """

    operator: Dictionary
    signals: Array
    step: float
    project: Callable[[Array], Array]
    penalty: Callable[[Array], Array]
    accelerate: bool = True
    code: Array = attrs.field(init=False)
    image: Array = attrs.field(init=False)
    objective: Array = attrs.field(init=False)
    _before: tuple[Array, Array] = attrs.field(init=False)
    _ahead: Array = attrs.field(init=False)
    _momentum: Array = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        check_step(self.step, self.signals.dtype)
        shape = (len(self.signals), *self.operator.code_shape)
        self.move(np.zeros(shape, dtype=self.signals.dtype))

    def move(self, code: Array) -> None:
        """Go to other codes, at rest."""
        self.code, self.image = code, self.operator.synthesize(code)
        with np.errstate(over="ignore"):
            self.objective = self.objective_of(slice(None), self.image, code)
        if not np.isfinite(self.objective).all():
            raise DcscError(
                "Pursuit: signals: expected signals whose squares, and sums of these, a float can "
                f"hold, got numbers up to {np.abs(self.signals).max():.3g}"
            )
        self._before, self._ahead = (self.code, self.image), self.code
        self._momentum = np.ones(len(code))

    def objective_of(self, rows: Array | slice, image: Array, code: Array) -> Array:
        """Return F of some signals for codes x and A x, float64 of shape (rows,)."""
        residual = (self.signals[rows] - image).reshape(len(code), -1).astype(np.float64)
        return np.asarray(0.5 * np.square(residual).sum(axis=1) + self.penalty(code))

    def rises(self, code: Array) -> bool:
        """Whether F is larger at other codes, beyond rounding, for any of them."""
        image = self.operator.synthesize(code)
        objective = self.objective_of(slice(None), image, code)
        return bool((objective > _ROUNDED * self.objective).any())

    def advance(self) -> None:
        """Take a step."""
        weight = np.zeros(len(self.code))
        if self.accelerate:
            following = (1 + np.sqrt(1 + 4 * np.square(self._momentum))) / 2
            weight = (self._momentum - 1) / following
            self._momentum = following
        every = slice(None)
        ahead, code, image = self._from(every, weight)
        objective = self.objective_of(every, image, code)
        # Where F rises beyond rounding, go from x and not from beyond it.
        rising = (objective > _ROUNDED * self.objective) & (weight > 0)
        if rising.any():
            again = np.flatnonzero(rising)
            ahead[again], code[again], image[again] = self._from(again, np.zeros(len(again)))
            objective[again] = self.objective_of(again, image[again], code[again])
            self._momentum[again] = 1
        self._before, self._ahead = (self.code, self.image), ahead
        self.code, self.image, self.objective = code, image, objective

    def change(self) -> Array:
        """Return how far the last step went, relative to the new code, (batch,)."""
        return relative_change(self.code, self._ahead)

    def _from(self, rows: Array | slice, weight: Array) -> tuple[Array, Array, Array]:
        """Step from beyond x, as far as ``weight`` says; return that place, code and image."""
        ahead, ahead_image = (
            here[rows] + spread(weight, here) * (here[rows] - before[rows])
            for here, before in zip((self.code, self.image), self._before, strict=True)
        )
        downhill = self.operator.analyze(self.signals[rows] - ahead_image)
        downhill *= self.step
        code = self.project(np.add(ahead, downhill, out=downhill))
        return ahead, code, self.operator.synthesize(code)


def relative_change(code: Array, before: Array) -> Array:
    """Return ‖x − before‖ / ‖x‖ for each element of a batch."""
    moved, size = (norms(x.reshape(len(code), -1), (1,)) for x in (code - before, code))
    return np.divide(moved, size, out=np.where(moved > 0, np.inf, 0.0), where=size > 0)


def spread(numbers: Array, array: Array) -> Array:
    """Return one number for each element of a batch, in the shape and dtype of its arrays."""
    return numbers.astype(array.dtype).reshape(-1, *[1] * (array.ndim - 1))
