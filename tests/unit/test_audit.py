"""The journal as a chain: whatever is done to it afterwards is found."""

from __future__ import annotations

import datetime as dt
import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
import sqlalchemy as sa
from alembic import command

from connector.admin import audit
from connector.store import journal, schema
from connector.store.engine import Store
from connector.store.journal import ORIGIN, Head, Wanted
from connector.store.tables import journal as table
from connector.store.tables import journal_head
from tests.cli_home import Home, make_home
from tests.new_store import bare_store

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def filled(url: str, count: int = 6) -> Store:
    store = Store(url)
    schema.upgrade(store)
    for at in range(0, count, 2):
        with store.write() as tx:
            for number in (at, at + 1):
                detail = {"before": number, "after": number + 1, "reason": "数据"}
                journal.add(
                    tx, NOW + number * DAY, f"actor {number % 3}", "limit_set", f"customer {number}", detail
                )
    return store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = filled(f"sqlite:///{tmp_path / 'store.db'}")
    yield made
    made.close()


def kinds(store: Store, noted: Head | None = None) -> list[tuple[int, str]]:
    return [(one.number, one.kind) for one in audit.verify(store, noted).breaks]


def at(number: int) -> sa.ColumnElement[bool]:
    return table.c.number == number


def forged(tx: sa.Connection, number: int) -> None:
    """Put an entry in, with the hash that the chain would give it."""
    before = tx.execute(sa.select(table.c.hash).where(at(number - 1))).scalar_one()
    values = {"actor": "x", "act": "limit_set", "subject": "customer 1", "detail": "{}"}
    mark = journal.digest(before, number, NOW, *values.values())
    tx.execute(table.insert().values(at=NOW, number=number, hash=mark, **values))


def test_a_journal_that_nobody_touched_is_whole(store: Store) -> None:
    proof = audit.verify(store)
    assert (proof.entries, proof.head.number, proof.breaks) == (6, 6, ())
    assert audit.verify(store, proof.head).breaks == ()


def test_an_empty_journal_is_whole_and_its_head_is_the_origin(tmp_path: Path) -> None:
    store = filled(f"sqlite:///{tmp_path / 'empty.db'}", 0)
    assert audit.verify(store) == audit.Proof(0, Head(0, ORIGIN), ())
    store.close()


@pytest.mark.parametrize("field", ["at", "actor", "act", "subject", "detail"])
@pytest.mark.parametrize("number", [1, 3, 6])
def test_a_changed_entry_is_found_wherever_it_stands(store: Store, number: int, field: str) -> None:
    with store.write() as tx:
        value = NOW - DAY if field == "at" else "{}"
        tx.execute(table.update().where(at(number)).values({field: value}))
    assert kinds(store) == [(number, audit.CHANGED)]


def test_an_entry_changed_together_with_its_hash_is_found_at_the_next_one(store: Store) -> None:
    with store.write() as tx:
        row = tx.execute(sa.select(table).where(at(3))).one()
        before = tx.execute(sa.select(table.c.hash).where(at(2))).scalar_one()
        mark = journal.digest(before, 3, row.at, "somebody else", row.act, row.subject, row.detail)
        tx.execute(table.update().where(at(3)).values(actor="somebody else", hash=mark))
    assert kinds(store) == [(4, audit.CHANGED)]


@pytest.mark.parametrize(("gone", "found"), [((1,), 2), ((3,), 4), ((2, 3, 4), 5)])
def test_entries_taken_out_are_found_by_the_gap(store: Store, gone: tuple[int, ...], found: int) -> None:
    with store.write() as tx:
        tx.execute(table.delete().where(table.c.number.in_(gone)))
    assert kinds(store) == [(found, audit.MISSING)]


def test_entries_taken_out_and_the_rest_counted_anew_are_found_by_the_hash(store: Store) -> None:
    with store.write() as tx:
        tx.execute(table.delete().where(at(3)))
        for number in (4, 5, 6):
            tx.execute(table.update().where(at(number)).values(number=number - 1))
        tx.execute(journal_head.update().values(number=5))
    assert kinds(store)[0] == (3, audit.CHANGED)


@pytest.mark.parametrize("number", [5, 6])
def test_a_journal_cut_off_at_its_end_is_found_by_the_head(store: Store, number: int) -> None:
    with store.write() as tx:
        tx.execute(table.delete().where(table.c.number >= number))
    assert kinds(store) == [(number - 1, audit.CUT_OFF)]


def test_an_entry_put_in_before_the_first_is_found(store: Store) -> None:
    with store.write() as tx:
        values = {"actor": "x", "act": "a", "subject": "s", "detail": "{}"}
        tx.execute(table.insert().values(at=NOW, number=0, hash=ORIGIN, **values))
    assert (0, audit.INSERTED) in kinds(store)


def test_an_entry_put_in_after_the_last_is_found(store: Store) -> None:
    with store.write() as tx:
        forged(tx, 7)
    assert kinds(store) == [(7, audit.BEYOND)]


def test_an_entry_put_in_between_is_found(store: Store) -> None:
    with store.write() as tx:
        for number in (6, 5, 4):
            tx.execute(table.update().where(at(number)).values(number=number + 1))
        forged(tx, 4)
        tx.execute(journal_head.update().values(number=7))
    assert kinds(store)[0] == (5, audit.CHANGED)


