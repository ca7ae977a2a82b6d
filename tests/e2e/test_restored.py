"""After an older store was put back, the CRM ends with what is true, not with what the store remembers."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa

from connector.admin import audit
from connector.admin.restored import restored
from connector.errors import Halt
from connector.store import outbox
from connector.store.backup import back_up
from connector.store.engine import Store
from connector.store.outbox import FIELDS, Item
from connector.store.tables import secret
from sandbox.server import Options
from tests.check_bench import NOW, Bench
from tests.installation import Installation, installation

OPTIONS = Options(accounts=20, seed=11, as_of=dt.datetime(2026, 6, 30, tzinfo=dt.UTC))


def cycle(made: Installation) -> None:
    for command in ("pull", "assess", "push"):
        made.run(command)


@pytest.mark.sqlite
def test_a_value_that_the_crm_got_after_the_back_up_is_put_right(tmp_path: Path) -> None:
    with installation(tmp_path, OPTIONS, names=("zoho",), pinned=True) as made:
        cycle(made)
        expected = made.door("zoho", "content")
        file, kept = made.home / "creditgate.db", tmp_path / "backup.db"
        made.run("db", "backup", str(kept))
        # After the back-up the CRM was given other values, by results that nobody remembers.
        with made.opened() as runtime:
            names = runtime.connections.names(runtime.connections.get("zoho"), "account")
        values = {names["credit_status"]: "stop", names["credit_limit"]: "1.00"}
        made.door("zoho", "edit", {"module": "Accounts", "count": 12, "values": values})
        assert made.door("zoho", "content") != expected
        for one in made.home.glob("creditgate.db*"):
            one.unlink()
        shutil.copy(kept, file)
        assert "customers are judged again" in made.run("db", "restored", "--actor", "Lin").stderr
        cycle(made)
        assert made.door("zoho", "content") == expected
        made.run("audit", "verify")


def bench(folder: Path) -> Bench:
    made = Bench.on_sqlite(folder)
    number = made.customer()
    with made.store.write() as tx:
        items = [
            Item(1, target, "A1", "k", {"credit_status": "ok"}, FIELDS) for target in ("account", "visit")
        ]
        outbox.put(tx, items, NOW)
        for name, ends in (("setting:token", None), ("access", NOW)):
            row = {"connection_id": 1, "name": name, "value": "v", "expires_at": ends}
            tx.execute(secret.insert().values(**row))
    assert number == 1
    return made


def test_what_was_under_way_is_looked_for_and_tokens_are_fetched_anew(tmp_path: Path) -> None:
    made = bench(tmp_path)
    first, again = (restored(made.store, NOW, actor="Lin") for _ in range(2))
    assert (first.customers, first.tokens, again.tokens) == (1, 1, 0)
    with made.store.read() as tx:
        assert all(one.tried for one in outbox.due(tx, 1, NOW, 10, ["account", "visit"]))
        assert tx.execute(sa.select(secret.c.name)).scalars().all() == ["setting:token"]
    assert audit.verify(made.store).breaks == ()
    made.store.close()


@pytest.mark.sqlite
def test_a_back_up_is_whole_while_somebody_writes(tmp_path: Path) -> None:
    made = bench(tmp_path)
    with made.store.write() as tx:
        tx.execute(sa.update(secret).values(value="not committed"))
        assert back_up(made.store, tmp_path / "copy.db") > 0
    copy = Store(f"sqlite:///{tmp_path / 'copy.db'}")
    with copy.read() as tx:
        assert set(tx.execute(sa.select(secret.c.value)).scalars()) == {"v"}
    copy.close()
    assert sorted(one.name for one in tmp_path.glob("*copy*")) == ["copy.db"]
    made.store.close()


@pytest.mark.sqlite
def test_a_back_up_is_never_written_over_nor_half_there(tmp_path: Path) -> None:
    made = bench(tmp_path)
    kept = tmp_path / "copy.db"
    kept.write_text("the last good one")
    with pytest.raises(Halt, match="is there already"):
        back_up(made.store, kept)
    assert kept.read_text() == "the last good one"
    with pytest.raises(Halt, match="cannot be written"):
        back_up(made.store, tmp_path / "no folder" / "copy.db")
    made.store.close()
    _damage(tmp_path / "check.db")
    with pytest.raises(Halt, match="damaged"):
        back_up(made.store, tmp_path / "other.db")
    assert not list(tmp_path.glob("*other*"))


@pytest.mark.postgres
def test_postgres_has_its_own_back_up(postgres_url: str, tmp_path: Path) -> None:
    store = Store(postgres_url)
    with pytest.raises(Halt, match="pg_dump"):
        back_up(store, tmp_path / "copy.db")
    store.close()


def _damage(file: Path) -> None:
    """Turn a page of rows and one of an index into nonsense."""
    content = bytearray(file.read_bytes())
    for page in range(4, len(content) // 4096, 7):
        content[page * 4096 : page * 4096 + 200] = b"\xff" * 200
    file.write_bytes(bytes(content))
