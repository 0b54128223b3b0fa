"""What a projection is."""

from abc import ABC, abstractmethod
from typing import Any, NoReturn

import attrs
import numpy as np
import numpy.typing as npt
import scipy

from dcsc._arguments import flag
from dcsc._arrays import (
    Array,
    Shape,
    as_batch,
    from_hook,
    frozen_array,
    instance,
    positive,
    real,
    real_or_array,
)
from dcsc._entries import SparseOrDense, code_array, packed
from dcsc._fields import array_field, few, flag_field
from dcsc.dictionaries import Dictionary
from dcsc.errors import DcscError, NotCoveredError

__all__ = ["Projection", "Selection", "Threshold"]

Threshold = float | Array


def as_threshold(value: Any, record: Any, where: str) -> Threshold:
    """Return a threshold, one number or one per filter."""
    number = real_or_array(value, where, minimum=0)
    if isinstance(number, float):
        return number
    array = number.astype(np.float64)
    if array.ndim != 1 or array.size == 0:
        raise DcscError(f"{where}: expected a number or one per filter, got shape {array.shape}")
    real(array.min(), where, minimum=0)
    return frozen_array(array)


def threshold_field(default: Any = attrs.NOTHING) -> Any:
    """Declare the ``threshold`` field of a thresholding projection."""
    return array_field(as_threshold, default=default, repr=few)


def optional_threshold_field(**options: Any) -> Any:
    """Declare a ``threshold`` field that may be left open; options as in `attrs.field`."""
    return array_field(as_threshold, optional=True, repr=few, **options)


def per_filter(threshold: Threshold, codes: Array, where: str) -> Array:
    """Return a threshold as a float64 array, of no axis or of one, the filters' of these codes."""
    exact = np.asarray(threshold, dtype=np.float64)
    if exact.ndim:  # one for all goes with codes of any shape, that of a single entry as well
        check_per_filter(exact, codes.shape[1], where)
    return exact


def check_per_filter(threshold: Threshold | None, filters: int, where: str) -> None:
    """Refuse a threshold per filter where there are more filters, or fewer."""
    if isinstance(threshold, np.ndarray) and threshold.shape not in ((), (filters,)):
        given = threshold.size
        raise DcscError(f"{where}: expected one, or one per filter, {filters}, got {given}")


def beside(threshold: Array, codes: Array) -> Array:
    """Return what `per_filter` does with as many axes as it takes to go with the codes."""
    return threshold.reshape(-1, *[1] * (codes.ndim - 2)) if threshold.ndim else threshold


@attrs.frozen
class Selection:
    """How a projection selects: the support is ``{|z| > threshold}``, or ``{z > threshold}``.

    Bounds ask for this trait, never for a type.

    Parameters
    ----------
    threshold : float or array of shape (filters,), or None
        β in units of the coefficients; None says that it is still to be chosen.
    one_sided : bool
        Whether only positive coefficients are kept.
    shrinkage : bool
        Whether what is kept moves towards zero by β, which adds β to the error of each entry.
    """

    threshold: Threshold | None = optional_threshold_field()
    one_sided: bool = flag_field(default=False)
    shrinkage: bool = flag_field(default=False)


