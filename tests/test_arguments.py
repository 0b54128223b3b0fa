"""Every kind of wrong argument, at one place each: `test_wrong_calls` has them everywhere."""

import math
from fractions import Fraction

import attrs
import numpy as np
import pytest

import dcsc
from dcsc import _arguments as arguments
from dcsc import _arrays as arrays
from dcsc import bounds, codes, experiments, networks, plotting, testing
from dcsc.dictionaries import filters
from dcsc.errors import DcscError, TooLargeError
from dcsc.networks.analysis import Inputs

CIRCLE = dcsc.CirculantDictionary(np.ones((2, 3, 2)), 4)  # codes (2, 4), signals (3, 4)
Z = np.ones((2, 4))
MODEL = dcsc.DCSCModel([dcsc.Layer(CIRCLE, dcsc.ReLU(), dcsc.IdentitySigns())])
TRUTH = MODEL.synthesize(Z)
LAYER = dcsc.LayerStatistics(0.02, 1, 1, sparsity=2, noise=0.1, n_atoms=1000)
MASKED = np.ma.masked_array(Z, mask=Z > 0)
ENDLESS = np.broadcast_to(1.0, (2**30, 2**29))
SWEEP = "no such folder"


class Subclassed(np.ndarray):
    pass


TABLE = [
    # Masks would be ignored
    (lambda: CIRCLE.synthesize(MASKED), "CirculantDictionary: codes: mask"),
    (lambda: CIRCLE.synthesize([MASKED[0], MASKED[1]]), "CirculantDictionary: codes: mask"),
    (lambda: MODEL.forward(np.ma.ones((3, 4))), "DCSCModel.forward: signal: mask"),
    (lambda: dcsc.HardThreshold(np.ma.array([1.0], mask=[True])), "HardThreshold: mask"),
    (lambda: experiments.simulate(MODEL, MASKED, 1), "simulate: codes: mask"),
    (lambda: attrs.evolve(LAYER, noise=np.ma.array(1.0, mask=True)), "noise: real number masked"),
    # Sizes and numbers that do not fit
    (lambda: filters.rademacher(n=1, c=2**63, kernel=3), f"rademacher: entries (1, {2**63}, 3)"),
    (lambda: filters.gaussian(2**20, 2**20, 1), f"gaussian: entries ({2**20}, {2**20}, 1)"),
    (lambda: codes.draw(CIRCLE, 1, batch=2**40), f"codes.draw: batch: entries ({2**40}, 2, 4)"),
    (lambda: codes.ConstantAmplitudes().draw(2**63), f"ConstantAmplitudes: size: ({2**63},)"),
    (lambda: dcsc.RademacherSigns().draw((2**40, 2**40)), "RademacherSigns: code_shape: entries"),
    (lambda: dcsc.RademacherSigns().draw_many(2**63, 3), "RademacherSigns: count: entries"),
    (lambda: experiments.simulate(MODEL, Z, 2**63), "simulate: trials: entries"),
    (lambda: dcsc.CirculantDictionary(CIRCLE.filters, 2**62), "CirculantDictionary: extent: at"),
    (lambda: dcsc.ToeplitzDictionary(CIRCLE.filters, 4, padding=2**62), "extent: at most entries"),
    (lambda: attrs.evolve(CIRCLE, dilation=2**63), "CirculantDictionary: dilation: entries"),
    (lambda: CIRCLE.analyze(ENDLESS), f"CirculantDictionary: signals: ({2**30}, {2**29})"),
    (lambda: CIRCLE.analyze(range(2**50)), "CirculantDictionary: signals: array"),
    (lambda: attrs.evolve(LAYER, x_max=10**400), "LayerStatistics: x_max: real number 1000"),
    (lambda: attrs.evolve(LAYER, x_max=Fraction(10**400, 3)), "LayerStatistics: x_max: Fraction"),
    (lambda: attrs.evolve(LAYER, x_max=float("1e400")), "LayerStatistics: x_max: finite inf"),
    (lambda: CIRCLE.analyze(np.full((3, 4), np.longdouble("1e400"))), "signals: finite inf"),
    # Types of arrays
    (lambda: MODEL.forward([object()]), "DCSCModel.forward: signal: dtype object"),
    (lambda: MODEL.forward([[1], [1, 2]]), "DCSCModel.forward: signal: inhomogeneous"),
    (lambda: MODEL.forward(item for item in TRUTH[0]), "DCSCModel.forward: signal: object"),
    (lambda: MODEL.forward(np.ones((3, 4)).astype("M8[s]")), "signal: dtype datetime64"),
    (lambda: bounds.oracle_layers(MODEL, TRUTH, noise="loud"), "oracle_layers: noise: <U4"),
    # Classes where instances belong, and other classes
    (lambda: dcsc.Layer(CIRCLE, dcsc.ReLU), "Layer: projection: expected a Projection, ReLU"),
    (lambda: dcsc.DCSCModel([dcsc.Layer]), "DCSCModel: layers: Layer"),
    (lambda: dcsc.DCSCModel(3), "DCSCModel: layers: sequence 3"),
    (lambda: dcsc.FixedSigns([1], law=dcsc.RademacherSigns), "FixedSigns: law: SignPattern"),
    (lambda: experiments.simulate(1, [1.0], 1), "simulate: model: expected a DCSCModel, got 1"),
    (lambda: experiments.enumerate_signs(CIRCLE, Z), "enumerate_signs: model: DCSCModel"),
    (lambda: experiments.estimate_failure(None, Z, 2), "estimate_failure: model: None"),
    (lambda: bounds.measure(1, TRUTH), "measure: model: expected a DCSCModel, got 1"),
    (lambda: bounds.declare(None, Z, [1]), "declare: model: DCSCModel None"),
    (lambda: bounds.declare(MODEL, Z, 1.0), "declare: x_min: sequence 1.0"),
    (lambda: dcsc.UniformBound().sparsity_limit(1), "UniformBound.sparsity_limit: statistics: 1"),
    (lambda: dcsc.HybridBound().best_threshold(CIRCLE), "HybridBound.best_threshold: statistics"),
    (lambda: dcsc.InstanceBound().atoms(LAYER), "InstanceBound.atoms: instance: LayerInstance"),
    (lambda: bounds.tails.L1().covers("gauss"), "L1.covers: noise: expected a Noise 'gauss'"),
    (lambda: TRUTH.compare(dcsc.Pathway), "Pathway.compare: guess: expected a Pathway"),
    (lambda: bounds.Certificate.of(LAYER), "Certificate.of: guarantee: Statement"),
    (lambda: networks.Graph([1], [], []), "Graph: inputs: expected an Input 1"),
    (lambda: plotting.as_png(1), "figure: expected a Figure, got 1"),
    (lambda: plotting.sweep_figure({}), "sweep_figure: data: Dataset {}"),
    # Words, flags, functions and paths
    (lambda: MODEL.forward(TRUTH[0], keep_coefficients=Z), "keep_coefficients: True or False"),
    (lambda: experiments.simulate(MODEL, Z, 1, entries=1), "simulate: entries: True or False 1"),
    (lambda: experiments.simulate(MODEL, Z, 1, engine=[]), "simulate: engine: batches []"),
    (lambda: attrs.evolve(LAYER, nonnegative="no"), "LayerStatistics: nonnegative: False 'no'"),
    (lambda: dcsc.HybridBound(tail=["best"]), "HybridBound: tail: hoeffding ['best']"),
    (lambda: dcsc.LayeredBound(tail="worst"), "LayeredBound: tail: hoeffding 'worst'"),
    (lambda: networks.operations.Pad(None, "mirror"), "Pad: mode: reflect 'mirror'"),
    (lambda: experiments.run(None, SWEEP), "run: sweep: expected a Sweep, got None"),
    (lambda: experiments.open(7), "open: folder: expected a path, got 7"),
    (lambda: experiments.open("a" * 300), "open: folder: expected a path"),
    (lambda: networks.operations.Foreign("Mish", 18, {}, (2**63,)), "Foreign: places: at most"),
    (lambda: experiments.open("a\0b"), "open: folder: expected a path"),
    (lambda: dcsc.Pathway([Z], batch="ab"), "Pathway: batch: integer"),
    (
        lambda: testing.check_reader(networks.readers.NpzReader(), [1]),
        "check_reader: path [1]",
    ),
    # Seeds
    (lambda: MODEL.draw("seed"), "DCSCModel.draw: rng: 'seed'"),
    (lambda: experiments.simulate(MODEL, Z, 1, rng=1.5), "simulate: rng: non-negative 1.5"),
    (lambda: experiments.simulate(MODEL, Z, 1, rng=np.random.default_rng), "simulate: rng: Gener"),
    (lambda: filters.gaussian(1, 1, 1, rng=[0.5]), "gaussian: rng: [0.5]"),
    (lambda: filters.gaussian(1, 1, 1, rng=-(2**64)), "gaussian: rng: non-negative"),
    # A line of what was given, however long
    (lambda: dcsc.HardThreshold("x" * 20_000), "HardThreshold: threshold: real number 'xxx"),
    (lambda: bounds.explain([LAYER] * 500 + [1]), "explain: layers: got [LayerStatistics"),
]


