"""One palette, for all eyes: colours that are drawn together, as colour-blind readers see them."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from dcsc import experiments, plotting
from dcsc.plotting.cells import CURVES
from dcsc.plotting.style import BLUE, BOUNDS, EMPTY, GREEN, LAYERS, ORANGE, PINK, RED
from nightly.ingredients import analysis, compared, explained, recovered, swept

FOLDER = Path(plotting.__file__).parent
TOGETHER = {
    "curves": CURVES,
    "maps": [EMPTY, RED, *BOUNDS],
    "layers": ["black", *LAYERS],
    "recovery": [BLUE, RED, ORANGE],
    "comparison": [BLUE, ORANGE],
    "agreement": [GREEN, PINK],
}
# Linear RGB as it is seen without one kind of cone: Machado, Oliveira and Fernandes, IEEE TVCG 15,
# 2009, severity 1.
SEEN = {
    "all cones": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
# From sRGB in linear light to XYZ with the white of D65 as 1, and from there to CIELAB.
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
APART = 13  # a difference of 2.3 is just noticeable


def lab(colour, cones):
    values = np.array(to_rgb(colour))
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(np.asarray(cones) @ linear, 0, 1) / TO_XYZ.sum(axis=1)
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("eyes", SEEN)
@pytest.mark.parametrize("which", TOGETHER)
def test_colours_that_are_drawn_together_remain_apart(which, eyes):
    for one, other in itertools.combinations(TOGETHER[which], 2):
        distance = np.linalg.norm(lab(one, SEEN[eyes]) - lab(other, SEEN[eyes]))
        assert distance > APART, (one, other)


def test_no_figure_has_colours_of_its_own():
    named = re.compile(r"#[0-9A-Fa-f]{6}|\"(red|green|blue|orange|purple|C\d|tab:\w+)\"")
    places = [path.name for path in FOLDER.glob("*.py") if named.search(path.read_text())]
    assert places == ["style.py"]


FIGURES = {
    "comparison": lambda: plotting.comparison_figure(compared()),
    "explanation": lambda: plotting.explanation(explained()),
    "overlap": lambda: plotting.pathway_overlap(analysis().overlap),
    "recovery": lambda: plotting.recovery_figure(recovered()),
    "sweep": lambda: plotting.sweep_figure(experiments.open(swept())),
}


@pytest.mark.parametrize("name", FIGURES)
def test_axes_with_numbers_say_in_words_what_they_are(name):
    figure = FIGURES[name]()
    figure.draw_without_rendering()
    for axes in (axes for axes in figure.axes if axes.axison):
        for axis in (axes.xaxis, axes.yaxis):
            ticks = [label.get_text() for label in axis.get_ticklabels()]
            if any(re.search(r"\d", tick) and not re.match("layer", tick) for tick in ticks):
                assert re.search(r"[a-z]", axis.get_label_text()), ticks  # a sweep names its own
