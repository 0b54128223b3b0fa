"""Inputs of any number: in memory, in one file, or in a folder of files."""

from typing import TYPE_CHECKING

from dcsc._faces import named_later

if TYPE_CHECKING:
    from dcsc.networks.tallies.sets.arrays import ArraySet
    from dcsc.networks.tallies.sets.base import InputSet
    from dcsc.networks.tallies.sets.files import FileSet
    from dcsc.networks.tallies.sets.folder import FolderSet
    from dcsc.networks.tallies.sets.opening import open_inputs
else:
    __getattr__, __dir__ = named_later(__name__)

__all__ = ["ArraySet", "FileSet", "FolderSet", "InputSet", "open_inputs"]
