"""Pulling from the Zoho sandbox: in bulk, by query and by list, undisturbed, disturbed and killed."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.zoho import bulkfile, records
from adapters.zoho import settings as zoho_settings
from connector.adapter import Result, Write
from connector.admin.provision import provision
from connector.errors import CreditGateError, Retry
from connector.http import Http
from connector.model import Stream
from connector.store import cursors, visits
from connector.store.visits import Visit
from connector.window import Window
from sandbox.server import Options
from tests.zoho_home import ACCOUNTS, MAPPING, OPTIONS, home, quick

READ = ("accounts", "orders", "invoices")


@pytest.fixture(autouse=True)
def _no_wait_for_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten downloads a minute are tested with a clock that can be moved."""
    monkeypatch.setattr(zoho_settings, "UNKNOWN", replace(zoho_settings.UNKNOWN, rates={}))


class Killed(BaseException):
    """The process dies at this line."""


def test_bulk_and_query_give_the_same_store(tmp_path: Path) -> None:
    with home(tmp_path) as one:
        one.tune(queue_seconds=0, page_rows=70)
        by_query = one.connect("zoho", bulk_from="never")
        in_bulk = one.connect("bulk", bulk_from="0")
        for connection in (by_query, in_bulk):
            done = one.pull(connection, quick(one.crm(connection)))
            assert not done.skipped and not done.rejected
            assert not [count.note for stream, count in done.streams.items() if stream in READ if count.note]
        first, second = one.records(by_query), one.records(in_bulk)
        assert len(first["accounts"]) > 70 and len(first["invoices"]) > 140
        assert first == second
        assert one.cursor(in_bulk, Stream.INVOICES).bulk is None


def test_small_objects_go_by_query_and_large_ones_in_bulk(tmp_path: Path) -> None:
    with home(tmp_path) as one:
        one.tune(queue_seconds=0)
        connection = one.connect("zoho", bulk_from=str(ACCOUNTS + 30))
        crm = quick(one.crm(connection))
        one.pull(connection, crm)
        started = sum(n for (m, path), n in crm.context.http.meter.items() if m == "POST" and "bulk" in path)
        assert 1 <= started <= 2  # orders and invoices, not accounts
        again = quick(one.crm(connection))
        one.pull(connection, again)
        assert not [path for (_, path) in again.context.http.meter if "bulk" in path]


def test_zoho_makes_all_large_objects_ready_at_once_while_the_first_is_stored(tmp_path: Path) -> None:
    with home(tmp_path) as one:
        one.tune(queue_seconds=0)
        connection = one.connect("zoho", bulk_from="0")
        crm = quick(one.crm(connection))
        calls: list[str] = []
        meter, send = crm.context.http.meter, crm.context.http._send

        def noted(method: str, url: str, **more: Any) -> Any:
            calls.append(f"{method} {url.rsplit('/crm/', maxsplit=1)[-1]}")
            return send(method, url, **more)

        crm.context.http._send = noted  # type: ignore[method-assign]
        one.pull(connection, crm)
        assert meter
        orders = [at for at, call in enumerate(calls) if call == "POST bulk/v8/read"]
        fetched = [at for at, call in enumerate(calls) if call.endswith("/result")]
        assert len(orders) == len(fetched) >= 3
        assert max(orders) < min(fetched)


def test_what_changes_while_a_job_runs_is_read_by_the_next_window(tmp_path: Path) -> None:
    with home(tmp_path) as one:
        one.tune(queue_seconds=0)
        connection = one.connect("zoho", bulk_from="0")
        before = dt.datetime.now(dt.UTC)
        one.pull(connection, quick(one.crm(connection)))
        cursor = one.cursor(connection, Stream.ACCOUNTS)
        assert cursor.watermark is not None and before <= cursor.watermark <= dt.datetime.now(dt.UTC)
        (changed,) = one.made.door("zoho", "edit", _edit("Accounts", {"Billing_City": "Nowhere"}))["ids"]
        (gone,) = one.made.door("zoho", "delete", {"module": "Invoices", "count": 1})["ids"]
        done = one.pull(connection)
        assert one.records(connection)["accounts"][changed]["city"] == "Nowhere"
        assert one.records(connection)["invoices"][gone]["deleted"]
        assert done.count(Stream.INVOICES).gone == 1


