"""A tenant with renamed fields and other option values is connected by 'mapping suggest' and two 'set'."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from connector.store.record_tables import RECORDS
from sandbox.server import Options
from tests.installation import Installation, installation

OPTIONS = Options(accounts=30, faults={"fxiaoke.unlimited": 1.0})
VARIANT = {
    "AccountObj": {
        "fields": {
            "payment_terms_days__c": {"api_name": "UDNum1__c"},
            "duns__c": {"api_name": "field_Qz81M__c", "label": "D-U-N-S Number"},
        }
    },
    "SalesOrderObj": {
        "fields": {
            "order_amount": {"api_name": "field_9fKp2__c", "label": "订单总额"},
            "delivery_date": {"api_name": "UDDate1__c", "label": "Delivery Date"},
            "order_status": {
                "labels": {"已确认": "排产中", "已发货": "已收货", "已完成": "Completed", "已作废": "已取消"},
            },
        }
    },
    "OrderPaymentObj": {"fields": {"payment_amount": {"api_name": "UDMoney7__c", "label": "到账数"}}},
    "CreditFileObj": {"active": False},
}


@pytest.fixture
def tenants(tmp_path: Path) -> Iterator[tuple[Installation, Installation]]:
    """One as the kind's mapping expects it, and one whose admin has renamed things."""
    with (
        installation(tmp_path / "plain", OPTIONS, names=("fxiaoke",), provisioned=False) as plain,
        installation(tmp_path / "renamed", OPTIONS, names=("fxiaoke",), provisioned=False) as renamed,
    ):
        renamed.door("fxiaoke", "console/variant", VARIANT)
        yield plain, renamed


def suggested(made: Installation, *options: str, expect: int) -> dict[str, dict[str, Any]]:
    done = made.run("mapping", "suggest", "renamed", "--format", "json", *options, expect=expect)
    return {row["place"]: row for row in orjson.loads(done.stdout)}


def records(made: Installation, name: str) -> dict[str, Any]:
    """What was read of one stream, without what names the connection."""
    table = RECORDS[name]
    left_out = {"connection_id", "first_seen", "last_seen", "customer_id", "modified_at"}
    with made.opened() as runtime, runtime.store.read() as tx:
        rows = tx.execute(sa.select(table)).all()
        return {r.external_id: {k: v for k, v in r._mapping.items() if k not in left_out} for r in rows}


def test_renamed_tenant_is_connected_by_suggest_and_two_sets(
    tenants: tuple[Installation, Installation],
) -> None:
    plain, renamed = tenants
    base = renamed.bases["fxiaoke"]
    given = ["base_url", base], ["app_id", "FSAID_sandbox"], ["app_secret", "sandbox-secret"]
    settings = [*given, ["permanent_code", "sandbox-code"], ["user", "13800000000"]]
    renamed.run("connect", "remove", "fxiaoke", "--yes")
    written = [part for key, value in settings for part in ("--set", f"{key}={value}")]
    renamed.run("connect", "add", "fxiaoke", "--name", "renamed", *written)
    own, kind = renamed.home / "mappings" / "renamed.yaml", renamed.home / "mappings" / "fxiaoke.yaml"
    before = kind.read_text()

    shown = suggested(renamed, expect=1)
    assert not own.exists()
    assert shown["orders.amount"]["proposed"] == "field_9fKp2__c"
    assert shown["accounts.duns"]["proposed"] == "field_Qz81M__c"
    assert shown["orders.stage:已收货"]["proposed"] == "delivered"
    assert shown["payments.amount"]["proposed"] is None
    assert shown["orders.stage:排产中"]["proposed"] is None
    assert "CreditFileObj" in shown["credit_files.object"]["why"]
    renamed.run("mapping", "check", "renamed", expect=2)

    suggested(renamed, "--write", expect=1)
    renamed.run("mapping", "set", "renamed", "payments.amount=UDMoney7__c")
    renamed.run("mapping", "set", "renamed", "orders.stage:排产中=open")
    left = suggested(renamed, expect=0)
    # The field for decisions is ours, and there only once 'provision' has said how to create it.
    assert set(left) == {"credit_files.object", "orders.decision"}
    renamed.run("mapping", "check", "renamed")
    assert kind.read_text() == before
    assert "# voided orders" in own.read_text() or "voided orders (life_status invalid)" in own.read_text()
    assert "# confirm: some tenants say amount" in own.read_text()

    pulled = renamed.run("pull", "renamed")
    assert "CreditFileObj" in pulled.stdout + pulled.stderr
    plain.run("pull", "fxiaoke")
    for name in ("accounts", "orders", "invoices", "plans", "receipts", "payments", "users"):
        mine, theirs = records(renamed, name), records(plain, name)
        assert mine and mine == theirs, name


def test_a_change_that_does_not_fit_changes_nothing(tenants: tuple[Installation, Installation]) -> None:
    _, made = tenants
    file = made.home / "mappings" / "fxiaoke.yaml"
    before = file.read_text()
    for wrong in ("orders.amount=no_such_field", "orders.amonut=name", "orderz.amount=name", "orders.amount"):
        done = made.run("mapping", "set", "fxiaoke", wrong, expect=2)
        assert "Traceback" not in done.stderr
    # A required field cannot be left out, an option needs a known meaning.
    made.run("mapping", "set", "fxiaoke", "orders.amount=", expect=2)
    assert file.read_text() == before
