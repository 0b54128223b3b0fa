"""Pages of many layers: one chart for all, small patterns, and no more than a page may weigh."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from dcsc.networks import operations
from dcsc.networks.analysis import Limits, analyze
from dcsc.report import page
from dcsc.report.overview import range_chart
from dcsc.report.pictures import atoms_picture
from tests.drawings import Drawn
from tests.networks import chains

LAYERS = 26
NONE = Limits(proved=0, resynthesized=0, units=2, twins=0, placed=0)


@pytest.fixture(scope="module")
def deep():
    weights = np.random.default_rng(0).normal(size=(LAYERS, 4, 4, 3, 3)) / 4
    steps = []
    for number, weight in enumerate(weights):
        first = operations.Convolve(weight[:, :1] if number == 0 else weight, padding=1)
        steps += [first, operations.Relu()]
    inputs = chains.shown(3, 1, 12, 12)
    return analyze(chains.network(*steps, channels=1, lengths=(12, 12)), inputs, limits=NONE)


def test_many_layers_have_charts_in_common(deep):
    text = page(deep)
    assert len(re.findall('label="From the least to the largest', text)) == 3
    for name in ("Thresholds of the filters", "Units that are on, over", "Stripe sparsity over"):
        assert name not in text
    patterns = re.findall(r'src="data:image/(png|svg)[^"]*" alt="Patterns that units', text)
    assert len(patterns) == LAYERS
    assert set(patterns) == {"png"}
    assert f'<article class="layer" id="layer-{LAYERS}">' in text
    # eighty of such layers are within 2 MB
    assert len(text) * 80 / LAYERS < 2e6


def test_ranges_are_from_the_least_to_the_largest(deep):
    layers = deep.layers[:3]
    drawn = Drawn(range_chart(layers, [(0.5, -1.0, 4.0), (), (2.0,)], "name"))
    y = drawn.scale(below=False)
    first, last = drawn.stems()
    assert [y(end) for end in first[2:]] == pytest.approx([-1, 4], abs=0.02)
    assert [y(end) for end in last[2:]] == pytest.approx([2, 2], abs=0.02)
    (middles,) = drawn.marks().values()
    assert [y(at) for _, at in middles] == pytest.approx([0.5, 2], abs=0.02)
    assert [x for x, _ in middles] == [first[1], last[1]]
    assert drawn.texts[-1] == "name"


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_patterns_stand_side_by_side_on_one_scale(channels):
    atoms = np.random.default_rng(0).normal(size=(5, channels, 4, 3))
    content, (width, height) = atoms_picture(atoms, 8)
    picture = np.asarray(Image.open(io.BytesIO(content)))
    assert picture.shape[:2] == (height, width)
    tall = 4 * (channels if channels == 2 else 1)
    columns = (width + 1) // 4
    levels = 127.5 + 127.5 * atoms / np.abs(atoms).max()
    for number, atom in enumerate(levels):
        top, left = number // columns * (tall + 1), number % columns * 4
        part = picture[top : top + tall, left : left + 3]
        expected = np.moveaxis(atom, 0, -1) if channels == 3 else atom.reshape(tall, 3)
        assert np.abs(part - expected).max() <= 0.5
    large, size = atoms_picture(np.zeros((1, 1, 90, 45)), 32)
    assert size == (15, 30)
    assert set(np.asarray(Image.open(io.BytesIO(large))).ravel()) == {128}
