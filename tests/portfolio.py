"""Customers with documents in a home folder, for tests of what is told about whole portfolios.

Invariant: every amount is in minor units of CNY unless a test says otherwise; days hang on ``today``.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connector.store.record_tables import invoice
from connector.store.tables import customer
from tests.cli_home import NOW, POLICY, Home, make_home

TODAY = NOW.date()
DAY = dt.timedelta(days=1)
HOLDS = """\
status:
  rules:
    - reason: overdue_hold
      status: hold
      all:
        - {fact: overdue_days_max, op: ">=", value: 30}
    - reason: overdue_watch
      status: watch
      all:
        - {fact: overdue_days_max, op: ">=", value: 1}
        - {fact: overdue_days_max, op: "<", value: 30}
"""
RULES = POLICY.replace("    need: {}\n", "    need: {peak_factor: 12, extra_days: 0}\n") + HOLDS


def portfolio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rules: str = RULES, *, connected: bool = True
) -> Home:
    """A home folder under ``rules``, connected, with nobody in it yet."""
    monkeypatch.setenv("CREDITGATE_AS_OF", TODAY.isoformat())
    home = make_home(tmp_path, monkeypatch)
    if connected:
        home.connect()
    policy_file(home).write_text(rules, encoding="utf-8")
    return home


def policy_file(home: Home) -> Path:
    """The policy in force."""
    return home.folder / "policies" / "standard.yaml"


def buyer(
    home: Home, name: str, *, sales: int, late: int | None = None, owes: int = 0, currency: str = "CNY"
) -> int:
    """A customer of two years who bought for ``sales`` this year and paid on time; ``late`` is for how many
    days it has owed ``owes`` beyond terms (``None``: it is not due). Its number."""
    number = home.customer(name, assessed=False)
    with home.opened() as runtime, runtime.store.write() as tx:
        since = TODAY - 800 * DAY
        tx.execute(sa.update(customer).where(customer.c.id == number).values(customer_since=since))
        ago = TODAY - 100 * DAY
        rows = [
            _invoice(number, "paid", sales, ago, paid=sales, state="paid", settled_on=ago, currency=currency)
        ]
        if owes:
            due = TODAY + 20 * DAY if late is None else TODAY - late * DAY
            rows.append(_invoice(number, "open", owes, due, currency=currency))
        tx.execute(sa.insert(invoice), rows)
    return number


def _invoice(number: int, id: str, amount: int, due: dt.date, **more: Any) -> dict[str, Any]:
    values = {
        "connection_id": 1,
        "external_id": f"{id}{number}",
        "digest": "",
        "first_seen": NOW,
        "last_seen": NOW,
        "account_id": f"A{number}",
        "number": f"INV-{id}{number}",
        "amount": amount,
        "issued_on": due - 30 * DAY,
        "due_on": due,
        "paid": None,
        "settled_on": None,
        "state": "open",
    }
    return values | more
