"""Random graphs of all operators that are read, against ONNX Runtime."""

import contextlib

import numpy as np
import onnx
import pytest

from dcsc import DcscError, networks
from dcsc.networks import operations as ops
from dcsc.networks.operations import FOREIGN
from dcsc.networks.readers.later import Later
from dcsc.networks.readers.translation import TRANSLATIONS
from tests.networks.graphs import saved
from tests.networks.operators import CASES
from tests.networks.random_graphs.drawing import Drawing
from tests.networks.random_graphs.graphs import (
    MAKERS,
    NEWEST,
    OLDEST,
    difference,
    known,
    mismatches,
    random_graph,
)
from tests.networks.test_onnx import changes, said_of, with_more_digits

REFUSED = {"ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul"}
BY_HAND = {kind for kind, *_ in CASES}  # these are tried in `test_onnx`
NEW = [kind for kind in FOREIGN if kind not in BY_HAND]
WHOLE = {
    *("BitShift", "BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor"),
    *("BlackmanWindow", "HammingWindow", "HannWindow", "OneHot"),
}  # they take no floating numbers
WIDE = [kind for kind in NEW if kind not in {"EyeLike", "Unique"} | WHOLE]


def test_every_operator_that_is_read_is_drawn():
    assert set(TRANSLATIONS) - REFUSED | set(FOREIGN) | {"Split"} == set(MAKERS)


@pytest.mark.parametrize("kind", MAKERS)
def test_an_operator_agrees_in_random_graphs(kind):
    steps = 0
    for seed in range(100):
        draw, _ = random_graph(seed, [kind], steps=1)
        assert list(mismatches(draw)) == []
        steps += any(step.op_type == kind for step in draw.nodes)
        if steps == 2:
            return
    pytest.fail("ONNX Runtime ran none")


def test_what_differs_is_told():
    draw, _ = random_graph(0, ["Relu"], steps=0)
    (name,) = draw.nodes[-1].output
    draw.values[name] = draw.values[name] + np.float32(0.01)
    ((kind, why),) = mismatches(draw)
    assert kind == "Relu"
    assert ", expected " in why
    assert difference(np.zeros((2, 1)), np.zeros(2)) == "shape (2, 1), expected (2,)"
    assert difference(np.zeros(2), np.zeros(2, int)) == "dtype float64, expected int64"
    assert difference(np.array([np.nan, 1]), np.array([np.nan, 1.00001])) == ""
    assert difference(np.array([np.nan, 1]), np.array([0.0, 1])) != ""


def drawn(kind, seed=1):
    """Return a graph of one step of a kind, in float32."""
    versions = [opset for opset in range(OLDEST, NEWEST + 1) if known(kind, opset)]
    for number in range(seed, 200):
        draw = Drawing(np.random.default_rng(number), versions[number % len(versions)])
        draw.dtype = np.float32
        with contextlib.suppress(Exception):  # what ONNX Runtime does not run
            MAKERS[kind](draw)
        if [step.op_type for step in draw.nodes] == [kind]:
            return draw
    return pytest.fail("nothing was drawn")


@pytest.mark.parametrize("kind", WIDE)
def test_what_has_no_operation_has_the_digits_of_float64(kind, tmp_path):
    draw = drawn(kind)
    made, names = draw.model()
    network = networks.load(saved(made, tmp_path))
    wide = {name: with_more_digits(value) for name, value in draw.inputs.items()}
    assert any(value.dtype.kind == "f" for value in wide.values())
    narrow, result = network.forward(draw.inputs)[names[0]], network.forward(wide)[names[0]]
    if narrow.dtype.kind != "f":
        assert result.dtype == narrow.dtype
        return
    assert result.dtype == np.float64
    np.testing.assert_allclose(result, narrow, rtol=1e-4, atol=1e-4)
    rounded = np.round(result) == result
    assert rounded.all() or np.any(result.astype(np.float32) != result)


@pytest.mark.parametrize("kind", NEW)
def test_an_operator_that_lacks_something_is_refused_or_read(kind, tmp_path):
    """Nothing but a DcscError is raised, which says where; something that is needed is missed."""
    draw = drawn(kind)
    made, _ = draw.model()
    told = []
    for changed in changes(draw.nodes[0]):
        del made.graph.node[:]
        made.graph.node.append(changed)
        told.append(said_of(saved(made, tmp_path), draw.inputs, changed))
    assert any(told)


