"""Promises to pay, the blacklist and disputes: what came of them, and who recorded them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from connector.rules.documents import Dossier
from connector.rules.exposure import converter
from connector.rules.facts import snapshot
from connector.rules.moments import start_of
from connector.rules.promises import judged
from connector.rules.settlement import settle
from connector.store import dossiers
from connector.store.record_tables import account
from connector.store.record_tables import invoice as invoice_table
from tests.cli_home import NOW, POLICY, Home, make_home
from tests.rules_bench import CNY, TODAY, WITH_USD, assess, day, dossier, payment, policy, promise
from tests.rules_bench import settled as paid_late


def states(of: Dossier, grace: int = 5) -> list[tuple[str, int]]:
    convert = converter(WITH_USD, TODAY)
    lines = settle(of, 30, convert, TODAY).invoices
    return [(one.state, one.received) for one in judged(of, lines, grace, TODAY, convert)]


def test_a_promise_is_kept_by_the_money_that_comes_in_its_time() -> None:
    one = promise(due=-8, amount=1_000)  # made 18 days ago
    late, early = payment("late", 1_000, paid_on=day(-2)), payment("early", 1_000, paid_on=day(-19))
    assert states(dossier(promises=(one,), payments=(late, early))) == [("broken", 0)]
    in_grace = payment("p", 600, paid_on=day(-3)), payment("q", 400, paid_on=day(-18))
    assert states(dossier(promises=(one,), payments=in_grace)) == [("kept", 1_000)]
    assert states(dossier(promises=(one,), payments=in_grace[:1])) == [("broken", 600)]
    assert states(dossier(promises=(promise(due=-5),))) == [("open", 0)]


def test_money_keeps_one_promise_the_one_that_falls_due_first() -> None:
    two = (promise(1, 700, due=-6), promise(2, 700, due=-7))
    came = (payment("p", 1_000, paid_on=day(-8)),)
    assert states(dossier(promises=two, payments=came)) == [("kept", 700), ("broken", 300)]
    assert states(dossier(promises=two[::-1], payments=came)) == [("kept", 700), ("broken", 300)]


def test_a_promise_for_an_invoice_takes_money_for_that_invoice_alone() -> None:
    one = promise(due=-6, amount=900, invoice_id="i")
    other = (payment("p", 900, paid_on=day(-7), invoice_id="j"),)
    assert states(dossier(promises=(one,), payments=other)) == [("broken", 0)]
    by_source = (paid_late("i", 900, 3, ago=7),)
    assert states(dossier(promises=(one,), invoices=by_source, payments=other)) == [("kept", 900)]


def test_without_payments_settled_invoices_are_the_money() -> None:
    one = promise(due=-6, amount=900)
    assert states(dossier(promises=(one,), invoices=(paid_late("i", 900, 3, ago=7),))) == [("kept", 900)]
    assert states(dossier(promises=(one,), invoices=(paid_late("i", 900, 3, ago=17),))) == [("broken", 0)]


def test_a_bill_keeps_a_promise_when_it_falls_due_and_money_in_another_currency_counts() -> None:
    bill = payment("b", 10_000, paid_on=day(-9), bill_due_on=day(30))
    assert states(dossier(promises=(promise(due=-6),), payments=(bill,))) == [("broken", 0)]
    dollars = payment("d", 1_400, currency="USD", paid_on=day(-7))
    assert states(dossier(promises=(promise(due=-6),), payments=(dollars,))) == [("kept", 10_000)]


def test_what_a_person_says_goes_before_the_money_and_takes_none_of_it() -> None:
    pair = (promise(1, 500, due=-7, outcome="withdrawn"), promise(2, 500, due=-6))
    came = (payment("p", 500, paid_on=day(-8)),)
    assert states(dossier(promises=pair, payments=came)) == [("withdrawn", 0), ("kept", 500)]


def test_an_open_promise_brings_the_customer_back_when_its_time_ends() -> None:
    watched = policy(
        status={
            "rules": [
                {
                    "reason": "broken_promises",
                    "status": "watch",
                    "all": [{"fact": "broken_promises_12m", "op": ">=", "value": 1}],
                }
            ]
        }
    )
    waiting = assess(dossier(promises=(promise(due=1),)), watched)
    assert waiting.next_change == start_of(day(2), ZoneInfo(watched.timezone))
    assert "broken_promises" not in [one.code for one in waiting.reasons]
    over = assess(dossier(promises=(promise(due=-6),)), watched, CNY)
    assert "broken_promises" in [one.code for one in over.reasons]


# ── Commands ────────────────────────────────────────────────────────────────────────────────────

RULES = """\
knock_outs:
  - {reason: blacklisted, risk_class: B, status: stop, all: [{fact: blacklisted, op: "==", value: true}]}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("CREDITGATE_AS_OF", NOW.date().isoformat())
    made = make_home(tmp_path, monkeypatch)
    made.connect()
    (made.folder / "policies" / "standard.yaml").write_text(POLICY + RULES, encoding="utf-8")
    return made


def bill(home: Home, number: int, key: str = "7001") -> None:
    """An open invoice of a customer, due a month ago."""
    with home.opened() as opened, opened.store.write() as tx:
        owner = tx.execute(sa.select(account).where(account.c.customer_id == number)).first()
        assert owner is not None
        at = NOW.date() - dt.timedelta(days=30)
        values = {"amount": 90_000, "currency": "CNY", "issued_on": at, "due_on": at, "state": "open"}
        mine = {"connection_id": owner.connection_id, "account_id": owner.external_id, "number": f"INV-{key}"}
        seen = {"digest": "x", "first_seen": NOW, "last_seen": NOW, "external_id": key}
        tx.execute(invoice_table.insert().values(**values, **mine, **seen))


