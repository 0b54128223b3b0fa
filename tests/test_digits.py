"""The networks that dcsc ships, the script that trains them, and the one that compares them."""

import importlib.util
import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

import dcsc
from dcsc import DcscError
from dcsc.networks import load
from dcsc.networks.shipped import DIGITS_VARIANTS, digits_inputs, digits_network_path
from tests import commands

EXAMPLES = Path(__file__).parents[1] / "examples"
TRAINING = EXAMPLES / "train_digits.py"
COMPARISON = EXAMPLES / "coherence_penalty.py"
FOLDER = digits_network_path().parent


def facts(path):
    with safe_open(path, "np") as file:
        return json.loads(file.metadata()["training"])


def chain(variant):
    return load(digits_network_path(variant)).forward(digits_inputs().images).chain


# ---- what is shipped -------------------------------------------------------------------------


@pytest.mark.parametrize("variant", DIGITS_VARIANTS)
class TestNetwork:
    def test_reads_the_share_of_digits_that_it_says(self, variant):
        network, digits = load(digits_network_path(variant)), digits_inputs()
        (output,) = network.outputs
        right = network.forward(digits.images)[output].argmax(axis=1) == digits.labels
        stated = facts(digits_network_path(variant))
        assert right.size == stated["test_digits"] == 300
        assert round(float(right.mean()), 4) == stated["test_accuracy"] > 0.97

    def test_its_geometry_is_said_and_nothing_is_assumed(self, variant):
        path = digits_network_path(variant)
        network = load(path)
        assert network.notes == (f"geometry from {path.with_suffix('.toml').name}",)
        table = tomllib.loads(path.with_suffix(".toml").read_text())
        assert table["input"] == [1, 8, 8]
        found = network.convolutions
        assert [c.weight.shape for c in found] == [(16, 1, 3, 3), (24, 16, 3, 3), (32, 24, 2, 2)]
        for layer, convolution in zip(table["layers"], found, strict=False):
            assert layer["name"] == convolution.name
            assert convolution.stride == (layer["stride"],) * 2
            assert layer["padding"] == 0
            assert layer["activation"] == "relu"
        assert [layer.dictionary.positions for layer in chain(variant)] == [(6, 6), (4, 4), (2, 2)]

    def test_is_a_plain_chain_of_sparse_coding_layers(self, variant):
        layers = chain(variant)
        assert [layer.below for layer in layers] == [None, "conv1", "conv2"]
        for layer in layers:
            assert not layer.reading.reasons
            assert not layer.between
            np.testing.assert_allclose(layer.reading.scale, 1, rtol=0, atol=1e-6)
            assert layer.reading.threshold.min() > 0.1 - 1e-6
            assert 0.1 < layer.density.mean() < 0.3


def test_the_files_are_small():
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file()) < 100_000


def test_the_variants_differ_in_the_penalty_alone():
    plain, incoherent = (facts(digits_network_path(variant)) for variant in DIGITS_VARIANTS)
    differing = {key for key in plain if plain[key] != incoherent[key]}
    assert plain.keys() == incoherent.keys()
    assert plain["coherence_penalty"] == 0 < incoherent["coherence_penalty"]
    assert differing <= {"title", "coherence_penalty", "validation_accuracy", "test_accuracy"}
    for before, after in zip(*map(chain, DIGITS_VARIANTS), strict=True):
        assert after.dictionary.mutual_coherence() < 0.8 * before.dictionary.mutual_coherence()


def test_the_digits_are_as_described():
    digits = digits_inputs()
    assert digits.images.shape == (300, 1, 8, 8)
    assert digits.images.dtype == np.float32
    assert np.isin(digits.images * 16, np.arange(17)).all()
    assert set(np.bincount(digits.labels, minlength=10)) <= {29, 30, 31}
    assert not digits.images.flags.writeable


def test_an_unknown_variant_is_refused():
    with pytest.raises(DcscError, match=r"variant: expected one of plain, incoherent, got 'other'"):
        digits_network_path("other")


# ---- how it was trained ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def script(torch):
    pytest.importorskip("sklearn", reason="scikit-learn has the digits")
    spec = importlib.util.spec_from_file_location("train_digits", TRAINING)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("variant", DIGITS_VARIANTS)
def test_pytorch_says_the_same(script, variant):
    network, images = script.DigitsNetwork(), digits_inputs().images
    weights = load_file(digits_network_path(variant))
    network.load_state_dict({name: script.torch.tensor(w) for name, w in weights.items()})
    codes = network.codes(script.torch.tensor(images))
    expected = network.classify(codes[-1]).detach().numpy()
    read = load(digits_network_path(variant))
    found = read.forward(images)
    np.testing.assert_allclose(found[read.outputs[0]], expected, rtol=1e-5, atol=1e-5)
    for code, layer in zip(codes, found.chain, strict=True):
        np.testing.assert_allclose(layer.code, code.detach().numpy(), rtol=1e-5, atol=1e-5)


