"""Pulling from the Fxiaoke sandbox in both credential styles: undisturbed, disturbed and killed."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.fxiaoke.adapter import FxiaokeCrm
from connector.adapter import Crm, Limits
from connector.connect import add, kind_of
from connector.errors import Halt
from connector.http import Http
from connector.mapping import load
from connector.model import Stream
from connector.pull import Pulled, pull
from connector.runtime import Runtime
from connector.store import cursors
from connector.store.connections import Connection
from connector.store.record_tables import RECORDS, reject
from connector.window import Window
from sandbox.run import installed
from sandbox.server import Options
from tests.installation import Installation, installation

MAPPING = load(Path(__file__).parents[2] / "mappings" / "fxiaoke.yaml")
OPTIONS = Options(accounts=60, faults={"fxiaoke.unlimited": 1.0})
STYLES = ("body", "header")
READ = ("accounts", "orders", "invoices", "plans", "receipts", "payments")
OBSERVED = {"connection_id", "first_seen", "last_seen", "customer_id"}
# Employees have other ids in the other style.
STYLED = {"owner_id", "digest"}


@pytest.fixture(autouse=True)
def _no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits have tests of their own, and take their time."""
    monkeypatch.setattr(FxiaokeCrm, "limits_for", classmethod(lambda cls, settings: Limits(slots=8)))


class Killed(BaseException):
    """The process dies at this line."""


class Home:
    """A fresh installation with a Fxiaoke sandbox; ``connect`` adds connections to the same tenant."""

    def __init__(self, made: Installation, runtime: Runtime) -> None:
        self.made = made
        self.runtime = runtime

    def connect(self, name: str = "fx", style: str = "body", **settings: str) -> Connection:
        base = self.made.bases["fxiaoke"]
        given = installed()["fxiaoke"].settings_at(base) | {"auth_style": style} | settings
        return add(self.runtime, kind_of("fxiaoke"), name, given, actor="test")

    def crm(self, one: Connection) -> Crm:
        return self.runtime.crm(one)

    def pull(self, one: Connection, crm: Crm | None = None, *, full: bool = False) -> Pulled:
        return pull(self.runtime.store, one, crm or self.crm(one), MAPPING, full=full)

    def records(self, one: Connection, *, left_out: set[str] = OBSERVED) -> dict[str, dict[str, Any]]:
        """Everything that was read, table by table and id by id."""
        found: dict[str, dict[str, Any]] = {}
        with self.runtime.store.read() as tx:
            for name, table in RECORDS.items():
                rows = tx.execute(sa.select(table).where(table.c.connection_id == one.id)).all()
                found[name] = {
                    row.external_id: {k: v for k, v in row._mapping.items() if k not in left_out}
                    for row in rows
                }
        return found

    def cursor(self, one: Connection, stream: Stream) -> cursors.Cursor:
        with self.runtime.store.read() as tx:
            return cursors.load(tx, one.id, stream.value)

    def rejects(self) -> int:
        with self.runtime.store.read() as tx:
            return len(tx.execute(sa.select(reject)).all())

    def door(self, name: str, body: dict[str, Any]) -> Any:
        return self.made.door("fxiaoke", name, body)


@contextmanager
def home(folder: Path, options: Options = OPTIONS) -> Iterator[Home]:
    names = ("fxiaoke",)
    with installation(folder, options, names=names, provisioned=False) as made, made.opened() as runtime:
        yield Home(made, runtime)


def quick(crm: Crm) -> Crm:
    """Waits between attempts are short; the calls are real."""
    http = crm.context.http
    http._sleep = http._pause._sleep = lambda seconds: time.sleep(min(seconds, 0.02))
    return crm


def edit(name: str, values: dict[str, Any], count: int = 1) -> dict[str, Any]:
    return {"object": name, "count": count, "values": values}


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


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("void_in_query", [True, False])
def test_trap_voided_rows_may_or_may_not_be_listed(tmp_path: Path, style: str, void_in_query: bool) -> None:
    """Listed, they are gone at the next pull; hidden, the sweep of all ids finds them."""
    with home(tmp_path) as one:
        one.door("traits", {"void_in_query": void_in_query})
        connection = one.connect("fx", style)
        one.pull(connection)
        (gone,) = one.door("void", {"object": "SalesOrderObj", "skip": 3})["ids"]
        (erased,) = one.door("delete", {"object": "OrderPaymentObj", "skip": 2})["ids"]
        one.pull(connection)
        assert one.records(connection)["orders"][gone]["deleted"] is void_in_query
        done = one.pull(connection, full=True)
        found = one.records(connection)
        assert found["orders"][gone]["deleted"] and found["payments"][erased]["deleted"]
        assert done.count(Stream.PAYMENTS).gone == 1


