"""Strategies of one's own for dcsc, one of each family, in a package beside it."""

from dcsc_extend_example.bound import GaussianTailBound
from dcsc_extend_example.dictionary import SpikesAndWaves
from dcsc_extend_example.filters import hadamard
from dcsc_extend_example.operation import MedianPool
from dcsc_extend_example.projection import PowerShrinkage
from dcsc_extend_example.pursuit import Matching
from dcsc_extend_example.reader import JsonReader
from dcsc_extend_example.signs import TiledSigns
from dcsc_extend_example.tail import FourthMoment

__all__ = [
    "FourthMoment",
    "GaussianTailBound",
    "JsonReader",
    "Matching",
    "MedianPool",
    "PowerShrinkage",
    "SpikesAndWaves",
    "TiledSigns",
    "hadamard",
]
