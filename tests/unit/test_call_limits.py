"""Limits that all calls of a connection share: reserve, rates of single buckets, pauses, heavy calls."""

from __future__ import annotations

import datetime as dt
import io
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import responses
import sqlalchemy as sa

from connector.adapter import Limits
from connector.errors import Retry
from connector.http import Http, urgent
from connector.store.budget import StoreBudget
from connector.store.engine import Store
from connector.store.tables import budget, connection
from tests.new_store import new_store

URL = "https://crm.example/api"
NOW = dt.datetime(2026, 6, 30, tzinfo=dt.UTC)


class Clock:
    """Time that moves when somebody waits, or when it is told to."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> dt.datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += dt.timedelta(seconds=seconds)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = new_store(f"sqlite:///{tmp_path / 's.db'}")
    with store.write() as tx:
        values = {"name": "c", "role": "crm", "kind": "k", "settings": "{}", "created_at": NOW}
        tx.execute(connection.insert().values(**values))
    yield store
    store.close()


def budget_of(store: Store, clock: Clock, limits: Limits) -> StoreBudget:
    return StoreBudget(store, 1, limits, now=clock, sleep=clock.sleep)


def test_a_total_of_calendar_days_begins_anew_at_midnight_of_the_vendors_clock(store: Store) -> None:
    clock, china = Clock(), dt.timezone(dt.timedelta(hours=8))
    limits = Limits(slots=1, calls=1_000, per_seconds=20, reserve=0.1, total=(100, 86_400), day_of=china)
    clock.now = dt.datetime(2026, 6, 30, 15, 30, tzinfo=dt.UTC)  # half an hour to midnight
    first, second = budget_of(store, clock, limits), budget_of(store, clock, limits)
    for _ in range(45):
        first.take("a", 1)
        second.take("b", 1)
    assert first.used() == (90, 100)
    with pytest.raises(Retry, match="2026-06-30 16:00") as refused:
        first.take("a", 1)
    assert refused.value.after == pytest.approx(1_800.5)
    with urgent():
        first.take("a", 1)
    clock.now += dt.timedelta(minutes=29, seconds=30)
    first.take("a", 1)  # a wait of less than a minute is waited out
    first.give_back()
    assert clock.now.hour == 16 and first.used() == (1, 100)
    # The whole of the new day is there, whatever was used late in the old one.
    for _ in range(89):
        second.take("b", 1)
    with pytest.raises(Retry, match="2026-07-01 16:00"):
        second.take("b", 1)


def test_reserve_is_left_to_what_cannot_wait(store: Store) -> None:
    clock = Clock()
    limits = Limits(slots=1, calls=1_000, reserve=0.1)
    calls = budget_of(store, clock, limits)
    for _ in range(900):
        calls.take("credits", 1)
    with pytest.raises(Retry, match="used up"):
        calls.take("credits", 1)
    with urgent():
        for _ in range(100):
            calls.take("credits", 1)
        with pytest.raises(Retry, match="used up"):
            calls.take("credits", 1)


def test_urgency_holds_for_its_own_thread_only(store: Store) -> None:
    limits = Limits(slots=1, calls=10, reserve=1.0)
    calls = budget_of(store, Clock(), limits)
    told: list[Exception] = []

    def other() -> None:
        try:
            calls.take("credits", 1)
        except Retry as fault:
            told.append(fault)

    with urgent():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        calls.take("credits", 1)
    assert len(told) == 1


def test_trap_credits_are_counted_over_rolling_24_hours(store: Store) -> None:
    """Counting anew from the first call lets twice the calls through around the end of a window."""
    clock = Clock()
    limits = Limits(slots=1, calls=240)
    calls = budget_of(store, clock, limits)
    taken: list[dt.datetime] = []
    for hour in range(72):
        clock.now = NOW + dt.timedelta(hours=hour)
        wanted = 1 if hour < 20 else 240
        for _ in range(wanted):
            try:
                calls.take("credits", 1)
            except Retry:
                break
            taken.append(clock.now)
    day = dt.timedelta(hours=24)
    assert len(taken) > 480
    assert max(len([t for t in taken if at <= t < at + day]) for at in taken) <= 240


def test_trap_ten_downloads_a_minute_are_a_rate_of_their_own(store: Store) -> None:
    """Vendor manual: ten downloads of bulk reads a minute."""
    clock = Clock()
    calls = budget_of(store, clock, Limits(slots=1, calls=100_000, rates={"downloads": (10, 60)}))
    taken = []
    for _ in range(35):
        calls.take("downloads", 1)
        taken.append(clock.now)
    minute = dt.timedelta(seconds=60)
    assert max(len([t for t in taken if at <= t < at + minute]) for at in taken) == 10
    assert taken[-1] - taken[0] < dt.timedelta(minutes=4)


def test_calls_that_others_make_on_the_same_account_count(store: Store) -> None:
    clock = Clock()
    calls = budget_of(store, clock, Limits(slots=1, calls=1_000))
    for _ in range(100):
        calls.take("credits", 1)
    calls.correct("credits", 100)  # others made 800
    for _ in range(100):
        calls.take("credits", 1)
    with pytest.raises(Retry):
        calls.take("credits", 1)
    # The vendor's own day rolls on: later it counts fewer, and so do we.
    clock.sleep(11)
    calls.correct("credits", 500)
    calls.take("credits", 1)
    with store.read() as tx:
        rows = tx.execute(sa.select(budget.c.bucket, sa.func.sum(budget.c.used)).group_by(budget.c.bucket))
        assert dict(rows.all())["credits, others"] == 300  # type: ignore[arg-type]


def test_correction_never_gives_more_than_our_own_limit(store: Store) -> None:
    calls = budget_of(store, Clock(), Limits(slots=1, calls=10))
    for _ in range(10):
        calls.take("credits", 1)
    calls.correct("credits", 1_000_000)
    with pytest.raises(Retry):
        calls.take("credits", 1)


def busy(answer: requests.Response) -> None:
    if answer.status_code == 429:
        raise Retry("busy", busy=True)


@responses.activate
def test_all_threads_of_a_connection_pause_together_and_only_once() -> None:
    """Four calls that are refused at the same moment are one refusal, not four."""
    released, arrived = threading.Event(), threading.Semaphore(0)
    refused = iter([429] * 4)

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        status = next(refused, 200)
        if status == 429:
            arrived.release()
            released.wait(5)
        return status, {}, "{}"

    responses.add_callback(responses.GET, URL, answer)
    slept: list[float] = []
    lock = threading.Lock()

    def sleep(seconds: float) -> None:
        with lock:
            slept.append(seconds)

    http = Http(Limits(slots=4), sleep=sleep)
    threads = [threading.Thread(target=lambda: http.call("GET", URL, check=busy)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(4):
        arrived.acquire(timeout=5)
    released.set()
    for thread in threads:
        thread.join(10)
    assert slept and all(wait <= 30 * 1.25 for wait in slept)
    assert http.meter["GET", "/api"] == 8


@responses.activate
def test_a_pause_doubles_up_to_a_quarter_of_an_hour_and_an_answer_ends_it() -> None:
    for _ in range(12):
        responses.get(URL, status=429, json={})
    slept: list[float] = []
    http = Http(Limits(slots=1), sleep=slept.append)
    for _ in range(2):
        with pytest.raises(Retry):
            http.call("GET", URL, check=busy)
    least = [30, 60, 120, 240, 480, 900, 900, 900, 900]
    for wait, start in zip(slept, least, strict=True):
        assert start - 1 <= wait <= min(start * 1.25, 900)
    responses.reset()
    responses.get(URL, json={})
    responses.get(URL, status=429, json={})
    responses.get(URL, json={})
    http.call("GET", URL, check=busy)
    slept.clear()
    http.call("GET", URL, check=busy)
    assert len(slept) == 1 and slept[0] <= 30 * 1.25


@responses.activate
def test_a_call_waits_out_the_pause_that_another_one_met() -> None:
    responses.get(URL, status=429, json={})
    responses.get(URL, json={})
    slept: list[float] = []
    http = Http(Limits(slots=1), sleep=slept.append, attempts=1)
    with pytest.raises(Retry):
        http.call("GET", URL, check=busy)
    assert slept == []
    http.call("GET", URL, check=busy)
    assert len(slept) == 1 and slept[0] > 29


def test_heavy_calls_have_a_limit_of_their_own() -> None:
    most = {"heavy": 0, "all": 0}
    now = {"heavy": 0, "all": 0}
    lock = threading.Lock()

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        kinds = ("heavy", "all") if "heavy" in str(request.url) else ("all",)
        with lock:
            for kind in kinds:
                now[kind] += 1
                most[kind] = max(most[kind], now[kind])
        time.sleep(0.02)
        with lock:
            for kind in kinds:
                now[kind] -= 1
        return 200, {}, "{}"

    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.add_callback(responses.GET, URL, answer)
        mock.add_callback(responses.GET, f"{URL}/heavy", answer)
        http = Http(Limits(slots=6, heavy=2))

        def call(number: int) -> None:
            heavy = number % 2 == 0
            http.call("GET", f"{URL}/heavy" if heavy else URL, check=lambda _: None, heavy=heavy)

        threads = [threading.Thread(target=call, args=(n,)) for n in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert most["heavy"] == 2
    assert 2 < most["all"] <= 6


@responses.activate
def test_a_download_that_breaks_off_begins_anew_in_the_same_file() -> None:
    responses.get(URL, body=requests.exceptions.ChunkedEncodingError("cut"))
    responses.get(URL, body=b"whole")
    sink = io.BytesIO(b"rest of an earlier attempt")
    http = Http(Limits(slots=1), sleep=lambda _: None)
    http.call("GET", URL, check=lambda _: None, sink=sink)
    assert sink.getvalue() == b"whole"


@responses.activate
def test_a_refused_download_leaves_the_file_alone() -> None:
    responses.get(URL, status=404, body=b"no such job")

    def check(answer: requests.Response) -> None:
        if answer.status_code != 200:
            raise Retry(answer.text, after=100_000)

    sink = io.BytesIO()
    with pytest.raises(Retry, match="no such job"):
        Http(Limits(slots=1)).call("GET", URL, check=check, sink=sink)
    assert sink.getvalue() == b""


def test_trap_a_hundred_calls_in_any_twenty_seconds_and_nearly_all_of_them_used(store: Store) -> None:
    """Fine parts and a slack for the way of a call: over 95 % of the rate, never above it."""
    clock = Clock()
    calls = budget_of(store, clock, Limits(slots=1, calls=100, per_seconds=20))
    taken = []
    while clock.now < NOW + dt.timedelta(seconds=200):
        calls.take("/query", 1)
        taken.append(clock.now)
    window = dt.timedelta(seconds=20.4)
    assert max(len([t for t in taken if at <= t < at + window]) for at in taken) <= 100
    steady = [t for t in taken if t >= NOW + dt.timedelta(seconds=20)]
    assert len(steady) / 180 >= 0.95 * 5


def test_the_total_bounds_all_buckets_together_and_keeps_the_reserve(store: Store) -> None:
    clock = Clock()
    limits = Limits(slots=1, calls=100, per_seconds=20, reserve=0.1, total=(50, 86_400))
    calls = budget_of(store, clock, limits)
    for number in range(45):
        calls.take(f"/path {number % 3}", 1)
    with pytest.raises(Retry, match="used up"):
        calls.take("/path 0", 1)
    with urgent():
        for _ in range(5):
            calls.take("/path 1", 1)


def test_a_call_that_was_held_up_takes_a_new_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """A place of long ago would let it meet the calls of the next window."""
    taken: list[str] = []

    class Noting:
        def take(self, bucket: str, weight: int) -> None:
            taken.append(bucket)

        def correct(self, bucket: str, remaining: int) -> None:
            raise AssertionError

    http = Http(Limits(slots=1), Noting(), sleep=lambda _: None)
    keep = http._pause.keep

    def late() -> int:
        time.sleep(0.3)
        return keep()

    monkeypatch.setattr(http._pause, "keep", late)
    with responses.RequestsMock() as mock:
        mock.get(URL, json={})
        http.call("GET", URL, check=lambda _: None, bucket="/query")
    assert taken == ["/query", "/query"]
