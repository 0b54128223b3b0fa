"""What a pursuit is."""

from abc import ABC, abstractmethod
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import scipy

from dcsc._arguments import flag
from dcsc._arrays import (
    Array,
    as_batch,
    brief,
    from_hook,
    instance,
    numeric_array,
    real_array,
    result_dtype,
)
from dcsc._display import Display, Displayed, between, digits, percent, times
from dcsc._entries import is_sparse, packed
from dcsc._fields import array_field, named_field
from dcsc.dictionaries import Dictionary, SignedDictionary
from dcsc.errors import ContractError, DcscError
from dcsc.projections import Projection

__all__ = ["Pursued", "Pursuit"]


def _array(value: Any, record: Any, where: str) -> Array:
    return numeric_array(value, where)


def _code(value: Any, record: Any, where: str) -> "Array | scipy.sparse.coo_array":
    return packed(value) if is_sparse(value) else numeric_array(value, where)


@attrs.frozen(eq=False, repr=False)
class Pursued(Displayed):
    r"""The codes that a pursuit found, and how.

    Parameters
    ----------
    code : array of shape (*batch, *code_shape)
        Or a ``coo_array``, where a sparse one was asked for.
    iterations : int array of shape (*batch,)
        Steps that were taken for each element of the batch; what a step is, the pursuit says.
    gap : array of shape (*batch,), optional
        What is left for certain: no code has an objective below :math:`(1 - \text{gap})` times that
        of ``code``. None if the pursuit certifies nothing.
    """

    code: "Array | scipy.sparse.coo_array" = named_field(_code, repr=brief)
    iterations: Array = array_field(_array)
    gap: Array | None = array_field(_array, optional=True)

    def _display(self) -> Display:
        batch = self.iterations.shape
        columns = max(self.iterations.size, 1)
        count = np.count_nonzero(self.code)
        rows = [
            ("code", times(self.code.shape[len(batch) :])),
            ("batch", times(batch) if batch else "one signal"),
            ("non-zeros", f"{digits(count / columns)}, {percent(count / max(self.code.size, 1))}"),
            ("steps", between(self.iterations)),
            ("gap", "not certified" if self.gap is None else between(self.gap)),
        ]
        return Display("Codes that a pursuit found", ("", "is"), rows)


class Pursuit(ABC):
    """A way to find the sparse code behind a signal, in one layer.

    The model is what generated the signal, a pursuit is what one tries on it. A subclass supplies
    the hook ``_pursue``, and says by `needs_projection` whether the layer's projection has a part
    in it.

    Laws, for an operator A, the dictionary of a layer with its signs, and signals y:

    - zero goes to zero: the code of y = 0 is 0, and an operator of zeros has codes of zeros
    - each element of a batch is pursued as if alone, unless the projection `couples_batch`;
      several batch axes are one
    - shape and dtype: codes have the operator's code shape, and the joint dtype of A and y
    - signs: with signs D and a projection that is odd, the code of A D is D times that of A
    - shifts: where A lies on a circle, a shifted signal has the shifted code, if no two atoms tie
    - a gap, where there is one, lies between 0 and 1
    - inputs are left as they were
    """

    @property
    def needs_projection(self) -> bool:
        """Whether the layer's projection has a part in the pursuit."""
        return False

    def __call__(
        self,
        signals: "npt.ArrayLike",
        operator: Dictionary,
        projection: Projection | None = None,
        dictionary: Dictionary | None = None,
        *,
        sparse: bool = False,
    ) -> Pursued:
        """Return the codes of signals ``(*batch, *signal_shape)``.

        Parameters
        ----------
        signals : array_like
        operator : Dictionary
            A: a layer's ``operator``, or any dictionary.
        projection : Projection, optional
            The layer's nonlinearity, for pursuits that have no selection of their own.
        dictionary : Dictionary, optional
            What the projection is told of codes: their filters and stripes; ``operator`` by
            default. A layer gives its dictionary without the signs.
        sparse : bool, default False
            Whether the codes are a sparse array of SciPy.

        Raises
        ------
        DcscError
            If the shape does not fit, or the pursuit needs a projection and gets none.
        """
        name = type(self).__name__
        array = real_array(signals, f"{name}: signals")
        instance(operator, Dictionary, f"{name}: operator")
        if projection is not None:
            instance(projection, Projection, f"{name}: projection")
        elif self.needs_projection:
            raise DcscError(
                f"{name}: projection: expected one: call pursuit(signals, operator, projection)"
            )
        told = operator if dictionary is None else dictionary
        instance(told, Dictionary, f"{name}: dictionary")
        if tuple(told.code_shape) != tuple(operator.code_shape):
            raise DcscError(
                f"{name}: dictionary: expected codes of shape {tuple(operator.code_shape)}, "
                f"got {tuple(told.code_shape)}"
            )
        packs = flag(sparse, f"{name}: sparse")
        pursued = self._run(array, operator, projection, told)
        return attrs.evolve(pursued, code=packed(pursued.code)) if packs else pursued

    def _run(
        self,
        signals: Array,
        operator: Dictionary,
        projection: Projection | None,
        dictionary: Dictionary,
    ) -> Pursued:
        """Call the hook on signals that are known to be right, and check what comes back."""
        name = type(self).__name__
        shape, dtype = tuple(operator.code_shape), result_dtype(operator._dtype(), signals)
        signal_shape = tuple(operator.signal_shape)
        flat, batch = as_batch(signals, signal_shape, f"{name}: signals", dtype)
        if not len(flat):
            return Pursued(np.zeros(batch + shape, dtype), np.zeros(batch, dtype=np.int64))
        pursued = self._pursue(flat, operator, projection, dictionary)
        if not isinstance(pursued, Pursued):
            raise ContractError(
                f"{name}._pursue returned {type(pursued).__name__}, expected a Pursued"
            )
        code = from_hook(pursued.code, (len(flat), *shape), dtype, f"{name}._pursue")
        count = (len(flat),)
        iterations = from_hook(pursued.iterations, count, np.int64, f"{name}._pursue: iterations")
        gap = pursued.gap
        if gap is not None:
            gap = from_hook(gap, count, gap.dtype, f"{name}._pursue: gap").reshape(batch)
        return Pursued(code.reshape(batch + shape), iterations.reshape(batch), gap)

    def _without_signs(self, signals: Array, operator: SignedDictionary) -> Pursued:
        """Return what a pursuit that leaves the projection out finds: x of A goes to D x of A D."""
        pursued = self._pursue(signals, operator.dictionary, None, operator.dictionary)
        return attrs.evolve(pursued, code=pursued.code * operator.signs.astype(signals.dtype))

    @abstractmethod
    def _pursue(
        self,
        signals: Array,
        operator: Dictionary,
        projection: Projection | None,
        dictionary: Dictionary,
    ) -> Pursued:
        """Return codes ``(batch, *code_shape)``, iterations and gap for ``(batch, *signal_shape)``.

        Signals come validated, read-only and C-contiguous, in the dtype that codes are to have,
        with exactly one batch axis and at least one element in it. ``projection`` is None only if
        ``needs_projection`` is false; ``dictionary`` is what to tell it.
        """
