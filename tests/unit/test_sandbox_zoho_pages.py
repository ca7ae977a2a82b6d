"""The Zoho sandbox: layouts, notes, people and contacts, and the details of refused writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox_clients import Zoho, zoho_org

A, B = "554023000001000001", "554023000001000002"


@pytest.fixture
def org() -> Iterator[Zoho]:
    with zoho_org() as running_org:
        yield running_org


def layout(org: Zoho) -> dict[str, Any]:
    found: dict[str, Any] = org.get("/settings/layouts", module="Accounts").json()["layouts"][0]
    return found


def fields_of(found: dict[str, Any], label: str) -> list[str]:
    section = next(s for s in found["sections"] if s["display_label"] == label)
    return [field["api_name"] for field in section["fields"]]


def patch(org: Zoho, layout_id: str, **given: Any) -> Any:
    path = f"/settings/layouts/{layout_id}?module=Accounts"
    return org.call("PATCH", path, json={"layouts": [given]})


def new_fields(org: Zoho, *labels: str) -> list[str]:
    wanted = [{"field_label": label, "data_type": "text"} for label in labels]
    made = org.call("POST", "/settings/fields?module=Accounts", json={"fields": wanted})
    return [one["details"]["id"] for one in made.json()["fields"]]


# -- layouts


def test_trap_a_new_field_stands_at_the_end_of_the_first_section_until_it_is_moved(org: Zoho) -> None:
    ids = new_fields(org, "Credit A", "Credit B")
    found = layout(org)
    assert [s["display_label"] for s in found["sections"]] == [
        "Account Information",
        "Address Information",
        "Description Information",
    ]
    assert fields_of(found, "Account Information")[-2:] == ["Credit_A", "Credit_B"]
    section = {"display_label": "Credit", "name": "Credit", "column_count": 1, "sequence_number": 2}
    made = patch(org, found["id"], sections=[section])
    assert made.json()["layouts"][0]["message"] == "layout updated"
    after = org.get(f"/settings/layouts/{found['id']}", module="Accounts").json()["layouts"][0]
    assert [s["display_label"] for s in after["sections"]][1] == "Credit"
    section_id = after["sections"][1]["id"]
    fields = [{"id": ids[1]}, {"id": ids[0]}]
    assert patch(org, found["id"], sections=[{"id": section_id, "fields": fields}]).status_code == 200
    assert fields_of(layout(org), "Credit") == ["Credit_B", "Credit_A"]
    assert "Credit_A" not in fields_of(layout(org), "Account Information")
    first = [{"id": ids[0], "sequence_number": 1}]
    assert patch(org, found["id"], sections=[{"id": section_id, "fields": first}]).status_code == 200
    assert fields_of(layout(org), "Credit") == ["Credit_A", "Credit_B"]
    unused = [{"id": ids[0], "_delete": {"permanent": False}}]
    assert patch(org, found["id"], sections=[{"id": section_id, "fields": unused}]).status_code == 200
    assert fields_of(layout(org), "Credit") == ["Credit_B"]
    assert patch(org, found["id"], sections=[{"id": section_id, "_delete": {"permanent": True}}]).ok
    assert len(layout(org)["sections"]) == 3


@pytest.mark.parametrize(
    ("section", "code", "path"),
    [
        ({"id": "7"}, "INVALID_DATA", "$.layouts[0].sections[0].id"),
        ({"name": "Credit"}, "EXPECTED_FIELD_MISSING", None),
        (
            {"display_label": "Account Information"},
            "DUPLICATE_DATA",
            "$.layouts[0].sections[0].display_label",
        ),
        ({"display_label": "C", "column_count": 3}, "INVALID_DATA", "$.layouts[0].sections[0].column_count"),
        (
            {"display_label": "C", "tab_traversal": 1},
            "INVALID_DATA",
            "$.layouts[0].sections[0].tab_traversal",
        ),
        (
            {"display_label": "C", "fields": [{"id": "7"}]},
            "INVALID_DATA",
            "$.layouts[0].sections[0].fields[0].id",
        ),
        ({"display_label": "C", "fields": [{}]}, "EXPECTED_FIELD_MISSING", None),
        ({"display_label": "C", "fields": [{"id": "7"}] * 6}, "LIMIT_EXCEEDED", None),
        ({"_delete": {"permanent": True}}, "DEPENDENT_FIELD_MISSING", "$.layouts[0].sections[0].api_name"),
    ],
)
def test_layout_changes_that_do_not_fit_are_refused_by_path(
    org: Zoho, section: dict[str, Any], code: str, path: str | None
) -> None:
    answer = patch(org, layout(org)["id"], sections=[section])
    assert answer.status_code == 400
    fault = answer.json()["layouts"][0]
    assert fault["code"] == code
    assert path is None or fault["details"]["json_path"] == path
    assert len(layout(org)["sections"]) == 3


def test_layouts_want_a_module_and_an_id_that_is_there(org: Zoho) -> None:
    assert org.get("/settings/layouts").json()["code"] == "REQUIRED_PARAM_MISSING"
    assert org.get("/settings/layouts/7", module="Accounts").status_code == 204
    assert patch(org, "7", name="x").json()["code"] == "INVALID_DATA"


# -- notes


def test_notes_of_a_record_are_added_and_listed(org: Zoho) -> None:
    path = f"/Accounts/{A}/Notes"
    assert org.get(path).json()["code"] == "REQUIRED_PARAM_MISSING"
    assert org.get(path, fields="Note_Title").status_code == 204
    body = {"data": [{"Note_Title": "Credit", "Note_Content": "x"}, {"Note_Title": "y" * 121}, {}]}
    made = org.call("POST", path, json=body)
    assert made.status_code == 207
    results = made.json()["data"]
    assert [one["code"] for one in results] == ["SUCCESS", "INVALID_DATA", "EXPECTED_FIELD_MISSING"]
    assert results[1]["details"]["maximum_length"] == 120
    assert [one["api_name"] for one in results[2]["details"]["expected_fields"]] == [
        "Note_Content",
        "Note_Title",
    ]
    rows = org.get(path, fields="Note_Title,Parent_Id").json()["data"]
    assert [row["Note_Title"] for row in rows] == ["Credit"]
    assert rows[0]["Parent_Id"]["id"] == A and rows[0]["Parent_Id"]["module"]["api_name"] == "Accounts"
    assert org.get(f"/Accounts/{B}/Notes", fields="Note_Title").status_code == 204
    gone = org.call("POST", "/Accounts/7/Notes", json=body)
    assert gone.json()["details"] == {"resource_path_index": 1}


def test_trap_a_note_needs_the_id_and_the_module_of_its_parent(org: Zoho) -> None:
    note: dict[str, Any] = {"Note_Title": "Credit", "Note_Content": "x" * 65_536}
    note["Parent_Id"] = {"id": A, "module": {"api_name": "Accounts"}}
    long = org.call("POST", "/Notes", json={"data": [note]}).json()["data"][0]
    assert long["details"]["maximum_length"] == 65_535
    for parent in ({"id": A}, {"module": {"api_name": "Accounts"}}):
        answer = org.call("POST", "/Notes", json={"data": [{"Note_Title": "x", "Parent_Id": parent}]})
        assert answer.status_code == 400 and answer.json()["data"][0]["status"] == "error"


# -- people and contacts


def test_users_come_by_type_and_page(org: Zoho) -> None:
    first = org.get("/users", type="ActiveUsers", per_page=2).json()
    assert len(first["users"]) == 2 and first["info"]["more_records"] is True
    second = org.get("/users", per_page=2, page=2).json()
    assert [user["email"] for user in second["users"]] == ["credit.manager@example.com"]
    assert org.get("/users", per_page=2, page=3).status_code == 204
    assert org.get("/users", type="DeactiveUsers").status_code == 204
    assert [u["profile"]["name"] for u in org.get("/users", type="AdminUsers").json()["users"]] == [
        "Administrator"
    ]
    assert org.get("/users", type="Robots").json()["details"]["param_name"] == "type"
    one = org.get(f"/users/{first['users'][1]['id']}").json()["users"][0]
    assert one["profile"]["name"] == "Standard" and org.get("/users/7").status_code == 204


def test_every_account_has_a_contact_or_two(org: Zoho) -> None:
    rows = org.rows("select Account_Name.id, Full_Name from Contacts where id is not null")
    by_account = [row["Account_Name.id"] for row in rows]
    assert set(by_account) == {A, B, "554023000001000003"}
    assert all(1 <= by_account.count(account) <= 2 for account in set(by_account))
    assert all(row["Full_Name"] for row in rows)


def test_the_outcome_of_a_visit_can_be_read_from_its_task(org: Zoho) -> None:
    task = {"Subject": "Visit", "Status": "Not Started", "What_Id": {"id": A}, "$se_module": "Accounts"}
    made = org.call("POST", "/Tasks", json={"data": [task]}).json()["data"][0]["details"]["id"]
    done = {"Status": "Completed", "Description": "Promised to pay on 1 June"}
    org.door("browser/save", module="Tasks", id=made, values=done)
    row = org.get(f"/Tasks/{made}").json()["data"][0]
    assert (row["Status"], row["Closed_Time"]) == ("Completed", "2026-05-04T21:06:40+08:00")
    assert row["Description"] == "Promised to pay on 1 June"
    org.call("PUT", f"/Tasks/{made}", json={"data": [{"Status": "In Progress"}]})
    assert org.get(f"/Tasks/{made}").json()["data"][0]["Closed_Time"] is None


# -- refused writes in full


def test_trap_a_stale_write_is_412_with_the_time_of_the_last_change(org: Zoho) -> None:
    path, old = f"/Accounts/{A}", {"If-Unmodified-Since": "2026-05-01T00:00:00+00:00"}
    org.call("PUT", path, json={"data": [{"Phone": "1"}]})
    stale = org.call("PUT", path, json={"data": [{"Phone": "2"}]}, headers=old)
    assert stale.status_code == 412
    fault = stale.json()["data"][0]
    assert fault["code"] == "ALREADY_MODIFIED"
    assert fault["details"]["Modified_Time"] == "2026-05-04T21:06:40+08:00"
    assert fault["details"]["Modified_By"]["name"] == "Credit Connector"
    fresh = {"If-Unmodified-Since": fault["details"]["Modified_Time"]}
    assert org.call("PUT", path, json={"data": [{"Phone": "2"}]}, headers=fresh).status_code == 200
    wrong = org.call("PUT", path, json={"data": [{}]}, headers={"If-Unmodified-Since": "yesterday"})
    assert (wrong.status_code, wrong.json()["data"][0]["code"]) == (400, "INVALID_DATA")


def test_a_duplicate_names_the_record_that_is_there(org: Zoho) -> None:
    field = {"field_label": "Credit Key", "data_type": "text", "unique": {"case_sensitive": False}}
    org.call("POST", "/settings/fields?module=Accounts", json={"fields": [field]})
    org.call("PUT", f"/Accounts/{A}", json={"data": [{"Credit_Key": "k"}]})
    twin = org.call("PUT", f"/Accounts/{B}", json={"data": [{"Credit_Key": "K"}]})
    assert twin.status_code == 400
    fault = twin.json()["data"][0]
    assert (fault["code"], fault["message"]) == ("DUPLICATE_DATA", "duplicate data")
    details = fault["details"]
    assert (details["api_name"], details["json_path"], details["id"]) == (
        "Credit_Key",
        "$.data[0].Credit_Key",
        A,
    )
    assert details["more_records"] is False
    record = details["duplicate_record"]
    assert record["id"] == A and record["Owner"]["name"] == "Wang Fang"
    assert record["module"]["api_name"] == "Accounts"


def test_a_missing_field_is_named_where_it_should_stand(org: Zoho) -> None:
    fault = org.call("POST", "/Contacts", json={"data": [{"First_Name": "x"}]}).json()["data"][0]
    assert (fault["code"], fault["message"]) == ("MANDATORY_NOT_FOUND", "required field not found")
    assert fault["details"] == {"api_name": "Last_Name", "json_path": "$.data[0].Last_Name"}
