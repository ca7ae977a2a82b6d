"""Whole customers at random, for property tests of the rules."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from hypothesis import strategies as st

from connector.rules.documents import Dossier
from tests.property.test_rules_exposure import dossiers
from tests.rules_bench import day, limit_entry, negative, report, statement

SHARES = st.one_of(st.none(), st.integers(-(10**11), 10**12))
POSITIVE = st.one_of(st.none(), st.integers(0, 10**12))


@st.composite
def statements(draw: st.DrawFn) -> object:
    return statement(
        period_end=day(draw(st.integers(-1_200, -1))),
        months=draw(st.sampled_from([12, 12, 3])),
        currency=draw(st.sampled_from(["CNY", "USD", "EUR"])),
        total_assets=draw(POSITIVE),
        current_assets=draw(POSITIVE),
        total_liabilities=draw(POSITIVE),
        current_liabilities=draw(POSITIVE),
        equity=draw(SHARES),
        revenue=draw(POSITIVE),
        net_profit=draw(SHARES),
        operating_cash_flow=draw(SHARES),
    )


@st.composite
def reports(draw: st.DrawFn) -> object:
    return report(
        days_old=draw(st.integers(0, 400)),
        provider=draw(st.sampled_from(["one", "two"])),
        pd_12m=draw(st.one_of(st.none(), st.floats(0, 1))),
        band=draw(st.sampled_from([None, "A", "E"])),
        limit=draw(POSITIVE),
        limit_currency="CNY",
        insolvent=draw(st.sampled_from([None, None, False, True])),
        negatives=draw(st.sampled_from([(), (), (negative(),), (negative(), negative("lien"))])),
        statements=tuple(draw(st.lists(statements(), max_size=2))),
    )


@st.composite
def entries(draw: st.DrawFn) -> object:
    begin = draw(st.integers(-100, 50))
    return limit_entry(
        draw(st.sampled_from(["base", "temporary"])),
        draw(st.integers(0, 10**10)),
        currency=draw(st.sampled_from(["CNY", "USD", "EUR"])),
        valid_from=day(begin),
        valid_to=draw(st.sampled_from([None, day(begin + 20)])),
    )


@st.composite
def customers(draw: st.DrawFn) -> Dossier:
    """Documents, reports, limits, and everything that time can change."""
    since = draw(st.one_of(st.none(), st.dates(dt.date(2018, 1, 1), dt.date(2026, 8, 1))))
    return replace(
        draw(dossiers()),
        customer_since=since,
        reviewed_on=draw(st.sampled_from([None, day(-200), day(-20), day(0)])),
        reports=tuple(draw(st.lists(reports(), max_size=2))),  # type: ignore[arg-type]
        limits=tuple(draw(st.lists(entries(), max_size=2))),  # type: ignore[arg-type]
    )
