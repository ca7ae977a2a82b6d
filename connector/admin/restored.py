"""What has to happen once a store was put back from a back-up: it knows nothing of what came after.

Invariant: afterwards nothing rests on what the CRMs had at the time of the back-up: everybody is judged
again, every value is written again, and what was under way is looked for before it is repeated.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from connector.store import journal, order_flags
from connector.store.daemon_tables import slot
from connector.store.engine import Store
from connector.store.journal import Head
from connector.store.tables import customer, outbox, secret, written

RESTORED = "store_restored"
_UPDATES = ("account", "order")


@dataclass(frozen=True)
class Restored:
    """How many customers are judged again, how many writes are forgotten, how many tokens fetched anew; and
    the last entry of the journal before."""

    customers: int
    writes: int
    tokens: int
    head: Head


def restored(store: Store, now: dt.datetime, *, actor: str) -> Restored:
    """Make an older store fit to go on; in one transaction, and harmless if run again."""
    with store.write() as tx:
        head = journal.last(tx)
        customers = tx.execute(sa.update(customer).values(changes=customer.c.changes + 1)).rowcount
        updates = written.c.target.in_(_UPDATES)
        count = sa.select(sa.func.count()).select_from(written).where(updates)
        writes = tx.execute(count).scalar_one()
        # The CRM may have a newer value than the one that we remember, and that would never be put right.
        tx.execute(sa.delete(written).where(written.c.target == "account"))
        tx.execute(sa.update(written).where(updates).values(digest="", payload=""))
        order_flags.look_again(tx)
        tx.execute(sa.update(outbox).values(tried=True))
        tokens = tx.execute(sa.delete(secret).where(secret.c.expires_at.is_not(None))).rowcount
        tx.execute(sa.update(slot).where(slot.c.state == "running").values(lease_until=now))
        detail = {"customers": customers, "writes": writes, "tokens": tokens, "after": head.number}
        journal.add(tx, now, actor, RESTORED, "store", detail)
    return Restored(customers, writes, tokens, head)
