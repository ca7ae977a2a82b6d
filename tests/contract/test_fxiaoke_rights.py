"""What the acting employee or the application may not do: the rest goes on, and the lack is told."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from connector.adapter import Result, Write
from connector.admin import doctor, mapfile
from connector.model import Stream
from connector.ports.finding import Finding
from connector.pull import pull
from connector.store import visits
from connector.store.visits import Visit
from tests.fxiaoke_shop import STYLES, Shop, shop

ACCOUNT, ORDER = "AccountObj", "SalesOrderObj"
LOCK, SEND = "/cgi/crm/v2/object/lock", "/cgi/message/send"
BOTH = pytest.mark.parametrize("style", STYLES)


def told_by_doctor(found: Shop, what: str) -> list[Finding]:
    config = found.made.home / "creditgate.toml"
    return [one for one in doctor.examine(config) if what in one.what]


@BOTH
def test_an_employee_who_sees_only_the_own_accounts_reads_those_and_the_lack_is_told(
    tmp_path: Path, style: str
) -> None:
    with shop(tmp_path, style=style) as found:
        everything = {row["_id"]: row["owner"][0] for row in found.rows(ACCOUNT, "owner")}
        rep = next(owner for owner in everything.values() if owner != found.crm._client.login.user())
        own = {account for account, owner in everything.items() if owner == rep}
        found.configure(user=rep)
        assert {row["_id"] for row in found.rows(ACCOUNT)} == own and len(own) < len(everything)
        foreign = next(account for account in everything if account not in own)
        name = found.names("account")["risk_class"]
        writes = [
            Write("update", ACCOUNT, account, {name: "B"}, {name: "text"}) for account in (foreign, min(own))
        ]
        refused, done = found.crm.push(writes)
        assert (refused.result, done.result) == (Result.DEAD, Result.DONE)
        assert foreign in refused.message and "无此操作的数据权限" in refused.message
        assert "traceId" in refused.message


@BOTH
def test_without_the_interface_for_locks_the_rest_works_and_the_lack_is_told(
    tmp_path: Path, style: str
) -> None:
    with shop(tmp_path, style=style, traits={"closed": [LOCK]}) as found:
        found.pull()
        order = found.held()
        found.judge()
        done = found.push()
        (told,) = [one for one in done.faults if order in one]
        assert "10006" in told and "traceId" in told
        assert found.flags(order)[::2] == (True, False)  # marked, though not locked
        assert {one.target for one in found.waiting()} == {"order"}  # all others were written
        found.door("traits", {"closed": []})
        found.push_until_empty()
        assert found.flags(order)[::2] == (True, True)


def test_without_the_interface_for_messages_the_visit_is_there_and_the_lack_is_told(tmp_path: Path) -> None:
    with shop(tmp_path, traits={"closed": [SEND]}) as found:
        found.pull()
        found.judge()
        found.push()
        assert found.rows("credit_visit__c")
        assert found.door("messages")["messages"] == []


@BOTH
def test_without_an_interface_for_reading_each_stream_and_doctor_tell_what_is_lacking(
    tmp_path: Path, style: str
) -> None:
    with shop(tmp_path, style=style, traits={"closed": ["/cgi/crm/v2/data/query"]}) as found:
        mapping = found.runtime.mapping(found.connection)
        done = pull(found.runtime.store, found.connection, found.crm, mapping)
        assert {Stream.ACCOUNTS, Stream.ORDERS, Stream.RECEIPTS} <= set(done.skipped)
        assert all("10006" in done.count(one).skipped for one in (Stream.ACCOUNTS, Stream.RECEIPTS))
        told = [one for one in told_by_doctor(found, "permissions") if one.level == "warn"]
        assert {one.found.split(" ")[0] for one in told} >= {ACCOUNT, ORDER}
        assert all("10006" in one.found for one in told if one.found.startswith(ACCOUNT))


@BOTH
def test_a_row_that_somebody_locked_waits_and_is_told_with_the_way_out(tmp_path: Path, style: str) -> None:
    with shop(tmp_path, style=style) as found:
        found.pull()
        account = found.rows(ACCOUNT)[0]["_id"]
        colleague = {
            "object": ACCOUNT,
            "ids": [account],
            "values": {"lock_status": "1", "lock_user": ["1001"]},
        }
        found.door("edit", colleague)
        found.put(account, risk_class="B")
        done = found.push()
        assert (done.done, done.dead) == (0, 0)
        (told,) = done.faults
        assert account in told and "50009" in told and " – " in told
        assert [one.state for one in found.waiting()] == ["pending"]
        found.door("edit", {**colleague, "values": {"lock_status": "0", "lock_user": []}})
        found.push_until_empty()


@BOTH
def test_a_visit_that_is_closed_in_the_crm_is_done_here(tmp_path: Path, style: str) -> None:
    with shop(tmp_path, style=style) as found:
        found.pull()
        row = found.rows(ACCOUNT, "owner")[0]
        account, owner = row["_id"], row["owner"][0]
        day = dt.date(2026, 12, 1)
        planned = Visit("k-1", 1, found.connection.id, account, owner, day, "visit_class", "normal")
        with found.runtime.store.write() as tx:
            visits.add(tx, [planned], dt.datetime.now(dt.UTC))
        writer = found.runtime.mapping(found.connection).writer("visit", found.names("visit"))
        assert writer is not None
        values = {"subject": "走访", "status": "planned", "credit_key": "k-1", "account_id": account}
        written = writer.write(values, "zh")
        write = Write("task", writer.object, account, written, writer.types, writer.key_field, "k-1")
        (made,) = found.crm.push([write])
        status = found.names("visit")["status"]
        fields = {one.api_name: one for one in found.crm.fields_of(writer.object)}
        assert "已完成" in fields[status].labels
        (task,) = found.rows(writer.object, status, f"{status}__label")
        assert task[f"{status}__label"] == "计划中"
        done = found.crm._schemas.value(writer.object, status, "已完成")
        found.door("edit", {"object": writer.object, "ids": [made.external_id], "values": {status: done}})
        found.time += dt.timedelta(minutes=1)
        count = pull(
            found.runtime.store, found.connection, found.crm, found.runtime.mapping(found.connection)
        ).count(Stream.VISITS)
        assert (count.read, count.changed) == (1, 1)
        with found.runtime.store.read() as tx:
            (listed,) = visits.listing(tx)
        assert (listed.state, listed.task_id) == ("done", made.external_id)
        assert listed.owner and not listed.owner.startswith("FSUID")


def test_a_check_in_tells_what_became_of_a_visit_where_the_mapping_says_so(tmp_path: Path) -> None:
    with shop(tmp_path) as found:
        key = {"name": "credit_key", "api_name": "credit_key__c", "label": "信用任务编号", "type": "text"}
        found.door("console/fields", {"object": "CheckinsObj", "fields": [key]})
        found.pull()
        account = found.rows(ACCOUNT)[0]["_id"]
        planned = Visit(
            "k-1", 1, found.connection.id, account, None, dt.date(2026, 12, 1), "visit_class", "normal"
        )
        with found.runtime.store.write() as tx:
            visits.add(tx, [planned], dt.datetime.now(dt.UTC))
        wanted = ("object=CheckinsObj", "key=credit_key__c", "state=status", "state:已完成=done")
        changes = [mapfile.parse(f"visits.{one}") for one in (*wanted, "closed_at=checkin_time")]
        mapfile.change(found.runtime, found.connection, changes, found.crm, "test")
        check_in = found.rows("CheckinsObj")[0]["_id"]
        values = {"credit_key__c": "k-1", "status": "1"}
        found.door("edit", {"object": "CheckinsObj", "ids": [check_in], "values": values})
        found.time += dt.timedelta(minutes=1)
        found.pull()
        with found.runtime.store.read() as tx:
            (listed,) = visits.listing(tx)
        assert (listed.state, listed.task_id) == ("done", check_in) and listed.closed_at
