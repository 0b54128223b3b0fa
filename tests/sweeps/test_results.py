"""The data set of a sweep: every variable against an independent computation."""

import json
from importlib.metadata import version

import numpy as np
import pytest
import xarray

import dcsc
from dcsc import bounds
from dcsc.errors import NotCoveredError
from dcsc.experiments import clopper_pearson, sweeps
from dcsc.experiments.sweeps import run, store, write_netcdf
from dcsc.experiments.sweeps.run import _version
from dcsc.experiments.sweeps.tables import RESERVED
from tests.sweeps.cases import BARE, DEEP, SMALL, axes, numbers, sweep, table

NO_AXES = {**table(BARE), "axes": {}}
SIGNS = axes(signs=("layers.1.signs", ["RademacherSigns", "FilterSigns"]))
DENSE = axes(sparsity=("codes.sparsity", [0, 2, 16]))
COVER = ["UniformBound", "ProbabilisticBound", "HybridBound", {"kind": "InstanceBound"}]
CONSTANTS = ("coherence", "sparsity", "x_min", "x_max", "noise")
# The code below is not the same in any two trials, and the second layer misses what the first one
# may have got right.
LOWER, UPPER = table(DEEP)["layers"]
LOWER["dictionary"]["filters"]["c"] = 400
LOWER["projection"]["threshold"] = 0.1
UPPER["projection"]["threshold"] = 1.25
VARIED = {
    "seed": 5,
    "axes": axes(noise=("noise", [0.0])),
    "layers": [LOWER, UPPER],
    "codes": {"sparsity": 3, "amplitudes": {"kind": "UniformAmplitudes", "low": 0.9, "high": 1.3}},
}
SWEEPS = {
    "varied": sweep(DEEP, **VARIED),
    "two axes": sweep(SMALL),
    "depth": sweep(DEEP),
    "no axes": sweep(axes={}),
    "signs": sweep(BARE, axes=SIGNS, bounds=COVER),
    "dense": sweep(BARE, axes=DENSE),
    "no bounds": sweep(BARE, bounds=[]),
}


@pytest.fixture(scope="module", params=SWEEPS)
def finished(request, tmp_path_factory):
    given = SWEEPS[request.param]
    folder = tmp_path_factory.mktemp("results")
    run(given, folder, jobs=1)
    return given, sweeps.open(folder), folder


def cells(given, data):
    """Yield every cell with its part of the results and the trials that anyone would make."""
    for cell in given.cells():
        model = cell.model(given.strategies)
        yield cell, data.sel(cell.coordinates), model


def simulated(given, cell, model):
    x = cell.codes(model, given.strategies)
    return dcsc.experiments.simulate(
        model, x, given.trials, rng=cell.seed, noise=cell.task.noise, entries=True
    )


def feasible(part):
    return part["infeasible"].item() == ""


def test_dimensions(finished):
    given, data, _ = finished
    names = [axis.name for axis in given.axes]
    depth = len(given.table["layers"])
    assert list(data["layer"].values) == list(range(1, depth + 1))
    for axis in given.axes:
        assert data[axis.name].values.tolist() == list(axis.labels)
    layered = ("layer_", "missed", "false_alarms")
    for name, variable in data.data_vars.items():
        expected = list(names)
        if name in ("guarantee", "guarantee_low", "conditional", "why", "limit"):
            expected.append("bound")
        if name.startswith(layered) or name == "limit":
            expected.append("layer")
        assert list(variable.dims) == expected, name


def test_reserved_names_are_those_of_the_results(finished):
    given, data, _ = finished
    own = {*data.data_vars, *data.coords} - {axis.name for axis in given.axes}
    proved = {"bound", "guarantee", "guarantee_low", "conditional", "why", "limit"}
    partial = {name for name in RESERVED if name.startswith(("partial", "proved_"))}
    partial |= {"missed_limit", "active", "recall", "false_per_active"}
    assert own == set(RESERVED) - partial - (set() if "bound" in data.dims else proved)


def test_a_cell_has_both_ends_of_its_failure_probability(tmp_path):
    """Between one atom and the union lies what was measured; the law of a class has no such end."""
    dense = axes(sparsity=("codes.sparsity", [1, 3, 12]))
    run(sweep(BARE, axes=dense, bounds=["UniformBound", "InstanceBound"]), tmp_path, jobs=1)
    data = sweeps.open(tmp_path)
    ends = data.sel(bound="InstanceBound")
    assert (data["guarantee_low"].sel(bound="UniformBound") == 0).all()
    assert (ends["guarantee_low"] <= ends["guarantee"]).all()
    assert (ends["guarantee_low"] <= data["high"]).all()
    assert (ends["guarantee"] >= data["low"]).all()
    assert ends["guarantee_low"].max() > 0


