"""Certificates written long ago are verified as they are, and every value in them matters.

The documents and their evidence lie in ``tests/kept``; ``write.py`` there says what they are of.
"""

import contextlib
import copy
import json
import math
import shutil

import attrs
import numpy as np
import pytest

import dcsc
from dcsc import bounds
from dcsc.bounds.certificates import inputs
from dcsc.errors import DcscError
from tests.kept.write import FOLDER, KEPT
from tests.test_certificate import changed, resealed

every_one = pytest.mark.parametrize("name", KEPT)


@pytest.fixture
def kept(name, tmp_path):
    """A copy of one document and of its evidence, as made by the dcsc of today."""
    for file in (FOLDER / name).iterdir():
        shutil.copy(file, tmp_path)
    (document,) = tmp_path.glob("*.json")
    (evidence,) = tmp_path.glob("*.npz")
    tree = json.loads(document.read_text())
    assert resealed(tree) == document.read_text()
    # Another version refuses it, however little has changed; here it is asked what has.
    document.write_text(resealed({**tree, "version": dcsc.__version__}))
    return document, evidence


def places(tree, path=()):
    """Yield the paths of all values."""
    children = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in children:
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))
        else:
            yield (*path, key)


def others(value):
    """Return other values of the same type, or of none."""
    if value is None:
        return [1, True, "none"]
    if isinstance(value, bool):
        return [not value, None]
    if isinstance(value, str):
        return [value + "x", ""]
    near = math.nextafter(value, math.inf) if isinstance(value, float) else value - 1
    return [value + 1, near, None]


def value_at(tree, path):
    for key in path:
        tree = tree[key]
    return tree


def with_value(tree, path, value):
    tree = copy.deepcopy(tree)
    *above, last = path
    value_at(tree, above)[last] = value
    return tree


def verified(document, evidence):
    """Whether a certificate is found true; a file that cannot be used is not."""
    with contextlib.suppress(DcscError):
        return bounds.verify(document, evidence).holds
    return False


@every_one
def test_it_is_verified_as_it_is(kept):
    found = bounds.verify(*kept)
    assert found.holds, found.difference
    assert found.certificate.bound["class"] == "UniformBound"


@every_one
def test_the_same_record_says_the_same_today(name, kept):
    today = bounds.Certificate.of(dcsc.UniformBound().evaluate(KEPT[name]()))
    assert today.text == kept[0].read_text()


def test_some_of_them_say_something():
    said = {
        name: json.loads((FOLDER / name / "certificate.json").read_text())["holds"] for name in KEPT
    }
    assert said == {
        "numbers": True,
        "filters": True,
        "numbers_of_one": False,
        "filters_of_one": False,
    }


@every_one
def test_every_value_of_the_document_matters(kept):
    document, evidence = kept
    tree = json.loads(document.read_text())
    for path in places(tree):
        if path == ("digest",):
            continue
        for other in others(value_at(tree, path)):
            document.write_text(resealed(with_value(tree, path, other)))
            assert not verified(document, evidence), (path, other)


@every_one
def test_every_value_of_the_evidence_matters(kept):
    document, evidence = kept
    shutil.copy(evidence, whole := evidence.with_suffix(".bytes"))
    with np.load(evidence) as file:
        arrays = {key: file[key] for key in file.files}
    (text,) = [key for key, array in arrays.items() if array.dtype.kind == "U"]
    tree = json.loads(str(arrays.pop(text)))
    for path in places(tree):
        for other in others(value_at(tree, path)):
            shutil.copy(whole, evidence)
            changed(evidence, **{text: np.array(json.dumps(with_value(tree, path, other)))})
            assert not verified(document, evidence), (path, other)
    for key, array in arrays.items():
        for place in np.ndindex(array.shape):
            other = array.copy()
            other[place] = np.nextafter(other[place], np.inf, dtype=array.dtype)
            shutil.copy(whole, evidence)
            changed(evidence, **{key: other})
            assert not verified(document, evidence), (key, place)
    shutil.copy(whole, evidence)
    assert verified(document, evidence)


def test_every_field_of_what_is_evaluated_is_said():
    """But for those that came later, where they are what went without saying before."""
    for record in KEPT.values():
        described = inputs.describe(record(), "it", {})
        assert_complete(described, record())


def assert_complete(described, value):
    names = {field.name for field in attrs.fields(type(value))}
    missing = names - set(described)
    assert missing <= {"dilation", "groups", "tolerance", "spread", "coins"}
    assert set(described) == {"class", *names} - missing
    for name in names - missing:
        if isinstance(described[name], dict) and "class" in described[name]:
            assert_complete(described[name], getattr(value, name))
