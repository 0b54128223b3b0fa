"""The stopping rule: intervals hold at whatever look a cell stops, exactly computed."""

import json

import numpy as np
import pytest
from scipy.stats import beta, binom

from dcsc.errors import DcscError
from dcsc.experiments import sweeps
from dcsc.experiments.sweeps import Stopping, run
from dcsc.experiments.sweeps.progress import cell_progress
from dcsc.experiments.sweeps.store import Store
from tests.sweeps.cases import numbers, sweep

RULES = {
    "narrow": Stopping(0.1),
    "wide": Stopping(0.35),
    "a level": Stopping(None, (0.5,)),
    "two levels": Stopping(None, (0.02, 0.5)),
    "both": Stopping(0.2, (0.1,)),
    "fixed": Stopping(),
}


def missing(rule, trials, p):
    """Return the probability that the interval misses p where the cell stops, by the rule itself.

    The number of failures at a look, among the cells that went on, is a Markov chain: what is
    alive is spread by the binomial probabilities of the trials until the next look.
    """
    alive, done, missed = np.ones(1), 0, 0.0
    for look in rule.looks(trials):
        alive = np.convolve(alive, binom.pmf(np.arange(look - done + 1), look - done, p))
        done = look
        counts = np.arange(done + 1)
        low, _, high = rule.interval(counts, done, trials)
        stops = np.array([rule.settled(int(count), done, trials) for count in counts])
        missed += alive[stops & ((p < low) | (p > high))].sum()
        alive = np.where(stops, 0, alive)
    assert alive.sum() == 0
    return missed


@pytest.mark.parametrize("trials", [64, 100, 500])
@pytest.mark.parametrize("rule", RULES)
def test_intervals_hold_where_the_cell_stops(rule, trials):
    """Whatever the true rate; also at those close to which the rule decides."""
    for p in (0.0, 0.001, 0.01, 0.02, 0.05, 0.1, 0.3, 0.45, 0.5, 0.55, 0.9, 0.99, 1.0):
        assert missing(RULES[rule], trials, p) <= 0.05 + 1e-12


def test_intervals_that_ignore_the_looks_would_not_hold():
    """Exact intervals of every look by itself miss the level too often: the split is needed."""

    class Greedy(Stopping):
        def confidence(self, trials):
            return 0.95

    assert max(missing(Greedy(None, (0.5,)), 2000, p) for p in (0.49, 0.5)) > 0.05


def test_looks():
    rule = Stopping(0.1)
    assert rule.looks(1) == (1,)
    assert rule.looks(64) == (64,)
    assert rule.looks(65) == (64, 65)
    assert rule.looks(1000) == (64, 128, 256, 512, 1000)
    assert rule.looks(1024) == (64, 128, 256, 512, 1024)
    assert Stopping().looks(1000) == (1000,)
    assert rule.confidence(1000) == 1 - 0.05 / 5
    assert Stopping().confidence(1000) == 0.95
    assert rule.adaptive
    assert Stopping(levels=(0.5,)).adaptive
    assert not Stopping().adaptive


def test_intervals_are_exact():
    """As Clopper and Pearson define them: either tail has half of what is left."""
    low, best, high = (float(end) for end in Stopping(0.1).interval(7, 128, 1000))
    assert best == 7 / 128
    tail = (0.05 / 5) / 2
    assert binom.sf(6, 128, low) == pytest.approx(tail, rel=1e-9)
    assert binom.cdf(7, 128, high) == pytest.approx(tail, rel=1e-9)
    assert low == pytest.approx(beta.ppf(tail, 7, 122), rel=1e-12)


