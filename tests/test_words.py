"""What others wrote, in a line."""

import numpy as np
import pytest

import dcsc
from dcsc import networks
from dcsc._words import listed, quoted, short, visible
from dcsc.errors import DcscError
from dcsc.networks.shipped import digits_network_path


class Loud:
    def __repr__(self):
        raise RuntimeError("no repr")


LARGE = [
    "x" * 20_000,
    list(range(10**6)),
    dict.fromkeys(range(1000), "x" * 1000),
    np.arange(10.0**6).reshape(1000, -1),
    10**6000,
    Loud(),
    [[[[[[[[[[["x" * 500] * 50] * 50] * 50] * 50]]]]]]],
    "a\nb\x1b[31m" * 200,
]


@pytest.mark.parametrize("value", LARGE, ids=[type(value).__name__ for value in LARGE])
def test_a_value_is_quoted_in_one_line(value):
    text = quoted(value)
    assert 0 < len(text) <= 102
    assert text == visible(text)


def test_small_values_are_quoted_as_they_are():
    for value in (1, "a b", None, [1, 2], (1,), {"a": [1.5]}, b"x", "x" * 90):
        assert quoted(value) == repr(value)


def test_long_text_loses_its_middle():
    assert short("abcdefghij", 10) == "abcdefghij"
    assert short("abcdefghijk", 10) == "abcd…ghijk"
    assert all(len(short("x" * 99, most)) == most for most in range(2, 99))


def test_lists_of_names_are_short_too():
    assert listed([]) == "nothing"
    assert listed(["a", "b"]) == "a, b"
    assert len(listed(["x" * 20_000] * 1000)) < 1300


@pytest.mark.parametrize("value", LARGE, ids=[type(value).__name__ for value in LARGE])
def test_errors_quote_at_most_a_line(value):
    shipped = digits_network_path()
    calls = {
        "Dictionary": lambda: dcsc.codes.draw(value, 1),
        "TopK": lambda: dcsc.TopK(value),
        "DCSCModel": lambda: dcsc.DCSCModel([value]),
        "geometry": lambda: networks.load(shipped, value),
        "tail": lambda: dcsc.InstanceBound(tail=value),
    }
    for name, call in calls.items():
        if name in ("TopK", "geometry") and isinstance(value, int | dict):
            continue  # these are taken
        with pytest.raises(DcscError) as error:
            call()
        assert len(str(error.value)) < 400


def test_a_class_in_place_of_an_instance_is_named_with_what_makes_one():
    dictionary = dcsc.DenseDictionary(np.eye(2))
    codes = dcsc.codes
    for call, words in (
        (
            lambda: codes.draw(dictionary, 1, amplitudes=codes.ConstantAmplitudes),
            r"expected an Amplitudes, got the class ConstantAmplitudes, of which "
            r"ConstantAmplitudes\(\.\.\.\) is an instance",
        ),
        (lambda: dcsc.Layer(dictionary, dcsc.HardThreshold), r"HardThreshold\(\.\.\.\) is an"),
        (lambda: dcsc.UniformBound().at(dcsc.OneStep), r"OneStep\(\.\.\.\) is an instance"),
        (lambda: dcsc.InstanceBound(tail=dcsc.bounds.tails.Exact), r"Exact\(\.\.\.\) is an"),
    ):
        with pytest.raises(DcscError, match=words):
            call()


def test_a_model_in_place_of_its_records_is_told_what_makes_them():
    model = dcsc.DCSCModel([dcsc.Layer(dcsc.DenseDictionary(np.eye(2)), dcsc.HardThreshold(0.5))])
    for bound in (dcsc.UniformBound(), dcsc.InstanceBound(), dcsc.PartialBound()):
        with pytest.raises(DcscError, match=r"which bounds\.measure\(model, truth\) makes, got"):
            bound.evaluate(model)
    assert quoted(model) == "DCSCModel of 1 layer, random signs"
