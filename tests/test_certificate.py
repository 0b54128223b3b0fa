"""Certificates: what is written down is computed again, and nothing else passes for true."""

import contextlib
import functools
import hashlib
import io
import json
import pickle
import zipfile
from pathlib import Path

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dcsc
from dcsc import bounds
from dcsc.bounds import tails
from dcsc.bounds.certificates import inputs, verification
from dcsc.bounds.certificates.certificate import Certificate
from dcsc.dictionaries import NormalizedDictionary, filters
from dcsc.errors import DcscError
from tests import cases, strategies
from tests.commands import refused, run

BOUNDS = list(cases.BOUNDS)
CLASS_BOUNDS = [kind for kind in BOUNDS if not kind.needs_instances]


# ---- models --------------------------------------------------------------------------------------


def _circulant(dtype):
    return dcsc.CirculantDictionary(filters.barker(1, 1, 13).astype(dtype), extent=40)


def _toeplitz(dtype):
    bank = filters.equicorrelated(3, 16, 3, 0.05, rng=0).astype(dtype)
    return dcsc.ToeplitzDictionary(bank, extent=12, stride=2, padding=1)


def _plane(dtype):
    bank = filters.gaussian(2, 24, (2, 3), rng=3).astype(dtype)
    return dcsc.CirculantDictionary(bank, extent=(4, 6), stride=(2, 1))


def _dense(dtype):
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(24, 24)))[0]
    return dcsc.DenseDictionary((basis[:, :20] + 1e-3).astype(dtype)).normalized()


def _normalized(dtype):
    signs = np.where(np.arange(16).reshape(2, 8) % 3, 1, -1)
    bank = filters.gaussian(2, 8, 3, rng=1).astype(dtype)
    dictionary = dcsc.ToeplitzDictionary(bank, extent=8, padding=1)
    return NormalizedDictionary(dcsc.SignedDictionary(dictionary, signs))


def _grouped(dtype):
    bank = filters.gaussian(4, 12, (2, 2), rng=4).astype(dtype)
    padding = ((0, 1), (2, 1))
    return dcsc.ToeplitzDictionary(bank, (5, 5), 1, padding, dilation=(1, 2), groups=2)


ONE_LAYER = {
    "circulant": _circulant,
    "toeplitz": _toeplitz,
    "plane": _plane,
    "dense": _dense,
    "normalized": _normalized,
    "grouped": _grouped,
}


def one_layer(kind, projection, dtype=np.float64, batch=()):
    dictionary = ONE_LAYER[kind](dtype)
    threshold = 0.5
    if projection == "per filter":
        threshold, projection = np.linspace(0.4, 0.5, dictionary.code_shape[0]), dcsc.HardThreshold
    model = dcsc.DCSCModel([dcsc.Layer(dictionary, projection(threshold))])
    sparsity = {"circulant": 8, "normalized": 1}.get(kind, 2)
    positive = dcsc.codes.UniformAmplitudes(0.9, 1.1, signed=False)
    code = dcsc.codes.draw(dictionary, sparsity, batch, amplitudes=positive, rng=0)
    return bounds.measure(model, model.draw(rng=0).synthesize(code.astype(dtype)), noise=0.01)


def two_layers(projection=dcsc.HardThreshold):
    bottom = dcsc.CirculantDictionary(filters.equicorrelated(8, 256, 2, 0.01, rng=0), extent=6)
    top = dcsc.CirculantDictionary(filters.sparse_rademacher(2, 8, 2, nonzeros=4, rng=1), extent=6)
    model = dcsc.DCSCModel(
        [dcsc.Layer(bottom, projection(0.25)), dcsc.Layer(top, dcsc.HardThreshold(0.6))]
    ).draw(rng=0)
    code = dcsc.codes.draw(top, 1, amplitudes=dcsc.codes.ConstantAmplitudes(), rng=2)
    return bounds.measure(model, model.synthesize(code), noise=0.001)


def noise_signal():
    (record,) = one_layer("circulant", dcsc.HardThreshold)
    return (
        attrs.evolve(
            record, noise=np.full(record.dictionary.signal_shape, 0.01), noise_model="independent"
        ),
    )


