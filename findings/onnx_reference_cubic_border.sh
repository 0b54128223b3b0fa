#!/usr/bin/env bash
# onnx 1.23.2, onnx.reference: cubic GridSample with padding_mode="border" moves places outside to the edge.
#
# Expected: what torch.nn.functional.grid_sample computes, from which the operator comes, and ONNX Runtime
# does the same. A place outside keeps its fraction; each of the 16 samples around it that lies
# outside is replaced by the nearest at the border. In the zeros and reflection modes, and for linear
# and nearest, all three agree.
# What happens: onnx.reference first moves the place itself to the last sample, and then interpolates there.
# Within half a pixel beyond the edge of the image the results differ, in the second digit; inside and
# farther out they are equal, so that a test on a grid within [-1, 1] sees nothing.
#
# Versions: Python 3.11, torch 2.13.0, onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6.
# Source: https://github.com/onnx/onnx, onnx/reference/ops/op_grid_sample.py, and
# https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.grid_sample.html
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat > "$folder/samples.py" <<'PYTHON'
import numpy as np
import onnxruntime
import torch
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

IMAGE = np.random.default_rng(0).normal(size=(1, 1, 4, 4)).astype(np.float32)
NAMES = {"linear": "bilinear", "cubic": "bicubic"}


def three(place, mode, padding):
    """Sample at one place, x = y, by PyTorch, ONNX Runtime and onnx.reference."""
    grid = np.full((1, 1, 1, 2), place, np.float32)
    node = helper.make_node(
        "GridSample", ["x", "grid"], ["y"], mode=mode, padding_mode=padding, align_corners=0
    )
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, IMAGE.shape),
        helper.make_tensor_value_info("grid", TensorProto.FLOAT, grid.shape),
    ]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "g", inputs, [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    values = {"x": IMAGE, "grid": grid}
    expected = torch.nn.functional.grid_sample(
        torch.from_numpy(IMAGE), torch.from_numpy(grid), NAMES[mode], padding, False
    )
    results = (run(None, values)[0] for run in (session.run, ReferenceEvaluator(model).run))
    return [float(np.ravel(value)[0]) for value in (expected.numpy(), *results)]


for place in (0.9, 1.0, 1.1, 3.0):
    expected, runtime, reference = three(place, "cubic", "border")
    print(f"at {place}: {expected:.4f} by PyTorch, {runtime:.4f} by ONNX Runtime, "
          f"{reference:.4f} by onnx.reference")
    assert abs(runtime - expected) < 1e-5, "this has changed"
    assert (abs(reference - expected) > 1e-2) == (place == 1.1), "this has changed"
for mode, padding in (("cubic", "zeros"), ("cubic", "reflection"), ("linear", "border")):
    assert np.ptp(three(1.1, mode, padding)) < 1e-5, "this has changed"
PYTHON

python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0
"$folder/venv/bin/pip" install --quiet onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6 2> /dev/null
"$folder/venv/bin/python" "$folder/samples.py"
