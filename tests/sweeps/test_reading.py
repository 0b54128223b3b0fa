"""Sweep files: what they can say, and every mistake with its place."""

import datetime
import math
import re
from pathlib import Path

import pytest

from dcsc.errors import DcscError
from dcsc.experiments.sweeps import Stopping, Sweep
from dcsc.experiments.sweeps.tables import RESERVED
from tests.cases import PROJECTIONS, SIGNS
from tests.sweeps.cases import BARE, SMALL, axes, sweep, table

TASKS = "layers, codes, noise, pursuit, depth, seed, bounds, delta, constants"
FILTERS = '{ kind = "gaussian", n = 3, c = 12, kernel = 3 }'
KINDS, SIGN_KINDS = (
    ", ".join(sorted(kind.__name__ for kind in family)) for family in (PROJECTIONS, SIGNS)
)
RANGE = "expected [first, last, count], count from 1 to 1000000"
THRESHOLD = "threshold = 0.5"
NOISE = 'parameter = "noise"\nvalues = [0.0, 0.2]'
SPARSITY = "values = [1, 2, 3, 5]"

# What is replaced in SMALL, what by, and what is said of it after the name of the file.
MISTAKES = {
    "key of the file": ("trials", "trails", "no key 'trails': did you mean 'trials'?; expected a "
        "key 'trials', got none"),
    "key of a layer": ("projection =", "projektion =", "layers.1: expected a key 'projection', got "
        "none; layers.1: no key 'projektion': did you mean 'projection'?"),
    "key of the codes": ("amplitudes", "amplitude", "codes: no key 'amplitude': did you mean "
        "'amplitudes'?"),
    "key of the stop": ("[codes]", "[stop]\nwidht = 0.1\n[codes]", "stop: no key 'widht': did you "
        "mean 'width'?"),
    "key of an axis": (NOISE, NOISE + "\nlabel = [1, 2]", "axes.noise: no key 'label': did you "
        "mean 'labels'?"),
    "key of the constants": ("[codes]", "[constants]\nx_min = [1]\nx_max = [1]\n[codes]",
        "constants: no key 'x_max': did you mean 'x_min'?"),
    "parameter of a dictionary": ("extent", "extend", "layers.1.dictionary: CirculantDictionary "
        "has no 'extend': did you mean 'extent'?"),
    "parameter of filters": ("kernel", "kernels", "layers.1.dictionary.filters: gaussian has no "
        "'kernels': did you mean 'kernel'?"),
    "parameter of a projection": ("threshold =", "beta =", "layers.1.projection: HardThreshold has "
        "no 'beta': expected one of threshold"),
    "parameter missing": ("extent = 12", "", "layers.1.dictionary: CirculantDictionary needs "
        "'extent'"),
    "parameters of filters missing": (FILTERS, '"gaussian"', "layers.1.dictionary.filters: "
        "gaussian needs 'n' and 'c' and 'kernel'"),
    "name of a dictionary": ("CirculantDictionary", "Circulant", "layers.1.dictionary: no "
        "dictionary is called 'Circulant': did you mean 'CirculantDictionary'?"),
    "abstract name": ("CirculantDictionary", "Dictionary", "layers.1.dictionary: no dictionary is "
        "called 'Dictionary': did you mean 'DenseDictionary'?"),
    "name of filters": ("gaussian", "gausian", "layers.1.dictionary.filters: no filters are called "
        "'gausian': did you mean 'gaussian'?"),
    "name of a projection": ("HardThreshold", "HardTreshold", "layers.1.projection: no projection "
        "is called 'HardTreshold': did you mean 'HardThreshold'?"),
    "name of amplitudes": ("ConstantAmplitudes", "Constant", "codes.amplitudes: no amplitudes are "
        "called 'Constant': did you mean 'ConstantAmplitudes'?"),
    "name of signs": ("projection =", 'signs = "Rademacher"\nprojection =', "layers.1.signs: no "
        "signs are called 'Rademacher': did you mean 'RademacherSigns'?"),
    "names of bounds": ("trials", 'bounds = ["UniformBond", "RobustBounds"]\ntrials', "bounds.1: "
        "no bound is called 'UniformBond': did you mean 'UniformBound'?; bounds.2: no bound is "
        "called 'RobustBounds': did you mean 'RobustBound'?"),
    "no kind": ('kind = "HardThreshold", ', "", "layers.1.projection: expected a kind, one of "
        + KINDS),
    "name like no other": ("HardThreshold", "xyz", "layers.1.projection: no projection is called "
        f"'xyz': expected one of {KINDS}"),
    "number for a strategy": (FILTERS, FILTERS + "\n[layers.signs]\nkind = 3", "layers.1.signs: "
        f"expected a kind, one of {SIGN_KINDS}"),
    "neither name nor table": ('"ConstantAmplitudes"', "3", "codes.amplitudes: expected a name "
        "or a table with a kind, got 3"),
    "string for a count": ("trials = 100", 'trials = "100"', "trials: expected a whole number, got "
        "'100'"),
    "fraction for a count": ("trials = 100", "trials = 100.0", "trials: expected a whole number, "
        "got 100.0"),
    "truth for a count": ("trials = 100", "trials = true", "trials: expected a whole number, got "
        "True"),
    "no trial": ("trials = 100", "trials = 0", "trials: expected at least 1, got 0"),
    "more trials than anybody waits for": ("trials = 100", "trials = 1000000000000", "trials: "
        "expected at most 1000000000, got 1000000000000"),
    "title": ('"small"', "3", "title: expected a string, got 3"),
    "bounds are a list": ("trials", 'bounds = "UniformBound"\ntrials', "bounds: expected a list, "
        "got 'UniformBound'"),
    "layers are tables": (SMALL[SMALL.index("[[lay"):SMALL.index("[codes]")], "layers = [1]\n",
        "layers.1: expected a table, got 1"),
    "layers are a list": (SMALL[SMALL.index("[[lay"):SMALL.index("[codes]")], "layers = 1\n",
        "layers: expected a list, got 1"),
    "no layers": (SMALL[SMALL.index("[[lay"):SMALL.index("[codes]")], "layers = []\n",
        "layers: expected one layer or more"),
    "batch": ("[codes]", '[codes]\nbatch = [2, "x", 0.5]', "codes.batch.2: expected a whole "
        "number, got 'x'; codes.batch.3: expected a whole number, got 0.5"),
    "seed": ("trials", "seed = -1\ntrials", "seed: expected at least 0, got -1"),
    "large seed": ("trials", "seed = 99999999999999999999\ntrials", "seed: expected a whole number "
        "of at most 64 bits, got 99999999999999999999"),
    "delta": ("trials", "delta = 1.5\ntrials", "delta: expected 0 to 1, got 1.5"),
    "depth": ("trials", "depth = 2\ntrials", "depth: expected 1 to 1, got 2"),
    "width": ("[codes]", "[stop]\nwidth = -0.1\n[codes]", "stop: Stopping: width: expected at "
        "least 0, got -0.1"),
    "levels": ("[codes]", "[stop]\nlevels = [0.5, 2]\n[codes]", "stop: Stopping: levels: expected "
        "at most 1, got 2.0"),
    "levels are a list": ("[codes]", "[stop]\nlevels = 0.5\n[codes]", "stop.levels: expected a "
        "list, got 0.5"),
    "levels are numbers": ("[codes]", '[stop]\nlevels = ["x"]\n[codes]', "stop.levels.1: expected "
        "a number, got 'x'"),
    "constants": ("[codes]", "[constants]\nx_min = [1, 1]\n[codes]", "constants.x_min: expected 1 "
        "numbers, one per layer, got 2"),
    "constants of a sign": ("[codes]", "[constants]\nx_min = [-1]\n[codes]", "constants: x_min: "
        "expected numbers of at least 0, got [-1.0]"),
    "no constants": ("[codes]", "[constants]\n[codes]", "constants: expected a key 'x_min', got "
        "none"),
    "infinity": (THRESHOLD, "threshold = inf", "layers.1.projection.threshold: expected a number, "
        "got inf"),
    "a date": (THRESHOLD, "threshold = 2001-02-03", "layers.1.projection.threshold: expected a "
        "number, a string, a list or a table, got datetime.date(2001, 2, 3)"),
    "axes are tables": (NOISE, "", "axes.noise: expected a key 'parameter', got none"),
    "axis is no table": (SMALL[SMALL.index("[axes.sp"):], "[axes]\nnoise = 3", "axes.noise: "
        "expected a table, got 3"),
    "axes are no table": (SMALL[SMALL.index("[axes.sp"):], "[[axes]]\nnoise = 3", "axes: expected "
        "a table, got [{'noise': 3}]"),
    "two ways": (NOISE, NOISE + "\nlinear = [0, 1, 2]", "axes.noise: expected one of values, "
        "linear, geometric, got values and linear"),
    "no way": (NOISE, 'parameter = "noise"', "axes.noise: expected one of values, linear, "
        "geometric, got none"),
    "no value": (SPARSITY, "values = []", "axes.sparsity: expected one value or more"),
    "values are a list": (SPARSITY, "values = 3", "axes.sparsity.values: expected a list, got 3"),
    "labels are fewer": (SPARSITY, SPARSITY + "\nlabels = [1]", "axes.sparsity: labels: expected 4 "
        "of them, got 1"),
    "labels are lists": (SPARSITY, "values = [1]\nlabels = [[1]]", "axes.sparsity: labels: "
        "expected a number or a string for each value"),
    "labels are not given": (NOISE, 'parameter = "codes.batch"\nvalues = [[1], [2]]', "axes.noise: "
        "labels: expected a number or a string for each value"),
    "values agree": (NOISE, 'parameter = "noise"\nvalues = [1, 1.0]', "axes.noise: expected values "
        "that differ, got [1, 1.0]"),
    "labels agree": (SPARSITY, "values = [1, 2]\nlabels = ['a', 'a']", "axes.sparsity: expected "
        "values that differ, got ['a', 'a']"),
    "label is no number": (SPARSITY, "values = [1, 2]\nlabels = [1, nan]", "axes.sparsity.labels."
        "2: expected a number, got nan"),
    "value of the wrong type": (SPARSITY, "values = [1, 2.5]", "axes.sparsity: at 2.5: "
        "codes.sparsity: expected a whole number, got 2.5"),
    "value out of range": (NOISE, 'parameter = "noise"\nvalues = [0, -1]', "axes.noise: at -1: "
        "noise: expected at least 0, got -1"),
    "reserved name": ("[axes.noise]", "[axes.layer]", "axes.layer: expected another name: 'layer' "
        "is one of the results'"),
    "name with a slash": ("[axes.noise]", '[axes."a/b"]', "axes.a/b: expected a name of letters, "
        "digits and _, got 'a/b'"),
    "place in the layers": ('"codes.sparsity"', '"layers.2.signs"', "axes.sparsity.parameter: "
        "layers.2.signs: expected a number from 1 to 1 or *, got '2'"),
    "place below a number": ('"codes.sparsity"', '"codes.sparsity.x"', "axes.sparsity.parameter: "
        "codes.sparsity.x: expected a table to put 'x' into, got 2"),
    "place that is none": ('"noise"', '"nosie"', "no key 'nosie': did you mean 'noise'?"),
    "place in the head": ('"noise"', '"trials"', f"no key 'trials': expected one of {TASKS}"),
    "range too short": (SPARSITY, "linear = [1, 2]", f"axes.sparsity: linear: {RANGE}, got [1, 2]"),
    "range of a word": (SPARSITY, 'linear = ["a", 2, 3]', f"axes.sparsity: linear: {RANGE}, got "
        "['a', 2, 3]"),
    "range of no point": (SPARSITY, "linear = [1, 2, 0]", f"axes.sparsity: linear: {RANGE}, got "
        "[1, 2, 0]"),
    "range of half a point": (SPARSITY, "geometric = [1, 2, 2.5]", f"axes.sparsity: geometric: "
        f"{RANGE}, got [1, 2, 2.5]"),
    "range of a truth": (SPARSITY, "linear = [1, 2, true]", f"axes.sparsity: linear: {RANGE}, got "
        "[1, 2, True]"),
    "range without end": (SPARSITY, "linear = [1, 2, 1000000000000]", f"axes.sparsity: linear: "
        f"{RANGE}, got [1, 2, 1000000000000]"),
    "range of fewer whole numbers": (SPARSITY, "linear = [1, 3, 9]", "axes.sparsity: linear: "
        "expected 9 whole numbers from 1 to 3 that differ, got 3 of them: ask for fewer, or list "
        "them as values"),
    "range of fewer powers": (SPARSITY, "geometric = [1, 8, 7]", "axes.sparsity: geometric: "
        "expected 7 whole numbers from 1 to 8 that differ, got 6 of them: ask for fewer, or list "
        "them as values"),
    "range of one number": (NOISE, 'parameter = "noise"\nlinear = [2, 2, 3]', "axes.noise: "
        "linear: expected 3 whole numbers from 2 to 2 that differ, got 1 of them: ask for fewer, "
        "or list them as values"),
    "geometric from zero": (SPARSITY, "geometric = [0, 1, 3]", "axes.sparsity: geometric: expected "
        "positive ends, got 0 and 1"),
    "too many cells": (SPARSITY, "linear = [1, 600000, 600000]", "axes: expected at most 1000000 "
        "cells, got 1200000"),
    "code of one's own": ("HardThreshold", "mine:Own", "code of your own runs only with "
        "--allow-code: mine:Own"),
    "file of filters": (FILTERS, '{ file = "none.npy" }', "layers.1.dictionary.filters: file: "
        "expected a file, got {folder}/none.npy: No such file or directory"),
    "file and more": (FILTERS, '{ file = "none.npy", n = 3 }', "layers.1.dictionary.filters: "
        "expected a kind with its parameters, or a file, got n"),
    "file is a number": (FILTERS, "{ file = 3 }", "layers.1.dictionary.filters: expected a kind "
        "with its parameters, or a file, got nothing"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_said_with_its_place(mistake, tmp_path):
    old, new, said = MISTAKES[mistake]
    assert SMALL.count(old) >= 1
    file = tmp_path / "sweep.toml"
    file.write_text(SMALL.replace(old, new, 1))
    with pytest.raises(DcscError) as error:
        Sweep.load(file)
    assert str(error.value) == f"{file}: {said.replace('{folder}', str(tmp_path))}"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {
                "trails": 1,
                "axes": axes(noise=("noise", [])),
                "layers": [{"dictionary": "DenseDictionry"}],
            },
            [
                "no key 'trails': did you mean 'trials'?",
                "axes.noise: expected one value or more",
                "layers.1.dictionary: no dictionary is called 'DenseDictionry': did you mean "
                "'DenseDictionary'?",
            ],
        ),
        (
            {"trials": 0, "axes": axes(sparsity=("codes.sparsity", [1])), "codes": {"batch": "x"}},
            [
                "trials: expected at least 1, got 0",
                "codes.batch.1: expected a whole number, got 'x'",
            ],
        ),
        (
            {"axes": axes(layer=("noise", [0]), low=("noise", [0])), "noise": math.nan},
            [
                "noise: expected a number, got nan",
                "axes.layer: expected another name: 'layer' is one of the results'",
                "axes.low: expected another name: 'low' is one of the results'",
            ],
        ),
        (
            {"axes": axes(noise=("noise", [0, "x", "y"]), depth=("depth", [1, 2]))},
            [
                "axes.noise: at x: noise: expected a number, got 'x'",
                "axes.noise: at y: noise: expected a number, got 'y'",
                "axes.depth: at 2: depth: expected 1 to 1, got 2",
            ],
        ),
    ],
)
def test_all_mistakes_are_said_at_once(changes, said):
    """What is missing is not said where an axis that cannot be read may have put it there."""
    with pytest.raises(DcscError) as error:
        Sweep.of({**table(), **changes})
    assert str(error.value) == "sweep: " + "; ".join(said)


