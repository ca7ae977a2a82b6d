"""The Zoho sandbox: writes, settings and side doors behave like the vendor's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.zoho import SANDBOX
from tests.sandbox_clients import Zoho, check_service, zoho_org

A, B, C = "554023000001000001", "554023000001000002", "554023000001000003"


@pytest.fixture
def org() -> Iterator[Zoho]:
    with zoho_org() as running_org:
        yield running_org


def update(org: Zoho, *records: dict[str, Any], **more: Any) -> Any:
    return org.call("PUT", "/Accounts", json={"data": list(records), **more})


def credit_key(org: Zoho) -> None:
    field = {"field_label": "Credit Key", "data_type": "text", "unique": {"case_sensitive": False}}
    answer = org.call("POST", "/settings/fields?module=Tasks", json={"fields": [field]})
    assert answer.status_code == 201


# -- writing


def test_trap_results_are_positional_and_a_mixed_batch_is_207(org: Zoho) -> None:
    answer = update(
        org,
        {"id": A, "Payment_Terms_Days": 45},
        {"id": "554023000009999999", "Payment_Terms_Days": 45},
        {"id": B, "Industry": "Astrology"},
        {"id": C, "Payment_Terms_Days": "45"},
    )
    assert answer.status_code == 207
    results = answer.json()["data"]
    assert [result["code"] for result in results] == ["SUCCESS", *["INVALID_DATA"] * 3]
    assert results[1]["details"] == {"api_name": "id", "json_path": "$.data[1].id"}
    assert results[2]["details"]["json_path"] == "$.data[2].Industry"
    assert "Machinery" in results[2]["details"]["supported_values"]
    assert results[3]["details"]["expected_data_type"] == "integer"
    assert results[0]["details"]["Modified_Time"] == "2026-05-04T21:06:40+08:00"
    assert org.rows("select id from Accounts where Payment_Terms_Days = 45") == [{"id": A}]


@pytest.mark.parametrize(
    ("field", "value", "wrong"),
    [
        ("Account_Name", "x" * 201, {"maximum_length": 200}),
        ("Account_Name", 5, {"expected_data_type": "text"}),
        ("Account_Name", None, {}),
        ("Annual_Revenue", "12.5", {"expected_data_type": "double"}),
        ("Customer_Since", "01/02/2026", {"expected_data_type": "date"}),
        ("Parent_Account", B, {"expected_data_type": "jsonobject"}),
        ("Parent_Account", {"id": "554023000009999999"}, {}),
    ],
)
def test_values_that_do_not_fit_are_named_by_path(org: Zoho, field: str, value: Any, wrong: Any) -> None:
    answer = update(org, {"id": A, field: value})
    assert answer.status_code == 400
    expected = {**wrong, "api_name": field, "json_path": f"$.data[0].{field}"}
    assert answer.json()["data"][0]["details"] == expected


def test_trap_unknown_and_read_only_fields_are_dropped_without_a_word(org: Zoho) -> None:
    assert update(org, {"id": A, "Credit_Status": "OK", "Created_Time": "never"}).status_code == 200
    assert "Credit_Status" not in org.get(f"/Accounts/{A}").json()["data"][0]


def test_amounts_are_kept_exactly_and_rounded_to_the_places_of_the_field(org: Zoho) -> None:
    body = f'{{"data":[{{"id":"{A}","Annual_Revenue":90071992547409.935}}]}}'
    assert org.call("PUT", "/Accounts", data=body).status_code == 200
    assert '"Annual_Revenue":90071992547409.94' in org.get(f"/Accounts/{A}").text


def test_trap_a_call_takes_at_most_a_hundred_records(org: Zoho) -> None:
    answer = update(org, *[{"id": A}] * 101)
    assert answer.status_code == 400
    assert answer.json()["data"][0]["details"] == {"maximum_length": 100, "api_name": "data"}


def test_if_unmodified_since_refuses_a_stale_write(org: Zoho) -> None:
    update(org, {"id": A, "Phone": "1"})
    answer = org.call(
        "PUT",
        "/Accounts",
        json={"data": [{"id": A, "Phone": "2"}]},
        headers={"If-Unmodified-Since": "2026-05-01T00:00:00+00:00"},
    )
    assert (answer.status_code, answer.json()["data"][0]["code"]) == (412, "ALREADY_MODIFIED")


def test_a_task_is_upserted_by_its_unique_key_and_never_doubled(org: Zoho) -> None:
    credit_key(org)
    task = {"Subject": "Visit", "Status": "Not Started", "Credit_Key": "k1", "Due_Date": "2026-06-01"}
    task |= {"What_Id": {"id": A}, "$se_module": "Accounts"}
    asked = {"data": [task], "duplicate_check_fields": ["Credit_Key"]}
    first = org.call("POST", "/Tasks/upsert", json=asked).json()["data"][0]
    second = org.call("POST", "/Tasks/upsert", json=asked).json()["data"][0]
    assert (first["action"], second["action"], second["duplicate_field"]) == (
        "insert",
        "update",
        "Credit_Key",
    )
    assert first["details"]["id"] == second["details"]["id"]
    twin = org.call("POST", "/Tasks", json={"data": [{**task, "Credit_Key": "K1"}]})
    assert (twin.status_code, twin.json()["data"][0]["code"]) == (400, "DUPLICATE_DATA")
    assert twin.json()["data"][0]["details"]["duplicate_record"]["id"] == first["details"]["id"]
    row = org.get("/Tasks", fields="What_Id").json()["data"][0]
    assert row["What_Id"] == {"id": A, "name": "华泰机械有限公司"} and row["$se_module"] == "Accounts"


def test_trap_what_id_needs_se_module(org: Zoho) -> None:
    answer = org.call("POST", "/Tasks", json={"data": [{"Subject": "Visit", "What_Id": {"id": A}}]})
    assert answer.json()["data"][0]["code"] == "DEPENDENT_FIELD_MISSING"
    several = org.call("POST", "/Tasks", json={"data": [{"Status": "Someday", "Priority": "Some"}]})
    assert several.json()["data"][0]["code"] == "MULTIPLE_OR_MULTI_ERRORS"
    assert len(several.json()["data"][0]["details"]["errors"]) == 3


def test_a_note_hangs_on_its_parent(org: Zoho) -> None:
    note = {"Note_Title": "Credit", "Note_Content": "x", "Parent_Id": {"id": A}}
    assert org.call("POST", "/Notes", json={"data": [note]}).status_code == 400
    note["Parent_Id"] = {"id": A, "module": {"api_name": "Accounts"}}
    assert org.call("POST", "/Notes", json={"data": [note]}).status_code == 201
    row = org.get("/Notes", fields="Parent_Id").json()["data"][0]
    assert row["Parent_Id"]["module"]["api_name"] == "Accounts"


def test_deleted_records_are_listed(org: Zoho) -> None:
    answer = org.call("DELETE", "/Accounts", params={"ids": f"{C},554023000009999999"})
    assert (answer.status_code, [r["code"] for r in answer.json()["data"]]) == (
        207,
        ["SUCCESS", "INVALID_DATA"],
    )
    listed = org.get("/Accounts/deleted").json()["data"]
    assert [(row["id"], row["deleted_time"]) for row in listed] == [(C, "2026-05-04T21:06:40+08:00")]
    later = {"If-Modified-Since": "2026-05-04T21:06:41+08:00"}
    assert org.call("GET", "/Accounts/deleted", headers=later).status_code == 204
    assert [row["id"] for row in org.rows("select id from Accounts where id is not null")] == [A, B]
    assert (
        org.rows("select Account_Name.id from Sales_Orders where Currency = 'USD'")[0]["Account_Name.id"]
        is None
    )


# -- settings


def test_trap_created_fields_get_names_made_from_their_labels(org: Zoho) -> None:
    wanted = [
        {
            "field_label": "Credit (Status)",
            "data_type": "picklist",
            "pick_list_values": [{"display_value": "OK"}],
        },
        {"field_label": "Credit Status", "data_type": "text"},
        {"field_label": "信用额度", "data_type": "currency", "length": 16, "decimal_place": 2},
        {"field_label": "x" * 26, "data_type": "text"},
        {"field_label": "credit status", "data_type": "text"},
    ]
    answer = org.call("POST", "/settings/fields?module=Accounts", json={"fields": wanted})
    assert answer.status_code == 207
    results = answer.json()["fields"]
    assert [result["code"] for result in results] == ["SUCCESS"] * 3 + ["INVALID_DATA", "DUPLICATE_DATA"]
    assert results[3]["details"]["json_path"] == "$.fields[3].field_label"
    assert set(results[0]["details"]) == {"id"}
    by_id = {f["id"]: f for f in org.get("/settings/fields", module="Accounts").json()["fields"]}
    names = [by_id[result["details"]["id"]]["api_name"] for result in results[:3]]
    assert names == ["Credit_Status", "Credit_Status1", "field1"]
    assert update(org, {"id": A, "Credit_Status": "OK", "field1": 12.345}).status_code == 200
    assert org.rows("select field1 from Accounts where Credit_Status = 'OK'") == [{"field1": 12.35, "id": A}]


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ({"data_type": "text"}, "MANDATORY_NOT_FOUND"),
        ({"field_label": "N", "data_type": "money"}, "INVALID_DATA"),
        ({"field_label": "N", "data_type": "textarea"}, "DEPENDENT_FIELD_MISSING"),
        ({"field_label": "N", "data_type": "picklist"}, "MANDATORY_NOT_FOUND"),
        ({"field_label": "N", "data_type": "text", "length": 256}, "INVALID_DATA"),
        ({"field_label": "N", "data_type": "boolean", "unique": {"case_sensitive": False}}, "INVALID_DATA"),
    ],
)
def test_fields_that_cannot_be_made_are_refused(org: Zoho, field: dict[str, Any], code: str) -> None:
    answer = org.call("POST", "/settings/fields?module=Accounts", json={"fields": [field]})
    assert (answer.status_code, answer.json()["fields"][0]["code"]) == (400, code)


def test_six_fields_are_too_many(org: Zoho) -> None:
    wanted = [{"field_label": f"F{i}", "data_type": "text"} for i in range(6)]
    answer = org.call("POST", "/settings/fields?module=Accounts", json={"fields": wanted})
    assert (answer.status_code, answer.json()["code"]) == (400, "LIMIT_EXCEEDED")


def test_org_users_and_modules_are_there_and_some_fields_have_no_json_type(org: Zoho) -> None:
    assert org.get("/org").json()["org"][0]["company_name"]
    assert [user["status"] for user in org.get("/users", type="ActiveUsers").json()["users"]] == [
        "active"
    ] * 3
    names = [module["api_name"] for module in org.get("/settings/modules").json()["modules"]]
    assert names == ["Accounts", "Contacts", "Sales_Orders", "Invoices", "Tasks", "Notes"]
    fields = org.get("/settings/fields", module="Accounts").json()["fields"]
    assert [field["api_name"] for field in fields if "json_type" not in field] == ["Tag"]
    assert org.get("/settings/fields").json()["code"] == "REQUIRED_PARAM_MISSING"


# -- side doors


def test_an_order_in_the_browser_is_checked_before_it_is_saved(org: Zoho) -> None:
    with check_service("1000") as (checks, plugin):
        org.door("plugin", **plugin)
        small = org.door("orders", account_id=A, amount="1000.00", currency="CNY")
        large = org.door("orders", account_id=A, amount="1000.01", currency="CNY")
        named = org.door("orders", account_id=A, amount="5", currency="CNY", number="SO-9")
    assert (small["saved"], large["saved"], large["id"]) == (True, False, None)
    assert large["message"] == "超过信用额度。 Over the limit."
    assert [asked["order"] for asked in checks.asked] == [small["number"], large["number"], "SO-9"]
    assert len({asked["order"] for asked in checks.asked}) == 3 and named["number"] == "SO-9"
    assert checks.asked[0]["account"] == A and checks.asked[0]["amount"] == "1000.00"
    row = org.get(f"/Sales_Orders/{small['id']}").json()["data"][0]
    assert (row["SO_Number"], row["Status"], row["Grand_Total"]) == (small["number"], "Approved", 1000)
    assert row["Modified_Time"] == "2026-05-04T21:06:40+08:00"
    org.door("plugin", **{**plugin, "on_failure": "allow"})  # the service is gone by now
    assert org.door("orders", account_id=A, amount="5000", currency="CNY")["saved"] is True


def test_trap_the_function_rule_runs_on_api_writes_only_when_named(org: Zoho) -> None:
    order = {"Subject": "By API", "Account_Name": {"id": A}, "Grand_Total": 2000, "Currency": "CNY"}
    rule = [{"name": "function_validation_rule"}]
    with check_service("1000") as (checks, plugin):
        org.door("plugin", **plugin)
        silent = org.call("POST", "/Sales_Orders", json={"data": [order]})
        asked = {"data": [order, {**order, "Grand_Total": 10}, {}], "apply_feature_execution": rule}
        loud = org.call("POST", "/Sales_Orders", json=asked)
        account = update(org, {"id": A, "Phone": "1"}, apply_feature_execution=rule)
    assert (silent.status_code, loud.status_code, account.status_code) == (201, 207, 200)
    results = loud.json()["data"]
    assert [result["status"] for result in results] == ["error", "success", "error"]
    assert results[0]["code"] == "INVALID_DATA" and "Over the limit." in results[0]["message"]
    assert [asked["amount"] for asked in checks.asked] == ["2000.00", "10.00"]
    stored = org.get(f"/Sales_Orders/{results[1]['details']['id']}").json()["data"][0]
    assert stored["SO_Number"] == checks.asked[1]["order"]
    unknown = {"data": [order], "apply_feature_execution": [{"name": "magic"}]}
    answer = org.call("POST", "/Sales_Orders", json=unknown).json()["data"][0]
    assert "function_validation_rule" in answer["details"]["supported_values"]


def test_content_leaves_out_what_differs_from_run_to_run(org: Zoho) -> None:
    before = org.door("content")
    assert update(org, {"id": A, "Account_Name": "华泰机械有限公司"}).status_code == 200
    unchanged = org.door("content")
    assert {row["Modified_By"] for row in unchanged["Accounts"]} != {
        row["Modified_By"] for row in before["Accounts"]
    }
    saved = org.door("orders", account_id=A, amount="5", currency="CNY")
    content = org.door("content")
    new = next(row for row in content["Sales_Orders"] if row["SO_Number"] == saved["number"])
    assert new["id"] == "created" and new["Account_Name"] == A and new["Grand_Total"] == "5"
    assert "Modified_Time" not in new and "Created_Time" not in new
    assert org.door("calls") == {"read": 0, "write": 1, "token": 1}


def test_an_admin_can_make_fields_by_hand(org: Zoho) -> None:
    wanted = {"name": "credit_hold", "label": "Credit Hold", "type": "boolean", "api_name": "Whatever"}
    for _ in range(2):
        made = org.door("console/fields", object="Accounts", fields=[wanted])
        assert made["fields"] == [{"name": "credit_hold", "api_name": "Credit_Hold"}]
    assert update(org, {"id": A, "Credit_Hold": True}).status_code == 200
    assert org.rows("select id from Accounts where Credit_Hold = true") == [{"id": A}]


def test_the_settings_name_the_address_of_the_server() -> None:
    assert SANDBOX.settings_at("http://localhost:1/") == {
        "accounts_url": "http://localhost:1",
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
        "refresh_token": "sandbox-refresh",
    }
