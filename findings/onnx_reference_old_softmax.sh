#!/usr/bin/env bash
# onnx 1.23.2, onnx.reference: Softmax, LogSoftmax and Hardmax of opsets before 13 take one axis.
#
# Expected: in opsets 1 to 12 these operators first make a matrix of their input, with the axes from
# `axis` (1 by default) on as its columns, and all numbers of a row add up to one. That is what their
# definition of the time says, and what ONNX Runtime does. onnx.reference chooses implementations by the
# opset of a model, and for these it has those of opset 13 alone.
# What happens: for a map of classes of shape (1, 2, 2), the result adds up to 2 and not to 1, without
# a word; a Hardmax has two ones. For matrices, as in most classifiers, both are the same.
#
# Versions: onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6.
# Source: https://github.com/onnx/onnx, docs/Changelog.md (Softmax-11) and
# onnx/reference/ops/op_softmax.py
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat > "$folder/softmax.py" <<'PYTHON'
import numpy as np
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

X = np.float32([[[1, 2], [3, 0]]])


def both(kind, opset):
    """The operator with its defaults by the reference and by ONNX Runtime."""
    names = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "xy"]
    names[0] = helper.make_tensor_value_info("x", TensorProto.FLOAT, X.shape)
    graph = helper.make_graph([helper.make_node(kind, ["x"], ["y"])], "g", names[:1], names[1:])
    opsets = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=6)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (reference,), (runtime,) = ReferenceEvaluator(model).run(None, {"x": X}), session.run(
        None, {"x": X}
    )
    return reference, runtime


for kind in ("Softmax", "LogSoftmax", "Hardmax"):
    for opset in (11, 13):
        reference, runtime = both(kind, opset)
        sums = [np.exp(y).sum() if kind == "LogSoftmax" else y.sum() for y in (reference, runtime)]
        print(f"{kind}, opset {opset}: sum {sums[0]:.2f} by onnx.reference, {sums[1]:.2f} by ONNX Runtime")
        wanted = [2, 1] if opset == 11 else [2, 2]
        assert np.allclose(sums, wanted, atol=1e-5), "this has changed"
PYTHON

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6 2> /dev/null
"$folder/venv/bin/python" "$folder/softmax.py"
