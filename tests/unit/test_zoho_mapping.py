"""The shipped mapping for Zoho CRM: what a raw row comes to, and what is written."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.zoho.provisioning import LABEL_LENGTH, OPTION_LENGTH
from connector.adapter import Row
from connector.errors import Reject
from connector.mapping.form import load
from connector.model import Account, Invoice, InvoiceState, Order, OrderStage, Stream

MAPPING = load(Path(__file__).parents[2] / "mappings" / "zoho.yaml")
WHEN = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)


def read(stream: Stream, **data: Any) -> Any:
    return MAPPING.readers[stream].read(Row("77", WHEN, data))


def order(**more: Any) -> dict[str, Any]:
    return {
        "Account_Name": {"id": "1", "name": "Acme"},
        "SO_Number": "SO-9",
        "Grand_Total": Decimal("1200.5"),
        "Currency": "EUR",
        "Created_Time": "2026-01-31T23:30:00-05:00",
        "Status": "Approved",
    } | more


def test_account_is_read_with_its_identifiers():
    assert read(
        Stream.ACCOUNTS,
        Account_Name="Acme",
        Unified_Credit_Code="91310000MA1FL0XX0X",
        DUNS="123456789",
        VAT_Number="DE123456789",
        Billing_Country="DE",
        Billing_City="Bonn",
        Industry="Trade",
        Owner={"id": "5", "name": "Ann"},
        Parent_Account={"id": "6"},
        Currency="EUR",
        Payment_Terms_Days=30,
        Customer_Since="2019-05-01",
        Ownership="Sole trader",
        Rating="Shut Down",
        Blacklisted=True,
    ) == Account(
        external_id="77",
        modified_at=WHEN,
        name="Acme",
        uscc="91310000MA1FL0XX0X",
        duns="123456789",
        vat="DE123456789",
        country="DE",
        industry="Trade",
        city="Bonn",
        owner_id="5",
        parent_id="6",
        currency="EUR",
        terms_days=30,
        customer_since=dt.date(2019, 5, 1),
        is_person=True,
        account_status="Shut Down",
        blacklisted=True,
    )


def test_account_of_a_tenant_without_our_custom_fields_is_read_too():
    account = read(Stream.ACCOUNTS, Account_Name="Acme", Owner=None, Ownership=None)
    assert (account.duns, account.owner_id, account.terms_days) == (None, None, None)
    assert (account.currency, account.is_person) == ("CNY", False)


def test_order_is_read_in_minor_units_and_dated_by_its_creation():
    assert read(Stream.ORDERS, **order(Delivery_Date="2026-03-01")) == Order(
        external_id="77",
        modified_at=WHEN,
        account_id="1",
        number="SO-9",
        amount=120050,
        currency="EUR",
        ordered_on=dt.date(2026, 2, 1),
        deliver_on=dt.date(2026, 3, 1),
        stage=OrderStage.OPEN,
    )


@pytest.mark.parametrize(
    ("status", "stage"),
    [
        ("Draft", "draft"),
        ("Created", "open"),
        ("Approved", "open"),
        ("Delivered", "delivered"),
        ("Closed", "closed"),
        ("Cancelled", "cancelled"),
        ("Some status of this tenant", "open"),
        (None, "open"),
    ],
)
def test_order_status_becomes_a_stage_and_the_unknown_occupies_credit(status: str | None, stage: str):
    assert read(Stream.ORDERS, **order(Status=status)).stage == stage


def test_order_without_an_account_is_set_aside():
    with pytest.raises(Reject) as told:
        read(Stream.ORDERS, **order(Account_Name=None))
    assert told.value.code == "missing_account"


def invoice(**more: Any) -> Invoice:
    base = {
        "Account_Name": {"id": "1"},
        "Sales_Order": {"id": "2"},
        "Invoice_Number": "INV-1",
        "Grand_Total": 100,
        "Currency": "JPY",
        "Invoice_Date": "2026-01-01",
        "Due_Date": "2026-01-31",
        "Status": "Created",
    }
    found: Invoice = read(Stream.INVOICES, **(base | more))
    return found


def test_invoice_with_the_tenants_paid_fields():
    found = invoice(Paid_Amount=Decimal("40"), Paid_On="2026-02-03", Disputed=True)
    assert (found.amount, found.paid, found.settled_on) == (100, 40, dt.date(2026, 2, 3))
    assert (found.order_id, found.disputed, found.state) == ("2", True, InvoiceState.OPEN)


def test_trap_zoho_keeps_no_paid_amount_so_without_mapped_fields_it_is_unknown():
    found = invoice()
    assert (found.paid, found.settled_on, found.disputed) == (None, None, None)


@pytest.mark.parametrize(
    ("status", "state"),
    [("Draft", "draft"), ("Paid", "paid"), ("Cancelled", "void"), ("Sent", "open"), (None, "open")],
)
def test_invoice_status_becomes_a_state(status: str | None, state: str):
    assert invoice(Status=status).state == state


def test_zoho_has_no_stream_of_payments():
    assert Stream.PAYMENTS not in MAPPING.readers


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("target", ["account", "visit"])
def test_wanted_fields_fit_zohos_limits_on_labels(target: str, language: str):
    writer = MAPPING.writer(target)
    assert writer is not None
    specs = writer.specs(language)
    assert specs
    assert max(len(s.label) for s in specs) <= LABEL_LENGTH
    assert max((len(label) for s in specs for _, label in s.options), default=0) <= OPTION_LENGTH
    assert len({s.label for s in specs}) == len(specs)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_visit_uses_zohos_own_values_in_every_language(language: str):
    writer = MAPPING.writer("visit")
    assert writer is not None
    assert writer.object == "Tasks" and writer.key_field == "Credit_Key"
    written = writer.write(
        {"priority": "high", "status": "planned", "account_id": "1", "credit_key": "k"}, language
    )
    assert written == {
        "Priority": "High",
        "Status": "Not Started",
        "What_Id": "1",
        "Credit_Key": "k",
    }
