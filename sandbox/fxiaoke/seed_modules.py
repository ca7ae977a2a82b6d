"""Rows of the modules that not every tenant has: payment plans, credit files, customer accounts, visits.

Invariant: equal worlds give equal rows and ids, in whatever order the objects are first looked at; a
plan's status and paid amount agree with the payments that name it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from zlib import crc32

from sandbox.fxiaoke.rollups import PLAN, plan_status
from sandbox.fxiaoke.tenant import TENANT_ZONE, Tenant, day_ms
from sandbox.money import to_major
from sandbox.table import Row
from sandbox.world import Company, SalesInvoice

MakeRow = Callable[[str, str, int, int], Row]
"""Id, company's key, created and modified in milliseconds → a row with its common fields."""

_MORNING_MS = 9 * 3600 * 1000
_VISITED = dt.timedelta(days=90)


def plan_ids(tenant: Tenant, invoices: Sequence[SalesInvoice]) -> dict[str, str]:
    """The id of each invoice's plan: what an order is to bring in by when. Without an order, no plan."""
    planned = [invoice.key for invoice in invoices if invoice.order_key]
    first = tenant.reserve(len(planned))
    return {key: f"{first + number:024x}" for number, key in enumerate(planned, start=1)}


class Modules:
    """Makes the rows object by object, when each is first looked at."""

    def __init__(
        self,
        tenant: Tenant,
        as_of: dt.datetime,
        companies: Sequence[Company],
        accounts: Mapping[str, str],
        make_row: MakeRow,
    ) -> None:
        self._tenant = tenant
        self._as_of = as_of
        self._companies = companies
        self._accounts = accounts
        self._row = make_row

    def fill(
        self, invoices: Sequence[SalesInvoice], plans: Mapping[str, str], orders: Mapping[str, str]
    ) -> None:
        """Have all four objects filled; ids are taken now."""
        objects = self._tenant.objects
        objects[PLAN].fill(lambda: self._plans(invoices, plans, orders))
        for name, rows in (
            ("CreditFileObj", self._credit_files),
            ("CustomerAccountObj", self._customer_accounts),
            ("CheckinsObj", self._checkins),
        ):
            first = self._tenant.reserve(len(self._companies))
            objects[name].fill(lambda rows=rows, first=first: rows(first))  # type: ignore[misc]

    def _plans(
        self, invoices: Sequence[SalesInvoice], plans: Mapping[str, str], orders: Mapping[str, str]
    ) -> Iterator[Row]:
        # As the vendor's own nightly run had left it.
        today, number = day_ms(self._as_of.astimezone(TENANT_ZONE).date()), 0
        for invoice in invoices:
            if invoice.key not in plans:
                continue
            number += 1
            created, modified = day_ms(invoice.issued_on) + _MORNING_MS, _ms(invoice.modified_at)
            row = self._row(plans[invoice.key], invoice.company_key, created, modified)
            planned, paid = (_money(amount, invoice.currency) for amount in (invoice.amount, invoice.paid))
            due = day_ms(invoice.due_on)
            yield row | {
                "name": f"FPLAN-{number:06d}",
                "account_id": self._accounts[invoice.company_key],
                "order_id": orders[invoice.order_key or ""],
                "plan_payment_amount": planned,
                "plan_payment_time": due,
                "actual_payment_amount": paid,
                "plan_payment_status": plan_status(Decimal(planned), Decimal(paid), due, today),
                "mc_currency": invoice.currency,
            }

    def _credit_files(self, first: int) -> Iterator[Row]:
        """The vendor's own credit module is used for every third customer."""
        year = self._as_of.year
        for number, company in self._some(3):
            yield self._company_row(first, number, company) | {
                "name": f"FCRED-{number:06d}",
                "customer_id": self._accounts[company.key],
                "credit_quota": _quota(company),
                "start_time": day_ms(dt.date(year, 1, 1)),
                "end_time": day_ms(dt.date(year, 12, 31)),
                "mc_currency": company.currency,
            }

    def _customer_accounts(self, first: int) -> Iterator[Row]:
        for number, company in self._some(1):
            prepaid = f"{crc32(company.key.encode()) % 50_000}.00" if number % 4 == 0 else "0.00"
            yield self._company_row(first, number, company) | {
                "name": f"FACC-{number:06d}",
                "customer_id": self._accounts[company.key],
                "prepay_balance": prepaid,
                "prepay_available_balance": prepaid,
                "prepay_locked_balance": "0.00",
                "rebate_balance": "0.00",
                "rebate_available_balance": "0.00",
                "rebate_locked_balance": "0.00",
                "settle_type": "3",
                "credit_quota": _quota(company),
                "mc_currency": company.currency,
            }

    def _checkins(self, first: int) -> Iterator[Row]:
        """Visits that reps have paid in the last months, to every fifth customer."""
        for number, company in self._some(5):
            days = 1 + crc32(company.key.encode()) % _VISITED.days
            at = max(_ms(self._as_of) - days * 86_400_000, day_ms(company.customer_since))
            row = self._row(f"{first + number:024x}", company.key, at, at)
            yield row | {
                "name": f"FCHK-{number:06d}",
                "account_id": self._accounts[company.key],
                "plan_time": at,
                "checkin_time": at,
                "status": "1",
            }

    def _some(self, every: int) -> Iterator[tuple[int, Company]]:
        return enumerate(self._companies[::every], start=1)

    def _company_row(self, first: int, number: int, company: Company) -> Row:
        since = min(day_ms(company.customer_since) + _MORNING_MS, _ms(self._as_of))
        return self._row(f"{first + number:024x}", company.key, since, since)


def _quota(company: Company) -> str:
    """What somebody once granted: whole ten thousands."""
    return f"{(1 + crc32(company.key.encode()) % 50) * 10_000}.00"


def _ms(moment: dt.datetime) -> int:
    return int(moment.timestamp()) * 1000


def _money(minor: int, currency: str) -> str:
    return f"{to_major(minor, currency):.2f}"
