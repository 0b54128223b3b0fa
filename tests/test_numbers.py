"""Numbers of pages and tables: what is not none is not 0%, and what is not all is not 100%."""

import re
from fractions import Fraction

import pytest

from dcsc._display import percent as shown
from dcsc.report.numbers import (
    at_least_percent,
    between_percent,
    number,
    of_all,
    percent,
    rate,
)


@pytest.mark.parametrize("total", [1, 3, 20, 300, 999, 1000, 10**6])
def test_shares_are_none_or_all_only_where_they_are(total):
    ends = {*range(min(total, 40)), total // 2000, total // 3000, total // 2}
    counts = ends | {total - count for count in ends}
    for count in counts:
        for text in (percent(count / total), shown(count / total).replace(" ", "")):
            assert (text == "0%") == (count == 0)
            assert (text == "100%") == (count == total)
        text, exact = percent(count / total), 100 * Fraction(count, total)
        assert re.fullmatch(r"[<>]?\d+(\.\d)?%", text)
        assert text not in ("0.0%", "100.0%")
        value = Fraction(text.strip("<>%"))
        if text.startswith("<"):
            assert 0 < exact < value
        elif text.startswith(">"):
            assert value < exact < 100
        else:
            digits = Fraction(1, 20) if "." in text else Fraction(1, 2)
            assert abs(value - exact) <= digits * (1 + Fraction(1, 10**9))


def test_what_is_proved_is_rounded_against_itself():
    for share in (0.0, 1e-9, 0.0004, 0.0005, 0.12345, 0.66666, 0.9996, 0.99999999, 1.0):
        least = at_least_percent(share)
        assert (least == "0.0%") == (share == 0)
        assert (least == "100.0%") == (share == 1)
        if least != ">0%":
            assert Fraction(least.strip("%")) <= 100 * Fraction(share)
    for low, high in ((0.12349, 0.12351), (0.0, 0.99999), (0.5, 0.5), (1.0, 1.0)):
        ends = between_percent(low, high).strip("%").split("–")
        assert Fraction(ends[0]) <= 100 * Fraction(low)
        assert Fraction(ends[-1]) >= 100 * Fraction(high)


def test_numbers_near_one_and_near_none_are_told_from_these():
    assert [number(x) for x in (0.5, 0.994, 0.996, 0.99996, 1.0, 1.04)] == [
        *("0.5", "0.99", "0.996", "0.99996", "1", "1"),
    ]
    assert number(-0.996) == "−0.996"
    assert [rate(x) for x in (0.0, 1e-6, 0.0049, 0.005, 2.0)] == [
        *("0.00", "<0.01", "<0.01", "0.01", "2.00"),
    ]
    assert of_all(0, 4, "layer") == "0 of 4 layers"
