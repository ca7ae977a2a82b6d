"""Every credit act is on record with who, when, why, before and after; and wherever the record is touched, it
is found."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connector.admin import audit
from connector.store import journal
from connector.store.engine import Store
from connector.store.tables import journal as table
from tests.cli_home import POLICY, Home, make_home
from tests.new_store import new_store

pytestmark = pytest.mark.sqlite  # it copies the file

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
COUNT = 5


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = make_home(tmp_path, monkeypatch)
    (made.folder / "policies" / "standard.yaml").write_text(POLICY, encoding="utf-8")
    made.connect()
    made.customer("恒达金属")
    return made


def done(home: Home, *args: str, actor: str = "Lin", why: str = "查清了") -> None:
    found = home.run(*args, "--reason", why, "--actor", actor)
    assert found.code in (0, 1), found.err


def test_every_act_says_who_when_why_and_what_was_there_before_and_after(home: Home) -> None:
    began = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    done(home, "limit", "set", "--customer", "1", "--amount", "5000", actor="Wu")
    done(home, "limit", "set", "--customer", "1", "--amount", "7000", actor="Wu")
    done(home, "limit", "set", "--customer", "1", "--withdraw", actor="Wu")
    done(home, "hold", "place", "--customer", "1", why="数据有误")
    done(home, "hold", "place", "--customer", "1", why="搬家")
    done(home, "hold", "lift", "--customer", "1")
    done(home, "blacklist", "add", "1")
    done(home, "blacklist", "remove", "1")
    done(home, "promise", "record", "1", "--amount", "500", "--on", "2099-01-01")
    done(home, "promise", "settle", "1", "--kept")
    rows: list[dict[str, Any]] = home.rows("audit", "show", "--customer", "1")
    told = [
        (row["act"], row["actor"], row["detail"]["reason"], row["detail"]["before"], row["detail"]["after"])
        for row in rows
    ]
    assert all(dt.datetime.fromisoformat(row["at"]) > began for row in rows)
    (first, second, third), rest = told[:3], told[3:]
    assert [one[:3] for one in (first, second)] == [("limit_set", "Wu", "查清了")] * 2
    assert first[3] is None and first[4] == second[3] and first[4]["amount"] == 500_000
    assert second[4]["amount"] == 700_000
    assert third == ("limit_withdrawn", "Wu", "查清了", [second[4]], None)
    assert rest == [
        ("hold_placed", "Lin", "数据有误", None, "数据有误"),
        ("hold_placed", "Lin", "搬家", "数据有误", "搬家"),
        ("hold_lifted", "Lin", "查清了", "搬家", None),
        ("blacklisted", "Lin", "查清了", None, "blacklisted"),
        ("readmitted", "Lin", "查清了", "blacklisted", None),
        ("promise_recorded", "Lin", "查清了", None, "open"),
        ("promise_settled", "Lin", "查清了", "open", "kept"),
    ]
    assert home.run("audit", "verify").code == 0


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a journal of ``COUNT`` entries."""
    file = tmp_path_factory.mktemp("kept") / "store.db"
    store = new_store(f"sqlite:///{file}")
    with store.write() as tx:
        for number in range(COUNT):
            subject = f"customer {number}"
            journal.add(tx, NOW + dt.timedelta(days=number), "Lin", "link", subject, {"reason": "x"})
    store.close()
    return file


FIELDS = {"at": NOW - dt.timedelta(days=9), "actor": "y", "act": "y", "subject": "y", "detail": "{}"}
PLACES = range(1, COUNT + 1)
TOUCHES = [
    *[(f"{name} of {number}", table.update().where(table.c.number == number).values({name: value}))
      for number in PLACES for name, value in {**FIELDS, "hash": "0" * 64, "number": 99}.items()],
    *[(f"without {number}", table.delete().where(table.c.number == number)) for number in PLACES],
    *[(f"without all from {number}", table.delete().where(table.c.number >= number)) for number in PLACES],
    *[(f"without all to {number}", table.delete().where(table.c.number <= number)) for number in PLACES],
    *[(f"one more at {number}", table.insert().values(number=number, hash="0" * 64, **FIELDS))
      for number in (-1, 0, COUNT + 1, COUNT + 2)],
]  # fmt: skip


@pytest.mark.parametrize(("what", "touch"), TOUCHES, ids=[what for what, _ in TOUCHES])
def test_a_row_changed_taken_out_or_put_in_anywhere_is_found(
    kept: Path, tmp_path: Path, what: str, touch: sa.Executable
) -> None:
    copied = tmp_path / "store.db"
    shutil.copy(kept, copied)
    store = Store(f"sqlite:///{copied}")
    assert audit.verify(store).breaks == ()
    with store.write() as tx:
        tx.execute(touch)
    assert audit.verify(store).breaks, what
    store.close()


@pytest.mark.parametrize("place", PLACES)
def test_a_row_put_in_between_and_the_rest_counted_anew_is_found(
    kept: Path, tmp_path: Path, place: int
) -> None:
    copied = tmp_path / "store.db"
    shutil.copy(kept, copied)
    store = Store(f"sqlite:///{copied}")
    with store.write() as tx:
        for number in reversed(range(place, COUNT + 1)):
            tx.execute(table.update().where(table.c.number == number).values(number=number + 1))
        before = tx.execute(sa.select(table.c.hash).where(table.c.number == place - 1)).scalar()
        texts = {name: str(FIELDS[name]) for name in ("actor", "act", "subject", "detail")}
        mark = journal.digest(before or journal.ORIGIN, place, NOW, *texts.values())
        tx.execute(table.insert().values(number=place, at=NOW, hash=mark, **texts))
    assert audit.verify(store).breaks
    store.close()
