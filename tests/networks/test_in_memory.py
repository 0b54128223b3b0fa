"""Analyses of what is in memory: arrays, tensors, and activations that were computed before."""

import json

import numpy as np
import pytest

from dcsc import DcscError, networks
from dcsc.networks.analysis import Inputs, Limits, analyze
from dcsc.networks.shipped import digits_inputs, digits_network_path

SHORT = Limits(inputs=6, proved=2, resynthesized=2, draws=1, units=10, twins=1, products=1e8)
NETWORK = networks.load(digits_network_path("incoherent"))
DIGITS = digits_inputs()
IMAGES, LABELS = DIGITS.images[:9], DIGITS.labels[:9]


def numbers(inputs, labels=None):
    record = analyze(NETWORK, inputs, limits=SHORT, labels=labels).numbers()
    record["inputs"].pop("name")
    return json.loads(json.dumps(record))


@pytest.fixture(scope="module")
def expected():
    return numbers(Inputs("digits", {"input": IMAGES}, LABELS))


def test_an_array_is_as_good_as_a_file(expected):
    assert numbers(IMAGES, LABELS) == expected
    assert numbers({"input": IMAGES}, LABELS.tolist()) == expected
    assert numbers(NETWORK.forward(IMAGES.astype(np.float64)), LABELS) == expected
    assert expected["overlap"] is not None
    assert (expected["given"], expected["inputs"]["count"]) == (9, 6)


def test_labels_take_the_place_of_others(expected):
    assert numbers(Inputs("", {"input": IMAGES}, LABELS[::-1]), LABELS) == expected


def test_tensors_and_what_pytorch_computed(expected, torch):
    images = torch.tensor(IMAGES, dtype=torch.float64).requires_grad_()
    assert numbers(images, torch.tensor(LABELS)) == expected
    found = NETWORK.activations(NETWORK.to_torch().values(images))
    assert found.stops == found.missing == ()
    record = numbers(found, LABELS)
    for got, layer in zip(record["layers"], expected["layers"], strict=True):
        assert got["codes"]["density"] == pytest.approx(layer["codes"]["density"])
        assert got["theorems"] == layer["theorems"]
    half = NETWORK.activations(NETWORK.to_torch().bfloat16().values(images.bfloat16()))
    assert half["input"].dtype == np.float32


# ---- activations from elsewhere ------------------------------------------------------------------


def changed(name, value):
    values = dict(NETWORK.forward(IMAGES).values)
    return (
        {**values, name: value}
        if value is not None
        else {k: values[k] for k in values if k != name}
    )


FIRST = NETWORK.convolutions[0]


@pytest.mark.parametrize(("values", "message"), [
    ([1], "values: expected a mapping, got [1]"),
    (changed("nothing", IMAGES), "values: expected names in `kept`, got 'nothing'"),
    (changed("input", None), "values: expected the input 'input' among them"),
    (changed("input", IMAGES[:, :, :-1]), "values: input: expected shape"),
    (changed(FIRST.coefficients, None), "values: conv1: expected 'conv1' among them"),
    (changed(FIRST.code, IMAGES), "'conv1.activation': expected shape (9, 16, 6, 6), got (9, 1,"),
    (changed(FIRST.code, NETWORK.forward(IMAGES)[FIRST.coefficients]), "makes of its signal, got"),
    (changed("input", IMAGES[::-1]), "'conv1': expected what conv1 makes of its signal, got"),
    (changed(FIRST.code, np.full((9, 16, 6, 6), np.inf)), "'conv1.activation': expected finite"),
])  # fmt: skip
def test_values_that_do_not_follow_from_each_other_are_refused(values, message):
    with pytest.raises(DcscError) as error:
        NETWORK.activations(values)
    assert str(error.value).startswith("ConvNetwork.activations: ")
    assert message in str(error.value)


