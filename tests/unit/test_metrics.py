"""``/metrics``: figures from the store, checks by outcome and latency, and who may ask."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families

from connector.adapter import Limits
from connector.store.budget import StoreBudget
from connector.store.daemon_tables import pause, slot
from connector.store.record_tables import reject
from connector.store.signal_tables import signal
from connector.store.tables import cursor, hold, outbox
from tests.unit.test_api import Service, problem

Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path, metrics_key="metrics-key")
    made.start()
    yield made
    made.stop()


def figures(service: Service, **more: Any) -> Figures:
    answer = service.call("GET", "/metrics", key=None, **more)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def of(found: Figures, name: str, **labels: str) -> float | None:
    return found.get((f"creditgate_{name}", frozenset(labels.items())))


def insert(service: Service, table: sa.Table, **values: Any) -> None:
    with service.bench.store.write() as tx:
        tx.execute(table.insert().values(**values))


def near(value: float | None, hours: float) -> bool:
    """Within a minute of so many hours: the moment of asking is not the test's."""
    return value is not None and math.isclose(value, 3600 * hours, abs_tol=60)


def test_what_waits_in_the_store_is_told_by_connection_stream_and_state(service: Service) -> None:
    now = dt.datetime.now(dt.UTC)
    zoho = service.runtime.connections.get("zoho").id
    number = service.bench.customer()
    service.bench.change_customer(number, changes=7)
    ago = [now - dt.timedelta(hours=hours) for hours in range(4)]
    insert(service, cursor, connection_id=zoho, stream="orders", watermark=ago[2], updated_at=ago[1])
    insert(service, cursor, connection_id=zoho, stream="invoices", watermark=None, updated_at=ago[1])
    write = {"connection_id": zoho, "target": "account", "payload": "{}", "digest": "", "priority": 9}
    for external_id, state in (("1", "pending"), ("2", "pending"), ("3", "dead")):
        row = {"external_id": external_id, "state": state, "created_at": ago[int(external_id)]}
        insert(service, outbox, **write, **row, due_at=now)
    order = {"connection_id": zoho, "account_id": "A", "amount": 1, "currency": "CNY", "reasons": "[]"}
    insert(service, hold, **order, order_key="SO-1", state="pending", created_at=now, updated_at=now)
    insert(service, hold, **order, order_key="SO-2", state="released", created_at=now, updated_at=now)
    aside = {"stream": "orders", "external_id": "1", "code": "c", "field": "f", "value": "", "message": ""}
    insert(service, reject, connection_id=zoho, **aside, raw="{}", first_seen=now, last_seen=now)
    warned = {"kind": "overdue_started", "key": "", "evidence": "{}", "severity": "alarm", "state": "open"}
    insert(service, signal, customer_id=number, **warned, episode=1, raised_at=now, seen_at=now)
    began = {"owner": "here", "attempts": 1, "started_at": ago[3], "lease_until": now}
    insert(service, slot, job="pull zoho", at=ago[3], state="done", ended_at=ago[2], **began)
    insert(service, slot, job="pull zoho", at=ago[1], state="failed", ended_at=ago[1], **began)
    insert(service, pause, target="zoho", failures=1, until=None, since=now, reason="no right")

    found = figures(service)
    assert of(found, "store_up") == 1
    assert near(of(found, "stream_lag_seconds", connection="zoho", stream="orders"), 2)
    assert near(of(found, "stream_read_age_seconds", connection="zoho", stream="orders"), 1)
    never = of(found, "stream_lag_seconds", connection="zoho", stream="invoices")
    assert never is not None and math.isnan(never)
    assert of(found, "outbox_items", connection="zoho", state="pending") == 2
    assert of(found, "outbox_items", connection="zoho", state="dead") == 1
    assert near(of(found, "outbox_oldest_seconds", connection="zoho", state="pending"), 2)
    assert of(found, "holds_open", connection="zoho", state="pending") == 1
    assert of(found, "holds_open", connection="zoho", state="released") is None
    assert of(found, "rejects", connection="zoho") == 1
    assert of(found, "signals_open", severity="alarm", state="open") == 1
    assert of(found, "job_slot", job="pull zoho", state="failed") == 1
    assert near(of(found, "job_done_age_seconds", job="pull zoho"), 2)
    assert of(found, "paused", target="zoho") == 1
    assert of(found, "customers_changed") == 1