def test_two_mistakes_in_one_table():
    dictionary = {"kind": "CirculantDictionary", "extend": 3, "filters": {"kind": "gausian"}}
    with pytest.raises(DcscError) as error:
        sweep(BARE, layers=[{"dictionary": dictionary, "projection": "TopK"}])
    assert str(error.value) == (
        "sweep: layers.1.dictionary: CirculantDictionary has no 'extend': did you mean 'extent'?; "
        "layers.1.dictionary.filters: no filters are called 'gausian': did you mean 'gaussian'?; "
        "layers.1.projection: TopK needs 'k'"
    )


def test_files_that_cannot_be_read(tmp_path):
    file = tmp_path / "sweep.toml"
    with pytest.raises(DcscError) as error:
        Sweep.load(file)
    assert str(error.value) == f"sweep: expected a file, got {file}: No such file or directory"
    with pytest.raises(DcscError) as error:
        Sweep.load(tmp_path)
    assert str(error.value) == f"sweep: expected a file, got {tmp_path}, which is a folder"
    file.write_text("trials = \n")
    with pytest.raises(DcscError) as error:
        Sweep.load(file)
    assert str(error.value) == f"{file}: expected TOML: Invalid value (at line 1, column 10)"
    file.write_bytes(b"title = '\xff'")
    with pytest.raises(DcscError, match="expected TOML: 'utf-8' codec can't decode byte 0xff"):
        Sweep.load(file)


