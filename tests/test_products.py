"""Products of matrices: flags that mean nothing are not heard, and those of an overflow are."""

import numpy as np
import pytest

from dcsc._numerics import products
from dcsc.dictionaries import CirculantDictionary, DenseDictionary

FIVE = np.random.default_rng(0).standard_normal((32, 5)).astype(np.float32)
CALLS = {
    "dense": lambda: DenseDictionary(FIVE).synthesize(np.ones(5, np.float32)),
    "pointwise": lambda: CirculantDictionary(FIVE[:, :, None], 32).analyze(FIVE.T.copy()),
    "coherence": lambda: CirculantDictionary(FIVE[:, :, None], 4).mutual_coherence(),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_flag_that_means_nothing_is_not_heard(call, monkeypatch):
    """As some kernels of BLAS raise it."""
    wanted, plain, calls = call(), np.matmul, []

    def flagged(left, right, out=None):
        np.subtract(np.inf, np.inf)
        calls.append(left.shape)
        return plain(left, right, out=out)

    monkeypatch.setattr(np, "matmul", flagged)
    with pytest.warns(RuntimeWarning, match="invalid"):
        np.matmul(FIVE, FIVE.T)
    calls.clear()
    np.testing.assert_array_equal(call(), wanted)
    assert calls


def test_sums_beyond_all_floats_warn():
    large = np.array([[3e38, 3e38, -3e38, -3e38]], np.float32)
    with pytest.warns(RuntimeWarning, match="overflow"):
        products.matmul(large, np.full((4, 1), 10, np.float32))