def effective():
    bottom = dcsc.CirculantDictionary(filters.equicorrelated(8, 256, 2, 0.01, rng=0), extent=6)
    top = dcsc.CirculantDictionary(filters.sparse_rademacher(2, 8, 2, nonzeros=3, rng=1), extent=6)
    model = dcsc.DCSCModel([dcsc.Layer(d, dcsc.HardThreshold(0.3)) for d in (bottom, top)]).draw(0)
    code = dcsc.codes.draw(top, 1, amplitudes=dcsc.codes.ConstantAmplitudes(), rng=2)
    first, second = bounds.oracle_layers(model, model.synthesize(code))
    return attrs.evolve(first, successor=top), second


SETTINGS = {
    **{
        f"{kind}, hard": lambda kind=kind: one_layer(kind, dcsc.HardThreshold) for kind in ONE_LAYER
    },
    "soft": lambda: one_layer("dense", dcsc.SoftThreshold),
    "relu": lambda: one_layer("plane", dcsc.ReLU),
    "per filter": lambda: one_layer("toeplitz", "per filter"),
    "float32": lambda: one_layer("circulant", dcsc.HardThreshold, np.float32),
    "float32, per filter": lambda: one_layer("plane", "per filter", np.float32),
    "batch": lambda: one_layer("circulant", dcsc.HardThreshold, batch=(2,)),
    "no threshold": lambda: [
        attrs.evolve(record, selection=dcsc.Selection())
        for record in one_layer("dense", dcsc.HardThreshold)
    ],
    "noise signal": noise_signal,
    "effective": effective,
    "two layers": two_layers,
    "two layers, soft": lambda: two_layers(dcsc.SoftThreshold),
}


@functools.cache
def records_of(setting):
    return SETTINGS[setting]()


def published(folder, guarantee):
    """Write a certificate; return its two files."""
    bounds.Certificate.of(guarantee).write(folder)
    return folder / "certificate.json", folder / "evidence.npz"


@pytest.fixture
def small(tmp_path):
    """A small certificate and its model file."""
    layer = bounds.LayerInstance(
        dcsc.DenseDictionary([[1, 0, 0.3], [0, 1, 0.3], [0, 0, 0.9]]),
        [1, 1.25, 0],
        0.64,
        noise=0.05,
    )
    return published(tmp_path, dcsc.InstanceBound("hoeffding").evaluate(layer))


def resealed(tree):
    """Return the text of a document with a digest of its own, as a forger would write it."""
    tree = {key: value for key, value in tree.items() if key != "digest"}
    plain = json.dumps(tree, sort_keys=True, separators=(",", ":"))
    tree["digest"] = hashlib.sha256(plain.encode()).hexdigest()
    return json.dumps(tree, indent=1) + "\n"


def changed(path, **arrays):
    """Write a model file anew with some of its arrays changed, or left out where None."""
    with np.load(path) as file:
        kept = {name: file[name] for name in file.files} | arrays
    np.savez(path, **{name: array for name, array in kept.items() if array is not None})


# ---- what is true is found true ------------------------------------------------------------------


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("kind", BOUNDS, ids=lambda kind: kind.__name__)
def test_every_bound_verifies(tmp_path, kind, setting):
    records = records_of(setting)
    if setting == "no threshold" and kind is dcsc.InstanceBound:
        records = [attrs.evolve(record, threshold=0.5) for record in records]
    if kind is bounds.DualBound:
        if len(records) > 1:
            pytest.skip("a dual certificate is of one layer")
        records = [attrs.evolve(records[0], noise=0.0)]
    if kind.needs_signs:
        records = [attrs.evolve(record, signs_independent=False) for record in records]
    guarantee = kind().evaluate(records)
    certificate = bounds.Certificate.of(guarantee)
    found = bounds.verify(*published(tmp_path, guarantee))
    assert found.holds, found.difference
    assert found.certificate == certificate
    assert not found.certificate.declared
    tree = json.loads((tmp_path / "certificate.json").read_text())
    assert tree["failure_probability"] == guarantee.failure_probability
    assert tree["unclipped"] == guarantee.unclipped
    assert tree["conditional"] == guarantee.conditional == (len(records) > 1)
    assert tree["reference"] == kind.reference
    for layer, part, record in zip(tree["layers"], guarantee.layers, records, strict=True):
        assert layer["unclipped"] == part.unclipped
        assert layer["noise"] == part.noise
        assert [float(end) for end in layer["threshold"]] == list(part.threshold)
        assert layer["basis"] == "filters and codes"
        constants = record.statistics(kind.needs_babel)
        for name in ("coherence", "x_min", "x_max", "sparsity", "n_atoms", "gain"):
            value = getattr(constants, name)
            assert layer["constants"][name] == (list(value) if name == "gain" else value)
        assert (layer["constants"]["babel"] is not None) == kind.needs_babel
        if kind.needs_babel:
            sums = [tuple(pair) for pair in layer["constants"]["babel"]["sums"]]
            assert sums == list(constants.babel.sums)
        said = {h["statement"]: h["status"] for h in layer["hypotheses"]}
        words = {True: "found true", False: "found false", None: "assumed"}
        brought = {h: "declared true" for h in record.hypotheses if h.holds}
        assert said == {h.statement: brought.get(h, words[h.holds]) for h in part.hypotheses}
        assert bool(brought) == (setting == "effective" and part is guarantee.layers[1])


