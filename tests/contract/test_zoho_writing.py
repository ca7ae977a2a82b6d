"""Writing to Zoho CRM from the outbox, against its sandbox: what happens once, and only once."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.zoho.adapter import ZohoCrm
from connector import holds
from connector.adapter import FieldState, Slice
from connector.admin.provision import Plan, provision
from connector.assess import assess
from connector.check import check
from connector.config import CrmUser
from connector.gate.check_model import CheckRequest
from connector.gate.crm import Heeded
from connector.gate.settling import settle
from connector.http import Http
from connector.people.roles import Grant, Role
from connector.policy.schema import Approvals
from connector.privacy import person_review as review
from connector.pull import pull
from connector.push import Pushed, push
from connector.runtime import Runtime
from connector.store import outbox, outbox_admin
from connector.store.outbox import Item
from connector.store.record_tables import crm_user
from connector.visits import plan
from sandbox.server import Options
from tests.gate_bench import decide
from tests.installation import Installation, installation

DAY = dt.datetime(2026, 6, 30, tzinfo=dt.UTC)
EVER = Slice(dt.datetime(2000, 1, 1, tzinfo=dt.UTC), dt.datetime(2100, 1, 1, tzinfo=dt.UTC))
ACCOUNTS = 24


class Shop:
    """An installation with one connection to the sandbox; time passes between pushes."""

    def __init__(self, made: Installation, runtime: Runtime) -> None:
        self.made = made
        self.runtime = runtime
        self.connection = runtime.connections.get("zoho")
        self.time = dt.datetime.now(dt.UTC)

    @property
    def crm(self) -> ZohoCrm:
        context = self.runtime.context(self.connection, ZohoCrm)
        http = Http(ZohoCrm.limits, sleep=lambda _: None)
        return ZohoCrm(replace(context, http=http, now=lambda: self.time))

    def provision(self, *, dry_run: bool = False) -> Plan:
        return provision(self.runtime, self.connection, dry_run=dry_run, actor="test")

    def pull(self) -> None:
        mapping = self.runtime.mapping(self.connection)
        pull(self.runtime.store, self.connection, self.crm, mapping)

    def judge(self) -> None:
        """Assess everybody and plan visits; whatever is to be written is in the outbox then."""
        runtime = self.runtime
        now, notes = runtime.now(), runtime.writing("note")
        assess(runtime.store, runtime.policy, runtime.rates, now, notes=notes)
        # What is decided about natural persons comes into force once a person has confirmed it.
        waiting = [one.customer_id for one in review.listed(runtime)]
        for number in waiting:
            review.confirm(runtime, number, reason="seen", actor="test")
        assess(runtime.store, runtime.policy, runtime.rates, now, notes=notes, customers=waiting)
        plan(runtime.store, now, {self.connection.id: "zoho"}, "en")

    def push(self) -> Pushed:
        runtime = self.runtime
        mapping = runtime.mapping(self.connection)
        return push(runtime.store, runtime.connections, self.connection, self.crm, mapping)

    def push_until_empty(self, most: int = 30) -> int:
        """Push hour after hour until nothing is left; how many pushes that took."""
        for count in range(1, most + 1):
            self.push()
            self.time += dt.timedelta(hours=1)
            if not self.waiting():
                return count
        raise AssertionError(self.waiting())

    def waiting(self) -> list[outbox_admin.Waiting]:
        with self.runtime.store.read() as tx:
            return outbox_admin.find(tx)

    def rows(self, object_name: str, *fields: str) -> list[dict[str, Any]]:
        return [dict(row.data) for row in self.crm.fetch(object_name, fields or ("id",), EVER).rows]

    def names(self, target: str) -> dict[str, str]:
        return self.runtime.connections.names(self.connection, target)

    def save(self, object_name: str, row_id: str, **values: Any) -> Any:
        """A rep saves a row in the browser, under the vendor's rules and locks."""
        body = {"module": object_name, "id": row_id, "values": values}
        return self.made.door("zoho", "browser/save", body)

    def edit(self, object_name: str, ids: list[str], **values: Any) -> None:
        """A person changes rows in the browser."""
        self.made.door("zoho", "edit", {"module": object_name, "ids": ids, "values": values})


