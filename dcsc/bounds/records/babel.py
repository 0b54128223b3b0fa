"""Some values of the Babel functions, which bound all others."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

import attrs

from dcsc._arguments import items
from dcsc._arrays import instance, integer, real
from dcsc._words import quoted
from dcsc.dictionaries import Dictionary
from dcsc.errors import DcscError

__all__ = ["Babel", "interpolated", "values_of"]


def _values(value: Any) -> tuple[tuple[int, float], ...]:
    try:
        pairs = dict(
            value if isinstance(value, Mapping) else items(value, "Babel")
        )  # or the pairs that this makes of a mapping
    except (TypeError, ValueError):
        raise DcscError(
            f"Babel: expected a mapping of sparsity to value, got {quoted(value)}"
        ) from None
    return tuple(
        (
            integer(key, "Babel: sparsity", minimum=1),
            real(pairs[key], f"Babel: value at {key}", minimum=0),
        )
        for key in sorted(pairs, key=lambda key: integer(key, "Babel: sparsity"))
    )


@attrs.frozen
class Babel:
    """Some values of the Babel functions.

    Both rise with S, by steps that get smaller, so that the values at some S bound all others.

    Parameters
    ----------
    sums : mapping of int to float
        μ₁(S) by S, `Dictionary.babel`.
    squares : mapping of int to float
        μ₂²(S) by S, `Dictionary.babel_squared`.
    """

    sums: tuple[tuple[int, float], ...] = attrs.field(converter=_values)
    squares: tuple[tuple[int, float], ...] = attrs.field(converter=_values)

    @classmethod
    def at(cls, dictionary: Dictionary, sparsity: int) -> Self:
        """Return the values that a theorem about S non-zeros asks for, at S - 1 and at S."""
        instance(dictionary, Dictionary, "Babel.at: dictionary")
        return cls._each(dictionary, [integer(sparsity, "Babel.at: sparsity", minimum=0)])[0]

    @classmethod
    def each(cls, dictionary: Dictionary, sparsities: Iterable[int]) -> list[Self]:
        """Return what `at` does for several S, from one pass over the Gram matrix."""
        instance(dictionary, Dictionary, "Babel.each: dictionary")
        where = "Babel.each: sparsities"
        return cls._each(
            dictionary, [integer(item, where, minimum=0) for item in items(sparsities, where)]
        )

    @classmethod
    def _each(cls, dictionary: Dictionary, sparsities: list[int]) -> list[Self]:
        sums, squares = dictionary.babel_functions(max(sparsities, default=0))
        return [
            cls(
                *(
                    {place: float(values[place]) for place in (most - 1, most) if place > 0}
                    for values in (sums, squares)
                )
            )
            for most in sparsities
        ]


def values_of(dictionary: Dictionary) -> Callable[[int], Babel]:
    """Return what gives the values at every S up to some place; the last ones are kept."""
    most, kept = 0, Babel({}, {})

    def up_to(place: int) -> Babel:
        nonlocal most, kept
        if place > most:
            each = [enumerate(values.tolist()) for values in dictionary.babel_functions(place)]
            most, kept = place, Babel(*(dict(list(pairs)[1:]) for pairs in each))
        return kept

    return up_to


def interpolated(sparsity: int, known: tuple[tuple[int, float], ...], first: float) -> float:
    """Return the best bound at S: ``f(S) <= f(K)`` for S <= K, and ``S f(K) / K`` beyond."""
    if sparsity == 0:
        return 0.0
    bounds = [value if sparsity <= at else sparsity * (value / at) for at, value in known]
    return min([sparsity * first, *bounds])
