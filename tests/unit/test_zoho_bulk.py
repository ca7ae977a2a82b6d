"""Bulk read: jobs, pages, files, and what becomes of a load that is interrupted or refused."""

from __future__ import annotations

import csv
import datetime as dt
import io
import time
import tracemalloc
import zipfile
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import orjson
import pytest
import responses

from adapters.zoho import bulkfile
from connector.adapter import BulkFailed, BulkPart, BulkPlace
from connector.errors import Retry
from tests.zoho_bench import API, BASE, Bench, answer_fields, answer_token

READ = f"{API}/crm/bulk/v8/read"
FIELDS = {
    "Account_Name": "text",
    "Owner": "ownerlookup",
    "Parent_Account": "lookup",
    "Annual_Revenue": "currency",
    "Employees": "integer",
    "Is_Key": "boolean",
    "Modified_Time": "datetime",
}
WANTED = ["Account_Name", "Owner.id", "Parent_Account.id", "Annual_Revenue", "Employees", "Is_Key"]
HEADER = [
    "Account_Name",
    "Owner",
    "Parent_Account",
    "Annual_Revenue",
    "Employees",
    "Is_Key",
    "Modified_Time",
    "Id",
]
CHANGED = "2026-01-05T10:00:00+05:30"


def line(number: int) -> list[str]:
    return [f"Account {number}", "41", "", "12.50", "7", "true", CHANGED, f"{5_000 + number}"]


def zipped(lines: Sequence[Sequence[str]], header: Sequence[str] = HEADER) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *lines])
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("9.csv", text.getvalue())
    return target.getvalue()


class Org:
    """An org whose bulk read gives ``pages``; jobs are numbered from 1 and done at the second look."""

    def __init__(self, *pages: Sequence[Sequence[str]], tokens: bool = True) -> None:
        self.pages = pages
        self.tokens = tokens
        self.asked: list[dict[str, Any]] = []
        self.looks: dict[int, int] = {}
        self.states: list[str] = ["COMPLETED"]
        self.fetched: list[int] = []
        answer_token()
        answer_fields("Accounts", FIELDS)
        responses.add_callback(responses.POST, READ, self._start)
        for number in range(1, len(pages) + 6):
            responses.add_callback(responses.GET, f"{READ}/{number}", self._look)
            responses.add_callback(responses.GET, f"{READ}/{number}/result", self._result)

    def _start(self, request: Any) -> tuple[int, dict[str, str], bytes]:
        self.asked.append(orjson.loads(request.body)["query"])
        details = {"id": str(len(self.asked)), "operation": "read", "state": "ADDED"}
        item = {"status": "success", "code": "ADDED_SUCCESSFULLY", "details": details}
        return 201, {}, orjson.dumps({"data": [item], "info": {}})

    def _page(self, job: int) -> int:
        asked = self.asked[job - 1]
        return int(asked["page_token"][1:]) if "page_token" in asked else asked["page"]

    def _look(self, request: Any) -> tuple[int, dict[str, str], bytes]:
        job = int(request.url.split("/")[-1])
        self.looks[job] = self.looks.get(job, 0) + 1
        body: dict[str, Any] = {"id": str(job), "state": "IN PROGRESS"}
        if self.looks[job] > 1:
            page = self._page(job)
            more = page < len(self.pages)
            token = f"t{page + 1}" if more and self.tokens else None
            body["state"] = self.states[0]
            body["result"] = {"page": page, "more_records": more, "next_page_token": token}
        return 200, {}, orjson.dumps({"data": [body]})

    def _result(self, request: Any) -> tuple[int, dict[str, str], bytes]:
        job = int(request.url.split("/")[-2])
        self.fetched.append(job)
        return 200, {}, zipped(self.pages[self._page(job) - 1])


def load(bench: Bench, place: BulkPlace | None = None, wanted: Sequence[str] = WANTED) -> list[BulkPart]:
    parts = bench.crm.bulk("Accounts", wanted, place)
    assert parts is not None
    return list(parts)


def ids(parts: Sequence[BulkPart]) -> list[str]:
    return [row.external_id for part in parts for row in part.rows]


@responses.activate
def test_pages_follow_one_another_by_token_and_the_job_is_named_before_it_is_waited_for():
    org = Org([line(1), line(2)], [line(3)])
    bench = Bench(bulk_from="0")
    parts = load(bench)
    assert ids(parts) == ["5001", "5002", "5003"]
    assert not parts[0].rows and '"id": "1"' in parts[0].place.job
    assert org.asked[0]["module"] == {"api_name": "Accounts"} and org.asked[0]["page"] == 1
    assert org.asked[1]["page_token"] == "t2" and "page" not in org.asked[1]
    assert {part.place.began for part in parts} == {bench.time}
    assert bench.waits == [1.5, 1.5]


