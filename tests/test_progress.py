"""How far a command is: a bar on a terminal, lines in a log, nothing where nobody looks."""

import pytest

from dcsc.cli import progress
from dcsc.experiments.sweeps import State
from tests.sweeps.cases import sweep


def state(done, **changes):
    parts = {"cells": 8, "settled": 2, "found": 0, "trials": 0, "pending": 4, "look": (1, 1)}
    return State(**{**parts, "done": done, **changes})


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")


@pytest.fixture
def clock(monkeypatch):
    """Return the list whose last number is the time."""
    times = [0.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: times[-1])
    return times


def test_a_pipe_hears_nothing_of_shares(capsys):
    with progress.share_progress("work") as report:
        report(0.5)
    assert capsys.readouterr() == ("", "")


def test_a_bar_ends_at_the_end(terminal, capsys):
    """Also where the last share that is told is less than the whole."""
    with progress.share_progress("work") as report:
        report(0.25)
    out, err = capsys.readouterr()
    assert out == ""
    assert "work" in err
    assert "100%" in err


def test_a_bar_stops_where_the_work_does(terminal, capsys):
    with pytest.raises(ZeroDivisionError), progress.share_progress("work") as report:
        report(1 / 0)
    assert "100%" not in capsys.readouterr().err


def test_a_log_of_a_sweep_has_a_line_every_ten_seconds(clock, capsys):
    with progress.sweep_progress(sweep()) as report:
        report(state(0, found=1200))
        for now, done, trials in ((1, 1, 100), (11, 2, 220), (12, 3, 300), (20, 4, 500)):
            clock.append(float(now))
            report(state(done, trials=trials))
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "dcsc sweep: 8 cells, at most 100 trials each",
        "dcsc sweep: 1,200 trials are there already: going on from them",
        "dcsc sweep: 8 cells: 50%, 20 trials/s, 11 s left",
        "dcsc sweep: 8 cells: 100%, 25 trials/s, 0 s left",
    ]


def test_a_bar_of_a_sweep_names_the_look(terminal, capsys):
    with progress.sweep_progress(sweep()) as report:
        report(state(0, look=(2, 3)))
        report(state(4, look=(2, 3), trials=10))
    err = capsys.readouterr().err
    assert "look 2 of at most 3: 6 of 8 cells" in err
    assert "100%" in err
