"""Visits, promises and figures on PostgreSQL: what SQLite shows in the unit tests holds there, too."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import sqlalchemy as sa

from connector.model import VisitResult, VisitState
from connector.store import visits
from connector.store.record_tables import account
from connector.store.tables import visit
from tests.kpi_home import at, bill, decided, held_order, kpi_home, of, on, owned, seen, shown, signal

pytestmark = pytest.mark.postgres


def test_a_month_of_visits_holds_signals_reviews_and_debts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    rules = "visits: {per_week: 2, by_status: {ok: 5, watch: 5, hold: 5, stop: 5}}\n"
    home = kpi_home(tmp_path, monkeypatch, rules=rules, database_url=postgres_url)
    number = owned(home, "Hengda", (at(1, month=1), "u1"))
    bill(home, number, "late", 25_000, dt.date(2026, 2, 1))
    bill(home, number, "open", 75_000, dt.date(2026, 5, 1))
    with home.opened() as runtime, runtime.store.write() as tx:
        tx.execute(account.update().values(owner_id="u1"))
    on(monkeypatch, dt.date(2026, 3, 2))
    for command in (("assess",), ("visit", "plan")):
        assert home.run(*command).code == 0
    with home.opened() as runtime, runtime.store.write() as tx:
        (row,) = tx.execute(sa.select(visit)).all()
        told = VisitResult(external_id="t", key=row.key, state=VisitState.DONE, closed_at=at(4))
        visits.settle(tx, 1, [told.model_copy(update={"promised_on": dt.date(2026, 3, 20)})], at(5))
    why = ("--reason", "yearly", "--actor", "Lin Fang")
    assert home.run("review", "open", str(number), "--due", "2026-03-10", *why).code == 0
    signal(home, number, "dispute", at(3, 8), deadline=dt.date(2026, 3, 20))
    held_order(home, "SO-1", at(2, 9), number)
    decided(home, "SO-1", "released", "Wang Lei", at(2, 15))
    on(monkeypatch, dt.date(2026, 4, 1))
    (promised,) = home.rows("promise", "list", "--state", "all")
    assert (promised["amount"], promised["due_on"]) == ("250.00", "2026-03-20")
    rows = seen(home)
    chen, wang, nobody = (of(rows, who) for who in ("Chen Yu", "Wang Lei", None))
    assert shown(chen, "exposure", "overdue", "overdue_percent") == ["1000.00", "250.00", "25.0"]
    assert shown(chen, "visits_due", "visits_done", "visits_over_capacity") == ["1", "1", "0"]
    assert shown(wang, "hold_hours", "overrides", "overrides_overdue") == ["6.0", "1", "1"]
    assert shown(nobody, "reviews_due", "reviews_overdue", "signals_waiting") == ["1", "1", "1"]
    assert home.run("audit", "verify").code == 0
