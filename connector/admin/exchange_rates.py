"""Exchange rates: what is known, and taking in more.

Invariant: the file of rates is only ever added to, whole or not at all, in the transaction that journals
it and marks the customers whose documents or limits are in these currencies. A rate that is known is
not changed silently.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from connector.admin.home import RATES
from connector.errors import Halt
from connector.money import Rate
from connector.runtime import Runtime, read_rates
from connector.store import journal
from connector.store.customers import touch_customers
from connector.store.record_tables import account, invoice, payment, sales_order
from connector.store.tables import limit_entry, report

_BATCH = 900


@dataclass(frozen=True)
class Imported:
    """What an import did: rates ``added`` and ``changed``, those known before, customers marked."""

    added: int
    changed: int
    known: int
    customers: int


def known(runtime: Runtime, currency: str | None = None) -> list[Rate]:
    """All rates against the policy's currency, by currency and day; of one ``currency`` if given."""
    return [rate for rate in runtime.rates.every() if currency in (None, rate.currency)]


def take_in(runtime: Runtime, file: Path, *, replace: bool, actor: str) -> Imported:
    """Add the rates of ``file`` (currency, day, per_unit: units of the policy's currency) to those known.

    Raises ``Halt`` for a file that is none, a rate of the policy's own currency, and, unless ``replace``,
    for another value than the one that is known for a day.
    """
    wanted = {(rate.currency, rate.day): rate for rate in read_rates(file)}
    base = runtime.policy.currency
    if any(currency == base for currency, _ in wanted):
        raise Halt(f"{base} is what the rates are against", where=str(file), todo="leave its lines out")
    present = {(rate.currency, rate.day): rate.per_unit for rate in runtime.rates.every()}
    fresh = [rate for key, rate in sorted(wanted.items()) if present.get(key) != rate.per_unit]
    changed = [rate for rate in fresh if (rate.currency, rate.day) in present]
    if changed and not replace:
        one = changed[0]
        raise Halt(
            f"another rate of {one.currency} is known for {one.day}: {present[one.currency, one.day]:f}",
            where=str(file),
            todo="leave the line out, or say --replace",
        )
    if not fresh:
        return Imported(0, 0, len(wanted), 0)
    currencies = sorted({rate.currency for rate in fresh})
    with runtime.store.write() as tx:
        concerned = _concerned(tx, currencies)
        for start in range(0, len(concerned), _BATCH):
            touch_customers(tx, concerned[start : start + _BATCH])
        detail = {"rates": len(fresh), "changed": len(changed), "currencies": currencies, "file": file.name}
        journal.add(tx, runtime.now(), actor, "rates_imported", "rates", detail)
        _append(runtime.config.path(runtime.config.rates), fresh)
    return Imported(len(fresh) - len(changed), len(changed), len(wanted) - len(fresh), len(concerned))


def _concerned(tx: sa.Connection, currencies: Collection[str]) -> list[int]:
    """Customers with a document, a limit or a report in one of these currencies."""
    found: set[int] = set()
    for table in (sales_order, invoice, payment):
        joined = sa.and_(
            table.c.connection_id == account.c.connection_id, table.c.account_id == account.c.external_id
        )
        query = sa.select(account.c.customer_id).join(table, joined).distinct()
        found.update(tx.execute(query.where(table.c.currency.in_(currencies))).scalars())
    limits = sa.select(limit_entry.c.subject_id).where(
        limit_entry.c.subject == "customer", limit_entry.c.currency.in_(currencies)
    )
    found.update(tx.execute(limits.distinct()).scalars())
    for currency in currencies:
        stated = report.c.body.contains(f'"{currency}"', autoescape=True)
        found.update(tx.execute(sa.select(report.c.customer_id).where(stated).distinct()).scalars())
    return sorted(one for one in found if one is not None)


def _append(path: Path, rates: list[Rate]) -> None:
    """Write the file anew with ``rates`` at its end."""
    text = path.read_text(encoding="utf-8") if path.is_file() else RATES
    if text and not text.endswith("\n"):
        text += "\n"
    text += "".join(f"{rate.currency},{rate.day},{rate.per_unit:f}\n" for rate in rates)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
