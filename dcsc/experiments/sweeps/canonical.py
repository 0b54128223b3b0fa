"""The canonical text of records, and the identities that are its hashes."""

import hashlib
import json
from typing import Any

import cattrs

__all__ = ["canonical", "identity"]

_json = cattrs.Converter()


def canonical(value: Any) -> str:
    """Return JSON without spaces, keys in order."""
    if value is None or isinstance(value, str | int | float):
        return json.dumps(value)
    return json.dumps(_json.unstructure(value), sort_keys=True, separators=(",", ":"))


def identity(text: str) -> str:
    """Return the hash of a canonical text."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]
