"""Money: minor units, conversion and rounding."""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.money import Rate, Rates, digits, is_currency, scale, show, to_major, to_minor

CURRENCIES = st.sampled_from(["CNY", "EUR", "USD", "JPY", "KWD", "CLP"])
MINOR = st.integers(-(10**15), 10**15)
DAY = dt.date(2026, 6, 30)


@given(MINOR, CURRENCIES)
def test_major_and_minor_units_are_the_same_amount(minor: int, currency: str) -> None:
    assert to_minor(to_major(minor, currency), currency) == minor


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("12.345", "CNY", 1235), ("12.344", "CNY", 1234), ("1234.5", "JPY", 1235), ("1.2345", "KWD", 1235),
     ("-0.005", "EUR", -1), (" 7 ", "USD", 700)],
)  # fmt: skip
def test_amounts_round_half_up_to_the_minor_unit_of_their_currency(
    text: str, currency: str, minor: int
) -> None:
    assert to_minor(text, currency) == minor


@pytest.mark.parametrize("text", ["", "12,5", "NaN", "Infinity", "ten"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an amount"):
        to_minor(text, "CNY")


def test_unknown_currencies_are_refused() -> None:
    assert not is_currency("RMB")
    with pytest.raises(ValueError, match="unknown currency"):
        digits("RMB")


@given(MINOR, CURRENCIES)
def test_an_amount_in_its_own_currency_needs_no_rate(minor: int, currency: str) -> None:
    assert Rates("CNY").convert(minor, currency, currency, DAY) == minor


def test_the_rate_of_a_day_is_the_latest_before_it_and_a_missing_one_is_unknown() -> None:
    rates = Rates("CNY", [Rate("EUR", DAY, Decimal("7.8")), Rate("EUR", dt.date(2026, 1, 1), Decimal("7.5"))])
    assert rates.convert(10_000, "EUR", "CNY", DAY) == 78_000
    assert rates.convert(10_000, "EUR", "CNY", DAY - dt.timedelta(days=1)) == 75_000
    assert rates.convert(10_000, "EUR", "CNY", dt.date(2025, 12, 31)) is None
    assert rates.convert(10_000, "USD", "CNY", DAY) is None


@given(st.integers(0, 10**12), st.decimals("0.01", "1000", places=4))
def test_there_and_back_is_the_same_up_to_rounding(minor: int, rate: Decimal) -> None:
    rates = Rates("CNY", [Rate("EUR", DAY, rate)])
    there = rates.convert(minor, "EUR", "CNY", DAY)
    assert there is not None
    back = rates.convert(there, "CNY", "EUR", DAY)
    assert back is not None
    assert abs(back - minor) <= 1 + 1 / rate


def test_amounts_are_shown_with_the_digits_of_their_currency() -> None:
    assert show(123_456_789, "CNY") == "1,234,567.89 CNY"
    assert show(1_500, "JPY") == "1,500 JPY"
    assert show(None, "CNY") == "–"


@given(st.integers(-(10**15), 10**15), st.decimals(0, 10, places=6))
def test_scaling_in_whole_numbers_rounds_as_decimals_do(minor: int, factor: Decimal) -> None:
    expected = (Decimal(minor) * factor).to_integral_value(rounding=ROUND_HALF_UP)
    assert scale(minor, factor) == int(expected)
