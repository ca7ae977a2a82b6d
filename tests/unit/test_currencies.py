"""Currencies: amounts to the minor unit, rates by date, and the rate kept with what it converted."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import orjson
import pytest
import sqlalchemy as sa

from connector.assess import credit_fields
from connector.money import Rate, Rates
from connector.rules.evaluate import evaluate
from connector.rules.explain import explain
from connector.rules.facts import snapshot
from connector.rules.snapshot import UsedRate, snapshot_from_json, snapshot_json
from connector.store.tables import reservation
from tests.check_bench import NOW as CHECKED
from tests.check_bench import Bench, codes
from tests.check_bench import policy as check_policy
from tests.cli_home import Home
from tests.portfolio import TODAY as NOW_DAY
from tests.portfolio import buyer, portfolio
from tests.rules_bench import (
    NOW,
    TODAY,
    assess,
    day,
    dossier,
    facts,
    invoice,
    limit_entry,
    order,
    policy,
)

SINCE = dt.date(2026, 1, 1)
WORLD = Rates(
    "CNY",
    [
        Rate("JPY", SINCE, Decimal("0.0481")),
        Rate("KWD", SINCE, Decimal("23.41")),
        Rate("CLP", SINCE, Decimal("0.00757")),
        Rate("USD", day(-40), Decimal("7.10")),
        Rate("USD", day(-3), Decimal("7.20")),
        Rate("USD", day(4), Decimal("7.30")),
    ],
)


@pytest.mark.parametrize(
    ("currency", "minor", "fen"),
    [
        ("JPY", 100_000, 481_000),  # 100,000 yen have no minor unit
        ("JPY", 1, 5),  # 0.0481 yuan, rounded half up to the fen
        ("KWD", 1_234, 2_889),  # 1.234 dinar have three digits: 28.88794 yuan
        ("KWD", 1, 2),
        ("CLP", 1_000_000, 757_000),
        ("CLP", 66, 50),  # 0.49962 yuan
    ],
)
def test_exposure_in_any_currency_is_right_to_the_minor_unit(currency: str, minor: int, fen: int) -> None:
    found = assess(dossier(invoices=(invoice("i", minor, currency=currency),)), rates=WORLD)
    assert found.exposure == fen and not found.exposure_incomplete


@pytest.mark.parametrize(
    ("currency", "limit", "told"),
    [("JPY", 1_234_567, "1234567"), ("KWD", 1_234_567, "1234.567"), ("CLP", 1_234_567, "1234567")],
)
def test_a_policy_may_count_in_a_currency_of_no_or_three_digits(currency: str, limit: int, told: str) -> None:
    by = policy(currency=currency)
    customer = dossier(
        invoices=(invoice("i", 567, currency=currency),),
        limits=(limit_entry("base", limit, currency=currency),),
    )
    found = evaluate(by, snapshot(customer, by, Rates(currency), NOW))
    fields = credit_fields(found, "en")
    assert fields["credit_limit"] == told
    assert Decimal(fields["credit_available"]) == Decimal(told) - Decimal(fields["credit_exposure"])
    step = evaluate(policy(currency="JPY"), snapshot(dossier(), policy(currency="JPY"), Rates("JPY"), NOW))
    assert step.limit == 20_000, "a new customer's 20,000 yen are 20,000 minor units"


@pytest.mark.parametrize(
    ("currency", "fits", "over"),
    [("JPY", "20790", "20791"), ("KWD", "42.717", "42.718"), ("CLP", "132101", "132102")],
)
def test_an_order_in_any_currency_passes_to_the_last_minor_unit(
    tmp_path: Path, currency: str, fits: str, over: str
) -> None:
    bench = Bench.on_sqlite(tmp_path, check_policy())
    bench.rates = WORLD
    bench.customer(limit=100_000)
    assert codes(bench.check(over, "SO-1", currency=currency)) == ["over_limit"]
    assert bench.check(fits, "SO-1", currency=currency).decision == "pass"
    assert 99_990 <= bench.line(1).reserved <= 100_000


def test_the_rate_and_its_date_are_kept_with_a_reservation(tmp_path: Path) -> None:
    bench = Bench.on_sqlite(tmp_path, check_policy())
    bench.rates = WORLD
    bench.customer(limit=100_000)
    assert bench.check("100", "SO-1", currency="JPY").decision == "pass"
    assert bench.check("100.00", "SO-2").decision == "pass"
    with bench.store.read() as tx:
        kept = tx.execute(sa.select(reservation.c.rates).order_by(reservation.c.id)).scalars().all()
    ((code, per_unit, dated),) = orjson.loads(kept[0])
    used = WORLD.rate("JPY", CHECKED.date())
    assert used is not None and (code, Decimal(per_unit), dated) == (
        "JPY",
        used.per_unit,
        used.day.isoformat(),
    )
    assert kept[1] is None  # counted in its own currency


def test_an_amount_with_more_digits_than_its_currency_is_refused(tmp_path: Path) -> None:
    bench = Bench.on_sqlite(tmp_path)
    bench.customer()
    with pytest.raises(ValueError, match="at most 0 digits"):
        bench.check("100.5", currency="JPY")
    with pytest.raises(ValueError, match="at most 0 digits"):
        bench.check("100.5", currency="CLP")


def test_the_rate_and_its_date_are_kept_with_the_facts_and_told(tmp_path: Path) -> None:
    customer = dossier(invoices=(invoice("i", 10_000, currency="USD"), invoice("j", 5_000)))
    made = facts(customer, rates=WORLD)
    assert made.rates == (UsedRate("USD", "7.20", day(-3)),)
    assert snapshot_from_json(snapshot_json(made)) == made
    found = assess(customer, rates=WORLD)
    assert found.exposure == 77_000
    told = explain(found, made, "en")
    assert f"  1 USD = 7.20 CNY, rate of {day(-3)}" in told
    assert any(f"（{day(-3)} 汇率）" in line for line in explain(found, made, "zh"))


def test_an_assessment_knows_when_the_next_rate_comes() -> None:
    customer = dossier(orders=(order("o", 10_000, currency="USD", deliver_on=None),))
    assert facts(customer, rates=WORLD).next_change == dt.datetime.combine(day(4), dt.time(), dt.UTC)
    assert facts(dossier(orders=(order("o", 10_000, deliver_on=None),)), rates=WORLD).rates == ()


def test_yesterdays_rate_serves_yesterday_and_todays_today() -> None:
    customer = dossier(invoices=(invoice("i", 10_000, currency="USD"),))
    earlier = NOW - dt.timedelta(days=10)
    assert assess(customer, rates=WORLD, at=earlier).exposure == 71_000
    assert assess(customer, rates=WORLD).exposure == 72_000


def test_rates_against_another_base_give_the_same_amounts() -> None:
    euro = Rates("CNY", [Rate("EUR", SINCE, Decimal(8)), Rate("USD", SINCE, Decimal(7))]).against("EUR")
    assert euro.base == "EUR"
    assert euro.convert(80_000, "CNY", "EUR", TODAY) == 10_000
    assert euro.convert(10_000, "USD", "EUR", TODAY) == 8_750
    assert Rates("CNY").against("EUR").convert(1, "CNY", "EUR", TODAY) is None


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return portfolio(tmp_path, monkeypatch)


def rates(home: Home, *lines: str) -> str:
    file = home.folder / "today.csv"
    file.write_text("currency,day,per_unit\n" + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(file)


def test_imported_rates_are_listed_and_mark_only_whom_they_concern(home: Home) -> None:
    buyer(home, "Hengda Metal", sales=10_000_000)
    buyer(home, "Osaka Parts", sales=10_000_000, owes=500_000, currency="JPY")
    home.run("assess")
    assert home.rows("customer", "list", "--name", "Osaka")[0]["status"] == "hold"  # no rate: not known
    done = home.run(
        "rate", "import", rates(home, f"JPY,{NOW_DAY},0.05", "CLP,2026-01-01,0.0076"), "--actor", "Lin"
    )
    assert "2 rates added" in done.err and "1 customers are due" in done.err
    assert home.run("assess").err.count("1 customers assessed") == 1
    row = home.rows("customer", "list", "--name", "Osaka")[0]
    assert (row["status"], row["exposure"]) == ("ok", "25000.00")
    listed = [(row["currency"], row["per_unit"], row["against"]) for row in home.rows("rate", "list")]
    assert listed == [("CLP", "0.0076", "CNY"), ("JPY", "0.05", "CNY")]
    assert home.journal("rates_imported")[0]["currencies"] == ["CLP", "JPY"]


def test_a_known_rate_is_not_changed_silently(home: Home) -> None:
    home.run("rate", "import", rates(home, f"JPY,{NOW_DAY},0.05"))
    assert "1 known before" in home.run("rate", "import", rates(home, f"JPY,{NOW_DAY},0.0500")).err
    other = rates(home, f"JPY,{NOW_DAY},0.06")
    refused = home.run("rate", "import", other)
    assert refused.code == 2 and "--replace" in refused.err
    assert "1 changed" in home.run("rate", "import", other, "--replace").err
    with home.opened() as runtime:
        assert runtime.rates.per_unit("JPY", NOW_DAY) == Decimal("0.06")


@pytest.mark.parametrize(
    "line",
    ["JPY,2026-13-01,1", "XXX,2026-01-01,1", "JPY,2026-01-01,0", "JPY,2026-01-01,NaN", "CNY,2026-01-01,1"],
)
def test_what_is_no_rate_is_refused_whole(home: Home, line: str) -> None:
    before = (home.folder / "rates.csv").read_text()
    done = home.run("rate", "import", rates(home, "EUR,2026-01-01,8", line))
    assert done.code == 2 and (home.folder / "rates.csv").read_text() == before
    assert home.journal("rates_imported") == []
