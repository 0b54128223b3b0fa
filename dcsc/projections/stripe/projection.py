"""The Euclidean projection onto the codes of bounded stripe sparsity."""

import math
import time

import attrs
import numpy as np
import numpy.typing as npt
import scipy.sparse

from dcsc._arrays import Array, as_batch, brief, instance, integer, real, real_array
from dcsc._fields import number_field
from dcsc.dictionaries import Dictionary
from dcsc.errors import NotProvedError
from dcsc.projections.base import Projection
from dcsc.projections.stripe.exact import enumerated, laid_out
from dcsc.projections.stripe.packing import clusters, incidence
from dcsc.projections.stripe.search import Choice, searched

__all__ = ["StripeProjection", "StripeSolution"]

# Enumerating that many takes no longer than to set up a search.
_FEW = 16
# A search that came to its end leaves 2e-12, see `search`.
_PROVED = 1e-11


@attrs.frozen(eq=False)
class StripeSolution:
    """The best codes that were found, and how much better others could be.

    Parameters
    ----------
    code : array of shape (*batch, *code_shape)
        Stripe sparsity at most S, each entry that of the coefficients or 0.
    energy : array of shape (*batch,)
        What the code keeps of the coefficients: the sum of its squares, infinite beyond float64.
    gap : array of shape (*batch,)
        No code of that stripe sparsity keeps more than ``(1 + gap)`` times the energy. 0 where the
        code was found in whole-number arithmetic.
    """

    code: Array = attrs.field(repr=brief)
    energy: Array
    gap: Array

    @property
    def bound(self) -> Array:
        """The energy that no code of that stripe sparsity surpasses, (*batch)."""
        return np.asarray(self.energy * (1 + self.gap))

    @property
    def proved(self) -> Array:
        """Whether the code is the projection, up to 1e-11 of its energy, (*batch)."""
        return np.asarray(self.gap <= _PROVED)