@pytest.mark.parametrize("act", [journal_head.delete(), journal_head.insert().values(number=9, hash="x")])
def test_a_head_taken_away_or_doubled_is_found(store: Store, act: sa.Executable) -> None:
    with store.write() as tx:
        tx.execute(act)
    assert kinds(store) == [(6, audit.HEADLESS)]


def test_a_chain_rewritten_to_its_end_is_found_by_a_head_noted_outside(store: Store) -> None:
    noted = audit.head(store)
    with store.write() as tx:
        last = tx.execute(sa.select(table.c.hash).where(at(2))).scalar_one()
        for row in tx.execute(sa.select(table).where(table.c.number > 2).order_by(table.c.number)).all():
            actor = "somebody else" if row.number == 3 else row.actor
            last = journal.digest(last, row.number, row.at, actor, row.act, row.subject, row.detail)
            tx.execute(table.update().where(at(row.number)).values(actor=actor, hash=last))
        tx.execute(journal_head.update().values(hash=last))
    assert kinds(store) == []
    assert kinds(store, noted) == [(6, audit.REWRITTEN)]
    assert kinds(store, Head(8, noted.hash)) == [(6, audit.CUT_OFF)]


def test_an_act_that_fails_leaves_no_entry_and_no_gap(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.write() as tx:
        journal.add(tx, NOW, "a", "b", "c", {})
        raise ZeroDivisionError
    with store.write() as tx:
        journal.add(tx, NOW, "a", "b", "c", {})
    assert audit.verify(store).head.number == 7 and kinds(store) == []


def by_many(store: Store, each: int) -> None:
    """Four threads write entries at once, each in transactions of its own."""

    def work(who: int) -> None:
        for number in range(each):
            with store.write() as tx:
                journal.add(tx, NOW, f"thread {who}", "act", f"customer {number}", {})

    threads = [threading.Thread(target=work, args=(who,)) for who in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_many_who_write_at_once_make_one_chain(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    store = filled(url)
    by_many(store, 25)
    proof = audit.verify(store)
    store.close()
    assert (proof.entries, proof.breaks) == (106, ())


def test_an_older_journal_is_chained_by_the_upgrade(tmp_path: Path) -> None:
    store = bare_store(tmp_path / "old.db")
    with store.write() as tx:
        config = schema._alembic()
        config.attributes["connection"] = tx
        command.upgrade(config, "0021")
        for number in range(3):
            columns, rest = "at, actor, act, subject, detail", "'a', 'b', 'c', '{}'"
            tx.exec_driver_sql(f"INSERT INTO journal ({columns}) VALUES ({number}, {rest})")
    schema.upgrade(store)
    first = hashlib.sha256(orjson.dumps([ORIGIN, 1, 0, "a", "b", "c", "{}"])).hexdigest()
    with store.read() as tx:
        assert journal.entries(tx)[0].hash == first
    assert audit.verify(store).breaks == () and audit.head(store).number == 3
    store.close()


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Wanted(actor="actor 1"), [2, 5]),
        (Wanted(subject="customer 3"), [4]),
        (Wanted(since=NOW + DAY, until=NOW + 3 * DAY), [2, 3]),
        (Wanted(act="nothing"), []),
    ],
)
def test_entries_are_found_by_who_what_and_when(store: Store, wanted: Wanted, numbers: list[int]) -> None:
    assert [one.number for one in audit.acts(store, wanted, 10)] == numbers


def test_only_the_newest_are_listed_oldest_first(store: Store) -> None:
    found = audit.acts(store, Wanted(), 2)
    assert [one.number for one in found] == [5, 6]
    assert found[1].detail == {"before": 5, "after": 6, "reason": "数据"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = make_home(tmp_path, monkeypatch)
    made.connect()
    number = made.customer("Hengda Metal")
    done = made.run(
        "limit", "set", "--customer", str(number), "--amount", "900", "--reason", "new", "--actor", "Lin"
    )
    assert done.code == 0
    return made


def test_the_commands_show_prove_and_note(home: Home) -> None:
    (entry,) = home.rows("audit", "show", "--act", "limit_set", "--actor", "Lin")
    assert entry["subject"] == "customer 1" and entry["detail"]["reason"] == "new"
    assert home.rows("audit", "show", "--customer", "1", "--until", "2000-01-01") == []
    noted = home.run("audit", "head").out.strip()
    whole = home.run("audit", "verify", "--noted", noted)
    assert whole.code == 0 and noted in whole.err


def test_a_broken_journal_ends_the_command_with_one_and_says_where(home: Home) -> None:
    with home.opened() as runtime, runtime.store.write() as tx:
        tx.execute(table.update().where(table.c.act == "limit_set").values(actor="Wang"))
    done = home.run("audit", "verify", "--format", "json")
    assert done.code == 1 and '"kind": "changed"' in done.out and "NOT whole" in done.err


def test_a_noted_head_that_is_none_is_refused_with_the_form_that_is_expected(home: Home) -> None:
    done = home.run("audit", "verify", "--noted", "12")
    assert done.code == 2 and "NUMBER:HASH" in done.err
