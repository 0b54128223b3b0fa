"""Sparse autoencoders from files: the codes and results of their own libraries, or a sentence."""

import json
import math

import attrs
import numpy as np
import pytest
import safetensors.numpy
import scipy.sparse

import dcsc
from dcsc import DcscError, DenseDictionary, GroupMax, JumpReLU, PositiveTopK, ReLU, TopK
from dcsc.networks import load, load_autoencoder
from dcsc.networks.autoencoders import ConstantNorm, LayerNorm, holds_autoencoder
from dcsc.networks.autoencoders.formats import FORMATS
from dcsc.projections import BatchTopK
from tests.networks import saes
from tests.networks.saes import ACTIVATIONS, CASES, LATENTS, SAMPLES, K


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "sae"


@pytest.mark.parametrize("name", CASES)
def test_codes_and_results_are_those_of_the_library(name, folder):
    path = saes.write(folder, name)
    tensors, forward = CASES[name][3:]
    wide = {key: np.asarray(value, float) for key, value in tensors.items()}
    codes, results = forward(wide, ACTIVATIONS.astype(float))
    assert 0 < np.count_nonzero(codes) < codes.size
    for source in (folder, path):
        model = load_autoencoder(source)
        for x, tolerance in ((ACTIVATIONS, 1e-5), (ACTIVATIONS.astype(float), 1e-6)):
            got = model.encode(x)
            assert isinstance(got, scipy.sparse.csr_array)
            assert got.dtype == x.dtype
            np.testing.assert_array_equal(got.toarray() != 0, codes != 0)
            np.testing.assert_allclose(got.toarray(), codes, atol=tolerance)
            np.testing.assert_allclose(model.reconstruct(x), results, atol=tolerance)
    assert holds_autoencoder(folder)
    assert holds_autoencoder(path)
    assert model.transcoder == ("transcoder" in name or "Scope 2" in name)


@pytest.mark.parametrize("name", CASES)
def test_the_names_of_tensors_tell_the_library(name, folder):
    """All cases fit one format, and every format has a case."""
    path = saes.write(folder, name)
    libraries = {one.label for one in FORMATS if path.name in one.weights}
    assert load_autoencoder(path).notes[0] in {f"read as {one} writes it" for one in libraries}


def test_every_format_is_tried():
    tried = {weights for weights, *_ in CASES.values()}
    assert tried == {name for one in FORMATS for name in one.weights}


