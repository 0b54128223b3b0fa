"""Changes inside of a container, whose lengths and check sums are right again afterwards."""

import ast
import io
import random
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from nightly.mutants.bits import BITS, Mutation
from nightly.mutants.trees import changed, in_json

__all__ = [
    "header_of_npy",
    "header_of_safetensors",
    "in_chunks",
    "in_evidence",
    "in_members",
    "in_onnx",
]

_NAMES = ("", ".", "..", "../secret", "/etc/hostname", "a\0b", "x" * 5000, "inputs.npy", "a.npy")


# ---- zip -----------------------------------------------------------------------------------------


def in_members(inside: Mutation) -> Mutation:
    """Return the mutation that renames, repeats, drops or changes members of a zip archive.

    Files that are no archives, such as PyTorch's old ones, are changed as a whole.
    """

    def mutation(content: bytes, rng: random.Random) -> bytes:
        if not zipfile.is_zipfile(io.BytesIO(content)):
            return inside(content, rng)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [(member.filename, archive.read(member)) for member in archive.infolist()]
            packed = archive.infolist()[0].compress_type
        at, way = rng.randrange(len(members)), rng.randrange(8)
        name, data = members[at]
        if way == 0:
            members[at] = rng.choice((*_NAMES, *(other for other, _ in members))), data
        elif way == 1:
            members.insert(rng.randrange(len(members) + 1), (rng.choice((name, name + "2")), data))
        elif way == 2:
            del members[at]
        elif way == 3:
            rng.shuffle(members)
        else:
            members[at] = name, inside(data, rng)
        way_of_packing = rng.choice((packed, packed, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA))
        file = io.BytesIO()
        with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(file, "w") as archive:
            for name, data in members:
                # With a date of its own, a member would be another one at every run.
                archive.writestr(zipfile.ZipInfo(name), data, way_of_packing)
        return file.getvalue()

    return mutation


def in_evidence(content: bytes, rng: random.Random) -> bytes:
    """Change what the text in the evidence of a certificate says."""
    with np.load(io.BytesIO(content)) as archive:
        arrays = dict(archive)
    text = in_json(str(arrays["inputs"]).encode(), rng).decode()
    file = io.BytesIO()
    np.savez(file, **{**arrays, "inputs": np.array(text)})
    return file.getvalue()


# ---- headers in front of numbers -----------------------------------------------------------------


def header_of_npy(content: bytes, rng: random.Random) -> bytes:
    """Change what the header of a .npy file says of its numbers."""
    if content[:8] != b"\x93NUMPY\x01\x00":
        return content
    (length,) = struct.unpack("<H", content[8:10])
    try:
        tree = changed(_listed(ast.literal_eval(content[10 : 10 + length].decode("latin1"))), rng)
        if rng.randrange(4) == 0:
            kinds = ("<f8", ">f4", "<f2", "<c16", "|b1", "|O", "<U9", "<M8[s]", "|V0", "<i8", "f16")
            tree["descr"] = rng.choice(kinds)
        if isinstance(tree.get("shape"), list):
            tree["shape"] = tuple(tree["shape"])
    except (ValueError, SyntaxError, OverflowError, RecursionError, AttributeError):
        return content
    header = repr(tree).encode("latin1", "replace")[: 2**16 - 2] + b"\n"
    return content[:8] + struct.pack("<H", len(header)) + header + content[10 + length :]


def _listed(tree: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in tree.items()}


def header_of_safetensors(content: bytes, rng: random.Random) -> bytes:
    """Change what the header of a .safetensors file says of its tensors."""
    (length,) = struct.unpack("<Q", content[:8])
    header = in_json(content[8 : 8 + length], rng)
    return struct.pack("<Q", len(header)) + header + content[8 + length :]


# ---- chunks of pictures and sounds ---------------------------------------------------------------


