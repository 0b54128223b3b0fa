#!/usr/bin/env bash
# onnxruntime 1.32.0: ConvTranspose with SAME padding is too short where the stride exceeds the kernel.
#
# Expected: since version 11 auto_pad SAME_UPPER and SAME_LOWER mean that
# output_shape[i] = input_shape[i] * strides[i] for each axis; 3 values at stride 2 become 6, also with
# a kernel of one tap (a learnt upsampling that puts zeros between). onnx's own reference does so.
# What happens: the padding that the formula asks for is negative there, and the runtime takes 0
# instead, as does onnx's shape inference, against the sentence of the specification and against the
# reference evaluator of the same package. The output has 5 values; both kinds of padding give the
# same ones, although with one of them they should begin one later.
#
# Versions: onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6.
# Source: https://github.com/onnx/onnx, docs/Operators.md, ConvTranspose, auto_pad;
# https://github.com/microsoft/onnxruntime, core/providers/cpu/nn/conv_transpose_attributes.h
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat > "$folder/same.py" <<'PYTHON'
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, shape_inference
from onnx.reference import ReferenceEvaluator

X = np.array([[[0, 1, 0]]], np.float32)
onnxruntime.set_default_logger_severity(3)


def outputs(taps, stride, auto_pad):
    """The inferred length, and what the reference and the runtime give."""
    weights = np.arange(1, taps + 1, dtype=np.float32).reshape(1, 1, taps)
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[stride], auto_pad=auto_pad,
                            kernel_shape=[taps])
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, X.shape),
              helper.make_tensor_value_info("w", TensorProto.FLOAT, weights.shape)]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    model = helper.make_model(helper.make_graph([node], "g", inputs, [output]),
                              opset_imports=[helper.make_opsetid("", 11)], ir_version=8)
    shape = shape_inference.infer_shapes(model).graph.output[0].type.tensor_type.shape
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"])
    fed = {"x": X, "w": weights}
    values = [run.run(None, fed)[0].ravel().tolist() for run in (ReferenceEvaluator(model), session)]
    return shape.dim[2].dim_value, *values


seen = {}
for taps, stride in ((3, 2), (1, 2), (2, 3)):
    for auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        inferred, reference, runtime = seen[taps, stride, auto_pad] = outputs(taps, stride, auto_pad)
        print(f"{taps} taps, stride {stride}, {auto_pad}: inferred {inferred}, "
              f"reference {reference}, ONNX Runtime {runtime}")
for (taps, stride, auto_pad), (inferred, reference, runtime) in seen.items():
    assert len(reference) == 3 * stride, "this has changed"
    assert (reference == runtime) == (taps >= stride), "this has changed"
    assert inferred == len(runtime) == 3 * stride - (taps < stride), "this has changed"
PYTHON

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6 2> /dev/null
"$folder/venv/bin/python" "$folder/same.py" 2>&1
