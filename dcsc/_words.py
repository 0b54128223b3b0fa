"""What others wrote, in sentences of dcsc's: lists, values, and names as they are."""

import difflib
import re
import reprlib
from collections.abc import Iterable, Sequence

__all__ = [
    "as_layer",
    "counted",
    "listed",
    "meant",
    "nearest",
    "one_of",
    "place_of",
    "quoted",
    "readable",
    "short",
    "visible",
    "without_common",
]

_LINE, _WORD, _TEXT = 100, 60, 2000
_NUMBER = re.compile(r"[\d./ ]*")
_LONG_WORD = re.compile(f"[^ ]{{{_WORD + 1},}}")
_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = _REPR.maxlong = 2 * _LINE
_REPR.maxlist = _REPR.maxtuple = _REPR.maxdict = _REPR.maxset = _LINE // 3
_REPR.maxlevel = 3


def as_layer(name: str) -> str:
    """Return the name of a layer for a text, where a number is not read as one.

    Of a name of more than 60 characters the middle is left out.

    Examples
    --------
    >>> as_layer("conv1"), as_layer("0"), as_layer("0.4"), as_layer("features.0")
    ('conv1', 'layer 0', 'layer 0.4', 'features.0')
    """
    return short(f"layer {name}".rstrip() if _NUMBER.fullmatch(name) else name, _WORD)


def counted(number: int, noun: str, form: str = "") -> str:
    """Return a number of things, the number in a format.

    Examples
    --------
    >>> counted(1, "layer"), counted(2, "class"), counted(2000, "cell", ",")
    ('1 layer', '2 classes', '2,000 cells')
    """
    plural = "" if number == 1 else "es" if noun.endswith("s") else "s"
    return f"{number:{form}} {noun}{plural}"


def listed(items: Iterable[object], most: int = 12) -> str:
    """Return numbers or names with commas between; of more than ``most`` the first and a count.

    Examples
    --------
    >>> listed(range(5), most=3)
    '0, 1, 2 and 2 more'
    """
    items = list(items)
    rest = len(items) - most
    text = ", ".join(short(str(item), _LINE) for item in items[:most])
    return (text or "nothing") + (f" and {rest} more" if rest > 0 else "")


def meant(name: object, known: Iterable[str]) -> str:
    """Return a hint: the name that was probably meant, if there is one.

    Examples
    --------
    >>> meant("strid", ["stride", "padding"]), meant("bias", ["stride", "padding"])
    (": did you mean 'stride'?", '')
    """
    close = difflib.get_close_matches(str(name), list(known), 1)
    return f": did you mean {close[0]!r}?" if close else ""


def nearest(name: object, known: Iterable[str]) -> str:
    """Return a hint: the name that was probably meant, or else all there are.

    Examples
    --------
    >>> nearest("strid", ["stride", "padding"])
    ": did you mean 'stride'?"
    """
    names = list(known)
    others = f": expected one of {', '.join(names)}" if names else ": there are none"
    return meant(name, names) or others


def one_of(kind: type) -> str:
    """Return a class with its article.

    Examples
    --------
    >>> one_of(OSError), one_of(UnicodeError), one_of(ValueError)
    ('an OSError', 'a UnicodeError', 'a ValueError')
    """
    name = kind.__name__
    vowel = name[0] in "AEIOU" and not name.startswith(("Uni", "One", "Eu"))
    return f"{'an' if vowel else 'a'} {name}"


def quoted(value: object) -> str:
    """Return a value for a message, as Python writes it: one line of it, however large it is.

    Of a record that shows a table it is the title. Of a class it is said what an instance is, which
    is what whoever hands out a class mostly means.

    Examples
    --------
    >>> quoted("a name"), len(quoted(list(range(10**6)))) < 110
    ("'a name'", True)
    """
    if isinstance(value, type):
        name = short(value.__name__, _WORD)
        return f"the class {name}, of which {name}(...) is an instance"
    try:
        lines = _REPR.repr(value).split("\n")
        # the title says what it is, and the table below it would be squeezed
        lines = lines[:1] if hasattr(type(value), "_display") else lines
    except Exception:  # a repr is code of others, and that of a large int is refused
        return f"something of {type(value)}"
    text = " ".join(line.strip() for line in lines)
    return text if len(text) <= _LINE else text[:_LINE] + " …"


def short(text: str, most: int) -> str:
    """Return text of at most ``most`` characters; from longer ones the middle is left out.

    Examples
    --------
    >>> short("encoder.stage1.block3.conv2.weight", 20)
    'encoder.s…nv2.weight'
    """
    if len(text) <= most:
        return text
    end = most // 2
    return f"{text[: most - end - 1]}…{text[-end:]}"


def without_common(names: Sequence[str]) -> list[str]:
    """Return names without the parts, between dots or slashes, that all begin or end with.

    Examples
    --------
    >>> without_common(["/net/block1/conv/Conv", "/net/block2/down/Conv"])
    ['block1/conv', 'block2/down']
    """
    split = [re.split(r"(?<=[./])", name) for name in names]
    shortest = min(map(len, split), default=0)
    first = next((i for i in range(shortest) if len({s[i] for s in split}) > 1), 0)
    rest = shortest - first
    last = next((i for i in range(rest) if len({s[-1 - i] for s in split}) > 1), 0)
    return [
        "".join(s[first : len(s) - last]).rstrip("./") or name
        for s, name in zip(split, names, strict=True)
    ]


def place_of(unit: int, code_shape: Sequence[int]) -> str:
    """Return the filter and the position of a unit.

    Examples
    --------
    >>> place_of(17, (3, 2, 4)), place_of(17, (20,))
    ('filter 2 at 0, 1', 'atom 17')
    """
    position: list[int] = []
    for length in reversed(code_shape[1:]):
        unit, at = divmod(unit, length)
        position.insert(0, at)
    return f"filter {unit} at {', '.join(map(str, position))}" if position else f"atom {unit}"


def readable(text: str) -> str:
    """Return a text with names of others in it, as one of moderate length in which all is visible.

    Words of more than 60 characters lose their middle, and so does a text of more than 2000.

    Examples
    --------
    >>> len(readable("layer " + "x" * 20_000 + " is dense"))
    75
    """
    if len(text) <= _WORD:
        return visible(text)
    return short(_LONG_WORD.sub(lambda word: short(word[0], _WORD), visible(text)), _TEXT)


def visible(text: str) -> str:
    r"""Return text of one line in which nothing acts on a terminal: control characters are shown.

    Examples
    --------
    >>> print(visible("red: \x1b[31m"))
    red: \x1b[31m
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
