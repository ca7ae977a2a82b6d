"""Contacts, users and results of visits; streams that a tenant does not show."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connector.adapter import Context, Crm, Limits, Missing, Page, Row, Slice
from connector.config import load
from connector.errors import Halt, Retry
from connector.http import Http
from connector.mapping.form import FieldMapping, compile_mapping
from connector.model import Stream
from connector.pull import Pulled, pull
from connector.runtime import Runtime
from connector.store import listing, visits
from connector.store.record_tables import contact, reject
from connector.store.tables import customer, visit
from connector.store.visits import Visit
from connector.yamlfile import parse
from tests.memory_secrets import MemorySecrets
from tests.new_store import new_home

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
TEXT = """\
mapping: memory
read:
  accounts: {object: A, fields: {name: name, owner_id: owner}}
  orders:
    object: O
    fields: {account_id: a, amount: amount, currency: c, stage: {field: s, default: open}, number: {field: no, optional: true}}
  contacts:
    object: C
    fields: {account_id: a, name: name, role: {field: title, optional: true}, email: mail, phone: {field: p, optional: true}}
  users: {object: U, fields: {name: name, active: {field: st, values: {active: true}, else: false}}}
  visits: {fields: {closed_at: Closed, result: {field: Result, optional: true}}}
write:
  visit:
    object: T
    key: credit_key
    fields:
      status: {field: Status, type: option, standard: true, options: {planned: {en: Not Started, zh: 未开始}, done: {en: Completed, zh: 完成}, dropped: {en: Deferred}}}
      credit_key: {field: Key, type: text, label: {en: Key}}
