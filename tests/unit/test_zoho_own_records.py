"""Records of our own in Zoho CRM, such as figures on people: found again by their key, about no account."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import responses

from connector.adapter import Outcome, Result, Write
from connector.errors import Halt
from tests.zoho_bench import BASE, Bench, answer_fields, answer_token, sent


@pytest.fixture(autouse=True)
def _token():
    with responses.mock:
        answer_token()
        yield


def good(id_: str = "77", message: str = "record updated") -> dict[str, Any]:
    return {"code": "SUCCESS", "status": "success", "message": message, "details": {"id": id_}}


def test_a_record_of_our_own_is_upserted_on_its_key_and_is_about_no_account():
    key = {"unique": {"casesensitive": ""}}
    answer_fields("Credit_KPIs", {"Name": "text", "Hours": "double", "Credit_Key": "text"}, Credit_Key=key)
    responses.post(f"{BASE}/Credit_KPIs/upsert", json={"data": [good("901", "record added")]})
    values = {"Name": "2026-03 Lin", "Hours": Decimal("27.0"), "Month": None}
    types = {"Name": "text", "Hours": "number", "Month": "date"}
    one = Write("record", "Credit_KPIs", "kpi:1", values, types, "Credit_Key", "kpi:1")
    assert Bench().crm.push([one]) == [Outcome(Result.DONE, "", "901")]
    record = {"Name": "2026-03 Lin", "Hours": "number 27.0", "Month": None, "Credit_Key": "kpi:1"}
    assert sent() == {"data": [record], "duplicate_check_fields": ["Credit_Key"], "trigger": []}


def test_a_record_that_the_scopes_do_not_allow_names_the_scope_of_custom_modules():
    answer_fields("Credit_KPIs", {"Credit_Key": "text"})
    refusal = {"code": "OAUTH_SCOPE_MISMATCH", "message": "invalid oauth scope", "status": "error"}
    responses.post(f"{BASE}/Credit_KPIs", json=refusal, status=401)
    responses.post(f"{BASE}/coql", status=204)
    one = Write("record", "Credit_KPIs", "k", {}, {}, "Credit_Key", "k")
    with pytest.raises(Halt) as refused:
        Bench().crm.push([one])
    assert "ZohoCRM.modules.custom.ALL" in str(refused.value)
