"""Exact values of the theorems, computed with 50 digits or as fractions by other means.

Inputs are integers and fractions; values are strings of all the digits that are known, or
fractions. Dictionaries are circulant, with at least 2 f - 1 positions for filters of f taps.
"""

import math
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from dcsc.dictionaries import CirculantDictionary, Dictionary, ToeplitzDictionary


class Row(NamedTuple):
    inputs: dict[str, Any]
    value: str | Fraction
    # the largest integer S that the row allows: an int, math.inf, or None for not even 0
    most: float | None = None


def constants(mu, x_min=1, x_max=1, zeta=0, **others):
    return {"coherence": mu, "x_min": x_min, "x_max": x_max, "noise": zeta, **others}


# The right side of the uniform guarantee, and the largest integer strictly below it.
UNIFORM = {
    "U1": Row(constants(Fraction(1, 2)), "1.500000000000000", 1),
    "U2": Row(constants(Fraction(1, 13)), "7.000000000000000", 6),
    "U3": Row(
        constants(Fraction(1, 13), Fraction(1, 2), 1, Fraction(1, 10)), "2.450000000000000", 2
    ),
    "U4": Row(constants(Fraction(1, 4), 1, 2, Fraction(1, 8)), "1.250000000000000", 1),
    "U5": Row(constants(Fraction(1, 2), zeta=Fraction(1, 2)), "0.500000000000000", 0),
    "U6": Row(constants(Fraction(1, 2), zeta=Fraction(3, 4)), "0", 0),
    "U7": Row(constants(0, zeta=Fraction(1, 5)), "inf", math.inf),
    "U8": Row(constants(0, zeta=Fraction(1, 2)), "0", 0),
    "U9": Row(constants(1 / 4 + 3 * math.sqrt(2) / 8), "1.140754482034081", 1),  # four-tap DCT
    "U10": Row(constants(1), "1.000000000000000", 0),
}

# The published bound for random signs, not clipped; positions and filters make the atoms.
PUBLISHED = {
    "P1": Row(constants(Fraction(1, 13), n_atoms=64, sparsity=4), "0.651016861569626"),
    "P2": Row(constants(Fraction(1, 13), n_atoms=64, sparsity=1), "8.565230196854761e-8"),
    "P3": Row(constants(Fraction(1, 50), n_atoms=1000, sparsity=10), "5.362007735563606e-11"),
    "P4": Row(
        constants(Fraction(1, 50), zeta=Fraction(1, 10), n_atoms=1000, sparsity=10),
        "0.265094485091350",
    ),
    "P5": Row(
        constants(
            Fraction(1, 50),
            Fraction(1, 2),
            1,
            Fraction(1, 20),
            n_atoms=1000,
            n_samples=5,
            sparsity=3,
        ),
        "2.147693393560662",
    ),
    "P6": Row(constants(0, zeta=Fraction(1, 10), n_atoms=1000, sparsity=7), "0.007453306344157"),
    "P7": Row(constants(0, n_atoms=1000, sparsity=7), "0"),
    "P8": Row(
        constants(Fraction(1, 50), zeta=Fraction(1, 10), n_atoms=1000, sparsity=0),
        "0.007453306344157",
    ),
    "P9": Row(constants(0, zeta=Fraction(1, 2), n_atoms=1000, sparsity=7), "1213.061319425266847"),
    "P10": Row(constants(Fraction(1, 2), n_atoms=8, sparsity=2), "12.460812529142478"),
    "P11": Row(
        constants(Fraction(1, 100), 1, 2, Fraction(1, 20), n_atoms=512, sparsity=5),
        "8.842281731458440e-10",
    ),
}

# The same for two layers: one input per layer.
PUBLISHED_TWO_LAYERS = {
    "P12": (
        constants(Fraction(1, 20), n_atoms=30, n_samples=2, sparsity=2),
        constants(
            Fraction(1, 50), 1, Fraction(3, 2), Fraction(1, 10), n_atoms=40, n_samples=2, sparsity=3
        ),
        "0.008502919755618",
    ),
}

# The robust bound, not clipped.
ROBUST = {
    "R1": Row(PUBLISHED["P4"].inputs, "4.122307244877116e-6"),
    "R2": Row(PUBLISHED["P6"].inputs, "0"),
    "R3": Row(
        constants(Fraction(1, 50), zeta=Fraction(1, 2), n_atoms=1000, sparsity=10),
        "2000.000000000000000",
    ),
}
# R4: root e times the published bound of R1's input, an upper bound of the robust one.
ROBUST_CEILING = Row(PUBLISHED["P4"].inputs, "0.437066916315407")

