"""What a guarantee is computed from, as text and arrays, and back.

Only the classes named here are written and read, and reading calls nothing but them.
"""

import inspect
import json
import math
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import attrs
import numpy as np

from dcsc import dictionaries
from dcsc._archives import npz_arrays, npz_bytes
from dcsc._arrays import Array, instance
from dcsc._files import regular_file
from dcsc._outside import check_depth, outside
from dcsc._words import one_of, quoted, short
from dcsc.bounds import tails
from dcsc.bounds.family import THEOREMS
from dcsc.bounds.hypotheses import Hypothesis
from dcsc.bounds.records import Babel, LayerInstance, LayerRecord, LayerStatistics
from dcsc.bounds.statement import Statement
from dcsc.bounds.theorem import Theorem
from dcsc.coefficients import TOLERANCE
from dcsc.errors import DcscError
from dcsc.projections import Selection

__all__ = ["Described", "Inputs", "check_described", "describe", "parse_json"]

Described = Mapping[str, Any]
"""A strategy or a record in JSON: its class and its fields, with arrays by name."""

_FORMAT = "dcsc model 1"
_TEXT = "inputs"
# Fields that came later, and the value at which documents leave them out: those that were written
# before go on being read.
_LATER: dict[str, Any] = {
    "dilation": 1,
    "groups": 1,
    "tolerance": TOLERANCE,
    "spread": None,
    "coins": None,
    "pursuit": None,
}
_MOST_BYTES = 2**30
_RECORDS = (LayerStatistics, LayerInstance)


def _leaves(family: types.ModuleType, base: type) -> Iterator[Any]:
    """Yield the classes of a family that its package exports."""
    for name in family.__all__:
        kind = getattr(family, name)
        if isinstance(kind, type) and issubclass(kind, base) and not inspect.isabstract(kind):
            yield kind


_KINDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        *THEOREMS,
        *_RECORDS,
        *_leaves(dictionaries, dictionaries.Dictionary),
        *_leaves(tails, tails.Tail),
        *(Selection, Babel, Hypothesis),
    )
}


@attrs.frozen(eq=False)
class Inputs:
    """A bound and the records it evaluates, layer 1 first."""

    bound: Theorem[Any]
    layers: tuple[LayerRecord, ...]

    def evaluate(self) -> Statement[Any]:
        """Return the guarantee."""
        return self.bound.evaluate(self.layers)

    def npz(self) -> bytes:
        """Return the file that `load` reads: the arrays, and one text that says what they are."""
        arrays: dict[str, Array] = {}
        text = json.dumps(
            {
                "format": _FORMAT,
                "bound": describe(self.bound, "bound", arrays),
                "layers": [
                    describe(layer, f"layer{number}", arrays)
                    for number, layer in enumerate(self.layers, start=1)
                ],
            },
            indent=1,
            allow_nan=False,
        )
        return npz_bytes(arrays, _TEXT, text)

    @classmethod
    def load(cls, paths: list[Path]) -> "Inputs":
        """Return the inputs whose arrays lie in one .npz, or in several.

        Raises
        ------
        DcscError
            If a file is no .npz of numbers, is too large, or lacks or repeats an array; if the
            text names a class or a field that dcsc does not know.
        """
        where = " and ".join(map(str, paths))
        arrays: dict[str, Array] = {}
        for path in paths:
            found = _read_npz(path)
            for name in found.keys() & arrays.keys():
                raise DcscError(f"{path}: {quoted(name)}: expected each array once, got it twice")
            arrays |= found
        if _TEXT not in arrays or arrays[_TEXT].dtype.kind != "U" or arrays[_TEXT].ndim:
            raise DcscError(f"{where}: expected a model that dcsc wrote, got no text {_TEXT!r}")
        tree = parse_json(str(arrays.pop(_TEXT)), f"{where}: {_TEXT}")
        if not isinstance(tree, dict) or tree.get("format") != _FORMAT:
            got = tree.get("format") if isinstance(tree, dict) else tree
            raise DcscError(f"{where}: format: expected {_FORMAT!r}, got {quoted(got)}")
        check_keys(tree, ["format", "bound", "layers"], where)
        unused = dict(arrays)
        bound = _rebuilt(tree["bound"], f"{where}: bound", arrays, unused)
        layers = _rebuilt(tree["layers"], f"{where}: layers", arrays, unused)
        if type(bound) not in THEOREMS:
            raise DcscError(f"{where}: bound: expected a bound, got {quoted(bound)}")
        if not isinstance(layers, tuple) or any(type(layer) not in _RECORDS for layer in layers):
            raise DcscError(f"{where}: layers: expected records of layers, got {quoted(layers)}")
        for name in unused:
            raise DcscError(f"{where}: {quoted(name)}: expected only arrays that the model uses")
        return cls(bound, layers)


