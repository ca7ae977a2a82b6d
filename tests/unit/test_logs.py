"""Logs: typed keys, and nothing that was put together at run time."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector import logs, reasons
from connector.errors import CreditGateError, Halt, Reject, Retry

SECRET = "1000.s3cr3t-refresh-token"


@pytest.fixture(autouse=True)
def afterwards() -> Iterator[None]:
    yield
    logs.begin("")


def written(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_is_json_with_time_level_part_run_and_what_it_is_about(tmp_path: Path) -> None:
    run = logs.begin("log.json", "info", "pull", tmp_path)
    log = logs.logger("pull")
    with logs.context(connection="zoho", stream="orders"):
        log.info("stream_pulled", customer=12, read=200)
    log.debug("unheard")
    (line,) = written(tmp_path / "log.json")
    assert dt.datetime.fromisoformat(line.pop("time")).tzinfo is not None
    assert line == {
        "level": "info",
        "logger": "creditgate.pull",
        "event": "stream_pulled",
        "run": run,
        "verb": "pull",
        "connection": "zoho",
        "stream": "orders",
        "customer": 12,
        "read": 200,
    }


def test_keys_that_are_not_allowed_are_left_out_and_values_of_another_form_are_withheld(
    tmp_path: Path,
) -> None:
    logs.begin("log.json", folder=tmp_path)
    logs.logger("x").info(
        "told", token=SECRET, customer="Li Na", connection="Li Na", host="x/y?z", reason="Li Na", count=1
    )
    (line,) = written(tmp_path / "log.json")
    assert line["count"] == 1
    assert "token" not in line
    assert {line[key] for key in ("customer", "connection", "host", "reason")} == {logs.WITHHELD}


@given(st.dictionaries(st.sampled_from(sorted(logs.ALLOWED)) | st.text(), st.text(min_size=1) | st.binary()))
def test_whatever_is_logged_no_text_of_another_form_gets_through(values: dict[str, Any]) -> None:
    kept = logs.allowed(None, "info", dict(values))
    for key, value in kept.items():
        assert key in logs.ALLOWED
        assert value == logs.WITHHELD or logs.ALLOWED[key](values[key]) == value


def test_a_name_an_address_or_a_phone_number_fits_no_form() -> None:
    for text in ("Li Na", "李娜", "li.na@example.com", "+86 138 0000 0000", "Bearer abc", "x=1"):
        for key, form in logs.ALLOWED.items():
            assert form(text) is None, (key, text)


def test_an_error_is_told_by_the_text_of_its_source_and_not_by_its_values(tmp_path: Path) -> None:
    logs.begin("log.json", folder=tmp_path)
    name = "Li Na"
    faults: list[CreditGateError] = [
        Halt(f"{name!r} cannot be judged, {SECRET}", where="/home/x/policies/standard.yaml:12"),
        Retry("the server cannot be reached" if name else "gone", where="GET https://api.example.com/a?b"),
        Reject(name, code="bad", field="phone", value="13800000000"),
        Halt("one part, " + "another"),
    ]
    for fault in faults:
        logs.logger("x").error("failed", **logs.told(fault))
    first, second, third, fourth = written(tmp_path / "log.json")
    assert first["reason"] == "… cannot be judged, …" and first["file"] == "standard.yaml:12"
    assert first["made"].startswith("tests/unit/test_logs.py:")
    assert second["reason"] == "the server cannot be reached" and second["host"] == "api.example.com"
    assert third["reason"] == "…" and third["fault"] == "Reject"
    assert fourth["reason"] == "…"
    text = (tmp_path / "log.json").read_text()
    assert name not in text and SECRET not in text and "13800000000" not in text


def test_a_foreign_error_is_told_by_class_and_place(tmp_path: Path) -> None:
    logs.begin("log.json", folder=tmp_path)
    try:
        int(SECRET)
    except ValueError as fault:
        logs.logger("x").error("failed", **logs.told(fault))
    (line,) = written(tmp_path / "log.json")
    assert line["fault"] == "ValueError" and "reason" not in line
    assert ".py:" in line["made"] and SECRET not in json.dumps(line)


def test_what_a_library_says_is_reduced_to_who_said_it_and_where(tmp_path: Path) -> None:
    logs.begin("log.json", folder=tmp_path)
    library = logging.getLogger("urllib3.connectionpool")
    library.warning("Retrying %s", f"/path?token={SECRET}")
    try:
        raise RuntimeError(SECRET)
    except RuntimeError:
        library.exception(f"failed for {SECRET}")
    first, second = written(tmp_path / "log.json")
    assert first["event"] == "library_says" and first["logger"] == "urllib3.connectionpool"
    assert first["made"].startswith("unit/test_logs.py:")
    assert second["fault"] == "RuntimeError"
    assert SECRET not in (tmp_path / "log.json").read_text()


def test_without_a_place_for_logs_nothing_is_written_not_even_by_libraries(
    capfd: pytest.CaptureFixture[str],
) -> None:
    logs.begin("")
    logs.logger("x").error("failed")
    logging.getLogger("urllib3").error("token=%s", SECRET)
    assert capfd.readouterr() == ("", "")


def test_logs_go_to_a_stream_a_descriptor_or_a_file_that_is_appended_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "out").open("w") as out, (tmp_path / "err").open("w") as err:
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        logs.begin(logs.STDOUT)
        logs.logger("x").info("one")
        logs.begin(logs.STDERR)
        logs.logger("x").info("two")
    monkeypatch.undo()
    descriptor = os.open(tmp_path / "fd", os.O_WRONLY | os.O_CREAT)
    logs.begin(f"{logs.DESCRIPTOR}{descriptor}")
    logs.logger("x").info("three")
    os.close(descriptor)
    for event in ("four", "five"):
        logs.begin("file", folder=tmp_path)
        logs.logger("x").info(event)
    found = [line["event"] for name in ("out", "err", "fd", "file") for line in written(tmp_path / name)]
    assert found == ["one", "two", "three", "four", "five"]


def test_only_the_source_makes_constants() -> None:
    assert reasons.constant(Halt("x")) == "x"
    assert isinstance(reasons.constant(Halt("x")), reasons.Constant)
    made = Halt("x")
    made.what = SECRET  # changed after it was made
    assert reasons.constant(made) == reasons.GAP