def test_settled():
    width = Stopping(0.25)
    assert not width.settled(32, 64, 1000)  # about 0.33 wide
    assert width.settled(0, 64, 1000)
    assert width.settled(512, 1000, 1000)
    level = Stopping(None, (0.5,))
    assert not level.settled(32, 64, 1000)
    assert level.settled(5, 64, 1000)
    assert level.settled(60, 64, 1000)
    both = Stopping(0.25, (0.1,))
    assert not both.settled(5, 64, 1000)  # narrow, but around 0.1
    assert both.settled(0, 128, 1000)
    assert Stopping().settled(0, 10, 10)


def test_levels_at_the_ends_of_an_interval_are_decided():
    """An interval from 0 does not hold 0, of which nothing can be said."""
    assert Stopping(None, (0.0,)).settled(0, 64, 1000)
    assert not Stopping(None, (0.01,)).settled(0, 64, 1000)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((-0.1,), "Stopping: width: expected at least 0, got -0.1"),
        ((1.5,), "Stopping: width: expected at most 1, got 1.5"),
        ((None, (0.5, -1)), "Stopping: levels: expected at least 0, got -1"),
        ((None, (2,)), "Stopping: levels: expected at most 1, got 2"),
    ],
)
def test_rules_that_make_no_sense(arguments, said):
    with pytest.raises(DcscError) as error:
        Stopping(*arguments)
    assert str(error.value).removesuffix(".0") == said


# ---- in a run ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stopped")
    given = sweep(trials=600, stop={"width": 0.2, "levels": [0.9]})
    return given, folder, run(given, folder, jobs=1)


def test_saved_trials_are_counted(stopped):
    _, folder, done = stopped
    data = sweeps.open(folder)
    trials = data["trials"].values
    assert done.most == 8 * 600
    assert done.trials == trials.sum()
    assert done.saved == 8 * 600 - trials.sum()
    assert set(trials.ravel()) <= {64, 128, 256, 512, 600}
    assert len(set(trials.ravel())) >= 2


def test_a_cell_stops_at_the_first_look_that_suffices(stopped):
    given, folder, _ = stopped
    store = Store.read(folder)
    for cell in given.cells():
        simulation = cell.simulation(given.strategies)
        for look in given.stop.looks(given.trials):
            tally = simulation.tally(0, look, entries=True)
            if given.stop.settled(int(tally.failures[-1]), look, given.trials):
                break
        found = cell_progress(store, cell.identity, given.stop, given.trials)
        assert found.settled
        assert found.missing == ()
        assert found.tally.trials == look
        assert np.array_equal(found.tally.failures, tally.failures)
        assert np.array_equal(found.tally.missed, tally.missed)
        assert np.array_equal(found.tally.false_alarms, tally.false_alarms)


def test_the_rule_is_recorded(stopped):
    data = sweeps.open(stopped[1])
    assert data.attrs["confidence"] == 1 - 0.05 / 5
    assert data.attrs["stopping_rule"] == (
        "looks after 64, 128, 256, … trials and the last; a cell goes on while the interval is "
        "wider than 0.2 or it holds 0.9; exact intervals at 1 − 0.05/(number of looks), so that "
        "those of all looks hold together with 95% (Jennison and Turnbull)"
    )
    assert json.loads(data.attrs["configuration"])["stop"] == {"levels": [0.9], "width": 0.2}
    assert data["settled"].values.all()
    assert ((data["high"] - data["low"]).values[data["trials"].values < 600] <= 0.2).all()


def test_a_rule_that_asks_for_more_goes_on_from_there(stopped, tmp_path):
    """Trials of one rule are of use to another, and the numbers are those of a run by it alone."""
    narrow = {"width": 0.1, "levels": []}
    first = run(sweep(trials=600, stop={"width": 0.2}), tmp_path, jobs=1)
    more = run(sweep(trials=600, stop=narrow), tmp_path, jobs=1)
    assert more.found == first.trials
    alone = run(sweep(trials=600, stop=narrow), tmp_path / "alone", jobs=1)
    assert more.found + more.trials == alone.trials
    assert numbers(sweeps.open(tmp_path)).identical(numbers(sweeps.open(tmp_path / "alone")))
