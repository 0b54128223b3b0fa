"""Steps of orthogonal matching pursuit: compiled or plain, with rows out of tables or brought."""

from unittest import mock

import numpy as np
import pytest
from sklearn.linear_model import orthogonal_mp

from dcsc import (
    CirculantDictionary,
    DenseDictionary,
    OrthogonalMatchingPursuit,
    SignedDictionary,
    ToeplitzDictionary,
)
from dcsc._numerics import ways
from dcsc.dictionaries import filters
from dcsc.pursuits import support
from tests.strategies import normal

PLACES = {
    "circle": CirculantDictionary(filters.gaussian(4, 1, 5, rng=0), 24),
    "short circle": CirculantDictionary(filters.gaussian(4, 2, 7, rng=0), 5),
    "steps": CirculantDictionary(filters.gaussian(6, 2, 5, rng=0), 24, stride=2, dilation=2),
    "groups": CirculantDictionary(filters.gaussian(6, 1, 3, rng=0), 12, groups=3),
    "image": ToeplitzDictionary(filters.gaussian(3, 1, (3, 2), rng=0), (6, 7), padding=1),
    "matrix": DenseDictionary(normal((12, 20), seed=0)),
}
PLACES["signs"] = SignedDictionary(
    PLACES["circle"], np.where(normal(PLACES["circle"].code_shape, seed=1) > 0, 1.0, -1.0)
)
SPARSITY = 7


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("way", ["compiled", "plain"])
@pytest.mark.parametrize("rows", ["tables", "brought"])
def test_every_way_takes_the_atoms_that_scikit_learn_takes(name, way, rows):
    dictionary = PLACES[name]
    signals = normal((3, *dictionary.signal_shape), seed=2)
    matrix = dictionary.to_sparse().toarray()
    lengths = np.linalg.norm(matrix, axis=0)
    units = orthogonal_mp(matrix / lengths, signals.reshape(3, -1).T, n_nonzero_coefs=SPARSITY)
    expected = (units / lengths[:, None]).T.reshape(3, *dictionary.code_shape)
    matching = OrthogonalMatchingPursuit(sparsity=SPARSITY)
    plain = mock.patch.object(ways, "_asked", return_value=way == "plain")
    core = type(getattr(dictionary, "dictionary", dictionary))
    near = core._near if rows == "tables" else lambda self: None
    # Little room, so that all of it has to grow.
    little = mock.patch.multiple(support, _ROOM=3, _TOGETHER=2)
    with plain, little, mock.patch.object(core, "_near", near):
        codes = matching(signals, dictionary).code
    np.testing.assert_array_equal(codes != 0, expected != 0)
    np.testing.assert_allclose(codes, expected, atol=1e-10 * np.abs(expected).max())
