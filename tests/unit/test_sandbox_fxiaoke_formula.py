"""Conditions of validation rules in the Fxiaoke sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.fxiaoke.formula import Formula
from sandbox.fxiaoke.tenant import Tenant

ORDER, ACCOUNT = "SalesOrderObj", "AccountObj"


def holds(text: str, row: dict[str, Any], account: dict[str, Any] | None = None) -> bool:
    tenant = Tenant()
    made = tenant.insert(tenant.objects[ACCOUNT], {"name": "x", **(account or {})}, tenant.admin.id)
    kind = tenant.objects[ORDER]
    return Formula(text, kind, tenant.objects).holds({"account_id": made["_id"], **row})


@pytest.mark.parametrize(
    ("text", "row", "expected"),
    [
        ("$order_amount$ > 1000", {"order_amount": "1000.01"}, True),
        ("$order_amount$ > 1000", {"order_amount": "1000.00"}, False),
        ("$order_amount$ > 1000", {}, False),
        ("$order_amount$ <= 5 && $remark$ == 'x'", {"order_amount": "5.00", "remark": "x"}, True),
        ("$remark$ == 'a' || $remark$ == 'b'", {"remark": "b"}, True),
        ("!($remark$ == 'a') && $order_amount$ >= 1", {"order_amount": "1.00"}, True),
        ("$remark$ == null", {}, True),
        ("$remark$ != null", {"remark": ""}, True),
        ("$account_id__r.tel$ == '1'", {}, True),
        ("$account_id__r.tel$ == '1'", {"account_id": "gone"}, False),
        ("$lock_status$ == true", {"lock_status": "1"}, False),
    ],
)
def test_a_condition_is_read_as_the_vendor_writes_it(text: str, row: dict[str, Any], expected: bool) -> None:
    assert holds(text, row, {"tel": "1"}) is expected


def test_trap_an_option_is_its_label_unless_the_value_is_asked_for() -> None:
    tenant = Tenant()
    kind = tenant.objects[ORDER]
    ((value, label), *_) = kind.fields["order_status"].options.items()
    for text in (f"$order_status$ == '{label}'", f"$order_status._value$ == '{value}'"):
        assert Formula(text, kind, tenant.objects).holds({"order_status": value})
    assert not Formula(f"$order_status$ == '{value}'", kind, tenant.objects).holds({"order_status": value})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "$nothing$ == 1",
        "$account_id__r.nothing$ == 1",
        "$remark__r.name$ == 1",
        "$remark._value$ == 'x'",
        "$remark$ = 'x'",
        "$remark$ ==",
        "($remark$ == 'x'",
        "$remark$ == 'x' )",
        "$remark$ == 'x' 'y'",
        "delete everything",
    ],
)
def test_trap_a_condition_that_cannot_be_is_refused(text: str) -> None:
    tenant = Tenant()
    with pytest.raises(ValueError, match=r"condition|field"):
        Formula(text, tenant.objects[ORDER], tenant.objects)
