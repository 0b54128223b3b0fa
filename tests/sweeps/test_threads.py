"""Results are the same to the last bit, whatever the number of threads, jobs and workers."""

import attrs
import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from dcsc.experiments import open, replay, run
from dcsc.experiments.studies.poster import panels
from tests.sweeps.cases import BARE, numbers, table
from tests.sweeps.test_own_code import of

# Filters of coherence t / 10 on t threads.
MODULE = """
import numpy as np
from threadpoolctl import threadpool_info


def threads():
    return max(lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas")


def filters(n, c, kernel):
    share = min(threads(), 9) / 10
    return np.array([[[1.0], [0.0]], [[share], [(1 - share**2) ** 0.5]]])
"""


def blas_threads():
    return max(lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas")


@pytest.fixture
def two_threads():
    with threadpool_limits(2, "blas"):
        assert blas_threads() == 2
        yield


def own(folder):
    (folder / "own_threads.py").write_text(MODULE)
    layers = table(BARE)["layers"]
    filters = {"kind": "own_threads:filters", "n": 2, "c": 2, "kernel": 1}
    layers[0]["dictionary"]["filters"] = filters
    return of(folder, layers=layers, bounds=["UniformBound"], trials=64)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("jobs", [1, 2])
def test_cells_are_made_on_one_thread_by_whoever_makes_them(tmp_path, jobs):
    sweep = own(tmp_path)
    run(sweep, tmp_path / "out", jobs=jobs)
    assert open(tmp_path / "out").layer_coherence.values.tolist() == [pytest.approx(0.1)]
    again = replay(tmp_path / "out", trial=0, allow_code=True)
    assert again.model.layers[0].dictionary.mutual_coherence() == pytest.approx(0.1)
    assert blas_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_a_trial_is_made_again_on_one_thread(tmp_path, monkeypatch):
    sweep = own(tmp_path)
    run(sweep, tmp_path / "out", jobs=1)
    seen = []
    model = type(sweep.cell(()).model(sweep.strategies))
    forward = model.forward

    def watched(*arguments, **options):
        seen.append(blas_threads())
        return forward(*arguments, **options)

    monkeypatch.setattr(model, "forward", watched)
    replay(tmp_path / "out", trial=0, allow_code=True)
    assert seen == [1]


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("panel", ["rate", "depth"])
def test_one_job_and_two_agree_in_every_variable(tmp_path, panel):
    """Dense filters of low coherence, whose last bits depend on the number of threads."""
    whole = panels.sweep_of(panel, 8, seed=1)
    axis = whole.axes[0]
    few = attrs.evolve(axis, values=axis.values[:3], labels=axis.labels[:3])
    sweep = attrs.evolve(whole, axes=(few,))
    found = []
    for jobs in (1, 2):
        run(sweep, tmp_path / str(jobs), jobs=jobs)
        found.append(numbers(open(tmp_path / str(jobs))))
    assert set(found[0].variables) >= {"failures", "missed", "guarantee", "limit", "kept"}
    assert np.isfinite(found[0].layer_coherence.values).all()
    assert found[0].identical(found[1])
