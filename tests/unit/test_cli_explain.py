"""``explain``, ``replay`` and ``assess --as-of``: told for sales, told for audit, and told again."""

from __future__ import annotations

import zlib
from pathlib import Path

import orjson
import pytest
import sqlalchemy as sa

from connector.store.tables import assessment, outbox, policy_version
from tests.cli_home import Home
from tests.portfolio import RULES, buyer, policy_file, portfolio


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = portfolio(tmp_path, monkeypatch)
    buyer(made, "Hengda Metal", sales=10_000_000, owes=5_000_000)
    buyer(made, "Late Trading", sales=10_000_000, owes=2_000_000, late=40)
    assert made.run("assess").code == 0
    return made


def test_the_account_ends_with_the_smallest_changes(home: Home) -> None:
    told = home.run("explain", "2", "--language", "en").out
    assert "Smallest changes that would help" not in told  # class A already: late payment makes no class here
    held = home.run("explain", "2", "--order", "100", "--language", "en")
    assert held.code == 1
    assert "An order of 100.00 CNY: hold" in held.out
    assert "  the overdue 20,000.00 CNY is paid" in held.out


def test_sales_gets_sentences_it_can_act_on(home: Home) -> None:
    held = home.run("explain", "Late Trading", "--for", "sales", "--order", "100", "--language", "en")
    assert held.out.splitlines() == [
        "Late Trading: an order of 100.00 CNY would be held.",
        "Why: The customer is on hold; 20,000.00 CNY overdue, the oldest for 40 days.",
        "It would pass if the overdue 20,000.00 CNY is paid.",
    ]
    chinese = home.run("explain", "Late Trading", "--for", "sales", "--order", "100", "--language", "zh")
    assert "要通过，需要：付清逾期的 20,000.00 CNY。" in chinese.out
    fine = home.run("explain", "1", "--for", "sales", "--order", "100", "--language", "en")
    assert (fine.code, fine.out) == (0, "Hengda Metal: an order of 100.00 CNY passes.\n")


def test_an_order_over_the_room_tells_how_much_to_pay_first(home: Home) -> None:
    limit = next(row for row in home.rows("customer", "list") if row["id"] == 1)["limit"]
    amount = f"{float(limit) - 40_000:.2f}"  # 50,000.00 are open
    held = home.run("explain", "1", "--order", amount, "--for", "sales", "--language", "en")
    assert held.code == 1
    assert "if 10,000.00 CNY of what is open is paid; or" in held.out


def test_a_group_that_is_the_bottleneck_counts_as_well(home: Home) -> None:
    why = ("--reason", "x", "--actor", "Lin")
    home.run("group", "create", "Holding")
    home.run("limit", "set", "--group", "1", "--amount", "45000", *why)
    home.run("customer", "group", "1", "--set", "Holding", "--share", "50%", *why[2:])
    fits = home.run("explain", "1", "--order", "40000", "--for", "sales", "--language", "en")
    assert fits.code == 0, fits.out  # half of 50,000 and half of 40,000 are 45,000
    held = home.run("explain", "1", "--order", "40001", "--for", "sales", "--language", "en")
    assert held.code == 1 and "room left to the group" in held.out
    assert (
        held.out.splitlines()[-1] == "It would pass if 0.99 CNY of what is open is paid."
    )  # half of it rounds to 0.50
    nothing = home.run("explain", "1", "--order", "100000", "--for", "sales", "--language", "en")
    assert nothing.out.splitlines()[-1].startswith("No one or two changes would be enough")


def test_explaining_an_order_reserves_nothing(home: Home) -> None:
    before = home.rows("customer", "list")
    home.run("explain", "1", "--order", "1000")
    assert home.rows("customer", "list") == before


