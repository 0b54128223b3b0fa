#!/usr/bin/env bash
# torch 2.13.0, torch.onnx.export with dynamo=False: movedim to or from a negative axis is written as it is.
#
# Expected: torch.movedim(x, -1, 1), which brings the channels of a channels-last array to the front, and
# movedim(x, 3, 1) are one thing for four axes, and become one and the same Transpose.
# What happens: the exporter by TorchScript writes the negative number into the order of the axes,
# perm = (0, -1, 1, 2). It ends without an error or a warning of it; ONNX knows no negative
# entries there, so that the checker with shape inference and ONNX Runtime refuse the file. The newer
# exporter (dynamo=True) is right.
#
# Versions: Python 3.11, torch 2.13.0, onnx 1.23.2, onnxruntime 1.32.0.
# Source: https://github.com/pytorch/pytorch, torch/onnx/_internal/torchscript_exporter/symbolic_opset9.py
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat > "$folder/orders.py" <<'PYTHON'
import io
import warnings

import onnx
import onnxruntime
import torch


class Front(torch.nn.Module):
    def __init__(self, axis):
        super().__init__()
        self.axis = axis

    def forward(self, x):
        return torch.movedim(x, self.axis, 1)


def order(axis):
    """Return the order of axes that the exporter writes, and whether ONNX Runtime takes it."""
    file = io.BytesIO()
    torch.onnx.export(Front(axis), torch.zeros(1, 4, 5, 3), file, dynamo=False)
    (node,) = onnx.load_from_string(file.getvalue()).graph.node
    try:
        onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    except onnxruntime.capi.onnxruntime_pybind11_state.Fail:
        return list(node.attribute[0].ints), "refused"
    return list(node.attribute[0].ints), "taken"


warnings.simplefilter("ignore")
for axis, wanted in ((3, ([0, 3, 1, 2], "taken")), (-1, ([0, -1, 1, 2], "refused"))):
    result = order(axis)
    print(f"movedim(x, {axis}, 1): perm {result[0]}, {result[1]} by ONNX Runtime")
    assert result == wanted, "this has changed"
PYTHON

python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0
"$folder/venv/bin/pip" install --quiet onnx==1.23.2 onnxruntime==1.32.0 onnxscript==0.7.2
"$folder/venv/bin/python" "$folder/orders.py"
