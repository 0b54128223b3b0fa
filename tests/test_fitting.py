"""How many columns of a table the screen has room for: as many as the whole table says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from dcsc._words import readable, short
from dcsc.cli.common import fitting

CELLS = st.lists(st.sampled_from(["a", "β✓", "日本", "x" * 9, "x" * 99]), max_size=4).map(" ".join)


def broken(headings, rows, width):
    """Whether a table of these columns is wider than the screen."""
    table = Table(*headings)
    for name, *cells in rows:
        table.add_row(short(name, 40), *map(readable, cells))
    console = Console(width=10_000, markup=False, emoji=False)
    return console.measure(table).maximum > width


@given(data=st.data(), columns=st.integers(1, 8), width=st.integers(20, 200))
def test_as_many_columns_fit_as_make_a_table_no_wider_than_the_screen(data, columns, width):
    line = st.lists(CELLS, min_size=columns, max_size=columns)
    headings, rows = data.draw(line), data.draw(st.lists(line, max_size=4))
    whole = [
        count
        for count in range(1, columns + 1)
        if not broken(headings[:count], [row[:count] for row in rows], width)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(width))
        assert fitting(headings, rows) == max([min(2, columns), *whole])
