"""Words for people: complete in both languages, and true to the steps."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from string import Formatter

import pytest

from connector.locale import LANGUAGES, fields, has_text, language_of, placeholders, say, texts
from connector.policy.catalogue import FACTS, STAGES
from connector.policy.schema import STATUSES
from connector.rules.explain import explain
from connector.rules.limit import TERMS
from tests.rules_bench import (
    assess,
    content,
    day,
    dossier,
    facts,
    invoice,
    limit_entry,
    negative,
    order,
    payment,
    policy,
    report,
    settled,
    standard,
    statement,
)

RULES = Path(__file__).parents[2] / "connector" / "rules"


def constants(call: str, position: int) -> set[str]:
    """Texts given at ``position`` to calls of ``call`` anywhere in the rules."""
    found: set[str] = set()
    for path in RULES.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == call:
                for value in ast.walk(node.args[position]) if len(node.args) > position else ():
                    if isinstance(value, ast.Constant) and isinstance(value.value, str):
                        found.add(value.value)
    return found


def test_both_languages_have_the_same_codes() -> None:
    assert texts("zh").keys() == texts("en").keys()


def test_both_languages_tell_the_same_numbers() -> None:
    def marks(text: str) -> list[tuple[str, str]]:
        parts = Formatter().parse(text)
        return sorted((name, hint or "") for _, name, hint, _ in parts if name)

    differ = {code for code in texts("en") if marks(texts("en")[code]) != marks(texts("zh")[code])}
    assert differ == set()


def test_every_step_has_a_text() -> None:
    codes = constants("step", 1) | constants("Step", 1) | {"visit_class", "visit_status"}
    codes -= {"limit_set_", "available_", "limit_zero_"}  # completed by the state of the limit
    codes |= {f"{head}{state}" for head in ("limit_set_", "available_") for state in ("none", "unlimited")}
    codes |= {"limit_set_amount", "limit_zero_unlimited", "limit_zero_missing"}
    codes |= {"rule_untested_acts", "rule_untested", "rule_lifted", "rules_lifted"}
    assert len(codes) > 30
    assert {code for code in codes if not has_text(f"step.{code}")} == set()


def test_every_reason_has_a_text() -> None:
    codes = constants("_reason", 1) | {"limit_missing", "limit_no_rate", "limit_quota_none"}
    rules = (*standard().knock_outs, *standard().status.rules)
    codes |= {rule.reason for rule in rules if rule.say is None}
    assert {code for code in codes if not has_text(code)} == set()


def test_every_unknown_has_a_word() -> None:
    found = set()
    for path in RULES.glob("*.py"):
        found |= set(re.findall(r'Unknown\("(\w+)"\)', path.read_text(encoding="utf-8")))
    assert len(found) >= 10
    assert {code for code in found if not has_text(f"label.{code}")} == set()


def test_everything_that_is_named_has_a_word() -> None:
    chapters = {f"chapter_{kind}" for kind in constants("step", 0) | constants("Step", 0)}
    sources = {spec.source for spec in FACTS.values()} - {"outcome"}
    some = {*STATUSES, *STAGES, *TERMS, "class_cap", "base", "temporary", "yes", "no", *sources, *chapters}
    assert {code for code in some if not has_text(f"label.{code}")} == set()


def test_facts_have_names_in_both_languages() -> None:
    for name, spec in FACTS.items():
        assert spec.name == name
        assert spec.meaning and spec.formula
        assert re.search(r"[一-鿿″]", spec.meaning_zh), name


@pytest.mark.parametrize("tag", ["zh", "zh_CN", "zh-Hans", "ZH"])
def test_any_tag_of_chinese_is_chinese(tag: str) -> None:
    assert language_of(tag) == "zh"
    assert language_of("de") == "en"


def test_hints_shape_the_numbers() -> None:
    params = {"overdue_amount": 1_234_567, "overdue_days_max": 31, "currency": "CNY"}
    assert say("overdue_hold", params, "en") == "12,345.67 CNY overdue, the oldest for 31 days"
    assert say("overdue_hold", params, "zh_CN") == "逾期 12,345.67 CNY，最长 31 天"
    assert say("agency_pd_high", {"agency_pd": "0.020000"}, "en").endswith("at 2%")
    assert say("slow_payer", {"dbt_12m": "33.250000"}, "en") == "Pays 33.25 days beyond terms on average"


def test_what_is_not_known_is_a_dash_and_an_unknown_code_shows_as_itself() -> None:
    assert say("overdue_hold", {"overdue_days_max": None}, "en") == "– overdue, the oldest for – days"
    assert say("no_such_code", {}, "en") == "no_such_code"


def test_a_policys_own_words_go_first_and_cannot_break_the_telling() -> None:
    params = {"zh": "共 {overdue_count} 张", "en": "{overdue_count} of them", "overdue_count": 3}
    assert say("my_reason", params, "en") == "3 of them"
    assert say("my_reason", params, "zh") == "共 3 张"
    assert say("x", {"en": "{a.__class__} {b"}, "en") == "{a.__class__} {b"
    assert say("x", {"en": "{a.__class__}", "a": "b"}, "en") == "–"


def test_fields_are_those_of_both_languages() -> None:
    assert fields("overdue_hold") == {"overdue_amount", "overdue_days_max"}
    assert placeholders("{a:money} and {b}") == {"a", "b"}


CUSTOMER = dossier(
    terms_days=150,
    orders=(order("o", 50_000),),
    invoices=(
        *(settled(f"i{n}", 1_000_000, 2, ago=20 * n) for n in range(1, 13)),
        invoice("late", 900_000, due_on=day(-33)),
        invoice("euro", 5, number="INV-9", currency="EUR"),
    ),
    payments=(payment("p", 10_000),),
    reports=(
        report(
            provider="creditsafe",
            pd_12m=0.004,
            pd_method="grade_table eu-cqs-2016-1799",
            limit=90_000_000,
            limit_currency="CNY",
            insolvent=False,
            statements=(
                statement(total_assets=10_000_000, total_liabilities=4_500_000, revenue=9_000_000_000),
            ),
        ),
    ),
)


def lines(language: str) -> list[str]:
    return explain(assess(CUSTOMER, standard()), facts(CUSTOMER, standard()), language)


def test_an_explanation_leads_from_raw_value_to_status() -> None:
    told = lines("en")
    chapters = [line for line in told[1:] if not line.startswith(" ")]
    assert chapters == ["Score", "Risk class", "Payment terms", "Limit", "Exposure", "Status", "Calendar"]
    for part in (
        "Debt to assets 45% (from 40% to below 55%): 80 of 100 points, weight 8 – "
        "financial statement (creditsafe), 2025-12-31",
        "Current ratio unknown (not disclosed): 20 of 100 points, weight 5 – "
        "financial statement (creditsafe), 2025-12-31",
        "Probability of default in 12 months, agency 0.4% (below 0.5%): 100 of 100 points, weight 10 – "
        "agency report (creditsafe), 2026-06-05, by grade table eu-cqs-2016-1799",
        "Net worth: 20% of Net worth 55,000.00 CNY = 11,000.00 CNY – "
        "financial statement (creditsafe), 2025-12-31",
        "The smallest is “Net worth”: 11,000.00 CNY",
        "Overdue: 9,000.00 CNY × 100% = 9,000.00 CNY",
        "Not counted, no exchange rate: INV-9 EUR",
        "hold: 9,000.00 CNY overdue, the oldest for 33 days",
        "Status: hold",
        "Visit within 14 days (status hold)",
    ):
        assert f"  {part}" in told, part


def test_bad_news_that_stands_although_its_report_is_old_says_so() -> None:
    old = dossier(reports=(report(days_old=300, negatives=(negative(),)),))
    told = explain(assess(old, standard()), facts(old, standard()), "en")
    (line,) = [one for one in told if one.startswith("  Open judgments")]
    assert line.endswith("– agency report (agency), 2025-08-19, too old but standing")
    fresh = dossier(reports=(report(negatives=(negative(),)),))
    assert "too old" not in "\n".join(explain(assess(fresh, standard()), facts(fresh, standard()), "en"))


def test_an_explanation_in_chinese_has_no_english_left() -> None:
    told = "\n".join(lines("zh")[1:])
    for allowed in ("CNY", "EUR", "INV", "creditsafe", "eu-cqs", "Altman Z", "AAA", "AA", "BBB", "BB"):
        told = told.replace(allowed, "")
    words = set(re.findall(r"[A-Za-z_]{3,}", told))
    rules = (*standard().knock_outs, *standard().status.rules)
    assert words <= {rule.reason for rule in rules}  # rules are called by their code


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "customer",
    [
        dossier(),
        CUSTOMER,
        dossier(limits=(limit_entry("temporary", 5, valid_to=day(3)),)),
        dossier(limits=(limit_entry(amount=None, state="none"),)),
        dossier(limits=(limit_entry(amount=None, state="unlimited"),)),
        dossier(reports=(report(insolvent=True),)),
    ],
)
def test_no_line_of_an_explanation_is_left_raw(customer: object, language: str) -> None:
    for by in (standard(), policy(limit={"step": 1, "terms": {"need": {}}}), policy()):
        told = explain(assess(customer, by), facts(customer, by), language)  # type: ignore[arg-type]
        assert not [line for line in told if "step." in line or "{" in line or "None" in line]


def test_a_knock_out_and_own_words_are_told_in_the_explanation() -> None:
    out = {
        "reason": "house_rule",
        "risk_class": "C",
        "status": "hold",
        "say": {"zh": "本公司规定", "en": "House rule"},
        "all": [{"fact": "overdue_count", "op": "==", "value": 0}],
    }
    by = policy(knock_outs=[out], classes=content()["classes"])
    told = explain(assess(dossier(), by), facts(dossier(), by), "en")
    assert "  Knock-out: House rule – class C, status hold" in told
