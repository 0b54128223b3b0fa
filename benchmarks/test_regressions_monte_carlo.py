"""Monte Carlo in numbers that a regression would show: ``pytest benchmarks`` with pytest-benchmark.

Without that plugin the tests are skipped.
"""

import numpy as np
import pytest

from benchmarks.monte_carlo import task
from dcsc import CirculantDictionary, DCSCModel, HardThreshold, Layer, codes
from dcsc.dictionaries import filters
from dcsc.experiments import simulate

pytest.importorskip("pytest_benchmark", reason="pytest-benchmark is not installed")


@pytest.fixture(scope="module")
def one_layer():
    dictionary, x = task(16, 32, 9, 256, 25)
    return DCSCModel([Layer(dictionary, HardThreshold(0.6701))]), x


def test_one_layer_set_up(benchmark, one_layer):
    benchmark(simulate, *one_layer, 1)


def test_one_layer_draws(benchmark, one_layer):
    tally = benchmark(simulate, *one_layer, 100_000)
    assert tally.trials == 100_000


def test_two_layers(benchmark):
    lower = CirculantDictionary(filters.rademacher(16, 32, 5, rng=0), 64)
    upper = CirculantDictionary(filters.sparse_rademacher(16, 16, 5, 3, rng=1), 64)
    model = DCSCModel([Layer(lower, HardThreshold(0.3)), Layer(upper, HardThreshold(0.5))])
    x = codes.draw(upper, 2, rng=2)
    tally = benchmark(simulate, model, x, 256)
    assert np.all(tally.failures <= 256)
