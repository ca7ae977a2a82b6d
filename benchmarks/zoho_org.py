"""A large Zoho org for benchmarks: accounts and orders and nothing else, in a process of its own.

The whole economy of the sandbox at this size would take minutes to build. Rows differ in what decides a
limit (terms, amounts, age); ``--latency`` milliseconds are added to every call. Prints the settings of a
connection as one line of JSON, then serves until it is ended.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal

import orjson

from sandbox.run import serving
from sandbox.server import Options
from sandbox.table import Row
from sandbox.zoho import SANDBOX, build
from sandbox.zoho.fields import CREATED, MODIFIED
from sandbox.zoho.gatekeeper import UNLIMITED
from sandbox.zoho.moments import stamp
from sandbox.zoho.tenant import Tenant

BUILT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def main() -> None:
    """Build and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, required=True)
    parser.add_argument("--orders", type=int, required=True)
    parser.add_argument("--latency", type=int, default=0)
    arguments = parser.parse_args()
    tenant = Tenant()
    fill(tenant, arguments.accounts, arguments.orders)
    app = build(tenant, Options(latency_ms=arguments.latency), UNLIMITED)
    with serving({"zoho": app}, {"zoho": 0}) as bases:
        print(orjson.dumps(SANDBOX.settings_at(bases["zoho"])).decode(), flush=True)
        sys.stdin.read()  # until the benchmark ends


@contextmanager
def org(accounts: int, orders: int, latency: int = 0) -> Iterator[Mapping[str, str]]:
    """The settings of an org that serves in another process until the block ends."""
    command = [sys.executable, "-m", "benchmarks.zoho_org"]
    sizes = ["--accounts", str(accounts), "--orders", str(orders), "--latency", str(latency)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([*command, *sizes], **pipes) as server:
        try:
            assert server.stdout is not None
            yield orjson.loads(server.stdout.readline())
        finally:
            server.terminate()


def fill(tenant: Tenant, accounts: int, orders: int) -> None:
    """Load the rows; each was changed once, at a time of its own within the year before ``BUILT``."""
    chance = random.Random(7)
    people = {"Owner": tenant.admin.id, "Created_By": tenant.admin.id, "Modified_By": tenant.admin.id}

    def common(created: dt.datetime) -> Row:
        changed = created + (BUILT - created) * chance.random()
        return {**people, "id": tenant.new_record_id(), CREATED: stamp(created), MODIFIED: stamp(changed)}

    def account(number: int) -> Row:
        since = BUILT - dt.timedelta(days=chance.randrange(30, 3000))
        return common(BUILT - dt.timedelta(days=chance.randrange(1, 365))) | {
            "Account_Name": f"Example Company {number:06d}",
            "Industry": chance.choice(("Machinery", "Chemicals", "Retail")),
            "Ownership": "Private",
            "Currency": "CNY",
            "Billing_City": "Shanghai",
            "Billing_Country": "CN",
            "Payment_Terms_Days": chance.choice((14, 30, 60)),
            "Customer_Since": since.date().isoformat(),
        }

    def order(number: int) -> Row:
        created = BUILT - dt.timedelta(days=chance.randrange(1, 365))
        amount = Decimal(chance.randrange(100_000, 50_000_000)).scaleb(-2)
        return common(created) | {
            "Account_Name": chance.choice(ids),
            "Subject": f"Order {number:06d}",
            "SO_Number": f"SO-{number:06d}",
            "Grand_Total": amount,
            "Currency": "CNY",
            "Status": chance.choice(("Approved", "Delivered", "Closed")),
            "Delivery_Date": (created + dt.timedelta(days=30)).date().isoformat(),
        }

    tenant.modules["Accounts"].table.load(account(n) for n in range(accounts))
    ids = [str(row["id"]) for row in tenant.modules["Accounts"].table]
    tenant.modules["Sales_Orders"].table.load(order(n) for n in range(orders))
    tenant.seeded()


if __name__ == "__main__":
    main()