def _edit(module: str, values: dict[str, Any], count: int = 1) -> dict[str, Any]:
    return {"module": module, "count": count, "values": values}


def test_bulk_job_that_fails_falls_back_to_queries_with_a_message(tmp_path: Path) -> None:
    options = Options(accounts=ACCOUNTS, faults={"zoho.bulk_failure": 1.0})
    with home(tmp_path, options) as one:
        one.tune(queue_seconds=0)
        connection = one.connect("zoho", bulk_from="0")
        done = one.pull(connection, quick(one.crm(connection)))
        assert "FAILURE" in done.count(Stream.ACCOUNTS).note
        assert "read by query instead" in done.count(Stream.ACCOUNTS).note
        assert len(one.records(connection)["accounts"]) == done.count(Stream.ACCOUNTS).read
        assert one.cursor(connection, Stream.ACCOUNTS).slices == ()


@pytest.mark.parametrize("way", ["never", "0"])
def test_a_kill_at_any_page_loses_and_doubles_nothing(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``way`` is the setting ``bulk_from``: by query or in bulk."""
    monkeypatch.setattr(records, "QUERY_ROWS", 90)
    monkeypatch.setattr(bulkfile, "BATCH", 90)
    with home(tmp_path, replace(OPTIONS, accounts=60)) as one:
        one.tune(queue_seconds=0, page_rows=150)
        undisturbed = one.connect("zoho", bulk_from="never")
        one.pull(undisturbed)
        killed = one.connect("killed", bulk_from=way)
        put, kills = Window._put, 0
        for turn in range(200):
            left = [None] * (1 + turn % 2)  # after one page, after two, after one, …

            def dies(self: Window, *given: Any, left: list[None] = left) -> None:
                if not left:
                    raise Killed
                left.pop()
                put(self, *given)

            with monkeypatch.context() as patch:
                patch.setattr(Window, "_put", dies)
                try:
                    one.pull(killed, quick(one.crm(killed)))
                    break
                except Killed:
                    kills += 1
                    one.runtime.release()  # as the end of its process does
        done = one.pull(killed, quick(one.crm(killed)))
        assert kills > 3 and not done.rejected
        assert one.records(killed) == one.records(undisturbed)
        assert one.rejects() == 0


@pytest.mark.parametrize("way", ["never", "0"])
def test_a_kill_at_any_call_loses_and_doubles_nothing(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls are made by several threads; whichever makes the fatal one, the run dies of it."""
    monkeypatch.setattr(records, "QUERY_ROWS", 50)
    with home(tmp_path, replace(OPTIONS, accounts=60)) as one:
        one.tune(queue_seconds=0, page_rows=50)
        undisturbed = one.connect("zoho", bulk_from="never")
        one.pull(undisturbed)
        killed = one.connect("killed", bulk_from=way)
        call, kills, turn = Http.call, 0, 0
        while True:
            turn += 1
            left = [None] * (3 + turn)

            def dies(self: Http, *given: Any, left: list[None] = left, **named: Any) -> Any:
                try:
                    left.pop()
                except IndexError:
                    raise Killed from None
                return call(self, *given, **named)

            with monkeypatch.context() as patch:
                patch.setattr(Http, "call", dies)
                try:
                    one.pull(killed, quick(one.crm(killed)))
                    break
                except Killed:
                    kills += 1
                    one.runtime.release()  # as the end of its process does
        one.pull(killed, quick(one.crm(killed)))
        assert kills > 3
        assert one.records(killed) == one.records(undisturbed)


def test_a_result_that_is_gone_is_loaded_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with home(tmp_path) as one:
        one.tune(queue_seconds=0, page_rows=60)
        connection = one.connect("zoho", bulk_from="0")
        put = Window._put

        def dies(self: Window, place: Any, rows: Any) -> None:
            put(self, place, rows)
            if rows:
                raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(Window, "_put", dies)
            with pytest.raises(Killed):
                one.pull(connection, quick(one.crm(connection)))
        kept = one.cursor(connection, Stream.ACCOUNTS)
        assert kept.bulk is not None and kept.bulk.stored > 0
        lost = replace(kept, bulk=replace(kept.bulk, job=kept.bulk.job.replace('"id": "', '"id": "9')))
        with one.runtime.store.write() as tx:
            cursors.save(tx, connection.id, Stream.ACCOUNTS.value, lost, dt.datetime.now(dt.UTC))
        one.pull(connection, quick(one.crm(connection)))
        other = one.connect("query", bulk_from="never")
        one.pull(other)
        assert one.records(connection) == one.records(other)


def test_rows_that_shift_between_pages_are_neither_lost_nor_doubled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = Options(accounts=ACCOUNTS, faults={"zoho.shift": 0.5})
    with home(tmp_path, options) as one:
        connection = one.connect("zoho", bulk_from="never")
        with monkeypatch.context() as patch:
            patch.setattr(records, "QUERY_ROWS", 40)
            one.pull(connection)
        one.pull(connection)  # nothing moves after a page that is the last one
        other = one.connect("calm", bulk_from="never")
        one.pull(other)
        mine, calm = one.records(connection), one.records(other)
        for name in READ:
            living = {key: row["digest"] for key, row in mine[name].items() if not row["deleted"]}
            assert living == {key: row["digest"] for key, row in calm[name].items()}


def test_page_token_that_is_repeated_is_an_error_not_a_circle(tmp_path: Path) -> None:
    options = Options(accounts=ACCOUNTS, faults={"zoho.repeat_token": 1.0})
    with home(tmp_path, options) as one:
        connection = one.connect("zoho", bulk_from="never")
        crm = quick(one.crm(connection))
        crm._records._listed.add("Invoices")  # type: ignore[attr-defined]
        with pytest.raises(Retry, match="again and again"):
            one.pull(connection, crm)


def test_list_gives_the_same_store_as_queries(tmp_path: Path) -> None:
    with home(tmp_path) as one:
        by_query = one.connect("zoho", bulk_from="never")
        by_list = one.connect("list", bulk_from="never")
        one.pull(by_query)
        crm = one.crm(by_list)
        crm._records._listed.update(("Accounts", "Sales_Orders", "Invoices", "Contacts"))  # type: ignore[attr-defined]
        one.pull(by_list, crm)
        assert not [path for (_, path) in crm.context.http.meter if path.endswith("/coql")]
        assert one.records(by_query) == one.records(by_list)


def test_many_changes_in_the_same_second_are_all_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "QUERY_ROWS", 30)
    with home(tmp_path) as one:
        connection = one.connect("zoho", bulk_from="never")
        one.pull(connection)
        edit = _edit("Accounts", {"Billing_City": "Elsewhere"}, count=120)
        changed = one.made.door("zoho", "edit", edit)["ids"]
        one.pull(connection)
        cities = one.records(connection)["accounts"]
        assert {cities[key]["city"] for key in changed} == {"Elsewhere"}