def test_audit_gets_every_step_with_source_and_what_was_not_known(home: Home) -> None:
    account = home.run("explain", "2", "--for", "audit", "--format", "json", "--language", "en").json
    assert account["risk_class"] == "A" and account["status"] == "hold"
    assert len(account["policy_hash"]) == len(account["facts_sha256"]) == 64
    steps = {step["rule"]: step for step in account["steps"]}
    late = steps["scorecard.overdue_days_max"]
    assert (late["value"], late["source"], late["effect"]) == (40, "invoices", "+0.00 / 50.00")
    assert (late["age_days"], late["freshness"]) == (0, "fresh") and "status.overdue_hold" in steps
    assert "debt_ratio" in account["unknown"]
    overdue = next(one for one in account["facts"] if one["fact"] == "overdue_amount")
    assert (overdue["value"], overdue["source"], overdue["freshness"]) == (2_000_000, "invoices", "fresh")
    assert {one["fact"] for one in account["facts"]}.isdisjoint(account["unknown"])
    table = home.run("explain", "2", "--for", "audit").out
    assert account["facts_sha256"][:20] in table.replace("\n", "") and "scorecard.overdue_days_max" in table
    csv = home.run("explain", "2", "--for", "audit", "--format", "csv").out.splitlines()
    assert csv[0].startswith("chapter,rule,fact,value,source,dated,age_days,freshness,effect")


def test_the_class_is_lifted_by_the_change_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = RULES.replace("{name: A, from: 50,", "{name: A, from: 60,").replace("below: 50,", "below: 60,")
    home = portfolio(tmp_path, monkeypatch, rules)
    buyer(home, "Late Trading", sales=10_000_000, owes=2_000_000, late=10)
    home.run("assess")
    told = home.run("explain", "1", "--for", "sales", "--language", "en").out
    assert "risk class B" in told
    assert "A better class would follow if the overdue 20,000.00 CNY is paid." in told


def test_a_replay_is_the_same_byte_for_byte(home: Home) -> None:
    done = home.run("replay", "1")
    assert (done.code, done.out) == (0, "assessment 1: the same, byte for byte\n")
    assert home.run("replay", "2", "--format", "json").json["same"] is True


def test_a_replay_that_differs_says_where(home: Home) -> None:
    with home.opened() as runtime, runtime.store.write() as tx:
        kept = orjson.loads(
            zlib.decompress(
                tx.execute(sa.select(assessment.c.outcome).where(assessment.c.id == 2)).scalar_one()
            )
        )
        kept["limit"] += 1
        kept["reasons"][0][1]["overdue_days_max"] = 41
        forged = zlib.compress(orjson.dumps(kept, option=orjson.OPT_SORT_KEYS))
        tx.execute(sa.update(assessment).where(assessment.c.id == 2).values(outcome=forged))
    done = home.run("replay", "2", "--format", "json")
    assert done.code == 1
    places = [one["where"] for one in done.json["differences"]]
    assert places == ["limit", "reasons[0][1].overdue_days_max"]
    table = home.run("replay", "2")
    assert table.code == 1 and "a different outcome" in table.out and "overdue_days_max" in table.out


def test_a_replay_uses_the_policy_that_was_kept_not_the_one_in_force(home: Home) -> None:
    policy_file(home).write_text(RULES.replace("value: 30", "value: 90"), encoding="utf-8")
    assert home.run("replay", "2").code == 0
    assert home.run("assess").code == 0
    assert home.run("replay", "2").code == home.run("replay", "4").code == 0


def test_an_assessment_of_a_version_with_other_defaults_is_replayed_under_its_own_hash(home: Home) -> None:
    old = "0" * 64
    with home.opened() as runtime, runtime.store.write() as tx:
        row = tx.execute(sa.select(assessment).where(assessment.c.id == 1)).one()
        outcome = zlib.decompress(row.outcome).replace(row.policy_hash.encode(), old.encode())
        tx.execute(sa.update(policy_version).values(hash=old))
        tx.execute(
            sa.update(assessment)
            .where(assessment.c.id == 1)
            .values(outcome=zlib.compress(outcome), policy_hash=old)
        )
    assert home.run("replay", "1").code == 0


def test_what_never_was_cannot_be_replayed(home: Home) -> None:
    done = home.run("replay", "99")
    assert done.code == 2 and "no assessment 99" in done.err


def test_another_day_never_touches_what_is_stored_or_pushed(home: Home) -> None:
    def stored() -> tuple[object, ...]:
        with home.opened() as runtime, runtime.store.read() as tx:
            return tuple(tx.execute(sa.select(table)).all() for table in (assessment, outbox, policy_version))

    before = stored()
    rows = home.rows("assess", "--as-of", "2027-06-30")
    assert {row["status"] for row in rows} == {"hold"}  # by then both are overdue
    assert stored() == before
