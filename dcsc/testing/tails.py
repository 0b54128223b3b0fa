"""The laws of tails."""

import itertools
import math
from collections.abc import Callable

import attrs
import numpy as np

from dcsc._arrays import Array, Rng, generator, instance
from dcsc.bounds.noise import as_noise
from dcsc.bounds.tails import NOISE_MODELS, Tail
from dcsc.errors import DcscError, NotCoveredError
from dcsc.testing.common import fail

__all__ = ["LEAST", "WORST", "check_tail", "problem", "signed_sums"]

_PROBLEMS = 24
_ROWS = 6
_LONGEST = 7
_TIE = 1e-13
_ROUNDING = 1e-12

Probability = Callable[[Array, Array, float], Array]


@attrs.frozen(eq=False)
class _Sums:
    """What a tail is asked about, and how it is said where a law is broken."""

    weights: Array
    levels: Array
    noise: float
    model: str

    def upper(self, tail: Tail) -> Array:
        return tail.upper(self.weights, self.levels, self.noise, self.model)

    def lower(self, tail: Tail) -> Array:
        return tail.lower(self.weights, self.levels, self.noise, self.model)

    def ends(self, tail: Tail) -> tuple[Array, Array]:
        return tail.ends(self.weights, self.levels, self.noise, self.model)

    def hold(
        self, tail: Tail, law: str, wrong: Array, value: Array, told: str, other: Array
    ) -> None:
        """Fail where a row is wrong."""
        if wrong.any():
            at = int(wrong.argmax())
            fail(
                tail,
                law,
                f"{value[at]} {told} {other[at]}, for weights {self.weights[at].tolist()}, level "
                f"{self.levels[at]} and {self.model} noise of {self.noise}",
            )


def check_tail(tail: Tail, rng: Rng = 0) -> None:
    """Check the laws of `Tail` for every noise model that it covers.

    It is held against the enumeration of all signs of up to 7 weights, with the noise of the model
    that reaches t most often, and with the one that does least often.
    """
    instance(tail, Tail, "check_tail: tail")
    source = generator(rng, "check_tail: rng")
    for number in range(_PROBLEMS):
        weights, levels = problem(source, number)
        for model in NOISE_MODELS:
            noise = 0.0 if model == "none" else float(source.choice([0.0, 0.25, source.random()]))
            sums = _Sums(weights, levels, noise, model)
            try:
                _check_values(tail, sums)
            except NotCoveredError:
                continue
            _check_orders(tail, sums)
            _check_invariance(tail, sums, source)


def problem(rng: np.random.Generator, number: int) -> tuple[Array, Array]:
    """Return rows of weights and levels on all sides of their sums: normal, with ties, or steep."""
    size = int(rng.integers(0, _LONGEST + 1))
    if number % 3 == 0:
        return rng.integers(-3, 4, (_ROWS, size)) / 4, rng.integers(-4, 12, _ROWS) / 4
    scale = 3.0 ** -np.arange(size) if number % 3 == 1 else 1.0
    weights = rng.standard_normal((_ROWS, size)) * scale
    return weights, rng.uniform(-0.5, 1.1, _ROWS) * np.abs(weights).sum(axis=1)


# ---- what is true ------------------------------------------------------------------------------


def signed_sums(weights: Array) -> Array:
    """Return the sums of all sign patterns, one row per pattern."""
    count = weights.shape[1]
    signs = np.array(list(itertools.product([1.0, -1.0], repeat=count))).reshape(2**count, count)
    return signs @ weights.T


def _shifted(sums: Array, levels: Array, noise: float) -> Array:
    return (sums + noise >= levels - _TIE).mean(axis=0)


def _shifted_back(sums: Array, levels: Array, noise: float) -> Array:
    return (sums - noise > levels + _TIE).mean(axis=0)


def _halves(sums: Array, levels: Array, noise: float, tie: float) -> Array:
    """Half of the noise adds its size and half takes it off: a row for each of some sizes."""
    sizes = noise * np.linspace(0, 1, 7)[:, None, None]
    each = [(sums + sign * sizes >= levels - tie).mean(axis=1) for sign in (1, -1)]
    return np.mean(each, axis=0)


def _symmetric(sums: Array, levels: Array, noise: float) -> Array:
    return _halves(sums, levels, noise, _TIE).max(axis=0)


def _least_symmetric(sums: Array, levels: Array, noise: float) -> Array:
    return _halves(sums, levels, noise, -_TIE).min(axis=0)


def _martingale(sums: Array, levels: Array, noise: float) -> Array:
    """At each pattern the law on {-z, what is missing} that has mean zero."""
    missing = np.maximum(levels - sums, 0.0)
    reached = missing <= _TIE
    share = np.divide(noise, noise + missing, out=np.zeros_like(missing), where=~reached)
    return np.where(reached, 1.0, share * (missing <= noise)).mean(axis=0)