def test_some_of_these_guarantees_say_something():
    for kind in CLASS_BOUNDS:
        assert kind().evaluate(records_of("no threshold")).failure_probability < 1
    assert dcsc.InstanceBound().evaluate(records_of("two layers")).failure_probability < 1
    assert not dcsc.UniformBound().evaluate(records_of("circulant, hard")).holds


@given(strategies.statistics_lists(), st.sampled_from(CLASS_BOUNDS))
@settings(max_examples=60)
def test_every_number_of_declared_constants_comes_back(layers, kind):
    certificate = bounds.Certificate.of(kind().evaluate(layers))
    again, digest = Certificate.parse(certificate.text)
    assert again == certificate
    assert digest == certificate.digest
    assert certificate.declared
    assert {layer.basis for layer in certificate.layers} == {"declared constants"}
    for layer, record in zip(again.layers, layers, strict=True):
        assert layer.constants["coherence"] == record.coherence
        assert layer.constants["x_max"] == record.x_max


@pytest.mark.parametrize("kind", CLASS_BOUNDS, ids=lambda kind: kind.__name__)
def test_declared_constants_verify_and_say_so(tmp_path, kind):
    layer = dcsc.LayerStatistics(
        coherence=1 / 50, x_min=1, x_max=1.5, sparsity=3, noise=0.1, n_atoms=1000, patch_sparsity=4,
        threshold=[0.5, 0.5], babel=bounds.Babel({2: 0.03}, {2: 0.0007}), stripe_size=30,
    )  # fmt: skip
    found = bounds.verify(*published(tmp_path, kind().evaluate([layer])))
    assert found.holds, found.difference
    assert found.certificate.declared


@pytest.mark.parametrize("tail", [*tails.NAMED, tails.Selberg(77)])
def test_every_tail_verifies(tmp_path, tail):
    (record,) = records_of("circulant, hard")
    guarantee = dcsc.InstanceBound(tail).evaluate(attrs.evolve(record, noise=0.25))
    assert guarantee.unclipped > 0
    found = bounds.verify(*published(tmp_path, guarantee))
    assert found.holds, found.difference


@pytest.mark.parametrize("model", ["none", "independent", "adversarial", "gauss"])
def test_every_noise_model_verifies(tmp_path, model):
    (record,) = records_of("circulant, hard")
    noise = 0 if model == "none" else 0.02
    layer = attrs.evolve(record, noise_model=model, noise=noise)
    found = bounds.verify(*published(tmp_path, dcsc.InstanceBound("chernoff").evaluate(layer)))
    assert found.holds, found.difference
    assert found.certificate.layers[0].given["noise"] == noise


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_hashes_are_those_of_the_entries_in_c_order(dtype):
    bank = filters.gaussian(2, 2, 3, rng=0).astype(dtype)
    code = np.zeros((2, 5), dtype)
    code[1, 3] = 1.5
    dictionary = dcsc.CirculantDictionary(np.asfortranarray(bank), extent=5)
    layer = bounds.LayerInstance(dictionary, np.asfortranarray(code), 0.5)
    arrays = {a.name: a for a in bounds.Certificate.of(dcsc.UniformBound().evaluate(layer)).arrays}
    for name, array in {"layer1.dictionary.filters": bank, "layer1.codes": code}.items():
        raw = b"".join(
            value.tobytes() for value in array.ravel().astype(array.dtype.newbyteorder("<"))
        )
        assert arrays[name].sha256 == hashlib.sha256(raw).hexdigest()
        assert arrays[name].dtype == {4: "<f4", 8: "<f8"}[array.itemsize]
        assert arrays[name].shape == array.shape


