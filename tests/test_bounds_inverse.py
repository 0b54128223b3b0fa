"""The questions asked backwards: how much noise, how small a code, how many channels."""

import math
from functools import cache

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcsc.bounds import (
    Babel,
    HybridBound,
    InstanceBound,
    LayerInstance,
    LayerStatistics,
    ProbabilisticBound,
    RobustBound,
    UniformBound,
    UniquenessBound,
    explain,
)
from dcsc.bounds.inverse import _last, at_welch_floor
from dcsc.dictionaries import CirculantDictionary, DenseDictionary, filters
from dcsc.errors import DcscError, NotCoveredError
from dcsc.projections import Selection
from tests import cases, strategies

CLASS_BOUNDS = [
    make(strategies.Ingredients(None))
    for kind, make in cases.BOUNDS.items()
    if not kind.needs_instances
]
every_bound = pytest.mark.parametrize("bound", CLASS_BOUNDS, ids=lambda bound: type(bound).__name__)
probabilities = st.sampled_from([0.0, 1e-6, 0.01, 0.5, 1.0])


def layer(**changes):
    values = {
        "coherence": 0.02,
        "x_min": 1,
        "x_max": 1,
        "n_atoms": 1000,
        "noise": 0,
        "sparsity": 3,
        "stripe_size": 50,
        "channel_size": 50,
    }
    return LayerStatistics(**values | changes)


def meets(bound, given_, delta):
    found = bound.evaluate(given_)
    return found.failure_probability < 1 and found.unclipped <= delta


# ---- noise ---------------------------------------------------------------------------------------


@every_bound
@settings(max_examples=12)
@given(strategies.statistics(sparsity=5, noise=7), probabilities, st.floats(-5, 0))
def test_the_largest_noise_is_met_and_no_larger_one(bound, given_, delta, smaller):
    given_ = attrs.evolve(given_, coherence=given_.coherence * 10**smaller)
    most = bound.max_noise(given_, delta)
    if most is None:
        assert not meets(bound, attrs.evolve(given_, noise=0), delta)
        return
    assert meets(bound, attrs.evolve(given_, noise=most), delta)
    beyond = most * (1 + 1e-9) if most else 1e-18 * given_.x_min
    assert not meets(bound, attrs.evolve(given_, noise=beyond), delta)


def logarithm(given_, delta):
    return math.log(2 * given_.n_atoms * given_.n_samples / delta)


@pytest.mark.parametrize("delta", [1e-9, 0.01, 0.7])
@pytest.mark.parametrize(
    "change",
    [{}, {"x_max": 1.5, "n_samples": 3}, {"gain": (0.9, 1.1), "coherence": 0.01}, {"sparsity": 0}],
)
def test_noise_in_closed_form(delta, change):
    given_ = layer(coherence=0.002, **change) if "coherence" not in change else layer(**change)
    low, high = given_.gain
    signal = low**2 * given_.x_min
    spread = given_.x_max * given_.coherence * math.sqrt(given_.sparsity)
    tests = logarithm(given_, delta)
    assert ProbabilisticBound().max_noise(given_, delta) == pytest.approx(
        math.sqrt(signal**2 / (8 * tests) - spread**2) / high, rel=1e-9
    )
    if given_.sparsity:
        reach = given_.coherence * (2 * given_.sparsity - 1) * given_.x_max
        assert UniformBound().max_noise(given_, delta) == pytest.approx(
            (signal - reach) / 2 / high, rel=1e-9
        )
        assert RobustBound().max_noise(given_, delta) == pytest.approx(
            (signal / 2 - spread * math.sqrt(2 * tests)) / high, rel=1e-9
        )
    else:  # a threshold above the noise is enough
        assert UniformBound().max_noise(given_, delta) == math.inf
        assert HybridBound().max_noise(given_, delta) == math.inf
        assert RobustBound().max_noise(given_, delta) == pytest.approx(signal / 2 / high, rel=1e-9)


@every_bound
def test_noise_that_is_there_and_ends_of_the_probability(bound):
    quiet = layer(coherence=0.001)
    assert bound.max_noise(attrs.evolve(quiet, noise=9)) == bound.max_noise(quiet)
    assert bound.max_noise(attrs.evolve(quiet, noise=None)) == bound.max_noise(quiet)
    certain = bound.max_noise(quiet, 0)
    assert (certain is None) == isinstance(bound, ProbabilisticBound | RobustBound)
    assert bound.max_noise(quiet, 1) >= bound.max_noise(quiet, 0.5) > 0.02
    assert bound.max_noise(layer(coherence=0.9, sparsity=40), 1) is None
    for delta in (-0.1, 1.1, math.nan, "much"):
        with pytest.raises(DcscError, match=f"{type(bound).__name__}: failure_probability"):
            bound.max_noise(quiet, delta)
    with pytest.raises(DcscError, match="max_noise: statistics: expected one LayerStatistics or"):
        bound.max_noise([quiet, quiet])


