"""A large Fxiaoke tenant for benchmarks: accounts and nothing else, in a process of its own.

The whole economy of the sandbox at this size would take minutes to build. The vendor's limits are lifted:
how many calls there are is what counts. Prints the settings of a connection as one line of JSON, then
serves until it is ended.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import orjson

from sandbox.fxiaoke import SANDBOX, UNLIMITED, Tenant, build
from sandbox.fxiaoke.fields import options_of
from sandbox.fxiaoke.objects import CUSTOMER
from sandbox.fxiaoke.tenant import day_ms
from sandbox.run import serving
from sandbox.server import Options
from sandbox.table import Row

BUILT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
INDUSTRIES = ("机械", "化工", "零售")


def main() -> None:
    """Build and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, required=True)
    arguments = parser.parse_args()
    tenant = Tenant()
    fill(tenant, arguments.accounts)
    app = build(tenant, Options(), UNLIMITED)
    with serving({"fxiaoke": app}, {"fxiaoke": 0}) as bases:
        print(orjson.dumps(SANDBOX.settings_at(bases["fxiaoke"])).decode(), flush=True)
        sys.stdin.read()  # until the benchmark ends


@contextmanager
def tenant_of(accounts: int) -> Iterator[Mapping[str, str]]:
    """The settings of a tenant that serves in another process until the block ends."""
    command = [sys.executable, "-m", "benchmarks.fxiaoke_org", "--accounts", str(accounts)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            yield orjson.loads(server.stdout.readline())
        finally:
            server.terminate()


def fill(tenant: Tenant, accounts: int) -> None:
    """Load the rows; each was changed once, at a time of its own within the year before ``BUILT``."""
    chance = random.Random(7)
    kind = tenant.objects[CUSTOMER]
    for name, labels in (("industry_level1", INDUSTRIES), ("city", ("上海",))):
        kind.fields[name].options = options_of(CUSTOMER, name, labels)
    industries = list(kind.fields["industry_level1"].options)
    (city,) = kind.fields["city"].options

    def account(number: int) -> Row:
        created = BUILT - dt.timedelta(days=chance.randrange(1, 365))
        changed = created + (BUILT - created) * chance.random()
        since = (BUILT - dt.timedelta(days=chance.randrange(30, 3000))).date()
        row: Row = tenant.fresh_row(tenant.new_id(), tenant.admin.id, _ms(created), _ms(changed))
        return row | {
            "name": f"示例公司{number:06d}",
            "country": "CN",
            "industry_level1": chance.choice(industries),
            "city": city,
            "mc_currency": "CNY",
            "payment_terms_days__c": str(chance.choice((14, 30, 60))),
            "customer_since__c": day_ms(since),
        }

    kind.table.load(account(number) for number in range(accounts))


def _ms(moment: dt.datetime) -> int:
    return int(moment.timestamp() * 1000)


if __name__ == "__main__":
    main()
