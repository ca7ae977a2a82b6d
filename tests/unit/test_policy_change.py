"""A policy's life: what it covers, what another one would change, and who puts it in force."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from connector.store.tables import assessment, credit_line, customer, outbox, policy_version
from connector.versions.activation import beyond
from connector.versions.comparison import Swing
from tests.cli_home import Home, Run
from tests.portfolio import RULES, buyer, policy_file, portfolio
from tests.rules_bench import policy

SMALLER = RULES.replace("version: 1", "version: 2", 1).replace("factor: 1,", "factor: 0.95,")
HALVED = RULES.replace("version: 1", "version: 3", 1).replace("factor: 1,", "factor: 0.5,")
STRICT = RULES.replace("version: 1", "version: 4", 1).replace('op: ">=", value: 30', 'op: ">=", value: 5')
STRICT = STRICT.replace('op: "<", value: 30', 'op: "<", value: 5') + "activation: {max_status_changes: 0}\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = portfolio(tmp_path, monkeypatch)
    buyer(made, "Hengda Metal", sales=10_000_000)
    buyer(made, "Late Trading", sales=20_000_000, owes=2_000_000, late=10)
    buyer(made, "New Shop", sales=0)
    assert made.run("assess").code == 0
    return made


def write(home: Home, text: str, name: str = "next.yaml") -> str:
    file = home.folder / name
    file.write_text(text, encoding="utf-8")
    return str(file)


def activate(home: Home, text: str, actor: str = "Lin", *, name: str = "next.yaml") -> Run:
    return home.run("policy", "activate", write(home, text, name), "--reason", "tightened", "--actor", actor)


def everything(home: Home) -> list[object]:
    tables = (assessment, credit_line, outbox, policy_version, customer)
    with home.opened() as runtime, runtime.store.read() as tx:
        return [tx.execute(sa.select(table)).all() for table in tables]


def test_diff_shows_who_changes_and_by_how_much_and_stores_nothing(home: Home) -> None:
    before = everything(home)
    shown = home.run("policy", "diff", "active", write(home, HALVED), "--format", "json").json
    assert everything(home) == before
    limits = {row["name"]: (row["limit_before"], row["limit_after"]) for row in shown["changes"]}
    assert limits["Hengda Metal"] == ("197000.00", "98000.00")
    assert "New Shop" not in limits
    (total,) = shown["totals"]
    assert (total["customers"], total["changed"], total["currency"]) == (3, 2, "CNY")
    assert float(total["moved"]) == -float(total["change"]) > 0 and 0.5 <= float(total["moved_share"]) < 0.51


def test_diff_names_class_and_status_and_speaks_csv_and_tables(home: Home) -> None:
    csv = home.run("policy", "diff", "active", write(home, STRICT), "--format", "csv")
    head, row = csv.out.splitlines()
    assert head.startswith("customer,name,class_before,class_after,status_before,status_after")
    assert ",watch,hold," in row and "1 newly on hold" in csv.err
    table = home.run("policy", "diff", "active", write(home, HALVED), "--top", "1").out
    assert "moved share" in table and "Late Trading" in table and "Hengda Metal" not in table


def test_diff_takes_the_hash_of_a_policy_that_was_used(home: Home) -> None:
    used = home.rows("policy", "history")[0]["hash"]
    shown = home.run("policy", "diff", used, write(home, HALVED), "--format", "json").json
    assert shown["totals"][0]["changed"] == 2
    unknown = home.run("policy", "diff", "0123456789", "active")
    assert unknown.code == 2 and "no policy fits" in unknown.err


def test_policies_in_two_currencies_are_compared_at_the_rate_of_the_day(home: Home) -> None:
    euro = RULES.replace("currency: CNY", "currency: EUR").replace("version: 1", "version: 5", 1)
    missing = home.run("policy", "diff", "active", write(home, euro))
    assert missing.code == 2 and "no rate for EUR" in missing.err
    with (home.folder / "rates.csv").open("a") as rates:
        rates.write("EUR,2020-01-01,8\n")
    shown = home.run("policy", "diff", "active", write(home, euro), "--format", "json").json
    row = next(row for row in shown["changes"] if row["name"] == "Hengda Metal")
    assert (row["limit_before"], row["limit_after"], row["currency"]) == ("197000.00", "24000.00", "CNY/EUR")
    assert row["change"] == "-5000.00"  # 24000 EUR at 8 is 192000 CNY


def test_a_small_change_is_put_in_force_by_one_and_everybody_is_due(home: Home) -> None:
    done = activate(home, SMALLER)
    assert done.code == 0, done.err
    assert policy_file(home).read_text(encoding="utf-8") == SMALLER
    entry = home.journal("policy_activated")[0]
    assert (entry["actor"], entry["reason"], entry["version"]) == ("Lin", "tightened", "small 2")
    assert entry["before"] != entry["after"] and entry["swing"]["changed"] == 2
    assert "3 customers assessed" in home.run("assess").err
    shown = home.rows("policy", "history")
    assert [(row["policy"], row["state"]) for row in shown] == [
        ("small 1", "earlier"),
        ("small 2", "in force"),
    ]
    assert shown[1]["first_used_at"] is not None and shown[0]["activation"] is None


def test_a_large_swing_takes_a_second_person_who_is_another_one(home: Home) -> None:
    done = activate(home, HALVED)
    assert done.code == 1 and "limit_swing" in done.err and "--confirm 1" in done.err
    assert policy_file(home).read_text(encoding="utf-8") == RULES
    for spelling in ("Lin", "lin", " LIN"):
        refused = home.run("policy", "activate", "--confirm", "1", "--actor", spelling)
        assert refused.code == 2 and "somebody else" in refused.err
    assert policy_file(home).read_text(encoding="utf-8") == RULES and home.journal("policy_activated") == []
    assert home.run("policy", "activate", "--confirm", "1", "--actor", "Wang").code == 0
    assert policy_file(home).read_text(encoding="utf-8") == HALVED
    entry = home.journal("policy_activated")[0]
    assert (entry["proposed_by"], entry["confirmed_by"], entry["actor"]) == ("Lin", "Wang", "Wang")
    again = home.run("policy", "activate", "--confirm", "1", "--actor", "Zhao")
    assert again.code == 2 and "is active" in again.err


def test_customers_newly_on_hold_take_a_second_person_by_the_stricter_bound(home: Home) -> None:
    done = activate(home, STRICT)
    assert done.code == 1 and "over the bounds: newly_held" in done.err
    row = home.rows("policy", "history")[-1]
    assert (row["policy"], row["state"], row["confirmed_by"]) == ("small 4", "pending", None)


def test_no_policy_loosens_its_own_gate() -> None:
    tight = policy(activation={"max_limit_swing": "5%", "max_status_changes": 1})
    loose = policy(activation={"max_limit_swing": "100%", "max_status_changes": 1000})
    swing = Swing("CNY", limit_before=1000, limit_after=940, moved=60, newly_held=2)
    assert beyond(tight, loose, swing) == beyond(loose, tight, swing) == ["limit_swing", "newly_held"]
    assert beyond(loose, loose, swing) == []
    assert beyond(loose, loose, Swing("CNY", unbounded=1)) == ["unlimited"]
    assert beyond(loose, loose, Swing("CNY", limit_after=5, moved=5)) == ["limit_swing"]


def test_what_was_proposed_against_another_policy_cannot_be_confirmed(home: Home) -> None:
    activate(home, HALVED)
    assert activate(home, SMALLER, name="other.yaml").code == 0
    late = home.run("policy", "activate", "--confirm", "1", "--actor", "Wang")
    assert late.code == 2 and "propose it again" in late.err
    assert home.run("policy", "activate", "--withdraw", "1", "--actor", "Wang").code == 0
    states = [row["state"] for row in home.rows("policy", "history")]
    assert sorted(states) == ["earlier", "in force", "withdrawn"]


def test_the_text_that_was_proposed_is_confirmed_not_what_the_file_holds_by_then(home: Home) -> None:
    activate(home, HALVED)
    write(home, RULES.replace("factor: 1,", "factor: 1.0,").replace("cap: 1000000", "cap: 9000000"))
    assert home.run("policy", "activate", "--confirm", "1", "--actor", "Wang").code == 0
    assert policy_file(home).read_text(encoding="utf-8") == HALVED


def test_a_file_changed_past_activate_judges_nobody(home: Home) -> None:
    assert activate(home, SMALLER).code == 0
    policy_file(home).write_text(HALVED, encoding="utf-8")
    refused = home.run("assess")
    assert refused.code == 2 and "changed past 'activate'" in refused.err
    policy_file(home).write_text(SMALLER + "# a word more\n", encoding="utf-8")
    assert home.run("assess").code == 0


def test_doctor_tells_what_waits_and_what_was_changed_past_activate(home: Home) -> None:
    def told() -> list[str]:
        rows = home.run("doctor", "--format", "json").json
        return [f"{row['level']} {row['what']}: {row['found']}" for row in rows]

    activate(home, HALVED)
    assert "warn policy: 1 proposed policies wait to be confirmed" in told()
    home.run("policy", "activate", "--confirm", "1", "--actor", "Wang")
    assert not [line for line in told() if "wait to be" in line]
    policy_file(home).write_text(SMALLER, encoding="utf-8")
    assert [line for line in told() if line.startswith("fail decisions") and "past 'activate'" in line]


def test_the_check_service_keeps_what_was_put_in_force(home: Home) -> None:
    from connector.api.rules import Rules

    assert activate(home, SMALLER).code == 0
    with home.opened() as runtime:
        rules = Rules(runtime)
        before = rules.current()[0].hash
        policy_file(home).write_text(HALVED, encoding="utf-8")
        assert rules.current()[0].hash == before


def test_a_killed_activation_is_there_whole_or_not_at_all(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    from connector.versions import activation

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(activation, "_replace", killed)
        with pytest.raises(KeyboardInterrupt), home.opened() as runtime:
            activation.activate(runtime, Path(write(home, SMALLER)), reason="x", actor="Lin")
    assert [row["policy"] for row in home.rows("policy", "history")] == ["small 1"]
    assert home.journal("policy_activated") == [] and home.run("assess").code == 0
    assert activate(home, SMALLER).code == 0


def test_the_policy_in_force_is_not_put_in_force_again_and_a_reason_is_needed(home: Home) -> None:
    again = activate(home, RULES)
    assert again.code == 2 and "in force already" in again.err
    assert home.run("policy", "activate", write(home, SMALLER)).code == 2
    assert home.run("policy", "activate").code == 2
    broken = activate(home, SMALLER.replace("below: 50", "below: 40"))
    assert broken.code == 2 and home.journal("policy_activated") == []


def test_lint_says_how_many_customers_no_rule_covers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = RULES.replace("  max_weight: 100%", "  max_weight: 100%\n  min_known: 60%").replace(
        "  terms:\n    need: {peak_factor: 12, extra_days: 0}",
        "  terms:\n    need: {peak_factor: 12, extra_days: 0}\n"
        "  new_customer: {limit: 100, risk_class: B, terms_days: 10}",
    )
    home = portfolio(tmp_path, monkeypatch, rules)
    buyer(home, "Hengda Metal", sales=10_000_000)
    home.customer("Unknown Shop")
    done = home.run("policy", "lint", "--format", "json")
    assert done.code == 0
    notes = [row for row in done.json if row["severity"] == "note"]
    assert [row["code"] for row in notes] == ["not_covered"] and "1 of 2 customers" in notes[0]["message"]
    assert "2 customers: 1 not covered, 1 without a score, 1 without a known term of the limit" in done.err
    quick = home.run("policy", "lint", "--no-coverage", "--format", "json")
    assert quick.json == [] and "covered" not in quick.err


@pytest.mark.sqlite  # it takes the file away
def test_lint_without_a_store_still_checks_the_file(home: Home) -> None:
    (home.folder / "creditgate.db").unlink()
    done = home.run("policy", "lint")
    assert done.code == 0 and "the coverage cannot be told" in done.err


@pytest.mark.postgres
def test_a_policy_lives_the_same_life_on_postgresql(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    home = portfolio(tmp_path, monkeypatch, connected=False)
    monkeypatch.setenv("CREDITGATE_DATABASE_URL", postgres_url)
    assert home.run("db", "upgrade").code == 0
    home.connect()
    buyer(home, "Hengda Metal", sales=10_000_000)
    assert home.run("assess").code == 0
    assert activate(home, HALVED).code == 1
    assert home.run("policy", "activate", "--confirm", "1", "--actor", "Wang").code == 0
    assert home.run("assess").code == 0
    used, new = home.rows("policy", "history")
    assert (used["state"], new["state"], new["confirmed_by"]) == ("earlier", "in force", "Wang")
    back = home.run("policy", "diff", "active", used["hash"], "--format", "json").json
    assert back["totals"][0]["changed"] == 1
    assert home.run("replay", "1").code == home.run("replay", "2").code == 0
