"""A home folder with customers who owe, and the mailboxes outside that their letters go to.

Invariant: the mail server is a real one on the loopback; what it took is kept until the next test.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.channels import Mailbox, connect, installed, mail_server
from tests.cli_home import Home
from tests.portfolio import RULES, buyer, portfolio

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


class Outside(Mailbox):
    """The customers' mailboxes: ``answers`` gives, by address, the code with which it is refused; of those
    in ``hang_up`` the text is taken and the line cut before the answer."""

    port = 0

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, int] = {}
        self.hang_up: set[str] = set()

    @property
    def taken(self) -> list[tuple[str, EmailMessage]]:
        return [(str(one["To"]), one) for one in self.mails]

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return f"{self.answers.get(address, 250)} {address}"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = await super().handle_DATA(server, session, envelope)
        if self.hang_up & set(envelope.rcpt_tos):
            server.transport.abort()
        return answer


@pytest.fixture(scope="module")
def server() -> Iterator[Outside]:
    with mail_server(Outside()) as (box, port):
        assert isinstance(box, Outside)
        box.port = port
        yield box


@pytest.fixture
def mail(server: Outside) -> Outside:
    server.mails.clear()
    server.answers.clear()
    server.hang_up.clear()
    return server


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mail: Outside) -> Home:
    made = portfolio(tmp_path, monkeypatch, RULES + DUNNING)
    installed(monkeypatch)
    with (made.folder / "creditgate.toml").open("a", encoding="utf-8") as file:
        file.write(HEAD)
    connect_mail(made, mail.port)
    return made


def connect_mail(home: Home, port: int, security: str = "none") -> None:
    """Connect the mail server anew."""
    if "mail" in home.run("connect", "list").out:
        assert home.run("connect", "remove", "mail", "--yes").code == 0
    connect(
        home,
        "mail",
        host="127.0.0.1",
        port=str(port),
        security=security,
        sender="credit@seller.cn",
        to="us@seller.cn",
    )


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
