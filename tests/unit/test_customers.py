"""Customers: joined by legal identifiers, linked by persons, grouped by parents."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from connector.adapter import Row
from connector.errors import Halt
from connector.model import Account, Stream
from connector.store import customers, families, journal, listing, records, reports
from connector.store.engine import Store
from connector.store.tables import connection, customer
from tests.new_store import new_store

NOW = dt.datetime(2026, 6, 30, tzinfo=dt.UTC)
USCC, OTHER = "91110108551385082Q", "91110000802100433B"
ZOHO, FXIAOKE = 1, 2


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = new_store(f"sqlite:///{tmp_path / 'store.db'}")
    with made.write() as tx:
        for name in ("zoho", "fxiaoke"):
            values = {"name": name, "role": "crm", "kind": name, "settings": "{}", "created_at": NOW}
            tx.execute(connection.insert().values(**values))
    yield made
    made.close()


def put(store: Store, connection_id: int, *accounts: Account) -> None:
    rows = [(Row(a.external_id, None, {}), a) for a in accounts]
    with store.write() as tx:
        records.store(tx, connection_id, Stream.ACCOUNTS, rows, [], NOW)
        families.regroup(tx, connection_id, NOW)


def account(external_id: str, name: str = "", **more: object) -> Account:
    return Account(external_id=external_id, name=name or external_id, country="CN", **more)  # type: ignore[arg-type]


def owner(store: Store, place: str) -> int:
    with store.read() as tx:
        return listing.find(tx, place)


def count(store: Store) -> int:
    with store.read() as tx:
        return len(listing.customers(tx))


def test_accounts_with_the_same_legal_identifier_are_one_customer_over_crms(store: Store) -> None:
    put(store, ZOHO, account("z1", uscc=USCC), account("z2", uscc=OTHER))
    put(store, FXIAOKE, account("f1", uscc=USCC.lower()))
    assert owner(store, "fxiaoke:f1") == owner(store, "zoho:z1") != owner(store, "zoho:z2")


def test_two_accounts_of_one_debtor_on_the_same_page_are_one_customer(store: Store) -> None:
    put(store, ZOHO, account("z1", uscc=USCC), account("z2", uscc=USCC, duns="123456789"))
    assert owner(store, "zoho:z1") == owner(store, "zoho:z2")
    put(store, FXIAOKE, account("f1", duns="12-345-6789"))
    assert owner(store, "fxiaoke:f1") == owner(store, "zoho:z1")


def test_an_identifier_with_a_wrong_check_digit_joins_nobody(store: Store) -> None:
    wrong = USCC[:-1] + "A"
    put(store, ZOHO, account("z1", uscc=wrong))
    put(store, FXIAOKE, account("f1", uscc=wrong))
    assert owner(store, "fxiaoke:f1") != owner(store, "zoho:z1")


def test_a_lei_joins_accounts_and_is_what_agencies_are_asked_by(store: Store) -> None:
    put(store, ZOHO, account("z1", lei="HWUPKR0MPOU8FGXBT394"))
    put(
        store,
        FXIAOKE,
        account("f1", lei="hwup-kr0m-pou8-fgxb-t394"),
        account("f2", lei="HWUPKR0MPOU8FGXBT395"),
    )
    assert count(store) == 2
    number = owner(store, "fxiaoke:f1")
    with store.read() as tx:
        assert reports.subject(tx, number).identifiers == {"lei": "HWUPKR0MPOU8FGXBT394"}


def test_equal_names_alone_are_never_joined(store: Store) -> None:
    put(store, ZOHO, account("z1", "Same Name"))
    put(store, FXIAOKE, account("f1", "Same Name"))
    assert count(store) == 2


def test_an_identifier_that_is_entered_later_joins_the_accounts(store: Store) -> None:
    put(store, ZOHO, account("z1", uscc=USCC))
    put(store, FXIAOKE, account("f1"))
    assert owner(store, "fxiaoke:f1") != owner(store, "zoho:z1")
    put(store, FXIAOKE, account("f1", uscc=USCC))
    assert owner(store, "fxiaoke:f1") == owner(store, "zoho:z1")


def test_identifiers_of_two_customers_are_a_conflict_for_a_person(store: Store) -> None:
    put(store, ZOHO, account("z1", uscc=USCC), account("z2", duns="123456789"))
    put(store, FXIAOKE, account("f1", uscc=USCC, duns="123456789"))
    with store.read() as tx:
        acts = [entry.act for entry in journal.entries(tx)]
    assert acts == ["identifier_conflict"]


def test_a_link_made_by_a_person_is_kept_and_can_be_undone(store: Store) -> None:
    put(store, ZOHO, account("z1", uscc=USCC))
    put(store, FXIAOKE, account("f1", uscc=OTHER))
    target = owner(store, "zoho:z1")
    with store.write() as tx:
        customers.link(tx, FXIAOKE, "f1", target, "anna", NOW)
    put(store, FXIAOKE, account("f1", "renamed", uscc=OTHER))
    assert owner(store, "fxiaoke:f1") == target
    with store.write() as tx:
        customers.unlink(tx, FXIAOKE, "f1", "anna", NOW)
    assert owner(store, "fxiaoke:f1") != target
    with store.read() as tx:
        assert [entry.act for entry in journal.entries(tx)] == ["link", "link"]


def test_the_topmost_parent_makes_the_group(store: Store) -> None:
    put(
        store,
        ZOHO,
        account("top", "Top"),
        account("middle", parent_id="top"),
        account("leaf", parent_id="middle"),
        account("alone"),
    )
    with store.read() as tx:
        groups = {row.name: row.group_name for row in listing.customers(tx)}
    assert groups == {"Top": "Top", "middle": "Top", "leaf": "Top", "alone": None}


def test_a_circle_of_parents_forms_no_group_and_is_journalled(store: Store) -> None:
    put(store, ZOHO, account("a", parent_id="b"), account("b", parent_id="a"))
    with store.read() as tx:
        assert {row.group_name for row in listing.customers(tx)} == {None}
        assert {entry.act for entry in journal.entries(tx)} == {"group_circle"}


def test_a_record_that_comes_again_unchanged_marks_nobody(store: Store) -> None:
    put(store, ZOHO, account("z1", uscc=USCC))
    with store.read() as tx:
        before = tx.execute(sa.select(customer.c.changes)).scalar_one()
    put(store, ZOHO, account("z1", uscc=USCC))
    with store.read() as tx:
        assert tx.execute(sa.select(customer.c.changes)).scalar_one() == before


def test_finding_a_customer_names_the_candidates_when_several_fit(store: Store) -> None:
    put(store, ZOHO, account("z1", "Blue Steel"), account("z2", "Blue Stone"))
    assert owner(store, "Blue Steel") == owner(store, "zoho:z1")
    with pytest.raises(Halt, match="several customers fit"):
        owner(store, "Blue St")
    with pytest.raises(Halt, match="no customer fits"):
        owner(store, "Red")
