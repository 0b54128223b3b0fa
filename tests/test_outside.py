"""The border to other libraries: one sentence, whatever they raise; dcsc's own errors pass."""

import struct
import warnings
import zipfile
import zlib

import pytest

from dcsc._outside import check_depth, outside
from dcsc.errors import DcscError, TooLargeError


class StrangeError(Exception):
    """Of a class that nobody knows."""


REASONS = {
    "missing": (FileNotFoundError(2, "No such file", "a.npz"), "No such file"),
    "without a number": (OSError("cannot identify it"), "cannot identify it"),
    "value": (ValueError("bad magic"), "bad magic"),
    "many lines": (ValueError("one\ntwo"), "one"),
    "long": (ValueError("z" * 1000), "z" * 200 + " …"),
    "zip": (zipfile.BadZipFile("File is not a zip file"), "File is not a zip file"),
    "zlib": (zlib.error("incorrect header"), "incorrect header"),
    "struct": (struct.error("unpack requires 4 bytes"), "unpack requires 4 bytes"),
    "unknown": (StrangeError("it is odd"), "it is odd"),
    "recursion": (RecursionError("too deep"), "too deep"),
    "without words": (EOFError(), "it is broken (EOFError)"),
    "memory": (MemoryError(), "it asks for more memory than there is"),
    "name": (UnboundLocalError("local variable 'fs'"), "it is broken (UnboundLocalError)"),
    "type": (TypeError("an integer is required"), "it is broken (TypeError)"),
    "division": (ZeroDivisionError("by zero"), "it is broken (ZeroDivisionError)"),
    "key": (KeyError("x"), "it is broken (KeyError)"),
    "assertion": (AssertionError(), "it is broken (AssertionError)"),
}


@pytest.mark.parametrize("name", REASONS)
def test_what_a_library_raises_is_one_sentence(name):
    error, reason = REASONS[name]
    with pytest.raises(DcscError) as refusal, outside("expected a file"):
        raise error
    assert str(refusal.value) == f"expected a file: {reason}"


def test_errors_of_dcsc_and_interruptions_pass():
    for error in (TooLargeError("too large"), KeyboardInterrupt(), SystemExit(3)):
        with pytest.raises(type(error)) as passed, outside("expected a file"):
            raise error
        assert passed.value is error


def test_warnings_of_a_library_are_not_told():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with outside("expected a file"):
            warnings.warn("the file is odd", UserWarning, stacklevel=1)


def test_trees_nested_too_deeply_are_refused():
    tree = [1, "text", {"a": (2, [3])}]
    check_depth(tree, "file")
    for _ in range(100):
        tree = [{"a": tree}]
    with pytest.raises(
        DcscError, match="file: it is nested too deeply, expected 50 levels at most"
    ):
        check_depth(tree, "file")
