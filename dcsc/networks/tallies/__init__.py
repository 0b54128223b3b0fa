"""Codes over data sets of any size: what is counted adds up, and no input is kept.

::

    file or folder ──open_inputs──▶ InputSet ──tally──▶ NetworkTally, one LayerTally a layer
                                       └─ part by part, by several processes, into a folder

`dcsc.networks.analysis` looks at a few inputs closely; a tally says of very many what can be said
by counting: how many units are on, how densely, which never are, which are safe from errors, what
becomes of them with random signs, and of how many codes theorems hold.
"""

from typing import TYPE_CHECKING

from dcsc._faces import named_later

if TYPE_CHECKING:
    from dcsc.networks.tallies.classes import ClassOverlap, class_overlap
    from dcsc.networks.tallies.counts import Counts
    from dcsc.networks.tallies.layers import LayerTally, SignTally, TheoremTally
    from dcsc.networks.tallies.network import NetworkTally
    from dcsc.networks.tallies.run import tally
    from dcsc.networks.tallies.sets import ArraySet, FileSet, FolderSet, InputSet, open_inputs
    from dcsc.networks.tallies.settings import Settings
    from dcsc.networks.tallies.store import load_tally
else:
    __getattr__, __dir__ = named_later(__name__)

__all__ = [
    "ArraySet",
    "ClassOverlap",
    "Counts",
    "FileSet",
    "FolderSet",
    "InputSet",
    "LayerTally",
    "NetworkTally",
    "Settings",
    "SignTally",
    "TheoremTally",
    "class_overlap",
    "load_tally",
    "open_inputs",
    "tally",
]
