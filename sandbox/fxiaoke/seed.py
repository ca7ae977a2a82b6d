"""Fills a Fxiaoke tenant with the part of the economy that stands in Fxiaoke.

Invariant: equal worlds give equal rows and ids; nothing was created or changed after the world's
``as_of``, and nothing was changed before it was created.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator
from zlib import crc32

from sandbox.fxiaoke.fields import options_of
from sandbox.fxiaoke.objects import CUSTOMER, ORDER_STATUS
from sandbox.fxiaoke.seed_modules import Modules, plan_ids
from sandbox.fxiaoke.tenant import Tenant, day_ms
from sandbox.money import to_major
from sandbox.names import INDUSTRIES
from sandbox.table import Row
from sandbox.world import Company, World

_MORNING_MS = 9 * 3600 * 1000


def seed(tenant: Tenant, world: World) -> None:
    """Fill an empty tenant."""
    at = _ms(world.as_of)
    owners = {
        owner.key: tenant.add_employee(owner.name_zh, owner.mobile, owner.email, at).id
        for owner in world.owners
    }
    loader = _Loader(tenant, world, owners)
    for name, rows in (
        (CUSTOMER, loader.accounts()),
        ("SalesOrderObj", loader.orders()),
        ("InvoiceApplicationObj", loader.invoices()),
        ("PaymentObj", loader.payments()),
        ("OrderPaymentObj", loader.order_payments()),
    ):
        tenant.objects[name].table.load(rows)
    loader.fill_modules()


class _Loader:
    """Makes the rows object by object, in this order: later ones refer to earlier ones."""

    def __init__(self, tenant: Tenant, world: World, owners: dict[str, str]) -> None:
        self._tenant = tenant
        self._world = world
        self._companies = [company for company in world.companies if "fxiaoke" in company.crms]
        self._owners = {company.key: owners[company.owner.key] for company in self._companies}
        self._accounts = {company.key: tenant.new_id() for company in self._companies}
        self._orders: dict[str, str] = {}
        self._payments: dict[str, str] = {}
        self._receipts = [receipt for receipt in world.receipts if receipt.crm == "fxiaoke"]
        self._invoices = [invoice for invoice in world.invoices if invoice.crm == "fxiaoke"]
        self._plans = plan_ids(tenant, self._invoices)

    def fill_modules(self) -> None:
        modules = Modules(self._tenant, self._world.as_of, self._companies, self._accounts, self._row)
        modules.fill(self._invoices, self._plans, self._orders)

    def accounts(self) -> Iterator[Row]:
        as_of = _ms(self._world.as_of)
        industries = self._offered("industry_level1", (_industry(c) for c in self._companies))
        cities = self._offered("city", (c.city for c in self._companies))
        for company in self._companies:
            created = min(_morning(company.customer_since), as_of)
            # Last edited at some time since then.
            modified = created + (as_of - created) * (crc32(company.key.encode()) % 1000) // 1000
            row = self._row(self._accounts[company.key], company.key, created, modified)
            row |= {
                "name": company.name,
                "uniform_social_credit_code": company.uscc,
                "industry_level1": industries.get(_industry(company)),
                "country": company.country,
                "city": cities.get(company.city),
                "parent_account_id": self._accounts.get(company.parent_key or ""),
                "mc_currency": company.currency,
                "duns__c": company.duns,
                "vat__c": company.vat,
                "payment_terms_days__c": str(company.terms_days),
                "customer_since__c": day_ms(company.customer_since),
            }
            yield _without_empty(row)

    def _offered(self, field_name: str, labels: Iterable[str]) -> dict[str, str]:
        """Make ``labels`` the options of an account field; their values by label."""
        field = self._tenant.objects[CUSTOMER].fields[field_name]
        field.options = options_of(CUSTOMER, field_name, sorted(set(labels) - {""}))
        return field.values()

    def orders(self) -> Iterator[Row]:
        status = self._tenant.objects["SalesOrderObj"].fields["order_status"].values()
        paid: Counter[str] = Counter()
        for receipt in self._receipts:
            paid[receipt.order_key or ""] += receipt.amount
        invoiced: Counter[str] = Counter()
        for invoice in self._invoices:
            invoiced[invoice.order_key or ""] += invoice.amount
        for order in self._world.orders:
            if order.crm != "fxiaoke":
                continue
            row_id = self._orders[order.key] = self._tenant.new_id()
            modified = _ms(order.modified_at)
            row = self._row(row_id, order.company_key, _morning(order.ordered_on), modified)
            row |= {
                "name": order.number,
                "account_id": self._accounts[order.company_key],
                "order_time": day_ms(order.ordered_on),
                "delivery_date": day_ms(order.deliver_on),
                "order_amount": _money(order.amount, order.currency),
                "order_status": status[ORDER_STATUS[order.stage]],
                "mc_currency": order.currency,
                "payment_amount": _money(paid[order.key], order.currency),
                "receivable_amount": _money(order.amount - paid[order.key], order.currency),
                "invoice_amount": _money(invoiced[order.key], order.currency),
            }
            if order.stage == "draft":
                row["life_status"] = "ineffective"
            yield row

    def invoices(self) -> Iterator[Row]:
        for invoice in self._invoices:
            created, modified = _morning(invoice.issued_on), _ms(invoice.modified_at)
            row = self._row(self._tenant.new_id(), invoice.company_key, created, modified)
            row |= {
                "name": invoice.number,
                "account_id": self._accounts[invoice.company_key],
                "order_id": self._orders.get(invoice.order_key or ""),
                "invoice_applied_amount": _money(invoice.amount, invoice.currency),
                "invoice_date": day_ms(invoice.issued_on),
                "due_date__c": day_ms(invoice.due_on),
                "mc_currency": invoice.currency,
            }
            yield _without_empty(row)

    def payments(self) -> Iterator[Row]:
        for number, receipt in enumerate(self._receipts, start=1):
            row_id = self._payments[receipt.key] = self._tenant.new_id()
            created, modified = _morning(receipt.paid_on), _ms(receipt.modified_at)
            row = self._row(row_id, receipt.company_key, created, modified)
            row |= {
                "name": f"FPAY-{number:06d}",
                "account_id": self._accounts[receipt.company_key],
                "payment_amount": _money(receipt.amount, receipt.currency),
                "payment_time": day_ms(receipt.paid_on),
                "mc_currency": receipt.currency,
            }
            yield row

    def order_payments(self) -> Iterator[Row]:
        for number, receipt in enumerate(self._receipts, start=1):
            created, modified = _morning(receipt.paid_on), _ms(receipt.modified_at)
            row = self._row(self._tenant.new_id(), receipt.company_key, created, modified)
            row |= {
                "name": f"FPAYD-{number:06d}",
                "payment_id": self._payments[receipt.key],
                "account_id": self._accounts[receipt.company_key],
                "order_id": self._orders.get(receipt.order_key or ""),
                "payment_plan_id": self._plans.get(receipt.invoice_key),
                "payment_amount": _money(receipt.amount, receipt.currency),
                "payment_time": day_ms(receipt.paid_on),
                "mc_currency": receipt.currency,
            }
            yield _without_empty(row)

    def _row(self, row_id: str, company_key: str, created: int, modified: int) -> Row:
        owner_id = self._owners[company_key]
        return self._tenant.fresh_row(row_id, owner_id, min(created, modified), modified)


def _industry(company: Company) -> str:
    return INDUSTRIES.get(company.industry, company.industry)


def _ms(moment: dt.datetime) -> int:
    return int(moment.timestamp()) * 1000


def _morning(day: dt.date) -> int:
    return day_ms(day) + _MORNING_MS


def _money(minor: int, currency: str) -> str:
    return f"{to_major(minor, currency):.2f}"


def _without_empty(row: Row) -> Row:
    return {name: value for name, value in row.items() if value not in (None, "")}
