"""Fills a Zoho org with the part of the economy that stands in Zoho.

Invariant: equal worlds give equal rows and ids; nothing was created or changed after the world's
``as_of``, and nothing was changed before it was created.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from zlib import crc32

from sandbox.money import to_major
from sandbox.names import contact
from sandbox.table import Row
from sandbox.world import Company, SalesInvoice, SalesOrder, World
from sandbox.zoho.fields import CREATED, LOCKED, MODIFIED
from sandbox.zoho.moments import morning, stamp
from sandbox.zoho.people import CREDIT_MANAGER, User
from sandbox.zoho.tenant import Tenant

STATUS = {
    "draft": "Draft",
    "open": "Approved",
    "delivered": "Delivered",
    "closed": "Closed",
    "cancelled": "Cancelled",
}


def seed(tenant: Tenant, world: World) -> Books:
    """Fill an empty tenant; its books, for what happens later."""
    owners = {}
    for owner in world.owners:
        first_name, _, last_name = owner.name_en.rpartition(" ")
        owners[owner.key] = tenant.add_user(first_name, last_name, owner.email)
    tenant.add_user("Ming", "Zhao", "credit.manager@example.com", CREDIT_MANAGER)
    loader = Books(tenant, world, owners)
    tenant.modules["Accounts"].table.load(loader.accounts())
    tenant.modules["Sales_Orders"].table.load(loader.orders())
    tenant.modules["Invoices"].table.load(loader.invoices())
    tenant.modules["Contacts"].table.load(loader.contacts())
    tenant.seeded()
    return loader


class Books:
    """The rows of the economy's documents: those of the beginning, and those that come and change later."""

    def __init__(self, tenant: Tenant, world: World, owners: dict[str, User]) -> None:
        self._tenant = tenant
        self._world = world
        companies = [company for company in world.companies if "zoho" in company.crms]
        self._account_ids = {company.key: tenant.new_record_id() for company in companies}
        self._companies = companies
        self._owner_ids = {company.key: owners[company.owner.key].id for company in companies}
        self._order_ids: dict[str, str] = {}
        self._invoice_ids: dict[str, str] = {}

    def accounts(self) -> Iterator[Row]:
        for company in self._companies:
            created = min(morning(company.customer_since), self._world.as_of)
            # Last edited at some time since then.
            permille = crc32(company.key.encode()) % 1000
            modified = created + (self._world.as_of - created) * permille / 1000
            row = self._row(self._account_ids[company.key], company.key, created, modified)
            row |= {
                "Account_Name": company.name,
                "Parent_Account": self._account_ids.get(company.parent_key or ""),
                "Industry": company.industry,
                "Ownership": _ownership(company),
                "Currency": company.currency,
                "Billing_City": company.city,
                "Billing_Country": company.country,
                "Unified_Credit_Code": company.uscc,
                "DUNS": company.duns,
                "VAT_Number": company.vat,
                "Payment_Terms_Days": company.terms_days,
                "Customer_Since": company.customer_since.isoformat(),
            }
            yield _without_empty(row)

    def orders(self) -> Iterator[Row]:
        for order in self._world.orders:
            if order.crm != "zoho":
                continue
            row_id = self._order_ids[order.key] = self._tenant.new_record_id()
            created = min(morning(order.ordered_on), order.modified_at)
            row = self._row(row_id, order.company_key, created, order.modified_at)
            yield row | self._order(order)

    def _order(self, order: SalesOrder) -> Row:
        return self._document(order) | {
            "SO_Number": order.number,
            "Status": STATUS[order.stage],
            "Delivery_Date": order.deliver_on.isoformat(),
        }

    def invoices(self) -> Iterator[Row]:
        for invoice in self._world.invoices:
            if invoice.crm != "zoho":
                continue
            created = min(morning(invoice.issued_on), invoice.modified_at)
            row_id = self._invoice_ids[invoice.key] = self._tenant.new_record_id()
            row = self._row(row_id, invoice.company_key, created, invoice.modified_at)
            yield _without_empty(row | self._invoice(invoice))

    def _invoice(self, invoice: SalesInvoice) -> Row:
        return self._document(invoice) | {
            "Invoice_Number": invoice.number,
            "Sales_Order": self._order_ids.get(invoice.order_key or ""),
            "Status": "Approved",
            "Invoice_Date": invoice.issued_on.isoformat(),
            "Due_Date": invoice.due_on.isoformat(),
            "Paid_Amount": to_major(invoice.paid, invoice.currency),
            "Paid_On": invoice.settled_on.isoformat() if invoice.settled_on else None,
            "Disputed": invoice.disputed,
        }

    def save_order(self, order: SalesOrder) -> None:
        """The owner of the account enters or changes an order, now. The caller holds the tenant's lock."""
        self._save("Sales_Orders", self._order_ids, order, self._order(order))

    def save_invoice(self, invoice: SalesInvoice) -> None:
        """Bookkeeping enters or changes an invoice, now: issued, paid in part, settled, disputed."""
        self._save("Invoices", self._invoice_ids, invoice, self._invoice(invoice))

    def _save(
        self, module: str, ids: dict[str, str], document: SalesOrder | SalesInvoice, values: Row
    ) -> None:
        tenant, owner_id = self._tenant, self._owner_ids[document.company_key]
        by, values = tenant.users[owner_id], _without_empty(values)
        if document.key in ids:
            tenant.update(tenant.modules[module], ids[document.key], values, by)
        else:
            ids[document.key] = tenant.insert(tenant.modules[module], values | {"Owner": owner_id}, by)["id"]

    def contacts(self) -> Iterator[Row]:
        """One or two people at each account."""
        for company in self._companies:
            number = crc32(company.key.encode())
            for i in range(1 + number % 2):
                first_name, last_name = contact(number // 2 + i, company.country)
                created = min(morning(company.customer_since), self._world.as_of)
                row = self._row(self._tenant.new_record_id(), company.key, created, created)
                yield row | {
                    "First_Name": first_name,
                    "Last_Name": last_name,
                    "Full_Name": f"{first_name} {last_name}",
                    "Account_Name": self._account_ids[company.key],
                    "Email": f"contact{i + 1}@{number:08x}.example.com",
                }

    def _row(self, row_id: str, company_key: str, created: dt.datetime, modified: dt.datetime) -> Row:
        owner_id = self._owner_ids[company_key]
        return {
            "id": row_id,
            "Owner": owner_id,
            "Created_By": owner_id,
            "Modified_By": owner_id,
            CREATED: stamp(created),
            MODIFIED: stamp(modified),
            LOCKED: False,
        }

    def _document(self, document: SalesOrder | SalesInvoice) -> Row:
        amount = to_major(document.amount, document.currency)
        return {
            "Subject": document.number,
            "Account_Name": self._account_ids[document.company_key],
            "Grand_Total": amount,
            "Sub_Total": amount,
            "Currency": document.currency,
        }


def _ownership(company: Company) -> str:
    if company.sole_trader:
        return "Sole trader"
    return "Subsidiary" if company.parent_key else "Private"


def _without_empty(row: Row) -> Row:
    return {name: value for name, value in row.items() if value not in (None, "")}
