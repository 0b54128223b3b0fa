"""The laws of projections, brute-force oracles, and faults that the check must find."""

import math

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcsc.dictionaries import CirculantDictionary, DenseDictionary, ToeplitzDictionary
from dcsc.errors import DcscError, NotCoveredError
from dcsc.projections import (
    BatchTopK,
    FirmThreshold,
    GroupHardThreshold,
    GroupMax,
    GroupSoftThreshold,
    HardThreshold,
    JumpReLU,
    PositionTopK,
    PositiveTopK,
    Projection,
    ReLU,
    Selection,
    SoftThreshold,
    StripeTopK,
    TopK,
)
from dcsc.testing import check_projection
from tests import cases, strategies
from tests.test_windows import grid, stripes_of

# ---- the laws ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", cases.PROJECTIONS)
@given(data=st.data())
def test_laws(kind, data):
    dictionary = data.draw(strategies.dictionaries())
    projection = data.draw(strategies.projections(dictionary, kind))
    check_projection(projection, dictionary, data.draw(strategies.seeds))


@pytest.mark.parametrize(
    "projection",
    [
        HardThreshold(0.5),
        SoftThreshold([0.1, 0.5]),
        ReLU(),
        JumpReLU(0.5),
        FirmThreshold([0.1, 0.5], 0.7),
        GroupHardThreshold(1.0),
        GroupSoftThreshold(1.0),
        TopK(3),
        GroupMax(2),
        PositionTopK(2),
        PositiveTopK(3),
        BatchTopK(3),
        StripeTopK(1),
    ],
)
def test_the_check_brings_a_dictionary_of_its_own(projection):
    check_projection(projection)


@pytest.mark.parametrize("kind", cases.PROJECTIONS)
@given(data=st.data())
def test_the_result_does_not_share_memory(kind, data):
    dictionary = data.draw(strategies.dictionaries())
    projection = data.draw(strategies.projections(dictionary, kind))
    coefficients = data.draw(strategies.codes(dictionary))
    assert not np.shares_memory(projection(coefficients, dictionary), coefficients)


# ---- thresholds ----------------------------------------------------------------------------------

FORMULAS = {
    HardThreshold: lambda z, beta: z if abs(z) > beta else 0.0,
    SoftThreshold: lambda z, beta: math.copysign(abs(z) - beta, z) if abs(z) > beta else 0.0,
    ReLU: lambda z, beta: z - beta if z > beta else 0.0,
    JumpReLU: lambda z, beta: z if z > beta else 0.0,
}


@pytest.mark.parametrize("kind", FORMULAS)
@given(data=st.data())
def test_threshold_formulas(kind, data):
    dictionary = data.draw(strategies.dictionaries())
    projection = data.draw(strategies.projections(dictionary, kind))
    z = data.draw(strategies.codes(dictionary, batch=(2,)))
    got = projection(z, dictionary)
    for place in grid(*z.shape):
        threshold = projection.threshold
        beta = threshold if np.ndim(threshold) == 0 else threshold[place[1]]
        exact = FORMULAS[kind](float(z[place]), float(beta))
        assert (got[place] != 0) == (exact != 0)
        eps = np.finfo(z.dtype).eps
        assert abs(got[place] - exact) <= eps * abs(float(z[place]))


