"""Figures as records of the CRMs, so that their report tools show them beside everything else.

Invariant: through the outbox, one record a month and person, team or all, found again by its key; figures
that have not changed are not written again. A CRM takes part if its mapping writes ``kpi``.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence

from connector.errors import Halt
from connector.kpi.report import ALL, PERSON, TEAM, Row
from connector.kpi.tally import Figure
from connector.locale import LANGUAGES, say
from connector.people.roles import person
from connector.runtime import Runtime
from connector.store import outbox
from connector.store.outbox import FIELDS, Item

TARGET = "kpi"


def export(runtime: Runtime, rows: Sequence[Row], connection: str | None = None) -> dict[str, int]:
    """Queue a record for each row, for every CRM whose mapping writes them or the one called ``connection``;
    how many are to be written, by connection. ``Halt`` where no mapping does."""
    places = runtime.writing(TARGET)
    known = [one for one in runtime.connections.all("crm") if one.id in places]
    wanted = [one for one in known if connection in (None, one.name)]
    if not wanted:
        raise Halt(
            "no CRM takes figures",
            where=connection or "",
            todo="write 'kpi' in its mapping (docs/kpi.md), or use '--file'",
        )
    done: dict[str, int] = {}
    for one in wanted:
        items = [_item(one.id, row) for row in rows]
        with runtime.store.write() as tx:
            done[one.name] = outbox.put(tx, items, runtime.now())
    return done


def _item(connection_id: int, row: Row) -> Item:
    key = key_of(row)
    month, as_of = str(row.window.month), row.window.as_of
    values: dict[str, object] = {
        "subject": {language: f"{month} {title(row, language)}" for language in LANGUAGES},
        "credit_key": key,
        "kind": row.kind,
        "month": row.window.month.first.isoformat(),
        "as_of": as_of.isoformat(),
        "who": row.who,
        "team": row.team,
        "currency": row.currency,
    }
    values |= {name: _plain(value) for name, value in row.figures.items()}
    return Item(connection_id, TARGET, key, key, values, FIELDS)


def key_of(row: Row) -> str:
    """Our key of a row's record: the same for the same month and person however the name is spelt, and
    without the name, which no log needs."""
    name = person(row.who or "") if row.kind == PERSON else row.team or ""
    digest = hashlib.blake2b(name.encode(), digest_size=8).hexdigest()
    return f"kpi:{row.window.month}:{row.kind}:{digest}"


def title(row: Row, language: str) -> str:
    """What a row is about, in words."""
    if row.kind == ALL:
        return say("kpi.all", {}, language)
    if row.kind == TEAM:
        return row.team or say("kpi.no_team", {}, language)
    return row.who or say("kpi.nobody", {}, language)


def _plain(value: Figure | dt.date) -> str | int | None:
    return value if value is None or isinstance(value, int) else str(value)