def test_the_published_bound_at_probability_0_allows_no_noise_without_interference():
    assert ProbabilisticBound().max_noise(layer(coherence=0), 0) == 0
    assert RobustBound().max_noise(layer(coherence=0), 0) == pytest.approx(0.5, rel=1e-9)


@pytest.mark.parametrize(("tail", "model"), [("exact", "adversarial"), ("chernoff", "independent")])
def test_noise_that_given_codes_can_bear(model, tail):
    dictionary = CirculantDictionary(filters.gaussian(2, 32, 2, rng=0), 6)
    codes = np.zeros((2, 6))
    codes[[0, 1, 1], [1, 2, 4]] = [1, -0.9, 0.8]
    bound = InstanceBound(tail, tolerance=0)
    for given_, delta in (
        (LayerInstance(dictionary, codes, 0.45, 0.3, model), 0.3),
        (LayerInstance(dictionary, codes, 0.45, np.ones((32, 6))), 0.3),
        (LayerInstance(dictionary, codes, 0.45, noise_model=model), 0.0),
    ):
        most = bound.max_noise(given_, delta)
        assert 0 < most < 0.5
        assert bound.evaluate(attrs.evolve(given_, noise=most)).unclipped <= delta
        over = attrs.evolve(given_, noise=most * (1 + 1e-9))
        assert bound.evaluate(over).unclipped > delta
    loud = LayerInstance(dictionary, codes, 0.9)
    assert bound.max_noise(loud, 0.5) is None
    silent = LayerInstance(dictionary, 0 * codes, 0.45)
    assert bound.max_noise(silent, 0.0) == pytest.approx(0.45, rel=1e-9)


@pytest.mark.parametrize("delta", [1e-9, 0.01, 0.5])
def test_smooth_probabilities_are_inverted_in_few_steps_and_to_the_last_bit(delta):
    asked = []

    class Counted(ProbabilisticBound):
        def _evaluate(self, layers):
            asked.append(layers)
            return super()._evaluate(layers)

    given_ = layer(coherence=0.002)
    most = Counted().max_noise(given_, delta)
    assert len(asked) <= 25
    beyond = math.nextafter(most, math.inf)
    assert meets(ProbabilisticBound(), attrs.evolve(given_, noise=most), delta)
    assert not meets(ProbabilisticBound(), attrs.evolve(given_, noise=beyond), delta)


@given(st.floats(0, 1), st.floats(0, 30), st.floats(1e-3, 1e3))
def test_the_last_number_is_found_wherever_it_is_and_whatever_the_slope(place, power, slope):
    root, asked = 1 + place, []

    def excess(x):
        asked.append(x)
        far = slope * math.copysign(abs(x - root) ** (power / 10), x - root)
        return far if x > root else min(far, 0.0)

    low = _last(cache(excess), 1.0, 2.0 + 1e-9)
    assert low <= root < math.nextafter(low, 3)
    assert len(asked) <= 56


# ---- amplitude -----------------------------------------------------------------------------------


@every_bound
@settings(max_examples=12)
@given(strategies.statistics(sparsity=5), probabilities, st.floats(-5, 0), st.floats(-3, 0))
def test_the_smallest_amplitude_is_met_and_no_smaller_one(bound, given_, delta, less, quieter):
    given_ = attrs.evolve(
        given_, coherence=given_.coherence * 10**less, noise=given_.noise * 10**quieter
    )
    least = bound.min_amplitude(given_, delta)
    if least is None:
        assert not meets(bound, attrs.evolve(given_, x_min=given_.x_max), delta)
    elif least == 0:
        assert meets(bound, attrs.evolve(given_, x_min=given_.x_max * 2.0**-64), delta)
    else:
        assert meets(bound, attrs.evolve(given_, x_min=least), delta)
        assert not meets(bound, attrs.evolve(given_, x_min=least * (1 - 1e-9)), delta)


