"""Counts of events from their probabilities, against all laws that have these, and against sums."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.stats import binom

from dcsc.bounds.counts import block_chernoff, cantelli, energy_cap, ruger, ruger_ends
from dcsc.bounds.partial.variance import largest_variance, neighbours
from dcsc.dictionaries import WindowAxis, Windows
from dcsc.errors import DcscError

probabilities = st.lists(st.sampled_from([0.0, 0.05, 0.125, 0.3, 0.5, 1.0]) | st.floats(0, 1))
deltas = st.sampled_from([0.0, 0.01, 0.05, 0.25, 0.5, 1.0])


axes = st.builds(
    WindowAxis,
    st.integers(1, 9), st.integers(1, 8), st.integers(-4, 4), st.integers(1, 7), st.integers(1, 3),
)  # fmt: skip
circles = st.builds(
    lambda windows, step, length, start, fewer: WindowAxis(
        windows * step, max(windows - fewer, 1), start, length, step, circular=True
    ),
    st.integers(1, 9), st.integers(1, 2), st.integers(1, 12), st.integers(-3, 3),
    st.sampled_from([0, 0, 1, 2]),
)  # fmt: skip


# ---- Rüger ---------------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 1), min_size=1, max_size=4), st.data())
def test_both_ends_are_attained_by_some_law(p, data):
    """A linear program over all joint laws of the events."""
    t = data.draw(st.integers(0, len(p) + 1))
    outcomes = np.array(list(itertools.product((0, 1), repeat=len(p))))
    reached = (outcomes.sum(axis=1) >= t).astype(float)
    law = {"A_eq": np.vstack([outcomes.T, np.ones(len(outcomes))]), "b_eq": [*p, 1.0]}
    least, most = linprog(reached, **law).fun, -linprog(-reached, **law).fun
    assert ruger_ends(p, t) == pytest.approx((least, most), abs=1e-7)


def test_reference_value_of_the_upper_end():
    assert ruger_ends([1, 1, 0.3, 0.1, 0.05], 3).high == pytest.approx(0.45, rel=1e-14)


@given(probabilities, deltas)
def test_the_count_is_the_least_that_the_inequality_proves(p, delta):
    t = ruger(p, delta)
    assert 1 <= t <= len(p) + 1
    if t <= len(p):
        assert ruger_ends(p, t).high <= delta * (1 + 1e-15)
    if t > 1:
        assert ruger_ends(p, t - 1).high > delta * (1 - 1e-15)


def test_writing_off_an_event_costs_one():
    """Without the r + 1 the formula gives t = 1, although P(E ≥ 1) is one half."""
    p, delta = [0.5, 0.0, 0.0], 0.05
    naive = min(math.ceil(r + sum(p[r:]) / delta) for r in range(4))
    assert naive == 1
    assert ruger_ends(p, naive) == (0.5, 0.5)
    assert ruger(p, delta) == 2


def test_units_that_are_all_likely_to_be_right_may_miss_too_often():
    """Two misses that exclude each other: each has probability 1/4, and one of them 1/2."""
    delta, p = 0.25, [0.25, 0.25]
    # "recall is 1 - δ at least, except with probability δ", which is no miss of two, is false
    assert ruger_ends(p, 1).high == 0.5 > delta
    assert ruger(p, delta) == 2
    # true is that recall is at most 1 - √δ with probability √δ at the most
    assert ruger_ends(p, int(2 * math.sqrt(delta))).high <= math.sqrt(delta)


# ---- Chernoff over blocks ------------------------------------------------------------------------


@given(st.integers(1, 60), st.floats(0, 1), deltas)
def test_independent_events(count, p, delta):
    t = block_chernoff(np.full(count, p), np.ones(count), 1, delta)
    assert binom.sf(t - 1, count, p) <= delta * (1 + 1e-9)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 9)), min_size=1, max_size=6),
    st.floats(1, 30),
    st.sampled_from([1e-9, 0.01, 0.05, 0.5]),
)
def test_the_count_is_the_least_that_some_multiplier_proves(blocks, chi, delta):
    sizes = np.array([n for _, n in blocks])
    means = np.array([share * n for share, n in blocks])
    t = block_chernoff(means, sizes, chi, delta)
    used = sizes > 0
    share = np.clip(means[used] / sizes[used], 0, 1)

    def exponent(t):
        s = np.geomspace(1e-6, 700, 20001) / max(sizes.max(), 1)
        terms = np.log1p(share * np.expm1(s[:, None] * sizes[used]))
        return ((terms.sum(axis=1) - s * t) / chi).min()

    assert 0 <= t <= sizes.sum() + 1
    if t <= sizes.sum():
        assert exponent(t) <= math.log(delta) + 1e-6
    if t > 0:
        assert exponent(t - 1) > math.log(delta) - 1e-3


def test_blocks_of_nothing():
    assert block_chernoff([], [], 1, 0.05) == 1
    assert block_chernoff([0, 0], [0, 3], 1, 0.05) == 1
    assert block_chernoff([3], [3], 2, 0.05) == 4
    assert block_chernoff([1], [1e9], 1, 0.0) == 10**9 + 1


# ---- Cantelli ------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 20)), min_size=1), deltas)
def test_no_law_of_this_mean_and_variance_exceeds_the_count(law, delta):
    values, weights = (np.array(each, dtype=float) for each in zip(*law, strict=True))
    weights /= weights.sum()
    mean = float(weights @ values)
    t = cantelli(mean, float(weights @ (values - mean) ** 2), delta)
    if t is None:
        assert delta == 0
        return
    assert weights[values >= t].sum() <= delta + 1e-9
    assert t > mean


def test_the_count_is_attained_by_two_values():
    """0 and 10, of which the larger has probability δ: the inequality is an equality there."""
    for delta in (0.05, 0.3):
        t = cantelli(10 * delta, 100 * delta * (1 - delta), delta)
        assert t in (10, 11)  # a tie may be lost to rounding
        assert cantelli(10 * delta, 100 * delta * (1 - delta), delta * 0.99) > 10


def test_mean_and_variance_are_those_of_the_same_probabilities():
    """Thirty coins of which it is known that p ≤ 1: the variance of p = 1 is none at all."""
    naive = cantelli(30 * 0.5, 30 * 1.0 * 0.0, 0.05)
    assert naive == 16
    assert binom.sf(naive - 1, 30, 0.5) > 0.4
    assert cantelli(30 * 1.0, 30 * 1.0 * 0.0, 0.05) == 31


@given(axes | circles, st.data())
def test_neighbours_share_an_entry_and_the_variance_counts_all_of_them(axis, data):
    windows = Windows((axis.entries,), (axis,))
    count = axis.windows
    marks = np.eye(count, dtype=np.int64)
    held = windows.max_containing(marks).reshape(count, -1) == 1
    meet = held.astype(int) @ held.T > 0
    near = neighbours(windows).sum(marks).T > 0
    assert (near >= meet).all()
    # no more than that where nothing is cut off, or goes around more than once
    sizes = axis.sizes()
    whole = sizes == axis.length
    if not axis.circular:
        assert (near == meet)[np.ix_(whole, whole)].all()
    p = np.array(data.draw(st.lists(st.floats(0, 1), min_size=1, max_size=6)))
    places = np.array(data.draw(st.lists(st.integers(0, count - 1), min_size=len(p))))[: len(p)]
    deviations = np.sqrt(p * (1 - p))
    each = near[np.ix_(places, places)] * np.outer(deviations, deviations)
    assert largest_variance(p, places, windows) == pytest.approx(each.sum(), abs=1e-9)


# ---- energy --------------------------------------------------------------------------------------


@given(st.lists(st.integers(-3, 6), max_size=6), st.integers(0, 60))
def test_no_set_of_events_costs_more_than_there_is(levels, energy):
    costs = [max(t, 0) ** 2 for t in levels]
    sets = itertools.chain.from_iterable(
        itertools.combinations(costs, n) for n in range(len(costs) + 1)
    )
    assert energy_cap(levels, energy) == max(len(s) for s in sets if sum(s) <= energy)


def test_events_below_level_zero_cost_nothing():
    """With t² in place of (t)_+² one of these two seems to be impossible."""
    levels, energy = np.array([-2.0, 1.0]), 1.0
    naive = int(np.searchsorted(np.cumsum(np.sort(levels**2)), energy, side="right"))
    assert naive == 1
    assert energy_cap(levels, energy) == 2  # sums of 0 and 1 reach both levels


# ---- chromatic numbers ---------------------------------------------------------------------------


def fractional_chromatic(windows):
    """The linear program over all independent sets, from the entries of each window."""
    count = math.prod(windows.grid)
    marks = np.eye(count, dtype=np.int64).reshape(count, *windows.grid)
    held = np.broadcast_to(windows.max_containing(marks), (count, *windows.shape)) == 1
    held = held.reshape(count, -1)
    meet = held.astype(int) @ held.T > 0
    sets = [
        [1.0 if number >> w & 1 else 0.0 for w in range(count)]
        for number in range(1, 2**count)
        if all(
            not (number >> a & 1 and number >> b & 1 and meet[a, b])
            for a, b in itertools.combinations(range(count), 2)
        )
    ]
    return linprog(
        np.ones(len(sets)), A_ub=-np.array(sets).T, b_ub=-np.ones(count), bounds=(0, None)
    ).fun


@given(axes | circles)
def test_windows_along_one_axis(axis):
    told = Windows((2, axis.entries), (axis,)).chromatic
    truth = fractional_chromatic(Windows((axis.entries,), (axis,)))
    assert told.value >= truth - 1e-9
    assert not told.exact or told.value == pytest.approx(truth, abs=1e-9)
    assert told.exact or (axis.circular and axis.windows * axis.step < axis.entries)


short = st.builds(
    lambda entries, reach, circular: WindowAxis(
        entries, entries, -reach, 2 * reach + 1, circular=circular
    ),
    st.integers(1, 5), st.integers(0, 2), st.booleans(),
)  # fmt: skip


@given(short, short)
def test_windows_along_two_axes(first, second):
    windows = Windows((first.entries, second.entries), (first, second))
    if math.prod(windows.grid) > 12:
        return
    told, truth = windows.chromatic, fractional_chromatic(windows)
    assert told.value >= truth - 1e-9
    assert not told.exact or told.value == pytest.approx(truth, abs=1e-9)


def test_on_a_torus_the_product_is_no_equality():
    """On 8 x 8, five windows of 3 x 3 are disjoint, and not only the four of a product."""
    axis = WindowAxis(8, 8, -1, 3, circular=True)
    torus = Windows((8, 8), (axis, axis))
    assert torus.chromatic.value == 16
    assert not torus.chromatic.exact
    apart = [(0, 0), (1, 3), (3, 6), (4, 1), (6, 4)]
    for (a, b), (c, d) in itertools.combinations(apart, 2):
        assert max(min((a - c) % 8, (c - a) % 8), min((b - d) % 8, (d - b) % 8)) > 2
    assert 64 / len(apart) < 16


@pytest.mark.parametrize(
    ("positions", "circular", "value"),
    [((10,), True, 15), ((13,), True, 19.5), ((13, 4), False, 60)],
)
def test_reference_values_for_three_filters_of_reach_two(positions, circular, value):
    stripes = Windows(
        (3, *positions), tuple(WindowAxis(p, p, -2, 5, circular=circular) for p in positions)
    )
    assert 3 * stripes.chromatic.value == value
    assert stripes.chromatic.exact


def test_groups_of_filters_are_apart():
    group = WindowAxis(4, 2, 0, 2, 2)
    line = WindowAxis(9, 9, -1, 3)
    assert Windows((4, 9), (group, line)).chromatic.value == 3
    centres = Windows((4, 9), (group, line)).centres
    assert centres.shape == (4, 9)
    assert centres[:, 0].tolist() == [0, 0, 9, 9]


# ---- arguments -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ruger([1.5], 0.1), "ruger: probabilities: expected numbers from 0 to 1"),
        (lambda: ruger([0.5], 2), "ruger: delta"),
        (lambda: ruger_ends([0.5], 3), "ruger_ends: count"),
        (lambda: block_chernoff([2], [1], 1, 0.1), "0 <= mean <= size"),
        (lambda: block_chernoff([1, 1], [1], 1, 0.1), "one of each per block"),
        (lambda: block_chernoff([1], [1], 0.5, 0.1), "block_chernoff: chromatic"),
        (lambda: cantelli(-1, 1, 0.1), "cantelli: mean"),
        (lambda: cantelli(1, 1, 2), "cantelli: delta"),
        (lambda: energy_cap([1], -1), "energy_cap: energy"),
        (lambda: energy_cap([math.nan], 1), "energy_cap: levels"),
    ],
)
def test_what_is_no_law_is_refused(call, message):
    with pytest.raises(DcscError, match=message):
        call()


def test_a_graph_of_any_chromatic_number_proves_no_more_than_all_events():
    assert block_chernoff(100 * [0.01], 100 * [1], chromatic=1e308, delta=0.05) == 101
