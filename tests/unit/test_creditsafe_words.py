"""Numbers, money, grades and standing in an agency's words."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.bureau.common import Money, day, decode, money, number, whole
from adapters.bureau.creditsafe_status import bankruptcy_resolved, standing
from adapters.bureau.grades import own_table, shipped
from adapters.bureau.pd_tables import load

PRESETS = shipped(load(), "creditsafe-presets")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("45000", "45000"),
        (" 45,000 ", "45000"),
        ("45,000.50", "45000.50"),
        ("45.000,50", "45000.50"),
        ("45 000", "45000"),
        ("45\u202f000", "45000"),
        ("1'234'567", "1234567"),
        ("1.234.567", "1234567"),
        ("12,5", "12.5"),
        ("-3.25", "-3.25"),
        ("４５０００", "45000"),
        (7, "7"),
        (Decimal("0.1"), "0.1"),
    ],
)
def test_numbers_are_read_in_every_usual_spelling(written, read):
    assert number(written) == Decimal(read)


@pytest.mark.parametrize(
    "written",
    [
        "45.000",
        "",
        "-",
        "n/a",
        "1,23,456",
        "1.2.3",
        "12 34",
        "1,234.56,7",
        "1e5",
        "NaN",
        "1234,567",
        None,
        True,
        [1],
        1.5,
    ],
)
def test_what_is_ambiguous_or_no_number_is_unknown(written):
    assert number(written) is None


def test_a_number_beyond_all_amounts_is_a_broken_answer():
    assert number(10**15) == 10**15
    assert number(Decimal("1e400")) is None


@given(
    value=st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**12), max_value=10**12)
)
def test_english_and_german_spelling_give_the_same_number(value):
    english = f"{value:,.2f}"
    german = english.translate(str.maketrans(",.", ".,"))
    assert number(english) == number(german) == value


@pytest.mark.parametrize(
    ("value", "currency", "read"),
    [
        ("45000", "GBP", Money(Decimal(45000), "GBP", None)),
        (45000, "gbp", Money(Decimal(45000), "GBP", None)),
        ("EUR 45,000", None, Money(Decimal(45000), "EUR", None)),
        ("45.000,00 EUR", "EUR", Money(Decimal("45000.00"), "EUR", None)),
        ("£45000", None, Money(Decimal(45000), "GBP", None)),
        ("45000 USD", "EUR", Money(None, "EUR", "45000 USD")),
        ("$45000", None, Money(None, None, "$45000")),
        ("45000 xyz", "EUR", Money(None, "EUR", "45000 xyz")),
        ("Credit limit not applicable", None, Money(None, None, "Credit limit not applicable")),
        ("2 months", "EUR", Money(None, "EUR", "2 months")),
        ("45.000", "EUR", Money(None, "EUR", "45.000")),
        ("", "EUR", Money(None, "EUR", None)),
        (None, None, Money(None, None, None)),
    ],
)
def test_money_is_an_amount_with_its_currency_or_a_note(value, currency, read):
    assert money(value, currency) == read


def test_minor_units_need_amount_and_currency():
    assert money("1.5", "KWD").minor == 1500
    assert money("1.5").minor is None
    assert money("none", "KWD").minor is None


def test_whole_numbers_have_no_fraction():
    assert whole("12") == 12
    assert whole(Decimal("12.0")) == 12
    assert whole(Decimal("12.5")) is None
    assert whole(None) is None


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026-01-31T00:00:00Z", dt.date(2026, 1, 31)),
        ("2026-01-31", dt.date(2026, 1, 31)),
        ("31.01.2026", None),
        ("", None),
        (20260131, None),
    ],
)
def test_days_are_iso_days(text, read):
    assert day(text) == read


@pytest.mark.parametrize("body", [b"", b"{", b"NaN", b"[Infinity]", b"\xff\xfe\xff"])
def test_what_is_no_json_is_a_value_error(body):
    with pytest.raises(ValueError):
        decode(body)


def test_an_own_grade_table_carries_a_digest_of_its_numbers():
    table = own_table("creditsafe", "A 0.2, B: 0.7 %, c=2, D 8.0")
    assert table.pds == PRESETS.pds
    assert table.name == own_table("creditsafe", "D 8,C 2.00,B 0.7,A 0.2").name
    assert table.name != own_table("creditsafe", "A 0.2, B 0.7, C 2, D 9").name
    assert table.name.startswith("creditsafe-own-")


@pytest.mark.parametrize(
    "written",
    ["", "A 1", "A 1, B 2, C 3, D 4, E 5", "A 1, B 2, C 3, C 4", "A 2, B 1, C 3, D 4", "A 0, B 1, C 2, D 3",
     "A 1, B 2, C 3, D 101", "A 1, B 2, C 3, D x", "A 1, B 2, C 3, D 3"],
)  # fmt: skip
def test_a_grade_table_with_a_gap_or_a_wrong_order_is_refused(written):
    with pytest.raises(ValueError):
        own_table("creditsafe", written)


@pytest.mark.parametrize(
    ("status", "wordings", "rating", "dissolved", "insolvent"),
    [
        ("Active", [], "", False, False),
        ("active", ["Active - Newly Incorporated"], "", False, False),
        ("Active", ["In Liquidation"], "", False, True),
        ("NonActive", ["Closed"], "", True, None),
        ("NonActive", ["In liquidation"], "", None, True),
        ("NonActive", ["Non-active - in liquidation"], "", None, True),
        ("NonActive", ["No longer trading"], "", True, None),
        ("NonActive", ["已注销"], "", True, None),
        ("Active", ["No insolvency proceedings", "never dissolved"], "", False, False),
        ("Active", [], "very high risk of winding up", False, False),
        ("NonActive", ["Closed"], "in situation of failure, risk of winding up", True, True),
        # Unknown in every other case: neither good nor bad is guessed.
        ("NonActive", [], "", None, None),
        ("", [], "", None, None),
        ("Pending", [], "", None, None),
        ("Active", ["Bankruptcy annulled"], "", None, None),
        ("Active", ["Active - Proposal to Strike off"], "", None, None),
        ("Active", ["Dissolved"], "", True, None),
    ],
)
def test_flags_are_told_by_words_only(status, wordings, rating, dissolved, insolvent):
    found = standing(status, wordings, rating)
    assert (found.dissolved, found.insolvent) == (dissolved, insolvent)
    settled = None not in (dissolved, insolvent) or True in (dissolved, insolvent)
    contradiction = status == "Active" and dissolved is True
    assert bool(found.warnings) is (not settled or contradiction)


@pytest.mark.parametrize(
    ("status", "resolved"),
    [
        ("Discharged 2020", True),
        ("Closed", True),
        ("Open", False),
        ("in progress", False),
        ("Unknown", None),
        ("", None),
    ],
)
def test_a_bankruptcy_is_over_only_when_its_status_says_so(status, resolved):
    assert bankruptcy_resolved(status) is resolved
