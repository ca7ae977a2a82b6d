"""A policy file: what is refused, where, and with which advice."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from connector.errors import Halt
from connector.policy.load import load
from tests.rules_bench import STANDARD

TEXT = STANDARD.read_text(encoding="utf-8")


def changed(old: str, new: str) -> tuple[str, int]:
    """The standard policy with ``old`` replaced once, and the line where that happened."""
    assert TEXT.count(old) >= 1, old
    at = TEXT.index(old)
    return TEXT.replace(old, new, 1), TEXT[:at].count("\n") + 1


def test_reads_a_file_and_calls_it_by_its_path() -> None:
    policy = load(STANDARD)
    assert (policy.name, policy.version, policy.currency) == ("standard", 1, "CNY")
    assert policy.file == str(STANDARD)


def test_numbers_are_exact() -> None:
    policy = load(TEXT, "p.yaml")
    assert policy.limit.terms.need is not None
    assert policy.limit.terms.need.peak_factor == Decimal("2.0")
    assert policy.scorecard.max_weight == Decimal("0.2")
    assert policy.classes[0].cap == 10_000_000


@pytest.mark.parametrize(
    ("old", "new", "todo"),
    [
        ("equal_to_limit: pass", "equal_to_limit: perhaps", "write 'pass' or 'hold'"),
        ("equal_to_limit: pass", "equal_to_limits: pass", "write `equal_to_limit`"),
        ("currency: CNY", "currency: RMB", "write an ISO 4217 currency, such as CNY"),
        ("timezone: Asia/Shanghai", "timezone: Peking", "write a time zone of the tz database"),
        ("share: 20%", "share: twenty", "write a share, such as 30% or 0.3"),
        ("step: 1_000", "step: 0", "greater than 0"),
        ("grace_days: 5", "grace_days: some", "integer"),
        ("weight: 12", "weight: 1.5", "integer"),
        ("peak_factor: 2.0", "peak_factor: '2.0'", "write a number in figures"),
        ("status: stop", "status: blocked", "write 'ok', 'watch', 'hold' or 'stop'"),
        ("fact: debt_ratio", "fact: dept_ratio", "write `debt_ratio`"),
        ("risk_class: C", "risk_class: D", "write one of AAA, AA, A, BBB, BB, B, C"),
        ('op: ">=", value: 1}', 'op: "=>", value: 1}', "write '<'"),
    ],
)
def test_an_error_names_the_line_and_what_to_write(old: str, new: str, todo: str) -> None:
    text, line = changed(old, new)
    with pytest.raises(Halt) as caught:
        load(text, "mine.yaml")
    assert caught.value.where == f"mine.yaml:{line}"
    assert todo in caught.value.todo


def test_a_missing_section_is_named() -> None:
    text = TEXT.replace("default_days: 30 ", "longer_than_class: watch #").replace(
        "  longer_than_class: watch       #", "  #"
    )
    with pytest.raises(Halt, match=r"`terms\.default_days` is missing – add `default_days: …`"):
        load(text, "mine.yaml")


def test_all_faults_are_told_at_once() -> None:
    text, first = changed("currency: CNY", "currency: RMB")
    text = text.replace("equal_to_limit: pass", "equal_to_limit: perhaps", 1)
    second = text[: text.index("equal_to_limit: perhaps")].count("\n") + 1
    with pytest.raises(Halt) as caught:
        load(text, "mine.yaml")
    assert caught.value.where == f"mine.yaml:{first}"
    assert f"mine.yaml:{second}: " in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [("policy: a\npolicy: b\n", 2), ("policy: [a\nversion: 1\n", 2), ("- a\n- b\n", 1), ("policy: 'a\n", 2)],
)
def test_text_that_is_no_policy_is_refused_with_a_line(text: str, line: int) -> None:
    with pytest.raises(Halt) as caught:
        load(text, "mine.yaml")
    assert caught.value.where == f"mine.yaml:{line}"
    assert caught.value.todo


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Halt, match="cannot be read"):
        load(tmp_path / "none.yaml")


def test_lenient_reading_leaves_the_findings_to_lint() -> None:
    text, _ = changed("fact: debt_ratio", "fact: dept_ratio")
    assert load(text, "mine.yaml", strict=False).scorecard.data_points[6].fact == "dept_ratio"


def test_the_hash_is_that_of_the_content() -> None:
    policy = load(TEXT, "a.yaml")
    assert load(TEXT.replace("# no single figure decides", "# other words"), "b.yaml").hash == policy.hash
    assert load(TEXT.replace("factor: 1.0,", "factor: 1,"), "c.yaml").hash == policy.hash
    assert load(TEXT.replace("grace_days: 5", "grace_days: 6"), "d.yaml").hash != policy.hash
    assert len(policy.hash) == 64


def test_a_default_written_out_does_not_change_the_hash() -> None:
    without = TEXT.replace("  draft_orders: false\n", "")
    assert without != TEXT
    assert load(without, "a.yaml").hash == load(TEXT, "b.yaml").hash


def test_a_changed_copy_has_its_own_hash() -> None:
    policy = load(STANDARD)
    before = policy.hash
    assert policy.model_copy(update={"version": 2}).hash != before
    assert policy.model_copy().hash == before
