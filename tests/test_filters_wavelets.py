"""Wavelets as dictionaries, against PyWavelets' own transform."""

import itertools
import sys

import numpy as np
import pytest

from dcsc.dictionaries import CirculantDictionary, filters
from dcsc.errors import DcscError
from tests import extras


def gathered(coefficients, level, axes):
    """Every band of PyWavelets, coarse to fine, from the code of the dictionary."""
    keys = ["".join(key) for key in itertools.product("ad", repeat=axes)]
    at = 0
    for number in range(level, 0, -1):
        shifts = 2 ** (level - number)
        for key in keys if number == level else keys[1:]:
            block = coefficients[at : at + shifts**axes]
            at += len(block)
            # Shift m of position p is coefficient p·shifts + m, along every axis.
            order = [axis for pair in range(axes) for axis in (axes + pair, pair)]
            sides = [n * shifts for n in block.shape[1:]]
            block = block.reshape([shifts] * axes + list(block.shape[1:]))
            yield number, key, block.transpose(order).reshape(sides)
    assert at == len(coefficients)


def alike(one, other):
    """Whether two bands are the same but for where they begin to count."""
    assert one.shape == other.shape
    every = itertools.product(*map(range, one.shape))
    turned = (np.roll(one, by, range(one.ndim)) for by in every)
    return any(np.allclose(band, other, atol=1e-9) for band in turned)


@pytest.mark.filterwarnings("ignore:Level value:UserWarning")  # PyWavelets, where atoms wrap
@pytest.mark.parametrize(
    ("name", "level", "axes", "extent"),
    [
        ("haar", 3, 1, 16),
        ("db2", 1, 1, 12),
        ("db4", 2, 1, 40),
        ("sym5", 3, 1, 64),
        ("coif1", 2, 1, 8),  # the longest atoms wrap around
        ("haar", 2, 2, 8),
        ("db2", 1, 2, 8),
        ("db2", 2, 2, 16),
    ],
)
def test_analysis_is_the_transform_of_pywavelets(name, level, axes, extent):
    pywt = extras.wavelets()
    bank = filters.wavelets(name, level, axes)
    assert bank.shape[:2] == (2 ** (level * axes), 1)
    dictionary = CirculantDictionary(bank, [extent] * axes, stride=2**level)
    signal = np.random.default_rng(0).standard_normal([extent] * axes)
    expected = pywt.wavedecn(signal, name, mode="periodization", level=level)
    bands = {(level, "a" * axes): expected[0]}
    for number, details in zip(range(level, 0, -1), expected[1:], strict=True):
        bands |= {(number, key): band for key, band in details.items()}
    turned = (
        dictionary.analyze(np.roll(signal, by, range(axes))[None])
        for by in itertools.product(range(2**level), repeat=axes)
    )
    assert any(
        all(alike(band, bands[number, key]) for number, key, band in gathered(code, level, axes))
        for code in turned
    )
    code = dictionary.analyze(signal[None])
    np.testing.assert_allclose(dictionary.synthesize(code)[0], signal, atol=1e-9)


@pytest.mark.parametrize("name", ["db10", "sym8", "coif5", "haar"])
def test_shifts_are_orthonormal(name):
    extras.wavelets()
    bank = filters.wavelets(name, level=3)
    dictionary = CirculantDictionary(bank, 8 * (bank.shape[2] // 8 + 1), stride=8)
    assert dictionary.mutual_coherence() < 1e-11
    np.testing.assert_allclose(dictionary.atom_norms(), 1, rtol=1e-14)


def test_what_is_refused():
    extras.wavelets()
    for name in ("bior2.2", "mexh", "nothing", 4, None):
        with pytest.raises(
            DcscError, match="wavelets: wavelet: expected the name of an orthogonal"
        ):
            filters.wavelets(name)
    with pytest.raises(DcscError, match="wavelets: level: expected at least 1, got 0"):
        filters.wavelets("haar", 0)
    with pytest.raises(DcscError, match="wavelets: axes: expected at most"):
        filters.wavelets("haar", axes=2**63)
    for level, axes in ((60, 1), (1, 60), (60, 60)):
        with pytest.raises(DcscError, match="wavelets: level, axes: expected at most"):
            filters.wavelets("haar", level, axes)


def test_its_absence_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "pywt", None)
    with pytest.raises(DcscError, match=r"pip install 'dcsc\[wavelets\]'"):
        filters.wavelets("haar")
