"""Pulling from the Fxiaoke sandbox in both credential styles: undisturbed, disturbed and killed."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connector.http import Http
from connector.model import Stream
from connector.window import Window
from tests.fxiaoke_homes import (
    OBSERVED,
    OPTIONS,
    READ,
    STYLED,
    STYLES,
    Killed,
    _changes,
    edit,
    home,
)
from tests.fxiaoke_homes import no_limits as no_limits

pytestmark = pytest.mark.usefixtures("no_limits")


def test_both_styles_give_the_same_store_and_name_the_owners(tmp_path: Path) -> None:
    with home(tmp_path) as one:
        stores = []
        for style in STYLES:
            connection = one.connect(style, style)
            done = one.pull(connection)
            assert not done.rejected
            assert not done.skipped
            found = one.records(connection)
            owners = {row["owner_id"] for row in found["accounts"].values()} - {None}
            assert owners and owners <= set(found["users"])
            assert all(row["name"] for row in found["users"].values())
            assert all(found[name] for name in (*READ, "credit_files", "credit_accounts"))
            stores.append(one.records(connection, left_out=OBSERVED | STYLED))
        for name in (*READ, "credit_files", "credit_accounts"):
            assert stores[0][name] == stores[1][name]


@pytest.mark.parametrize("style", STYLES)
def test_trap_styles_are_never_mixed_in_a_call(tmp_path: Path, style: str) -> None:
    """The sandbox refuses a call that has credentials in the body and in headers."""
    with home(tmp_path) as one:
        crm = one.crm(one.connect("fx", style))
        sent: list[dict[str, Any]] = []
        send = crm.context.http._send

        def noted(method: str, url: str, **more: Any) -> Any:
            sent.append(more)
            return send(method, url, **more)

        crm.context.http._send = noted  # type: ignore[method-assign]
        crm.test()
        assert len(sent) >= 3
        for call in sent:
            by_header = any(name.startswith(("authorization", "x-fs")) for name in call["headers"] or {})
            assert not (by_header and "corpAccessToken" in call["json"])
            assert call["params"]["thirdTraceId"]
        assert len({call["params"]["thirdTraceId"] for call in sent}) == len(sent)


@pytest.mark.parametrize("style", STYLES)
def test_a_kill_at_any_page_loses_and_doubles_nothing(
    tmp_path: Path, style: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with home(tmp_path, replace(OPTIONS, accounts=40)) as one:
        undisturbed = one.connect("calm", style)
        one.pull(undisturbed)
        killed = one.connect("killed", style, page_limit="25")
        put, kills = Window._put, 0
        for turn in range(200):
            left = [None] * (1 + turn % 2)  # after one page, after two, after one, …

            def dies(self: Window, *given: Any, left: list[None] = left) -> None:
                if not left:
                    raise Killed
                left.pop()
                put(self, *given)

            with monkeypatch.context() as patch:
                patch.setattr(Window, "_put", dies)
                try:
                    one.pull(killed)
                    break
                except Killed:
                    kills += 1
                    one.runtime.release()  # as the end of its process does
        done = one.pull(killed)
        assert kills > 3 and not done.rejected
        assert one.records(killed) == one.records(undisturbed)
        assert one.rejects() == 0


@pytest.mark.parametrize("style", STYLES)
def test_a_kill_at_any_call_loses_and_doubles_nothing(
    tmp_path: Path, style: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls are made by several threads; whichever makes the fatal one, the run dies of it."""
    with home(tmp_path, replace(OPTIONS, accounts=25)) as one:
        undisturbed = one.connect("calm", style)
        one.pull(undisturbed)
        killed = one.connect("killed", style, page_limit="20")
        call, kills, turn = Http.call, 0, 0
        while True:
            turn += 1
            left = [None] * (2 + 3 * turn)

            def dies(self: Http, *given: Any, left: list[None] = left, **named: Any) -> Any:
                try:
                    left.pop()
                except IndexError:
                    raise Killed from None
                return call(self, *given, **named)

            with monkeypatch.context() as patch:
                patch.setattr(Http, "call", dies)
                try:
                    one.pull(killed)
                    break
                except Killed:
                    kills += 1
                    one.runtime.release()  # as the end of its process does
        one.pull(killed)
        assert kills > 3
        assert one.records(killed) == one.records(undisturbed)


