"""The most alike of many columns, held against all inner products in float64."""

import numpy as np
import pytest

from dcsc.dictionaries import DenseDictionary, alike


@pytest.fixture(params=[3, 8, 1024])
def tile(request, monkeypatch):
    monkeypatch.setattr(alike, "_TILE", request.param)


def unit(matrix):
    return matrix / np.linalg.norm(matrix, axis=0)


def matrices():
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(6, 20))
    alike_ones = np.repeat(normal[:, :5], 4, axis=1)
    yield from (normal, alike_ones, np.sign(normal), np.eye(6)[:, [0, 1, 2, 2, 3]])


def expected(products, symmetric, count):
    """Sizes, and where they are, in the order of falling size."""
    rows, columns = np.nonzero(products)
    kept = rows < columns if symmetric else rows != columns
    rows, columns = rows[kept], columns[kept]
    sizes = np.abs(products[rows, columns])
    order = np.lexsort((columns, rows, -sizes))[:count]
    return products[rows[order], columns[order]], set(zip(rows, columns, strict=True))


@pytest.mark.usefixtures("tile")
@pytest.mark.parametrize("count", [1, 7, 1000])
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("matrix", list(matrices()))
def test_the_largest_are_what_sorting_finds(matrix, symmetric, count):
    left = unit(matrix)
    right = left if symmetric else unit(matrix[:, ::-1] + 0.1)
    got = alike.most_alike(left, None if symmetric else right, count)
    sizes, pairs = expected(left.T @ right, symmetric, count)
    large = np.count_nonzero(np.abs(sizes) > 1e-12)  # rounding may leave less of a 0, or nothing
    np.testing.assert_allclose(np.abs(got.values[:large]), np.abs(sizes[:large]), atol=1e-15)
    assert not (np.abs(got.values[large:]) > 1e-12).any()
    found = list(zip(got.rows, got.columns, strict=True))
    assert len(set(found)) == len(found)
    assert set(found[:large]) <= pairs
    np.testing.assert_allclose(got.values, (left.T @ right)[got.rows, got.columns], atol=1e-15)


@pytest.mark.usefixtures("tile")
def test_pairs_that_single_precision_cannot_tell_apart():
    """Three pairs of cosines that differ by 1e-10, the largest in the middle."""
    cosines = 0.9 + np.array([0, 2e-10, 1e-10])
    matrix = np.zeros((30, 30))
    matrix[np.arange(30), np.arange(30)] = 1
    for at, cosine in zip((0, 10, 20), cosines, strict=True):
        matrix[[at, at + 9], at + 9] = cosine, np.sqrt(1 - cosine**2)
    got = alike.most_alike(matrix, count=3)
    assert got.rows.tolist() == [10, 20, 0]
    assert DenseDictionary(matrix).coherent_pair().filters == (10, 19)
    assert DenseDictionary(matrix).mutual_coherence() == pytest.approx(cosines[1], abs=1e-15)


@pytest.mark.usefixtures("tile")
@pytest.mark.parametrize("symmetric", [True, False])
def test_every_pair_is_watched_once(symmetric):
    rng = np.random.default_rng(1)
    left, right = (unit(rng.normal(size=(5, 17))) for _ in range(2))
    watched = np.zeros((17, 17))

    def watch(rows, columns, products):
        watched[rows, columns] += products

    alike.most_alike(left, None if symmetric else right, watch=watch)
    products = left.T @ (left if symmetric else right)
    kept = np.triu(products, 1) if symmetric else products - np.diag(np.diag(products))
    np.testing.assert_allclose(watched, kept, atol=1e-6)


def test_atoms_of_no_norm_are_like_none():
    matrix = np.array([[1, 0, 1e-14, 0.6], [0, 0, 0, 0.8]])
    assert DenseDictionary(matrix).coherent_pair().filters == (0, 3)
    assert DenseDictionary(np.eye(3)).coherent_pair() is None
