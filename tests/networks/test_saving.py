"""Analyses that write themselves to files."""

import json

import numpy as np
import pytest

from dcsc import DcscError, DenseDictionary, ReLU, __version__
from dcsc.networks import Autoencoder, load
from dcsc.networks.analysis import Limits, analyze, shipped_inputs
from dcsc.networks.autoencoders.analysis import analyze_autoencoder
from dcsc.networks.shipped import digits_network_path
from dcsc.report import autoencoder_page, page

FEW = Limits(inputs=4, proved=2, resynthesized=2, draws=1, placed=0, units=4, twins=0)


def of_network():
    return analyze(load(digits_network_path()), shipped_inputs(), limits=FEW)


def of_autoencoder():
    atoms, zeros = DenseDictionary(np.eye(3)), np.zeros(3)
    return analyze_autoencoder(Autoencoder(atoms, atoms, ReLU(), zeros, zeros, zeros))


@pytest.mark.parametrize(("make", "page"), [(of_network, page), (of_autoencoder, autoencoder_page)])
def test_an_analysis_writes_its_page_or_its_numbers(make, page, tmp_path):
    analysis = make()
    html, numbers = tmp_path / "new" / "a.html", tmp_path / "a.JSON"
    analysis.save(html)
    analysis.save(str(numbers))
    lines = html.read_text("utf-8").splitlines()
    assert lines[:2] == ["<!doctype html>", "<!-- made by dcsc -->"]
    assert len(lines) == len(page(analysis).splitlines()) + 1
    kept = json.loads(numbers.read_text("utf-8"))
    assert kept.pop("made_by") == "dcsc"
    assert kept.pop("version") == __version__
    assert kept == json.loads(json.dumps(analysis.numbers()))
    # Its own files are replaced, those of others are not, unless asked for.
    analysis.save(html)
    html.write_text("mine")
    with pytest.raises(DcscError, match="bears no mark of dcsc"):
        analysis.save(html)
    assert html.read_text() == "mine"
    analysis.save(html, force=True)
    assert html.read_text("utf-8").splitlines() == lines


@pytest.mark.parametrize(("path", "message"), [
    ("a.pdf", r"AutoencoderAnalysis.save: path: expected a name that ends in .html or .json, got"),
    ("a", r"expected a name that ends in .html or .json, got"),
    (3, r"AutoencoderAnalysis.save: path: expected a path, got 3"),
])  # fmt: skip
def test_other_names_are_refused(path, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DcscError, match=message):
        of_autoencoder().save(path)
    assert not list(tmp_path.iterdir())
