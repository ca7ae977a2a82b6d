"""Letters by the command line: shown before they are sent, delivered once, and what people say of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.channels.mail import Mail
from connector.dunning import Done, send
from connector.runtime import Runtime
from connector.store import conduct, dunning
from connector.store.engine import Store
from connector.store.record_tables import account, invoice
from connector.store.tables import customer
from tests.cli_home import KINDS, Home
from tests.mail_server import MailServer, mail_server
from tests.portfolio import RULES, TODAY, buyer, portfolio

DUNNING = """\
    - reason: dunning_unheeded
      status: stop
      all:
        - {fact: dunning_unheeded, op: ">=", value: 1}
overdue: {interest: {rate: 8%}}
dunning:
  min_amount: 100
  levels:
    - {days: 8, letter: reminder, interest: true}
    - {days: 20, letter: final, wait_days: 10}
"""
HEAD = """
[letterhead]
name = "Example Trading"
account = "IBAN XX00"
contact = "Credit department, 021-5555"
"""


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture
def mail(server: MailServer) -> MailServer:
    server.taken.clear()
    server.answers.clear()
    server.hang_up.clear()
    return server


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mail: MailServer) -> Home:
    made = portfolio(tmp_path, monkeypatch, RULES + DUNNING)
    monkeypatch.setitem(KINDS, "mail", ("channel", Mail))
    with (made.folder / "creditgate.toml").open("a", encoding="utf-8") as file:
        file.write(HEAD)
    connect_mail(made, mail.port)
    return made


def connect_mail(home: Home, port: int, security: str = "none") -> None:
    """Connect the mail server anew."""
    if "mail" in home.run("connect", "list").out:
        assert home.run("connect", "remove", "mail", "--yes").code == 0
    settings = f"host=127.0.0.1 port={port} security={security} sender=credit@seller.cn to=us@seller.cn"
    home.connect("mail", "mail", *settings.split())


def debtor(home: Home, name: str = "Late Ltd", email: str | None = "pay@late.cn", late: int = 45) -> int:
    number = buyer(home, name, sales=5_000_000, late=late, owes=1_000_000)
    if email:
        assert home.run("dunning", "contact", "set", str(number), "--email", email).code == 0
    return number


def plan_of(home: Home, *more: str) -> str:
    shown = home.run("dunning", "preview", *more)
    assert shown.code == 0, shown.err
    return shown.err.partition("--plan ")[2].split()[0]


def states(home: Home) -> dict[str, str]:
    """The state of each letter by the customer's name."""
    return {row["name"]: row["state"] for row in reversed(home.rows("dunning", "list"))}


