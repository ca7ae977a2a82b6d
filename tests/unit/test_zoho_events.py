"""Zoho's notifications: channels that are made, renewed and ended, and what an event says."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest
import responses

from adapters.zoho.adapter import ZohoCrm
from adapters.zoho.events import LIFE
from connector.adapter import BAD_EVENT, FORGED_EVENT, Subscription
from connector.errors import Halt, Reject, Retry
from tests.zoho_bench import BASE, Bench, answer_fields, answer_token, calls_to, sent

WATCH = f"{BASE}/actions/watch"
URL = "https://credit.example.com/v1/hooks/shop"
SECRET = "token-1"
OBJECTS = ["Accounts", "Sales_Orders", "Invoices"]


@pytest.fixture(autouse=True)
def _token() -> Iterator[None]:
    with responses.mock:
        answer_token()
        yield


@pytest.fixture
def bench() -> Bench:
    return Bench()


def good(module: str, ends: str | None) -> dict[str, Any]:
    event = {"resource_name": module, "resource_id": "1", "channel_id": "7"}
    event |= {"channel_expiry": ends} if ends else {}
    return {"code": "SUCCESS", "status": "success", "message": "ok", "details": {"events": [event]}}


def bad(code: str, **details: Any) -> dict[str, Any]:
    return {"code": code, "status": "error", "message": "no", "details": details}


def answer_watch(*results: dict[str, Any], method: str = "POST", status: int = 201) -> None:
    responses.add(method, WATCH, json={"watch": list(results)}, status=status)


def ends(bench: Bench, after: dt.timedelta = LIFE) -> str:
    """In another zone than ours, as the vendor's answers are."""
    return (bench.now() + after).astimezone(dt.timezone(dt.timedelta(hours=5, minutes=30))).isoformat()


def subscribe(bench: Bench, known: Subscription | None = None, objects: list[str] = OBJECTS) -> Subscription:
    return bench.crm.subscribe(objects, URL, SECRET, known)


def subscribed(bench: Bench) -> Subscription:
    answer_watch(*(good(name, ends(bench)) for name in OBJECTS))
    return subscribe(bench)


def test_each_module_has_a_channel_of_its_own_with_our_token_for_almost_a_week(bench: Bench) -> None:
    made = subscribed(bench)
    watch = sent()["watch"]
    assert [one["events"] for one in watch] == [["Accounts.all"], ["Sales_Orders.all"], ["Invoices.all"]]
    assert {one["notify_url"] for one in watch} == {URL}
    assert {one["token"] for one in watch} == {SECRET}
    assert {one["channel_expiry"] for one in watch} == {"2026-03-08T11:00:00+00:00"}
    assert {name: one["channel_id"] for name, one in zip(OBJECTS, watch, strict=True)} == made.channels
    assert len(set(made.channels.values())) == 3
    assert all(0 < int(number) < 2**63 for number in made.channels.values())
    assert made.expires_at == bench.now() + LIFE
    assert made.renew_at == bench.now() + LIFE * 3 / 4


def test_trap_related_actions_notify_unless_told_not_to(bench: Bench) -> None:
    subscribed(bench)
    assert all(one["notify_on_related_action"] is False for one in sent()["watch"])
    assert all(one["return_affected_field_values"] is False for one in sent()["watch"])


def test_what_is_subscribed_and_fresh_costs_no_call(bench: Bench) -> None:
    made = subscribed(bench)
    before = len(responses.calls)
    assert subscribe(bench, made) == made
    assert len(responses.calls) == before


def test_trap_expiry_beyond_the_maximum_falls_back_to_one_hour(bench: Bench) -> None:
    # What the answer says counts, whatever was asked for.
    answer_watch(
        good("Accounts", ends(bench)),
        good("Sales_Orders", ends(bench, dt.timedelta(hours=1))),
        good("Invoices", None),
    )
    made = subscribe(bench)
    assert made.expires_at == bench.now() + dt.timedelta(hours=1)
    assert made.renew_at == bench.now() + dt.timedelta(minutes=45)


def test_trap_a_channel_ends_and_is_renewed_when_less_than_a_quarter_remains(bench: Bench) -> None:
    made = subscribed(bench)
    bench.time += LIFE * 3 / 4 - dt.timedelta(seconds=1)
    assert subscribe(bench, made) is made
    bench.time += dt.timedelta(seconds=2)
    answer_watch(*(good(name, ends(bench)) for name in OBJECTS), method="PUT", status=200)
    again = subscribe(bench, made)
    assert responses.calls[-1].request.method == "PUT"
    assert again.channels == made.channels
    assert again.expires_at == bench.now() + LIFE


