"""The Fxiaoke adapter against its sandbox: two independent readings of the vendor's manual."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests

from adapters.fxiaoke.adapter import FxiaokeCrm
from connector.adapter import Context, FieldSpec, FieldState, Result, Row, Slice, Write
from connector.errors import Reauth
from connector.http import Http
from connector.mapping.form import load
from connector.mapping.writing import Writer
from connector.model import Order, Stream
from sandbox.fxiaoke import SANDBOX
from sandbox.server import Options
from tests.memory_secrets import MemorySecrets
from tests.sandbox_server import running

MAPPING = load(Path(__file__).parents[2] / "mappings" / "fxiaoke.yaml")
# Visits are rows of an object that the admin has yet to create.
STREAMS = [stream for stream in MAPPING.readers if stream is not Stream.VISITS]
CREDENTIALS = {
    "app_id": "FSAID_sandbox",
    "app_secret": "sandbox-secret",
    "permanent_code": "sandbox-code",
    "user": "13800000000",
}
EVER = (dt.datetime(2000, 1, 1, tzinfo=dt.UTC), dt.datetime(2100, 1, 1, tzinfo=dt.UTC))


STYLES: Mapping[str, Mapping[str, str]] = {"body": {}, "header": {"auth_style": "header", "user": "1000"}}


class Base(str):
    """Where a tenant is called, and in which style."""

    style: str


@pytest.fixture(scope="module", params=STYLES)
def tenant(request: pytest.FixtureRequest) -> Iterator[Base]:
    """A tenant that is only read."""
    with running(SANDBOX.app(Options(accounts=20, faults={"fxiaoke.unlimited": 1.0}))) as base:
        yield _styled(base, request)


@pytest.fixture(params=STYLES)
def own_tenant(request: pytest.FixtureRequest) -> Iterator[Base]:
    """A tenant of the test's own, to write to."""
    with running(SANDBOX.app(Options(accounts=12))) as base:
        yield _styled(base, request)


def _styled(base: str, request: pytest.FixtureRequest) -> Base:
    found = Base(base)
    found.style = request.param
    return found


# One store of secrets a tenant, as in a real installation: the sandbox gives ten tokens a minute.
SECRETS: defaultdict[str, MemorySecrets] = defaultdict(MemorySecrets)


def crm_at(base: str, secrets: MemorySecrets | None = None, **settings: str) -> FxiaokeCrm:
    return FxiaokeCrm(
        Context(
            connection="fx",
            settings={
                "base_url": str(base),
                **CREDENTIALS,
                **STYLES[getattr(base, "style", "body")],
                **settings,
            },
            secrets=secrets or SECRETS[base],
            http=Http(FxiaokeCrm.limits, sleep=lambda _: None),
            language="zh",
            now=lambda: dt.datetime.now(dt.UTC),
        )
    )


def rows_of(crm: FxiaokeCrm, stream: Stream, since: dt.datetime, until: dt.datetime) -> list[Row]:
    reader = MAPPING.readers[stream]
    rows: list[Row] = []
    after, more = None, True
    while more:
        page = crm.fetch(reader.object, reader.vendor_fields, Slice(since, until, after))
        rows += page.rows
        after, more = (page.rows[-1].external_id if page.rows else after), page.more
    return rows


def writer(target: str) -> Writer:
    found = MAPPING.writer(target)
    assert found is not None
    return found


def console(base: str, object_name: str, specs: list[FieldSpec]) -> None:
    """What the admin creates by hand."""
    fields = [
        {
            "name": s.name,
            "api_name": s.api_name,
            "label": s.label,
            "type": s.type,
            "options": [list(option) for option in s.options],
            "unique": s.unique,
        }
        for s in specs
    ]
    body = {"object": object_name, "fields": fields}
    answer = requests.post(f"{base}/_sandbox/console/fields", json=body, timeout=10)
    assert answer.ok, answer.text


