"""What pages say beside their examples, which run by themselves: tables, and code in them."""

import json
import re
import runpy
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import dcsc
from dcsc import DcscError, bounds, networks, testing
from dcsc.bounds.family import THEOREMS
from dcsc.cli import app
from dcsc.dictionaries import filters
from dcsc.experiments import Sweep, run, simulate
from dcsc.experiments import open as open_sweep
from dcsc.networks.analysis import Limits, analyze, compare, shipped_inputs
from dcsc.networks.autoencoders.analysis import analyze_autoencoder
from dcsc.networks.readers import READERS
from dcsc.networks.shipped import digits_inputs, digits_network_path
from tests import extras

DOCS = Path(__file__).parents[1] / "docs"


def test_twelve_lines_from_a_module_to_its_page(tmp_path, monkeypatch, capsys):
    extras.torch()
    page = (DOCS / "networks.md").read_text()
    code, shown = re.search(r"```python\n(.*?)```.*?```text\n(.*?)```", page, re.DOTALL).groups()
    assert sum(bool(line.strip()) for line in code.splitlines()) == 12
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    assert capsys.readouterr().out == shown
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")


def tables(name):
    """Return the rows of each table of a page, without their headings."""
    text = (DOCS / name).read_text()
    blocks = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    return [
        [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()[2:]]
        for block in blocks
    ]


READ, ELSEWHERE = tables("network_formats.md")


def test_formats_that_are_read():
    named = {ending for row in READ for ending in re.findall(r"`(\.[\w.]+)`", row[0])}
    assert named == {ending for reader in READERS for ending in reader.suffixes}


@pytest.mark.parametrize(("endings", "origin", "way"), ELSEWHERE)
def test_formats_that_are_not_read(endings, origin, way, tmp_path):
    for ending in re.findall(r"`(\.\w+)`", endings):
        path = tmp_path / f"net{ending}"
        path.write_bytes(b"")
        with pytest.raises(DcscError) as error:
            networks.load(path)
        assert str(error.value).endswith(f"; such a file is of {origin}: {way.strip('`')}")


def test_questions_have_calls_that_answer_them():
    network = networks.load(digits_network_path())
    limits = Limits(inputs=12, proved=2, resynthesized=2, placed=9)
    analysis = analyze(network, shipped_inputs(), limits=limits, perturbation=1 / 255)
    names = {"network": network, "analysis": analysis, "layer": analysis.layers[1]}
    names["to_pandas"] = analysis.to_pandas
    calls = [
        call
        for table in tables("answers.md")
        for row in table
        for call in re.findall(r"`((?:network|analysis|layer|to_pandas)\b[^`]*)`", row[1])
    ]
    assert len(calls) > 20
    for call in calls:
        eval(call, names)


def test_a_projection_from_an_empty_file_to_a_sweep(tmp_path, monkeypatch):
    for name in ("own.py", "sweep.toml"):
        (tmp_path / name).write_text((DOCS / "first" / name).read_text())
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "own", raising=False)
    runpy.run_path("own.py", run_name="__main__")
    data = run(Sweep.load("sweep.toml", allow_code=True), "results", jobs=1)
    assert data.cells == 6
    rates = open_sweep("results").failures.values
    assert rates[0] < 20 < rates[-1]  # it finds sparse codes, and loses dense ones


def test_every_tag_of_a_theorem_leads_to_its_statement():
    named = next(table for table in tables("theory.md") if table[0][0] == "[(2)](#tag-2)")
    tags = dict(re.fullmatch(r"\[(.+)\]\(#(.+)\)", row[0]).groups() for row in named)
    assert set(tags) == {theorem.label for theorem in THEOREMS}
    pages = [(DOCS / name).read_text() for name in ("theory.md", "partial.md", "pursued.md")]
    for tag, target in tags.items():
        assert target == f"tag-{tag[1:-1].lower()}"
        assert sum(f"\n({target})=\n" in page for page in pages) == 1


(TASKS,) = tables("howto.md")
LINES = [row[2].strip("`") for row in TASKS if row[2]]
COMMANDS = [line for line in LINES if line.startswith("dcsc ")]


def test_every_task_of_how_to_has_a_page():
    assert all(re.fullmatch(r"\[.+\]\(\S+\)", page) for _, page, _ in TASKS)
    assert len(LINES) == len(TASKS) - 1  # a glossary is no code


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_of_how_to_exist(line):
    app.parse_args(shlex.split(line)[1:], exit_on_error=False, print_error=False)


@pytest.fixture(scope="module")
def have(tmp_path_factory):
    """Return what the lines of Python stand on."""
    folder = tmp_path_factory.mktemp("have")
    rng = np.random.default_rng(0)
    decoder = rng.normal(size=(20, 8)).astype(np.float32)
    zeros = np.zeros(20, np.float32)
    tensors = {"W_enc": decoder.T.copy(), "W_dec": decoder, "b_enc": zeros, "b_dec": zeros[:8]}
    (folder / "layer_8").mkdir()
    save_file(tensors, folder / "layer_8" / "sae_weights.safetensors")
    (folder / "layer_8" / "cfg.json").write_text(
        json.dumps({"architecture": "standard", "d_in": 8, "d_sae": 20})
    )
    few = Limits(inputs=5, proved=2, resynthesized=2, placed=0)
    dictionary = dcsc.CirculantDictionary(filters.gaussian(4, 16, 5, rng=0), extent=20)
    model = dcsc.DCSCModel([dcsc.Layer(dictionary, dcsc.HardThreshold(0.5))]).draw(rng=0)
    codes = dcsc.codes.draw(dictionary, 2, amplitudes=dcsc.codes.ConstantAmplitudes(), rng=0)
    truth = model.synthesize(codes)
    layer = bounds.LayerInstance(dictionary, codes, threshold=0.5)
    network = networks.load(digits_network_path())
    return folder, {
        "analyze": lambda network, images: analyze(network, images, limits=few),
        "analysis": analyze(network, digits_inputs().images[:5], limits=few),
        "analyze_autoencoder": analyze_autoencoder,
        "bank": rng.normal(size=(6, 9)),
        "before": network,
        "after": networks.load(digits_network_path("incoherent")),
        "bounds": bounds,
        "codes": codes,
        "compare": compare,
        "components": rng.normal(size=(6, 9)),
        "dcsc": dcsc,
        "dictionary": dictionary,
        "filters": filters,
        "guarantee": dcsc.InstanceBound().evaluate(layer),
        "guess": model.forward(truth[0]),
        "images": digits_inputs().images[:5],
        "layer": layer,
        "model": model,
        "network": network,
        "networks": networks,
        "signal": truth[0],
        "simulate": simulate,
        "testing": testing,
        "truth": truth,
    }


@pytest.mark.parametrize("line", [line for line in LINES if line not in COMMANDS])
def test_lines_of_how_to_run(line, have, monkeypatch):
    folder, names = have
    monkeypatch.chdir(folder)
    if "torch" in line:
        torch = extras.torch()
        names = {**names, "module": torch.nn.Conv2d(1, 4, 3), "example": torch.zeros(1, 1, 8, 8)}
    exec(line.replace("model.onnx", str(digits_network_path())), names)