def test_records_from_before_have_no_lower_end(tmp_path):
    run(sweep(BARE, axes={}, trials=2), tmp_path, jobs=1)
    (block,) = (tmp_path / "blocks").iterdir()
    body = json.loads(block.read_text())
    for record in body["records"]:
        for bound in record.get("bounds", []):
            del bound["lower"]
    content = json.dumps(body).encode()
    block.unlink()
    (block.parent / store._name(content)).write_bytes(content)
    data = sweeps.open(tmp_path)
    assert np.isnan(data["guarantee_low"].values).all()
    assert not np.isnan(data["guarantee"].values).all()


def test_counts(finished):
    given, data, _ = finished
    for cell, part, model in cells(given, data):
        assert part["settled"].item()
        if not feasible(part):
            continue
        tally = simulated(given, cell, model)
        own = len(model.layers)
        assert part["trials"].item() == given.trials
        assert part["failures"].item() == tally.failures[-1]
        assert part["seconds"].item() > 0
        for name, expected in {
            "layer_failures": tally.failures[:-1],
            "missed": tally.missed,
            "false_alarms": tally.false_alarms,
        }.items():
            assert part[name].values[:own].tolist() == list(expected)
            assert (part[name].values[own:] == -1).all()


def test_intervals(finished):
    given, data, _ = finished
    for _, part, model in cells(given, data):
        if not feasible(part):
            continue
        counts = [*part["layer_failures"].values[: len(model.layers)], part["failures"].item()]
        for name, rates in zip(
            ("low", "best", "high"), clopper_pearson(counts, given.trials), strict=True
        ):
            layers = part[f"layer_{name}"].values
            np.testing.assert_array_equal(layers[: len(model.layers)], rates[:-1])
            assert np.isnan(layers[len(model.layers) :]).all()
            assert part[name].item() == rates[-1]
        assert part["rate"].item() == part["failures"].item() / given.trials
        shares = part["layer_failures"].values[: len(model.layers)] / given.trials
        assert part["layer_rate"].values[: len(model.layers)].tolist() == shares.tolist()
        assert np.isnan(part["layer_rate"].values[len(model.layers) :]).all()


def test_constants_are_those_of_the_first_trial(finished):
    given, data, folder = finished
    for cell, part, _ in cells(given, data):
        if not feasible(part) or cell.task.codes.sparsity == 0:
            continue
        again = sweeps.replay(folder, cell.coordinates, trial=0)
        records = bounds.measure(again.model, again.truth, cell.task.noise)
        for name in CONSTANTS:
            expected = [getattr(record.statistics(), name) for record in records]
            found = part[f"layer_{name}"].values
            assert found[: len(records)] == pytest.approx(
                [np.nan if value is None else value for value in expected], nan_ok=True
            )
            assert np.isnan(found[len(records) :]).all()
        assert np.isnan(part["kept"].item())


def test_guarantees(finished):
    given, data, folder = finished
    for cell, part, _ in cells(given, data):
        if not feasible(part) or cell.task.codes.sparsity == 0:
            continue
        again = sweeps.replay(folder, cell.coordinates, trial=0)
        records = bounds.measure(again.model, again.truth, cell.task.noise)
        for strategy in cell.task.bounds:
            bound = getattr(bounds, strategy.kind)()
            one = part.sel(bound=strategy.label)
            if np.isnan(one["guarantee"].item()):
                with pytest.raises(NotCoveredError) as error:
                    bound.evaluate(records)
                assert one["why"].item() == str(error.value)
                assert np.isnan(one["guarantee_low"].item())
                assert np.isnan(one["limit"].values).all()
                assert not one["conditional"].item()
                continue
            expected = bound.evaluate(records)
            assert one["guarantee"].item() == expected.failure_probability
            assert one["guarantee_low"].item() == expected.lower
            assert one["conditional"].item() == expected.conditional
            assert (one["why"].item() == "") == expected.holds
            for violation in expected.violations:
                assert violation in one["why"].item()
            limits = one["limit"].values
            if bound.needs_instances:
                assert np.isnan(limits).all()
            for l, limit in enumerate(limits[: len(records)] if not bound.needs_instances else ()):
                assert_limit(bound, records[l].statistics(), expected.layers[l].noise, limit)
            assert np.isnan(limits[len(records) :]).all()