def test_a_channel_that_ended_is_subscribed_anew_under_the_same_number(bench: Bench) -> None:
    made = subscribed(bench)
    bench.time += LIFE + dt.timedelta(days=3)
    lost = bad("NOT_SUBSCRIBED", channel_id="7")
    answer_watch(lost, good("Sales_Orders", ends(bench)), lost, method="PUT", status=207)
    responses.remove("POST", WATCH)
    answer_watch(good("Accounts", ends(bench)), good("Invoices", ends(bench)))
    again = subscribe(bench, made)
    assert [one["events"] for one in sent()["watch"]] == [["Accounts.all"], ["Invoices.all"]]
    assert again.channels == made.channels


def test_all_channels_ended_and_the_whole_call_is_refused(bench: Bench) -> None:
    answer_watch(good("Accounts", ends(bench)))
    made = subscribe(bench, objects=["Accounts"])
    bench.time += LIFE * 2
    responses.put(WATCH, json=bad("NOT_SUBSCRIBED"), status=400)
    again = subscribe(bench, made, ["Accounts"])
    assert again.channels == made.channels


@pytest.mark.parametrize("flat", [False, True])
def test_one_refused_module_is_named_and_the_others_go_on(bench: Bench, flat: bool) -> None:
    refusal = bad("INVALID_MODULE", api_name="events", json_path="$.watch[1].events[0]")
    if flat:  # some requests are refused as a whole, without a word on which module is meant
        responses.post(WATCH, json=bad("INVALID_DATA", api_name="events"), status=400)
        answer_watch(good("Accounts", ends(bench)))
        responses.post(WATCH, json=refusal, status=400)
        answer_watch(good("Invoices", ends(bench)))
    else:
        answer_watch(good("Accounts", ends(bench)), refusal, good("Invoices", ends(bench)), status=207)
    made = subscribe(bench)
    assert sorted(made.channels) == ["Accounts", "Invoices"]
    assert list(made.refused) == ["Sales_Orders"]
    assert "INVALID_MODULE" in made.refused["Sales_Orders"]
    assert made.objects == tuple(OBJECTS)


def test_when_every_module_is_refused_a_person_is_told_why(bench: Bench) -> None:
    answer_watch(*(bad("NO_PERMISSION") for _ in OBJECTS), status=400)
    with pytest.raises(Halt, match="NO_PERMISSION"):
        subscribe(bench)


def test_a_lacking_scope_is_named(bench: Bench) -> None:
    responses.post(WATCH, json={"code": "OAUTH_SCOPE_MISMATCH", "status": "error"}, status=401)
    with pytest.raises(Halt, match=r"ZohoCRM\.notifications\.ALL"):
        subscribe(bench)


def test_more_channels_than_one_call_takes_are_sent_in_parts(bench: Bench) -> None:
    objects = [f"Module{number}" for number in range(60)]

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        watch = json.loads(request.body)["watch"]
        assert len(watch) <= 50
        return 201, {}, json.dumps({"watch": [good(one["events"][0], ends(bench)) for one in watch]})

    responses.add_callback("POST", WATCH, answer)
    assert len(subscribe(bench, objects=objects).channels) == 60
    assert len(calls_to(WATCH)) == 2


def test_a_killed_subscription_is_made_again_under_the_same_number(bench: Bench) -> None:
    responses.post(WATCH, body=ConnectionError())
    with pytest.raises((Retry, ConnectionError)):
        subscribe(bench, objects=["Accounts"])
    first = sent()["watch"][0]["channel_id"]
    responses.remove("POST", WATCH)
    answer_watch(good("Accounts", ends(bench)))
    assert subscribe(bench, objects=["Accounts"]).channels == {"Accounts": first}


def test_modules_that_are_wanted_no_more_are_ended(bench: Bench) -> None:
    made = subscribed(bench)
    answer_watch(good("Invoices", None), method="DELETE", status=200)
    answer_watch(*(good(name, ends(bench)) for name in OBJECTS[:2]), method="PUT", status=200)
    again = subscribe(bench, made, OBJECTS[:2])
    (ended,) = [call for call in responses.calls if call.request.method == "DELETE"]
    assert f"channel_ids={made.channels['Invoices']}" in str(ended.request.url)
    assert sorted(again.channels) == ["Accounts", "Sales_Orders"]


@pytest.mark.parametrize("flat", [False, True])
def test_ending_what_has_ended_is_fine(bench: Bench, flat: bool) -> None:
    made = subscribed(bench)
    gone = bad("NOT_SUBSCRIBED")
    if flat:
        responses.delete(WATCH, json=gone, status=400)
    else:
        answer_watch(gone, gone, gone, method="DELETE", status=400)
    bench.crm.unsubscribe(made)
    assert responses.calls[-1].request.method == "DELETE"


