"""Tensors of PyTorch at the border: which become arrays, and what makes some of the others."""

import sys
from typing import Any

from dcsc.errors import DcscError

__all__ = ["host"]


def host(value: Any, where: str) -> Any:
    """Return a tensor of PyTorch, on any device and with or without gradient, as an array.

    Narrow floats become float32; lists are searched for tensors, and anything else is returned as
    it is.

    Raises
    ------
    DcscError
        If it is no dense array of numbers; the message says what makes one of it.
    """
    torch = sys.modules.get("torch")  # where it was not imported, there are no tensors
    if torch is None:
        return value
    if type(value) in (list, tuple):
        if any(isinstance(item, torch.Tensor) for item in value):
            return [host(item, where) for item in value]
        return value
    if not isinstance(value, torch.Tensor):
        return value
    for cannot, kind, way in (
        (value.is_meta, "of the device meta, which holds no numbers", "load its weights first"),
        (value.layout != torch.strided, f"of layout {value.layout}", "give its .to_dense()"),
        (value.is_quantized, f"of {value.dtype}", "give its .dequantize()"),
    ):
        if cannot:
            raise DcscError(
                f"{where}: expected an array of real numbers, got a tensor {kind}: {way}"
            )
    narrow = value.is_floating_point() and value.element_size() < 4
    return (value.float() if narrow else value).detach().cpu().numpy()
