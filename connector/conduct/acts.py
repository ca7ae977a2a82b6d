"""What all records of conduct share: a customer that exists, a reason, an invoice that is the customer's.

Invariant: what does not fit is refused before anything is written.
"""

from __future__ import annotations

import sqlalchemy as sa

from connector.errors import Halt
from connector.limits import Subject
from connector.store import conduct, limits
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


def invoice(tx: sa.Connection, customer_id: int, text: str) -> sa.Row[tuple[str, str | None, str]]:
    """The invoice of the customer that a person means by its number or the vendor's id; ``Halt`` if there is
    none, or more than one."""
    found = conduct.invoices(tx, customer_id, text.strip())
    if len(found) != 1:
        keys = ", ".join(row.key for row in found)
        raise Halt(
            f"several invoices are called {text!r}" if found else f"there is no invoice {text!r}",
            where=f"customer {customer_id}",
            todo=f"name one of {keys}" if found else "give its number or id as the CRM or ledger has it",
        )
    return found[0]
