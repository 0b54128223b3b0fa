"""What a layer says of a projection or filters that cannot be right."""

import numpy as np
import pytest

from dcsc import Layer
from dcsc.dictionaries import CirculantDictionary, DenseDictionary
from dcsc.errors import DcscError
from dcsc.projections import Projection, Selection


@pytest.mark.parametrize(("threshold", "expected"), [(-1, "at least 0"), ("x", "a real number")])
def test_a_layer_tells_the_wrong_threshold_of_a_class_without_checks(threshold, expected):
    class Unchecked(Projection):
        selection = property(lambda self: Selection(threshold))

        def _project(self, coefficients, dictionary):
            return coefficients

    with pytest.raises(DcscError, match=f"^Layer: projection: Selection: threshold: .*{expected}"):
        Layer(DenseDictionary(np.eye(2)), Unchecked())


def test_filters_without_channels_are_told_how_to_get_one():
    with pytest.raises(DcscError, match=r"got \(2, 3\): one channel\? filters\[:, None\]$"):
        CirculantDictionary(np.ones((2, 3)), extent=8)
