"""``provision``, ``mapping`` and ``policy``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connector.store import discoveries
from tests.cli_home import FakeCrm, Home, make_home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = make_home(tmp_path, monkeypatch)
    made.connect()
    return made


def states(home: Home, *args: str) -> dict[str, str]:
    return {f"{row['object']}.{row['field']}": row["state"] for row in home.rows("provision", "crm", *args)}


def names(home: Home, target: str) -> dict[str, str]:
    with home.opened() as runtime:
        return runtime.connections.names(runtime.connections.get("crm"), target)


def test_missing_fields_are_created_and_their_real_names_kept(home: Home) -> None:
    done = home.run("provision", "crm", "--actor", "Lin")
    assert done.code == 0, done.err
    assert names(home, "account") == {
        "credit_status": "Credit_Status__c",
        "credit_hold": "Credit_Hold__c",
    }
    assert names(home, "visit") == {"credit_key": "Credit_Key__c"}
    entry = home.journal("provisioned")[0]
    assert entry["actor"] == "Lin" and "Calls.Credit_Key__c" in entry["created"]


def test_standard_fields_are_left_alone(home: Home) -> None:
    assert "Calls.subject" not in states(home)


def test_a_second_run_changes_nothing(home: Home) -> None:
    assert set(states(home).values()) == {"created"}
    before = json.dumps(FakeCrm.present)
    assert set(states(home).values()) == {"present"}
    assert json.dumps(FakeCrm.present) == before
    assert len(home.journal("provisioned")) == 1


def test_a_dry_run_changes_neither_the_crm_nor_the_store(home: Home) -> None:
    done = home.run("provision", "crm", "--dry-run", "--format", "json")
    assert done.code == 0  # the real run would create them all
    assert {row["state"] for row in done.json} == {"missing"}
    assert not any(FakeCrm.present.values())
    assert names(home, "account") == {}


def test_what_has_to_be_done_by_hand_is_said_in_full(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeCrm, "creates", False)
    FakeCrm.present["Firms"] = {"Credit_Hold": "boolean"}
    for more in ((), ("--dry-run",)):
        done = home.run("provision", "crm", *more, "--format", "json")
        assert done.code == 1
        assert [row["field"] for row in done.json if row["state"] == "missing"] == [
            "credit_status",
            "credit_key",
        ]
        assert "create 信用状态 of type option on Firms" in done.err
        assert "create 信用编号 of type text on Calls" in done.err
    assert names(home, "account") == {"credit_hold": "Credit_Hold__c"}


def test_the_manifest_lists_what_to_create(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeCrm, "creates", False)
    monkeypatch.setenv("CREDITGATE_LANGUAGE", "en")
    FakeCrm.present["Firms"] = {"Credit_Hold": "text"}  # there, but of another type
    file = tmp_path / "fields.json"
    assert home.run("provision", "crm", "--manifest", str(file)).code == 1
    assert json.loads(file.read_bytes()) == [
        {
            "object": "Firms",
            "fields": [
                {
                    "name": "credit_status",
                    "api_name": "Credit_Status",
                    "label": "Credit Status",
                    "type": "option",
                    "options": [["ok", "OK"], ["hold", "Hold"]],
                    "unique": False,
                }
            ],
        },
        {
            "object": "Calls",
            "fields": [
                {
                    "name": "credit_key",
                    "api_name": "Credit_Key",
                    "label": "Credit Key",
                    "type": "text",
                    "options": [],
                    "unique": True,
                }
            ],
        },
    ]


def test_a_field_that_does_not_fit_is_for_a_person_and_not_used(home: Home) -> None:
    FakeCrm.present["Firms"] = {"Credit_Hold": "text"}
    done = home.run("provision", "crm")
    assert done.code == 1 and "wrong type" in done.err
    assert "credit_hold" not in names(home, "account")


def test_only_a_crm_whose_mapping_writes_can_be_provisioned(home: Home) -> None:
    home.connect("agency", "bureau")
    done = home.run("provision", "bureau")
    assert done.code == 2 and "is no CRM" in done.err
    path = home.folder / "mappings/fake.yaml"
    path.write_text(path.read_text(encoding="utf-8").split("write:")[0], encoding="utf-8")
    done = home.run("provision", "crm")
    assert done.code == 2 and "writes nothing" in done.err


def test_mapping_check_names_file_and_line(home: Home, tmp_path: Path) -> None:
    assert home.rows("mapping", "check") == [
        {"file": str(home.folder / "mappings/fake.yaml"), "state": "ok", "problem": None}
    ]
    bad = tmp_path / "bad.yaml"
    bad.write_text("mapping: x\nread:\n  acounts:\n    object: A\n")
    done = home.run("mapping", "check", str(bad), str(home.folder / "mappings/fake.yaml"), "--format", "json")
    assert done.code == 2
    assert [row["state"] for row in done.json] == ["wrong", "ok"]
    assert f"{bad}:3" in done.json[0]["problem"] and "write 'accounts'" in done.json[0]["problem"]


def test_mapping_check_of_an_empty_folder_is_an_error(home: Home) -> None:
    (home.folder / "mappings/fake.yaml").unlink()
    done = home.run("mapping", "check")
    assert done.code == 2 and "no mappings" in done.err


def test_mapping_show_by_connection_has_the_names_in_the_crm(home: Home) -> None:
    home.run("provision", "crm")
    by_file = {row["field"]: row for row in home.rows("mapping", "show", "fake")}
    by_connection = {row["field"]: row for row in home.rows("mapping", "show", "crm")}
    assert by_file["credit_hold"]["vendor_field"] == "Credit_Hold"
    assert by_connection["credit_hold"]["vendor_field"] == "Credit_Hold__c"
    assert by_file["currency"] == {
        "direction": "read",
        "part": "accounts",
        "object": "Firms",
        "field": "currency",
        "vendor_field": "Currency",
        "notes": "default: CNY",
    }
    assert by_connection["credit_status"]["notes"].endswith("options: ok, hold")
    assert home.run("mapping", "show", "nothing").code == 2


def test_policy_lint_finds_errors_and_warnings(home: Home, tmp_path: Path) -> None:
    path = home.folder / "policies/standard.yaml"
    assert home.rows("policy", "lint") == []
    other = tmp_path / "other.yaml"
    other.write_text(path.read_text(encoding="utf-8").replace("{below: 12,", "{below: 10,"), encoding="utf-8")
    done = home.run("policy", "lint", str(other), "--format", "json")
    assert done.code == 2
    assert done.json[0]["severity"] == "error" and done.json[0]["line"] > 1 and done.json[0]["todo"]
    other.write_text("policy: x\n", encoding="utf-8")
    broken = home.run("policy", "lint", str(other))
    assert broken.code == 2 and f"{other}:1" in broken.err


def test_policy_show_names_every_setting(home: Home) -> None:
    rows = {row["setting"]: row["value"] for row in home.rows("policy", "show")}
    assert rows["staleness.report_days"] == 90
    assert rows["classes.A.terms_days"] == 60
    assert rows["check.equal_to_limit"] == "pass"  # a default
    assert "scorecard.data_points.relation_months.weight" in rows


ORDER = """\
  order:
    object: Orders
    lock: credit_hold
    section: {en: Credit, zh: 信用}
    fields:
      credit_hold: {field: Credit_Hold, type: boolean, label: {en: Credit Hold, zh: 信用冻结}}
"""


def test_a_crm_that_offers_no_lock_gets_the_way_by_hand_and_that_is_no_failure(home: Home) -> None:
    mapping = home.folder / "mappings" / "fake.yaml"
    mapping.write_text(mapping.read_text() + ORDER)
    for more in (("--dry-run",), ()):
        done = home.run("provision", "crm", *more)
        assert done.code == 0, done.err
        assert "(lock)" in done.out and "(section)" not in done.out
        assert "Orders" in done.err and "信用" in done.err
    with home.opened() as runtime, runtime.store.read() as tx:
        assert discoveries.known(tx, 1, "guard:order") == "none"