def describe(value: Any, name: str, arrays: dict[str, Array]) -> Any:
    """Return a value in JSON, and put its arrays aside by name; equal arrays share one.

    Raises
    ------
    DcscError
        If a class is not one of dcsc's own: a reader could not compute with it.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.bool_ | np.integer | np.floating):
        return value.item()
    # An array stands in the text by its name only: the first name under which its bytes came.
    if isinstance(value, np.ndarray):
        for other, array in arrays.items():
            alike = array.dtype == value.dtype and array.shape == value.shape
            if alike and array.tobytes() == value.tobytes():
                return {"array": other}
        arrays[name] = value
        return {"array": name}
    if isinstance(value, tuple):
        return [describe(item, f"{name}.{at}", arrays) for at, item in enumerate(value, start=1)]
    # An object is its class and its fields; later fields are left out where they say nothing new.
    kind = type(value)
    if _KINDS.get(kind.__name__) is not kind:
        raise DcscError(
            f"certificate: {name}: {kind.__name__} is not a class of dcsc, so that who reads the "
            "certificate could not compute with it; expected one of " + ", ".join(_KINDS)
        )
    return {
        "class": kind.__name__,
        **{
            field.name: describe(getattr(value, field.name), f"{name}.{field.name}", arrays)
            for field in attrs.fields(kind)
            if field.name not in _LATER
            or np.any(np.not_equal(getattr(value, field.name), _LATER[field.name]))
        },
    }


def check_described(tree: Any, where: str) -> None:
    """Check that all classes in a description are known, and have all their fields and no other.

    What certificates need not mention may be missing.
    """
    if isinstance(tree, list):
        for at, item in enumerate(tree):
            check_described(item, f"{where}[{at}]")
    elif isinstance(tree, dict) and "array" in tree:
        check_keys(tree, ["array"], where)
        if not isinstance(tree["array"], str):
            raise DcscError(f"{where}.array: expected a name, got {quoted(tree['array'])}")
    elif isinstance(tree, dict):
        kind = _kind(tree, where)
        fields = [field.name for field in attrs.fields(kind)]
        known = [name for name in fields if name not in _LATER or name in tree]
        check_keys(tree, ["class", *known], where)
        for key, item in tree.items():
            check_described(item, f"{where}.{key}")


def check_keys(tree: Mapping[str, Any], keys: list[str], where: str) -> None:
    """Name the first key that is unknown, or else the first that is missing."""
    for key in tree:
        if key not in keys:
            raise DcscError(f"{where}: unknown key {quoted(key)}; expected {', '.join(keys)}")
    for key in keys:
        if key not in tree:
            raise DcscError(f"{where}: missing key {quoted(key)}")


def parse_json(text: str, where: str) -> Any:
    """Return what a JSON text holds; keys that occur twice, NaN and infinities are refused."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        tree = dict(pairs)
        if len(tree) < len(pairs):
            raise DcscError(f"{where}: expected each key once, got {quoted([k for k, _ in pairs])}")
        return tree

    def refuse(constant: str) -> NoReturn:
        raise DcscError(f"{where}: expected finite numbers, got {constant}")

    def number(digits: str) -> float:
        value = float(digits)
        return value if math.isfinite(value) else refuse(short(digits, 40))

    instance(text, str, where)
    with outside(f"{where}: expected JSON"):
        tree = json.loads(text, object_pairs_hook=once, parse_float=number, parse_constant=refuse)
        check_depth(tree, f"{where}: expected JSON")
    return tree


def _kind(tree: dict[str, Any], where: str) -> Any:
    name = tree.get("class")
    if not isinstance(name, str) or name not in _KINDS:
        raise DcscError(
            f"{where}: class: expected one of {', '.join(_KINDS)}, got {quoted(name)}: dcsc runs "
            "no code from files"
        )
    return _KINDS[name]


def _rebuilt(tree: Any, where: str, arrays: dict[str, Array], unused: dict[str, Array]) -> Any:
    """Return what `describe` described, and strike the arrays that it took."""
    if isinstance(tree, list):
        items = enumerate(tree)
        return tuple(_rebuilt(item, f"{where}[{at}]", arrays, unused) for at, item in items)
    if not isinstance(tree, dict):
        return tree
    check_described(tree, where)
    if "array" in tree:
        name = tree["array"]
        if name not in arrays:
            raise DcscError(f"{where}: expected the array {quoted(name)}, got no such array")
        unused.pop(name, None)
        return arrays[name]
    # Each field must be of a type that its annotation allows before its class sees it.
    kind = _kind(tree, where)
    values = {}
    for field in attrs.fields(kind):
        if field.name not in tree:
            continue
        value = _rebuilt(tree[field.name], f"{where}.{field.name}", arrays, unused)
        if not any(isinstance(value, allowed) for allowed in _types(field.type)):
            raise DcscError(f"{where}.{field.name}: expected {field.type}, got {quoted(value)}")
        values[field.name] = value
    # The class checks the values themselves; the file is to blame for whatever it refuses.
    try:
        return kind(**values)
    except DcscError as error:
        raise DcscError(f"{where}: {error}") from None
    except (TypeError, ValueError, ArithmeticError, MemoryError) as error:
        raise DcscError(f"{where}: expected {one_of(kind)}: {error}") from None


def _types(annotation: Any) -> Iterator[Any]:
    """Yield the classes that a field's annotation allows."""
    # From numpy 2.5 on, NDArray is the name of a type (a TypeAliasType), and not the type itself.
    annotation = getattr(typing.get_origin(annotation) or annotation, "__value__", annotation)
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        for part in typing.get_args(annotation):
            yield from _types(part)
    else:
        yield typing.get_origin(annotation) or annotation


def _read_npz(path: Path) -> dict[str, Array]:
    try:
        return npz_arrays(regular_file(path, "evidence"), kinds="bfiU", most=_MOST_BYTES)
    except DcscError as error:
        raise DcscError(f"{path}: {error}") from None