def test_trap_roll_ups_may_change_without_the_time_of_change(tmp_path: Path) -> None:
    """A payment that lands changes no order for us: open amounts come from the payments themselves."""
    with home(tmp_path) as one:
        connection = one.connect()
        one.pull(connection)
        mapped = {field.key for reader in MAPPING.readers.values() for field in reader.fields}
        assert not mapped & {"receivable_amount", "payment_amount_sum", "actual_payment_amount"}
        assert "payment_amount" not in {f.key for f in MAPPING.readers[Stream.ORDERS].fields}
        one.door("edit", edit("OrderPaymentObj", {"payment_amount": "1.00"}))
        done = one.pull(connection)
        assert done.count(Stream.PAYMENTS).changed == 1
        assert done.count(Stream.ORDERS).changed == 0


def test_trap_quoted_fields_may_be_unreadable_so_the_head_tells_the_day(tmp_path: Path) -> None:
    with home(tmp_path) as one:
        one.door("traits", {"quotes_readable": False})
        connection = one.connect()
        one.pull(connection)
        found = one.records(connection)
        assert {row["paid_on"] for row in found["payments"].values()} == {None}
        heads = {row["receipt_id"] for row in found["payments"].values()}
        assert heads and heads <= set(found["receipts"])
        assert all(found["receipts"][key]["received_on"] for key in heads)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("form", ["text", "number"])
def test_trap_times_in_filters_are_found_to_be_text_or_number(tmp_path: Path, style: str, form: str) -> None:
    with home(tmp_path) as one:
        one.door("traits", {"time_filters": form})
        connection = one.connect("fx", style)
        one.pull(connection)
        one.door("edit", edit("AccountObj", {"country": "XK"}))
        assert one.pull(connection).count(Stream.ACCOUNTS).changed == 1
        answers = {question.setting: question for question in one.crm(connection).questions()}
        assert (answers["time_filters"].answer, answers["time_filters"].known) == (form, True)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("place", ["data", "top", "either"])
def test_trap_describe_takes_the_name_in_one_of_two_places(tmp_path: Path, style: str, place: str) -> None:
    with home(tmp_path) as one:
        one.door("traits", {"describe_place": place})
        connection = one.connect("fx", style)
        assert not one.pull(connection).rejected
        answers = {question.setting: question for question in one.crm(connection).questions()}
        assert answers["describe_place"].known
        assert place in (answers["describe_place"].answer, "either")


@pytest.mark.parametrize("code", [14001, 30004])
def test_trap_two_codes_may_mean_too_many_calls(tmp_path: Path, code: int) -> None:
    options = replace(OPTIONS, faults={**OPTIONS.faults, f"fxiaoke.{code}": 0.2})
    with home(tmp_path, options) as one:
        connection = one.connect()
        one.pull(connection, quick(one.crm(connection)))
        calm = one.connect("calm")
        one.pull(calm, quick(one.crm(calm)))
        assert one.records(connection) == one.records(calm)


@pytest.mark.parametrize("style", STYLES)
def test_trap_an_expired_token_is_renewed_once_in_mid_run(tmp_path: Path, style: str) -> None:
    options = replace(OPTIONS, faults={**OPTIONS.faults, "fxiaoke.expired": 0.05})
    with home(tmp_path, options) as one:
        connection = one.connect("fx", style)
        assert not one.pull(connection, quick(one.crm(connection))).rejected


def test_trap_an_object_that_is_absent_or_inactive_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    with home(tmp_path) as one:
        one.door("traits", {"objects": ["InvoiceApplicationObj"]})
        one.door("console/variant", {"InvoiceApplicationObj": {"active": False}})
        connection = one.connect()
        done = one.pull(connection)
        assert "PaymentPlanObj" in done.count(Stream.PLANS).note
        assert "停用" in done.count(Stream.INVOICES).note
        assert "CreditFileObj" in done.count(Stream.CREDIT_FILES).note
        assert not done.skipped
        found = one.records(connection)
        assert all(found[name] for name in ("accounts", "orders", "receipts", "payments"))


