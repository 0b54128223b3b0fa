"""What each atom of one column has to reach to fail."""

import math
from collections.abc import Iterable
from itertools import repeat

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc.bounds.instance.interference import Interference
from dcsc.bounds.records import LayerInstance
from dcsc.bounds.tails import Bentkus, Hoeffding, Tail
from dcsc.bounds.tails.base import Rows
from dcsc.errors import DcscError

__all__ = ["Noise", "Problem", "largest_signal", "problems", "threshold_of"]

_TIE = 1e-12


@attrs.frozen(eq=False)
class Noise:
    """What a layer sees besides its codes: an error of some size, and a signal that is known."""

    size: float
    model: str
    signal: Array | None = None


@attrs.frozen(eq=False)
class Problem:
    """One column: what each atom has to reach to fail, and on how many sides.

    The interference has to reach ``level``; a coefficient and its threshold closer than ``slack``
    are a tie. On the support of a two-sided threshold, an atom has overshot from ``beyond`` on.
    """

    interference: Interference
    on: Array
    level: Array
    slack: Array
    beyond: Array
    noise: Array
    noise_model: str
    sides: int

    def at(self, threshold: Array) -> "Problem":
        """Return the problem with another threshold, one or one per filter."""
        beta = np.repeat(threshold, len(self.on) // len(threshold))
        signal = np.where(self.on, (self.level + self.beyond) / 2, 0.0)
        return attrs.evolve(
            self,
            level=np.where(self.on, signal - beta, beta),
            slack=_TIE * (signal + beta),
            beyond=signal + beta,
        )

    def screen(self) -> Array:
        """Return a bound of each atom's probability from its sums of weights, 0 if it is 0."""
        gauss, adversarial = self.noise_model == "gauss", self.noise_model == "adversarial"
        level = self.level - self.slack
        reach = self.interference.total + (0 if gauss else self.noise)
        still = (self.interference.total == 0) & (self.noise == 0)
        never = (reach * (1 + _TIE) < level) & ~(gauss & (self.noise > 0))
        never |= still & ~self.on  # the coefficient is zero, and no threshold is below that
        if adversarial:
            level = level - self.noise
        spread = np.zeros_like(level) if adversarial else self.noise
        deviation = np.sqrt(self.interference.squares) * (1 + _TIE)
        rows = Rows(deviation[:, None], level, spread)
        tail = np.minimum(Hoeffding()._upper(rows), 1.0)
        if self.noise_model in Bentkus.noise_models:
            tail = np.minimum(tail, Bentkus()._upper(rows))
        return np.where(never, 0.0, self._both(tail, slice(None)))

    def upper(self, tail: Tail, atoms: Array, weights: Array) -> Array:
        """Return the probability of some atoms that they fail, at most."""
        level = (self.level - self.slack)[atoms]
        return self._both(tail.upper(weights, level, self.noise[atoms], self.noise_model), atoms)

    def lower(self, tail: Tail, atoms: Array, weights: Array) -> Array:
        """Return the probability of some atoms that they fail, at least.

        On the support a two-sided threshold is also crossed by overshooting to the other sign.
        """
        noise, on = self.noise[atoms], self.on[atoms]
        level = (self.level + self.slack)[atoms]
        out = self._both(tail.lower(weights, level, noise, self.noise_model), atoms)
        if self.sides == 2 and on.any():
            # the noise that brings z to the threshold must not carry it through to the other side
            beyond = (self.beyond - self.slack)[atoms]
            sign = 1 if self.noise_model == "adversarial" else -1
            over = tail.upper(weights, beyond + sign * noise, noise_model="none")
            out = np.where(on, np.maximum(out - over, 0.0), out)
        return out

    def _both(self, tail: Array, atoms: Array | slice) -> Array:
        return np.minimum(np.where(self.on[atoms], 1, self.sides) * tail, 1.0)


def problems(layer: LayerInstance, noise: Noise) -> list[Problem]:
    """Return one problem per column."""
    dictionary = layer.dictionary
    shape = tuple(dictionary.code_shape)
    norms = dictionary.atom_norms().ravel()
    beta = np.broadcast_to(threshold_of(1, layer).reshape(-1, *[1] * (len(shape) - 1)), shape)
    beta = beta.ravel()
    assert layer.selection is not None
    sides = 1 if layer.selection.one_sided else 2
    codes = layer.codes.reshape(-1, math.prod(shape)).astype(np.float64)
    signals: Iterable[Array | None] = repeat(None, len(codes))
    if noise.signal is not None:
        samples = tuple(dictionary.signal_shape)
        batch = layer.codes.shape[: layer.codes.ndim - len(shape)]
        signals = np.broadcast_to(noise.signal, batch + samples).reshape(len(codes), *samples)
    out = []
    for code, signal in zip(codes, signals, strict=True):
        strength = norms**2 * np.abs(code)
        out.append(
            Problem(
                Interference.of(dictionary, code, signal),
                code != 0,
                np.where(code != 0, strength - beta, beta),
                _TIE * (strength + beta),
                strength + beta,
                norms * noise.size,
                noise.model,
                sides,
            )
        )
    return out


def largest_signal(columns: list[Problem]) -> float:
    """Return a threshold beyond which nothing on the support is left."""
    return max((float(p.beyond[p.on].max(initial=0.0)) for p in columns), default=0.0) or 1.0


def threshold_of(number: int, layer: LayerInstance) -> Array:
    """Return the threshold of layer ``number``, one or one per filter, or say that it has none."""
    beta = layer.chosen_threshold
    if beta is None:
        raise DcscError(
            f"InstanceBound: threshold: layer {number} has none: give one, or choose it"
        )
    array = np.atleast_1d(np.asarray(beta, dtype=np.float64))
    filters = layer.dictionary.code_shape[0]
    if array.size not in (1, filters):
        raise DcscError(
            f"InstanceBound: threshold: layer {number}: expected one, or one per filter, "
            f"{filters}, got {array.size}"
        )
    return array
