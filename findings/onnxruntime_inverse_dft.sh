#!/usr/bin/env bash
# onnxruntime 1.32.0: an inverse one-sided DFT counts bins that its length leaves out.
#
# Expected: `dft_length` says how long the signal is that comes out. Of length 5 it has the bins 0, 1 and
# 2 on one side, and those beyond are cut off, as numpy.fft.irfft and onnx.reference do; a longer
# one is filled up with zeros.
# What happens: ONNX Runtime adds what lies in bin 3 as well, so that 0.4 becomes 2.2 where that bin
# holds 9, and nothing is said. Where it is zero the three agree. For the lengths that fit the
# number of bins, 2(L - 1) and 2L - 1, there is nothing to cut off.
#
# Versions: Python 3.11, onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6.
# Source: https://github.com/onnx/onnx, docs/Operators.md (DFT), and
# https://github.com/microsoft/onnxruntime, core/providers/cpu/signal/dft.cc
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat > "$folder/inverse.py" <<'PYTHON'
import numpy as np
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

BINS, LENGTH = 4, 5


def model():
    node = helper.make_node("DFT", ["x", "length", "axis"], ["y"], inverse=1, onesided=1)
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, BINS, 2]),
        helper.make_tensor_value_info("length", TensorProto.INT64, []),
        helper.make_tensor_value_info("axis", TensorProto.INT64, []),
    ]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "g", inputs, [output])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


reference = ReferenceEvaluator(model())
session = onnxruntime.InferenceSession(
    model().SerializeToString(), providers=["CPUExecutionProvider"]
)
for last in (0, 9):
    x = np.zeros((1, BINS, 2), np.float32)
    x[0, :, 0] = [0, 1, 0, last]
    inputs = {"x": x, "length": np.array(LENGTH), "axis": np.array(1)}
    expected = np.fft.irfft(x[0, :, 0], LENGTH)
    by_reference, by_runtime = (
        run(None, inputs)[0].ravel() for run in (reference.run, session.run)
    )
    print(f"bin 3 holds {last}: first sample {expected[0]:.2f} by numpy, "
          f"{by_reference[0]:.2f} by onnx.reference, {by_runtime[0]:.2f} by ONNX Runtime")
    assert np.allclose(by_reference, expected, atol=1e-5), "this has changed"
    assert np.allclose(by_runtime, expected, atol=1e-5) == (last == 0), "this has changed"
PYTHON

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6 2> /dev/null
"$folder/venv/bin/python" "$folder/inverse.py"
