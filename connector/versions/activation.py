"""The policy in force: which one it is, how it came to be, and how another one takes its place.

Invariant: a policy that moves more than the bounds allow takes two different persons; what is confirmed
is the text that was proposed, against the policy that was in force then. The file in force is replaced
whole, in the transaction that journals it and marks every customer for assessment; killed in between,
the same command does it again.
"""

from __future__ import annotations

import datetime as dt
import os
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa

from connector.errors import Halt
from connector.people.roles import Act, same_person
from connector.policy.load import load as load_policy
from connector.policy.schema import Policy
from connector.runtime import Runtime
from connector.store import journal
from connector.store.decision_tables import policy_activation
from connector.store.engine import Store
from connector.store.tables import assessment, customer, policy_version
from connector.versions.comparison import Report, Swing, compare

PENDING, ACTIVE, WITHDRAWN = "pending", "active", "withdrawn"
_SHORTEST_HASH = 6


@dataclass(frozen=True)
class Activation:
    """One change of the policy. ``swing`` is what it changes, ``exceeds`` why it takes two persons."""

    id: int
    hash: str
    from_hash: str | None
    name: str
    version: str
    state: str
    reason: str
    actor: str
    at: dt.datetime
    confirmed_by: str | None
    confirmed_at: dt.datetime | None
    swing: dict[str, Any]

    @property
    def exceeds(self) -> list[str]:
        """The bounds that it passes; ``no_right`` if whoever proposed it may not put it in force."""
        return list(self.swing.get("exceeds", ()))


@dataclass(frozen=True)
class Version:
    """A policy that was used or proposed: when first used, and by which activation it came, if by one."""

    hash: str
    name: str
    version: str
    first_used_at: dt.datetime | None
    activation: Activation | None
    in_force: bool


def activate(
    runtime: Runtime, file: Path, *, reason: str, actor: str, report: Report = lambda done, total: None
) -> Activation:
    """Put the policy in ``file`` in force, or propose it, if it moves more than the bounds allow or ``actor``
    may not put one in force.

    Raises ``Halt`` for a policy that cannot be used, that is in force already, or without a reason.
    """
    if not reason.strip():
        raise Halt("a reason is needed", todo="say with --reason why")
    runtime.roles.require(actor, Act.PROPOSE_POLICY, as_of=runtime.today())
    new = load_policy(file)
    content = _text(file)
    before = basis(runtime)
    if before is not None and before.hash == new.hash and _in_force_hash(runtime) == new.hash:
        raise Halt(f"{new.name} {new.version} is in force already", where=str(file), todo="nothing to do")
    swing = Swing((before or new).currency)
    if before is not None:
        # Only the counts are wanted: the customers pass by one at a time.
        deque(compare(runtime.store, before, new, runtime.rates, runtime.now(), swing, report), maxlen=0)
    exceeds = [] if before is None else beyond(before, new, swing)
    if not runtime.roles.may(actor, Act.ACTIVATE_POLICY, as_of=runtime.today()):
        exceeds.append("no_right")
    values = {
        "hash": new.hash,
        "from_hash": before.hash if before else None,
        "name": new.name,
        "version": str(new.version),
        "content": content,
        "swing": orjson.dumps(asdict(swing) | {"share": str(swing.share), "exceeds": exceeds}).decode(),
        "state": PENDING,
        "reason": reason.strip(),
        "actor": actor,
        "at": runtime.now(),
    }
    with runtime.store.write() as tx:
        now_in_force = _basis(runtime, tx)
        if before is not None and (now_in_force is None or now_in_force.hash != before.hash):
            raise Halt("another policy has come in force meanwhile", todo="run the command again")
        statement = sa.insert(policy_activation).values(**values).returning(policy_activation.c.id)
        number = int(tx.execute(statement).scalar_one())
        if exceeds:
            detail = _detail(_get(tx, number))
            journal.add(tx, runtime.now(), actor, "policy_proposed", f"policy {new.hash[:12]}", detail)
        else:
            _put_in_force(runtime, tx, number, content)
        return _get(tx, number)