@pytest.mark.parametrize("style", STYLES)
def test_rows_that_shift_between_pages_are_neither_lost_nor_doubled(tmp_path: Path, style: str) -> None:
    options = replace(OPTIONS, faults={**OPTIONS.faults, "fxiaoke.shift": 0.5})
    with home(tmp_path, options) as one:
        connection = one.connect("fx", style, page_limit="20")
        one.pull(connection)
        one.pull(connection)
        later = one.connect("later", style)
        one.pull(later)
        mine, theirs = one.records(connection), one.records(later)
        for name in READ:
            upto = one.cursor(connection, Stream(name)).watermark
            settled = {
                key: row["digest"]
                for key, row in theirs[name].items()
                if upto and row["modified_at"] < upto and not row["deleted"]
            }
            assert len(settled) > 20
            assert settled == {key: mine[name][key]["digest"] for key in settled}


@pytest.mark.parametrize("style", STYLES)
def test_many_changes_in_the_same_second_are_all_read(tmp_path: Path, style: str) -> None:
    with home(tmp_path) as one:
        connection = one.connect("fx", style, page_limit="10")
        one.pull(connection)
        count = len(one.records(connection)["accounts"])
        changed = one.door("edit", edit("AccountObj", {"country": "XK"}, count=count))["ids"]
        assert len(changed) == count > 20
        one.pull(connection)
        accounts = one.records(connection)["accounts"]
        assert {accounts[key]["country"] for key in changed} == {"XK"}


@pytest.mark.parametrize("style", STYLES)
def test_a_bad_record_among_good_ones_is_set_aside(tmp_path: Path, style: str) -> None:
    with home(tmp_path) as one:
        connection = one.connect("fx", style)
        (bad,) = one.door("edit", edit("AccountObj", {"country": "Nowhere at all"}))["ids"]
        done = one.pull(connection)
        accounts = one.records(connection)["accounts"]
        assert done.count(Stream.ACCOUNTS).rejected == 1 and bad not in accounts
        assert len(accounts) == done.count(Stream.ACCOUNTS).read - 1
        one.door("edit", {"object": "AccountObj", "ids": [bad], "values": {"country": "CN"}})
        one.pull(connection)
        assert bad in one.records(connection)["accounts"]
        assert one.rejects() == 0


def test_what_is_open_is_listed_with_its_default_until_it_is_found_or_set(tmp_path: Path) -> None:
    with home(tmp_path) as one:
        connection = one.connect()
        questions = {one.setting: one for one in one.crm(connection).questions()}
        assert {"voided_rows", "time_filters", "describe_place", "page_limit", "daily_calls"} <= set(
            questions
        )
        assert questions["time_filters"].known and questions["describe_place"].known
        assert not questions["voided_rows"].known and questions["voided_rows"].answer == "hidden"
        assert all(any("一" <= sign <= "鿿" for sign in one.asks) for one in questions.values())


def test_our_credit_limit_stands_beside_that_of_the_vendors_module(tmp_path: Path) -> None:
    with home(tmp_path) as one:
        connection = one.connect()
        one.pull(connection)
        found = one.records(connection)
        limits = [row["limit"] for row in found["credit_files"].values()]
        assert limits and all(limit and limit > 0 for limit in limits)
        accounts = {row["account_id"] for row in found["credit_files"].values()}
        assert accounts <= set(found["accounts"])


def test_the_day_of_a_changed_head_reaches_the_customer(tmp_path: Path) -> None:
    """A head that is changed alone makes the customer's assessment stale."""
    with home(tmp_path) as one:
        connection = one.connect()
        one.pull(connection)
        head, row = next(iter(one.records(connection)["receipts"].items()))
        paid = [r for r in one.records(connection)["payments"].values() if r["receipt_id"] == head]
        before = _changes(one, connection, paid[0]["account_id"])
        day = int(dt.datetime(2026, 1, 5, tzinfo=dt.UTC).timestamp() * 1000)
        one.door("edit", {"object": "PaymentObj", "ids": [head], "values": {"payment_time": day}})
        one.pull(connection)
        changed = one.records(connection)["receipts"][head]
        assert changed["received_on"] == dt.date(2026, 1, 5) != row["received_on"]
        assert _changes(one, connection, paid[0]["account_id"]) > before
