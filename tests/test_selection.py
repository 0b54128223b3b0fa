"""`StripeTopK` by its loops, against the enumeration of all stripes, and its ranking."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcsc._numerics import ways
from dcsc.dictionaries import CirculantDictionary, Dictionary, ToeplitzDictionary, filters
from dcsc.projections import StripeTopK, largest
from tests import cases, strategies
from tests.contracts.test_projections import stripe_top, with_ties


def looped(projection, coefficients, dictionary, way):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(largest, "_WORTH_COMPILING", -1)
        patch.setattr(ways, "_asked", lambda: way == "plain")
        return projection(coefficients, dictionary)


both_ways = pytest.mark.parametrize("way", ["compiled", "plain"])


@both_ways
@pytest.mark.parametrize("kind", cases.DICTIONARIES)
@given(data=st.data())
def test_the_loop_finds_what_enumerating_the_stripes_finds(kind, way, data):
    dictionary = data.draw(strategies.dictionaries(kind))
    sparsity = data.draw(st.integers(1, dictionary.stripes.size + 2) | st.integers(1, 4))
    z = data.draw(with_ties(dictionary) | strategies.codes(dictionary, batch=(2,)))
    got = looped(StripeTopK(sparsity), z, dictionary, way)
    assert got.dtype == z.dtype
    for code, coefficients in zip(got, z, strict=True):
        np.testing.assert_array_equal(code, stripe_top(coefficients, dictionary, sparsity))


BANKS = {kernel: filters.gaussian(6, 1, kernel, rng=0) for kernel in [(4,), (2, 3)]}
LARGER = [
    CirculantDictionary(BANKS[4,], 300),
    ToeplitzDictionary(BANKS[4,], 300, 1, 3),
    ToeplitzDictionary(BANKS[4,], 300, 5),
    CirculantDictionary(BANKS[2, 3], (12, 15), (2, 1)),
    ToeplitzDictionary(BANKS[2, 3], (11, 14), 1, 1),
]


@pytest.mark.parametrize("dictionary", LARGER, ids=str)
@pytest.mark.parametrize("sparsity", [1, 3, 20, 60])
@pytest.mark.parametrize("slope", [0.0, 30.0])
@both_ways
def test_many_ranks_steps_over_many_blocks(dictionary, sparsity, slope, way):
    # With a slope, the largest lie together, and the S-th best moves far from stripe to stripe.
    rng = np.random.default_rng(sparsity)
    z = rng.standard_normal((2, *dictionary.code_shape)) * (rng.random(dictionary.code_shape) < 0.7)
    z *= np.exp(slope * np.sin(np.linspace(0, 20, z.shape[-1])))
    got = looped(StripeTopK(sparsity), z, dictionary, way)
    np.testing.assert_array_equal(got, StripeTopK(sparsity)(z, dictionary))
    assert (dictionary.stripe_sparsity(got) <= sparsity).all()


class Gaps(Dictionary):
    """Entries that are in no stripe, and stripes with nothing inside."""

    signal_shape = (1,)
    code_shape = (2, 9)

    def _synthesize(self, codes):
        return codes.sum(axis=(1, 2))[:, None]

    def _analyze(self, signals):
        return np.broadcast_to(signals[..., None], (len(signals), 2, 9)).copy()

    @property
    def stripes(self):
        axis = largest.WindowAxis(9, 5, start=-3, length=2, step=3)
        return largest.Windows(self.code_shape, (axis,))


@both_ways
def test_what_is_in_no_stripe_stays(way):
    z = np.random.default_rng(0).standard_normal((3, 2, 9))
    got = looped(StripeTopK(1), z, Gaps(), way)
    np.testing.assert_array_equal(got, StripeTopK(1)(z, Gaps()))
    inside = np.arange(9) % 3 < 2
    assert (got[..., ~inside] == z[..., ~inside]).all()
    assert (np.count_nonzero(got[..., inside].reshape(3, 2, 3, 2), axis=(1, 3)) == 1).all()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("size", [1, 2, 37, 5000])
def test_order_by_size_then_by_place(dtype, size):
    rng = np.random.default_rng(size)
    close = 1 + rng.integers(-9, 9, (3, 1, size)) * 2.0**-50  # differ in their last bits only
    zeros = rng.standard_normal((3, 1, size)) * (rng.random((3, 1, size)) < 0.1)
    extreme = rng.choice([5e-324, -0.0, 0.0, 1e-310, 3e38, -3e38, -5e-324], (3, 1, size))
    few = rng.integers(-2, 3, (3, 1, size))
    for values in (rng.standard_normal((3, 1, size)), close, zeros, extreme, few):
        z = values.astype(dtype)
        for row, flat in zip(largest._order(z), z[:, 0], strict=True):
            best = sorted(range(size), key=lambda i, flat=flat: (-abs(flat[i]), i))
            np.testing.assert_array_equal(row, best)
