"""The rule of what dcsc writes: whole, all or none, and in the place of its own files only."""

import errno
import json
import os
import stat
import tracemalloc
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import xarray
from matplotlib.figure import Figure
from PIL import Image

from dcsc import networks
from dcsc._files import (
    as_json,
    check_files,
    make_folder,
    read_bytes,
    remove_leftovers,
    write_durably,
    write_files,
)
from dcsc.bounds import Certificate, LayerStatistics, UniformBound, verify
from dcsc.errors import DcscError
from dcsc.networks.shipped import digits_network_path
from dcsc.plotting import as_png, as_svg

FIGURE = Figure(figsize=(1, 1))
FILES = {
    "a.html": b"<!doctype html>\n<title>x</title>\n",
    "a.json": as_json({"version": "x"}),
    "a.png": as_png(FIGURE),
    "a.svg": as_svg(FIGURE),
}


def refusal(call, *arguments, **options):
    with pytest.raises(DcscError) as error:
        call(*arguments, **options)
    return str(error.value)


def tree(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


# ---- what may be replaced ------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_files_of_others_are_replaced_by_force_only(name, tmp_path):
    path, files = tmp_path / name, {name: FILES[name]}
    for content in (b"", b"mine", FILES[name]):  # the last as another program makes it
        path.write_bytes(content)
        for call, argument in ((check_files, [path]), (write_files, tmp_path)):
            arguments = (argument, "--out") if call is check_files else (argument, files, "--out")
            assert refusal(call, *arguments) == (
                f"--out: expected to write the file {path}, which exists and bears no mark of "
                "dcsc: --force (in Python force=True) replaces it"
            )
            assert path.read_bytes() == content
    write_files(tmp_path, files, "--out", force=True)
    write_files(tmp_path, files, "--out")
    check_files([path], "--out")
    assert tree(tmp_path) == {name}


def test_marked_files_are_what_they_were(tmp_path):
    write_files(tmp_path, FILES, "--out")
    assert json.loads((tmp_path / "a.json").read_text()) == {"made_by": "dcsc", "version": "x"}
    with Image.open(tmp_path / "a.png") as marked, Image.open(BytesIO(FILES["a.png"])) as plain:
        assert marked.info["Comment"] == "made by dcsc"
        assert (np.asarray(marked) == np.asarray(plain)).all()
    for name in ("a.html", "a.svg"):
        lines = (tmp_path / name).read_text().splitlines()
        assert lines.pop(1) == "<!-- made by dcsc -->"
        assert lines == FILES[name].decode().splitlines()
    once = {name: (tmp_path / name).read_bytes() for name in FILES}
    write_files(tmp_path, once, "--out")  # what bears its mark gets no other
    assert once == {name: (tmp_path / name).read_bytes() for name in FILES}


def test_a_page_that_quotes_a_drawing_is_no_file_of_dcsc(tmp_path):
    write_files(tmp_path, FILES, "--out")
    page = tmp_path / "page.html"
    page.write_bytes(b"<!doctype html>\n<p>mine</p>\n" + (tmp_path / "a.svg").read_bytes())
    assert "bears no mark" in refusal(check_files, [page], "--html")


def test_data_sets_are_marked_by_an_attribute(tmp_path):
    path = tmp_path / "results.nc"
    for mark in ("made by hand", "made by dcsc"):
        data = xarray.Dataset({"x": ("i", np.arange(10_000))}, attrs={"source": mark})
        data.to_netcdf(path, engine="h5netcdf")
        if mark == "made by hand":
            assert "bears no mark" in refusal(check_files, [path], "--out")
    check_files([path], "--out")


def test_certificates_replace_certificates(tmp_path):
    layer = LayerStatistics(coherence=1 / 13, x_min=1, x_max=1, sparsity=6)
    certificate = Certificate.of(UniformBound().evaluate(layer))
    certificate.write(tmp_path)
    certificate.write(tmp_path)
    np.savez(tmp_path / "evidence.npz", mine=np.ones(3))
    message = refusal(certificate.write, tmp_path)
    assert f"the file {tmp_path / 'evidence.npz'}, which exists" in message
    assert np.load(tmp_path / "evidence.npz")["mine"].sum() == 3
    certificate.write(tmp_path, force=True)
    assert verify(tmp_path / "certificate.json", tmp_path / "evidence.npz").holds


# ---- what is at a name ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["folder", "pipe", "device", "loop"])
def test_what_is_no_file_is_refused_and_not_opened(kind, tmp_path):
    path = tmp_path / "a.json"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.symlink_to(path)
    for force in (False, True):
        message = refusal(write_files, tmp_path, {"a.json": b"{}"}, "--out", force)
        assert message.startswith(f"--out: expected to write the file {path}")
    assert tree(tmp_path) == {"a.json"}


def test_permissions_and_umask_are_kept(tmp_path):
    old = os.umask(0o027)
    try:
        write_files(tmp_path, FILES, "--out")
        write_durably(tmp_path / "block", b"x")
        assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o640}
        for mode in (0o600, 0o604, 0o666, 0o755):
            (tmp_path / "a.json").chmod(mode)
            (tmp_path / "block").chmod(mode)
            write_files(tmp_path, FILES, "--out")
            write_durably(tmp_path / "block", b"y")
            for name in ("a.json", "block"):
                assert stat.S_IMODE((tmp_path / name).stat().st_mode) == mode
    finally:
        os.umask(old)


