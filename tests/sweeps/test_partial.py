"""How much of each support a sweep proves to be right, against all sign patterns of its codes."""

import json

import numpy as np
import pytest

from dcsc import bounds
from dcsc.experiments import sweeps
from dcsc.experiments.sweeps import run
from dcsc.experiments.sweeps.tables import RESERVED
from tests.sign_enumeration import circulant, patterns
from tests.sweeps.cases import BARE, DEEP, axes, sweep

ASKED = ["UniformBound", "PartialBound", {"kind": "PartialBound", "tail": "hoeffding"}]
SPARSITY = axes(sparsity=("codes.sparsity", [1, 2, 3]))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("partial")
    # thresholds off the half, where ties are wrong in upper ends alone
    layer = {**sweep(BARE).table["layers"][0], "projection": {"kind": "ReLU", "threshold": 0.4}}
    codes = {"amplitudes": {"kind": "UniformAmplitudes", "signed": False}, "batch": 2}
    given = sweep(
        BARE, layers=[layer], codes=codes, axes=SPARSITY, bounds=ASKED, trials=200, seed=1
    )
    run(given, folder, jobs=1)
    return given, sweeps.open(folder), folder


def expected(cell, model):
    """Return the mean numbers of misses and false alarms over all patterns, and the active."""
    dictionary = model.layers[0].dictionary
    matrix = circulant(dictionary.filters, 12)
    gram = matrix.T @ matrix
    codes = cell.codes(model, sweep(BARE).strategies).reshape(2, -1)
    wrong = np.zeros(2)
    for code in codes:
        support = np.flatnonzero(code)
        signs = np.ones((2 ** len(support), len(code)))
        signs[:, support] = patterns(len(support))
        seen = (signs * code) @ gram
        # off the support a sign of its own is one more coin
        on = np.where(code != 0, signs * seen > 0.4, (seen > 0.4) / 2 + (-seen > 0.4) / 2)
        wrong += [(1 - on[:, support]).mean(axis=0).sum(), on[:, code == 0].mean(axis=0).sum()]
    return *wrong, np.count_nonzero(codes)


def test_ends_hold_the_mean_over_all_patterns(finished):
    given, data, _ = finished
    for at, cell in enumerate(given.cells()):
        missed, raised, active = expected(cell, cell.model(given.strategies))
        part = data.isel(sparsity=at, layer=0)
        assert part["active"].item() == active
        for name in part["partial"].values:
            one = part.sel(partial=name)
            shares = {"missed": missed, "false_alarms": raised}
            shares["recall"] = 1 - missed / active
            shares["false_per_active"] = raised / active
            for quantity, value in shares.items():
                low, high = (one[f"proved_{quantity}_{end}"].item() for end in ("low", "high"))
                assert low - 1e-9 <= value <= high + 1e-9
                if name == "PartialBound":
                    assert high - low < 1e-9
        assert not part["partial_conditional"].values.any()
        assert (part["partial_why"] == "").all()


def test_what_was_measured_is_counted_for_each_active_unit(finished):
    _, data, _ = finished
    each = data["trials"] * data["active"]
    np.testing.assert_array_equal(data["recall"], 1 - data["missed"] / each)
    np.testing.assert_array_equal(data["false_per_active"], data["false_alarms"] / each)
    # 200 trials of at most 1 each: five standard deviations and a half
    proved = data.sel(partial="PartialBound")
    assert (abs(data["recall"] - proved["proved_recall_low"]) < 0.2).all()


def test_the_limit_is_the_largest_that_misses_a_tenth(finished):
    given, data, _ = finished
    cell = given.cell((1,))
    model = cell.model(given.strategies)
    layer = bounds.measure(model, model.draw(0).synthesize(cell.codes(model, given.strategies)))
    limit = bounds.PartialBound().max_sparsity(layer[0].statistics(), missed=0.1)
    assert data["missed_limit"].isel(sparsity=1).values.tolist() == [[limit], [limit]]


