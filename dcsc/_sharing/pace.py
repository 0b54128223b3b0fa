"""How much work goes out at a time."""

from collections.abc import Iterator

__all__ = ["Pace"]

_SECONDS = 1.0
_MOST_SECONDS = 4.0
_GROWTH = 4


class Pace:
    """Cuts a list of pieces into groups of a second of work or more, as far as one can tell.

    Which pieces stand together changes nothing but the time: groups are read off the list as
    workers get free, and grow with what is known of the speed.
    """

    def __init__(self) -> None:
        self.unit = 0.0

    def learn(self, mean: float) -> None:
        """Learn how long a piece takes; later ones count for more, since pieces differ."""
        self.unit = mean if not self.unit else 0.7 * self.unit + 0.3 * mean

    def groups(self, count: int, workers: int) -> Iterator[tuple[int, int]]:
        """Yield the ends of the groups that so many pieces are cut into."""
        at, size = 0, 1
        while at < count:
            if self.unit:
                share = (count - at) / (2 * workers)
                least, most = (int(s / self.unit) + 1 for s in (_SECONDS, _MOST_SECONDS))
                size = min(max(least, min(most, int(share))), _GROWTH * size)
            yield at, min(at + size, count)
            at += size
