"""The laws of noises, and faults that the check must find."""

import numpy as np
import pytest

from dcsc.bounds.noise import Adversarial, Gaussian, Independent, Noise, as_noise
from dcsc.errors import DcscError
from dcsc.testing import check_noise
from tests import cases


@pytest.mark.parametrize("noise", cases.NOISES.values(), ids=repr)
@pytest.mark.parametrize("seed", [0, 1])
def test_laws(noise, seed):
    check_noise(noise, rng=seed)


@pytest.mark.parametrize("kind", cases.NOISES)
def test_names_stand_for_noises(kind):
    assert as_noise(kind.name) == kind() == as_noise(kind())
    with pytest.raises(DcscError, match=r"expected one of none, independent, .*, got 'pink'"):
        as_noise("pink")


# ---- faults the check must find ------------------------------------------------------------------


class Told(Noise):
    """Any error of size z, told something wrong, or telling it."""

    name = "told"
    as_good_as = "adversarial"
    shifts = True

    def upper(self, sums, size):
        return Adversarial().upper(sums, size)

    def lower(self, sums, size):
        return Adversarial().lower(sums, size)


class Deaf(Told):
    def upper(self, sums, size):
        return sums.upper(0 * size)


class Half(Told):
    def upper(self, sums, size):
        return sums.upper(-size / 2)


class Loud(Told):
    def upper(self, sums, size):
        return sums.upper(-size - 0.01)


class Falling(Told):
    def upper(self, sums, size):
        return sums.upper(np.where(size > 0.1, size, -size))


class High(Told):
    def lower(self, sums, size):
        return sums.lower(-size - 1)


class Hard(Told):
    def softened(self, level, size):
        return level + size, size


class Strange(Told):
    as_good_as = "pink"


class Far(Told):
    def upper(self, sums, size):
        return sums.upper(-2 * size)


class Sure(Told):
    """The smallest probability is that without an error."""

    name = "adversarial"

    def ends(self, sums, size):
        return sums.lower(0 * size), self.upper(sums, size)


def _moved(sums, levels, size):
    return (sums + size >= levels - 1e-13).mean(axis=0)


@pytest.mark.parametrize(
    ("noise", "law"),
    [
        (Deaf(), "upper is at least the probability|lower is at most upper"),
        (Half(), "upper is at least the probability|lower is at most upper"),
        (Loud(), "at z = 0 it is the sum alone"),
        (Falling(), "rises with z|lower is at most upper"),
        (High(), "lower is at most upper"),
        (Hard(), "a softened level is no higher"),
        (Strange(), "some tail is valid"),
        (Far(), "beyond the largest sum and z"),
        (Sure(), "every probability lies between the ends"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Noise) else "",
)
def test_faults_are_found(noise, law):
    with pytest.raises(AssertionError, match=law):
        check_noise(noise, _moved)


def test_a_noise_of_ones_own_needs_no_word_from_the_tails():
    check_noise(Told(), _moved)


def test_an_error_that_may_lean_one_way_is_not_symmetric():
    class Leaning(Independent):
        pass

    with pytest.raises(AssertionError, match="at least the probability"):
        check_noise(Leaning(), _moved)
    assert not Gaussian().bounded