@responses.activate
def test_trap_bulk_file_is_text_with_bare_lookup_ids_and_reads_like_a_query():
    Org([line(1), ["", "41", "42", "", "", "false", "2026-01-05T04:30:00Z", "5002"]])
    first, second = (row for part in load(Bench(bulk_from="0")) for row in part.rows)
    assert first.data["Annual_Revenue"] == Decimal("12.50") and first.data["Employees"] == 7
    assert first.data["Is_Key"] is True and second.data["Is_Key"] is False
    assert first.data["Owner"] == {"id": "41"} and first.data["Parent_Account"] is None
    assert second.data["Parent_Account"] == {"id": "42"}
    assert second.data["Account_Name"] is None and second.data["Annual_Revenue"] is None
    assert first.modified_at == second.modified_at == dt.datetime(2026, 1, 5, 4, 30, tzinfo=dt.UTC)


@responses.activate
def test_the_next_page_is_made_and_fetched_while_one_is_being_stored():
    org = Org([line(1)], [line(2)], [line(3)])
    parts = Bench(bulk_from="0").crm.bulk("Accounts", WANTED, None)
    assert parts is not None
    while not next(parts).rows:
        pass
    deadline = 200
    while org.fetched != [1, 2] and deadline:  # nobody asked for page two yet
        deadline -= 1
        time.sleep(0.01)
    assert org.fetched == [1, 2] and len(org.asked) == 3
    assert ids(list(parts)) == ["5002", "5003"]


@responses.activate
def test_a_load_goes_on_in_the_same_file_where_it_stood(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bulkfile, "BATCH", 2)
    org = Org([line(n) for n in range(1, 6)], [line(6)])
    whole = load(Bench(bulk_from="0"))
    made = len(org.asked)
    for at, part in enumerate(whole):
        bench = Bench(bulk_from="0")
        bench.time += dt.timedelta(hours=1)
        rest = load(bench, part.place)
        assert ids(whole[: at + 1]) + ids(rest) == [f"{5_000 + n}" for n in range(1, 7)]
        assert all(later.place.began == part.place.began for later in rest)
    # Only where the run died before it kept the second job is another one made for that page.
    assert len(org.asked) <= made + 1


@responses.activate
def test_a_result_that_is_gone_begins_the_load_anew_with_a_new_moment():
    org = Org([line(1), line(2)])
    gone = {"code": "RESOURCE_NOT_FOUND", "status": "error", "message": "not there", "details": {}}
    responses.get(f"{READ}/77", status=404, json=gone)
    bench = Bench(bulk_from="0")
    (part, *_) = load(bench)
    old = BulkPlace(
        part.place.began - dt.timedelta(days=2), part.place.job.replace('"id": "1"', '"id": "77"'), 1
    )
    parts = load(bench, old)
    assert ids(parts) == ["5001", "5002"]
    assert {p.place.began for p in parts} == {bench.time}
    assert len(org.asked) == 2


@responses.activate
def test_a_load_for_other_fields_begins_anew():
    org = Org([line(1), line(2)])
    bench = Bench(bulk_from="0")
    place = load(bench)[1].place
    assert ids(load(bench, place, WANTED[:3])) == ["5001", "5002"]
    assert len(org.asked) == 2


@responses.activate
@pytest.mark.parametrize("state", ["FAILURE", "FAILED"])
def test_trap_bulk_job_ends_as_failure_and_queries_take_over(state: str):
    Org([line(1)]).states[0] = state
    with pytest.raises(BulkFailed, match=f"Accounts ended as {state}"):
        load(Bench(bulk_from="0"))


@responses.activate
def test_module_that_bulk_read_does_not_take_is_told_so_that_queries_take_over():
    answer_token()
    answer_fields("Accounts", FIELDS)
    body = {"code": "MODULE_NOT_SUPPORTED", "status": "error", "message": "no", "details": {}}
    responses.post(READ, status=400, json=body)
    with pytest.raises(BulkFailed, match="MODULE_NOT_SUPPORTED"):
        load(Bench(bulk_from="0"))


@responses.activate
def test_equal_page_tokens_of_bulk_read_are_an_error():
    org = Org([line(1)], [line(2)], [line(3)])
    original = org._look

    def repeats(request: Any) -> tuple[int, dict[str, str], bytes]:
        status, headers, body = original(request)
        return status, headers, body.replace(b'"t3"', b'"t2"')

    for one in responses.registered():
        if getattr(one, "callback", None) == original:
            one.callback = repeats
    with pytest.raises(BulkFailed, match="again and again"):
        load(Bench(bulk_from="0"))


