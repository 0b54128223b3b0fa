"""Edge cases of the bounds, against numbers worked out by hand."""

import math

import attrs
import pytest

from dcsc.errors import DcscError
from dcsc.projections import Selection
from tests.published import (
    PUBLISHED,
    RANDOM,
    ROBUST,
    UNIFORM,
    close,
    every_bound,
    layer,
    random_signs,
)

# ---- no interference -----------------------------------------------------------------------------


def test_without_coherence_the_uniform_guarantee_has_no_limit():
    assert UNIFORM.max_sparsity(layer(coherence=0, noise=0.49)) == math.inf
    assert UNIFORM.sparsity_limit(layer(coherence=0, noise=0.49)) == math.inf
    assert UNIFORM.evaluate(layer(coherence=0, noise=0.49, sparsity=10**9)).failure_probability == 0


@pytest.mark.parametrize("without", [{"coherence": 0, "sparsity": 50}, {"sparsity": 0}])
def test_without_interference_the_noise_alone_decides(without):
    noisy, silent = layer(noise=0.1, **without), layer(**without)
    assert PUBLISHED.evaluate(noisy).unclipped == close(2000 * math.exp(-1 / 0.08))
    assert PUBLISHED.evaluate(silent).unclipped == 0
    assert ROBUST.evaluate(noisy).unclipped == 0
    assert ROBUST.evaluate(silent).unclipped == 0


def test_without_coherence_the_published_density_is_all_or_nothing():
    log_tests = math.log(2000 / 0.01)
    edge = math.sqrt(1 / (8 * log_tests))
    fits, breaks = (layer(coherence=0, noise=edge * (1 + e)) for e in (-1e-9, 1e-9))
    assert PUBLISHED.sparsity_limit(fits) == math.inf
    assert PUBLISHED.max_sparsity(fits) == math.inf
    assert PUBLISHED.sparsity_limit(breaks) < 0
    assert PUBLISHED.max_sparsity(breaks) is None


# ---- too much noise ------------------------------------------------------------------------------


@pytest.mark.parametrize("noise", [0.5, 0.75, 10.0])
@pytest.mark.parametrize("coherence", [0, 0.02])
def test_noise_of_half_of_x_min_or_more(noise, coherence):
    drowned = layer(coherence=coherence, noise=noise)
    assert UNIFORM.max_sparsity(drowned) == 0
    assert UNIFORM.sparsity_limit(drowned) <= 0.5
    assert UNIFORM.evaluate(drowned).failure_probability == 1
    assert PUBLISHED.evaluate(drowned).unclipped >= 2000 * math.exp(-0.5) * (1 - 1e-12)
    assert ROBUST.evaluate(drowned).unclipped == 2000
    for bound in RANDOM:
        assert bound.evaluate(drowned).failure_probability == 1
        assert not bound.evaluate(drowned).holds
        assert bound.max_sparsity(drowned) is None
        assert bound.max_sparsity(drowned, 1) is None
        assert bound.sparsity_limit(drowned) < 0


@pytest.mark.parametrize(("gain", "x_min", "noise"), [(0.51, 0.1, 0.0255), (1 + 2**-52, 1, 0.5)])
def test_a_margin_of_rounding_errors_is_no_margin(gain, x_min, noise):
    # c_min^2 x_min / 2 = c_max zeta but for rounding; adversarial noise then reaches the threshold
    tie = layer(coherence=0, gain=(gain, gain), x_min=x_min, noise=noise)
    assert UNIFORM.evaluate(tie).failure_probability == 1
    assert ROBUST.evaluate(tie).failure_probability == 1


# ---- few non-zeros -------------------------------------------------------------------------------


def test_zero_codes_need_a_threshold_above_the_noise():
    empty = layer(sparsity=0, noise=0.7)
    guarantee = UNIFORM.evaluate(empty)
    assert guarantee.thresholds == ((0.7, math.inf),)
    assert guarantee.failure_probability == 0
    for threshold, holds in ((0.69, False), (0.7, False), (0.7 + 1e-9, True), (100.0, True)):
        chosen = UNIFORM.evaluate(attrs.evolve(empty, threshold=threshold))
        assert chosen.holds is holds
        assert chosen.failure_probability == 1 - holds


@pytest.mark.parametrize("noise", [0, 0.125])
def test_one_non_zero_needs_a_ratio_above_coherence_and_noise(noise):
    # strict: x_min = mu x_max + 2 zeta is not enough; all numbers are exact in binary
    edge = 0.25 * 2 + 2 * noise
    at, above = (layer(coherence=0.25, x_max=2, x_min=x, noise=noise) for x in (edge, edge + 1e-9))
    assert UNIFORM.evaluate(at).failure_probability == 1
    assert UNIFORM.evaluate(above).failure_probability == 0
    assert UNIFORM.max_sparsity(at) == 0
    assert UNIFORM.max_sparsity(above) == 1


