"""One trial again, bit for bit, and what is said of it."""

import json

import numpy as np
import pytest

import dcsc
from dcsc.errors import DcscError
from dcsc.experiments import sweeps
from dcsc.experiments.sweeps import replay, run
from tests.sweeps.cases import BARE, DEEP, axes, sweep, table

LAYER = table(BARE)["layers"][0]
TOP = {**LAYER, "projection": {"kind": "TopK", "k": 2}}
FAINT = {"sparsity": 6, "amplitudes": {"kind": "ConstantAmplitudes", "value": 0.2}}
RECTIFIED = {**LAYER, "projection": {"kind": "ReLU", "threshold": 0.2}}
NOISY = {"trials": 1100, "noise": 0.9}
SWEEPS = {
    "noise": sweep(BARE, **NOISY),
    "no noise": sweep(BARE, codes={"sparsity": 4}, trials=1100),
    "top": sweep(BARE, layers=[TOP], **NOISY),
    "one side": sweep(BARE, layers=[RECTIFIED], codes=FAINT, **NOISY),
    "deep": sweep(DEEP, axes={}, trials=1100, noise=0.1),
    "batch": sweep(BARE, codes={"sparsity": 2, "batch": [2, 2]}, **NOISY),
}


@pytest.fixture(scope="module", params=SWEEPS)
def cell(request, tmp_path_factory):
    """Return a sweep of one cell, its folder and the fate of each of its trials."""
    given = SWEEPS[request.param]
    folder = tmp_path_factory.mktemp("replayed")
    run(sweep(**{**given.as_table(), "trials": 1}), folder, jobs=1)
    only = given.cell(())
    simulation = only.simulation(given.strategies)
    blocks = list(simulation.draws.blocks(1100))
    counts = np.concatenate([simulation.engine.counts(block) for block in blocks])
    return given, folder, counts


def test_a_replay_is_the_trial_of_the_simulation(cell):
    """The counts of each trial, as the sweep added them up, in and beyond the first block."""
    _, folder, counts = cell
    for trial in (0, 1, 63, 64, 700, 1023, 1024, 1025, 1099):
        again = replay(folder, trial=trial)
        assert again.trial == trial
        found = again.recovery
        wrong = np.stack([found.missed, found.false_alarms], axis=-1)
        columns = tuple(range(1, wrong.ndim - 1))
        assert wrong.sum(axis=columns).tolist() == counts[trial].tolist()
        for layer, (missed, alarms) in zip(again.layers, counts[trial], strict=True):
            assert (layer.missed, layer.false_alarms) == (missed, alarms)
            assert len(layer.entries) == missed + alarms
            assert sum(entry.missed for entry in layer.entries) == missed


def test_a_replay_is_the_same_to_the_last_bit(cell):
    """Made twice, and by hand from the signs and the noise that it reports."""
    given, folder, _ = cell
    first, second = replay(folder, trial=1030), replay(folder, trial=1030)
    for one, other in zip(
        (*first.truth, *first.guess, *first.guess.coefficients),
        (*second.truth, *second.guess, *second.guess.coefficients),
        strict=True,
    ):
        assert one.tobytes() == other.tobytes()
    only = given.cell(())
    block = only.simulation(given.strategies).draws.block(1)
    for l, layer in enumerate(first.model.layers):
        assert np.array_equal(layer.signs.values, block.signs[l][6])
    x = only.codes(first.model, given.strategies)
    truth = first.model.synthesize(x)
    guess = first.model.forward(truth[0] + block.noise_of(6))
    assert all(a.tobytes() == b.tobytes() for a, b in zip(guess, first.guess, strict=True))
    assert np.array_equal(first.noise, block.noise_of(6))


def test_entries_are_what_the_projection_saw(cell):
    """Every one is wrong, and its coefficient on the wrong side of its threshold."""
    _, folder, counts = cell
    failing = np.flatnonzero(counts.any(axis=(1, 2)))
    assert len(failing)
    for trial in failing[:5]:
        assert_entries_are_true(replay(folder, trial=int(trial)))


def assert_entries_are_true(again):
    assert any(layer.entries for layer in again.layers)
    for number, layer in enumerate(again.layers, start=1):
        strategies = again.model.layers[number - 1]
        selection = strategies.projection.selection
        entry_sizes = []
        for entry in layer.entries:
            at = (*entry.column, entry.filter, *entry.position)
            assert entry.true == again.truth[number][at]
            assert entry.coefficient == again.guess.coefficients[number - 1][at]
            assert entry.missed == (entry.true != 0)
            assert (again.guess[number][at] != 0) != entry.missed
            assert entry.stripe == fullest(strategies.dictionary, again.truth[number], at)
            if selection is None:
                assert entry.threshold is None
                entry_sizes.append(abs(entry.coefficient))
            else:
                seen = entry.coefficient if selection.one_sided else abs(entry.coefficient)
                assert entry.threshold == selection.threshold
                assert (seen > entry.threshold) != entry.missed
                entry_sizes.append(abs(seen - entry.threshold))
        assert entry_sizes == sorted(entry_sizes, reverse=True)


