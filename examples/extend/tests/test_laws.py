"""What others rely on holds: the laws that `dcsc.testing` knows of each family."""

from dcsc import CirculantDictionary, testing
from dcsc_extend_example import (
    FourthMoment,
    GaussianTailBound,
    Matching,
    MedianPool,
    PowerShrinkage,
    SpikesAndWaves,
    TiledSigns,
    hadamard,
)


def test_dictionaries() -> None:
    for length in (1, 7, 16):
        testing.check_dictionary(SpikesAndWaves(length))
    testing.check_dictionary(CirculantDictionary(hadamard(3, 2, (2, 2)), extent=(6, 4), stride=2))


def test_projection() -> None:
    testing.check_projection(PowerShrinkage(0.5, power=-1))
    testing.check_projection(PowerShrinkage(0.1, power=1))


def test_signs() -> None:
    testing.check_signs(TiledSigns(period=2))
    testing.check_signs(TiledSigns(period=3), code_shape=(2, 5, 4))


def test_pursuit() -> None:
    testing.check_pursuit(Matching(steps=5))


def test_bound() -> None:
    report = testing.check_bound(GaussianTailBound())
    # It is asked often enough, and where something is asked of it.
    assert report.covered == 100
    assert report.enumerated is not None
    assert report.enumerated.informative >= 5


def test_tail() -> None:
    testing.check_tail(FourthMoment())


def test_operation() -> None:
    testing.check_operation(MedianPool(3))