@pytest.mark.parametrize(
    ("name", "projection"),
    [
        ("standard", ReLU()),
        ("topk", PositiveTopK(K)),
        ("abstopk", TopK(K)),
        ("BatchTopKSAE", JumpReLU(np.float64(np.float32(0.6)))),
        ("sparsify", PositiveTopK(K)),
        ("sparsify, groupmax", GroupMax(LATENTS // 4)),
    ],
)
def test_projections(name, projection, folder):
    saes.write(folder, name)
    assert load_autoencoder(folder).projection == projection


def test_shapes_batches_and_parts(folder):
    model = load_autoencoder(saes.write(folder, "transcoder"))
    assert (model.encoder.signal_shape, model.decoder.signal_shape) == ((SAMPLES,), (saes.OUT,))
    assert model.latents == LATENTS
    cube = ACTIVATIONS.reshape(2, 15, SAMPLES)
    flat = model.reconstruct(ACTIVATIONS)
    np.testing.assert_array_equal(model.reconstruct(cube), flat.reshape(2, 15, -1))
    np.testing.assert_array_equal(model.reconstruct(ACTIVATIONS[3]), flat[3])
    np.testing.assert_array_equal(model.encode(cube).toarray(), model.encode(ACTIVATIONS).toarray())
    assert model.coefficients(cube).shape == (2, 15, LATENTS)
    assert model.encode(ACTIVATIONS[:0]).shape == (0, LATENTS)
    codes = model.encode(ACTIVATIONS)
    for other in (codes.toarray(), codes.tolil(), codes.tocoo()):
        np.testing.assert_allclose(model.decode(codes), model.decode(other), atol=1e-6)
    assert repr(model).startswith("Transcoder from sae_weights.safetensors: 20 latents\n")


def test_rows_at_a_time_are_all_rows(folder, monkeypatch):
    model = load_autoencoder(saes.write(folder, "topk"))
    whole = model.encode(ACTIVATIONS)
    monkeypatch.setattr("dcsc.networks.autoencoders.autoencoder._BLOCK_ENTRIES", 7 * LATENTS)
    np.testing.assert_array_equal(model.encode(ACTIVATIONS).toarray(), whole.toarray())


def test_a_factor_that_files_do_not_hold(folder):
    path = saes.write(folder, "standard")
    config = json.loads((folder / "cfg.json").read_text())
    config["normalize_activations"] = "expected_average_only_in"
    (folder / "cfg.json").write_text(json.dumps(config))
    model = load_autoencoder(path)
    assert any("Autoencoder.scaled(factor)" in note for note in model.notes)
    scaled = model.scaled(2.5)
    np.testing.assert_allclose(
        scaled.encode(ACTIVATIONS).toarray(), model.encode(2.5 * ACTIVATIONS).toarray(), atol=1e-5
    )
    expected = model.reconstruct(2.5 * ACTIVATIONS) / 2.5
    np.testing.assert_allclose(scaled.reconstruct(ACTIVATIONS), expected, atol=1e-5)
    # A checkpoint of training has the factor beside it.
    (folder / "activation_scaler.json").write_text('{"scaling_factor": 2.5}')
    np.testing.assert_allclose(load_autoencoder(path).reconstruct(ACTIVATIONS), expected, atol=1e-5)


def test_a_configuration_in_place_of_the_file(folder, tmp_path):
    path = saes.write(folder, "topk")
    config = {"architecture": "topk", "k": 1}
    assert load_autoencoder(path, config).projection == PositiveTopK(1)
    other = tmp_path / "other.json"
    other.write_text(json.dumps(config))
    assert load_autoencoder(folder, config=other).projection == PositiveTopK(1)


# ---- asked, not guessed --------------------------------------------------------------------------


def replace(folder, **values):
    path = folder / CASES["topk"][1]
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


BROKEN = {
    "architecture": ("sparse", "architecture: expected one of standard, gated"),
    "k": (0, "k: expected at least 1, got 0"),
    "d_in": (7, "d_in: expected 6 as in the weights, got 7"),
    "apply_b_dec_to_input": ("yes", "expected True or False, got 'yes'"),
    "normalize_activations": ("whitening", "expected one of none, expected_average"),
    "activation_fn": ("tanh-relu", "activation_fn: expected relu or topk, got 'tanh-relu'"),
}


@pytest.mark.parametrize("key", BROKEN)
def test_configurations_that_dcsc_does_not_know(key, folder):
    saes.write(folder, "topk")
    value, message = BROKEN[key]
    replace(folder, **{key: value})
    with pytest.raises(DcscError, match=message) as error:
        load_autoencoder(folder)
    assert str(error.value).startswith("load_autoencoder: sae_weights.safetensors: cfg.json: ")


@pytest.mark.parametrize("architecture", ["temporal", "matching_pursuit"])
def test_architectures_without_a_projection_are_refused_with_a_way_to_their_atoms(
    architecture, folder, monkeypatch
):
    """What the sentence says gives the dictionary."""
    path = saes.write(folder, "topk")
    tensors = {name: CASES["topk"][3][name] for name in ("W_dec", "b_dec")}
    saes.save(path, tensors)
    replace(folder, architecture=architecture)
    assert holds_autoencoder(folder)
    with pytest.raises(DcscError, match=f"architecture: {architecture}: its codes ") as error:
        load_autoencoder(folder)
    advice = str(error.value).partition("asked: ")[2].split(", then ")
    names = {"safetensors": safetensors, "dcsc": dcsc, "path": path}
    exec(advice[0], names)  # what the sentence says
    atoms = eval(advice[1], names)
    np.testing.assert_array_equal(atoms.matrix, tensors["W_dec"].T)


def test_a_checkpoint_whose_whitening_lies_elsewhere(folder):
    saes.write(folder, "topk")
    replace(folder, normalize_activations="covariance_whitening")
    with pytest.raises(DcscError, match="folds it into the weights at the end of training"):
        load_autoencoder(folder)


def test_groups_that_do_not_divide_the_latents(folder):
    saes.write(folder, "sparsify, groupmax")
    with pytest.raises(DcscError, match=r"k: expected a divisor of the 20 latents, .* got 7"):
        load_autoencoder(folder, {"k": 7, "activation": "groupmax"})


@pytest.mark.parametrize("name", ["topk", "sparsify", "BatchTopKSAE"])
def test_a_configuration_that_is_missing_is_asked_for(name, folder):
    path = saes.write(folder, name)
    (folder / CASES[name][1]).unlink()
    with pytest.raises(DcscError, match="give config="):
        load_autoencoder(path)


def test_a_file_of_two_formats_is_asked_about(folder):
    path = saes.write(folder, "Gemma Scope")
    (folder / "cfg.json").write_text('{"architecture": "jumprelu"}')
    with pytest.raises(DcscError, match="could be of Gemma Scope or SAELens: say which by library"):
        load_autoencoder(path)
    assert load_autoencoder(path, library="SAELens").input_bias.any()
    assert not load_autoencoder(path, library="Gemma Scope").input_bias.any()


def test_a_class_that_its_tensors_deny(folder):
    saes.write(folder, "AutoEncoder")
    (folder / "config.json").write_text('{"trainer": {"dict_class": "BatchTopKSAE"}}')
    with pytest.raises(DcscError, match="dict_class: expected AutoEncoder, by the names of the"):
        load_autoencoder(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [("[1]", "expected a mapping, got a list"), ("{", "expected JSON"), ("[" * 99, "JSON")],
)
def test_configurations_that_are_none(content, message, folder):
    saes.write(folder, "standard")
    (folder / "cfg.json").write_text(content)
    with pytest.raises(DcscError, match=message):
        load_autoencoder(folder)


def test_folders(folder, tmp_path):
    with pytest.raises(DcscError, match=r"expected a file, got .*nowhere"):
        load_autoencoder(tmp_path / "nowhere")
    with pytest.raises(DcscError, match="expected a folder with a file of weights"):
        load_autoencoder(tmp_path)
    assert not holds_autoencoder(tmp_path)
    saes.write(folder, "standard")
    saes.save(folder / "sae.safetensors", saes.sparse())
    with pytest.raises(DcscError, match=r"several files of weights: sae\.safetensors, sae_weights"):
        load_autoencoder(folder)
    assert holds_autoencoder(folder)


def test_who_reads_it_as_a_network_is_told(folder):
    path = saes.write(folder, "Gemma Scope")
    for place in (path, folder):
        with pytest.raises(DcscError, match=r"; networks\.load_autoencoder reads this sparse auto"):
            load(place)


def test_other_files_of_the_same_name_are_none(folder):
    """A network may be called as one of the formats calls its autoencoders."""
    folder.mkdir()
    for path in (folder / "params.npz", folder / "sae.safetensors"):
        saes.save(path, {"conv1.weight": np.ones((4, 1, 3), np.float32)})
        assert not holds_autoencoder(path)
        assert len(load(path).convolutions) == 1
        path.unlink()
    assert not holds_autoencoder(folder)
    for name in ("one.npz", "two.npz"):
        saes.save(folder / name, {"conv1.weight": np.ones((4, 1, 3), np.float32)})
    assert not holds_autoencoder(folder)


def test_other_files_hold_none(tmp_path):
    path = tmp_path / "net.npz"
    np.savez(path, **{"conv1.weight": np.ones((4, 1, 3))})
    assert not holds_autoencoder(path)
    with pytest.raises(DcscError, match=r"expected the tensors of .*, got conv1\.weight"):
        load_autoencoder(path)
    path.with_suffix(".onnx").write_bytes(b"")
    assert not holds_autoencoder(path.with_suffix(".onnx"))


@pytest.mark.parametrize("name", ["b_dec", "W_dec", "threshold"])
def test_tensors_of_other_shapes(name, folder):
    path = saes.write(folder, "jumprelu")
    tensors = {**CASES["jumprelu"][3]}
    tensors[name] = tensors[name][:-1]
    saes.save(path, tensors)
    with pytest.raises(DcscError, match=f"{name}: expected shape"):
        load_autoencoder(path)


def test_numbers_that_are_not_finite(folder):
    path = saes.write(folder, "standard")
    saes.save(path, saes.matrices() | {"W_enc": np.full((SAMPLES, LATENTS), np.nan, np.float32)})
    with pytest.raises(DcscError, match="W_enc: expected finite numbers"):
        load_autoencoder(path)


@pytest.mark.parametrize("name", ["topk, rescaled", "AutoEncoder", "gated", "jumprelu, logarithms"])
def test_numbers_that_are_too_large_for_floats(name, folder):
    """Results are finite, or a sentence says what no float holds; nothing else is said."""
    path, tensors = saes.write(folder, name), dict(CASES[name][3])
    for key, value in tensors.items():
        saes.save(path, {**tensors, key: np.full_like(value, 3e38)})
        for activations in (ACTIVATIONS, ACTIVATIONS * np.float32(3e37)):
            try:
                result = load_autoencoder(folder).reconstruct(activations)
            except DcscError as error:
                assert "expected finite numbers, got" in str(error)  # noqa: PT017  # or none
            else:
                assert np.isfinite(result).all()


def test_parts_that_do_not_fit(folder):
    model = load_autoencoder(saes.write(folder, "standard"))
    for change, message in (
        ({"encoder_bias": [0.0]}, r"encoder_bias: expected shape \(20,\), got \(1,\)"),
        ({"projection": BatchTopK(2)}, "takes each code by itself"),
        ({"decoder": DenseDictionary(np.ones((2, LATENTS)))}, "expected shape|only a transcoder"),
        ({"normalization": "none"}, "expected a Normalization"),
        ({"notes": 3}, "notes: expected a sequence"),
    ):
        with pytest.raises(DcscError, match=message):
            attrs.evolve(model, **change)
    normed = attrs.evolve(model, normalization=ConstantNorm())
    other = load_autoencoder(saes.write(folder.with_name("other"), "transcoder"))
    for asked, factor, message in (
        (model, 0, "expected a positive number"),
        (model, 1e60, "expected finite numbers"),
        (normed, 2, "takes activations as they are, got one with ConstantNorm"),
        (other, 2, "expected an autoencoder, got a transcoder"),
    ):
        with pytest.raises(DcscError, match=message):
            asked.scaled(factor)
    with pytest.raises(DcscError, match=r"activations: expected shape \(\*batch, 6\)"):
        model.encode(np.ones(5))
    with pytest.raises(DcscError, match=r"codes: expected shape \(\*batch, 20\)"):
        model.decode(np.ones(5))
    with pytest.raises(DcscError, match=r"one for each of the codes of shape \(20,\), got"):
        model.decode(np.ones(LATENTS), ACTIVATIONS)


@pytest.mark.parametrize("kind", saes.NORMALIZATIONS)
def test_normalisations_and_the_way_back(kind):
    x = ACTIVATIONS.astype(float)
    expected, back = saes.NORMALIZATIONS[kind](x)
    by = kind().statistics(x)
    np.testing.assert_allclose((x - by.shift) / by.divisor, expected, rtol=1e-12)
    np.testing.assert_allclose(x * by.factor + by.shift, back(x), rtol=1e-12)


@pytest.mark.parametrize(
    ("dtype", "size"), [("f4", 1e-22), ("f4", 1e-30), ("f4", 1e30), ("f8", 1e-200), ("f8", 1e200)]
)
def test_activations_of_any_size_have_their_norms(dtype, size):
    by = ConstantNorm().statistics((np.array([[3.0, 4.0]]) * size).astype(dtype))
    assert by.factor.dtype == by.divisor.dtype == dtype
    np.testing.assert_allclose(by.factor / size, 5 / math.sqrt(2), rtol=1e-6)


def test_activations_that_cannot_be_normalised():
    with pytest.raises(DcscError, match="not zero, got zero at 1"):
        ConstantNorm().statistics(np.array([[1.0, 2], [0, 0]]))
    assert LayerNorm().statistics(np.zeros((1, 3))).divisor == 1e-5
    with pytest.raises(DcscError, match="two samples or more"):
        LayerNorm().statistics(np.zeros((2, 1)))
    with pytest.raises(DcscError, match=r"expected shape \(batch, samples\), got \(3,\)"):
        LayerNorm().statistics(np.zeros(3))