def test_what_ordinary_convolutions_say_of_themselves_stays_as_it_was():
    """Certificates from before dilation and groups are verified by their text."""
    said = {"class": "ToeplitzDictionary", "extent": [12], "stride": [2], "padding": [1]}
    plain = inputs.describe(_toeplitz(np.float64), "it", {})
    assert plain == said | {"filters": {"array": "it.filters"}}
    assert "groups" not in inputs.describe(_circulant(np.float64), "it", {})
    grouped = inputs.describe(_grouped(np.float64), "it", {})
    assert grouped["padding"] == [[0, 1], [2, 1]]
    assert (grouped["dilation"], grouped["groups"]) == ([1, 2], 2)


def test_arrays_share_a_name_only_if_they_are_equal():
    layer = bounds.LayerInstance(dcsc.DenseDictionary([[1.0]]), [1.0], [1.0])
    certificate = bounds.Certificate.of(dcsc.UniformBound().evaluate([layer]))
    shapes = {array.name: array.shape for array in certificate.arrays}
    assert shapes == {"layer1.dictionary.matrix": (1, 1), "layer1.codes": (1,)}
    assert certificate.layers[0].given["threshold"] == {"array": "layer1.codes"}


def test_the_model_file_is_plain_numpy(small):
    with np.load(small[1], allow_pickle=False) as file:
        assert set(file.files) == {"layer1.dictionary.matrix", "layer1.codes", "inputs"}
        assert file["layer1.codes"].tolist() == [1, 1.25, 0]
        assert json.loads(str(file["inputs"]))["bound"]["class"] == "InstanceBound"


def test_codes_may_lie_in_a_file_of_their_own(small, tmp_path):
    with np.load(small[1]) as file:
        np.savez(tmp_path / "codes.npz", **{"layer1.codes": file["layer1.codes"]})
    with pytest.raises(DcscError, match=r"'layer1\.codes': expected each array once"):
        bounds.verify(*small, tmp_path / "codes.npz")
    changed(small[1], **{"layer1.codes": None})
    with pytest.raises(DcscError, match=r"expected the array 'layer1\.codes'"):
        bounds.verify(*small)
    assert bounds.verify(*small, tmp_path / "codes.npz").holds
    np.savez(tmp_path / "codes.npz", **{"layer1.codes": [1.0, 1, 0]})
    assert "layer1.codes" in bounds.verify(*small, tmp_path / "codes.npz").difference


# ---- what is not is found out --------------------------------------------------------------------


def test_every_digit_changed_is_found_by_the_digest(small):
    path, model = small
    text = path.read_text()
    for at, character in enumerate(text):
        if not character.isdigit() and at % 9:  # and some of all other characters
            continue
        other = str((int(character) + 1) % 10) if character.isdigit() else "7"
        path.write_text(text[:at] + other + text[at + 1 :])
        with contextlib.suppress(DcscError):  # unusable
            assert not bounds.verify(path, model).holds, (at, text[at - 20 : at + 20])
    path.write_text(text)
    assert bounds.verify(path, model).holds


def test_the_same_document_written_otherwise_is_found(small):
    text = small[0].read_text()
    for other in (text.replace("0.05", "0.050", 1), json.dumps(json.loads(text)), text + " "):
        small[0].write_text(other)
        assert bounds.verify(*small).difference == "the text is not as dcsc writes it"


