"""Cells: amounts as files write them, and those that must not be guessed at."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connector.mapping.cells import number, pointed


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("1,234.50", "1234.50"),
        ("￥1，234，567.8", "1234567.8"),
        ("12,34,567", "1234567"),
        ("(1,234.50)", "-1234.50"),
        ("1,234.50-", "-1234.50"),
        ("1 234.50", "1234.50"),
    ],
)
def test_commas_between_thousands_are_dropped(written: str, amount: str) -> None:
    assert Decimal(number(written)) == Decimal(amount)


@pytest.mark.parametrize("written", ["1.234,50", "1234,50", "0,5", "1,2345", "1.234，50"])
def test_a_decimal_comma_is_refused_where_a_point_is_expected(written: str) -> None:
    with pytest.raises(ValueError, match="decimal: comma"):
        number(written)


def test_a_decimal_point_is_refused_where_a_comma_is_expected() -> None:
    assert pointed("1.234,50") == "1234.50"
    with pytest.raises(ValueError, match="comma as decimal sign"):
        pointed("1,234.50")
