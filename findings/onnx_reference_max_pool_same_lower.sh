#!/usr/bin/env bash
# onnx 1.23.2, onnx.reference: MaxPool with auto_pad=SAME_LOWER loses outputs and looks at other windows.
#
# Expected: with SAME_UPPER and SAME_LOWER the result has ceil(n / stride) entries, and the two differ
# only in the side on which an odd number of padded zeros has one more. So the definition says, and so
# does ONNX Runtime; AveragePool of onnx.reference does it too.
# What happens: for SAME_LOWER the whole maps of MaxPool move. A kernel of 3 at stride 2, as in many
# networks, gives three outputs of seven entries and not four; a kernel of 1 at stride 2, with which a
# residual network takes every second entry for its shortcut, takes the second and the fourth entry
# and not the first, third and fifth. There is no error: what follows has another shape, or the same
# shape and other numbers.
#
# Versions: Python 3.11, onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6.
# Source: https://github.com/onnx/onnx, docs/Operators.md (MaxPool) and
# onnx/reference/ops/op_max_pool.py
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat > "$folder/pools.py" <<'PYTHON'
import numpy as np
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator


def both(kind, pad, n, kernel, stride):
    """Pool the entries 1 to n by the reference and by ONNX Runtime."""
    x = np.arange(1, n + 1, dtype=np.float32).reshape(1, 1, n)
    node = helper.make_node(
        kind, ["x"], ["y"], kernel_shape=[kernel], strides=[stride], auto_pad=pad
    )
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=8)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return [
        evaluate(None, {"x": x})[0].ravel().tolist()
        for evaluate in (ReferenceEvaluator(model).run, session.run)
    ]


for (n, kernel, stride), wrong, right in [
    ((7, 3, 2), [3, 5, 7], [2, 4, 6, 7]),
    ((5, 1, 2), [2, 4], [1, 3, 5]),
    ((5, 2, 2), [3, 5], None),
]:
    reference, runtime = both("MaxPool", "SAME_LOWER", n, kernel, stride)
    print(f"entries 1 to {n}, kernel {kernel}, stride {stride}: {reference} by onnx.reference, "
          f"{runtime} by ONNX Runtime")
    assert len(runtime) == -(-n // stride), "this has changed"
    assert right is None or runtime == right, "this has changed"
    assert reference != runtime and (wrong is None or reference == wrong), "this has changed"
    for kind, pad in (("MaxPool", "SAME_UPPER"), ("AveragePool", "SAME_LOWER")):
        reference, runtime = both(kind, pad, n, kernel, stride)
        assert reference == runtime, "this has changed"
print("MaxPool with SAME_UPPER and AveragePool with SAME_LOWER agree on all of them")
PYTHON

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6 2> /dev/null
"$folder/venv/bin/python" "$folder/pools.py"