@pytest.mark.parametrize("sparsity", range(1, 60))
def test_strict_inequality_at_integers(sparsity):
    edge = 1 / (2 * sparsity - 1)
    assert UNIFORM.max_sparsity(layer(coherence=edge)) == sparsity - 1
    assert UNIFORM.max_sparsity(layer(coherence=edge * (1 - 1e-13))) == sparsity - 1
    assert UNIFORM.max_sparsity(layer(coherence=edge * (1 - 1e-11))) == sparsity


@pytest.mark.parametrize(
    ("mu", "x_min", "x_max", "noise", "limit"),
    [
        (0.1, 1, 1, 0.05, 5),
        (0.1, 0.3, 0.3, 0.105, 2),
        (0.01, 0.7, 1, 0.105, 25),
        (0.1, 0.9, 1, 0, 5),
        (0.05, 0.85, 1, 0.05, 8),
    ],
)
def test_strict_inequality_in_decimals(mu, x_min, x_max, noise, limit):
    # the limit is this integer in decimals, and not quite in floating point
    given = layer(coherence=mu, x_min=x_min, x_max=x_max, noise=noise)
    assert UNIFORM.sparsity_limit(given) == close(limit)
    assert UNIFORM.max_sparsity(given) == limit - 1


# ---- the largest sparsity ------------------------------------------------------------------------


@every_bound
@pytest.mark.parametrize("delta", [-0.01, 1.01, math.nan, "one"])
def test_failure_probability_outside_0_and_1_is_refused(bound, delta):
    where = f"{type(bound).__name__}: failure_probability"
    with pytest.raises(DcscError, match=where):
        bound.max_sparsity(layer(), delta)
    if bound is not UNIFORM:
        with pytest.raises(DcscError, match=where):
            bound.sparsity_limit(layer(), delta)


def test_failure_probability_of_the_uniform_guarantee_is_0_or_1():
    assert [UNIFORM.max_sparsity(layer(), delta) for delta in (0, 0.01, 1)] == [25, 25, 25]


@random_signs
def test_failure_probability_1_still_asks_for_a_guarantee(bound):
    given = layer(x_min=0.9, noise=0.02)
    limit = bound.sparsity_limit(given, 1)
    most = bound.max_sparsity(given, 1)
    assert most == math.floor(limit)
    assert bound.evaluate(attrs.evolve(given, sparsity=most)).failure_probability < 1
    assert bound.evaluate(attrs.evolve(given, sparsity=most + 1)).failure_probability == 1


@random_signs
def test_failure_probability_0_leaves_no_room(bound):
    assert bound.sparsity_limit(layer(), 0) == 0
    assert bound.max_sparsity(layer(), 0) == 0
    assert bound.sparsity_limit(layer(coherence=0), 0) == math.inf


def test_failure_probability_0_and_noise():
    # an independent noise may cross any threshold, a bounded shift does not
    noisy = layer(noise=0.25)
    assert PUBLISHED.sparsity_limit(noisy, 0) == close(-(0.25**2) / 0.02**2)
    assert PUBLISHED.max_sparsity(noisy, 0) is None
    assert PUBLISHED.sparsity_limit(attrs.evolve(noisy, coherence=0), 0) < 0
    assert ROBUST.sparsity_limit(noisy, 0) == 0
    assert ROBUST.max_sparsity(noisy, 0) == 0


@random_signs
def test_failure_probability_0_is_not_met_by_underflow(bound):
    assert bound.max_sparsity(layer(coherence=1e-3), 0) == 0


@every_bound
def test_largest_sparsity_is_an_int_and_ignores_the_one_given(bound):
    most = bound.max_sparsity(layer(sparsity=None))
    assert type(most) is int
    assert most == bound.max_sparsity(layer(sparsity=777)) == 25


@every_bound
def test_largest_sparsity_is_capped_by_the_stripe_alone(bound):
    most = bound.max_sparsity(layer())
    for size in (1, 2, 3, most - 1, most, most + 1, 10**6):
        assert bound.max_sparsity(layer(stripe_size=size)) == min(size, most)
    orthogonal = layer(coherence=0)
    assert bound.max_sparsity(orthogonal) == math.inf
    assert bound.max_sparsity(attrs.evolve(orthogonal, stripe_size=12)) == 12
    assert bound.sparsity_limit(attrs.evolve(orthogonal, stripe_size=12)) == math.inf
    assert bound.sparsity_limit(layer(stripe_size=2)) == bound.sparsity_limit(layer()) > 2


def test_robust_density_by_hand():
    given = layer(noise=0.1, x_max=2)
    assert ROBUST.sparsity_limit(given) == close(0.4**2 / (2 * 0.04**2 * math.log(200000)))
    assert ROBUST.max_sparsity(given) == 4


