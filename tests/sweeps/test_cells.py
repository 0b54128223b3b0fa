"""Cells: what they share, which seed they have, and counts that must not move unnoticed."""

import numpy as np
import pytest

import dcsc
from dcsc.errors import DcscError, InfeasibleError
from dcsc.experiments.sweeps import cells
from dcsc.experiments.sweeps.canonical import canonical, identity
from tests.sweeps.cases import BARE, DEEP, SMALL, axes, sweep, table


def only(text=BARE, **changes):
    return sweep(text, axes={}, **changes).cell(())


def simulated(given, cell, trials):
    """Run the trials of a cell by the function that everyone calls."""
    model = cell.model(given.strategies)
    x = cell.codes(model, given.strategies)
    return dcsc.experiments.simulate(
        model, x, trials, rng=cell.seed, noise=cell.task.noise, entries=True
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "another"},
        {"trials": 7},
        {"stop": {"width": 0.5}},
        {"delta": 0.5},
        {"bounds": ["UniformBound"]},
        {"constants": {"x_min": [0.5]}},
        {"depth": 1},
    ],
)
def test_what_changes_no_count_changes_no_identity(changes):
    before, after = only(), only(**changes)
    assert before.identity == after.identity
    assert before.seed.spawn_key == after.seed.spawn_key
    proved = {"delta", "bounds", "constants"} & set(changes)
    assert (before.guarantees_identity != after.guarantees_identity) == bool(proved)


def changed(**parts):
    """Return the layer of BARE with other parts."""
    layer = table(BARE)["layers"][0]
    dictionary = {**layer["dictionary"], **parts.pop("dictionary", {})}
    return {"layers": [{**layer, "dictionary": dictionary, **parts}]}


@pytest.mark.parametrize(
    "changes",
    [
        {"noise": 1e-9},
        {"seed": 1},
        {"codes": {"sparsity": 3, "amplitudes": "ConstantAmplitudes"}},
        {"codes": {"sparsity": 2}},
        {"codes": {"sparsity": 2, "amplitudes": "ConstantAmplitudes", "rng": 0}},
        {"codes": {"sparsity": 2, "amplitudes": "ConstantAmplitudes", "batch": [1]}},
        changed(signs="FilterSigns"),
        changed(dictionary={"extent": 13}),
        changed(dictionary={"filters": {"kind": "gaussian", "n": 3, "c": 12, "kernel": 2}}),
    ],
)
def test_what_changes_a_count_changes_the_identity(changes):
    before, after = only(), only(**changes)
    assert before.identity != after.identity
    assert before.guarantees_identity != after.guarantees_identity
    assert before.seed.spawn_key != after.seed.spawn_key


@pytest.mark.parametrize(
    "changes",
    [
        changed(projection={"kind": "SoftThreshold", "threshold": 0.5}),
        changed(projection={"kind": "HardThreshold", "threshold": 0.51}),
        {"pursuit": {"kind": "ProximalGradient", "iterations": 3}},
    ],
)
def test_ways_to_find_codes_meet_the_same_draws(changes):
    before, after = only(), only(**changes)
    assert before.identity != after.identity
    assert before.seed.spawn_key == after.seed.spawn_key


def test_projections_of_one_selection_fail_in_the_same_trials():
    """A soft and a hard threshold keep the same entries: the same signs, so the same failures."""
    soft = changed(projection={"kind": "SoftThreshold", "threshold": 0.5})
    crossed = {"noise": 0.2, "codes": {"sparsity": 3, "amplitudes": "ConstantAmplitudes"}}
    hard, soft = (only(**crossed, **changes) for changes in ({}, soft))
    first, second = (simulated(sweep(BARE), cell, 500) for cell in (hard, soft))
    assert 0 < first.failures[0] < 500
    assert first.failures.tolist() == second.failures.tolist()


def test_layers_that_are_not_used_change_nothing():
    """A deep model cut to its first layer is the model of one layer."""
    layers = table(DEEP)["layers"]
    cut = only(DEEP, depth=1)
    assert cut.identity == only(DEEP, layers=layers[:1]).identity
    assert cut.identity != only(DEEP, depth=2).identity
    assert only(DEEP, depth=2).identity == only(DEEP).identity


def test_identities_do_not_depend_on_the_axes():
    """Where a value comes from does not matter, nor how the axes are called and ordered."""
    expected = only(noise=0.2, codes={"sparsity": 3, "amplitudes": "ConstantAmplitudes"})
    crossed = axes(ζ=("noise", [0.1, 0.2]), S=("codes.sparsity", [3, 4, 5]))
    assert sweep(SMALL, axes=crossed).cell((1, 0)).identity == expected.identity
    assert sweep(SMALL).cell((2, 1)).identity == expected.identity


def test_the_order_of_keys_does_not_matter():
    given = table(BARE)
    layer = given["layers"][0]
    layer["dictionary"] = dict(reversed(layer["dictionary"].items()))
    given["layers"] = [dict(reversed(layer.items()))]
    assert only(**dict(reversed(given.items()))).identity == only().identity


