#!/usr/bin/env bash
# onnxruntime 1.32.0, quantize_static: by default no ReLU is left in a quantised network.
#
# Expected: a quantised copy of Conv, Relu, Conv has the three steps, so that whoever counts what a
# ReLU lets through (pathways, sparsity, dead units) finds the same layers in both files.
# What happens: with activations in QUInt8 and QInt8 alike, the format QDQ drops every Relu whose
# output is quantised, because the step before it cannot tell negative numbers from zero. The rule
# of the layer is then hidden in the zero point of a QuantizeLinear, and there is a second one: what
# was positive but under half a step becomes 0 as well, so that fewer units are active than before.
# With ActivationSymmetric=True and QInt8 the Relu stays: then the step could say negative numbers.
#
# Versions: onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6.
# Source: https://github.com/microsoft/onnxruntime,
# onnxruntime/python/tools/quantization/operators/activation.py (QDQRemovableActivation)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat > "$folder/quantised.py" <<'PYTHON'
import collections
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

rng = np.random.default_rng(0)
DATA = [rng.standard_normal((1, 1, 12, 12)).astype(np.float32) for _ in range(20)]


class Data(CalibrationDataReader):
    """Twenty random pictures."""

    def __init__(self):
        self.left = iter(DATA)

    def get_next(self):
        x = next(self.left, None)
        return None if x is None else {"x": x}


def network(path):
    """Conv, Relu, Conv."""
    weights = [rng.standard_normal(shape).astype(np.float32) for shape in [(8, 1, 3, 3), (4, 8, 3, 3)]]
    nodes = [helper.make_node("Conv", ["x", "w0"], ["c"], "first"),
             helper.make_node("Relu", ["c"], ["r"], "relu"),
             helper.make_node("Conv", ["r", "w1"], ["y"], "second")]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 1, 12, 12))]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 4, 8, 8))]
    constants = [numpy_helper.from_array(w, f"w{i}") for i, w in enumerate(weights)]
    graph = helper.make_graph(nodes, "g", inputs, outputs, constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def second_input(path):
    """How many operators of each kind, and the share of the second convolution's input that is not 0."""
    model = onnx.load(path)
    kinds = collections.Counter(node.op_type for node in model.graph.node)
    (conv,) = (node for node in model.graph.node if node.name.startswith("second"))
    model.graph.output.append(helper.make_tensor_value_info(conv.input[0], TensorProto.FLOAT, None))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    active = [np.mean(session.run([conv.input[0]], {"x": x})[0] != 0) for x in DATA]
    return kinds["Relu"], float(np.mean(active))


folder = sys.argv[1]
network(f"{folder}/float.onnx")
before = second_input(f"{folder}/float.onnx")
print("float:              Relu left", before[0], " active", round(before[1], 4))
seen = []
for kind, symmetric in ((QuantType.QUInt8, False), (QuantType.QInt8, False), (QuantType.QInt8, True)):
    path = f"{folder}/{kind}-{symmetric}.onnx"
    quantize_static(f"{folder}/float.onnx", path, Data(), quant_format=QuantFormat.QDQ,
                    activation_type=kind, weight_type=QuantType.QInt8,
                    extra_options={"ActivationSymmetric": symmetric})
    relus, active = second_input(path)
    seen.append((relus, active < before[1]))
    print(f"{kind} symmetric={symmetric}: Relu left {relus}  active {active:.4f}")
assert before[0] == 1 and seen == [(0, True), (0, True), (1, True)], "this has changed"
PYTHON

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6 2> /dev/null
"$folder/venv/bin/python" "$folder/quantised.py" "$folder" 2> /dev/null
