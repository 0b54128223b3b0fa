"""How long the maps and the forward pass take, for pytest-benchmark to compare between versions.

``pytest benchmarks --benchmark-autosave``, later ``pytest benchmarks --benchmark-compare``.
"""

import forward
import numpy as np
import pytest

from dcsc import CirculantDictionary

SHAPES = {
    "line": (16, 32, 64, (512,), (9,)),
    "image": (16, 3, 64, (32, 32), (3, 3)),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("density", [0.01, 1.0], ids=["sparse", "dense"])
@pytest.mark.parametrize("name", ["analyze", "synthesize"])
@pytest.mark.parametrize("shape", SHAPES)
def test_maps(benchmark, shape, name, density, dtype):
    batch, c, n, extent, kernel = SHAPES[shape]
    rng = np.random.default_rng(0)
    bank = rng.standard_normal((n, c, *kernel)).astype(dtype)
    dictionary = CirculantDictionary(bank, extent)
    given = dictionary.signal_shape if name == "analyze" else dictionary.code_shape
    data = rng.standard_normal((batch, *given)) * (rng.random((batch, *given)) < density)
    data = data.astype(dtype)
    out = benchmark(lambda: getattr(dictionary, name)(data))
    assert out.dtype == dtype


def test_forward(benchmark):
    model, truth = forward.model_and_signal(np.float64, 4, 256, 5)
    guess = benchmark(lambda: model.forward(truth[0]))
    assert len(guess) == len(truth)
