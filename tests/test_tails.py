"""The tails against rational values, and against the enumeration of all sign patterns."""

import itertools
import math
import tracemalloc
from collections import Counter
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

from dcsc._numerics import moments, plain
from dcsc.bounds.tails import (
    L1,
    NOISE_MODELS,
    Bentkus,
    Chernoff,
    Exact,
    Hoeffding,
    Lattice,
    Selberg,
    Tail,
    as_tail,
    smooth,
)
from dcsc.coefficients import columns
from dcsc.dictionaries import ToeplitzDictionary
from dcsc.errors import DcscError, NotCoveredError
from tests import cases

FEW = Decimal("1.000000001")

TAILS = cases.tails()
SLOP = 1 + 1e-9

every_tail = pytest.mark.parametrize("tail", TAILS, ids=repr)


def fractions(text):
    return [Fraction(word) for word in text.split()]


# weights, t, the exact tail, and Hoeffding's
ROWS = {
    "T1": (fractions("1/2 1/2 1/2"), Fraction(1), Fraction(1, 8), "0.513417119032592"),
    "T2": (fractions("1 1"), Fraction(2), Fraction(1, 4), "0.367879441171442"),
    "T3": (12 * [Fraction(1, 13)], Fraction(1, 2), Fraction(79, 4096), "0.171973193395500"),
    "T4": (fractions("1/2 1/3 1/6"), Fraction(2, 3), Fraction(1, 4), "0.564718122007759"),
    "T5": ([Fraction(3, 4)], Fraction(3, 4), Fraction(1, 2), "0.606530659712633"),
    "T6": ([Fraction(1, 2)], Fraction(3, 5), Fraction(0), "0.486752255959972"),
    "T7": (
        fractions("1/10 1/5 3/10 2/5 1/2 3/5 7/10 4/5"),
        Fraction(2),
        Fraction(25, 256),
        "0.375163946883533",
    ),
}

rows = pytest.mark.parametrize("row", [pytest.param(row, id=key) for key, row in ROWS.items()])


def patterns(count):
    """Return all rows of ``count`` signs."""
    return np.array(list(itertools.product([1, -1], repeat=count))).reshape(2**count, count)


def enumerated(weights, level):
    """Return the tail by listing all sums, in exact arithmetic."""
    w, t = [Fraction(x) for x in weights], Fraction(level)
    hits = sum(
        sum(s * x for s, x in zip(signs, w, strict=True)) >= t
        for signs in itertools.product([1, -1], repeat=len(w))
    )
    return Fraction(hits, 2 ** len(w))


@rows
def test_exact_and_hoeffding_of_the_reference_rows(row):
    weights, level, exact, hoeffding = row
    assert enumerated(weights, level) == exact
    given_as = np.array(weights, dtype=float), float(level)
    assert Exact().upper(*given_as) == [float(exact)]
    uncombined = math.exp(-float(level**2 / sum(2 * w * w for w in weights)))
    assert uncombined == pytest.approx(float(hoeffding), rel=1e-12)
    expected = 0.0 if level > sum(weights) else float(hoeffding)  # the ℓ1 norm decides T6
    assert Hoeffding().upper(*given_as) == pytest.approx([expected], rel=1e-12, abs=0)
    for tail in TAILS:
        assert tail.upper(*given_as) >= float(exact)
    assert Lattice().upper(*given_as) == pytest.approx([float(exact)], rel=1e-12, abs=0)
    assert Lattice().lower(*given_as) <= float(exact)
    for tail in (Exact(most=0), Selberg(2**14)):
        assert tail.lower(*given_as) <= float(exact)
        assert float(exact) <= tail.upper(*given_as) <= float(exact) * 1.002


def test_chernoff_of_the_reference_row():
    found = Chernoff().upper(12 * [1], 8)
    assert found == pytest.approx([531441 / 9765625], rel=1e-12)  # T8
    assert Hoeffding().upper(12 * [1], 8) == pytest.approx([0.069483451222802], rel=1e-12)
    assert Exact().upper(12 * [1], 8) == [79 / 4096]


