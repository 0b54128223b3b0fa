"""``dcsc analyze`` of many inputs: folders, labels, counts that are kept, and what is refused."""

import json
import signal

import numpy as np
import pytest
from PIL import Image

from dcsc import DcscError
from dcsc.cli.tallies import few, open_data
from dcsc.networks import ConvNetwork, Graph, Input, Node, load, operations
from dcsc.networks.analysis import Limits, analyze
from dcsc.networks.shipped import digits_inputs, digits_network_path
from dcsc.networks.tallies import load_tally, tally
from tests.commands import PATIENCE, call, refused, run, start, wait_for
from tests.networks.chains import convolve

NETWORK = digits_network_path("incoherent")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The digits as pictures, each class in a folder of its own, in the order of their names."""
    place = tmp_path_factory.mktemp("pictures")
    digits = digits_inputs()
    for number, (image, label) in enumerate(zip(digits.images, digits.labels, strict=True)):
        (place / str(label)).mkdir(exist_ok=True)
        pixels = np.rint(255 * image[0]).astype(np.uint8)
        Image.fromarray(pixels).save(place / str(label) / f"{number:03}.png")
    (place / "LICENSE").write_text("no input")
    return place


def test_a_folder_is_counted_and_a_few_of_it_are_looked_at(monkeypatch, capsys, tmp_path, folder):
    done = call(
        *(monkeypatch, capsys, "analyze", NETWORK, "--input", folder, "--most", 10, "--jobs", 1),
        *("--html", tmp_path / "r.html", "--tallies", tmp_path / "counts"),
    )
    assert done.code == 0, done.err
    assert "300 inputs of 10 classes were counted." in done.out
    assert "Left out, as neither picture nor sound nor array: 1 no ending." in done.out
    (path,) = (tmp_path / "counts").glob("*.npz")
    counted = load_tally(path)
    assert counted.answered == 300
    numbers = json.loads((tmp_path / "r.json").read_text())
    assert numbers["tally"]["classes"] == dict(counted.classes)
    assert numbers["given"] == 300
    # Those that are looked at are of several classes, though files are in the order of classes.
    assert numbers["inputs"]["count"] == 10
    assert len(set(numbers["inputs"]["labels"])) > 3
    page = (tmp_path / "r.html").read_text()
    assert '<section id="tally">' in page
    assert f"{counted.layers[0].silent} of {counted.layers[0].units}" in page
    assert page.count("over all inputs") == 2 * len(counted.layers)


def test_without_counts_the_command_says_how_many_inputs_there_are(
    monkeypatch, capsys, tmp_path, folder
):
    arguments = ("analyze", NETWORK, "--input", folder, "--most", 5, "--html", tmp_path / "r.html")
    done = call(monkeypatch, capsys, *arguments)
    assert "Looked at 5 of 300 inputs: --tallies DIR counts them all." in done.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.html", "r.json"]
    assert '<section id="tally">' not in (tmp_path / "r.html").read_text()


def test_labels_of_an_array_come_from_a_file(monkeypatch, capsys, tmp_path):
    digits = digits_inputs()
    np.save(tmp_path / "x.npy", digits.images[:40].astype(np.float32))
    np.save(tmp_path / "y.npy", digits.labels[:40])
    done = call(
        *(monkeypatch, capsys, "analyze", NETWORK, "--input", tmp_path / "x.npy", "--most", 5),
        *("--labels", tmp_path / "y.npy", "--html", tmp_path / "r.html"),
        *("--tallies", tmp_path / "counts", "--jobs", 1),
    )
    assert done.code == 0, done.err
    (path,) = (tmp_path / "counts").glob("*.npz")
    assert sum(load_tally(path).classes.values()) == 40
    numbers = json.loads((tmp_path / "r.json").read_text())
    assert numbers["inputs"]["labels"] == digits.labels[:5].tolist()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--jobs", "2"], "--jobs: expected a folder to count into, --tallies DIR"),
        (["--dask", "tcp://a:1"], "--dask: expected a folder to count into, --tallies DIR"),
        ([str(NETWORK), "--tallies", "counts"], "--tallies: expected inputs to count"),
        ([str(NETWORK), "--labels", "y.npy"], "--labels: expected --input"),
        ([str(NETWORK), "--input", "nowhere"], "expected a file, got nowhere"),
    ],
)
def test_what_cannot_be_counted_is_refused(monkeypatch, capsys, tmp_path, arguments, expected):
    monkeypatch.chdir(tmp_path)
    done = call(monkeypatch, capsys, "analyze", *arguments)
    assert expected in refused(done)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_command_goes_on(tmp_path):
    images = digits_inputs().images
    noise = np.random.default_rng(0).normal(0, 0.05, (16_000, 1, 8, 8))
    np.save(tmp_path / "x.npy", np.resize(images, noise.shape) + noise)
    options = ["analyze", NETWORK, "--input", "x.npy", "--most", 5, "--jobs", 1]
    with start(*options, "--tallies", "counts", cwd=tmp_path) as process:
        wait_for(lambda: list(tmp_path.glob("counts/*.npz")), process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (
        130,
        "dcsc: interrupted: what was counted is in counts; the same command goes on\n",
    )
    (path,) = tmp_path.glob("counts/*.npz")
    assert 0 < load_tally(path).inputs < 16_000
    again = run(*options, "--tallies", "counts", cwd=tmp_path)
    assert again.code == 0, again.err
    assert load_tally(path) == tally(load(NETWORK), tmp_path / "x.npy")


def test_inputs_of_several_batches_are_looked_at_as_before():
    """A state has another first axis than the signal: it is no batch, and cannot be cut."""
    steps = [
        Node("mix", operations.Elementwise("Add"), ("input", "state"), "mixed"),
        Node("conv", convolve(2, 1, (3,), -0.1), ("mixed",), "found"),
        Node("relu", operations.Relu(), ("found",), "code"),
    ]
    inputs = [Input("input", (None, 1, 12)), Input("state", (1, 1, 12))]
    network = ConvNetwork(Graph(inputs, steps, ["code"]))
    data = open_data(network, "noise", None, shipped=False, seed=0)
    assert few(network, data, 3, 0) is data
    assert analyze(network, data, limits=Limits(inputs=3)).layers[0].codes.samples == 8
    with pytest.raises(DcscError, match="expected arrays with batches of one length"):
        tally(network, data)