@responses.activate
def test_trap_pages_by_number_shift_when_records_are_deleted_meanwhile():
    org = Org([line(1)], [line(2)], tokens=False)
    responses.get(f"{BASE}/Accounts/deleted", status=204)
    assert ids(load(Bench(bulk_from="0"))) == ["5001", "5002"]
    assert org.asked[1]["page"] == 2
    deleted = {"data": [{"id": "9"}], "info": {"more_records": False}}
    responses.replace(responses.GET, f"{BASE}/Accounts/deleted", json=deleted)
    with pytest.raises(BulkFailed, match="deleted while its pages were read"):
        load(Bench(bulk_from="0"))


@responses.activate
def test_trap_in_progress_has_a_space_and_looks_at_a_job_grow_rare_with_its_age():
    answer_token()
    answer_fields("Accounts", FIELDS)
    details = {"id": "1"}
    responses.post(READ, status=201, json={"data": [{"status": "success", "details": details}]})
    responses.get(f"{READ}/1", json={"data": [{"id": "1", "state": "IN PROGRESS"}]})
    bench = Bench(bulk_from="0")

    def wait(seconds: float) -> None:
        bench.waits.append(seconds)
        bench.time += dt.timedelta(seconds=seconds)

    bench.crm.context.http._sleep = wait
    with pytest.raises(Retry, match="not done after two hours"):
        load(bench)
    assert bench.waits[:3] == [1.5, 1.5, 1.5]
    assert 100 < max(bench.waits) <= 150.0
    assert len(bench.waits) < 300  # each costs a credit
    assert sum(bench.waits) < 3 * 3600


@responses.activate
def test_a_job_costs_its_credits_and_a_download_its_place_in_the_minute():
    Org([line(1)])
    bench = Bench(bulk_from="0", bulk_credits="70")
    load(bench)
    assert sorted(bench.budget.credits) == [1, 1, 1, 1, 70]
    assert bench.budget.taken.count(("downloads", 1)) == 1


@responses.activate
@pytest.mark.parametrize(("count", "offered"), [(29_999, False), (30_000, True)])
def test_small_objects_are_cheaper_by_query(count: int, offered: bool):
    answer_token()
    answer_fields("Accounts", FIELDS)
    responses.get(f"{BASE}/Accounts/actions/count", json={"count": count})
    assert (Bench().crm.bulk("Accounts", WANTED, None) is not None) == offered


@responses.activate
def test_bulk_read_is_not_offered_where_it_cannot_give_the_same():
    answer_token()
    more = {"Regions": "multiselectpicklist", "Modified_Time": "datetime"}
    answer_fields("Accounts", FIELDS | more)
    answer_fields("Visits", {"Name": "text"})
    crm = Bench(bulk_from="0").crm
    assert crm.bulk("Accounts", [*WANTED, "Regions"], None) is None
    assert crm.bulk("Accounts", [*WANTED, "Owner.name"], None) is None
    assert crm.bulk("Accounts", [*WANTED, "Owner.email"], None) is None
    assert crm.bulk("Visits", ["Name"], None) is None
    assert crm.bulk("users", ["full_name"], None) is None
    assert Bench(bulk_from="never").crm.bulk("Accounts", WANTED, None) is None


def read(content: bytes, names: Sequence[str] = ("Account_Name", "Modified_Time", "id")) -> list[Any]:
    converters = {"Account_Name": str}
    return [row for part in bulkfile.batches(io.BytesIO(content), names, converters, [], 0) for row in part]


@pytest.mark.parametrize("content", [b"no zip", b"PK\x05\x06", zipped([line(1)])[:-30]])
def test_a_damaged_file_is_fetched_again(content: bytes):
    with pytest.raises(Retry, match="damaged"):
        read(content)


def test_a_file_that_is_not_what_was_asked_for_is_left_to_queries():
    with pytest.raises(BulkFailed, match="no column Account_Name"):
        read(zipped([["1"]], ["Id"]))
    with pytest.raises(BulkFailed, match="cannot be read"):
        read(zipped([["Acme", "yesterday", "1"]], ["Account_Name", "Modified_Time", "Id"]))


def test_text_with_line_breaks_and_quotes_stays_one_value():
    text = 'first, "second"\nthird'
    (row,) = read(zipped([[text, CHANGED, "1"]], ["Account_Name", "Modified_Time", "Id"]))
    assert row.data["Account_Name"] == text


def test_no_rows_is_an_empty_file():
    assert read(zipped([])) == []


def test_a_large_file_is_never_held_whole():
    content = zipped([line(n) for n in range(60_000)])
    tracemalloc.start()
    count = 0
    names = ["Account_Name", "Modified_Time", "id"]
    for part in bulkfile.batches(io.BytesIO(content), names, {"Account_Name": str}, [], 0):
        count += len(part)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 60_000
    assert peak < 12_000_000
