"""The pictures of what units stand for."""

import numpy as np
import pytest

from dcsc import plotting
from dcsc.dictionaries import DenseDictionary, ToeplitzDictionary
from dcsc.errors import DcscError, NotDrawnError
from dcsc.model import DCSCModel, Layer
from dcsc.projections import ReLU


def model(channels, kernel, extent):
    rng = np.random.default_rng(0)
    lower = ToeplitzDictionary(rng.standard_normal((3, channels, *kernel)), extent)
    one = (1,) * len(kernel)
    upper = ToeplitzDictionary(rng.standard_normal((4, 3, *one)), lower.positions)
    return DCSCModel([Layer(lower, ReLU()), Layer(upper, ReLU())]).draw(0)


def pictures(figure):
    return [axes for axes in figure.axes if axes.get_title()]


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_images_have_one_symmetric_scale(channels, tmp_path):
    drawn = model(channels, (2, 3), (5, 6))
    units = [0, 7, 40]
    figure = plotting.effective_atoms(drawn, 2, units)
    atoms = drawn.effective_atoms(2, units)
    limit = np.abs(atoms).max()
    axes = pictures(figure)
    names = [part.get_title() for part in axes]
    assert names == ["filter 0 at 0, 0", "filter 0 at 1, 3", "filter 2 at 2, 0"]
    for part, atom in zip(axes, atoms, strict=True):
        (image,) = part.get_images()
        shown = image.get_array()
        if channels == 3:
            np.testing.assert_allclose(shown, 0.5 + atom.transpose(1, 2, 0) / (2 * limit))
        else:
            np.testing.assert_array_equal(shown, atom.reshape(-1, 6))
            assert image.get_clim() == (-limit, limit)
    figure.savefig(tmp_path / "atoms.png")


def test_signals_are_lines_one_per_channel(tmp_path):
    drawn = model(2, (3,), (9,))
    figure = plotting.effective_atoms(drawn, 1, [0, 8])
    atoms = drawn.effective_atoms(1, [0, 8])
    for part, atom in zip(pictures(figure), atoms, strict=True):
        _, *lines = part.get_lines()
        np.testing.assert_array_equal([line.get_ydata() for line in lines], atom)
        assert part.get_ylim() == pytest.approx((-1.05 * abs(atoms).max(), 1.05 * abs(atoms).max()))
    figure.savefig(tmp_path / "atoms.png")


def test_a_dense_dictionary_has_atoms_without_a_position():
    drawn = DCSCModel([Layer(DenseDictionary(np.zeros((3, 4))), ReLU())]).draw(0)
    (part,) = pictures(plotting.effective_atoms(drawn, 1, [2]))
    assert part.get_title() == "atom 2"


@pytest.mark.parametrize(
    ("drawn", "indices", "words"),
    [
        (model(1, (3,), (9,)), [], "indices: expected 1 to 400 units, got 0"),
        (model(1, (3,), (9,)), [0] * 401, "indices: expected 1 to 400 units, got 401"),
        (model(7, (3,), (9,)), [0], r"model: expected signals .* got shape \(7, 9\)"),
        (model(1, (1, 1, 1), (2, 2, 2)), [0], r"model: .* got shape \(1, 2, 2, 2\)"),
        ("model", [0], "model: expected a DCSCModel, got 'model'"),
    ],
)
def test_what_cannot_be_drawn_is_refused(drawn, indices, words):
    with pytest.raises(DcscError, match=words):
        plotting.effective_atoms(drawn, 1, np.array(indices, dtype=int))


def test_random_signs_are_refused():
    with pytest.raises(NotDrawnError):
        plotting.effective_atoms(DCSCModel([Layer(DenseDictionary([[1.0]]), ReLU())]), 1, [0])
