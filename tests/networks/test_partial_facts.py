"""What is proved of the codes of real inputs in the mean, against other computations."""

import numpy as np
import pytest

from dcsc.networks import load
from dcsc.networks.analysis import resynthesize, shipped_inputs
from dcsc.networks.analysis.coded import coded_layers
from dcsc.networks.analysis.partial import partial_facts
from dcsc.networks.analysis.sampling import mean_between
from dcsc.networks.shipped import digits_network_path
from dcsc.signs import RademacherSigns

INPUTS = 20
# The same means from another program: 400 draws of the signs, recall ± half of its 95% interval.
MEASURED = {
    "plain": [(0.6654, 0.0010, 1.846), (0.7022, 0.0010, 1.388), (0.7499, 0.0018, 1.172)],
    "incoherent": [(0.6518, 0.0008, 1.532), (0.8860, 0.0007, 0.927), (1.0, 0.0, 0.0)],
}


@pytest.fixture(scope="module", params=MEASURED)
def layers(request):
    network, inputs = load(digits_network_path(request.param)), shipped_inputs().first(INPUTS)
    values = {name: value.astype(np.float64) for name, value in inputs.values.items()}
    return request.param, list(coded_layers(network.forward(values)))


def test_ends_hold_what_another_program_measured(layers):
    name, coded = layers
    for layer, (recall, error, false_alarms) in zip(coded, MEASURED[name], strict=True):
        facts = partial_facts(layer, 1e10, INPUTS)
        assert facts.inputs == INPUTS
        assert facts.found.low - error <= recall <= facts.found.high + error
        assert facts.false_alarms.low - 0.004 <= false_alarms <= facts.false_alarms.high + 0.004
        assert facts.found.high - facts.found.low <= 0.005
        assert facts.false_alarms.high - facts.false_alarms.low <= 0.02


def test_ends_hold_what_resynthesis_measures(layers):
    """Draws by draws, so that the spread of their mean is known: four of its deviations."""
    _, coded = layers
    for layer in coded:
        facts = partial_facts(layer, 1e10, 3)
        draws = [resynthesize([layer], RademacherSigns(), 1, seed, 3) for seed in range(40)]
        for ends, values in (
            (facts.found, [draw.found for draw in draws]),
            (facts.false_alarms, [draw.false_alarms for draw in draws]),
        ):
            room = 4 * np.std(values) / np.sqrt(len(values)) + 1e-12
            assert ends.low - room <= np.mean(values) <= ends.high + room


def test_what_would_take_too_long_is_left_out(layers):
    _, (first, *_) = layers
    units = np.prod(first.dictionary.code_shape)
    assert partial_facts(first, 5e5 * units * 2.5, INPUTS).inputs == 2
    assert partial_facts(first, 1e3, INPUTS) is None


def test_samples_hold_what_all_units_say(layers):
    _, coded = layers
    for layer in coded:
        whole = partial_facts(layer, 1e10, 4)
        units = np.prod(layer.dictionary.code_shape)
        for seed in range(3):
            part = partial_facts(layer, 5e5 * 0.9 * units, 4, seed=seed)
            assert 0 < part.sampled <= 0.9 * units
            assert (whole.sampled, part.inputs) == (0, 4)
            for name, room in (("found", 0.5), ("false_alarms", 2.0)):
                (low, high), (least, most) = getattr(whole, name), getattr(part, name)
                assert least <= high
                assert low <= most
                assert most - least <= room
        assert partial_facts(layer, 5e5 * 0.9 * units, 4, seed=3) == partial_facts(
            layer, 5e5 * 0.9 * units, 4, seed=3
        )


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_ends_of_a_mean_fail_as_seldom_as_they_say(share):
    """Draws without replacement from coins, which are the worst numbers from 0 to 1."""
    count, drawn, risk, trials = 400, 100, 0.1, 4000
    population = np.arange(count) < share * count
    rng = np.random.default_rng(0)
    sums = rng.hypergeometric(population.sum(), count - population.sum(), drawn, trials)
    ends = {}
    for total in np.unique(sums).tolist():
        sample = (np.arange(drawn) < total).astype(float)
        ends[total] = mean_between(sample, sample, risk)
        assert ends[total].low <= total / drawn <= ends[total].high
    missed = sum(not ends[total].low <= share <= ends[total].high for total in sums.tolist())
    assert missed <= risk * trials
    low, high = mean_between(np.full(100, 0.3), np.full(100, 0.5), risk)
    assert low < mean_between(np.full(100, 0.3), np.full(100, 0.3), risk).high < 0.5 < high
    # the ends are those at which Chernoff's bound of a coin is the probability that is allowed
    for end, x in ((low, 0.3), (high, 0.5)):
        apart = x * np.log(x / end) + (1 - x) * np.log((1 - x) / (1 - end))
        assert np.exp(-100 * apart) == pytest.approx(risk / 2)
