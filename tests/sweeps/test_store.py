"""The folder: finished work lands whole or not at all, and damage is refused."""

import errno
import hashlib
import itertools
import json
import os
import pathlib
import shutil
import stat
import subprocess

import pytest

from dcsc._files import _part, write_durably
from dcsc.errors import DcscError
from dcsc.experiments import sweeps
from dcsc.experiments.sweeps import run
from dcsc.experiments.sweeps.store import Store
from tests.sweeps.cases import SMALL, axes, numbers, sweep

GIVEN = sweep()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return the folder of a sweep that nothing has disturbed."""
    folder = tmp_path_factory.mktemp("finished")
    done = run(GIVEN, folder, jobs=1)
    assert (done.cells, done.found, done.trials, done.saved) == (8, 0, 800, 0)
    return folder


@pytest.fixture
def copied(finished, tmp_path):
    """Return a copy that may be damaged."""
    return pathlib.Path(shutil.copytree(finished, tmp_path / "copy"))


def blocks(folder):
    return sorted((folder / "blocks").iterdir())


def leftovers(folder):
    return [
        path
        for path in folder.rglob("*")
        if path.name.startswith(".dcsc-") and path.suffix == ".part"
    ]


def assert_same(folder, finished):
    assert not leftovers(folder)
    assert numbers(sweeps.open(folder)).identical(numbers(sweeps.open(finished)))


def said(call, *arguments):
    with pytest.raises(DcscError) as error:
        call(*arguments)
    return str(error.value)


def test_a_rerun_makes_nothing_again(copied, finished):
    before = {path: path.read_bytes() for path in blocks(copied)}
    done = run(GIVEN, copied, jobs=1)
    assert (done.found, done.trials) == (800, 0)
    assert {path: path.read_bytes() for path in blocks(copied)} == before
    assert_same(copied, finished)


def test_what_is_lost_is_made_again(copied, finished):
    lost = blocks(copied)[::2]
    for path in lost:
        path.unlink()
    done = run(GIVEN, copied, jobs=1)
    assert done.found + done.trials == 800
    assert 0 < done.trials < 800
    assert_same(copied, finished)


# ---- a disk that fails ---------------------------------------------------------------------------


def failing(call, at):
    """Return a call that raises an error once, at its n-th use."""
    calls = itertools.count(1)

    def called(*arguments, **options):
        if next(calls) == at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return call(*arguments, **options)

    return called


class FullFile:
    """A file that takes half of what it is given."""

    def __init__(self, file):
        self.file = file

    def __enter__(self):
        self.file.__enter__()
        return self

    def __exit__(self, *error):
        return self.file.__exit__(*error)

    def write(self, content):
        self.file.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def fail(monkeypatch, where, at):
    """Let the disk be full at the n-th step of one kind."""
    if where == "write":
        opened, calls = os.fdopen, []

        def fdopen(*arguments):
            calls.append(arguments)
            file = opened(*arguments)
            return FullFile(file) if len(calls) == at else file

        monkeypatch.setattr("dcsc._files.os.fdopen", fdopen)
        return
    if where == "open":
        opened, broken = os.open, failing(os.open, at)

        def open_(path, *arguments, **options):
            named = broken if str(path).endswith(".part") else opened
            return named(path, *arguments, **options)

        monkeypatch.setattr(os, "open", open_)
        return
    place = {"fsync": os, "replace": pathlib.Path}[where]
    monkeypatch.setattr(place, where, failing(getattr(place, where), at))


@pytest.mark.parametrize("at", [1, 2, 4])
@pytest.mark.parametrize("where", ["open", "write", "fsync", "replace"])
def test_a_full_disk_leaves_nothing_half_written(where, at, tmp_path, finished):
    """``at`` 1 meets the plan, later ones the work; fsync is called twice for each file."""
    with pytest.MonkeyPatch.context() as patch:
        fail(patch, where, at)
        message = said(run, GIVEN, tmp_path, 1)
    assert message.startswith(f"could not write {tmp_path}")
    assert message.endswith(f"json: {os.strerror(errno.ENOSPC)}")
    assert not leftovers(tmp_path)
    if (tmp_path / "sweep.json").exists():
        Store.read(tmp_path)
    run(GIVEN, tmp_path, jobs=1)
    assert_same(tmp_path, finished)


def test_bytes_are_on_the_disk_before_their_name(monkeypatch, tmp_path):
    """And the name is, when it returns: what is asked of the system, in this order."""
    calls = []
    fsync, replace = os.fsync, pathlib.Path.replace

    def synced(handle):
        kind = "folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file"
        calls.append((f"fsync {kind}", os.fstat(handle).st_size if kind == "file" else 0))
        return fsync(handle)

    def renamed(path, target):
        calls.append(("rename", path.stat().st_size))
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(pathlib.Path, "replace", renamed)
    write_durably(tmp_path / "whole", b"bytes")
    assert calls == [("fsync file", 5), ("rename", 5), ("fsync folder", 0)]
    assert (tmp_path / "whole").read_bytes() == b"bytes"
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]


@pytest.fixture
def small_disk(tmp_path):
    """Return a disk of 64 KiB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_is_really_full(small_disk, finished):
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 56 * 1024)
    out = small_disk / "out"
    message = said(run, GIVEN, out, 1)
    assert message.startswith(f"could not write {out / 'blocks'}")
    assert message.endswith("No space left on device")
    partial = sweeps.open(out)
    assert int(partial["trials"].sum()) < 800
    ballast.unlink()
    done = run(GIVEN, out, jobs=1)
    assert done.found == int(partial["trials"].sum())
    assert_same(out, finished)