def confirm(runtime: Runtime, number: int, *, actor: str) -> Activation:
    """The second person agrees: the proposed policy comes in force.

    Raises ``Halt`` if it is not pending, if ``actor`` proposed it or may not confirm one, or if the policy
    in force has changed.
    """
    with runtime.store.write() as tx:
        found, content = _pending(tx, number)
        if same_person(found.actor, actor):
            raise Halt(f"{found.actor} proposed it", where=f"activation {number}", todo="ask somebody else")
        roles, act, today = runtime.roles, Act.ACTIVATE_POLICY, runtime.today()
        proposed = roles.right(found.actor, Act.PROPOSE_POLICY, as_of=found.at.date())
        taken = [found.actor, proposed] if proposed else [found.actor]
        roles.require(actor, act, as_of=today, taken=taken, where=f"activation {number}")
        before = _basis(runtime, tx)
        if (before.hash if before else None) != found.from_hash:
            raise Halt(
                "another policy has come in force since it was proposed",
                where=f"activation {number}",
                todo="propose it again: its effect is another one now",
            )
        values = {"confirmed_by": actor, "confirmed_at": runtime.now()}
        tx.execute(sa.update(policy_activation).where(policy_activation.c.id == number).values(**values))
        _put_in_force(runtime, tx, number, content)
        return _get(tx, number)


def withdraw(runtime: Runtime, number: int, *, actor: str) -> Activation:
    """Take a proposed policy back, or refuse it, which takes the role to confirm it."""
    with runtime.store.write() as tx:
        found, _ = _pending(tx, number)
        if not same_person(found.actor, actor):
            runtime.roles.require(actor, Act.ACTIVATE_POLICY, as_of=runtime.today())
        here = policy_activation.c.id == number
        tx.execute(sa.update(policy_activation).where(here).values(state=WITHDRAWN))
        about = f"policy {found.hash[:12]}"
        detail = {"activation": number, "before": PENDING, "after": WITHDRAWN}
        journal.add(tx, runtime.now(), actor, "policy_withdrawn", about, detail)
        return _get(tx, number)


def beyond(before: Policy, after: Policy, swing: Swing) -> list[str]:
    """The bounds that a change passes; the stricter one of both policies counts."""
    allowed = min(before.activation.max_limit_swing, after.activation.max_limit_swing)
    most = min(before.activation.max_status_changes, after.activation.max_status_changes)
    found = []
    if swing.share is None or swing.share > allowed:
        found.append("limit_swing")
    if swing.unbounded:
        found.append("unlimited")
    if swing.unconverted:
        found.append("no_rate")
    if swing.newly_held > most:
        found.append("newly_held")
    return found


def require(store: Store, policy: Policy) -> None:
    """Raise ``Halt`` if ``policy``, as the file says it, was changed past ``activate``. Where no policy was
    ever put in force that way, the file alone decides."""
    with store.read() as tx:
        row = _last_active(tx)
    if row is not None and _policy_of(row).hash != policy.hash:
        raise Halt(
            f"this is not {row.name} {row.version}, which was put in force: it was changed past 'activate'",
            where=policy.file,
            todo="put it in force with 'creditgate policy activate', or bring the old text back",
        )


def proposed(store: Store) -> int:
    """How many policies wait for a second person."""
    query = sa.select(sa.func.count()).select_from(policy_activation)
    with store.read() as tx:
        return int(tx.execute(query.where(policy_activation.c.state == PENDING)).scalar_one())


def history(runtime: Runtime) -> list[Version]:
    """Every policy that was used or proposed, the newest last."""
    current = _in_force_hash(runtime)
    with runtime.store.read() as tx:
        used = {row.hash: row for row in tx.execute(sa.select(policy_version))}
        rows = tx.execute(sa.select(policy_activation).order_by(policy_activation.c.id)).all()
        last = _last_active(tx)
    active = last.id if last is not None and _policy_of(last).hash == current else None
    acts = [_activation(row) for row in rows]
    found = [
        Version(
            act.hash,
            act.name,
            act.version,
            used[act.hash].first_used_at if act.hash in used else None,
            act,
            act.id == active,
        )
        for act in acts
    ]
    known = {act.hash for act in acts if act.state == ACTIVE}
    found += [
        Version(row.hash, row.name, row.version, row.first_used_at, None, row.hash == current)
        for row in used.values()
        if row.hash not in known
    ]
    return sorted(found, key=_moment)


