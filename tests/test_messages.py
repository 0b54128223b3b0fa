"""What is said of calls that are nearly right, and of one thing where there are mostly several."""

import numpy as np
import pytest

from dcsc import DCSCModel, DenseDictionary, HardThreshold, IdentitySigns, Layer, experiments
from dcsc.bounds import explain
from dcsc.errors import DcscError

_DICTIONARY = {
    "kind": "CirculantDictionary",
    "extent": 8,
    "filters": {"kind": "gaussian", "n": 1, "c": 1, "kernel": 2},
}


def test_a_pathway_is_no_array_even_where_all_its_arrays_have_one_shape():
    """NumPy would take them for a batch, and the forward pass would run on all of them."""
    layer = Layer(DenseDictionary(np.eye(3)), HardThreshold(0.5), IdentitySigns())
    model = DCSCModel([layer])
    truth = model.synthesize([1.0, 0, 0])
    for call in (model.forward, model.synthesize, HardThreshold(0.5)):
        with pytest.raises(
            DcscError, match=r"got a Pathway of 2 arrays: its signal is pathway\[0\]"
        ):
            call(truth)


def test_explain_asks_for_the_truth_of_a_model_by_its_own_name():
    layer = Layer(DenseDictionary(np.eye(3)), HardThreshold(0.5), IdentitySigns())
    expected = (
        r"^explain: truth: expected a Pathway of 2 arrays, which model.synthesize\(codes\) returns"
        ", got None$"
    )
    with pytest.raises(DcscError, match=expected):
        explain(DCSCModel([layer]))


def test_the_folder_of_a_sweep_that_does_not_exist_is_told_as_such(tmp_path):
    with pytest.raises(DcscError, match=r"got .*nowhere, which does not exist$"):
        experiments.open(tmp_path / "nowhere")
    with pytest.raises(DcscError, match=rf"got {tmp_path}$"):
        experiments.open(tmp_path)


def test_a_table_where_a_list_is_expected_is_told_how_lists_are_written():
    with pytest.raises(DcscError, match=r"layers: expected a list, got .*\[\[NAME\]\]"):
        experiments.Sweep.of({"trials": 1, "layers": {}, "codes": {"sparsity": 1}})


@pytest.mark.parametrize("count", [1, 2])
def test_one_thing_is_no_plural(count):
    parts = HardThreshold(0.5), IdentitySigns()
    model = DCSCModel([Layer(DenseDictionary(np.eye(3)), *parts)] * count)
    truth = model.synthesize([1.0, 0, 0])
    s = "" if count == 1 else "s"
    assert repr(model).startswith(f"DCSCModel of {count} layer{s}, ")
    assert repr(truth).startswith(f"Pathway of {count} layer{s}\n")
    assert f": {count} layer{s}, " in repr(explain(model, truth))
    table = {
        "trials": count,
        "layers": [{"dictionary": _DICTIONARY, "projection": "ReLU"}],
        "codes": {"sparsity": 1},
        "axes": {"a": {"parameter": "seed", "values": [*range(count)]}},
    }
    assert f": {count} cell{s} of {count} trial{s}\n" in repr(experiments.Sweep.of(table))
