"""Connections: adding, testing and removing them.

Invariant: a connection is stored only with every setting that its adapter requires and with none that
the adapter does not know; what the adapter calls secret never stands among the plain settings.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from connector import adapter as ports
from connector.adapter import Crm, Setting
from connector.errors import Halt
from connector.limits import quotas
from connector.runtime import Runtime
from connector.secrets.given import read_now
from connector.store import journal
from connector.store.api_keys import CHECK, PLUGIN, READ, ApiKey, ApiKeys
from connector.store.connections import Connection
from connector.yamlfile import close_to

LEGAL_BASIS = Setting(
    "legal_basis",
    "why companies may be asked about without a consent of their own; empty: they may not",
    default="legitimate interest: trade credit",
)


@dataclass(frozen=True)
class Kind:
    """An installed adapter and what a connection to it is asked for."""

    name: str
    role: str
    settings: Sequence[Setting]
    guide: Callable[[str], str] = lambda language: ""


def kind_of(name: str) -> Kind:
    """The adapter called ``name``; ``Halt`` naming the installed ones.

    Connections to agencies also record the legal basis of asking.
    """
    role, adapter = ports.find(name)
    settings = list(adapter.settings)
    if role in ("bureau", "agency_file") and all(s.key != LEGAL_BASIS.key for s in settings):
        settings.append(LEGAL_BASIS)
    return Kind(name, role, settings, adapter.guide)


def required(setting: Setting) -> bool:
    """Whether a connection cannot be without this setting."""
    return setting.default is None and not setting.optional


def pairs(written: Sequence[str]) -> dict[str, str]:
    """``KEY=VALUE`` texts as a mapping, with the content of FILE for a value ``@FILE``; ``Halt`` for one
    without ``=``, a key given twice, or a file that cannot be read.

    No message repeats a value: it may be a secret.
    """
    values: dict[str, str] = {}
    for position, text in enumerate(written, start=1):
        key, sign, value = text.partition("=")
        if not sign or not key.strip():
            raise Halt(
                f"--set number {position} is not KEY=VALUE", todo="write it like --set client_id=1000.AB"
            )
        if key.strip() in values:
            raise Halt(f"setting {key.strip()!r} is given twice", todo="give it once")
        values[key.strip()] = read_now(value, key.strip())
    return values


def check(kind: Kind, values: Mapping[str, str]) -> None:
    """Raise ``Halt`` for unknown settings (naming the known ones) and for missing required ones."""
    known = {s.key: s for s in kind.settings}
    unknown = [key for key in values if key not in known]
    if unknown:
        listed = ", ".join(known) or "it takes none"
        raise Halt(
            f"{kind.name} has no setting {unknown[0]!r}",
            todo=f"{close_to(unknown[0], known) if known else 'leave it out'}; known: {listed}",
        )
    for setting in kind.settings:
        value = values.get(setting.key, "").strip()
        if value and setting.choices and value.lower() not in setting.choices:
            raise Halt(f"{setting.key} cannot be {value!r}", todo=f"use one of: {' '.join(setting.choices)}")
    missing = [s for s in kind.settings if required(s) and not values.get(s.key, "").strip()]
    if missing:
        helps = "; ".join(f"{s.key} ({s.help})" for s in missing)
        raise Halt(f"{kind.name} needs {', '.join(s.key for s in missing)}", todo=f"give with --set: {helps}")


def add(
    runtime: Runtime,
    kind: Kind,
    name: str,
    values: Mapping[str, str],
    actor: str,
    change: Collection[str] = (),
) -> Connection:
    """Store a connection, or give the one called ``name`` new settings; secrets go in encrypted.

    An empty value is kept only where the setting has a default that it overrules. A setting that is
    chosen once keeps its value; ``Halt`` for another one, unless it is named in ``change``.
    """
    if not re.fullmatch(r"\w[\w.-]{0,63}", name):
        raise Halt(
            f"{name!r} cannot be the name of a connection",
            todo="use up to 64 letters, digits, '_', '-' and '.', beginning with a letter or digit",
        )
    check(kind, values)
    _, adapter = ports.find(kind.name)
    for key in (s.key for s in kind.settings if s.key.endswith("_url") and not s.secret):
        if values.get(key, "").strip():
            runtime.hosts(adapter).require(values[key].strip())
    before = {one.name: one.settings for one in runtime.connections.all()}.get(name, {})
    values = _with_settled(kind, name, before, values, change)
    given = {
        s.key: values[s.key].strip()
        for s in kind.settings
        if s.key in values and (values[s.key].strip() or s.default is not None)
    }
    hidden = {s.key for s in kind.settings if s.secret}
    added = runtime.connections.add(
        name,
        kind.role,
        kind.name,
        {key: value for key, value in given.items() if key not in hidden},
        {key: value for key, value in given.items() if key in hidden},
        runtime.config.home,
    )
    with runtime.store.write() as tx:
        changed = {key: [before.get(key), added.settings.get(key)] for key in change}
        detail = {"kind": kind.name, "settings": sorted(given)} | ({"changed": changed} if changed else {})
        journal.add(tx, runtime.now(), actor, "connection_set", f"connection {name}", detail)
    if issubclass(adapter, Crm):
        anew = any(before.get(key) != added.settings.get(key) for key in _settled(kind)) and bool(before)
        quotas.settle(runtime.store, added, adapter, runtime.clock(), anew=anew)
    return added


def _settled(kind: Kind) -> dict[str, Setting]:
    """What is chosen once."""
    return {one.key: one for one in kind.settings if one.settled}


def _with_settled(
    kind: Kind, name: str, before: Mapping[str, str], values: Mapping[str, str], change: Collection[str]
) -> dict[str, str]:
    """``values`` with what was chosen once before."""
    settled = _settled(kind)
    for key in change:
        if key not in settled:
            known = ", ".join(settled) or "there is none"
            raise Halt(f"{key!r} is not chosen once for all", todo=f"with --change name one of: {known}")
    kept = dict(values)
    for key in settled.keys() - set(change):
        old, new = before.get(key, ""), values.get(key, "").strip()
        if old and new and new != old:
            raise Halt(
                f"{key} of {name} was chosen once: {old}, not {new}",
                todo=f"leave it as it is; or say --change {key} too ({settled[key].help})",
            )
        if old:
            kept[key] = old
    return kept


@dataclass(frozen=True)
class WantedKey:
    """What an API key is to be: for what (``scopes``), for how many days, as whom it decides, whether it
    signs; after how many hours (``grace``) the earlier ones of its label end."""

    label: str = PLUGIN
    scopes: tuple[str, ...] = (CHECK, READ)
    days: int | None = None
    acts_as: str | None = None
    signed: bool = False
    grace: int | None = None


def issue_key(
    runtime: Runtime, name: str, wanted: WantedKey = WantedKey(), *, revoke: bool, actor: str
) -> str:
    """A new API key for the plugin inside the CRM ``name``, which can be shown this once only (one that
    signs with its id before it); ``revoke`` ends the earlier ones."""
    found = runtime.connections.get(name)
    if found.role != "crm":
        raise Halt(f"{name} is no CRM", todo="name the CRM whose plugin is to call the check service")
    now = runtime.clock()
    number, text = ApiKeys(runtime.store, runtime.config.cipher()).issue(
        found.id,
        now,
        label=wanted.label,
        scopes=wanted.scopes,
        actor=wanted.acts_as,
        expires_at=now + dt.timedelta(days=wanted.days) if wanted.days else None,
        signs=wanted.signed,
        revoke=revoke,
        grace=None if wanted.grace is None else dt.timedelta(hours=wanted.grace),
    )
    with runtime.store.write() as tx:
        detail = {"key": number, "label": wanted.label, "scopes": wanted.scopes, "earlier_revoked": revoke}
        journal.add(tx, runtime.now(), actor, "key_issued", f"connection {name}", detail)
    return f"{number}:{text}" if wanted.signed else text


def revoke_key(runtime: Runtime, number: int, *, actor: str) -> ApiKey:
    """End an API key; ``Halt`` if no such key is valid."""
    ended = ApiKeys(runtime.store, runtime.config.cipher()).revoke(number, runtime.clock())
    with runtime.store.write() as tx:
        detail = {"key": number, "label": ended.label}
        journal.add(tx, runtime.now(), actor, "key_revoked", f"connection {ended.connection}", detail)
    return ended


def remove(runtime: Runtime, name: str, *, with_records: bool, actor: str) -> None:
    """Remove a connection. ``Halt`` when customers stand on it, unless ``with_records``: then all that
    was read through it goes too, and its customers are assessed anew."""
    runtime.connections.remove(name, with_records=with_records)
    with runtime.store.write() as tx:
        detail = {"with_records": with_records}
        journal.add(tx, runtime.now(), actor, "connection_removed", f"connection {name}", detail)
