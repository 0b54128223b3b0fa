"""Branches and functions of ONNX files: what is read, and what is a stop."""

import numpy as np
import onnx
import pytest

from dcsc import DcscError, networks
from dcsc.networks.readers import OnnxReader
from tests.commands import call
from tests.networks.graphs import assert_agrees, model, node, reference, saved
from tests.networks.operators import some

helper = onnx.helper
X = {"x": some(1, 2, 8)}
W = some(3, 2, 3)


def graph(nodes, outputs, constants=()):
    """A branch; it sees the values around it."""
    tensors = [onnx.numpy_helper.from_array(a, n) for n, a in dict(constants).items()]
    values = [helper.make_empty_tensor_value_info(name) for name in outputs.split()]
    return helper.make_graph(nodes, "branch", [], values, tensors)


THEN = graph([node("Conv", "x w", "c"), node("Relu", "c", "y")], "y", {"w": W})
ELSE = graph([node("Conv", "x w", "c"), node("Sigmoid", "c", "y")], "y", {"w": -W})


def branching(condition="on"):
    return node("If", condition, "out", then_branch=THEN, else_branch=ELSE)


@pytest.mark.parametrize("on", [True, False])
def test_a_branch_that_a_constant_takes_is_read(on, tmp_path):
    made = model([branching()], X, {"on": np.array(on)})
    network, _ = assert_agrees(saved(made, tmp_path), X, ["out"])
    (layer,) = network.convolutions
    assert layer.activation.label == ("Relu" if on else "Sigmoid")
    np.testing.assert_array_equal(layer.weight, W if on else -W)


RATE = [node("Constant", "", "k", value_int=16000), node("Equal", "sr k", "on"), branching()]


@pytest.mark.parametrize("rate", [16000, 8000])
def test_a_branch_that_a_fixed_input_takes_is_read(rate, tmp_path):
    inputs = X | {"sr": np.array(rate)}
    path = saved(model(RATE, inputs), tmp_path)
    network = networks.load(path, fixed={"sr": rate})
    assert [needed.name for needed in network.inputs] == ["x"]
    np.testing.assert_allclose(
        network.forward(X["x"])["out"], reference(path, inputs, ["out"])["out"], rtol=1e-5
    )
    assert OnnxReader({"sr": [rate]}) == OnnxReader({"sr": [rate]})


def test_one_number_may_be_fixed_where_an_array_holds_one(tmp_path):
    inputs = X | {"sr": np.array([16000])}
    network = networks.load(saved(model(RATE, inputs), tmp_path), fixed={"sr": 16000})
    assert len(network.convolutions) == 1


def test_another_branch_is_a_stop_and_the_rest_runs(tmp_path):
    nodes = [*RATE, node("Relu", "x", "beside")]
    inputs = X | {"sr": np.array(16000)}
    network = networks.load(saved(model(nodes, inputs, outputs="out beside"), tmp_path))
    (stop,) = network.unread
    assert stop.operation == "If"
    assert stop.reason.startswith("its condition is computed while it runs; if inputs decide it")
    values = network.forward(inputs)
    assert values.stops == (stop,)
    np.testing.assert_array_equal(values["beside"], np.maximum(X["x"], 0))


@pytest.mark.parametrize(("fixed", "message"), [
    ({"rate": 1}, "fixed: expected inputs, x, sr, got 'rate'"),
    ({"sr": 0.5}, "fixed: 'sr': expected integers, got float64"),
    ({"sr": [1, 2]}, "fixed: 'sr': expected shape (), got (2,)"),
    (["sr"], "networks.load: fixed: expected a mapping"),
])  # fmt: skip
def test_fixed_inputs_that_do_not_fit_are_refused(fixed, message, tmp_path):
    path = saved(model(RATE, X | {"sr": np.array(1)}), tmp_path)
    with pytest.raises(DcscError) as error:
        networks.load(path, fixed=fixed)
    assert message in str(error.value)


