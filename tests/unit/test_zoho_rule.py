"""The packed validation rule, run by the sandbox's reading of Deluge."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from adapters.zoho.plugin.packing import MESSAGE, pack
from sandbox.zoho.deluge import Failed, Surroundings, run
from sandbox.zoho.deluge_text import parse
from tests.plugin_spec import SPEC

PAYER = {"id": "77", "name": "Acme"}
UNKNOWN = {"code": "INVALID_DATA", "status": "error"}


def said(record: Any, hold: Any = False, stored: Any = None, does: str = "hold") -> str:
    """The message of the rule; empty if it has nothing against the record."""
    spec = replace(SPEC, on_failure={**SPEC.on_failure, "order_save": does})
    rule = parse(pack(spec).files["functions/creditgate_rule.dg"].decode())

    def row(module: str, row_id: str) -> Mapping[str, Any]:
        if module == "Sales_Orders":
            return dict(stored or UNKNOWN)
        assert (module, row_id) == ("Accounts", "77")
        if hold == "down":
            raise Failed("an internal error")
        return UNKNOWN if hold is None else {"Credit_Hold": hold}

    around = Surroundings(row, lambda *_: pytest.fail("it asks nobody outside"), "rep@example.com")
    found = run(rule, {"crmAPIRequest": json.dumps({"record": record})}, around)
    assert found["status"] in ("success", "error")
    return str(found.get("message", "")) if found["status"] == "error" else ""


def test_a_new_order_of_an_account_on_hold_is_refused_in_both_languages() -> None:
    new = {"Account_Name": PAYER, "Grand_Total": 100}
    assert said(new) == ""
    message = said(new, hold=True)
    assert "信用冻结" in message and "Credit hold" in message and len(message) <= MESSAGE


@pytest.mark.parametrize(
    ("given", "stored", "refused"),
    [
        ({"Grand_Total": 101}, {"Grand_Total": 100, "Account_Name": PAYER}, True),
        ({"Grand_Total": 100}, {"Grand_Total": 100, "Account_Name": PAYER}, False),
        ({"Grand_Total": 99.5}, {"Grand_Total": 100, "Account_Name": PAYER}, False),
        ({"Description": "x"}, {"Grand_Total": 100, "Account_Name": PAYER}, False),
        (
            {"Grand_Total": 900},
            {"Grand_Total": 100, "Account_Name": PAYER, "Credit_State": "Released"},
            False,
        ),
        ({"Grand_Total": 900}, {"Grand_Total": 100, "Account_Name": PAYER, "Credit_State": "已放行"}, False),
        ({"Grand_Total": 900}, {"Grand_Total": 100, "Account_Name": PAYER, "Credit_State": "Rejected"}, True),
    ],
)
def test_only_more_credit_is_refused_and_what_was_released_passes(
    given: Any, stored: Any, refused: bool
) -> None:
    assert bool(said({"id": "5", **given}, hold=True, stored=stored)) is refused


@pytest.mark.parametrize("hold", [None, "down"])
@pytest.mark.parametrize(("does", "refused"), [("hold", True), ("allow", False), ("review", False)])
def test_what_cannot_be_read_is_decided_as_the_admin_chose(hold: Any, does: str, refused: bool) -> None:
    message = said({"Account_Name": PAYER, "Grand_Total": 100}, hold=hold, does=does)
    assert bool(message) is refused
    assert not message or "not known" in message


def test_an_order_without_an_account_says_so() -> None:
    assert "Choose an account" in said({"Grand_Total": 100})
    assert "Choose an account" not in said({"Account_Name": "77", "Grand_Total": 100})
