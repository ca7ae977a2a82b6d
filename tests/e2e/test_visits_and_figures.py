"""Against both sandboxes, over real HTTP: what came of a visit is read back from each CRM and becomes a
promise to pay, and the figures of a month become records of each CRM, once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from connector.store import assessments
from connector.store.record_tables import account_owner
from connector.store.tables import visit
from sandbox.server import Options
from tests.installation import Installation, installation, provisioned_by_hand

AS_OF = dt.date(2026, 6, 30)
# The sandboxes tell by the real clock when a task was closed.
PROMISED = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=10)
OPTIONS = Options(accounts=24, seed=7, as_of=dt.datetime(2026, 6, 30, tzinfo=dt.UTC))
# By connection: the module of visits, its fields for what came of them, and its module of figures.
PLACES: dict[str, dict[str, Any]] = {
    "zoho": {
        "visits": "Tasks",
        "chooser": "module",
        "result": "Visit_Result",
        "promised": "Visit_Promised_On",
        "photos": "Visit_Photos",
        "kpi": "Credit_KPIs",
    },
    "fxiaoke": {
        "visits": "credit_visit__c",
        "chooser": "object",
        "result": "visit_result__c",
        "promised": "visit_promised_on__c",
        "photos": "visit_photos__c",
        "kpi": "credit_kpi__c",
    },
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("figures")
    with installation(folder, OPTIONS, pinned=True, provisioned=False) as one:
        for name in PLACES:
            uncomment(one.home / "mappings" / f"{name}.yaml")
            for field, label, kind in (
                ("result", "Visit Result", "text"),
                ("promised", "Visit Promised On", "date"),
                ("photos", "Visit Photos", "text"),
            ):
                wanted = {"name": field, "api_name": PLACES[name][field], "label": label, "type": kind}
                body = {"object": PLACES[name]["visits"], "fields": [wanted]}
                assert one.door(name, "console/fields", body)["fields"][0]["api_name"] == PLACES[name][field]
        module = {"api_name": PLACES["zoho"]["kpi"], "label": "Credit KPI"}
        one.door("zoho", "console/fields", {"object": module, "fields": []})
        with one.opened() as runtime:
            provisioned_by_hand(one, runtime)
        for command in (("pull",), ("assess",)):
            one.run(*command)
        one.review()
        for command in (("visit", "plan"), ("push",), ("pull",)):
            one.run(*command)
        yield one


def uncomment(mapping: Path) -> None:
    """Take the '#' off the section of figures, as an admin does."""
    lines = mapping.read_text(encoding="utf-8").splitlines()
    start = lines.index("  # kpi:")
    lines[start:] = [line.replace("  # ", "  ", 1) for line in lines[start:]]
    mapping.write_text("\n".join(lines) + "\n", encoding="utf-8")


def listed(made: Installation, *args: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = orjson.loads(made.run(*args, "--format", "json").stdout)
    return rows


@pytest.mark.parametrize("name", sorted(PLACES))
def test_what_came_of_a_visit_is_read_back_and_becomes_a_promise(made: Installation, name: str) -> None:
    key = _visit_of_a_debtor(made, name)
    with made.opened() as runtime:
        names = runtime.connections.names(runtime.connections.get(name), "visit")
    content = made.door(name, "content")[PLACES[name]["visits"]]
    assert sum(row.get(names["credit_key"]) == key for row in content) == 1
    _close_in_the_crm(made, name, key)
    made.run("pull")
    (row,) = [one for one in listed(made, "visit", "list") if one["key"] == key]
    assert (row["state"], row["result"], row["promised_on"]) == (
        "done",
        "stocks are low",
        PROMISED.isoformat(),
    )
    assert row["photos"] == "https://photos.example.com/1"
    (promised,) = [one for one in listed(made, "promise", "list", "--state", "all") if key in one["reason"]]
    assert (promised["due_on"], promised["state"]) == (PROMISED.isoformat(), "open")
    made.run("pull")
    assert sum(key in one["reason"] for one in listed(made, "promise", "list", "--state", "all")) == 1
    made.run("audit", "verify")


def _visit_of_a_debtor(made: Installation, name: str) -> str:
    """The key of a visit in this CRM to a customer that owes too long."""
    with made.opened() as runtime, runtime.store.read() as tx:
        source = runtime.connections.get(name).id
        rows = tx.execute(visit.select().where(visit.c.connection_id == source)).all()
        keys = {row.customer_id: row.key for row in rows if row.state == "planned"}
        kept = assessments.latest_of(tx, list(keys))
    return next(keys[one.customer_id] for one in kept if one.assessment.overdue_amount)


def _close_in_the_crm(made: Installation, name: str, key: str) -> None:
    """The rep closes the task and writes down what came of the visit."""
    place = PLACES[name]
    values = {
        place["result"]: "stocks are low",
        place["promised"]: PROMISED.isoformat() if name == "zoho" else _midnight(PROMISED),
        place["photos"]: "https://photos.example.com/1",
    }
    with made.opened() as runtime, runtime.store.read() as tx:
        row_id = tx.execute(visit.select().where(visit.c.key == key)).one().task_id
    assert row_id
    body = {place["chooser"]: place["visits"], "ids": [row_id], "values": values | _done(made, name)}
    made.door(name, "edit", body)


def _done(made: Installation, name: str) -> dict[str, str]:
    """How a task is done: Zoho's own status, or the value of the tenant's option, which means nothing."""
    if name == "zoho":
        return {"Status": "Completed"}
    shown = made.door(name, "console/variant", {PLACES[name]["visits"]: {}})["objects"]
    options = shown[PLACES[name]["visits"]]["fields"]["visit_status__c"]["options"]
    return {"visit_status__c": next(one["value"] for one in options if one["label"] == "已完成")}


def _midnight(day: dt.date) -> int:
    zone = dt.timezone(dt.timedelta(hours=8))
    return int(dt.datetime.combine(day, dt.time(), zone).timestamp() * 1000)


def test_the_figures_of_a_month_become_records_of_both_crms_once(made: Installation) -> None:
    month = ("--month", "2026-06")
    with made.opened() as runtime, runtime.store.write() as tx:
        # As if the accounts had been read in May: the days of this installation are not those of the clock.
        tx.execute(account_owner.update().values(since=dt.datetime(2026, 5, 1, tzinfo=dt.UTC)))
    rows = listed(made, "kpi", "show", *month)
    exported = made.run("kpi", "export", *month)
    assert f"zoho: {len(rows)} of {len(rows)} records" in exported.stderr
    made.run("push")
    for name, place in PLACES.items():
        records = made.door(name, "content")[place["kpi"]]
        assert len(records) == len(rows) > 2
        with made.opened() as runtime:
            names = runtime.connections.names(runtime.connections.get(name), "kpi")
        found = {record[names["credit_key"]]: record for record in records}
        assert len(found) == len(rows)
        (total,) = [one for key, one in found.items() if ":all:" in key]
        for figure in ("customers", "exposure", "overdue"):
            assert float(total[names[figure]]) == float(rows[-1][figure]) > 0
        assert not total.get(names["hold_hours"])
    before = made.writes()
    assert f"zoho: 0 of {len(rows)} records" in made.run("kpi", "export", *month).stderr
    made.run("push")
    assert made.writes() == before