@pytest.mark.parametrize("delta", [1e-9, 0.01, 0.7])
@pytest.mark.parametrize("change", [{}, {"x_max": 1.5, "n_samples": 3}, {"gain": (0.9, 1.1)}])
def test_amplitude_in_closed_form(delta, change):
    given_ = layer(coherence=0.002, noise=0.01, **change)
    low, high = given_.gain
    spread = given_.x_max * given_.coherence * math.sqrt(given_.sparsity)
    tests, shift = logarithm(given_, delta), high * given_.noise
    closed = {
        UniformBound: given_.coherence * (2 * given_.sparsity - 1) * given_.x_max + 2 * shift,
        ProbabilisticBound: math.sqrt(8 * tests * (spread**2 + shift**2)),
        RobustBound: 2 * (shift + spread * math.sqrt(2 * tests)),
    }
    for bound, value in closed.items():
        assert bound().min_amplitude(given_, delta) == pytest.approx(value / low**2, rel=1e-9)


@every_bound
def test_thresholds_and_edges_of_the_amplitude(bound):
    quiet = layer(coherence=0.001, noise=0.01)
    expected = bound.min_amplitude(quiet)
    assert 0.02 < expected < 0.6
    for chosen in (
        attrs.evolve(quiet, threshold=3),
        attrs.evolve(quiet, selection=Selection(3)),
        attrs.evolve(quiet, x_min=0.9),
    ):
        assert bound.min_amplitude(chosen) == expected
    # nothing is in its way but the rounding of entries of size 1
    assert 0 < bound.min_amplitude(layer(coherence=0), 0.5) < 1e-11
    assert bound.min_amplitude(layer(noise=0.6)) is None
    with pytest.raises(DcscError, match="min_amplitude: statistics: expected one LayerStatistics"):
        bound.min_amplitude(None)


# ---- channels ------------------------------------------------------------------------------------


def at_floor(given_, channels):
    """Return the layer at the least constants there could be, worked out once more."""
    excess = max(given_.n_atoms / (channels * given_.channel_size) - 1, 0)
    square = min(excess / (given_.stripe_size - 1), 1)
    sums = {s: min(s * math.sqrt(square), excess) for s in range(1, given_.stripe_size)}
    squares = {s: s * square for s in range(1, given_.stripe_size)}
    return attrs.evolve(
        given_, coherence=math.sqrt(square), babel=Babel(sums, squares), gain=(1, 1)
    )


@every_bound
@pytest.mark.parametrize("delta", [1e-6, 0.1])
@pytest.mark.parametrize("sparsity", [1, 15])
@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_with_one_channel_less_no_filters_could_do(bound, delta, sparsity, noise):
    given_ = layer(sparsity=sparsity, noise=noise, n_atoms=64 * 50, stripe_size=17 * 64)
    least = bound.min_channels(given_, delta)
    if least is None:
        assert not meets(bound, at_floor(given_, 64), delta)
        return
    assert 1 <= least <= 64
    assert meets(bound, at_floor(given_, least), delta)
    assert least == 1 or not meets(bound, at_floor(given_, least - 1), delta)
    for other in ({"coherence": 0.5}, {"gain": (1, 2)}, {"babel": Babel({1: 0.1}, {})}):
        assert bound.min_channels(attrs.evolve(given_, **other), delta) == least


@pytest.mark.parametrize("sparsity", [1, 2, 7])
@pytest.mark.parametrize("channels", [1, 2, 3, 9])
def test_what_bounds_are_told_is_the_floor(sparsity, channels):
    given_ = layer(n_atoms=64, channel_size=8, stripe_size=24, gain=(0.5, 2), sparsity=sparsity)
    told, least = at_welch_floor(given_, channels), at_floor(given_, channels)
    assert (told.coherence, told.gain) == (pytest.approx(least.coherence, rel=1e-12), (1, 1))
    for at in (sparsity - 1, sparsity):
        assert told.babel_sum(at) == pytest.approx(least.babel_sum(at), rel=1e-12)
        assert told.babel_square(at) == pytest.approx(least.babel_square(at), rel=1e-12)


BANKS = {
    "gaussian": lambda n, c, f: filters.gaussian(n, c, f, rng=0),
    "signs": lambda n, c, f: filters.rademacher(n, c, f, rng=1),
    "spikes": lambda n, c, f: np.eye(c)[np.arange(n) % c][:, :, None] * (np.arange(f) == 0),
    "tight": lambda n, c, f: filters.dct(f, 1, f) if n == f and c == 1 else None,
}


