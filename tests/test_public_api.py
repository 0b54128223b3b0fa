"""What users call stays as it is, unless a change is meant."""

import importlib
import inspect

from tests import public_api


def test_the_public_names_are_those_of_the_list(torch):
    """A change of this list belongs into the changelog, too.

    ``python -m tests.public_api`` writes it anew.
    """
    assert public_api.lines() == public_api.FILE.read_text(encoding="utf-8").splitlines()


def test_help_names_what_may_be_given(torch):
    """Unquoted, ``npt.ArrayLike`` would be numpy's own union, which takes several lines."""
    for module in map(importlib.import_module, public_api.MODULES):
        for name in module.__all__:
            value = getattr(module, name)
            parts = vars(value).items() if inspect.isclass(value) else [(name, value)]
            for part, function in parts:
                if inspect.isfunction(function):
                    assert "_typing" not in str(inspect.signature(function)), f"{name}: {part}"
