"""A home folder with people, accounts and acts of a month, for tests of figures on people.

Invariant: acts are written by the functions that write them in the product, at exact moments; nothing of a
figure is worked out here.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from connector import kpi
from connector.kpi import Month, Row
from connector.store import held, signals
from connector.store.record_tables import account_owner, crm_user, invoice
from connector.store.tables import customer
from tests.cli_home import NOW, POLICY, Home, make_home

MARCH = Month(2026, 3)
ROLES = """
[[roles]]
who = "Chen Yu"
role = "sales"
team = "East"
[[roles]]
who = "Zhao Min"
role = "sales"
team = "East"
[[roles]]
who = "Lin Fang"
role = "analyst"
team = "Credit"
[[roles]]
who = "Wang Lei"
role = "controller"
team = "Credit"
[[crm_users]]
connection = "crm"
user = "u1"
who = "Chen Yu"
[[crm_users]]
connection = "crm"
user = "zhao@example.com"
who = "Zhao Min"
"""


def kpi_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, rules: str = "", database_url: str = ""
) -> Home:
    """A home on 2026-04-01; ``u1`` is Chen Yu by id, ``u2`` Zhao Min by e-mail, ``u3`` nobody known."""
    on(monkeypatch, dt.date(2026, 4, 1))
    home = make_home(tmp_path, monkeypatch)
    if database_url:
        monkeypatch.setenv("CREDITGATE_DATABASE_URL", database_url)
    home.connect()
    (home.folder / "policies" / "standard.yaml").write_text(POLICY + rules, encoding="utf-8")
    with (home.folder / "creditgate.toml").open("a", encoding="utf-8") as config:
        config.write(ROLES)
    users = [("u1", "陈宇", None), ("u2", "Z. Min", "Zhao@example.com"), ("u3", "Sun Hao", None)]
    with home.opened() as runtime, runtime.store.write() as tx:
        for user, name, email in users:
            row = {"connection_id": 1, "external_id": user, "digest": "", "name": name, "email": email}
            tx.execute(crm_user.insert().values(**row, active=True, first_seen=NOW, last_seen=NOW))
    return home


def on(monkeypatch: pytest.MonkeyPatch, day: dt.date) -> None:
    monkeypatch.setenv("CREDITGATE_AS_OF", day.isoformat())


def at(day: int, hour: int = 9, month: int = 3) -> dt.datetime:
    return dt.datetime(2026, month, day, hour, tzinfo=dt.UTC)


def owned(home: Home, name: str, *owners: tuple[dt.datetime, str | None]) -> int:
    """A customer whose account had these owners, each from a moment on; its number."""
    number = home.customer(name, assessed=False)
    with home.opened() as runtime, runtime.store.write() as tx:
        for since, owner in owners:
            row = {"connection_id": 1, "account_id": f"A{number}", "since": since, "owner_id": owner}
            tx.execute(account_owner.insert().values(**row))
    return number


def bill(home: Home, number: int, id: str, amount: int, due: dt.date, **more: Any) -> None:
    """An invoice of a customer, in minor units of CNY."""
    values = {
        "connection_id": 1,
        "external_id": f"{id}-{number}",
        "digest": "",
        "first_seen": NOW,
        "last_seen": NOW,
        "account_id": f"A{number}",
        "amount": amount,
        "currency": "CNY",
        "issued_on": due - dt.timedelta(days=30),
        "due_on": due,
        "state": "open",
    }
    with home.opened() as runtime, runtime.store.write() as tx:
        tx.execute(sa.insert(invoice).values(**values | more))
        tx.execute(sa.update(customer).where(customer.c.id == number).values(changes=customer.c.changes + 1))


def held_order(home: Home, order: str, since: dt.datetime, customer_id: int | None = None) -> None:
    """An order that a check refused at a moment."""
    values = {
        "connection_id": 1,
        "order_key": order,
        "account_id": f"A{customer_id}",
        "customer_id": customer_id,
        "amount": 100_000,
        "currency": "CNY",
        "reasons": [{"code": "over_limit"}],
        "checkpoint": "order_save",
        "terms_days": None,
        "excess": 10_000,
    }
    with home.opened() as runtime, runtime.store.write() as tx:
        held.keep(tx, values, held.about("crm", order), since)


def decided(home: Home, order: str, state: str, actor: str, moment: dt.datetime) -> None:
    """A person released or rejected the order."""
    with home.opened() as runtime, runtime.store.write() as tx:
        (found,) = [one for one in held.listed(tx) if one.order == order]
        assert held.end(tx, found, state, {"reason": "agreed"}, actor, moment)


def signal(
    home: Home, customer_id: int, kind: str, raised: dt.datetime, *, deadline: dt.date | None = None
) -> int:
    with home.opened() as runtime, runtime.store.write() as tx:
        number = signals.raise_signal(
            tx,
            customer_id=customer_id,
            kind=kind,
            severity="warning",
            evidence={},
            now=raised,
            deadline=deadline,
        )
    assert number is not None
    return number


def seen(home: Home, month: Month = MARCH, as_of: dt.date | None = None) -> list[Row]:
    """The rows of a month."""
    with home.opened() as runtime:
        zone = ZoneInfo(runtime.policy.timezone)
        return kpi.report(runtime, kpi.window(month, runtime.today(), zone, as_of))


def of(rows: list[Row], who: str | None) -> dict[str, Any]:
    """The figures of one person."""
    (row,) = [one for one in rows if one.kind == "person" and one.who == who]
    return dict(row.figures)


def team(rows: list[Row], name: str | None) -> dict[str, Any]:
    """The figures of one team."""
    (row,) = [one for one in rows if one.kind == "team" and one.team == name]
    return dict(row.figures)


def shown(figures: dict[str, Any], *names: str) -> list[str | None]:
    """Some figures as text; ``None`` is not known."""
    return [None if figures[name] is None else str(figures[name]) for name in names]