def test_files_of_weights_have_no_inputs_to_fix(tmp_path):
    np.savez(tmp_path / "net.npz", **{"a.weight": W})
    with pytest.raises(DcscError, match=r"fixed: expected an ONNX file, got net\.npz"):
        networks.load(tmp_path / "net.npz", fixed={"x": 1})


def test_branches_inside_branches_see_what_lies_around(tmp_path):
    inner = graph([node("Add", "c shift", "d"), node("Identity", "d", "y")], "y")
    nodes = [
        node("Conv", "x w", "c"),
        node("If", "on", "z", then_branch=inner, else_branch=inner),
        node("Relu", "z", "r"),
    ]
    outer = graph(nodes, "r shift", {"w": W, "shift": np.full(1, 0.5, np.float32)})
    first = node("If", "on", "a s", then_branch=outer, else_branch=outer)
    # The values of the second have names that are taken.
    second = node("If", "on", "b _", then_branch=outer, else_branch=outer)
    nodes = [first, second, node("Add", "a b", "c"), node("Mul", "c s", "out")]
    assert_agrees(saved(model(nodes, X, {"on": np.array(True)}), tmp_path), X, ["out"])


def scaled(opset=18):
    """A function with an attribute, a default, and an input that may be left out."""
    nodes = [
        helper.make_node("Conv", ["u", "v"], ["c"]),
        helper.make_node("LeakyRelu", ["c"], ["t"]),
        helper.make_node("Clip", ["t", "low"], ["y"]),
    ]
    for step, names in ((nodes[0], {"strides": "step"}), (nodes[1], {"alpha": "slope"})):
        for name, source in names.items():
            kind = onnx.AttributeProto.INTS if name == "strides" else onnx.AttributeProto.FLOAT
            step.attribute.append(onnx.AttributeProto(name=name, ref_attr_name=source, type=kind))
    made = helper.make_function(
        "own", "Scaled", ["u", "v", "low"], ["y"], nodes, [helper.make_opsetid("", opset)], ["step"]
    )
    made.attribute_proto.append(helper.make_attribute("slope", 0.25))
    return made


def test_functions_of_the_file_are_read(tmp_path):
    nodes = [
        node("Scaled", "x w _", "a", domain="own", step=[2], slope=0.5),
        node("Scaled", "x w low", "b", domain="own"),
        node("Relu", "a", "out"),
    ]
    made = model(nodes, X, {"w": W, "low": np.float32(-0.1)}, outputs="out b")
    made.opset_import.append(helper.make_opsetid("own", 1))
    made.functions.append(scaled())
    network, _ = assert_agrees(saved(made, tmp_path), X, ["out", "b"])
    first, second = network.convolutions
    assert (first.stride, second.stride) == ((2,), (1,))
    assert first.name == "a/c"


def test_a_function_has_its_own_version_of_the_operators(tmp_path):
    """Softmax took all axes together before version 13."""
    step = helper.make_node("Softmax", ["u"], ["y"], axis=1)
    inner = helper.make_function("own", "Old", ["u"], ["y"], [step], [helper.make_opsetid("", 11)])
    made = model([node("Old", "x", "out", domain="own")], X)
    made.opset_import.append(helper.make_opsetid("own", 1))
    made.functions.append(inner)
    values = networks.load(saved(made, tmp_path)).forward(X["x"])
    np.testing.assert_allclose(values["out"].sum(axis=(1, 2)), 1, rtol=1e-6)


def test_inputs_are_fixed_on_the_command_line(tmp_path, monkeypatch, capsys):
    path = saved(model(RATE, X | {"sr": np.array(1)}), tmp_path)
    html = ("--html", tmp_path / "report.html")
    done = call(monkeypatch, capsys, "analyze", path, "--fixed", "sr=16000", *html)
    assert (done.code, "net.onnx, layer by layer" in done.out) == (0, True)
    for text in ("sr", "=1", "sr=many"):
        done = call(monkeypatch, capsys, "analyze", path, "--fixed", text, *html, "--force")
        assert done.code == 2
        assert f"--fixed: expected NAME=NUMBER, got '{text}'" in done.err
