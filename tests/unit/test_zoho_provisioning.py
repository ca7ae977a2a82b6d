"""Custom fields of Zoho CRM: matched, created in fives, read back, never doubled."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import orjson
import pytest
import responses

from connector.adapter import FieldSpec, FieldState, Slice
from connector.errors import Halt, Retry
from tests.zoho_bench import BASE, Bench, answer_token, calls_to, sent

URL = f"{BASE}/settings/fields"
STATUS = FieldSpec(
    "credit_status", "Credit_Status", "Credit Status", "option", (("ok", "OK"), ("hold", "Hold"))
)
LIMIT = FieldSpec("credit_limit", "Credit_Limit", "Credit Limit", "money")
KEY = FieldSpec("credit_key", "Credit_Key", "Credit Key", "text", unique=True)


class Tenant:
    """Answers like Zoho: api names are generated from labels, taken labels are refused."""

    def __init__(self, *fields: dict[str, Any]) -> None:
        self.fields = [
            {"id": f"s{i}", "api_name": "X", "field_label": "X", "data_type": "text"} | f
            for i, f in enumerate(({"api_name": "Account_Name"}, *fields))
        ]
        self.refuse: dict[str, dict[str, Any]] = {}
        self.hide_new = False
        responses.add_callback(responses.GET, URL, lambda _: (200, {}, self._body(self.fields)))
        responses.add_callback(responses.POST, URL, self._create)

    def _body(self, rows: list[dict[str, Any]]) -> bytes:
        return orjson.dumps({"fields": rows})

    def _create(self, request: Any) -> tuple[int, dict[str, str], bytes]:
        wanted = orjson.loads(request.body)["fields"]
        assert 1 <= len(wanted) <= 5
        items = [self._one(field) for field in wanted]
        good = sum(item["status"] == "success" for item in items)
        return (201 if good == len(items) else 207 if good else 400), {}, self._body(items)

    def _one(self, field: dict[str, Any]) -> dict[str, Any]:
        label = field["field_label"]
        if label in self.refuse:
            return {"status": "error", "message": "no", "details": {}} | self.refuse[label]
        if label in {f["field_label"] for f in self.fields}:
            return {"code": "DUPLICATE_DATA", "status": "error", "message": "duplicate data"}
        number = len(self.fields)
        name = re.sub(r"[^A-Za-z0-9_]", "", label.replace(" ", "_")) or f"field{number}"
        if not self.hide_new:
            self.fields.append(
                {"id": f"n{number}", "api_name": name, "custom_field": True, "unique": {}} | field
            )
        return {"code": "SUCCESS", "status": "success", "details": {"id": f"n{number}"}}


@pytest.fixture(autouse=True)
def _token():
    with responses.mock:
        answer_token()
        yield


def creations() -> list[list[dict[str, Any]]]:
    return [
        sent(i)["fields"]
        for i, c in enumerate(responses.calls)
        if c.request.method == "POST" and c.request.url.startswith(URL)
    ]


def test_trap_fields_are_created_five_a_call_with_the_vendors_payload():
    Tenant()
    kinds = "text long_text money number integer boolean date datetime".split()
    specs = [FieldSpec(kind, kind.title(), f"Credit {kind}", kind) for kind in kinds]
    Bench().crm.provision("Accounts", [*specs, STATUS, KEY], dry_run=False)
    made = {f.pop("field_label"): f for batch in creations() for f in batch}
    assert made == {
        "Credit text": {"data_type": "text", "length": 255},
        "Credit long_text": {
            "data_type": "textarea",
            "length": 2000,
            "textarea": {"type": "small"},
        },
        "Credit money": {
            "data_type": "currency",
            "length": 16,
            "decimal_place": 2,
            "currency": {"rounding_option": "round_off", "precision": "2"},
        },
        "Credit number": {"data_type": "double", "length": 16, "decimal_place": 2},
        "Credit integer": {"data_type": "integer", "length": 9},
        "Credit boolean": {"data_type": "boolean"},
        "Credit date": {"data_type": "date"},
        "Credit datetime": {"data_type": "datetime"},
        "Credit Status": {
            "data_type": "picklist",
            "pick_list_values": [
                {"display_value": "OK", "actual_value": "OK"},
                {"display_value": "Hold", "actual_value": "Hold"},
            ],
        },
        "Credit Key": {"data_type": "text", "length": 255, "unique": {"case_sensitive": False}},
    }
    assert [len(batch) for batch in creations()] == [5, 5]
    assert calls_to(URL)[1].request.params == {"module": "Accounts"}


def test_trap_api_names_are_generated_so_they_are_read_back_and_a_second_run_changes_nothing():
    tenant = Tenant()
    specs = [FieldSpec(s.name, s.api_name, zh, s.type, s.options) for s, zh in ((LIMIT, "信用额度"),)]
    crm = Bench(language="zh").crm
    (first,) = crm.provision("Accounts", specs, dry_run=False)
    assert (first.state, first.api_name) == (FieldState.CREATED, "field1")
    (second,) = crm.provision("Accounts", specs, dry_run=False)
    assert (second.state, second.api_name) == (FieldState.PRESENT, "field1")
    assert len(creations()) == 1 and len(tenant.fields) == 2


def test_api_name_is_matched_before_the_label():
    Tenant(
        {"api_name": "Other", "field_label": "Credit Limit", "data_type": "currency"},
        {"api_name": "Credit_Limit", "field_label": "Line of credit", "data_type": "currency"},
    )
    (found,) = Bench().crm.provision("Accounts", [LIMIT], dry_run=False)
    assert (found.state, found.api_name) == (FieldState.PRESENT, "Credit_Limit")


def test_label_is_matched_when_the_api_name_is_another():
    Tenant({"api_name": "cg__Limit1", "field_label": "credit limit", "data_type": "currency"})
    (found,) = Bench().crm.provision("Accounts", [LIMIT], dry_run=False)
    assert (found.state, found.api_name) == (FieldState.PRESENT, "cg__Limit1")
    assert creations() == []


def test_dry_run_tells_and_creates_nothing():
    Tenant({"api_name": "Credit_Limit", "data_type": "currency"})
    found = Bench().crm.provision("Accounts", [STATUS, LIMIT], dry_run=True)
    assert [f.state for f in found] == [FieldState.MISSING, FieldState.PRESENT]
    assert creations() == []


def test_trap_a_label_of_more_than_25_characters_stops_before_any_call():
    Tenant()
    spec = FieldSpec("x", "X", "A label of 27 characters it", "text")
    with pytest.raises(Halt, match="27 characters, Zoho takes 25"):
        Bench().crm.provision("Accounts", [LIMIT, spec], dry_run=False)
    assert len(responses.calls) == 0


@pytest.mark.parametrize(
    "options",
    [tuple((str(n), str(n)) for n in range(11)), (("a", "An option of 28 characters.."),)],
    ids=["eleven options", "long option"],
)
def test_trap_pick_lists_take_10_options_of_25_characters_or_stop_before_any_call(
    options: tuple[tuple[str, str], ...],
):
    Tenant()
    with pytest.raises(Halt, match="10 options of 25 characters"):
        Bench().crm.provision("Accounts", [FieldSpec("x", "X", "X", "option", options)], dry_run=True)
    assert len(responses.calls) == 0


def test_type_that_cannot_be_created_stops_before_any_call():
    with pytest.raises(Halt, match="type reference cannot be created"):
        Bench().crm.provision("Tasks", [FieldSpec("x", "X", "X", "reference")], dry_run=True)
    assert len(responses.calls) == 0


def test_failure_of_one_field_is_reported_for_that_field_alone():
    tenant = Tenant()
    tenant.refuse["Credit Status"] = {
        "code": "LIMIT_EXCEEDED",
        "message": "limit reached",
        "details": {"limit": 10, "limit_due_to": "edition"},
    }
    failed, made = Bench().crm.provision("Accounts", [STATUS, LIMIT], dry_run=False)
    assert (made.state, made.api_name) == (FieldState.CREATED, "Credit_Limit")
    assert (failed.state, failed.api_name) == (FieldState.MISSING, None)
    for part in ("Accounts", "'Credit Status'", "Pick List", "OK, Hold", "LIMIT_EXCEEDED", "edition"):
        assert part in failed.by_hand


def test_failure_of_all_fields_is_reported_for_each_in_the_admins_language():
    tenant = Tenant()
    tenant.refuse["Credit Key"] = {"code": "NOT_ALLOWED"}
    (failed,) = Bench(language="zh").crm.provision("Tasks", [KEY], dry_run=False)
    assert failed.state is FieldState.MISSING
    for part in ("新建“Credit Key”", "类型“单行”", "不允许重复值", "NOT_ALLOWED"):
        assert part in failed.by_hand


def test_field_created_by_a_call_whose_answer_was_lost_is_found_again():
    Tenant()
    made = next(r for r in responses.registered() if r.method == "POST" and r.url == URL)
    replies: list[Any] = []

    def first_lost(request: Any) -> Any:
        replies.append(made.callback(request))
        return (502, {}, "<html>") if len(replies) == 1 else replies[-1]

    responses.remove(responses.POST, URL)
    responses.add_callback(responses.POST, URL, first_lost)
    (found,) = Bench().crm.provision("Accounts", [LIMIT], dry_run=False)
    assert b"DUPLICATE_DATA" in replies[1][2]
    assert (found.state, found.api_name) == (FieldState.CREATED, "Credit_Limit")


def test_created_field_that_cannot_be_read_back_yet_asks_to_run_again():
    tenant = Tenant()
    tenant.hide_new = True
    with pytest.raises(Retry, match="run provision again"):
        Bench().crm.provision("Accounts", [LIMIT], dry_run=False)


@pytest.mark.parametrize(
    ("spec", "field", "told"),
    [
        (LIMIT, {"data_type": "text"}, "is of type text, not Currency"),
        (
            STATUS,
            {"data_type": "picklist", "pick_list_values": [{"actual_value": "OK"}]},
            "add these options to the pick list Credit_Status: Hold",
        ),
    ],
    ids=["type", "options"],
)
def test_field_of_the_tenant_that_does_not_serve_is_a_mismatch(
    spec: FieldSpec, field: dict[str, Any], told: str
):
    Tenant({"api_name": spec.api_name} | field)
    (found,) = Bench().crm.provision("Accounts", [spec], dry_run=False)
    assert found.state is FieldState.MISMATCH
    assert found.api_name == spec.api_name
    assert told in found.by_hand
    assert creations() == []


def test_fields_that_were_just_created_can_be_read_at_once():
    Tenant({"api_name": "Modified_Time"})
    answer = {"data": [{"id": "1", "Credit_Limit": 5}], "info": {"more_records": False}}
    responses.post(f"{BASE}/coql", json=answer)
    part = Slice(dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2026, 2, 1, tzinfo=dt.UTC))
    crm = Bench().crm
    crm.fetch("Accounts", ["Credit_Limit"], part)
    crm.provision("Accounts", [LIMIT], dry_run=False)
    crm.fetch("Accounts", ["Credit_Limit"], part)
    first, second = (c.request.body for c in calls_to(f"{BASE}/coql"))
    assert b"Credit_Limit" not in first and b"Credit_Limit" in second


def test_trap_an_object_without_unique_fields_gets_a_plain_key():
    tenant = Tenant()
    where = {"api_name": "unique", "json_path": "$.fields[0].unique"}
    one = tenant._one

    def refuse_unique(field: dict[str, Any]) -> dict[str, Any]:
        if field.get("unique"):
            return {"code": "INVALID_DATA", "status": "error", "message": "no", "details": where}
        return one(field)

    tenant._one = refuse_unique  # type: ignore[method-assign]
    (made,) = Bench().crm.provision("Tasks", [KEY], dry_run=False)
    assert (made.state, made.api_name) == (FieldState.CREATED, "Credit_Key")
    (again,) = Bench().crm.provision("Tasks", [KEY], dry_run=False)
    assert again.state is FieldState.PRESENT and "Do not allow duplicate values" in again.by_hand
    assert len(creations()) == 2


def test_reps_may_be_given_the_credit_fields_to_read_only():
    Tenant()
    profiles = [{"id": "p1", "name": "Administrator"}, {"id": "p2", "name": "Standard"}]
    responses.get(f"{BASE}/settings/profiles", json={"profiles": profiles})
    Bench(read_only_profiles="standard").crm.provision("Accounts", [LIMIT], dry_run=False)
    assert creations()[0][0]["profiles"] == [{"id": "p2", "permission_type": "read_only"}]


def test_a_dry_run_tells_which_call_would_create_what_and_creates_nothing():
    Tenant()
    specs = [FieldSpec(f"n{i}", f"N{i}", f"Credit {i}", "text") for i in range(7)]
    planned = Bench().crm.provision("Accounts", specs, dry_run=True)
    assert [p.call for p in planned] == [1] * 5 + [2] * 2
    assert creations() == []
