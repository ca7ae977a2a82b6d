"""Credit reviews: opened once, prepared, approved by others, escalated, counted by the calendar."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connector.reviews import planning
from connector.store import signals, tellings
from connector.store.signal_tables import deed
from connector.store.tables import customer, outbox
from tests.cli_home import POLICY, Home, Run, make_home

START = dt.date(2026, 3, 2)
NOON = dt.datetime.combine(START, dt.time(12), dt.UTC)
RULES = """\
approvals:
  limit:
    - {up_to: 100_000, role: controller}
    - {role: board, signers: 3}
reviews:
  open_days: 10
  escalate_days: 7
  checklist:
    - {key: statements}
    - {key: stock, say: {zh: 库存, en: Stock seen}, required: false}
"""
WHY = ("--reason", "yearly review")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = make_home(tmp_path, monkeypatch)
    made.connect()
    (made.folder / "policies" / "standard.yaml").write_text(POLICY + RULES, encoding="utf-8")
    on(monkeypatch, 0)
    return made


def on(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    monkeypatch.setenv("CREDITGATE_AS_OF", (START + dt.timedelta(days=days)).isoformat())


def known(home: Home, name: str = "Hengda Metal") -> int:
    """A customer seen on the first day and assessed; class B: a review every 90 days."""
    number = home.customer(name, assessed=False)
    seen = dt.datetime.combine(START, dt.time(8), dt.UTC)
    with home.opened() as runtime, runtime.store.write() as tx:
        tx.execute(customer.update().where(customer.c.id == number).values(created_at=seen))
    assert home.run("assess").code == 0
    return number


def ask(home: Home, *args: str) -> Run:
    return home.run("review", *args)


def shown(home: Home, number: int = 1) -> Any:
    return ask(home, "show", str(number)).json


def prepared(home: Home, *wish: str, actor: str = "Lin") -> int:
    number = known(home)
    assert ask(home, "open", str(number), *WHY, "--actor", actor).code == 0
    assert ask(home, "check", "1", "statements", "--note", "2025 audited", "--actor", actor).code == 0
    done = ask(home, "recommend", "1", *wish, *WHY, "--actor", actor)
    assert done.code == 0, done.err
    return number


def test_the_calendar_opens_a_due_review_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    number = known(home)
    assert "0 reviews opened" in ask(home, "plan").err
    on(monkeypatch, 80)
    assert "1 reviews opened" in ask(home, "plan").err and "0 reviews opened" in ask(home, "plan").err
    (row,) = home.rows("review", "list")
    assert (row["customer_id"], row["origin"]) == (number, "calendar")
    assert row["due_on"] == (START + dt.timedelta(days=90)).isoformat()
    assert "live already" in ask(home, "open", str(number), *WHY).err
    assert len(home.journal("review_opened")) == 1


def test_a_day_that_has_passed_before_the_calendar_could_open_it_gets_time(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(home)
    on(monkeypatch, 200)
    assert "1 reviews opened" in ask(home, "plan").err and "0 became overdue" in ask(home, "plan").err
    assert shown(home)["due_on"] == (START + dt.timedelta(days=214)).isoformat()
    on(monkeypatch, 215)
    assert "1 became overdue" in ask(home, "plan").err


def test_an_approved_review_sets_the_next_one_and_a_closed_one_does_not(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(home)
    on(monkeypatch, 85)
    ask(home, "plan")
    assert ask(home, "close", "1", "--reason", "wrong day").code == 0
    assert "1 reviews opened" in ask(home, "plan").err
    ask(home, "check", "2", "statements", "--note", "seen")
    ask(home, "recommend", "2", *WHY, "--actor", "Lin")
    assert ask(home, "approve", "2", "--actor", "Wang").code == 0
    assert home.run("assess").code == 0
    assert "0 reviews opened" in ask(home, "plan").err
    on(monkeypatch, 85 + 79)
    assert "0 reviews opened" in ask(home, "plan").err
    on(monkeypatch, 85 + 80)
    assert "1 reviews opened" in ask(home, "plan").err


def test_nobody_approves_what_they_recommended(home: Home) -> None:
    number = prepared(home, "--amount", "50000", "--hold")
    for spelling in ("Lin", " LIN", "Ｌｉｎ"):
        refused = ask(home, "approve", "1", "--actor", spelling)
        assert refused.code == 2 and "somebody else" in refused.err
    assert home.rows("limit", "history", "--customer", str(number)) == []
    assert ask(home, "approve", "1", "--actor", "Wang", "--note", "agreed").code == 0
    (entry,) = home.rows("limit", "history", "--customer", str(number))
    assert (entry["amount"], entry["actor"]) == ("50000.00", "Lin")
    assert [one["reason"] for one in home.journal("hold_placed")] == ["review 1: yearly review"]
    found = shown(home)
    assert (found["state"], found["reviewed_on"]) == ("approved", START.isoformat())
    again = ask(home, "approve", "1", "--actor", "Zhao")
    assert again.code == 2 and "approved" in again.err
    assert len(home.rows("limit", "history", "--customer", str(number))) == 1


def test_a_large_limit_takes_as_many_signers_as_its_band_says(home: Home) -> None:
    number = prepared(home, "--amount", "2000000")
    assert shown(home)["needs"] == 2
    assert "1 of 2" in ask(home, "approve", "1", "--actor", "Wang").err
    assert ask(home, "approve", "1", "--actor", "wang").code == 2
    assert home.rows("limit", "history", "--customer", str(number)) == []
    assert ask(home, "approve", "1", "--actor", "Zhao").code == 0
    assert len(home.rows("limit", "history", "--customer", str(number))) == 1


def test_only_a_role_that_signs_for_the_amount_approves(home: Home) -> None:
    roles = [("Lin", "analyst", ""), ("Wang", "approver", "controller"), ("Zhao", "approver", "board")]
    text = (home.folder / "creditgate.toml").read_text(encoding="utf-8")
    for who, role, title in roles:
        text += f'\n[[roles]]\nwho = "{who}"\nrole = "{role}"\n' + (f'title = "{title}"\n' if title else "")
    (home.folder / "creditgate.toml").write_text(text, encoding="utf-8")
    prepared(home, "--amount", "2000000")
    refused = ask(home, "approve", "1", "--actor", "Wang")
    assert refused.code == 2 and "Zhao" in refused.err
    assert ask(home, "approve", "1", "--actor", "Zhao").code == 0
    assert ask(home, "open", "1", *WHY, "--actor", "Stranger").code == 2


def test_a_recommendation_waits_for_the_checklist_and_is_made_anew_when_declined(home: Home) -> None:
    number = known(home)
    ask(home, "open", str(number), *WHY)
    refused = ask(home, "recommend", "1", *WHY)
    assert refused.code == 2 and "statements" in refused.err
    assert ask(home, "check", "1", "nonsense", "--note", "x").code == 2
    assert ask(home, "check", "1", "statements", "--note", " ").code == 2
    ask(home, "check", "1", "statements", "--not-applicable", "--note", "a ministry")
    assert [one["state"] for one in shown(home)["items"]] == ["not_applicable", "open"]
    assert shown(home)["items"][1]["say"] == {"zh": "库存", "en": "Stock seen"}
    assert ask(home, "recommend", "1", "--class", "Z", *WHY).code == 2
    assert ask(home, "recommend", "1", "--none", *WHY, "--actor", "Lin").code == 0
    assert ask(home, "decline", "1", "--reason", "too hard", "--actor", "Wang").code == 0
    assert ask(home, "approve", "1", "--actor", "Wang").code == 2
    assert ask(home, "recommend", "1", *WHY, "--actor", "Lin").code == 0
    assert ask(home, "approve", "1", "--actor", "Wang").code == 0
    verdicts = [(one["round"], one["verdict"]) for one in shown(home)["verdicts"]]
    assert verdicts == [(1, "decline"), (2, "approve")]
    assert home.rows("limit", "history", "--customer", str(number)) == []


def test_evidence_is_a_file_by_its_hash_or_a_link_once(home: Home, tmp_path: Path) -> None:
    ask(home, "open", str(known(home)), *WHY)
    paper = tmp_path / "statement.pdf"
    paper.write_bytes(b"balance sheet")
    assert ask(home, "attach", "1", "--file", str(paper)).err == "attached\n"
    assert "already" in ask(home, "attach", "1", "--file", str(paper)).err
    assert ask(home, "attach", "1", "--link", "https://files.example.com/1").code == 0
    assert ask(home, "attach", "1", "--link", "javascript:1").code == 2
    assert ask(home, "attach", "1", "--file", str(tmp_path / "none")).code == 2
    file, link = shown(home)["evidence"]
    assert (file["name"], file["bytes"], len(file["key"])) == ("statement.pdf", 13, 64)
    assert (link["kind"], link["key"]) == ("link", "https://files.example.com/1")


def test_an_overdue_review_is_told_once_and_then_handed_up(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(home, "open", str(known(home)), *WHY, "--owner", "Lin", "--due", START.isoformat())
    assert home.rows("review", "list", "--overdue") == []
    on(monkeypatch, 1)
    assert "1 became overdue" in ask(home, "plan").err and "0 became overdue" in ask(home, "plan").err
    (signal,) = home.rows("signal", "list")
    assert (signal["kind"], signal["severity"], signal["key"]) == ("review_overdue", "warning", "1")
    on(monkeypatch, 8)
    assert "1 handed up" in ask(home, "plan").err and "0 handed up" in ask(home, "plan").err
    (signal,) = home.rows("signal", "list")
    assert signal["severity"] == "alarm" and signal["evidence"]["role"] == "controller"
    assert home.rows("review", "list", "--overdue")[0]["owner"] == "controller"
    assert ask(home, "close", "1", "--reason", "sold").code == 0
    assert home.rows("signal", "list") == []


def test_missing_statements_are_asked_for_by_one_task(home: Home) -> None:
    number = known(home)
    ask(home, "open", str(number), *WHY)
    ask(home, "open", str(number), *WHY)
    with home.opened() as runtime, runtime.store.read() as tx:
        rows = tx.execute(sa.select(outbox.c.key).where(outbox.c.target == "visit")).scalars().all()
    assert rows == [shown(home)["asked_for"]] and rows[0].endswith("statements:1")


def test_a_run_that_is_killed_leaves_no_half_case_and_the_next_one_ends_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = known(home, "One"), known(home, "Two")
    on(monkeypatch, 85)
    real = planning.open_within

    def dies(runtime: Any, tx: Any, customer_id: int, **more: Any) -> Any:
        done = real(runtime, tx, customer_id, **more)
        if customer_id == second:
            raise KeyboardInterrupt
        return done

    with home.opened() as runtime:
        monkeypatch.setattr(planning, "open_within", dies)
        with pytest.raises(KeyboardInterrupt):
            planning.plan(runtime)
        monkeypatch.setattr(planning, "open_within", real)
        assert [row["customer_id"] for row in home.rows("review", "list")] == [first]
        assert planning.plan(runtime).opened == 1
    assert [row["customer_id"] for row in home.rows("review", "list")] == [first, second]
    assert len(home.journal("review_opened")) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [("[{key: stock}]", "give it words"), ("[{key: group}, {key: group}]", "more than once")],
)
def test_a_checklist_without_words_or_with_an_item_twice_is_refused(home: Home, text: str, said: str) -> None:
    (home.folder / "policies" / "standard.yaml").write_text(
        POLICY + f"reviews: {{checklist: {text}}}\n", encoding="utf-8"
    )
    refused = home.run("policy", "lint", str(home.folder / "policies" / "standard.yaml"))
    assert refused.code == 2 and said in refused.out + refused.err


def test_a_signal_that_asks_for_a_review_opens_one_or_is_served_by_the_one_that_is_live(home: Home) -> None:
    first, second = known(home, "One"), known(home, "Two")
    ask(home, "open", str(second), *WHY)
    with home.opened() as runtime, runtime.store.write() as tx:
        for number in (first, second):
            raised = signals.raise_signal(
                tx, customer_id=number, kind="rating_changed", severity="warning", evidence={}, now=NOON
            )
            tellings.want(tx, [(int(raised or 0), "review")], NOON)
    assert "1 reviews opened" in ask(home, "plan").err and "0 reviews opened" in ask(home, "plan").err
    rows = {row["customer_id"]: row for row in home.rows("review", "list")}
    assert (rows[first]["origin"], rows[second]["origin"]) == ("event", "person")
    assert rows[first]["due_on"] == (START + dt.timedelta(days=14)).isoformat()
    with home.opened() as runtime, runtime.store.read() as tx:
        assert tellings.wanted(tx, ["review"]) == []
        states = tx.execute(sa.select(deed.c.detail).order_by(deed.c.signal_id)).scalars().all()
    assert states == ["review 2 is opened", "review 1 is live already"]


def test_a_signal_that_ended_opens_no_review(home: Home) -> None:
    number = known(home)
    with home.opened() as runtime, runtime.store.write() as tx:
        raised = signals.raise_signal(
            tx, customer_id=number, kind="rating_changed", severity="warning", evidence={}, now=NOON
        )
        tellings.want(tx, [(int(raised or 0), "review")], NOON)
        signals.settle(tx, number, "rating_changed", NOON)
    assert "0 reviews opened" in ask(home, "plan").err and home.rows("review", "list") == []
