"""Sums that weights do not show: where names suggest a residual block whose shapes fit without one.

A sum has no weights. A shortcut with other channels than the layer before it is noticed when its
network is put together; one with as many, or one without weights, fits as a layer in the order as
well, and so only names can tell.
"""

import re
from collections.abc import Iterator, Mapping

import attrs

from dcsc._words import listed
from dcsc.networks.weights.kinds import kind_of
from dcsc.networks.weights.modules import Module

__all__ = ["PossibleSum", "possible_sums", "sum_notes"]

_SHORTCUT = re.compile(r"shortcut|short|skip|down_?sample|residual|identity|proj(ection)?", re.I)


@attrs.frozen
class PossibleSum:
    """A block of layers that may end in a sum.

    Parameters
    ----------
    block : str
        What the names of its layers begin with; empty if they begin with nothing.
    last, other : str
        The terms: the last layer of the block, and its shortcut or what comes into the block.
    before : str
        The layer that comes into the block, ``"input"`` if there is none.
    """

    block: str
    last: str
    other: str
    before: str

    @property
    def after(self) -> str:
        """The layer of the file that the sum comes after: terms lie before it."""
        return self.last if self.other == self.before else self.other


def possible_sums(modules: Mapping[str, Module]) -> list[PossibleSum]:
    """Return the blocks that names suggest, in whose shapes nothing speaks against a sum."""
    convolutions = {n: module for n, module in modules.items() if kind_of(module) == "convolution"}
    names = list(convolutions)
    # Main branches and shortcuts by their blocks.
    blocks: dict[str, tuple[list[str], list[str]]] = {}
    for name in names:
        parts = name.split(".")
        at = next((i for i, part in enumerate(parts) if _SHORTCUT.fullmatch(part)), None)
        block = ".".join(parts[: len(parts) - 1 if at is None else at])
        blocks.setdefault(block, ([], []))[at is not None].append(name)
    found = []
    for block, (main, shortcuts) in blocks.items():
        if not main or len(shortcuts) > 1:
            continue
        inputs = convolutions[main[0]].tensor("weight").shape[1]
        outputs = len(convolutions[main[-1]].tensor("weight"))
        first = names.index(main[0])
        before = names[first - 1] if first else "input"
        if shortcuts:
            shape = convolutions[shortcuts[0]].tensor("weight").shape
            if (outputs, inputs) == shape[:2]:
                found.append(PossibleSum(block, main[-1], shortcuts[0], before))
        elif block and len(main) > 1 and inputs == outputs > 1 and not _in_a_row(main):
            found.append(PossibleSum(block, main[-1], before, before))
    return found


def _in_a_row(names: list[str]) -> bool:
    """Return whether layers are numbered, as those of a sequence are."""
    return all(name.rpartition(".")[2].isdigit() for name in names)


def sum_notes(modules: Mapping[str, Module]) -> Iterator[str]:
    """Yield what a table of layers says of the first block that may end in a sum, and the rest."""
    sums = possible_sums(modules)
    if not sums:
        return
    one, *others = sums
    reads = f', and {one.other} has from = "{one.before}"' if one.other != one.before else ""
    more = f"; so with {listed(each.block for each in others)}" if others else ""
    yield (
        f"sums leave no weights: if {one.block or 'this'} is a residual block, a layer after "
        f'{one.after} is kind = "add" with from = ["{one.last}", "{one.other}"]{reads}{more}'
    )
