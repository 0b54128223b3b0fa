"""Sound ONNX files, and data beside them."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from nightly.mutants.sounds import Sound, normal

__all__ = ["onnx_models"]


def onnx_models() -> Iterator[Sound]:
    """Yield graphs of convolutions, of dense layers, and with data in the file ``data``."""
    import onnx  # noqa: PLC0415  # who has no onnx tries the other formats

    def node(kind: str, inputs: str, output: str, **attributes: Any) -> Any:
        names = ["" if name == "_" else name for name in inputs.split()]
        return onnx.helper.make_node(kind, names, [output], output, **attributes)

    def model(nodes: Any, shape: Any, constants: dict[str, Any], opset: int = 18) -> Any:
        value = onnx.helper.make_tensor_value_info
        graph = onnx.helper.make_graph(
            nodes,
            "graph",
            [value("x", onnx.TensorProto.FLOAT, shape)],
            [onnx.helper.make_empty_tensor_value_info("out")],
            [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()],
        )
        versions = [onnx.helper.make_opsetid("", opset)]
        return onnx.helper.make_model(graph, opset_imports=versions, ir_version=9)

    four, w = np.ones(4, np.float32), normal(4, 3, 3, 3).astype(np.float32)
    plane = [
        node("Conv", "x w four", "a", strides=[1, 1], pads=[1, 1, 0, 0], group=1),
        node("BatchNormalization", "a four four four four", "b", epsilon=1e-5),
        node("Relu", "b", "c"),
        node("MaxPool", "c", "d", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
        node("AveragePool", "d", "e", kernel_shape=[2, 2], auto_pad="SAME_UPPER"),
        node("Conv", "e v", "f", dilations=[1, 1], group=4),
        node("Flatten", "f", "g", axis=1),
        node("Gemm", "g m _", "h", transB=1, alpha=1.0),
        node("Softmax", "h", "out", axis=-1),
    ]
    v = normal(4, 1, 2, 2).astype(np.float32)
    m = normal(5, 36).astype(np.float32)
    constants = {"w": w, "four": four, "v": v, "m": m}
    yield Sound(model(plane, ["batch", 3, 8, 8], constants).SerializeToString())
    lists = {"starts": np.array([0]), "ends": np.array([2**31]), "axes": np.array([2])}
    lists |= {"shape": np.array([0, -1]), "pads": np.array([0, 0, 1, 0, 0, 1]), "zero": four[0]}
    lists |= {
        "scales": np.array([1, 1, 2], np.float32),
        "two": np.array([2]),
        "s": four[:1],
        "four": four,
    }
    line = [
        node("Pad", "x pads zero", "a", mode="constant"),
        node("Slice", "a starts ends axes", "b"),
        node("Conv", "b k", "c", auto_pad="SAME_LOWER"),
        node("PRelu", "c s", "d"),
        node("Resize", "d _ scales", "e", mode="nearest", nearest_mode="floor",
             coordinate_transformation_mode="asymmetric"),
        node("Resize", "e _ scales", "f", mode="linear"),
        node("Clip", "f zero", "g"),
        node("ReduceMean", "g two", "h", keepdims=1),
        node("Concat", "h h", "i", axis=1),
        node("Transpose", "i", "j", perm=[0, 2, 1]),
        node("Reshape", "j shape", "k2"),
        node("LayerNormalization", "k2 four", "l", axis=-1),
        node("Mish", "l", "out"),
    ]  # fmt: skip
    lists["k"] = normal(2, 3, 3).astype(np.float32)
    yield Sound(model(line, [1, 3, 16], lists).SerializeToString())
    yield Sound(_nested(onnx, node, model).SerializeToString())
    outside = model([node("Conv", "x w", "out")], [1, 3, 8, 8], {"w": w})
    tensor = outside.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", "data"), ("offset", "0"), ("length", str(w.nbytes))):
        tensor.external_data.add(key=key, value=value)
    yield Sound(outside.SerializeToString(), {"data": w.tobytes()})


def _nested(onnx: Any, node: Any, model: Any) -> Any:
    """Return a model with a function, a branch, and steps whose weights and sizes are computed."""
    branches = {
        f"{name}_branch": onnx.helper.make_graph(
            [node("Conv", "x w", "c"), node(kind, "c", "y")],
            name,
            [],
            [onnx.helper.make_empty_tensor_value_info("y")],
            [onnx.numpy_helper.from_array(normal(4, 3, 3).astype(np.float32), "w")],
        )
        for name, kind in (("then", "Relu"), ("else", "Tanh"))
    }
    inner = [node("LSTM", "u w r _ _ h", "y"), node("Squeeze", "y one", "z")]
    versions = [onnx.helper.make_opsetid("", 18)]
    function = onnx.helper.make_function("own", "Cell", ["u", "w", "r", "h", "one"], ["z"], inner,
                                         versions)  # fmt: skip
    nodes = [
        node("If", "on", "a", **branches),
        node("Shape", "a", "s"),
        node("Tile", "k s", "v"),
        node("Conv", "a v", "b", pads=[1, 1]),
        node("Split", "b sizes", "d", axis=1),
        node("Transpose", "d", "e", perm=[2, 0, 1]),
        node("Cell", "e lw lr _ one", "f", domain="own"),
        node("TopK", "f two", "g", axis=-1),
        node("Einsum", "g g", "i", equation="tbc,tbd->tcd"),
        node("Resize", "i _ _ wide", "j", mode="cubic"),
        node("MaxPool", "j", "l", kernel_shape=[2], strides=[2]),
        node("LpPool", "l", "out", kernel_shape=[2], p=2),
    ]
    constants = {
        "on": np.array(True),
        "k": np.ones((1, 1, 1), np.float32),
        "sizes": np.array([2, 0]),
        "one": np.array([1]),
        "two": np.array([2]),
        "lw": normal(1, 8, 2).astype(np.float32),
        "lr": normal(1, 8, 2).astype(np.float32),
        "wide": np.array([6, 2, 9]),
    }
    nodes[4].output.append("rest")
    made = model(nodes, [4, 3, 8], constants)
    made.opset_import.append(onnx.helper.make_opsetid("own", 1))
    made.functions.append(function)
    return made
