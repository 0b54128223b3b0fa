r"""Interrupted commands: a signal at any moment ends them soon, in a line, and leaves nothing half.

::

    python -m nightly.interrupted --runs 300 --seed 0 --jobs 2

Commands are started, and get SIGINT, SIGTERM or SIGHUP at a random moment, alone or together with
the processes that they have started. What fails is a traceback, more than a line, an exit code
other than the signal's or that of a command that was through already, more than 20 seconds until
the end, a file that is not whole or that is left from writing, a process that stays, and a sweep
whose numbers are others when it is run again. If anything fails, the exit code is 1.

In the first hundredths of a second Python has not read a line of dcsc yet, and answers SIGINT with
a traceback of its own start. Such runs are counted apart.
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

import attrs
import h5py
from PIL import Image

from dcsc.bounds import Certificate, UniformBound
from dcsc.experiments import open as open_sweep
from dcsc.experiments.studies.example import example_layers
from dcsc.networks.tallies import load_tally

ROOT = Path(__file__).resolve().parent.parent
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE = 20.0
SWEEP = """\
title = "small"
trials = 6000

[[layers]]
projection = { kind = "HardThreshold", threshold = 0.5 }

[layers.dictionary]
kind = "CirculantDictionary"
extent = 12
filters = { kind = "gaussian", n = 3, c = 12, kernel = 3 }

[codes]
sparsity = 2

[axes.noise]
parameter = "noise"
values = [0.0, 0.2, 0.4]
"""
# What they read lies in the folder in which they run; results go to ``out``.
COMMANDS = {
    "version": "--version",
    "poster": "poster --trials 8 --out out",
    "recover": "recover --draws 4 --out out",
    "analyze": "analyze --html out/report.html",
    "tallies": "analyze --html out/report.html --tallies out/counts --jobs 2",
    "explain": "explain --out out",
    "verify": "verify certificate.json --evidence evidence.npz",
    "sweep, 1 process": "sweep sweep.toml --out out --jobs 1",
    "sweep, 2 processes": "sweep sweep.toml --out out --jobs 2",
    "plot": "plot done --out out",
    "replay": "replay done --cell noise=0.4",
}


# ---- one run -------------------------------------------------------------------------------------


def start(command: str, folder: Path) -> subprocess.Popen[str]:
    """Start a command in a group of processes of its own, with the signals of a terminal."""
    paths = (str(ROOT), os.environ.get("PYTHONPATH", ""))
    return subprocess.Popen(
        [sys.executable, "-m", "dcsc", *command.split()],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        restore_signals=True,
        env={**os.environ, "MPLBACKEND": "agg", "PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )


@attrs.frozen
class Finished:
    """What a command in a folder came to, how long it took, and what it left."""

    command: str
    folder: Path
    sent: signal.Signals
    code: int
    errors: str
    seconds: float
    stayed: bool

    @property
    def too_early(self) -> bool:
        """Whether Python itself was interrupted, which had read no line of dcsc."""
        frames = re.findall(r'^  File "(.*?)", line', self.errors, re.MULTILINE)
        return bool(frames) and all(frame.startswith("<frozen ") for frame in frames)

    def complaints(self, undisturbed: Path) -> Iterator[str]:
        """Yield what is wrong."""
        if self.too_early:
            return
        if self.seconds > PATIENCE:
            yield f"ends {self.seconds:.0f} s after the signal"
        if self.code not in (0, 128 + self.sent, -self.sent):
            yield f"ends with code {self.code}"
        if "Traceback" in self.errors or "Exception" in self.errors:
            yield "a traceback"
        told = [line for line in self.errors.splitlines() if not line.startswith("dcsc sweep: ")]
        if len(told) > 1:
            yield "more than a line"
        if self.stayed:
            yield "a process stays"
        for path in sorted((self.folder / "out").rglob("*")):
            if path.name.startswith(".") and path.name != ".dcsc-lock":
                yield "left from writing"
            elif path.is_file() and not is_whole(path):
                yield f"{path.suffix} is not whole"
        if self.command.startswith("sweep") and not goes_on(self.command, self.folder, undisturbed):
            yield "other numbers after a rerun"


def interrupted(
    command: str, folder: Path, sent: signal.Signals, after: float, everybody: bool
) -> Finished:
    """Start a command, send the signal after so many seconds, and wait for the end."""
    process = start(command, folder)
    time.sleep(after)
    begin = time.monotonic()
    if process.poll() is None:
        (os.killpg if everybody else os.kill)(process.pid, sent)
    try:
        _, errors = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        _, errors = process.communicate()
    seconds = time.monotonic() - begin
    stayed = bool(members(process.pid))
    deadline = time.monotonic() + PATIENCE / 4
    while stayed and time.monotonic() < deadline:
        time.sleep(0.1)
        stayed = bool(members(process.pid))
    if stayed:
        os.killpg(process.pid, signal.SIGKILL)
    return Finished(command, folder, sent, process.returncode, errors, seconds, stayed)


def members(group: int) -> list[str]:
    """Return the processes of a group that are still there, zombies apart."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(path.parent.name)
    return found


