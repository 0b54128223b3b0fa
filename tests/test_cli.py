"""The command line: each command once as a person runs it, its refusals in this process."""

import functools
import io
import json
import re
import shlex
import sys
from importlib import import_module

import attrs
import matplotlib.image
import numpy as np
import pytest
import scipy.io.wavfile

import dcsc
from dcsc import cli
from dcsc.cli.common import say
from dcsc.experiments.studies.poster import panels, poster
from tests.commands import refused, run


def png_shape(path):
    image = matplotlib.image.imread(path)
    assert image.std() > 0.05
    return image.shape


@pytest.fixture(scope="module")
def recovered(tmp_path_factory):
    out = tmp_path_factory.mktemp("recover")
    return run("recover", "--draws", "4", "--out", str(out), cwd=out), out


def test_recover_without_input(recovered):
    done, out = recovered
    assert (done.code, done.err) == (0, "")
    assert "grace_hopper.jpg" in done.out
    numbers = json.loads((out / "recover.json").read_text())
    assert numbers["version"] == dcsc.__version__
    assert 0.5 < numbers["energy"] < 1
    assert all(layer["stripe_sparsity"] >= 2 for layer in numbers["layers"])
    assert numbers["layers"][2]["exact"][1] == 1
    assert set(numbers["guarantees"]) == {"(2)", "(3)", "(3R)"}
    assert min(png_shape(out / "recover.png")[:2]) > 500
    assert sorted(path.name for path in out.iterdir()) == ["recover.json", "recover.png"]


def test_recover_reads_sounds_images_and_arrays(tmp_path, called, monkeypatch):
    monkeypatch.chdir(tmp_path)
    time = np.arange(8000) / 8000
    wave = np.sin(2 * np.pi * 440 * time) * np.exp(-time * 3)
    scipy.io.wavfile.write(tmp_path / "tone.wav", 8000, (wave * 30000).astype(np.int16))
    rng = np.random.default_rng(0)
    matplotlib.image.imsave(tmp_path / "noise.png", rng.random((70, 90)), cmap="gray")
    np.save(tmp_path / "walk.npy", np.cumsum(rng.normal(size=4096)))
    for name in ("tone.wav", "noise.png", "walk.npy"):
        done = called("recover", name, "--draws", 2, "--noise", 0)
        assert (done.code, done.err) == (0, "")
        numbers = json.loads((tmp_path / "recover.json").read_text())
        assert numbers["name"] == name
        assert all(layer["stripe_sparsity"] >= 2 for layer in numbers["layers"])