@contextmanager
def shop(folder: Path, *, provisioned: bool = True, **faults: float) -> Iterator[Shop]:
    options = Options(
        accounts=ACCOUNTS, as_of=DAY, faults={k.replace("__", "."): v for k, v in faults.items()}
    )
    with (
        installation(folder, options, names=("zoho",), pinned=True, provisioned=False) as made,
        made.opened() as runtime,
    ):
        found = Shop(made, runtime)
        if provisioned:
            found.provision()
        yield found


def held(found: Shop) -> str:
    """A check holds an order that was read from the CRM; the order's id there."""
    orders = found.rows("Sales_Orders", "SO_Number", "Account_Name.id", "Status")
    order = next(one for one in orders if one["Status"] in ("Created", "Approved"))
    request = CheckRequest(
        connection="zoho",
        account=order["Account_Name"]["id"],
        order=order["SO_Number"],
        amount="99000000.00",
        currency="CNY",
    )
    runtime = found.runtime
    answer = check(runtime.store, runtime.policy, runtime.rates, request, runtime.now(), reservation_hours=72)
    assert answer.decision == "hold"
    return str(order["id"])


def flags(found: Shop, order: str) -> tuple[Any, Any, bool]:
    """Flag and reasons of an order, and whether it is locked."""
    names = found.names("order")
    row = next(r for r in found.rows("Sales_Orders", *names.values()) if r["id"] == order)
    locked = found.crm._locks._locks("Sales_Orders", order)
    return row[names["credit_hold"]], row[names["credit_reasons"]], bool(locked)


def test_the_same_push_twice_makes_no_write_call(tmp_path: Path) -> None:
    with shop(tmp_path) as found:
        found.pull()
        found.judge()
        assert found.push().done > ACCOUNTS
        before = found.made.writes()
        found.pull()
        found.judge()
        assert found.push().done == 0
        assert found.made.writes() == before


def test_partial_failure_is_settled_item_by_item(tmp_path: Path) -> None:
    with shop(tmp_path, write__partial=1.0) as found:
        found.pull()
        found.judge()
        first = found.push()
        assert first.done and first.retried and first.dead
        told = "\n".join(item.error for item in found.waiting())
        assert told.count("RECORD_LOCKED") and told.count("INTERNAL_ERROR") and told.count(" – ")
        assert any("RECORD_LOCKED" in fault for fault in first.faults)
        for _ in range(20):
            with found.runtime.store.write() as tx:
                outbox_admin.retry(tx, None, actor="test", now=found.time)
            found.time += dt.timedelta(hours=8)
            found.push()
            if not found.waiting():
                break
        assert found.waiting() == []
        status = found.names("account")["credit_status"]
        assert all(row[status] for row in found.rows("Accounts", status))


@pytest.mark.parametrize("fault", ["write__lost", "write__500"])
def test_lost_answers_double_neither_tasks_nor_notes(tmp_path: Path, fault: str) -> None:
    with shop(tmp_path, provisioned=False) as calm:
        calm.provision()
        calm.pull()
        calm.judge()
        calm.push_until_empty()
        tasks = sorted(row["Subject"] for row in calm.rows("Tasks", "Subject"))
    with shop(tmp_path / "b", provisioned=False, **{fault: 0.35}) as found:
        while any(w.field.state is FieldState.MISSING for w in found.provision().fields):
            pass
        found.pull()
        found.judge()
        for number in range(1, 6):
            holds.place(found.runtime.store, number, f"reason {number}", "Lin", found.time, notes={1})
        found.push_until_empty()
        assert sorted(row["Subject"] for row in found.rows("Tasks", "Subject")) == tasks
        texts = " ".join(row["Note_Content"] for row in found.rows("Notes", "Note_Content"))
        assert sorted(re.findall(r"reason \d", texts)) == [f"reason {number}" for number in range(1, 6)]


