"""What others hold numbers in is taken wherever arrays are, or refused in one sentence."""

import numpy as np
import pandas as pd
import pytest

import dcsc
from dcsc.errors import DcscError, TooLargeError
from dcsc.networks.analysis import Inputs
from dcsc.networks.tallies import ArraySet

FILTERS = np.arange(1.0, 13.0).reshape(2, 2, 3)
DENSE = np.eye(3)[:, :2]
CIRCLE = dcsc.CirculantDictionary(FILTERS, 8)
# Where arrays come in: filters, matrices, signals, codes, thresholds, inputs.
DOORS = {
    "filters": lambda v: dcsc.CirculantDictionary(v, 8).filters,
    "signals": lambda v: dcsc.CirculantDictionary(FILTERS, 3).analyze(v),
    "inputs": lambda v: Inputs("some", {"input": v}).values["input"],
    "set": lambda v: ArraySet({"input": v}).values["input"],
    "overlap": lambda v: dcsc.pathway_overlap([v], [0, 1]).matrices,
}


@pytest.mark.parametrize("door", DOORS)
def test_tensors_are_taken_wherever_arrays_are(door, torch):
    make, plain = DOORS[door], torch.tensor(FILTERS)
    expected = make(FILTERS)
    for value in (
        plain.clone().requires_grad_(),
        torch.nn.Parameter(plain),
        plain.bfloat16(),  # whose numbers these are exactly
        plain.half(),
        [row.clone().requires_grad_() for row in plain],
        tuple(row.bfloat16() for row in plain),
    ):
        np.testing.assert_array_equal(make(value), expected)


@pytest.mark.parametrize("door", DOORS)
def test_tensors_that_hold_no_numbers_are_refused_with_the_way(door, torch):
    plain = torch.tensor(FILTERS)
    wrong = {
        "device meta, which holds no numbers: load its weights first": plain.to("meta"),
        "give its .to_dense()": plain.to_sparse(),
        "dtype complex128; .real and abs() are real": plain * 1j,
    }
    for words, value in wrong.items():
        with pytest.raises(DcscError) as refusal:
            DOORS[door](value)
        assert words in str(refusal.value)


def test_numbers_are_taken_from_tensors(torch, recwarn):
    for kind in (torch.float64, torch.bfloat16):
        number = torch.tensor(0.5, dtype=kind, requires_grad=True)
        assert dcsc.SoftThreshold(number).threshold == 0.5
    both = torch.tensor([0.5, 0.25], requires_grad=True)
    np.testing.assert_array_equal(dcsc.SoftThreshold(both).threshold, [0.5, 0.25])
    assert not recwarn.list


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (FILTERS.astype(object), "dtype object; .astype(float) makes numbers"),
        (FILTERS * 1j, "dtype complex128; .real and abs() are real"),
        (FILTERS.astype(str), ", which is text"),
        (FILTERS.astype("timedelta64[s]"), ", which are times"),
        (None, "expected real numbers, got None"),
        ({"weight": FILTERS}, "expected real numbers, got {'weight'"),
        (pd.DataFrame({"a": [1.0], "b": ["x"]}), "select_dtypes('number').to_numpy(float)"),
        (
            pd.DataFrame({"a": [1, None], "b": [1, 2]}, dtype="object"),
            "select_dtypes('number').to_numpy(float)",
        ),
    ],
)
def test_other_kinds_are_refused_with_the_way(value, words):
    for call, name in (
        (lambda: dcsc.CirculantDictionary(value, 8), "CirculantDictionary: filters: "),
        (lambda: CIRCLE.synthesize(value), "CirculantDictionary: codes: "),
    ):
        with pytest.raises(DcscError) as refusal:
            call()
        assert str(refusal.value).startswith(name)
        assert words in str(refusal.value)


def test_frames_of_numbers_are_matrices():
    frame = pd.DataFrame(DENSE, columns=["a", "b"])
    np.testing.assert_array_equal(dcsc.DenseDictionary(frame).matrix, DENSE)


def test_ranges_become_arrays_at_once_or_are_too_large():
    np.testing.assert_array_equal(dcsc.DenseDictionary([range(2, 5)] * 2).matrix[0], [2, 3, 4])
    assert dcsc.SoftThreshold(range(2)).threshold.tolist() == [0, 1]
    for most in (2**25, 2**50, 2**70):
        with pytest.raises(TooLargeError, match="signals: expected an array, got range"):
            CIRCLE.analyze(range(most))
        with pytest.raises(DcscError, match="codes: expected a Pathway, or a list"):
            dcsc.pathway_overlap(range(most), [0, 1])
        with pytest.raises(TooLargeError, match="labels: expected an array, got range"):
            dcsc.pathway_overlap([np.ones((2, 2))], range(most))
