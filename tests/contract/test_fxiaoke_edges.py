"""The edges of reading and writing one tenant, in both credential styles."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import requests

from connector.adapter import FieldSpec, FieldState, Result, Slice, Write
from connector.errors import Halt, Retry
from connector.model import Stream
from sandbox.fxiaoke import SANDBOX
from sandbox.server import Options
from tests.contract.test_fxiaoke_against_sandbox import (
    ACCOUNT_VALUES,
    EVER,
    STYLES,
    Base,
    console,
    crm_at,
    own_tenant,
    rows_of,
    tenant,
    writer,
)
from tests.memory_secrets import MemorySecrets
from tests.sandbox_server import running

__all__ = ["own_tenant", "tenant"]  # fixtures


def door(base: str, name: str, **body: Any) -> Any:
    answer = requests.post(f"{base}/_sandbox/{name}", json=body, timeout=10)
    assert answer.ok, answer.text
    return answer.json()


def test_a_page_has_a_hundred_rows_and_says_that_there_are_more(tenant: Base) -> None:
    page = crm_at(tenant).fetch("SalesOrderObj", ["name"], Slice(*EVER))
    assert page.more and len(page.rows) == 100


def test_an_object_that_does_not_exist_is_named(tenant: Base) -> None:
    with pytest.raises(Halt, match="NoSuchObj"):
        crm_at(tenant).fetch("NoSuchObj", ["name"], Slice(*EVER))
    assert "NoSuchObj" in crm_at(tenant).missing("NoSuchObj", ["name"]).object


def test_the_eleventh_token_in_a_minute_is_left_for_later(own_tenant: Base) -> None:
    login = crm_at(own_tenant, MemorySecrets())._client.login
    for _ in range(9):  # beside the first one
        login.renew(login.ticket())
        door(own_tenant, "revoke")
    with pytest.raises(Retry, match="14001") as told:
        login.renew(login.ticket())
    assert told.value.after == 20


def test_a_label_that_is_taken_by_another_type_is_told(own_tenant: Base) -> None:
    other = FieldSpec("hold", "on_hold__c", "信用冻结", "text")
    console(own_tenant, "AccountObj", [other])
    wanted = FieldSpec("credit_hold", "credit_hold__c", "信用冻结", "boolean")
    (found,) = crm_at(own_tenant).provision("AccountObj", [wanted], dry_run=False)
    assert (found.state, found.api_name) == (FieldState.MISMATCH, "on_hold__c")
    assert "true_or_false" in found.by_hand


def test_values_can_be_taken_back_to_unknown(own_tenant: Base) -> None:
    crm, target = crm_at(own_tenant), writer("account")
    console(own_tenant, target.object, target.specs("zh"))
    row_id = rows_of(crm, Stream.ACCOUNTS, *EVER)[0].external_id
    unknown = {**dict.fromkeys(ACCOUNT_VALUES), "credit_hold": False}
    for values in (ACCOUNT_VALUES, unknown):
        written = target.write(values, "zh")
        (outcome,) = crm.push([Write("update", target.object, row_id, written, target.types)])
        assert outcome.result is Result.DONE, outcome.message
    (row,) = crm.reread(target.object, list(written), [row_id])
    assert {name: row.data.get(name) for name in written} == written
    assert crm.verify(Write("update", target.object, row_id, written, target.types)) == []


def test_an_option_that_is_not_there_does_not_hinder_the_good_ones(own_tenant: Base) -> None:
    crm, target = crm_at(own_tenant), writer("account")
    console(own_tenant, target.object, target.specs("zh"))
    first, second, *_ = [row.external_id for row in rows_of(crm, Stream.ACCOUNTS, *EVER)]

    def write(row_id: str, status: str) -> Write:
        return Write("update", target.object, row_id, {"credit_status__c": status}, target.types)

    good, bad, last = crm.push([write(first, "正常"), write(second, "胡说"), write(second, "冻结")])
    assert (good.result, bad.result, last.result) == (Result.DONE, Result.DEAD, Result.DONE)
    assert second in bad.message and "credit_status__c" in bad.message and "胡说" in bad.message
    assert "provision" in bad.todo


def test_an_order_that_is_voided_is_gone_from_then_on(own_tenant: Base) -> None:
    crm = crm_at(own_tenant)
    before = set(crm.deleted("SalesOrderObj", EVER[0]))
    (gone,) = door(own_tenant, "void", object="SalesOrderObj", count=1)["ids"]
    assert before - set(crm.deleted("SalesOrderObj", EVER[0])) == {gone}
    assert crm.certainly_gone("SalesOrderObj", [gone]) == {gone}


def test_money_travels_as_text_and_comes_back_to_the_cent(own_tenant: Base) -> None:
    crm, target = crm_at(own_tenant), writer("account")
    console(own_tenant, target.object, target.specs("zh"))
    row_id = rows_of(crm, Stream.ACCOUNTS, *EVER)[0].external_id
    for amount in ("0.01", "12345678901.23", "-0.10"):
        values = target.write({"credit_limit": Decimal(amount)}, "zh")
        crm.push([Write("update", target.object, row_id, values, target.types)])
        (row,) = crm.reread(target.object, list(values), [row_id])
        assert row.data["credit_limit__c"] == amount


@pytest.mark.parametrize("fault", ["read.14001", "read.30004"])
@pytest.mark.parametrize("style", STYLES)
def test_a_burst_of_refusals_is_waited_out_and_nothing_is_lost(fault: str, style: str) -> None:
    with running(SANDBOX.app(Options(accounts=12, faults={fault: 0.3, "unlimited": 1.0}))) as address:
        base = Base(address)
        base.style = style
        crm = crm_at(base, MemorySecrets(), page_limit="4")
        whole = requests.get(f"{base}/_sandbox/content", timeout=10).json()["AccountObj"]
        found = [row.external_id for row in rows_of(crm, Stream.ACCOUNTS, *EVER)]
        assert len(found) == len(set(found)) == len(whole)