def test_a_channel_that_is_not_ended_is_told(bench: Bench) -> None:
    made = subscribed(bench)
    answer_watch(bad("NO_PERMISSION"), method="DELETE", status=207)
    with pytest.raises(Halt, match="NO_PERMISSION"):
        bench.crm.unsubscribe(made)


def test_a_token_that_zoho_would_cut_is_not_sent(bench: Bench) -> None:
    with pytest.raises(Halt, match="50"):
        bench.crm.subscribe(OBJECTS, URL, "x" * 51, None)


# -- what an event says

CAPTURED = {
    "server_time": 1718115953625,
    "module": "Accounts",
    "operation": "update",
    "resource_uri": "https://www.zohoapis.com/crm/v8/Accounts",
    "ids": ["77", "78", "77"],
    "affected_fields": [],
    "affected_values": [{"record_id": "77", "values": {"Rating": "A"}}],
    "query_params": {},
    "channel_id": "1000000068001",
    "token": SECRET,
}


def parse(**changes: Any) -> Any:
    return ZohoCrm.parse_event({}, json.dumps(CAPTURED | changes).encode(), SECRET)


def test_trap_an_event_names_several_records_and_holds_no_record() -> None:
    event = parse()
    assert (event.object, event.ids, event.operation) == ("Accounts", ("77", "78"), "changed")
    assert event.channel == "1000000068001"
    assert "Rating" not in repr(event)


@pytest.mark.parametrize(
    ("word", "operation"), [("insert", "created"), ("update", "changed"), ("delete", "deleted"), (None, "")]
)
def test_operations_are_told_in_our_words(word: str | None, operation: str) -> None:
    assert parse(operation=word).operation == operation


def test_ids_may_be_numbers_and_the_module_may_stand_in_the_address_only() -> None:
    event = parse(module=None, ids=[554023000001000001])
    assert (event.object, event.ids) == ("Accounts", ("554023000001000001",))


@pytest.mark.parametrize("token", [None, "", "token-2", "token-1 ", 1, ["token-1"], "töken", "\ud800"])
def test_trap_only_the_token_in_the_body_proves_an_event(token: Any) -> None:
    with pytest.raises(Reject) as told:
        parse(token=token)
    # A text that no encoding bears is no JSON to begin with.
    assert told.value.code == (BAD_EVENT if token == "\ud800" else FORGED_EVENT)
    assert SECRET not in str(told.value)


def test_without_a_secret_nothing_is_proven() -> None:
    with pytest.raises(Reject) as told:
        ZohoCrm.parse_event({}, json.dumps(CAPTURED | {"token": ""}).encode(), "")
    assert told.value.code == FORGED_EVENT


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'"x"', b"\xff\xfe"])
def test_what_is_no_json_object_is_no_event(body: bytes) -> None:
    with pytest.raises(Reject) as told:
        ZohoCrm.parse_event({}, body, SECRET)
    assert told.value.code == BAD_EVENT


@pytest.mark.parametrize("changes", [{"ids": []}, {"ids": None}, {"ids": ["abc", "1' or '1'='1", None]}])
def test_an_event_about_no_record_means_nothing(changes: dict[str, Any]) -> None:
    assert parse(**changes) is None


def test_an_event_of_another_form_is_told_so() -> None:
    with pytest.raises(Reject) as told:
        parse(ids={"77": 1})
    assert told.value.code == BAD_EVENT


# -- reading again


def answer_query(*rows: dict[str, Any]) -> None:
    if rows:
        responses.post(f"{BASE}/coql", json={"data": list(rows), "info": {"more_records": False}})
    else:
        responses.post(f"{BASE}/coql", status=204)


def row(number: str, second: int = 0, **more: Any) -> dict[str, Any]:
    return {"id": number, "Modified_Time": f"2026-03-01T12:00:{second:02}+05:30"} | more


def test_rows_are_read_again_by_id_in_one_query(bench: Bench) -> None:
    answer_fields("Accounts", {"Account_Name": "text", "Owner": "ownerlookup", "Modified_Time": "datetime"})
    answer_query(row("78", Account_Name="B"), row("77", Account_Name="A", Owner="5"))
    rows = bench.crm.reread("Accounts", ["Account_Name", "Owner.id", "Unknown__c"], ["77", "78", "79", "x'"])
    query = sent()["select_query"]
    assert query == (
        "select Account_Name, Owner, Modified_Time, id from Accounts where id in ('77', '78', '79') limit 200"
    )
    assert {r.external_id: r.data["Account_Name"] for r in rows} == {"77": "A", "78": "B"}
    assert rows[1].data["Owner"] == {"id": "5"}
    assert rows[0].modified_at == dt.datetime(2026, 3, 1, 6, 30, tzinfo=dt.UTC)