def is_whole(path: Path) -> bool:
    """Return whether a result is what its name says, to its end."""
    try:
        if path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".png":
            with Image.open(path) as picture:
                picture.load()
            return path.read_bytes()[-8:-4] == b"IEND"
        elif path.suffix == ".svg":
            ElementTree.parse(path)
        elif path.suffix == ".html":
            return path.read_text().rstrip().endswith("</html>")
        elif path.suffix == ".npz":
            load_tally(path)
        elif path.suffix == ".nc":
            h5py.File(path).close()
        else:
            return path.name == ".dcsc-lock"
    except (OSError, SyntaxError, ValueError):
        return False
    return True


def goes_on(command: str, folder: Path, undisturbed: Path) -> bool:
    """Return whether the same command finishes a sweep with the numbers of one run."""
    process = start(command, folder)
    process.communicate()
    if process.returncode:
        return False
    found, expected = (
        open_sweep(place).drop_vars("seconds") for place in (folder / "out", undisturbed)
    )
    return bool(found.identical(expected))


# ---- all runs ------------------------------------------------------------------------------------


def prepare(folder: Path) -> dict[str, float]:
    """Write what the commands read, run each undisturbed, and return how long each took."""
    (folder / "sweep.toml").write_text(SWEEP)
    Certificate.of(UniformBound().evaluate(example_layers())).write(folder)
    run_whole("sweep sweep.toml --out done --jobs 1", folder)
    return {name: run_whole(command, folder) for name, command in COMMANDS.items()}


def run_whole(command: str, folder: Path) -> float:
    """Run a command to its end, and return the seconds it took."""
    begin = time.monotonic()
    process = start(command, folder)
    _, errors = process.communicate()
    shutil.rmtree(folder / "out", ignore_errors=True)
    if process.returncode not in (0, 1):
        raise SystemExit(f"interrupted: {command}: code {process.returncode}: {errors}")
    return time.monotonic() - begin


def attempt(
    number: int, seed: int, prepared: Path, durations: dict[str, float]
) -> tuple[str, bool, list[str]]:
    """Interrupt one command once; return its name, whether too early, and what is wrong."""
    rng = random.Random(f"{seed} {number}")
    name = list(COMMANDS)[number % len(COMMANDS)]
    sent, everybody = rng.choice(SIGNALS), rng.random() < 0.5
    after = rng.uniform(0, durations[name])
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "run"
        shutil.copytree(prepared, folder)
        finished = interrupted(COMMANDS[name], folder, sent, after, everybody)
        wrong = list(dict.fromkeys(finished.complaints(prepared / "done")))
    where = f"run {number}, {sent.name} to {'all' if everybody else 'one'} after {after:.2f} s"
    said = " / ".join(finished.errors.splitlines()[-2:])[-200:]
    return name, finished.too_early, [f"{what} ({where}: {said})" for what in wrong]


def main() -> int:
    """Run the command line."""
    # What runs in the background or under nohup ignores signals, and so would all that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in SIGNALS:
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=100, help="how many commands to interrupt")
    parser.add_argument("--seed", type=int, default=0, help="which moments and signals")
    parser.add_argument("--jobs", type=int, default=1, help="how many at once")
    given = parser.parse_args()
    runs, early, failed = Counter[str](), Counter[str](), Counter[str]()
    with tempfile.TemporaryDirectory() as place, ThreadPoolExecutor(given.jobs) as pool:
        durations = prepare(Path(place))
        tries = [
            pool.submit(attempt, number, given.seed, Path(place), durations)
            for number in range(given.runs)
        ]
        for one in tries:
            name, too_early, wrong = one.result()
            runs[name] += 1
            early[name] += too_early
            failed[name] += bool(wrong)
            for what in wrong:
                print(f"{name}: {what}", flush=True)
    print(f"{'command':<22}{'runs':>6}{'too early':>11}{'failed':>8}")
    for name in COMMANDS:
        print(f"{name:<22}{runs[name]:>6}{early[name]:>11}{failed[name]:>8}")
    print(f"{'all':<22}{runs.total():>6}{early.total():>11}{failed.total():>8}")
    return 1 if failed.total() else 0


if __name__ == "__main__":
    sys.exit(main())
