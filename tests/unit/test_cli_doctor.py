"""``doctor`` finds what is wrong and says what to do."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from connector.adapter import Lack, Missing
from connector.admin.shown import open_amounts
from connector.errors import Retry
from connector.model import Stream
from connector.store import cursors, discoveries
from connector.store.cursors import Cursor
from connector.store.record_tables import invoice, reject
from connector.store.tables import outbox
from tests.cli_home import NOW, FakeCrm, Home, make_home
from tests.new_store import empty


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return make_home(tmp_path, monkeypatch)


def findings(home: Home, code: int) -> dict[str, dict[str, Any]]:
    """The worst finding of each subject."""
    done = home.run("doctor", "--format", "json")
    assert done.code == code, done.out
    order = ["ok", "note", "warn", "fail"]
    worst: dict[str, dict[str, Any]] = {}
    for row in done.json:
        known = worst.get(row["what"])
        if known is None or order.index(row["level"]) > order.index(known["level"]):
            worst[row["what"]] = row
    return worst


def test_a_new_folder_is_fit_but_for_its_connections(home: Home) -> None:
    found = findings(home, 0)
    assert {name: row["level"] for name, row in found.items()} == {
        "configuration": "ok",
        "key": "ok",
        "policy": "ok",
        "roles": "note",
        "store": "ok",
        "connections": "warn",
        "rates": "ok",
        "books": "ok",
        "rejects": "ok",
        "outbox": "ok",
        "assessments": "ok",
    }
    assert found["connections"]["todo"] == "run 'creditgate connect add'"


def test_the_table_has_a_line_for_each_and_the_way_out(home: Home) -> None:
    done = home.run("doctor")
    assert "ok    key: " in done.out
    assert "warn  connections: there is none yet\n      → run 'creditgate connect add'\n" in done.out
    assert "0 failures, 1 warnings" in done.err


def test_without_a_configuration_there_is_one_finding(home: Home) -> None:
    (home.folder / "creditgate.toml").unlink()
    found = findings(home, 2)
    assert list(found) == ["configuration"] and "creditgate init" in found["configuration"]["todo"]


def test_a_key_that_others_can_read_fails(home: Home) -> None:
    (home.folder / "secret.key").chmod(0o644)
    assert findings(home, 2)["key"]["todo"].startswith("chmod 600")


def test_a_key_that_does_not_fit_the_secrets_fails(home: Home) -> None:
    home.connect()
    (home.folder / "secret.key").write_bytes(Fernet.generate_key())
    found = findings(home, 2)
    assert found["connection crm"]["level"] == "fail"
    assert "cannot be decrypted" in found["connection crm"]["found"]


def test_a_missing_key_fails_and_the_rest_is_still_looked_at(home: Home) -> None:
    (home.folder / "secret.key").unlink()
    found = findings(home, 2)
    assert found["key"]["level"] == found["connections"]["level"] == "fail"
    assert found["policy"]["level"] == found["outbox"]["level"] == "ok"


def test_an_old_schema_fails(home: Home) -> None:
    empty(home.folder / "creditgate.db")
    found = findings(home, 2)
    assert found["store"]["todo"] == "run 'creditgate db upgrade'"
    assert "rates" not in found


def test_a_broken_policy_fails_with_file_and_line(home: Home) -> None:
    path = home.folder / "policies/standard.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("currency: CNY", "currency: XXX"), encoding="utf-8"
    )
    found = findings(home, 2)
    assert found["policy"]["level"] == "fail" and "standard.yaml:3" in found["policy"]["found"]
    assert found["rates"]["level"] == "fail"  # it counts in the policy's currency


def test_connections_are_tested_and_their_mappings_checked(home: Home) -> None:
    home.connect()
    home.connect("fake", "other", "base_url=http://other.test", "token=wrong")
    (home.folder / "mappings/other.yaml").write_text("mapping: other\nraed: {}\n")
    found = findings(home, 2)
    assert found["connection crm"]["found"].startswith("connected to http://crm.test")
    assert found["connection other"]["found"] == "other: the CRM refuses the token"
    assert "other.yaml:2" in found["mapping of other"]["found"]
    assert found["mapping of crm"]["found"] == "reads accounts; writes account, visit"


def test_unprovisioned_fields_are_a_warning_until_they_exist(home: Home) -> None:
    home.connect()
    found = findings(home, 0)
    assert found["fields of crm"]["todo"] == "run 'creditgate provision crm'"
    assert home.run("provision", "crm").code == 0
    assert findings(home, 0)["fields of crm"]["level"] == "ok"


def test_a_vendor_out_of_reach_may_pass(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def test(_self: FakeCrm) -> str:
        raise Retry("the server cannot be reached", todo="run again later")

    home.connect()
    monkeypatch.setattr(FakeCrm, "test", test)
    assert findings(home, 3)["connection crm"]["level"] == "fail"
    (home.folder / "secret.key").chmod(0o644)
    assert findings(home, 2)["key"]["level"] == "fail"


def test_a_pinned_day_is_a_warning(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDITGATE_AS_OF", "2026-01-31")
    assert "2026-01-31" in findings(home, 0)["configuration"]["found"]


def test_currencies_without_a_rate_fail(home: Home) -> None:
    home.connect()
    row = {
        "connection_id": 1,
        "external_id": "I1",
        "digest": "",
        "first_seen": NOW,
        "last_seen": NOW,
        "account_id": "A1",
        "amount": 100,
        "currency": "EUR",
        "state": "open",
    }
    with home.opened() as runtime, runtime.store.write() as tx:
        tx.execute(invoice.insert().values(**row))
    found = findings(home, 2)["rates"]
    assert found["level"] == "fail" and "EUR" in found["found"] and "rates.csv" in found["todo"]
    with (home.folder / "rates.csv").open("a") as file:
        file.write("EUR,2020-01-01,7.85\n")
    assert findings(home, 0)["rates"]["found"] == "EUR, counted in CNY"


def test_pulls_rejects_dead_writes_and_unassessed_customers_are_told(home: Home) -> None:
    home.connect()
    assert findings(home, 0)["pull of crm"]["found"] == "it was never read"
    home.customer("Hengda Metal", assessed=False)
    pending = {"connection_id": 1, "target": "account", "payload": "{}", "digest": "", "priority": 9}
    old = NOW - dt.timedelta(days=3)
    aside = {"connection_id": 1, "stream": "invoices", "code": "bad_amount", "field": "amount", "value": "x"}
    with home.opened() as runtime, runtime.store.write() as tx:
        cursors.save(tx, 1, "accounts", Cursor(watermark=NOW), NOW)
        cursors.save(tx, 1, "invoices", Cursor(watermark=old), old)
        cursors.save(tx, 1, "orders", Cursor(until=NOW), NOW)
        for number, state in ((1, "pending"), (2, "dead")):
            times = {"due_at": NOW, "created_at": NOW}
            tx.execute(outbox.insert().values(**pending, **times, external_id=f"A{number}", state=state))
        seen = {"message": "", "raw": "{}", "first_seen": NOW, "last_seen": NOW}
        tx.execute(reject.insert().values(**aside, **seen, external_id="I1"))
    found = findings(home, 0)
    assert found["pull of crm, accounts"]["level"] == "ok"
    assert found["pull of crm, invoices"] == {
        "level": "warn",
        "what": "pull of crm, invoices",
        "found": "3 days ago",
        "todo": "run 'creditgate pull crm'",
    }
    assert "not complete" in found["pull of crm, orders"]["found"]
    assert found["rejects of crm"]["found"] == "1 records are set aside"
    assert found["outbox of crm"]["found"] == "1 of 2 writes were given up"
    assert found["assessments"]["todo"] == "run 'creditgate assess'"


def test_writes_that_wait_too_long_are_told(home: Home) -> None:
    home.connect()
    old = NOW - dt.timedelta(days=4)
    row = {"connection_id": 1, "target": "account", "payload": "{}", "digest": "", "priority": 9}
    with home.opened() as runtime, runtime.store.write() as tx:
        times = {"due_at": old, "created_at": old}
        tx.execute(outbox.insert().values(**row, **times, external_id="A1", state="pending"))
    assert findings(home, 0)["outbox of crm"]["found"] == "1 writes wait, the oldest for 4 days"


def test_what_the_vendor_does_not_grant_is_named_with_what_stands_still(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.connect()
    lacks = [Lack("crm.tasks.WRITE", "visits are not made tasks")]
    monkeypatch.setattr(FakeCrm, "lacking", lambda self: lacks)
    found = findings(home, 0)["permissions of crm"]
    assert found["level"] == "warn"
    assert found["found"] == "crm.tasks.WRITE is not granted: visits are not made tasks"
    assert "connect add fake --name crm" in found["todo"]


def test_what_the_tenant_does_not_show_is_named(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.connect()
    monkeypatch.setattr(FakeCrm, "missing", lambda self, name, fields: Missing(fields=fields[:1]))
    found = findings(home, 0)["accounts of crm"]
    assert found["level"] == "warn" and "has no" in found["found"]
    monkeypatch.setattr(FakeCrm, "missing", lambda self, name, fields: Missing(object="the profile hides it"))
    found = findings(home, 0)["accounts of crm"]
    assert found["level"] == "warn" and "is skipped: the profile hides it" in found["found"]


WITH_INVOICES = """\
mapping: fake
read:
  accounts: {object: Firms, fields: {name: Name}}
  invoices:
    object: Bills
    fields: {account_id: Firm, amount: Sum, currency: Cur, paid: {field: Paid, optional: true}}
