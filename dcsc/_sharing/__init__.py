"""Sharing out work that takes long: processes here or a cluster's, in pieces of a few seconds."""

from typing import TYPE_CHECKING

from dcsc._faces import named_later

if TYPE_CHECKING:
    from dcsc._sharing.held import held_folder
    from dcsc._sharing.pace import Pace
    from dcsc._sharing.workers import open_workers, process_count, results
else:
    __getattr__, __dir__ = named_later(__name__)

__all__ = ["Pace", "held_folder", "open_workers", "process_count", "results"]