def test_layers_without_values_are_missing():
    values = NETWORK.forward(IMAGES).values
    found = NETWORK.activations({name: values[name] for name in ("input", *FIRST.values)})
    assert found.missing == tuple(c.name for c in NETWORK.convolutions[1:])
    assert analyze(NETWORK, found, limits=SHORT).layers[1].codes is None
    assert analyze(NETWORK, found, limits=SHORT).layers[0].codes is not None


def test_the_first_activations():
    found = NETWORK.forward(IMAGES)
    for name, value in found.first(4).values.items():
        np.testing.assert_array_equal(value, found[name][:4])
    assert len(found.first(20)["input"]) == 9


@pytest.mark.parametrize(("inputs", "labels", "message"), [
    (IMAGES, LABELS[:3], "labels: expected one for each of 9 inputs, got shape (3,)"),
    (None, LABELS, "labels: expected none without inputs"),
    ({"other": IMAGES}, None, "inputs: expected input, got other"),
    (IMAGES[0], None, "inputs: input: expected shape (any, 1, 8, 8), got (1, 8, 8)"),
    (IMAGES[:0], None, "inputs: expected a batch of one input or more, got"),
    ("digits", None, "inputs: input: expected"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(inputs, labels, message):
    with pytest.raises(DcscError) as error:
        analyze(NETWORK, inputs, labels=labels)
    assert str(error.value).startswith(f"analyze: {message}")


@pytest.mark.parametrize(("values", "labels", "message"), [
    (IMAGES, None, "Inputs: values: expected a mapping, got array"),
    ({}, None, "Inputs: values: expected an array with a batch for each input, got {}"),
    ({"input": "digits"}, None, "Inputs: values: input: expected"),
    ({"input": 3.0}, None, "Inputs: values: expected an array with a batch"),
    ({"input": IMAGES}, [None] * 9, "Inputs: labels: expected real numbers, got dtype object"),
])  # fmt: skip
def test_inputs_are_arrays_from_the_start(values, labels, message):
    with pytest.raises(DcscError) as error:
        Inputs("", values, labels)
    assert str(error.value).startswith(message)
    assert (
        Inputs("", {"input": IMAGES.tolist()}, LABELS.tolist()).labels.tolist() == LABELS.tolist()
    )


def test_activations_of_another_network_are_refused():
    other = networks.ConvNetwork(networks.Graph([networks.Input("input")], [], ["input"]))
    with pytest.raises(DcscError, match=r"analyze: inputs: expected activations of digits-incoh"):
        analyze(NETWORK, other.forward(IMAGES))


def test_bytes_for_a_network_of_scaled_pictures_are_said():
    pictures = np.rint(255 * IMAGES[:2])
    said = (
        "input: whole numbers from 0 to 255, as the bytes of pictures are: a network that was "
        "trained on numbers from 0 to 1 is to be shown inputs / 255"
    )
    for inputs, expected in (
        (pictures, [said]),
        (pictures.astype(np.uint8), [said]),
        (pictures / 255, []),
        (pictures - 128, []),  # centred, and so on purpose
        (pictures + 0.5, []),
        (300 * pictures, []),  # counts of something else
        (np.rint(16 * IMAGES[:2]), []),  # of a few levels
        (0 * pictures, []),
    ):
        notes = analyze(NETWORK, inputs, limits=SHORT).notes
        assert list(notes[len(NETWORK.notes) :]) == expected


def test_a_perturbation_that_is_less_than_a_step_of_whole_numbers_is_said():
    pictures = (16 * IMAGES[:2]).astype(np.uint8)
    said = f"input: whole numbers from 0 to {pictures.max()}, taken as they are: a perturbation of "
    for inputs, perturbation, expected in (
        (pictures, 1 / 255, [f"{said}1/255 is less than a step of them"]),
        (pictures, 1, []),
        (pictures, None, []),
        (IMAGES[:2], 1 / 255, []),
    ):
        notes = analyze(NETWORK, inputs, limits=SHORT, perturbation=perturbation).notes
        assert list(notes[len(NETWORK.notes) :]) == expected
