"""Some mutated files of every format; `nightly.mutated_files` reads as many as one likes."""

import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from dcsc.errors import DcscError
from dcsc.networks.readers import READERS
from nightly.mutants import worker
from nightly.mutants.files import Mutants
from nightly.mutants.formats import FORMATS, Format
from nightly.mutants.processes import work
from nightly.mutants.results import Results

ROOT = Path(__file__).parent.parent


@pytest.mark.usefixtures("torch")  # it writes the sound files of one format
def test_some_of_every_format_are_read_or_refused():
    results, count = Results(), 20 * len(FORMATS)
    work(results, seed=1, start=0, stop=count, step=1)
    assert results.failures == [], "\n".join(results.report())
    assert results.files == dict.fromkeys((kind.name for kind in FORMATS), 20)
    # Some mutants are sound and most of them are not: both ways are taken.
    assert count / 10 < results.read.total() < count * 9 / 10


def test_files_of_every_reader_are_mutated():
    names = {kind.name for kind in FORMATS}
    for reader in READERS:
        assert names & {f"network{suffix}" for suffix in reader.suffixes}, reader


def test_a_number_stands_for_a_mutant(tmp_path):
    contents = []
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        mutants = Mutants(3, tmp_path / place)
        numbers = [n for n in range(4 * len(FORMATS)) if "picture" in mutants.format(n).name]
        contents.append([mutants.write(number).read_bytes() for number in numbers])
    assert contents[0] == contents[1]
    assert len(set(contents[0])) > len(contents[0]) * 0.9


# ---- what fails is found -------------------------------------------------------------------------


def planted(read):
    return Format("planted", None, None, (read,))


def greedy(path):
    try:
        raise MemoryError
    except MemoryError:
        raise DcscError("expected less") from None


def warning(path):
    warnings.warn("odd", UserWarning, stacklevel=1)


def broken(path):
    raise KeyError(path)


def quoting(path):
    raise ValueError from DcscError("?")


FAULTS = {
    "a foreign exception": (broken, "KeyError"),
    "a warning": (warning, "UserWarning"),
    "memory": (greedy, "asks for too much memory"),
    "a foreign exception with one of dcsc's inside": (quoting, "ValueError"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_of_readers_are_failures(name, tmp_path):
    read, kind = FAULTS[name]
    ((found, _, _),) = worker.outcome(planted(read), tmp_path)["failures"]
    assert found == kind


def test_what_is_right_is_no_failure(tmp_path):
    def refuse(path):
        raise DcscError("expected a sound file")

    assert worker.outcome(planted(refuse), tmp_path)["failures"] == []
    assert not worker.outcome(planted(refuse), tmp_path)["read"]
    assert worker.outcome(planted(Path.exists), tmp_path)["read"]


# Audit hooks stay for good, so that this is a process of its own.
WATCHED = """
import ast, os, pickle, sys
from pathlib import Path
from nightly.mutants.watch import Watch

class Code:
    def __reduce__(self):
        return os.mkdir, ("made",)

watch, inside = Watch(), Path("inside")
pickled = pickle.dumps(Code())
sys.addaudithook(watch.hook)
for act in (
    lambda: (inside / "file").read_bytes(),
    lambda: ast.literal_eval("[1, 2]"),
    lambda: Path(os.__file__).read_bytes(),
    lambda: Path("secret").read_bytes(),
    lambda: (inside / "link").read_bytes(),
    lambda: (inside / "file").write_bytes(b""),
    lambda: pickle.loads(pickled),
    lambda: eval("1 + 1"),
    lambda: __import__("stranger"),
    lambda: os.system("true"),
):
    watch.start(inside)
    try:
        act()
    except ImportError:
        pass
    print(*(event.split()[0] for event in watch.stop()))
"""


def test_what_readers_must_not_do_is_seen(tmp_path):
    (tmp_path / "inside").mkdir()
    for name in ("secret", "inside/file"):
        (tmp_path / name).write_bytes(b"...")
    (tmp_path / "inside" / "link").symlink_to(tmp_path / "secret")
    done = subprocess.run(
        [sys.executable, "-c", WATCHED],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    seen = [line.split() for line in done.stdout.splitlines()]
    assert seen[:3] == [[], [], []]
    assert [events[0] for events in seen[3:6]] == ["opens", "opens", "writes"]
    assert "pickle.find_class" in seen[6]
    assert "os.mkdir" in seen[6]
    assert set(seen[7]) == {"compile", "exec"}
    assert seen[8:] == [["imports"], ["os.system"]]


def test_the_report_counts_a_mutant_once():
    results = Results()
    results.add(7, {"format": "a", "read": False, "failures": [("takes more than 20 s", "x", "")]})
    results.add(9, {"format": "a", "read": True, "failures": []})
    results.add(8, {"format": "b", "read": False, "failures": [("takes more than 20 s", "x", "")]})
    report = "\n".join(results.report())
    assert re.search(r"^a +2 +1 +1 +1$", report, re.MULTILINE)
    assert re.search(r"^all +3 +1 +2 +2$", report, re.MULTILINE)
    assert "1 × a: takes more than 20 s at x, first 7" in report
