"""Geometry and Gram matrices under pytest-benchmark, to see a regression.

``pytest benchmarks/test_regressions_geometry.py`` measures, ``--benchmark-disable`` only runs.
"""

import numpy as np
import pytest

from dcsc import CirculantDictionary, StripeTopK, ToeplitzDictionary

RNG = np.random.default_rng(0)
LINE = CirculantDictionary(RNG.standard_normal((16, 8, 9)), 256)
IMAGE = CirculantDictionary(RNG.standard_normal((16, 16, 3, 3)), (24, 24))
PADDED = ToeplitzDictionary(RNG.standard_normal((16, 16, 3, 3)), (24, 24), 1, 1)
LAYERS = {"line": LINE, "image": IMAGE, "padded": PADDED}


@pytest.fixture(params=LAYERS)
def layer(request):
    return LAYERS[request.param]


def test_mutual_coherence(benchmark, layer):
    assert 0 < benchmark(layer.mutual_coherence) <= 1


@pytest.mark.parametrize("sparsity", [1, 10, 1000])
def test_babel(benchmark, layer, sparsity):
    assert benchmark(layer.babel, sparsity) > 0


def test_gram_rows(benchmark, layer):
    rows = benchmark(layer.gram_rows, np.arange(0, np.prod(layer.code_shape), 40))
    assert rows.nnz > 0


def test_stripe_sparsity(benchmark, layer):
    codes = RNG.standard_normal((8, *layer.code_shape)) * (RNG.random((8, *layer.code_shape)) < 0.1)
    assert (benchmark(layer.stripe_sparsity, codes) > 0).all()


def test_patch_norm(benchmark, layer):
    signals = RNG.standard_normal((8, *layer.signal_shape))
    assert (benchmark(layer.patch_norm, signals) > 0).all()


@pytest.mark.parametrize("sparsity", [1, 20, 100])
def test_stripe_top_k(benchmark, layer, sparsity):
    z = RNG.standard_normal((4, *layer.code_shape))
    kept = benchmark(StripeTopK(sparsity), z, layer)
    assert (layer.stripe_sparsity(kept) <= sparsity).all()