def test_values_that_no_file_holds_are_refused():
    """Tables made in Python can hold more than TOML, and no more than the folder can."""
    for value in (None, datetime.date(2001, 2, 3), {1, 2}, 1j):
        codes = {"sparsity": 1, "amplitudes": {"kind": "ConstantAmplitudes", "value": value}}
        with pytest.raises(DcscError, match=r"codes\.amplitudes\.value: expected a number, a str"):
            sweep(codes=codes)


# ---- what can be said --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ({"linear": [1, 10, 4]}, (1, 4, 7, 10)),
        ({"linear": [1, 10, 5]}, (1, 3, 6, 8, 10)),
        ({"linear": [0, 1, 11]}, tuple(tenth / 10 for tenth in range(11))),
        ({"linear": [1.0, 10, 4]}, (1.0, 4.0, 7.0, 10.0)),
        ({"linear": [0.0, 1, 5]}, (0.0, 0.25, 0.5, 0.75, 1.0)),
        ({"linear": [0, 1.5, 4]}, (0.0, 0.5, 1.0, 1.5)),
        ({"linear": [3, 1, 3]}, (3, 2, 1)),
        ({"linear": [2, 9, 1]}, (2,)),
        ({"geometric": [1, 100, 3]}, (1, 10, 100)),
        ({"geometric": [1, 2, 3]}, (1.0, 1.41421356237, 2.0)),
        ({"geometric": [1, 8, 5]}, (1, 2, 3, 5, 8)),
        ({"geometric": [0.25, 4.0, 3]}, (0.25, 1.0, 4.0)),
    ],
)
def test_ranges(given, values):
    """As many as asked for; whole ones where the parameter is, or where all of them are."""
    parameter = "noise" if isinstance(values[0], float) else "codes.sparsity"
    (axis,) = sweep(BARE, axes={"some": {"parameter": parameter, **given}}).axes
    assert axis.values == pytest.approx(values, rel=1e-15, abs=0)
    assert [type(value) for value in axis.values] == [type(value) for value in values]
    assert axis.labels == axis.values
    assert axis.numeric