def test_every_digit_changed_under_a_new_digest_is_found_by_the_model(small):
    path, model = small
    text = path.read_text()
    true = json.loads(text)
    tried = 0
    for at, character in enumerate(text[: text.index('"digest"')]):
        if not character.isdigit():
            continue
        other = text[:at] + str((int(character) + 1) % 10) + text[at + 1 :]
        try:
            tree = json.loads(other)
        except ValueError:  # a number with a leading zero
            continue
        if tree == true:  # another way to write the same number: what is written anew is the same
            continue
        path.write_text(resealed(tree))
        tried += 1
        with contextlib.suppress(DcscError):  # unusable
            assert not bounds.verify(path, model).holds, (at, text[at - 20 : at + 20])
    assert tried > 150


@pytest.mark.parametrize(
    "name", ["layer1.dictionary.filters", "layer1.codes", "layer1.selection.threshold"]
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_one_ulp_in_the_model_file_is_found(tmp_path, name, dtype):
    records = one_layer("toeplitz", "per filter", dtype)
    paths = published(tmp_path, dcsc.UniformBound().evaluate(records))
    with np.load(paths[1]) as file:
        array = file[name].copy()
    place = tuple(np.argwhere(array != 0)[0])
    array[place] = np.nextafter(array[place], array.dtype.type(np.inf))
    changed(paths[1], **{name: array})
    found = bounds.verify(*paths)
    assert not found.holds
    assert f"array {name}: sha256" in found.difference


def test_another_dtype_or_shape_of_the_same_numbers_is_found(small):
    changed(small[1], **{"layer1.codes": np.array([1, 1.25, 0], np.float32)})
    assert bounds.verify(*small).difference.startswith("array layer1.codes: dtype")
    changed(small[1], **{"layer1.codes": np.array([[1, 1.25, 0]])})
    assert bounds.verify(*small).difference.startswith("array layer1.codes: shape")


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        ('"noise": 0.05', '"noise": 0.06', "layer 1: given: noise"),
        ('"class": "Hoeffding"', '"class": "Chernoff"', "bound: tail: class"),
        ('"tolerance": 0.001', '"tolerance": 0.01', "bound: tolerance"),
        ('"threshold": 0.64', '"threshold": 0.65', "layer 1: given: threshold"),
        ('"one_sided": false', '"one_sided": true', "layer 1: given: selection: one_sided"),
        ('"x_min": null', '"x_min": 1.0', "layer 1: given: x_min"),
    ],
)  # fmt: skip
def test_what_goes_in_is_compared_with_the_model_file(small, old, new, difference):
    with np.load(small[1]) as file:
        text = str(file["inputs"])
    assert text.count(old) == 1
    changed(small[1], inputs=np.array(text.replace(old, new)))
    assert bounds.verify(*small).difference.startswith(difference + ":")


def test_a_layer_more_is_found(tmp_path):
    layers = two_layers()
    path, _ = published(tmp_path / "two", dcsc.HybridBound().evaluate(layers))
    _, model = published(tmp_path / "one", dcsc.HybridBound().evaluate(layers[:1]))
    assert not bounds.verify(path, model).holds


def test_every_layer_is_compared(tmp_path):
    paths = published(tmp_path, dcsc.HybridBound().evaluate(records_of("two layers")))
    for number in (0, 1):
        tree = json.loads(paths[0].read_text())
        tree["layers"][number]["noise"] /= 2
        other = tmp_path / "other.json"
        other.write_text(resealed(tree))
        assert bounds.verify(other, paths[1]).difference.startswith(f"layer {number + 1}: noise")


def test_an_array_listed_twice_is_found(small):
    tree = json.loads(small[0].read_text())
    tree["arrays"].append(tree["arrays"][0])
    small[0].write_text(resealed(tree))
    assert "number of arrays" in bounds.verify(*small).difference


def test_rounding_is_for_computed_numbers_only(small):
    text = small[0].read_text()
    tree = json.loads(text)
    constants = tree["layers"][0]["constants"]
    constants["coherence"] = float(np.nextafter(constants["coherence"], 1))
    small[0].write_text(resealed(tree))
    found = bounds.verify(*small)
    assert found.difference.startswith("layer 1: constants: coherence: the certificate says 0.3")
    assert "a relative difference of" in found.difference
    assert bounds.verify(*small, rounding=1e-12).holds
    for edit in (
        lambda tree: tree["layers"][0]["given"].update(noise=0.05 * (1 + 1e-13)),
        lambda tree: tree["bound"].update(tolerance=0.001 * (1 + 1e-13)),
        lambda tree: tree.update(failure_probability=tree["failure_probability"] * (1 + 1e-11)),
    ):
        tree = json.loads(text)
        edit(tree)
        small[0].write_text(resealed(tree))
        assert not bounds.verify(*small, rounding=1e-12).holds
    with pytest.raises(DcscError, match="verify: rounding"):
        bounds.verify(*small, rounding=-1)


