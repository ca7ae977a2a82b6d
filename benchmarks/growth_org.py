"""A Zoho org of any size whose accounts and orders repeat every ``BLOCK``, for benchmarks on growth.

Row n of block k is row n of the first block but for its id, name and number, so that a store can be filled
with what a real first cycle made of one block. Prints the settings of a connection as one line of JSON, then
serves until its input ends.
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

BLOCK = 10_000
ACCOUNTS, ORDERS = 554024000000000001, 554025000000000001
PARENT_EVERY = 50
BUILT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def main() -> None:
    """Build and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, required=True)
    tenant = Tenant()
    fill(tenant, parser.parse_args().accounts)
    with serving({"zoho": build(tenant, Options(), UNLIMITED)}, {"zoho": 0}) as bases:
        print(orjson.dumps(SANDBOX.settings_at(bases["zoho"])).decode(), flush=True)
        sys.stdin.read()


@contextmanager
def org(accounts: int) -> Iterator[Mapping[str, str]]:
    """The settings of an org that serves in another process until the block ends."""
    command = [sys.executable, "-m", "benchmarks.growth_org", "--accounts", str(accounts)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            yield orjson.loads(server.stdout.readline())
        finally:
            server.terminate()


def fill(tenant: Tenant, accounts: int) -> None:
    """An order for each account; one account in ``PARENT_EVERY`` belongs to the next one."""
    chance = random.Random(7)
    people = {"Owner": tenant.admin.id, "Created_By": tenant.admin.id, "Modified_By": tenant.admin.id}
    block = min(BLOCK, accounts)
    firms = [_account(chance, number) | people for number in range(block)]
    sales = [_order(chance) | people for _ in range(block)]

    def account(number: int) -> Row:
        row = firms[number % block] | {"id": str(ACCOUNTS + number), "Account_Name": f"Company {number:07d}"}
        if number % PARENT_EVERY == 0:
            row["Parent_Account"] = str(ACCOUNTS + number + 1)
        return row

    def order(number: int) -> Row:
        named = {"id": str(ORDERS + number), "Account_Name": str(ACCOUNTS + number)}
        numbered = {"Subject": f"Order {number:07d}", "SO_Number": f"SO-{number:07d}"}
        return sales[number % block] | named | numbered

    tenant.modules["Accounts"].table.load(account(number) for number in range(accounts))
    tenant.modules["Sales_Orders"].table.load(order(number) for number in range(accounts))
    tenant.seeded()


def _account(chance: random.Random, number: int) -> Row:
    since = BUILT - dt.timedelta(days=chance.randrange(30, 3000))
    return _times(chance) | {
        "Industry": chance.choice(("Machinery", "Chemicals", "Retail")),
        "Ownership": "Private",
        "Currency": "CNY",
        "Billing_City": "Shanghai",
        "Billing_Country": "CN",
        "Payment_Terms_Days": chance.choice((14, 30, 60)),
        "Customer_Since": since.date().isoformat(),
    }


def _order(chance: random.Random) -> Row:
    return _times(chance) | {
        "Grand_Total": Decimal(chance.randrange(100_000, 50_000_000)).scaleb(-2),
        "Currency": "CNY",
        "Status": chance.choice(("Approved", "Delivered", "Closed")),
        "Delivery_Date": (BUILT + dt.timedelta(days=chance.randrange(1, 60))).date().isoformat(),
    }


def _times(chance: random.Random) -> Row:
    created = BUILT - dt.timedelta(days=chance.randrange(1, 365))
    return {CREATED: stamp(created), MODIFIED: stamp(created + (BUILT - created) * chance.random())}


if __name__ == "__main__":
    main()
