"""Money laid against documents: every unit counts once."""

from __future__ import annotations

from typing import Any

from connector.rules.exposure import converter
from connector.rules.settlement import Settlement, settle
from tests.rules_bench import TODAY, WITH_USD, day, dossier, invoice, order, payment


def laid(**documents: Any) -> Settlement:
    return settle(dossier(**documents), 30, converter(WITH_USD, TODAY), TODAY)


def open_of(settlement: Settlement) -> dict[str, int]:
    return {line.doc.id: line.open for line in (*settlement.invoices, *settlement.orders)}


def credit_of(settlement: Settlement) -> int:
    return sum(credit.amount for credit in settlement.credits)


def test_a_payment_settles_the_invoice_it_names() -> None:
    found = laid(
        invoices=(invoice("i", 100), invoice("j", 100)), payments=(payment("p", 60, invoice_id="i"),)
    )
    assert open_of(found) == {"i": 40, "j": 100}
    assert credit_of(found) == 0


def test_the_paid_amount_of_the_source_replaces_payments() -> None:
    found = laid(invoices=(invoice("i", 100, paid=30),), payments=(payment("p", 60, invoice_id="i"),))
    assert open_of(found) == {"i": 70}


def test_a_paid_amount_of_zero_is_an_amount() -> None:
    found = laid(invoices=(invoice("i", 100, paid=0),), payments=(payment("p", 60, invoice_id="i"),))
    assert open_of(found) == {"i": 100}


def test_money_for_an_order_settles_its_invoices_oldest_due_first() -> None:
    found = laid(
        orders=(order("o", 300),),
        invoices=(
            invoice("late", 100, order_id="o", due_on=day(20)),
            invoice("soon", 100, order_id="o", due_on=day(5)),
        ),
        payments=(payment("p", 130, order_id="o"),),
    )
    assert open_of(found) == {"soon": 0, "late": 70, "o": 100}
    assert credit_of(found) == 0


def test_money_beyond_the_invoices_lowers_the_order_and_then_is_credit() -> None:
    documents: dict[str, Any] = {
        "orders": (order("o", 300),),
        "invoices": (invoice("i", 100, order_id="o"),),
    }
    found = laid(**documents, payments=(payment("p", 150, order_id="o"),))
    assert open_of(found) == {"i": 0, "o": 150}
    found = laid(**documents, payments=(payment("p", 350, order_id="o"),))
    assert open_of(found) == {"i": 0, "o": 0}
    assert credit_of(found) == 50


def test_money_that_the_source_of_an_invoice_already_counts_is_not_counted_again() -> None:
    found = laid(
        orders=(order("o", 300),),
        invoices=(invoice("i", 100, order_id="o", paid=100),),
        payments=(payment("p", 100, order_id="o"),),
    )
    assert open_of(found) == {"i": 0, "o": 200}
    assert credit_of(found) == 0


def test_an_invoice_marked_paid_uses_up_money_of_its_order() -> None:
    found = laid(
        orders=(order("o", 300),),
        invoices=(invoice("i", 100, order_id="o", state="paid"),),
        payments=(payment("p", 120, order_id="o"),),
    )
    assert open_of(found) == {"i": 0, "o": 180}


def test_the_vendors_total_of_an_order_and_its_payments_are_not_added() -> None:
    found = laid(orders=(order("o", 300, paid=100),), payments=(payment("p", 80, order_id="o"),))
    assert open_of(found) == {"o": 200}


def test_invoiced_is_the_vendors_total_or_the_invoices_whichever_is_more() -> None:
    assert (
        open_of(laid(orders=(order("o", 300, invoiced=120),), invoices=(invoice("i", 100, order_id="o"),)))[
            "o"
        ]
        == 180
    )
    assert (
        open_of(laid(orders=(order("o", 300, invoiced=80),), invoices=(invoice("i", 100, order_id="o"),)))[
            "o"
        ]
        == 200
    )


def test_void_and_draft_invoices_do_not_count_as_invoiced() -> None:
    some = (invoice("i", 100, order_id="o", state="void"), invoice("j", 100, order_id="o", state="draft"))
    assert open_of(laid(orders=(order("o", 300),), invoices=some)) == {"o": 300}


def test_money_for_a_document_that_is_not_here_frees_nothing() -> None:
    found = laid(
        invoices=(invoice("i", 100),),
        payments=(payment("p", 60, invoice_id="gone"), payment("q", 60, order_id="gone")),
    )
    assert open_of(found) == {"i": 100}
    assert credit_of(found) == 0


def test_money_for_a_lost_invoice_of_a_known_order_serves_the_order() -> None:
    found = laid(orders=(order("o", 300),), payments=(payment("p", 60, invoice_id="gone", order_id="o"),))
    assert open_of(found) == {"o": 240}


def test_money_on_account_overpayment_and_credit_note_are_credit() -> None:
    found = laid(
        invoices=(invoice("i", 100, paid=110), invoice("note", -30)),
        payments=(payment("p", 60),),
    )
    assert credit_of(found) == 10 + 30 + 60
    assert open_of(found) == {"i": 0, "note": 0}


def test_money_for_a_cancelled_order_is_credit_and_for_a_closed_one_is_not() -> None:
    paid = (payment("p", 60, order_id="o"),)
    assert credit_of(laid(orders=(order("o", 100, stage="cancelled"),), payments=paid)) == 60
    assert credit_of(laid(orders=(order("o", 100, stage="closed"),), payments=paid)) == 0


def test_a_payment_of_a_later_day_does_not_count_yet() -> None:
    found = laid(invoices=(invoice("i", 100),), payments=(payment("p", 60, invoice_id="i", paid_on=day(3)),))
    assert open_of(found) == {"i": 100}
    assert found.pending == day(3)


def test_money_in_another_currency_is_converted_or_frees_nothing() -> None:
    def pays(currency: str) -> int:
        money = payment("p", 1_000, invoice_id="i", currency=currency)
        return open_of(laid(invoices=(invoice("i", 10_000),), payments=(money,)))["i"]

    assert pays("USD") == 10_000 - 7_200
    assert pays("EUR") == 10_000


def test_a_missing_due_day_comes_from_the_terms() -> None:
    some = (invoice("i", 100, issued_on=day(-20), due_on=None),)
    assert laid(invoices=some).invoices[0].due == day(10)
    assert laid(invoices=some, terms_days=45).invoices[0].due == day(25)
    assert laid(invoices=(invoice("i", 100, issued_on=None, due_on=None),)).invoices[0].due is None


def test_the_day_of_settlement_comes_from_the_last_payment_if_the_source_has_none() -> None:
    some = (
        payment("p", 60, invoice_id="i", paid_on=day(-9)),
        payment("q", 40, invoice_id="i", paid_on=day(-4)),
    )
    assert laid(invoices=(invoice("i", 100),), payments=some).invoices[0].settled_on == day(-4)
    known = (invoice("i", 100, settled_on=day(-2)),)
    assert laid(invoices=known, payments=some).invoices[0].settled_on == day(-2)


def test_a_written_off_invoice_is_neither_open_nor_settled() -> None:
    (line,) = laid(invoices=(invoice("i", 100, state="written_off"),)).invoices
    assert (line.open, line.settled, line.written_off) == (0, False, True)