# ---- what cannot be used is said to be so --------------------------------------------------------


def _edited(edit):
    def apply(path, model):
        tree = json.loads(path.read_text())
        edit(tree)
        path.write_text(resealed(tree))

    return apply


def _text(change):
    return lambda path, model: path.write_text(change(path.read_text()))


def _inputs(edit):
    def apply(path, model):
        with np.load(model) as file:
            tree = json.loads(str(file["inputs"]))
        edit(tree)
        changed(model, inputs=np.array(json.dumps(tree)))

    return apply


def _npz(**arrays):
    def apply(path, model):
        np.savez(model, **arrays)

    return apply


class _Boom:
    def __reduce__(self):
        return Path.touch, (Path("boom"),)


def _pickled(path, model):
    stream = io.BytesIO()
    np.save(stream, np.array([_Boom()], dtype=object), allow_pickle=True)
    np.savez(model, inputs=np.array([_Boom()], dtype=object), allow_pickle=True)


UNUSABLE = {
    "no certificate": (lambda path, model: path.unlink(), "certificate: expected a file"),
    "no model": (lambda path, model: model.unlink(), "model: expected a file"),
    "not text": (lambda path, model: path.write_bytes(b"\xff\xfe{"), "which is text"),
    "empty": (_text(lambda text: ""), "expected JSON"),
    "cut": (_text(lambda text: text[:300]), "expected JSON"),
    "a list": (_text(lambda text: "[]"), "format: expected 'dcsc certificate 1'"),
    "format": (_edited(lambda t: t.update(format="dcsc certificate 2")), "dcsc certificate 2"),
    "NaN": (_text(lambda text: text.replace("0.05", "NaN", 1)), "finite numbers, got NaN"),
    "infinite": (_text(lambda text: text.replace("0.05", "1e400", 1)), "finite numbers, got 1e400"),
    "nested": (_text(lambda text: "[" * 10**5), "expected JSON"),
    "nested, closed": (_text(lambda text: "[" * 60 + "]" * 60), "nested too deeply"),
    "a key twice": (_text(lambda text: "{" + '"holds": true,' + text[1:]), "each key once"),
    "unknown key": (_edited(lambda t: t.update(extra=1)), "unknown key 'extra'"),
    "missing key": (_edited(lambda t: t.pop("holds")), "missing key 'holds'"),
    "unknown key below": (
        _edited(lambda t: t["layers"][0]["given"].update(beta=1)), "unknown key 'beta'"
    ),
    "missing key below": (
        _edited(lambda t: t["layers"][0]["hypotheses"][0].pop("status")), "missing key 'status'"
    ),
    "wrong type": (_edited(lambda t: t.update(holds=1)), "holds: expected bool, got 1"),
    "wrong length": (
        _edited(lambda t: t["layers"][0].update(threshold=[0.5])), "threshold: expected a list"
    ),
    "no digest": (_text(lambda text: text.replace('"digest"', '"dig"')), "digest: expected"),
    "class": (_edited(lambda t: t["bound"].update({"class": "MyBound"})), "no code from files"),
    "version": (_edited(lambda t: t.update(version="9.9")), "made by dcsc '9.9'"),
    "not a zip": (lambda path, model: model.write_bytes(b"nothing"), "a whole .npz file"),
    "cut model": (
        lambda path, model: model.write_bytes(model.read_bytes()[:-400]), "a whole .npz file"
    ),
    "a pickle": (lambda path, model: model.write_bytes(pickle.dumps(_Boom())), "a whole .npz file"),
    "pickled array": (_pickled, "got dtype object, which is not read"),
    "foreign": (_npz(weights=np.ones(3)), "expected a model that dcsc wrote"),
    "foreign dtype": (_npz(weights=np.ones(3, complex)), "weights: expected numbers, got dtype"),
    "numbers as text": (_npz(inputs=np.ones(3)), "expected a model that dcsc wrote"),
    "unused array": (
        lambda path, model: changed(model, extra=np.ones(2)), "'extra': expected only arrays"
    ),
    "model format": (_inputs(lambda t: t.update(format="x")), "format: expected 'dcsc model 1'"),
    "model key": (_inputs(lambda t: t.update(extra=1)), "unknown key 'extra'"),
    "model class": (_inputs(lambda t: t["bound"].update({"class": "os.system"})), "no code from"),
    "no bound": (_inputs(lambda t: t.update(bound=None)), "expected a bound, got None"),
    "no layers": (_inputs(lambda t: t.update(layers=[None])), "expected records of layers"),
    "empty layers": (_inputs(lambda t: t.update(layers=[])), "expected only arrays"),
    "model type": (
        _inputs(lambda t: t["layers"][0].update(signs_independent="no")), "expected <class 'bool'>"
    ),
    "model value": (_inputs(lambda t: t["layers"][0].update(noise=-1.0)), "expected at least 0"),
    "not finite": (
        lambda path, model: changed(model, **{"layer1.codes": np.array([np.inf, 0, 0])}), "finite"
    ),
    "shape": (lambda path, model: changed(model, **{"layer1.codes": np.ones(4)}), "expected shape"),
}  # fmt: skip


