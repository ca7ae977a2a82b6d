"""Credit lines: limit, exposure and reserved amount of a customer or a group.

Invariant: ``reserved`` is the sum of the active reservations that stand on the line, and only this
module writes it. Whoever changes it first locks all the lines concerned (``lock``), in the order of
their keys: customers by id, then groups by id. So nobody waits in a circle, and whoever holds the
lines owns the reservations that stand on them. A transaction that also writes rows of ``customer``
writes those before it locks lines.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import sqlalchemy as sa

from connector.errors import Halt
from connector.money import Rates, scale
from connector.store import tree
from connector.store.tables import credit_group, credit_line, reservation, reservation_group
from connector.store.upsert import upsert

CUSTOMER = "customer"
GROUP = "group"
# Statuses under which new credit is given.
OPEN_STATUSES = ("ok", "watch")
BATCH = 400
_GROUP_NAME = (
    sa.select(credit_group.c.name)
    .where(credit_line.c.subject == GROUP, credit_group.c.id == credit_line.c.subject_id)
    .scalar_subquery()
    .label("name")
)

Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Line:
    """One line; amounts in minor units of ``currency``.

    ``limit_state`` is ``none``, ``amount`` (then ``limit_minor`` holds it) or ``unlimited``;
    ``incomplete`` says that ``exposure`` is a lower bound only; ``version`` grows with every change of
    the exposure; ``as_of`` (aware UTC) is the moment for which it was assessed; ``name`` is a group's.
    """

    subject: str
    subject_id: int
    currency: str
    limit_state: str
    limit_minor: int | None
    exposure: int
    status: str
    incomplete: bool = False
    policy_hash: str | None = None
    as_of: dt.datetime | None = None
    reserved: int = 0
    version: int | None = None
    name: str | None = field(default=None, compare=False)

    @property
    def key(self) -> Key:
        """Which line this is."""
        return self.subject, self.subject_id

    @property
    def available(self) -> int | None:
        """Limit less exposure and reservations, minor units, may be negative; ``None`` without a limit."""
        if self.limit_state != "amount" or self.limit_minor is None:
            return None
        return self.limit_minor - self.exposure - self.reserved


# A check is asked a thousand times a second: its statements are built once.
_HERE = sa.and_(
    credit_line.c.subject == sa.bindparam("of"), credit_line.c.subject_id == sa.bindparam("number")
)
_MORE = credit_line.c.reserved + sa.bindparam("more", type_=sa.BigInteger)
_RESERVE = (
    sa.update(credit_line)
    .where(
        _HERE,
        credit_line.c.status.in_(OPEN_STATUSES),
        credit_line.c.currency == sa.bindparam("in_currency"),
        credit_line.c.limit_state == sa.bindparam("state"),
        credit_line.c.limit_minor.is_not_distinct_from(sa.bindparam("limit_minor_", type_=sa.BigInteger)),
    )
    .values(reserved=_MORE)
)
_RESERVE_WITHIN = _RESERVE.where(
    credit_line.c.exposure + _MORE <= sa.bindparam("allowed", type_=sa.BigInteger)
)
_SHIFT = sa.update(credit_line).where(_HERE).values(reserved=_MORE)
_SHIFT_BOTH = _SHIFT.values(
    exposure=credit_line.c.exposure + sa.bindparam("owed", type_=sa.BigInteger),
    version=credit_line.c.version + 1,
)


@cache
def _statement(*, locked: bool, named: bool) -> sa.Select[Any]:
    """The lines with some keys; with the names of groups, if there are any among them."""
    wanted = sa.tuple_(credit_line.c.subject, credit_line.c.subject_id)
    query = sa.select(credit_line, *([_GROUP_NAME] if named else []))
    query = query.where(wanted.in_(sa.bindparam("keys", expanding=True)))
    query = query.order_by(credit_line.c.subject, credit_line.c.subject_id)
    return query.with_for_update() if locked else query


def read(connection: sa.Connection, keys: Collection[Key]) -> dict[Key, Line]:
    """The lines that exist among ``keys``."""
    return _select(connection, keys, locked=False)


def lock(tx: sa.Connection, keys: Collection[Key]) -> dict[Key, Line]:
    """The lines that exist among ``keys``, kept from others until the transaction ends.

    Call it once in a transaction, with all keys that it will touch.
    """
    return _select(tx, keys, locked=True)


def reserve(tx: sa.Connection, line: Line, amount: int, allowed: int | None) -> bool:
    """Reserve ``amount`` (positive, minor units) more; whether it was granted.

    Granted only while the status allows it, the limit is the one in ``line`` and exposure and
    reservations together stay within ``allowed`` (``None``: no bound). The statement decides, not what
    was read before.
    """
    values: dict[str, Any] = {
        "of": line.subject,
        "number": line.subject_id,
        "in_currency": line.currency,
        "state": line.limit_state,
        "limit_minor_": line.limit_minor,
        "more": amount,
    }
    if allowed is None:
        return tx.execute(_RESERVE, values).rowcount == 1
    return tx.execute(_RESERVE_WITHIN, values | {"allowed": allowed}).rowcount == 1


def shift(tx: sa.Connection, key: Key, *, reserved: int, exposure: int = 0) -> None:
    """Add to ``reserved`` and ``exposure`` (minor units, either sign) without asking for room."""
    values = {"of": key[0], "number": key[1], "more": reserved}
    if exposure:
        tx.execute(_SHIFT_BOTH, values | {"owed": exposure})
    else:
        tx.execute(_SHIFT, values)


def blur(tx: sa.Connection, keys: Collection[Key]) -> None:
    """What arrived on these (locked) lines cannot be counted: their exposure is a lower bound."""
    for key in sorted(keys):
        tx.execute(sa.update(credit_line).where(_is(key)).values(incomplete=True))


def save(tx: sa.Connection, judged: Sequence[Line], rates: Rates, day: dt.date) -> set[Key]:
    """Write what an assessment found: everything but ``reserved``, which stays. Missing lines are made.

    A line whose ``version`` is given is written only if the stored one still has it: an order that
    arrived meanwhile is not in the exposure that was computed. Returns the keys that were not written;
    their customers must be assessed again. Raises ``Halt`` when a line changes its currency while
    orders stand on it and no rate of ``day`` is known.
    """
    stored = lock(tx, [line.key for line in judged] + _members_without_line(tx, judged))
    kept = [line for line in judged if not _moved(line, stored.get(line.key))]
    for line in kept:
        before = stored.get(line.key)
        if before is not None and before.reserved and before.currency != line.currency:
            _recount(tx, before, line.currency, rates, day)
    rows = [_row(line, stored.get(line.key)) for line in kept]
    upsert(tx, credit_line, rows, guarded=False)
    for line in kept:
        if line.subject == GROUP and line.key not in stored:
            adopt(tx, line, rates, day)
    return {line.key for line in judged} - {line.key for line in kept}


def _select(connection: sa.Connection, keys: Collection[Key], *, locked: bool) -> dict[Key, Line]:
    found: dict[Key, Line] = {}
    ordered = sorted(set(keys))
    for start in range(0, len(ordered), BATCH):
        query = _statement(locked=locked, named=ordered[-1][0] == GROUP)
        rows = connection.execute(query, {"keys": ordered[start : start + BATCH]})
        found.update({line.key: line for line in _lines(rows)})
    return found


def _members_without_line(tx: sa.Connection, judged: Sequence[Line]) -> list[Key]:
    """Members of groups that get their line now: nobody may reserve past it while it comes up."""
    groups = [line.key for line in judged if line.subject == GROUP]
    known = read(tx, groups)
    fresh = [number for subject, number in groups if (subject, number) not in known]
    if not fresh:
        return []
    return [(CUSTOMER, number) for group in fresh for number in tree.members(tx, group)]


def _lines(rows: Any) -> Iterator[Line]:
    for row in rows:
        yield Line(**row._mapping)


def _is(key: Key) -> sa.ColumnElement[bool]:
    return sa.and_(credit_line.c.subject == key[0], credit_line.c.subject_id == key[1])


def _moved(line: Line, stored: Line | None) -> bool:
    return line.version is not None and (stored is None or stored.version != line.version)


def _row(line: Line, stored: Line | None) -> dict[str, Any]:
    names = "subject subject_id currency limit_state limit_minor exposure status incomplete policy_hash as_of"
    row = {name: getattr(line, name) for name in names.split()}
    return row | {"version": 1 if stored is None or stored.version is None else stored.version + 1}


def _recount(tx: sa.Connection, line: Line, currency: str, rates: Rates, day: dt.date) -> None:
    """Count the reservations on ``line`` in another currency: the policy's currency was changed."""
    active = reservation.c.state == "active"
    if line.subject == CUSTOMER:
        standing = sa.select(reservation.c.id, reservation.c.reserved)
        standing = standing.where(reservation.c.customer_id == line.subject_id, active)
    else:
        standing = sa.select(reservation_group.c.reservation_id, reservation_group.c.reserved).join(
            reservation
        )
        standing = standing.where(reservation_group.c.group_id == line.subject_id, active)
    total = 0
    for number, amount in tx.execute(standing).all():
        converted = _converted(amount, line.currency, currency, rates, day)
        total += converted
        if line.subject == CUSTOMER:
            here: sa.Update = sa.update(reservation).where(reservation.c.id == number)
        else:
            here = sa.update(reservation_group).where(
                reservation_group.c.reservation_id == number,
                reservation_group.c.group_id == line.subject_id,
            )
        tx.execute(here.values(reserved=converted))
    shift(tx, line.key, reserved=total - line.reserved)


