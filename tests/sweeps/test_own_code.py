"""Strategies of one's own and filters from files: found, run when allowed, and watched."""

import hashlib
import os

import numpy as np
import pytest

import dcsc
from dcsc.errors import DcscError
from dcsc.experiments import sweeps
from dcsc.experiments.sweeps import Sweep, run, strategies
from dcsc.experiments.sweeps.work import Piece, work
from tests.sweeps.cases import BARE, numbers, table

FILTERS = np.eye(3)[:, :, None]

MODULE = """
import attrs
import numpy as np
from dcsc.projections import Projection
from dcsc.projections.base import Selection


@attrs.frozen
class Own(Projection):
    threshold: float = 0.5

    @property
    def selection(self):
        return Selection(self.threshold, one_sided=False, shrinkage=False)

    def _project(self, coefficients, dictionary):
        return np.where(abs(coefficients) > self.threshold, coefficients, 0)


class Unfinished(Projection):
    pass


def taps(n, c=1, **rest):
    return np.full((n, c, rest["kernel"]), 0.5)
"""


def written(folder, name, text=MODULE):
    """Write a module; names are used once, since what is imported stays."""
    (folder / f"{name}.py").write_text(text)
    return name


def of(folder, allow_code=True, **changes):
    return Sweep.of(table(BARE, **changes), folder, allow_code)


def layers(projection="HardThreshold", **dictionary):
    known = {"kind": "CirculantDictionary", "extent": 8, "filters": {"file": "taps.npy"}}
    if projection == "HardThreshold":
        projection = {"kind": projection, "threshold": 0.5}
    return [{"dictionary": {**known, **dictionary}, "projection": projection}]


def said(sweep_of, *arguments, **changes):
    with pytest.raises(DcscError) as error:
        sweep_of(*arguments, **changes)
    return str(error.value)


@pytest.fixture
def taps(tmp_path):
    np.save(tmp_path / "taps.npy", FILTERS)
    return tmp_path


def test_a_class_of_ones_own_counts_as_the_one_it_copies(taps):
    name = written(taps, "own_copy")
    mine = of(taps, layers=layers(f"{name}:Own"))
    theirs = of(taps, layers=layers())
    found, expected = mine.cell(()), theirs.cell(())
    assert found.identity != expected.identity
    assert found.task.layers[0].projection.sha256 == hashlib.sha256(MODULE.encode()).hexdigest()
    # Seeds follow from what is tried, so both get the same one.
    (one, x), (other, y) = (
        (cell.model(sweep.strategies), cell.codes(cell.model(sweep.strategies), sweep.strategies))
        for cell, sweep in ((found, mine), (expected, theirs))
    )
    tally = dcsc.experiments.simulate(one, x, 500, rng=0, noise=0.9)
    assert tally == dcsc.experiments.simulate(other, y, 500, rng=0, noise=0.9)
    assert 0 < tally.failures[-1] < 500


def test_workers_find_the_code_too(taps):
    name = written(taps, "own_workers")
    given = of(taps, layers=layers(f"{name}:Own"))
    run(given, taps / "one", jobs=1)
    run(given, taps / "two", jobs=2)
    assert numbers(sweeps.open(taps / "one")).identical(numbers(sweeps.open(taps / "two")))


def test_functions_that_make_filters(taps):
    name = written(taps, "own_taps")
    kind = f"{name}:taps"
    made = of(taps, layers=layers(filters={"kind": kind, "n": 2, "kernel": 2}))
    dictionary = made.cell(()).model(made.strategies).layers[0].dictionary
    assert np.array_equal(dictionary.filters, np.full((2, 1, 2), 0.5))
    place = "sweep: layers.1.dictionary.filters: "
    assert said(of, taps, layers=layers(filters={"kind": kind, "kernel": 2})) == (
        f"{place}{kind} needs 'n'"
    )


