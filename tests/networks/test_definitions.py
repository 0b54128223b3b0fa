"""Operators by their definition, where ONNX Runtime is no oracle or an equation says more."""

import numpy as np
import pytest

from dcsc import DcscError
from dcsc.networks import operations as ops

RNG = np.random.default_rng(3)


def run(kind, *values, opset=20, **attributes):
    places = tuple(place for place, value in enumerate(values) if value is not None)
    given = [value for value in values if value is not None]
    return ops.Foreign(kind, opset, attributes, places)(*given)


@pytest.mark.parametrize("opset", [17, 20])
@pytest.mark.parametrize("length", [1, 2, 5, 6])
def test_a_one_sided_transform_and_its_inverse_give_the_signal(length, opset):
    """Also of odd length, which the number of frequencies does not tell."""
    signal = RNG.normal(size=(2, length, 3, 1))
    place = {"axis": 1} if opset == 17 else {}
    axis = [] if opset == 17 else [np.array(1)]
    more = {"opset": opset, "onesided": 1, **place}
    there = run("DFT", signal, None, *axis, **more)
    # By its definition: a sum over all samples for each frequency.
    angles = -2j * np.pi * np.outer(np.arange(length // 2 + 1), np.arange(length)) / length
    expected = np.einsum("ft,btc->bfc", np.exp(angles), signal[..., 0])
    np.testing.assert_allclose(there[..., 0] + 1j * there[..., 1], expected, atol=1e-12)
    back = run("DFT", there, np.array(length), *axis, inverse=1, **more)
    np.testing.assert_allclose(back, signal, atol=1e-12)


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
def test_samples_at_the_places_of_samples_are_these(mode, padding):
    signal = RNG.normal(size=(2, 3, 4, 5))
    lines = [np.linspace(-1, 1, n) for n in (4, 5)]
    rows, columns = np.meshgrid(*lines, indexing="ij")
    grid = np.broadcast_to(np.stack([columns, rows], axis=-1), (2, 4, 5, 2))
    result = run("GridSample", signal, grid, mode=mode, padding_mode=padding, align_corners=1)
    np.testing.assert_allclose(result, signal, atol=1e-12)


def test_a_convolution_whose_taps_are_not_moved_is_one():
    signal, weight = RNG.normal(size=(2, 4, 6, 7)), RNG.normal(size=(6, 2, 3, 2))
    geometry = {"strides": [2, 1], "pads": [1, 0, 1, 1], "dilations": [1, 2], "group": 2}
    expected = run("Conv", signal, weight, **geometry)
    still = np.zeros((2, 12, *expected.shape[2:]))
    np.testing.assert_allclose(run("DeformConv", signal, weight, still, **geometry), expected)


@pytest.mark.parametrize(("kind", "values", "attributes", "message"), [
    ("GridSample", [(1, 1, 3, 3), (1, 2, 2, 3)], {}, "expected a grid that fits"),
    ("GridSample", [(1, 1, 3, 3), (1, 2, 2, 2)], {"mode": "sinc"}, "what 'sinc', 'zeros' are"),
    ("DFT", [(1, 4, 2)], {"onesided": 1}, "real numbers of a one-sided one"),
    ("DeformConv", [(1, 1, 4), (1, 1, 2), (1, 2, 3)], {}, "1 spatial axes, not two"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(kind, values, attributes, message):
    with pytest.raises(DcscError, match=message):
        run(kind, *(np.ones(shape) for shape in values), **attributes)


@pytest.mark.parametrize(("kind", "values"), [
    ("AffineGrid", [np.ones((1, 2, 3)), np.array([1, 1, 2**20, 2**20])]),
    ("DFT", [np.ones((1, 4, 1)), np.array(2**40)]),
    ("STFT", [np.ones((1, 2**15, 1)), np.array(1), None, np.array(2**14)]),
])  # fmt: skip
def test_what_would_be_too_large_is_refused(kind, values):
    with pytest.raises(DcscError, match=f"{kind}: result: expected"):
        run(kind, *values)