@pytest.mark.parametrize(("call", "words"), TABLE, ids=[words for _, words in TABLE])
def test_wrong_arguments_are_refused_by_name(call, words):
    with pytest.raises(DcscError) as refusal:
        call()
    message = str(refusal.value)
    assert [word for word in words.split() if word not in message] == []
    assert len(message) < 300


def test_sizes_beyond_memory_have_an_error_of_their_own():
    for call in (lambda: codes.draw(CIRCLE, 1, batch=2**40), lambda: CIRCLE.analyze(ENDLESS)):
        with pytest.raises(TooLargeError, match="entries"):
            call()
    assert arrays.checked_size((2, 3), "here", most=6) == (2, 3)
    with pytest.raises(TooLargeError, match=r"here: expected at most 5 entries, got \(2, 3\)"):
        arrays.checked_size((2, 3), "here", most=5)


def test_tensors_are_arrays_unless_they_cannot_be(torch):
    signal = torch.arange(12.0, dtype=torch.float64).reshape(3, 4)
    np.testing.assert_array_equal(CIRCLE.analyze(signal), CIRCLE.analyze(signal.numpy()))
    for held in (signal.clone().requires_grad_(), signal.to(torch.bfloat16)):
        np.testing.assert_array_equal(CIRCLE.analyze(held), CIRCLE.analyze(signal.numpy()))
    for wrong in (torch.ones(3, 4, device="meta"), torch.eye(3).to_sparse()):
        with pytest.raises(DcscError, match="CirculantDictionary: signals: expected an array"):
            CIRCLE.analyze(wrong)
    with pytest.raises(DcscError, match="TorchLayer: signal: expected a Tensor"):
        MODEL.to_torch()(np.ones((3, 4)))