def test_a_bad_record_among_good_ones_is_set_aside_by_both_ways(tmp_path: Path) -> None:
    with home(tmp_path) as one:
        one.tune(queue_seconds=0)
        edit = _edit("Invoices", {"Account_Name": None})
        (bad,) = one.made.door("zoho", "edit", edit)["ids"]
        for name, way in (("zoho", "never"), ("bulk", "0")):
            connection = one.connect(name, bulk_from=way)
            done = one.pull(connection, quick(one.crm(connection)))
            invoices = one.records(connection)["invoices"]
            assert done.count(Stream.INVOICES).rejected == 1 and bad not in invoices
            assert len(invoices) == done.count(Stream.INVOICES).read - 1


def test_module_that_the_org_does_not_show_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    options = Options(accounts=ACCOUNTS, faults={"zoho.odd_fields": 1.0})
    with home(tmp_path, options) as one:
        connection = one.connect("zoho", bulk_from="never")
        done = one.pull(connection)
        assert done.skipped == [Stream.CONTACTS]
        assert "INVALID_MODULE" in done.count(Stream.CONTACTS).skipped
        assert all(one.records(connection)[name] for name in READ)


def test_few_scopes_are_named_and_what_they_allow_is_read(tmp_path: Path) -> None:
    options = Options(accounts=ACCOUNTS, faults={"zoho.few_scopes": 1.0})
    with home(tmp_path, options) as one:
        connection = one.connect("zoho", bulk_from="0")
        lacks = {lack.what: lack.without for lack in one.crm(connection).lacking()}
        assert "批量读取" in lacks["ZohoCRM.bulk.READ"]
        assert "ZohoCRM.modules.accounts.READ" not in lacks
        done = one.pull(connection, quick(one.crm(connection)))
        assert "ZohoCRM.bulk.READ" in done.count(Stream.INVOICES).note
        assert all(one.records(connection)[name] for name in READ)


