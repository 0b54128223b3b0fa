"""Where `EffectiveDictionary` and `oracle_layers` were; they are in `dcsc.bounds`."""

from dcsc.bounds.records.oracle import oracle_layers
from dcsc.dictionaries import EffectiveDictionary

__all__ = ["EffectiveDictionary", "oracle_layers"]