def test_calls_are_told_with_what_is_left_and_as_a_share_of_what_the_vendor_allows(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    zoho = service.runtime.connections.get("zoho")
    limits = Limits(slots=1, calls=1000, per_seconds=86_400)
    budget = StoreBudget(service.bench.store, zoho.id, limits)
    for _ in range(3):
        budget.take("records", 10)
    budget.give_back()
    budget.correct("records", 900)  # others made 70 calls
    monkeypatch.setattr(
        type(service.runtime), "budget", lambda self, one: StoreBudget(self.store, one.id, limits)
    )
    found = figures(service)
    assert of(found, "calls_used", connection="zoho", bucket="records") == 100
    assert of(found, "calls_left", connection="zoho", bucket="records") == 900
    assert of(found, "calls_ratio", connection="zoho", bucket="records") == 0.1
    assert of(found, "calls_used", connection="fxiaoke", bucket="records") is None


def test_checks_are_counted_by_outcome_and_their_time_by_buckets(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.bench.customer(limit=100_000)
    before = figures(service)
    assert [of(before, "checks_total", outcome=one) for one in ("pass", "hold", "failed")] == [0, 0, 0]
    assert service.check().json()["decision"] == "pass"
    assert service.check(order="SO-2", amount="99999.00").json()["decision"] == "hold"

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("connector.api.app.check", fail)
    assert service.check().status_code == 500
    found = figures(service)
    assert [of(found, "checks_total", outcome=one) for one in ("pass", "hold", "failed")] == [1, 1, 1]
    assert of(found, "check_seconds_count") == 3
    assert of(found, "check_seconds_bucket", le="+Inf") == 3
    assert of(found, "check_seconds_sum") is not None


@pytest.mark.sqlite
def test_a_store_that_is_gone_is_told_and_the_rest_still_answers(service: Service) -> None:
    service.runtime.store.close()
    path = Path(str(service.bench.store.url.database))
    path.rename(path.with_name("away"))
    path.mkdir()
    found = figures(service)
    assert of(found, "store_up") == 0
    assert of(found, "checks_total", outcome="pass") == 0
    assert service.call("GET", "/healthz", key=None).status_code == 200
    assert service.call("GET", "/readyz", key=None).status_code == 503
    path.rmdir()
    path.with_name("away").rename(path)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
def test_a_call_through_a_proxy_on_this_machine_needs_the_key(service: Service, header: str) -> None:
    through = {header: "127.0.0.1"}
    problem(service.call("GET", "/metrics", key=None, headers=through), 401)
    problem(service.call("GET", "/metrics", key="wrong", headers=through), 401)
    problem(service.call("GET", "/metrics", key=service.key, headers=through), 401)
    assert service.call("GET", "/metrics", key="metrics-key", headers=through).status_code == 200


def test_without_a_key_only_the_networks_that_are_set_are_answered(tmp_path: Path) -> None:
    closed = Service(tmp_path, metrics_from=())
    closed.start()
    try:
        problem(closed.call("GET", "/metrics", key=None), 401)
        problem(closed.call("GET", "/metrics", key=""), 401)
        problem(closed.call("GET", "/metrics", key=closed.key), 401)
    finally:
        closed.stop()


def test_no_figure_names_a_customer(service: Service) -> None:
    service.bench.customer(limit=100_000)
    service.check()
    labels = {name for _, pairs in figures(service) for name, _ in pairs}
    assert labels <= {
        *("connection", "stream", "state", "severity", "job", "target", "bucket", "outcome", "le", "version")
    }
