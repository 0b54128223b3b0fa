"""The laws of noises."""

from collections.abc import Callable

import numpy as np

from dcsc._arguments import function
from dcsc._arrays import Array, Rng, generator, instance
from dcsc.bounds.noise import Noise
from dcsc.bounds.tails import L1, Bentkus, Chernoff, Exact, Hoeffding, Tail
from dcsc.testing.common import fail
from dcsc.testing.tails import LEAST, WORST, problem, signed_sums

__all__ = ["check_noise"]

_TAILS: tuple[Tail, ...] = (L1(), Hoeffding(), Chernoff(), Bentkus(), Exact())
_PROBLEMS = 24
_ROUNDING = 1e-12


def check_noise(
    noise: Noise,
    probability: Callable[[Array, Array, float], Array] | None = None,
    rng: Rng = 0,
) -> None:
    """Check the laws of `Noise` for every tail of dcsc that is valid for it.

    Parameters
    ----------
    noise : Noise
    probability : callable, optional
        Given the sums of all sign patterns, a row for each, levels and a size z, it returns for
        each column the probability that the sum and some ν that the noise allows reach the level:
        the larger, the sharper the check. dcsc's own have one.
    rng : None, int, SeedSequence or Generator
    """
    instance(noise, Noise, "check_noise: noise")
    source = generator(rng, "check_noise: rng")
    if probability is not None:
        function(probability, "check_noise: probability")
    reached = probability or WORST.get(noise.name)
    kept = LEAST.get(noise.name)
    tails = [tail for tail in _TAILS if tail.covers(noise)]
    if not tails:
        fail(noise, "some tail is valid for it", f"{noise.name!r} or {noise.as_good_as!r} of none")
    for number in range(_PROBLEMS):
        weights, levels = problem(source, number)
        size = 0.0 if noise.name == "none" else float(source.choice([0.25, source.random()]))
        sums = signed_sums(weights)
        exact = None if reached is None else reached(sums, levels, size)
        least = None if kept is None else kept(sums, levels, size)
        for tail in tails:
            _check(noise, tail, weights, levels, size, exact)
            _check_ends(noise, tail, weights, levels, size, exact, least)
        _check_softened(noise, levels, size)


def _check(
    noise: Noise, tail: Tail, weights: Array, levels: Array, size: float, exact: Array | None
) -> None:
    alone = tail.upper(weights, levels, noise_model="none")
    still = tail.upper(weights, levels, 0.0, noise)
    upper, lower = (end(weights, levels, size, noise) for end in (tail.upper, tail.lower))
    less = tail.upper(weights, levels, size / 2, noise)
    reach = np.abs(weights).sum(axis=1) + noise.reach(np.array([size]))[0]
    beyond = levels > reach * (1 + 1e-9)
    rises = noise.bounded or tail.smooth
    for law, wrong in (
        ("at z = 0 it is the sum alone", still != alone),
        ("upper rises with z", rises & (less > upper * (1 + _ROUNDING))),
        ("lower is at most upper", lower > upper * (1 + _ROUNDING)),
        ("nothing is reached beyond the largest sum and z", beyond & (upper > 0)),
        (
            "upper is at least the probability",
            np.zeros(0) if exact is None else upper < exact * (1 - _ROUNDING),
        ),
    ):
        if wrong.any():
            at = int(np.argmax(wrong))
            fail(
                noise,
                law,
                f"from {lower[at]} to {upper[at]} by {tail!r} for weights {weights[at].tolist()}, "
                f"level {levels[at]}, z = {size}",
            )


def _check_ends(
    noise: Noise,
    tail: Tail,
    weights: Array,
    levels: Array,
    size: float,
    most: Array | None,
    least: Array | None,
) -> None:
    low, high = tail.ends(weights, levels, size, noise)
    smallest = high if least is None else least
    largest = low if most is None else most
    wrong = (low > smallest + _ROUNDING) | (high < largest - _ROUNDING)
    if wrong.any():
        at = int(np.argmax(wrong))
        fail(
            noise,
            "every probability lies between the ends",
            f"{smallest[at]} and {largest[at]} do not between {low[at]} and {high[at]} by "
            f"{tail!r} for weights {weights[at].tolist()}, level {levels[at]}, z = {size}",
        )


def _check_softened(noise: Noise, levels: Array, size: float) -> None:
    sizes = np.full_like(levels, size)
    softer, spread = noise.softened(levels, sizes)
    if (softer > levels).any() or (spread < 0).any():
        fail(noise, "a softened level is no higher", f"{softer} for {levels}, spread {spread}")
    if noise.shifts and not np.allclose(softer, levels - sizes):
        fail(noise, "noise against the signs moves the level by z", f"{softer} for {levels}")
