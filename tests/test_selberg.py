"""Selberg's polynomials: both ends of tails of any number of weights, of all noises."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from dcsc._numerics import plain, selberg, vectors
from dcsc.bounds.tails import Exact, Lattice, Selberg, as_tail
from dcsc.bounds.tails.base import Rows
from dcsc.bounds.tails.selberg import ORDERS, middles
from dcsc.errors import DcscError
from dcsc.testing.tails import LEAST, WORST, signed_sums
from tests.reference_values import TAIL_WEIGHTS, TAILS
from tests.test_tails import binomial_tail

DEGREES = st.sampled_from([1, 2, 7, 63, 64, 65, 300, 1024])


def half_circle_ends(weights, level, degree):
    """Return Selberg's ends for the arc from t to its opposite, where no sum comes around."""
    around = 2 * (abs(level) + sum(weights)) * (1 + 1e-9)
    order = np.arange(1, degree + 1)
    u = order / (degree + 1)
    moments = np.prod(np.cos(2 * np.pi * np.outer(order, weights) / around), axis=1)
    angle = 2 * np.pi * order * level / around
    vaaler = -(1 - u) / np.tan(np.pi * u) - 1 / np.pi
    middle = 0.5 + 2 / (degree + 1) * np.sum((vaaler * np.sin(angle) * moments)[::2])
    apart = (1 + 2 * np.sum(((1 - u) * np.cos(angle) * moments)[1::2])) / (degree + 1)
    return middle - apart, middle + apart


def test_the_reference_ends_lie_around_those_on_a_smaller_circle():
    row = TAILS["selberg"]
    expected = half_circle_ends(TAIL_WEIGHTS, row.level, row.degree)
    assert expected == pytest.approx(row.value, rel=1e-12)
    low, high = Selberg(row.degree).ends(TAIL_WEIGHTS, row.level)
    assert expected[0] < low < TAILS["exact"].value < high < expected[1]


@pytest.mark.parametrize("key", ["exact", "martingale", "gauss"])
def test_reference_rows(key):
    row = TAILS[key]
    low, high = (end[0] for end in Exact().ends(TAIL_WEIGHTS, row.level, row.size, row.noise))
    least, most = row.value if isinstance(row.value, tuple) else (row.value, row.value)
    # the martingale's share falls in 32 steps; the other two are listed
    rounding = 1 / 64 if key == "martingale" else 1e-12
    assert least - rounding <= low <= least * (1 + 1e-12)
    assert most * (1 - 1e-12) <= high <= most + rounding
    for degree in (64, 1024, 2**14):
        low, high = Selberg(degree).ends(TAIL_WEIGHTS, row.level, row.size, row.noise)
        assert low <= least <= most <= high
    assert high - low <= most - least + 2 * rounding + 1e-3


def test_what_goes_around_the_circle_is_added():
    """40 weights of 1/10 reach 4; the circle of degree 16 has a half of 2.06 at a level of 0.3."""
    weights, level, degree = np.full(40, 0.1), 0.3, 16
    variance = (weights**2).sum()
    half = math.sqrt(level**2 + 2 * math.log(10 * degree) * variance)
    assert 2.0 < half < 2.1
    wrapped = math.exp(-(half**2) / (2 * variance))
    assert float(binomial_tail(40, 21)) < wrapped
    order = np.arange(1, degree + 1)
    u, moments = order / (degree + 1), np.cos(np.pi * order * 0.1 / half) ** 40
    waves = np.cos(np.pi * order * level / half) + (-1.0) ** order
    apart = (1 + np.sum((1 - u) * moments * waves)) / (degree + 1)
    low, high = Selberg(degree).ends(weights, level)
    assert (high - low) / 2 == pytest.approx(apart + wrapped, rel=1e-8)