# S at which the published bound is delta, and the largest integer it allows.
DENSITY = {
    "D1": Row(
        constants(Fraction(1, 50), n_atoms=1000, delta=Fraction(1, 100)), "25.602010497163192", 25
    ),
    "D2": Row(
        constants(Fraction(1, 50), zeta=Fraction(1, 20), n_atoms=1000, delta=Fraction(1, 100)),
        "19.352010497163192",
        19,
    ),
    "D3": Row(
        constants(Fraction(1, 50), zeta=Fraction(1, 10), n_atoms=1000, delta=Fraction(1, 100)),
        "0.602010497163192",
        0,
    ),
    "D4": Row(constants(Fraction(1, 50), n_atoms=1000, delta=1), "41.113539038734963", 41),
    "D5": Row(
        constants(Fraction(1, 13), n_atoms=512, delta=Fraction(1, 100)), "1.831122090414545", 1
    ),
    "D6": Row(constants(0, n_atoms=1000, delta=Fraction(1, 100)), "inf", math.inf),
    "D7": Row(
        constants(
            Fraction(1, 200),
            Fraction(1, 2),
            1,
            Fraction(1, 100),
            n_atoms=1000,
            delta=Fraction(1, 100),
        ),
        "98.408041988652768",
        98,
    ),
    "D10": Row(
        constants(Fraction(1, 50), zeta=Fraction(1, 5), n_atoms=1000, delta=Fraction(1, 100)),
        "-74.397989502836808",
    ),
}
# D8: the limit of the above for delta to 0.
DENSITY_AT_ZERO = Row(
    constants(Fraction(1, 50), zeta=Fraction(1, 20), n_atoms=1000, delta=0), "-6.25"
)

# The coherence below which the published bound allows more than the uniform one, and the S there.
CROSSING = {
    "X1": (
        {"x_min": 1, "x_max": 1, "n_atoms": 512, "delta": Fraction(1, 100)},
        "0.021219803835418",
        "24.062894543136949",
    ),
    "X2": (
        {"x_min": Fraction(1, 2), "x_max": 1, "n_atoms": 1000, "delta": Fraction(1, 100)},
        "0.010039231846721",
        "25.402303663965926",
    ),
}

# Filters by family and its arguments, mu, and the largest sums of S squared entries of the Gram.
COHERENCE = {
    "B1": (
        "dct",
        (1, 1, 2),
        Fraction(1, 2),
        {1: Fraction(1, 4), 2: Fraction(1, 2), 3: Fraction(1, 2)},
    ),
    "B2": ("haar", (2, 1, 2), Fraction(1, 2), {1: Fraction(1, 4), 2: Fraction(1, 2), 4: 1, 9: 1}),
    "B3": (
        "barker",
        (1, 1, 13),
        Fraction(1, 13),
        {1: Fraction(1, 169), 4: Fraction(4, 169), 12: Fraction(12, 169), 24: Fraction(12, 169)},
    ),
    "B4": (
        "dct",
        (1, 1, 3),
        Fraction(2, 3),
        {1: Fraction(4, 9), 2: Fraction(8, 9), 3: 1, 4: Fraction(10, 9)},
    ),
    "B5, n=4": ("dct", (4, 1, 4), "0.780330085889911", {1000: 3}),
    "B5, n=8": ("dct", (8, 1, 8), "0.933394590947376", {1000: 7}),
}

# The least coherence of a geometry (n, c, kernel), and what the published bound needs at S = 1.
WELCH = {
    "W1": ((8, 1, (9,)), 512, "0.227710017021324", "0.134289567767240"),
    "W2": ((64, 3, (3, 3)), 32 * 32 * 64, "0.112766488856237", "0.102995396844919"),
}

# The probability, over all sign patterns, that a hard threshold gets the support wrong; codes are
# 1 on the support, a list of (position, filter).
JOINT = {
    "I1": ("dct", (1, 1, 2), 8, [(0, 0), (2, 0)], 0.6, Fraction(1, 2)),
    "I2": ("dct", (1, 1, 2), 8, [(0, 0), (2, 0), (4, 0)], 0.6, Fraction(3, 4)),
    "I3": ("dct", (1, 1, 2), 8, [(0, 0), (1, 0)], 0.6, Fraction(1, 2)),
    "I4": ("dct", (1, 1, 2), 8, [(0, 0), (1, 0)], 0.45, Fraction(1)),
    "I5": ("barker", (1, 1, 13), 64, [(p, 0) for p in range(0, 25, 2)], 0.5, Fraction(565, 4096)),
    "I6": ("haar", (2, 1, 2), 6, [(0, 0), (1, 1), (2, 0)], 0.7, Fraction(3, 4)),
}

# The recursion for the error of a recovered layer: hard thresholds, two non-zeros in a patch.
RECURSION = Row(
    constants(Fraction(1, 50), zeta=Fraction(1, 100), sparsity=10, patch_sparsity=2),
    "0.268700576850888",
)


def numbers(text: str) -> tuple[float, ...]:
    return tuple(float(word) for word in text.split())


