"""The picture of where a perturbation may switch units, against the bounds of every unit."""

import base64
import io
import re

import attrs
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from dcsc._colours import RED
from dcsc.networks import load, operations, pathway_stability
from dcsc.networks.analysis import Limits, analyze, shipped_inputs
from dcsc.networks.shipped import digits_inputs, digits_network_path
from dcsc.report import page
from dcsc.report.pictures import tinted_picture
from dcsc.report.signals import undecided_chart
from dcsc.report.undecided import undecided_share
from tests.drawings import Drawn
from tests.networks import chains

EPS = 4 / 255
FEW = Limits(inputs=4, proved=2, resynthesized=0, units=2, twins=0, placed=0)


@pytest.fixture(scope="module")
def digits():
    network = load(digits_network_path())
    found = analyze(network, shipped_inputs(), limits=FEW, perturbation=EPS)
    images = digits_inputs().images[:2]
    return found, pathway_stability(network, images, EPS, valid_range=(0, 1))


def test_every_sample_has_the_mean_of_the_layers_over_it(digits):
    """Counted unit by unit: sample (i, j) of 8 × 8 lies under position (i M / 8, j N / 8)."""
    found, stability = digits
    for number in range(2):
        expected = np.zeros((8, 8))
        for layer in stability.layers:
            filters, rows, columns = layer.active.shape[1:]
            for i, j, k in np.ndindex(8, 8, filters):
                at = (number, k, i * rows // 8, j * columns // 8)
                settled = layer.stays_on[at] or layer.stays_off[at]
                expected[i, j] += (not settled) / filters / len(stability.layers)
        share = undecided_share(found.layers, number, (8, 8))
        np.testing.assert_allclose(share, expected, atol=1e-12)
        assert share.max() > 0
    assert undecided_share(found.layers, 2, (8, 8)) is None
    assert undecided_share(found.layers, 0, (8,)) is None


def test_shares_are_those_of_the_table(digits):
    found, _ = digits
    for layer in found.layers:
        assert layer.stability.undecided.mean() == pytest.approx(1 - layer.stability.decided)
    assert "undecided" not in found.numbers()["layers"][0]["stability"]


def pixels(content):
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), dtype=float) / 255


def test_the_picture_is_grey_where_all_are_decided_and_red_where_most_are_not():
    rng = np.random.default_rng(0)
    value, share = rng.random((3, 6, 9)), np.zeros((6, 9))
    share[2, 3], share[4, 8] = 0.3, 0.15
    content, size = tinted_picture(value, share)
    picture = pixels(content)
    assert size == (9, 6)
    assert np.abs(picture[2, 3] - to_rgb(RED)).max() < 0.01
    grey = picture[share == 0]
    assert np.ptp(grey, axis=1).max() < 0.01
    # from half as bright as white to white
    mean = value.mean(axis=0)
    levels = 0.5 + 0.5 * (mean - mean.min()) / np.ptp(mean)
    assert np.abs(grey[:, 0] - levels[share == 0]).max() < 0.03
    half = picture[4, 8]
    assert half[0] > half[2] + 0.2
    large, size = tinted_picture(np.zeros((1, 500, 300)), np.full((500, 300), 0.5))
    assert size == (60, 100)
    assert np.abs(pixels(large) - to_rgb(RED)).max() < 0.01
    # nothing undecided anywhere: no red
    assert np.ptp(pixels(tinted_picture(value, np.zeros((6, 9)))[0]), axis=2).max() < 0.01


def test_the_page_shows_it_where_a_perturbation_was_asked_for(digits):
    found, _ = digits
    text = page(found)
    pictures = re.findall(
        r'src="data:image/png;base64,([^"]+)" alt="Where units are undecided in input (\d)"', text
    )
    assert [number for _, number in pictures] == ["1", "2"]
    assert pixels(base64.b64decode(pictures[0][0])).shape == (8, 8, 3)
    most = undecided_share(found.layers, 0, (8, 8)).max()
    assert f"red is {most:.0%} of them" in text
    assert "the positions of each" in text
    without = attrs.evolve(
        found, layers=tuple(attrs.evolve(layer, stability=None) for layer in found.layers)
    )
    assert "ndecided" not in page(without)


def test_signals_of_one_axis_have_a_chart():
    steps = [chains.convolve(2, 2, (3,), 0.1), operations.Relu()]
    found = analyze(chains.network(*steps), chains.shown(2, 2, 20), limits=FEW, perturbation=0.2)
    assert 'label="Where units are undecided in input 2"' in page(found)
    share = undecided_share(found.layers, 1, (20,))
    drawn = Drawn(undecided_chart(found.inputs.values["input"][1], share))
    grey, red = (points for points, line in drawn.lines if line.get("stroke") != "black")
    y = drawn.scale(below=False)
    assert [y(at) / 100 for _, at in red] == pytest.approx(share, abs=0.01)
    assert len(grey) == 20
