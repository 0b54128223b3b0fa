"""Call everything public with wrong arguments: nothing but a DcscError may come out.

    python -m nightly.wrong_calls --calls 30000 --seed 0

First every good call is made, and has to succeed. Then one argument or two of a good call are
replaced by wrong values, drawn with the seed: call i of a seed is the same in every run, whatever
ran before. The calls are made in two other processes with a limit on memory. One that takes too
long or crashes ends its process, is reported, and another process goes on behind it.
"""

import argparse
import collections
import json
import os
import pathlib
import queue
import resource
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings

import numpy as np

from dcsc.errors import DcscError
from nightly.good_calls import good_calls
from nightly.wrong_values import WRONG

_ROOT = pathlib.Path(__file__).parents[1]
_MEMORY = 6 * 2**30
_SECONDS = 20.0
_START = 300.0  # for what imports, compiles and builds
# Of these one draw in eight is kept: where nothing is wrong enough, they take seconds.
_SLOW = ("check_", "plotting.", ".page", ".analyze", ".recover", ".run", ".replay", "explain")
# How a function ends that refuses, and one that checks the laws of what it is given.
_VERDICTS = {False: (), True: (AssertionError,)}


def main():
    """Make the calls that the command line asks for, and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=30_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--good",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="make the good calls too",
    )
    parser.add_argument("--only", default="", help="of names that hold this")
    parser.add_argument("--kinds", default="", help="with wrong values whose names hold this")
    parser.add_argument("--log", type=pathlib.Path, help="write a line of JSON for each call here")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    calls = [call for call in good_calls() if options.only in call.name]
    if not any(call.takes_arguments for call in calls):
        parser.error(f"--only: no name holds {options.only!r}, or none that takes arguments")
    if not any(options.kinds in kind for kind in WRONG):
        parser.error(f"--kinds: no wrong value has a name that holds {options.kinds!r}")
    if options.worker is not None:
        work(options, calls)
        return 0
    began = time.monotonic()
    failures, count = collections.defaultdict(list), collections.Counter()
    called = set()
    for outcome in _outcomes(options, len(calls)):
        count[outcome["how"]] += 1
        called.add(outcome["name"])
        if options.log is not None:
            with options.log.open("a") as log:
                print(json.dumps(outcome), file=log)
        if outcome["how"] not in ("good", "accepted", "refused"):
            failures[outcome["how"], outcome["where"]].append(outcome)
    for (how, where), cases in sorted(failures.items(), key=lambda item: -len(item[1])):
        print(f"{len(cases)} x {how} at {where}")
        for case in cases[:3]:
            print(f"    call {case['call']}: {case['name']}({case['wrong']}): {case['what']}")
    if options.good:
        print(f"{count['good']} of {len(calls)} good calls work")
    print(
        f"{options.calls} wrong calls of {len(called)} callables: {count['refused']} refused with "
        f"a DcscError, {count['accepted']} accepted, {sum(map(len, failures.values()))} failures; "
        f"{time.monotonic() - began:.0f} s"
    )
    return int(bool(failures))


# ---- the side that watches -----------------------------------------------------------------------


def _outcomes(options, good):
    """Yield the outcome of every good call and of every wrong one, in any order."""
    outcomes = queue.Queue()
    first, last = 0 if options.good else good, good + options.calls
    for job in range(options.jobs):
        arguments = (options, first + job, last, outcomes)
        threading.Thread(target=_watch, args=arguments, daemon=True).start()
    for _ in range(first, last):
        outcome = outcomes.get()
        if outcome is None:
            sys.exit(
                "nightly.wrong_calls: a worker ended before its first call; what it said is above"
            )
        yield outcome


def _watch(options, place, last, outcomes):
    """Have every ``jobs``-th call made, from ``place`` on, by one process after the other."""
    while place < last:
        command = [sys.executable, "-m", "nightly.wrong_calls", *_same(options)]
        with tempfile.TemporaryDirectory() as folder:
            process = subprocess.Popen(
                [*command, "--worker", str(place)],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(_ROOT), "PYTHONHASHSEED": "0"},
                stdout=subprocess.PIPE,
                text=True,
            )
            place = _follow(process, place, options.jobs, outcomes)


def _read(stream, lines):
    with stream:
        for line in stream:
            lines.put(line)
    lines.put(None)


def _same(options):
    names = ("calls", "seed", "jobs", "only", "kinds")
    return [word for name in names for word in (f"--{name}", str(getattr(options, name)))]


def _follow(process, place, jobs, outcomes):
    """Pass on what a worker prints; return the call that comes after its last."""
    lines = queue.Queue()
    threading.Thread(target=_read, args=(process.stdout, lines), daemon=True).start()
    begun, limit, heard = None, _START, False
    while True:
        try:
            line = lines.get(timeout=limit)
        except queue.Empty:
            line, how = None, f"no answer within {limit:.0f} s"
        else:
            how = "crash"
        if line is None:
            break
        message, heard = json.loads(line), True
        if message["how"] == "begins":
            begun, limit = message, _START if message["good"] else _SECONDS
        else:
            outcomes.put(message)
            begun, limit, place = None, _START, message["call"] + jobs
    try:
        code = process.wait(timeout=_SECONDS if line is None and how == "crash" else 0)
    except subprocess.TimeoutExpired:
        process.kill()
        code = process.wait()
    if begun is None and code == 0:
        return sys.maxsize
    if not heard:
        outcomes.put(None)
        return sys.maxsize
    if begun is None:
        begun = {"call": place, "name": "worker", "wrong": ""}
    outcomes.put({**begun, "how": how, "where": begun["name"], "what": f"code {code}"})
    return begun["call"] + jobs


# ---- the side that calls -------------------------------------------------------------------------


def work(options, calls):
    """Make every ``jobs``-th call from one on; print a line of JSON before and after each."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    warnings.simplefilter("ignore")
    kinds = [kind for kind in WRONG if options.kinds in kind]
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for number in range(options.worker, len(calls) + options.calls, options.jobs):
        wrong = number >= len(calls)
        rng = np.random.default_rng([options.seed, max(number - len(calls), 0)])
        good = _drawn(calls, rng) if wrong else calls[number]
        told = {"call": number, "name": good.name, "wrong": "", "where": "", "what": ""}
        print(json.dumps({**told, "how": "begins", "good": True}), file=answers)
        function, arguments = good.make()
        if wrong:
            told["wrong"] = _spoil(arguments, rng, kinds)
            print(json.dumps({**told, "how": "begins", "good": False}), file=answers)
        told["how"] = _call(function, arguments, told)
        if not wrong:
            told["how"] = {"accepted": "good"}.get(told["how"], f"good call {told['how']}")
        print(json.dumps(told), file=answers)