"""  # noqa: E501


def mapping(text: str = TEXT) -> FieldMapping:
    return compile_mapping(parse(text, "memory"), "memory")


class MemoryCrm(Crm):
    """Rows by object; ``hidden`` objects and ``absent`` fields are not shown, ``broken`` ones refused."""

    name = "memory"
    settings = ()
    limits = Limits(slots=2)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.rows: dict[str, list[dict[str, Any]]] = {
            "A": [{"id": "a1", "name": "Acme", "owner": "u1"}],
            "O": [{"id": "o1", "a": "a1", "amount": "5", "c": "CNY"}],
            "C": [],
            "U": [{"id": "u1", "name": "Ann", "st": "active"}, {"id": "u2", "name": "Bob", "st": "disabled"}],
            "T": [],
        }
        self.moment = NOW - dt.timedelta(days=1)
        self.hidden: set[str] = set()
        self.absent: dict[str, tuple[str, ...]] = {}
        self.broken: dict[str, Exception] = {}
        self.having: list[str] = []
        self.gone: dict[str, list[str]] = {}

    def test(self) -> str:
        return "fine"

    def missing(self, object_name: str, fields: Sequence[str]) -> Missing:
        if object_name in self.hidden:
            return Missing(object="the profile does not show it")
        return Missing(fields=tuple(f for f in self.absent.get(object_name, ()) if f in fields))

    def fetch(self, object_name: str, fields: Sequence[str], part: Slice) -> Page:
        if object_name in self.broken:
            raise self.broken[object_name]
        if part.having:
            self.having.append(part.having)
        return Page([Row(r["id"], self.moment, r) for r in self.rows[object_name]], more=False)

    def deleted(self, object_name: str, since: dt.datetime) -> Iterator[str]:
        return iter(self.gone.get(object_name, []))

    def provision(self, object_name: str, specs: Any, *, dry_run: bool) -> list[Any]:
        return []

    def push(self, writes: Any) -> list[Any]:
        return []


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    new_home(tmp_path / "home")
    opened = Runtime(load(tmp_path / "home" / "creditgate.toml"))
    opened.connections.add("memory", "crm", "zoho", {}, {}, tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def crm() -> MemoryCrm:
    http = Http(MemoryCrm.limits, sleep=lambda _: None)
    return MemoryCrm(Context("memory", {}, MemorySecrets(), http, "en", lambda: NOW))


def run(runtime: Runtime, crm: MemoryCrm, plan: FieldMapping | None = None) -> Pulled:
    return pull(runtime.store, runtime.connections.get("memory"), crm, plan or mapping())


def planned(runtime: Runtime, *keys: str) -> None:
    one = runtime.connections.get("memory")
    with runtime.store.write() as tx:
        number = tx.execute(sa.select(customer.c.id)).scalar_one()
        day = dt.date(2026, 3, 9)
        visits.add(
            tx, [Visit(k, number, one.id, "a1", "u1", day, "visit_class", "normal") for k in keys], NOW
        )


def visits_of(runtime: Runtime) -> dict[str, Any]:
    with runtime.store.read() as tx:
        return {row.key: row for row in tx.execute(sa.select(visit)).all()}


def task(key: str, status: str | None, **more: Any) -> dict[str, Any]:
    return {"id": f"t-{key}", "Key": key, "Status": status} | more


def test_owners_are_shown_by_name_wherever_they_stand(runtime: Runtime, crm: MemoryCrm) -> None:
    run(runtime, crm)
    planned(runtime, "k1")
    with runtime.store.read() as tx:
        (shown,) = listing.accounts(tx, 1)
        (listed,) = visits.listing(tx)
    assert shown.owner == listed.owner == "Ann"


def test_an_owner_who_is_no_known_user_is_shown_by_number(runtime: Runtime, crm: MemoryCrm) -> None:
    crm.rows["A"][0]["owner"] = "u9"
    run(runtime, crm)
    with runtime.store.read() as tx:
        assert listing.accounts(tx, 1)[0].owner == "u9"


def test_contacts_are_kept_as_far_as_the_mapping_names_them_and_touch_no_assessment(
    runtime: Runtime, crm: MemoryCrm
) -> None:
    run(runtime, crm)
    with runtime.store.write() as tx:
        tx.execute(customer.update().values(assessed=customer.c.changes))
    crm.rows["C"] = [
        {"id": "c1", "a": "a1", "name": "Li", "title": "CFO", "mail": "li@example.com", "fax": "secret"},
        {"id": "c2", "a": None, "name": "Nobody's", "mail": None},
        {"id": "c3", "a": "a9", "name": "Of an account that is not ours", "mail": None},
    ]
    done = run(runtime, crm)
    assert done.count(Stream.CONTACTS).changed == 3 and not done.rejected
    with runtime.store.read() as tx:
        (shown,) = listing.contacts(tx, 1)
        assert (shown.name, shown.role, shown.email, shown.phone) == ("Li", "CFO", "li@example.com", None)
        assert tx.execute(sa.select(customer.c.changes == customer.c.assessed)).scalar_one()
    crm.gone["C"] = ["c1"]
    assert run(runtime, crm).count(Stream.CONTACTS).gone == 1
    with runtime.store.read() as tx:
        assert listing.contacts(tx, 1) == []


def test_an_address_of_a_person_never_stands_in_a_reject(runtime: Runtime, crm: MemoryCrm) -> None:
    crm.rows["C"] = [{"id": "c1", "a": "a1", "name": "", "mail": "li@example.com"}]
    assert run(runtime, crm).count(Stream.CONTACTS).rejected == 1
    with runtime.store.read() as tx:
        row = tx.execute(sa.select(reject)).one()
        assert "li@" not in row.message + row.value
        assert tx.execute(sa.select(contact)).all() == []


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("Completed", "done"),
        ("完成", "done"),
        ("Deferred", "dropped"),
        ("Not Started", "planned"),
        ("In Progress", "planned"),
        (None, "planned"),
    ],
)
def test_visits_take_the_state_that_the_task_has(
    runtime: Runtime, crm: MemoryCrm, status: str | None, state: str
) -> None:
    run(runtime, crm)
    planned(runtime, "k1")
    crm.rows["T"] = [task("k1", status, Closed="2026-03-02T10:00:00+08:00", Result="paid in cash")]
    assert run(runtime, crm).count(Stream.VISITS).changed == 1
    row = visits_of(runtime)["k1"]
    assert (row.state, row.task_id, row.result) == (state, "t-k1", "paid in cash")
    assert row.closed_at == dt.datetime(2026, 3, 2, 2, tzinfo=dt.UTC)
    assert run(runtime, crm).count(Stream.VISITS).changed == 0


def test_tasks_of_others_are_passed_over_and_only_keyed_ones_are_asked_for(
    runtime: Runtime, crm: MemoryCrm
) -> None:
    run(runtime, crm)
    planned(runtime, "k1")
    crm.rows["T"] = [task("", "Completed", id="t0"), task("of another", "Completed")]
    done = run(runtime, crm)
    assert (done.count(Stream.VISITS).read, done.count(Stream.VISITS).changed, done.rejected) == (1, 0, 0)
    assert set(crm.having) == {"Key"}
    assert visits_of(runtime)["k1"].state == "planned"


def test_an_older_answer_never_undoes_a_newer_one(runtime: Runtime, crm: MemoryCrm) -> None:
    run(runtime, crm)
    planned(runtime, "k1")
    crm.rows["T"] = [task("k1", "Completed")]
    run(runtime, crm)
    crm.moment -= dt.timedelta(hours=1)
    crm.rows["T"] = [task("k1", "Not Started")]
    run(runtime, crm)
    assert visits_of(runtime)["k1"].state == "done"


def test_a_visit_whose_task_was_deleted_is_dropped_and_a_done_one_stays_done(
    runtime: Runtime, crm: MemoryCrm
) -> None:
    run(runtime, crm)
    planned(runtime, "k1", "k2")
    crm.rows["T"] = [task("k1", "Not Started"), task("k2", "Completed")]
    run(runtime, crm)
    crm.rows["T"], crm.gone["T"] = [], ["t-k1", "t-k2"]
    run(runtime, crm)
    assert {key: row.state for key, row in visits_of(runtime).items()} == {"k1": "dropped", "k2": "done"}


def test_the_key_is_read_from_the_field_that_the_tenant_made_for_it(runtime: Runtime, crm: MemoryCrm) -> None:
    run(runtime, crm)
    planned(runtime, "k1")
    runtime.connections.keep_names(runtime.connections.get("memory"), "visit", {"credit_key": "field71"})
    crm.rows["T"] = [{"id": "t1", "field71": "k1", "Status": "Completed"}]
    run(runtime, crm)
    assert visits_of(runtime)["k1"].state == "done"


def test_before_the_key_is_provisioned_there_is_nothing_to_read_back(
    runtime: Runtime, crm: MemoryCrm
) -> None:
    crm.absent["T"] = ("Key",)
    done = run(runtime, crm)
    assert not done.skipped and "has no Key yet" in done.count(Stream.VISITS).note


def test_a_stream_that_is_not_shown_is_named_and_the_others_go_on(runtime: Runtime, crm: MemoryCrm) -> None:
    crm.hidden = {"O"}
    done = run(runtime, crm)
    assert done.skipped == [Stream.ORDERS]
    assert "profile does not show it" in done.count(Stream.ORDERS).skipped
    assert done.count(Stream.USERS).changed == 2


def test_a_stream_that_is_refused_is_named_and_the_others_go_on(runtime: Runtime, crm: MemoryCrm) -> None:
    crm.broken["O"] = Halt("no permission", where="memory O", todo="give it")
    done = run(runtime, crm)
    assert done.skipped == [Stream.ORDERS] and "give it" in done.count(Stream.ORDERS).skipped
    assert done.count(Stream.USERS).changed == 2
    del crm.broken["O"]
    assert run(runtime, crm).count(Stream.ORDERS).changed == 1


def test_complaint_airbyte_14381_an_org_that_shows_nothing_ends_with_its_reason(
    runtime: Runtime, crm: MemoryCrm
) -> None:
    for name in ("A", "O", "C", "U", "T"):
        crm.broken[name] = Halt("the user may see nothing", where="memory", todo="ask the admin")
    with pytest.raises(Halt, match="the user may see nothing"):
        run(runtime, crm)


def test_a_fault_that_may_pass_is_no_reason_to_skip_a_stream(runtime: Runtime, crm: MemoryCrm) -> None:
    crm.broken["O"] = Retry("busy")
    with pytest.raises(Retry):
        run(runtime, crm)


def test_documents_wait_for_accounts_that_were_never_read(runtime: Runtime, crm: MemoryCrm) -> None:
    crm.hidden = {"A"}
    done = run(runtime, crm)
    assert done.skipped == [Stream.ACCOUNTS, Stream.ORDERS]
    assert done.count(Stream.ORDERS).skipped == "its accounts were never read" and not done.rejected
    crm.hidden = set()
    run(runtime, crm)
    crm.hidden = {"A"}
    assert run(runtime, crm).skipped == [Stream.ACCOUNTS]


def test_fields_that_are_not_there_are_named_unless_they_are_optional(
    runtime: Runtime, crm: MemoryCrm
) -> None:
    crm.absent = {"C": ("mail", "title", "p"), "O": ("no",)}
    done = run(runtime, crm)
    assert done.count(Stream.CONTACTS).missing == ("mail",)
    assert done.count(Stream.ORDERS).missing == () and not done.skipped


def test_a_stream_without_a_field_that_it_needs_is_skipped(runtime: Runtime, crm: MemoryCrm) -> None:
    crm.absent = {"O": ("amount",)}
    done = run(runtime, crm)
    assert done.skipped == [Stream.ORDERS]
    assert done.count(Stream.ORDERS).skipped == "O has no amount" and not done.rejected


def test_visits_need_a_key_and_a_status_to_be_read_back() -> None:
    with pytest.raises(Halt, match="key and the status"):
        mapping(TEXT.replace("    key: credit_key\n", ""))


def test_a_mapping_may_lack_any_stream(runtime: Runtime, crm: MemoryCrm) -> None:
    plan = mapping("mapping: memory\nread:\n  accounts: {object: A, fields: {name: name}}\n")
    assert list(run(runtime, crm, plan).streams) == [Stream.ACCOUNTS]