def hard_rows(seed, size):
    """Return rows with ties, equal weights, gaps, or none of these, and levels on and off sums."""
    rng = np.random.default_rng(seed)
    shape = (8, size)
    weights = [
        rng.integers(0, 4, shape) / 4,
        np.ones(shape),
        rng.standard_normal(shape),
        rng.standard_normal(shape) * 3.0 ** -np.arange(size),
        rng.standard_cauchy(shape),
    ][int(rng.integers(5))]
    sums = signed_sums(weights)
    on = sums[rng.integers(len(sums), size=8), np.arange(8)]
    off = rng.uniform(-1.1, 1.1, 8) * np.abs(weights).sum(axis=1)
    return weights, np.where(rng.random(8) < 0.5, on, off), sums


@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 9),
    DEGREES,
    st.sampled_from(sorted(WORST)),
    st.sampled_from([1e-3, 0.25, 0.7]),
)
def test_the_ends_hold_for_every_degree_and_noise(seed, size, degree, model, z):
    weights, levels, sums = hard_rows(seed, size)
    z = 0.0 if model == "none" else z
    low, high = Selberg(degree).ends(weights, levels, z, model)
    assert (low <= LEAST[model](sums, levels, z) + 1e-13).all()
    assert (high >= WORST[model](sums, levels, z) - 1e-13).all()
    assert (Selberg(degree).lower(weights, levels, z, model) <= high).all()


@pytest.mark.parametrize(("count", "level"), [(45, 21), (400, 60), (1500, 100), (1500, 0)])
def test_many_equal_weights(count, level):
    exact = float(binomial_tail(count, level))
    beyond = float(binomial_tail(count, level + 1))  # a sum at the level counts above, not below
    for tail, near in ((Selberg(), 1e-2), (Selberg(2**14), 1e-3), (Exact(), 1e-11)):
        low, high = tail.ends(count * [0.1], 0.1 * level)
        assert beyond * (1 - near) - near / 10 <= low <= beyond
        assert exact <= high <= exact * (1 + near) + near / 10


def test_the_ends_close_in_as_the_degree_rises():
    weights = np.random.default_rng(1).uniform(0, 1, (3, 300))
    levels = 2 * np.sqrt((weights**2).sum(axis=1))
    gaps = []
    for degree in (2**8, 2**10, 2**12, 2**14):
        low, high = Selberg(degree).ends(weights, levels)
        assert (low < ndtr(-2.0) * 1.01).all()
        assert (high > ndtr(-2.0) * 0.97).all()
        gaps.append(((high - low) / high).max())
    assert gaps[1] < 0.03
    assert (np.array(gaps[:-1]) / gaps[1:] > 3.5).all()


def test_exact_comes_as_near_as_it_is_asked_to_and_else_within_two_thousandths():
    rng = np.random.default_rng(2)
    weights = rng.uniform(0, 1, (12, 150)) * rng.choice([0.1, 1, 3], (12, 150))
    deviations = np.sqrt((weights**2).sum(axis=1))
    far = Exact().upper(weights, 5.5 * deviations)
    assert (far <= Lattice().upper(weights, 5.5 * deviations)).all()
    levels = rng.uniform(0.5, 4.5, 12) * deviations
    low, high = Exact().ends(weights, levels)
    assert (low >= high * (1 - 2.01e-3)).all()
    for gap in (0.01, 1e-4):
        wider = Exact().ends(weights, levels, gap=gap)
        assert (wider[1] - wider[0] <= np.maximum(gap, 2.01e-3 * wider[1])).all()
        assert (wider[0] <= high).all()
        assert (wider[1] >= low).all()
    assert (Exact().ends(weights, levels, gap=0.01)[1] > high).any()


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.5, 0.1, 0.03, 0.01]))
def test_sums_that_have_to_reach_nothing_are_told_apart(seed, gap):
    """With a gap, of more weights than are listed: the largest few decide, unless sums coincide."""
    rng = np.random.default_rng(seed)
    weights = rng.standard_normal((6, 14))
    weights[:2] = rng.integers(1, 4, (2, 14))
    weights[2, 1:] = weights[2, 0] * (1 + rng.choice([0.0, 1e-13, 1e-10], 13))
    reach = np.abs(weights).sum(axis=1)
    levels = reach * rng.choice([0.0, 0.0, 1e-14, -1e-11, 3e-10, -1e-9], 6)
    slack = reach * float(rng.choice([0.0, 1e-10]))
    sums = signed_sums(weights)
    low, high = Exact().ends(weights, levels, 0, "none", slack, gap)
    assert (low <= (sums >= levels + slack).mean(axis=0) + 1e-13).all()
    assert (high >= (sums >= levels - slack).mean(axis=0) - 1e-13).all()
    # sums of normal weights are all different
    assert (high - low <= gap)[3:].all()


