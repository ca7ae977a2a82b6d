"""Writing to Fxiaoke from the outbox, against its sandbox: what happens once, and only once."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connector.adapter import FieldState
from connector.store import outbox, outbox_admin
from connector.store.tables import visit
from tests.fxiaoke_pushes import ACCOUNT, LOST, ORDER, VISIT, _files, _same
from tests.fxiaoke_pushes import found as found
from tests.fxiaoke_pushes import style as style
from tests.fxiaoke_shop import Shop, shop


def test_the_same_push_twice_makes_no_write_call(found: Shop) -> None:
    found.judge()
    assert found.push().done > 10
    before = found.made.writes()
    found.pull()
    found.judge()
    assert found.push().done == 0
    assert found.made.writes() == before


def test_one_call_a_record_with_every_trigger_off(found: Shop) -> None:
    for name in (ACCOUNT, ORDER):
        found.door("console/approval", {"object": name})
    found.judge()
    found.push()
    rows = found.rows(ACCOUNT)
    updates = [one for one in found.wrote("update") if one["object"] == ACCOUNT]
    assert sorted(one["id"] for one in updates) == sorted(row["_id"] for row in rows)
    for one in found.wrote():
        assert (one["triggerApprovalFlow"], one["triggerWorkFlow"]) == (False, False)
        assert one["optionInfo"]["useValidationRule"] is False
        assert one["optionInfo"]["skipFuncValidate"] is True
    assert {row["life_status"] for row in found.rows(ACCOUNT, "life_status")} <= {"normal", "ineffective"}


def test_only_changed_fields_are_sent(found: Shop) -> None:
    account, names = found.rows(ACCOUNT)[0]["_id"], found.names("account")
    found.put(account, risk_class="B", credit_policy="one")
    found.push()
    found.door("edit", {"object": ACCOUNT, "ids": [account], "values": {names["risk_class"]: "by hand"}})
    found.put(account, risk_class="B", credit_policy="two")
    assert found.push().done == 1
    row = next(r for r in found.rows(ACCOUNT, *names.values()) if r["_id"] == account)
    assert (row[names["risk_class"]], row[names["credit_policy"]]) == ("by hand", "two")


def test_after_an_attempt_that_may_have_arrived_everything_is_sent(tmp_path: Path) -> None:
    with shop(tmp_path) as found:
        found.pull()
        account, names = found.rows(ACCOUNT)[0]["_id"], found.names("account")
        found.put(account, risk_class="A")
        found.push()
        found.put(account, risk_class="B")
        with found.runtime.store.write() as tx:  # killed after the call, before its answer was kept
            outbox.tried(tx, outbox.due(tx, found.connection.id, found.time, 9, ["account"]))
        found.door("edit", {"object": ACCOUNT, "ids": [account], "values": {names["risk_class"]: "B"}})
        found.put(account, risk_class="A")
        found.push()
        row = next(r for r in found.rows(ACCOUNT, *names.values()) if r["_id"] == account)
        assert row[names["risk_class"]] == "A"


def test_partial_failure_is_settled_item_by_item(tmp_path: Path, style: str) -> None:
    with shop(tmp_path, style=style) as found:
        found.pull()
        found.judge()
        locked, gone = (row["_id"] for row in found.rows(ACCOUNT)[:2])
        found.door(
            "edit",
            {"object": ACCOUNT, "ids": [locked], "values": {"lock_status": "1", "lock_user": ["1001"]}},
        )
        found.door("delete", {"object": ACCOUNT, "ids": [gone]})
        first = found.push()
        assert first.done and first.retried == 1
        told = {item.external_id: item for item in found.waiting() if item.target == "account"}
        assert set(told) == {locked, gone}
        assert told[locked].state == "pending" and " – " in told[locked].error
        assert told[gone].state == "dead" and "数据不存在" in told[gone].error
        found.door("edit", {"object": ACCOUNT, "ids": [locked], "values": {"lock_status": "0"}})
        found.time += dt.timedelta(hours=8)
        assert found.push().done == 1
        assert locked not in {item.external_id for item in found.waiting()}
        with found.runtime.store.write() as tx:
            outbox_admin.retry(tx, None, actor="test", now=found.time)
        assert found.push().dead  # it is gone


@pytest.mark.parametrize(("fault", "style"), LOST)
def test_lost_answers_double_no_task(tmp_path: Path, fault: str, style: str) -> None:
    faults: dict[str, Any] = {fault: 0.35}
    with shop(tmp_path, style=style, **faults) as found:
        found.pull()
        found.judge()
        found.push_until_empty()
        key = found.names("visit")["credit_key"]
        keys = Counter(row[key] for row in found.rows(VISIT, key))
        with found.runtime.store.read() as tx:
            planned = tx.execute(sa.select(visit.c.key)).scalars().all()
        assert sorted(keys.elements()) == sorted(planned) and planned
        status = found.names("account")["credit_status"]
        assert all(row[status] for row in found.rows(ACCOUNT, status))


def test_with_write_rules_on_the_tenants_rules_judge_what_we_write(tmp_path: Path) -> None:
    with shop(tmp_path, settings={"write_rules": "on"}) as found:
        found.pull()
        rule = {
            "object": ACCOUNT,
            "field": found.names("account")["risk_class"],
            "equals": "X",
            "message": "等级不合法",
        }
        found.door("console/rules", rule)
        found.put(found.rows(ACCOUNT)[0]["_id"], risk_class="X")
        assert found.push().dead == 1
        assert "等级不合法" in found.waiting()[0].error


def test_a_dry_run_lists_what_to_create_and_makes_no_write_call(tmp_path: Path, style: str) -> None:
    with shop(tmp_path, style=style, provisioned=False) as found:
        before = found.made.writes()
        done = found.provision(dry_run=True)
        assert found.made.writes() == before
        assert {w.field.state for w in done.fields} == {FieldState.MISSING}
        assert all(w.field.by_hand for w in done.fields)
        assert {piece.state for piece in done.prepared} == {FieldState.PRESENT}  # locks need no set-up
        assert len(done.files) == len(done.fields)
        assert found.names("account") == {}


def test_provisioning_twice_changes_nothing(found: Shop) -> None:
    before = found.made.writes()
    again = found.provision()
    assert found.made.writes() == before
    assert {w.field.state for w in again.fields} == {FieldState.PRESENT}
    assert not again.files


def test_trap_generated_names_are_found_by_label_and_written(tmp_path: Path, style: str) -> None:
    with shop(tmp_path, style=style, provisioned=False) as found:
        found.console(named=False)
        names = found.names("account")
        assert len(names) == 17 and all(name.startswith("field_") for name in names.values())
        found.pull()
        found.judge()
        found.push()
        status = names["credit_status"]
        assert all(row[status] for row in found.rows(ACCOUNT, status))


def test_trap_option_values_are_opaque_and_found_by_label(found: Shop) -> None:
    account = found.rows(ACCOUNT)[0]["_id"]
    status = found.names("account")["credit_status"]
    kept = {"正常": "option1", "关注": "other", "冻结": "2", "停止": "k7"}
    found.door("console/variant", {ACCOUNT: {"fields": {status: {"options": kept}}}})
    found.put(account, credit_status="hold")
    assert found.push().done == 1
    row = next(r for r in found.rows(ACCOUNT, status, f"{status}__label") if r["_id"] == account)
    assert (row[status], row[f"{status}__label"]) == ("2", "冻结")


def test_trap_a_label_that_is_missing_fails_loudly(found: Shop) -> None:
    status = found.names("account")["credit_status"]
    found.door("console/variant", {ACCOUNT: {"fields": {status: {"labels": {"冻结": "不冻结"}}}}})
    found.put(found.rows(ACCOUNT)[0]["_id"], credit_status="hold")
    pushed = found.push()
    assert pushed.dead == 1 and "冻结" in pushed.faults[0] and "provision" in pushed.faults[0]


def test_a_shared_field_waits_until_the_account_was_read_again(found: Shop) -> None:
    mapping = found.made.home / "mappings" / "fxiaoke.yaml"
    text = mapping.read_text()
    mapping.write_text(text.replace("risk_class: {field:", "risk_class: {shared: true, field:"))
    account = found.rows(ACCOUNT)[0]["_id"]
    found.door("edit", {"object": ACCOUNT, "ids": [account], "values": {"tel": "1"}})
    found.put(account, risk_class="B")
    assert found.push().done == 0
    assert [item.state for item in found.waiting()] == ["pending"]
    found.time += dt.timedelta(days=1)
    found.push()
    assert len(found.waiting()) == 1  # nothing is tried before it was read again
    found.pull()
    assert found.push().done == 1
    found.put(account, risk_class="C")
    assert found.push().done == 1  # our own write does not stand in our way


def test_texts_are_cut_and_numbers_rounded_to_what_the_field_takes(found: Shop) -> None:
    account, names = found.rows(ACCOUNT)[0]["_id"], found.names("account")
    found.put(account, credit_reasons={"zh": "长" * 3000, "en": "x"}, credit_score="41.4567")
    pushed = found.push()
    assert (pushed.done, pushed.faults) == (1, [])  # looked at once: it stuck
    row = next(r for r in found.rows(ACCOUNT, *names.values()) if r["_id"] == account)
    assert len(row[names["credit_reasons"]]) == 2000
    assert Decimal(row[names["credit_score"]]) == Decimal("41.46")


def test_a_new_visit_is_told_to_its_owner_with_a_deep_link_once(found: Shop) -> None:
    found.judge()
    found.push()
    tasks = {row["_id"]: row for row in found.rows(VISIT, "owner", "name")}
    told = found.door("messages")["messages"]
    assert tasks and len(told) == sum(1 for row in tasks.values() if row.get("owner"))
    for message in told:
        url = message["content"]["link"]["url"]
        assert url.startswith("fs://CRM/udobj?") and any(row_id in url for row_id in tasks)
    found.judge()
    found.push()
    assert len(found.door("messages")["messages"]) == len(told)


def test_nobody_is_told_where_the_setting_says_so(found: Shop) -> None:
    found.configure(visit_message="off")
    found.judge()
    found.push()
    assert found.rows(VISIT) and found.door("messages")["messages"] == []


def test_trap_a_row_without_an_owner_gets_its_visit_and_nobody_a_message(found: Shop) -> None:
    for row in found.rows(ACCOUNT):
        found.door("edit", {"object": ACCOUNT, "ids": [row["_id"]], "values": {"owner": []}})
    found.time += dt.timedelta(minutes=5)
    found.pull()
    found.judge()
    assert found.push().dead == 0
    assert found.rows(VISIT)


@pytest.mark.parametrize("stays", [True, False])
def test_trap_an_update_that_empties_what_it_does_not_name_is_mended_and_stopped(
    tmp_path: Path, stays: bool
) -> None:
    with shop(tmp_path, traits={"unsent_fields_stay": stays}) as found:
        found.pull()
        fields = ("name", "uniform_social_credit_code", "tel", "payment_terms_days__c", "industry_level1")
        before = found.rows(ACCOUNT, *fields)
        found.judge()
        if stays:
            found.push()
        else:
            with pytest.raises(Exception, match="update_sends=whole"):
                found.push()
        assert _same(before, found.rows(ACCOUNT, *fields), fields)
        if not stays:
            found.configure(update_sends="whole")
            found.time += dt.timedelta(hours=1)
            found.push()
            assert _same(before, found.rows(ACCOUNT, *fields), fields)
        status = found.names("account")["credit_status"]
        assert all(row[status] for row in found.rows(ACCOUNT, status))


def test_the_modules_quota_follows_our_limit_where_we_are_the_master(tmp_path: Path, style: str) -> None:
    with shop(tmp_path, style=style, settings={"credit_module": "write"}) as found:
        found.pull()
        found.judge()
        found.push()
        limit = found.names("account")["credit_limit"]
        limits = {row["_id"]: row.get(limit) for row in found.rows(ACCOUNT, limit)}
        quotas = {row["customer_id"]: row.get("credit_quota") for row in _files(found)}
        assert {key: Decimal(value) for key, value in limits.items() if value} == {
            key: Decimal(quotas[key]) for key, value in limits.items() if value
        }
        before = found.made.writes()
        found.push()
        assert found.made.writes() == before


def test_where_the_module_decides_no_limit_of_ours_is_written(tmp_path: Path) -> None:
    with shop(tmp_path, settings={"credit_module": "read"}) as found:
        found.pull()
        before = _files(found)
        found.judge()
        found.push()
        names = found.names("account")
        for row in found.rows(ACCOUNT, *names.values()):
            assert names["credit_limit"] not in row and names["credit_available"] not in row
            assert row[names["credit_status"]]
        assert _files(found) == before


def test_without_a_choice_the_modules_quota_is_left_alone(found: Shop) -> None:
    before = _files(found)
    found.judge()
    found.push()
    assert _files(found) == before


def test_trap_30002_the_day_is_over_until_midnight_and_nothing_is_lost(found: Shop) -> None:
    found.judge()
    before = len(found.waiting())
    found.door("quota", {"left": 3})
    with pytest.raises(Exception, match="30002"):
        found.push()
    found.door("quota", {"left": 100_000})
    found.time += dt.timedelta(hours=1)
    found.push()
    assert found.waiting() == [] and before