def test_constant_of_bentkus_and_dzindzalieta():
    # T9: at t = 0 the bound is c*/2, which is above 1, so it is read off at t / sigma = 2
    gauss = scipy.special.ndtr(-2.0)
    found = Bentkus().upper(16 * [0.25], 2.0) / gauss
    assert found == pytest.approx([3.178655565886997], rel=1e-12)
    crossing = scipy.special.erfc(0.6705 / math.sqrt(2)) / 2 * 3.178655565886997
    assert crossing == pytest.approx(math.exp(-(0.6705**2) / 2), rel=1e-3)


weights_and_levels = st.tuples(
    st.integers(0, 9), st.integers(0, 2**32 - 1), st.sampled_from(["normal", "ties", "steep"])
)


def problem(size, seed, kind):
    """Return rows of weights with gaps, and levels on all sides of the sums."""
    rng = np.random.default_rng(seed)
    if kind == "ties":
        weights = rng.integers(-3, 4, (6, size)) / 4
        levels = rng.integers(-4, 12, 6) / 4
    else:
        scale = 3.0 ** -np.arange(size) if kind == "steep" else 1.0
        weights = rng.standard_normal((6, size)) * scale
        levels = rng.uniform(-0.5, 1.1, 6) * np.abs(weights).sum(axis=1)
    return weights, levels


@every_tail
@given(weights_and_levels)
def test_one_sided_and_two_sided_against_enumeration(tail, case):
    weights, levels = problem(*case)
    exact = ((patterns(weights.shape[1]) @ weights.T) >= levels - 1e-13).mean(axis=0)
    strict = ((patterns(weights.shape[1]) @ weights.T) > levels + 1e-13).mean(axis=0)
    upper, lower = tail.upper(weights, levels), tail.lower(weights, levels)
    assert (upper >= exact).all()
    assert (lower <= exact).all()
    assert ((upper >= 0) & (upper <= 1)).all()
    if tail == Exact():
        assert np.array_equal(upper, exact)
        assert np.array_equal(lower, strict)


@given(weights_and_levels)
def test_orderings(case):
    weights, levels = problem(*case)
    exact = Exact().upper(weights, levels)
    chernoff, hoeffding = (t.upper(weights, levels) for t in (Chernoff(), Hoeffding()))
    assert (exact <= chernoff * SLOP).all()
    assert (chernoff <= hoeffding * SLOP).all()
    assert (exact <= Bentkus().upper(weights, levels) * SLOP).all()
    for tail in (Lattice(500), Lattice(50)):
        assert (tail.lower(weights, levels) <= exact).all()
        assert (exact <= tail.upper(weights, levels)).all()
    nothing = L1().upper(weights, levels) == 0
    for tail in TAILS:
        assert (tail.upper(weights, levels)[nothing] == 0).all()
        assert (tail.lower(weights, levels)[nothing] == 0).all()


@every_tail
def test_falls_with_the_level_and_rises_with_the_noise(tail):
    weights = np.random.default_rng(5).uniform(0.1, 1, 11)
    levels = np.linspace(-1, 7, 60)
    repeated = np.tile(weights, (60, 1))
    falling = tail.upper(repeated, levels)
    # what is not monotone is so within its ends, which is all of it where the rows are listed
    floor = falling if tail.monotone or tail == Exact() else tail.lower(repeated, levels)
    assert (floor[1:] <= falling[:-1] * (1 + 1e-12)).all()
    for model in sorted(tail.noise_models - {"none"}):
        sizes = np.linspace(0, 1, 60)
        rising = tail.upper(repeated, 3.0, sizes, model)
        least = tail.lower(repeated, 3.0, sizes, model) if floor is not falling else rising
        if model != "gauss" or tail.smooth:  # more normal noise may move a sum to either side
            assert (least[:-1] <= rising[1:] * (1 + 1e-12)).all(), model
        assert rising[0] == pytest.approx(tail.upper(weights, 3.0)[0], rel=1e-12)


