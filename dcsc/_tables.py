"""Records whose numbers make a table, for those who go on with them in pandas."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas

__all__ = ["Tabled", "ends_of"]


class Tabled(ABC):
    """A record with numbers for each layer, or for whatever else makes its rows.

    A subclass has the hook ``_table``.
    """

    __slots__ = ()

    @abstractmethod
    def _table(self) -> Mapping[str, Sequence[Any]]:
        """Return the columns by name, all equally long. The first one names the rows."""

    def to_pandas(self) -> "pandas.DataFrame":
        """Return the numbers as they are, none of them rounded; NaN stands where there is none.

        Returns
        -------
        pandas.DataFrame
            The rows have names: those of the layers, for most records.
        """
        import pandas  # noqa: PLC0415  # when it is used: the import takes longer than that of dcsc

        columns = {
            name: [np.nan if value is None else value for value in values]
            for name, values in self._table().items()
        }
        return pandas.DataFrame(columns).set_index(next(iter(columns)))


def ends_of(name: str, intervals: Iterable[tuple[Any, Any]]) -> dict[str, list[Any]]:
    """Return the two columns of intervals.

    Examples
    --------
    >>> ends_of("recall", [(0.5, 1.0), (0.0, 1.0)])
    {'recall_low': [0.5, 0.0], 'recall_high': [1.0, 1.0]}
    """
    lows, highs = zip(*intervals, strict=True)
    return {f"{name}_low": list(lows), f"{name}_high": list(highs)}
