"""Processes that read mutants: each goes on until it ends, and then comes the next one."""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from nightly.mutants.results import Results

__all__ = ["work"]

_ROOT = Path(__file__).resolve().parents[2]
_MEMORY = 2**31
_SECONDS = 20
_STARTING = 300  # seconds until a process has read its sound files


def work(results: Results, seed: int, start: int, stop: int, step: int) -> None:
    """Let processes read the mutants of some numbers, and add to the results what they tell."""
    while start < stop:
        with tempfile.TemporaryDirectory() as folder:
            given = {"seed": seed, "start": start, "stop": stop, "step": step, "memory": _MEMORY}
            command = [sys.executable, "-m", "nightly.mutants.worker", "--folder", folder]
            command += [f"--{name}={value}" for name, value in given.items()]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, env=_environment())
            at, why = None, "the process ends"
            for line in _lines(process):
                if line is None:
                    why = f"takes more than {_SECONDS} s"
                    process.send_signal(signal.SIGABRT)  # at which it writes where it was
                elif not line.startswith("{"):
                    at, name = int(line.split()[0]), line.split()[1]
                elif at is None:
                    results.largest = max(results.largest, json.loads(line)["largest"])
                    start = stop
                else:
                    results.add(at, json.loads(line))
                    start, at = at + step, None
            code = _ended(process)
            if at is not None:
                failure = (why, _last_place(Path(folder) / "trace"), f"code {code}")
                results.add(at, {"format": name, "read": False, "failures": [failure]})
                start = at + step
            elif start < stop:
                last = (Path(folder) / "trace").read_text().splitlines()[-5:]
                raise SystemExit(
                    "mutated_files: a process ended before its work: " + " ".join(last)
                )


def _environment() -> dict[str, str]:
    """Return an environment in which a process finds dcsc and these modules, and takes one core."""
    paths = (str(_ROOT), os.environ.get("PYTHONPATH", ""))
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    found = {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "MPLBACKEND": "agg"}
    return {**os.environ, **dict.fromkeys(threads, "1"), **found}


def _lines(process: subprocess.Popen[bytes]) -> Iterator[str | None]:
    """Yield the lines of a process, and at last None if it says nothing for too long."""
    assert process.stdout is not None
    waiting, patience = b"", _STARTING
    while select.select([process.stdout], [], [], patience)[0]:
        content = os.read(process.stdout.fileno(), 2**16)
        if not content:
            return
        *whole, waiting = (waiting + content).split(b"\n")
        yield from (line.decode() for line in whole)
        patience = _SECONDS
    yield None


def _ended(process: subprocess.Popen[bytes]) -> int:
    assert process.stdout is not None
    process.stdout.close()
    try:
        return process.wait(_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _last_place(trace: Path) -> str:
    """Return where in dcsc a process was when it ended, as far as it wrote that down."""
    for line in trace.read_text().splitlines():
        name, inside, rest = line.partition("/dcsc/")[2].partition('", line ')
        if inside:
            return f"dcsc/{name}:{rest.split()[0]}"
    return "an unknown place"