def fullest(dictionary, code, at):
    """Count the fullest stripe around an entry by the definition: filters that can overlap."""
    width = dictionary.filters.shape[-1]
    extent = dictionary.code_shape[-1]
    column = code[at[: len(at) - 2]]
    near = [(at[-1] + shift) % extent for shift in range(1 - width, width)]
    stripes = [
        np.count_nonzero(
            column[:, [(middle + shift) % extent for shift in range(1 - width, width)]]
        )
        for middle in near
    ]
    return max(stripes)


def test_the_first_failing_trial(cell):
    given, folder, counts = cell
    run(given, folder, jobs=1)
    failing = counts.sum(axis=2).any(axis=1)
    again = replay(folder)
    assert again.trial == failing.argmax()
    assert not again.recovery.pathway_recovered.all()
    assert str(again).startswith(f"the only cell, trial {again.trial}: the pathway breaks at")


# ---- words ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    run(sweep(), folder, jobs=1)
    return folder


def test_the_words_of_a_replay(small):
    again = replay(small, {"sparsity": 5, "noise": 0.2}, 3)
    lines = str(again).splitlines()
    assert lines[0] == "cell sparsity=5, noise=0.2, trial 3: the pathway breaks at layer 1"
    (layer,) = again.layers
    assert lines[2].startswith("layer 1: ")
    assert f"{layer.false_alarms} false alarm" in lines[2]
    head = lines[3].split()
    assert head == ["wrong", "filter", "position", "true", "coefficient", "threshold", "stripe"]
    assert len(lines) == 4 + len(layer.entries)
    for line, entry in zip(lines[4:], layer.entries, strict=True):
        kind = "missed" if entry.missed else "false alarm"
        assert line.strip().startswith(kind)
        assert line.split()[len(kind.split()) :] == [
            str(entry.filter),
            str(*entry.position),
            f"{entry.true:.6g}",
            f"{entry.coefficient:.6g}",
            "0.5",
            str(entry.stripe),
        ]


def test_the_words_of_a_trial_that_succeeds(small):
    said = "cell sparsity=1, noise=0, trial 3: the pathway is recovered\n\nlayer 1: exact"
    assert str(replay(small, {"sparsity": 1, "noise": 0}, 3)) == said
    first = str(replay(small, {"sparsity": 1, "noise": 0}))
    assert first.startswith("cell sparsity=1, noise=0, trial 0: the pathway is recovered: none of")


def test_a_trial_that_the_sweep_has_not_run_says_so(small, tmp_path):
    note = " (the sweep has not run this trial)"
    cell = {"sparsity": 1, "noise": 0}
    for trial in (0, 99, 100, 5000):
        again = replay(small, cell, trial)
        assert again.counted == (trial < 100)
        assert str(again).splitlines()[0].endswith(note) == (trial >= 100)
    # A cell that its stopping rule has stopped, and the first failure beyond that.
    given = sweep(BARE, codes={"sparsity": 2}, trials=4096, noise=0.2, stop={"width": 0.2})
    run(given, tmp_path, jobs=1)
    done = int(sweeps.open(tmp_path)["trials"])
    assert done < 4096
    assert replay(tmp_path, trial=done - 1).counted
    assert not replay(tmp_path, trial=done).counted


def test_many_entries_are_cut_off(tmp_path):
    low = {**LAYER, "projection": {"kind": "HardThreshold", "threshold": 0.001}}
    given = sweep(BARE, layers=[low], codes={"sparsity": 2, "batch": [2]}, trials=3)
    run(given, tmp_path, jobs=1)
    again = replay(tmp_path, trial=0)
    lines = str(again).splitlines()
    assert len(lines) == 4 + 12 + 1
    assert lines[-1] == f"  … and {len(again.layers[0].entries) - 12} more"
    assert "false alarm [" in lines[4]


# ---- cells ---------------------------------------------------------------------------------------