@pytest.mark.parametrize("stream", [one for one in STREAMS if one is not Stream.USERS])
def test_slices_paged_by_id_make_up_the_whole(tenant: Base, stream: Stream) -> None:
    whole = rows_of(crm_at(tenant), stream, *EVER)
    ids = [row.external_id for row in whole]
    assert ids
    assert len(ids) == len(set(ids))
    moments = sorted(row.modified_at for row in whole if row.modified_at)
    assert len(moments) == len(whole)
    half = moments[len(moments) // 2]
    crm = crm_at(tenant, page_limit=str(len(ids) // 5 + 1))  # the sandbox counts calls, too
    first = rows_of(crm, stream, EVER[0], half)
    second = rows_of(crm, stream, half + FxiaokeCrm.time_step, EVER[1])
    assert sorted(ids) == sorted(row.external_id for row in (*first, *second))
    assert {row.external_id for row in rows_of(crm, stream, half, half)} == {
        row.external_id for row in whole if row.modified_at == half
    }


@pytest.mark.parametrize("stream", STREAMS)
def test_the_sweep_lists_what_is_fetched(tenant: Base, stream: Stream) -> None:
    crm = crm_at(tenant)
    fetched = {row.external_id for row in rows_of(crm, stream, *EVER)}
    assert set(crm.deleted(MAPPING.readers[stream].object, EVER[0])) == fetched


def test_every_row_is_read_by_the_mapping_and_belongs_to_an_account(tenant: Base) -> None:
    crm = crm_at(tenant)
    records = {s: [MAPPING.readers[s].read(row) for row in rows_of(crm, s, *EVER)] for s in STREAMS}
    accounts = {record.external_id for record in records[Stream.ACCOUNTS]}
    for stream in (Stream.ORDERS, Stream.INVOICES, Stream.PAYMENTS):
        assert {getattr(record, "account_id") for record in records[stream]} <= accounts  # noqa: B009
    orders = [record for record in records[Stream.ORDERS] if isinstance(record, Order)]
    assert len({order.stage for order in orders}) > 2
    assert all(order.amount > 0 for order in orders)


def test_who_we_are_is_named(tenant: Base) -> None:
    said = crm_at(tenant).test()
    assert ("FSUID_" if tenant.style == "body" else "1000") in said
    assert CREDENTIALS["user"] not in said


def test_provisioning_reports_what_the_console_then_creates(own_tenant: Base) -> None:
    crm = crm_at(own_tenant)
    for target in ("account", "visit"):
        specs = writer(target).specs("zh")
        before = crm.provision(writer(target).object, specs, dry_run=False)
        assert {one.state for one in before} == {FieldState.MISSING}
        assert all(one.by_hand for one in before)
        console(own_tenant, writer(target).object, specs)
        after = crm.provision(writer(target).object, specs, dry_run=False)
        assert {one.spec.name: one.state for one in after} == {s.name: FieldState.PRESENT for s in specs}
        assert [one.spec for one in after] == specs


ACCOUNT_VALUES: Mapping[str, Any] = {
    "credit_status": "hold",
    "credit_hold": True,
    "risk_class": "D",
    "credit_score": Decimal("41.5"),
    "credit_limit": Decimal("250000.10"),
    "credit_exposure": Decimal("260000.00"),
    "credit_available": Decimal("-9999.90"),
    "credit_utilisation": Decimal("104.0"),
    "overdue_amount": Decimal("1200.00"),
    "overdue_days": 34,
    "credit_terms_days": 30,
    "credit_reasons": "逾期 34 天\n额度超限",
    "credit_next_review": dt.date(2026, 6, 1),
    "credit_as_of": dt.datetime(2026, 5, 4, 1, 2, 3, tzinfo=dt.UTC),
    "credit_policy": "standard@1",
}


def test_the_verdict_is_written_and_read_back(own_tenant: Base) -> None:
    crm, target = crm_at(own_tenant), writer("account")
    console(own_tenant, target.object, target.specs("zh"))
    before = rows_of(crm, Stream.ACCOUNTS, *EVER)[0]
    row_id = before.external_id
    values = target.write(ACCOUNT_VALUES, "zh")
    (done,) = crm.push([Write("update", target.object, row_id, values, target.types)])
    assert done.result is Result.DONE, done.message
    fields = [*values, "credit_status__c__label", "name", "owner", "city"]
    page = crm.fetch(target.object, fields, Slice(*EVER))
    data = next(row.data for row in page.rows if row.external_id == row_id)
    assert data["credit_status__c__label"] == "冻结"
    assert data["credit_hold__c"] is True
    assert Decimal(str(data["credit_limit__c"])) == Decimal("250000.10")
    assert Decimal(str(data["credit_score__c"])) == Decimal("41.5")
    assert int(data["overdue_days__c"]) == 34
    assert data["credit_reasons__c"] == "逾期 34 天\n额度超限"
    assert data["credit_next_review__c"] == 1_780_243_200_000  # midnight of 1 June in Shanghai
    assert data["credit_as_of__c"] == 1_777_856_523_000
    assert all(data.get(kept) == before.data.get(kept) for kept in ("name", "owner", "city"))


def test_an_update_shows_in_the_next_window(own_tenant: Base) -> None:
    crm, target = crm_at(own_tenant), writer("account")
    console(own_tenant, target.object, target.specs("zh"))
    start = max(row.modified_at for row in rows_of(crm, Stream.ACCOUNTS, *EVER) if row.modified_at)
    row_id = next(crm.deleted(target.object, EVER[0]))
    values = target.write({"risk_class": "B"}, "zh")
    crm.push([Write("update", target.object, row_id, values, target.types)])
    changed = rows_of(crm, Stream.ACCOUNTS, start + FxiaokeCrm.time_step, EVER[1])
    assert [row.external_id for row in changed] == [row_id]


def test_a_whole_batch_is_written_each_to_its_own_row(own_tenant: Base) -> None:
    crm, target = crm_at(own_tenant), writer("account")
    console(own_tenant, target.object, target.specs("zh"))
    ids = list(crm.deleted(target.object, EVER[0]))[: FxiaokeCrm.write_batch]
    writes = [
        Write("update", target.object, row_id, {"overdue_days__c": n}, target.types)
        for n, row_id in enumerate(ids)
    ]
    assert {outcome.result for outcome in crm.push(writes)} == {Result.DONE}
    page = crm.fetch(target.object, ["overdue_days__c"], Slice(*EVER))
    found = {row.external_id: int(row.data["overdue_days__c"]) for row in page.rows}
    assert {row_id: found[row_id] for row_id in ids} == {row_id: n for n, row_id in enumerate(ids)}


def test_a_task_sent_twice_makes_one(own_tenant: Base) -> None:
    target = writer("visit")
    crm = crm_at(own_tenant)
    console(own_tenant, target.object, target.specs("zh"))
    account = rows_of(crm, Stream.ACCOUNTS, *EVER)[0]
    values = target.write(
        {
            "subject": "走访客户",
            "due_on": dt.date(2026, 6, 1),
            "description": "逾期",
            "priority": "high",
            "status": "planned",
            "owner_id": account.data["owner"][0],
            "account_id": account.external_id,
            "credit_key": "visit-1",
        },
        "zh",
    )
    write = Write(
        "task",
        target.object,
        account.external_id,
        values,
        target.types,
        target.key_field,
        "visit-1",
    )
    (first,) = crm.push([write])
    (second,) = crm_at(own_tenant).push([write])
    assert first.result is second.result is Result.DONE, (first.message, second.message)
    assert first.external_id == second.external_id
    assert list(crm.deleted(target.object, EVER[0])) == [first.external_id]
    page = crm.fetch(target.object, [*values, "priority__c__label"], Slice(*EVER))
    (row,) = page.rows
    assert row.data["account_id__c"] == account.external_id
    assert row.data["owner"] == account.data["owner"]
    assert row.data["priority__c__label"] == "高"


def test_a_row_that_is_not_there_is_a_dead_write_beside_good_ones(own_tenant: Base) -> None:
    crm, target = crm_at(own_tenant), writer("account")
    console(own_tenant, target.object, target.specs("zh"))
    row_id = next(crm.deleted(target.object, EVER[0]))
    values = target.write({"risk_class": "B"}, "zh")
    writes = [
        Write("update", target.object, "0" * 24, values, target.types),
        Write("update", target.object, row_id, values, target.types),
    ]
    dead, done = crm.push(writes)
    assert dead.result is Result.DEAD
    assert done.result is Result.DONE


def visit(crm: FxiaokeCrm, key: str) -> Write:
    target = writer("visit")
    account = rows_of(crm, Stream.ACCOUNTS, *EVER)[0]
    values = {"subject": "走访", "owner_id": account.data["owner"][0], "account_id": account.external_id}
    return Write(
        "task",
        target.object,
        account.external_id,
        target.write({**values, "credit_key": key}, "zh"),
        target.types,
        target.key_field,
        key,
    )


@pytest.mark.parametrize(("fault", "arrived"), [("write.lost", True), ("write.drop", False)])
def test_a_task_whose_answer_is_lost_is_made_once(fault: str, arrived: bool) -> None:
    with running(SANDBOX.app(Options(accounts=5, faults={fault: 1.0}))) as base:
        crm, target = crm_at(base), writer("visit")
        console(base, target.object, target.specs("zh"))
        write = visit(crm, "visit-1")
        (outcome,) = crm.push([write])
        rows = list(crm.deleted(target.object, EVER[0]))
        if arrived:
            assert outcome.result is Result.DONE
            assert rows == [outcome.external_id]
        else:
            assert outcome.result is Result.RETRY
            assert rows == []


def test_one_style_reads_what_the_other_has_written(own_tenant: Base) -> None:
    crm, target = crm_at(own_tenant), writer("visit")
    console(own_tenant, target.object, target.specs("zh"))
    (done,) = crm.push([visit(crm, "visit-1")])
    assert done.result is Result.DONE, done.message
    assert list(crm.deleted(target.object, EVER[0])) == [done.external_id]
    other = Base(own_tenant)
    other.style = "header" if own_tenant.style == "body" else "body"
    assert list(crm_at(other).deleted(target.object, EVER[0])) == [done.external_id]


@pytest.mark.parametrize("key", ["app_id", "app_secret", "permanent_code"])
def test_wrong_credentials_are_refused(tenant: Base, key: str) -> None:
    with pytest.raises(Reauth) as caught:
        crm_at(tenant, None, **{key: "FSAID_wrong" if key == "app_id" else "wrong-one"}).test()
    assert "sandbox-secret" not in str(caught.value)
    assert "sandbox-code" not in str(caught.value)


def test_a_forged_token_is_renewed_without_anybody_noticing(tenant: Base) -> None:
    secrets = MemorySecrets()
    crm_at(tenant, secrets).test()
    (name,) = [n for n in secrets.values if "token" in n]
    value, expires_at = secrets.values[name]
    secrets.values[name] = (value.replace('"token": "', '"token": "forged'), expires_at)
    crm_at(tenant, secrets).test()
    assert "forged" not in secrets.values[name][0]


def test_the_sandbox_counts_one_token_for_many_adapters(own_tenant: Base) -> None:
    secrets = MemorySecrets()
    for _ in range(3):
        crm_at(own_tenant, secrets).test()
    calls = requests.get(f"{own_tenant}/_sandbox/calls", timeout=10).json()
    assert calls["token"] == 1