def test_what_other_steps_compute_may_be_weights_and_sizes(tmp_path):
    nodes = [
        onnx.helper.make_node("Shape", ["x"], ["all"]),
        onnx.helper.make_node("Slice", ["all", "two", "three"], ["last"]),
        onnx.helper.make_node("Tile", ["w", "ones"], ["v"]),
        onnx.helper.make_node("Conv", ["x", "v"], ["c"], "c"),
        onnx.helper.make_node("Split", ["c", "sizes"], ["a", "b"], axis=1),
        onnx.helper.make_node("Unsqueeze", ["b", "last"], ["out"]),
    ]
    rng = np.random.default_rng(0)
    x, w = (rng.normal(size=shape).astype(np.float32) for shape in ((1, 2, 3), (3, 2, 1)))
    draw = Drawing(rng, 18)
    draw.inputs = {"x": x, "w": w, "sizes": np.array([1, 2]), "ones": np.ones(3, np.int64)}
    draw.constants = {"two": np.array([2]), "three": np.array([3])}
    draw.nodes = nodes
    made, _ = draw.model()
    network = networks.load(saved(made, tmp_path))
    values = network.forward(draw.inputs)
    assert values.stops == ()
    expected = np.einsum("fc,bcn->bfn", w[..., 0], x)
    np.testing.assert_allclose(values["a"], expected[:, :1], rtol=1e-5)
    np.testing.assert_allclose(values["out"], expected[:, 1:, :, None], rtol=1e-5)
    later = [
        step.operation.label for step in network.graph.nodes if isinstance(step.operation, Later)
    ]
    assert later == ["Conv", "Split", "Split", "Unsqueeze"]
    assert network.convolutions == ()
    assert network.notes[0].startswith("1 convolutions have weights that other steps compute")
    assert "1 Conv" in network.summary()


def test_what_turns_out_not_to_be_read_is_a_stop(tmp_path):
    draw = Drawing(np.random.default_rng(0), 18)
    draw.inputs = {"x": np.ones((2, 3), np.float32), "low": np.float32([0.0, 1.0])}
    draw.inputs["train"] = np.array(True)
    draw.nodes = [
        onnx.helper.make_node("Dropout", ["x", "", "train"], ["y"], "drop"),
        onnx.helper.make_node("Relu", ["y"], ["z"]),
        onnx.helper.make_node("Relu", ["x"], ["out"]),
    ]
    network = networks.load(saved(draw.model()[0], tmp_path))
    assert network.unread == ()
    values = network.forward(draw.inputs)
    assert [str(stop) for stop in values.stops] == [
        "Dropout (drop): it is in training mode, where chance decides"
    ]
    assert set(values.values) == {"x", "low", "train", "out"}
    draw.inputs["train"] = np.array(False)
    assert network.forward(draw.inputs).stops == ()


@pytest.mark.parametrize(("kind", "attributes", "message"), [
    ("LSTM", {"clip": 1.0}, "it clips cells, before their last function or not"),
    ("LSTM", {"activations": ["Sigmoid", "Affine", "Tanh"]}, "'Affine' without its numbers"),
    ("RNN", {"activations": ["Sine"]}, "its gates go through 'Sine'"),
    ("LRN", {}, "no operation of dcsc does this"),
])  # fmt: skip
def test_what_has_no_one_meaning_is_not_run(kind, attributes, message):
    values = [np.ones((1, 1, 2)), np.ones((1, 4, 2)), np.ones((1, 4, 1))]
    with pytest.raises(DcscError, match=message):
        ops.Foreign(kind, 14, attributes, (0, 1, 2))(*values)


@pytest.mark.parametrize(("kind", "shapes", "attributes", "expected"), [
    ("Attention", [(1, 8, 300, 64)] * 3, {}, (1, 8, 300, 64)),
    ("Attention", [(1, 300, 512)] * 3, {"q_num_heads": 8, "kv_num_heads": 8}, (1, 300, 512)),
    ("CenterCropPad", [(1, 3, 224, 224), (224, 200)], {"axes": [2, 3]}, (1, 3, 224, 200)),
    ("Einsum", [(1, 8, 300, 64)] * 2, {"equation": "bhqd, bhkd -> bhqk"}, (1, 8, 300, 300)),
    ("Einsum", [(500, 500)] * 3, {"equation": "ij,jk,kl"}, (500, 500)),
    ("Einsum", [(70, 80, 90)] * 2, {"equation": "...i,...i"}, (70, 80)),
    ("Pad", [(1, 3, 500, 500), (60, 0, 90, 0)], {}, (1, 3, 650, 500)),
])  # fmt: skip
def test_what_is_as_large_as_usual_is_run(kind, shapes, attributes, expected):
    values = [np.zeros(shape, np.float32) for shape in shapes]
    places = tuple(range(len(values)))
    if kind in ("CenterCropPad", "Pad"):
        values[1:] = [np.array(shapes[1])]
    if kind == "Pad":
        values, places = [*values, np.array([2, 3])], (0, 1, 3)
    assert ops.Foreign(kind, 24, attributes, places)(*values).shape == expected