def test_the_shipped_digits_are_those_of_the_test(script):
    training, validation, test = script.splits()
    shipped = digits_inputs()
    np.testing.assert_array_equal(test.images.numpy(), shipped.images)
    np.testing.assert_array_equal(test.labels.numpy(), shipped.labels)
    stated = facts(digits_network_path())
    assert [len(part.labels) for part in (training, validation)] == [
        stated["training_digits"],
        stated["validation_digits"],
    ]


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (2, 2), (3, 2), (5, 2), (4, 3)])
def test_the_penalised_correlations_are_the_gram_matrix(script, kernel, stride):
    filters = dcsc.dictionaries.filters.gaussian(4, 2, (kernel, kernel), rng=0)
    extent = 3 * kernel + 4 * stride
    dictionary = dcsc.ToeplitzDictionary(filters, (extent, extent), stride)
    found = script.correlations(script.torch.tensor(filters), stride).numpy()
    assert np.abs(found).max() == pytest.approx(dictionary.mutual_coherence(), rel=1e-12)
    middle = np.ravel_multi_index(
        (1, *(p // 2 for p in dictionary.positions)), dictionary.code_shape
    )
    row = dictionary.gram_rows([middle]).toarray().ravel()
    row[middle] = 0
    np.testing.assert_allclose(
        np.sort(row[row != 0]), np.sort(found[1][found[1] != 0]), rtol=0, atol=1e-12
    )


def test_training_runs_and_keeps_to_its_constraints(script, tmp_path):
    commands.script(TRAINING, "--quick", "--out", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        path.name for path in FOLDER.iterdir() if path.suffix in (".npz", ".safetensors", ".toml")
    }
    coherence = {}
    for variant in DIGITS_VARIANTS:
        path = tmp_path / digits_network_path(variant).name
        assert facts(path)["epochs"] == 2
        beside = digits_network_path(variant).with_suffix(".toml")
        assert path.with_suffix(".toml").read_text() == beside.read_text()
        found = load(path).forward(digits_inputs().images).chain
        coherence[variant] = [layer.dictionary.mutual_coherence() for layer in found]
        for layer in found:
            np.testing.assert_allclose(layer.reading.scale, 1, rtol=0, atol=1e-6)
            assert layer.reading.threshold.min() > 0.1 - 1e-6
    assert np.all(np.less(coherence["incoherent"], coherence["plain"]))


def test_the_penalty_was_chosen_in_validation(script):
    table = [line.split() for line in (EXAMPLES / "train_digits.txt").read_text().splitlines()]
    validation = {float(row[0]): float(row[1]) for row in table[1:]}
    cheap = [strength for strength, right in validation.items() if right >= validation[0] - 0.01]
    shipped = facts(digits_network_path("incoherent"))["coherence_penalty"]
    assert shipped == script.CHOSEN == max(cheap)
    assert tuple(validation) == script.STRENGTHS


# ---- what the penalty does -------------------------------------------------------------------


def tables(text):
    """Return the cells of each table, without its title and header; the last block is a legend."""
    return [
        [re.split(r"\s{2,}", line) for line in block.splitlines()[2:]]
        for block in text.split("\n\n")[:-1]
    ]


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    figure = tmp_path_factory.mktemp("figure") / "comparison.png"
    text = commands.script(COMPARISON, "--figure", figure)
    assert figure.read_bytes().startswith(b"\x89PNG")
    return tables(text)


def test_the_tables_shown_are_those_computed(comparison):
    shown = tables((EXAMPLES / "coherence_penalty.txt").read_text())
    assert [len(table) for table in shown] == [6, 6, 12]
    assert comparison[:2] == shown[:2]
    for row, expected in zip(comparison[2], shown[2], strict=True):
        assert row[:3] == expected[:3]
        np.testing.assert_allclose(
            [float(cell) for cell in row[3:]], [float(cell) for cell in expected[3:]], atol=0.011
        )


def test_what_is_proved_is_what_happens(comparison):
    proved = {(row[0], row[1]): int(row[4]) for row in comparison[1]}
    exact = {(row[0], row[1], row[2]): float(row[5]) for row in comparison[2]}
    certain = [key for key, digits in proved.items() if digits == 100]
    assert certain == [("incoherent", "3")]
    for network, layer in certain:
        for signs in ("random", "none"):
            assert exact[network, signs, layer] == 1