def test_a_held_order_is_flagged_and_locked_by_the_rule_until_it_is_released(tmp_path: Path) -> None:
    with shop(tmp_path) as found:
        found.pull()
        order = held(found)
        found.push()
        flag, reasons, locked = flags(found, order)
        assert (flag, locked) == (True, True) and reasons
        refused = found.save("Sales_Orders", order, Description="go on")
        assert (refused["saved"], refused["result"]["code"]) == (False, "RECORD_LOCKED")
        decide(found.runtime, "release", found.time)
        found.push()
        assert flags(found, order) == (False, None, False)
        assert found.waiting() == []
        assert found.save("Sales_Orders", order, Description="go on")["saved"]


def test_a_release_set_inside_zoho_counts_from_whoever_may_and_the_field_is_emptied(tmp_path: Path) -> None:
    with shop(tmp_path) as found:
        found.pull()
        order = held(found)
        found.push()
        with found.runtime.store.read() as tx:
            query = sa.select(crm_user).where(crm_user.c.email != "connector@example.com")
            rep, boss, *_ = tx.execute(query.order_by(crm_user.c.external_id)).all()
        people = [CrmUser(connection="zoho", user=one.email, who=one.name) for one in (rep, boss)]
        roles = [Grant(who=rep.name, role=Role.SALES), Grant(who=boss.name, role=Role.CONTROLLER)]
        config = found.runtime.config
        found.runtime.config = config.model_copy(update={"roles": roles, "crm_users": people})
        free = found.runtime.policy.model_copy(update={"approvals": Approvals()})  # no bands: roles alone
        found.runtime.__dict__["policy"] = free
        field = found.names("order")["credit_decision"]
        label = "放行" if config.language == "zh" else "Release"

        def decide_as(user: str) -> None:
            """The user sets the field of the locked order; then the CRM is read, heeded and written to."""
            body = {"module": "Sales_Orders", "id": order, "values": {field: label}, "user": user}
            assert found.made.door("zoho", "browser/save", body)["saved"]
            found.time = dt.datetime.now(dt.UTC)
            found.pull()
            assert settle(found.runtime).heeded == (Heeded(1, 0) if user == boss.email else Heeded(0, 1))
            found.push()
            row = next(r for r in found.rows("Sales_Orders", field) if r["id"] == order)
            assert not row[field]

        decide_as(rep.email)
        assert flags(found, order)[::2] == (True, True)
        decide_as(boss.email)
        assert flags(found, order) == (False, None, False)
        found.pull()
        assert settle(found.runtime).heeded == Heeded(0, 0)


def test_without_the_rule_a_held_order_is_locked_one_by_one(tmp_path: Path) -> None:
    with shop(tmp_path, provisioned=False) as found:
        manual = {"lock_type": "manual", "locked_for": "all_profiles", "feature_type": "record_locking"}
        found.crm._locks._save("POST", "Sales_Orders", manual)
        mapping = found.made.home / "mappings" / "zoho.yaml"
        text = mapping.read_text()
        mapping.write_text(text.replace("    lock: credit_hold\n", ""))
        found.provision()  # fields only: there is no rule
        mapping.write_text(text)
        found.pull()
        order = held(found)
        found.push()
        assert flags(found, order)[::2] == (True, True)
        decide(found.runtime, "reject", found.time)
        found.push()
        assert flags(found, order)[::2] == (False, False)


def test_where_nothing_is_set_up_the_flag_alone_is_written_and_the_lack_told(tmp_path: Path) -> None:
    with shop(tmp_path, provisioned=False) as found:
        mapping = found.made.home / "mappings" / "zoho.yaml"
        text = mapping.read_text()
        mapping.write_text(text.replace("    lock: credit_hold\n", ""))
        found.provision()
        mapping.write_text(text)
        found.pull()
        order = held(found)
        (told,) = found.push().faults
        assert "NOT_ALLOWED" in told and found.waiting() == []
        assert flags(found, order)[::2] == (True, False)