def test_trap_in_takes_fifty_values(bench: Bench) -> None:
    assert ZohoCrm.reread_batch == 50
    answer_fields("Accounts", {"Account_Name": "text", "Modified_Time": "datetime"})
    answer_query()
    bench.crm.reread("Accounts", ["Account_Name"], [str(number) for number in range(60)])
    asked = [json.loads(call.request.body)["select_query"] for call in calls_to(f"{BASE}/coql")]
    assert [query.count("'") // 2 for query in asked] == [50, 10]
    assert bench.budget.credits[-2:] == [1, 1]


def test_ids_that_are_not_found_are_missing_from_the_rows(bench: Bench) -> None:
    answer_fields("Accounts", {"Account_Name": "text", "Modified_Time": "datetime"})
    answer_query()
    assert bench.crm.reread("Accounts", ["Account_Name"], ["77"]) == []


def test_a_row_that_changes_between_its_parts_is_read_once_more(bench: Bench) -> None:
    names = [f"F{number}" for number in range(60)]
    answer_fields("Accounts", dict.fromkeys(names, "text") | {"Modified_Time": "datetime"})
    answer_query(row("77", F0="old"), row("78", F0="same"))
    answer_query(row("77", 5, F59="new"), row("78", F59="same"))
    answer_query(row("77", 5, F0="new"))
    answer_query(row("77", 5, F59="new"))
    rows = {r.external_id: r.data for r in bench.crm.reread("Accounts", names, ["77", "78"])}
    assert (rows["77"]["F0"], rows["77"]["F59"]) == ("new", "new")
    assert (rows["78"]["F0"], rows["78"]["F59"]) == ("same", "same")


def test_a_row_that_never_holds_still_is_left_for_later(bench: Bench) -> None:
    names = [f"F{number}" for number in range(60)]
    answer_fields("Accounts", dict.fromkeys(names, "text") | {"Modified_Time": "datetime"})
    for second in range(6):
        answer_query(row("77", second))
    with pytest.raises(Retry, match="change faster"):
        bench.crm.reread("Accounts", names, ["77"])


def test_a_row_deleted_between_its_parts_is_not_found(bench: Bench) -> None:
    names = [f"F{number}" for number in range(60)]
    answer_fields("Accounts", dict.fromkeys(names, "text") | {"Modified_Time": "datetime"})
    answer_query(row("77"))
    answer_query()
    answer_query()
    answer_query()
    assert bench.crm.reread("Accounts", names, ["77"]) == []


def test_where_queries_do_not_reach_rows_are_read_again_by_list(bench: Bench) -> None:
    answer_fields("Accounts", {"Account_Name": "text", "Modified_Time": "datetime"})
    responses.post(f"{BASE}/coql", json=bad("NOT_SUPPORTED"), status=400)
    responses.get(f"{BASE}/Accounts", json={"data": [row("77", Account_Name="A")], "info": {}})
    for _ in range(2):
        (found,) = bench.crm.reread("Accounts", ["Account_Name"], ["77", "78"])
        assert found.data["Account_Name"] == "A"
    (_, url) = (responses.calls[-1].request.method, str(responses.calls[-1].request.url))
    assert "ids=77%2C78" in url and "fields=Account_Name%2CModified_Time" in url
    assert len(calls_to(f"{BASE}/coql")) == 1  # it is remembered


def test_an_odd_column_does_not_keep_the_others_away(bench: Bench) -> None:
    answer_fields("Accounts", {"Account_Name": "text", "Odd": "text", "Modified_Time": "datetime"})
    responses.post(f"{BASE}/coql", json=bad("INVALID_QUERY", column_name="Odd"), status=400)
    answer_query(row("77", Account_Name="A"))
    (found,) = bench.crm.reread("Accounts", ["Account_Name", "Odd"], ["77"])
    assert found.data["Account_Name"] == "A"


def test_users_are_read_again_as_users_and_no_channel_is_asked_for(bench: Bench) -> None:
    responses.get(f"{BASE}/users", json={"users": [{"id": "5", "full_name": "A"}, {"id": "6"}], "info": {}})
    assert [found.external_id for found in bench.crm.reread("users", ["full_name"], ["5"])] == ["5"]
    answer_watch(good("Accounts", ends(bench)))
    made = subscribe(bench, objects=["Accounts", "users"])
    assert (list(made.channels), made.refused, made.objects) == (["Accounts"], {}, ("Accounts", "users"))
