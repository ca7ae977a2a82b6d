"""Where a customer's letters go: an e-mail address, or by post; and in which language.

Invariant: an address is kept encrypted and never listed whole; without one letters go by post.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from cryptography.fernet import InvalidToken, MultiFernet

from connector import adapter as ports
from connector.adapter import Posting
from connector.conduct import acts
from connector.errors import Halt
from connector.locale import Language
from connector.people.correspondence import is_address
from connector.people.roles import Act
from connector.runtime import Runtime
from connector.store import dunning, journal

EMAIL, POST = "email", "post"
# Countries and regions whose customers are written to in Chinese, unless somebody says otherwise.
CHINESE = frozenset({"CN", "HK", "MO", "TW"})


@dataclass(frozen=True)
class Contact:
    """``address`` is an e-mail address, ``""`` for post."""

    channel: str
    address: str
    language: Language


def of(row: sa.Row[Any] | None, country: str | None, default: Language, cipher: MultiFernet) -> Contact:
    """Where letters go: as ``row`` says, else by post; in the language of the country, else ``default``."""
    spoken: Language = default if country is None else "zh" if country in CHINESE else "en"
    if row is None:
        return Contact(POST, "", spoken)
    return Contact(row.channel, opened(row.address, cipher), row.language or spoken)


def record(
    runtime: Runtime, customer_id: int, *, email: str | None, language: str | None, actor: str
) -> None:
    """Say where a customer's letters go: to ``email``, else by post. ``Halt`` for an address that is none, a
    customer that is not there, or an ``actor`` without the role."""
    address = (email or "").strip()
    if email is not None and not is_address(address):
        raise Halt("this is no e-mail address", where=f"customer {customer_id}", todo="write one like a@b.cn")
    channel = EMAIL if address else POST
    with runtime.store.write() as tx:
        about = acts.known(tx, customer_id)
        runtime.roles.require(actor, Act.RECORD, as_of=runtime.today(), where=about)
        values = {
            "channel": channel,
            "language": language,
            "address": closed(address, runtime.config.cipher()),
            "actor": actor,
            "at": runtime.now(),
        }
        before = _told(dunning.contacts(tx, [customer_id]).get(customer_id))
        dunning.set_contact(tx, customer_id, values)
        detail = {"before": before, "after": {"channel": channel, "language": language}}
        journal.add(tx, runtime.now(), actor, "dunning_contact_set", about, detail)


def remove(runtime: Runtime, customer_id: int, actor: str) -> None:
    """Forget where a customer's letters go; ``Halt`` if that was not known."""
    with runtime.store.write() as tx:
        about = acts.known(tx, customer_id)
        runtime.roles.require(actor, Act.RECORD, as_of=runtime.today(), where=about)
        before = _told(dunning.contacts(tx, [customer_id]).get(customer_id))
        if not dunning.forget_contact(tx, customer_id):
            raise Halt("there is no contact of its", where=about, todo="see 'dunning contact list'")
        journal.add(
            tx, runtime.now(), actor, "dunning_contact_removed", about, {"before": before, "after": None}
        )


def _told(row: sa.Row[Any] | None) -> dict[str, str | None] | None:
    """A contact as the journal tells it: never its address."""
    return None if row is None else {"channel": row.channel, "language": row.language}


def sender(runtime: Runtime) -> Posting:
    """The channel that letters go through by e-mail: the one that the configuration names, else the only one
    there is. ``Halt`` if there is none, or the choice is open."""
    named = runtime.config.letters_by
    able = [
        one
        for one in runtime.connections.all("channel")
        if issubclass(ports.find(one.kind)[1], Posting) and named in ("", one.name)
    ]
    if len(able) != 1:
        names = ", ".join(one.name for one in able)
        raise Halt(
            f"several connections could send letters: {names}" if able else "no connection sends letters",
            where="configuration" if named or able else "dunning",
            todo="name one under letters_by"
            if able
            else f"correct letters_by = {named!r}"
            if named
            else "run 'creditgate connect add mail', or set the contacts to post",
        )
    opened = runtime.adapter(able[0])
    if not isinstance(opened, Posting):
        raise Halt(f"{able[0].name} sends no letters", todo="remove it and add it again")
    return opened


def masked(address: str) -> str:
    """An address for listings: its first letter and its domain."""
    name, at, domain = address.partition("@")
    return f"{name[:1]}***{at}{domain}" if at else ""


def closed(text: str, cipher: MultiFernet) -> str:
    """``text`` encrypted; an empty one stays empty."""
    return cipher.encrypt(text.encode()).decode() if text else ""


def opened(text: str, cipher: MultiFernet) -> str:
    """The text that ``closed`` encrypted; ``Halt`` if no key fits."""
    try:
        return cipher.decrypt(text.encode()).decode() if text else ""
    except InvalidToken:
        raise Halt(
            "no encryption key of this installation opens it",
            where="dunning",
            todo="put the key with which it was written back behind the present one",
        ) from None
