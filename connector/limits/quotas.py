"""Quotas: limits on which a CRM's own credit module decides, because the connection says so.

Invariant: one master. Where the module decides, nobody sets a limit here and none of ours is written to
it; where we decide, what it grants is shown and changes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from connector.adapter import Crm
from connector.errors import Halt
from connector.ports.finding import Finding
from connector.runtime import Runtime
from connector.store import quotas as chosen
from connector.store.connections import Connection
from connector.store.engine import Store


def settle(
    store: Store, connection: Connection, crm: type[Crm], now: dt.datetime, *, anew: bool = False
) -> None:
    """Go by what the settings of a connection say of who decides; ``anew`` if they have changed."""
    decides = crm.decides_limits(connection.settings)
    with store.read() as tx:
        if chosen.decides(tx, connection.id) is decides and not anew:
            return
    with store.write() as tx:
        if not chosen.choose(tx, connection.id, crm=decides, now=now) and anew:
            chosen.anew(tx, connection.id)


def deciding(tx: sa.Connection, customer_ids: Sequence[int]) -> dict[int, str]:
    """The CRM that decides on each customer's limit, by name; those on whom we decide are left out."""
    return chosen.of(tx, customer_ids)


def refuse(tx: sa.Connection, customer_id: int) -> None:
    """``Halt`` where a CRM decides on the limit of this customer."""
    by = chosen.of(tx, [customer_id]).get(customer_id)
    if by is not None:
        raise Halt(
            f"the credit module of {by} decides on the limit of customer {customer_id}",
            todo="change the quota there and pull; or let us decide: see the connection's settings",
        )


def findings(runtime: Runtime, connection: Connection) -> Iterator[Finding]:
    """Where the CRM's module decides: whether it grants anything at all."""
    what = f"limits of {connection.name}"
    with runtime.store.read() as tx:
        if not chosen.decides(tx, connection.id):
            return
        accounts, with_quota = chosen.coverage(tx, connection.id, runtime.today())
    found = f"the CRM's own credit module decides; {with_quota} of {accounts} accounts have a quota today"
    if accounts and not with_quota:
        todo = "map credit_files or credit_accounts, let the acting user see them, then pull; or decide here"
        yield Finding("warn", what, found, todo)
    else:
        yield Finding("ok", what, found)
