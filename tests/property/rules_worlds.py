"""Whole customers at random, for property tests of the rules."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from hypothesis import strategies as st

from connector.rules.documents import AdviceDoc, Dossier, InvoiceDoc, OrderDoc, PaymentDoc
from tests.rules_bench import (
    day,
    dossier,
    invoice,
    limit_entry,
    negative,
    order,
    payment,
    promise,
    report,
    settled,
    statement,
)

AMOUNTS = st.integers(0, 10**12)
CURRENCIES = st.sampled_from(["CNY", "USD", "EUR"])
DAYS = st.one_of(st.none(), st.integers(-900, 200).map(day))
STAGES = ("draft", "open", "delivered", "closed", "cancelled")
SHARES = st.one_of(st.none(), st.integers(-(10**11), 10**12))
POSITIVE = st.one_of(st.none(), st.integers(0, 10**12))


ORDER_IDS = st.one_of(st.none(), st.sampled_from(["o0", "o1", "o2", "gone"]))


@st.composite
def orders(draw: st.DrawFn, id: str) -> OrderDoc:
    return order(
        id,
        draw(AMOUNTS),
        draw(st.sampled_from(STAGES)),
        currency=draw(CURRENCIES),
        ordered_on=draw(DAYS),
        deliver_on=draw(DAYS),
        invoiced=draw(st.one_of(st.none(), AMOUNTS)),
        paid=draw(st.one_of(st.none(), AMOUNTS)),
        prepaid=draw(st.booleans()),
    )


@st.composite
def invoices(draw: st.DrawFn, id: str) -> InvoiceDoc:
    return invoice(
        id,
        draw(st.integers(-(10**9), 10**12)),
        order_id=draw(ORDER_IDS),
        currency=draw(CURRENCIES),
        issued_on=draw(DAYS),
        due_on=draw(DAYS),
        paid=draw(st.one_of(st.none(), AMOUNTS)),
        settled_on=draw(DAYS),
        state=draw(st.sampled_from(["draft", "open", "open", "paid", "void", "written_off"])),
        disputed=draw(st.sampled_from([None, False, True])),
    )


@st.composite
def payments(draw: st.DrawFn, id: str) -> PaymentDoc:
    return payment(
        id,
        draw(st.integers(-(10**9), 10**12)),
        invoice_id=draw(st.one_of(st.none(), st.sampled_from(["i0", "i1", "i2", "gone"]))),
        order_id=draw(ORDER_IDS),
        currency=draw(CURRENCIES),
        paid_on=draw(DAYS),
        bill_due_on=draw(st.sampled_from([None, None, day(-3), day(25)])),
    )


@st.composite
def dossiers(draw: st.DrawFn) -> Dossier:
    """A handful of documents that refer to one another, and to some that are not there."""
    return dossier(
        orders=tuple(draw(orders(f"o{n}")) for n in range(draw(st.integers(0, 3)))),
        invoices=tuple(draw(invoices(f"i{n}")) for n in range(draw(st.integers(0, 4)))),
        payments=tuple(draw(payments(f"p{n}")) for n in range(draw(st.integers(0, 4)))),
        terms_days=draw(st.sampled_from([None, 0, 45])),
    )


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
        retained_earnings=draw(SHARES),
        operating_profit=draw(SHARES),
        market_equity=draw(POSITIVE),
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
        negatives=draw(st.sampled_from([(), (), (negative(),), (negative("dishonest"), negative("lien"))])),
        statements=tuple(draw(st.lists(statements(), max_size=2))),
    )


@st.composite
def payers(draw: st.DrawFn) -> Dossier:
    """A customer with a record: invoices that were paid at a pace, perhaps one that is open, balance sheets
    of two years; so that every class and status comes up, not only the worst."""
    pace = draw(st.sampled_from([-6, 0, 3, 9, 20]))
    paid = tuple(
        settled(f"i{n}", amount, max(-25, pace + n % 3 - 1), ago=20 + 25 * n)
        for n, amount in enumerate(draw(st.lists(st.integers(10**4, 10**8), min_size=2, max_size=13)))
    )
    open_ = (invoice("open", draw(st.integers(10**4, 10**8)), due_on=day(draw(st.integers(-70, 30)))),)
    assets = draw(st.integers(10**9, 10**11))
    years = tuple(
        statement(
            period_end=dt.date(year, 12, 31),
            currency=draw(st.sampled_from(["CNY", "USD"])),
            total_assets=assets,
            current_assets=assets // 2,
            total_liabilities=assets * draw(st.integers(2, 11)) // 10,
            current_liabilities=assets * draw(st.integers(1, 8)) // 10,
            revenue=assets * 2,
            net_profit=assets * draw(st.integers(-1, 3)) // 20,
            operating_cash_flow=assets // draw(st.integers(3, 20)),
        )
        for year in (2024, 2025)
    )
    told = report(
        pd_12m=draw(st.sampled_from([None, 0.002, 0.02, 0.09, 0.3])), limit=10**9, limit_currency="CNY",
        statements=draw(st.sampled_from([(), years])),
    )  # fmt: skip
    return dossier(
        invoices=paid + draw(st.sampled_from([(), (), open_])),
        orders=tuple(draw(orders(f"o{n}")) for n in range(draw(st.integers(0, 1)))),
        terms_days=draw(st.sampled_from([None, 30, 75])),
        reports=draw(st.sampled_from([(), (told,), (told,)])),
    )


@st.composite
def entries(draw: st.DrawFn) -> object:
    begin = draw(st.integers(-100, 50))
    kind = draw(st.sampled_from(["base", "temporary", "seasonal", "insured", "guaranteed"]))
    seasons = [("06-01", "06-30"), ("06-20", "07-10"), ("11-01", "06-16"), ("02-29", "02-29")]
    first, last = draw(st.sampled_from(seasons)) if kind == "seasonal" else (None, None)
    return limit_entry(
        kind,
        draw(st.integers(0, 10**10)),
        currency=draw(st.sampled_from(["CNY", "USD", "EUR"])),
        valid_from=day(begin),
        valid_to=draw(st.sampled_from([None, day(begin + 20)])),
        season_from=first,
        season_to=last,
        cover_bp=draw(st.sampled_from([None, 9_000])),
    )


@st.composite
def advices(draw: st.DrawFn) -> AdviceDoc:
    """Consultants' reports and trade references, some expired, some without a limit or a rate."""
    dated = draw(st.integers(-400, 10))
    return AdviceDoc(
        draw(st.sampled_from(["consultant", "reference"])),
        draw(st.sampled_from(["Lin", "Acme"])),
        day(dated),
        draw(st.sampled_from([None, 0, 500_000, 10**9])),
        draw(st.sampled_from(["CNY", "USD", "EUR"])),
        draw(st.sampled_from([None, "A", "B", "gone"])),
        draw(st.sampled_from([None, day(dated + 90)])),
    )


