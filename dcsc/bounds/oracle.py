"""Where `EffectiveDictionary` and `oracle_layers` were; they are in `dcsc.bounds`."""

from dcsc.bounds.records.oracle import EffectiveDictionary, oracle_layers

__all__ = ["EffectiveDictionary", "oracle_layers"]
