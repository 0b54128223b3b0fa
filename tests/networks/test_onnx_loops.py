"""Loop and Scan of ONNX files: as many steps as rounds, or a stop that says why."""

import numpy as np
import onnx
import pytest

from dcsc import networks
from tests.networks.graphs import assert_agrees, model, node, saved

helper = onnx.helper
RNG = np.random.default_rng(8)
FLOAT, INT, BOOL = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64, onnx.TensorProto.BOOL


def some(*shape):
    return RNG.normal(size=shape).astype(np.float32)


X = {"x": some(1, 2, 8)}
W = some(2, 2, 3)


def graph(nodes, inputs, outputs, constants=()):
    """A body; it sees the values around it."""
    tensors = [onnx.numpy_helper.from_array(a, n) for n, a in dict(constants).items()]
    ends = [[helper.make_tensor_value_info(*v) for v in values] for values in (inputs, outputs)]
    return helper.make_graph(nodes, "body", *ends, tensors)


def looping(nodes, gathered=(), constants=()):
    """A body of a Loop whose state is h, which becomes ``new``."""
    inputs = [("i", INT, []), ("on", BOOL, []), ("h", FLOAT, None)]
    outputs = [("go", BOOL, []), ("new", FLOAT, None), *((n, FLOAT, None) for n in gathered)]
    return graph(nodes, inputs, outputs, constants)


SAME = node("Identity", "on", "go")
CONV = node("Conv", "h w", "c", pads=[1, 1])


def loop(body, inputs="count yes x", outputs="out"):
    return node("Loop", inputs, outputs, body=body)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_loop_of_so_many_rounds_is_so_many_convolutions(count, tmp_path):
    body = looping([SAME, CONV, node("Relu", "c", "new")], constants={"w": W})
    made = model([loop(body)], X, {"count": np.array(count), "yes": np.array(True)})
    network, _ = assert_agrees(saved(made, tmp_path), X, ["out"])
    assert len(network.convolutions) == count
    assert all(layer.activation.label == "Relu" for layer in network.convolutions)


def test_the_number_of_a_round_and_what_is_gathered(tmp_path):
    """The body reads its number, its state and a value around it."""
    nodes = [
        SAME,
        node("Cast", "i", "f", to=FLOAT),
        node("Mul", "h f", "m"),
        node("Add", "m x", "new"),
        node("ReduceSum", "new", "sum", keepdims=0),
    ]
    body = looping(nodes, gathered=["sum"])
    made = model(
        [loop(body, outputs="last sums"), node("Mul", "last sums", "out")],
        {"x": some(4)},
        {"count": np.array(4), "yes": np.array(True)},
        outputs="out sums",
    )
    assert_agrees(saved(made, tmp_path), {"x": some(4)}, ["out", "sums"])


@pytest.mark.parametrize("limit", ["count", "_"])
def test_a_loop_ends_by_a_condition_that_is_known(limit, tmp_path):
    nodes = [node("Less", "i two", "go"), node("Add", "h x", "new")]
    body = looping(nodes, constants={"two": np.array(2)})
    constants = {"count": np.array(2**62), "yes": np.array(True)}
    made = model([loop(body, f"{limit} yes x")], X, constants)
    network, _ = assert_agrees(saved(made, tmp_path), X, ["out"])
    np.testing.assert_allclose(network.forward(X)["out"], 4 * X["x"], rtol=1e-6)


def test_a_loop_inside_a_loop(tmp_path):
    inner = graph(
        [node("Identity", "still", "more"), node("Add", "k x", "sum")],
        [("j", INT, []), ("still", BOOL, []), ("k", FLOAT, None)],
        [("more", BOOL, []), ("sum", FLOAT, None)],
    )
    nodes = [SAME, node("Loop", "count on h", "t", body=inner), node("Mul", "t x", "new")]
    made = model([loop(looping(nodes))], X, {"count": np.array(2), "yes": np.array(True)})
    assert_agrees(saved(made, tmp_path), X, ["out"])