def find(runtime: Runtime, text: str) -> Policy:
    """The policy that a person means: ``active``, a file, or the beginning of the hash of one that was
    used or proposed. ``Halt`` if there is none, or several."""
    if text == "active":
        return runtime.policy
    if Path(text).is_file():
        return load_policy(Path(text))
    found: dict[str, str] = {}
    if len(text) >= _SHORTEST_HASH:
        with runtime.store.read() as tx:
            for table in (policy_version, policy_activation):
                query = sa.select(table.c.hash, table.c.content).where(
                    table.c.hash.startswith(text.lower(), autoescape=True)
                )
                found |= {row.hash: row.content for row in tx.execute(query)}
    if len(found) != 1:
        raise Halt(
            f"no policy fits {text!r}" if not found else f"several policies fit {text!r}",
            todo="name a file, 'active', or a hash of 'creditgate policy history'",
        )
    ((number, content),) = found.items()
    return load_policy(content, f"policy {number[:12]}")


def basis(runtime: Runtime) -> Policy | None:
    """What a new policy is measured against: the policy last put in force, else the one that last judged,
    else the file; ``None`` in a store where nobody was ever judged."""
    with runtime.store.read() as tx:
        return _basis(runtime, tx)


def _basis(runtime: Runtime, tx: sa.Connection) -> Policy | None:
    row: Any = _last_active(tx)
    if row is None:
        newest = sa.select(assessment.c.policy_hash).order_by(assessment.c.id.desc()).limit(1)
        judged = tx.execute(newest).scalar()
        if judged is None:
            return None
        query = sa.select(policy_version.c.hash, policy_version.c.content)
        row = tx.execute(query.where(policy_version.c.hash == judged)).one_or_none()
    return runtime.policy if row is None or not row.content else _policy_of(row)


def _last_active(tx: sa.Connection) -> sa.Row[Any] | None:
    """The policy last put in force."""
    moment = sa.func.coalesce(policy_activation.c.confirmed_at, policy_activation.c.at)
    query = sa.select(policy_activation).where(policy_activation.c.state == ACTIVE)
    return tx.execute(query.order_by(moment.desc(), policy_activation.c.id.desc()).limit(1)).one_or_none()


def _policy_of(row: sa.Row[Any]) -> Policy:
    return load_policy(row.content, f"policy {row.hash[:12]}")


def _put_in_force(runtime: Runtime, tx: sa.Connection, number: int, content: str) -> None:
    """Journal, mark everybody, and last of all replace the file."""
    here = policy_activation.c.id == number
    tx.execute(sa.update(policy_activation).where(here).values(state=ACTIVE))
    found = _get(tx, number)
    tx.execute(sa.update(customer).values(changes=customer.c.changes + 1))
    about, who = f"policy {found.hash[:12]}", found.confirmed_by or found.actor
    journal.add(tx, runtime.now(), who, "policy_activated", about, _detail(found))
    _replace(runtime.config.path(runtime.config.policy), content)


def _replace(path: Path, content: str) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_text(content, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _pending(tx: sa.Connection, number: int) -> tuple[Activation, str]:
    """A proposed policy and its text, kept from others until the transaction ends."""
    query = sa.select(policy_activation).where(policy_activation.c.id == number).with_for_update()
    row = tx.execute(query).one_or_none()
    if row is None or row.state != PENDING:
        what = "is not known" if row is None else f"is {row.state}"
        raise Halt(f"activation {number} {what}", todo="see 'creditgate policy history'")
    return _activation(row), str(row.content)


def _get(tx: sa.Connection, number: int) -> Activation:
    return _activation(tx.execute(sa.select(policy_activation).where(policy_activation.c.id == number)).one())


def _activation(row: Any) -> Activation:
    values = {name: value for name, value in row._mapping.items() if name != "content"}
    return Activation(**values | {"swing": orjson.loads(row.swing)})


def _detail(found: Activation) -> dict[str, Any]:
    return {
        "activation": found.id,
        "before": found.from_hash,
        "after": found.hash,
        "version": f"{found.name} {found.version}",
        "proposed_by": found.actor,
        "confirmed_by": found.confirmed_by,
        "reason": found.reason,
        "swing": found.swing,
    }


def _moment(version: Version) -> tuple[dt.datetime, int]:
    act = version.activation
    moments = [version.first_used_at, act.confirmed_at or act.at if act else None]
    return min(one for one in moments if one is not None), act.id if act else 0


def _in_force_hash(runtime: Runtime) -> str | None:
    """The hash of the file in force; ``None`` if it cannot be used."""
    try:
        return load_policy(runtime.config.path(runtime.config.policy)).hash
    except Halt:
        return None


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")