@attrs.frozen
class StripeProjection(Projection):
    r"""The nearest code of stripe sparsity at most S: the exact Euclidean projection.

    .. math:: \operatorname{argmin} \{ \|u - z\|_2 : \|u\|^Q_{0,\infty} \le S \}

    That is z on the support of the largest energy :math:`\sum z_k^2` of which no stripe holds more
    than S entries, and 0 elsewhere. It does not find the support of a code in general: where a
    stripe has room it keeps false entries, and where stripes overlap it can prefer several of them
    to a true one. The guarantees are about thresholds, and this projection has no ``selection``;
    after a threshold that has succeeded it changes nothing.

    Entries that compete with each other make clusters. Those whose stripes lie along a line are
    decided by a flow, those of up to 16 entries by enumeration, both in whole numbers. So all of
    a `ToeplitzDictionary` in one dimension is, and on a circle or in two dimensions what is sparse
    enough. Of supports of exactly the same energy it is then that which holds the first entry, by
    ``|z|`` and then C order, in which they differ. Larger clusters are decided by branch and bound
    (HiGHS), up to 1e-11 of the energy; which of several that agree so far is left open, but always
    the same.

    Parameters
    ----------
    sparsity : int
        S, at least 1; from the size of a stripe on, everything is kept.
    time_limit : float, default 60
        Seconds of branch and bound for each element of a batch. With 0 there is none.

    Raises
    ------
    NotProvedError
        By a call, if the time does not suffice for the proof. `solve` gives what was found.

    Examples
    --------
    One atom is active, but the stripes have room for another one:

    >>> import numpy as np
    >>> from dcsc import CirculantDictionary, HardThreshold, StripeProjection
    >>> pair = CirculantDictionary([[[1, 1]]], extent=8).normalized()
    >>> z = pair.analyze(pair.synthesize([[1, 0, 0, 0, 0, 0, 0, 0]]))
    >>> StripeProjection(2)(z, pair).round(3)
    array([[1. , 0.5, 0. , 0. , 0. , 0. , 0. , 0. ]])
    >>> code = HardThreshold(0.6)(z)
    >>> code.round(3)
    array([[1., 0., 0., 0., 0., 0., 0., 0.]])
    >>> np.array_equal(StripeProjection(2)(code, pair), code)
    True
    """

    sparsity: int = number_field(integer, minimum=1)
    time_limit: float = number_field(real, default=60.0, minimum=0)

    @property
    def needs_dictionary(self) -> bool:
        return True

    def solve(self, coefficients: "npt.ArrayLike", dictionary: Dictionary) -> StripeSolution:
        """Return the best codes found in the time limit, with the gaps that are left.

        The result depends on the speed of the machine where ``proved`` is false; it keeps at least
        the energy of `StripeTopK` all the same.

        Parameters
        ----------
        coefficients : array_like of shape (*batch, *code_shape)
        dictionary : Dictionary
            Gives the stripes.

        Examples
        --------
        >>> from dcsc import ToeplitzDictionary
        >>> line = ToeplitzDictionary([[[1, 1]]], extent=6)
        >>> solution = StripeProjection(1).solve([[2, 0, 2.5, 0, 2]], line)
        >>> solution.code
        array([[2., 0., 0., 0., 2.]])
        >>> float(solution.energy), float(solution.gap)
        (8.0, 0.0)
        """
        name = "StripeProjection.solve"
        array = real_array(coefficients, f"{name}: coefficients")
        instance(dictionary, Dictionary, f"{name}: dictionary")
        shape = tuple(dictionary.code_shape)
        flat, batch = as_batch(array, shape, f"{name}: coefficients", array.dtype)
        held = incidence(dictionary.stripes)
        choices = [self._choice(element, held) for element in flat]
        keep = np.zeros((len(flat), math.prod(shape)), dtype=bool)
        for row, one in zip(keep, choices, strict=True):
            row[one.entries] = True
        code = np.where(keep.reshape(flat.shape), flat, flat.dtype.type(0))
        assert not len(flat) or dictionary.stripes.sum(code != 0).max() <= self.sparsity
        with np.errstate(over="ignore", under="ignore"):
            squares = np.square(code.astype(np.float64))
            energy = squares.sum(axis=tuple(range(1, code.ndim))).reshape(batch)
        gap = np.array([one.excess for one in choices]).reshape(batch)
        return StripeSolution(code.reshape(batch + shape), energy, gap)

    def _proximal(self, step: float) -> "StripeProjection":
        return self

    def _penalty(self, codes: Array, dictionary: Dictionary | None) -> Array:
        assert dictionary is not None
        return np.where(dictionary.stripe_sparsity(codes) <= self.sparsity, 0.0, np.inf)

    def _project(self, coefficients: Array, dictionary: Dictionary | None) -> Array:
        assert dictionary is not None
        solution = self.solve(coefficients, dictionary)
        if not solution.proved.all():
            worst = int(solution.gap.argmax())
            raise NotProvedError(
                f"StripeProjection: time_limit: expected a proof within {self.time_limit:g} s, got "
                f"an energy of {solution.energy[worst]:.6g} for element {worst} of the batch, and "
                f"{solution.bound[worst]:.6g} as the most there can be: a gap of "
                f"{solution.gap[worst]:.2g}. Raise the limit, or take the best codes found, with "
                "their gaps, from StripeProjection.solve(coefficients, dictionary)"
            )
        return solution.code

    def _choice(self, coefficients: Array, held: scipy.sparse.csr_array) -> Choice:
        """Return what to keep of one element, cluster by cluster, those that may take long last."""
        sizes = np.abs(coefficients.ravel()).astype(np.float64)
        free, packings = clusters(sizes, held, self.sparsity)
        deadline = time.monotonic() + self.time_limit
        choices = [Choice(free)]
        hard = []
        for packing in packings:
            spans = packing.spans()
            if spans is not None:
                choices.append(Choice(laid_out(packing, spans, sizes)))
            elif len(packing.entries) <= _FEW:
                choices.append(Choice(enumerated(packing, sizes)))
            else:
                hard.append(packing)
        for packing in sorted(hard, key=lambda item: len(item.entries)):
            choices.append(searched(packing, sizes, deadline - time.monotonic()))
        entries = np.concatenate([one.entries for one in choices])
        shares = sizes / sizes.max(initial=np.finfo(np.float64).tiny)
        energy = [float(np.square(shares[one.entries]).sum()) for one in choices]
        excess = sum(one.excess * weight for one, weight in zip(choices, energy, strict=True))
        return Choice(entries, excess / sum(energy) if excess else 0.0)
