"""A figure of a sweep that is run for it, and a clock."""

import time
import warnings

import matplotlib
import pytest

from dcsc.experiments import sweeps
from dcsc.experiments.sweeps import run
from dcsc.plotting import sweep_figure
from tests.sweeps.cases import BARE, sweep, table


@pytest.fixture
def strict():
    """A figure that cannot lay itself out says so by a warning."""
    with matplotlib.rc_context({"figure.max_open_warning": 0}), warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


@pytest.fixture
def own_seconds(monkeypatch):
    """Seconds are those in which this process works, whatever else the machine does meanwhile."""
    monkeypatch.setattr(time, "perf_counter", time.process_time)


@pytest.fixture
def drawn(tmp_path, strict):
    """Return a function that runs a sweep over some axes and draws it."""
    filters = {"kind": "equicorrelated", "n": 64, "c": 128, "kernel": 2, "correlation": 0.0303}
    layer = table(BARE)["layers"][0]
    low = {**layer, "dictionary": {"kind": "CirculantDictionary", "extent": 4, "filters": filters}}

    def draw(change=lambda data: data, low_coherence=False, **changes):
        if low_coherence:
            changes["layers"] = [low]
        run(sweep(BARE, **{"trials": 40, **changes}), tmp_path, jobs=1)
        data = change(sweeps.open(tmp_path))
        figure = sweep_figure(data)
        figure.draw_without_rendering()
        return data, figure

    return draw
