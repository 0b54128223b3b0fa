"""Labels of inputs, as arrays."""

from typing import Any

import numpy as np

from dcsc._arrays import Array, unwrapped

__all__ = ["labels_of"]

_WHOLE = 2**53  # from here on floats skip whole numbers


def labels_of(value: Any, where: str) -> Array:
    """Return labels as an array, of another dtype than objects and floats where that is the same.

    A table of pandas keeps words as objects, and whole numbers as floats where one was missing.

    Examples
    --------
    >>> labels_of([1.0, 3.0], "labels"), labels_of(np.array(["cat", "dog"], dtype=object), "labels")
    (array([1, 3]), array(['cat', 'dog'], dtype='<U3'))
    """
    plain = unwrapped(value, where)
    try:
        labels = np.asarray(plain)
    except (TypeError, ValueError, RuntimeError, MemoryError):
        return np.empty(0, dtype=object)  # no array, which is refused by whoever asks
    if labels.dtype == object and labels.size and all(isinstance(one, str) for one in labels.flat):
        return labels.astype(str)
    if labels.dtype.kind == "f" and np.all(np.abs(labels) < _WHOLE):
        whole = labels.astype(np.int64)
        return whole if np.array_equal(labels, whole) else labels
    return labels
