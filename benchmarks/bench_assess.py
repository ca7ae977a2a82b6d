"""Assessment of 200,000 customers from the store, with their documents.

Prints JSON: customers per second of the first run, of a second run in which 1 in 200 has changed, the
ratio of their costs, and the peak memory.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import resource
import tempfile
import time
from pathlib import Path

import orjson
import sqlalchemy as sa

from connector.adapter import Row
from connector.assess import assess
from connector.config import shipped
from connector.model import Account, Invoice, InvoiceState, Record, Stream
from connector.money import Rates
from connector.policy.load import load as load_policy
from connector.store import records
from connector.store.engine import Store
from connector.store.schema import upgrade
from connector.store.tables import connection, customer

NOW = dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)
INVOICES_EACH = 5
PART = 2_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=200_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(orjson.dumps(measure(Path(folder), arguments.customers)).decode())


def measure(folder: Path, customers: int) -> dict[str, object]:
    """Fill a store, assess everybody, change some, assess again."""
    policy = load_policy(shipped("policies") / "standard.yaml")
    rates = Rates(policy.currency)
    store = Store(f"sqlite:///{folder / 'bench.db'}")
    upgrade(store)
    fill(store, customers)
    first = _timed(lambda: assess(store, policy, rates, NOW))
    with store.write() as tx:
        some = customer.c.id % 200 == 0
        tx.execute(sa.update(customer).where(some).values(changes=customer.c.changes + 1))
    second = _timed(lambda: assess(store, policy, rates, NOW))
    store.close()
    return {
        "benchmark": "assess",
        "customers": customers,
        "documents": customers * INVOICES_EACH,
        "seconds": round(first[0], 1),
        "customers_per_second": round(first[1] / first[0]),
        "changed_customers": second[1],
        "seconds_for_changed": round(second[0], 2),
        "ratio_changed_to_all": round(second[0] / first[0], 4),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _timed(run: object) -> tuple[float, int]:
    began = time.perf_counter()
    done = run()  # type: ignore[operator]
    return time.perf_counter() - began, done.judged


def fill(store: Store, customers: int) -> None:
    """Customers with invoices paid early, late, and not at all."""
    rng = random.Random(1)
    with store.write() as tx:
        values = {"name": "bench", "role": "crm", "kind": "zoho", "settings": "{}", "created_at": NOW}
        tx.execute(connection.insert().values(**values))
    for start in range(0, customers, PART):
        numbers = range(start, min(start + PART, customers))
        accounts = [_account(number) for number in numbers]
        invoices = [_invoice(rng, number, place) for number in numbers for place in range(INVOICES_EACH)]
        with store.write() as tx:
            _store(tx, Stream.ACCOUNTS, accounts)
            _store(tx, Stream.INVOICES, invoices)


def _store(tx: sa.Connection, stream: Stream, made: list[Record]) -> None:
    rows = [(Row(record.external_id, None, {}), record) for record in made]
    records.store(tx, 1, stream, rows, [], NOW)


def _account(number: int) -> Record:
    since = dt.date(2020, 1, 1) + dt.timedelta(days=number % 2_000)
    return Account(
        external_id=str(number), name=f"Customer {number}", country="CN", terms_days=30, customer_since=since
    )


def _invoice(rng: random.Random, number: int, place: int) -> Record:
    issued = NOW.date() - dt.timedelta(days=rng.randrange(5, 700))
    due = issued + dt.timedelta(days=30)
    paid_on = due + dt.timedelta(days=rng.randrange(-20, 30))
    amount = rng.randrange(100_000, 9_000_000)
    settled = paid_on <= NOW.date()
    return Invoice(
        external_id=f"{number}-{place}",
        account_id=str(number),
        amount=amount,
        currency="CNY",
        issued_on=issued,
        due_on=due,
        paid=amount if settled else 0,
        settled_on=paid_on if settled else None,
        state=InvoiceState.PAID if settled else InvoiceState.OPEN,
    )


if __name__ == "__main__":
    main()
