"""Optional packages: what needs one that is not installed is skipped, with what to install.

A file that imports one at its top, or in an example, is skipped whole; a test asks for the fixture
`torch`, and a function that tests call for `torch()` or `wavelets()`.
"""

import ast
import importlib.util

import pytest

__all__ = ["REASON", "torch", "wavelets", "why_left_out"]

REASON = "needs PyTorch: pip install '.[test-torch]'"
# For every package why its absence matters, and the parts of dcsc that cannot be imported without.
_PACKAGES = {
    "torch": (REASON, ("import dcsc.torch", "from dcsc.torch", "from dcsc.networks.pytorch")),
    "pywt": ("needs PyWavelets: pip install 'dcsc[wavelets]'", ()),
}


def torch():
    """Return the package, or skip the test that is running."""
    return pytest.importorskip("torch", reason=REASON)


def wavelets():
    """Return PyWavelets, or skip the test that is running."""
    return pytest.importorskip("pywt", reason=_PACKAGES["pywt"][0])


def why_left_out(path):
    """Return why a file of tests or examples cannot be read, or None if all it needs is there."""
    if path.suffix not in (".py", ".md"):
        return None
    missing = [name for name in _PACKAGES if not importlib.util.find_spec(name)]
    reasons = (_PACKAGES[name][0] for name in missing if _needs(path, name))
    return next(reasons, None)


def _needs(path, package):
    text = path.read_text()
    if f">>> import {package}" in text or path.suffix == ".md":
        return f">>> import {package}" in text
    starts = (f"import {package}", f"from {package}", *_PACKAGES[package][1])
    steps = [step for node in ast.parse(text).body for step in getattr(node, "body", [node])]
    return any(ast.unparse(step).startswith(starts) for step in steps)
