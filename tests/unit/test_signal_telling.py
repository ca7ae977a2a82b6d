"""People are told of a signal once by each channel, whatever the channels and the process do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.channels.dingtalk import sign
from adapters.channels.wecom import WeCom
from connector.store.signal_tables import telling
from connector.store.signals import raise_signal, settle
from tests.channels import Group, connect, group, installed, mail_server, past
from tests.cli_home import NOW, Home, make_home

LONG_AGO = NOW - dt.timedelta(days=1)
EVIDENCE = {"days": 31, "amount": 500_000, "currency": "CNY", "invoices": ["INV-7"]}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("CREDITGATE_AS_OF", NOW.date().isoformat())
    made = make_home(tmp_path, monkeypatch)
    installed(monkeypatch)
    made.connect()
    made.customer("恒达金属")
    return made


@pytest.fixture(scope="module")
def wecom() -> Iterator[Group]:
    with group("wecom") as found:
        yield found


def alarm(home: Home, key: str = "30", **more: Any) -> int | None:
    values = {"kind": "overdue_worsened", "severity": "alarm", "evidence": EVIDENCE} | more
    with home.opened() as runtime, runtime.store.write() as tx:
        return raise_signal(tx, customer_id=1, key=key, now=NOW, **values)


def states(home: Home) -> list[tuple[str, int]]:
    with home.opened() as runtime, runtime.store.read() as tx:
        rows = tx.execute(sa.select(telling.c.state, telling.c.attempts).order_by(telling.c.id))
        return [(row.state, row.attempts) for row in rows]


def test_every_channel_tells_it_once_in_words_with_figures(home: Home) -> None:
    number = alarm(home)
    with group("wecom") as wecom, group("dingtalk") as ding, group("webhook") as hook, mail_server() as mail:
        connect(home, "wecom", wecom.base)
        connect(home, "dingtalk", ding.base)
        connect(home, "webhook", hook.base)
        to = {"sender": "credit@example.com", "to": "a@example.com, b@example.com"}
        connect(home, "mail", host="127.0.0.1", port=str(mail[1]), security="none", **to)
        for _ in range(2):
            assert home.run("signal", "tell").code == 0
        assert (len(wecom.messages), len(ding.messages), len(hook.messages)) == (1, 1, 1)
        (sent,) = mail[0].mails
        assert "恒达金属" in wecom.messages[0]["text"]
        assert "5,000.00 CNY" in ding.messages[0]["text"]
        body = hook.messages[0]["body"]
        assert (body["signal"], body["kind"], body["severity"]) == (number, "overdue_worsened", "alarm")
        assert body["evidence"]["invoices"] == ["INV-7"]
        assert "恒达金属" in sent["Subject"]
        assert sent["To"] == "a@example.com, b@example.com"
        assert sent["Message-ID"] == f"<signal-{number}-alarm@example.com>"


def test_a_channel_is_told_from_its_severity_on_and_of_what_the_policy_wants_told(
    home: Home, wecom: Group
) -> None:
    before = len(wecom.messages)
    connect(home, "wecom", wecom.base, least="alarm")
    alarm(home, "15", severity="warning")
    alarm(home, "agency", kind="report_expiring")  # its action is to ask the agency
    assert home.run("signal", "tell").code == 0
    assert len(wecom.messages) == before
    alarm(home, "15")  # the same, worse
    assert home.run("signal", "tell").code == 0
    assert len(wecom.messages) == before + 1


def test_what_is_over_or_put_off_is_not_told(home: Home, wecom: Group) -> None:
    before = len(wecom.messages)
    alarm(home, "15")
    number = alarm(home, "30")
    connect(home, "wecom", "http://127.0.0.1:9")  # nobody answers there
    assert home.run("signal", "tell").code == 3
    connect(home, "wecom", wecom.base)
    later = (NOW + dt.timedelta(days=9)).date().isoformat()
    home.run("signal", "snooze", str(number), "--until", later, "--reason", "called", "--actor", "Lin")
    with home.opened() as runtime, runtime.store.write() as tx:
        settle(tx, 1, "overdue_worsened", NOW, key="15")
    past(home, telling, due_at=LONG_AGO)
    assert home.run("signal", "tell").code == 0
    assert len(wecom.messages) == before
    assert {state for state, _ in states(home)} == {"moot"}


@pytest.mark.parametrize("kind", ["wecom", "dingtalk"])
def test_a_busy_robot_is_asked_again_later(home: Home, kind: str) -> None:
    alarm(home)
    with group(kind, faults={"system_busy": 1.0}) as robot:
        connect(home, kind, robot.base)
        done = home.run("signal", "tell")
        assert done.code == 3
        assert "-1" in done.err
    with group(kind) as robot:
        connect(home, kind, robot.base)
        assert home.run("signal", "tell").code == 0
        assert robot.messages == []  # not before its time
        past(home, telling, due_at=LONG_AGO)
        assert home.run("signal", "tell").code == 0
        assert len(robot.messages) == 1


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [("wecom", "key"), ("dingtalk", "secret"), ("dingtalk", "access_token"), ("webhook", "secret")],
)
def test_a_wrong_secret_is_told_without_being_shown_and_nothing_is_lost(
    home: Home, kind: str, wrong: str
) -> None:
    alarm(home)
    with group(kind) as robot:
        connect(home, kind, robot.base, **{wrong: "hush-hush-hush-hush"})
        done = home.run("signal", "tell")
        assert done.code == 3
        listed = home.run("signal", "tell", "--pending", "--format", "json")
        assert "hush" not in done.out + done.err + listed.out
        connect(home, kind, robot.base)
        past(home, telling, due_at=LONG_AGO)
        assert home.run("signal", "tell").code == 0
        assert len(robot.messages) == 1


def test_a_message_whose_answer_was_lost_says_that_it_may_be_a_repeat(home: Home) -> None:
    alarm(home)
    with group("dingtalk", faults={"lost": 1.0}) as robot:
        connect(home, "dingtalk", robot.base)
        assert home.run("signal", "tell").code == 3
        assert len(robot.messages) == 1
    with group("dingtalk") as robot:
        connect(home, "dingtalk", robot.base)
        past(home, telling, due_at=LONG_AGO)
        assert home.run("signal", "tell").code == 0
        assert "可能已发送过" in robot.messages[0]["title"]


def test_a_lost_answer_of_a_webhook_makes_no_second_message(home: Home) -> None:
    alarm(home)
    with group("webhook", faults={"lost": 0.5}, seed=3) as hook:
        connect(home, "webhook", hook.base)
        for _ in range(6):
            home.run("signal", "tell")
            past(home, telling, due_at=LONG_AGO)
        assert len(hook.messages) == 1
    assert [state for state, _ in states(home)] == ["done"]


@pytest.mark.parametrize("place", ["before", "after"])
def test_killed_about_a_call_it_is_told_by_the_next_run(
    home: Home, wecom: Group, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    before = len(wecom.messages)
    alarm(home)
    connect(home, "wecom", wecom.base)
    real = WeCom.tell

    def killed(self: WeCom, message: Any) -> None:
        if place == "after":
            real(self, message)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(WeCom, "tell", killed)
        home.run("signal", "tell")
    assert states(home) == [("sending", 1)]
    assert home.run("signal", "tell").code == 0  # the other process may still be at it
    assert states(home) == [("sending", 1)]
    past(home, telling, due_at=LONG_AGO)
    assert home.run("signal", "tell").code == 0
    assert states(home) == [("done", 2)]
    told = [one["text"] for one in wecom.messages[before:]]
    assert len(told) == (1 if place == "before" else 2)
    assert "可能已发送过" in told[-1]


@pytest.mark.parametrize(
    ("answer", "code", "state"),
    [("451 try later", 3, "pending"), ("554 no such user", 1, "dead")],
)
def test_a_mail_server_is_believed_about_later_and_never(
    home: Home, answer: str, code: int, state: str
) -> None:
    alarm(home)
    with mail_server() as (box, port):
        to = {"sender": "credit@example.com", "to": "a@example.com"}
        connect(home, "mail", host="127.0.0.1", port=str(port), security="none", **to)
        box.refusals = [answer]
        assert home.run("signal", "tell").code == code
        assert states(home) == [(state, 1)]
        past(home, telling, due_at=LONG_AGO)
        home.run("signal", "tell")
        assert len(box.mails) == (1 if state == "pending" else 0)


def test_a_password_never_goes_over_an_open_line(home: Home) -> None:
    alarm(home)
    with mail_server() as (box, port):
        more = {"sender": "c@example.com", "to": "a@example.com", "user": "c", "password": "hush"}
        connect(home, "mail", host="127.0.0.1", port=str(port), security="none", **more)
        done = home.run("signal", "tell")
        assert (done.code, box.mails) == (3, [])
        assert "starttls" in done.err
        assert "hush" not in done.err


def test_a_channel_that_is_not_there_is_named(home: Home) -> None:
    done = home.run("signal", "tell", "pager")
    assert done.code == 2
    assert "pager" in done.err


def test_the_signature_of_a_dingtalk_robot_is_the_one_of_its_manual() -> None:
    # By the vendor's own snippet for this moment and secret.
    assert sign("1577262236757", "this is secret") == "hmPWwU+7lVdm3ZZz0r9tSfx0L4Q26jWOZr9+Gs6EZQM="