def why(actor: str = "Lin") -> tuple[str, ...]:
    return ("--reason", "said so on the phone", "--actor", actor)


def test_a_promise_is_recorded_listed_and_settled_by_command(home: Home) -> None:
    number = home.customer("Hengda Metal")
    bill(home, number)
    name = str(number)
    due = (NOW.date() + dt.timedelta(days=3)).isoformat()
    done = home.run(
        "promise", "record", name, "--amount", "900", "--on", due, "--invoice", "INV-7001", *why()
    )
    assert done.code == 0, done.err
    row = home.rows("promise", "list")[0]
    assert (row["state"], row["amount"], row["invoice"], row["actor"]) == ("open", "900.00", "1/7001", "Lin")
    assert home.changes(number) == 2
    other = home.run("promise", "record", name, "--amount", "1", "--on", due, "--invoice", "nope", *why())
    assert other.code == 2 and "no invoice 'nope'" in other.err
    past = home.run("promise", "record", name, "--amount", "1", "--on", "2020-01-01", *why())
    assert past.code == 2 and "do not fit" in past.err
    assert home.run("promise", "settle", "1", "--broken", *why("Wu")).code == 0
    assert home.run("promise", "settle", "1", "--kept", *why()).code == 2
    row = home.rows("promise", "list", "--state", "broken")[0]
    assert (row["ended_by"], row["ended_reason"]) == ("Wu", "said so on the phone")
    assert [one["promise"] for one in home.journal("promise_recorded")] == [1]
    assert [one["after"] for one in home.journal("promise_settled")] == ["broken"]


def test_a_blacklisted_customer_is_stopped_at_once_until_somebody_takes_it_off(home: Home) -> None:
    number = str(home.customer("Hengda Metal"))
    assert home.run("blacklist", "add", number, *why()).code == 0

    def status() -> str:
        return str(home.rows("customer", "list")[0]["status"])

    assert status() == "stop"
    assert home.run("blacklist", "add", number, *why()).code == 2
    assert home.rows("blacklist", "list")[0]["reason"] == "said so on the phone"
    assert home.run("blacklist", "remove", number, *why("Wu")).code == 0
    assert home.run("blacklist", "remove", number, *why("Wu")).code == 2
    assert home.run("assess").code == 0 and status() != "stop"
    assert home.rows("blacklist", "list") == []
    assert home.rows("blacklist", "list", "--all")[0]["ended_by"] == "Wu"
    assert [len(home.journal(act)) for act in ("blacklisted", "readmitted")] == [1, 1]


def test_what_crms_say_of_accounts_and_people_of_the_customer_is_one_verdict(home: Home) -> None:
    number = home.customer("Hengda Metal")

    def standing(**values: object) -> tuple[tuple[str, ...], bool | None]:
        with home.opened() as opened, opened.store.write() as tx:
            here = sa.update(account).where(account.c.customer_id == number)
            tx.execute(here.values(last_seen=NOW, **values))
            ((found, _),) = dossiers.read(tx, [number])
        return found.account_statuses, found.blacklisted

    assert standing() == ((), None)
    assert standing(account_status="停止合作", blacklisted=False) == (("停止合作",), False)
    assert standing(blacklisted=True) == (("停止合作",), True)
    assert home.run("blacklist", "add", str(number), *why()).code == 0
    assert standing(blacklisted=False)[1] is True  # one that says yes is enough
    assert home.run("blacklist", "remove", str(number), *why()).code == 0
    assert standing()[1] is False
    assert standing(deleted=True) == ((), False)


def test_what_is_recorded_goes_with_the_last_account_to_another_customer(home: Home) -> None:
    first, second = home.customer("Hengda Metal"), home.customer("Hengda Metal Group")
    assert home.run("blacklist", "add", str(first), *why()).code == 0
    with home.opened() as opened, opened.store.read() as tx:
        key = tx.execute(sa.select(account.c.external_id).where(account.c.customer_id == first)).scalar_one()
    assert home.run("customer", "link", str(second), "crm", key, "--actor", "Lin").code == 0
    assert [row["customer"] for row in home.rows("blacklist", "list")] == [second]


def test_a_dispute_keeps_the_invoice_in_the_exposure_and_out_of_the_ladder(home: Home) -> None:
    number = home.customer("Hengda Metal")
    bill(home, number)

    def found() -> tuple[str, str]:
        assert home.run("assess").code == 0
        with home.opened() as opened, opened.store.read() as tx:
            ((read, _),) = dossiers.read(tx, [number])
            values = snapshot(read, opened.policy, opened.rates, opened.now()).values
        return str(values["overdue_amount"]), str(values["exposure_disputed"])

    assert found() == ("90000", "0")
    assert home.run("dispute", "open", str(number), "INV-7001", *why()).code == 0
    assert home.run("dispute", "open", str(number), "7001", *why()).code == 2
    assert found() == ("0", "90000")
    assert home.rows("dispute", "list")[0]["invoice"] == "1/7001"
    assert home.run("dispute", "close", "1", *why()).code == 0
    assert home.run("dispute", "close", "1", *why()).code == 2
    assert found() == ("90000", "0")
