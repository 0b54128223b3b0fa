"""The three published bounds, and a layer that they cover: what tests of numbers begin with."""

import pytest

from dcsc.bounds import LayerStatistics, ProbabilisticBound, RobustBound, UniformBound

UNIFORM, PUBLISHED, ROBUST = UniformBound(), ProbabilisticBound(), RobustBound()
RANDOM = [PUBLISHED, ROBUST]
ALL = [UNIFORM, *RANDOM]

every_bound = pytest.mark.parametrize("bound", ALL, ids=lambda bound: type(bound).__name__)
random_signs = pytest.mark.parametrize("bound", RANDOM, ids=lambda bound: type(bound).__name__)


def layer(**changes):
    values = {"coherence": 0.02, "x_min": 1, "x_max": 1, "n_atoms": 1000, "noise": 0, "sparsity": 1}
    return LayerStatistics(**values | changes)


def close(value):
    return pytest.approx(value, rel=1e-12, abs=0)