@pytest.mark.parametrize(
    "other",
    [
        TRUTH[0].view(Subclassed),
        np.asfortranarray(TRUTH[0]),
        TRUTH[0].astype(">f8"),
        TRUTH[0].astype(np.longdouble),
        TRUTH[0].astype(np.int8),
        TRUTH[0].tolist(),
        memoryview(np.array(TRUTH[0])),
    ],
    ids=["subclass", "Fortran", "swapped bytes", "longdouble", "int8", "list", "memoryview"],
)
def test_other_arrays_give_the_same_numbers(other):
    expected = MODEL.forward(TRUTH[0], keep_coefficients=True)
    found = MODEL.forward(other, keep_coefficients=True)
    for one, two in zip(
        (*found, *found.coefficients), (*expected, *expected.coefficients), strict=True
    ):
        assert type(one) is np.ndarray
        np.testing.assert_array_equal(one, two)


def test_float16_and_bool_count_as_float64():
    signal = np.ones((3, 4))
    for dtype in (np.float16, bool):
        found = CIRCLE.analyze(signal.astype(dtype))
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, CIRCLE.analyze(signal))


def test_seeds_that_numpy_takes_are_taken():
    for rng in (7, np.int64(7), np.random.SeedSequence(7), np.random.default_rng(7), [7, 8], None):
        assert filters.gaussian(2, 1, 3, rng=rng).shape == (2, 1, 3)
    same = [filters.gaussian(2, 1, 3, rng=rng) for rng in ([7, 8], np.array([7, 8]), (7, 8))]
    assert all(np.array_equal(one, same[0]) for one in same)
    large = 2**200 + 1  # seeds may have any number of digits
    assert experiments.simulate(MODEL, Z, 3, rng=large) == experiments.simulate(
        MODEL, Z, 3, rng=np.random.SeedSequence(large)
    )


