"""Decisions made inside the CRM, and what the CRM is told of holds."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from connector.config import CrmUser
from connector.gate.crm import heed
from connector.gate.decisions import reject, release
from connector.gate.review import review
from connector.gate.telling import tell
from connector.store.tables import outbox
from tests.gate_bench import BANDS, CROWD, GateBench, terms

PEOPLE = [CrmUser(connection="zoho", user="31", who="Ma"), CrmUser(connection="zoho", user="77", who="Sal")]


@pytest.fixture
def bench(tmp_path: Path) -> GateBench:
    """SO-1 of 1,500.00 is on hold, 500.00 over the limit, and known from the CRM as a draft."""
    made = GateBench.ruled(tmp_path, CROWD, approvals=BANDS)
    made.customer(limit=100_000)
    made.check("1500.00")
    made.pull(made.order("1", 150_000, number="SO-1", stage="draft", modified_at=made.now))
    return made


def says(bench: GateBench, decision: str | None, user: str | None) -> None:
    """A user sets the field, and the order is read again."""
    bench.later(minutes=5)
    bench.pull(
        bench.order(
            "1", 150_000, number="SO-1", stage="draft", modified_at=bench.now, decision=decision,
            decided_by=user,
        )
    )  # fmt: skip


def heeded(bench: GateBench) -> tuple[int, int]:
    done = heed(bench.gate, PEOPLE, {1}, "other", bench.now)
    return done.honoured, done.refused


def queued(bench: GateBench, target: str) -> list[dict[str, Any]]:
    with bench.store.read() as tx:
        rows = tx.execute(sa.select(outbox).where(outbox.c.target == target).order_by(outbox.c.id)).all()
    return [orjson.loads(row.payload) | {"key": row.key} for row in rows]


@pytest.mark.parametrize(("decision", "state"), [("release", "released"), ("reject", "rejected")])
def test_a_user_with_the_right_decides_in_the_crm_and_the_field_is_emptied(
    bench: GateBench, decision: str, state: str
) -> None:
    says(bench, decision, "31")
    assert heeded(bench) == (1, 0)
    assert bench.hold().state == state
    assert [one["credit_decision"] for one in queued(bench, "order")] == [None]
    assert heeded(bench) == (0, 0), "one setting of the field counts once"
    actors = [row.actor for row in _journal(bench) if row.act == f"order_{state}"]
    assert actors == ["Ma"]


@pytest.mark.parametrize(
    ("user", "why"), [("77", "may not release"), ("99", "nobody is known"), (None, "nobody")]
)
def test_a_user_without_the_right_is_put_back_and_told(bench: GateBench, user: str | None, why: str) -> None:
    says(bench, "release", user)
    assert heeded(bench) == (0, 1)
    assert bench.hold().state == "pending"
    (note,) = queued(bench, "note")
    assert why in note["text"]["en"] and "SO-1" in note["title"]["zh"]
    assert len(queued(bench, "order")) == 1
    assert heeded(bench) == (0, 0)
    says(bench, None, None)
    says(bench, "release", "31")
    assert heeded(bench) == (1, 0), "a later word counts"


def test_a_word_on_an_order_that_is_not_held_is_put_back_without_ado(bench: GateBench) -> None:
    bench.change_line(1, limit_minor=150_000)
    review(bench.gate, bench.now)
    says(bench, "release", "31")
    assert (heeded(bench), queued(bench, "note")) == ((0, 0), [])
    assert len(queued(bench, "order")) == 1


def test_above_the_band_the_first_word_in_the_crm_waits_for_a_second(tmp_path: Path) -> None:
    bench = GateBench.ruled(tmp_path, CROWD, approvals=BANDS)
    bench.customer(limit=100)
    bench.check("200000.00")
    people = [CrmUser(connection="zoho", user=name, who=name) for name in ("Bo", "Bea")]
    for name, state in (("Bo", "pending"), ("Bea", "released")):
        bench.later(minutes=5)
        bench.pull(
            bench.order(
                "1", 20_000_000, number="SO-1", stage="draft", modified_at=bench.now, decision="release",
                decided_by=name,
            )
        )  # fmt: skip
        assert heed(bench.gate, people, (), "other", bench.now).honoured == 1
        assert bench.hold().state == state


# ── What the CRM is told ───────────────────────────────────────────────────────────────────────


def told(bench: GateBench, users: dict[str, str] | None = None) -> int:
    known = users or {}
    return tell(bench.gate, {1}, {1}, lambda source, who: known.get(who), "en", bench.now)


def test_each_round_and_state_leaves_one_note_with_the_reasons(bench: GateBench) -> None:
    told(bench)
    told(bench)
    (note,) = queued(bench, "note")
    assert "over the room left" in note["text"]["en"] and note["account_id"] == "A1"
    reject(bench.gate, 1, reason="no", actor="Di", now=bench.now)
    told(bench)
    bench.check("1400.00")
    told(bench)
    release(bench.gate, 1, terms(), actor="Ma", now=bench.now)
    told(bench)
    titles = [one["title"]["en"] for one in queued(bench, "note")]
    assert [title.split(" ", 2)[2] for title in titles] == [
        "is on credit hold", "was rejected", "is on credit hold", "was released",
    ]  # fmt: skip


def test_the_task_goes_to_who_may_release_and_is_done_when_the_hold_ends(bench: GateBench) -> None:
    told(bench, {"Sal": "77", "Ma": "31"})
    (task,) = queued(bench, "visit")
    assert (task["owner_id"], task["status"], task["priority"]) == ("31", "planned", "high")
    assert "SO-1" in task["subject"] and task["credit_key"] == task["key"]
    assert task["due_on"] == (bench.now.date() + dt.timedelta(days=1)).isoformat()
    release(bench.gate, 1, terms(), actor="Ma", now=bench.now)
    told(bench, {"Ma": "31"})
    assert [one["status"] for one in queued(bench, "visit")] == ["done"]


def test_holds_from_before_are_not_told_of(bench: GateBench) -> None:
    release(bench.gate, 1, terms(), actor="Ma", now=bench.now)
    assert told(bench, {"Ma": "31"}) == 0
    assert queued(bench, "note") == []


def _journal(bench: GateBench) -> list[Any]:
    from connector.store import journal

    with bench.store.read() as tx:
        return journal.entries(tx)