def test_token_that_ends_in_mid_run_is_renewed(tmp_path: Path) -> None:
    options = Options(accounts=ACCOUNTS, faults={"zoho.expired": 0.02})
    with home(tmp_path, options) as one:
        connection = one.connect("zoho", bulk_from="never")
        try:
            one.pull(connection)
        except CreditGateError as fault:
            assert isinstance(fault, Retry)  # the token endpoint's ten in ten minutes


def test_burst_of_refusals_pauses_all_calls_and_nothing_is_lost(tmp_path: Path) -> None:
    options = Options(accounts=ACCOUNTS, faults={"zoho.burst": 0.1})
    with home(tmp_path, options) as one:
        connection = one.connect("zoho", bulk_from="never")
        crm = quick(one.crm(connection))
        one.pull(connection, crm)
        other = one.connect("other", bulk_from="never")
        one.pull(other, quick(one.crm(other)))
        assert one.records(connection) == one.records(other)


def test_users_give_owners_their_names(tmp_path: Path) -> None:
    with home(tmp_path) as one:
        connection = one.connect("zoho", bulk_from="never")
        one.pull(connection)
        found = one.records(connection)
        owners = {row["owner_id"] for row in found["accounts"].values()}
        assert owners <= set(found["users"])
        assert all(row["name"] and row["active"] for row in found["users"].values())


@pytest.mark.parametrize("way", ["never", "0"])
def test_visit_that_is_closed_in_the_crm_is_done_here(tmp_path: Path, way: str) -> None:
    with home(tmp_path) as one:
        one.tune(queue_seconds=0)
        connection = one.connect("zoho", bulk_from=way)
        provision(one.runtime, connection, dry_run=False, actor="test")
        one.pull(connection, quick(one.crm(connection)))
        account, row = next(iter(one.records(connection)["accounts"].items()))
        names = one.runtime.connections.names(connection, "visit")
        writer = MAPPING.writer("visit", names)
        assert writer is not None
        values = {"subject": "Visit", "status": "planned", "credit_key": "k-1", "account_id": account}
        written = writer.write(values, "en")
        write = Write("task", writer.object, account, written, writer.types, writer.key_field, "k-1")
        (outcome,) = one.crm(connection).push([write])
        assert outcome.result is Result.DONE, outcome.message
        with one.runtime.store.write() as tx:
            day = dt.date(2026, 12, 1)
            planned = Visit("k-1", 1, connection.id, account, row["owner_id"], day, "visit_class", "normal")
            visits.add(tx, [planned], dt.datetime.now(dt.UTC))
        done = one.pull(connection)
        assert (done.count(Stream.VISITS).read, done.count(Stream.VISITS).changed) == (1, 1)
        edit = {"module": "Tasks", "ids": [outcome.external_id], "values": {"Status": "Completed"}}
        one.made.door("zoho", "edit", edit)
        one.pull(connection)
        with one.runtime.store.read() as tx:
            (listed,) = visits.listing(tx)
        assert (listed.state, listed.task_id) == ("done", outcome.external_id)
        assert listed.owner and not listed.owner.isdigit()
