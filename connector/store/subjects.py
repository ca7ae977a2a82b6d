"""Whom a report from a file is about: the customer by number, by identifiers, by a person's word, by name.

Invariant: an identifier that agrees is sure; identifiers that contradict one another, or the customer's,
make nobody sure; a name serves only for a company, only when it is equal, and only when one alone has it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from connector.store.agency_tables import agency_match
from connector.store.consents import person
from connector.store.customers import Key
from connector.store.matches import ACCEPTED, DECLINED
from connector.store.tables import customer, identifier

BY_IDENTIFIER, BY_PERSON, BY_NAME = "identifier", "person", "name"
# Of these a company has one at most: another value means another company.
_ONE_ONLY = frozenset({"uscc", "lei"})


@dataclass(frozen=True)
class Found:
    """``customers`` that it may be, the only one if it is sure, and what they were found ``by``."""

    customers: tuple[int, ...]
    by: str
    sure: bool


def by_keys(tx: sa.Connection, keys: Sequence[Key]) -> Found | None:
    """The customers that have these identifiers; ``None`` when nobody has any of them."""
    owners = _owners(tx, keys)
    return Found(tuple(sorted(owners)), BY_IDENTIFIER, len(owners) == 1) if owners else None


def by_decision(tx: sa.Connection, connection_id: int, ref: str) -> Found | None:
    """The customer that a person has said the agency's ``ref`` is."""
    query = sa.select(agency_match.c.customer_id).where(
        agency_match.c.connection_id == connection_id,
        agency_match.c.ref == ref,
        agency_match.c.state == ACCEPTED,
    )
    said = tuple(sorted(set(tx.execute(query).scalars())))
    return Found(said, BY_PERSON, len(said) == 1) if said else None


def by_name(
    tx: sa.Connection, connection_id: int, ref: str, named: Mapping[str, Sequence[int]], name: str
) -> Found | None:
    """The companies called ``name``, without those that a person has said ``ref`` is not. ``named`` is
    what ``names`` gives."""
    query = sa.select(agency_match.c.customer_id).where(
        agency_match.c.connection_id == connection_id,
        agency_match.c.ref == ref,
        agency_match.c.state == DECLINED,
    )
    others = set(tx.execute(query).scalars())
    found = tuple(one for one in named.get(plain(name), ()) if one not in others)
    return Found(found, BY_NAME, len(found) == 1) if found else None


def names(tx: sa.Connection) -> dict[str, list[int]]:
    """All companies by their plain name."""
    found: dict[str, list[int]] = {}
    query = sa.select(customer.c.id, customer.c.name).where(sa.not_(person())).order_by(customer.c.id)
    for row in tx.execute(query):
        found.setdefault(plain(row.name), []).append(row.id)
    return found


def plain(name: str) -> str:
    """A name without what differs from hand to hand: width, case, blanks, kinds of brackets."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def contradicts(tx: sa.Connection, customer_id: int, keys: Sequence[Key]) -> str | None:
    """The kind of an identifier that the customer is known to have another value of."""
    query = sa.select(identifier.c.kind, identifier.c.value).where(identifier.c.customer_id == customer_id)
    own: dict[str, set[str]] = {}
    for row in tx.execute(query):
        own.setdefault(row.kind, set()).add(row.value)
    for kind, value in keys:
        if kind in _ONE_ONLY and own.get(kind) and value not in own[kind]:
            return kind
    return None


def _owners(tx: sa.Connection, keys: Sequence[Key]) -> set[int]:
    if not keys:
        return set()
    fits = [sa.and_(identifier.c.kind == kind, identifier.c.value == value) for kind, value in keys]
    return set(tx.execute(sa.select(identifier.c.customer_id).where(sa.or_(*fits))).scalars())
