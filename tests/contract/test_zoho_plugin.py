"""The packed plugin inside Zoho's sandbox: saving an order runs exactly what was packed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.store import reservations
from tests.gate_bench import decide
from tests.plugin_bench import ORDERS, PluginBench, needs_node, plugin_shop

HUGE = 900_000_000.0


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PluginBench]:
    with plugin_shop(tmp_path_factory.mktemp("plugin")) as made:
        yield made


@pytest.fixture(scope="module")
def packed(bench: PluginBench) -> Path:
    return bench.pack()


def shown(answer: Any) -> str:
    return "\n".join(one["text"] for one in answer["script"]["messages"])


@needs_node
def test_a_new_order_within_the_limit_is_saved_with_the_key_of_its_check(
    bench: PluginBench, packed: Path
) -> None:
    bench.install(packed)
    answer = bench.save(1_000.0)
    assert answer["saved"] and not answer["script"]["fault"], answer
    key = bench.row(answer["result"]["details"]["id"])["check_key"]
    assert key.startswith("NEW-")
    with bench.found.runtime.store.read() as tx:
        (kept,) = reservations.of_order(tx, bench.found.connection.id, key)
    assert (kept.state, kept.amount) == ("active", 100_000)
    bench.found.pull()
    with bench.found.runtime.store.read() as tx:
        assert reservations.of_order(tx, bench.found.connection.id, key) == []


@needs_node
def test_an_order_over_the_limit_is_not_saved_and_the_reasons_are_shown(
    bench: PluginBench, packed: Path
) -> None:
    bench.install(packed)
    before = len(bench.found.rows(ORDERS))
    answer = bench.save(HUGE)
    assert (answer["saved"], answer["result"]) == (False, None)
    assert shown(answer).startswith("信用检查未通过") and "•" in shown(answer)
    assert len(bench.found.rows(ORDERS)) == before


@needs_node
def test_an_edit_reserves_the_difference_and_may_be_refused(bench: PluginBench, packed: Path) -> None:
    bench.install(packed)
    order = bench.save(500.0)["result"]["details"]["id"]
    bench.found.pull()
    assert bench.save(600.0, order)["saved"]
    refused = bench.save(HUGE, order)
    assert not refused["saved"] and shown(refused).startswith("信用检查未通过")
    assert bench.row(order)["amount"] == 600
    assert bench.save(400.0, order)["saved"]


@needs_node
@pytest.mark.parametrize("gate", ["down", "odd", "slow"])
@pytest.mark.parametrize(("does", "saved"), [("hold", False), ("allow", True), ("review", True)])
def test_without_an_answer_the_admins_choice_counts(
    bench: PluginBench, gate: str, does: str, saved: bool
) -> None:
    bench.install(bench.pack(gate, does), call_seconds=0.3)
    answer = bench.save(700.0)
    assert answer["saved"] is saved, answer
    assert "无法完成信用检查" in shown(answer)
    if does == "review":
        assert bench.row(answer["result"]["details"]["id"])["state"] == "待审核"


@needs_node
def test_a_script_that_the_vendor_ends_stops_nothing_but_the_rule_behind_it_does(bench: PluginBench) -> None:
    bench.install(bench.pack("slow"), script_seconds=0.3, call_seconds=5)
    answer = bench.save(700.0)
    assert answer["saved"] and answer["script"]["cut_off"]
    bench.hold(True)
    refused = bench.save(700.0)
    bench.hold(False)
    assert refused["script"]["cut_off"] and not refused["saved"]
    assert refused["result"]["message"].startswith("信用冻结")


def test_a_write_by_api_runs_the_rule_only_on_request_and_never_the_script(
    bench: PluginBench, packed: Path
) -> None:
    bench.install(packed)
    bench.hold(True)
    client = bench.found.crm._client  # type: ignore[attr-defined]
    record = {
        "Subject": "By API",
        "Account_Name": {"id": bench.account},
        "Grand_Total": HUGE,
        "Currency": "CNY",
    }
    results = []
    for features in ([], [{"name": "function_validation_rule"}]):
        body = {"data": [record], "apply_feature_execution": features}
        results.append(
            client.call("POST", ORDERS, scope="", about=ORDERS, body=body, items="data")["data"][0]
        )
    bench.hold(False)
    assert [one["status"] for one in results] == ["success", "error"]
    assert "Credit hold" in results[1]["message"]


@pytest.mark.parametrize(
    ("file", "old", "new", "why"),
    [
        ("functions/creditgate_call.dg", "toMap()", "toCollection()", "toCollection"),
        ("functions/creditgate_call.dg", "standalone.creditgate_call", "standalone.other", "other"),
        ("functions/creditgate_rule.dg", "try\n", "while\n", "line"),
        ("plugin.json", '"onSave"', '"onChange"', "onChange"),
        ("plugin.json", '"/widget.html"', '"/other.html"', "index page"),
        ("client-script/order_save.js", "var cgAsked", "var var", "SyntaxError"),
    ],
)
@needs_node
def test_the_sandbox_installs_nothing_that_the_vendor_would_not_take(
    bench: PluginBench, packed: Path, tmp_path: Path, file: str, old: str, new: str, why: str
) -> None:
    import shutil

    spoilt = tmp_path / "spoilt"
    shutil.copytree(packed, spoilt)
    text = (spoilt / file).read_text()
    assert old in text
    (spoilt / file).write_text(text.replace(old, new))
    with pytest.raises(AssertionError, match=why):
        bench.install(spoilt)


@needs_node
def test_the_order_form_goes_the_same_way(bench: PluginBench, packed: Path) -> None:
    bench.install(packed)
    form = f"{bench.found.made.bases['zoho']}/_sandbox/browser/orders/new"
    said = []
    for amount in ("800.00", str(HUGE)):
        given = {"account_id": bench.account, "amount": amount, "currency": "CNY"}
        said.append(requests.post(form, data=given, timeout=30).text)
    assert 'class="saved"' in said[0] and 'class="refused"' not in said[0]
    assert 'class="refused"' in said[1] and "信用检查未通过" in said[1]


@needs_node
def test_an_order_that_is_placed_without_a_page_goes_the_same_way(bench: PluginBench, packed: Path) -> None:
    bench.install(packed)
    saved, refused = (
        bench.found.made.door(
            "zoho", "orders", {"account_id": bench.account, "amount": amount, "currency": "CNY"}
        )
        for amount in ("700.00", str(HUGE))
    )
    assert saved["saved"] and saved["number"]
    assert not refused["saved"] and "信用检查未通过" in refused["message"]


@needs_node
def test_a_copy_is_an_order_of_its_own_even_before_the_original_has_arrived(
    bench: PluginBench, packed: Path
) -> None:
    bench.install(packed)
    first = bench.save(300.0)["result"]["details"]["id"]
    copy = bench.clone(first)
    assert copy["saved"], copy
    keys = [bench.row(order)["check_key"] for order in (first, copy["result"]["details"]["id"])]
    assert keys[0] != keys[1]
    with bench.found.runtime.store.read() as tx:
        kept = [one for key in keys for one in reservations.of_order(tx, bench.found.connection.id, key)]
    assert [(one.state, one.amount) for one in kept] == [("active", 30_000)] * 2


@needs_node
def test_a_refused_new_order_can_be_saved_from_the_same_form_once_it_is_released(
    bench: PluginBench, packed: Path
) -> None:
    bench.install(packed)
    refused = bench.save(400_000.0)
    key = refused["script"]["changed"][bench.found.names("order")["check_key"]]
    assert not refused["saved"]
    number = next(one["id"] for one in bench.calls("/v1/holds", params={"order": key}).json()["holds"])
    decide(bench.found.runtime, "release", bench.found.runtime.now(), number)
    same = {bench.found.names("order")["check_key"]: key}
    assert bench.save(400_000.0, **same)["saved"]
    assert not bench.save(400_000.0)["saved"]
