"""The public names of dcsc with their parameters, a line each: what releases keep.

``python -m tests.public_api`` writes them to ``tests/public_api.txt``, for a change that is meant.
"""

import importlib
import inspect
from pathlib import Path

__all__ = ["FILE", "MODULES", "lines"]

FILE = Path(__file__).with_suffix(".txt")
# What the pages of the reference show: the ``__all__`` of these.
MODULES = [
    "dcsc",
    "dcsc.bounds",
    "dcsc.bounds.counts",
    "dcsc.bounds.noise",
    "dcsc.bounds.records",
    "dcsc.bounds.tails",
    "dcsc.codes",
    "dcsc.dictionaries",
    "dcsc.dictionaries.filters",
    "dcsc.experiments",
    "dcsc.experiments.studies.example",
    "dcsc.experiments.studies.inputs",
    "dcsc.experiments.studies.poster",
    "dcsc.experiments.studies.recover",
    "dcsc.experiments.sweeps",
    "dcsc.intervals",
    "dcsc.model",
    "dcsc.networks",
    "dcsc.networks.analysis",
    "dcsc.networks.autoencoders",
    "dcsc.networks.autoencoders.analysis",
    "dcsc.networks.autoencoders.formats",
    "dcsc.networks.operations",
    "dcsc.networks.pytorch",
    "dcsc.networks.readers",
    "dcsc.networks.relaxations",
    "dcsc.networks.shipped",
    "dcsc.networks.tallies",
    "dcsc.networks.weights.geometry",
    "dcsc.overlap",
    "dcsc.pathway",
    "dcsc.plotting",
    "dcsc.projections",
    "dcsc.pursuits",
    "dcsc.report",
    "dcsc.signs",
    "dcsc.testing",
    "dcsc.torch",
]
_PLAIN = (bool, int, float, str, type(None))


def lines():
    """Return a line for each public name: functions, classes, their methods and attributes.

    A second name of the same thing refers to the first, and what classes inherit from public ones
    stands with these.
    """
    labels = {}
    for module in map(importlib.import_module, MODULES):
        for name in module.__all__:
            value = getattr(module, name)
            if not inspect.ismodule(value):
                labels[f"{module.__name__}.{name}"] = value
    first = {id(value): label for label, value in reversed(labels.items())}
    found = set()
    for label, value in labels.items():
        if first[id(value)] != label:
            found.add(f"{label} is {first[id(value)]}")
            continue
        found.add(label + _parameters(value, 0))
        if inspect.isclass(value):
            found |= set(_members(value, label, first))
    return sorted(found)


def _members(kind, label, first):
    """Yield what a class offers, its own and what it has from classes that are not public."""
    for base in kind.__mro__:
        if not base.__module__.startswith("dcsc") or (base is not kind and id(base) in first):
            continue
        fields = vars(base).get("__attrs_attrs__", ())
        yield from (
            f"{label}.{field.name}"
            for field in fields
            if not field.inherited and not field.name.startswith("_")
        )
        for name, value in vars(base).items():
            if name.startswith("_") and name != "__call__":
                continue
            plain = getattr(value, "__func__", value)
            skipped = 0 if isinstance(value, staticmethod) else 1
            yield f"{label}.{name}" + _parameters(plain, skipped)


def _parameters(value, skipped):
    """Return the parameters in brackets, or nothing for what is not called."""
    if not (inspect.isfunction(value) or inspect.isclass(value)):
        return ""
    try:
        every = list(inspect.signature(value).parameters.values())[skipped:]
    except ValueError:  # exceptions, which have no signature
        return "(...)"
    texts = []
    for before, parameter in zip([None, *every], every, strict=False):
        if parameter.kind is parameter.KEYWORD_ONLY and (
            before is None or before.kind is parameter.POSITIONAL_OR_KEYWORD
        ):
            texts.append("*")
        texts.append(_text(parameter))
        if parameter.kind is parameter.POSITIONAL_ONLY:
            texts.append("/")
    return f"({', '.join(texts)})"


def _text(parameter):
    stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}
    name = stars.get(parameter.kind, "") + parameter.name
    if parameter.default is parameter.empty:
        return name
    return f"{name}={parameter.default!r}" if type(parameter.default) in _PLAIN else f"{name}=…"


if __name__ == "__main__":
    FILE.write_text("\n".join(lines()) + "\n", encoding="utf-8")
