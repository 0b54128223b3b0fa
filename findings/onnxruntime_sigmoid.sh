#!/usr/bin/env bash
# ONNX Runtime 1.32.0, CPU, float32: Sigmoid has seven decimals, not seven digits.
#
# Expected: sigmoid(z) of negative z to a few units in the last place of float32, as for Exp and Tanh
# in the same program and for torch.sigmoid, falling with z, and positive down to z = -88. Scores that
# rank rare classes, or log(sigmoid(z)) as a log-probability, rely on it.
# What happens: the error is some 1e-7 of one and not of the value. It is 0.02 % at -8, 1 % at -13,
# 17 % at -15; sigmoid(-17) is larger than sigmoid(-16), so that the order of two scores turns round;
# and from -18 on the result is 0, whose logarithm is minus infinity.
#
# Versions: onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6; x86-64.
# Source: https://github.com/microsoft/onnxruntime
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat > "$folder/sigmoid.py" <<'PYTHON'
import numpy as np
import onnxruntime
from onnx import TensorProto, helper


def run(kind, z):
    """The operator alone, on float32."""
    names = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None]) for name in "zy"]
    graph = helper.make_graph([helper.make_node(kind, ["z"], ["y"])], "g", names[:1], names[1:])
    opsets = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"z": z})[0]


z = np.float32([-8, -13, -15, -16, -17, -18, -30])
found = run("Sigmoid", np.repeat(z, 16))[::16]
right = 1 / (1 + np.exp(-z.astype(np.float64)))
for place, value, wanted in zip(z, found, right):
    print(f"sigmoid({place:.0f}) = {value:.3e}, right {wanted:.3e}, off by {value / wanted - 1:+.1%}")
grid = np.linspace(-30, 0, 10001).astype(np.float32)
exp = np.abs(run("Exp", grid) / np.exp(grid.astype(np.float64)) - 1).max()
falls = int((np.diff(run("Sigmoid", grid)) < 0).sum())
print(f"Exp on the same range is off by {exp:.1e} at most; Sigmoid falls {falls} times as z rises")
assert exp < 1e-6, "this has changed"
assert found[4] > found[3] and found[5] == found[6] == 0, "this has changed"
assert abs(found[2] / right[2] - 1) > 0.1 and falls > 0, "this has changed"
PYTHON

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6 2> /dev/null
"$folder/venv/bin/python" "$folder/sigmoid.py"
