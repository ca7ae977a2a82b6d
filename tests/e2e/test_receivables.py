"""A real receivables file behind the CRM: exposure is what the file says was open on that day."""

from __future__ import annotations

import csv
import datetime as dt
import os
import random
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from connector.admin.connect import add, kind_of
from connector.assess import assess
from connector.pull import pull
from connector.push import push
from connector.store import listing
from sandbox.server import Options
from tests.installation import installation

AS_OF = dt.date(2013, 6, 30)
COLUMNS = (
    "countryCode,customerID,PaperlessDate,invoiceNumber,InvoiceDate,DueDate,InvoiceAmount,Disputed,"
    "SettledDate,PaperlessBill,DaysToSettle,DaysLate"
).split(",")


def written_file(folder: Path) -> Path:
    """A receivables file as ledgers export them: 100 customers, two years, a third paid late."""
    rng = random.Random(5)
    path = folder / "receivables.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for number in range(2_400):
            issued = dt.date(2012, 1, 3) + dt.timedelta(days=rng.randrange(690))
            due = issued + dt.timedelta(days=30)
            late = rng.randrange(1, 45) if rng.random() < 0.35 else -rng.randrange(25)
            settled = due + dt.timedelta(days=late)
            days = [f"{d.month}/{d.day}/{d.year}" for d in (issued, due, settled)]
            rows.writerow(
                [391, f"{rng.randrange(100):04d}-CUST", days[0], f"{number:010d}", days[0], days[1],
                 f"{rng.randrange(500, 12_000) / 100:.2f}", "No", days[2], "Paper",
                 (settled - issued).days, max(late, 0)]
            )  # fmt: skip
    return path


def day(text: str) -> dt.date:
    month, of_month, year = (int(part) for part in text.split("/"))
    return dt.date(year, month, of_month)


def open_by_customer(path: Path) -> dict[str, Decimal]:
    """What was open at the end of the day, straight from the file."""
    totals: dict[str, Decimal] = defaultdict(Decimal)
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            totals[row["customerID"]] += Decimal(0)
            if day(row["InvoiceDate"]) <= AS_OF < day(row["SettledDate"]):
                totals[row["customerID"]] += Decimal(row["InvoiceAmount"])
    return totals


def standing(path: Path, on: dt.date) -> dict[str, tuple[Decimal, int]]:
    """By customer, what was open at the end of a day and how many days the oldest of it was overdue."""
    found: dict[str, tuple[Decimal, int]] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            amount, late = found.get(row["customerID"], (Decimal(0), 0))
            if day(row["InvoiceDate"]) <= on < day(row["SettledDate"]):
                amount += Decimal(row["InvoiceAmount"])
                late = max(late, (on - day(row["DueDate"])).days)
            found[row["customerID"]] = (amount, late)
    return found


def files() -> list[str]:
    named = os.environ.get("CREDITGATE_RECEIVABLES")
    return ["written here", *([named] if named else [])]


@pytest.mark.parametrize("source", files())
def test_exposure_of_every_customer_is_what_the_file_says_was_open(source: str, tmp_path: Path) -> None:
    path = written_file(tmp_path) if source == "written here" else Path(source)
    expected = open_by_customer(path)
    moment = dt.datetime.combine(AS_OF, dt.time(), dt.UTC)
    options = Options(as_of=moment, receivables=path)
    with installation(tmp_path, options, names=("zoho",), pinned=True) as made, made.opened() as runtime:
        connection = runtime.connections.get("zoho")
        crm, mapping = runtime.crm(connection), runtime.mapping(connection)
        pulled = pull(runtime.store, connection, crm, mapping)
        assessed = assess(runtime.store, runtime.policy, runtime.rates, runtime.now())
        pushed = push(runtime.store, runtime.connections, connection, crm, mapping)
        with runtime.store.read() as tx:
            found = {row.name: Decimal(row.exposure) / 100 for row in listing.customers(tx)}
        content = made.door("zoho", "content")

    assert pulled.rejected == 0
    assert assessed.judged == len(expected) == 100
    assert found == expected
    assert sum(expected.values()) > 0
    assert pushed.done == 100
    assert pushed.dead == 0
    assert len(content["Accounts"]) == 100


@pytest.mark.parametrize("source", files())
def test_an_imported_ledger_tells_what_was_open_and_overdue_on_any_day(source: str, tmp_path: Path) -> None:
    path = written_file(tmp_path) if source == "written here" else Path(source)
    with installation(tmp_path, Options(), names=(), provisioned=False) as made:
        with made.opened() as runtime:
            add(runtime, kind_of("ledger"), "ledger", {}, actor="test")
        made.run("ledger", "import", str(path), "--snapshot")
        for on in (dt.date(2012, 3, 31), AS_OF, dt.date(2013, 11, 15), dt.date(2014, 12, 31)):
            listed = made.run("ledger", "open", "--as-of", on.isoformat(), "--all", "--format", "json")
            found = {
                row["name"]: (Decimal(row["open"]), row["overdue_days"])
                for row in orjson.loads(listed.stdout)
            }
            assert found == standing(path, on)
            assert any(late for _, late in found.values()) == (on.year < 2014)
