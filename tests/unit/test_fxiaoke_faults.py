"""Fxiaoke: what an answer means and which way of recovery follows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
import requests

from adapters.fxiaoke.faults import Effect, fault, seconds_to_midnight
from connector.errors import Halt, Reauth, Reject, Retry
from tests.fxiaoke_wire import NOW, OBJECTS, Wire, failed, scripted


@pytest.fixture
def wire() -> Iterator[Wire]:
    with scripted() as made:
        yield made


def judged(code: int, effect: Effect = Effect.READ) -> Exception | None:
    return fault(failed(code), where="here", effect=effect, now=NOW)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (-1, Retry),
        (-2, Retry),
        (14001, Retry),
        (30004, Retry),
        (30002, Retry),
        (50009, Retry),
        (20005, Reauth),
        (20016, Reauth),
        (10006, Halt),
        (15003, Halt),
        (20014, Halt),
        (20017, Halt),
        (20020, Halt),
        (20023, Halt),
        (30003, Halt),
        (10013, Halt),
        (32000, Halt),
    ],
)
def test_a_code_has_one_way_of_recovery(code: int, kind: type[Exception]) -> None:
    assert type(judged(code)) is kind


def test_code_zero_is_no_fault() -> None:
    assert fault({"errorCode": 0}, where="", effect=Effect.READ, now=NOW) is None


@pytest.mark.parametrize("effect", [Effect.UPDATE, Effect.CREATE])
@pytest.mark.parametrize("code", [30007, 30027, 32000, 201112011, 11001, 987654])
def test_a_refused_write_is_about_its_record(code: int, effect: Effect) -> None:
    assert type(judged(code, effect)) is Reject


@pytest.mark.parametrize("effect", list(Effect))
@pytest.mark.parametrize("code", [15003, 30003])
def test_a_stopped_application_is_never_about_a_record(code: int, effect: Effect) -> None:
    assert type(judged(code, effect)) is Halt


@pytest.mark.parametrize(
    ("code", "effect", "unknown"),
    [
        (50009, Effect.READ, False),
        (50009, Effect.UPDATE, True),
        (50009, Effect.CREATE, True),
        (-1, Effect.UPDATE, False),
        (-1, Effect.CREATE, True),
        (30004, Effect.CREATE, False),
    ],
)
def test_whether_a_write_may_have_been_carried_out(code: int, effect: Effect, unknown: bool) -> None:
    found = judged(code, effect)
    assert isinstance(found, Retry)
    assert found.unknown_outcome is unknown


def test_a_used_up_day_waits_for_midnight_in_china() -> None:
    # 03:02:01 UTC is 11:02:01 there.
    assert seconds_to_midnight(NOW) == dt.timedelta(hours=12, minutes=57, seconds=59).total_seconds()
    found = judged(30002)
    assert isinstance(found, Retry)
    assert found.after == seconds_to_midnight(NOW)


def test_a_used_up_day_is_not_slept_through(wire: Wire) -> None:
    wire.answer(OBJECTS, failed(30002))
    with pytest.raises(Retry, match="quota"):
        wire.crm().test()
    assert len(wire.calls(OBJECTS)) == 1
    assert wire.slept == []


@pytest.mark.parametrize("code", [14001, 30004])
def test_over_the_rate_waits_twenty_seconds_with_a_new_trace_id(wire: Wire, code: int) -> None:
    wire.answer(OBJECTS, failed(code), {"data": {"objects": []}})
    wire.crm().test()
    assert wire.slept == [20.0]
    first, second = wire.calls(OBJECTS)
    assert len(first.trace) == 36
    assert first.trace != second.trace


def test_the_error_says_code_words_trace_and_place(wire: Wire) -> None:
    wire.answer(OBJECTS, failed(20020, "应用已停用"))
    with pytest.raises(Halt) as caught:
        wire.crm().test()
    text = str(caught.value)
    for part in ("20020", "应用已停用", "E-O.77", "fx", "open.fxiaoke.com/cgi/crm/v2/object/list"):
        assert part in text


def test_a_token_that_the_vendor_echoes_is_blanked(wire: Wire) -> None:
    wire.answer(OBJECTS, failed(20020, "token token-1 of app very-secret"))
    with pytest.raises(Halt) as caught:
        wire.crm().test()
    assert "token-1" not in str(caught.value)
    assert "very-secret" not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [(200, "<html>login</html>"), (200, "[]"), (200, '{"ok": true}'), (404, "")],
)
def test_anything_but_the_envelope_is_a_wrong_host(wire: Wire, answer: tuple[int, str]) -> None:
    wire.answer(OBJECTS, answer)
    with pytest.raises(Halt, match="wrong host"):
        wire.crm().test()


def test_a_redirect_is_not_followed(wire: Wire) -> None:
    wire.answer(OBJECTS, (302, "<html></html>"))
    with pytest.raises(Halt, match="another address"):
        wire.crm().test()


def test_a_failing_proxy_may_pass(wire: Wire) -> None:
    wire.answer(OBJECTS, (502, "<html>bad gateway</html>"), {"data": {"objects": []}})
    wire.crm().test()
    assert len(wire.calls(OBJECTS)) == 2


def test_a_code_decides_whatever_the_status_says(wire: Wire) -> None:
    wire.answer(OBJECTS, (403, '{"errorCode": 0, "data": {"objects": []}}'))
    assert wire.crm().test()


def test_a_vendor_out_of_reach_is_a_fault_that_may_pass(wire: Wire) -> None:
    wire.answer(OBJECTS, requests.exceptions.ReadTimeout("very-secret"))
    with pytest.raises(Retry) as caught:
        wire.crm().test()
    assert "very-secret" not in str(caught.value)