def test_cells_are_found_by_their_labels(tmp_path):
    values = ["RademacherSigns", "FilterSigns"]
    given = sweep(
        BARE,
        trials=2,
        axes=axes(
            noise=("noise", [0, 0.1 + 0.2]),
            signs=("layers.1.signs", values, ["one each", "filters"]),
            depth=("depth", [1]),
        ),
    )
    run(given, tmp_path, jobs=1)

    def coordinates(**cell):
        return dict(replay(tmp_path, cell, 0).cell.coordinates)

    expected = {"noise": 0.1 + 0.2, "signs": "filters", "depth": 1}
    assert coordinates(noise=0.3, signs="filters") == expected
    assert coordinates(noise="0.3", signs="filters", depth="1.0") == expected
    assert coordinates(noise="0", signs="one each") == {"noise": 0, "signs": "one each", "depth": 1}


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ({}, "replay: cell: sparsity: expected one of 1, 2, 3, 5, got none"),
        ({"sparsity": 4, "noise": 0}, "replay: cell: sparsity: expected one of 1, 2, 3, 5, got 4"),
        (
            {"sparsity": "x", "noise": 0},
            "replay: cell: sparsity: expected one of 1, 2, 3, 5, got x",
        ),
        ({"sparsity": 1}, "replay: cell: noise: expected one of 0.0, 0.2, got none"),
        (
            {"sparsity": 1, "noise": 0, "nois": 1},
            "replay: cell: no axis is called 'nois': did you mean 'noise'?",
        ),
        (
            {"sparsity": 1, "noise": 0, "xyz": 1},
            "replay: cell: no axis is called 'xyz': expected one of sparsity, noise",
        ),
    ],
)
def test_cells_that_are_none(cell, said, small):
    with pytest.raises(DcscError) as error:
        replay(small, cell)
    assert str(error.value) == said


@pytest.mark.parametrize(
    ("trial", "said"),
    [
        (-1, "replay: trial: expected at least 0, got -1"),
        (1.5, "replay: trial: expected an integer, got 1.5"),
    ],
)
def test_trials_that_are_none(trial, said, small):
    with pytest.raises(DcscError) as error:
        replay(small, {"sparsity": 1, "noise": 0}, trial)
    assert str(error.value).startswith(said)


def test_a_cell_without_axes_has_no_names(tmp_path):
    run(sweep(axes={}, trials=1), tmp_path, jobs=1)
    with pytest.raises(DcscError) as error:
        replay(tmp_path, {"noise": 1})
    assert str(error.value) == "replay: cell: no axis is called 'noise': there are none"


def test_cells_that_do_not_exist(tmp_path):
    run(sweep(BARE, axes=axes(sparsity=("codes.sparsity", [1, 16])), trials=1), tmp_path, jobs=1)
    with pytest.raises(DcscError, match=r"cell sparsity=16: codes\.draw: sparsity: expected"):
        replay(tmp_path, {"sparsity": 16})


def test_a_cell_that_is_not_what_it_was(tmp_path):
    """Counts of another version, or of a file that has changed, are not what a replay shows."""
    taps = tmp_path / "taps.npy"
    np.save(taps, np.eye(3)[:, :, None])
    dictionary = {**LAYER["dictionary"], "filters": {"file": "taps.npy"}}
    given = dcsc.experiments.sweeps.Sweep.of(
        table(BARE, layers=[{**LAYER, "dictionary": dictionary}], trials=1), tmp_path
    )
    out = tmp_path / "out"
    run(given, out, jobs=1)
    replay(out)
    np.save(taps, -np.eye(3)[:, :, None])
    said = (
        "replay: the only cell cannot be made as it was: expected the dcsc, the code of your "
        "own and the files of filters that the sweep was run with"
    )
    with pytest.raises(DcscError) as error:
        replay(out)
    assert str(error.value) == said
    np.save(taps, np.eye(3)[:, :, None])
    plan = json.loads((out / "sweep.json").read_text())
    plan["cells"] = ["0" * 32]
    (out / "sweep.json").write_text(json.dumps(plan))
    with pytest.raises(DcscError) as error:
        replay(out)
    assert str(error.value) == said


def test_folders_and_files_may_move_together(tmp_path):
    before = tmp_path / "before"
    before.mkdir()
    np.save(before / "taps.npy", np.eye(3)[:, :, None])
    dictionary = {**LAYER["dictionary"], "filters": {"file": "taps.npy"}}
    given = sweeps.Sweep.of(
        table(BARE, layers=[{**LAYER, "dictionary": dictionary}], trials=1), before
    )
    run(given, before / "out", jobs=1)
    first = replay(before / "out", trial=0)
    after = before.rename(tmp_path / "after")
    assert np.array_equal(replay(after / "out", trial=0).guess[1], first.guess[1])
