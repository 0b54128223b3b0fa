#!/usr/bin/env bash
# onnx 1.23.2, onnx.reference: LSTM and GRU do not look at sequence_lens, nor at activations, and say
# nothing.
#
# Expected: the reference implementation of ONNX' operators computes what their definition says, or
# raises an exception. Where a sequence of a batch ends early, outputs after its end are zero, and the
# last state is the one at its end; `activations` names the functions of the gates.
# What happens: every sequence runs to the end of the batch, through its padding, and all gates go
# through Sigmoid and Tanh. Whoever takes the reference for the truth about an exported model with
# packed sequences blames the export, or ONNX Runtime, which is right.
#
# Versions: onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6.
# Source: https://github.com/onnx/onnx, onnx/reference/ops/op_lstm.py and op_gru.py
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat > "$folder/lengths.py" <<'PYTHON'
import numpy as np
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

rng = np.random.default_rng(0)
X = rng.normal(size=(4, 2, 3)).astype(np.float32)  # 4 times, 2 sequences


def both(kind, gates, lengths, **attributes):
    """Outputs and last states by the reference and by ONNX Runtime."""
    values = {
        "X": X,
        "W": rng.normal(size=(1, 2 * gates, 3)).astype(np.float32),
        "R": rng.normal(size=(1, 2 * gates, 2)).astype(np.float32),
        "L": np.array(lengths, np.int32),
    }
    inputs = ["X", "W", "R", "", "L"]
    node = helper.make_node(kind, inputs, ["Y", "H"], hidden_size=2, **attributes)
    infos = [
        helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        for n, a in values.items()
    ]
    outputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in "YH"]
    graph = helper.make_graph([node], "g", infos, outputs)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=9
    )
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return ReferenceEvaluator(model).run(None, values), session.run(None, values)


for kind, gates in (("LSTM", 4), ("GRU", 3)):
    same, runtime = both(kind, gates, [4, 4])
    print(f"{kind}, both of 4 times: apart by {np.abs(same[0] - runtime[0]).max():.0e}")
    assert np.allclose(same[0], runtime[0], atol=1e-5), "this has changed"
    reference, runtime = both(kind, gates, [4, 2])
    print(f"{kind}, the second of 2 times, its output at the last time:")
    print(f"  onnx.reference {reference[0][3, 0, 1]}, ONNX Runtime {runtime[0][3, 0, 1]}")
    assert np.all(runtime[0][3, 0, 1] == 0) and np.all(reference[0][3, 0, 1] != 0), "this has changed"
    assert np.array_equal(runtime[1][0, 1], runtime[0][1, 0, 1]), "this has changed"

names = ["HardSigmoid", "Tanh", "Tanh"]
reference, runtime = both("LSTM", 4, [4, 4], activations=names)
apart = np.abs(reference[0] - runtime[0]).max()
print(f"LSTM whose gates go through HardSigmoid: apart by {apart:.0e}")
assert apart > 1e-3, "this has changed"
PYTHON

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6 2> /dev/null
"$folder/venv/bin/python" "$folder/lengths.py"
