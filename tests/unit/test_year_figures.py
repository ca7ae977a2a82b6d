"""The figures of a simulated year see what they are for: a message that came twice, a customer missed."""

from __future__ import annotations

from typing import Any

from benchmarks.year_figures import missed, sent_twice, twice

TEXT = '**<font color="comment">[关注] {0}: 开始逾期</font>**\n> 逾期 100.00\n'
TEXT += "> 请于 2025-03-0{1} 前处理\n> 预警编号 {1}"
AGAIN = "（可能已发送过）"


def robot(name: str, number: int, again: str = "") -> dict[str, Any]:
    return {"text": TEXT.format(name, number) + again}


def hook(key: str, day: int = 1, times: int = 1) -> dict[str, Any]:
    raised = f"2025-0{1 + day // 28}-{1 + day % 28:02d}T10:00:00Z"
    body = {"name": "A", "title": "[warning] A", "lines": ["overdue"], "raised_at": raised}
    return {"key": key, "times": times, "body": body}


def test_a_signal_that_came_twice_is_counted_by_its_number_and_by_its_words() -> None:
    assert twice("wecom", [robot("A", 1), robot("B", 2)]) == (0, 0, 0)
    assert twice("wecom", [robot("A", 1), robot("A", 1)]) == (1, 1, 0)


def test_the_same_words_under_another_number_are_counted_too() -> None:
    assert twice("wecom", [robot("A", 1), robot("A", 2)]) == (0, 1, 0)
    assert twice("webhook", [hook("signal-1-warning"), hook("signal-2-warning", 20)]) == (0, 1, 0)


def test_the_same_words_are_news_again_after_the_cool_down() -> None:
    assert twice("webhook", [hook("signal-1-warning"), hook("signal-2-warning", 60)]) == (0, 0, 0)


def test_what_says_that_it_may_be_a_repeat_and_what_a_receiver_told_apart_is_marked() -> None:
    assert twice("dingtalk", [robot("A", 1), robot("A", 1, AGAIN)]) == (0, 0, 1)
    assert twice("webhook", [hook("signal-1-warning", times=2)]) == (0, 0, 1)


def test_who_was_missed_and_what_came_twice_add_up() -> None:
    ways = {"slower": {"reached": 3, "warned_before": 2}, "surge": {"reached": 2, "warned_before": 2}}
    assert missed({"ways": ways}) == 1
    counted = {"by_identity": 1, "by_content": 2, "marked": 4}
    assert sent_twice({"twice": {"wecom": counted, "webhook": counted}}) == 6
