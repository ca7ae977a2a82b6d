"""``check``, ``hold`` and ``serve`` as a person at the terminal meets them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from connector.store import lines
from connector.store.lines import CUSTOMER, Line
from tests.cli_home import NOW, Home, make_home

WHY = ("--reason", "moves abroad", "--actor", "Lin")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = make_home(tmp_path, monkeypatch)
    made.connect()
    return made


def assessed(home: Home, limit: int = 100_000, *, is_person: bool = False) -> int:
    """A customer with a line, account A<number>."""
    number = home.customer("Hengda Metal", is_person=is_person)
    line = Line(CUSTOMER, number, "CNY", "amount", limit, 0, "ok", as_of=NOW)
    with home.opened() as runtime, runtime.store.write() as tx:
        lines.save(tx, [line], runtime.rates, NOW.date())
    return number


def asked(amount: str, order: str = "SO-1", account: str = "A1") -> list[str]:
    given = {"connection": "crm", "account": account, "order": order, "amount": amount, "currency": "CNY"}
    return ["check", *(part for name, value in given.items() for part in (f"--{name}", value))]


def test_a_check_ends_with_0_when_it_passes_and_1_when_it_holds(home: Home) -> None:
    assessed(home)
    passed = home.run(*asked("600.00"), "--format", "json")
    assert (passed.code, passed.json["decision"], passed.json["available"]) == (0, "pass", "400.00")
    held = home.run(*asked("400.01", "SO-2"), "--format", "json")
    assert (held.code, held.json["decision"]) == (1, "hold")
    assert held.json["reasons"][0]["params"]["over"] == "0.01"


@pytest.mark.parametrize(("language", "word"), [("en", "over the room left"), ("zh", "超出")])
def test_a_hold_is_told_in_the_language_asked_for(home: Home, language: str, word: str) -> None:
    assessed(home)
    for form in ("table", "csv"):
        done = home.run(*asked("1000.01"), "--language", language, "--format", form)
        assert done.code == 1
        assert word in done.out.replace("\n", " ")


def test_a_check_that_cannot_be_meant_is_wrong_usage(home: Home) -> None:
    for changes in (["--amount", "1.005"], ["--currency", "XXX"], ["--checkpoint", "later"]):
        done = home.run(*asked("1.00"), *changes)
        assert (done.code, done.out) == (2, "")
        assert changes[0] in done.err
    unknown = home.run(*asked("1.00"), "--connection", "nowhere")
    assert (unknown.code, unknown.out) == (2, "")
    assert "no connection 'nowhere'" in unknown.err


def test_held_orders_are_listed_with_their_reasons_until_they_pass(home: Home) -> None:
    number = assessed(home)
    home.run(*asked("1000.01"))
    home.run(*asked("5000.00", "SO-2"))
    listed = home.rows("hold", "list")
    assert [(row["order"], row["amount"], row["state"]) for row in listed] == [
        ("SO-2", "5000.00", "pending"),
        ("SO-1", "1000.01", "pending"),
    ]
    assert listed[0]["customer"] == number and listed[0]["name"] == "Hengda Metal"
    home.run(*asked("1000.00"))
    assert [row["order"] for row in home.rows("hold", "list")] == ["SO-2"]
    assert [row["state"] for row in home.rows("hold", "list", "--state", "all")] == ["released", "pending"]
    assert home.rows("hold", "list", "--customer", "99") == []


def test_one_held_order_is_shown_with_its_history(home: Home) -> None:
    assessed(home)
    home.run(*asked("1000.01"))
    home.run(*asked("1000.00"))
    shown = home.rows("hold", "show", "1")
    assert shown["reasons"][0]["code"] == "over_limit"
    assert [entry["act"] for entry in shown["history"]] == ["order_held", "order_passed"]
    table = home.run("hold", "show", "1", "--language", "en")
    assert "over the room left" in table.out.replace("\n", " ") and "order_passed" in table.out
    missing = home.run("hold", "show", "7")
    assert missing.code == 2 and "no held order 7" in missing.err


def test_the_name_of_a_person_is_masked_in_listings(home: Home) -> None:
    assessed(home, is_person=True)
    home.run(*asked("1000.01"))
    (row,) = home.rows("hold", "list")
    assert row["name"] != "Hengda Metal" and row["name"].startswith("H")


def test_a_hold_on_a_customer_counts_at_once_and_ends_with_a_reason(home: Home) -> None:
    number = assessed(home)
    before = home.changes(number)
    assert home.run("hold", "place", "--customer", str(number), *WHY).code == 0
    held = home.run(*asked("1.00"), "--format", "json")
    assert (held.code, held.json["reasons"][0]["code"]) == (1, "hold_placed")
    assert held.json["reasons"][0]["params"] == {"reason": "moves abroad"}
    again = ("--reason", "came back", "--actor", "Wu")
    assert home.run("hold", "lift", "--customer", str(number), *again).code == 0
    assert home.run(*asked("1.00")).code == 0
    assert home.changes(number) == before + 2
    assert [(e["actor"], e["subject"], e["reason"]) for e in home.journal("hold_placed")] == [
        ("Lin", f"customer {number}", "moves abroad")
    ]
    (lifted,) = home.journal("hold_lifted")
    assert (lifted["actor"], lifted["reason"], lifted["before"]) == ("Wu", "came back", "moves abroad")


def test_a_hold_needs_a_customer_a_reason_and_something_to_lift(home: Home) -> None:
    number = str(assessed(home))
    for args, complaint in (
        (("place", "--customer", "99", *WHY), "no customer 99"),
        (("lift", "--customer", "99", *WHY), "no customer 99"),
        (("lift", "--customer", number, *WHY), "not put on hold by a person"),
        (("place", "--customer", number, "--reason", " "), "needs a reason"),
    ):
        done = home.run("hold", *args)
        assert done.code == 2 and complaint in done.err
    assert home.journal("hold_placed") == []


def test_one_service_runs_on_a_sqlite_store_and_ends_when_asked(home: Home) -> None:
    command = [sys.executable, "-m", "connector.cli", "serve", "--port", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as service:
        try:
            assert service.stderr is not None
            line = service.stderr.readline()
            assert "listens on http://127.0.0.1:" in line
            address = line.split()[-1]
            with requests.Session() as session:
                session.trust_env = False
                assert session.get(f"{address}/readyz", timeout=30).status_code == 200
            second = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
            assert second.returncode == 2
            assert "already runs on this store" in second.stderr
        finally:
            service.send_signal(signal.SIGTERM)
            rest = service.communicate(timeout=30)[1]
        assert service.returncode == 0
        assert rest.strip() == "stopped"


def test_a_port_that_is_taken_is_named(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        busy = home.run("serve", "--port", port)
    assert busy.code == 2
    assert f"127.0.0.1:{port}: cannot listen" in busy.err