def test_trap_a_field_that_is_inactive_is_named_and_not_asked_for(tmp_path: Path) -> None:
    with home(tmp_path) as one:
        variant = {"SalesOrderObj": {"fields": {"delivery_date": {"active": False}}}}
        variant["AccountObj"] = {"fields": {"duns__c": {"active": False}}}
        one.door("console/variant", variant)
        connection = one.connect()
        done = one.pull(connection)
        assert not done.rejected and done.count(Stream.ORDERS).read
        missing = one.crm(connection).missing(
            "SalesOrderObj", ["name", "delivery_date", "order_status__label"]
        )
        assert missing.fields == ("delivery_date",)


def test_trap_an_amount_may_have_another_name_then_the_stream_is_named(tmp_path: Path) -> None:
    """Some tenants say amount instead of payment_amount: 'mapping suggest' finds it by its label."""
    with home(tmp_path) as one:
        fields = {"payment_amount": {"api_name": "amount"}}
        one.door("console/variant", {"OrderPaymentObj": {"fields": fields}})
        done = one.pull(one.connect())
        assert "payment_amount" in done.count(Stream.PAYMENTS).skipped
        assert done.count(Stream.ORDERS).read


@pytest.mark.parametrize("style", STYLES)
def test_trap_personnel_has_a_switch_of_its_own_so_names_come_from_the_address_book(
    tmp_path: Path, style: str
) -> None:
    with home(tmp_path) as one:
        one.door("traits", {"people_readable": False})
        connection = one.connect("fx", style)
        one.pull(connection)
        found = one.records(connection)
        owners = {row["owner_id"] for row in found["accounts"].values()} - {None}
        assert owners <= set(found["users"])
        assert "PersonnelObj" in {lack.what for lack in one.crm(connection).lacking()}


@pytest.mark.parametrize("traits", [{"mobile_by_header": True}, {"mobile_by_header": False}])
@pytest.mark.parametrize("people", [True, False])
def test_trap_a_mobile_number_leads_to_the_employee_in_the_header_style(
    tmp_path: Path, traits: dict[str, bool], people: bool
) -> None:
    with home(tmp_path) as one:
        one.door("traits", {**traits, "people_readable": people})
        connection = one.connect("fx", "header")
        assert "1000" in one.crm(connection).test()
        answers = {question.setting: question for question in one.crm(connection).questions()}
        way = "mobile" if traits["mobile_by_header"] else "query" if people else "list"
        assert answers["user_lookup"].answer == way


def test_trap_a_corp_id_may_be_a_number(tmp_path: Path) -> None:
    with home(tmp_path) as one:
        one.door("traits", {"corp_id_is_number": True})
        connection = one.connect()
        for _ in range(2):
            assert "7394871" in one.crm(connection).test()


@pytest.mark.parametrize("code", [20014, 30003])
def test_trap_errors_come_with_status_200_and_reach_the_admin_whole(tmp_path: Path, code: int) -> None:
    with home(tmp_path) as one:
        connection = one.connect()
        one.crm(connection).test()
        one.door("refuse", {"code": code})
        with pytest.raises(Halt) as caught:
            one.crm(connection).test()
        assert f"errorCode {code}" in caught.value.what
        assert "traceId" in caught.value.what
        assert any("一" <= sign <= "鿿" for sign in caught.value.what)


def test_trap_html_from_a_wrong_host_is_told_with_its_title_and_our_trace_id(tmp_path: Path) -> None:
    options = replace(OPTIONS, faults={**OPTIONS.faults, "html": 1.0})
    with home(tmp_path, options) as one, pytest.raises(Halt, match="wrong host") as caught:
        one.crm(one.connect()).test()
    assert "thirdTraceId" in caught.value.what and "html" in caught.value.what
    assert "open.fxiaoke.com" in caught.value.todo or "cloud" in caught.value.todo


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


def _changes(one: Home, connection: Connection, account: str) -> int:
    query = sa.text(
        "SELECT c.changes FROM customer c JOIN account a ON a.customer_id = c.id "
        "WHERE a.connection_id = :c AND a.external_id = :a"
    )
    with one.runtime.store.read() as tx:
        return int(tx.execute(query, {"c": connection.id, "a": account}).scalar_one())
