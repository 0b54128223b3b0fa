"""What atoms see of codes, read off tables of the filters or off rows of G: the dense G tells."""

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcsc import CirculantDictionary, DenseDictionary, SignedDictionary, ToeplitzDictionary
from dcsc._numerics import plain
from dcsc.coefficients import columns, terms
from dcsc.dictionaries import filters
from tests import strategies

CONVOLUTIONS = st.sampled_from(strategies.WITH_AXES).flatmap(strategies.dictionaries)


def sizes_of(dictionary, code):
    """Return |G_kj x_j| for all k and j, 0 where j = k."""
    if isinstance(dictionary, CirculantDictionary | ToeplitzDictionary):
        # What wraps around is added up, which single precision would round.
        dictionary = attrs.evolve(dictionary, filters=np.asarray(dictionary.filters, float))
    matrix = dictionary.to_sparse().toarray().astype(float)
    sizes = np.abs(matrix.T @ matrix * code.ravel())
    np.fill_diagonal(sizes, 0)
    sizes[sizes < 1e-13 * sizes.max(initial=0)] = 0
    return sizes


def check(dictionary, codes, chosen):
    for column, code in zip(columns(dictionary, codes, 0.1, atoms=chosen), codes, strict=True):
        sizes = sizes_of(dictionary, code)
        sizes = sizes if chosen is None else sizes[chosen]
        close = {"rtol": 1e-9, "atol": 1e-12 * max(sizes.max(initial=0), 1e-300)}
        np.testing.assert_allclose(column.total, sizes.sum(axis=1), **close)
        np.testing.assert_allclose(column.deviation, np.sqrt((sizes**2).sum(axis=1)), **close)
        assert (column.count >= (sizes > 0).sum(axis=1)).all()
        places = np.arange(len(sizes))[::-1]
        weights, expected = (np.sort(x, axis=1)[:, ::-1] for x in (column.weights(places), sizes))
        width = weights.shape[1]
        np.testing.assert_allclose(weights, expected[places][:, :width], **close)
        assert not expected[:, width:].any()


@given(st.data(), st.booleans())
def test_terms_are_those_of_the_matrix(data, few):
    dictionary = data.draw(CONVOLUTIONS)
    codes = data.draw(strategies.codes(dictionary, (2,), laws=("normal",)))
    size = int(np.prod(dictionary.code_shape))
    check(dictionary, codes, np.arange(size)[::-2] if few else None)


LAID = [
    ToeplitzDictionary(filters.gaussian(6, 2, (3, 3), rng=0), (7, 6), padding=1, groups=3),
    ToeplitzDictionary(filters.gaussian(6, 1, (5, 3), rng=0), (9, 6), (2, 1), (2, 1), groups=6),
    CirculantDictionary(filters.gaussian(4, 3, 3, rng=0), 8),
]
NOT_LAID = [
    CirculantDictionary(filters.gaussian(4, 3, 3, rng=0), 4),
    CirculantDictionary(filters.gaussian(4, 2, 3, rng=0), 6, dilation=2),
    DenseDictionary(np.eye(3)),
    CirculantDictionary(1e160 * filters.gaussian(4, 3, 3, rng=0), 8),
]


def test_tables_are_kept_where_atoms_meet_once_and_floats_hold_them():
    assert all(dictionary._near() is not None for dictionary in LAID)
    assert all(dictionary._near() is None for dictionary in NOT_LAID)


@pytest.mark.parametrize("way", ["compiled", "plain"])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("dictionary", LAID, ids=repr)
def test_tables_are_read_compiled_and_plain(dictionary, signed, way, monkeypatch):
    rng = np.random.default_rng(0)
    if way == "plain":
        monkeypatch.setattr(terms, "sum_terms", plain.sum_terms)
        monkeypatch.setattr(terms, "lay_terms", plain.lay_terms)
    shape = (2, *dictionary.code_shape)
    codes = rng.standard_normal(shape) * (rng.random(shape) < 0.4)
    if signed:
        dictionary = SignedDictionary(dictionary, np.where(rng.random(shape[1:]) < 0.5, 1.0, -1.0))
    check(dictionary, codes, None)