def test_names_are_those_of_the_results(finished):
    _, data, _ = finished
    assert {*data.data_vars, *data.coords} - {"sparsity"} == set(RESERVED)
    assert data["bound"].values.tolist() == ["UniformBound"]
    assert data["partial"].values.tolist() == ["PartialBound", "PartialBound(tail=hoeffding)"]


def test_deeper_layers_and_declared_constants(tmp_path):
    """Layer 2 is handed the true supports; classes have ends as well, and no count of units."""
    run(sweep(DEEP, bounds=["PartialBound"], trials=5), tmp_path / "measured", jobs=1)
    data = sweeps.open(tmp_path / "measured").sel(partial="PartialBound")
    assert np.isnan(data["proved_recall_low"].sel(depth=1, layer=2)).all()
    again = sweeps.replay(tmp_path / "measured", {"depth": 2, "sparsity": 1}, trial=0)
    records = bounds.measure(again.model, again.truth, 0.05)
    part = data.sel(depth=2, sparsity=1)
    assert part["active"].values.tolist() == [np.count_nonzero(x.codes) for x in records]
    assert part["partial_conditional"].item()
    for at, layer in enumerate(bounds.PartialBound().evaluate(records).layers):
        for end in ("low", "high"):
            for name in ("missed", "false_alarms"):
                ends = part[f"proved_{name}_{end}"].values
                assert ends[at] == getattr(getattr(layer, name), end)
            recall = getattr(layer.recall, end)
            assert part[f"proved_recall_{end}"].values[at] == pytest.approx(recall)
    declared = sweep(DEEP, bounds=["PartialBound"], axes={}, constants={"x_min": [0.1, 1]})
    run(declared, tmp_path / "declared", jobs=1)
    data = sweeps.open(tmp_path / "declared").sel(partial="PartialBound")
    assert np.isnan(data["active"]).all()
    assert np.isnan(data["recall"]).all()
    assert (data["proved_recall_high"] == 1).all()


def test_what_is_not_covered_says_why(tmp_path):
    layer = {**sweep(BARE).table["layers"][0], "signs": "IdentitySigns"}
    run(sweep(BARE, layers=[layer], axes={}, bounds=["PartialBound"], trials=2), tmp_path, jobs=1)
    data = sweeps.open(tmp_path)
    assert "its signs are not one independent fair sign per atom" in data["partial_why"].item()
    assert np.isnan(data["proved_recall_low"]).all()
    assert "guarantee" not in data


def test_signs_that_atoms_share_are_covered_but_for_the_law_of_classes(tmp_path):
    layer = {**sweep(BARE).table["layers"][0], "signs": "FilterSigns"}
    given = sweep(
        BARE,
        layers=[layer],
        codes={"sparsity": 12, "amplitudes": "ConstantAmplitudes"},
        axes={},
        bounds=["UniformBound", "PartialBound"],
        trials=400,
    )
    run(given, tmp_path, jobs=1)
    data = sweeps.open(tmp_path)
    part = data.sel(partial="PartialBound", layer=1)
    assert part["partial_why"].item() == ""
    assert np.isnan(part["missed_limit"].item())
    assert not np.isnan(data["guarantee"].item())
    assert 0.2 < part["recall"].item() < 0.98
    for name in ("recall", "false_per_active"):
        assert part[f"proved_{name}_low"] - 0.06 <= part[name] <= part[f"proved_{name}_high"] + 0.06


def test_records_from_before_have_no_such_part(finished, tmp_path):
    """And those of whoever asks no such bound bring no variables."""
    run(sweep(BARE, axes={}, trials=2), tmp_path, jobs=1)
    (block,) = (tmp_path / "blocks").iterdir()
    records = json.loads(block.read_text())["records"]
    assert [record["partial"] for record in records if "guarantees" in record] == [[]]
    assert not set(sweeps.open(tmp_path).data_vars) & {"recall", "active", "proved_recall_low"}
