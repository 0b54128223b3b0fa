"""Tallies of codes: what an analysis says of the same inputs, as numbers that add up."""

import copy
import itertools
import json

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcsc import DcscError
from dcsc.networks import ConvNetwork, Graph, Input, operations
from dcsc.networks.analysis import Limits, analyze
from dcsc.networks.tallies import (
    Counts,
    NetworkTally,
    Settings,
    SignTally,
    class_overlap,
    load_tally,
    run,
    tally,
)
from dcsc.networks.tallies.settings import digest
from tests.networks.cases import OPERATIONS
from tests.networks.chains import convolve, network

NETWORK = network(
    convolve(4, 2, (3,), -0.4),
    operations.Relu(),
    operations.MaxPool(kernel=(2,), stride=2),
    convolve(5, 4, (2,), -0.3, seed=1),
    operations.Relu(),
    lengths=(12,),
)
INPUTS = np.random.default_rng(0).normal(size=(48, 2, 12))
LABELS = np.random.default_rng(1).integers(0, 3, 48)
EVERY = Settings(every=1, draws=12)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(run, "_MOST_INPUTS", 8)


@pytest.fixture(scope="module")
def whole():
    return tally(NETWORK, INPUTS, EVERY, LABELS)


# ---- counts ----------------------------------------------------------------------------------

numbers = st.lists(st.integers(-5, 40), max_size=30)


@given(numbers, numbers)
def test_counts_add_up_and_know_their_quantiles(some, more):
    counts = Counts.of(some) + Counts.of(more)
    assert counts == Counts.of(some + more) == sum([Counts.of(more), Counts.of(some)])
    assert counts.total == len(some + more)
    assert counts.sum == sum(some + more)
    if some + more:
        assert counts.median == np.median(some + more)
        assert counts.quantile(0) == min(some + more)
        assert counts.quantile(1) == max(some + more)
        share = 0.25
        expected = np.quantile(some + more, share, method="averaged_inverted_cdf")
        assert counts.quantile(share) == expected
    else:
        assert counts.median is None


@pytest.mark.parametrize(
    ("values", "times", "expected"),
    [
        ([2, 1], [1, 1], "expected them to rise"),
        ([1, 2], [1], "2 counts of at least 1"),
        ([1, 2], [1, 0], "2 counts of at least 1"),
        ([1.5], [1], "expected whole numbers"),
        ([[1]], [[1]], "expected whole numbers"),
    ],
)
def test_counts_are_counts(values, times, expected):
    with pytest.raises(DcscError, match=expected):
        Counts(values, times)


# ---- against an analysis ---------------------------------------------------------------------


def test_it_says_of_all_inputs_what_an_analysis_says_of_a_few(whole):
    limits = Limits(inputs=48, proved=48, resynthesized=48, draws=1, placed=12, units=5, twins=0)
    analysis = analyze(NETWORK, INPUTS, limits=limits, labels=LABELS)
    assert [layer.name for layer in whole.layers] == [layer.name for layer in analysis.layers]
    for counted, layer in zip(whole.layers, analysis.layers, strict=True):
        codes, own = layer.codes, layer.own.all
        density = np.multiply(codes.density, counted.units).round().astype(int)
        assert counted.active == Counts.of(density)
        assert counted.sparsity == Counts.of(codes.sparsity)
        assert counted.density == pytest.approx(np.median(codes.density))
        assert counted.silent == codes.silent
        assert counted.stripe_size == codes.stripe_size
        assert counted.outside / counted.active.sum == pytest.approx(codes.outside)
        assert counted.usual_contrast == pytest.approx(codes.contrast, rel=2 ** (1 / 8) - 1)
        assert counted.steady_share == pytest.approx(layer.safety.steady)
        of_class = {t.name: (t.holds, t.of) for t in layer.theorems if t.name[1] in "23"}
        assert {t.name: (t.holds, t.of) for t in counted.theorems} == of_class
        assert own.inputs == np.count_nonzero(layer.coded.codes.any(axis=(1, 2)))
        assert attrs.asdict(counted.signs.found) == pytest.approx(attrs.asdict(own.found))
        assert attrs.asdict(counted.signs.raised) == pytest.approx(attrs.asdict(own.false_alarms))
        positive = layer.coded.codes[layer.coded.codes > 0]
        assert counted.smallest == pytest.approx(positive.min())
        assert counted.largest == pytest.approx(positive.max())
        on = layer.coded.on
        assert np.array_equal(counted.fired, on.sum(axis=0))
        for label, fired in counted.by_class.items():
            assert np.array_equal(fired, on[int(label) == LABELS].sum(axis=0))
    assert dict(whole.classes) == {str(x): np.count_nonzero(x == LABELS) for x in range(3)}


