"""Bad input and bad weather: one clear line, the right exit code, and nothing lost."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
import sqlalchemy as sa

from connector.adapter import Row
from connector.assess import assess
from connector.errors import Retry
from connector.model import Stream
from connector.pull import pull
from connector.store import records
from sandbox.server import Options
from tests.installation import Installation, installation

OPTIONS = Options(accounts=40, seed=7, as_of=dt.datetime(2026, 6, 30, tzinfo=dt.UTC))


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Installation]:
    with installation(tmp_path, OPTIONS, names=("zoho",), provisioned=False) as one:
        yield one


def one_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.startswith("creditgate:")]
    assert len(lines) == 1, text
    assert "Traceback" not in text
    return lines[0]


def test_wrong_credentials_end_with_one_line_and_code_2(made: Installation) -> None:
    base = made.bases["zoho"]
    made.run(
        *("connect", "add", "zoho", "--name", "zoho", "--set", f"accounts_url={base}"),
        *("--set", "client_id=sandbox-client", "--set", "client_secret=wrong-one"),
        *("--set", "refresh_token=sandbox-refresh"),
    )
    line = one_line(made.run("pull", expect=2).stderr)
    assert "wrong-one" not in line


def test_a_dead_server_ends_with_one_line_and_code_3(made: Installation) -> None:
    made.run(
        *("connect", "add", "zoho", "--name", "zoho", "--set", "accounts_url=http://127.0.0.1:9"),
        *("--set", "client_id=sandbox-client", "--set", "client_secret=sandbox-secret"),
        *("--set", "refresh_token=sandbox-refresh"),
    )
    line = one_line(made.run("pull", expect=3).stderr)
    assert "127.0.0.1:9" in line


def test_a_missing_configuration_says_what_to_do(tmp_path: Path) -> None:
    line = one_line(Installation(tmp_path / "nowhere").run("pull", expect=2).stderr)
    assert "creditgate init" in line


def test_a_broken_mapping_names_file_line_and_what_to_write(made: Installation) -> None:
    path = made.home / "mappings" / "zoho.yaml"
    text = path.read_text()
    number = next(
        i for i, line in enumerate(text.splitlines(), 1) if "Account_Name" in line and "name:" in line
    )
    path.write_text(text.replace("name: Account_Name", "nmae: Account_Name", 1))
    line = one_line(made.run("pull", expect=2).stderr)
    assert re.search(rf"zoho\.yaml:{number}\b", line)
    assert "write 'name'" in line


def test_a_broken_policy_names_file_line_and_what_to_write(made: Installation) -> None:
    made.run("pull")
    path = made.home / "policies" / "standard.yaml"
    text = path.read_text()
    number = next(i for i, line in enumerate(text.splitlines(), 1) if "late_share_12m" in line)
    path.write_text(text.replace("late_share_12m", "late_shares_12m", 1))
    line = one_line(made.run("assess", expect=2).stderr)
    assert re.search(rf"standard\.yaml:{number}\b", line)
    assert "late_share_12m" in line


@pytest.mark.sqlite
def test_a_full_disk_is_told_and_the_next_run_goes_on(made: Installation) -> None:
    with made.opened() as runtime:
        connection = runtime.connections.get("zoho")
        crm, mapping = runtime.crm(connection), runtime.mapping(connection)
        crm.test()  # a token is kept while there is still room

        @sa.event.listens_for(runtime.store.engine, "checkout")
        def _no_room(raw: object, *_: object) -> None:
            pages = raw.execute("PRAGMA page_count").fetchone()[0]  # type: ignore[attr-defined]
            raw.execute(f"PRAGMA max_page_count={pages + 1}")  # type: ignore[attr-defined]

        with pytest.raises(Retry, match="the disk is full") as told:
            pull(runtime.store, connection, crm, mapping)
        assert told.value.exit_code == 3
    made.run("pull")
    with made.opened() as runtime, runtime.store.read() as tx:
        assert len(records.living_ids(tx, 1, Stream.ACCOUNTS)) > 0


def test_records_that_do_not_fit_are_set_aside_and_the_run_goes_on(made: Installation) -> None:
    with made.opened() as runtime:
        connection = runtime.connections.get("zoho")
        crm, mapping = runtime.crm(connection), runtime.mapping(connection)
        genuine = crm.fetch

        def spoiled(object_name, fields, part):  # type: ignore[no-untyped-def]
            page = genuine(object_name, fields, part)
            if object_name != "Invoices" or not page.rows:
                return page
            rows = list(page.rows)
            for place, (field, value) in enumerate(
                [("Grand_Total", "12,x4"), ("Currency", "RMB"), ("Account_Name", {"id": "4711"})]
            ):
                rows[place] = Row(
                    rows[place].external_id, rows[place].modified_at, {**rows[place].data, field: value}
                )
            return type(page)(rows, page.more)

        crm.fetch = spoiled  # type: ignore[method-assign]
        pulled = pull(runtime.store, connection, crm, mapping)
        count = pulled.count(Stream.INVOICES)
        assert count.rejected == 3
        assert count.read > 3
        done = assess(runtime.store, runtime.policy, runtime.rates, runtime.now())
        assert done.judged > 0

    listing = orjson.loads(made.run("rejects", "list", "--format", "json").stdout)
    assert {row["code"]: row["value"] for row in listing} == {
        "bad_amount": "12,x4",
        "unknown_currency": "RMB",
        "missing_account": "4711",
    }
    assert all(row["field"] and row["message"] for row in listing)
    made.run("rejects", "retry", expect=1)


def test_a_record_is_taken_in_once_its_account_has_arrived(made: Installation) -> None:
    with made.opened() as runtime:
        connection = runtime.connections.get("zoho")
        crm, mapping = runtime.crm(connection), runtime.mapping(connection)
        genuine = crm.fetch

        def without_accounts(object_name, fields, part):  # type: ignore[no-untyped-def]
            page = genuine(object_name, fields, part)
            return type(page)([], False) if object_name == "Accounts" else page

        crm.fetch = without_accounts  # type: ignore[method-assign]
        first = pull(runtime.store, connection, crm, mapping)
        assert first.rejected > 0
        crm.fetch = genuine  # type: ignore[method-assign]
        second = pull(runtime.store, connection, crm, mapping, full=True)
        assert second.rejected == 0
        with runtime.store.read() as tx:
            assert records.rejects(tx) == []
