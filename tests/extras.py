"""PyTorch, which the tests can do without: what needs it is skipped where it is not installed.

A file that imports it at its top, in an example too, is skipped whole; a test asks for the fixture
`torch`, and a function that tests call for `torch()`.
"""

import ast
import importlib.util

import pytest

__all__ = ["REASON", "is_left_out", "torch"]

# PyTorch, and the parts of dcsc that cannot be imported without.
_NEEDS = (
    *("import torch", "from torch"),
    *("import dcsc.torch", "from dcsc.torch", "from dcsc.networks.pytorch"),
)
REASON = "needs PyTorch: pip install '.[test-torch]'"


def torch():
    """Return the package, or skip the test that is running."""
    return pytest.importorskip("torch", reason=REASON)


def is_left_out(path):
    """Whether a file of tests or examples needs PyTorch, and it is not there."""
    if path.suffix not in (".py", ".md") or importlib.util.find_spec("torch"):
        return False
    text = path.read_text()
    if path.suffix == ".md":
        return ">>> import torch" in text
    steps = [step for node in ast.parse(text).body for step in getattr(node, "body", [node])]
    return any(ast.unparse(step).startswith(_NEEDS) for step in steps)
