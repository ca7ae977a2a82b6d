"""Held orders by API: pages, decisions in the name of a user or of the key, and what a panel is told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.config import CrmUser
from connector.people.roles import Grant, Role
from connector.store.record_tables import crm_user, invoice
from connector.store.tables import visit
from tests.unit.test_api import Service, problem

PEOPLE = [
    CrmUser(connection="zoho", user="31", who="Di"),
    CrmUser(connection="zoho", user="SAL@example.com", who="Sal"),
]
ROLES = [Grant(who="Di", role=Role.APPROVER), Grant(who="Sal", role=Role.SALES)]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path, roles=ROLES, crm_users=PEOPLE)
    made.bench.customer(limit=100)
    known = made.runtime.connections
    made.key = known.issue_key(known.get("zoho"), label="buttons", scopes=("check", "read", "decide"))
    made.start()
    yield made
    made.stop()


def decide(service: Service, act: str, number: int = 1, **body: Any) -> Any:
    return service.call("POST", f"/v1/holds/{number}/{act}", json=body)


def user(service: Service, number: str, email: str, *, active: bool = True) -> None:
    with service.bench.store.write() as tx:
        values = {"connection_id": 1, "external_id": number, "name": "S", "email": email, "active": active}
        seen = {"digest": "d", "first_seen": service.bench.now, "last_seen": service.bench.now}
        tx.execute(crm_user.insert().values(**values, **seen))


def test_the_list_shows_every_reason_and_only_the_own_connection(service: Service) -> None:
    service.bench.change_line(1, status="hold")
    service.check()
    (found,) = service.call("GET", "/v1/holds").json()["holds"]
    assert [reason["code"] for reason in found["reasons"]] == ["customer_hold", "over_limit"]
    assert (found["order"], found["amount"], found["state"]) == ("SO-1", "300.00", "pending")
    assert service.call("GET", "/v1/holds", key=service.other_key).json()["holds"] == []
    assert service.call("GET", "/v1/holds?state=released").json()["holds"] == []
    problem(service.call("GET", "/v1/holds?state=odd"), 422)


def test_the_list_comes_in_pages(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.api.holds._PAGE", 2)
    for number in range(3):
        service.check(order=f"SO-{number}")
    first = service.call("GET", "/v1/holds").json()
    rest = service.call("GET", f"/v1/holds?before={first['before']}").json()
    assert [one["id"] for one in first["holds"] + rest["holds"]] == [3, 2, 1] and rest["before"] is None


def test_a_user_with_the_right_releases_and_the_order_passes(service: Service) -> None:
    service.check()
    done = decide(service, "release", code="secured", user="31", note="guarantee", days=3).json()
    assert (done["missing_signatures"], done["hold"]["state"]) == (0, "released")
    assert (done["hold"]["released_by"], done["hold"]["released_amount"]) == ("Di", "300.00")
    assert service.check().json()["decision"] != "hold"
    assert service.bench.line(1).reserved == 30_000
    problem(decide(service, "release", code="secured", user="31"), 409)


def test_a_user_without_the_right_or_a_stranger_decides_nothing(service: Service) -> None:
    service.check()
    user(service, "77", "sal@example.com")
    user(service, "78", "gone@example.com", active=False)
    assert (
        "Sal (sales) may not" in problem(decide(service, "release", code="secured", user="77"), 403)["detail"]
    )
    for stranger in ("78", "99"):
        problem(decide(service, "release", code="secured", user=stranger), 403)
    problem(decide(service, "reject", reason="no"), 403)
    assert service.bench.holds()[0].state == "pending"


def test_a_key_may_decide_in_the_name_of_its_actor(service: Service) -> None:
    known = service.runtime.connections
    service.key = known.issue_key(known.get("zoho"), label="robot", scopes=("check", "decide"), actor="Di")
    service.check()
    assert decide(service, "reject", reason="pays nobody").json()["hold"]["state"] == "rejected"
    body = service.check().json()
    assert (body["decision"], body["reasons"][-1]["code"]) == ("hold", "order_rejected")
    assert [act for act, *_ in service.bench.acts()].count("order_rejected") == 1


def test_what_does_not_fit_is_refused_with_a_reason(service: Service) -> None:
    service.check()
    for body in (
        {"code": "because", "user": "31"},
        {"code": "secured", "user": "31", "days": 31},
        {"code": "secured", "user": "31", "amount": "1.00"},
        {"code": "secured", "user": "31", "amount": "300.001"},
        {"code": "secured", "user": "31", "until": "2026-01-01"},
        {"user": "31"},
    ):
        problem(decide(service, "release", **body), 422)
    problem(decide(service, "reject", reason="  ", user="31"), 422)
    problem(decide(service, "release", 99, code="secured", user="31"), 404)
    other = service.runtime.connections.issue_key(
        service.runtime.connections.get("fxiaoke"), label="b", scopes=("decide",), actor="Di"
    )
    answer = service.call("POST", "/v1/holds/1/release", key=other, json={"code": "secured"})
    problem(answer, 404)


def test_a_panel_is_told_class_use_ageing_and_the_next_visit(service: Service) -> None:
    service.bench.change_line(1, limit_minor=100_000, exposure=42_000)
    today = dt.datetime.now(dt.UTC).date()
    rows = [("current", 5), ("1-30", -1), ("1-30", -30), ("31-60", -31), ("61-90", -90), ("90+", -91)]
    seen = {"digest": "d", "first_seen": service.bench.now, "last_seen": service.bench.now}
    with service.bench.store.write() as tx:
        for number, (_, days) in enumerate(rows):
            due = today + dt.timedelta(days=days)
            tx.execute(
                invoice.insert().values(
                    connection_id=1, external_id=str(number), account_id="A1", amount=1_000, currency="CNY",
                    issued_on=due - dt.timedelta(days=30), due_on=due, paid=0, state="open", **seen,
                )
            )  # fmt: skip
        tx.execute(
            visit.insert().values(
                key="v", customer_id=1, connection_id=1, account_id="A1", due_on=today, reason="visit_class",
                priority="normal", state="planned", created_at=service.bench.now,
            )
        )  # fmt: skip
    body = service.call("GET", "/v1/customers/A1/credit").json()
    assert {one["days"]: one["amount"] for one in body["ageing"]} == {
        "current": "10.00", "1-30": "20.00", "31-60": "10.00", "61-90": "10.00", "90+": "10.00",
    }  # fmt: skip
    assert (body["utilisation"], body["next_visit"], body["signals"]) == ("42.0", today.isoformat(), [])
    assert (body["risk_class"], body["next_review"]) == (None, None), "not assessed yet"
