"""Exposure: nothing is counted twice, nothing is lost, order of documents is no matter."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.policy.schema import Policy
from connector.rules.documents import Dossier, InvoiceDoc, OrderDoc, PaymentDoc
from connector.rules.exposure import exposure
from connector.rules.snapshot import snapshot_json
from tests.property.rules_worlds import dossiers
from tests.rules_bench import NOW, WITH_USD, assess, day, dossier, facts, invoice, order, payment, policy

FREE = policy(exposure={"advances": "allow_negative"})


def total(customer: Dossier, by: Policy = FREE) -> int:
    return exposure(customer, by, WITH_USD, NOW).total


@given(dossiers(), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_the_order_of_documents_is_no_matter(customer: Dossier, dice: object) -> None:
    def shuffled(items: tuple[object, ...]) -> tuple[object, ...]:
        mixed = list(items)
        dice.shuffle(mixed)  # type: ignore[attr-defined]
        return tuple(mixed)

    other = replace(
        customer,
        orders=shuffled(customer.orders),  # type: ignore[arg-type]
        invoices=shuffled(customer.invoices),  # type: ignore[arg-type]
        payments=shuffled(customer.payments),  # type: ignore[arg-type]
    )
    assert exposure(customer, FREE, WITH_USD, NOW) == exposure(other, FREE, WITH_USD, NOW)
    assert snapshot_json(facts(customer, FREE, WITH_USD)) == snapshot_json(facts(other, FREE, WITH_USD))


@given(dossiers())
@settings(max_examples=150, deadline=None)
def test_stages_add_up_and_only_prepayment_is_negative(customer: Dossier) -> None:
    found = exposure(customer, FREE, WITH_USD, NOW)
    assert found.total == sum(found.stages.values())
    assert all(amount >= 0 for stage, amount in found.stages.items() if stage != "prepayment")
    assert found.stages["prepayment"] <= 0
    for stage in found.stages.keys() - {"prepayment"}:
        assert found.stages[stage] == sum(p.amount or 0 for p in found.parts if p.stage == stage)
    capped = exposure(customer, policy(), WITH_USD, NOW)
    assert capped.total == max(0, found.total)


@given(dossiers())
@settings(max_examples=100, deadline=None)
def test_each_document_stands_in_one_debit_stage_at_most(customer: Dossier) -> None:
    debits = [p.id for p in exposure(customer, FREE, WITH_USD, NOW).parts if p.stage != "prepayment"]
    assert len(debits) == len(set(debits))


PARTS = st.lists(st.integers(1, 10**9), min_size=1, max_size=4)


@given(PARTS, st.sampled_from(["open", "delivered"]), st.integers(-200, 80))
def test_invoicing_an_order_keeps_the_total(parts: list[int], stage: str, due: int) -> None:
    placed = order("o", sum(parts), stage)
    for count in range(len(parts) + 1):
        some = tuple(
            invoice(f"i{n}", parts[n], order_id="o", due_on=day(due), disputed=n == 1) for n in range(count)
        )
        assert total(dossier(orders=(placed,), invoices=some)) == sum(parts)
    assert total(dossier(orders=(placed._replace(stage="closed"),), invoices=some)) == sum(parts)


@given(PARTS, st.integers(0, 4), st.integers(0, 5 * 10**9), st.booleans())
def test_money_lowers_the_total_by_itself_wherever_it_goes(
    parts: list[int], count: int, amount: int, to_order: bool
) -> None:
    some = tuple(invoice(f"i{n}", part, order_id="o") for n, part in enumerate(parts[:count]))
    before = dossier(orders=(order("o", sum(parts)),), invoices=some)
    where = {"order_id": "o"} if to_order else {"invoice_id": "i0"} if some else {}
    after = replace(before, payments=(payment("p", amount, **where),))
    assert total(after) == total(before) - amount


@given(PARTS, st.data())
def test_weights_are_all_that_changes_when_a_document_moves(parts: list[int], data: st.DataObject) -> None:
    weights = {
        stage: data.draw(st.decimals(0, 2, places=2), label=stage)
        for stage in ("open_orders", "delivered", "not_due", "overdue", "disputed")
    }
    by = policy(exposure={"weights": weights})
    for stage, customer in {
        "open_orders": dossier(orders=(order("o", parts[0]),)),
        "delivered": dossier(orders=(order("o", parts[0], "delivered"),)),
        "not_due": dossier(invoices=(invoice("i", parts[0]),)),
        "overdue": dossier(invoices=(invoice("i", parts[0], due_on=day(-5)),)),
        "disputed": dossier(invoices=(invoice("i", parts[0], due_on=day(-5), disputed=True),)),
    }.items():
        exact = Decimal(parts[0]) * weights[stage]
        assert abs(total(customer, by) - exact) <= Decimal("0.5"), stage


@given(dossiers())
@settings(max_examples=100, deadline=None)
def test_what_cannot_be_converted_is_never_silently_zero(customer: Dossier) -> None:
    found = exposure(customer, FREE, WITH_USD, NOW)
    lost = [part for part in found.parts if part.amount is None and part.own > 0]
    assert found.incomplete is bool(lost)
    assert {part.currency for part in lost} <= {"EUR"}
    if lost:
        assert assess(customer, FREE, WITH_USD).hold


def _types(customer: Dossier) -> tuple[type, ...]:
    return tuple(type(doc) for doc in (*customer.orders, *customer.invoices, *customer.payments))


@given(dossiers())
@settings(max_examples=20, deadline=None)
def test_the_dossiers_of_these_tests_are_made_of_documents(customer: Dossier) -> None:
    assert set(_types(customer)) <= {OrderDoc, InvoiceDoc, PaymentDoc}


def test_invoices_in_two_currencies_of_an_order_that_was_never_read_settle_alike_in_any_order() -> None:
    dollars = invoice("i2", 100, order_id="o9", currency="USD", due_on=None, issued_on=None)
    yuan = invoice("i3", 100, order_id="o9", currency="CNY", due_on=None, issued_on=None)
    paid = (payment(amount=100, order_id="o9", paid_on=None),)
    found = {
        total(dossier(invoices=invoices, payments=paid)) for invoices in ((dollars, yuan), (yuan, dollars))
    }
    assert len(found) == 1