class Projection(ABC):
    """The nonlinearity that turns coefficients into a sparse code.

    A subclass supplies ``_project`` and, if a threshold decides its support, ``selection``.

    Laws, for coefficients z:

    - zero goes to zero: P(0) = 0
    - the support is never enlarged: ``P(z) != 0`` only where ``z != 0``
    - it agrees with its selection: ``P(z) != 0`` exactly where ``|z| > β`` (or ``z > β``); what is
      kept is z itself or, with shrinkage, has the sign of z and a size from ``|z| − β`` to ``|z|``
    - ``with_threshold(β)``, where there is one, selects at β, and differs in nothing else
    - ``proximal(t)``, where there is one, is the proximal map of t·g for the penalty g: its value
      at z minimises ``½|u − z|² + t·g(u)`` over all codes u; ``proximal(1)`` is P itself
    - each element of a batch is projected as if alone, unless the projection `couples_batch`;
      several batch axes are one: P of a reshaped batch is the reshaped P; dtype and shape are kept
    - unless it `needs_dictionary`, it acts on every entry by itself
    - inputs are left as they were
    """

    @property
    def selection(self) -> Selection | None:
        """How the support is selected, or None if not by a threshold."""
        return None

    @property
    def needs_dictionary(self) -> bool:
        """Whether the projection has to know what a code is: its filters, samples or stripes."""
        return False

    @property
    def couples_batch(self) -> bool:
        """Whether what is kept of one element of a batch depends on the other elements."""
        return False

    def with_threshold(self, threshold: Threshold) -> "Projection":
        """Return the projection with another threshold, one number or one per filter.

        Raises
        ------
        NotCoveredError
            If it has none to change, or its class does not say how.
        """
        name = type(self).__name__
        why = "selects by no threshold" if self.selection is None else "does not say how"
        raise NotCoveredError(
            f"{name}: cannot take another threshold: it {why}; write {name}.with_threshold"
        )

    def proximal(self, step: float) -> "Projection":
        """Return the projection that takes the place of this one in a gradient step of this size.

        A projection P that is the proximal map of a `penalty` g is what a pursuit with steps of
        size t applies as the proximal map of t·g. How that depends on t is a matter of g: a soft
        threshold becomes tβ, a hard one √t·β, and top-k stays as it is.

        Parameters
        ----------
        step : float
            t > 0.

        Raises
        ------
        NotCoveredError
            If it is the proximal map of no penalty, or its class does not say of which.
        """
        return self._proximal(positive(step, f"{type(self).__name__}.proximal: step"))

    def penalty(self, code: "SparseOrDense", dictionary: Dictionary | None = None) -> Any:
        """Return g(x) for codes ``(*batch, *code_shape)``, the penalty that `proximal` speaks of.

        Parameters
        ----------
        code : array_like
        dictionary : Dictionary, optional
            As for a call: without one, all of ``code`` is one code.

        Returns
        -------
        float, or array of the shape of the batch
            Infinity where the constraint of a projection does not hold.

        Raises
        ------
        NotCoveredError
            As for `proximal`.
        """
        array, shape = self._checked(code, "code", dictionary)
        flat, batch = as_batch(array, shape, f"{type(self).__name__}: code", array.dtype)
        if not len(flat):
            return np.zeros(batch)
        name = f"{type(self).__name__}._penalty"
        return from_hook(self._penalty(flat, dictionary), (len(flat),), np.float64, name).reshape(
            batch
        )[()]

    def __call__(
        self,
        coefficients: "npt.ArrayLike",
        dictionary: Dictionary | None = None,
        *,
        sparse: bool = False,
    ) -> "Array | scipy.sparse.coo_array":
        """Return the code for ``coefficients`` of shape ``(*batch, *code_shape)``.

        Parameters
        ----------
        coefficients : array_like
        dictionary : Dictionary, optional
            Gives the shape of one code, and the stripes. Scalar thresholds do without.
        sparse : bool, default False
            Whether the code is returned as a sparse array of SciPy, of the same shape.

        Raises
        ------
        DcscError
            If the dictionary is needed and missing, or the shape does not fit it.
        """
        name = type(self).__name__
        array, shape = self._checked(coefficients, "coefficients", dictionary)
        flat, batch = as_batch(array, shape, f"{name}: coefficients", array.dtype)
        packs = flag(sparse, f"{name}: sparse")
        out = flat.copy()
        if len(flat):
            project = self._project(flat, dictionary)
            out = from_hook(project, flat.shape, array.dtype, f"{name}._project")
        code = out.reshape(batch + shape)
        return packed(code) if packs else code

    def _checked(
        self, value: Any, argument: str, dictionary: Dictionary | None
    ) -> tuple[Array, Shape]:
        """Return an argument as an array, and the shape of one code."""
        name = type(self).__name__
        array = code_array(value, f"{name}: {argument}")
        if dictionary is not None:
            instance(dictionary, Dictionary, f"{name}: dictionary")
        elif self.needs_dictionary:
            raise DcscError(
                f"{name}: expected a dictionary: call projection({argument}, dictionary)"
            )
        return array, array.shape if dictionary is None else tuple(dictionary.code_shape)

    def _check_filters(self, filters: int) -> None:
        """Refuse fields that are one per filter where there are more filters, or fewer.

        A class with such fields besides the threshold of its selection extends this.
        """
        selection = self.selection
        if selection is not None:
            check_per_filter(selection.threshold, filters, f"{type(self).__name__}: threshold")

    def _no_penalty(self, why: str) -> NoReturn:
        raise NotCoveredError(f"{type(self).__name__}: is the proximal map of no penalty: {why}")

    @abstractmethod
    def _project(self, coefficients: Array, dictionary: Dictionary | None) -> Array:
        """Return the code of coefficients with exactly one batch axis, in the same dtype.

        They come validated, read-only and C-contiguous; ``dictionary`` is None only if
        ``needs_dictionary`` is false.
        """

    def _proximal(self, step: float) -> "Projection":
        """Return the proximal map of ``step`` times the penalty, for a positive ``step``."""
        self._no_penalty(f"its class does not say so: write {type(self).__name__}._proximal")

    def _penalty(self, codes: Array, dictionary: Dictionary | None) -> Array:
        """Return the penalties of codes, float64 (batch,); codes come as to ``_project``."""
        self._no_penalty(f"its class does not say so: write {type(self).__name__}._penalty")
