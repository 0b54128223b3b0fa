"""Where the kinds of layers were; they are in `dcsc.networks.weights`."""

from dcsc.networks.weights.kinds import KINDS, Table, kind_of

__all__ = ["KINDS", "Table", "kind_of"]
