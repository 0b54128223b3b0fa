"""The laws of tails, and faults that the check must find."""

import attrs
import numpy as np
import pytest

from dcsc.bounds.tails import Exact, Tail
from dcsc.errors import ContractError
from dcsc.testing import check_tail
from tests import cases


@pytest.mark.parametrize("tail", cases.tails(), ids=repr)
@pytest.mark.parametrize("seed", [0, 1])
def test_laws(tail, seed):
    check_tail(tail, rng=seed)


# ---- faults the check must find ------------------------------------------------------------------


@attrs.frozen
class Told(Tail):
    """The exact tail, told something wrong, or telling it."""

    noise_models = Exact.noise_models
    smooth = False

    def upper(self, weights, level, noise=0.0, noise_model="adversarial"):
        return Exact().upper(weights, level, noise, noise_model)

    def lower(self, weights, level, noise=0.0, noise_model="adversarial"):
        return Exact().lower(weights, level, noise, noise_model)

    def ends(self, weights, level, noise=0.0, noise_model="adversarial", slack=0.0):
        return Exact().ends(weights, level, noise, noise_model, slack)

    def _upper(self, rows):
        raise NotImplementedError


class TooSmall(Told):
    def upper(self, weights, level, noise=0.0, noise_model="adversarial"):
        return 0.9 * super().upper(weights, level, noise, noise_model)


class StrictAtTies(Told):
    def upper(self, weights, level, noise=0.0, noise_model="adversarial"):
        return super().upper(weights, np.asarray(level) + 1e-9, noise, noise_model)


class DeafToNoise(Told):
    def upper(self, weights, level, noise=0.0, noise_model="adversarial"):
        return super().upper(weights, level, 0.0, noise_model)


class TooLarge(Told):
    def lower(self, weights, level, noise=0.0, noise_model="adversarial"):
        return np.minimum(1.1 * super().lower(weights, level, noise, noise_model), 1)


class Twofold(Told):
    def upper(self, weights, level, noise=0.0, noise_model="adversarial"):
        return 2 * super().upper(weights, level, noise, noise_model)


class Below(Told):
    def lower(self, weights, level, noise=0.0, noise_model="adversarial"):
        return super().lower(weights, level, noise, noise_model) - 0.5


class NeverZero(Told):
    def upper(self, weights, level, noise=0.0, noise_model="adversarial"):
        return np.maximum(super().upper(weights, level, noise, noise_model), 1e-9)


class Rising(Told):
    """The more the level is, the larger what is added, up to 1."""

    def upper(self, weights, level, noise=0.0, noise_model="adversarial"):
        value = super().upper(weights, level, noise, noise_model)
        slope = 1 + 0.5 * np.arctan(np.asarray(level)) / np.pi
        return np.where(value > 0, np.minimum(2 * value * slope, 1), 0)


class Soothed(Told):
    """Noise takes something off what is on the safe side."""

    def upper(self, weights, level, noise=0.0, noise_model="adversarial"):
        value = super().upper(weights, level, noise, noise_model)
        return np.where(value > 0, np.maximum(value, 1 - np.asarray(noise) / 4), 0)


class Counting(Told):
    """Each weight costs, also one that is zero."""

    def upper(self, weights, level, noise=0.0, noise_model="adversarial"):
        value = super().upper(weights, level, noise, noise_model)
        more = 1 + 0.01 * np.atleast_2d(weights).shape[1]
        return np.minimum(more * value, 1)


class InMetres(Told):
    """What is added depends on the unit."""

    def upper(self, weights, level, noise=0.0, noise_model="adversarial"):
        value = super().upper(weights, level, noise, noise_model)
        size = np.abs(np.atleast_2d(weights)).sum(axis=1)
        return np.minimum(value * (2 - np.minimum(size, 1)), 1)


class Sociable(Told):
    """Each row takes the largest of all that are neither certain nor impossible."""

    def upper(self, weights, level, noise=0.0, noise_model="adversarial"):
        value = super().upper(weights, level, noise, noise_model)
        return np.where(value > 0, value.max(initial=0), 0)


class Hasty(Told):
    """The lower end is that of the worst noise."""

    def ends(self, weights, level, noise=0.0, noise_model="adversarial", slack=0.0):
        return self.lower(weights, level, noise, noise_model), super().ends(
            weights, level, noise, noise_model, slack
        )[1]


class Short(Told):
    """The upper end is that of the kindest noise."""

    def ends(self, weights, level, noise=0.0, noise_model="adversarial", slack=0.0):
        least, _ = super().ends(weights, level, noise, noise_model, slack)
        return least, least


class Careless(Tail):
    def _upper(self, rows):
        return 0.5


FAULTS = {
    TooSmall: "P <= upper",
    StrictAtTies: "P <= upper",
    DeafToNoise: "P <= upper",
    TooLarge: "lower <= P",
    Twofold: r"upper lies in \[0, 1\]",
    Below: r"lower lies in \[0, 1\]",
    NeverZero: "upper is 0 beyond the largest sum",
    Rising: "falls with t",
    Soothed: "rises with z",
    Counting: "signs, order and zeros make no difference",
    InMetres: "units make no difference",
    Sociable: "rows do not see one another",
    Hasty: "P lies between the ends",
    Short: "P lies between the ends",
    Careless: "lower <= P <= upper",
}


@pytest.mark.parametrize("faulty", FAULTS)
def test_the_check_finds(faulty):
    with pytest.raises(
        AssertionError, match=f"{faulty.__name__} breaks the law '{FAULTS[faulty]}'"
    ):
        check_tail(faulty())


def test_the_tail_that_the_faults_are_made_of_is_sound():
    check_tail(Told())
    with pytest.raises(ContractError, match=r"Careless\._upper returned float"):
        Careless().upper([1], 1, noise_model="none")