@pytest.mark.parametrize("name", BANKS)
@pytest.mark.parametrize(("n", "c", "f"), [(5, 1, 5), (6, 2, 3), (3, 2, 4), (12, 4, 1), (2, 3, 5)])
def test_no_dictionary_is_below_the_floor(name, n, c, f):
    bank = BANKS[name](n, c, f)
    if bank is None:
        return
    dictionary = CirculantDictionary(bank, 20)
    whole = LayerInstance(dictionary, np.ones(dictionary.code_shape), x_min=1).statistics()
    assert (whole.channel_size, whole.stripe_size) == (20, (2 * f - 1) * n)
    least = at_floor(whole, c)
    excess = max(n / c - 1, 0)
    assert dictionary.babel(1) >= least.coherence * (1 - 1e-12)
    assert least.coherence == pytest.approx(dictionary.welch_floor(), rel=1e-12)
    for sparsity in range(1, whole.stripe_size):
        floor = least.babel_sum(sparsity), least.babel_square(sparsity)
        assert dictionary.babel(sparsity) >= floor[0] * (1 - 1e-12)
        assert dictionary.babel_squared(sparsity) >= floor[1] * (1 - 1e-12)
    if name == "spikes" and n % c == 0:  # all that overlaps is the same atom again: E is attained
        assert dictionary.babel(whole.stripe_size) == pytest.approx(excess)
    for bound in CLASS_BOUNDS:
        for sparsity in (1, 3):
            given_ = attrs.evolve(whole, sparsity=sparsity, x_min=1)
            needed = bound.min_channels(given_, 0.5)
            if needed is None or c < needed:
                assert not meets(bound, given_, 0.5)


def test_the_shape_of_the_published_example_needs_more_than_one_channel():
    # 1 to 8 filters of length 9: μ is at least 0.2277, and (3) needs 0.1343 for S = 1
    given_ = layer(n_atoms=512, stripe_size=17 * 8, channel_size=64, sparsity=1)
    published = ProbabilisticBound()
    assert at_floor(given_, 1).coherence == pytest.approx(0.227710017021324, rel=1e-12)
    assert published.min_channels(given_, 1) == 3
    assert published.min_channels(attrs.evolve(given_, sparsity=17 * 8), 1) == 8
    assert published.min_channels(attrs.evolve(given_, noise=0.5), 1) is None
    assert UniformBound().min_channels(given_) == 1


def test_where_no_atoms_overlap():
    alone = layer(n_atoms=100, channel_size=100, stripe_size=1, sparsity=1)
    assert HybridBound().min_channels(alone) == 1
    measured = LayerInstance(DenseDictionary(np.eye(3, 5) + 0.1), [1, 0, 0, 0, 0])
    assert measured.statistics().channel_size == 1
    assert UniformBound().min_channels(measured) == 2


@every_bound
def test_what_the_shape_needs(bound):
    for name in ("n_atoms", "stripe_size", "channel_size"):
        with pytest.raises(DcscError, match=f"LayerStatistics: {name}: expected a value here"):
            bound.min_channels(layer(**{name: None}))


def test_given_codes_leave_nothing_to_choose():
    given_ = LayerInstance(DenseDictionary(np.eye(3)), [1.0, 0, 0], 0.5)
    for method in ("max_sparsity", "min_amplitude", "min_channels"):
        with pytest.raises(NotCoveredError, match=f"InstanceBound speaks of .*no {method}"):
            getattr(InstanceBound(), method)(given_)
    with pytest.raises(NotCoveredError, match="expected a LayerInstance, got LayerStatistics"):
        InstanceBound().max_noise(layer())


@pytest.mark.parametrize("measured", [1, 2, 3, 4, 6, 9])
def test_the_largest_sparsity_of_an_instance_is_the_same_from_codes_of_any_sparsity(measured):
    # an independent computation: rows of G sorted, and the two conditions at every S
    atoms = np.linalg.qr(np.random.default_rng(5).standard_normal((40, 40)))[0]
    atoms = atoms + 0.035 * np.random.default_rng(6).standard_normal((40, 40))
    atoms /= np.linalg.norm(atoms, axis=0)
    sizes = np.abs(atoms.T @ atoms) - np.eye(40)
    sums = np.sort(sizes, axis=1)[:, ::-1].cumsum(axis=1).max(axis=0)
    reach = np.concatenate([[0.0], sums])
    certain = [s for s in range(1, 40) if reach[s] < 0.5 < 1 - reach[s - 1]]
    unique = [s for s in range(1, 20) if reach[2 * s - 1] < 1]
    code = np.zeros(40)
    code[:measured] = 1
    layer = LayerInstance(DenseDictionary(atoms), code, 0.5)
    assert (max(certain), max(unique)) == (4, 6)
    assert HybridBound().max_sparsity(layer, 0) == max(certain)
    assert UniquenessBound().max_sparsity(layer, 0) == max(unique)
    assert explain(layer, bounds=HybridBound()).layers[0].guaranteed == max(certain)
    # numbers alone allow no more, and at times less
    assert HybridBound().max_sparsity(layer.statistics(), 0) <= max(certain)
