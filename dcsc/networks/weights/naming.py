"""What names of tensors are made of."""

from collections.abc import Callable

from dcsc._arrays import Array
from dcsc.errors import DcscError

__all__ = ["last_part", "under"]


def last_part(name: str) -> str:
    """Return the last part of a name with dots."""
    return name.rpartition(".")[2]


def under(values: dict[str, Array], new: Callable[[str], str]) -> dict[str, Array]:
    """Return tensors under new names, of which each has to be that of one."""
    result: dict[str, Array] = {}
    for name, value in values.items():
        if new(name) in result:
            raise DcscError(f"{name}: expected one tensor for {new(name)}, got two")
        result[new(name)] = value
    return result