# ---- noise ---------------------------------------------------------------------------------------

ALLOWED = {
    "L1": {"none", "independent", "martingale", "adversarial"},
    "Hoeffding": set(NOISE_MODELS),
    "Chernoff": set(NOISE_MODELS),
    "Bentkus": {"none", "independent", "adversarial", "gauss"},
    "Exact": set(NOISE_MODELS),
    "Lattice": {"none", "independent", "adversarial"},
    "Selberg": set(NOISE_MODELS),
}


@every_tail
@pytest.mark.parametrize("model", NOISE_MODELS)
def test_noise_models_that_are_not_valid_are_refused(tail, model):
    noise = 0.0 if model == "none" else 0.1
    if model in ALLOWED[type(tail).__name__]:
        assert tail.upper([1, 1], 1, noise, model).shape == (1,)
    else:
        with pytest.raises(NotCoveredError, match=f"is no bound for the noise model '{model}'"):
            tail.upper([1, 1], 1, noise, model)


@every_tail
def test_adversarial_noise_is_a_shift(tail):
    weights, levels = problem(7, 3, "normal")
    shifted = tail.upper(weights, levels - 0.25)
    assert tail.upper(weights, levels, 0.25, "adversarial") == pytest.approx(shifted, rel=1e-12)


@every_tail
@given(weights_and_levels, st.floats(0, 1))
def test_independent_noise_of_any_size_up_to_its_bound(tail, case, level_of_noise):
    weights, levels = problem(*case)
    upper = tail.upper(weights, levels, level_of_noise, "independent")
    lower = tail.lower(weights, levels, level_of_noise, "independent")
    sums, worst = patterns(weights.shape[1]) @ weights.T, 0.0
    for size in level_of_noise * np.linspace(0, 1, 7):
        reached = [sums + sign * size >= levels - 1e-13 for sign in (1, -1)]
        worst = np.maximum(worst, np.mean(reached, axis=(0, 1)))
    assert (upper >= worst).all()
    assert (lower <= worst).all()


@pytest.mark.parametrize("tail", [Hoeffding(), Chernoff(), L1()], ids=repr)
@given(weights_and_levels, st.floats(0.01, 1))
def test_martingale_noise(tail, case, level_of_noise):
    """Noise of mean zero given the signs: at each pattern the worst law on {-z, c}."""
    weights, levels = problem(*case)
    sums = patterns(weights.shape[1]) @ weights.T
    missing = levels - sums
    # all mass p on reaching the level exactly, the rest on -z: p = z / (z + missing)
    reach = np.where(missing <= -level_of_noise, 1.0, 0.0)
    some = (missing > -level_of_noise) & (missing <= level_of_noise)
    share = level_of_noise / (level_of_noise + np.maximum(missing, 0))
    worst = np.where(some, np.where(missing <= 0, 1.0, share), reach).mean(axis=0)
    upper = tail.upper(weights, levels, level_of_noise, "martingale")
    assert (upper * SLOP >= worst).all()


@pytest.mark.parametrize("tail", [Hoeffding(), Chernoff(), Bentkus()], ids=repr)
@given(weights_and_levels, st.floats(0.01, 1))
def test_gaussian_noise(tail, case, deviation):
    weights, levels = problem(*case)
    sums = patterns(weights.shape[1]) @ weights.T
    exact = scipy.special.ndtr((sums - levels) / deviation).mean(axis=0)
    assert (tail.upper(weights, levels, deviation, "gauss") * SLOP >= exact).all()


def normal_tail(deviations):
    """Q of an exact number."""
    return math.erfc(float(max(min(deviations, 100), -100)) / math.sqrt(2)) / 2


