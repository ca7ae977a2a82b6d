"""`ledger reconcile`: what a ledger and a CRM say differently becomes a signal, until they agree."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connector.store import dossiers
from connector.store.record_tables import account, invoice
from connector.store.tables import connection
from tests.cli_home import Home, make_home

TODAY = dt.date(2026, 3, 2)
NOW = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
COMMON = {"digest": "", "first_seen": NOW, "last_seen": NOW}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Customer 1 stands in a CRM (connection 1) and in a ledger (connection 2)."""
    monkeypatch.setenv("CREDITGATE_AS_OF", TODAY.isoformat())
    made = make_home(tmp_path, monkeypatch)
    made.connect()
    number = made.customer("Hengda Metal")
    with made.opened() as runtime, runtime.store.write() as tx:
        values = {"name": "books", "role": "ledger", "kind": "ledger", "settings": "{}", "created_at": NOW}
        tx.execute(connection.insert().values(**values))
        row = {"connection_id": 2, "external_id": "C1", "name": "Hengda", "customer_id": number}
        row |= {"is_person": False, **COMMON}
        tx.execute(account.insert().values(**row))
    return made


def owes(home: Home, source: int, number: str, amount: int, currency: str = "CNY") -> None:
    values: dict[str, Any] = {"account_id": "C1" if source == 2 else "A1", "number": number, **COMMON}
    values |= {"connection_id": source, "external_id": f"x{source}{number}", "state": "open"}
    values |= {"amount": amount, "currency": currency, "issued_on": TODAY, "due_on": TODAY}
    with home.opened() as runtime, runtime.store.write() as tx:
        same = invoice.c.connection_id == source, invoice.c.external_id == values["external_id"]
        tx.execute(sa.delete(invoice).where(*same))
        tx.execute(invoice.insert().values(**values))


def test_a_difference_beyond_both_tolerances_is_a_signal_with_both_figures(home: Home) -> None:
    owes(home, 1, "7", 100_000_00)
    owes(home, 2, "7", 98_000_00)
    done = home.run("ledger", "reconcile")
    assert done.code == 1
    (signal,) = home.rows("signal", "list")
    evidence = signal["evidence"]
    assert (signal["kind"], evidence["ledger"], evidence["crm"]) == (
        "reconciliation_gap",
        "98000.00",
        "100000.00",
    )
    home.run("ledger", "reconcile")
    assert len(home.rows("signal", "list", "--state", "all")) == 1


@pytest.mark.parametrize(("ledger", "crm"), [(99_500_00, 100_000_00), (150_00, 100_00), (500_00, 500_00)])
def test_a_difference_within_either_tolerance_is_none(home: Home, ledger: int, crm: int) -> None:
    owes(home, 1, "7", crm)
    owes(home, 2, "7", ledger)
    assert home.run("ledger", "reconcile").code == 0
    assert home.rows("signal", "list") == []


def test_the_signal_ends_when_the_two_agree_again_each_currency_by_itself(home: Home) -> None:
    for currency in ("CNY", "EUR"):
        owes(home, 1, currency, 900_00, currency)
        owes(home, 2, currency, 100_00, currency)
    home.run("ledger", "reconcile")
    assert {row["key"] for row in home.rows("signal", "list")} == {"CNY", "EUR"}
    owes(home, 2, "CNY", 900_00)
    home.run("ledger", "reconcile")
    assert [row["key"] for row in home.rows("signal", "list")] == ["EUR"]


def test_looking_back_raises_and_ends_nothing(home: Home) -> None:
    owes(home, 1, "7", 100_000_00)
    owes(home, 2, "7", 98_000_00)
    assert home.run("ledger", "reconcile", "--as-of", TODAY.isoformat()).code == 1
    assert home.rows("signal", "list") == []


def test_what_stands_in_both_is_assessed_once_and_compared_twice(home: Home) -> None:
    owes(home, 1, "inv-7", 500_00)
    owes(home, 2, "INV-7", 480_00)
    owes(home, 1, "8", 70_00)
    with home.opened() as runtime, runtime.store.read() as tx:
        ((once, _),) = dossiers.read(tx, [1])
        ((every, _),) = dossiers.read(tx, [1], every_source=True)
    assert sorted(doc.amount for doc in once.invoices) == [70_00, 480_00]
    assert len(every.invoices) == 3