def test_the_seed_is_that_of_what_is_drawn():
    cell = only(seed=5)
    (layer,) = cell.task.used
    drawn = {
        "counts": cells._COUNTS,
        "layers": [{"dictionary": layer.dictionary, "signs": layer.signs}],
        "codes": cell.task.codes,
        "noise": cell.task.noise,
        "seed": 5,
    }
    words = identity(canonical(drawn))
    assert cell.seed.entropy == 5
    assert list(cell.seed.spawn_key) == [int(words[at : at + 8], 16) for at in range(0, 32, 8)]


# ---- counts ------------------------------------------------------------------------------------

# Failures, missed and false alarms in all trials, by version 2. If these move, what is in the
# folders of sweeps no longer fits: raise _COUNTS in the same change.
PINNED = {
    SMALL: [
        ([0, 0], [0], [0]),
        ([0, 0], [0], [0]),
        ([0, 0], [0], [0]),
        ([1, 1], [0], [1]),
        ([50, 50], [0], [50]),
        ([38, 38], [0], [38]),
        ([82, 82], [10], [176]),
        ([81, 81], [16], [157]),
    ],
    DEEP: [
        ([69, 69], [0], [199]),
        ([70, 70], [0], [342]),
        ([49, 0, 49], [0, 0], [61, 0]),
        ([69, 69, 70], [3, 0], [252, 201]),
    ],
}


@pytest.mark.parametrize("text", [SMALL, DEEP])
def test_counts_of_this_version(text):
    assert cells._COUNTS == 2
    given = sweep(text)
    tallies = [simulated(given, cell, given.trials) for cell in given.cells()]
    assert [
        (tally.failures.tolist(), tally.missed.tolist(), tally.false_alarms.tolist())
        for tally in tallies
    ] == PINNED[text]


@pytest.mark.parametrize("text", [SMALL, DEEP])
def test_a_cell_is_simulated_as_anyone_would(text):
    given = sweep(text)
    for cell in given.cells():
        whole = simulated(given, cell, 1500)
        simulation = cell.simulation(given.strategies)
        parts = [simulation.tally(*ends, entries=True) for ends in ((0, 64), (64, 1024))]
        assert parts[0] + parts[1] + simulation.tally(1024, 1500, entries=True) == whole


def test_codes_and_filters_follow_the_seed_unless_they_say():
    def parts(**changes):
        cell = only(**changes)
        strategies = sweep(BARE).strategies
        model = cell.model(strategies)
        return model.layers[0].dictionary.filters, cell.codes(model, strategies)

    filters, x = parts()
    other_filters, other_x = parts(seed=1)
    assert not np.array_equal(filters, other_filters)
    assert not np.array_equal(x, other_x)
    fixed = changed(
        dictionary={"filters": {**table()["layers"][0]["dictionary"]["filters"], "rng": 0}}
    )
    said = {"sparsity": 2, "amplitudes": "ConstantAmplitudes", "rng": 0}
    same_filters, same_x = parts(seed=1, codes=said, **fixed)
    assert np.array_equal(filters, same_filters)
    assert np.array_equal(x, same_x)


# ---- what cannot be made -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (changed(projection={"kind": "HardThreshold", "threshold": "high"}), "layers.1.projection: "
            "HardThreshold: threshold: expected a real number, got 'high'"),
        (changed(dictionary={"extent": 2.5}), "layers.1.dictionary: CirculantDictionary: extent: "),
        (changed(dictionary={"stride": 5}), "layers.1.dictionary: CirculantDictionary: stride: "),
        ({"codes": {"sparsity": -1}}, "codes: codes.draw: sparsity: expected at least 0, got -1"),
        ({"codes": {"sparsity": 1, "batch": [-1]}}, "codes: codes.draw: batch: expected"),
        ({"codes": {"sparsity": 1, "amplitudes": {"kind": "ConstantAmplitudes", "value": -1}}},
            "codes.amplitudes: ConstantAmplitudes: value: expected"),
        ({"layers": table(DEEP)["layers"][::-1]}, "DCSCModel: layers"),
    ],
)  # fmt: skip
def test_a_cell_that_cannot_be_made_says_which_and_why(changes, said):
    given = sweep(axes=axes(seed=("seed", [3])), **changes)
    with pytest.raises(DcscError) as error:
        given.cell((0,)).simulation(given.strategies)
    assert str(error.value).startswith(f"cell seed=3: {said}")


def test_codes_that_do_not_exist():
    given = sweep(axes=axes(sparsity=("codes.sparsity", [15, 16])))
    given.cell((0,)).simulation(given.strategies)
    with pytest.raises(InfeasibleError) as error:
        given.cell((1,)).simulation(given.strategies)
    assert str(error.value) == (
        "cell sparsity=16: codes.draw: sparsity: expected at most 15, the entries of a stripe of "
        "CirculantDictionary, got 16"
    )
