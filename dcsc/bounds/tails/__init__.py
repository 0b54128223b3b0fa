"""Tails: upper bounds of P(Σ w_j ε_j ≥ t) for fair signs ε, many rows of weights at a time.

A new one is a subclass of `Tail` with ``_upper``. `as_tail` knows the ones here by name.
"""

from dcsc._words import quoted
from dcsc.bounds.tails.base import NOISE_MODELS, Rows, Tail
from dcsc.bounds.tails.exact import Exact
from dcsc.bounds.tails.lattice import Lattice
from dcsc.bounds.tails.selberg import Selberg
from dcsc.bounds.tails.smooth import L1, Bentkus, Chernoff, Hoeffding
from dcsc.errors import DcscError

__all__ = [
    "L1",
    "NOISE_MODELS",
    "Bentkus",
    "Chernoff",
    "Exact",
    "Hoeffding",
    "Lattice",
    "Rows",
    "Selberg",
    "Tail",
    "as_tail",
]

NAMED: dict[str, type[Tail]] = {
    "l1": L1,
    "hoeffding": Hoeffding,
    "chernoff": Chernoff,
    "bentkus": Bentkus,
    "exact": Exact,
    "lattice": Lattice,
    "selberg": Selberg,
}


def as_tail(tail: object) -> Tail:
    """Return a tail as it is, or the one of that name.

    Parameters
    ----------
    tail : Tail or str
        ``"l1"``, ``"hoeffding"``, ``"chernoff"``, ``"bentkus"``, ``"exact"``, ``"lattice"`` or
        ``"selberg"``.
    """
    if isinstance(tail, Tail):
        return tail
    if isinstance(tail, str) and tail in NAMED:
        return NAMED[tail]()
    raise DcscError(f"tail: expected a Tail or one of {', '.join(NAMED)}, got {quoted(tail)}")