def test_code_that_cannot_be_used(taps):
    name = written(taps, "own_bad")
    written(taps, "own_syntax", "def")
    place = "sweep: layers.1.projection: "
    own = f"{name}:Own"

    def refused(kind, allow_code=True):
        return said(of, taps, allow_code, layers=layers(kind)).removeprefix(place)

    assert refused("own_none:Own") == (
        "could not import 'own_none:Own': No module named 'own_none'"
    )
    assert refused(f"{name}:None_") == (
        f"could not import '{name}:None_': module '{name}' has no attribute 'None_'"
    )
    abstract = refused(f"{name}:Unfinished")
    assert abstract.startswith(f"expected '{name}:Unfinished' to be a projection that can be made")
    assert refused(f"{name}:taps").startswith(f"expected '{name}:taps' to be a projection that can")
    assert "invalid syntax" in refused("own_syntax:Own")
    assert refused({"kind": own, "treshold": 1}) == (
        f"{own} has no 'treshold': did you mean 'threshold'?"
    )


def test_a_change_of_the_code_is_a_change_of_the_task_once_it_is_imported_anew(taps):
    """What runs is what was imported, and so is what the identity speaks of."""
    name = written(taps, "own_changing")
    before = of(taps, layers=layers(f"{name}:Own")).cell(()).identity
    (taps / f"{name}.py").write_text(MODULE + "\n# changed\n")
    assert of(taps, layers=layers(f"{name}:Own")).cell(()).identity == before
    other = written(taps, "own_changed", MODULE + "\n# changed\n")
    after = of(taps, layers=layers(f"{other}:Own")).cell(())
    assert after.task.layers[0].projection.sha256 != hashlib.sha256(MODULE.encode()).hexdigest()


TAIL = """
from dcsc.bounds.tails import Hoeffding, Tail


class Own(Tail):
    def _upper(self, rows):
        return Hoeffding()._upper(rows)
"""


def test_tails_are_words_names_or_code_of_ones_own(taps):
    """A word stays what it is: the identities of sweeps that were run with it do."""
    own = f"{written(taps, 'own_tail', TAIL)}:Own"
    kinds = ("hoeffding", "Hoeffding", {"kind": "Hoeffding"}, own, {"kind": own})
    made = of(taps, layers=layers(), bounds=[{"kind": "InstanceBound", "tail": k} for k in kinds])
    task = made.cell(()).task
    assert task.bounds[0].parameters == {"tail": "hoeffding"}
    names = ["hoeffding", "Hoeffding", "Hoeffding", own, own]
    assert [bound.label for bound in task.bounds] == [f"InstanceBound(tail={n})" for n in names]
    assert task.bounds[3].parameters["tail"].sha256 == hashlib.sha256(TAIL.encode()).hexdigest()
    known = made.strategies
    tails = [known.build("bound", bound, seed=0).tail for bound in task.bounds]
    assert [dcsc.bounds.tails.as_tail(tail) for tail in tails[:3]] == [
        dcsc.bounds.tails.Hoeffding()
    ] * 3
    assert [type(tail).__name__ for tail in tails[3:]] == ["Own", "Own"]
    wrong = [{"kind": "InstanceBound", "tail": "hoefding"}]
    assert "no tail is called 'hoefding': did you mean 'Hoeffding'?" in said(of, taps, bounds=wrong)


# ---- filters from files --------------------------------------------------------------------------


def test_filters_come_from_a_file_beside_the_sweep(taps):
    given = of(taps, layers=layers())
    dictionary = given.cell(()).model(given.strategies).layers[0].dictionary
    assert np.array_equal(dictionary.filters, FILTERS)
    identity = given.cell(()).identity
    np.save(taps / "taps.npy", 2 * FILTERS)
    assert of(taps, layers=layers()).cell(()).identity != identity


