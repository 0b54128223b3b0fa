"""What a bound says of itself: the quantities that it compares, and its weakest atoms."""

import math

import attrs

from dcsc._display import Facts
from dcsc.coefficients import TOLERANCE, strictly_below

__all__ = ["Side", "WeakAtom"]

_FEW = 0.5


def _relative_tie(side: "Side") -> float:
    sizes = [abs(value) for value in (side.left_value, side.right_value) if math.isfinite(value)]
    return TOLERANCE * max(sizes, default=0.0)


@attrs.frozen
class Side:
    """The two quantities that a theorem compares; the left one has to be the smaller.

    Parameters
    ----------
    left : str
        Formula of the left side.
    left_value : float
    right : str
        Formula of the right side.
    right_value : float
    strict : bool, default True
        Whether equality is not enough.
    tie : float, optional
        What the sides have to differ by for a strict comparison to be true; by default 1e-12 of
        the larger one.
    """

    left: str
    left_value: float
    right: str
    right_value: float
    strict: bool = attrs.field(default=True, kw_only=True)
    tie: float = attrs.field(
        default=attrs.Factory(_relative_tie, takes_self=True), kw_only=True, repr=False
    )

    @property
    def slack(self) -> float:
        """How much the left side may still grow; negative where it is too large."""
        return self.right_value - self.left_value

    @property
    def holds(self) -> bool:
        """Whether the left side is the smaller; a strict comparison in doubt is false."""
        if self.strict:
            return strictly_below(self.left_value, self.right_value, self.tie)
        return self.left_value <= self.right_value


@attrs.frozen(repr=False)
class WeakAtom(Facts):
    r"""One atom and its share in a union bound.

    Its interference is :math:`\sum_j w_j \varepsilon_j` with :math:`w_j = |G_{kj} x_j|`, and it
    fails where that reaches ``level``, after the noise has taken its part.

    Parameters
    ----------
    column : int
        Of the batch, flattened.
    filter : int
    position : tuple of int
    on_support : bool
    probability : float
        What it adds to the union.
    share : float
        Of the union of this layer.
    interferers : int
        Number of its non-zero weights.
    largest, largest_three : float
        Share of the variance :math:`\sum w_j^2` in the largest weight, and in the three largest.
    level : float
        What the interference has to reach.
    noise : float
        The most that the noise takes off the level; 0 if the noise is a part of the variance.
    deviation : float
        Standard deviation of what is random.
    reach : float
        :math:`\sum w_j`, the largest value of the interference.
    """

    column: int
    filter: int
    position: tuple[int, ...]
    on_support: bool
    probability: float
    share: float
    interferers: int
    largest: float
    largest_three: float
    level: float
    noise: float
    deviation: float
    reach: float

    @property
    def margin(self) -> float:
        """How many standard deviations the interference is from failing."""
        left = self.level - self.noise
        if self.deviation == 0:
            return math.copysign(math.inf, left) if left else 0.0
        return left / self.deviation

    @property
    def cause(self) -> str:
        """Why the atom fails, in a few words."""
        if self.level <= 0:
            return "the threshold alone"
        if self.level <= self.noise:
            return "the noise alone"
        return "a few strong neighbours" if self.largest_three >= _FEW else "many weak neighbours"
