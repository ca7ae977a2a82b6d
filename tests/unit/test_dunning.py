"""Letters by the command line: shown before they are sent, kept as sent, and what people say of them."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from connector.store import conduct, dunning
from connector.store.record_tables import account, invoice
from connector.store.tables import customer
from tests.cli_home import Home
from tests.dunning_home import Outside, debtor, home, mail, on, plan_of, server, states
from tests.portfolio import TODAY

__all__ = ["home", "mail", "server"]  # fixtures


def test_a_preview_shows_every_invoice_and_sends_nothing(home: Home, mail: Outside) -> None:
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


def test_what_was_previewed_is_what_is_sent_and_kept(home: Home, mail: Outside) -> None:
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


def test_a_letter_is_not_sent_without_its_preview(home: Home, mail: Outside) -> None:
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
    home: Home, mail: Outside, monkeypatch: pytest.MonkeyPatch
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


def test_letters_for_the_post_count_when_somebody_posted_them(home: Home, mail: Outside) -> None:
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


def test_who_has_not_the_role_sends_nothing(home: Home, mail: Outside) -> None:
    debtor(home)
    file = home.folder / "creditgate.toml"
    role = '[[roles]]\nwho = "{}"\nrole = "{}"\n'
    given = role.format("Sa", "sales") + role.format("An", "analyst")
    file.write_text(file.read_text(encoding="utf-8") + given, encoding="utf-8")
    assert home.run("dunning", "send", "--unseen", "--actor", "Sa").code == 2
    assert mail.taken == []
    assert home.run("dunning", "send", "--unseen", "--actor", "An").code == 0
