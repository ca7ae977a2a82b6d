"""Limits that others must agree to, and limits that come and go by the calendar."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest

from connector.model import OrderStage
from connector.rules.entries import edges, holds_on, last_day
from connector.store.lines import GROUP
from tests.check_bench import Bench
from tests.check_bench import policy as check_policy
from tests.cli_home import NOW, POLICY, Home, Run, make_home
from tests.rules_bench import (
    TODAY,
    assess,
    content,
    day,
    dossier,
    facts,
    invoice,
    limit_entry,
    policy,
)

BANDS = """\
approvals:
  limit:
    - {up_to: 100_000, role: controller}
    - {up_to: 1_000_000, role: director, signers: 2}
    - {role: board, signers: 3}
  request_days: 10
"""
START = NOW.date()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("CREDITGATE_AS_OF", START.isoformat())
    made = make_home(tmp_path, monkeypatch)
    made.connect()
    (made.folder / "policies" / "standard.yaml").write_text(POLICY + BANDS, encoding="utf-8")
    return made


def ask(home: Home, number: int, *args: str, actor: str = "Lin") -> Run:
    return home.run(
        "limit", "request", "--customer", str(number), *args, "--reason", "new plant", "--actor", actor
    )


def requests(home: Home, state: str = "all") -> list[tuple[int, str]]:
    return [(row["id"], row["state"]) for row in home.rows("limit", "list", "--state", state)]


def entries(home: Home, number: int) -> list[tuple[str, str | None, str]]:
    rows = home.rows("limit", "history", "--customer", str(number))
    return [(row["kind"], row["amount"], row["phase"]) for row in rows]


def test_a_limit_above_a_band_is_not_set_by_one_person(home: Home) -> None:
    number = home.customer("Hengda Metal")
    why = ("--reason", "x", "--actor", "Lin")
    refused = home.run("limit", "set", "--customer", str(number), "--amount", "100000.01", *why)
    assert refused.code == 2 and "limit request" in refused.err
    assert home.run("limit", "set", "--customer", str(number), "--unlimited", *why).code == 2
    assert home.run("limit", "set", "--customer", str(number), "--amount", "100000", *why).code == 0
    assert entries(home, number) == [("base", "100000.00", "in force")]


def test_the_same_person_never_approves_its_own_request(home: Home) -> None:
    number = home.customer("Hengda Metal")
    assert ask(home, number, "--amount", "500000").code == 0
    for spelling in ("Lin", "LIN", " lin  ", "Ｌｉｎ"):
        refused = home.run("limit", "approve", "1", "--actor", spelling)
        assert refused.code == 2 and "somebody else" in refused.err
    assert entries(home, number) == [] and requests(home) == [(1, "pending")]
    assert home.run("limit", "approve", "1", "--actor", "Wang", "--note", "seen the plant").code == 0
    assert entries(home, number) == [("base", "500000.00", "in force")]
    row = home.rows("limit", "history", "--customer", str(number))[0]
    assert (row["request"], row["actor"]) == (1, "Lin")
    entry = home.journal("limit_approved")[0]
    assert (entry["actor"], entry["note"]) == ("Wang", "seen the plant")


def test_the_highest_band_takes_two_different_persons(home: Home) -> None:
    number = home.customer("Hengda Metal")
    ask(home, number, "--amount", "2000000")
    assert "1 of 2" in home.run("limit", "approve", "1", "--actor", "Wang").err
    again = home.run("limit", "approve", "1", "--actor", "wang")
    assert again.code == 2 and "already" in again.err
    assert entries(home, number) == []
    assert home.run("limit", "approve", "1", "--actor", "Zhao").code == 0
    assert [phase for _, _, phase in entries(home, number)] == ["in force"]


def test_a_request_below_every_band_is_set_at_once(home: Home) -> None:
    number = home.customer("Hengda Metal")
    assert "nobody else" in ask(home, number, "--amount", "50000").err
    assert entries(home, number) == [("base", "50000.00", "in force")]
    assert requests(home, "approved") == [(1, "approved")] and requests(home, "pending") == []


def test_a_declined_request_sets_nothing_and_cannot_be_approved(home: Home) -> None:
    number = home.customer("Hengda Metal")
    ask(home, number, "--amount", "500000")
    assert home.run("limit", "decline", "1", "--reason", "no", "--actor", "Wang").code == 0
    refused = home.run("limit", "approve", "1", "--actor", "Zhao")
    assert refused.code == 2 and "declined" in refused.err
    assert entries(home, number) == [] and home.journal("limit_declined")[0]["note"] == "no"


def test_a_request_that_nobody_decides_lapses(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    number = home.customer("Hengda Metal")
    ask(home, number, "--amount", "500000")
    monkeypatch.setenv("CREDITGATE_AS_OF", (START + dt.timedelta(days=10)).isoformat())
    assert requests(home) == requests(home, "expired") == [(1, "expired")]
    late = home.run("limit", "approve", "1", "--actor", "Wang")
    assert late.code == 2 and "expired" in late.err
    assert entries(home, number) == []


def test_a_request_approved_after_its_first_day_begins_then(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = home.customer("Hengda Metal")
    end = (START + dt.timedelta(days=4)).isoformat()
    ask(home, number, "--amount", "500000", "--kind", "temporary", "--to", end)
    ask(home, number, "--amount", "400000", "--kind", "temporary", "--to", START.isoformat())
    later = (START + dt.timedelta(days=3)).isoformat()
    monkeypatch.setenv("CREDITGATE_AS_OF", later)
    assert home.run("limit", "approve", "1", "--actor", "Wang").code == 0
    row = home.rows("limit", "history", "--customer", str(number))[0]
    assert (row["valid_from"], row["valid_to"]) == (later, end)
    over = home.run("limit", "approve", "2", "--actor", "Wang")
    assert over.code == 2 and "would have ended" in over.err


def test_what_only_lowers_a_limit_needs_nobody(home: Home) -> None:
    number = home.customer("Hengda Metal")
    ask(home, number, "--amount", "900000")
    home.run("limit", "approve", "1", "--actor", "Wang")
    why = ("--reason", "x", "--actor", "Lin")
    lower = home.run("limit", "set", "--customer", str(number), "--amount", "800000", *why)
    assert lower.code == 0, lower.err
    assert home.run("limit", "set", "--customer", str(number), "--amount", "900000", *why).code == 2


def test_a_limit_of_another_currency_is_measured_in_the_policys(home: Home) -> None:
    with (home.folder / "rates.csv").open("a") as rates:
        rates.write("JPY,2020-01-01,0.05\n")
    number = home.customer("Hengda Metal")
    why = ("--customer", str(number), "--currency", "JPY", "--reason", "x", "--actor", "Lin")
    assert home.run("limit", "set", "--amount", "2000001", *why).code == 2
    assert home.run("limit", "set", "--amount", "2000000", *why).code == 0


def test_seasons_and_insured_amounts_are_kept_as_they_were_said(home: Home) -> None:
    number = home.customer("Hengda Metal")
    why = ("--customer", str(number), "--reason", "x", "--actor", "Lin")
    assert home.run("limit", "seasonal", "--amount", "90000", "--season", "11-01", "01-31", *why).code == 0
    assert home.run("limit", "insured", "--amount", "50000", "--cover", "90%", *why).code == 0
    assert home.run("limit", "guaranteed", "--amount", "70000", *why).code == 0
    rows = {row["kind"]: row for row in home.rows("limit", "history", "--customer", str(number))}
    assert rows["seasonal"]["season"] == "11-01..01-31" and rows["insured"]["cover"] == "90%"
    assert rows["guaranteed"]["cover"] == "100%"
    bad = home.run("limit", "seasonal", "--amount", "1", "--season", "13-01", "01-31", *why)
    assert bad.code == 2 and "no day of the year" in bad.err
    assert home.run("limit", "seasonal", "--amount", "1", *why).code == 2


def test_an_insured_amount_comes_on_top_of_a_groups_limit(home: Home) -> None:
    secured = POLICY.replace("  step: 1000\n", "  step: 1000\n  secured: {insured: 50%}\n")
    (home.folder / "policies" / "standard.yaml").write_text(secured, encoding="utf-8")
    from connector.store import lines

    assert home.run("group", "create", "Holding").code == 0
    why = ("--group", "1", "--reason", "x", "--actor", "Lin")
    home.run("limit", "set", "--amount", "1000", *why)
    home.run("limit", "insured", "--amount", "500", "--cover", "80%", *why)
    with home.opened() as runtime, runtime.store.read() as tx:
        assert lines.read(tx, [(GROUP, 1)])[GROUP, 1].limit_minor == 100_000 + 20_000


SEASON = limit_entry("seasonal", 900_000, season_from="11-01", season_to="01-31", valid_from=day(-900))


@pytest.mark.parametrize(
    ("on", "holds"),
    [("10-31", False), ("11-01", True), ("12-31", True), ("01-31", True), ("02-01", False), ("06-15", False)],
)
def test_a_season_over_the_new_year_holds_every_year(on: str, holds: bool) -> None:
    for year in (2025, 2026):
        assert holds_on(SEASON, dt.date.fromisoformat(f"{year}-{on}")) is holds


def test_a_season_within_a_year_ends_with_the_entry() -> None:
    entry = limit_entry("seasonal", 1, season_from="05-01", season_to="08-31", valid_to=day(3))
    assert holds_on(entry, day(3)) and not holds_on(entry, day(4))
    assert last_day(entry, TODAY) == day(3)
    assert last_day(SEASON, dt.date(2025, 12, 1)) == dt.date(2026, 1, 31)


@pytest.mark.parametrize("year", [2024, 2025])
def test_every_day_on_which_a_season_changes_is_known_beforehand(year: int) -> None:
    for first, last in (("02-29", "03-10"), ("11-20", "02-29"), ("06-01", "06-01")):
        entry = limit_entry("seasonal", 1, season_from=first, season_to=last, valid_from=dt.date(2020, 1, 1))
        at = dt.date(year, 1, 1)
        while at.year == year:
            tomorrow = at + dt.timedelta(days=1)
            if holds_on(entry, at) != holds_on(entry, tomorrow):
                assert tomorrow in set(edges(entry, at)), (first, last, at)
            at = tomorrow


def test_a_temporary_limit_goes_before_a_seasonal_one_and_that_before_the_base_limit() -> None:
    base, season = (
        limit_entry("base", 100),
        limit_entry("seasonal", 300, season_from="06-01", season_to="06-30"),
    )
    short = limit_entry("temporary", 200, valid_to=day(2))
    assert assess(dossier(limits=(base, season, short))).limit == 200
    found = assess(dossier(limits=(base, season)))
    assert found.limit == 300
    assert any("2026-06-30" in str(step.params) for step in found.steps if step.code == "limit_set_amount")
    assert facts(dossier(limits=(base, season))).next_change == dt.datetime(2026, 7, 1, tzinfo=dt.UTC)


SECURED = {"secured": {"insured": Decimal("0.5"), "guaranteed": Decimal(1)}}


def test_of_what_is_insured_the_covered_part_counts_as_far_as_the_policy_says() -> None:
    by = policy(limit={**content()["limit"], **SECURED})
    cover = limit_entry("insured", 100_000, cover_bp=9_000)
    assert assess(dossier(limits=(limit_entry("base", 50_000), cover)), by).limit == 50_000 + 45_000
    assert assess(dossier(limits=(limit_entry("base", 50_000), cover))).limit == 50_000  # policy: nothing
    pledge = limit_entry("guaranteed", 7_000)
    assert assess(dossier(limits=(limit_entry("base", 50_000), cover, pledge)), by).limit == 102_000
    over = limit_entry("insured", 100_000, valid_from=day(-9), valid_to=day(-1))
    assert assess(dossier(limits=(limit_entry("base", 50_000), over)), by).limit == 50_000


def test_a_limit_below_the_exposure_is_allowed_and_holds_what_is_new_never_what_is_delivered(
    tmp_path: Path,
) -> None:
    below = assess(dossier(invoices=(invoice(amount=90_000),), limits=(limit_entry("base", 50_000),)))
    assert (below.limit, below.available) == (50_000, -40_000)
    bench = Bench.on_sqlite(tmp_path, check_policy())
    bench.customer(limit=50_000, exposure=90_000)
    bench.store_order("SO-OLD", 60_000, stage=OrderStage.DELIVERED)
    assert bench.check("100.00", "SO-NEW").decision == "hold"
    assert bench.check("600.00", "SO-OLD", checkpoint="shipment").decision == "pass"
    assert bench.check("600.00", "SO-OLD", checkpoint="invoice").decision == "pass"


def test_what_no_band_holds_nobody_may_grant(home: Home) -> None:
    path = home.folder / "policies" / "standard.yaml"
    path.write_text(
        path.read_text("utf-8").replace("    - {role: board, signers: 3}\n", ""), encoding="utf-8"
    )
    number = home.customer("Hengda Metal")
    refused = ask(home, number, "--amount", "1000000.01")
    assert refused.code == 2 and "nobody grant so much" in refused.err
    assert requests(home) == [] and entries(home, number) == []