def _png(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at < len(content):
        length, name = struct.unpack(">I4s", content[at : at + 8])
        yield name, content[at + 8 : at + 8 + length]
        at += 12 + length


def _riff(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at < len(content):
        name, length = struct.unpack("<4sI", content[at : at + 8])
        yield name, content[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def in_chunks(content: bytes, rng: random.Random) -> bytes:
    """Drop, repeat, move or change the chunks of a PNG or a RIFF file."""
    png = content.startswith(b"\x89PNG")
    chunks = list((_png if png else _riff)(content))
    at, way = rng.randrange(len(chunks)), rng.randrange(7)
    name, data = chunks[at]
    if way == 0:
        del chunks[at]
    elif way == 1:
        chunks.insert(rng.randrange(len(chunks) + 1), chunks[at])
    elif way == 2:
        rng.shuffle(chunks)
    else:
        chunks[at] = name, BITS(data, rng)
    if png:
        return content[:8] + b"".join(
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
            for name, data in chunks
        )
    body = b"".join(
        name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
        for name, data in chunks
    )
    return content[:4] + struct.pack("<I", len(body) + 4) + content[8:12] + body


# ---- ONNX ----------------------------------------------------------------------------------------

_INTEGERS = (0, 1, -1, 2, 3, 7, 13, 64, 2**20, 2**31 - 1, -(2**31), 2**40, 2**62, -(2**63))
_FLOATS = (0.0, -1.0, 1e30, -1e30, float("inf"), float("nan"), 1e-30)
_TEXTS = (
    *("", "x", "out", "../secret", "/etc/hostname", "link", "data\0", "y" * 5000, "ai.onnx.ml"),
    *("Foreign", "If", "Loop", "Softmax", "Resize", "Tile", "NonZero", "Expand", "SAME_UPPER"),
    *("axis", "pads", "location", "offset", "-4", "99999999999999999999", "$\\frac{$", "[/x]"),
)


def in_onnx(content: bytes, rng: random.Random) -> bytes:
    """Change one to three fields of the message that an ONNX file is."""
    import onnx  # noqa: PLC0415  # who has no onnx tries the other formats

    model = onnx.load_model_from_string(content)
    for _ in range(rng.choice((1, 1, 2, 3))):
        places = list(_fields(model))
        message, field = rng.choice(places)
        try:
            _change(message, field, places, rng)
        except (TypeError, ValueError):  # the number is too large for the field
            continue
    return model.SerializeToString()


def _fields(message: Any) -> Iterator[tuple[Any, Any]]:
    """Yield all messages with each of their fields that is set."""
    for field, value in message.ListFields():
        yield message, field
        if field.message_type is not None:
            for inner in value if _is_repeated(value) else (value,):
                yield from _fields(inner)


def _is_repeated(value: Any) -> bool:
    return hasattr(value, "extend")


def _change(message: Any, field: Any, places: list[tuple[Any, Any]], rng: random.Random) -> None:
    value, way = getattr(message, field.name), rng.randrange(5)
    if way == 0:
        message.ClearField(field.name)
    elif field.message_type is not None:
        others = [getattr(m, f.name) for m, f in places if f.message_type is field.message_type]
        other = rng.choice(others)
        if _is_repeated(value):
            at = rng.randrange(len(value))
            source = rng.choice(other) if _is_repeated(other) else other
            if way == 1:
                del value[at]
            elif way == 2:
                value.extend([source])
            else:
                value[at].CopyFrom(source)
        elif not _is_repeated(other):
            value.CopyFrom(other)
    elif _is_repeated(value):
        at = rng.randrange(len(value))
        if way == 1:
            del value[at]
        elif way == 2:
            value.extend([value[at]] * rng.choice((1, 3)))
        else:
            value[at] = _scalar(value[at], rng)
    else:
        setattr(message, field.name, _scalar(value, rng))


def _scalar(value: Any, rng: random.Random) -> Any:
    if isinstance(value, str):
        return rng.choice(_TEXTS)
    if isinstance(value, bytes):
        return BITS(value, rng)
    if isinstance(value, float):
        return rng.choice((*_FLOATS, -value, value * 2))
    return rng.choice((*_INTEGERS, value + 1, value - 1, -value))
