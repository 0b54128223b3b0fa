"""A good call of every public function, constructor and method, collected by looking at them.

What is public is what the pages of the reference show: the ``__all__`` of `MODULES`. The arguments
of a constructor are the fields of a good instance, those of functions and methods are good values
by their names; those that have none keep their defaults. A name without a good call is an error.
"""

import fnmatch
import importlib.util
import inspect
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

from dcsc.torch import counterpart
from nightly.good_arguments import ARGUMENTS
from nightly.good_instances import INSTANCES
from nightly.ingredients import CIRCLE
from tests.networks.cases import OPERATIONS
from tests.public_api import MODULES

__all__ = ["GoodCall", "good_calls"]

# Not called, by the names of the reference, and why.
_HOOK = "users write it, and dcsc calls it with what it has made"
_FORMULA = "bounds call it with numbers that a record has checked, often in inner loops"
_WINDOWS = "dictionaries call it with a batch that they have checked"
LEFT_OUT = {
    "dcsc.bounds.noise.SignedSums*": _HOOK,
    "dcsc.bounds.noise.*.[lru]*er": _HOOK,  # lower, upper
    "dcsc.bounds.noise.*.ends": _HOOK,
    "dcsc.bounds.noise.*.re[fa]*": _HOOK,  # refusal, reach
    "dcsc.bounds.noise.*.softened": _HOOK,
    "dcsc.bounds.tails.Rows*": "tails make them of rows that they have checked",
    "dcsc.networks.operations.*.relaxation": "it takes what the operation takes, as intervals",
    "dcsc.networks.operations.*.zero_below": _HOOK,
    "dcsc.networks.relaxations.*": "operations make them of arrays that they have checked",
    "dcsc.Layer*.chained": _HOOK,
    "dcsc.Layer*.misfit": _HOOK,
    "dcsc.bounds.Layer*.under": _HOOK,
    "dcsc.LayerStatistics.babel_*": _FORMULA,
    "dcsc.LayerStatistics.blur": _FORMULA,
    "dcsc.LayerStatistics.check_units": _FORMULA,
    "dcsc.LayerStatistics.deviation": _FORMULA,
    "dcsc.LayerStatistics.need": _FORMULA,
    "dcsc.LayerStatistics.reach": _FORMULA,
    "dcsc.LayerStatistics.shift": _FORMULA,
    "dcsc.LayerStatistics.slack": _FORMULA,
    "dcsc.dictionaries.WindowAxis.[hmrs]*": _WINDOWS,
    "dcsc.dictionaries.Windows.*_entries": _WINDOWS,
    "dcsc.dictionaries.Windows.largest_*": _WINDOWS,
    "dcsc.dictionaries.Windows.max_containing": _WINDOWS,
    "dcsc.*TopK.with_threshold": "they take no threshold",
    "dcsc.GroupMax.with_threshold": "it takes no threshold",
    "dcsc.StripeProjection.with_threshold": "it takes no threshold",
    "dcsc.[BS]*[he]TopK.p[er]*": "they refuse all steps and codes",
    "dcsc.networks.operations.Unread.__call__": "it refuses all inputs",
    "dcsc.networks.operations.Equivariance": "an enumeration of Python's",
    "dcsc.experiments.studies.poster.poster": "it takes a minute",
    "dcsc.networks.pytorch.TorchNetwork.[fv]*": "they take tensors by order and by name",
    "dcsc.torch.Counterpart": "abstract: users write it",
}
if not importlib.util.find_spec("pywt"):
    LEFT_OUT["dcsc.dictionaries.filters.wavelets"] = "PyWavelets is not installed"

_FREE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@attrs.frozen
class GoodCall:
    """A callable, and what makes it and its arguments: nothing is made before it is asked for."""

    name: str
    make: Callable[[], tuple[Callable[..., Any], dict[str, Any]]]
    takes_arguments: bool = True


def good_calls():
    """Return a good call of everything public, by name and without doubles."""
    calls, seen = {}, set()
    for module in map(importlib.import_module, MODULES):
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.ismodule(value) or not callable(value) or value in seen:
                continue
            seen.add(value)
            label = f"{module.__name__}.{name}"
            if inspect.isclass(value):
                calls |= _of_class(label, value, seen)
            elif not _left_out(label):
                calls[label] = GoodCall(label, _function(value), _takes(value) > 0)
    return [calls[name] for name in sorted(calls)]


def _left_out(label):
    return any(fnmatch.fnmatch(label, pattern) for pattern in LEFT_OUT)


def _of_class(label, kind, seen):
    """Return the constructor and the methods that are not inherited from others."""
    if issubclass(kind, BaseException) or inspect.isabstract(kind) or _left_out(label):
        return {}
    if _takes(kind) and kind not in INSTANCES:
        raise LookupError(f"{label}: no good instance")
    calls = {label: GoodCall(label, _constructor(kind), _takes(kind) > 0)}
    for name in dir(kind):
        method = inspect.getattr_static(kind, name)
        plain = getattr(method, "__func__", method)
        path = f"{label}.{name}"
        public = name == "__call__" or not name.startswith("_")
        if not public or not inspect.isfunction(plain) or not plain.__module__.startswith("dcsc"):
            continue
        if plain not in seen and not _left_out(path):
            calls[path] = GoodCall(path, _method(kind, name), _takes(plain) > 1)
            if name != "__call__":  # which does what the class makes of it
                seen.add(plain)
    return calls


def _takes(function):
    return len(inspect.signature(function).parameters)


def _function(function):
    def make():
        signature = inspect.signature(function)
        if function is counterpart:  # which tells by its first argument, without a name
            return function, {0: CIRCLE}
        return function, _arguments(signature, function.__name__)

    return make


def _method(kind, name):
    def make():
        bound = getattr(INSTANCES[kind](), name)
        if kind in OPERATIONS and name == "__call__":
            return bound, dict(enumerate(inputs_of(kind)))
        return bound, _arguments(inspect.signature(bound), f"{kind.__name__}.{name}", name)

    return make


def inputs_of(kind):
    """Return the inputs of an operation, with data in the place of the ellipsis."""
    data = np.linspace(-1, 1, 288).reshape(2, 4, 6, 6)
    return [data if value is ... else value for value in OPERATIONS[kind][1]]


def _constructor(kind):
    def make():
        given = inspect.signature(kind).parameters
        if not given or not all(hasattr(INSTANCES[kind](), name) for name in given):
            return kind, _arguments(inspect.signature(kind), kind.__name__)
        return kind, {name: getattr(INSTANCES[kind](), name) for name in given}

    return make


def _arguments(signature, *owners):
    """Return a good value for each parameter; those that keep their defaults have the default."""
    values = {}
    for name, parameter in signature.parameters.items():
        keys = [f"{name}, {owner}" for owner in owners] + [name]
        key = next((key for key in keys if key in ARGUMENTS), None)
        if parameter.kind in _FREE:
            continue
        if key is not None:
            values[name] = ARGUMENTS[key]()
        elif parameter.default is not parameter.empty:
            values[name] = parameter.default
        else:
            raise LookupError(f"{owners[0]}: no good value for {name}")
    return values
