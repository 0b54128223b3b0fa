"""PyTorch, which the tests can do without: what needs it is skipped where it is not installed.

A file that imports it at its top, in an example too, is skipped whole; a test asks for the fixture
`torch`, and a function that tests call for `torch()`.
"""

import importlib.util
import re

import pytest

__all__ = ["REASON", "is_left_out", "torch"]

REASON = "needs PyTorch: pip install '.[test-torch]'"
_AT_THE_TOP = re.compile(r"^(>>> |try:\n    )?(import|from) torch\b", re.MULTILINE)


def torch():
    """Return the package, or skip the test that is running."""
    return pytest.importorskip("torch", reason=REASON)


def is_left_out(path):
    """Whether a file of tests or examples needs PyTorch, and it is not there."""
    if path.suffix not in (".py", ".md") or importlib.util.find_spec("torch"):
        return False
    return _AT_THE_TOP.search(path.read_text()) is not None
