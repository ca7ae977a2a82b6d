"""A world small enough to know by heart, for tests of the CRM sandboxes."""

from __future__ import annotations

import datetime as dt

from sandbox.world import Company, Owner, Receipt, SalesInvoice, SalesOrder, World

AS_OF = dt.datetime(2026, 5, 4, tzinfo=dt.UTC)
OWNER = Owner("rep-01", "王芳", "Wang Fang", "13800000001", "wang.fang@example.com")


def tiny_world() -> World:
    """Parent A (both CRMs), its child B (both), C (Zoho only, USD), D (Fxiaoke only)."""
    companies = (
        _company("A", "华泰机械有限公司", "CN", "CNY", ("zoho", "fxiaoke"), uscc="91310115MA1K4XYZ07"),
        _company("B", "华泰机械苏州有限公司", "CN", "CNY", ("zoho", "fxiaoke"), parent="A"),
        _company("C", "Acme's Steel Inc.", "US", "USD", ("zoho",), duns="150483782"),
        _company("D", "宁波裁缝铺", "CN", "CNY", ("fxiaoke",), sole_trader=True),
    )
    orders = (
        _order("o1", "zoho", "A", "SO-000001", 1_234_567, "CNY", "closed", 10),
        _order("o2", "zoho", "B", "SO-000002", 50_000, "CNY", "open", 20),
        _order("o3", "zoho", "C", "SO-000003", 99_999, "USD", "cancelled", 30),
        _order("o4", "fxiaoke", "A", "FSO-000001", 800_010, "CNY", "closed", 10),
        _order("o5", "fxiaoke", "D", "FSO-000002", 7_000, "CNY", "draft", 25),
    )
    invoices = (
        _invoice("i1", "zoho", "A", "o1", "INV-000001", 1_234_567, 1_234_567, 11),
        _invoice("i2", "zoho", "B", None, "INV-000002", 20_000, 5_000, 40, disputed=True),
        _invoice("i3", "fxiaoke", "A", "o4", "FINV-000001", 800_010, 300_000, 12),
    )
    receipts = (
        Receipt("r1", "zoho", "A", "o1", "i1", 1_234_567, "CNY", _day(15), _moment(15)),
        Receipt("r2", "zoho", "B", None, "i2", 5_000, "CNY", _day(45), _moment(45)),
        Receipt("r3", "fxiaoke", "A", "o4", "i3", 300_000, "CNY", _day(50), _moment(50)),
    )
    return World(AS_OF, (OWNER,), companies, orders, invoices, receipts)


def _day(number: int) -> dt.date:
    """Day ``number`` of the year 2026."""
    return dt.date(2026, 1, 1) + dt.timedelta(days=number)


def _moment(number: int) -> dt.datetime:
    day = _day(number)
    return dt.datetime(day.year, day.month, day.day, 6, 30, 15, tzinfo=dt.UTC)


def _company(
    key: str,
    name: str,
    country: str,
    currency: str,
    crms: tuple[str, ...],
    *,
    uscc: str | None = None,
    duns: str | None = None,
    parent: str | None = None,
    sole_trader: bool = False,
) -> Company:
    return Company(
        key=key,
        name=name,
        country=country,
        uscc=uscc,
        duns=duns,
        vat=None,
        registration_no=None,
        industry="Machinery",
        city="上海",
        currency=currency,
        terms_days=30,
        customer_since=dt.date(2020, 3, 1),
        owner=OWNER,
        parent_key=parent,
        health=0.8,
        crms=crms,
        sole_trader=sole_trader,
    )


def _order(
    key: str, crm: str, company: str, number: str, amount: int, currency: str, stage: str, day: int
) -> SalesOrder:
    deliver_on = _day(day) + dt.timedelta(days=7)
    return SalesOrder(key, crm, company, number, amount, currency, _day(day), deliver_on, stage, _moment(day))


def _invoice(
    key: str,
    crm: str,
    company: str,
    order: str | None,
    number: str,
    amount: int,
    paid: int,
    day: int,
    *,
    disputed: bool = False,
) -> SalesInvoice:
    due_on = _day(day) + dt.timedelta(days=30)
    settled_on = _day(15) if paid == amount else None
    return SalesInvoice(
        key,
        crm,
        company,
        order,
        number,
        amount,
        "CNY",
        _day(day),
        due_on,
        paid,
        settled_on,
        disputed,
        _moment(day),
    )