@pytest.mark.parametrize("tail", [*TAILS, Selberg(64)], ids=repr)
@pytest.mark.parametrize(
    "weights",
    [[0, 0, 0], [1, 2, 3], [1e300, 1e300], [1e-300, 3e-300], [1e-320, 1, 1], [5e-324, 5e-324]],
)
def test_numbers_of_any_size(tail, weights):
    """Levels, deviations and slack from the smallest float to nearly the largest."""
    sizes = [0, 5e-324, 1e-300, 1e-6, 1, 6, 1e6, 1e300]
    cases = itertools.product([*sizes, -1, -1e6, -1e300], sizes, [0, 1, 1e300])
    levels, deviations, slack = np.array(list(cases)).T
    wide = np.broadcast_to(np.array(weights, float), (len(levels), len(weights)))
    sums = [sum(map(Fraction, signed)) for signed in (patterns(len(weights)) * weights).tolist()]

    def exact(level, deviation):
        if deviation == 0:
            return sum(each >= level for each in sums) / len(sums)
        return sum(normal_tail((level - each) / deviation) for each in sums) / len(sums)

    for law in ("none", "gauss"):
        if law not in tail.noise_models:
            continue
        some = (deviations == 0) | (law == "gauss")
        of = wide[some], levels[some], deviations[some], law
        low, high = tail.ends(*of, slack=slack[some])
        assert ((low >= 0) & (low <= high) & (high <= 1)).all()
        asked = [[Fraction(x) for x in each[some]] for each in (levels, deviations, slack)]
        for least, most, level, deviation, near in zip(low, high, *asked, strict=True):
            assert least <= exact(level + near, deviation) * SLOP
            assert most * SLOP >= exact(level - near, deviation)


def test_a_shift_that_depends_on_the_signs_exceeds_the_independent_tail():
    # one weight 1/4, noise 1/4 that always adds to it: certain, where independence claims a half
    assert Exact().upper([0.25], 0.0, 0.25, "adversarial") == [1.0]
    claimed = Chernoff().upper([0.25], 0.5, 0.25, "independent")
    assert claimed < 1
    assert Exact().upper([0.25], 0.5, 0.25, "adversarial") == [0.5]
    assert Exact().upper([0.25], 0.5, 0.25, "independent") == [0.25]


# ---- sizes ---------------------------------------------------------------------------------------


def binomial_tail(count, level):
    """Return the tail of ``count`` weights of 1, as a fraction."""
    hits = sum(math.comb(count, k) for k in range(count + 1) if count - 2 * k >= level)
    return Fraction(hits, 2**count)


@pytest.mark.parametrize(("count", "level"), [(30, 12), (44, 30), (43, 43)])
def test_exact_up_to_its_largest_size(count, level):
    assert Exact(most=44).upper(count * [0.1], 0.1 * level) == [float(binomial_tail(count, level))]
    narrowed = Exact().upper(count * [0.1], 0.1 * level)
    assert narrowed == pytest.approx([float(binomial_tail(count, level))], rel=2e-3)


@pytest.mark.parametrize(("count", "level"), [(45, 21), (400, 60), (400, 400), (1500, 100)])
def test_larger_ones_lie_between_the_ends_of_the_lattice(count, level):
    exact = binomial_tail(count, level)
    for tail in (Exact(), Lattice()):
        low, high = tail.lower(count * [0.1], 0.1 * level), tail.upper(count * [0.1], 0.1 * level)
        assert low <= float(exact) <= high
        assert high == pytest.approx([float(exact)], rel=1e-11, abs=0)  # equal weights fit


def test_rows_without_noise_are_listed_by_halves_beside_one_with_noise():
    weights = np.random.default_rng(0).uniform(0.1, 1, (2, 22))
    weights[0, 5:] = 0
    Exact().upper(weights[0], 2, 0.1, "gauss")  # imports what it needs
    tracemalloc.start()
    together = Exact().upper(weights, 2, [0.1, 0], "gauss")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2**22  # bytes, and all signed sums would take eight times as many
    assert together[1] == Exact().upper(weights[1], 2)