def test_files_that_change_or_go_are_noticed(taps):
    given = of(taps, layers=layers())
    cell = given.cell(())
    np.save(taps / "taps.npy", 2 * FILTERS)
    with pytest.raises(DcscError) as error:
        cell.model(given.strategies)
    place = f"the only cell: layers.1.dictionary: filters: {{}}{taps / 'taps.npy'}{{}}"
    assert str(error.value) == place.format("", " has changed since the sweep was read")
    with pytest.raises(DcscError) as error:
        work(given, (Piece((), cell.identity, ((0, 64),), guarantees=False),))
    assert str(error.value) == (
        "sweep: a worker reads the only cell otherwise than the one who asked: expected the "
        "same version of dcsc, of your own code and of files of filters everywhere (restart "
        "workers that began before a change)"
    )
    (taps / "taps.npy").unlink()
    with pytest.raises(DcscError) as error:
        cell.model(given.strategies)
    missing = place.format("file: expected a file, got ", ": No such file or directory")
    assert str(error.value) == missing


def test_files_elsewhere_are_read_with_consent_only(taps, tmp_path_factory):
    """Named as they are or through ``..``, or behind a link; replays need the consent too."""
    other = tmp_path_factory.mktemp("other")
    np.save(other / "taps.npy", FILTERS)
    (taps / "link.npy").symlink_to(other / "taps.npy")
    (taps / "inner.npy").symlink_to(taps / "taps.npy")
    (taps / "deep").mkdir()
    np.save(taps / "deep" / "taps.npy", FILTERS)
    for name in (str(other / "taps.npy"), f"../{other.name}/taps.npy", "link.npy"):
        given = layers(filters={"file": name})
        assert said(of, taps, allow_code=False, layers=given) == (
            f"sweep: layers.1.dictionary.filters: expected a file beside the sweep, in {taps}, got "
            f"{name!r}, which is read only with --allow-code"
        )
        made = of(taps, allow_code=True, layers=given, trials=1)
        run(made, taps / "out", jobs=1)
        assert "with --allow-code" in said(sweeps.replay, taps / "out")
        sweeps.replay(taps / "out", allow_code=True)
    for name in ("inner.npy", "deep/taps.npy", "deep/../taps.npy", str(taps / "taps.npy")):
        of(taps, allow_code=False, layers=layers(filters={"file": name})).cell(())


def test_files_without_end_are_not_waited_for(taps, monkeypatch):
    os.mkfifo(taps / "pipe.npy")
    (taps / "circle.npy").symlink_to(taps / "circle.npy")
    place = "sweep: layers.1.dictionary.filters: "
    for allow_code in (False, True):
        assert said(of, taps, allow_code, layers=layers(filters={"file": "pipe.npy"})) == (
            f"{place}file: expected a file, got {taps / 'pipe.npy'}, which is a pipe or a device"
        )
        assert said(of, taps, allow_code, layers=layers(filters={"file": "circle.npy"})) == (
            f"{place}file: expected a file, got {taps / 'circle.npy'}: "
            "Too many levels of symbolic links"
        )
    monkeypatch.setattr(strategies, "_MOST_BYTES", 100)
    assert said(of, taps, layers=layers()) == (
        f"{place}file: expected at most 100 bytes, got more in {taps / 'taps.npy'}"
    )


@pytest.mark.parametrize(
    ("content", "said_of_it"),
    [
        (b"", "{}: expected an array of numbers: EOF"),
        (b"not an array", "{}: expected an array of numbers: the magic string is not correct"),
        (b"PK\x03\x04 truncated", "{}: expected an array of numbers: the magic string is not"),
        (None, "{}: expected numbers, got dtype object, which is not read"),
        ("cut", "{}: declares 72 bytes of shape (3, 3, 1), got 64"),
    ],
)
def test_files_that_are_no_arrays(content, said_of_it, taps):
    file = taps / "taps.npy"
    if content is None:
        np.save(file, np.array([{"pickled": 1}]), allow_pickle=True)
    else:
        file.write_bytes(file.read_bytes()[:-8] if content == "cut" else content)
    given = of(taps, layers=layers())
    with pytest.raises(DcscError) as error:
        given.cell(()).model(given.strategies)
    start = "the only cell: layers.1.dictionary: filters: " + said_of_it.format(file)
    assert str(error.value).startswith(start)
