"""Certificates as JSON: arrays and hypotheses as they stand there, and reading with types."""

import hashlib
import math
import typing
from typing import Any, Self

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc._words import quoted
from dcsc.bounds.certificates.inputs import Described, check_described, check_keys
from dcsc.errors import DcscError

__all__ = ["CertifiedArray", "CertifiedHypothesis", "parsed", "plain"]


@attrs.frozen
class CertifiedArray:
    """An array of the evidence.

    Parameters
    ----------
    name : str
        Its name in the evidence.
    dtype : str
        ``"<f8"``, ``"<f4"`` or ``"|b1"``.
    shape : tuple of int
    sha256 : str
        SHA-256 of its entries, little-endian and in C order, in hexadecimal.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    sha256: str

    @classmethod
    def of(cls, name: str, array: Array) -> Self:
        """Return the name, dtype, shape and hash of an array."""
        little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        digest = hashlib.sha256(little.tobytes()).hexdigest()
        return cls(name, little.dtype.str, array.shape, digest)


@attrs.frozen
class CertifiedHypothesis:
    """One condition of the theorem.

    Parameters
    ----------
    statement : str
    status : str
        ``"found true"``, ``"found false"``, or ``"assumed"`` where it could not be checked;
        ``"declared true"`` where the record says so, which is not computed again.
    """

    statement: str
    status: str


def plain(value: Any) -> Any:
    """Return a document's value in JSON; infinite numbers are the words inf and -inf."""
    if attrs.has(type(value)):
        fields = (field.name for field in attrs.fields(type(value)) if field.name != "inputs")
        return {name: plain(getattr(value, name)) for name in fields}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return str(value) if math.isinf(value) else float(value)
    return value


def parsed(kind: Any, value: Any, where: str) -> Any:
    """Return a value in JSON as what its annotation says.

    Raises
    ------
    DcscError
        If it is something else; if a key is unknown or missing.
    """
    if attrs.has(kind):
        if not isinstance(value, dict):
            raise DcscError(f"{where}: expected an object, got {quoted(value)}")
        fields = {field.name: field.type for field in attrs.fields(kind) if field.name != "inputs"}
        check_keys(value, list(fields), where)
        return kind(
            **{name: parsed(fields[name], value[name], f"{where}: {name}") for name in fields}
        )
    if kind is Described:
        if not isinstance(value, dict):
            raise DcscError(f"{where}: expected an object, got {quoted(value)}")
        check_described(value, where)
        return value
    if typing.get_origin(kind) is tuple:
        first, second = typing.get_args(kind)
        if not isinstance(value, list) or (second is not ... and len(value) != 2):
            raise DcscError(f"{where}: expected a list, got {quoted(value)}")
        return tuple(parsed(first, item, f"{where}[{at}]") for at, item in enumerate(value))
    if kind is float and value in ("inf", "-inf"):
        return float(value)
    if type(value) is not kind:
        raise DcscError(f"{where}: expected {kind.__name__}, got {quoted(value)}")
    return value