def share_of_patterns(multiples, level):
    """The share of signs with which whole numbers add up to a level or more, without rounding."""
    patterns = Counter({0: 1})
    for multiple in multiples:
        wider = Counter()
        for total, number in patterns.items():
            wider[total + multiple] += number
            wider[total - multiple] += number
        patterns = wider
    return Fraction(sum(n for at, n in patterns.items() if at >= level), 2 ** len(multiples))


@pytest.mark.parametrize("off", [0, 1e-13, 1e-6])
@pytest.mark.parametrize(
    ("count", "largest"), [(25, 1), (26, 1), (60, 2), (45, 8), (300, 3), (600, 1)]
)
def test_whole_multiples_of_one_unit_are_added(count, largest, off):
    """Of one number of units the sums lie near one another, between those of the next ones."""
    rng = np.random.default_rng(count)
    multiples = [1, *rng.integers(1, largest + 1, count - 1).tolist()]
    unit = rng.uniform(0.01, 1)
    weights = unit * np.array(multiples) * (1 + off * rng.uniform(-1, 1, count))
    whole = sum(multiples)
    for level in (0, whole % 2, whole // 7, whole // 2, whole - 2, whole):
        for moved in (-0.9, -0.5, 0.5) if off == 1e-6 else (-0.5, 0, 0.5):
            share = share_of_patterns(multiples, level + moved)
            low, high = (
                Fraction(float(end(weights, unit * (level + moved))[0]))
                for end in (Exact().lower, Exact().upper)
            )
            # a tie is a failure above, and none below
            if (level + moved + whole) % 2 == 0:
                assert low <= share_of_patterns(multiples, level + moved + 1)
            assert low <= share <= high
            assert high <= share * (1 + Fraction(2, 10**12)) + Fraction(1, 10**299)


def test_of_nearly_whole_multiples_differences_may_decide():
    """All of the sums of 4 units lie near the level, some of them on either side."""
    weights = 0.1 * (1 + 1e-6 * np.random.default_rng(4).uniform(-1, 1, 30))
    listed = Exact(most=44).upper(weights, 0.4)[0]
    assert share_of_patterns([1] * 30, 5) < listed < share_of_patterns([1] * 30, 4)
    assert Exact().lower(weights, 0.4)[0] <= listed <= Exact().upper(weights, 0.4)[0]


def test_the_lattice_closes_in_as_it_gets_finer():
    weights = np.random.default_rng(1).uniform(0, 1, 60)
    gaps = []
    for bins in (2**8, 2**11, 2**14, 2**17):
        tail = Lattice(bins)
        low, high = tail.lower(weights, 15.0)[0], tail.upper(weights, 15.0)[0]
        assert 0 < low <= high
        gaps.append(high / low - 1)
    assert gaps[-1] < 2e-3
    assert np.all(np.diff(gaps) < 0)


@pytest.mark.parametrize("level", [1, 10, 30, 37, 60, 100])
def test_small_probabilities_keep_their_relative_accuracy(level):
    weights = 10000 * [0.01]  # of variance 1
    gauss = float(scipy.special.log_ndtr(-level)) + math.log(3.178655565886997)
    for tail, logarithm in ((Hoeffding(), -(level**2) / 2), (Bentkus(), min(gauss, 0))):
        found = tail.upper(weights, level)[0]
        if logarithm > -700:
            assert math.log(found) == pytest.approx(logarithm, rel=1e-12)
        else:
            assert 0 < found < 1e-300  # not zero, which would be a claim


def test_rounding_is_upwards():
    weights = np.random.default_rng(2).uniform(0, 1, (200, 8))
    levels = np.linspace(0.1, 4, 200)
    variance = [sum(Fraction(w) ** 2 for w in row) for row in weights.tolist()]
    found = Hoeffding().upper(weights, levels)
    for value, t, v in zip(found, levels.tolist(), variance, strict=True):
        exponent = Fraction(t) ** 2 / (2 * v)
        series, term = Fraction(0), Fraction(1)
        for k in range(1, 60):  # e^x from below
            series, term = series + term, term * exponent / k
        assert value == 0 or Fraction(value) >= 1 / (series + term)


@pytest.mark.parametrize("deviations", [3, 30, 37])
@pytest.mark.parametrize("weights", [[0.025] * 1600, [0.99**k for k in range(3000)]], ids=len)
def test_sums_of_many_weights_are_rounded_upwards(weights, deviations):
    """Their squares and logarithms round by far more than those of a few."""
    with localcontext(prec=40):
        exact = [Decimal(weight) for weight in weights]
        variance = sum(weight * weight for weight in exact)
        level = float(min(deviations * variance.sqrt(), sum(exact) * Decimal("0.95")))
        half = Decimal(level) ** 2 / variance / 2
        gauss = (-half).exp()
        assert 1 <= Decimal(float(Hoeffding().upper(weights, level)[0])) / gauss < FEW
        # Q(x) is above the first six terms of its series, φ(x) (1/x - 1/x³ + 3/x⁵ - …)
        x, series, term = (2 * half).sqrt(), Decimal(0), Decimal(1)
        for k in range(6):
            series, term = series + term / x ** (2 * k + 1), -term * (2 * k + 1)
        root = (2 * Decimal("3.14159265358979323846264338327950288420")).sqrt()
        least = Decimal(smooth.CONSTANT) * gauss * series / root
        assert Decimal(float(Bentkus().upper(weights, level)[0])) >= least


@pytest.mark.parametrize("way", [moments, plain], ids=["compiled", "plain"])
def test_least_moments_are_rounded_upwards(way):
    """They are no less than the moment at the multiplier that was found."""
    rng = np.random.default_rng(3)
    rows = rng.uniform(0, 1, (40, 300))
    levels = rng.uniform(1, 9, 40) * np.sqrt(np.square(rows).sum(axis=1))
    multipliers, growths = way.best_moments(rows, levels, np.zeros(40))
    told = smooth.least_moment(multipliers * levels, growths, np.full(40, 300))
    with localcontext(prec=40):
        for value, multiplier, level, row in zip(told, multipliers, levels, rows, strict=True):
            y = [Decimal(float(multiplier)) * Decimal(weight) for weight in row.tolist()]
            true = sum(((v.exp() + (-v).exp()) / 2).ln() for v in y)
            true = (true - Decimal(float(multiplier)) * Decimal(float(level))).exp()
            assert 1 <= Decimal(float(value)) / true < FEW


def test_ties_count_as_failures():
    tenths = 10 * [0.1]
    for tail in TAILS:
        assert tail.upper(tenths, 1.0) >= 2.0**-10
        assert tail.upper(tenths, 1.0 + 1e-13) >= 2.0**-10
        assert tail.upper(tenths, 1.0 + 1e-9) == 0
    assert Exact().lower(tenths, 1.0) == 0


# ---- what is refused -----------------------------------------------------------------------------


def test_names():
    for name, tail in zip(("l1", "hoeffding", "chernoff", "bentkus"), TAILS, strict=False):
        assert as_tail(name) == tail
    assert as_tail("exact") == Exact()
    assert as_tail("lattice") == Lattice()
    assert as_tail(Lattice(7)) == Lattice(7)
    for wrong in ("student", 3, None, Exact):
        with pytest.raises(DcscError, match=r"tail: expected a Tail or one of l1, hoeffding"):
            as_tail(wrong)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, math.nan], 1), "Hoeffding: weights: expected finite"),
        (([1j], 1), "Hoeffding: weights: expected real"),
        (([[[1.0]]], 1), r"weights: expected \(rows, width\)"),
        (([[1.0], [1.0]], [1, 2, 3]), "level: expected a number or 2"),
        (([1.0], 1, -0.5), "noise: expected at least 0, got -0.5"),
        (([1.0], 1, 0.5, "none"), "noise: expected 0, got 0.5"),
        (([1.0], 1, 0.5, "pink"), "noise_model: expected one of none, independent"),
        (([1e308, 1e308], 1), "weights, level, noise and slack add up to no float"),
        (([1e308], 1, 1e308), "weights, level, noise and slack add up to no float"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(DcscError, match=message):
        Hoeffding().upper(*arguments)


@pytest.mark.parametrize(("most", "limit"), [(-1, "at least 0"), (45, "at most 44")])
def test_exact_refuses_what_it_cannot_enumerate(most, limit):
    with pytest.raises(DcscError, match=f"Exact: most: expected {limit}, got {most}"):
        Exact(most)
    with pytest.raises(DcscError, match="Lattice: bins: expected at least 1"):
        Lattice(0)


def test_a_tail_of_ones_own_gets_the_rest_for_free():
    class Chebyshev(Tail):
        def _upper(self, rows):
            with np.errstate(divide="ignore"):
                return np.where(rows.level > 0, rows.variance / (2 * rows.level**2), 1.0)

    tail = Chebyshev()
    assert tail.upper([[3, 4, 0], [1, 1, 0]], [6, 3], noise_model="none").tolist() == [
        pytest.approx(25 / 72),
        0,
    ]
    assert tail.lower([1, 1], 1, noise_model="none") == [0]
    with pytest.raises(NotCoveredError, match="Chebyshev is no bound"):
        tail.upper([1], 1)


def test_least_moments_of_terms_are_those_of_their_table():
    rng = np.random.default_rng(0)
    dictionary = ToeplitzDictionary(rng.standard_normal((4, 2, 3, 3)), (6, 7), padding=1)
    code = rng.standard_normal(dictionary.code_shape) * (rng.random(dictionary.code_shape) < 0.5)
    (column,) = columns(dictionary, code[None], 0.1)
    terms, atoms = column._terms, np.arange(len(column))
    weights = terms.sizes(atoms)
    levels = weights.sum(axis=1) * rng.uniform(0.01, 0.7, len(column))
    expected = plain.best_moments(weights / 4, levels / 4, np.zeros(len(column)))
    case = *terms._active, atoms, weights.shape[1], levels / 4, 4.0
    for way in (moments, plain):
        multiplier, growth = way.best_moments_of_terms(*case)
        np.testing.assert_allclose(multiplier, expected[0], rtol=1e-6)
        value = growth - multiplier * levels / 4
        np.testing.assert_allclose(value, expected[1] - expected[0] * levels / 4, rtol=1e-12)


@pytest.mark.parametrize("spread", [0.0, 0.3])
@pytest.mark.parametrize("width", [1, 12, 100])
def test_least_moments_compiled_and_plain(width, spread):
    rng = np.random.default_rng(width)
    weights = -np.sort(-rng.exponential(size=(50, width)) * (rng.random((50, width)) < 0.8), axis=1)
    weights[:, 0] += 0.1
    levels = np.abs(weights).sum(axis=1) * np.linspace(1e-3, 1 - 1e-9, 50)
    case = weights, levels, np.full(50, spread)
    compiled, formula = moments.best_moments(*case), plain.best_moments(*case)
    for multiplier, growth in (compiled, formula):
        # the derivative of the least moment is 0, and its logarithm is that of the product
        slope = (weights * np.tanh(multiplier[:, None] * weights)).sum(axis=1)
        assert (np.abs(slope + multiplier * spread**2 - levels) <= 1e-6 * levels).all()
        product = np.logaddexp(multiplier[:, None] * weights, -multiplier[:, None] * weights)
        exact = (product - np.log(2)).sum(axis=1) + (multiplier * spread) ** 2 / 2
        np.testing.assert_allclose(growth, exact, rtol=1e-9)
    value, expected = (growth - multiplier * levels for multiplier, growth in (compiled, formula))
    np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-12)
