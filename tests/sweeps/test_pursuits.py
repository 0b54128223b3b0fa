"""The pursuit as a key of a sweep: what it counts, its identity, a trial again, and mistakes."""

import numpy as np
import pytest

from dcsc.errors import DcscError
from dcsc.experiments import open as open_results
from dcsc.experiments import replay, run, simulate
from dcsc.experiments.sweeps import Sweep
from dcsc.experiments.sweeps.forecast import forecast
from dcsc.pursuits import BasisPursuit, Holistic, Layered, OneStep, OrthogonalMatchingPursuit
from tests.sweeps.cases import BARE, DEEP, axes, sweep, table

MATCHING = {"kind": "OrthogonalMatchingPursuit", "level": 0.2}
BASIS = {"kind": "BasisPursuit", "penalty": 0.2}
PURSUITS = {
    "forward": ("OneStep", OneStep()),
    "basis": (BASIS, BasisPursuit(0.2)),
    "mixed": (
        {"kind": "Layered", "pursuit": [MATCHING, "OneStep"]},
        Layered([OrthogonalMatchingPursuit(level=0.2), OneStep()]),
    ),
    "deepest": (
        {"kind": "Holistic", "pursuit": MATCHING},
        Holistic(OrthogonalMatchingPursuit(level=0.2)),
    ),
}


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """Return a sweep over pursuits, and the folder that it ran in."""
    tables = [table for table, _ in PURSUITS.values()]
    along = axes(pursuit=("pursuit", tables, list(PURSUITS)))
    made = sweep(DEEP, trials=20, codes={"sparsity": 2}, noise=0.8, axes=along)
    folder = tmp_path_factory.mktemp("pursuits")
    run(made, folder, jobs=1)
    return made, folder


def test_counts_are_those_of_simulate_with_the_pursuit(compared):
    made, folder = compared
    data = open_results(folder)
    for cell, (_, pursuit) in zip(made.cells(), PURSUITS.values(), strict=True):
        model = cell.model(made.strategies)
        codes = cell.codes(model, made.strategies)
        expected = simulate(model, codes, 20, cell.seed, cell.task.noise, pursuit=pursuit)
        at = data.sel(pursuit=cell.coordinates["pursuit"])
        assert int(at.failures) == expected.failures[-1]
        assert at.layer_failures.values.tolist() == expected.failures[:-1].tolist()
    assert len(set(data.failures.values.tolist())) > 1


def test_guarantees_are_of_the_forward_pass_alone(compared):
    data = open_results(compared[1])
    silent = np.isnan(data.guarantee.values).all(axis=-1)
    assert silent.tolist() == [False, True, True, True]
    assert "covers no pursuit but the forward pass" in str(data.why.values[1, 0])


def test_a_bound_of_another_pursuit_is_told_its_penalty(tmp_path):
    """It stands beside its own pursuit, and is silent beside the others."""
    tables = table(BARE, trials=2, noise=0.05, bounds=["UniformBound", "BasisPursuitBound"])
    tables["layers"][0]["dictionary"]["filters"]["kind"] = "low_coherence"
    tables["axes"] = axes(pursuit=("pursuit", ["OneStep", BASIS], ["forward", "basis"]))
    run(Sweep.of(tables), tmp_path, jobs=1)
    data = open_results(tmp_path)
    assert np.isnan(data.guarantee.values).tolist() == [[False, True], [True, False]]
    assert data.guarantee.values[1, 1] == 0
    why = [[str(text) for text in row] for row in data.why.values]
    assert why[0][1].endswith("covers no pursuit but BasisPursuit")
    assert why[1][0].endswith("covers no pursuit but the forward pass")


def test_where_nothing_bounds_what_a_layer_passes_on_no_sparsity_is_allowed(tmp_path):
    each = {"kind": "Layered", "pursuit": [BASIS, {**BASIS, "penalty": 0.3}]}
    made = sweep(DEEP, trials=2, axes=None, pursuit=each, bounds=["BasisPursuitBound"])
    run(made, tmp_path, jobs=1)
    data = open_results(tmp_path)
    assert float(data.guarantee.squeeze()) == 1
    assert "layer 1: mu_1(S - 1) + mu_1(S) = " in str(data.why.squeeze().values)
    assert np.isnan(np.ravel(data.limit.values)[-1])


