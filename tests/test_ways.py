"""Compiled or plain: the same numbers, whatever numba can or cannot do on a machine."""

import importlib
import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcsc import DCSCModel, DenseDictionary, HardThreshold, Layer, _numerics
from dcsc._numerics import among, among_plain, compiling, plain, ways
from dcsc.experiments import simulate
from dcsc.experiments.simulation import outcomes
from dcsc.experiments.simulation import plain as plain_outcomes
from dcsc.experiments.simulation.comparisons import Comparisons
from dcsc.projections import Selection
from dcsc.pursuits import taking, taking_plain
from tests import strategies

ROOT = Path(__file__).parents[1]
README = ROOT.joinpath("README.md").read_text()
TWELVE_LINES, SHOWN = re.search(
    r"## Twelve lines.*?```python\n(.*?)```\n\n```text\n(.*?)```", README, re.DOTALL
).groups()


def python(code, *arguments, folder, **environment):
    """Run a program with a cache of its own for what it compiles."""
    return subprocess.run(
        [sys.executable, "-W", "always::RuntimeWarning", "-c", code, *arguments],
        env={**os.environ, "MPLBACKEND": "agg", "NUMBA_CACHE_DIR": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


# ---- two leaves ----------------------------------------------------------------------------------


def test_every_function_has_two_leaves_of_one_signature():
    for doors, leaves, modules in (
        (
            _numerics,
            plain,
            [
                "convolution",
                "drawn",
                "moments",
                "stripes",
                "philox",
                "rows",
                "selberg",
            ],
        ),
        (outcomes, plain_outcomes, ["loops"]),
        (taking, taking_plain, ["taking_loops"]),
        (among, among_plain, ["among_loops"]),
    ):
        compiled = [
            importlib.import_module(f"{doors.__spec__.parent}.{module}") for module in modules
        ]
        assert set(doors.__all__) == set(leaves.__all__)
        for name in doors.__all__:
            (leaf,) = [getattr(module, name) for module in compiled if hasattr(module, name)]
            assert inspect.signature(leaf) == inspect.signature(getattr(leaves, name))


@given(st.data(), st.sampled_from([0, 3, 8]), st.booleans())
def test_outcomes_are_the_same_compiled_and_plain(data, bits, one_sided):
    """Tables of few signs bit for bit, and sums of many, also with an offset for every draw."""
    from dcsc.experiments.simulation import loops  # noqa: PLC0415

    dictionary = data.draw(strategies.dictionaries())
    codes = data.draw(strategies.codes(dictionary, batch=(2,)))
    level = data.draw(st.sampled_from([0.0, 0.3, 2.0]))
    selection = Selection(level, one_sided=one_sided, shrinkage=False)
    every = Comparisons.of(dictionary, selection, codes, 0.1)
    few = np.diff(every.start) <= bits
    rng = np.random.default_rng(data.draw(strategies.seeds))
    packed = rng.integers(0, 2**64, (len(every.atoms), 2), dtype=np.uint64)
    sums = [every.take(np.flatnonzero(few)), every.take(np.flatnonzero(~few))]
    results = []
    for way in (loops, plain_outcomes):
        first = sums[0].sums(sums[0].offset)
        tables = way.join(*first[:2], *way.tabulate(*first), bits)
        looked_up, added, of_a_word = (np.zeros(128, np.uint8) for _ in range(3))
        wrong, unsure = np.zeros((2, 128), np.int64), np.zeros(128, bool)
        way.look_up(packed, *tables, looked_up)
        way.add_up(packed, *sums[1].sums(sums[1].offset[:, None]), added)
        offset = np.linspace(-1, 1, len(every) * 64).reshape(len(every), 64)
        word = np.ascontiguousarray(packed[:, :1])
        way.add_up(word, *every.sums(offset), of_a_word[:64])
        way.count(word, *every.sums(offset), wrong[:, :64], unsure[:64])
        results.append((*tables, looked_up, added, of_a_word, wrong, unsure))
    for one, other in zip(*results, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("way", ["compiled", "plain"])
def test_codes_that_are_zero_fail_by_the_noise_alone(way, monkeypatch):
    """No sign decides anything there, so that there is none to look up."""
    monkeypatch.setattr(ways, "_asked", lambda: way == "plain")
    model = DCSCModel([Layer(DenseDictionary(np.eye(3)), HardThreshold(0.5))])
    for noise, false_alarms in (([0.4, -0.4, 0.2], 0), ([0.6, -0.6, 0.2], 2)):
        tally = simulate(model, np.zeros(3), 70, noise=noise, entries=True)
        assert (tally.missed.tolist(), tally.false_alarms.tolist()) == ([0], [70 * false_alarms])
        assert tally.failures.tolist() == [70 * (false_alarms > 0)] * 2
    drawn = simulate(model, np.zeros(3), 70, noise=100.0)
    assert drawn.failures.tolist() == [70, 70]


# ---- without numba -------------------------------------------------------------------------------

NUMBERS = """
import json, sys
import numpy as np
from dcsc import *
from dcsc import codes
from dcsc.cli import main
from dcsc.dictionaries import filters
from dcsc.experiments import simulate

rng = np.random.default_rng(0)
below = CirculantDictionary(filters.equicorrelated(16, 64, 2, 0.05, rng=0), 12)
above = ToeplitzDictionary(filters.rademacher(6, 16, 3, rng=0), 12, 1, 1)
two = DCSCModel([Layer(below, SoftThreshold(0.03)), Layer(above, HardThreshold(0.4))])
x = codes.draw(above, 1, (2,), rng=2)
y = np.abs(codes.draw(below, 8, rng=4))
y[y != 0] += 1
one = DCSCModel([Layer(below, ReLU(0.4))])
plane = CirculantDictionary(filters.gaussian(64, 1, (5, 5), rng=3), (30, 30))
z = rng.standard_normal((2, *plane.code_shape))
signals = rng.standard_normal((3, *below.signal_shape))
print(json.dumps({
    "two": simulate(two, x, 100, entries=True).missed.tolist(),
    "one": simulate(one, y, 200, noise=0.3, entries=True).false_alarms.tolist(),
    "top": np.flatnonzero(StripeTopK(9)(z, plane)).tolist(),
    "instance": InstanceBound().evaluate(LayerInstance(below, y, 0.4)).failure_probability,
    "norm": float(np.linalg.norm(above.synthesize(above.analyze(below.analyze(signals))))),
}))
if len(sys.argv) > 1:
    main()
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    done = python(NUMBERS, folder=os.environ.get("NUMBA_CACHE_DIR", ""))
    assert done.returncode == 0, done.stderr
    numbers = json.loads(done.stdout)
    assert 0 < numbers["instance"] < 1
    assert sum(numbers["two"]) > 0 < sum(numbers["one"])
    return numbers


@pytest.mark.parametrize("variable", ["DCSC_PLAIN", "NUMBA_DISABLE_JIT"])
def test_the_environment_asks_for_the_plain_way(variable, compiled, tmp_path):
    late = "assert 'numba' not in sys.modules, 'numba was imported'"
    done = python(NUMBERS + late, folder=tmp_path, **{variable: "1"})
    assert done.stderr == ""
    assert_the_same(json.loads(done.stdout), compiled)


def test_everything_runs_where_numba_is_not_installed(compiled, tmp_path):
    """The numbers are those of the compiled way, and one sentence says why it is slower."""
    missing = "import sys; sys.modules['numba'] = None\n"
    command = ["recover", "--draws", "4", "--out", str(tmp_path)]
    done = python(missing + NUMBERS, *command, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert_the_same(json.loads(done.stdout.splitlines()[0]), compiled)
    assert (tmp_path / "recover.png").exists()
    assert done.stderr.count("CompilationWarning") == 1
    assert "import of numba" in done.stderr


def assert_the_same(numbers, compiled):
    """Counts are equal, and others differ by rounding."""
    for name in ("instance", "norm"):
        assert numbers[name] == pytest.approx(compiled[name], rel=1e-12)
    for name in ("two", "one", "top"):
        assert numbers[name] == compiled[name]


def test_twelve_lines_without_numba(tmp_path):
    done = python(TWELVE_LINES, folder=tmp_path, DCSC_PLAIN="1")
    assert done.stdout == SHOWN
    assert done.stderr == ""


# ---- compilers and caches that break -------------------------------------------------------------

WORDS = """
import numpy as np
from dcsc._numerics import random_words
words = random_words(np.array([1, 2], np.uint64), np.arange(3), 5)
random_words(np.array([1, 2], np.uint64), np.arange(3), 5)
print(words.tolist())
"""
EXPECTED = str(plain.random_words(np.array([1, 2], np.uint64), np.arange(3), 5).tolist()) + "\n"

BREAKS = {
    "llvmlite is missing": ("import sys; sys.modules['llvmlite'] = None", "in numpy"),
    "the compiler fails": (
        "from numba.core import compiler\n"
        "def fail(*args, **kwargs): raise RuntimeError('no such target')\n"
        "compiler.compile_extra = fail",
        "in numpy",
    ),
    "no folder is writable": (
        "from numba.core import caching\n"
        "caching.CacheImpl._locator_classes = []\n"
        "caching.FunctionCache._impl_class._locator_classes = []",
        "cannot cache function",
    ),
    "the disk is full": (
        "from numba.core import caching\n"
        "def full(*args): raise OSError(28, 'No space left on device')\n"
        "caching.IndexDataCacheFile._save_index = full",
        "No space left",
    ),
}


@pytest.mark.parametrize("what", BREAKS)
def test_what_breaks_is_told_in_one_sentence(what, tmp_path):
    broken, told = BREAKS[what]
    done = python(broken + WORDS, folder=tmp_path)
    assert done.stdout == EXPECTED, done.stderr
    assert done.stderr.count("CompilationWarning") == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
def test_a_cache_that_was_cut_off_is_written_again(kind, tmp_path):
    assert python(WORDS, folder=tmp_path).stderr == ""
    files = list(tmp_path.rglob(f"*.{kind}"))
    assert files
    for file in files:
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    done = python(WORDS, folder=tmp_path)
    assert done.stdout == EXPECTED
    assert done.stderr.count("CompilationWarning") == 1
    assert "Traceback" not in done.stderr
    again = python(WORDS, folder=tmp_path)
    assert (again.stdout, again.stderr) == (EXPECTED, "")


def test_code_of_another_signature_is_not_run(tmp_path):
    """Processes that save at once can write two signatures to one file of the cache."""
    code = (
        "import numpy as np\nfrom dcsc import HardThreshold\n"
        "for kind in (np.float32, np.float64):\n"
        "    print(HardThreshold(1)(np.array([1, 2, -3], kind)).tolist())"
    )
    expected = "[0.0, 2.0, -3.0]\n" * 2
    assert python(code, folder=tmp_path).stdout == expected
    first, second = sorted(tmp_path.rglob("*select*.nbc"))
    bytes_of_first = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(bytes_of_first)
    done = python(code, folder=tmp_path)
    assert (done.stdout, done.stderr) == (expected, "")


def test_loops_are_compiled_again_where_what_they_call_may_have_changed(tmp_path):
    """numba looks at the file of a loop itself, and not at those of what it calls."""
    (tmp_path / "first.py").write_text("a = 1")
    before = compiling.latest_change(tmp_path)
    (tmp_path / "second.py").write_text("b = 2")
    assert compiling.latest_change.__wrapped__(tmp_path) != before
    counted = """
from numba.core import caching
from dcsc._numerics import compiling
compiling.latest_change = lambda folder: (1.0, SIZE)
kept, save = [], caching.FunctionCache.save_overload
caching.FunctionCache.save_overload = lambda *args: (kept.append(args), save(*args))
"""
    for size, anew in (1, True), (1, False), (2, True):
        begin = counted.replace("SIZE", str(size))
        done = python(begin + WORDS + "print(len(kept) > 0)", folder=tmp_path / "kept")
        assert (done.stdout, done.stderr) == (f"{EXPECTED}{anew}\n", "")


def test_what_is_part_of_a_loop_stands_beside_it_or_beside_the_compiler(monkeypatch):
    asked = []
    monkeypatch.setattr(compiling, "latest_change", asked.append)
    compiling.loop(lambda: None)
    assert asked == sorted({Path(compiling.__file__).parent, Path(__file__).parent})


def test_loops_are_loaded_without_the_compiler_which_still_works_after(compiled):
    """numba imports dictionaries and lists, say, and looks for packages that extend it."""
    after = """
import numba
from numba.core import entrypoints
compiler = {"numba.typed.typeddict", "numba.np.arrayobj"}
def show(*words): print(*words, len(compiler & {*sys.modules}), entrypoints._already_initialized)
show()
show(numba.njit(lambda n: np.arange(n).sum())(4))
"""
    done = python(NUMBERS + after, folder=os.environ.get("NUMBA_CACHE_DIR", ""))
    numbers, loaded, anew = done.stdout.splitlines()
    assert_the_same(json.loads(numbers), compiled)
    assert (loaded, anew) == ("0 False" if compiling.LIGHT else "2 True", "6 2 True")


def test_loops_are_compiled_among_those_that_are_kept(compiled, tmp_path):
    """What they call is loaded then, and becomes a part of them."""
    assert_the_same(json.loads(python(NUMBERS, folder=tmp_path).stdout), compiled)
    kept = [file for file in tmp_path.rglob("*.nb?") if ".correlate-" in file.name]
    assert len(kept) == 2
    for file in kept:
        file.unlink()
    done = python(NUMBERS, folder=tmp_path)
    assert done.stderr == ""
    assert_the_same(json.loads(done.stdout), compiled)
    assert all(file.exists() for file in kept)


def test_processes_that_compile_at_once_do_not_disturb_each_other(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", WORDS],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    assert [process.communicate(timeout=300) for process in running] == [(EXPECTED, "")] * 2
    done = python(WORDS, folder=tmp_path)
    assert (done.stdout, done.stderr) == (EXPECTED, "")