@pytest.mark.parametrize("what", UNUSABLE)
def test_unusable_files_are_one_line_and_exit_code_2(small, what, monkeypatch, called, tmp_path):
    spoil, words = UNUSABLE[what]
    spoil(*small)
    monkeypatch.chdir(tmp_path)
    line = refused(called("verify", small[0], "--model", small[1]))
    assert words in line
    assert len(line) < 700
    assert not (tmp_path / "boom").exists()


def test_large_files_are_refused_before_they_are_read(small, monkeypatch):
    monkeypatch.setattr(inputs, "_MOST_BYTES", 1000)
    with pytest.raises(DcscError, match="expected at most 1000 bytes of arrays, got"):
        bounds.verify(*small)
    monkeypatch.setattr(verification, "_MOST_BYTES", 1000)
    with pytest.raises(DcscError, match="certificate: expected at most 1000 bytes, got"):
        bounds.verify(*small)


def test_an_array_whose_header_promises_too_much_is_refused(small):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"descr": "<f8", "fortran_order": False, "shape": (2**50,)}
    )
    with zipfile.ZipFile(small[1], "a") as archive:
        archive.writestr("more.npy", stream.getvalue())
    with pytest.raises(DcscError, match=f"more: declares {2**53} bytes"):
        bounds.verify(*small)


def test_zero_is_not_its_negative(small):
    tree = json.loads(small[0].read_text())
    assert tree["lower"] == 0
    tree["lower"] = -0.0
    small[0].write_text(resealed(tree))
    found = bounds.verify(*small)
    assert found.difference.startswith("lower: the certificate says -0.0, the model gives 0.0")
    assert bounds.verify(*small, rounding=1e-9).holds


def test_numbers_too_large_to_compute_with_are_refused(tmp_path):
    layer = dcsc.LayerStatistics(coherence=0.1, x_min=1, x_max=1, sparsity=1, n_atoms=12)
    paths = published(tmp_path, dcsc.RobustBound().evaluate([layer]))
    _inputs(lambda t: t["layers"][0].update(n_atoms=10**400))(*paths)
    with pytest.raises(DcscError, match="expected a model that can be computed"):
        bounds.verify(*paths)


# ---- what is not dcsc's own cannot be certified --------------------------------------------------


class OwnBound(dcsc.BoundCalculator):
    reference = "nowhere"

    def _evaluate(self, layers):
        return self._guarantee(layers, [bounds.LayerGuarantee(0.5, (0, 1), 0) for _ in layers])


def test_strategies_of_ones_own_are_refused():
    layer = dcsc.LayerStatistics(coherence=0.1, x_min=1, x_max=1, sparsity=1)
    with pytest.raises(DcscError, match="bound: OwnBound is not a class of dcsc"):
        bounds.Certificate.of(OwnBound().evaluate(layer))
    namesake = type("UniformBound", (OwnBound,), {})
    with pytest.raises(DcscError, match="bound: UniformBound is not a class of dcsc"):
        bounds.Certificate.of(namesake().evaluate(layer))
    plain = bounds.LayerInstance(cases.Plain(np.eye(2), (2,), (2,)), [1, 0], 0.5)
    with pytest.raises(DcscError, match=r"layer1\.dictionary: Plain is not a class of dcsc"):
        bounds.Certificate.of(dcsc.UniformBound().evaluate(plain))