def test_a_dry_run_shows_the_whole_plan_and_makes_no_write_call(tmp_path: Path) -> None:
    with shop(tmp_path, provisioned=False) as found:
        before = found.made.writes()
        done = found.provision(dry_run=True)
        assert found.made.writes() == before
        calls = [w.field.call for w in done.fields if w.target == "account"]
        assert calls == [1] * 5 + [2] * 5 + [3] * 5 + [4] * 2
        assert {piece.what for piece in done.prepared} == {"section", "lock"}
        lock = next(piece for piece in done.prepared if piece.what == "lock")
        assert lock.state is FieldState.MISSING and lock.detail
        assert found.names("account") == {}


def test_provisioning_twice_changes_nothing(tmp_path: Path) -> None:
    with shop(tmp_path) as found:
        before = found.made.writes()
        again = found.provision()
        assert found.made.writes() == before
        assert {w.field.state for w in again.fields} == {FieldState.PRESENT}
        assert {piece.state for piece in again.prepared} == {FieldState.PRESENT}


def test_trap_chinese_labels_get_generated_names_which_are_read_back(tmp_path: Path) -> None:
    with shop(tmp_path) as found:
        names = found.names("account")
        assert len(names) == 17 and all(name.startswith("field") for name in names.values())


def test_trap_412_a_shared_field_waits_until_the_account_was_read_again(tmp_path: Path) -> None:
    with shop(tmp_path) as found:
        mapping = found.made.home / "mappings" / "zoho.yaml"
        text = mapping.read_text()
        mapping.write_text(text.replace("risk_class: {field:", "risk_class: {shared: true, field:"))
        found.pull()
        account = found.rows("Accounts")[0]["id"]
        found.edit("Accounts", [account], Description="called today")

        def put(value: str) -> None:
            with found.runtime.store.write() as tx:
                item = Item(found.connection.id, "account", account, "", {"risk_class": value}, 9)
                outbox.put(tx, [item], found.time)

        put("B")
        assert found.push().done == 0
        (left,) = found.waiting()
        assert left.state == "pending" and "ALREADY_MODIFIED" in left.error
        before = found.made.writes()
        found.time += dt.timedelta(days=1)
        found.push()
        assert found.made.writes() == before  # nothing is tried before it was read again
        found.pull()
        assert found.push().done == 1
        put("C")
        assert found.push().done == 1  # our own write does not stand in our way


def test_trap_a_record_in_a_blueprint_waits_and_is_told_with_the_way_out(tmp_path: Path) -> None:
    with shop(tmp_path) as found:
        found.pull()
        account = found.rows("Accounts")[0]["id"]
        field = found.names("account")["credit_status"]
        body = {"module": "Accounts", "ids": [account], "field": field}
        found.made.door("zoho", "blueprint", body)
        with found.runtime.store.write() as tx:
            item = Item(found.connection.id, "account", account, "", {"credit_status": "watch"}, 9)
            outbox.put(tx, [item], found.time)
        done = found.push()
        assert (done.retried, done.dead) == (1, 0)
        (told,) = done.faults
        for part in ("zoho: Accounts", account, "RECORD_IN_BLUEPRINT", field, " – "):
            assert part in told
        assert [item.state for item in found.waiting()] == ["pending"]


def test_complaint_airbyte_14381_without_scopes_the_rest_works_and_the_lack_is_told(tmp_path: Path) -> None:
    with shop(tmp_path, provisioned=False, few_scopes=1.0) as found:
        done = found.provision()
        assert {w.field.state for w in done.fields} == {FieldState.CREATED}
        assert {piece.state for piece in done.prepared} == {FieldState.MISSING}
        assert all("OAUTH_SCOPE_MISMATCH" in piece.by_hand for piece in done.prepared)
        found.pull()
        order = held(found)
        found.judge()
        (told,) = found.push().faults
        assert "OAUTH_SCOPE_MISMATCH" in told and "lockinginformation" in told
        names = found.names("order")
        row = next(r for r in found.rows("Sales_Orders", *names.values()) if r["id"] == order)
        assert row[names["credit_hold"]] is True and found.waiting() == []