@st.composite
def customers(draw: st.DrawFn) -> Dossier:
    """Documents, reports, limits, and everything that time can change."""
    since = draw(st.one_of(st.none(), st.dates(dt.date(2018, 1, 1), dt.date(2026, 8, 1))))
    base = draw(st.one_of(dossiers(), payers()))
    return replace(
        base,
        customer_since=since,
        reviewed_on=draw(st.sampled_from([None, day(-200), day(-20), day(0)])),
        reports=base.reports or tuple(draw(st.lists(reports(), max_size=2))),  # type: ignore[arg-type]
        industry=draw(st.sampled_from([None, "制造业", "banking", "retail"])),
        group_id=draw(st.sampled_from([None, 3])),
        account_statuses=draw(st.sampled_from([(), ("active",)])),
        promises=draw(st.sampled_from([(), (promise(),), (promise(due=-300), promise(id=2, due=-8))])),
        limits=tuple(draw(st.lists(entries(), max_size=2))),  # type: ignore[arg-type]
        advice=tuple(draw(st.lists(advices(), max_size=2))),  # type: ignore[arg-type]
    )


@st.composite
def lonely(draw: st.DrawFn) -> Dossier:
    """A customer with one thing alone (and perhaps a payment for it), so that nothing hides behind
    the moments of another."""
    kind = draw(st.sampled_from(["invoice", "invoice", "order", "report", "limit", "advice", "since"]))
    later = draw(st.sampled_from([(), (payment("p", 10**13, invoice_id="i0", paid_on=day(40)),)]))
    if kind == "invoice":
        found = dossier(invoices=(draw(invoices("i0"))._replace(amount=500_000),), payments=later)
    elif kind == "order":
        far = {"ordered_on": None, "deliver_on": day(draw(st.integers(80, 200))), "stage": "open"}
        one = draw(orders("o0"))
        found = dossier(orders=(draw(st.sampled_from([one, order("o0", **far)])),))
    elif kind == "report":
        found = dossier(reports=(draw(reports()),))
    elif kind == "limit":
        found = dossier(limits=(draw(entries()),))
    elif kind == "advice":
        found = dossier(advice=(draw(advices()),))
    else:
        return dossier(
            customer_since=draw(st.dates(dt.date(2024, 1, 1), dt.date(2026, 8, 1))),
            invoices=(invoice("i0", issued_on=day(-1), due_on=day(190)),),
        )
    return replace(found, customer_since=dt.date(2000, 1, 1))