def test_a_guarantee_must_know_where_it_comes_from():
    part = bounds.LayerGuarantee(0.5, (0, 1), 0)
    with pytest.raises(DcscError, match="a bound's evaluate returned"):
        bounds.Certificate.of(bounds.Guarantee((part,), "Mine", "nowhere"))
    certificate, _ = Certificate.parse(
        bounds.Certificate.of(
            dcsc.UniformBound().evaluate(
                dcsc.LayerStatistics(coherence=0.1, x_min=1, x_max=1, sparsity=1)
            )
        ).text
    )
    with pytest.raises(DcscError, match=r"what Certificate\.of returned"):
        certificate.write(".")


def test_all_classes_of_dcsc_can_be_certified():
    known = set(inputs._KINDS.values())
    assert set(cases.BOUNDS) <= known
    assert set(cases.DICTIONARIES) - {cases.Plain} <= known
    assert bounds.EffectiveDictionary in known
    assert set(tails.NAMED.values()) <= known


def test_where_a_guarantee_comes_from_changes_nothing_about_it():
    layer = dcsc.LayerStatistics(coherence=0.1, x_min=1, x_max=1, sparsity=1)
    found = dcsc.UniformBound().evaluate(layer)
    bare = bounds.Guarantee(found.layers, found.bound, found.reference, found.conditional)
    assert found == bare
    assert hash(found) == hash(bare)
    assert repr(found) == repr(bare)


# ---- files and the command line ------------------------------------------------------------------


def test_exit_codes_and_lines(small, called):
    path, model = small
    code, out, err = called("verify", path, "--evidence", model)
    assert (code, err) == (0, "")
    probability = json.loads(path.read_text())["failure_probability"]
    assert 0 < probability < 1
    assert out == f"true: failure probability at most {probability:.3g} by InstanceBound\n"
    path.write_text(path.read_text().replace("0.05", "0.06", 1))
    code, out, err = called("verify", path, "--evidence", model)
    assert (code, err) == (1, "")
    assert out == "false: digest: it is not that of the text, which was changed\n"
    code, out, err = called("verify", path)
    assert (code, out) == (2, "")
    assert "--evidence" in err


def test_the_command_says_that_constants_are_declared(tmp_path, called):
    layer = dcsc.LayerStatistics(coherence=0.1, x_min=1, x_max=1, sparsity=2)
    path, model = published(tmp_path, dcsc.UniformBound().evaluate([layer]))
    code, out, _ = called("verify", path, "--evidence", model)
    assert code == 0
    assert len(out.splitlines()) == 1
    assert "the constants are declared" in out


def test_a_process_of_its_own(small):
    small[0].write_text(small[0].read_text().replace("0.05", "0.06", 1))
    done = run("verify", small[0], "--model", small[1], cwd=small[0].parent)
    assert (done.code, done.err) == (1, "")
    assert done.out.startswith("false: digest")


def test_help(called):
    shown = called("verify", "--help").out
    for word in ("FILE", "--evidence", "--codes", "--rounding", "exit code 1"):
        assert word in shown


def test_both_files_or_none(tmp_path, monkeypatch):
    layer = dcsc.LayerStatistics(coherence=0.1, x_min=1, x_max=1, sparsity=2)
    certificate = bounds.Certificate.of(dcsc.UniformBound().evaluate(layer))
    (tmp_path / "file").write_text("")
    with pytest.raises(DcscError, match=r"Certificate\.write: folder"):
        certificate.write(tmp_path / "file")
    (tmp_path / "file").unlink()

    def broken(*_):
        raise OSError("no space left")

    monkeypatch.setattr(Path, "replace", broken)
    with pytest.raises(DcscError, match=r"could not write .*evidence\.npz: no space left"):
        certificate.write(tmp_path)
    assert list(tmp_path.iterdir()) == []