def test_recover_with_another_pursuit(tmp_path, called, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save(tmp_path / "walk.npy", np.cumsum(np.random.default_rng(0).normal(size=512)))
    missed = []
    for pursuit in ("OneStep", '{ kind = "OrthogonalMatchingPursuit", level = 0.01 }'):
        done = called("recover", "walk.npy", "--draws", 2, "--pursuit", pursuit, "--force")
        assert (done.code, done.err) == (0, "")
        numbers = json.loads((tmp_path / "recover.json").read_text())
        missed.append(sum(layer["missed"] for layer in numbers["layers"]))
    assert missed[1] < missed[0]
    assert "OrthogonalMatchingPursuit(sparsity=None, level=0.01)" in numbers["pursuit"]
    assert numbers["guarantees"]["(3)"] == [1.0, "the forward pass finds the codes"]


def _few_cells(panel, trials, seed, whole=panels.sweep_of):
    """Return a panel's sweep with every fourth value of its last axis, and two of the filters."""
    sweep = whole(panel, trials, seed)
    steps = [slice(2)] * (len(sweep.axes) - 1) + [slice(None, None, 4)]
    axes = [
        attrs.evolve(axis, values=axis.values[few], labels=axis.labels[few])
        for axis, few in zip(sweep.axes, steps, strict=True)
    ]
    return attrs.evolve(sweep, axes=tuple(axes))


def test_poster_writes_every_number(monkeypatch):
    monkeypatch.setattr(panels, "sweep_of", _few_cells)
    monkeypatch.setattr(panels, "run", functools.partial(panels.run, jobs=1))
    result = poster(trials=8, seed=1, version="x")
    assert result.version == "x"
    assert result.seed == 1
    assert [len(ends) for ends in result.rate.rate] == [3] * len(result.rate.sparsity)
    (two, three, robust) = (result.rate.limits[name] for name in ("(2)", "(3)", "(3R)"))
    assert two < three < robust
    slopes = {
        name: np.polyfit(np.log(result.scaling.coherence[:10]), np.log(line[:10]), 1)[0]
        for name, line in result.scaling.lines.items()
    }
    assert abs(slopes["(2)"] + 1) < 0.02
    assert abs(slopes["(3)"] + 2) < 1e-9
    assert abs(slopes["(3R)"] + 2) < 1e-9
    star, level = result.scaling.crossing
    assert np.isclose(
        np.interp(star, result.scaling.coherence, result.scaling.lines["(3)"]), level, 0.02
    )
    assert all(layer.sparsity >= 2 for layer in result.depth.layers)
    assert all(layer.coherence > 0 for layer in result.depth.layers)
    assert result.depth.share == 1
    assert result.depth.limits["(2)"][0] > 0
    assert result.depth.limits["(2)"][3] is None


REFUSED = [
    (["poster", "--trials", "0"], ["poster: trials", "at least 4", "0"]),
    (["poster", "--trials", "many"], ["many", "--trials"]),
    (["poster", "--seed", "-1"], ["poster: seed", "-1"]),
    (["poster", "--seeds", "1"], ["--seeds"]),
    (["posters"], ["posters"]),
    (["recover", "missing.png"], ["expected a file", "missing.png"]),
    (["recover", "notes.txt"], ["expected a picture", "notes.txt"]),
    (["recover", "broken.png"], ["expected a picture", "broken.png"]),
    (["recover", "broken.wav"], ["broken.wav"]),
    (["recover", "broken.npy"], ["broken.npy"]),
    (["recover", "pickled.npy"], ["pickled.npy"]),
    (["recover", "complex.npy"], ["complex.npy", "complex128"]),
    (["recover", "nan.npy"], ["nan.npy", "finite"]),
    (["recover", "cube.npy"], ["cube.npy", "(2, 3, 4)"]),
    (["recover", "flat.npy"], ["flat.npy", "constant"]),
    (["recover", "tiny.npy"], ["(8, 8)"]),
    (["recover", "--noise", "-1"], ["recover: noise", "-1"]),
    (["recover", "--noise", "nan"], ["recover: noise", "nan"]),
    (["recover", "--draws", "0"], ["recover: draws", "0"]),
    (["recover", "--pursuit", "OMP"], ["--pursuit", "'OMP'", "OneStep"]),
    (["recover", "--pursuit", "{kind="], ["--pursuit", "TOML", "'{kind='"]),
    (["recover", "--pursuit", "own:Code"], ["--pursuit", "dcsc's", "own:Code"]),
    (["recover", "--out", "notes.txt"], ["--out", "notes.txt"]),
]


@pytest.fixture(scope="module")
def bad_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    (folder / "notes.txt").write_text("not a picture")
    for name in ("broken.png", "broken.wav", "broken.npy"):
        (folder / name).write_bytes(b"\x93NUMPY\x01\x00 nothing that can be read")
    np.save(folder / "pickled.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.save(folder / "complex.npy", np.ones(128) * 1j)
    np.save(folder / "nan.npy", np.full(128, np.nan))
    np.save(folder / "cube.npy", np.ones((2, 3, 4)))
    np.save(folder / "flat.npy", np.ones(128))
    np.save(folder / "tiny.npy", np.ones((8, 8)))
    return folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(("arguments", "words"), REFUSED, ids=" ".join)
def test_bad_input_is_one_line_and_exit_code_2(bad_files, called, monkeypatch, arguments, words):
    monkeypatch.chdir(bad_files)
    before = names(bad_files)
    line = refused(called(*arguments))
    assert all(word in line for word in words), line
    assert names(bad_files) == before


def test_bad_input_is_one_line_in_a_process_of_its_own(bad_files):
    before = names(bad_files)
    assert "nan.npy" in refused(run("recover", "nan.npy", cwd=bad_files))
    assert names(bad_files) == before


def test_help_and_version(called):
    text = called("--help").out
    assert "poster" in text
    assert "recover" in text
    assert "INPUT" in called("recover", "--help").out
    assert called("--version") == (0, f"{dcsc.__version__}\n", "")


EXAMPLES = {
    name: re.findall(r"^ {4,}(dcsc .*)$", cli.app[name].default_command.__doc__, re.MULTILINE)
    for name in cli.app
    if not name.startswith("-")
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_of_the_help_can_be_called(name):
    assert EXAMPLES[name]
    for line in EXAMPLES[name]:
        program, *words = shlex.split(line.partition(" > ")[0])
        assert (program, words[0]) == ("dcsc", name)
        command, bound, _ = cli.app.parse_args(words, exit_on_error=False, print_error=False)
        assert command.__name__ == name
        # An option that the command did not take would be left among what it has no name for.
        assert len(bound.arguments) >= len([word for word in words if word.startswith("--")])


def test_examples_of_the_help_are_shown(called):
    text = called("sweep", "--help").out
    assert all(line in text for line in EXAMPLES["sweep"])


def test_completion_is_a_file_for_the_shell(called, tmp_path, monkeypatch):
    """Nothing else in the home folder is touched."""
    monkeypatch.setenv("HOME", str(tmp_path))
    start = tmp_path / ".bashrc"
    start.write_text("mine\n")
    assert called("--install-completion", "--shell", "bash").code == 0
    (script,) = (path for path in tmp_path.rglob("*") if path.is_file() and path != start)
    assert script.name == "dcsc"
    assert "--max-trials" in script.read_text()
    assert start.read_text() == "mine\n"


def test_help_tells_what_commands_are_for_and_each_tells_more(called, tmp_path):
    """Without an import of any of them; the first lines are those of the commands' own help."""
    shown = " ".join(run("--help", cwd=tmp_path).out.split())
    for name in (name for name in cli.app if not name.startswith("-")):
        first, _, _ = cli.app[name].default_command.__doc__.partition("\n")
        assert cli._COMMANDS[name][1] == first
        assert f"│ {name} {first.split()[0]} " in shown
    assert "Prints a table, and writes a page" in " ".join(called("analyze", "--help").out.split())


def test_terminals_without_greek_letters_show_numbers(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1", write_through=True)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(type(cli.app), "__call__", lambda *_, **__: say("coherence μ\x1b[31m"))
    cli.main()
    assert stream.buffer.getvalue() == b"coherence \\u03bc\\x1b[31m\n"


WRITTEN = [
    (["analyze", "--html", "mine.html"], "mine.json"),
    (["analyze", "--html", "mine.html"], "mine.html"),
    (["explain"], "explain.png"),
    (["poster"], "poster.png"),
    (["poster"], "poster.json"),
    (["recover"], "recover.json"),
]


@pytest.mark.parametrize(("arguments", "name"), WRITTEN, ids=str)
def test_files_of_others_are_refused_before_the_work(
    tmp_path, called, monkeypatch, arguments, name
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text("mine")
    for module, work in (
        ("analyze", "load"), ("proofs", "explain_layers"), ("figures", "compute_poster"),
        ("figures", "read_input"),
    ):  # fmt: skip
        monkeypatch.setattr(import_module(f"dcsc.cli.{module}"), work, lambda *_, **__: 1 / 0)
    line = refused(called(*arguments))
    assert f"expected to write the file {name}, which exists and bears no mark of dcsc" in line
    assert (tmp_path / name).read_text() == "mine"
    assert names(tmp_path) == [name]
    forced = called(*arguments, "--force")
    assert (forced.code, forced.out) == (70, "")
    assert forced.err.startswith("dcsc: unexpected ZeroDivisionError: division by zero (")


def test_a_command_replaces_what_it_wrote(tmp_path, called):
    for arguments in ([], ["--force"]):
        assert called("explain", "--out", tmp_path / "new", *arguments).code == 0
    assert names(tmp_path / "new") == ["explain.png"]


def test_a_failed_start_leaves_no_folder(tmp_path, called):
    assert "missing.npz" in refused(
        called("explain", "--evidence", "missing.npz", "--out", tmp_path / "new")
    )
    assert names(tmp_path) == []