def test_classes_share_what_pairs_of_their_inputs_share(whole):
    for layer in whole.layers:
        found = class_overlap(whole, layer.name)
        coded = analyze(NETWORK, INPUTS, limits=Limits(twins=0, placed=0)).layers
        on = next(x.coded.on for x in coded if x.name == layer.name).reshape(48, -1)
        sums = np.zeros((3, 3, 2))
        for a, b in itertools.permutations(range(48), 2):
            sums[LABELS[a], LABELS[b]] += (on[a] & on[b]).sum(), (on[a] | on[b]).sum()
        same = np.eye(3, dtype=bool)
        np.testing.assert_allclose(found.matrix, sums[..., 0] / sums[..., 1])
        assert found.within == pytest.approx(np.divide(*sums[same].sum(axis=0)))
        assert found.between == pytest.approx(np.divide(*sums[~same].sum(axis=0)))
    assert class_overlap(tally(NETWORK, INPUTS[:8]), whole.layers[0].name) is None


def test_the_largest_output_is_the_label_where_there_are_scores():
    scores = network(
        convolve(3, 1, (1,), 0.0), operations.Relu(), operations.Flatten(), channels=1, lengths=(1,)
    )
    weights = scores.convolutions[0].weight.ravel()
    inputs = np.where(np.arange(10) % 2, 1.0, -1.0).reshape(10, 1, 1)
    answers = np.argmax(np.maximum(weights * inputs[:, :, 0], 0), axis=1)
    found = tally(scores, inputs, labels=(answers + (np.arange(10) < 3)) % 3)
    assert (found.right, found.answered) == (7, 10)
    assert tally(scores, inputs, labels=np.full(10, "word")).answered == 0


# ---- sums ------------------------------------------------------------------------------------


@settings(max_examples=8)
@given(st.lists(st.integers(1, 5), max_size=3, unique=True), st.randoms())
def test_parts_that_end_with_batches_add_up_to_the_whole(cuts, random):
    ends = [0, *(8 * cut for cut in sorted(cuts)), 48]
    parts = [tally(NETWORK, INPUTS[a:b], EVERY, LABELS[a:b]) for a, b in itertools.pairwise(ends)]
    random.shuffle(parts)
    assert sum(parts) == tally(NETWORK, INPUTS, EVERY, LABELS)


def test_other_parts_add_up_but_for_last_bits(whole):
    parts = sum(tally(NETWORK, INPUTS[a:b], EVERY, LABELS[a:b]) for a, b in ((0, 13), (13, 48)))
    for one, other in zip(parts.layers, whole.layers, strict=True):
        assert one.smallest == pytest.approx(other.smallest)
        same = {"smallest": None, "largest": None}
        assert attrs.evolve(one, **same) == attrs.evolve(other, **same)


def test_labels_of_one_half_only_and_other_labels():
    first = tally(NETWORK, INPUTS[:8], EVERY, ["b"] * 8)
    second = tally(NETWORK, INPUTS[8:16], EVERY, [10] * 4 + [9] * 4)
    both = first + second + tally(NETWORK, INPUTS[16:24], EVERY)
    assert both.labels == ("9", "10", "b")
    assert both.inputs == 24
    assert both == tally(NETWORK, INPUTS[16:24], EVERY) + (second + first)


def test_what_is_too_much_by_class_is_left_out(monkeypatch, whole):
    monkeypatch.setattr(run, "_SPLIT", 3 * whole.layers[1].units)
    found = tally(NETWORK, INPUTS, EVERY, LABELS)
    assert whole.layers[0].units > whole.layers[1].units
    assert found.layers[0].by_class is None
    assert found.layers[1] == whole.layers[1]
    assert class_overlap(found, found.layers[0].name) is None


