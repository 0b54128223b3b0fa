"""What came of mutated files, format by format, and what failed, group by group."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import attrs

__all__ = ["Failure", "Results"]

_SHOWN = 200


@attrs.frozen
class Failure:
    """Something that should not have happened, and to which mutant."""

    number: int
    format: str
    kind: str
    place: str
    text: str


@attrs.define
class Results:
    """What came of all mutants so far.

    Parameters
    ----------
    files, read : counter of str
        How many there were of each format, and how many at least one reader has read.
    failures : list of Failure
    largest : int
        Bytes of memory of the largest process.
    """

    files: Counter[str] = attrs.field(factory=Counter)
    read: Counter[str] = attrs.field(factory=Counter)
    failures: list[Failure] = attrs.field(factory=list)
    largest: int = 0

    def add(self, number: int, outcome: dict[str, Any]) -> None:
        """Add what came of one mutant."""
        name = outcome["format"]
        self.files[name] += 1
        self.read[name] += outcome["read"]
        self.failures += (Failure(number, name, *failure) for failure in outcome["failures"])

    def report(self) -> Iterator[str]:
        """Yield lines for people."""
        failed = Counter(name for name, _ in {(f.format, f.number) for f in self.failures})
        yield f"{'format':<22}{'files':>8}{'read':>8}{'refused':>9}{'failed':>8}"
        for name, count in sorted(self.files.items()):
            yield _row(name, count, self.read[name], failed[name])
        yield _row("all", self.files.total(), self.read.total(), failed.total())
        yield f"largest process: {self.largest / 2**20:.0f} MiB"
        for first, count in self._groups():
            where = f"{count} × {first.format}: {first.kind} at {first.place}"
            yield f"{where}, first {first.number}: {first.text[:_SHOWN]}"

    def _groups(self) -> list[tuple[Failure, int]]:
        """Return the first failure of each format, kind and place, the largest group first."""
        groups = defaultdict(list)
        for failure in sorted(self.failures, key=lambda failure: failure.number):
            groups[failure.format, failure.kind, failure.place].append(failure)
        return [(group[0], len(group)) for group in sorted(groups.values(), key=len, reverse=True)]


def _row(name: str, count: int, read: int, failed: int) -> str:
    return f"{name:<22}{count:>8}{read:>8}{count - read:>9}{failed:>8}"
