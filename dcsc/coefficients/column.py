"""What each atom sees of a column of codes, and has to reach."""

import math
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import scipy

from dcsc._arrays import Array
from dcsc._cached import cached_property
from dcsc.coefficients.grouped import GroupedTerms
from dcsc.coefficients.terms import KEPT_ENTRIES, Terms
from dcsc.coefficients.ties import SMALLEST, check_strengths, check_units, tolerance_of
from dcsc.dictionaries import Dictionary

__all__ = ["Column", "columns"]

_BLOCK_ENTRIES = 2**21
_TABLE_ENTRIES = 2**17


@attrs.frozen(eq=False, slots=False)
class Column:
    r"""What some atoms see of one column of codes; an entry for each of them in every array.

    Parameters
    ----------
    atoms : array of int
        Flat indices, C order.
    support : array of int
        T, where the column is not zero.
    on : array of bool
        Whether the atom is in T.
    strength : array
        :math:`c_k^2 |x_k|`, its own share of the coefficient; with a one-sided threshold
        :math:`c_k^2 x_k`. With the atoms that share its sign, whatever that is, for those on the
        support, and off it with a one-sided threshold.
    threshold : array
        :math:`\beta_k`.
    offset : array
        :math:`\langle a_k, v\rangle` of an error v that is known.
    error : array
        :math:`c_k \zeta`, the most that an error of patch norm ζ adds.
    slack : array
        What is nearer to the threshold than this is a tie.
    still : array of bool
        Whether the coefficient is 0 in any arithmetic: nothing of the signal lies under the atom.
    total : array
        :math:`\sum_{j \ne k} |G_{kj} x_j|`; an error that is known is one more summand. Those that
        share a sign are one summand.
    one_sided : bool
        Whether only coefficients above the threshold are kept, or also those below minus it.
    tolerance : float
        That of ties, relative to what rounding could make of a coefficient, and to the error.
    """

    atoms: Array
    support: Array
    on: Array
    strength: Array
    threshold: Array
    offset: Array
    error: Array
    slack: Array
    still: Array
    total: Array
    one_sided: bool
    tolerance: float
    _terms: Terms | GroupedTerms

    def __len__(self) -> int:
        return len(self.atoms)

    @cached_property
    def level(self) -> Array:
        """What the sum of the others has to reach for the atom to fail."""
        return np.where(self.on, self.strength - self.threshold, self.threshold - self.strength)

    @property
    def beyond(self) -> Array:
        """Where an atom on the support has overshot to the other side of a two-sided threshold."""
        return self.strength + self.threshold

    @property
    def safe(self) -> Array:
        """Whether the atom comes out right for all signs and errors; with a tie it does not."""
        reach = self.total + self.error + self.slack
        return (reach < self.level) | (self.still & ~self.on)

    @property
    def lost(self) -> Array:
        """Whether the atom comes out wrong for all signs and errors; a tie does not.

        On the support nothing can lift it to the threshold. Off the support a two-sided threshold
        is crossed for sure where one neighbour is stronger than all the others and the threshold.
        """
        reach = self.total + self.error + self.slack
        below = np.where(self.on, self.strength + reach < self.threshold, False)
        if self.one_sided:
            return below | (~self.on & (self.strength - reach > self.threshold))
        return below | (~self.on & (2 * self._strongest - reach > self.threshold))

    @property
    def deviation(self) -> Array:
        """The root of the sum of the squares of the summands."""
        return np.hypot(self._terms.deviation, self.offset)

    @property
    def count(self) -> Array:
        """Number of the summands that are not zero."""
        return self._terms.count + (self.offset != 0)

    @cached_property
    def _strongest(self) -> Array:
        """The largest summand of each sum, an error that is known among them."""
        largest = np.abs(self.offset)
        step = max(1, _BLOCK_ENTRIES // max(int(self.count.max(initial=1)), 1))
        for start in range(0, len(self), step):
            places = np.arange(start, min(start + step, len(self)))
            largest[places] = self.weights(places).max(axis=1, initial=0.0)
        return largest

    def at(self, threshold: Array) -> "Column":
        """Return the column with another threshold for every atom."""
        return attrs.evolve(self, threshold=threshold)

    def under(self, error: Array) -> "Column":
        """Return the column with other errors of a known size, one for every atom."""
        slack = self.slack + self.tolerance * (error - self.error)
        still = self.still & (error == 0)
        return attrs.evolve(self, error=error, slack=slack, still=still)

    def terms(self, places: Array) -> "scipy.sparse.csc_array":
        """Return :math:`G_{kj} x_j` for j in T, its own with the others: a column for each atom.

        The entries of a column are in the order of T.

        Parameters
        ----------
        places : array of int
            Which atoms, as places in ``atoms``.
        """
        return self._terms.at(places)

    def others(self, places: Array) -> "scipy.sparse.csc_array":
        """Return the summands of what `level` is held against: a column for each atom.

        There is a row for each j in T, and 0 for the atom itself; where atoms share signs, a row
        for each coin of T.
        """
        return self._terms.others(places)

    def batches(self, places: Array) -> Iterator[Array]:
        """Yield atoms of similar numbers of summands, as many as a table of them may hold."""
        count = self.count[places] + 1
        order = np.argsort(count, kind="stable")
        start = 0
        while start < len(order):
            sized = count[order[start:]] * np.arange(1, len(order) - start + 1)
            stop = start + max(1, int(np.searchsorted(sized, _TABLE_ENTRIES, side="right")))
            yield places[order[start:stop]]
            start = stop

    def best_moments(self, places: Array, levels: Array) -> tuple[Array, Array] | None:
        """Return λ t and log E exp(λ Σ) of the sums Σ of some atoms, at the λ best for levels t.

        None where a table of the sizes is the only way, that of `weights`.

        Parameters
        ----------
        places : array of int
        levels : array of shape (places,)
            Positive.
        """
        if not isinstance(self._terms, Terms) or self.offset.any():
            return None
        best = self._terms.best_moments(places, levels)
        return None if best is None else (best[0] * (levels / self._terms.unit), best[1])

    def weights(self, places: Array) -> Array:
        """Return the sizes of the summands of some atoms, a row each, filled up with zeros."""
        weights = self._terms.sizes(places)
        offset = np.abs(self.offset[places])
        return np.column_stack([weights, offset]) if self.offset.any() else weights


def columns(
    dictionary: Dictionary,
    codes: Array,
    threshold: "npt.ArrayLike",
    *,
    one_sided: bool = False,
    noise: float | Array = 0.0,
    atoms: Array | None = None,
    coins: Array | None = None,
) -> Iterator[Column]:
    """Yield what each atom sees of every column of codes.

    Parameters
    ----------
    dictionary : Dictionary
        Without signs, or with: they change nothing here.
    codes : array of shape (columns, *code_shape)
    threshold : array_like
        β, one or one per filter.
    one_sided : bool, default False
        Whether only coefficients above the threshold are kept.
    noise : float or array of shape (columns, *signal_shape), default 0
        A number is ζ, a bound of the patch norm of the error; an array is the error itself.
    atoms : array of int, optional
        Flat indices of the atoms to look at; by default all of them.
    coins : array of int, shape code_shape, optional
        Which fair coin decides the sign of each atom, as in `SignPattern.coins`; by default each
        atom has its own.

    Raises
    ------
    DcscError
        If a coefficient is so large or so small that its square is no number.
    """
    shape = tuple(dictionary.code_shape)
    size = math.prod(shape)
    flat = codes.reshape(len(codes), size).astype(np.float64, copy=False)
    chosen = np.arange(size) if atoms is None else atoms

    def of_chosen(values: Array) -> Array:
        """Return what an array over all atoms has for those that are looked at."""
        return values if atoms is None else values[..., atoms]

    # c_k and β_k of the atoms that are looked at.
    norms = dictionary.atom_norms().ravel()
    norm = norms.max(initial=0.0)
    # no product G_kj x_j is larger
    check_strengths(norm, np.abs(flat).max(initial=0.0), "codes")
    norms = of_chosen(norms)
    beta = np.asarray(threshold, dtype=np.float64)
    beta = beta.reshape(-1, *[1] * (len(shape) - 1)) if beta.ndim else beta
    beta = of_chosen(np.broadcast_to(beta, shape).ravel())
    known = isinstance(noise, np.ndarray)
    level = np.max(dictionary.patch_norm(noise), initial=0.0) if known else noise
    with np.errstate(over="ignore"):  # what is too large is refused
        error = norms * level
    check_units(error[error > SMALLEST], "noise")
    # e_k: the largest that rounding could make of a coefficient, were it to lose all its digits
    sizes = dictionary.contributions(flat.reshape(codes.shape))
    sizes = sizes + np.abs(noise) if known else sizes
    entering = of_chosen(dictionary.exposure(sizes).reshape(len(codes), size))
    # What an error adds to the coefficients: ⟨a_k, v⟩ if it is known, else at most c_k ζ.
    zeta = np.zeros(len(chosen)) if known else error
    seen = dictionary.analyze(noise).reshape(len(codes), size) if known else np.zeros_like(flat)
    seen = of_chosen(seen).astype(np.float64, copy=False)
    tolerance = tolerance_of(dictionary, codes)
    gram_rows = _shared_rows(dictionary, flat)
    near = dictionary._near() if len(chosen) >= shape[0] else None
    width = min(dictionary.stripes.size, size)
    for number, code in enumerate(flat):
        # T, the atom's own share c_k² x_k, and the terms G_kj x_j of the others.
        support = np.flatnonzero(code)
        values = of_chosen(code)
        on = values != 0
        check_strengths(norms[on], np.abs(values[on]), "codes")
        strength = norms * values
        strength *= norms
        largest = norm * (norm * np.abs(code[support]).max(initial=0.0))
        unit = float(np.ldexp(1.0, int(np.frexp(largest)[1])))
        terms: Terms | GroupedTerms
        terms = Terms(atoms, len(chosen), support, code[support], gram_rows, width, unit, near)
        if coins is not None:
            # one summand for each coin; what shares the sign of an atom is a part of its own share
            flips = coins.ravel()
            place = np.full(size, -1)
            place[support] = np.arange(len(support))
            terms, shared = GroupedTerms.of(
                terms.at(np.arange(len(chosen))),
                (flips[support], flips[chosen]),
                place[chosen],
                on | one_sided,
                unit,
            )
            strength += shared
        offset = seen[number]
        slack = entering[number] + zeta
        still = slack == 0
        slack *= tolerance
        yield Column(
            chosen,
            support,
            on,
            strength if one_sided else np.abs(strength),
            beta,
            offset,
            zeta,
            slack,
            still,
            np.abs(offset) + terms.total,
            one_sided,
            tolerance,
            terms,
        )


def _shared_rows(dictionary: Dictionary, columns: Array) -> Callable[[Array], Any]:
    """Return a function that gives rows of G, and computes those that several columns need once."""
    support = np.flatnonzero((columns != 0).any(axis=0))
    width = min(dictionary.stripes.size, columns.shape[1])
    if len(columns) == 1 or len(support) * width > KEPT_ENTRIES:
        return dictionary.gram_rows
    place = np.full(columns.shape[1], -1)
    place[support] = np.arange(len(support))
    joint = cache(lambda: scipy.sparse.csr_array(dictionary.gram_rows(support)))
    return lambda atoms: scipy.sparse.csr_array(joint()[place[atoms]])