PLAIN = {"kind": "DenseDictionary", "matrix": [[1.0, 0.0], [0.0, 1.0]]}
SEGMENT = {
    "kind": "ToeplitzDictionary",
    "extent": 9,
    "filters": {"kind": "haar", "n": 2, "c": 1, "kernel": 4},
}


@pytest.mark.parametrize(
    ("parameter", "values", "labels"),
    [
        ("seed", [0, 1], None),
        ("noise", [0, 0.5], None),
        ("delta", [0.1, 0.01], None),
        ("codes.sparsity", [1, 2], None),
        ("codes.batch", [[], 2, [1, 2]], ["none", "two", "a square"]),
        ("codes.rng", [1, 2], None),
        ("codes.amplitudes", ["UniformAmplitudes", "GaussianAmplitudes"], None),
        ("codes.amplitudes.signed", [False, True], None),
        ("layers.1.dictionary", [PLAIN, SEGMENT], ["plain", "segment"]),
        ("layers.1.dictionary.stride", [1, 2, 3], None),
        ("layers.1.dictionary.filters", [{"kind": "barker", "n": 1, "c": 1, "kernel": 3}], ["b"]),
        ("layers.1.dictionary.filters.kernel", [2, 3], None),
        ("layers.1.dictionary.filters.rng", [2, 3], None),
        ("layers.1.projection", ["ReLU", {"kind": "TopK", "k": 2}], ["ReLU", "two"]),
        ("layers.1.projection.threshold", [0.25, 0.5], None),
        ("layers.1.signs", ["FilterSigns", "IdentitySigns", "RademacherSigns"], None),
        ("bounds", [[], ["HybridBound"]], ["none", "hybrid"]),
        ("depth", [1], None),
        ("pursuit", ["ProximalGradient", {"kind": "BasisPursuit", "penalty": 0.1}], ["g", "b"]),
        ("constants.x_min", [[0.5], [1.0]], [0.5, 1.0]),
    ],
)
def test_axes_over_anything(parameter, values, labels):
    """Each cell says what its value is, and can be made where the rest fits."""
    given = {"parameter": parameter, "values": values, **({"labels": labels} if labels else {})}
    made = sweep(BARE, axes={"some": given})
    assert [cell.coordinates["some"] for cell in made.cells()] == list(made.axes[0].labels)
    for cell in made.cells():
        cell.simulation(made.strategies)
    expected = 1 if parameter in ("bounds", "delta", "constants.x_min") else len(values)
    assert len({cell.identity for cell in made.cells()}) == expected
    assert len({cell.guarantees_identity for cell in made.cells()}) == len(values)