@contextmanager
def on(day: dt.date, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("CREDITGATE_AS_OF", day.isoformat())
        yield


def test_a_preview_shows_every_invoice_and_sends_nothing(home: Home, mail: MailServer) -> None:
    number = debtor(home)
    (row,) = home.rows("dunning", "preview")
    assert row | {"issued_on": None} == {
        "customer": number, "name": "Late Ltd", "level": 1, "letter": "reminder", "channel": "email",
        "language": "zh", "to": "p***@late.cn", "pay_by": str(TODAY + dt.timedelta(days=7)),
        "invoice": f"INV-open{number}", "issued_on": None, "due_on": str(TODAY - dt.timedelta(days=45)),
        "days": 45, "open": "10000.00", "interest": "98.63", "currency": "CNY",
    }  # fmt: skip
    text = home.run("dunning", "preview", "--text").out
    assert "逾期利息 98.63 CNY" in text and "合计：10,098.63 CNY" in text
    assert (mail.taken, home.rows("dunning", "list")) == ([], [])


def test_what_was_previewed_is_what_is_sent_and_kept(home: Home, mail: MailServer) -> None:
    number = debtor(home)
    text = home.run("dunning", "preview", "--text").out
    assert home.run("dunning", "send", "--plan", plan_of(home), "--actor", "Gu").code == 0
    ((to, message),) = mail.taken
    body = message.get_content()
    assert (to, message["From"], message["Subject"]) == (
        "pay@late.cn", "Example Trading <credit@seller.cn>", "付款提醒",
    )  # fmt: skip
    assert body.strip() in text
    (row,) = home.rows("dunning", "list")
    assert (row["state"], row["to"], row["invoices"]) == ("sent", "p***@late.cn", 1)
    assert body.strip() in home.run("dunning", "letter", str(row["id"])).out
    entries = home.journal("dunning_written") + home.journal("dunning_sent")
    assert {(one["actor"], one["subject"], one["level"]) for one in entries} == {
        ("Gu", f"customer {number}", 1)
    }
    assert "late.cn" not in str(entries)


def test_a_letter_is_not_sent_without_its_preview(home: Home, mail: MailServer) -> None:
    number = debtor(home)
    assert home.run("dunning", "send").code == 2
    code = plan_of(home)
    with home.opened() as runtime, runtime.store.write() as tx:
        tx.execute(sa.update(invoice).where(invoice.c.account_id == f"A{number}").values(amount=2_000_000))
    refused = home.run("dunning", "send", "--plan", code)
    assert (refused.code, mail.taken) == (2, [])
    assert "dunning preview" in refused.err
    assert home.run("dunning", "send", "--unseen").code == 0
    assert len(mail.taken) == 1


def test_levels_follow_one_another_and_end_with_the_money(
    home: Home, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = debtor(home)
    assert home.run("assess").code == 0
    for after, subjects, status in (
        (0, ["付款提醒"], "hold"),
        (7, ["付款提醒"], "hold"),
        (9, ["付款提醒"], "stop"),
        (10, ["付款提醒", "最后催款通知"], "stop"),
        (60, ["付款提醒", "最后催款通知"], "stop"),
    ):
        with on(TODAY + dt.timedelta(days=after), monkeypatch):
            assert home.run("dunning", "send", "--unseen").code == 0
            assert [message["Subject"] for _, message in mail.taken] == subjects
            assert home.run("assess").code in (0, 1)
            shown = {row["id"]: row["status"] for row in home.rows("customer", "list")}
            assert shown[number] == status
    with home.opened() as runtime, runtime.store.write() as tx:
        paid = {"state": "paid", "paid": 1_000_000, "settled_on": TODAY + dt.timedelta(days=60)}
        tx.execute(sa.update(invoice).where(invoice.c.external_id == f"open{number}").values(**paid))
        tx.execute(sa.update(customer).values(changes=customer.c.changes + 1))
    with on(TODAY + dt.timedelta(days=61), monkeypatch):
        assert home.run("dunning", "send", "--unseen").code == 0
        assert home.run("assess").code in (0, 1)
        assert {row["status"] for row in home.rows("customer", "list")} == {"ok"}


def test_letters_for_the_post_count_when_somebody_posted_them(home: Home, mail: MailServer) -> None:
    number = debtor(home, email=None)
    assert home.run("dunning", "contact", "set", str(number), "--language", "en").code == 0
    assert "1 of them to post" in home.run("dunning", "send", "--unseen").err
    assert states(home) == {"Late Ltd": "waiting"}
    page = home.run("dunning", "letter", "1", "--html").out
    assert "<title>Payment reminder</title>" in page and "Dear Late Ltd," in page
    assert home.run("dunning", "confirm", "1", "--on", "2030-01-01").code == 2
    assert home.run("dunning", "confirm", "1", "--actor", "Gu").code == 0
    assert (states(home), mail.taken) == ({"Late Ltd": "sent"}, [])
    assert home.run("dunning", "confirm", "1").code == 2
    assert home.journal("dunning_confirmed")[0]["actor"] == "Gu"


def test_a_refused_address_fails_alone_and_is_written_to_anew_when_corrected(
    home: Home, mail: MailServer
) -> None:
    bad = debtor(home, "Bad", "gone@bad.cn")
    debtor(home, "Good", "pay@good.cn")
    debtor(home, "Busy", "pay@busy.cn")
    mail.answers.update({"gone@bad.cn": 550, "pay@busy.cn": 450})
    assert home.run("dunning", "send", "--unseen").code == 1
    assert states(home) == {"Bad": "failed", "Good": "sent", "Busy": "waiting"}
    assert home.run("dunning", "send", "--unseen").code == 0  # nothing of it is tried at once again
    assert [to for to, _ in mail.taken] == ["pay@good.cn"]
    assert home.run("dunning", "contact", "set", str(bad), "--email", "new@bad.cn").code == 0
    assert home.run("dunning", "withdraw", "1", "--reason", "wrong address").code == 0
    assert home.run("dunning", "send", "--unseen").code == 0
    assert [to for to, _ in mail.taken] == ["pay@good.cn", "new@bad.cn"]


def test_a_line_that_breaks_in_the_text_leaves_the_letter_to_a_person(home: Home, mail: MailServer) -> None:
    debtor(home)
    mail.hang_up.add("pay@late.cn")
    assert home.run("dunning", "send", "--unseen").code == 3
    assert states(home) == {"Late Ltd": "doubtful"}
    assert home.run("dunning", "send", "--unseen").code == 0
    assert len(mail.taken) == 1
    assert home.run("dunning", "confirm", "1").code == 0
    assert states(home) == {"Late Ltd": "sent"}


def test_a_server_that_is_away_or_refuses_keeps_the_letters_waiting(
    home: Home, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    debtor(home)
    connect_mail(home, 1)
    away = home.run("dunning", "send", "--unseen")
    assert (away.code, states(home)) == (3, {"Late Ltd": "waiting"})
    assert "run again later" in away.err and "late.cn" not in away.err
    connect_mail(home, mail.port, "starttls")
    assert home.run("dunning", "send", "--unseen").code == 2
    with on(TODAY + dt.timedelta(days=1), monkeypatch):  # its figures are those of yesterday by now
        connect_mail(home, mail.port)
        assert home.run("dunning", "send", "--unseen").code == 0
    assert sorted(row["state"] for row in home.rows("dunning", "list")) == ["sent", "withdrawn"]
    ((_, message),) = mail.taken
    assert "46 天" in message.get_content()


def test_templates_of_the_home_folder_stand_in_and_are_checked(home: Home) -> None:
    debtor(home)
    own = home.folder / "letters" / "zh" / "reminder.j2"
    own.parent.mkdir(parents=True)
    own.write_text(
        "Subject: 请付款\n{{ customer }}：{{ totals[0].total | money('CNY') }}\n", encoding="utf-8"
    )
    assert "请付款\n\nLate Ltd：10,098.63 CNY" in home.run("dunning", "preview", "--text").out
    for text, wrong in (
        ("Subject: a\n{{ custommer }}\n", "custommer"),
        ("Subject: a\n{% if %}\n", "reminder.j2:2"),
        ("no subject\n", "Subject:"),
        ("Subject: a\n{{ customer.__class__.__mro__ }}\n", "unsafe"),
    ):
        own.write_text(text, encoding="utf-8")
        refused = home.run("dunning", "preview", "--text")
        assert refused.code == 2 and wrong in refused.err
    assert "unsafe" in home.run("doctor").out


def test_a_level_of_an_invoice_is_kept_once_whoever_comes_second(home: Home) -> None:
    number = debtor(home)
    step = {"invoice": "1/x", "level": 1, "days": 9, "amount": 1, "interest": 0, "currency": "CNY"}
    with home.opened() as runtime, runtime.store.write() as tx:
        letter = dict.fromkeys("plan letter language channel address subject body body_sha256".split(), "")
        letter |= {"customer_id": number, "level": 1, "written_on": TODAY, "pay_by": TODAY, "actor": "Gu"}
        letter |= {"created_at": runtime.now(), "due_at": runtime.now()}
        first = dunning.add(tx, letter | {"message_id": "<1>"}, [step])
        other = {**step, "invoice": "1/y"}
        assert first and dunning.add(tx, letter | {"message_id": "<2>"}, [other, step]) is None
        assert [one.invoice_id for one in dunning.running(tx, [number])[number]] == ["1/x"]
        row = dunning.letter(tx, first)
        assert row is not None
        dunning.withdraw(tx, row, runtime.now(), "too old")
        assert dunning.add(tx, letter | {"message_id": "<3>"}, [step]) is not None


def test_letters_go_with_the_last_account_to_the_customer_that_it_turned_out_to_be(home: Home) -> None:
    before, after = debtor(home), home.customer("The same, better known")
    assert home.run("dunning", "send", "--unseen").code == 0
    with home.opened() as runtime, runtime.store.write() as tx:
        tx.execute(sa.update(account).where(account.c.customer_id == before).values(customer_id=after))
        conduct.follow(tx, before, after)
        assert [one.level for one in dunning.running(tx, [before, after])[after]] == [1]
        assert (set(dunning.contacts(tx)), {row.customer_id for row in dunning.listed(tx)}) == (
            {after},
            {after},
        )


def test_names_of_persons_and_addresses_are_masked_and_texts_encrypted(home: Home) -> None:
    number = debtor(home, "Wang Xiaoming", "wang@home.cn")
    with home.opened() as runtime, runtime.store.write() as tx:
        tx.execute(sa.update(customer).where(customer.c.id == number).values(is_person=True))
    assert home.run("dunning", "send", "--unseen").code == 0
    shown = "".join(
        home.run("dunning", *one.split()).out for one in ("list --format csv", "contact list", "preview")
    )
    assert "Xiaoming" not in shown and "wang@" not in shown
    with home.opened() as runtime, runtime.store.read() as tx:
        (row,) = dunning.listed(tx)
    assert "Xiaoming" not in row.body + row.subject and "wang" not in row.address


def test_who_has_not_the_role_sends_nothing(home: Home, mail: MailServer) -> None:
    debtor(home)
    file = home.folder / "creditgate.toml"
    role = '[[roles]]\nwho = "{}"\nrole = "{}"\n'
    given = role.format("Sa", "sales") + role.format("An", "analyst")
    file.write_text(file.read_text(encoding="utf-8") + given, encoding="utf-8")
    assert home.run("dunning", "send", "--unseen", "--actor", "Sa").code == 2
    assert mail.taken == []
    assert home.run("dunning", "send", "--unseen", "--actor", "An").code == 0


class Killed(BaseException):
    pass


def kill_at(patch: pytest.MonkeyPatch, number: int, committed: bool) -> None:
    """Kill the process at the end of its ``number``-th writing transaction, before or after the commit."""
    left = [number]
    write = Store.write

    @contextmanager
    def counted(self: Store) -> Iterator[Any]:
        left[0] -= 1
        with write(self) as tx:
            yield tx
            if left[0] == 0 and not committed:
                raise Killed
        if left[0] == 0:
            raise Killed

    patch.setattr(Store, "write", counted)


@pytest.mark.parametrize("committed", [False, True])
def test_killed_at_any_transaction_and_run_again_no_letter_is_lost_or_sent_twice(
    home: Home, mail: MailServer, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    """After each kill every letter has arrived once, or a person is asked; the plan stays good."""
    for name in ("A", "B"):
        debtor(home, name, f"pay@{name.lower()}.cn")
    debtor(home, "C", None)
    code = plan_of(home)
    blank = (home.folder / "creditgate.db").read_bytes()
    doubtful, number = 0, 0
    for number in range(1, 50):
        restore(home, blank)
        mail.taken.clear()
        with monkeypatch.context() as patch:
            kill_at(patch, number, committed)
            try:
                done = home.run("dunning", "send", "--plan", code)
            except Killed:
                done = None
        if done is not None:
            break
        with monkeypatch.context() as patch:
            patch.setattr(Runtime, "clock", lambda _: dt.datetime.now(dt.UTC) + dt.timedelta(minutes=6))
            assert home.run("dunning", "send", "--plan", code).code in (0, 1)
        found = states(home)
        arrived = [to for to, _ in mail.taken]
        assert len(arrived) == len(set(arrived))
        assert found["C"] == "waiting" and set(found) == {"A", "B", "C"}
        for name in ("A", "B"):
            sent = f"pay@{name.lower()}.cn" in arrived
            assert found[name] == "doubtful" or (found[name] == "sent" and sent)
        doubtful += "doubtful" in found.values()
    assert number > 6 and doubtful


def restore(home: Home, blank: bytes) -> None:
    for name in ("creditgate.db-wal", "creditgate.db-shm"):
        (home.folder / name).unlink(missing_ok=True)
    (home.folder / "creditgate.db").write_bytes(blank)


@pytest.mark.postgres
def test_two_processes_at_once_send_each_letter_once(
    home: Home, mail: MailServer, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDITGATE_DATABASE_URL", postgres_url)
    home.connect()
    connect_mail(home, mail.port)
    for number in range(6):
        debtor(home, f"Late {number}", f"pay@late{number}.cn")

    def run(_: int) -> Done:
        with home.opened() as runtime:
            return send(runtime, None, "Gu")

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(run, range(2)))
    assert (sum(one.written for one in done), sum(one.sent for one in done)) == (6, 6)
    assert len({to for to, _ in mail.taken}) == len(mail.taken) == 6
