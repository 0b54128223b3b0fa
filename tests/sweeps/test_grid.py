"""Listing cells: each is what its own table says, and a large grid costs little."""

import gc
import hashlib
import itertools
import json
import time
import tracemalloc

import pytest

from dcsc.errors import DcscError
from dcsc.experiments.sweeps import cells, grid
from dcsc.experiments.sweeps.canonical import canonical, identity
from dcsc.experiments.sweeps.tables import substitute
from dcsc.experiments.sweeps.tasks import read_task
from tests.sweeps.cases import BARE, DEEP, axes, sweep, table

LAYERS = table(DEEP)["layers"]
GRIDS = {
    "keys": axes(noise=("noise", [0.0, 0.1]), s=("codes.sparsity", [1, 2]), seed=("seed", [3, 4])),
    "one part twice": axes(
        s=("codes.sparsity", [1, 2]), sizes=("codes.amplitudes.value", [1.0, 2.0])
    ),
    "one strategy twice": axes(
        kernel=("layers.1.dictionary.filters.kernel", [2, 3]),
        extent=("layers.1.dictionary.extent", [10, 20]),
    ),
    "all layers and one": axes(
        all=("layers.*.projection.threshold", [0.1, 0.2]),
        one=("layers.2.projection.threshold", [0.3, 0.4]),
        signs=("layers.2.signs", ["FilterSigns", "IdentitySigns"]),
    ),
    "whole layers": axes(
        layers=("layers", [LAYERS, LAYERS[:1]], ["both", "first"]),
        threshold=("layers.1.projection.threshold", [0.1, 0.2]),
    ),
    "depth": axes(depth=("depth", [1, 2]), bounds=("bounds", [[], ["HybridBound"]], ["-", "h"])),
    "constants": axes(
        x_min=("constants.x_min", [[0.5, 1], [0.25, 1]], [2, 4]), delta=("delta", [0.1, 0.2])
    ),
    "none": {},
}


@pytest.mark.parametrize("name", GRIDS)
def test_a_cell_is_what_its_table_says(name):
    codes = {"sparsity": 1, "amplitudes": {"kind": "ConstantAmplitudes", "value": 1.0}}
    given = sweep(DEEP, axes=GRIDS[name], codes=codes)
    for cell in given.cells():
        own = given.table
        for axis, at in zip(given.axes, cell.index, strict=True):
            own = substitute(own, axis.parameter, axis.values[at])
        task = read_task(own, given.strategies)
        assert cell.task == task
        assert given.cell(cell.index) == cell
        parts = {
            "counts": cells._COUNTS,
            "layers": task.used,
            "codes": task.codes,
            "noise": task.noise,
            "seed": task.seed,
        }
        assert cell.identity == identity(canonical(parts))
        proved = {
            "guarantees": cells._GUARANTEES,
            "cell": cell.identity,
            "bounds": task.bounds,
            "delta": task.delta,
            "constants": task.constants,
        }
        assert cell.guarantees_identity == identity(canonical(proved))
        assert json.loads(canonical(parts))["seed"] == task.seed


def test_an_axis_can_reach_all_layers():
    deep = sweep(DEEP, axes=axes(threshold=("layers.*.projection.threshold", [0.1, 0.3])))
    thresholds = [
        [layer.projection.parameters["threshold"] for layer in cell.task.layers]
        for cell in deep.cells()
    ]
    assert thresholds == [[0.1, 0.1], [0.3, 0.3]]
    one = sweep(DEEP, axes=axes(threshold=("layers.2.projection.threshold", [0.1, 0.3])))
    assert [cell.task.layers[0].projection.parameters["threshold"] for cell in one.cells()] == [
        0.2,
        0.2,
    ]


def square(size):
    over = {
        "noise": {"parameter": "noise", "linear": [0.0, 1.0, size]},
        "threshold": {"parameter": "layers.1.projection.threshold", "linear": [0.1, 0.9, size]},
    }
    return sweep(BARE, axes=over)


