"""Optional libraries, which only some formats need."""

import importlib
import sys
from typing import Any

from dcsc.errors import DcscError

__all__ = ["extra", "host"]


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
