"""Tables for pandas: the numbers of the records, row by row, and none of them rounded."""

import numpy as np
import pandas
import pytest

from dcsc import DenseDictionary, HardThreshold, IdentitySigns, LayerStatistics, Pathway
from dcsc._tables import Tabled
from dcsc.bounds import PartialBound, UniformBound
from dcsc.experiments.simulation import Tally, clopper_pearson
from dcsc.model import DCSCModel, Layer
from nightly.good_instances import INSTANCES

LAYER = LayerStatistics(coherence=0.01, x_min=1, x_max=1, sparsity=20, threshold=0.5, n_atoms=100)


@pytest.mark.parametrize(
    "kind", [kind for kind in INSTANCES if issubclass(kind, Tabled)], ids=lambda kind: kind.__name__
)
def test_every_table_has_a_row_for_each_of_its_names(kind):
    record = INSTANCES[kind]()
    table = record.to_pandas()
    columns = record._table()
    assert table.index.tolist() == list(columns[table.index.name])
    assert len(table.columns) == len(columns) - 1
    for name in table.columns:
        for value, told in zip(columns[name], table[name], strict=True):
            assert np.isnan(told) if value is None else told == value or told != told


def test_a_tally():
    table = Tally(10, [8, 2], [30], [5]).to_pandas()
    low, rate, high = clopper_pearson([8, 2], 10)
    expected = pandas.DataFrame(
        {
            "failed": [8, 2],
            "rate": rate,
            "low": low,
            "high": high,
            "missed": [3.0, np.nan],
            "false_alarms": [0.5, np.nan],
        },
        index=pandas.Index(["layer 1", "pathway"], name="layer"),
    )
    pandas.testing.assert_frame_equal(table, expected, check_exact=True)
    assert Tally(10, [8, 2]).to_pandas()["missed"].isna().all()


def test_a_pathway_and_its_recovery():
    keep = HardThreshold(0.5), IdentitySigns()
    model = DCSCModel([Layer(DenseDictionary(np.eye(4)), *keep)])
    truth = model.synthesize([[1, 0, 0, 2], [0, 0, 0, 3]])
    table = truth.to_pandas()
    assert table.loc["layer 1"].tolist() == [(4,), 1.5, 0.375, 3.0]
    wrong = Pathway([truth[0], [[1, 1, 0, 2], [0, 0, 0, 3]]], (2,))
    assert truth.compare(wrong).to_pandas().loc["layer 1"].tolist() == [1, 0.0, 0.5, 0.5]


def test_guarantees():
    guarantee = UniformBound().evaluate(LAYER)
    row = guarantee.to_pandas().loc["layer 1"]
    (layer,) = guarantee.layers
    assert row["failure_probability"] == layer.failure_probability
    assert (row["threshold_low"], row["threshold_high"]) == layer.threshold
    partial = PartialBound().evaluate(LAYER)
    row = partial.to_pandas().loc["layer 1"]
    for name in ("recall", "precision", "jaccard", "missed", "false_alarms", "hamming"):
        ends = getattr(partial.layers[0], name)
        assert (row[f"{name}_low"], row[f"{name}_high"]) == (ends.low, ends.high)