def assert_limit(bound, statistics, noise, limit, delta=0.01):
    """The layer fails with probability at most δ at the limit, and not one above."""

    def allowed(sparsity):
        layer = dcsc.LayerStatistics(
            **{
                name: getattr(statistics, name)
                for name in ("coherence", "x_min", "x_max", "n_atoms", "n_samples", "selection")
            },
            sparsity=sparsity,
            noise=noise,
            gain=statistics.gain,
            stripe_size=statistics.stripe_size,
        )
        return bound.evaluate([layer]).failure_probability <= delta

    if np.isnan(limit):
        assert not allowed(0)
    elif type(bound) is not bounds.HybridBound and limit < (statistics.stripe_size or np.inf):
        assert allowed(int(limit))
        assert not allowed(int(limit) + 1)


def test_attributes(finished):
    given, data, _ = finished
    assert data.attrs["title"] == given.title
    assert data.attrs["seed"] == given.table.get("seed", 0)
    assert data.attrs["trials"] == given.trials
    assert data.attrs["delta"] == 0.01
    assert data.attrs["confidence"] == 0.95
    assert data.attrs["stopping_rule"] == given.stop.said
    assert json.loads(data.attrs["configuration"]) == json.loads(json.dumps(given.as_table()))
    assert json.loads(data.attrs["parameters"]) == {a.name: a.parameter for a in given.axes}
    others = {name: version(name) for name in ("numpy", "scipy", "numba")}
    assert json.loads(data.attrs["versions"]) == {"dcsc": dcsc.__version__, **others}


def test_every_variable_says_what_it_is(tmp_path):
    """Also in the file, where one asks for parts of supports."""
    run(sweep(BARE, trials=1, bounds=["UniformBound", "PartialBound"]), tmp_path, jobs=1)
    data, kept = sweeps.open(tmp_path), xarray.load_dataset(write_netcdf(tmp_path))
    for variables in (data.variables, kept.variables):
        names = {name: one.attrs["long_name"] for name, one in variables.items()}
        assert len(set(names.values())) == len(names) > 40
        for axis, parameter in json.loads(data.attrs["parameters"]).items():
            assert names[axis] == parameter


def test_what_is_not_installed_has_no_version():
    assert _version("numpy") == np.__version__
    assert _version("no-such-package-of-anybody") is None


def test_netcdf_brings_all_of_it_back(finished):
    _, data, folder = finished
    path = write_netcdf(folder)
    assert path == folder / "results.nc"
    with xarray.open_dataset(path, engine="h5netcdf") as read:
        back = read.load()
    xarray.testing.assert_equal(back, data)
    for name, variable in data.variables.items():
        kinds = {"O": "text", "U": "text"}
        found, expected = back[name].dtype.kind, variable.dtype.kind
        assert kinds.get(found, found) == kinds.get(expected, expected), name
    assert back.attrs.keys() == data.attrs.keys()
    for name, value in data.attrs.items():
        assert back.attrs[name] == value
    assert not list(folder.glob(".dcsc-*.part"))


# ---- what is special ---------------------------------------------------------------------------


def test_cells_that_do_not_exist(tmp_path):
    done = run(SWEEPS["dense"], tmp_path, jobs=1)
    why = (
        "cell sparsity=16: codes.draw: sparsity: expected at most 15, the entries of a stripe of "
        "CirculantDictionary, got 16"
    )
    assert done.infeasible == (why,)
    assert done.most == 200
    data = sweeps.open(tmp_path)
    assert data["infeasible"].values.tolist() == ["", "", why]
    part = data.sel(sparsity=16)
    assert part["trials"].item() == part["failures"].item() == part["seconds"].item() == 0
    assert part["settled"].item()
    for name in (
        "rate",
        "low",
        "best",
        "high",
        "guarantee",
        "limit",
        "layer_low",
        "layer_coherence",
    ):
        assert np.isnan(part[name].values).all(), name
    assert (part["missed"].values == -1).all()
    assert run(SWEEPS["dense"], tmp_path, jobs=1).trials == 0


def test_codes_without_entries_have_no_constants(tmp_path):
    run(SWEEPS["dense"], tmp_path, jobs=1)
    part = sweeps.open(tmp_path).sel(sparsity=0)
    assert part["failures"].item() == 0
    assert np.isnan(part["guarantee"].values).all()
    assert all("x_min" in why for why in part["why"].values)


