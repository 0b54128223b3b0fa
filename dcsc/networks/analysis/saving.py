"""Analyses that are written to files: a page for people, or numbers for programs."""

from abc import ABC, abstractmethod
from os import PathLike
from typing import Any

from dcsc._arguments import any_path, flag
from dcsc._files import as_json, check_files, write_files
from dcsc._version import __version__
from dcsc._words import quoted
from dcsc.errors import DcscError

__all__ = ["Saved"]

_PAGES = (".html", ".htm")


class Saved(ABC):
    """An analysis that makes a page and has numbers."""

    __slots__ = ()

    def save(self, path: "str | PathLike[str]", force: bool = False) -> None:
        """Write the page, to a name that ends in .html, or the numbers, to one in .json.

        These are the files that ``dcsc analyze`` writes. A page needs nothing but itself. A file is
        there whole or not at all, and replaces only what dcsc wrote.

        Parameters
        ----------
        path : str or path-like
            Folders on the way are made.
        force : bool, default False
            Whether to replace a file of another's.

        Raises
        ------
        DcscError
            If the name ends in something else, or the file cannot be written.
        """
        where = f"{type(self).__name__}.save"
        place, replaces = any_path(path, f"{where}: path"), flag(force, f"{where}: force")
        ending = place.suffix.lower()
        if ending not in (*_PAGES, ".json"):
            raise DcscError(
                f"{where}: path: expected a name that ends in .html or .json, got {quoted(path)}"
            )
        # What cannot be written is refused before the page is made.
        check_files([place], f"{where}: path", replaces)
        if ending in _PAGES:
            content = self._page().encode()
        else:
            content = as_json({"version": __version__, **self.numbers()})
        write_files(place.parent, {place.name: content}, f"{where}: path", replaces)

    @abstractmethod
    def numbers(self) -> dict[str, Any]:
        """Return all numbers in types that JSON has; None stands where a number is missing."""

    @abstractmethod
    def _page(self) -> str:
        """Return the page."""
