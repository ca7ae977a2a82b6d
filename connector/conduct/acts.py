"""What all records of conduct share: a customer that exists, a reason, an invoice that is the customer's.

Invariant: what does not fit is refused before anything is written.
"""

from __future__ import annotations

import sqlalchemy as sa

from connector.errors import Halt
from connector.limits.acts import Subject
from connector.store import dossiers, limits
from connector.store.lines import CUSTOMER


def reason(text: str) -> str:
    """The reason without blanks around it; ``Halt`` without one."""
    if not text.strip():
        raise Halt("a reason is needed", todo="say with --reason why")
    return text.strip()


def known(tx: sa.Connection, customer_id: int) -> str:
    """The customer as the journal names it; ``Halt`` if there is none with this id."""
    if limits.name_of(tx, CUSTOMER, customer_id) is None:
        raise Halt(f"there is no customer {customer_id}", todo="see 'creditgate customer list'")
    return str(Subject(CUSTOMER, customer_id))


def invoice(tx: sa.Connection, customer_id: int, text: str) -> str:
    """The id (``connection/external id``) of the invoice of the customer that a person means by its number
    or the source's id; of one that a ledger and a CRM have it is the one that counts. ``Halt`` if there is
    none, or more than one."""
    wanted = text.strip()
    ((dossier, _),) = dossiers.read(tx, [customer_id])
    found = [doc.id for doc in dossier.invoices if wanted in (doc.number, doc.id, doc.id.partition("/")[2])]
    if len(found) != 1:
        keys = ", ".join(found)
        raise Halt(
            f"several invoices are called {text!r}" if found else f"there is no invoice {text!r}",
            where=f"customer {customer_id}",
            todo=f"name one of {keys}" if found else "give its number or id as the CRM or ledger has it",
        )
    return found[0]
