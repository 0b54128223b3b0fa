"""The laws of amplitudes, and faults that the check must find."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcsc.codes import Amplitudes
from dcsc.testing import check_amplitudes
from tests import cases, strategies


@pytest.mark.parametrize("kind", cases.AMPLITUDES)
@given(data=st.data())
def test_laws(kind, data):
    check_amplitudes(data.draw(strategies.amplitudes(kind)), rng=0)


# ---- faults the check must find ------------------------------------------------------------------


class Sound(Amplitudes):
    signed = True

    def _draw(self, size, rng):
        return rng.uniform(0.5, 1, size)


class Short(Sound):
    def _draw(self, size, rng):
        return np.ones(size // 2)


class Whole(Sound):
    def _draw(self, size, rng):
        return np.ones(size, int)


class Gappy(Sound):
    def _draw(self, size, rng):
        return np.where(rng.random(size) < 0.01, 0.0, 1.0)


class Endless(Sound):
    def _draw(self, size, rng):
        return np.where(rng.random(size) < 0.01, np.inf, 1.0)


class Negative(Sound):
    signed = False

    def _draw(self, size, rng):
        return rng.uniform(-0.01, 1, size)


class Unseeded(Sound):
    def _draw(self, size, rng):
        return np.random.default_rng().uniform(0.5, 1, size)


class Signed(Sound):
    """Signs of its own, from those before them and from the sizes."""

    def signs(self, sizes, rng):
        raise NotImplementedError

    def draw(self, size, rng=None):
        source = np.random.default_rng(rng)
        sizes = self._draw(size, source)
        return sizes * self.signs(sizes, source)


class Biased(Signed):
    def signs(self, sizes, rng):
        return np.where(rng.random(len(sizes)) < 0.6, 1.0, -1.0)


class Alternating(Signed):
    def signs(self, sizes, rng):
        return (-1.0) ** np.arange(len(sizes))


class Telling(Signed):
    """Large entries are positive."""

    def signs(self, sizes, rng):
        return np.where(sizes > 0.75, 1.0, -1.0)


class Growing(Sound):
    def _draw(self, size, rng):
        return np.sort(rng.uniform(0.5, 1, size))


class Paired(Sound):
    def _draw(self, size, rng):
        return np.repeat(rng.uniform(0.5, 1, size // 2 + 1), 2)[:size]


DRAWN = "finite, non-zero and float64, as many as asked for"
FAIR = "signs are fair, independent of one another and of the sizes"
ALIKE = "sizes do not depend on their place or on one another"

FAULTS = {
    Short: (DRAWN, ""),
    Whole: (DRAWN, ""),
    Gappy: (DRAWN, ""),
    Endless: (DRAWN, ""),
    Negative: ("positive unless signed", ""),
    Unseeded: ("the same rng gives the same amplitudes", ""),
    Biased: (FAIR, "the signs have"),
    Alternating: (FAIR, "signs of neighbours have"),
    Telling: (FAIR, "signs and sizes have"),
    Growing: (ALIKE, "sizes and places have"),
    Paired: (ALIKE, "sizes of neighbours have"),
}


@pytest.mark.parametrize("faulty", FAULTS)
def test_the_check_finds(faulty):
    law, what = FAULTS[faulty]
    check_amplitudes(Sound())
    with pytest.raises(AssertionError, match=f"{faulty.__name__} breaks the law '{law}': {what}"):
        check_amplitudes(faulty())
