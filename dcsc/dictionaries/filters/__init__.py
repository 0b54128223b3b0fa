"""Filter families: plain functions that return unit-norm filters for a dictionary.

Every family takes the number of filters ``n``, the number of channels ``c`` and the ``kernel``, an
int (one axis) or a tuple (one int per axis), and returns a new float64 array ``(n, c, *kernel)`` of
filters of unit Euclidean norm. Random families draw from ``rng`` alone, the others take none.
`wavelets` takes a name in place of these three, which it decides.

A new family is a function in the module it fits, named here.
"""

from dcsc.dictionaries.filters.bases import dct, haar
from dcsc.dictionaries.filters.classical import barker, gabor
from dcsc.dictionaries.filters.designed import equicorrelated
from dcsc.dictionaries.filters.incoherent import low_coherence
from dcsc.dictionaries.filters.paraunitary import orthogonal
from dcsc.dictionaries.filters.random import gaussian, rademacher, sparse_rademacher
from dcsc.dictionaries.filters.wavelets import wavelets

__all__ = [
    "barker",
    "dct",
    "equicorrelated",
    "gabor",
    "gaussian",
    "haar",
    "low_coherence",
    "orthogonal",
    "rademacher",
    "sparse_rademacher",
    "wavelets",
]
