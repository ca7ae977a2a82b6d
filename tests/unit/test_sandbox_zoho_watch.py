"""The Zoho sandbox: notification channels and what they send."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.notification_receiver import Receiver, receiver
from tests.sandbox_clients import NOON, Zoho, zoho_org

A, B, C = "554023000001000001", "554023000001000002", "554023000001000003"
CHANNEL = "1000000068001"


@pytest.fixture
def org() -> Iterator[Zoho]:
    with zoho_org() as running_org:
        yield running_org


@pytest.fixture
def taker() -> Iterator[Receiver]:
    with receiver() as running_receiver:
        yield running_receiver


def channel(url: str, *events: str, **more: Any) -> dict[str, Any]:
    return {"channel_id": CHANNEL, "notify_url": url, "events": list(events), "token": "secret", **more}


def watch(org: Zoho, *channels: dict[str, Any], method: str = "POST") -> requests.Response:
    return org.call(method, "/actions/watch", json={"watch": list(channels)})


def update(org: Zoho, *records: dict[str, Any]) -> None:
    assert org.call("PUT", "/Accounts", json={"data": list(records)}).status_code == 200


# -- channels


def test_trap_an_expiry_beyond_a_week_falls_back_to_an_hour(org: Zoho) -> None:
    plain = watch(org, channel("https://example.com/n", "Accounts.edit"))
    assert plain.status_code == 201
    result = plain.json()["watch"][0]
    assert (result["code"], result["status"]) == ("SUCCESS", "success")
    event = result["details"]["events"][0]
    assert event["resource_uri"] == f"{org.base}/crm/v8/Accounts"
    assert (event["resource_name"], event["channel_id"]) == ("Accounts", CHANNEL)
    assert event["channel_expiry"] == "2026-05-04T22:06:40+08:00"
    week = channel("https://example.com/n", "Accounts.edit", channel_expiry="2026-05-11T13:06:40+00:00")
    longer = {**week, "channel_expiry": "2026-05-11T13:06:41+00:00"}
    expiries = [
        watch(org, one).json()["watch"][0]["details"]["events"][0]["channel_expiry"] for one in (week, longer)
    ]
    assert expiries == ["2026-05-11T21:06:40+08:00", "2026-05-04T22:06:40+08:00"]


@pytest.mark.parametrize(
    ("wrong", "code", "details"),
    [
        ({"channel_id": None}, "MANDATORY_NOT_FOUND", {"api_name": "channel_id"}),
        ({"channel_id": "abc"}, "INVALID_DATA", {"expected_data_type": "long"}),
        ({"notify_url": None}, "MANDATORY_NOT_FOUND", {"api_name": "notify_url"}),
        ({"notify_url": "example.com"}, "INVALID_DATA", {"api_name": "notify_url"}),
        ({"events": []}, "MANDATORY_NOT_FOUND", {"api_name": "events"}),
        ({"events": ["Accounts.change"]}, "INVALID_DATA", {"json_path": "$.watch[0].events[0]"}),
        ({"events": ["Nothing.edit"]}, "INVALID_MODULE", {"json_path": "$.watch[0].events[0]"}),
        ({"events": ["Notes.create"]}, "INVALID_DATA", {"api_name": "events"}),
        ({"token": "x" * 51}, "INVALID_DATA", {"maximum_length": 50}),
        ({"channel_expiry": "tomorrow"}, "INVALID_DATA", {"expected_data_type": "datetime"}),
        ({"channel_expiry": "2026-05-04T13:06:40+00:00"}, "INVALID_DATA", {"api_name": "channel_expiry"}),
        ({"notify_on_related_action": "no"}, "INVALID_DATA", {"expected_data_type": "boolean"}),
        (
            {"notification_condition": [{"type": "criteria"}]},
            "INVALID_DATA",
            {"supported_values": ["field_selection"]},
        ),
    ],
)
def test_channels_that_do_not_fit_are_refused_by_position(
    org: Zoho, wrong: dict[str, Any], code: str, details: dict[str, Any]
) -> None:
    good = channel("https://example.com/n", "Accounts.all")
    alone = watch(org, {**good, **wrong})
    assert alone.status_code == 400
    result = alone.json()["watch"][0]
    assert result["code"] == code and details.items() <= result["details"].items()
    mixed = watch(org, {**good, **wrong}, good)
    assert mixed.status_code == 207
    assert [one["status"] for one in mixed.json()["watch"]] == ["error", "success"]


def test_channels_are_listed_changed_and_dropped(org: Zoho) -> None:
    assert org.get("/actions/watch").status_code == 204
    assert watch(org, channel("https://example.com/n", "Accounts.all", "Tasks.edit")).status_code == 201
    listed = org.get("/actions/watch", channel_id=CHANNEL).json()
    assert [one["events"] for one in listed["watch"]] == [
        ["Accounts.create", "Accounts.edit", "Accounts.delete"],
        ["Tasks.edit"],
    ]
    assert listed["watch"][0]["notify_on_related_action"] is True and listed["info"]["count"] == 2
    gone = {"channel_id": CHANNEL, "events": ["Accounts.delete", "Tasks.edit"], "_delete_events": True}
    assert watch(org, gone, method="PATCH").status_code == 200
    more = {"channel_id": CHANNEL, "events": ["Invoices.create"], "token": "other"}
    patched = watch(org, more, method="PATCH").json()["watch"][0]
    assert patched["message"] == "Successfully updated the subscribe details"
    found = org.get("/actions/watch").json()["watch"]
    assert [(one["events"], one["token"]) for one in found] == [
        (["Accounts.create", "Accounts.edit"], "other"),
        (["Invoices.create"], "other"),
    ]
    replaced = watch(org, channel("https://example.com/m", "Sales_Orders.create"), method="PUT")
    assert replaced.status_code == 200
    found = org.get("/actions/watch", module="Sales_Orders").json()["watch"]
    assert [one["notify_url"] for one in found] == ["https://example.com/m"]
    assert len(org.get("/actions/watch").json()["watch"]) == 1
    dropped = org.call("DELETE", "/actions/watch", params={"channel_ids": f"{CHANNEL},77"})
    assert (dropped.status_code, [one["code"] for one in dropped.json()["watch"]]) == (
        207,
        ["SUCCESS", "NOT_SUBSCRIBED"],
    )
    assert org.get("/actions/watch").status_code == 204


def test_a_channel_that_is_not_there_cannot_be_changed(org: Zoho) -> None:
    one = channel("https://example.com/n", "Accounts.edit")
    for method in ("PUT", "PATCH"):
        answer = watch(org, one, method=method)
        assert (answer.status_code, answer.json()["watch"][0]["code"]) == (400, "NOT_SUBSCRIBED")
    watch(org, one)
    org.clock.now += 3600
    org.renew()
    assert org.get("/actions/watch").status_code == 204
    assert watch(org, one, method="PUT").json()["watch"][0]["code"] == "NOT_SUBSCRIBED"
    assert org.call("DELETE", "/actions/watch").json()["code"] == "REQUIRED_PARAM_MISSING"


def test_fifty_channels_fit_in_a_call_and_there_is_an_end_to_all_of_them(org: Zoho) -> None:
    def many(first: int, count: int) -> list[dict[str, Any]]:
        one = channel("https://example.com/n", "Accounts.edit")
        return [{**one, "channel_id": first + i} for i in range(count)]

    answer = watch(org, *many(1, 51))
    assert (answer.status_code, answer.json()["code"]) == (400, "LIMIT_EXCEEDED")
    for first in (1, 51, 101, 151):
        assert watch(org, *many(first, 50)).status_code == 201
    last = watch(org, *many(201, 1)).json()["watch"][0]
    assert last["code"] == "LIMIT_REACHED"


# -- callbacks


def test_trap_a_callback_holds_several_ids_and_the_token_but_no_record(org: Zoho, taker: Receiver) -> None:
    watch(org, channel(taker.url, "Accounts.all"))
    update(org, {"id": A, "Phone": "1"}, {"id": B, "Phone": "2"})
    body = taker.wait(1)[0]
    assert body["ids"] == [A, B]  # rows of one call come together
    assert (body["module"], body["operation"]) == ("Accounts", "update")
    assert (body["channel_id"], body["token"]) == (CHANNEL, "secret")
    assert body["resource_uri"] == f"{org.base}/crm/v8/Accounts"
    assert body["server_time"] == int(NOON * 1000)
    assert body["affected_values"] == [] and body["query_params"] == {}
    org.call("DELETE", "/Accounts", params={"ids": C})
    assert [b["operation"] for b in taker.wait(2)] == ["update", "delete"]
    assert taker.bodies[1]["ids"] == [C]


def test_trap_the_connectors_own_writes_are_told_too(org: Zoho, taker: Receiver) -> None:
    watch(org, channel(taker.url, "Tasks.create"))
    task = {"Subject": "Visit", "What_Id": {"id": A}, "$se_module": "Accounts"}
    made = org.call("POST", "/Tasks", json={"data": [task], "trigger": []})
    assert taker.wait(1)[0]["ids"] == [made.json()["data"][0]["details"]["id"]]


def test_values_come_when_they_are_asked_for(org: Zoho, taker: Receiver) -> None:
    watch(org, channel(taker.url, "Accounts.edit", return_affected_field_values=True))
    update(org, {"id": A, "Annual_Revenue": 12.5, "Industry": "Machinery"})
    body = taker.wait(1)[0]
    assert body["affected_values"] == [{"record_id": A, "values": {"Annual_Revenue": 12.5}}]
    assert body["affected_fields"] == [{A: ["Annual_Revenue"]}]


def test_only_the_fields_of_a_condition_are_told(org: Zoho, taker: Receiver) -> None:
    selection = {"group_operator": "or", "group": [{"field": {"api_name": "Phone"}}, {"api_name": "Website"}]}
    condition = {"type": "field_selection", "module": {"api_name": "Accounts"}, "field_selection": selection}
    watch(org, channel(taker.url, "Accounts.edit", notification_condition=[condition]))
    update(org, {"id": A, "Billing_City": "Bonn"})
    update(org, {"id": B, "Website": "https://example.com"})
    assert [body["ids"] for body in taker.wait(1)] == [[B]]


def test_trap_a_related_record_is_told_unless_the_channel_says_no(org: Zoho, taker: Receiver) -> None:
    watch(org, channel(taker.url, "Sales_Orders.create", "Accounts.edit"))
    saved = org.door("orders", account_id=A, amount="5", currency="CNY")
    bodies = {body["module"]: body for body in taker.wait(2)}
    assert (bodies["Sales_Orders"]["operation"], bodies["Sales_Orders"]["ids"]) == ("insert", [saved["id"]])
    assert (bodies["Accounts"]["operation"], bodies["Accounts"]["ids"]) == ("update", [A])


def test_related_changes_are_not_told_to_a_channel_that_does_not_want_them(
    org: Zoho, taker: Receiver
) -> None:
    watch(org, channel(taker.url, "Accounts.edit", notify_on_related_action=False))
    org.door("orders", account_id=A, amount="5", currency="CNY")
    update(org, {"id": B, "Phone": "1"})
    assert [body["ids"] for body in taker.wait(1)] == [[B]]


def test_trap_an_expired_channel_tells_nothing(org: Zoho, taker: Receiver) -> None:
    watch(org, channel(taker.url, "Accounts.edit"))
    org.clock.now += 3600
    org.renew()
    update(org, {"id": A, "Phone": "1"})
    watch(org, channel(taker.url, "Accounts.edit"))
    update(org, {"id": B, "Phone": "1"})
    assert [body["ids"] for body in taker.wait(1)] == [[B]]


def test_a_slow_receiver_delays_no_call(org: Zoho) -> None:
    with receiver(slow=1.5) as slow:
        watch(org, channel(slow.url, "Accounts.edit"))
        began = time.monotonic()
        for phone in ("1", "2", "3"):
            update(org, {"id": A, "Phone": phone})
        assert time.monotonic() - began < 1.0
        assert slow.wait(1)[0]["ids"] == [A]


# -- faults


def test_notifications_can_come_twice(taker: Receiver) -> None:
    with zoho_org(faults={"zoho.notify_twice": 1.0}) as org:
        watch(org, channel(taker.url, "Accounts.edit"))
        update(org, {"id": A, "Phone": "1"})
        assert [body["ids"] for body in taker.wait(2)] == [[A], [A]]


def test_notifications_can_change_places(taker: Receiver) -> None:
    with zoho_org(faults={"notify_swapped": 1.0}) as org:
        watch(org, channel(taker.url, "Accounts.all"))
        update(org, {"id": C, "Phone": "1"})
        org.call("DELETE", "/Accounts", params={"ids": C})
        assert [body["operation"] for body in taker.wait(2)] == ["delete", "update"]
        update(org, {"id": A, "Phone": "1"})  # alone, it comes late
        assert taker.wait(3)[2]["ids"] == [A]


def test_notifications_can_be_lost(taker: Receiver) -> None:
    with zoho_org(faults={"notify_lost": 1.0}) as org:
        watch(org, channel(taker.url, "Accounts.edit"))
        update(org, {"id": A, "Phone": "1"})
        deadline = time.monotonic() + 5
        while not org.door("notifications")["lost"] and time.monotonic() < deadline:
            time.sleep(0.01)
        assert org.door("notifications") == {"sent": 0, "failed": 0, "lost": 1, "expired": 0}
    assert taker.bodies == []
