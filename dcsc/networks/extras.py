"""Optional libraries, which only some formats need."""

import importlib
import sys
from typing import Any

import numpy as np

from dcsc._arrays import Array
from dcsc.errors import DcscError

__all__ = ["extra", "host", "labels_of"]

_WHOLE = 2**53  # from here on floats skip whole numbers


def extra(module: str, package: str) -> Any:
    """Return a module of an optional package.

    Raises
    ------
    DcscError
        If it is not installed; the message says what to install.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise DcscError(
            f"this format needs the package {package}: pip install 'dcsc[{package}]'"
        ) from None


def host(value: Any) -> Any:
    """Return a tensor of PyTorch, on any device and with or without gradient, as an array.

    Narrow floats become float32; anything else is returned as it is.
    """
    torch = sys.modules.get("torch")  # where it was not imported, there are no tensors
    if torch is None or not isinstance(value, torch.Tensor):
        return value
    if value.layout != torch.strided or value.is_meta or value.is_quantized:
        return value  # whoever takes arrays refuses it
    narrow = value.is_floating_point() and value.element_size() < 4
    return (value.float() if narrow else value).detach().cpu().numpy()


def labels_of(value: Any) -> Array:
    """Return labels as an array, of another dtype than objects and floats where that is the same.

    A table of pandas keeps words as objects, and whole numbers as floats where one was missing.

    Examples
    --------
    >>> labels_of([1.0, 3.0]), labels_of(np.array(["cat", "dog"], dtype=object))
    (array([1, 3]), array(['cat', 'dog'], dtype='<U3'))
    """
    try:
        labels = np.asarray(host(value))
    except (TypeError, ValueError, RuntimeError, MemoryError):
        return np.empty(0, dtype=object)  # no array, which is refused by whoever asks
    if labels.dtype == object and labels.size and all(isinstance(one, str) for one in labels.flat):
        return labels.astype(str)
    if labels.dtype.kind == "f" and np.all(np.abs(labels) < _WHOLE):
        whole = labels.astype(np.int64)
        return whole if np.array_equal(labels, whole) else labels
    return labels