def test_where_polynomials_end_the_lattice_goes_on():
    # 1e-12 is less than what rounding leaves of polynomials
    weights, level = np.full(60, 0.1), 4.6
    exact = float(binomial_tail(60, 46))
    assert exact < 1e-9
    assert Selberg(2**16).upper(weights, level) > 1.01 * exact
    for tail in (Exact(), Lattice()):
        assert tail.upper(weights, level) == pytest.approx([exact], rel=1e-9, abs=0)
    assert Exact().lower(weights, level - 0.1) == pytest.approx([exact], rel=1e-9, abs=0)


def test_normal_noise_of_any_size():
    weights = np.random.default_rng(3).uniform(0, 1, 9)
    sums = signed_sums(weights[None])[:, 0]
    for deviation in (1e-9, 1e-3, 0.3, 30.0):
        for level in (-1.0, 0.5, 3.0, 20.0):
            exact = ndtr((sums - level) / deviation).mean()
            for tail, near in ((Exact(), 1e-12), (Exact(most=3), 3e-3), (Selberg(2**14), 3e-3)):
                low, high = tail.ends(weights, level, deviation, "gauss")
                assert low <= exact * (1 + 1e-12)
                assert exact <= high * (1 + 1e-12)
                assert high - low <= 2 * near


# ---- the sums ------------------------------------------------------------------------------------


def test_polynomials_are_filled_up_to_what_vectors_take():
    assert ORDERS % vectors.ORDERS == 0


