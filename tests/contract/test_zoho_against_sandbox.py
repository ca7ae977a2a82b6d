"""The Zoho adapter against its sandbox: two independent readings of the vendor's manual."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests

from adapters.zoho.adapter import ZohoCrm
from adapters.zoho.auth import Login
from connector.adapter import Context, FieldSpec, FieldState, Provisioned, Result, Row, Slice, Write
from connector.errors import Halt, Reauth, Retry
from connector.http import Http
from connector.mapping.form import load
from connector.mapping.writing import Writer
from connector.model import Stream
from sandbox.server import Options
from sandbox.zoho import SANDBOX
from tests.memory_secrets import MemorySecrets
from tests.sandbox_server import running

MAPPING = load(Path(__file__).parents[2] / "mappings" / "zoho.yaml")
CREDENTIALS = {
    "client_id": "sandbox-client",
    "client_secret": "sandbox-secret",
    "refresh_token": "sandbox-refresh",
}
ACCOUNTS = 700
EVER = Slice(dt.datetime(2000, 1, 1, tzinfo=dt.UTC), dt.datetime(2100, 1, 1, tzinfo=dt.UTC))


class Tenant:
    """A running sandbox; its adapters share their secrets, as those of one connection do."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.secrets = MemorySecrets()

    def context(self, language: str = "en", **settings: str) -> Context:
        return Context(
            connection="shop",
            settings={"accounts_url": self.base, **CREDENTIALS, **settings},
            secrets=self.secrets,
            http=Http(ZohoCrm.limits, sleep=lambda _: None),
            language=language,
            now=lambda: dt.datetime.now(dt.UTC),
        )

    def crm(self, language: str = "en", **settings: str) -> ZohoCrm:
        return ZohoCrm(self.context(language, **settings))

    def ask(self, method: str, path: str, **params: str) -> dict[str, Any]:
        """One call of the vendor's API, past the adapter."""
        token = Login(self.context()).access().token
        answer = requests.request(
            method,
            f"{self.base}/crm/v8/{path}",
            params=params,
            headers={"Authorization": f"Zoho-oauthtoken {token}"},
            timeout=10,
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def listed(self, object_name: str) -> dict[str, dt.datetime]:
        """Ids and times of change as the list of records gives them, 200 a page."""
        found: dict[str, dt.datetime] = {}
        place: dict[str, str] = {}
        while True:
            page = self.ask("GET", object_name, fields="Modified_Time", per_page="200", **place)
            found |= {r["id"]: dt.datetime.fromisoformat(r["Modified_Time"]) for r in page["data"]}
            if not page["info"]["more_records"]:
                return found
            place = {"page_token": page["info"]["next_page_token"]}


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    """A tenant that is only read, with more invoices than one query gives."""
    with running(SANDBOX.app(Options(accounts=ACCOUNTS))) as base:
        yield Tenant(base)


@pytest.fixture
def own_tenant() -> Iterator[Tenant]:
    """A tenant of the test's own, to write to."""
    with running(SANDBOX.app(Options(accounts=12))) as base:
        yield Tenant(base)


def walk(crm: ZohoCrm, object_name: str, fields: tuple[str, ...], part: Slice = EVER) -> list[Row]:
    rows: list[Row] = []
    while True:
        page = crm.fetch(object_name, fields, part)
        rows += page.rows
        if not page.more:
            return rows
        part = Slice(part.since, part.until, page.rows[-1].external_id)


def test_test_names_the_org(tenant: Tenant):
    assert "Zoho CRM" in tenant.crm().test()


@pytest.mark.parametrize("key", ["client_id", "client_secret", "refresh_token"])
def test_wrong_credentials_ask_for_a_person(tenant: Tenant, key: str):
    with pytest.raises(Reauth, match=r"accounts host 127\.0\.0\.1"):
        tenant.crm(**{key: "wrong"}).test()


def test_token_is_refreshed_when_the_vendor_refuses_it(own_tenant: Tenant):
    crm = own_tenant.crm()
    crm.test()
    secrets = own_tenant.secrets
    (name,) = [name for name in secrets.values if "access" in name]
    secrets.put(name, f'{{"token": "1000.stale", "api_domain": "{own_tenant.base}"}}')
    assert "Zoho CRM" in crm.test()
    assert "stale" not in (secrets.get(name) or "")


def test_eleventh_token_in_ten_minutes_is_left_for_later(own_tenant: Tenant):
    login = Login(own_tenant.context())
    access = login.access()
    for _ in range(9):
        access = login.renew(access)
    with pytest.raises(Retry) as told:
        login.renew(access)
    assert told.value.after == 600


@pytest.mark.parametrize("object_name", ["Accounts", "Sales_Orders", "Invoices"])
def test_walk_by_id_finds_what_the_list_gives(tenant: Tenant, object_name: str):
    rows = walk(tenant.crm(), object_name, ("id",))
    assert {row.external_id: row.modified_at for row in rows} == tenant.listed(object_name)
    assert len(rows) == len({row.external_id for row in rows})
    assert [row.external_id for row in rows] == sorted((r.external_id for r in rows), key=int)


def test_a_query_gives_two_thousand_rows_and_says_that_there_are_more(tenant: Tenant):
    page = tenant.crm().fetch("Invoices", ("Invoice_Number",), EVER)
    assert page.more and len(page.rows) == 2_000


def test_slices_of_time_add_up_to_the_whole(tenant: Tenant):
    crm = tenant.crm()
    times = sorted(row.modified_at for row in walk(crm, "Invoices", ("id",)) if row.modified_at)
    middle = times[len(times) // 2]
    parts = [
        {row.external_id for row in walk(crm, "Invoices", ("id",), part)}
        for part in (
            Slice(EVER.since, middle),
            Slice(middle, EVER.until),
            Slice(EVER.since, EVER.until),
        )
    ]
    assert parts[0] | parts[1] == parts[2]
    assert 0 < len(parts[0]) < len(parts[2])
    at_middle = walk(crm, "Invoices", ("id",), Slice(middle, middle))
    assert at_middle and {row.modified_at for row in at_middle} == {middle}


@pytest.mark.parametrize("stream", [Stream.ACCOUNTS, Stream.ORDERS, Stream.INVOICES])
def test_every_row_can_be_read_by_the_shipped_mapping(tenant: Tenant, stream: Stream):
    reader = MAPPING.readers[stream]
    rows = walk(tenant.crm(), reader.object, reader.vendor_fields)
    records = [reader.read(row) for row in rows]
    assert records
    known = {key for record in records for key, value in record if value is not None}
    wanted = {
        Stream.ACCOUNTS: {"name", "country", "owner_id", "currency", "terms_days", "customer_since"},
        Stream.ORDERS: {"account_id", "number", "amount", "ordered_on", "deliver_on", "stage"},
        Stream.INVOICES: {"account_id", "order_id", "issued_on", "due_on", "paid", "settled_on"},
    }
    assert wanted[stream] <= known


def test_object_that_does_not_exist_is_named(tenant: Tenant):
    with pytest.raises(Halt, match="Payments"):
        tenant.crm().fetch("Payments", ("Amount",), EVER)


def provision(crm: ZohoCrm, target: str, *, dry_run: bool = False) -> tuple[Writer, list[Provisioned]]:
    """The target's fields made in the tenant; the writer knows the names that they got."""
    plan = MAPPING.writer(target)
    assert plan is not None
    done = crm.provision(plan.object, plan.specs(crm.context.language), dry_run=dry_run)
    names = {p.spec.name: p.api_name for p in done if p.api_name}
    writer = MAPPING.writer(target, names)
    assert writer is not None
    return writer, done


@pytest.mark.parametrize("language", ["en", "zh"])
def test_fields_are_created_once(own_tenant: Tenant, language: str):
    crm = own_tenant.crm(language)
    assert {p.state for p in provision(crm, "account", dry_run=True)[1]} == {FieldState.MISSING}
    for target in ("account", "visit"):
        made = provision(crm, target)[1]
        assert {p.state for p in made} == {FieldState.CREATED}
        again = provision(own_tenant.crm(language), target)[1]
        assert {p.state for p in again} == {FieldState.PRESENT}
        assert [p.api_name for p in again] == [p.api_name for p in made]
        assert all(p.api_name for p in made)


def test_label_that_is_taken_by_another_type_is_told(own_tenant: Tenant):
    spec = FieldSpec("revenue", "Our_Revenue", "Annual Revenue", "boolean")
    (found,) = own_tenant.crm().provision("Accounts", [spec], dry_run=False)
    assert (found.state, found.api_name) == (FieldState.MISMATCH, "Annual_Revenue")
    assert "Checkbox" in found.by_hand


VALUES = {
    "credit_status": "hold",
    "credit_hold": True,
    "risk_class": "D",
    "credit_score": Decimal("41.5"),
    "credit_limit": Decimal("50000.10"),
    "credit_exposure": Decimal("61234.56"),
    "credit_available": Decimal("-11234.46"),
    "credit_utilisation": Decimal("122.47"),
    "overdue_amount": Decimal("0.00"),
    "overdue_days": 42,
    "credit_terms_days": 30,
    "credit_reasons": "42 days overdue\n逾期 42 天",
    "credit_next_review": dt.date(2026, 12, 1),
    "credit_as_of": dt.datetime(2026, 3, 1, 12, 0, 5, tzinfo=dt.UTC),
    "credit_policy": "standard@1",
}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_written_to_accounts_is_what_is_read_back(own_tenant: Tenant, language: str):
    crm = own_tenant.crm(language)
    writer, _ = provision(crm, "account")
    ids = [row.external_id for row in walk(crm, "Accounts", ("id",))]
    values = writer.write(VALUES, language)
    writes = [Write("update", "Accounts", id_, values, writer.types) for id_ in ids]
    outcomes = crm.push(writes)
    assert {o.result for o in outcomes} == {Result.DONE}
    assert [o.external_id for o in outcomes] == ids

    rows = walk(crm, "Accounts", tuple(values))
    moments = [name for name, type_ in writer.types.items() if type_ == "datetime"]
    for row in rows:
        got = {name: row.data[name] for name in values}
        for name in moments:
            got[name] = dt.datetime.fromisoformat(got[name])
        plain = {k: v.isoformat() if type(v) is dt.date else v for k, v in values.items()}
        assert got == plain


def test_values_can_be_taken_back_to_unknown(own_tenant: Tenant):
    crm = own_tenant.crm()
    writer, _ = provision(crm, "account")
    id_ = walk(crm, "Accounts", ("id",))[0].external_id
    for values in (VALUES, dict.fromkeys(VALUES, None) | {"credit_hold": False}):
        written = writer.write(values, "en")
        (outcome,) = crm.push([Write("update", "Accounts", id_, written, writer.types)])
        assert outcome.result is Result.DONE, outcome.message
    row = next(r for r in walk(crm, "Accounts", tuple(written)) if r.external_id == id_)
    assert {name: row.data[name] for name in written} == written


def test_bad_records_do_not_hinder_the_good_ones(own_tenant: Tenant):
    crm = own_tenant.crm()
    writer, _ = provision(crm, "account")
    first, second, *_ = [row.external_id for row in walk(crm, "Accounts", ("id",))]
    types = writer.types

    def write(id_: str, status: str) -> Write:
        return Write("update", "Accounts", id_, {"Credit_Status": status}, types)

    good, no_option, unknown, last = crm.push(
        [
            write(first, "OK"),
            write(second, "Nonsense"),
            write("123456789012345678", "OK"),
            write(second, "Hold"),
        ]
    )
    assert (good.result, last.result) == (Result.DONE, Result.DONE)
    assert (no_option.result, unknown.result) == (Result.DEAD, Result.DEAD)
    assert second in no_option.message and "Credit_Status" in no_option.message
    assert "INVALID_DATA" in no_option.message
    assert "123456789012345678" in unknown.message


def visit(writer: Writer, account: str, key: str, **more: Any) -> Write:
    values = {
        "subject": "Visit",
        "due_on": dt.date(2026, 12, 1),
        "description": "overdue",
        "priority": "high",
        "status": "planned",
        "account_id": account,
        "credit_key": key,
    } | more
    return Write(
        "task",
        writer.object,
        account,
        writer.write(values, "en"),
        writer.types,
        writer.key_field,
        key,
    )


def test_task_upserted_twice_is_one_task(own_tenant: Tenant):
    crm = own_tenant.crm()
    writer, _ = provision(crm, "visit")
    row = crm.fetch("Accounts", ("Owner.id",), EVER).rows[0]
    owner = row.data["Owner"]["id"]
    before = walk(crm, "Tasks", ("id",))
    (first,) = crm.push([visit(writer, row.external_id, "k-1", owner_id=owner)])
    (second,) = crm.push([visit(writer, row.external_id, "k-1", owner_id=owner, status="done")])
    assert (first.result, second.result) == (Result.DONE, Result.DONE), (first, second)
    assert first.external_id == second.external_id != ""
    tasks = walk(crm, "Tasks", ("Status", "What_Id.id", "Owner.id", "Credit_Key"))
    assert len(tasks) == len(before) + 1
    (ours,) = [t for t in tasks if t.external_id == first.external_id]
    assert ours.data["Status"] == "Completed"
    assert ours.data["What_Id"]["id"] == row.external_id
    assert ours.data["Owner"]["id"] == owner
    assert ours.data["Credit_Key"] == "k-1"


def test_deleted_records_are_told_once_they_are_deleted(own_tenant: Tenant):
    crm = own_tenant.crm()
    start = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=2)
    assert list(crm.deleted("Invoices", start)) == []
    gone, *_ = [row.external_id for row in walk(crm, "Invoices", ("id",))]
    own_tenant.ask("DELETE", "Invoices", ids=gone)
    assert list(crm.deleted("Invoices", start)) == [gone]
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    assert list(crm.deleted("Invoices", later)) == []
