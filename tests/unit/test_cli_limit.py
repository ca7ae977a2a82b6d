"""``limit`` and ``outbox``: what a person decides is kept, with who and why."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import sqlalchemy as sa

from connector.limits import acts as limits
from connector.rules.entries import in_force
from connector.store import limits as entries
from connector.store import lines
from connector.store.lines import CUSTOMER, GROUP, Line
from connector.store.tables import limit_entry, outbox
from tests.cli_home import NOW, Home, Run, make_home

TODAY = NOW.date()
DAY = dt.timedelta(days=1)
WHY = ("--reason", "good payer", "--actor", "Lin")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("CREDITGATE_AS_OF", TODAY.isoformat())  # no test stumbles over midnight
    made = make_home(tmp_path, monkeypatch)
    made.connect()
    return made


def set_(home: Home, *args: str) -> Run:
    return home.run("limit", "set", *args, *WHY)


def temporary(home: Home, *args: str) -> Run:
    return home.run("limit", "temporary", *args, *WHY)


def phases(home: Home, *args: str) -> list[tuple[str, str | None, str]]:
    return [(row["kind"], row["amount"], row["phase"]) for row in home.rows("limit", "history", *args)]


def group_line(home: Home, number: int = 1) -> Line | None:
    with home.opened() as runtime, runtime.store.read() as tx:
        return lines.read(tx, [(GROUP, number)]).get((GROUP, number))


def own_line(home: Home, number: int, exposure: int, currency: str = "CNY") -> None:
    with home.opened() as runtime, runtime.store.write() as tx:
        line = Line(CUSTOMER, number, currency, "amount", 1_000_000, exposure, "ok")
        lines.save(tx, [line], runtime.rates, TODAY)


def test_a_base_limit_is_kept_with_who_and_why_and_marks_the_customer(home: Home) -> None:
    number = home.customer("Hengda Metal")
    assert set_(home, "--customer", str(number), "--amount", "50000.50").code == 0
    row = home.rows("limit", "history", "--customer", str(number))[0]
    assert (row["state"], row["amount"], row["currency"]) == ("amount", "50000.50", "CNY")
    assert (row["valid_from"], row["valid_to"], row["phase"]) == (TODAY.isoformat(), None, "in force")
    assert (row["reason"], row["actor"]) == ("good payer", "Lin")
    assert home.changes(number) == 2
    entry = home.journal("limit_set")[0]
    assert entry["subject"] == f"customer {number}" and entry["amount"] == 5_000_050
    shown = home.rows("limit", "show", "--customer", str(number))[0]
    assert shown["set_by"] == "base limit (Lin)" and shown["pending"] is True
    assert shown["limit"] is None  # not assessed yet


@pytest.mark.parametrize(("flag", "state"), [("--none", "none"), ("--unlimited", "unlimited")])
def test_none_and_unlimited_are_states_not_numbers(home: Home, flag: str, state: str) -> None:
    number = str(home.customer("Hengda Metal"))
    assert set_(home, "--customer", number, flag).code == 0
    row = home.rows("limit", "history", "--customer", number)[0]
    assert (row["state"], row["amount"]) == (state, None)


def test_zero_is_an_amount(home: Home) -> None:
    number = str(home.customer("Hengda Metal"))
    assert set_(home, "--customer", number, "--amount", "0").code == 0
    row = home.rows("limit", "history", "--customer", number)[0]
    assert (row["state"], row["amount"]) == ("amount", "0.00")


def test_a_new_base_limit_replaces_the_one_before_even_on_the_same_day(home: Home) -> None:
    number = str(home.customer("Hengda Metal"))
    set_(home, "--customer", number, "--amount", "100")
    set_(home, "--customer", number, "--amount", "200")
    later = (TODAY + 10 * DAY).isoformat()
    set_(home, "--customer", number, "--amount", "300", "--from", later)
    assert phases(home, "--customer", number) == [
        ("base", "100.00", "replaced"),
        ("base", "200.00", "in force"),
        ("base", "300.00", "future"),
    ]
    rows = home.rows("limit", "history", "--customer", number)
    assert rows[1]["valid_to"] == (TODAY + 9 * DAY).isoformat()


def test_a_temporary_limit_goes_before_the_base_limit(home: Home) -> None:
    number = str(home.customer("Hengda Metal"))
    set_(home, "--customer", number, "--amount", "100")
    to = (TODAY + 5 * DAY).isoformat()
    assert temporary(home, "--customer", number, "--amount", "900", "--to", to).code == 0
    assert [phase for _, _, phase in phases(home, "--customer", number)] == ["in force", "in force"]
    assert (
        home.rows("limit", "show", "--customer", number)[0]["set_by"] == f"temporary limit until {to} (Lin)"
    )


def test_withdrawing_gives_the_limit_back_to_the_policy(home: Home) -> None:
    number = str(home.customer("Hengda Metal"))
    set_(home, "--customer", number, "--amount", "100")
    set_(home, "--customer", number, "--amount", "900", "--from", (TODAY + 9 * DAY).isoformat())
    assert set_(home, "--customer", number, "--withdraw").code == 0
    assert home.rows("limit", "show", "--customer", number)[0]["set_by"] == "policy"
    assert {phase for _, _, phase in phases(home, "--customer", number)} == {"replaced"}
    assert home.journal("limit_withdrawn")[0]["ended"] == 2
    again = set_(home, "--customer", number, "--withdraw")
    assert again.code == 2 and "no base limit" in again.err
    assert home.changes(int(number)) == 4


def test_the_entries_read_by_the_rules_agree_with_what_is_shown(home: Home) -> None:
    from connector.store import dossiers

    number = home.customer("Hengda Metal")
    set_(home, "--customer", str(number), "--amount", "900")
    set_(home, "--customer", str(number), "--amount", "500")
    with home.opened() as runtime, runtime.store.read() as tx:
        dossier, _ = dossiers.read(tx, [number])[0]
        valid = [
            entry.amount
            for entry in dossier.limits
            if entry.valid_from <= TODAY and (entry.valid_to is None or entry.valid_to >= TODAY)
        ]
    assert valid == [50_000]


def test_limits_that_make_no_sense_are_refused(home: Home) -> None:
    number = str(home.customer("Hengda Metal", group="Holding"))
    one = ("--customer", number)
    for args, said in (
        ((*one, "--amount", "-1"), "at least 0"),
        ((*one, "--amount", "1.005"), "2 digits"),
        ((*one, "--amount", "NaN"), "no amount"),
        ((*one, "--amount", "1e400"), "too large"),
        ((*one, "--amount", "much"), "no amount"),
        ((*one, "--amount", "5", "--currency", "XXX"), "no currency"),
        ((*one, "--amount", "5", "--currency", "EUR"), "no rate"),
        ((*one, "--amount", "5", "--none"), "exactly one"),
        (one, "exactly one"),
        (("--amount", "5"), "either --customer or --group"),
        ((*one, "--group", "1", "--amount", "5"), "either --customer or --group"),
        (("--customer", "77", "--amount", "5"), "no customer 77"),
        (("--group", "77", "--amount", "5"), "no group 77"),
        (("--group", "1", "--none"), "--amount 0"),
        ((*one, "--amount", "5", "--from", "2020-01-01"), "past"),
    ):
        done = set_(home, *args)
        assert done.code == 2 and said in done.err, (args, done.err)
    yesterday = (TODAY - DAY).isoformat()
    assert "before" in temporary(home, *one, "--amount", "5", "--to", yesterday).err
    assert "--to" in temporary(home, *one, "--amount", "5").err
    assert home.run("limit", "set", *one, "--amount", "5", "--reason", " ").code == 2
    assert phases(home, *one) == []
    assert home.changes(int(number)) == 1


def test_currencies_without_minor_units_and_foreign_ones_are_counted_right(home: Home) -> None:
    number = home.customer("Hengda Metal", group="Holding")
    with (home.folder / "rates.csv").open("a") as file:
        file.write("JPY,2020-01-01,0.05\n")
    assert set_(home, "--customer", str(number), "--amount", "5000", "--currency", "JPY").code == 0
    assert home.rows("limit", "history", "--customer", str(number))[0]["amount"] == "5000"
    assert set_(home, "--group", "1", "--amount", "200000", "--currency", "JPY").code == 0
    line = group_line(home)
    assert line is not None and (line.currency, line.limit_minor) == ("CNY", 1_000_000)


def test_a_group_limit_stands_on_the_groups_line_at_once(home: Home) -> None:
    members = [home.customer(f"Hengda {place}", group="Holding") for place in ("North", "South")]
    own_line(home, members[0], 30_000)
    own_line(home, members[1], 12_000)
    assert group_line(home) is None
    assert set_(home, "--group", "1", "--amount", "1000").code == 0
    line = group_line(home)
    assert line is not None
    assert (line.limit_state, line.limit_minor, line.exposure, line.status) == (
        "amount",
        100_000,
        42_000,
        "ok",
    )
    assert line.incomplete is False
    assert [home.changes(number) for number in members] == [2, 2]
    shown = {row["subject"]: row for row in home.rows("limit", "show", "--customer", str(members[0]))}
    assert shown["group"]["available"] == "580.00" and shown["customer"]["exposure"] == "300.00"
    assert home.rows("limit", "show", "--group", "1")[0]["name"] == "Holding"


def test_a_group_with_a_member_that_was_never_assessed_is_a_lower_bound(home: Home) -> None:
    own_line(home, home.customer("Hengda North", group="Holding"), 30_000)
    home.customer("Hengda South", group="Holding")
    set_(home, "--group", "1", "--amount", "1000")
    line = group_line(home)
    assert line is not None and line.incomplete is True and line.exposure == 30_000


def test_changing_a_group_limit_keeps_what_else_stands_on_the_line(home: Home) -> None:
    home.customer("Hengda North", group="Holding")
    set_(home, "--group", "1", "--amount", "1000")
    with home.opened() as runtime, runtime.store.write() as tx:
        lines.shift(tx, (GROUP, 1), reserved=700, exposure=900)
    set_(home, "--group", "1", "--amount", "2000")
    line = group_line(home)
    assert line is not None
    assert (line.limit_minor, line.reserved, line.exposure) == (200_000, 700, 900)
    assert set_(home, "--group", "1", "--withdraw").code == 0
    line = group_line(home)
    assert line is not None and (line.limit_state, line.limit_minor, line.reserved) == ("none", None, 700)


def test_temporary_group_limits_begin_and_end_by_the_calendar(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.customer("Hengda North", group="Holding")
    set_(home, "--group", "1", "--amount", "1000")
    start, end = TODAY + 2 * DAY, TODAY + 4 * DAY
    temporary(home, "--group", "1", "--amount", "5000", "--from", start.isoformat(), "--to", end.isoformat())
    seen = []
    for day in (TODAY, start, end, end + DAY):
        monkeypatch.setenv("CREDITGATE_AS_OF", day.isoformat())
        with home.opened() as runtime:
            limits.apply_groups(runtime)
            assert limits.apply_groups(runtime) == 0  # nothing is left to be done
        line = group_line(home)
        seen.append(line.limit_minor if line else None)
    assert seen == [100_000, 500_000, 500_000, 100_000]


def test_entries_are_never_deleted(home: Home) -> None:
    number = str(home.customer("Hengda Metal"))
    for amount in ("1", "2", "3"):
        set_(home, "--customer", number, "--amount", amount)
    set_(home, "--customer", number, "--withdraw")
    with home.opened() as runtime, runtime.store.read() as tx:
        assert tx.execute(sa.select(sa.func.count()).select_from(limit_entry)).scalar_one() == 3
        found = entries.entries(tx, CUSTOMER, int(number))
    assert in_force(found, TODAY) is None


def queue(home: Home, *states: str) -> None:
    with home.opened() as runtime, runtime.store.write() as tx:
        for number, state in enumerate(states, start=1):
            row = {
                "connection_id": 1,
                "target": "account",
                "external_id": f"A{number}",
                "payload": '{"credit_status": "hold"}',
                "digest": f"d{number}",
                "priority": 9,
                "state": state,
                "attempts": 8 if state == "dead" else 1,
                "error": "no such record" if state == "dead" else "",
                "due_at": NOW + 5 * DAY,
                "created_at": NOW,
            }
            tx.execute(outbox.insert().values(**row))


def test_pending_writes_are_listed_without_their_values(home: Home) -> None:
    queue(home, "dead", "pending")
    rows = home.rows("outbox", "list")
    assert [(row["external_id"], row["state"], row["connection"]) for row in rows] == [
        ("A2", "pending", "crm"),
        ("A1", "dead", "crm"),
    ]
    assert rows[1]["error"] == "no such record" and "payload" not in rows[1]
    assert [row["id"] for row in home.rows("outbox", "list", "--state", "dead")] == [1]
    assert len(home.rows("outbox", "list", "crm")) == 2
    assert home.run("outbox", "list", "nobody").code == 2


def test_dead_writes_are_tried_again_at_once(home: Home) -> None:
    queue(home, "dead", "pending", "dead")
    assert "1 writes" in home.run("outbox", "retry", "1", "--actor", "Lin").err
    first = next(row for row in home.rows("outbox", "list") if row["id"] == 1)
    assert (first["state"], first["attempts"], first["error"]) == ("pending", 0, "")
    assert dt.datetime.fromisoformat(first["due_at"]) <= dt.datetime.now(dt.UTC)
    assert "1 writes" in home.run("outbox", "retry", "--all-dead").err
    assert home.rows("outbox", "list", "--state", "dead") == []
    assert [entry["subject"] for entry in home.journal("outbox_retried")] == ["outbox 1", "outbox 3"]
    assert next(row for row in home.rows("outbox", "list") if row["id"] == 2)["attempts"] == 1


def test_dropped_writes_stay_on_record(home: Home) -> None:
    queue(home, "dead", "dead", "pending")
    assert home.run("outbox", "drop", "1", "3", "--reason", "account is gone", "--actor", "Lin").code == 0
    assert [row["id"] for row in home.rows("outbox", "list")] == [2]
    entry = home.journal("outbox_dropped")[0]
    assert (entry["actor"], entry["external_id"], entry["digest"]) == ("Lin", "A1", "d1")
    assert entry["reason"] == "account is gone"


def test_unknown_writes_change_nothing(home: Home) -> None:
    queue(home, "dead")
    for act in ("retry", "drop"):
        done = home.run("outbox", act, "1", "99")
        assert done.code == 2 and "no pending write 99" in done.err
    assert home.run("outbox", "retry").code == 2
    assert home.run("outbox", "retry", "1", "--all-dead").code == 2
    assert home.rows("outbox", "list")[0]["state"] == "dead"
    assert home.journal("outbox_dropped") == home.journal("outbox_retried") == []


def test_csv_and_table_show_the_same_rows(home: Home) -> None:
    queue(home, "dead")
    csv = home.run("outbox", "list", "--format", "csv").out.splitlines()
    assert csv[0].startswith("id,connection,target") and csv[1].startswith("1,crm,account,A1")
    assert "dead" in home.run("outbox", "list").out


def test_an_empty_actor_is_refused(home: Home) -> None:
    number = str(home.customer("Hengda Metal"))
    done = home.run("limit", "set", "--customer", number, "--amount", "1", "--reason", "x", "--actor", " ")
    assert done.code == 2 and "empty" in done.err


def test_without_a_name_of_the_system_an_actor_must_be_given(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", nobody)
    number = str(home.customer("Hengda Metal"))
    done = home.run("limit", "set", "--customer", number, "--amount", "1", "--reason", "x")
    assert done.code == 2 and "--actor" in done.err
    assert set_(home, "--customer", number, "--amount", "1").code == 0


def test_childrens_limits_must_not_sum_above_the_parents_in_oracle_in_either_direction(home: Home) -> None:
    """Oracle Credit Management: the limits of children may not add up to more than the parent's,
    whichever of them is changed; here a switch of the policy, off by default."""
    one, two = (home.customer(name, group="Holding") for name in ("Hengda Metal", "Hengda Trade"))
    for number in (one, two):
        own_line(home, number, 0)  # a limit of 10,000.00 each
    assert set_(home, "--group", "1", "--amount", "15000").code == 0  # free: nothing is compared
    path = home.folder / "policies/standard.yaml"
    path.write_text(
        path.read_text("utf-8").replace("  step: 1000\n", "  step: 1000\n  children: within_group\n")
    )
    refused = set_(home, "--group", "1", "--amount", "19999.99")
    assert refused.code != 0 and "add up to more" in refused.err
    assert set_(home, "--group", "1", "--amount", "20000").code == 0
    assert set_(home, "--customer", str(one), "--amount", "10000").code == 0
    assert set_(home, "--customer", str(one), "--amount", "10000.01").code != 0
    assert set_(home, "--customer", str(one), "--unlimited").code != 0
    assert set_(home, "--customer", str(one), "--none").code == 0


@pytest.mark.parametrize(
    ("means", "state", "amount"),
    [("none", "amount", 0), ("unlimited", "unlimited", None), ("missing", "none", None)],
)
def test_a_groups_limit_of_zero_is_read_as_the_policy_says(
    home: Home, means: str, state: str, amount: int | None
) -> None:
    """ingadhoc/sale PR#1565: 0 was read as unset in a hierarchy; here it is so only if the policy says so."""
    path = home.folder / "policies/standard.yaml"
    path.write_text(
        path.read_text("utf-8").replace("  step: 1000\n", f"  step: 1000\n  zero_means: {means}\n")
    )
    number = home.customer("Hengda Metal", group="Holding")
    own_line(home, number, 500)
    assert set_(home, "--group", "1", "--amount", "0").code == 0
    line = group_line(home)
    assert line is not None and (line.limit_state, line.limit_minor) == (state, amount)
