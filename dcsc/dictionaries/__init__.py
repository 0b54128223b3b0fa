"""Dictionaries: the linear maps from codes to signals.

A new dictionary is a subclass of `Dictionary` with two shapes and two hooks; a new family of
filters is a function in `dcsc.dictionaries.filters`.
"""

from typing import TYPE_CHECKING

from dcsc._faces import named_later

if TYPE_CHECKING:
    from dcsc.dictionaries import filters
    from dcsc.dictionaries.base import Dictionary
    from dcsc.dictionaries.circulant import CirculantDictionary
    from dcsc.dictionaries.dense import DenseDictionary
    from dcsc.dictionaries.diagonal import NormalizedDictionary, SignedDictionary
    from dcsc.dictionaries.effective import EffectiveDictionary
    from dcsc.dictionaries.pairs import AtomPair
    from dcsc.dictionaries.toeplitz import ToeplitzDictionary
    from dcsc.dictionaries.window_axis import ChromaticNumber, WindowAxis
    from dcsc.dictionaries.windows import Windows
else:
    __getattr__, __dir__ = named_later(__name__)

__all__ = [
    "AtomPair",
    "ChromaticNumber",
    "CirculantDictionary",
    "DenseDictionary",
    "Dictionary",
    "EffectiveDictionary",
    "NormalizedDictionary",
    "SignedDictionary",
    "ToeplitzDictionary",
    "WindowAxis",
    "Windows",
    "filters",
]