def adopt(tx: sa.Connection, line: Line, rates: Rates, day: dt.date) -> None:
    """A group's (locked) line takes on what customers below it reserved while it did not count for them:
    because it had no limit, or because they joined it since."""
    shares = tree.members(tx, line.subject_id)
    own = sa.and_(credit_line.c.subject == CUSTOMER, credit_line.c.subject_id == reservation.c.customer_id)
    counted = sa.exists().where(
        reservation_group.c.reservation_id == reservation.c.id,
        reservation_group.c.group_id == line.subject_id,
    )
    total = 0
    rows: list[dict[str, int]] = []
    ids = sorted(shares)
    for start in range(0, len(ids), BATCH):
        standing = (
            sa.select(
                reservation.c.id, reservation.c.reserved, reservation.c.customer_id, credit_line.c.currency
            )
            .join(credit_line, own)
            .where(
                reservation.c.customer_id.in_(ids[start : start + BATCH]),
                reservation.c.state == "active",
                ~counted,
            )
            # Whoever ends one of them at this moment must see what it took from the group, or go first.
            .with_for_update(of=reservation)
        )
        for number, amount, owner, currency in tx.execute(standing).all():
            taken = scale(_converted(amount, currency, line.currency, rates, day), shares[owner])
            total += taken
            rows.append({"reservation_id": number, "group_id": line.subject_id, "reserved": taken})
    if rows:
        tx.execute(sa.insert(reservation_group), rows)
    if total:
        shift(tx, line.key, reserved=total)


def _converted(amount: int, currency: str, to: str, rates: Rates, day: dt.date) -> int:
    converted = rates.convert(amount, currency, to, day)
    if converted is None:
        raise Halt(
            f"orders stand on a credit line in {currency}, and there is no rate to {to} on {day}",
            where="rates",
            todo=f"add rates for {currency} and {to}, then assess again",
        )
    return converted
