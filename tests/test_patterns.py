"""What units look for, as the page draws it: read back from the drawing."""

import base64
import io
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from dcsc import DCSCModel, IdentitySigns, Layer, ReLU, ToeplitzDictionary
from dcsc.dictionaries import filters
from dcsc.report.patterns import patterns

SVG = "{http://www.w3.org/2000/svg}"


def drawn(channels, kernel, units):
    bank = filters.gaussian(6, channels, kernel, rng=0)
    model = DCSCModel([Layer(ToeplitzDictionary(bank, kernel), ReLU(), IdentitySigns())])
    atoms = model.effective_atoms(1, units)
    root = ElementTree.fromstring(patterns(model, 1, np.array(units)))
    return atoms / np.abs(atoms).max(), root, [one.text for one in root.iter(SVG + "text")]


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_images_are_the_atoms_on_one_scale(channels):
    atoms, root, texts = drawn(channels, (4, 3), [5, 0])
    assert texts[1:] == ["filter 5 at 0, 0", "filter 0 at 0, 0"]
    images = list(root.iter(SVG + "image"))
    assert len(images) == 2
    for image, atom in zip(images, atoms, strict=True):
        content = base64.b64decode(image.get("href").partition("base64,")[2])
        levels = np.asarray(Image.open(io.BytesIO(content))) / 255 * 2 - 1
        expected = np.moveaxis(atom, 0, -1) if channels == 3 else atom.reshape(-1, 3)
        np.testing.assert_allclose(levels, expected, atol=0.01)
        tall = 4 * (channels if channels == 2 else 1) / 3
        assert float(image.get("height")) / float(image.get("width")) == pytest.approx(
            tall, rel=1e-2
        )
    assert len(list(root.iter(SVG + "path"))) == 2 * (channels == 2)


def test_lines_are_the_atoms_on_one_scale():
    atoms, root, texts = drawn(2, (9,), [1, 3, 4])
    assert texts[1:] == ["filter 1 at 0", "filter 3 at 0", "filter 4 at 0"]
    lines = list(root.iter(SVG + "polyline"))
    assert len(lines) == 6
    heights = np.array(
        [[float(point.split(",")[1]) for point in one.get("points").split()] for one in lines]
    )
    middle = float(next(root.iter(SVG + "rect")).get("height")) / 2
    np.testing.assert_allclose((middle - heights) / middle * 1.05, atoms.reshape(6, 9), atol=0.01)


def test_rows_of_eight():
    _, root, _ = drawn(1, (2, 2), [0, 1, 2, 3, 4, 5, 0, 1, 2])
    places = [one.get("transform") for one in root.iter(SVG + "g")]
    rows = {place.partition(" ")[2] for place in places}
    assert (len(places), len(set(places)), len(rows)) == (9, 9, 2)
