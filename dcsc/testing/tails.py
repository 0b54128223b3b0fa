"""The laws of tails."""

import itertools
import math
from collections.abc import Callable

import numpy as np

from dcsc._arrays import Array, Rng, generator
from dcsc.bounds.tails import NOISE_MODELS, Tail
from dcsc.errors import DcscError, NotCoveredError
from dcsc.testing.common import fail

__all__ = ["check_tail"]

_PROBLEMS = 24
_ROWS = 6
_LONGEST = 7
_TIE = 1e-13
_ROUNDING = 1e-12
_OF_UNITS = 1e-9

Worst = Callable[[Array, Array, float], Array]


def check_tail(tail: Tail, rng: Rng = 0) -> None:
    """Check the laws of `Tail` for every noise model that it covers.

    It is held against the enumeration of all signs of up to 7 weights, with the noise of the model
    that reaches t most often.
    """
    source = generator(rng, "check_tail: rng")
    for number in range(_PROBLEMS):
        weights, levels = _problem(source, number)
        for model in NOISE_MODELS:
            noise = 0.0 if model == "none" else float(source.choice([0.0, 0.25, source.random()]))
            try:
                upper, lower = _ends(tail, weights, levels, noise, model)
            except NotCoveredError:
                continue
            _check_values(tail, weights, levels, noise, model, upper, lower)
            _check_orders(tail, weights, levels, noise, model)
            _check_invariance(tail, weights, levels, noise, model, upper, source)


def _problem(rng: np.random.Generator, number: int) -> tuple[Array, Array]:
    """Return rows of weights and levels on all sides of their sums: normal, with ties, or steep."""
    size = int(rng.integers(0, _LONGEST + 1))
    if number % 3 == 0:
        return rng.integers(-3, 4, (_ROWS, size)) / 4, rng.integers(-4, 12, _ROWS) / 4
    scale = 3.0 ** -np.arange(size) if number % 3 == 1 else 1.0
    weights = rng.standard_normal((_ROWS, size)) * scale
    return weights, rng.uniform(-0.5, 1.1, _ROWS) * np.abs(weights).sum(axis=1)


def _ends(
    tail: Tail, weights: Array, levels: Array, noise: float, model: str
) -> tuple[Array, Array]:
    try:
        return (
            tail.upper(weights, levels, noise, model),
            tail.lower(weights, levels, noise, model),
        )
    except NotCoveredError:
        raise
    except DcscError as error:
        fail(tail, "lower <= P <= upper", str(error))
        raise


# ---- what is true ------------------------------------------------------------------------------


def _sums(weights: Array) -> Array:
    """Return the sums of all sign patterns, one row per pattern."""
    count = weights.shape[1]
    signs = np.array(list(itertools.product([1.0, -1.0], repeat=count))).reshape(2**count, count)
    return signs @ weights.T


def _shifted(sums: Array, levels: Array, noise: float) -> Array:
    return (sums + noise >= levels - _TIE).mean(axis=0)


def _symmetric(sums: Array, levels: Array, noise: float) -> Array:
    """Half of the noise adds its size and half takes it off, for the worst of some sizes."""
    sizes = noise * np.linspace(0, 1, 7)
    each = [(_shifted(sums, levels, s) + _shifted(sums, levels, -s)) / 2 for s in sizes]
    return np.max(each, axis=0)


def _martingale(sums: Array, levels: Array, noise: float) -> Array:
    """At each pattern the law on {-z, what is missing} that has mean zero."""
    missing = np.maximum(levels - sums, 0.0)
    reached = missing <= _TIE
    share = np.divide(noise, noise + missing, out=np.zeros_like(missing), where=~reached)
    return np.where(reached, 1.0, share * (missing <= noise)).mean(axis=0)


def _gauss(sums: Array, levels: Array, noise: float) -> Array:
    if noise == 0:
        return _shifted(sums, levels, 0.0)
    erfc = np.vectorize(math.erfc, otypes=[float])
    return erfc((levels - sums) / (noise * math.sqrt(2))).mean(axis=0) / 2


_WORST: dict[str, Worst] = {
    "none": _shifted,
    "independent": _symmetric,
    "martingale": _martingale,
    "adversarial": _shifted,
    "gauss": _gauss,
}


# ---- the laws ----------------------------------------------------------------------------------


def _check_values(
    tail: Tail,
    weights: Array,
    levels: Array,
    noise: float,
    model: str,
    upper: Array,
    lower: Array,
) -> None:
    exact = _WORST[model](_sums(weights), levels, noise)
    reach = np.abs(weights).sum(axis=1) + noise
    beyond = (levels > reach * (1 + 1e-9)) & (model != "gauss")
    for law, wrong, value in (
        ("upper lies in [0, 1]", ~((upper >= 0) & (upper <= 1)), upper),
        ("lower lies in [0, 1]", ~((lower >= 0) & (lower <= 1)), lower),
        ("P <= upper", upper < exact * (1 - _ROUNDING), upper),
        ("lower <= P", lower > exact * (1 + _ROUNDING), lower),
        ("upper is 0 beyond the largest sum", beyond & (upper > 0), upper),
    ):
        if wrong.any():
            at = int(wrong.argmax())
            fail(
                tail,
                law,
                f"{value[at]} where P = {exact[at]}, for weights {weights[at].tolist()}, level "
                f"{levels[at]} and {model} noise of {noise}",
            )


def _check_orders(tail: Tail, weights: Array, levels: Array, noise: float, model: str) -> None:
    step = 0.125 * (1 + np.abs(levels))
    low, high = (tail.upper(weights, t, noise, model) for t in (levels, levels + step))
    more = low if model == "none" else tail.upper(weights, levels, noise + 0.125, model)
    for law, less, most in (("falls with t", high, low), ("rises with z", low, more)):
        wrong = less > most * (1 + _ROUNDING)
        if wrong.any():
            at = int(wrong.argmax())
            fail(
                tail,
                law,
                f"{less[at]} > {most[at]} for weights {weights[at].tolist()}, level {levels[at]} "
                f"and {model} noise of {noise}",
            )


def _check_invariance(
    tail: Tail,
    weights: Array,
    levels: Array,
    noise: float,
    model: str,
    upper: Array,
    rng: np.random.Generator,
) -> None:
    order = rng.permutation(weights.shape[1] + 1)
    padded = np.column_stack([weights, np.zeros(len(weights))])[:, order]
    unit = 2.0**-30
    alone = [tail.upper(w, t, noise, model)[0] for w, t in zip(weights, levels, strict=True)]
    for law, other in (
        (
            "signs, order and zeros make no difference",
            tail.upper(-padded, levels, noise, model),
        ),
        (
            "units make no difference",
            tail.upper(unit * weights, unit * levels, unit * noise, model),
        ),
        ("rows do not see one another", np.array(alone)),
    ):
        wrong = np.abs(other - upper) > _ROUNDING * np.maximum(other, upper)
        if wrong.any():
            at = int(wrong.argmax())
            fail(
                tail,
                law,
                f"{other[at]} instead of {upper[at]} for weights {weights[at].tolist()}, level "
                f"{levels[at]} and {model} noise of {noise}",
            )
