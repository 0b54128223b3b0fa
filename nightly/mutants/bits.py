"""Changes that know nothing of a format: bits, runs of bytes, numbers among them, words."""

import random
import re
from collections.abc import Callable

__all__ = ["BITS", "TEXT", "Mutation", "mixed"]

Mutation = Callable[[bytes, random.Random], bytes]

_SIZES = (0, 1, 2**7, 2**8 - 1, 2**15, 2**16 - 1, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**62,
          2**63, 2**64 - 1)  # fmt: skip
_TOKEN = re.compile(rb"[A-Za-z0-9_.+-]+|\s+|.", re.DOTALL)
_WORDS = (
    *(b"0", b"-1", b"1", b"2147483648", b"9223372036854775807", b"18446744073709551616"),
    *(b"1e400", b"-1e400", b"5e-324", b"1e308", b"nan", b"inf", b"Infinity", b"NaN", b"0.1"),
    *(b"9" * 5000, b"1e999999999", b"true", b"null", b'""', b"[]", b"{}", b"[" * 2000),
    *(b'"\\u0000"', b'"../secret"', b'"/etc/hostname"', b'"' + b"x" * 5000 + b'"', b"\xff\xfe"),
    *(b"'", b'"', b"[", b"]", b"{", b"}", b",", b"=", b":", b"\n", b"\0", b"\x1b[2J", b"#"),
    *(b"1979-05-27T07:32:00Z", "\N{GREEK SMALL LETTER MU}".encode(), b"\xed\xa0\x80"),
)


def mixed(*mutations: Mutation) -> Mutation:
    """Return a mutation that is one of these, by chance."""
    return lambda content, rng: rng.choice(mutations)(content, rng)


def _cut(content: bytes, rng: random.Random) -> tuple[int, int]:
    """Return the ends of a run of bytes, most of them short."""
    start = rng.randrange(len(content) + 1)
    longest = rng.choice((1, 4, 16, 256, len(content)))
    return start, min(len(content), start + rng.randint(0, longest))


# ---- bytes ---------------------------------------------------------------------------------------


def _bits(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 8, 64)) if content else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _bytes(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8)) if content else 0):
        changed[rng.randrange(len(changed))] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
    return bytes(changed)


def _truncated(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _deleted(content: bytes, rng: random.Random) -> bytes:
    start, stop = _cut(content, rng)
    return content[:start] + content[stop:]


def _repeated(content: bytes, rng: random.Random) -> bytes:
    start, stop = _cut(content, rng)
    return content[:stop] + content[start:stop] * rng.choice((1, 1, 2, 100)) + content[stop:]


def _spliced(content: bytes, rng: random.Random) -> bytes:
    (start, stop), at = _cut(content, rng), rng.randrange(len(content) + 1)
    over = at + (stop - start) * rng.randrange(2)
    return content[:at] + content[start:stop] + content[over:]


def _zeroed(content: bytes, rng: random.Random) -> bytes:
    start, stop = _cut(content, rng)
    return content[:start] + rng.choice((b"\0", b"\xff")) * (stop - start) + content[stop:]


def _appended(content: bytes, rng: random.Random) -> bytes:
    return content + rng.randbytes(rng.choice((1, 16, 4096)))


# ---- numbers: lengths, counts and offsets are some bytes each, most of them near the start ------


def _place(content: bytes, size: int, rng: random.Random) -> int:
    room = len(content) - size
    return rng.randrange(min(room, rng.choice((16, 64, 256, room))) + 1)


def _number(content: bytes, rng: random.Random) -> bytes:
    size, order = rng.choice((2, 4, 4, 8)), rng.choice(("little", "big"))
    if len(content) < size:
        return content
    at = _place(content, size, rng)
    old = int.from_bytes(content[at : at + size], order)
    new = rng.choice((*_SIZES, old + 1, old - 1, 2 * old, -old)) % 256**size
    return content[:at] + new.to_bytes(size, order) + content[at + size :]


def _swapped(content: bytes, rng: random.Random) -> bytes:
    size = rng.choice((1, 2, 4, 8))
    if len(content) < 2 * size:
        return content
    first, second = sorted(_place(content, size, rng) for _ in range(2))
    if second < first + size:
        return content
    one, other = content[first : first + size], content[second : second + size]
    return content[:first] + other + content[first + size : second] + one + content[second + size :]


# ---- words ---------------------------------------------------------------------------------------


def _words(content: bytes, rng: random.Random) -> bytes:
    tokens = _TOKEN.findall(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4)) if tokens else 0):
        at, way = rng.randrange(len(tokens)), rng.randrange(5)
        if way == 0:
            tokens[at] = b""
        elif way == 1:
            tokens[at] *= 2
        elif way == 2:
            tokens[at] = rng.choice(tokens)
        else:
            tokens[at] = rng.choice(_WORDS)
    return b"".join(tokens)


def _lines(content: bytes, rng: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    if not lines:
        return content
    at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    way = rng.randrange(3)
    if way == 0:
        lines[at] = b""
    elif way == 1:
        lines.insert(other, lines[at])
    else:
        lines[at], lines[other] = lines[other], lines[at]
    return b"".join(lines)


BITS = mixed(
    *(_bits, _bits, _bytes, _truncated, _deleted, _repeated, _spliced, _zeroed, _appended),
    *(_number, _number, _number, _swapped),
)
TEXT = mixed(_words, _words, _words, _lines, _truncated, _bits)