def test_arguments_that_are_right_come_back():
    assert arguments.flag(np.bool_(True), "here") is True
    assert arguments.choice("a", ["a", "b"], "here") == "a"
    assert arguments.items(iter([1, 2]), "here") == (1, 2)
    assert arguments.items(np.arange(2), "here") == (0, 1)
    assert arguments.instances([1, 2], int, "here") == (1, 2)
    assert arguments.mapping({"a": 1}, "here") == {"a": 1}
    assert arguments.function(len, "here") is len
    assert str(arguments.any_path("a/b", "here")) == "a/b"
    assert arrays.real_or_array(np.array(0.5), "here") == 0.5
    assert math.isclose(arrays.real_or_array(0.5, "here", 0), 0.5)


@pytest.mark.parametrize("value", [None, 1, "text", b"bytes", np.array(1), 1.5, object()])
def test_what_is_no_sequence_is_refused(value):
    with pytest.raises(DcscError, match="here: expected a sequence"):
        arguments.items(value, "here")


def test_sequences_without_end_are_refused():
    with pytest.raises(DcscError, match="here: expected at most 1048576 items"):
        arguments.items(iter(int, 1), "here")
    with pytest.raises(DcscError, match="here: expected at most 64 axes"):
        arrays.shape_tuple(iter(int, 1), "here")


@pytest.mark.parametrize(("value", "message"), [
    (3, "expected two numbers"),
    ((1, 2, 3), "expected two numbers, got 3"),
    (("a", "b"), "expected a real number, got 'a'"),
    ((1, 0), r"expected low ≤ high, got \(1.0, 0.0\)"),
])  # fmt: skip
def test_two_ends(value, message):
    assert arguments.two_ends((0, 1), "here") == (0.0, 1.0)
    with pytest.raises(DcscError, match=f"here: {message}"):
        arguments.two_ends(value, "here")
    with pytest.raises(DcscError, match=f"Inputs: span: {message}"):
        Inputs("x", {"x": np.ones((2, 1, 9))}, span=value)


@pytest.mark.parametrize("text", ["1/255", " 0.5 ", "-3", "1e-3", "8 / 255"])
def test_numbers_in_quotes_are_told_to_go_without(text):
    with pytest.raises(DcscError, match=f": write {text.strip()}, without quotes$"):
        arrays.real(text, "f: size")


@pytest.mark.parametrize(
    "text", ["a half", "", "1/", "nan", "1e999999999", "9" * 5000, b"1/255", None]
)
def test_what_is_no_number_has_no_such_hint(text):
    with pytest.raises(DcscError, match="f: size: expected a real number, got ") as error:
        arrays.real(text, "f: size")
    assert "quotes" not in str(error.value)