"""


def test_doctor_says_whereopen_amounts_come_from(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.connect()
    (home.folder / "mappings" / "crm.yaml").write_text(WITH_INVOICES, encoding="utf-8")
    found = findings(home, 0)["open amounts of crm"]
    assert (found["level"], found["found"]) == ("ok", "from the fields Paid of its invoices")
    monkeypatch.setattr(FakeCrm, "missing", lambda self, name, fields: Missing(fields=("Paid",)))
    found = findings(home, 0)["open amounts of crm"]
    assert found["level"] == "warn" and "the mapped fields Paid are not there" in found["found"]
    assert "ledger" in found["todo"]
    with home.opened() as runtime:
        runtime.connections.add("books", "ledger", "ledger", {}, {}, home.folder)
        crm, mapping = runtime.connections.get("crm"), runtime.mapping(runtime.connections.get("crm"))
        absent = {Stream.INVOICES: ("Paid",)}
        assert open_amounts(runtime, crm, mapping, absent).found == "from the ledger books"


@pytest.mark.parametrize(
    ("state", "told"),
    [("dead", "1 of 1 writes were given up"), ("pending", "1 of 1 writes are refused for now")],
)
def test_refused_writes_are_told_in_the_vendors_words_with_the_way_out(
    home: Home, state: str, told: str
) -> None:
    home.connect()
    words = "Accounts 77, id: RECORD_LOCKED: record is locked – unlock the record"
    row = {"connection_id": 1, "target": "account", "payload": "{}", "digest": "", "priority": 9}
    times = {"due_at": NOW, "created_at": NOW}
    with home.opened() as runtime, runtime.store.write() as tx:
        tx.execute(outbox.insert().values(**row, **times, external_id="77", state=state, error=words))
    found = findings(home, 0)["outbox of crm"]
    assert found["level"] == "warn"
    assert found["found"] == f"{told}, such as {words}"
    assert "outbox list crm" in found["todo"]
    assert words in home.run("outbox", "list", "crm", "--format", "csv").out


def test_fields_that_did_not_stick_are_told(home: Home) -> None:
    home.connect()
    told = "Firms 77: the CRM took the write but does not show these fields: Risk – run provision"
    value = {"mapping": "d", "record": "77", "fields": ["Risk"], "told": told}
    with home.opened() as runtime, runtime.store.write() as tx:
        discoveries.keep(tx, 1, "stuck:account", value, NOW)
    found = findings(home, 0)["write-back to crm"]
    assert (found["level"], found["todo"]) == ("warn", "run provision")
    assert "Firms 77" in found["found"]


@pytest.mark.parametrize(("mode", "level"), [(0o440, "ok"), (0o444, "fail")])
def test_a_mounted_key_may_be_read_by_its_group_and_by_nobody_else(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, level: str
) -> None:
    file = tmp_path / "mounted"
    file.write_text((home.folder / "secret.key").read_text())
    file.chmod(mode)
    monkeypatch.setenv("CREDITGATE_KEY", f"file:{file}")
    found = {row["what"]: row for row in home.run("doctor", "--format", "json").json}
    assert found["key"]["level"] == level
