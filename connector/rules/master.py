"""One invoice that stands in a ledger and in a CRM counts once: as the ledger has it, where the money is.

Invariant: pure. Nothing is dropped that the ledger does not hold: an invoice of a CRM that the ledger does
not know (yet) counts, and so do the payments on it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from connector.rules.documents import InvoiceDoc, OrderDoc, PaymentDoc

Documents = tuple[list[InvoiceDoc], list[PaymentDoc]]


def once(
    orders: Sequence[OrderDoc],
    invoices: Sequence[InvoiceDoc],
    payments: Sequence[PaymentDoc],
    ledgers: Collection[int],
) -> Documents:
    """Invoices and payments of one customer, each once; ``ledgers`` are the connections that are ledgers.

    Two invoices are the same if number (or, without one, id) and currency agree, capitals and blanks aside.
    The CRM's copy goes, with what was paid on it; where the ledger does not say whether the invoice is in
    dispute, what the CRM or a person says of its copy stays. The order that it was made for is the ledger
    invoice's from then on. A ledger may also name the order itself, by its number. Payments of a CRM on an
    order that the ledger has invoiced, and those on nothing in particular, are known to the ledger: they go,
    too.
    """
    mine = [doc for doc in invoices if _source(doc.id) in ledgers]
    others = [doc for doc in invoices if _source(doc.id) not in ledgers]
    if not mine:
        return list(invoices), list(payments)
    by_number = {
        _plain(one.number): one.id for one in orders if one.number and _source(one.id) not in ledgers
    }
    of_order = {doc.id: by_number.get(_plain(_own(doc.order_id))) for doc in mine if doc.order_id}
    twins = {_key(doc): doc.id for doc in mine}
    gone: set[str] = set()
    disputed: dict[str, bool] = {}
    for doc in others:
        twin = twins.get(_key(doc))
        if twin is not None:
            gone.add(doc.id)
            if doc.disputed is not None:
                disputed[twin] = disputed.get(twin, False) or doc.disputed
            if doc.order_id is not None and of_order.get(twin) is None:
                of_order[twin] = doc.order_id
    linked = [
        doc._replace(
            order_id=of_order.get(doc.id) or doc.order_id,
            disputed=disputed.get(doc.id) if doc.disputed is None else doc.disputed,
        )
        for doc in mine
    ]
    invoiced = {one for one in of_order.values() if one is not None}
    kept = [doc for doc in others if doc.id not in gone]
    return [*linked, *kept], list(_payments(payments, ledgers, gone, invoiced))


def _payments(
    payments: Sequence[PaymentDoc], ledgers: Collection[int], gone: set[str], invoiced: set[str]
) -> Iterator[PaymentDoc]:
    for one in payments:
        on_nothing = one.invoice_id is None and one.order_id is None
        known_to_ledger = one.invoice_id in gone or one.order_id in invoiced or on_nothing
        if _source(one.id) in ledgers or not known_to_ledger:
            yield one


def _key(doc: InvoiceDoc) -> tuple[str, str]:
    return _plain(doc.number or _own(doc.id)), doc.currency


def _source(number: str) -> int:
    return int(number.partition("/")[0])


def _own(number: str | None) -> str:
    """The id as its source has it."""
    return (number or "").partition("/")[2]


def _plain(text: str | None) -> str:
    return "".join((text or "").split()).casefold()
