#!/usr/bin/env bash
# onnx 1.23.2, onnx.reference: RoiAlign of operator sets 10 to 15 is computed by the rule of 16.
#
# Expected: RoiAlign-10 has no attribute coordinate_transformation_mode. Version 16 brought it, with
# "output_half_pixel" for what was done before and "half_pixel" as its default; onnx's own converter
# writes "output_half_pixel" where it lifts a model from 15 to 16. A file of operator set 10 is
# therefore sampled without the shift by half a pixel, as ONNX Runtime does.
# What happens: the reference evaluator takes the new default for old files as well. Detectors that
# were exported before 2022 get features that lie half a pixel up and left, without a warning; with
# the newest operator set both agree, so that a comparison of new files shows nothing.
#
# Versions: onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6.
# Source: https://github.com/onnx/onnx, onnx/reference/ops/op_roi_align.py and docs/Changelog.md,
# RoiAlign-10 and RoiAlign-16
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat > "$folder/roi_align.py" <<'PYTHON'
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, version_converter
from onnx.reference import ReferenceEvaluator

# On a ramp, sampling half a pixel further changes a value by half a column and half a row: 3.5.
ramp = np.arange(36, dtype=np.float32).reshape(1, 1, 6, 6)
FED = {"x": ramp, "rois": np.array([[1, 1, 4, 4]], np.float32), "batch": np.zeros(1, np.int64)}
node = helper.make_node("RoiAlign", list(FED), ["y"], output_height=2, output_width=2,
                        sampling_ratio=2, spatial_scale=1.0, mode="avg")
inputs = [helper.make_tensor_value_info(
    name, TensorProto.INT64 if a.dtype == np.int64 else TensorProto.FLOAT, a.shape)
    for name, a in FED.items()]
output = helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 1, 2, 2))
graph = helper.make_graph([node], "g", inputs, [output])


def both(model):
    """What the reference and the runtime make of a model."""
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"])
    return [run.run(None, FED)[0].ravel().tolist() for run in (ReferenceEvaluator(model), session)]


def of(version):
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)], ir_version=8)


new = both(of(16))
old = both(of(10))
lifted = both(version_converter.convert_version(of(10), 16))
for name, (reference, runtime) in (("16", new), ("10", old), ("10 lifted to 16", lifted)):
    print(f"operator set {name}: reference {reference}  ONNX Runtime {runtime}")
assert new[0] == new[1] and lifted[0] == lifted[1] == old[1], "this has changed"
assert np.allclose(np.subtract(old[1], old[0]), 3.5), "this has changed"
PYTHON

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6 2> /dev/null
"$folder/venv/bin/python" "$folder/roi_align.py"