@given(st.integers(0, 2**32 - 1), st.integers(0, 90), st.sampled_from([64, 192, 2048]))
def test_compiled_and_plain_sums_agree(seed, size, orders):
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0, 2.0 ** -int(rng.integers(14)), (3, size))
    if rng.random() < 0.3:  # commensurable: the moments come back
        weights[:] = 0.125
    turns = np.array([2.0**63, 1e18, 9e17])
    levels = rng.integers(0, 2**64, (3, 2), dtype=np.uint64)
    counts = rng.integers(0, size + 1, 3)
    damping = np.array([0.0, 1e-5, 0.01])
    coefficients = rng.uniform(-1, 1, (2, orders)) / orders
    spans = np.sort(16 * rng.integers(0, orders // 16 + 1, (3, 2)), axis=1)  # some are empty
    case = (weights, turns, counts, levels, damping, np.full(3, 2.0**-50), coefficients, spans)
    compiled, formula = selberg.selberg_sums(*case), plain.selberg_sums(*case)
    assert np.abs(compiled - formula).max() <= 2.0**-45 * (size + 4)


def test_moments_are_as_near_as_they_are_said_to_be():
    """A single coefficient shows one moment; angles are exact in 80 bits here."""
    rng = np.random.default_rng(4)
    orders = 2**14
    turns = np.sort(rng.integers(0, 2**50, (1, 12)))[:, ::-1] * 2**8
    level = np.zeros((1, 1), dtype=np.uint64)
    for order in (1, 7, 63, 64, 1023, 1025, 9999, orders - 1):
        coefficients = np.zeros((2, orders))
        coefficients[1, order] = 1.0
        exact = math.prod(
            math.cos(2 * math.pi * ((int(turn) * order + 2**63) % 2**64 - 2**63) / 2**64)
            for turn in turns[0]
        )
        for way in (selberg, plain):
            angles = turns.astype(float), np.ones(1), np.array([12])
            case = (*angles, level, np.zeros(1), np.zeros(1), coefficients)
            found = way.selberg_sums(*case, np.array([[0, orders]]))[1, 0, 0]
            assert abs(found - exact) <= 2.0**-45 * 12


@pytest.mark.parametrize("way", [selberg, plain])
@pytest.mark.parametrize("least", [1e-2, 1e-6])
def test_what_is_left_out_is_small(way, least):
    rng = np.random.default_rng(5)
    weights = np.sort(rng.uniform(0, 0.25, (8, 30)))[:, ::-1]
    levels = rng.integers(0, 2**64, (8, 1), dtype=np.uint64)
    coefficients = rng.uniform(-1, 1, (2, 1024)) / 1024
    case = weights, np.full(8, 2.0**63), np.full(8, 30), levels, np.zeros(8)
    spans = np.tile([0, 1024], (8, 1))
    some, every = (
        way.selberg_sums(*case, np.full(8, size), coefficients, spans) for size in (least, 0.0)
    )
    apart = np.abs(some - every).max(axis=(1, 2))
    assert (apart <= least * np.abs(coefficients).sum(axis=1)[[0, 1, 1]]).all()
    assert (apart > 0).all()


def test_moments_of_the_largest_orders_are_as_near():
    """Rotations begin again, so that what they are rounded by does not add up for 2^20 orders."""
    orders, rows = 2**20, 16
    weights = np.random.default_rng(7).uniform(0.001, 0.999, (rows, 1))
    last = np.zeros((2, orders))
    last[1, -1] = 1
    made = selberg.selberg_sums(
        weights,
        np.full(rows, 2.0**63),
        np.ones(rows, int),
        np.zeros((rows, 1), np.uint64),
        np.zeros(rows),
        np.zeros(rows),
        last,
        np.tile([0, orders], (rows, 1)),
    )
    turns = [int(weight * 2.0**63) * (orders - 1) % 2**64 / 2**64 for weight in weights[:, 0]]
    wanted = np.cos(2 * np.pi * np.array(turns))
    assert np.abs(made[1, :, 0] - wanted).max() < 2.0**-45


def test_a_gap_widens_the_ends_by_what_is_left_out():
    """They hold as those do that leave out nothing, and are apart by little more."""
    rng = np.random.default_rng(6)
    weights = -np.sort(-rng.uniform(0.1, 1, (40, 60)), axis=1)
    level = rng.uniform(0, 2, 40) * np.sqrt((weights**2).sum(axis=1))
    rows = Rows(weights, level, np.zeros(40))
    near, distance = middles(rows, level[None], level[None][:0], np.full(40, 512), np.zeros(40))
    for gap in (1e-3, 0.05):
        middle, wider = middles(
            rows, level[None], level[None][:0], np.full(40, 512), np.full(40, gap)
        )
        assert (np.abs(middle - near) <= wider - distance + 1e-15).all()
        assert (wider > distance).all()
        assert (wider - distance <= 2 * gap / 32).all()
        assert (middle != near).any()


# ---- what is refused -----------------------------------------------------------------------------


def test_names_and_bad_input():
    assert as_tail("selberg") == Selberg() == Selberg(degree=1024)
    for degree, expected in ((0, "at least 1"), (2**21, f"at most {2**20}")):
        with pytest.raises(DcscError, match=f"Selberg: degree: expected {expected}, got {degree}"):
            Selberg(degree)
    for name in ("slack", "gap"):
        with pytest.raises(DcscError, match=f"Selberg: {name}: expected at least 0, got -1"):
            Selberg().ends([1.0], 1, **{name: -1})
    assert Selberg().ends(np.zeros((2, 0)), [0, 1])[1].tolist() == [1, 0]
    assert Selberg().upper(np.zeros((0, 3)), 1).shape == (0,)
