"""The packed client script, run by Node: what it asks, and what it makes of the answer."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.zoho.plugin.packing import SCRIPT, pack
from sandbox.zoho.client_script import Ran, run
from tests.plugin_spec import SPEC

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node (nodejs)")
FORM = {
    "Account_Name": {"id": "77", "name": "Acme"},
    "Grand_Total": 12500.5,
    "Currency": "CNY",
    "Status": "Created",
    "SO_Number": None,
    "Credit_Check_Key": None,
    "Credit_State": None,
}
REASON = {"code": "over_limit", "params": {}, "text": {"zh": "超出额度", "en": "over the limit"}}


def script(**changes: Any) -> str:
    return pack(replace(SPEC, **changes)).files[SCRIPT].decode()


class Gate:
    """Answers the script, and remembers what it was asked."""

    def __init__(self, decision: str = "pass", **more: Any) -> None:
        self.answer: Any = {
            "status": 200,
            "body": json.dumps({"decision": decision, "reasons": [REASON], **more}),
        }
        self.asked: list[dict[str, Any]] = []

    def __call__(self, said: Mapping[str, Any]) -> Any:
        request = json.loads(said["args"]["request"])
        assert (said["name"], request["method"], request["path"]) == ("creditgate_call", "POST", "/v1/checks")
        self.asked.append(request["body"])
        return self.answer if isinstance(self.answer, str) else json.dumps(self.answer)


def saved(gate: Any, row_id: str | None = None, *, text: str = "", **form: Any) -> Ran:
    page = {"module": "Sales_Orders", "id": row_id, "values": FORM | form}
    done = run(text or script(), page, gate)
    assert not done.fault, done.fault
    return done


def test_a_new_order_is_asked_about_by_a_key_that_stays_in_the_form() -> None:
    gate = Gate()
    done = saved(gate)
    (asked,) = gate.asked
    assert asked.pop("order") == done.changed["Credit_Check_Key"]
    assert asked == {
        "connection": "zoho",
        "account": "77",
        "amount": "12500.5",
        "currency": "CNY",
        "checkpoint": "order_save",
        "draft": False,
    }
    again = saved(gate, Credit_Check_Key="NEW-1")
    assert gate.asked[-1]["order"] == "NEW-1" and again.changed == {}


@pytest.mark.parametrize(
    ("row_id", "form", "order", "step"),
    [
        ("9", {}, "9", "order_change"),
        ("9", {"SO_Number": "SO-1"}, "SO-1", "order_change"),
        ("9", {"Status": "Approved"}, "9", "approval"),
        ("9", {"Status": "Delivered"}, "9", "shipment"),
    ],
)
def test_the_step_follows_the_page_and_the_status(row_id: str, form: Any, order: str, step: str) -> None:
    gate = Gate()
    saved(gate, row_id, **form)
    assert (gate.asked[0]["order"], gate.asked[0]["checkpoint"]) == (order, step)


@pytest.mark.parametrize(
    ("typed", "amount"),
    [(100, "100"), (0.1, "0.1"), (1234567.89, "1234567.89"), ("1,200.50", "1200.50"), (100.0, "100")],
)
def test_an_amount_is_sent_as_decimal_text(typed: Any, amount: str) -> None:
    gate = Gate()
    saved(gate, Grand_Total=typed)
    assert gate.asked[0]["amount"] == amount


def test_a_draft_says_that_it_is_one_and_nothing_is_asked_without_account_or_amount() -> None:
    gate = Gate()
    saved(gate, Status="Draft")
    assert gate.asked[0]["draft"] is True
    for form in ({"Account_Name": None}, {"Grand_Total": None}, {"Grand_Total": "much"}):
        assert saved(gate, **form).saves
    assert len(gate.asked) == 1


def test_a_hold_stops_the_save_and_a_warning_does_not() -> None:
    held, warned, passed = (saved(Gate(word)) for word in ("hold", "warn", "pass"))
    assert (held.saves, warned.saves, passed.saves) == (False, True, True)
    assert "over the limit" in held.messages[0]["text"] and held.messages[0]["kind"] == "alert"
    assert "over the limit" in warned.messages[0]["text"] and passed.messages == ()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"status": 0}, "cannot be reached"),
        ({"status": 401, "body": "{}"}, "refused the plugin's key"),
        ({"status": 500, "body": "{}"}, "makes no sense"),
        ({"status": 200, "body": "<html>"}, "makes no sense"),
        ({"status": 200, "body": json.dumps({"decision": "perhaps", "reasons": []})}, "makes no sense"),
        ({"status": 200, "body": json.dumps({"decision": "pass"})}, "makes no sense"),
        ({"odd": True}, "makes no sense"),
        ("no json", "makes no sense"),
        ("null", "makes no sense"),
    ],
)
@pytest.mark.parametrize("does", ["allow", "hold", "review"])
def test_what_makes_no_sense_is_decided_as_the_admin_chose(answer: Any, why: str, does: str) -> None:
    gate = Gate()
    gate.answer = answer
    done = saved(gate, text=script(on_failure=dict.fromkeys(SPEC.on_failure, does)))
    assert done.saves is (does != "hold")
    assert why in done.messages[0]["text"]
    assert done.changed.get("Credit_State") == ("Under review" if does == "review" else None)


def test_an_error_of_the_call_counts_as_a_service_that_is_down() -> None:
    def broken(said: Any) -> Any:
        raise TimeoutError("socket timeout error")

    done = saved(broken)
    assert not done.saves and "cannot be reached" in done.messages[0]["text"]


def test_each_step_has_its_own_choice() -> None:
    text = script(on_failure={**SPEC.on_failure, "shipment": "allow"})
    gate = Gate()
    gate.answer = {"status": 0}
    assert not saved(gate, "9", text=text).saves
    assert saved(gate, "9", text=text, Status="Delivered").saves


def test_a_script_that_runs_too_long_is_ended() -> None:
    import threading

    free = threading.Event()
    page = {"module": "Sales_Orders", "id": None, "values": FORM}
    done = run(script(), page, lambda said: free.wait(20), 0.5)
    free.set()
    assert done.cut_off and done.saves


@pytest.mark.parametrize(("later", "saves"), [("pass", True), ("hold", False), ("never", False)])
def test_an_answer_that_comes_later_is_waited_for_no_longer_than_said(
    tmp_path: Path, later: str, saves: bool
) -> None:
    """Where calls give promises, which the manual's examples do not show, the script's own limit counts."""
    file = tmp_path / "onSave.js"
    file.write_text(script(seconds=0.2))
    done = outside(file, later)
    assert done.stdout.strip() == str(saves).lower()
    if later == "never":
        assert "did not answer in time" in done.stderr


@pytest.mark.parametrize(
    ("locale", "word"),
    [("zh_CN", "信用检查未通过"), ("fr_FR", "credit says no"), ("", "credit says no")],
)
def test_the_user_is_spoken_to_in_the_users_language_where_it_is_told(
    tmp_path: Path, locale: str, word: str
) -> None:
    file = tmp_path / "onSave.js"
    file.write_text(script())
    assert word in outside(file, "hold", locale).stderr


def outside(file: Path, later: str, locale: str = "") -> subprocess.CompletedProcess[str]:
    """Run the script where there is what the sandbox does not have: promises, timers, the user's language."""
    harness = """
      const text = require("fs").readFileSync(process.argv[1], "utf8"), later = process.argv[2];
      const form = JSON.parse(process.argv[3]);
      const body = JSON.stringify({ decision: later, reasons: [] });
      globalThis.$Page = { record_id: "9" };
      globalThis.$Crm = { user: { locale: process.argv[4] } };
      globalThis.ZDK = { Page: { getField: (name) => ({ getValue: () => form[name], setValue: () => {} }) },
        Client: { showAlert: (said) => console.error(said), showMessage: () => {} },
        Apps: { CRM: { Functions: { execute: () => later === "never" ? new Promise(() => {})
          : Promise.resolve({ details: { output: JSON.stringify({ status: 200, body: body }) } }) } } } };
      Promise.resolve(new Function(text)()).then((done) => { console.log(done); process.exit(0); });
    """
    command = ["node", "-e", harness, str(file), later, json.dumps(FORM), locale]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
