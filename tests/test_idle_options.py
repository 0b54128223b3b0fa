"""Options that would have no effect beside the others are refused, by their names."""

import numpy as np
import pytest

from dcsc.networks.shipped import digits_network_path
from tests.commands import refused
from tests.networks import saes

NETWORK = str(digits_network_path())
IDLE = "for it would have no effect"
SHOWN = "expected --input with what to show it, or the word noise, got none, " + IDLE
NOT_OURS = "expected a network, got an autoencoder, " + IDLE
REMOTE = "--jobs: expected processes on this machine, got those of --dask, " + IDLE

ANALYZE = [
    ([NETWORK, "--noise", "0.1"], "--noise: " + SHOWN),
    ([NETWORK, "--perturbation", "1/255"], "--perturbation: " + SHOWN),
    ([NETWORK, "--seed", "1"], "--seed: " + SHOWN),
    ([NETWORK, "--most", "3", "--seed", "0"], "--most, --seed: " + SHOWN),
    ([NETWORK, "--input", "noise", "--valid-range", "0", "1"], "--perturbation, got none, " + IDLE),
    (["--valid-range", "0", "1"], "--valid-range: expected --perturbation, got none"),
    (["--jobs", "2"], "--jobs: expected a folder to count into, --tallies DIR, got none"),
    (["--tallies", "counts", "--jobs", "2", "--dask", "tcp://a:1"], REMOTE),
    (["sae", "--no-joined"], "--no-joined: " + NOT_OURS),
    (["sae", "--fixed", "sr=1"], "--fixed: " + NOT_OURS),
    (["sae", "--products", "1e9"], "--products: " + NOT_OURS),
    (["sae", "--seed", "1"], "--seed: " + SHOWN),
    (["sae", "--input", "noise", "--perturbation", "1"], "--perturbation: " + NOT_OURS),
    (["sae", "--input", "x.npy", "--tallies", "counts"], "--tallies: " + NOT_OURS),
]


@pytest.mark.parametrize(("arguments", "words"), ANALYZE)
def test_analyze_refuses_what_has_no_effect(tmp_path, called, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    saes.write(tmp_path / "sae", "topk")
    np.save("x.npy", saes.ACTIVATIONS)
    assert words in refused(called("analyze", *arguments))
    assert not list(tmp_path.glob("report*"))


def test_the_same_options_are_taken_where_they_have_an_effect(tmp_path, called, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = ["--noise", "0.1", "--seed", "1", "--most", "2", "--perturbation", "1/255"]
    done = called("analyze", *shown, "--valid-range", "0", "1", "--tallies", "counts", "--jobs", 1)
    assert (done.code, done.err) == (0, "")
    assert called("analyze", NETWORK, "--html", "plain.html", "--no-joined").code == 0


def test_sweeps_refuse_what_has_no_effect(tmp_path, called, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = "--force: expected files to replace, got --dry-run, which writes none, " + IDLE
    assert refused(called("sweep", "s.toml", "--dry-run", "--force")) == words
    assert refused(called("sweep", "s.toml", "--jobs", 2, "--dask", "tcp://a:1")) == REMOTE


def test_explain_refuses_codes_of_nothing(called):
    words = "--codes: expected --evidence that leaves them out, got none, " + IDLE
    assert refused(called("explain", "--codes", "codes.npz")) == words


# ---- words and numbers that no command takes -----------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["analyze", "a.onnx", "b.onnx"],
            "expected no more words after the others, got b.onnx",
        ),
        (["poster", "more"], "got more; dcsc poster --help shows what there is"),
        (
            ["analyze", "--unknown"],
            "Unknown option: --unknown; dcsc analyze --help shows",
        ),
        (
            ["template"],
            '"template" parameter FILE requires an argument; dcsc template --help',
        ),
        (["recover", "--draws", 10**11], f"recover: draws: expected at most 1000000, got {10**11}"),
        (["poster", "--trials", 10**14], f"poster: trials: expected at most {10**9}, got {10**14}"),
        (
            ["analyze", NETWORK, "--input", "none"],
            "read_inputs: path: expected a file, got none",
        ),
    ],
)
def test_what_no_command_takes_is_refused_early_and_in_one_line(
    tmp_path, called, monkeypatch, arguments, words
):
    monkeypatch.chdir(tmp_path)
    assert words in refused(called(*arguments))