# ---- files that are not what they were -----------------------------------------------------------


DAMAGED = (
    "sweep: {} is not what its name says: expected a file of finished work, whole, as a run wrote "
    "it. Remove it, and a rerun makes again what it held"
)


@pytest.mark.parametrize("damage", ["truncated", "emptied", "changed", "renamed", "foreign"])
def test_damage_is_refused_and_mended(damage, copied, finished):
    path = blocks(copied)[1]
    content = path.read_bytes()
    if damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "emptied":
        path.write_bytes(b"")
    elif damage == "changed":
        path.write_bytes(content.replace(b'"start":0', b'"start":1').replace(b"0.", b"1."))
    elif damage == "renamed":
        path = path.rename(path.with_name("0" * 32 + ".json"))
    else:
        path = path.with_name("notes.txt")
        path.write_text("something else")
    assert said(run, GIVEN, copied, 1) == DAMAGED.format(path)
    assert said(sweeps.open, copied) == DAMAGED.format(path)
    assert said(sweeps.replay, copied, {"sparsity": 1, "noise": 0}) == DAMAGED.format(path)
    path.unlink()
    run(GIVEN, copied, jobs=1)
    assert_same(copied, finished)


def test_folders_among_the_blocks(copied):
    (copied / "blocks" / "more").mkdir()
    assert said(sweeps.open, copied) == (
        f"sweep: expected a file, got {copied / 'blocks' / 'more'}, which is a folder"
    )


def test_work_of_another_format_is_refused(copied):
    content = b'{"format":"dcsc blocks 2","records":[]}\n'
    name = hashlib.sha256(content).hexdigest()[:32] + ".json"
    path = copied / "blocks" / name
    path.write_bytes(content)
    assert said(sweeps.open, copied) == (
        f"sweep: {path}: expected format 'dcsc blocks 1', got 'dcsc blocks 2'"
    )


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b"{}", b'{"format": "another"}'])
def test_a_plan_that_is_none(content, copied, finished):
    plan = copied / "sweep.json"
    plan.write_bytes(content)
    for call, arguments in ((sweeps.open, ()), (sweeps.replay, ({"sparsity": 1},))):
        assert said(call, copied, *arguments).startswith(
            f"sweep: {plan} is not what a sweep wrote: "
        )
    assert "bears no mark of dcsc" in said(run, GIVEN, copied, 1)
    assert plan.read_bytes() == content
    run(GIVEN, copied, jobs=1, force=True)
    assert_same(copied, finished)


