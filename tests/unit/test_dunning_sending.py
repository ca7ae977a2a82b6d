"""Letters go out once each: whatever the mail server answers, and wherever the process is killed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from connector.dunning import Done, send
from connector.runtime import Runtime
from connector.store import dunning
from connector.store.engine import Store
from tests.cli_home import Home
from tests.dunning_home import Outside, connect_mail, debtor, home, mail, on, plan_of, server, states
from tests.portfolio import TODAY

__all__ = ["home", "mail", "server"]  # fixtures


def test_a_refused_address_fails_alone_and_is_written_to_anew_when_corrected(
    home: Home, mail: Outside
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


def test_a_line_that_breaks_in_the_text_leaves_the_letter_to_a_person(home: Home, mail: Outside) -> None:
    debtor(home)
    mail.hang_up.add("pay@late.cn")
    assert home.run("dunning", "send", "--unseen").code == 3
    assert states(home) == {"Late Ltd": "doubtful"}
    assert home.run("dunning", "send", "--unseen").code == 0
    assert len(mail.taken) == 1
    assert home.run("dunning", "confirm", "1").code == 0
    assert states(home) == {"Late Ltd": "sent"}


def test_a_server_that_is_away_or_refuses_keeps_the_letters_waiting(
    home: Home, mail: Outside, monkeypatch: pytest.MonkeyPatch
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


@pytest.mark.sqlite  # it puts the file back before each kill
@pytest.mark.parametrize("committed", [False, True])
def test_killed_at_any_transaction_and_run_again_no_letter_is_lost_or_sent_twice(
    home: Home, mail: Outside, monkeypatch: pytest.MonkeyPatch, committed: bool
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
        mail.mails.clear()
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
    home: Home, mail: Outside, postgres_url: str, monkeypatch: pytest.MonkeyPatch
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
