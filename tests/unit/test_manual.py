"""The policy manual: everything that a policy says is in it, in words, in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest

from connector.locale import LANGUAGES, texts
from connector.locale.manual import WORDS
from connector.manual.form import lines
from connector.manual.policy_text import HEAD, chapter, chapters, head
from connector.manual.words import VOCABULARIES, Words, key_of
from connector.people.roles import Act, Role
from connector.policy.form import Part
from connector.policy.load import load
from connector.policy.schema import Policy
from tests.cli_home import POLICY

FOLDER = Path(__file__).parents[2] / "policies"
# Switches that are a column of a table: yes or no stands in its cells.
COLUMNS = {"CheckItem.required", "DunningLevel.interest"}
SHIPPED = ("standard", "cautious", "manufacturer-zh")
# Sections that no shipped policy has, so that every field is walked.
EVERYTHING = """
sizes: [{name: large, from: 5_000_000}, {name: small}]
segments:
  - name: export
    all: [{fact: relation_months, op: ">=", value: 77}]
    limit: {step: 11, terms: {need: {tax_factor: 1.13, annualise_from_months: 6, at_least: 17}}}
blacklist: {customers: [90001], groups: [90002], account_status: [已停用]}
agencies: {combine: weighted, weights: {dnb: 1.7}, most_weight: 61%}
overdue: {interest: {rate: 4.35%, year_days: 360, free_days: 3}}
releases: {days: 12, tolerance: 3%, codes: [secured, my_own]}
responsibility:
  grant_limit: {responsible: [approver], accountable: controller, consulted: [sales], informed: [auditor]}
dunning:
  min_amount: 1001
  min_invoice: 11
  quiet: {weekdays: [sunday], days: [{from: 2026-10-01, to: 2026-10-07}]}
  levels: [{days: 8, letter: reminder}, {days: 22, letter: my_letter, wait_days: 9, interest: true}]
signals:
  order_surge: {on: false, factor: 4}
  group_trouble: {statuses: [stop]}
  lowering: {share: 60%, days: 80}
check: {tolerance: {percent: 4%, amount: 12345}}
visits: {by_status: {hold: 9}, by_value: [{exposure_from: 3_000_000, factor: 0.5}], per_week: 6}
reviews: {by_status: {hold: 33}, checklist: [{key: stock, say: {zh: 看库存, en: See the stock}}]}
status:
  rules:
    - reason: my_rule
      status: watch
      any: [{fact: overdue_days_max, op: ">", value: 13}, {fact: agency_pd, op: unknown}]
      say: {zh: 我的规则, en: A rule of mine}
      scope: {customers: [90003], groups: [90004]}
      except: [{scope: {customers: [90005]}, lifts: all}]
"""


@cache
def policies() -> tuple[Policy, ...]:
    everything = load(POLICY + EVERYTHING, "everything")
    return (*(load(FOLDER / f"{name}.yaml") for name in SHIPPED), everything)


def told(policy: Policy, name: str, words: Words) -> list[str]:
    """What the manual says of one section, or on its title page."""
    return [*head(policy, words)] if name in HEAD else [*lines((chapter(policy, name, words),))]


def sections(form: Any = Policy) -> Iterator[type[Part]]:
    """Every section of which a policy can be made, found by walking its form."""
    seen, ahead = set[Any](), [form]
    while ahead:
        one = ahead.pop()
        if one in seen:
            continue
        seen.add(one)
        if isinstance(one, type) and issubclass(one, Part):
            yield one
            ahead += [field.annotation for field in one.model_fields.values()]
        ahead += [each for each in get_args(one) if not isinstance(each, str)]


def test_every_field_of_every_section_of_a_policy_has_words_in_both_languages() -> None:
    wanted = {key_of(model, name) for model in sections() for name in model.model_fields}
    known = {key for key in wanted if key in WORDS or f"{key}.yes" in WORDS}
    assert len(wanted) > 150 and wanted - known == set()
    for english, chinese in WORDS.values():
        assert english and chinese
        assert set(re.findall(r"{(\w+)}", english)) == set(re.findall(r"{(\w+)}", chinese))


def choices(form: Any) -> set[str]:
    """The words of a closed list that a field takes, wherever they stand in its form."""
    if isinstance(form, str):
        return {form}
    if isinstance(form, type) and issubclass(form, Part):
        return set()
    return set().union(*(choices(one) for one in get_args(form)))


def test_every_choice_of_a_policy_has_words() -> None:
    missing = set()
    for model in sections():
        for name, field in model.model_fields.items():
            key, closed = key_of(model, name), choices(field.annotation)
            if field.annotation is bool and f"{key}.yes" not in WORDS and key not in COLUMNS:
                missing.add(key)
            if closed in (set(LANGUAGES), {"zh", "en"}) or name == "op":
                continue
            own = VOCABULARIES.get(name, key)
            missing |= {
                f"{key}.{one}"
                for one in closed
                if f"{key}.{one}" not in WORDS
                and f"{own}.{one}" not in WORDS
                and not all(f"label.{one}" in texts(tongue) for tongue in LANGUAGES)
            }
    assert missing == set()


def test_no_chapter_of_a_policy_is_left_out() -> None:
    for policy in policies():
        titles = [one.title for one in chapters(policy, Words("en", policy.currency))]
        assert titles == [WORDS[f"Policy.{name}"][0] for name in Policy.model_fields if name not in HEAD]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_whatever_changes_in_a_policy_changes_its_manual(language: str) -> None:
    unseen, seen = [], 0
    for policy in (policies()[0], policies()[-1]):
        words = Words(language, policy.currency)
        for name in Policy.model_fields:
            before = told(policy, name, words)
            for path, value in changes(getattr(policy, name), language, f".{name}"):
                seen += 1
                if told(policy.model_copy(update={name: value}), name, words) == before:
                    unseen.append(path)
    assert seen > 700 and unseen == []


def changes(one: Any, language: str, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every copy of a value in which one leaf is another; not checked, so that any leaf may change."""
    if isinstance(one, Part):
        for name in type(one).model_fields:
            for where, other in changes(getattr(one, name), language, f"{path}.{name}"):
                yield where, one.model_copy(update={name: other})
    elif isinstance(one, dict):
        for key, value in one.items():
            if key in ("zh", "en") and key != language:
                continue
            for where, other in changes(value, language, f"{path}.{key}"):
                yield where, one | {key: other}
    elif isinstance(one, tuple):
        for number, value in enumerate(one):
            for where, other in changes(value, language, f"{path}.{number}"):
                yield where, (*one[:number], other, *one[number + 1 :])
    elif isinstance(one, bool):
        yield path, not one
    elif isinstance(one, (int, Decimal)):
        yield path, one + Decimal("0.0001") if isinstance(one, Decimal) else one + 1
    elif isinstance(one, str) and not _is_choice(path):
        yield path, f"{one[:-1]}7%" if one.endswith("%") else f"{one}x"


def _is_choice(path: str) -> bool:
    """Words out of a closed list, each of which has words of its own (shown above)."""
    return next((one for one in reversed(path.split(".")) if not one.isdigit()), "") in CLOSED


CLOSED = {
    name
    for model in sections()
    for name, field in model.model_fields.items()
    if choices(field.annotation) - {"zh", "en"}
}


def test_acts_and_roles_have_words() -> None:
    assert {f"act.{act.name.lower()}" for act in Act} | {f"role.{role}" for role in Role} <= WORDS.keys()
