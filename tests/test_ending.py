"""How commands end: one line, and a code that says of what kind the end is."""

import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from dcsc import cli
from dcsc.bounds import Certificate, LayerStatistics, UniformBound
from dcsc.cli import proofs
from dcsc.cli.common import print_table
from dcsc.errors import DcscError
from tests.commands import PATIENCE, run, start, wait_for
from tests.sweeps.cases import SMALL

COMMAND = [sys.executable, "-m", "dcsc"]


def ended(monkeypatch, called, error):
    """Return how a command ends that raises an error in the middle of its work."""

    def raising(*_, **__):
        raise error

    monkeypatch.setattr(type(cli.app), "__call__", raising)
    done = called()
    assert done.out == ""
    return done.code, done.err


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (DcscError("a: expected b,\n  got c"), 2, "a: expected b, got c"),
        (OSError(28, "No space left on device", "a.png"), 2, "No space left on device: a.png"),
        (MemoryError(), 2, "not enough memory: the machine has no more"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (ValueError("x\x1b[31m"), 70, "unexpected ValueError: x\\x1b[31m"),
        (RecursionError("too deep"), 70, "unexpected RecursionError: too deep"),
        (UnicodeError("no such letter"), 70, "unexpected UnicodeError: no such letter"),
        (BrokenPipeError(32, "Broken pipe"), 2, "Broken pipe"),  # of a worker: stdout is whole
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_errors_end_in_one_line(monkeypatch, called, error, code, line):
    hint = " (DCSC_TRACEBACK=1 shows where)" if code == 70 else ""
    assert ended(monkeypatch, called, error) == (code, f"dcsc: {line}{hint}\n")


def test_long_messages_lose_their_middle(monkeypatch, called):
    code, err = ended(monkeypatch, called, DcscError("a" * 100_000))
    assert code == 2
    assert len(err) < 2100


def test_a_traceback_is_there_for_those_who_ask(monkeypatch, called):
    monkeypatch.setenv("DCSC_TRACEBACK", "1")
    code, err = ended(monkeypatch, called, ValueError("mistake"))
    assert code == 70
    assert "raising\n    raise error" in err


def test_warnings_are_one_line(monkeypatch, called):
    def warn(*_, **__):
        warnings.simplefilter("always")
        warnings.warn("so\nmuch", stacklevel=1)

    monkeypatch.setattr(type(cli.app), "__call__", warn)
    assert called() == (0, "", "dcsc: warning: so much\n")


def test_a_crash_is_not_the_word_false(tmp_path, monkeypatch, called):
    layer = LayerStatistics(coherence=1 / 13, x_min=1, x_max=1, sparsity=6)
    Certificate.of(UniformBound().evaluate(layer)).write(tmp_path)
    files = (tmp_path / "certificate.json", "--evidence", tmp_path / "evidence.npz")
    assert called("verify", *files).code == 0
    text = files[0].read_text()
    files[0].write_text(text.replace('"sparsity": 6', '"sparsity": 5'))
    assert called("verify", *files).code == 1
    monkeypatch.setattr(proofs, "verify_certificate", lambda *_: 1 / 0)
    assert called("verify", *files).code == 70


# ---- in processes of their own -------------------------------------------------------------------


def shell(line, cwd, **variables):
    """Run a line of shell, in which DCSC is the command; return its code, and what it printed."""
    done = subprocess.run(
        ["bash", "-c", line.replace("DCSC", " ".join(COMMAND))],
        cwd=cwd,
        env={**os.environ, "MPLBACKEND": "agg", **variables},
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize("command", ["explain", "--help", "analyze --help"])
def test_a_reader_that_goes_is_no_error(command, tmp_path):
    """``true`` is gone long before anything is printed; ``head`` may be, or not."""
    assert shell(f"set -o pipefail; DCSC {command} | true", tmp_path) == (141, "", "")
    code, out, err = shell(f"DCSC {command} | head -n 1", tmp_path)
    assert (code, len(out.splitlines()), err) == (0, 1, "")


def test_streams_that_are_full_or_closed(tmp_path):
    assert shell("DCSC explain > /dev/full", tmp_path) == (
        2, "", "dcsc: No space left on device\n"
    )  # fmt: skip
    assert shell("DCSC explain >&- ", tmp_path) == (0, "", "")
    assert shell("DCSC explain --delta 2 2>&-", tmp_path) == (2, "", "")
    assert [path.name for path in tmp_path.iterdir()] == ["explain.png"]


def test_a_terminal_of_few_letters_and_columns(tmp_path):
    code, out, err = shell(
        "DCSC recover --draws 2", tmp_path, PYTHONIOENCODING="ascii", PYTHONUTF8="0", COLUMNS="60"
    )
    assert (code, err) == (0, "")
    assert out.isascii()
    assert "layer 1\n  S: " in out


@pytest.mark.parametrize("libraries", [["numpy"], ["numpy", "scipy"], ["numpy", "matplotlib"]])
@pytest.mark.parametrize("way", ["module", "script"])
def test_interrupted_while_it_imports(libraries, way, tmp_path):
    """Its libraries are mapped one after the other, which tells how far the imports are."""
    script = tmp_path / "dcsc"
    script.write_text("from dcsc.cli import main\nmain()\n")
    program = ("-m", "dcsc") if way == "module" else (script,)
    with start("explain", cwd=tmp_path, program=program) as process:
        maps = Path(f"/proc/{process.pid}/maps")
        wait_for(lambda: all(f"/{library}/" in maps.read_text() for library in libraries), process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (130, "", "dcsc: interrupted\n")


def test_libraries_that_cannot_be_imported(tmp_path):
    (tmp_path / "numpy.py").write_text("raise RuntimeError('broken\\nfor good')\n")
    path = os.pathsep.join([str(tmp_path), *sys.path])
    assert shell("DCSC explain", tmp_path, PYTHONPATH=path) == (
        70, "", "dcsc: could not start: RuntimeError: broken for good\n"
    )  # fmt: skip
    assert shell("DCSC explain 2>&-", tmp_path, PYTHONPATH=path) == (70, "", "")


# ---- tables --------------------------------------------------------------------------------------

ROWS = [("x" * 20_000, "0.5"), ("[/]\x1b[31m", "1.5 of 2"), ("$a$", "–")]


@pytest.mark.parametrize("width", [40, 75, 200])
def test_tables_fit(width, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(width))
    headings = ("layer", *(f"a heading {number}" for number in range(5)))
    rows = [(name, *[cell] * 5) for name, cell in ROWS]
    print_table("[/] \x1b", headings, rows)
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "[/]\\x1b[31m" in out
    assert max(map(len, out.splitlines())) <= width
    assert ("│" in out) == (width > 40)
    assert out.count("heading") >= 5


LEAVING = """
from joblib.externals.loky.backend import resource_tracker

from dcsc.projections import HardThreshold

resource_tracker.register("/left", "semlock")


class Leaving(HardThreshold):
    pass
"""


def test_what_is_left_to_be_tidied_up_is_not_said(tmp_path):
    """What joblib's tracker finds when a command has ended is no line of the command's."""
    (tmp_path / "own_leaving.py").write_text(LEAVING)
    text = SMALL.replace('"HardThreshold"', '"own_leaving:Leaving"')
    (tmp_path / "own.toml").write_text(text)
    done = run("sweep", "own.toml", "--out", "out", "--allow-code", "--dry-run", cwd=tmp_path)
    assert "8 cells" in done.out + done.err
    assert [line for line in done.err.splitlines() if not line.startswith("dcsc")] == []


def printed(arguments, code):
    """What a program prints that takes itself for ``python`` with these arguments."""
    script = f"import sys\nsys.orig_argv[1:] = {arguments}\n{code}"
    ran = subprocess.run(
        [sys.executable, "-c", script], check=True, stdout=subprocess.PIPE, text=True
    )
    return ran.stdout


def test_a_command_collects_no_garbage_at_its_end_and_other_programs_do():
    """The functions that are called at the end are called in reverse: this is the last of them."""
    code = (
        "import atexit, gc\natexit.register(lambda: print(gc.get_freeze_count() > 0))\nimport dcsc"
    )
    assert printed([], code) == "False\n"
    assert printed(["-m", "dcsc"], code) == "True\n"


def test_threads_that_wait_sleep_soon_in_commands_only(monkeypatch):
    monkeypatch.delenv("OPENBLAS_THREAD_TIMEOUT", raising=False)
    code = "import os, dcsc\nprint(os.environ.get('OPENBLAS_THREAD_TIMEOUT'))"
    assert printed([], code) == "None\n"
    assert printed(["-m", "dcsc"], code) == "20\n"