class UnitsRow(NamedTuple):
    """A layer with a hard threshold, and the probability that each of its units comes out wrong.

    Filters are of one channel, scaled to unit norm where ``unit``; the support counts atoms in the
    order of filters, then positions. ``any_error`` is the norm that an error of any kind may have
    in a patch, and what the expected number of wrong units is then at least and at most.
    """

    name: str
    filters: tuple[tuple[float, ...], ...]
    unit: bool
    circulant: bool
    extent: int
    support: tuple[int, ...]
    values: tuple[float, ...]
    threshold: float | tuple[float, ...]
    probabilities: tuple[float, ...]
    missed: float
    false_alarms: float
    any_error: tuple[float, tuple[float, float]] | None = None
    noise: tuple[float, ...] | None = None

    def dictionary(self) -> Dictionary:
        taps = np.array(self.filters, dtype=float)[:, None]
        taps /= np.linalg.norm(taps, axis=2, keepdims=True) if self.unit else 1.0
        kind = CirculantDictionary if self.circulant else ToeplitzDictionary
        return kind(taps, self.extent)


UNITS = [
    UnitsRow(
        "pair",
        ((1, 1),),
        True,
        True,
        8,
        (0, 2, 4),
        (1, 1, 1),
        0.6,
        numbers("0 0.5 0 0.5 0 0 0 0"),
        0.0,
        1.0,
        (0.06, (1.0, 1.0)),
    ),
    UnitsRow(
        "three",
        ((3, -1, 2), (1, 4, -2)),
        True,
        True,
        9,
        (0, 4, 7, 10, 12, 16),
        (1, 0.9, 1.3, 1.1, 0.8, 1.2),
        0.47,
        numbers("0.25 0.5 0.75 0.5 0.5 0.5 0.5 0 0.75 0.25 0 0.375 0.5 0 0.5 1 0 0.625"),
        1.25,
        6.25,
        (0.06, (6.75, 9.25)),
    ),
    UnitsRow(
        "three with an error that is known",
        ((3, -1, 2), (1, 4, -2)),
        True,
        True,
        9,
        (0, 4, 7, 10, 12, 16),
        (1, 0.9, 1.3, 1.1, 0.8, 1.2),
        0.47,
        numbers(
            "0.1875 0.5 0.75 0.375 0.5 0.5625 0.625 0 0.75 0.3125 0 0.3125 0.5 0 0.5 1 0.125 0.6875"
        ),
        1.3125,
        6.375,
        noise=numbers("0.1 -0.05 0.07 0.02 -0.08 0.03 0.06 -0.04 0.05"),
    ),
    UnitsRow(
        "norms",
        ((1.5, -0.5, 1), (0.4, 1.6, -0.8)),
        False,
        False,
        10,
        (0, 4, 7, 9, 13),
        (1, 0.9, 1.3, 1.1, 0.8),
        (0.53, 0.71),
        numbers("0 0.5 0.75 0.5 0 0.75 1 0 0.5 0 0.75 1 0.5 0.25 1 1"),
        0.25,
        8.25,
        (0.06, (8.25, 8.75)),
    ),
]


class PartialRow(NamedTuple):
    """What the signs of a row of `UNITS` make of it, by enumeration.

    ``law_of_errors`` has the probability of e wrong units at place e; both lower ends are those of
    the formulas from expected numbers; the energy cap is that of the whole Gram matrix without its
    diagonal.
    """

    mean_precision: float
    mean_jaccard: float
    precision_lower: float
    jaccard_lower: float
    law_of_errors: tuple[float, ...]
    energy_cap: int
    largest_number_wrong: int


PARTIAL = {
    "pair": PartialRow(
        0.775,
        0.775,
        0.75,
        0.75,
        numbers("0.25 0.5 0.25 0 0 0 0 0 0"),
        8,
        2,
    ),
    "three": PartialRow(
        0.4374209124209124,
        0.3950954427516927,
        0.34185606060606055,
        0.3069727891156462,
        numbers("0 0 0.03125 0 0.03125 0.0625 0.1875 0.125 0.21875 0.1875 0.15625 0 0 0 0 0 0 0 0"),
        18,
        10,
    ),
    "norms": PartialRow(
        0.3736805728993229,
        0.36673612845487846,
        0.3471153846153846,
        0.34056603773584904,
        numbers("0 0 0 0 0 0.125 0.125 0 0.125 0.25 0.25 0.125 0 0 0 0 0"),
        16,
        11,
    ),
}


class TailRow(NamedTuple):
    """P(Σ w_j ε_j + ν ≥ t) for the weights `TAIL_WEIGHTS`, or what it is at least and at most.

    With a noise, ``size`` is its bound or its deviation; with ``degree``, these are the ends that
    polynomials of that degree have for the half of a circle from t on, where no sum comes around.
    """

    level: float
    value: float | tuple[float, float]
    noise: str = "none"
    size: float = 0.0
    degree: int | None = None


TAIL_WEIGHTS = (1 / 2, 1 / 3, 1 / 4, 1 / 5, 1 / 7)
TAILS = {
    "exact": TailRow(0.8, 0.125),
    "martingale": TailRow(0.8, (0.08518605121464141, 0.21535085265336637), "martingale", 0.3),
    "gauss": TailRow(0.8, 0.14891752203726644, "gauss", 0.2),
    "selberg": TailRow(0.8, (0.12158541420557788, 0.16343773295025332), degree=64),
}