def test_every_tenth_input_is_looked_at_wherever_batches_end(monkeypatch, whole):
    tenth = tally(NETWORK, INPUTS, Settings(every=10, draws=12), LABELS)
    chosen = tally(NETWORK, INPUTS[::10], EVERY)
    assert tenth.looked == chosen.inputs == 5
    for one, other in zip(tenth.layers, chosen.layers, strict=True):
        assert (one.theorems, one.signs) == (other.theorems, other.signs)
    monkeypatch.setattr(run, "_MOST_INPUTS", 16)
    assert tally(NETWORK, INPUTS, Settings(every=10, draws=12), LABELS).looked == 5
    none = tally(NETWORK, INPUTS, Settings(every=0))
    assert none.looked == 0
    assert all(layer.signs is None and not layer.theorems for layer in none.layers)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (lambda: tally(NETWORK, INPUTS[:8], Settings(noise=0.1)), "tallies of one task"),
        (lambda: tally(network(convolve(1, 2, (3,), 0.0)), INPUTS[:8], EVERY), "of one task"),
    ],
)
def test_tallies_of_different_tasks_do_not_add_up(whole, other, expected):
    with pytest.raises(DcscError, match=expected):
        whole + other()
    with pytest.raises(TypeError):
        whole + 3
    with pytest.raises(DcscError, match="tallies of one layer"):
        whole.layers[0] + whole.layers[1]


def test_two_processes_count_what_one_counts(whole):
    assert tally(NETWORK, INPUTS, EVERY, LABELS, jobs=2) == whole


@pytest.mark.filterwarnings("ignore")  # of dask, about ports and versions
def test_a_cluster_counts_what_one_process_counts(whole, tmp_path):
    distributed = pytest.importorskip("distributed")
    np.save(tmp_path / "inputs.npy", INPUTS)
    options = {"n_workers": 1, "threads_per_worker": 2, "dashboard_address": None}
    with distributed.LocalCluster(processes=True, **options) as made:
        path, address = tmp_path / "inputs.npy", made.scheduler_address
        assert tally(NETWORK, path, EVERY, LABELS, dask=address) == whole


def test_memory_holds_a_batch_at_a_time(monkeypatch):
    counts = []
    forward = ConvNetwork.forward

    def watched(self, values, keep=()):
        counts.append(len(values["input"]))
        return forward(self, values, keep)

    monkeypatch.setattr(ConvNetwork, "forward", watched)
    tally(NETWORK, INPUTS)
    assert max(counts) == 8
    assert sum(counts) == 48 + 1  # the first says how large a batch may be


def test_a_network_that_insists_on_its_batch():
    graph = NETWORK.graph
    fixed = ConvNetwork(Graph([Input("input", (6, 2, 12))], graph.nodes, graph.outputs))
    found = tally(fixed, INPUTS, EVERY, LABELS)
    assert found.layers[0].active == tally(NETWORK, INPUTS, EVERY).layers[0].active
    with pytest.raises(DcscError, match=r"expected a multiple of the batch size 6 .*, got 47"):
        tally(fixed, INPUTS[:47])


# ---- files -----------------------------------------------------------------------------------


class StoppedError(Exception):
    """What ends a run in the middle."""


def stop_at(share):
    def report(done):
        if done >= share:
            raise StoppedError

    return report


def test_an_interrupted_run_goes_on(tmp_path, monkeypatch, whole):
    np.save(tmp_path / "inputs.npy", INPUTS)
    folder = tmp_path / "counts"
    options = {"settings": EVERY, "labels": LABELS, "folder": folder}
    with pytest.raises(StoppedError):
        tally(NETWORK, tmp_path / "inputs.npy", report=stop_at(0.3), **options)
    (path,) = folder.glob("*.npz")
    half = load_tally(path)
    assert 0 < half.inputs < 48
    counted = []
    batch = run.Counter.batch
    monkeypatch.setattr(
        run.Counter, "batch", lambda self, *args: counted.append(args[1]) or batch(self, *args)
    )
    done = []
    assert tally(NETWORK, tmp_path / "inputs.npy", report=done.append, **options) == whole
    assert done[0] == half.inputs / 48
    assert counted == list(range(half.inputs, 48, 8))
    assert load_tally(path) == whole
    # Once more, and nothing is left to count.
    counted.clear()
    assert tally(NETWORK, tmp_path / "inputs.npy", **options) == whole
    assert counted == []


def test_other_inputs_and_tasks_have_files_of_their_own(tmp_path):
    tally(NETWORK, INPUTS, folder=tmp_path)
    tally(NETWORK, INPUTS[:40], folder=tmp_path)
    tally(NETWORK, INPUTS, Settings(seed=1), folder=tmp_path)
    tally(NETWORK, INPUTS, labels=LABELS, folder=tmp_path)
    tally(NETWORK, INPUTS, folder=tmp_path)
    found = sorted(load_tally(path).inputs for path in tmp_path.glob("*.npz"))
    assert found == [40, 48, 48, 48]