def test_labels_are_numbers_or_strings():
    def label(values, *labels):
        return sweep(BARE, axes=axes(some=("seed", values, *labels))).axes[0]

    assert label([1, 2]).labels == (1, 2)
    assert label([1, 2], [0.5, 1]).labels == (0.5, 1)
    assert label([1, 2], ["a", 1]).labels == ("a", "1")
    assert not label([1, 2], ["a", 1]).numeric
    truth = sweep(BARE, axes=axes(some=("codes.amplitudes.signed", [False, True]))).axes[0]
    assert truth.labels == ("False", "True")
    one = sweep(BARE, axes=axes(some=("codes.amplitudes.signed", [False]))).axes[0]
    assert one.labels == ("False",)


def test_the_last_axis_is_the_fastest():
    given = sweep()
    assert given.shape == (4, 2)
    assert len(given) == 8
    cells = list(given.cells())
    assert [cell.index for cell in cells] == [(s, n) for s in range(4) for n in range(2)]
    assert [str(cell) for cell in cells[:3]] == [
        "sparsity=1, noise=0",
        "sparsity=1, noise=0.2",
        "sparsity=2, noise=0",
    ]
    assert str(sweep(BARE).cell(())) == "the only cell"


def test_tables_come_back_the_same():
    given = sweep(stop={"width": 0.1, "levels": [0.5]})
    assert given.stop == Stopping(0.1, (0.5,))
    assert Sweep.of(given.as_table()) == given
    assert [c.identity for c in Sweep.of(given.as_table()).cells()] == [
        c.identity for c in given.cells()
    ]


def test_a_key_that_is_no_text_is_named():
    with pytest.raises(DcscError, match="no key 7: expected one of title, trials"):
        Sweep.of({7: 1})


def test_the_documentation_lists_the_names_that_axes_cannot_have():
    text = (Path(__file__).parents[2] / "docs" / "sweeps.md").read_text(encoding="utf-8")
    told = re.search(r"results have already\. These are\n(.*?)\.\n\n", text, re.DOTALL)[1]
    assert re.findall(r"`(\w+)`", told) == sorted(RESERVED)