# ---- norms other than one ------------------------------------------------------------------------

GAINS = {"gain": (0.8, 1.25), "x_min": 1, "x_max": 1.5, "noise": 0.04, "coherence": 0.01}


def test_uniform_guarantee_with_gains_by_hand():
    # mu x_max = 0.015, c_max zeta = 0.05, c_min^2 x_min = 0.64
    guarantee = UNIFORM.evaluate(layer(sparsity=3, **GAINS))
    assert guarantee.thresholds == ((close(0.045 + 0.05), close(0.64 - 0.03 - 0.05)),)
    assert UNIFORM.sparsity_limit(layer(**GAINS)) == close((0.32 - 0.05) / 0.015 + 0.5)
    assert UNIFORM.max_sparsity(layer(**GAINS)) == 18


def test_bounds_for_random_signs_with_gains_by_hand():
    given, variance = layer(sparsity=30, **GAINS), 0.015**2 * 30
    expected = {
        PUBLISHED: 2000 * math.exp(-(0.64**2) / (8 * (variance + 0.05**2))),
        ROBUST: 2000 * math.exp(-((0.32 - 0.05) ** 2) / (2 * variance)),
    }
    for bound, value in expected.items():
        guarantee = bound.evaluate(given)
        assert guarantee.unclipped == close(value)
        assert guarantee.thresholds == ((close(0.32), close(0.32)),)
    log_tests = math.log(200000)
    assert PUBLISHED.sparsity_limit(given) == close(
        (0.64**2 / (8 * log_tests) - 0.05**2) / 0.015**2
    )
    assert ROBUST.sparsity_limit(given) == close(0.27**2 / (2 * log_tests * 0.015**2))


@every_bound
@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_scaling_all_filters_scales_thresholds_and_nothing_else(bound, scale):
    unit = layer(sparsity=9, noise=0.05, x_min=0.8)
    scaled = layer(
        sparsity=9,
        noise=0.05 * scale,
        x_min=0.8,
        coherence=0.02 * scale**2,
        gain=(scale, scale),
    )
    one, other = bound.evaluate(unit), bound.evaluate(scaled)
    assert other.unclipped == close(one.unclipped)
    (low, high), (scaled_low, scaled_high) = one.thresholds[0], other.thresholds[0]
    assert (scaled_low, scaled_high) == (close(scale**2 * low), close(scale**2 * high))
    assert bound.sparsity_limit(scaled) == close(bound.sparsity_limit(unit))


# ---- thresholds ----------------------------------------------------------------------------------


def test_uniform_interval_is_open_at_both_ends():
    given = layer(coherence=0.125, sparsity=2, noise=0.0625)
    ((low, high),) = UNIFORM.evaluate(given).thresholds
    assert (low, high) == (0.3125, 0.8125)
    for threshold, inside in (
        (low, False),
        (low + 1e-6, True),
        (0.5, True),
        (high - 1e-6, True),
        (high, False),
        ([low + 1e-6, 0.5], True),
        ([low, 0.5], False),
        ([0.5, high], False),
    ):
        guarantee = UNIFORM.evaluate(attrs.evolve(given, threshold=threshold))
        assert guarantee.holds is inside
        assert guarantee.failure_probability == 1 - inside
        assert len(guarantee.violations) == 1 - inside
        assert all("threshold" in violation for violation in guarantee.violations)


@random_signs
def test_random_signs_allow_one_threshold(bound):
    given = layer(x_min=0.6, gain=(0.5, 1), coherence=0.001)
    assert bound.evaluate(given).thresholds == ((close(0.075), close(0.075)),)
    for threshold, inside in ((0.075, True), ([0.075] * 3, True), (0.0751, False), (0, False)):
        guarantee = bound.evaluate(attrs.evolve(given, threshold=threshold))
        assert guarantee.holds is inside
        assert bound.max_sparsity(attrs.evolve(given, threshold=threshold)) == (
            bound.max_sparsity(given) if inside else None
        )


@every_bound
def test_threshold_given_goes_before_that_of_the_selection(bound):
    chosen = layer(coherence=0.001, selection=Selection(threshold=0.5))
    assert bound.evaluate(chosen).holds
    assert not bound.evaluate(attrs.evolve(chosen, threshold=2)).holds
    assert not bound.evaluate(layer(coherence=0.001, selection=Selection(threshold=2))).holds
    assert bound.evaluate(
        layer(coherence=0.001, selection=Selection(threshold=2), threshold=0.5)
    ).holds


@every_bound
def test_threshold_that_is_not_given_is_assumed(bound):
    open_one = bound.evaluate(layer(coherence=0.001))
    decided = bound.evaluate(layer(coherence=0.001, threshold=0.5))
    assert [a for a in open_one.assumptions if "threshold" in a]
    assert not [a for a in decided.assumptions if "threshold" in a]
