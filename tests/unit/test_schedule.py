"""Schedules: which moment is due, the same in every process."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from connector.schedule import Job, Schedule, jobs


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def job(zone: str = "UTC", name: str = "crm", **values: Any) -> Job:
    return Job(Schedule.model_validate({"verb": "pull", **values}), name, zone)


def test_intervals_are_counted_from_a_fixed_moment_and_not_from_the_start_of_a_daemon() -> None:
    quarter = job(every="15m")
    assert quarter.slot(at("2026-03-02T10:14:59")) == at("2026-03-02T10:00:00")
    assert quarter.slot(at("2026-03-02T10:15:00")) == at("2026-03-02T10:15:00")
    assert quarter.following(at("2026-03-02T10:15:00")) == at("2026-03-02T10:30:00")


def test_cron_lines_are_read_in_the_time_zone_of_the_policy() -> None:
    early = job("Asia/Shanghai", cron="0 6 * * *")
    assert early.slot(at("2026-03-02T21:59:00")) == at("2026-03-01T22:00:00")
    assert early.slot(at("2026-03-02T22:00:00")) == at("2026-03-02T22:00:00")


@pytest.mark.parametrize(
    ("weekday", "last"),
    [
        ("1-5", "2026-03-06"),  # Sunday 8 March: the last weekday is Friday
        ("0", "2026-03-08"),
        ("7", "2026-03-08"),
        ("5-7", "2026-03-08"),
        ("mon", "2026-03-02"),
        ("2,4", "2026-03-05"),
    ],
)
def test_days_of_the_week_count_as_in_cron(weekday: str, last: str) -> None:
    assert job(cron=f"0 6 * * {weekday}").slot(at("2026-03-08T12:00:00")) == at(f"{last}T06:00:00")


def test_the_29th_of_february_is_found_years_later() -> None:
    assert job(cron="0 0 29 2 *").slot(at("2027-12-31T00:00:00")) == at("2024-02-29T00:00:00")


@given(st.integers(0, 10**9), st.sampled_from(["90s", "15m", "7h"]), st.sampled_from(["0s", "30s", "89s"]))
@settings(max_examples=60)
def test_what_is_due_started_and_what_follows_has_not(second: int, every: str, jitter: str) -> None:
    now = at("2026-01-01T00:00:00") + dt.timedelta(seconds=second)
    one = job(every=every, jitter=jitter)
    slot, following = one.slot(now), one.following(now)
    assert slot is not None and following is not None
    assert slot + one.delay(slot) <= now < following
    assert one.slot(following - dt.timedelta(microseconds=1)) == slot
    later = one.slot(following)
    assert later is not None and later > slot
    assert dt.timedelta(0) <= one.delay(slot) <= one.schedule.jitter


def test_jitter_differs_between_connections_and_not_between_processes() -> None:
    slot = at("2026-03-02T10:00:00")
    delays = {job(name=name, every="1h", jitter="30m").delay(slot) for name in ("a", "b", "c", "a")}
    assert len(delays) == 3


def test_quiet_hours_may_go_over_midnight() -> None:
    night = job("Asia/Shanghai", every="1h", quiet=["22:00-06:00"])
    assert night.is_quiet(at("2026-03-02T14:00:00")) and night.is_quiet(at("2026-03-02T21:59:59"))
    assert not night.is_quiet(at("2026-03-02T22:00:00")) and not night.is_quiet(at("2026-03-02T13:59:59"))


def test_a_block_without_a_connection_is_for_every_crm_that_has_none_of_its_own() -> None:
    blocks = [
        Schedule.model_validate({"verb": "pull", "every": "15m"}),
        Schedule.model_validate({"verb": "pull", "connection": "b", "every": "1h"}),
        Schedule.model_validate({"verb": "assess", "cron": "0 6 * * *"}),
    ]
    assert [(one.name, one.target) for one in jobs(blocks, ["a", "b"], "UTC")] == [
        ("pull a", "a"),
        ("pull b", "b"),
        ("assess", "assess"),
    ]


def test_a_run_that_workers_share_is_cut_into_parts_that_start_together() -> None:
    push = Schedule.model_validate({"verb": "push", "every": "5m", "jitter": "1m", "parts": 3})
    pull = Schedule.model_validate({"verb": "pull", "every": "5m"})
    found = list(jobs([pull, push], ["a"], "UTC", shared=True))
    assert [one.name for one in found] == ["pull a", "push a 1/3", "push a 2/3", "push a 3/3"]
    assert found[1].words == ["push", "--format", "json", "--part", "1/3", "a"]
    assert len({one.delay(at("2026-03-02T10:00:00")) for one in found[1:]}) == 1
    assert [one.name for one in jobs([push], ["a"], "UTC")] == ["push a"]


def test_commands_of_two_words_and_those_about_a_file_are_written_as_a_person_types_them() -> None:
    values = {"verb": "ledger import", "every": "1d", "arguments": ["open.csv", "--snapshot"]}
    named = Schedule.model_validate({**values, "connection": "erp"})
    (one,) = jobs([named], [], "UTC")
    assert (one.name, one.target) == ("ledger import erp open.csv --snapshot", "erp")
    assert one.words == [
        "ledger",
        "import",
        "--format",
        "json",
        "--connection",
        "erp",
        "open.csv",
        "--snapshot",
    ]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({}, "either 'every' or 'cron'"),
        ({"every": "1h", "cron": "0 6 * * *"}, "either 'every' or 'cron'"),
        ({"every": "soon"}, "such as 15m"),
        ({"every": "0s"}, "at least 1s"),
        ({"every": "1m", "jitter": "1m"}, "shorter than 'every'"),
        ({"every": "1m", "at_most": "0s"}, "'at_most' is at least"),
        ({"every": "1m", "quiet": ["late"]}, "such as 22:00-06:00"),
        ({"cron": "0 6 * *"}, "five fields"),
        ({"cron": "0 25 * * *"}, "higher than the maximum"),
        ({"cron": "0 6 1 * 1"}, "two blocks"),
        ({"cron": "0 6 * * 5-1"}, "no day of the week"),
        ({"every": "1m", "verb": "assess", "connection": "a"}, "leave 'connection' out"),
        ({"every": "1m", "verb": "visit"}, "what can is pull, assess, push"),
        ({"every": "1m", "verb": "bureau watch"}, "say 'connection'"),
        ({"every": "1m", "verb": "rate import"}, "needs to know which file"),
        ({"every": "1m", "parts": 0}, "greater than or equal to 1"),
    ],
)
def test_what_is_wrong_with_a_block_is_said(values: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Schedule.model_validate({"verb": "pull", **values})