def _drawn(calls, rng):
    while True:
        call = calls[rng.integers(len(calls))]
        kept = rng.random() < 1 / 8 or not any(word in call.name for word in _SLOW)
        if kept and call.takes_arguments:
            return call


def _spoil(arguments, rng, kinds=tuple(WRONG)):
    """Replace one argument or two by wrong values of some kinds; return in words what was done."""
    names = list(arguments)
    words = []
    for place in rng.permutation(len(names))[: 1 + (rng.random() < 1 / 4)]:
        good = wrong = arguments[names[place]]
        while wrong is good or (callable(good) and callable(wrong)):
            # what a function of the caller raises is the caller's
            kind = kinds[rng.integers(len(kinds))]
            wrong = WRONG[kind](good)
        arguments[names[place]] = wrong
        words.append(f"{names[place]}: {kind}")
    return ", ".join(words)


def _call(function, arguments, told):
    """Return how a call ends, and write into ``told`` where and with what."""
    by_place = [value for name, value in arguments.items() if isinstance(name, int)]
    by_name = {name: value for name, value in arguments.items() if isinstance(name, str)}
    try:
        function(*by_place, **by_name)
    except (DcscError, *_VERDICTS[".check_" in told["name"]]) as error:
        told["what"] = str(error)[:300]
        return "refused"
    except BaseException as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if "/dcsc/" in f.filename]
        frame = frames[-1] if frames else None
        told["where"] = f"{frame.filename.rpartition('/dcsc/')[2]}:{frame.lineno}" if frame else ""
        told["what"] = ascii(f"{error}")[:200]
        return type(error).__name__
    return "accepted"


if __name__ == "__main__":
    raise SystemExit(main())
