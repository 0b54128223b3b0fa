"""The command line, run as a person runs it: in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import attrs
import matplotlib.image
import numpy as np
import pytest
import scipy.io.wavfile

import dcsc
from dcsc.cli.common import write
from dcsc.experiments.studies.poster import panels, poster


def run(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "dcsc", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "MPLBACKEND": "agg"},
    )


def assert_refused(done, *words):
    """One line on stderr, exit code 2, nothing on stdout."""
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("dcsc: ")
    for word in words:
        assert word in lines[0]


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
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "grace_hopper.jpg" in done.stdout
    numbers = json.loads((out / "recover.json").read_text())
    assert numbers["version"] == dcsc.__version__
    assert 0.5 < numbers["energy"] < 1
    assert all(layer["stripe_sparsity"] >= 2 for layer in numbers["layers"])
    assert numbers["layers"][2]["exact"][1] == 1
    assert set(numbers["guarantees"]) == {"(2)", "(3)", "(3R)"}
    assert min(png_shape(out / "recover.png")[:2]) > 500
    assert sorted(path.name for path in out.iterdir()) == ["recover.json", "recover.png"]


def test_recover_reads_sounds_images_and_arrays(tmp_path):
    time = np.arange(8000) / 8000
    wave = np.sin(2 * np.pi * 440 * time) * np.exp(-time * 3)
    scipy.io.wavfile.write(tmp_path / "tone.wav", 8000, (wave * 30000).astype(np.int16))
    rng = np.random.default_rng(0)
    matplotlib.image.imsave(tmp_path / "noise.png", rng.random((70, 90)), cmap="gray")
    np.save(tmp_path / "walk.npy", np.cumsum(rng.normal(size=4096)))
    for name in ("tone.wav", "noise.png", "walk.npy"):
        done = run("recover", name, "--draws", "2", "--noise", "0", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        numbers = json.loads((tmp_path / "recover.json").read_text())
        assert numbers["name"] == name
        assert all(layer["stripe_sparsity"] >= 2 for layer in numbers["layers"])


def _few_cells(panel, trials, seed, whole=panels.sweep_of):
    """Return a panel's sweep with the first two of seven filters, and every fourth sparsity."""
    sweep = whole(panel, trials, seed)
    if panel != "scaling":
        return sweep
    filters, sparsity = sweep.axes
    filters = attrs.evolve(filters, values=filters.values[:2], labels=filters.labels[:2])
    few = sparsity.values[::4]
    return attrs.evolve(sweep, axes=(filters, attrs.evolve(sparsity, values=few, labels=few)))


def test_poster_writes_every_number(tmp_path, monkeypatch):
    monkeypatch.setattr(panels, "sweep_of", _few_cells)
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


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["poster", "--trials", "0"], ["poster: trials", "at least 4", "0"]),
        (["poster", "--trials", "many"], ["many", "--trials"]),
        (["poster", "--seed", "-1"], ["poster: seed", "-1"]),
        (["poster", "--seeds", "1"], ["--seeds"]),
        (["posters"], ["posters"]),
        (["recover", "missing.png"], ["expected a file", "missing.png"]),
        (["recover", "notes.txt"], ["expected an image", "notes.txt"]),
        (["recover", "broken.png"], ["expected an image", "broken.png"]),
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
        (["recover", "--out", "notes.txt"], ["--out", "notes.txt"]),
    ],
    ids=" ".join,
)
def test_bad_input_is_one_line_and_exit_code_2(tmp_path, arguments, words):
    (tmp_path / "notes.txt").write_text("not a picture")
    for name in ("broken.png", "broken.wav", "broken.npy"):
        (tmp_path / name).write_bytes(b"\x93NUMPY\x01\x00 nothing that can be read")
    np.save(tmp_path / "pickled.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.save(tmp_path / "complex.npy", np.ones(128) * 1j)
    np.save(tmp_path / "nan.npy", np.full(128, np.nan))
    np.save(tmp_path / "cube.npy", np.ones((2, 3, 4)))
    np.save(tmp_path / "flat.npy", np.ones(128))
    np.save(tmp_path / "tiny.npy", np.ones((8, 8)))
    before = sorted(path.name for path in tmp_path.iterdir())
    assert_refused(run(*arguments, cwd=tmp_path), *words)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_help_and_version(tmp_path):
    text = run("--help", cwd=tmp_path).stdout
    assert "poster" in text
    assert "recover" in text
    assert "INPUT" in run("recover", "--help", cwd=tmp_path).stdout
    assert run("--version", cwd=tmp_path).stdout.strip() == dcsc.__version__


def test_a_failed_write_leaves_nothing_behind(tmp_path, monkeypatch):
    def broken(*_):
        raise OSError("no space left")

    monkeypatch.setattr(Path, "replace", broken)
    with pytest.raises(OSError, match="no space left"):
        write(tmp_path, {"a.json": b"{}"})
    assert list(tmp_path.iterdir()) == []