@pytest.mark.parametrize("kind", FORMULAS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_threshold_is_strict_to_the_last_bit(kind, dtype):
    beta = dtype(0.1)  # as a float32 above, as a float64 equal to the float 0.1
    z = np.array([np.nextafter(beta, dtype(0)), beta, np.nextafter(beta, dtype(1))])
    expected = [x > float(beta) for x in z.astype(float)]
    np.testing.assert_array_equal(kind(float(beta))(z) != 0, expected)
    expected = [x > 0.1 for x in z.astype(float)]
    np.testing.assert_array_equal(kind(0.1)(z) != 0, expected)


@pytest.mark.parametrize("kind", FORMULAS)
def test_scalar_thresholds_need_no_dictionary(kind):
    z = np.linspace(-2, 2, 12).reshape(3, 4)
    dictionary = DenseDictionary(np.ones((1, 4)))
    np.testing.assert_array_equal(kind(0.5)(z), kind(0.5)(z, dictionary))
    assert kind(0.5)(1.0).shape == ()


@pytest.mark.parametrize(
    ("kind", "one_sided", "shrinkage"),
    [
        (HardThreshold, False, False),
        (SoftThreshold, False, True),
        (ReLU, True, True),
        (JumpReLU, True, False),
    ],
)
def test_selections(kind, one_sided, shrinkage):
    assert kind(0.25).selection == Selection(0.25, one_sided=one_sided, shrinkage=shrinkage)
    assert kind([0, 1]).selection == Selection([0, 1], one_sided=one_sided, shrinkage=shrinkage)


def test_projections_without_a_threshold_for_entries_have_no_selection():
    assert GroupHardThreshold(1).selection is None
    assert GroupSoftThreshold(1).selection is None
    assert GroupMax(1).selection is None
    assert PositionTopK(1).selection is None
    assert TopK(1).selection is None
    assert PositiveTopK(1).selection is None
    assert BatchTopK(1).selection is None
    assert StripeTopK(1).selection is None


# ---- the firm threshold --------------------------------------------------------------------------


def firm(z, lower, upper):
    if abs(z) <= lower:
        return 0.0
    if abs(z) >= upper:
        return z
    return math.copysign(upper * (abs(z) - lower) / (upper - lower), z)


@given(data=st.data())
def test_the_firm_threshold_is_its_formula(data):
    dictionary = data.draw(strategies.dictionaries())
    projection = data.draw(strategies.projections(dictionary, FirmThreshold))
    z = data.draw(strategies.codes(dictionary, batch=(2,)))
    got = projection(z, dictionary)
    lower, upper = (
        np.broadcast_to(level, dictionary.code_shape[0])
        for level in (projection.threshold, projection.upper)
    )
    for place in grid(*z.shape):
        exact = firm(float(z[place]), lower[place[1]], upper[place[1]])
        assert (got[place] != 0) == (exact != 0)
        # The soft threshold's rounding is stretched with it.
        width = upper[place[1]] - lower[place[1]]
        slope = upper[place[1]] / width if width > 0 else 1.0
        eps = np.finfo(z.dtype).eps
        assert abs(got[place] - exact) <= 4 * eps * max(slope, 1.0) * abs(float(z[place]))


def test_between_hard_and_soft():
    z = strategies.normal((3, 40), 0)
    np.testing.assert_array_equal(FirmThreshold(0.5, 0.5)(z), HardThreshold(0.5)(z))
    np.testing.assert_array_equal(FirmThreshold(0, 2)(z), z)
    np.testing.assert_allclose(FirmThreshold(0.5, 1e9)(z), SoftThreshold(0.5)(z), atol=1e-8)
    rising = FirmThreshold(0.5, 1.25)(np.linspace(-2, 2, 4001))
    assert (np.diff(rising) >= 0).all()
    assert np.diff(rising).max() < 0.002  # no jump: the slope is 5/3 where it is largest


def test_the_firm_threshold_is_strict_to_the_last_bit():
    for dtype in (np.float32, np.float64):
        beta = dtype(0.1)
        z = np.array([np.nextafter(beta, dtype(0)), beta, np.nextafter(beta, dtype(1))])
        for upper in (0.1, np.nextafter(0.1, 1), 0.5, 1e300):
            got = FirmThreshold(0.1, upper)(z)
            np.testing.assert_array_equal(got != 0, z.astype(float) > 0.1)
            assert (np.abs(got) <= z).all()


@pytest.mark.parametrize("step", [0.3, 1.0, 1.99, 2.0, 2.01, 5.0])
def test_the_firm_threshold_takes_steps_of_its_penalty(step):
    """By brute force, on both sides of the step from which the map jumps."""
    projection = FirmThreshold(0.5, 1.0)
    grid = np.linspace(-4, 4, 8001)
    penalty = [min(abs(u), 1) * 0.5 - min(abs(u), 1) ** 2 / 4 for u in grid]
    for z in np.linspace(-3, 3, 61):
        best = float(projection.proximal(step)(z))
        value = (best - z) ** 2 / 2 + step * float(projection.penalty(best))
        assert value <= ((grid - z) ** 2 / 2 + step * np.array(penalty)).min() + 1e-12


def test_other_thresholds_of_a_firm_one_leave_the_upper_one_where_they_can():
    projection = FirmThreshold(0.5, 1.0)
    assert projection.with_threshold(0.75) == FirmThreshold(0.75, 1.0)
    assert projection.with_threshold([0.25, 2.0]) == FirmThreshold([0.25, 2.0], [1.0, 2.0])
    assert projection.selection == Selection(0.5, shrinkage=True)
    for wrong, why in ((-1, "threshold: expected at least 0"), ("0.5", "threshold: expected a")):
        with pytest.raises(DcscError, match=f"FirmThreshold: {why}"):
            projection.with_threshold(wrong)
    with pytest.raises(DcscError, match="FirmThreshold: upper: expected one for each of 3"):
        FirmThreshold(0.5, [1.0, 2.0]).with_threshold([0.1, 0.2, 0.3])


# ---- groups --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [GroupHardThreshold, GroupSoftThreshold])
@given(data=st.data())
def test_groups_are_kept_by_their_norm(kind, data):
    dictionary = data.draw(strategies.dictionaries())
    projection = data.draw(strategies.projections(dictionary, kind))
    z = data.draw(strategies.codes(dictionary, batch=(2,), laws=("normal", "sparse")))
    got = projection(z, dictionary)
    price = np.zeros(2)
    for place in grid(*z[:, 0].shape):
        group = z[(place[0], slice(None), *place[1:])].astype(float)
        size = math.sqrt(math.fsum(group**2))
        left = size if kind is GroupHardThreshold else size - projection.threshold
        expected = group * (left / size) if size > projection.threshold else 0 * group
        close = 1e-6 if z.dtype == np.float32 else 1e-13
        np.testing.assert_allclose(
            got[(place[0], slice(None), *place[1:])], expected, rtol=close, atol=close * size
        )
        beta = projection.threshold
        price[place[0]] += beta * size if kind is GroupSoftThreshold else beta**2 / 2 * (size > 0)
    np.testing.assert_allclose(projection.penalty(z, dictionary), price, rtol=1e-6)


@pytest.mark.parametrize("kind", [GroupHardThreshold, GroupSoftThreshold])
def test_groups_whose_norms_no_float_holds_are_refused(kind):
    dictionary = CirculantDictionary(np.ones((2, 1, 1)), extent=1)
    with pytest.raises(DcscError, match=rf"{kind.__name__}: coefficients: .*norms.* 1\.7e\+308"):
        kind(1.0)([[1.7e308], [1.7e308]], dictionary)
    sizes = 1.2e308, 0.9e308  # the norm is 1.5e308
    share = 1 if kind is GroupHardThreshold else 0.5
    kept = kind(0.75e308)(np.transpose([sizes]), dictionary)
    np.testing.assert_allclose(kept.ravel(), share * np.array(sizes), rtol=1e-15)


def test_a_group_of_one_is_an_entry():
    line = CirculantDictionary(np.ones((1, 2, 3)), 50)
    z = strategies.normal((4, 1, 50), 1)
    z = np.concatenate([z, 1e-200 * z, 1e200 * z])
    for beta in (0.5, 5e-201, 5e199):
        np.testing.assert_array_equal(GroupHardThreshold(beta)(z, line), HardThreshold(beta)(z))
        np.testing.assert_allclose(
            GroupSoftThreshold(beta)(z, line), SoftThreshold(beta)(z), rtol=1e-14
        )
    assert GroupSoftThreshold(0.5).with_threshold(2) == GroupSoftThreshold(2)


# ---- the largest ---------------------------------------------------------------------------------


def with_ties(dictionary):
    """Coefficients of few sizes."""
    return strategies.codes(dictionary, batch=(2,), laws=("integers", "sparse"))


@given(strategies.dictionaries(), st.data())
def test_top_k_is_what_sorting_finds(dictionary, data):
    projection = data.draw(strategies.projections(dictionary, TopK))
    z = data.draw(with_ties(dictionary) | strategies.codes(dictionary, batch=(2,)))
    got = projection(z, dictionary).reshape(2, -1)
    for row, flat in zip(got, z.reshape(2, -1), strict=True):
        best = sorted(range(flat.size), key=lambda i, flat=flat: (-abs(flat[i]), i))
        expected = np.zeros_like(flat)
        expected[best[: projection.k]] = flat[best[: projection.k]]
        np.testing.assert_array_equal(row, expected)


@given(strategies.dictionaries(), st.data())
def test_positive_top_k_is_the_rectifier_followed_by_top_k(dictionary, data):
    k = data.draw(strategies.projections(dictionary, PositiveTopK)).k
    z = data.draw(with_ties(dictionary) | strategies.codes(dictionary, batch=(2,)))
    expected = TopK(k)(np.maximum(z, 0), dictionary)
    np.testing.assert_array_equal(PositiveTopK(k)(z, dictionary), expected)
    np.testing.assert_array_equal(PositiveTopK(10**30)(z, dictionary), np.maximum(z, 0))


@given(strategies.dictionaries(), st.data())
def test_the_largest_of_a_group_is_the_first_of_its_largest(dictionary, data):
    projection = data.draw(strategies.projections(dictionary, GroupMax))
    z = data.draw(with_ties(dictionary) | strategies.codes(dictionary, batch=(2,)))
    expected = np.zeros_like(z)
    for place in grid(*z[:, 0].shape):
        for start in range(0, z.shape[1], projection.size):
            column = (place[0], slice(start, start + projection.size), *place[1:])
            values = list(z[column])
            winner = (place[0], start + values.index(max(values)), *place[1:])
            expected[winner] = max(z[winner], 0)
    np.testing.assert_array_equal(projection(z, dictionary), expected)


@given(strategies.dictionaries(), st.data())
def test_position_top_k_is_what_sorting_each_position_finds(dictionary, data):
    projection = data.draw(strategies.projections(dictionary, PositionTopK))
    z = data.draw(with_ties(dictionary) | strategies.codes(dictionary, batch=(2,)))
    got = projection(z, dictionary)
    for place in grid(*z[:, 0].shape):
        column = (place[0], slice(None), *place[1:])
        best = sorted(range(z.shape[1]), key=lambda i, here=column: (-abs(z[here][i]), i))
        expected = np.zeros_like(z[column])
        expected[best[: projection.k]] = z[column][best[: projection.k]]
        np.testing.assert_array_equal(got[column], expected)


@given(strategies.dictionaries(), st.data())
def test_batch_top_k_is_what_sorting_the_whole_batch_finds(dictionary, data):
    projection = data.draw(strategies.projections(dictionary, BatchTopK))
    batch = data.draw(st.sampled_from([(), (1,), (2,), (2, 3)]))
    laws = data.draw(st.sampled_from([("integers", "sparse"), ("normal",)]))
    z = data.draw(strategies.codes(dictionary, batch, laws))
    flat = z.ravel()
    best = sorted(range(flat.size), key=lambda i: (-abs(flat[i]), i))
    expected = np.zeros_like(flat)
    kept = best[: projection.k * math.prod(batch)]
    expected[kept] = flat[kept]
    np.testing.assert_array_equal(projection(z, dictionary), expected.reshape(z.shape))


@given(strategies.dictionaries(), st.data())
def test_batch_top_k_of_one_sample_is_top_k(dictionary, data):
    k = data.draw(strategies.projections(dictionary, BatchTopK)).k
    z = data.draw(strategies.codes(dictionary, batch=()))
    np.testing.assert_array_equal(BatchTopK(k)(z, dictionary), TopK(k)(z, dictionary))


def test_batch_top_k_lets_samples_share():
    dictionary = DenseDictionary(np.eye(3))
    z = np.array([[3.0, -3.0, 2.0], [1.0, 2.0, 0.5]])
    together = BatchTopK(1)(z, dictionary)
    np.testing.assert_array_equal(together, [[3, -3, 0], [0, 0, 0]])
    alone = np.stack([BatchTopK(1)(sample, dictionary) for sample in z])
    np.testing.assert_array_equal(alone, [[3, 0, 0], [0, 2, 0]])


def test_only_batch_top_k_couples_its_batch():
    coupling = {
        kind for kind in cases.PROJECTIONS if kind.couples_batch is not Projection.couples_batch
    }
    assert coupling == {BatchTopK}


def stripe_top(z, dictionary, sparsity):
    """What is among the S largest of every stripe that holds it; ties go by C order."""
    order = {place: i for i, place in enumerate(grid(*z.shape))}
    kept = set(order)
    for stripe in stripes_of(dictionary):
        ranked = sorted(stripe, key=lambda place: (-abs(z[place]), order[place]))
        kept -= set(ranked[sparsity:])
    return np.array([z[place] if place in kept else 0 for place in order]).reshape(z.shape)


@pytest.mark.parametrize("kind", cases.DICTIONARIES)
@given(data=st.data())
def test_stripe_top_k_is_what_enumerating_the_stripes_finds(kind, data):
    dictionary = data.draw(strategies.dictionaries(kind))
    sparsity = data.draw(st.integers(1, dictionary.stripes.size + 2) | st.integers(1, 4))
    z = data.draw(with_ties(dictionary) | strategies.codes(dictionary, batch=(2,)))
    got = StripeTopK(sparsity)(z, dictionary)
    for code, coefficients in zip(got, z, strict=True):
        np.testing.assert_array_equal(code, stripe_top(coefficients, dictionary, sparsity))
        counts = [sum(code[place] != 0 for place in held) for held in stripes_of(dictionary)]
        assert max(counts) <= sparsity


@pytest.mark.parametrize(
    ("dictionary", "expected"),
    [
        (ToeplitzDictionary(np.ones((1, 1, 2)), 7), [[2, 0, 0, -3, 0, 0]]),
        (CirculantDictionary(np.ones((1, 1, 2)), 6), [[0, 0, 0, -3, 0, 0]]),
    ],
)
def test_stripe_top_k_by_hand(dictionary, expected):
    # In stripes of three, −3 beats the 3 two places on, which on the circle beats the 2 next to it.
    z = [[2, 1, 1, -3, 1, 3]]
    np.testing.assert_array_equal(StripeTopK(1)(z, dictionary), expected)


# ---- faults the check must find ------------------------------------------------------------------


class Faulty(Projection):
    needs_dictionary = False


class MovesZero(Faulty):
    def _project(self, coefficients, dictionary):
        return coefficients + 1


class Enlarges(Faulty):
    def _project(self, coefficients, dictionary):
        return np.roll(coefficients, 1, axis=-1)


class OverTheBatch(Faulty):
    def _project(self, coefficients, dictionary):
        return np.where(np.abs(coefficients) >= np.abs(coefficients).max(), coefficients, 0)


class ChangesDtype(Faulty):
    def _project(self, coefficients, dictionary):
        return coefficients.astype(np.float64)


class ChangesShape(Faulty):
    def _project(self, coefficients, dictionary):
        return coefficients[:, 1:]


class Random(Faulty):
    def _project(self, coefficients, dictionary):
        return coefficients * np.random.default_rng().integers(0, 2, coefficients.shape)


class Selecting(Faulty):
    keeps = staticmethod(lambda z: np.abs(z) > 1)
    selection = Selection(1.0)

    def _project(self, coefficients, dictionary):
        return np.where(self.keeps(coefficients), coefficients, coefficients.dtype.type(0))


class RandomOverTheBatch(Random):
    couples_batch = True


class NotStrict(Selecting):
    keeps = staticmethod(lambda z: np.abs(z) >= 1)


class OtherThreshold(Selecting):
    keeps = staticmethod(lambda z: np.abs(z) > 1.1)


class OneSided(Selecting):
    keeps = staticmethod(lambda z: z > 1)


class TwoSided(Selecting):
    selection = Selection(1.0, one_sided=True)


class PerFilter(Selecting):
    selection = Selection([1.0, 2.0, 1.0])


class HidesShrinkage(Selecting):
    def _project(self, coefficients, dictionary):
        return SoftThreshold(1.0)(coefficients)


class FlipsSigns(Selecting):
    def _project(self, coefficients, dictionary):
        return -super()._project(coefficients, dictionary)


class Grows(Selecting):
    def _project(self, coefficients, dictionary):
        return 3 * super()._project(coefficients, dictionary)


class ShrinksByMore(Selecting):
    selection = Selection(1.0, shrinkage=True)

    def _project(self, coefficients, dictionary):
        return super()._project(coefficients, dictionary) / 128


class DropsTheLarge(Selecting):
    keeps = staticmethod(lambda z: (np.abs(z) > 1) & (np.abs(z) < 1000))


class LimitsTheLarge(Selecting):
    def _project(self, coefficients, dictionary):
        return np.clip(super()._project(coefficients, dictionary), -1000, 1000)


class DropsTheSmall(Selecting):
    selection = Selection(0.0)
    keeps = staticmethod(lambda z: np.abs(z) > 1e-4)


FAULTS = {
    MovesZero: "zero goes to zero",
    Enlarges: "the support is never enlarged",
    OverTheBatch: "batch-invariant",
    ChangesDtype: "dtype and shape are kept",
    ChangesShape: "dtype and shape are kept",
    Random: "batch-invariant",
    RandomOverTheBatch: "several batch axes are one",
    NotStrict: "agrees with its selection",
    OtherThreshold: "agrees with its selection",
    OneSided: "agrees with its selection",
    TwoSided: "agrees with its selection",
    PerFilter: "agrees with its selection",
    HidesShrinkage: "what is kept stays",
    FlipsSigns: "what is kept stays",
    Grows: "what is kept stays",
    ShrinksByMore: "what is kept stays",
    DropsTheLarge: "agrees with its selection",
    LimitsTheLarge: "what is kept stays",
    DropsTheSmall: "agrees with its selection",
}


@pytest.mark.parametrize("faulty", FAULTS)
def test_the_check_finds(faulty):
    check_projection(Selecting())
    law = f"{faulty.__name__} breaks the law.*{FAULTS[faulty]}"
    with pytest.raises(AssertionError, match=law) as told:
        check_projection(faulty())
    assert "np.float" not in str(told.value)


@attrs.frozen
class Writing(Faulty):
    def _project(self, coefficients, dictionary):
        coefficients *= 0
        return coefficients


def test_a_hook_that_writes_into_its_argument_is_told_the_law():
    with pytest.raises(AssertionError, match="Writing breaks the law 'inputs are left as they"):
        check_projection(Writing())


def test_a_class_is_no_projection():
    with pytest.raises(DcscError, match="check_projection: projection: expected a Projection"):
        check_projection(HardThreshold)


@attrs.frozen
class Doubling(Projection):
    """It passes every law but that of `with_threshold`, whose threshold it doubles."""

    beta: float = 1.0
    factor: float = 2.0

    @property
    def selection(self):
        return Selection(self.beta)

    def with_threshold(self, threshold):
        return attrs.evolve(self, beta=self.factor * threshold)

    def _project(self, coefficients, dictionary):
        return HardThreshold(self.beta)(coefficients)


class Promising(Doubling):
    """Its other thresholds are told, and not used."""

    def with_threshold(self, threshold):
        return Kept(threshold)


@attrs.frozen
class Kept(Projection):
    told: float

    @property
    def selection(self):
        return Selection(self.told)

    def _project(self, coefficients, dictionary):
        return HardThreshold(1.0)(coefficients)


class Shrinking(Doubling):
    def with_threshold(self, threshold):
        return SoftThreshold(threshold)


class Broken(Doubling):
    def with_threshold(self, threshold):
        return {}[threshold]


class Stubborn(Doubling):
    def with_threshold(self, threshold):
        raise NotCoveredError("Stubborn: has one threshold")


def test_other_thresholds_are_those_that_were_asked_for():
    for faulty, law in (
        (Doubling(), "with_threshold"),
        (Promising(), "it agrees with its selection"),
        (Shrinking(), "with_threshold"),
        (Broken(), "with_threshold"),
    ):
        with pytest.raises(AssertionError, match=f"breaks the law '{law}"):
            check_projection(faulty)
    check_projection(Stubborn())


class ByFilter(Faulty):
    """It keeps the largest of each filter, and does not say that it has to know the filters."""

    def _project(self, coefficients, dictionary):
        sizes = np.abs(coefficients)
        if sizes.ndim < 3:
            return coefficients
        return np.where(sizes >= sizes.max(axis=2, keepdims=True), coefficients, 0)


class ByFilterOfADictionary(ByFilter):
    needs_dictionary = True


def test_a_projection_that_groups_says_that_it_needs_the_dictionary():
    with pytest.raises(AssertionError, match="'what needs no dictionary acts on every entry"):
        check_projection(ByFilter())
    check_projection(ByFilterOfADictionary())


# ---- proximal maps -------------------------------------------------------------------------------


@attrs.frozen
class Proximal(Projection):
    """The soft threshold once more, with a penalty and steps of its own."""

    beta: float = 0.5

    @property
    def selection(self):
        return Selection(self.beta, shrinkage=True)

    def _project(self, coefficients, dictionary):
        return SoftThreshold(self.beta)(coefficients)

    def _proximal(self, step):
        return attrs.evolve(self, beta=step * self.beta)

    def _penalty(self, codes, dictionary):
        return self.beta * np.abs(codes).reshape(len(codes), -1).sum(axis=1).astype(float)


class StaysAsItIs(Proximal):
    def _proximal(self, step):
        return self


class ScalesByTheRoot(Proximal):
    def _proximal(self, step):
        return attrs.evolve(self, beta=np.sqrt(step) * self.beta)


class HalfThePenalty(Proximal):
    def _penalty(self, codes, dictionary):
        return super()._penalty(codes, dictionary) / 2


class OfTheWholeBatch(Proximal):
    def _penalty(self, codes, dictionary):
        return np.full(len(codes), self.beta * np.abs(codes).sum(dtype=float))


class OtherAtOne(Proximal):
    def _proximal(self, step):
        return SoftThreshold(1.01 * step * self.beta)


@pytest.mark.parametrize(
    "faulty", [StaysAsItIs, ScalesByTheRoot, HalfThePenalty, OfTheWholeBatch, OtherAtOne]
)
def test_the_check_finds_what_is_no_proximal_map_of_its_penalty(faulty):
    check_projection(Proximal())
    with pytest.raises(AssertionError, match=f"{faulty.__name__} breaks the law 'proximal"):
        check_projection(faulty())


def test_penalties_by_hand():
    dictionary = DenseDictionary(np.eye(3))
    codes = np.array([[1.0, -2.0, 0.0], [0.5, 0.0, 0.0], [0.0, 0.0, 0.0]])
    expected = {
        SoftThreshold(0.5): [1.5, 0.25, 0],
        SoftThreshold([0.5, 1, 2]): [2.5, 0.25, 0],
        HardThreshold(0.5): [0.25, 0.125, 0],
        ReLU(0.5): [np.inf, 0.25, 0],
        JumpReLU(0.5): [np.inf, 0.125, 0],
        TopK(1): [np.inf, 0, 0],
        FirmThreshold(0.5, 2): [0.875, 0.21875, 0],
        FirmThreshold([0.5, 1, 2], [1, 1, 2]): [0.75, 0.1875, 0],
        GroupSoftThreshold(0.5): [0.5 * math.sqrt(5), 0.25, 0],
        GroupHardThreshold(0.5): [0.125, 0.125, 0],
        PositionTopK(1): [np.inf, 0, 0],
    }
    for projection, values in expected.items():
        np.testing.assert_allclose(projection.penalty(codes, dictionary), values)
        batches = projection.penalty(codes.reshape(3, 1, 3), dictionary)
        np.testing.assert_allclose(batches, np.reshape(values, (3, 1)))


def test_a_projection_without_a_penalty_says_what_to_write():
    with pytest.raises(NotCoveredError, match=r"its class does not say so: write Kept\._proximal"):
        Kept(1.0).proximal(0.5)
    with pytest.raises(NotCoveredError, match=r"write Kept\._penalty"):
        Kept(1.0).penalty([1.0])
    with pytest.raises(DcscError, match=r"SoftThreshold\.proximal: step: expected a positive"):
        SoftThreshold(1.0).proximal(0)