def test_what_a_link_points_to_is_replaced(tmp_path):
    far, near = tmp_path / "far", tmp_path / "near"
    far.mkdir()
    near.mkdir()
    (near / "a.json").symlink_to("../far/numbers")
    for _ in range(2):  # one that does not exist yet, and one that does
        write_files(near, {"a.json": FILES["a.json"]}, "--out")
        assert (near / "a.json").is_symlink()
        assert json.loads((far / "numbers").read_text())["version"] == "x"
        assert tree(tmp_path) == {"far", "near", "far/numbers", "near/a.json"}
    write_durably(near / "a.json", b"{}")
    assert (near / "a.json").is_symlink()
    assert (far / "numbers").read_bytes() == b"{}"
    (near / "b.json").symlink_to("a.json")
    message = refusal(check_files, [near / "a.json", near / "b.json"], "--out", force=True)
    assert message == f"--out: expected two files, got one: {near / 'a.json'} and {near / 'b.json'}"


# ---- what fails ----------------------------------------------------------------------------------


def test_a_check_makes_nothing(tmp_path):
    check_files([tmp_path / "new" / "deep" / "a.json"], "--out")
    assert tree(tmp_path) == set()
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "deep"):
        message = refusal(check_files, [place / "a.json"], "--out")
        assert message == f"--out: expected a folder to write to, got {place}: Not a directory"
        message = refusal(make_folder, place, "--out")
        assert message == f"--out: expected a folder to write to, got {place}: Not a directory"
    assert tree(tmp_path) == {"file"}


@pytest.mark.parametrize("step", ["open", "replace"])
def test_a_failed_write_names_the_file_and_leaves_nothing(step, tmp_path, monkeypatch):
    place, call = {"open": (os, os.open), "replace": (Path, Path.replace)}[step]

    def full(path, *arguments, **options):
        if str(path).endswith(".part"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return call(path, *arguments, **options)

    monkeypatch.setattr(place, step, full)
    folder = tmp_path / "new" / "deep"
    message = refusal(write_files, folder, {"a.json": FILES["a.json"]}, "--out")
    assert message == f"could not write {folder / 'a.json'}: No space left on device"
    assert tree(tmp_path) == set()


def test_leftovers_are_known_by_their_names(tmp_path, monkeypatch):
    names = {"a.json", "b.json"}
    (tmp_path / ".dcsc-mine").touch()
    (tmp_path / ".tmp-mine").touch()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda path, missing_ok: None)
        patch.setattr(Path, "replace", lambda path, target: 1 / 0)
        for name in names:
            with pytest.raises(ZeroDivisionError):
                write_durably(tmp_path / name, b"x")
    mine = {".dcsc-mine", ".tmp-mine"}
    assert len(tree(tmp_path)) == 4
    remove_leftovers(tmp_path, "a.json")
    assert len(tree(tmp_path)) == 3
    remove_leftovers(tmp_path)
    assert tree(tmp_path) == mine


# ---- what is read --------------------------------------------------------------------------------


@pytest.fixture(params=["pipe", "device", "folder", "long", "none", "zero byte", "number"])
def no_file(request, tmp_path):
    """Return a path at which there is no file that could be read to its end."""
    path = tmp_path / "input"
    if request.param == "pipe":
        os.mkfifo(path)
    elif request.param == "device":
        path.symlink_to("/dev/zero")
    elif request.param == "folder":
        path.mkdir()
    others = {"long": "x" * 5000, "zero byte": "a\0b", "number": 7}
    return others.get(request.param, path)


def test_what_is_no_file_is_refused_before_it_is_opened(no_file, tmp_path):
    evidence = tmp_path / "evidence.npz"
    layer = LayerStatistics(coherence=1 / 13, x_min=1, x_max=1, sparsity=6)
    Certificate.of(UniformBound().evaluate(layer)).write(tmp_path)
    certificate, digits = tmp_path / "certificate.json", digits_network_path()
    for call in (
        lambda: read_bytes(no_file, "x"),
        lambda: verify(no_file, evidence),
        lambda: verify(certificate, no_file),
        lambda: verify(certificate, evidence, no_file),
        lambda: networks.load(no_file),
        lambda: networks.load(digits, no_file) if no_file != 7 else read_bytes(7, "geometry"),
    ):
        message = refusal(call)
        assert ": expected a file, got " in message
        assert len(message) < 400


def test_files_of_more_bytes_than_allowed_are_refused(tmp_path):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(2**40)
    assert (
        refusal(read_bytes, path, "x", 100) == f"x: expected at most 100 bytes, got more in {path}"
    )
    path.write_bytes(b"x" * 100)
    assert read_bytes(path, "x", 100) == b"x" * 100


def test_reading_takes_the_memory_of_the_file(tmp_path):
    (tmp_path / "small").write_bytes(b"x" * 100)
    tracemalloc.start()
    try:
        assert len(read_bytes(tmp_path / "small", "x", 2**32)) == 100
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(not Path("/proc/version").is_file(), reason="there is no /proc")
def test_files_that_do_not_know_how_long_they_are_are_read():
    assert Path("/proc/version").stat().st_size == 0
    assert read_bytes("/proc/version", "x") == Path("/proc/version").read_bytes()
