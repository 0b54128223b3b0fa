"""What a layer says of a projection or filters that cannot be right."""

import numpy as np
import pytest

from dcsc import Layer, LayerInstance
from dcsc.dictionaries import CirculantDictionary, DenseDictionary
from dcsc.errors import DcscError
from dcsc.projections import (
    FirmThreshold,
    HardThreshold,
    JumpReLU,
    Projection,
    ReLU,
    Selection,
    SoftThreshold,
)

_PER_FILTER = {
    "HardThreshold: threshold": HardThreshold,
    "SoftThreshold: threshold": SoftThreshold,
    "ReLU: threshold": ReLU,
    "JumpReLU: threshold": JumpReLU,
    "FirmThreshold: threshold": lambda levels: FirmThreshold(levels, 2.0),
    "FirmThreshold: upper": lambda levels: FirmThreshold(0.1, levels),
}


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


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize(("name", "projection"), _PER_FILTER.items())
def test_a_layer_takes_one_threshold_per_filter_of_its_dictionary_only(name, projection, count):
    dictionary = CirculantDictionary(np.ones((3, 1, 2)), extent=8)
    Layer(dictionary, projection([0.5] * 3))
    expected = f"^Layer: projection: {name}: expected one, or one per filter, 3, got {count}$"
    with pytest.raises(DcscError, match=expected):
        Layer(dictionary, projection([0.5] * count))


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_record_of_a_layer_takes_one_threshold_per_filter_of_its_dictionary_only(count):
    dictionary, levels = CirculantDictionary(np.ones((3, 1, 2)), extent=8), [0.5] * count
    code = np.ones((3, 8))
    LayerInstance(dictionary, code, [0.5] * 3, selection=Selection([0.5] * 3))
    for name, given in (
        ("threshold", {"threshold": levels}),
        ("selection", {"selection": Selection(levels)}),
    ):
        expected = f"^LayerInstance: {name}: expected one, or one per filter, 3, got {count}$"
        with pytest.raises(DcscError, match=expected):
            LayerInstance(dictionary, code, **given)
