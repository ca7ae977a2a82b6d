"""Consultants' reports and trade references: recorded once, cautious facts, explained with author and day."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connector.rules.documents import AdviceDoc
from connector.rules.evaluate import evaluate
from connector.rules.explain import explain
from connector.rules.snapshot import Origin, Unknown, Value
from tests.cli_home import Home, make_home
from tests.rules_bench import WITH_USD, content, day, dossier, facts, policy, report


def doc(author: str = "Lin", *, kind: str = "consultant", ago: int = 10, **more: Any) -> AdviceDoc:
    return AdviceDoc(kind, author, day(-ago), **{"currency": "CNY", **more})


def values(*documents: AdviceDoc, **settings: Any) -> dict[str, Value]:
    return facts(dossier(advice=documents), policy(**settings), WITH_USD).values


def test_of_one_author_the_newest_document_speaks_and_of_several_the_most_cautious() -> None:
    said = (doc(ago=40, amount=100), doc(ago=10, amount=900), doc("Acme", amount=100, currency="USD"))
    found = facts(dossier(advice=said), policy(), WITH_USD)
    assert found.values["advice_limit"] == 720
    assert found.origins["advice_limit"] == Origin("consultant", "Acme", day(-10), day(355))
    worst = values(doc(risk_class="A"), doc("Acme", risk_class="B"), doc("Zed", risk_class="gone"))
    assert worst["advice_class"] == "B"
    assert values(*said[:2])["advice_limit"] == 900


def test_a_document_that_has_expired_is_stale_and_none_at_all_is_another_state() -> None:
    assert values()["advice_limit"] == Unknown("no_advice")
    assert values(doc(ago=400, amount=5))["advice_limit"] == Unknown("stale")
    assert values(doc(amount=5, valid_to=day(-1)))["advice_limit"] == Unknown("stale")
    assert values(doc(amount=5, valid_to=day(0)))["advice_limit"] == 5
    assert values(doc(ago=40, amount=5), staleness={"advice_days": 30})["advice_limit"] == Unknown("stale")
    found = facts(dossier(advice=(doc(ago=400, amount=5),)))
    assert found.state("advice_limit") == "stale"


def test_it_goes_stale_at_a_known_moment() -> None:
    found = facts(dossier(advice=(doc(amount=5, valid_to=day(3)),)))
    assert found.next_change is not None and found.next_change.date() in (day(3), day(4))


def test_a_limit_without_a_rate_could_be_the_lowest_so_none_is_known() -> None:
    assert values(doc(amount=5), doc("Acme", amount=5, currency="EUR"))["advice_limit"] == Unknown("no_rate")


def test_references_are_kept_apart_from_consultants_and_counted() -> None:
    found = values(doc(kind="reference", amount=7), doc("Acme", kind="reference", ago=400))
    assert (found["reference_limit"], found["references"]) == (7, 1)
    assert found["advice_limit"] == Unknown("no_advice")
    assert values()["references"] == 0


@pytest.mark.parametrize(
    ("combine", "weight", "amount"),
    [("min", 1, 300_000), ("weighted_mean", 1, 650_000), ("weighted_mean", 3, 475_000)],
)
def test_advice_enters_the_limit_by_the_policys_weight(combine: str, weight: int, amount: int) -> None:
    """Half of an advised 600 000, beside an agency's 1 000 000 where both count."""
    terms = {
        "agency": {"share": 1},
        "advice": {"share": Decimal("0.5"), "weight": weight},
        "class_cap": False,
    }
    limit = {**content()["limit"], "combine": combine, "step": 1, "terms": terms}
    by = policy(limit=limit)
    reports = (report(limit=100_000_000, limit_currency="CNY"),)
    found = facts(dossier(advice=(doc(amount=60_000_000),), reports=reports), by)
    outcome = evaluate(by, found)
    factor = next(one.factor for one in by.classes if one.name == outcome.risk_class)
    assert outcome.limit == int(amount * 100 * factor)
    told = explain(outcome, found, "en")
    assert any("Consultants' advice: 50%" in line and "consultant's report (Lin), " in line for line in told)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = make_home(tmp_path, monkeypatch)
    made.connect()
    return made


def test_documents_are_recorded_once_listed_and_withdrawn(home: Home) -> None:
    number = home.customer("Hengda Metal")
    paper = home.folder / "advice.pdf"
    paper.write_bytes(b"advice")
    about = ("advice", "add", str(number), "--kind", "consultant", "--author", "Lin", "--date", "2026-01-31")
    says = ("--limit", "60000", "--class", "B", "--to", "2999-12-31", "--evidence", str(paper))
    assert home.run(*about, *says).code == 0
    again = home.run(*about, *says)
    assert again.code == 2 and "recorded already as advice 1" in again.err
    (row,) = home.rows("advice", "list", "--all")
    assert (row["author"], row["limit"], row["class"]) == ("Lin", "60000.00", "B")
    assert home.changes(number) == 2
    assert home.run("advice", "withdraw", "1", "--reason", "mistaken").code == 0
    assert home.run("advice", "withdraw", "1", "--reason", "again").code == 2
    assert home.rows("advice", "list") == []
    assert home.rows("advice", "list", "--all")[0]["state"] == "withdrawn"
    assert home.changes(number) == 3
    assert [len(home.journal(act)) for act in ("advice_added", "advice_withdrawn")] == [1, 1]


def test_about_a_natural_person_only_with_its_consent(home: Home) -> None:
    number = home.customer("Wang Fang", is_person=True)
    add = ("advice", "add", str(number), "--kind", "reference", "--author", "Acme", "--date", "2026-01-31")
    refused = home.run(*add, "--limit", "5")
    assert refused.code == 2 and "consent" in refused.err
    assert len(home.journal("advice_refused")) == 1
    paper = home.folder / "signed.pdf"
    paper.write_bytes(b"signed")
    home.run("consent", "add", str(number), "--evidence", str(paper))
    assert home.run(*add, "--limit", "5").code == 0
    assert home.rows("advice", "list", "--all")[0]["name"] == "W**"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--date", "2026-01-31"), "recommends nothing"),
        (("--date", "2026-01-31", "--class", "Z"), "no class 'Z'"),
        (("--date", "2999-01-31", "--limit", "5"), "still to come"),
        (("--date", "2026-01-31", "--limit", "5", "--to", "2025-01-01"), "before its own day"),
    ],
)
def test_documents_that_make_no_sense_are_refused(home: Home, args: tuple[str, ...], said: str) -> None:
    number = home.customer("Hengda Metal")
    done = home.run("advice", "add", str(number), "--kind", "consultant", "--author", "Lin", *args)
    assert done.code == 2 and said in done.err


def test_what_is_recorded_reaches_the_assessment(home: Home) -> None:
    from connector.store import dossiers

    number = home.customer("Hengda Metal")
    add = ("advice", "add", str(number), "--kind", "reference", "--author", "Acme", "--date", "2026-01-31")
    home.run(*add, "--limit", "5")
    with home.opened() as runtime, runtime.store.read() as tx:
        ((found, _),) = dossiers.read(tx, [number])
    assert found.advice[0][:5] == ("reference", "Acme", found.advice[0].dated, 500, "CNY")
