"""An invoice in a ledger and in a CRM counts once, whatever came first, and nothing else is lost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.rules.documents import InvoiceDoc, OrderDoc, PaymentDoc
from connector.rules.master import once
from tests.rules_bench import CNY, NOW, day, dossier, snapshot, standard

LEDGER, CRM = 1, 2


def invoice(source: int, number: str | None, **more: Any) -> InvoiceDoc:
    values: dict[str, Any] = {
        "id": f"{source}/{number or 'x'}",
        "number": number,
        "order_id": None,
        "amount": 1_000,
        "currency": "CNY",
        "issued_on": day(-20),
        "due_on": day(10),
        "paid": None,
        "settled_on": None,
        "state": "open",
        "disputed": None,
    }
    return InvoiceDoc(**(values | more))


def order(number: str = "SO-1", **more: Any) -> OrderDoc:
    values: dict[str, Any] = {"currency": "CNY", "ordered_on": day(-30), "deliver_on": None, "stage": "open"}
    values |= {"invoiced": None, "paid": None, "prepaid": False}
    return OrderDoc(id=f"{CRM}/o1", number=number, amount=1_000, **(values | more))


def payment(source: int, **more: Any) -> PaymentDoc:
    values: dict[str, Any] = {"invoice_id": None, "order_id": None, "amount": 400, "currency": "CNY"}
    return PaymentDoc(**({"id": f"{source}/p1", "paid_on": day(-5)} | values | more))


def exposure(orders: Any, invoices: Any, payments: Any, ledgers: Any = (LEDGER,)) -> Any:
    found, paid = once(orders, invoices, payments, ledgers)
    made = dossier(orders=tuple(orders), invoices=tuple(found), payments=tuple(paid))
    return snapshot(made, standard(), CNY, NOW).values["exposure"]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("number", ["INV-7", "inv-7", " INV -7"])
def test_the_same_invoice_counts_once_as_the_ledger_has_it(number: str, turned: bool) -> None:
    both = [invoice(LEDGER, "INV-7", amount=900), invoice(CRM, number)]
    found, _ = once([], both[::-1] if turned else both, [], {LEDGER})
    assert [(doc.id, doc.amount) for doc in found] == [(f"{LEDGER}/INV-7", 900)]


def test_another_number_or_currency_is_another_invoice() -> None:
    several = [invoice(LEDGER, "7"), invoice(CRM, "8"), invoice(CRM, "7", currency="EUR")]
    assert len(once([], several, [], {LEDGER})[0]) == 3


def test_without_a_number_the_id_is_compared() -> None:
    pair = [invoice(LEDGER, None, id="1/INV-7"), invoice(CRM, "INV-7", id="2/900001")]
    assert [doc.id for doc in once([], pair, [], {LEDGER})[0]] == ["1/INV-7"]


def test_the_order_of_the_crm_counts_as_invoiced_by_the_ledger() -> None:
    pair = [invoice(LEDGER, "INV-7"), invoice(CRM, "INV-7", order_id=f"{CRM}/o1")]
    assert exposure([order()], pair, []) == 1_000
    by_number = [invoice(LEDGER, "INV-7", order_id=f"{LEDGER}/so-1")]
    assert exposure([order()], by_number, []) == 1_000
    assert exposure([order()], [invoice(LEDGER, "INV-7")], []) == 2_000


@pytest.mark.parametrize(
    ("allocated", "counts"),
    [
        ({"invoice_id": f"{CRM}/INV-7"}, False),
        ({"order_id": f"{CRM}/o1"}, False),
        ({}, False),
        ({"invoice_id": f"{CRM}/INV-8"}, True),
        ({"order_id": f"{CRM}/o2"}, True),
    ],
)
def test_a_payment_of_the_crm_counts_only_on_what_the_ledger_does_not_know(
    allocated: dict[str, str], counts: bool
) -> None:
    several = [
        invoice(LEDGER, "INV-7", paid=400),
        invoice(CRM, "INV-7", order_id=f"{CRM}/o1"),
        invoice(CRM, "INV-8"),
    ]
    orders = [order(), order("SO-2")._replace(id=f"{CRM}/o2")]
    _, paid = once(orders, several, [payment(CRM, **allocated), payment(LEDGER)], {LEDGER})
    assert [one.id for one in paid] == ([f"{CRM}/p1"] if counts else []) + [f"{LEDGER}/p1"]


@pytest.mark.parametrize(
    ("ledger", "crm", "counts"), [(None, True, True), (None, None, None), (False, True, False)]
)
def test_a_dispute_that_only_the_crm_or_a_person_knows_stays(
    ledger: bool | None, crm: bool | None, counts: bool | None
) -> None:
    several = [
        invoice(LEDGER, "INV-7")._replace(disputed=ledger),
        invoice(CRM, "INV-7")._replace(disputed=crm),
    ]
    (found,), _ = once([], several, [], {LEDGER})
    assert (found.id.startswith(f"{LEDGER}/"), found.disputed) == (True, counts)


def test_a_customer_that_stands_in_no_ledger_is_left_as_it_is() -> None:
    invoices, payments = [invoice(CRM, "INV-7")], [payment(CRM)]
    assert once([order()], invoices, payments, {LEDGER}) == (invoices, payments)


@given(
    st.lists(st.sampled_from("abcde"), unique=True),
    st.lists(st.sampled_from("abcde"), unique=True),
    st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None)
def test_every_invoice_of_either_counts_exactly_once_in_any_order(
    ledger: list[str], crm: list[str], random: Any
) -> None:
    several = [invoice(LEDGER, number) for number in ledger] + [invoice(CRM, number) for number in crm]
    random.shuffle(several)
    found, _ = once([], several, [], {LEDGER})
    assert sorted(str(doc.number) for doc in found) == sorted({*ledger, *crm})
    assert {doc.number for doc in found if doc.id.startswith("1/")} == set(ledger)
