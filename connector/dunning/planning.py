"""Who would get which letter today, and what is left out and why.

Invariant: nothing is sent and no letter is written here; the same customers, documents and day give the same
code, so that what is sent can be held to what was shown.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from connector.dunning import contacts
from connector.dunning.contacts import Contact
from connector.rules.documents import Dossier
from connector.rules.dunning import LeftOut, Notice, plan
from connector.rules.exposure import converter
from connector.runtime import Runtime
from connector.store import dossiers, dunning


@dataclass(frozen=True)
class Draft:
    """A letter that would be sent."""

    customer_id: int
    name: str
    is_person: bool
    contact: Contact
    notice: Notice

    @property
    def digest(self) -> str:
        """What the letter says and where it goes, as a short text."""
        return hashlib.sha256(repr((self.customer_id, self.contact, self.notice)).encode()).hexdigest()


@dataclass(frozen=True)
class Planned:
    """The plan of one customer: a letter or none, what is left out, and invoices whose dunning is over."""

    customer_id: int
    name: str
    is_person: bool
    draft: Draft | None
    left_out: tuple[LeftOut, ...]
    over: tuple[str, ...]


@dataclass(frozen=True)
class Preview:
    """All plans of a day; ``code`` stands for all its letters and what they say."""

    day: dt.date
    plans: tuple[Planned, ...]

    @property
    def drafts(self) -> list[Draft]:
        """The letters, by customer."""
        return [one.draft for one in self.plans if one.draft]

    @property
    def code(self) -> str:
        """Twelve characters; ``""`` if there is no letter."""
        digests = [one.digest for one in self.drafts]
        text = f"{self.day} {' '.join(digests)}"
        return hashlib.sha256(text.encode()).hexdigest()[:12] if digests else ""


def preview(runtime: Runtime, customer_id: int | None = None) -> Preview:
    """The plans of today, of one customer or of everybody with something overdue."""
    found: list[Planned] = []
    for ids in _chunks(runtime, customer_id):
        with runtime.store.read() as tx:
            found += plans(runtime, tx, ids)
    return Preview(runtime.today(), tuple(found))


def plans(runtime: Runtime, tx: sa.Connection, ids: Sequence[int]) -> list[Planned]:
    """The plans of at most ``dossiers.CHUNK`` customers that there is anything to say of."""
    last, known = dunning.last_letters(tx, ids), dunning.contacts(tx, ids)
    today, policy = runtime.today(), runtime.policy
    convert = converter(runtime.rates, today)
    found = []
    for dossier, _ in dossiers.read(tx, ids):
        number = dossier.customer_id
        made = plan(dossier, policy, convert, today, last.get(number))
        if made.notice or made.left_out or made.over:
            draft = _draft(runtime, dossier, made.notice, known.get(number)) if made.notice else None
            found.append(Planned(number, dossier.name, dossier.is_person, draft, made.left_out, made.over))
    return found


def _draft(runtime: Runtime, dossier: Dossier, notice: Notice, row: sa.Row[tuple[object]] | None) -> Draft:
    config = runtime.config
    contact = contacts.of(row, dossier.country, config.language, config.cipher())
    return Draft(dossier.customer_id, dossier.name, dossier.is_person, contact, notice)


def _chunks(runtime: Runtime, customer_id: int | None) -> Iterator[list[int]]:
    after = 0
    while customer_id is None:
        with runtime.store.read() as tx:
            ids = dunning.candidates(tx, after, dossiers.CHUNK)
        if not ids:
            return
        yield ids
        after = ids[-1]
    yield [customer_id]
