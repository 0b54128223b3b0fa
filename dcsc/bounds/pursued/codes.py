"""Certificates of a code that anybody found, by what it leaves of the signal."""

import math
from typing import Any, ClassVar

import attrs
import numpy as np
import numpy.typing as npt

from dcsc._arrays import Array, frozen_array, integer, real, real_array
from dcsc._entries import SparseOrDense
from dcsc._fields import array_field, number_field
from dcsc.bounds.hypotheses import Hypothesis
from dcsc.bounds.pursued.code_guarantee import CodeGuarantee, LayerCode
from dcsc.bounds.pursued.shares import interference_shares
from dcsc.bounds.records import LayerInstance
from dcsc.bounds.theorem import Theorem
from dcsc.coefficients import (
    SMALLEST,
    TOLERANCE,
    check_strengths,
    check_units,
    rounding_of,
    strictly_below,
)
from dcsc.dictionaries import Dictionary
from dcsc.errors import DcscError
from dcsc.pursuits import Pursuit

__all__ = ["CodeBound", "certify_code"]


def _signal(value: Any, record: Any, where: str) -> Array:
    return frozen_array(real_array(value, where).astype(np.float64))


@attrs.frozen
class CodeBound(Theorem[CodeGuarantee]):
    r"""What is certain of a code by what it leaves of the signal, whoever found it.

    Let x be any code of stripe sparsity S with :math:`|A^T(y - Ax)| \le \varepsilon` everywhere,
    such as the true one behind y = Ax + v. For the code at hand, x̂ with support T̂,

    .. math:: \delta_k = |\langle a_k, y - A\hat x \rangle| + \varepsilon, \qquad
        q_k = \sum_{j \in \hat T \setminus k} |G_{kj}| + \text{the } S \text{ largest } |G_{kj}|,
        j \notin \hat T

    (S - 1 of them if k is not in T̂). If all :math:`q_k < G_{kk}`, then

    .. math:: |\hat x_k - x_k| \le b_k = \frac{\delta_k + q_k B}{G_{kk}}, \qquad
        B = \frac{\max_k \delta_k / G_{kk}}{1 - \max_k q_k / G_{kk}} .

    So entries with :math:`|\hat x_k| > b_k` are in the support of x, with the same sign. Without
    noise, a code that leaves nothing is the only one.

    Parameters
    ----------
    signal : array of shape (*batch, *signal_shape)
        y.
    noise : float
        ε, a bound of the :math:`|\langle a_k, v \rangle|`; the norm of v over a patch, times that
        of an atom, is one.
    sparsity : int, optional
        S; by default the stripe sparsity of the code itself.
    """

    label: ClassVar[str] = "(C)"
    about: ClassVar[str] = "what is certain of a code, whoever found it"
    reference: ClassVar[str] = "Rows of the Gram matrix at the support that was found"
    states: ClassVar[type[CodeGuarantee]] = CodeGuarantee
    needs_instances: ClassVar[bool] = True
    pursuits: ClassVar[tuple[type[Pursuit], ...]] = ()

    signal: Array = array_field(_signal)
    noise: float = number_field(real, minimum=0, default=0.0)
    sparsity: int | None = number_field(integer, minimum=0, default=None)

    def _evaluate(self, layers: tuple[LayerInstance, ...]) -> CodeGuarantee:
        if len(layers) > 1:
            raise self._refuse(2, "it is about the code of one signal")
        (layer,) = layers
        layer.check_units("CodeBound")
        dictionary, codes = layer.dictionary, layer.codes.astype(np.float64)
        shape = tuple(dictionary.signal_shape)
        if self.signal.shape != layer.batch + shape:
            raise DcscError(
                f"CodeBound: signal: expected shape {layer.batch + shape}, got {self.signal.shape}"
            )
        sparsity = self.sparsity
        if sparsity is None:
            sparsity = int(np.max(dictionary.stripe_sparsity(codes), initial=0))
        count = math.prod(dictionary.code_shape)
        # δ, with what rounding may have done to it
        left = np.abs(dictionary.analyze(self.signal - dictionary.synthesize(codes)))
        sizes = dictionary.contributions(codes) + np.abs(self.signal)
        left += self.noise + rounding_of(dictionary, codes) * dictionary.exposure(sizes)
        check_units(left[left > SMALLEST], "CodeBound: signal, noise")
        norms = dictionary.atom_norms().ravel()
        check_strengths(norms, 1.0, "CodeBound: dictionary")
        energies = norms * norms
        if not (energies > 0).all():
            raise self._refuse(1, "an atom is zero, so that no signal tells what its entry is")
        shares = interference_shares(dictionary, codes.reshape(-1, count) != 0, sparsity, energies)
        delta = left.reshape(-1, count) / energies
        worst = float(shares.max(initial=0.0))
        fits = strictly_below(worst, 1.0, TOLERANCE)
        room = 1 - shares.max(axis=1, keepdims=True, initial=0.0)
        largest = delta.max(axis=1, keepdims=True, initial=0.0) / (room if fits else 1.0)
        with np.errstate(over="ignore"):  # of an infinite error nothing is certain
            errors = (delta + shares * largest).reshape(codes.shape)
        certain = np.abs(codes) > errors
        part = LayerCode(
            sparsity,
            self.noise,
            int(np.count_nonzero(codes)),
            int(np.count_nonzero(certain)),
            float(errors.max(initial=0.0)),
            float(errors[codes == 0].max(initial=0.0)),
            frozen_array(errors),
            frozen_array(certain),
        )
        conditions = (
            Hypothesis(f"layer 1: max q_k / G_kk = {worst:.6g} < 1", fits),
            Hypothesis(
                f"layer 1: the true code has stripe sparsity at most {sparsity}, and no atom sees "
                f"more than {self.noise:.6g} of the noise"
            ),
        )
        return CodeGuarantee((part.under(conditions),), type(self).__name__, self.reference)


def certify_code(
    dictionary: Dictionary,
    code: "SparseOrDense",
    signal: "npt.ArrayLike",
    noise: float = 0.0,
    sparsity: int | None = None,
) -> CodeGuarantee:
    """Return what is certain of a code, whichever solver it comes from; see `CodeBound`.

    Parameters
    ----------
    dictionary : Dictionary
        A layer's operator, or any dictionary.
    code : array_like or sparse array, shape (*batch, *code_shape)
    signal : array_like, shape (*batch, *signal_shape)
    noise : float, default 0
        ε, the most that an atom sees of the noise in the signal.
    sparsity : int, optional
        The stripe sparsity of the true code; by default that of the code given.

    Examples
    --------
    >>> from dcsc import BasisPursuit, CirculantDictionary
    >>> from dcsc.dictionaries import filters
    >>> import numpy as np
    >>> dictionary = CirculantDictionary(filters.low_coherence(8, 8, 5, rng=0), extent=24)
    >>> truth = np.zeros(dictionary.code_shape)
    >>> truth[0, 3], truth[5, 12] = 1.0, -0.5
    >>> signal = dictionary.synthesize(truth)
    >>> found = BasisPursuit(0.01)(signal, dictionary).code
    >>> certified = certify_code(dictionary, found, signal, noise=1e-3)
    >>> certified.layers[0].certain, certified.exact(x_min=0.1)
    (2, True)
    """
    bound = CodeBound(real_array(signal, "certify_code: signal"), noise, sparsity)
    return bound.evaluate(LayerInstance(dictionary, code))