def test_bounds_that_refuse_say_why(tmp_path):
    run(SWEEPS["signs"], tmp_path, jobs=1)
    data = sweeps.open(tmp_path)
    refused = data.sel(signs="FilterSigns", bound="ProbabilisticBound")
    assert np.isnan(refused["guarantee"].item())
    assert refused["why"].item() == (
        "ProbabilisticBound does not cover layer 1: its signs are not one independent fair "
        "sign per atom"
    )
    assert not np.isnan(data["guarantee"].sel(signs="RademacherSigns").values).any()


@pytest.mark.parametrize(("floor", "least"), [(3**-0.5, 1.0), (2 * 3**-0.5, 0.0)])
def test_declared_constants(floor, least, tmp_path):
    """``kept`` is the share of the first 32 trials whose code below keeps to the floor."""
    given = sweep(DEEP, axes={}, constants={"x_min": [floor, 1]}, codes=DEEP_CODES, trials=40)
    run(given, tmp_path, jobs=1)
    data = sweeps.open(tmp_path)
    kept = []
    for trial in range(32):
        below = sweeps.replay(tmp_path, trial=trial).truth[1]
        kept.append(np.abs(below[below != 0]).min() >= floor * (1 - 1e-9))
    assert data["kept"].item() == np.mean(kept)
    assert least <= np.mean(kept) <= 1
    assert not data["conditional"].values.any()
    cell = given.cell(())
    model = cell.model(given.strategies)
    x = cell.codes(model, given.strategies)
    declared = bounds.declare(model, x, [floor, 1], cell.task.noise)
    for bound in (bounds.UniformBound(), bounds.ProbabilisticBound(), bounds.RobustBound()):
        found = data["guarantee"].sel(bound=type(bound).__name__).item()
        assert found == bound.evaluate(declared).failure_probability
    for name in CONSTANTS[:4]:
        assert data[f"layer_{name}"].values.tolist() == [getattr(c, name) for c in declared]


DEEP_CODES = {"sparsity": 3, "amplitudes": "ConstantAmplitudes"}


def test_a_bound_of_instances_has_none_that_are_declared(tmp_path):
    given = sweep(BARE, axes={}, constants={"x_min": [1]}, bounds=["UniformBound", "InstanceBound"])
    run(given, tmp_path, jobs=1)
    data = sweeps.open(tmp_path)
    assert not np.isnan(data["guarantee"].sel(bound="UniformBound").item())
    assert np.isnan(data["guarantee"].sel(bound="InstanceBound").item())
    assert "InstanceBound" in data["why"].sel(bound="InstanceBound").item()


def test_the_results_of_a_run_at_work(tmp_path):
    """Everything that has landed is there, as in the end, and nothing else."""
    given = sweep(trials=2000)
    seen = []
    run(given, tmp_path, jobs=1, progress=lambda state: seen.append(sweeps.open(tmp_path)))
    final = numbers(sweeps.open(tmp_path))
    assert seen[0]["trials"].values.sum() == 0
    assert np.isnan(seen[0]["best"].values).all()
    assert not seen[0]["settled"].values.any()
    totals = [int(data["trials"].sum()) for data in seen]
    assert totals == sorted(totals)
    assert totals[-1] == 8 * 2000
    assert numbers(seen[-1]).identical(final)
    for data in seen:
        assert (data["trials"] <= final["trials"]).all()
        whole = data["settled"].values
        assert (data["trials"].values[whole] == 2000).all()
        assert (data["failures"].values[whole] == final["failures"].values[whole]).all()
        assert data.attrs == final.attrs


def test_cells_that_agree_share_their_trials(tmp_path):
    filters = {"kind": "equicorrelated", "n": 64, "c": 128, "kernel": 2, "correlation": 0.0303}
    layer = table(BARE)["layers"][0]
    layer["dictionary"] = {"kind": "CirculantDictionary", "extent": 4, "filters": filters}
    both = axes(delta=("delta", [0.5, 1e-6]), signs=("layers.*.signs", ["RademacherSigns"]))
    given = sweep(BARE, axes=both, layers=[layer])
    done = run(given, tmp_path, jobs=1)
    assert (done.cells, done.trials) == (2, 100)
    data = sweeps.open(tmp_path)
    assert data["trials"].values.tolist() == [[100], [100]]
    assert data["failures"].values[0] == data["failures"].values[1]
    limits = data["limit"].sel(bound="ProbabilisticBound").values.ravel()
    assert limits[0] > limits[1] > 0
