"""A sweep finds the classes by the names under which they can be imported."""

from pathlib import Path

import numpy as np
import pytest

from dcsc import DcscError
from dcsc.experiments import Sweep, open, run

SWEEP = Path(__file__).parents[1] / "sweep.toml"
TAIL = "InstanceBound(tail=dcsc_extend_example:FourthMoment)"
BOUND = "dcsc_extend_example:GaussianTailBound"


def test_the_sweep_runs_with_all_five(tmp_path: Path) -> None:
    run(Sweep.load(SWEEP, allow_code=True), tmp_path, jobs=1)
    data = open(tmp_path)
    guarantee = data.guarantee.transpose("bound", "sparsity", "signs")
    assert guarantee.bound.values.tolist() == [TAIL, BOUND]
    fair, tiled = guarantee.values[..., 0], guarantee.values[..., 1]
    # Tiled signs are not independent, and so neither theorem speaks of them.
    assert np.isnan(tiled).all()
    assert (np.diff(fair, axis=1) >= 0).all()
    assert (fair[0] <= fair[1]).all()
    assert fair[0, 0] < 0.1
    # What is proved is no smaller than what is measured.
    rate = data.rate.transpose("sparsity", "signs").values[:, 0]
    assert (rate - fair <= 4 * np.sqrt(0.25 / data.attrs.get("trials", 200))).all()


def test_code_needs_consent() -> None:
    with pytest.raises(DcscError, match="runs only with --allow-code"):
        Sweep.load(SWEEP)
