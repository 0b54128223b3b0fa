"""ONNX models made by hand, and what ONNX Runtime says of them."""

import numpy as np
import onnx
import onnxruntime

from dcsc import networks
from dcsc.networks import operations as ops

onnxruntime.set_default_logger_severity(4)


def node(kind, inputs, outputs, **attributes):
    """Return a step; an optional input that is left out is a dash below the line."""
    names = ["" if name == "_" else name for name in inputs.split()]
    return onnx.helper.make_node(kind, names, outputs.split(), outputs.split()[0], **attributes)


def value_info(name, array, free=()):
    kind = onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
    shape = [None if axis in free else n for axis, n in enumerate(array.shape)]
    return onnx.helper.make_tensor_value_info(name, kind, shape)


def model(nodes, inputs, constants=(), outputs="out", opset=18, free=()):
    """Return a model; inputs and constants are arrays by name."""
    tensors = [onnx.numpy_helper.from_array(a, n) for n, a in dict(constants).items()]
    graph = onnx.helper.make_graph(
        nodes,
        "graph",
        [value_info(name, array, free) for name, array in inputs.items()],
        [onnx.helper.make_empty_tensor_value_info(name) for name in outputs.split()],
        tensors,
    )
    opsets = [onnx.helper.make_opsetid("", opset)]
    return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=9)


def saved(made, folder, name="net.onnx"):
    path = folder / name
    path.write_bytes(made.SerializeToString())
    return path


def reference(path, inputs, names):
    """Return values inside the graph by ONNX Runtime."""
    made = onnx.load(path)
    del made.graph.output[:]
    made.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    session = onnxruntime.InferenceSession(
        made.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return dict(zip(names, session.run(list(names), inputs), strict=True))


def assert_agrees(path, inputs, names=None, tolerance=1e-5):
    """Load, run, and hold outputs, or all values that were kept, against ONNX Runtime."""
    network = networks.load(path)
    found = network.forward(inputs if len(inputs) > 1 else next(iter(inputs.values())))
    assert found.stops == ()
    given = set(inputs)
    names = names or [name for name in found.values if name not in given]
    for name, expected in reference(path, inputs, names).items():
        assert found[name].shape == expected.shape, name
        largest = np.abs(expected.astype(np.float64)).max(initial=1e-30)
        assert (
            np.abs(found[name] - expected.astype(np.float64)).max(initial=0) <= tolerance * largest
        )
    return network, found


def operation(network, kind=ops.Operation):
    """Return the only operation of a kind."""
    ((_, found),) = network.graph.of_kind(kind)
    return found