def test_a_replay_runs_the_pursuit(compared):
    made, folder = compared
    counts = open_results(folder).failures
    for cell, (name, (_, pursuit)) in zip(made.cells(), PURSUITS.items(), strict=True):
        trials = [replay(folder, {"pursuit": name}, trial) for trial in range(20)]
        wrong = [not trial.recovery.pathway_recovered for trial in trials]
        assert sum(wrong) == int(counts.sel(pursuit=name))
        again = trials[3].model.forward(trials[3].guess[0], pursuit=pursuit)
        for one, other in zip(trials[3].guess, again, strict=True):
            np.testing.assert_array_equal(one, other)
        thresholds = {
            entry.threshold for trial in trials for layer in trial.layers for entry in layer.entries
        }
        assert (thresholds - {None} != set()) == (name == "forward" and any(wrong))
        assert cell.identity == trials[0].cell.identity


def test_a_sweep_without_the_key_is_one_of_the_forward_pass():
    without, named, other = (
        sweep(BARE, **table).cell(()) for table in ({}, {"pursuit": "OneStep"}, {"pursuit": BASIS})
    )
    assert without.identity == named.identity != other.identity


def test_parameters_of_pursuits_can_vary():
    along = axes(
        penalty=("pursuit.penalty", [0.1, 0.2]),
        layers=("codes.sparsity", [1, 2]),
    )
    made = sweep(BARE, pursuit=BASIS, axes=along)
    assert len({cell.identity for cell in made.cells()}) == 4
    assert made.cell((1, 0)).pursuit(made.strategies) == Layered(BasisPursuit(0.2))
    spaced = {"parameter": "pursuit.sparsity", "geometric": [1, 9, 3]}
    table = {"kind": "OrthogonalMatchingPursuit", "sparsity": 1}
    assert sweep(BARE, pursuit=table, axes={"k": spaced}).axes[0].values == (1, 3, 9)


WRONG = {
    "OMP": "pursuit: no pursuit is called 'OMP': expected one of MLFISTA, BasisPursuit",
    "BasisPursuit": "pursuit: BasisPursuit needs 'penalty'",
    "TopK": "pursuit: no pursuit is called 'TopK'",
    "TopK again": "pursuit.pursuit.2: no pursuit is called 'TopK'",
    "level": "pursuit: OrthogonalMatchingPursuit has no 'levels': did you mean 'level'",
}


@pytest.mark.parametrize("name", WRONG)
def test_mistakes_are_told_with_their_place(name):
    table = {
        "TopK again": {"kind": "Layered", "pursuit": ["OneStep", "TopK"]},
        "level": {"kind": "OrthogonalMatchingPursuit", "levels": 2},
    }.get(name, name)
    with pytest.raises(DcscError) as caught:
        sweep(BARE, pursuit=table)
    assert WRONG[name] in str(caught.value)


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("OrthogonalMatchingPursuit", "sparsity: expected it or a level, got neither"),
        ({"kind": "BasisPursuit", "penalty": -1}, "penalty: expected a positive number, got -1"),
        ({"kind": "Layered", "pursuit": ["OneStep"]}, "expected one for each of 2 layers, got 1"),
        ({"kind": "Layered", "pursuit": [3]}, "expected a Pursuit, got 3"),
    ],
)
def test_a_dry_run_says_which_cells_have_no_such_pursuit(table, text):
    with pytest.raises(DcscError, match=f"cell depth=2, sparsity=1: pursuit: .*{text}"):
        forecast(
            sweep(
                DEEP,
                trials=2,
                pursuit=table,
                axes=axes(depth=("depth", [2]), sparsity=("codes.sparsity", [1, 2])),
            )
        )


def test_a_pursuit_that_does_not_get_there_names_its_cell(tmp_path):
    table = {**BASIS, "iterations": 1, "gap": 1e-12}
    with pytest.raises(DcscError, match="the only cell: BasisPursuit: iterations"):
        run(sweep(BARE, pursuit=table, trials=2), tmp_path, jobs=1)