def test_parts_are_read_once_for_all_cells(monkeypatch):
    """A grid of n × n cells reads 2 n values to check them, and 2 n to list its cells."""
    paths = []
    read = grid.read_part
    monkeypatch.setattr(
        grid, "read_part", lambda path, *rest: paths.append(path) or read(path, *rest)
    )
    given = square(50)
    assert len(paths) == 100
    assert sum(1 for _ in given.cells()) == 2500
    assert len(paths) == 200


def test_a_large_grid_is_listed_fast_and_in_little_memory():
    """Ten thousand cells in a tenth of what a hundred thousand may take: 5 s and 200 MB.

    Seconds are those of a machine on which ten thousand digests of a table take 0.045 s. They are
    taken in turns with the cells, so that both meet the same machine, however busy it is.
    """
    given = square(100)
    named = ((cell.identity, cell.guarantees_identity) for cell in given.cells())
    identities, spent, digests = set(), 0.0, 0.0
    gc.freeze()  # what the tests before this one have left makes collections longer
    try:
        for _ in range(10):
            begin = time.process_time()
            identities.update(itertools.islice(named, 1000))
            middle = time.process_time()
            for number in range(1000):
                text = json.dumps({"a": [number, number / 3], "b": {"c": "d"}}, sort_keys=True)
                hashlib.sha256(text.encode()).hexdigest()
            spent += middle - begin
            digests += time.process_time() - middle
    finally:
        gc.unfreeze()
    assert spent * 0.045 / digests < 0.5
    assert len(identities) == 10**4
    del identities
    tracemalloc.start()
    try:
        listed = [(cell, cell.identity, cell.guarantees_identity) for cell in given.cells()]
        assert len(listed) == 10**4
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak / 10**4 < 1200


def test_every_wrong_value_of_every_axis_is_told():
    """Also where the first cell is wrong, which hides none of the others."""
    over = axes(
        noise=("noise", [-1, 0, "x", -2]),
        s=("codes.sparsity", [1, 2.5]),
        top=("layers.1.projection", ["TopK", "TopKk", {"kind": "TopK", "k": 1}], ["a", "b", "c"]),
        depth=("depth", [1, 2]),
    )
    with pytest.raises(DcscError) as error:
        sweep(BARE, axes=over)
    assert str(error.value).removeprefix("sweep: ").split("; ") == [
        "layers.1.projection: TopK needs 'k'",
        "noise: expected at least 0, got -1",
        "axes.noise: at x: noise: expected a number, got 'x'",
        "axes.noise: at -2: noise: expected at least 0, got -2",
        "axes.s: at 2.5: codes.sparsity: expected a whole number, got 2.5",
        "axes.top: at b: layers.1.projection: no projection is called 'TopKk': did you mean "
        "'TopK'?",
        "axes.depth: at 2: depth: expected 1 to 1, got 2",
    ]


def test_many_wrong_values_are_counted():
    with pytest.raises(DcscError) as error:
        sweep(BARE, axes=axes(noise=("noise", [0, *range(-100, 0)])))
    assert str(error.value).removeprefix("sweep: ").split("; ") == [
        *(f"axes.noise: at {n}: noise: expected at least 0, got {n}" for n in (-100, -99, -98)),
        "axes.noise: at 97 more values",
    ]


def test_all_code_of_ones_own_is_named_at_once():
    """In layers, bounds and axes, where names are and in the tables that they stand for."""
    layer = {**table(BARE)["layers"][0], "projection": {"kind": "mine:Projection"}}
    over = axes(
        signs=("layers.1.signs", ["RademacherSigns", "mine:Signs", {"kind": "b.c:Other"}], [*"abc"])
    )
    with pytest.raises(DcscError) as error:
        sweep(BARE, layers=[layer], bounds=["mine:Bound"], axes=over, title="a:b")
    assert str(error.value) == (
        "sweep: code of your own runs only with --allow-code: mine:Projection, mine:Bound, "
        "mine:Signs, b.c:Other"
    )