def reason(made, tmp_path, inputs=X):
    """Why a loop is a stop; what lies beside it runs, and nothing of the loop is left."""
    made.graph.output.append(helper.make_empty_tensor_value_info("beside"))
    made.graph.node.append(node("Relu", "x", "beside"))
    network = networks.load(saved(made, tmp_path))
    (stop,) = network.unread
    assert network.convolutions == ()
    values = network.forward(inputs)
    assert values.stops == (stop,)
    np.testing.assert_array_equal(values["beside"], np.maximum(inputs["x"], 0))
    return stop.reason


def test_a_loop_that_inputs_decide_is_a_stop_until_they_are_fixed(tmp_path):
    body = looping([SAME, CONV, node("Relu", "c", "new")], constants={"w": W})
    inputs = X | {"count": np.array(3)}
    made = model([loop(body)], inputs, {"yes": np.array(True)})
    path = saved(made, tmp_path)
    network = networks.load(path, fixed={"count": 2})
    assert len(network.convolutions) == 2
    assert "how often it runs is computed" in reason(made, tmp_path, inputs)


@pytest.mark.parametrize(("nodes", "gathered", "count", "message"), [
    ([node("Greater", "h zero", "a"), node("Cast", "a", "b", to=BOOL), node("Squeeze", "b", "go"),
      CONV, node("Relu", "c", "new")], [], 3, "how often it runs is computed while it runs"),
    ([SAME, CONV, node("Relu", "c", "new")], [], 2**62, "more than 4096 steps together"),
    ([SAME, CONV, node("Relu", "c", "new")], ["c"], 0, "what it would gather has no size"),
])  # fmt: skip
def test_other_loops_are_stops(nodes, gathered, count, message, tmp_path):
    body = looping(nodes, gathered=gathered, constants={"w": W, "zero": np.float32(0)})
    constants = {"count": np.array(count), "yes": np.array(True)}
    made = model([loop(body, outputs="out more" if gathered else "out")], X, constants)
    assert message in reason(made, tmp_path)


# ---- Scan ----------------------------------------------------------------------------------------


def scanning():
    """A recurrent layer: the state is half of what it was, and the sum of two things beside."""
    nodes = [
        node("Mul", "h half", "a"),
        node("Add", "a u", "b"),
        node("Sub", "b v", "new"),
        node("Tanh", "new", "t"),
    ]
    inputs = [("h", FLOAT, [3]), ("u", FLOAT, [3]), ("v", FLOAT, [3])]
    return graph(nodes, inputs, [("new", FLOAT, [3]), ("t", FLOAT, [3])], {"half": np.float32(0.5)})


@pytest.mark.parametrize("attributes", [
    {},
    {"scan_input_directions": [0, 1], "scan_output_directions": [1]},
    {"scan_input_axes": [0, -1], "scan_output_axes": [1], "scan_input_directions": [1, 1]},
])  # fmt: skip
def test_a_scan_is_a_round_for_each_entry(attributes, tmp_path):
    turned = "scan_input_axes" in attributes
    inputs = {"h": some(3), "u": some(5, 3), "v": some(3, 5) if turned else some(5, 3)}
    step = node("Scan", "h u v", "last out", body=scanning(), num_scan_inputs=2, **attributes)
    made = model([step], inputs, outputs="out last")
    assert_agrees(saved(made, tmp_path), inputs, ["out", "last"])


def test_the_length_of_a_scan_may_follow_from_other_steps(tmp_path):
    inputs = {"x": some(3, 5)}
    nodes = [
        node("Transpose", "x", "u"),
        node("Scan", "h u u", "last out", body=scanning(), num_scan_inputs=2),
    ]
    assert_agrees(saved(model(nodes, inputs, {"h": some(3)}), tmp_path), inputs, ["out"])


def test_a_scan_of_any_length_is_a_stop(tmp_path):
    inputs = {"x": some(5, 3)}
    step = node("Scan", "h x x", "last out", body=scanning(), num_scan_inputs=2)
    made = model([step], inputs, {"h": some(3)})
    made.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "time"
    assert "give the file its inputs' sizes" in reason(made, tmp_path, inputs)


def test_a_scan_of_the_first_kind_is_a_stop(tmp_path):
    inputs = {"x": some(1, 5, 3)}
    step = node("Scan", "_ h x x", "last out", body=scanning(), num_scan_inputs=2)
    made = model([step], inputs, {"h": some(1, 3)}, opset=8)
    assert "before version 9" in reason(made, tmp_path, inputs)
