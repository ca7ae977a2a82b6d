"""``creditgate hold``: lists with every reason, decisions, orders that got past, and repairs of the books."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from connector.cli import main
from connector.store.tables import credit_line
from tests.cli_home import POLICY
from tests.gate_bench import GateBench
from tests.unit.test_api import CIPHER_KEY

pytestmark = pytest.mark.sqlite  # the configuration names the file

CONFIG = """\
policy = "policy.yaml"
database_url = "{url}"
[[roles]]
who = "Di"
role = "approver"
[[roles]]
who = "Sal"
role = "sales"
"""


class Home:
    """A home folder with a customer whose order of 300.00 is on hold for two reasons."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.bench = GateBench.on_sqlite(folder)
        self.bench.now = dt.datetime.now(dt.UTC)
        self.bench.customer(limit=100, status="hold")
        self.bench.issue_key()
        self.bench.check("300.00")
        self.bench.pull(self.bench.order("9", 50_000, number="SO-9"))
        (folder / "policy.yaml").write_text(POLICY, encoding="utf-8")
        text = CONFIG.format(url=self.bench.store.url)
        (folder / "creditgate.toml").write_text(text, encoding="utf-8")

    def run(self, *arguments: str, code: int = 0) -> str:
        self.monkeypatch.setattr(sys, "argv", ["creditgate", *arguments])
        with CliRunner().isolation() as (out, err, _):
            try:
                main()
                ended = 0
            except SystemExit as end:
                ended = int(end.code or 0)
            sys.stdout.flush()
            told = out.getvalue().decode() + err.getvalue().decode()
        assert ended == code, told
        return told


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setenv("CREDITGATE_HOME", str(tmp_path))
    monkeypatch.setenv("CREDITGATE_KEY", CIPHER_KEY)
    monkeypatch.setenv("COLUMNS", "200")
    made = Home(tmp_path, monkeypatch)
    yield made
    made.bench.store.close()


def test_the_list_names_every_reason_and_who_may_release_is_shown(home: Home) -> None:
    listed = home.run("hold", "list", "--language", "en", "--format", "csv")
    assert "on hold; " in listed and "over the room left" in listed
    shown = home.run("hold", "show", "1", "--language", "en")
    assert "may_release" in shown and "Di" in shown and "reason_2" in shown and "order_held" in shown
    assert home.run("hold", "list", "--state", "ready", "--format", "csv").count("\n") == 1


def test_only_who_may_releases_and_rejects(home: Home) -> None:
    told = home.run("hold", "release", "1", "--code", "secured", "--actor", "Sal", code=2)
    assert "Sal (sales) may not release a hold" in told and "ask Di" in told
    assert "no amount" in home.run("hold", "release", "1", "--code", "secured", "--amount", "x", code=2)
    assert "is released until" in home.run("hold", "release", "1", "--code", "secured", "--actor", "Di")
    assert home.bench.line(1).reserved == 30_000
    assert "released already" in home.run("hold", "reject", "1", "--reason", "no", "--actor", "Di", code=2)


def test_an_order_is_put_on_hold_by_name(home: Home) -> None:
    place = ("hold", "place", "--reason", "odd", "--actor", "Di")
    home.run(*place, code=2)
    home.run(*place, "--order", "SO-9", code=2)
    home.run(*place, "--order", "SO-9", "--connection", "zoho")
    assert home.bench.hold(2).state == "forced"
    home.run("hold", "reject", "2", "--reason", "no", "--actor", "Di")
    assert home.bench.hold(2).state == "rejected"


def test_who_may_puts_a_customer_on_hold_and_takes_it_off(home: Home) -> None:
    told = home.run("hold", "place", "--customer", "1", "--reason", "odd", "--actor", "Sal", code=2)
    assert "Sal (sales) may not place a hold" in told
    home.run("hold", "place", "--customer", "1", "--reason", "odd", "--actor", "Di")
    assert "may not" in home.run(
        "hold", "lift", "--customer", "1", "--reason", "ok", "--actor", "Sal", code=2
    )
    home.run("hold", "lift", "--customer", "1", "--reason", "ok", "--actor", "Di")


def test_orders_that_got_past_are_listed_with_how(home: Home) -> None:
    assert "1 got past the gate" in home.run("hold", "review")
    listed = home.run("hold", "list", "--bypassed", "--format", "csv", "--language", "en")
    assert "SO-9" in listed and "unreachable" in listed and "the check service was not up" in listed


def test_doctor_repairs_the_books_and_says_what(home: Home) -> None:
    with home.bench.store.write() as tx:
        tx.execute(credit_line.update().values(reserved=7))
    told = home.run("doctor", code=2)
    assert "reserved says 0.07 CNY, its rows say 0.00" in told
    assert "put right: customer 1" in home.run("doctor", "--repair", "--actor", "Di", code=2)
    assert home.bench.line(1).reserved == 0
    assert [act for act, *_ in home.bench.acts()].count("books_repaired") == 1