def test_folders_that_are_none(tmp_path):
    for folder, why in ((tmp_path, ""), (tmp_path / "none", ", which does not exist")):
        assert said(sweeps.open, folder) == (
            f"sweep: expected the folder of a sweep, with a sweep.json, got {folder}{why}"
        )
    file = tmp_path / "file"
    file.write_text("")
    assert said(run, GIVEN, file, 1) == (
        f"--out: expected a folder to write to, got {file}: Not a directory"
    )


def test_leftovers_of_a_killed_run_go(copied, finished):
    for place in (copied, copied / "blocks"):
        (place / ".tmp-mine").write_text("of somebody else")
    parts = [_part(copied / "sweep.json"), _part(copied / "results.nc"), _part(blocks(copied)[0])]
    for part in parts:
        part.write_text("half of so")
    assert numbers(sweeps.open(copied)).identical(numbers(sweeps.open(finished)))
    run(GIVEN, copied, jobs=1)
    assert_same(copied, finished)
    assert (copied / ".tmp-mine").read_text() == "of somebody else"


def test_files_that_no_sweep_wrote_are_replaced_by_force_only(tmp_path):
    for name in ("sweep.json", "results.nc"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / name).write_text('{"mine": 1}')
        assert f"the file {folder / name}, which exists and bears no mark" in said(
            run, GIVEN, folder, 1
        )
        assert [path.name for path in folder.iterdir()] == [name]
        run(GIVEN, folder, 1, force=True)
        assert b"mine" not in sweeps.write_netcdf(folder, force=True).read_bytes()
        run(GIVEN, folder, 1)
        sweeps.write_netcdf(folder)


def test_a_run_that_fails_at_once_leaves_nothing(tmp_path):
    (tmp_path / "mine").write_text("text")
    for folder in (tmp_path, tmp_path / "new" / "deep"):
        assert "expected a scheduler" in said(run, GIVEN, folder, 1, "tcp://127.0.0.1:9")
        assert [path.name for path in tmp_path.iterdir()] == ["mine"]


# ---- two runs, and other sweeps ------------------------------------------------------------------


def test_a_second_run_is_refused(copied, finished):
    with Store.locked(copied, json.loads((copied / "sweep.json").read_text())):
        assert said(run, GIVEN, copied, 1) == (
            f"sweep: another run is at work in {copied}: wait for it"
        )
        assert numbers(sweeps.open(copied)).identical(numbers(sweeps.open(finished)))
    run(GIVEN, copied, jobs=1)


def test_another_sweep_keeps_what_is_of_use(copied, finished):
    """New cells are made, known ones not; what is no longer asked for stays, and is not shown."""
    wider = axes(sparsity=("codes.sparsity", [1, 3, 4]), noise=("noise", [0.2, 0.0, 0.1]))
    done = run(sweep(axes=wider), copied, jobs=1)
    assert (done.found, done.trials) == (400, 500)
    data = sweeps.open(copied)
    known = sweeps.open(finished)
    for sparsity in (1, 3):
        for noise in (0.0, 0.2):
            place = {"sparsity": sparsity, "noise": noise}
            assert numbers(data.sel(place)).equals(numbers(known.sel(place)))
    assert list(data["sparsity"].values) == [1, 3, 4]
    done = run(GIVEN, copied, jobs=1)
    assert (done.found, done.trials) == (800, 0)
    assert_same(copied, finished)


def test_other_bounds_make_no_trial_again(copied, finished):
    done = run(sweep(bounds=["HybridBound"]), copied, jobs=1)
    assert (done.found, done.trials) == (800, 0)
    data = sweeps.open(copied)
    assert list(data["bound"].values) == ["HybridBound"]
    assert data["failures"].identical(sweeps.open(finished)["failures"])


def test_more_trials_keep_whole_blocks(tmp_path):
    """What is cut elsewhere is made again: 1024 trials stand alone, the rest are one stretch."""
    few, more = (sweep(SMALL, trials=trials, axes={}) for trials in (1100, 2100))
    run(few, tmp_path, jobs=1)
    done = run(more, tmp_path, jobs=1)
    assert (done.found, done.trials) == (1024, 2100 - 1024)
    run(more, tmp_path / "direct", jobs=1)
    assert numbers(sweeps.open(tmp_path)).identical(numbers(sweeps.open(tmp_path / "direct")))
