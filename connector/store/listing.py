"""Listings of customers for people.

Invariant: read only; amounts in minor units of the line's currency.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from connector.errors import Halt
from connector.store.consents import person
from connector.store.lines import CUSTOMER
from connector.store.record_tables import account, contact, credit_account, credit_file, crm_user
from connector.store.tables import assessment, connection, credit_group, credit_line, customer, identifier

_OWN = sa.and_(credit_line.c.subject == CUSTOMER, credit_line.c.subject_id == customer.c.id)


def customers(
    tx: sa.Connection, *, status: str | None = None, name: str | None = None, customer_id: int | None = None
) -> list[Any]:
    """Customers with their line and last class, by id; optionally those of a status, or whose name
    contains a text."""
    newest = sa.select(sa.func.max(assessment.c.id).label("id")).group_by(assessment.c.customer_id).subquery()
    last = (
        sa.select(assessment.c.id, assessment.c.customer_id, assessment.c.risk_class)
        .join(newest, newest.c.id == assessment.c.id)
        .subquery()
    )
    query = (
        sa.select(
            customer.c.id,
            customer.c.name,
            customer.c.country,
            person().label("is_person"),
            credit_group.c.name.label("group_name"),
            credit_line.c.status,
            last.c.risk_class,
            last.c.id.label("assessment"),
            credit_line.c.limit_state,
            credit_line.c.limit_minor,
            credit_line.c.exposure,
            credit_line.c.reserved,
            credit_line.c.incomplete,
            credit_line.c.currency,
        )
        .select_from(customer)
        .outerjoin(credit_line, _OWN)
        .outerjoin(last, last.c.customer_id == customer.c.id)
        .outerjoin(credit_group, credit_group.c.id == customer.c.group_id)
        .where(sa.exists().where(account.c.customer_id == customer.c.id))
        .order_by(customer.c.id)
    )
    if status is not None:
        query = query.where(credit_line.c.status == status)
    if name is not None:
        query = query.where(customer.c.name.icontains(name, autoescape=True))
    if customer_id is not None:
        query = query.where(customer.c.id == customer_id)
    return list(tx.execute(query).all())


def accounts(tx: sa.Connection, customer_id: int) -> list[Any]:
    """Where a customer stands: connection, account, name and owner there."""
    query = (
        sa.select(
            connection.c.name.label("connection"),
            account.c.external_id,
            account.c.name,
            sa.func.coalesce(crm_user.c.name, account.c.owner_id).label("owner"),
            account.c.linked_by,
            account.c.deleted,
        )
        .join(connection, connection.c.id == account.c.connection_id)
        .outerjoin(
            crm_user,
            sa.and_(
                crm_user.c.connection_id == account.c.connection_id,
                crm_user.c.external_id == account.c.owner_id,
            ),
        )
        .where(account.c.customer_id == customer_id)
        .order_by(connection.c.id, account.c.external_id)
    )
    return list(tx.execute(query).all())


def contacts(tx: sa.Connection, customer_id: int) -> list[Any]:
    """Whom to talk to at a customer: personal data, for the person who asks."""
    mine = sa.and_(
        account.c.connection_id == contact.c.connection_id, account.c.external_id == contact.c.account_id
    )
    query = (
        sa.select(
            connection.c.name.label("connection"),
            contact.c.name,
            contact.c.role,
            contact.c.email,
            contact.c.phone,
        )
        .join(account, mine)
        .join(connection, connection.c.id == contact.c.connection_id)
        .where(account.c.customer_id == customer_id, contact.c.deleted.is_(False))
        .order_by(connection.c.id, contact.c.name)
    )
    return list(tx.execute(query).all())


def vendor_credits(tx: sa.Connection, customer_id: int) -> list[Any]:
    """What the CRMs' own credit modules grant a customer's accounts; amounts in minor units."""
    found: list[Any] = []
    for table in (credit_file, credit_account):
        query = (
            sa.select(
                connection.c.name.label("connection"),
                table.c.account_id,
                table.c.limit,
                table.c.balance,
                table.c.currency,
                table.c.valid_from,
                table.c.valid_to,
            )
            .join_from(
                account,
                table,
                sa.and_(
                    table.c.connection_id == account.c.connection_id,
                    table.c.account_id == account.c.external_id,
                ),
            )
            .join(connection, connection.c.id == table.c.connection_id)
            .where(account.c.customer_id == customer_id, table.c.deleted.is_(False))
            .order_by(connection.c.name, table.c.external_id)
        )
        found += tx.execute(query).all()
    return found


def identifiers(tx: sa.Connection, customer_id: int) -> list[Any]:
    """By what a customer is known."""
    query = sa.select(identifier.c.kind, identifier.c.value).where(identifier.c.customer_id == customer_id)
    return list(tx.execute(query.order_by(identifier.c.kind)).all())


def find(tx: sa.Connection, text: str) -> int:
    """The customer that a person means: its id, ``connection:account``, a legal identifier, or a name
    that only one customer has. ``Halt`` when none or several fit."""
    if text.isdigit() and tx.execute(sa.select(customer.c.id).where(customer.c.id == int(text))).first():
        return int(text)
    candidates: set[int] = set()
    source, _, external_id = text.partition(":")
    if external_id:
        query = (
            sa.select(account.c.customer_id)
            .join(connection, connection.c.id == account.c.connection_id)
            .where(connection.c.name == source, account.c.external_id == external_id)
        )
        candidates |= set(tx.execute(query).scalars())
    by_identifier = sa.select(identifier.c.customer_id).where(identifier.c.value == text)
    candidates |= set(tx.execute(by_identifier).scalars())
    if not candidates:
        named = sa.select(customer.c.id).where(customer.c.name.icontains(text, autoescape=True))
        exact = set(tx.execute(named.where(customer.c.name == text)).scalars())
        candidates |= exact or set(tx.execute(named.limit(10)).scalars())
    if len(candidates) == 1:
        return candidates.pop()
    if not candidates:
        raise Halt(f"no customer fits {text!r}", todo="see 'creditgate customer list'")
    some = ", ".join(str(number) for number in sorted(candidates))
    raise Halt(f"several customers fit {text!r}: {some}", todo="give the number of one")


def totals(tx: sa.Connection) -> list[Any]:
    """Customers, limits and exposure by status, worst last."""
    query = (
        sa.select(
            credit_line.c.status,
            credit_line.c.currency,
            sa.func.count().label("customers"),
            sa.func.coalesce(sa.func.sum(credit_line.c.limit_minor), 0).label("limit_minor"),
            sa.func.sum(credit_line.c.exposure).label("exposure"),
        )
        .where(credit_line.c.subject == CUSTOMER)
        .group_by(credit_line.c.status, credit_line.c.currency)
    )
    return list(tx.execute(query).all())
