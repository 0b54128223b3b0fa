"""What a configuration beside weights says, asked for key by key."""

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from dcsc._arguments import choice, flag, mapping
from dcsc._arrays import integer, positive
from dcsc.errors import DcscError

__all__ = ["Configuration"]


@attrs.frozen
class Configuration:
    """The values of a configuration, each checked when it is asked for.

    Parameters
    ----------
    name : str
        What errors call it: the file's name.
    values : mapping
    """

    name: str
    values: Mapping[str, Any] = attrs.field(repr=lambda values: f"<{len(values)}>")

    def __contains__(self, key: str) -> bool:
        return self.values.get(key) is not None

    def flag(self, key: str, default: bool) -> bool:
        """Return True or False."""
        return flag(self._value(key, default), self._where(key))

    def choice(self, key: str, options: Iterable[str], default: str | None = None) -> str:
        """Return one of some words."""
        return choice(self._value(key, default), options, self._where(key))

    def integer(self, key: str, default: int | None = None) -> int:
        """Return a number of 1 or more."""
        return integer(self._value(key, default), self._where(key), minimum=1)

    def positive(self, key: str) -> float:
        """Return a positive number."""
        return positive(self._value(key, None), self._where(key))

    def part(self, key: str) -> "Configuration":
        """Return a mapping inside."""
        where = self._where(key)
        return Configuration(where, mapping(self._value(key, None), where))

    def _where(self, key: str) -> str:
        return f"{self.name}: {key}"

    def _value(self, key: str, default: Any) -> Any:
        value = self.values.get(key)
        value = default if value is None else value
        if value is None:
            raise DcscError(f"{self._where(key)}: expected a value, got none")
        return value
