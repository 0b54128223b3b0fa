"""Files of networks that no reader opens, and the way from each to one that is read."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = ["advice", "folder_advice"]

_SAVED = "save its arrays by numpy.savez under names like conv1.weight"
_ORIGIN = "give the model that it was made from, as .onnx or .safetensors"

_ADVICE: dict[tuple[str, ...], tuple[str, str]] = {
    (".h5", ".hdf5", ".keras"): (
        "Keras",
        "keras.saving.load_model(path).export('net.onnx', format='onnx')",
    ),
    (".tflite",): ("TensorFlow Lite", "python -m tf2onnx.convert --tflite FILE --output net.onnx"),
    (".pb",): ("TensorFlow", "python -m tf2onnx.convert --saved-model FOLDER --output net.onnx"),
    (".json",): (
        "TensorFlow.js, if it is a model",
        "python -m tf2onnx.convert --tfjs FILE --output net.onnx",
    ),
    (".xml",): ("OpenVINO", _ORIGIN),
    (".param",): ("ncnn", _ORIGIN),
    (".mlmodel", ".mlpackage"): ("Core ML", _ORIGIN),
    (".caffemodel", ".prototxt"): ("Caffe", _ORIGIN),
    (".engine", ".plan", ".trt", ".ort"): ("a runtime's own format", _ORIGIN),
    (".pdmodel", ".pdiparams", ".pdparams"): (
        "Paddle",
        "paddle2onnx --model_dir . --model_filename A.pdmodel --params_filename A.pdiparams "
        "--save_file net.onnx",
    ),
    (".pt2",): ("torch.export", "torch.save(torch.export.load(path).state_dict, 'net.pt')"),
    (".msgpack",): ("Flax", f"{_SAVED}, after flax.serialization.msgpack_restore"),
    (".npy",): ("NumPy, with one array", f"{_SAVED}"),
    (".mat",): ("MATLAB", f"{_SAVED}, after scipy.io.loadmat"),
    (".pkl", ".pickle", ".joblib"): ("a pickle, which is code", _SAVED),
}


def advice(name: str) -> str:
    """Return how to get from a file of this name to one that is read, or nothing."""
    for suffixes, (origin, way) in _ADVICE.items():
        if name.lower().endswith(suffixes):
            return f"; such a file is of {origin}: {way}"
    return ""


def folder_advice(path: Any, suffixes: Iterable[str]) -> str:
    """Return which file of a folder could be read, or how to get one; nothing if it is none."""
    try:
        names = sorted(item.name for item in Path(path).iterdir())
    except (OSError, TypeError, ValueError):
        return ""
    if "saved_model.pb" in names:
        return advice("saved_model.pb")
    readable = [name for name in names if name.lower().endswith(tuple(suffixes))]
    return f"; name one of its files, {readable[0]} for example" if readable else ""