def test_a_run_that_fails_at_once_leaves_nothing(tmp_path):
    wrong = INPUTS.copy()
    wrong[5] = np.nan
    with pytest.raises(DcscError, match="expected finite numbers"):
        tally(NETWORK, wrong, folder=tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


def test_what_dcsc_did_not_write_stays(tmp_path, whole):
    tally(NETWORK, INPUTS, EVERY, LABELS, folder=tmp_path)
    (path,) = tmp_path.glob("*.npz")
    content = path.read_bytes()
    path.write_bytes(b"somebody's")
    with pytest.raises(DcscError, match="bears no mark of dcsc"):
        tally(NETWORK, INPUTS, EVERY, LABELS, folder=tmp_path)
    assert path.read_bytes() == b"somebody's"
    for broken in (content[: len(content) // 2], content[:100] + b"?" + content[101:]):
        path.write_bytes(broken)
        with pytest.raises(DcscError, match="is not what a tally wrote"):
            load_tally(path)
    path.write_bytes(content)
    assert load_tally(path) == whole
    assert [file.name for file in tmp_path.iterdir() if file.suffix == ".part"] == []


def test_files_that_change_meanwhile_are_noticed(tmp_path):
    np.save(tmp_path / "inputs.npy", INPUTS)

    def change(done):
        if done > 0.1:
            np.save(tmp_path / "inputs.npy", INPUTS + 1)

    with pytest.raises(DcscError, match=r"inputs\.npy has changed since"):
        tally(NETWORK, tmp_path / "inputs.npy", report=change)


def test_numbers_are_json(whole):
    numbers = json.loads(json.dumps(whole.numbers(), allow_nan=False))
    layer = whole.layers[0]
    assert numbers["inputs"] == 48
    assert numbers["layers"][0]["silent"] == layer.silent
    assert numbers["layers"][0]["filters"] == layer.fired.sum(axis=1).tolist()
    assert (
        sum(map(np.array, numbers["layers"][0]["classes"].values())).tolist()
        == (numbers["layers"][0]["filters"])
    )


# ---- hashes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", OPERATIONS, ids=lambda kind: kind.__name__)
def test_networks_are_told_apart_by_all_that_they_hold(kind):
    operation = OPERATIONS[kind][0]
    assert digest(operation) == digest(copy.deepcopy(operation))


def test_hashes_tell_values_apart():
    values = [
        *(1, 1.0, True, "1", None, (), ("",), ((),), ("a", "b"), ("ab",), {"a": 1}, {"b": 1}),
        *(np.zeros(2), np.zeros(2, np.float32), np.zeros((2, 1)), np.zeros(0), np.array(["a"])),
        *(Settings(), Settings(seed=1), convolve(1, 1, (2,), 0.0), convolve(1, 1, (2,), 1.0)),
    ]
    assert len({digest(value) for value in values}) == len(values)
    array = np.arange(12.0).reshape(3, 4)
    assert digest(array.T) == digest(np.ascontiguousarray(array.T))
    with pytest.raises(DcscError, match="arrays and plain values"):
        digest(object())


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: tally(NETWORK, INPUTS[:, :, :5]), r"expected shape \(any, 2, 12\)"),
        (lambda: tally(NETWORK, INPUTS, labels=LABELS[:3]), "one for each of 48 inputs"),
        (lambda: tally(NETWORK, INPUTS[:0]), "expected arrays with batches"),
        (lambda: tally(NETWORK, {"other": INPUTS}), "expected input, got other"),
        (lambda: tally(network(operations.Relu()), INPUTS), "expected convolutions, found none"),
        (lambda: tally(NETWORK, INPUTS, jobs=0), "tally: jobs: expected"),
        (lambda: Settings(every=-1), "Settings: every: expected"),
        (lambda: SignTally(3, [1, 2], [1]), "as many counts of missed"),
        (lambda: NetworkTally("t", "s", 1, 0, [3], 0.1), "NetworkTally: layers: expected"),
        (lambda: load_tally("none.npz"), "load_tally: path: expected a file, got none.npz"),
    ],
)
def test_what_does_not_fit_is_refused(call, expected):
    with pytest.raises(DcscError, match=expected):
        call()
