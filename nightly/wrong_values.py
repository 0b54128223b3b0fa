"""Values that are wrong for most arguments, one line each.

Every function is given the good value of the argument, so that a wrong one can look like it.
"""

import decimal
import fractions
import pathlib

import attrs
import numpy as np
import scipy.sparse
import torch

__all__ = ["WRONG"]


class Subclassed(np.ndarray):
    """An array of somebody else's class."""


@attrs.frozen
class Record:
    """A record of somebody else's."""

    shape: tuple[int, ...] = (2, 3)


def floats(good):
    """Return the numbers of the good value as floats, or three of our own."""
    try:
        array = np.asarray(good)
        return array.astype(float) if array.dtype.kind in "biuf" else np.ones(3)
    except (TypeError, ValueError):
        return np.ones(3)


def with_one(value):
    """Return what replaces the first entry of the good value by ``value``."""

    def change(good):
        array = np.atleast_1d(floats(good)).copy()
        array.flat[:1] = value
        return array

    return change


def with_item(value):
    """Return what replaces the last item of a good sequence or mapping by ``value``."""

    def change(good):
        if isinstance(good, dict):
            return {**good, next(iter(good), "key"): value}
        if isinstance(good, (tuple, list)) and good:
            return [*good[:-1], value]
        return [good, value]

    return change


def beyond(good):
    """A sparse array whose indices were changed after SciPy looked at them."""
    array = scipy.sparse.coo_array(np.atleast_1d(floats(good)))
    array.coords = tuple(index.astype(np.int64) + 2**31 for index in array.coords)
    return array


def masked(good):
    array = np.atleast_1d(floats(good))
    return np.ma.masked_array(array, mask=np.arange(array.size).reshape(array.shape) == 0)


def nested(good):
    for _ in range(100):
        good = [good]
    return good


CONSTANTS = {
    "None": None,
    "True": True,
    "0": 0,
    "-1": -1,
    "7": 7,
    "huge 10**9": 10**9,
    "huge 2**33": 2**33,
    "2**63": 2**63,
    "2**64": 2**64,
    "-2**63": -(2**63),
    "10**400": 10**400,
    "0.5": 0.5,
    "1.5": 1.5,
    "nan": float("nan"),
    "inf": float("inf"),
    "-inf": float("-inf"),
    "1e308": 1e308,
    "5e-324": 5e-324,
    "1j": 1j,
    "float16": np.float16(0.1),
    "longdouble": np.longdouble("1e400"),
    "int8": np.int8(-100),
    "uint64": np.uint64(2**64 - 1),
    "numpy's bool": np.bool_(True),
    "datetime64": np.datetime64("2020-01-01"),
    "Decimal nan": decimal.Decimal("nan"),
    "Decimal sNaN": decimal.Decimal("sNaN"),
    "Fraction": fractions.Fraction(10**400, 3),
    "empty text": "",
    "number as text": "1",
    "word": "word",
    "long text": "x" * 20_000,
    "NUL in text": "a\0b",
    "surrogate": "\ud800",
    "bytes": b"1",
    "empty tuple": (),
    "pair": (1, 2),
    "huge pair": (2**40, 2**40),
    "tuple of None": (None,),
    "text in a list": ["a", "b"],
    "mixed list": [1, "a"],
    "ragged list": [[1.0], [1.0, 2.0]],
    "set": frozenset({1, 2}),
    "text by text": {"a": "b"},
    "array by 7": {7: np.ones(2)},
    "range": range(3),
    "huge range": range(2**40),
    "huge range in memory": range(2**28),
    "slice": slice(None),
    "ellipsis": ...,
    "class int": int,
    "class": Record,
    "other record": Record(),
    "module": np,
    "function": len,
    "path": pathlib.Path("no such file"),
    "empty path": pathlib.Path(),
    "RandomState class": np.random.RandomState,
    "empty array": np.ones(0),
    "empty long array": np.ones((0, 2**20)),
    "endless view": np.broadcast_to(1.0, (2**30, 2**29)),
    "object array": np.array([object(), None], dtype=object),
    "text array": np.array(["a", "b"]),
    "structured array": np.zeros(3, dtype=[("a", float)]),
    "dates": np.zeros(3, dtype="datetime64[s]"),
    "0-d array": np.array(1.0),
    "many axes": np.ones((1,) * 40),
}

WRONG = {
    **{name: lambda good, value=value: value for name, value in CONSTANTS.items()},
    "object": lambda good: object(),
    "bytearray": lambda good: bytearray(b"12"),
    "dict": lambda good: {},
    "RandomState": lambda good: np.random.RandomState(0),
    "generator": lambda good: (item for item in range(3)),
    "iterator": lambda good: iter([good]),
    "its class": type,
    "its class in a list": lambda good: [type(good)],
    "itself in a list": lambda good: [good],
    "itself twice": lambda good: (good, good),
    "100 lists": nested,
    "its text": repr,
    "its method": lambda good: good.__repr__,
    "last item None": with_item(None),
    "last item text": with_item("a"),
    "last item nan": with_item(float("nan")),
    "last item 2**63": with_item(2**63),
    "last item a class": with_item(Record),
    "one nan": with_one(np.nan),
    "one inf": with_one(np.inf),
    "one -1e308": with_one(-1e308),
    "one 5e-324": with_one(5e-324),
    "all 0": lambda good: 0 * floats(good),
    "negative": lambda good: -floats(good),
    "one axis more": lambda good: floats(good)[..., None],
    "backwards": lambda good: np.atleast_1d(floats(good)).T[::-1],
    "complex": lambda good: floats(good) * 1j,
    "bool": lambda good: floats(good) > 0,
    "float16 array": lambda good: floats(good).astype(np.float16),
    "longdouble array": lambda good: floats(good).astype(np.longdouble) * np.longdouble("1e400"),
    "swapped bytes": lambda good: floats(good).astype(">f8"),
    "objects": lambda good: floats(good).astype(object),
    "texts": lambda good: floats(good).astype(str),
    "masked array": masked,
    "subclass": lambda good: floats(good).view(Subclassed),
    "matrix": lambda good: np.asmatrix(np.atleast_2d(floats(good))[:2].reshape(1, -1)),
    "sparse array": lambda good: scipy.sparse.csr_array(np.eye(3)),
    "itself, sparse": lambda good: scipy.sparse.coo_array(np.atleast_1d(floats(good))),
    "sparse, beyond its shape": beyond,
    "requires_grad": lambda good: torch.tensor(floats(good), requires_grad=True),
    "bfloat16 tensor": lambda good: torch.tensor(floats(good)).to(torch.bfloat16),
    "meta tensor": lambda good: torch.empty(2, device="meta"),
    "sparse tensor": lambda good: torch.eye(2).to_sparse(),
}
