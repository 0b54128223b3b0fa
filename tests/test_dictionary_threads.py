"""Filters, measures and maps are the same to the last bit on one thread and on several.

Sizes are such that OpenBLAS shares a product out, and rounds it otherwise when it does.
"""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from dcsc.dictionaries import (
    CirculantDictionary,
    DenseDictionary,
    EffectiveDictionary,
    NormalizedDictionary,
    ToeplitzDictionary,
    filters,
)
from tests import extras, strategies

FAMILIES = {
    "barker": lambda: filters.barker(1, 1, (13, 13)),
    "dct": lambda: filters.dct(600, 32, (7, 7)),
    "equicorrelated": lambda: filters.equicorrelated(256, 512, 2, 0.0103, rng=0),
    "gabor": lambda: filters.gabor(300, 8, (31, 31)),
    "gaussian": lambda: filters.gaussian(256, 128, (5, 5), rng=0),
    "haar": lambda: filters.haar(600, 32, (8, 8)),
    "low_coherence": lambda: filters.low_coherence(12, 6, 7, rng=0, starts=1),
    "orthogonal": lambda: filters.orthogonal(12, 12, (3, 3), rng=0),
    "rademacher": lambda: filters.rademacher(256, 128, (5, 5), rng=0),
    "sparse_rademacher": lambda: filters.sparse_rademacher(256, 128, (5, 5), 9, rng=0),
    "wavelets": lambda: extras.wavelets() and filters.wavelets("db8", level=3, axes=2),
}


def chain(matrix):
    support = np.arange(500) % 3 > 0
    below, above = DenseDictionary(matrix[:256, :500]), DenseDictionary(matrix[:, :700])
    return EffectiveDictionary([below, above], [support])


DICTIONARIES = {
    "circulant": lambda m: CirculantDictionary(m[:300, :800].reshape(300, 200, 2, 2), (8, 8)),
    "toeplitz": lambda m: ToeplitzDictionary(m[:300, :800].reshape(300, 200, 2, 2), (8, 8), 1, 1),
    "pointwise": lambda m: CirculantDictionary(m[:, :256, None], 32),
    "dense": DenseDictionary,
    "wide": lambda m: DenseDictionary(m[:30].reshape(30, -1)),
    "effective": chain,
    "normalized": lambda m: NormalizedDictionary(DenseDictionary(m[:, :700])),
}


def on(threads, call):
    with threadpool_limits(threads, user_api="blas"):
        return np.asarray(call())


def assert_same(call, what):
    one, two, three = (on(threads, call) for threads in (1, 2, 3))
    assert np.array_equal(one, two), what
    assert np.array_equal(one, three), what


def test_all_families_are_here():
    assert sorted(filters.__all__) == sorted(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
def test_filters(family):
    assert_same(FAMILIES[family], family)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", DICTIONARIES)
def test_measures_and_maps(name, dtype):
    dictionary = DICTIONARIES[name](strategies.normal((500, 2000), 0).astype(dtype))
    rows = np.arange(0, np.prod(dictionary.code_shape), 97)[:40]
    calls = {
        "atom_norms": dictionary.atom_norms,
        "mutual_coherence": dictionary.mutual_coherence,
        "babel": lambda: dictionary.babel(9),
        "babel of one": lambda: dictionary.babel(1),
        "babel_squared": lambda: dictionary.babel_squared(30),
        "gram_rows": lambda: dictionary.gram_rows(rows).toarray(),
        "one row": lambda: dictionary.gram_rows(rows[:1]).toarray(),
        "normalized": lambda: dictionary.normalized().analyze(np.ones(dictionary.signal_shape)),
    }
    for batch in (1, 3, 50):
        codes = strategies.normal((batch, *dictionary.code_shape), 1)
        signals = strategies.normal((batch, *dictionary.signal_shape), 2)
        for kind in (np.float64, np.float32):
            x, y = codes.astype(kind), signals.astype(kind)
            calls |= {
                f"synthesize {batch} {kind}": lambda x=x: dictionary.synthesize(x),
                f"contributions {batch} {kind}": lambda x=x: dictionary.contributions(x),
                f"analyze {batch} {kind}": lambda y=y: dictionary.analyze(y),
                f"exposure {batch} {kind}": lambda y=y: dictionary.exposure(y),
            }
    for what, call in calls.items():
        assert_same(call, what)
