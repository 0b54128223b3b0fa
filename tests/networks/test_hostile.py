"""Broken and hostile files: each is refused in a sentence, and nothing in it is run."""

import io
import os
import pickle
import struct
import sys
import tracemalloc
import zipfile

import numpy as np
import onnx
import pytest

from dcsc import DcscError, networks
from dcsc._words import quoted
from dcsc.networks.readers import onnx_graph
from tests.networks.cases import (
    LAYER,
    SIGNAL,
    write_npz,
    write_onnx,
    write_safetensors,
    write_state_dict,
)
from tests.networks.graphs import model, node, saved


def refusal(path, **more):
    with pytest.raises(DcscError) as error:
        networks.load(path, **more)
    return str(error.value)


WRITERS = {
    ".npz": write_npz,
    ".onnx": write_onnx,
    ".pt": write_state_dict,
    ".safetensors": write_safetensors,
}
FORMATS = list(WRITERS)


@pytest.mark.parametrize("suffix", FORMATS)
def test_files_cut_off_anywhere_are_refused(suffix, tmp_path):
    path = WRITERS[suffix](tmp_path)
    whole = path.read_bytes()
    for length in sorted({0, 1, 7, 40, *range(60, len(whole), max(1, len(whole) // 25))}):
        path.write_bytes(whole[:length])
        message = refusal(path)
        assert message.startswith(f"networks.load: net{suffix}: "), length
        assert len(message) < 500


@pytest.mark.parametrize("suffix", FORMATS)
def test_weights_that_are_not_finite_are_refused(suffix, tmp_path):
    weight = LAYER.copy()
    weight[1, 2, 0] = np.nan
    path = WRITERS[suffix](tmp_path, weight)
    name = "out (Conv): Convolve: weight" if suffix == ".onnx" else "a.weight"
    expected = f"networks.load: net{suffix}: {name}: expected finite numbers, got nan at (1, 2, 0)"
    assert refusal(path) == expected


# ---- code in files -------------------------------------------------------------------------------


class Bomb:
    """Creates a file when it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


def test_code_in_a_pytorch_file_is_refused_and_not_run(torch, tmp_path):
    trace = tmp_path / "trace"
    torch.save({"a.weight": torch.tensor(LAYER), "bomb": Bomb(trace)}, tmp_path / "net.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Bomb(trace)))
    for name in ("net.pt", "plain.pt"):
        message = refusal(tmp_path / name)
        assert "which is not loaded" in message
        assert "weights_only" not in message
    assert not trace.exists()


def test_pickled_objects_in_an_npz_file_are_refused_and_not_run(tmp_path):
    trace = tmp_path / "trace"
    np.savez(tmp_path / "net.npz", **{"a.weight": np.array([Bomb(trace)], object)})
    assert refusal(tmp_path / "net.npz").endswith(
        "a.weight: expected numbers, got dtype object, which is not read"
    )
    assert not trace.exists()


def test_a_torchscript_archive_is_refused(torch, tmp_path):
    with pytest.warns(DeprecationWarning, match="trace"):
        torch.jit.trace(torch.nn.Conv1d(3, 2, 3), torch.tensor(SIGNAL)).save(tmp_path / "net.pt")
    assert refusal(tmp_path / "net.pt").endswith(
        "expected a state_dict, got a TorchScript archive, which holds code: "
        "torch.save(torch.jit.load(path).state_dict(), 'net.pt') saves its weights"
    )


# ---- more declared than there is -----------------------------------------------------------------


def test_an_npz_header_that_declares_too_much(tmp_path):
    content = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (2**40, 3, 3)}
    np.lib.format.write_array_header_1_0(content, header)
    with zipfile.ZipFile(tmp_path / "net.npz", "w") as archive:
        archive.writestr("a.weight.npy", content.getvalue() + LAYER.tobytes())
    assert refusal(tmp_path / "net.npz").endswith(
        f"a.weight: declares {36 * 2**40} bytes of shape ({2**40}, 3, 3), got 72"
    )


@pytest.mark.parametrize("header", [b"{'descr': '<f4', 'shape': (2,", b"(" * 5000, b"\xff"])
def test_an_npz_header_that_is_none(header, tmp_path):
    whole = header + b"\n"
    with zipfile.ZipFile(tmp_path / "net.npz", "w") as archive:
        content = b"\x93NUMPY\x01\0" + struct.pack("<H", len(whole)) + whole + bytes(8)
        archive.writestr("a.weight.npy", content)
    assert "a.weight: expected an array of numbers: " in refusal(tmp_path / "net.npz")


def write_archive(path):
    """Write an archive whose members declare that they unpack to more than there is."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/a.npy", bytes(2**20))
        archive.writestr("archive/b.npy", bytes(2**20))
    declared = struct.pack("<L", 2**32 - 2)  # in place of the size, twice
    path.write_bytes(path.read_bytes().replace(struct.pack("<L", 2**20), declared))
    return path


def test_an_npz_archive_that_unpacks_to_too_much(tmp_path):
    assert "bytes of arrays" in refusal(write_archive(tmp_path / "net.npz"))


@pytest.mark.usefixtures("torch")
def test_a_pytorch_archive_that_unpacks_to_too_much(tmp_path):
    assert "that are not compressed" in refusal(write_archive(tmp_path / "net.pt"))


def test_a_safetensors_header_that_declares_too_much(tmp_path):
    path = write_safetensors(tmp_path, shape=(2**40, 3, 3))
    assert "expected a whole .safetensors file, got a broken one" in refusal(path)
    path.write_bytes(struct.pack("<Q", 2**60) + b"{}")
    assert "expected a whole .safetensors file, got a broken one" in refusal(path)


def test_a_pytorch_tensor_of_few_numbers_repeated(torch, tmp_path):
    torch.save({"a.weight": torch.zeros(1).expand(2**40)}, tmp_path / "net.pt")
    assert refusal(tmp_path / "net.pt").endswith(
        f"a.weight: declares shape ({2**40},), but holds 4 bytes"
    )


@pytest.mark.usefixtures("torch")
def test_an_old_pytorch_file_that_declares_too_much(tmp_path):
    # A text of four gigabytes, of which there are three bytes.
    (tmp_path / "net.pt").write_bytes(b"\x80\x02X" + struct.pack("<L", 2**32 - 1) + b"abc")
    tracemalloc.start()
    try:
        assert "expected a" in refusal(tmp_path / "net.pt")
        assert tracemalloc.get_traced_memory()[1] < 2**28
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("value", [
    lambda torch: torch.eye(3).to_sparse(),
    lambda torch: torch.ones(2, dtype=torch.complex64),
], ids=["sparse", "complex"])  # fmt: skip
def test_a_pytorch_entry_that_is_no_plain_tensor(value, torch, tmp_path):
    torch.save({"a.weight": torch.tensor(LAYER), "b": value(torch)}, tmp_path / "net.pt")
    assert "b: expected " in refusal(tmp_path / "net.pt")


@pytest.mark.parametrize("value", [
    lambda torch: 3, lambda torch: [], lambda torch: {}, lambda torch: torch.ones(2),
], ids=["number", "list", "empty", "tensor"])  # fmt: skip
def test_a_pytorch_file_that_is_no_state_dict(value, torch, tmp_path):
    torch.save(value(torch), tmp_path / "net.pt")
    assert "expected a state_dict of tensors, got a " in refusal(tmp_path / "net.pt")


def hostile_onnx(folder, change):
    made = model([node("Conv", "x w", "out")], {"x": SIGNAL}, {"w": LAYER})
    change(made.graph)
    return refusal(saved(made, folder)).removeprefix("networks.load: net.onnx: ")


def test_an_onnx_tensor_that_declares_too_much(tmp_path):
    def grow(graph):
        graph.initializer[0].dims[0] = 2**40

    assert hostile_onnx(tmp_path, grow) == (
        f"tensor w: declares {36 * 2**40} bytes of shape ({2**40}, 3, 3), got 72"
    )

    def unpacked(graph):
        grow(graph)
        graph.initializer[0].ClearField("raw_data")
        graph.initializer[0].float_data[:] = [1.0, 2.0]

    assert "tensor w: declares shape" in hostile_onnx(tmp_path, unpacked)


@pytest.mark.parametrize(("kind", "name"), [(8, "STRING"), (14, "COMPLEX64"), (99, "unknown")])
def test_an_onnx_tensor_of_another_type(kind, name, tmp_path):
    def retype(graph):
        graph.initializer[0].data_type = kind

    assert hostile_onnx(tmp_path, retype).endswith(f"got {name}")


@pytest.mark.parametrize(
    "location",
    ["../secret", "/etc/hostname", "link", "missing", "", "a\0b", "x" * 5000],
    ids=lambda location: repr(location[:12]),
)
def test_external_data_outside_the_folder_are_refused(location, tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret").write_bytes(LAYER.tobytes())
    (inside / "link").symlink_to(tmp_path / "secret")

    def move(graph):
        tensor = graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)

    assert hostile_onnx(inside, move) == (
        f"tensor w: expected external data in a file of the same folder, got {quoted(location)}"
    )


@pytest.mark.parametrize("location", ["data\0", "x" * 5000])
def test_external_data_under_what_is_no_name_are_refused(location, tmp_path):
    def move(graph):
        tensor = graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)

    assert hostile_onnx(tmp_path, move).startswith(
        "tensor w: expected external data in a file of the same folder, got "
    )


def test_external_data_under_a_name_that_is_no_text_are_refused(tmp_path):
    def move(graph):
        tensor = graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="data")

    hostile_onnx(tmp_path, move)
    path = tmp_path / "net.onnx"
    path.write_bytes(path.read_bytes().replace(b"data", b"dat\xff"))
    assert "net.onnx: " in refusal(path)


@pytest.mark.parametrize("entries", [
    {"offset": "4"}, {"length": "12"}, {"offset": "-1"}, {"offset": "many"},
])  # fmt: skip
def test_external_data_that_are_not_all_there_are_refused(entries, tmp_path):
    (tmp_path / "data").write_bytes(LAYER.tobytes())

    def move(graph):
        tensor = graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in ({"location": "data"} | entries).items():
            tensor.external_data.add(key=key, value=value)

    assert hostile_onnx(tmp_path, move).startswith("tensor w: ")


def function(name, calls):
    """A function of the file that calls another so many times."""
    steps = [node(*call, domain="own") for call in calls]
    opsets = [onnx.helper.make_opsetid("", 18), onnx.helper.make_opsetid("own", 1)]
    return onnx.helper.make_function("own", name, ["x"], ["y"], steps, opsets)


@pytest.mark.parametrize(("functions", "message"), [
    ([("f", [("f", "x", "y")])], "expected at most 50 functions and branches inside one another"),
    ([(f"f{n or ''}", [(f"f{n + 1}", "x", "z"), (f"f{n + 1}", "z", "y")]) for n in range(24)],
     "expected at most 1000 steps, got more"),
])  # fmt: skip
def test_functions_that_call_functions_end(functions, message, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_graph, "_MOST_NODES", 1000)
    made = model([node("f", "x", "out", domain="own")], {"x": SIGNAL})
    made.opset_import.append(onnx.helper.make_opsetid("own", 1))
    made.functions.extend(function(*one) for one in functions)
    assert message in refusal(saved(made, tmp_path))


def test_functions_and_branches_that_cannot_be_are_refused(tmp_path):
    made = model([node("f", "x x", "out", domain="own")], {"x": SIGNAL})
    made.functions.append(function("f", []))
    assert "out (f): expected other inputs or attributes" in refusal(saved(made, tmp_path))
    on = {"on": np.array(True)}
    for inputs in ("on", ""):
        made = model([node("If", inputs, "out")], {"x": SIGNAL}, on)
        assert "out (If): expected other inputs" in refusal(saved(made, tmp_path))


@pytest.mark.parametrize(("nodes", "message"), [
    ([node("Relu", "nothing", "out")], "uses 'nothing', which no step before it makes"),
    ([node("Relu", "y", "out"), node("Relu", "x", "y")], "which no step before it makes"),
    ([node("Relu", "x", "out"), node("Relu", "x", "out")], "makes 'out' a second time"),
    ([node("Relu", "x", "y")], "Graph: outputs: expected names of values, got 'out'"),
    ([node("ConstantOfShape", "huge", "y"), node("Add", "x y", "out")],
     "y (ConstantOfShape): Fill: shape: expected at most 134217728 entries"),
    ([node("Expand", "one huge", "y"), node("Add", "x y", "out")],
     "y (Expand): Expand: shape: expected at most 134217728 entries"),
    ([node("Reshape", "w odd", "y"), node("Add", "x y", "out")], "Reshape: cannot be applied to"),
    ([node("Conv", "x w", "out", strides=[0])], "Convolve: stride: expected at least 1, got 0"),
    ([node("Conv", "x w", "out", pads=[-1, 0])], "padding: expected at least 0, got -1"),
    ([node("Conv", "x w", "out", group=3)], "groups: expected a divisor of 2, got 3"),
    ([node("Conv", "x", "out")], "expected more than 1 inputs, got 1"),
    ([node("Gather", "w odd", "y"), node("Add", "x y", "out")], "Gather: cannot be applied to"),
    ([], "expected an ONNX graph, got none"),
])  # fmt: skip
def test_graphs_that_cannot_be_are_refused(nodes, message, tmp_path):
    one, odd, huge = np.ones(1, np.float32), np.array([7]), np.array([2**20] * 3)
    constants = {"w": LAYER, "one": one, "odd": odd, "huge": huge}
    assert message in refusal(saved(model(nodes, {"x": SIGNAL}, constants), tmp_path))


def test_constants_that_add_up_to_too_much_are_refused(tmp_path):
    nodes = [node("Expand", "one large", f"y{i}") for i in range(5)]
    nodes.append(node("Add", "x y0", "out"))
    constants = {"one": np.ones(1, np.float32), "large": np.array([2**27])}
    message = refusal(saved(model(nodes, {"x": SIGNAL}, constants), tmp_path))
    assert message.endswith(
        "expected at most 2147483648 bytes computed from constants, got 2684354560"
    )


def test_results_too_large_to_make_are_refused(tmp_path):
    made = model([node("Conv", "x w", "out", pads=[2**40, 0])], {"x": SIGNAL}, {"w": LAYER})
    network = networks.load(saved(made, tmp_path))
    with pytest.raises(DcscError, match=r"forward: out: Convolve: .*expected at most 134217728"):
        network.forward(SIGNAL)


# ---- files that are not there, packages that are missing -----------------------------------------


def test_what_is_no_file_is_refused(tmp_path):
    assert refusal(tmp_path).startswith("networks.load: path: expected a file, got ")
    assert refusal(tmp_path / "net.npz").startswith("networks.load: path: expected a file, got ")
    (tmp_path / "net.txt").write_bytes(b"...")
    assert refusal(tmp_path / "net.txt") == (
        "networks.load: path: expected a name that ends in .npz, .onnx, .safetensors, "
        ".safetensors.index.json, .pt, .pth, .pth.tar, .bin, .ckpt, .bin.index.json, got net.txt"
    )


def test_onnx_files_take_no_geometry(tmp_path):
    assert "expected none, for an ONNX file carries its own" in refusal(
        write_onnx(tmp_path), geometry={"layers": []}
    )


def test_a_file_without_weights_is_refused(tmp_path):
    np.savez(tmp_path / "net.npz")
    assert refusal(tmp_path / "net.npz").endswith("expected weights, got none")


@pytest.mark.parametrize(("suffix", "package"), [(".onnx", "onnx"), (".pt", "torch")])
def test_a_missing_package_is_named_with_what_to_install(suffix, package, tmp_path, monkeypatch):
    path = WRITERS[suffix](tmp_path)
    for name in [n for n in sys.modules if n.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)  # what Python takes for "not to be found"
    assert refusal(path) == (
        f"networks.load: net{suffix}: this format needs the package {package}: "
        f"pip install 'dcsc[{package}]'"
    )