def _least_martingale(sums: Array, levels: Array, noise: float) -> Array:
    """The other sums are those for which such a law reaches what is below the level."""
    return 1 - _martingale(-sums, -levels, noise)


def _gauss(sums: Array, levels: Array, noise: float) -> Array:
    return _normal(sums, levels, noise) if noise else _shifted(sums, levels, 0.0)


def _least_gauss(sums: Array, levels: Array, noise: float) -> Array:
    return _normal(sums, levels, noise) if noise else _shifted_back(sums, levels, 0.0)


def _normal(sums: Array, levels: Array, noise: float) -> Array:
    erfc = np.vectorize(math.erfc, otypes=[float])
    return erfc((levels - sums) / (noise * math.sqrt(2))).mean(axis=0) / 2


WORST: dict[str, Probability] = {
    "none": _shifted,
    "independent": _symmetric,
    "martingale": _martingale,
    "adversarial": _shifted,
    "gauss": _gauss,
}
"""The largest probability that some noise of a model makes of the sums; ties count."""

LEAST: dict[str, Probability] = {
    "none": _shifted_back,
    "independent": _least_symmetric,
    "martingale": _least_martingale,
    "adversarial": _shifted_back,
    "gauss": _least_gauss,
}
"""The smallest; ties do not count."""


# ---- the laws ----------------------------------------------------------------------------------


def _check_values(tail: Tail, sums: _Sums) -> None:
    try:
        upper, lower = sums.upper(tail), sums.lower(tail)
        least, most = sums.ends(tail)
    except NotCoveredError:
        raise
    except DcscError as error:
        fail(tail, "lower <= P <= upper", str(error))
    patterns = signed_sums(sums.weights)
    exact = WORST[sums.model](patterns, sums.levels, sums.noise)
    smallest = LEAST[sums.model](patterns, sums.levels, sums.noise)
    reach = np.abs(sums.weights).sum(axis=1) + sums.noise
    beyond = (sums.levels > reach * (1 + 1e-9)) & (sums.model != "gauss")
    for law, wrong, value in (
        ("upper lies in [0, 1]", ~((upper >= 0) & (upper <= 1)), upper),
        ("lower lies in [0, 1]", ~((lower >= 0) & (lower <= 1)), lower),
        ("P <= upper", upper < exact * (1 - _ROUNDING), upper),
        ("lower <= P", lower > exact * (1 + _ROUNDING), lower),
        ("upper is 0 beyond the largest sum", beyond & (upper > 0), upper),
        ("P lies between the ends", most < exact * (1 - _ROUNDING), most),
    ):
        sums.hold(tail, law, wrong, value, "where P is", exact)
    wrong = (least > smallest + _ROUNDING) | ~(least >= 0)
    sums.hold(tail, "P lies between the ends", wrong, least, "where P is", smallest)


def _check_orders(tail: Tail, sums: _Sums) -> None:
    low = sums.upper(tail)
    farther = attrs.evolve(sums, levels=sums.levels + 0.125 * (1 + np.abs(sums.levels)))
    # what is not monotone is so within its two ends
    high = farther.upper(tail) if tail.monotone else farther.lower(tail)
    sums.hold(tail, "falls with t", high > low * (1 + _ROUNDING), low, "and, farther out,", high)
    # more normal noise may move a sum to either side of a level
    if sums.model != "none" and (tail.smooth or as_noise(sums.model).bounded):
        more = attrs.evolve(sums, noise=sums.noise + 0.125).upper(tail)
        less = low if tail.monotone else sums.lower(tail)
        wrong = less > more * (1 + _ROUNDING)
        sums.hold(tail, "rises with z", wrong, less, "and, with more noise,", more)


def _check_invariance(tail: Tail, sums: _Sums, rng: np.random.Generator) -> None:
    weights, levels, noise = sums.weights, sums.levels, sums.noise
    order = rng.permutation(weights.shape[1] + 1)
    turned = -np.column_stack([weights, np.zeros(len(weights))])[:, order]
    unit = 2.0**-30
    scaled = _Sums(unit * weights, unit * levels, unit * noise, sums.model)
    alone = [
        attrs.evolve(sums, weights=w, levels=t).upper(tail)[0]
        for w, t in zip(weights, levels, strict=True)
    ]
    upper = sums.upper(tail)
    for law, other in (
        (
            "signs, order and zeros make no difference",
            attrs.evolve(sums, weights=turned).upper(tail),
        ),
        ("units make no difference", scaled.upper(tail)),
        ("rows do not see one another", np.array(alone)),
    ):
        wrong = np.abs(other - upper) > _ROUNDING * np.maximum(other, upper)
        sums.hold(tail, law, wrong, other, "instead of", upper)
