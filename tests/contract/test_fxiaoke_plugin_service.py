"""The packed plugin and the real service: what a rep saves is checked, reserved and known again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fxiaoke_plugin import needs_groovy
from tests.fxiaoke_pushes import option
from tests.fxiaoke_shop import Shop, shop
from tests.service import serving

pytestmark = needs_groovy


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Accounts carry their credit fields, and the plugin asks the running service."""
    folder = tmp_path_factory.mktemp("plugin")
    with shop(folder) as found:
        found.pull()
        found.judge()
        found.push_until_empty()
        with serving(found.made) as gate:
            key = found.made.run("connect", "key", "fxiaoke").stdout.strip()
            status = found.names("account")["credit_status"]
            values = ",".join(option(found, status, label, "AccountObj") for label in ("冻结", "停止"))
            out = str(folder / "packed")
            pack = ["plugin", "pack", "fxiaoke", "--out", out, "--gate", gate, "--on-failure", "hold"]
            found.made.run(*pack, "--set", f"status_values={values}")
            found.made.run("sandbox", "install", found.made.bases["fxiaoke"], out, "--key", key)
            yield found


def account(tenant: Shop, *labels: str) -> str:
    """An account with one of these statuses."""
    field = f"{tenant.names('account')['credit_status']}__label"
    return str(next(one["_id"] for one in tenant.rows("AccountObj", field) if one.get(field) in labels))


def save(tenant: Shop, of: str, amount: str) -> dict[str, Any]:
    found: dict[str, Any] = tenant.door("orders", {"account_id": of, "amount": amount, "currency": "CNY"})
    return found


def listed(tenant: Shop, *options: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(
        tenant.made.run("hold", "list", *options, "--format", "json").stdout
    )
    return rows


def test_an_order_within_the_limit_is_saved_and_known_again_when_it_is_read(tenant: Shop) -> None:
    good = account(tenant, "正常")
    saved = save(tenant, good, "10.00")
    assert (saved["saved"], saved["message"]) == (True, "")
    tenant.made.run("pull", "fxiaoke")
    assert saved["number"] not in {one["order"] for one in listed(tenant, "--bypassed")}


def test_an_order_over_the_limit_is_not_saved_and_waits_for_a_person(tenant: Shop) -> None:
    good = account(tenant, "正常")
    refused = save(tenant, good, "99000000.00")
    assert refused["saved"] is False and len(refused["message"].splitlines()) > 1
    assert f"new:{good}:99000000.00:CNY" in {one["order"] for one in listed(tenant)}


def test_a_refused_order_passes_from_the_same_form_once_it_is_released(tenant: Shop) -> None:
    good = account(tenant, "正常")
    assert save(tenant, good, "88000000.00")["saved"] is False
    (hold,) = [one for one in listed(tenant) if one["order"] == f"new:{good}:88000000.00:CNY"]
    release = ["hold", "release", str(hold["id"]), "--code", "secured", "--note", "bank guarantee"]
    tenant.made.run(*release, "--actor", "Bo", expect=1)  # so large a one takes two
    tenant.made.run(*release, "--actor", "Bea")
    saved = save(tenant, good, "88000000.00")
    assert saved["saved"] is True
    tenant.made.run("pull", "fxiaoke")
    rows = [one for one in listed(tenant, "--state", "all") if one["id"] == hold["id"]]
    assert [(one["order"], one["state"]) for one in rows] == [(saved["number"], "released")]
    assert saved["number"] not in {one["order"] for one in listed(tenant, "--bypassed")}


def test_an_account_on_hold_gets_no_new_order(tenant: Shop) -> None:
    refused = save(tenant, account(tenant, "冻结", "停止"), "10.00")
    assert refused["saved"] is False


def test_an_order_that_came_past_the_plugin_is_found(tenant: Shop) -> None:
    good = account(tenant, "正常")
    row = {"account_id": good, "order_amount": "77.00", "mc_currency": "CNY"}
    tenant.door("import", {"object": "SalesOrderObj", "rows": [row]})
    tenant.made.run("pull", "fxiaoke")
    assert "77.00" in json.dumps(listed(tenant, "--bypassed"))
