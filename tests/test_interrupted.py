"""What `nightly.interrupted` has to find after a signal, planted."""

import signal

import h5py
import pytest
from PIL import Image

from nightly.interrupted import Finished, is_whole

SVG = b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'><g/></svg>\n"


def write(folder, suffix):
    path = folder / f"result{suffix}"
    if suffix == ".png":
        Image.effect_noise((40, 40), 50).save(path)
    elif suffix == ".nc":
        with h5py.File(path, "w") as file:
            file["x"] = range(1000)
    else:
        contents = {".json": b'{"a": [1, 2]}\n', ".html": b"<html></html>\n", ".svg": SVG}
        path.write_bytes(contents[suffix])
    return path


@pytest.mark.parametrize("suffix", [".json", ".png", ".svg", ".html", ".nc"])
def test_files_are_whole_or_not(suffix, tmp_path):
    path = write(tmp_path, suffix)
    assert is_whole(path)
    content = path.read_bytes()
    for length in (0, 5, len(content) // 2, len(content) - 5):
        path.write_bytes(content[:length])
        assert not is_whole(path)
    assert not is_whole(tmp_path / "unknown")


SOUND = {
    "command": "plot",
    "sent": signal.SIGTERM,
    "code": 143,
    "errors": "dcsc: interrupted\n",
    "seconds": 1.0,
    "stayed": False,
}
FAULTS = [
    ({"code": 1}, "ends with code 1"),
    ({"sent": signal.SIGHUP}, "ends with code 143"),
    ({"seconds": 25.0}, "ends 25 s after the signal"),
    ({"stayed": True}, "a process stays"),
    ({"errors": "one\ntwo\n"}, "more than a line"),
]


@pytest.mark.parametrize(("change", "complaint"), FAULTS)
def test_faults_are_found(change, complaint, tmp_path):
    assert list(Finished(folder=tmp_path, **SOUND | change).complaints(tmp_path)) == [complaint]


def test_what_is_right_is_no_complaint(tmp_path):
    (tmp_path / "out").mkdir()
    write(tmp_path / "out", ".json")
    for code, sent in ((0, signal.SIGINT), (130, signal.SIGINT), (-15, signal.SIGTERM)):
        right = SOUND | {"code": code, "sent": sent}
        assert list(Finished(folder=tmp_path, **right).complaints(tmp_path)) == []


def test_files_left_behind_are_found(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".dcsc-1-2.part").write_bytes(b"")
    write(tmp_path / "out", ".json").write_bytes(b'{"a": [')
    assert list(Finished(folder=tmp_path, **SOUND).complaints(tmp_path)) == [
        "left from writing",
        ".json is not whole",
    ]


PYTHON_ALONE = """Traceback (most recent call last):
  File "<frozen runpy>", line 189, in _run_module_as_main
  File "<frozen importlib._bootstrap_external>", line 147, in _path_stat
KeyboardInterrupt
"""


def test_what_came_before_the_first_line_of_dcsc_is_counted_apart(tmp_path):
    (tmp_path / "out").mkdir()
    early = Finished(folder=tmp_path, **SOUND | {"errors": PYTHON_ALONE})
    assert early.too_early
    assert not list(early.complaints(tmp_path))
    inside = PYTHON_ALONE.replace("<frozen importlib._bootstrap_external>", "dcsc/__main__.py")
    late = Finished(folder=tmp_path, **SOUND | {"errors": inside})
    assert not late.too_early
    assert "a traceback" in list(late.complaints(tmp_path))
