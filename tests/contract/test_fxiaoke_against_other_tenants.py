"""The Fxiaoke adapter against tenants that answer the manual's open questions the other way, or fail."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from connector.adapter import Result
from connector.errors import Halt
from connector.model import Stream
from sandbox.fxiaoke import SANDBOX
from sandbox.server import Options
from tests.contract.test_fxiaoke_against_sandbox import EVER, console, crm_at, rows_of, visit, writer
from tests.memory_secrets import MemorySecrets
from tests.sandbox_server import running


def door(base: str, name: str, **body: Any) -> None:
    answer = requests.post(f"{base}/_sandbox/{name}", json=body, timeout=10)
    assert answer.ok, answer.text


@pytest.mark.parametrize(
    ("traits", "settings"),
    [
        ({"corp_id_is_number": True}, {}),
        ({"describe_place": "data"}, {}),
        ({"describe_place": "top"}, {"auth_style": "header", "user": "1000"}),
        ({"over_limit": "clamp"}, {"page_limit": "500"}),
        ({"time_filters": "number"}, {"time_filters": "number"}),
        ({"time_filters": "text"}, {"time_filters": "text"}),
        ({"void_in_query": True}, {}),
        ({"people_readable": False}, {}),
        ({"trace_id_needed": False}, {}),
    ],
)
def test_every_tenant_is_read_the_same(traits: dict[str, Any], settings: dict[str, str]) -> None:
    with running(SANDBOX.app(Options(accounts=20))) as base:
        plain = {row.external_id for row in rows_of(crm_at(base), Stream.ORDERS, *EVER)}
        door(base, "void", object="SalesOrderObj", count=2)
        door(base, "traits", **traits)
        crm = crm_at(base, MemorySecrets(), **settings)
        found = {row.external_id for row in rows_of(crm, Stream.ORDERS, *EVER)}
        assert len(plain - found) == 2 and found < plain
        assert set(crm.deleted("SalesOrderObj", EVER[0])) == found


@pytest.mark.parametrize("fault", ["expired", "read.500", "read.busy", "read.429", "shift", "token.busy"])
def test_a_tenant_that_fails_now_and_then_is_read_whole(fault: str) -> None:
    with running(SANDBOX.app(Options(accounts=20, faults={fault: 0.2}))) as base:
        whole = requests.get(f"{base}/_sandbox/content", timeout=10).json()["AccountObj"]
        crm = crm_at(base, MemorySecrets(), page_limit="3")
        found = [row.external_id for row in rows_of(crm, Stream.ACCOUNTS, *EVER)]
        assert len(found) == len(set(found)) and set(found) >= {row["_id"] for row in whole}


@pytest.mark.parametrize("fault", ["write.50009_done", "write.lost"])
def test_a_visit_whose_outcome_was_unknown_is_there_once(fault: str) -> None:
    with running(SANDBOX.app(Options(accounts=12, faults={fault: 1.0}))) as base:
        door(base, "traits", custom_create_tells_id=False)
        crm, target = crm_at(base), writer("visit")
        console(base, target.object, target.specs("zh"))
        (outcome,) = crm.push([visit(crm, "visit-1")])
        assert outcome.result is Result.DONE, outcome.message
        assert list(crm.deleted(target.object, EVER[0])) == [outcome.external_id]


def test_a_visit_sets_off_no_approval() -> None:
    with running(SANDBOX.app(Options(accounts=12))) as base:
        door(base, "console/approval", object="AccountObj")
        crm, target = crm_at(base), writer("visit")
        console(base, target.object, target.specs("zh"))
        crm.push([visit(crm, "visit-1")])
        writes = requests.get(f"{base}/_sandbox/writes", timeout=10).json()["writes"]
        assert [(one["action"], one["triggerApprovalFlow"], one["triggerWorkFlow"]) for one in writes] == [
            ("create", False, False)
        ]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("console/variant", {"InvoiceApplicationObj": {"active": False}}),
        ("traits", {"objects": []}),
    ],
)
def test_a_module_that_is_not_there_stops_with_its_name(name: str, body: dict[str, Any]) -> None:
    with running(SANDBOX.app(Options(accounts=5))) as base:
        door(base, name, **body)
        with pytest.raises(Halt, match="InvoiceApplicationObj"):
            rows_of(crm_at(base), Stream.INVOICES, *EVER)


@pytest.mark.parametrize("code", [15003, 20014, 20020, 20023, 30003])
def test_an_application_that_is_stopped_is_reported_with_the_vendors_code(code: int) -> None:
    with running(SANDBOX.app(Options(accounts=2))) as base:
        door(base, "refuse", code=code)
        with pytest.raises(Halt, match=str(code)):
            crm_at(base).test()
