"""Wrong arguments end in a DcscError: a short run of the long check, and what the check can see."""

import queue
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch  # noqa: F401  # the calls take tensors, and are not made without

from dcsc.errors import DcscError, TooLargeError
from nightly import wrong_calls
from nightly.good_calls import good_calls
from nightly.wrong_calls import _call, _spoil
from nightly.wrong_values import WRONG

ROOT = Path(__file__).parents[1]


def test_wrong_calls_of_everything_public_end_in_a_dcsc_error():
    command = [sys.executable, "-m", "nightly.wrong_calls", "--calls", "400", "--no-good"]
    done = subprocess.run(
        [*command, "--seed", "1", "--jobs", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures = re.search(r"(\d+) refused .* (\d+) accepted, 0 failures", done.stdout)
    assert figures
    # About a third are accepted, 134 ± 10; which ones depends on the list of public names.
    assert min(map(int, figures.groups())) > 100
    assert sum(map(int, figures.groups())) == 400


def test_every_public_name_has_a_good_call():
    names = [call.name for call in good_calls()]
    assert len(names) == len(set(names)) > 350
    for name in ("dcsc.DCSCModel.forward", "dcsc.experiments.simulate", "dcsc.codes.draw"):
        assert name in names


@pytest.mark.parametrize(
    ("error", "how"),
    [
        (DcscError, "refused"),
        (TooLargeError, "refused"),
        (ValueError, "ValueError"),
        (AttributeError, "AttributeError"),
        (SystemExit, "SystemExit"),
    ],
)
def test_only_dcsc_errors_count_as_refusals(error, how):
    def fail(argument):
        raise error(argument)

    assert _call(fail, {"argument": "x"}, {"name": "fail"}) == how
    assert _call(lambda x: x, {"x": 1}, {"name": "pass"}) == "accepted"


def test_wrong_values_take_the_place_of_good_ones():
    class Draws:
        def permutation(self, n):
            return range(n)

        def random(self):
            return 1.0

        def integers(self, n):
            return list(WRONG).index("None")

    arguments = {"codes": [1.0], "rng": 0}
    assert _spoil(arguments, Draws()) == "codes: None"
    assert arguments == {"codes": None, "rng": 0}


def test_a_process_that_does_not_answer_is_reported_and_ended(monkeypatch):
    monkeypatch.setattr(wrong_calls, "_SECONDS", 0.5)
    outcomes = queue.Queue()
    line = '{"call": 4, "name": "f", "wrong": "x: None", "how": "begins", "good": false}'
    code = f"import time; print('{line}', flush=True); time.sleep(100)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert wrong_calls._follow(process, 4, 2, outcomes) == 6
    assert outcomes.get()["how"] == "no answer within 0 s"
    assert process.poll() is not None


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="processes are killed by a signal")
def test_a_process_that_dies_is_reported():
    outcomes = queue.Queue()
    line = '{"call": 4, "name": "f", "wrong": "x: None", "how": "begins", "good": false}'
    code = f"import os, signal; print('{line}', flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert wrong_calls._follow(process, 4, 2, outcomes) == 6
    outcome = outcomes.get()
    assert outcome["how"] == "crash"
    assert outcome["what"] == f"code {-int(signal.SIGKILL)}"


def test_a_process_that_ends_before_its_first_call_ends_the_run():
    outcomes = queue.Queue()
    command = [sys.executable, "-c", "raise SystemExit(1)"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert wrong_calls._follow(process, 4, 2, outcomes) == sys.maxsize
    assert outcomes.get() is None
