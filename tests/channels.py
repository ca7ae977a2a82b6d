"""The ways by which people are told, as real servers on the loopback, and connections to them.

Invariant: what a server got stays in it until the test ends; the mail server speaks SMTP as any other does.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
import requests
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from adapters.channels.dingtalk import DingTalk
from adapters.channels.mail import Mail
from adapters.channels.webhook import Webhook
from adapters.channels.wecom import WeCom
from connector import adapter as ports
from connector.adapter import Channel
from sandbox.robots import DINGTALK, WEBHOOK, WECOM
from sandbox.server import Options, Sandbox
from tests.cli_home import Home
from tests.sandbox_server import running

KINDS: dict[str, type[Channel]] = {one.name: one for one in (Webhook, Mail, WeCom, DingTalk)}
SANDBOXES: dict[str, Sandbox] = {one.name: one for one in (WECOM, DINGTALK, WEBHOOK)}


class Mailbox:
    """An SMTP server's handler: keeps the mails, answers ``refusals`` first."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refusals: list[str] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.refusals:
            return self.refusals.pop(0)
        content = envelope.content
        assert isinstance(content, bytes)
        made = message_from_bytes(content, policy=policy.default)
        assert isinstance(made, EmailMessage)
        self.mails.append(made)
        return "250 OK"


@contextmanager
def mail_server(box: Mailbox | None = None) -> Iterator[tuple[Mailbox, int]]:
    """A mailbox (``box`` if given) and the port of its server."""
    box = box or Mailbox()
    with socket.socket() as free:  # the controller greets its own port, so it has to know it
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    try:
        yield box, port
    finally:
        server.stop(no_assert=True)


class Group:
    """A robot's group, or the receiver of a webhook, at ``base``."""

    def __init__(self, base: str) -> None:
        self.base = base

    @property
    def messages(self) -> list[dict[str, Any]]:
        return requests.get(f"{self.base}/_sandbox/messages", timeout=5).json()["messages"]


@contextmanager
def group(kind: str, **options: Any) -> Iterator[Group]:
    """The sandbox of a robot or a webhook."""
    with running(SANDBOXES[kind].app(Options(**options))) as base:
        yield Group(base)


def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the channels be found as the installed ones, beside what was found before."""
    before = ports.find
    monkeypatch.setattr(
        ports, "find", lambda kind: ("channel", KINDS[kind]) if kind in KINDS else before(kind)
    )


def connect(home: Home, kind: str, base: str = "", **more: str) -> None:
    """Connect a channel that is named as its kind."""
    known = SANDBOXES[kind].settings_at(base) if kind in SANDBOXES else {}
    home.connect(kind, kind, *(f"{key}={value}" for key, value in (known | more).items()))


def past(home: Home, table: Any, **values: Any) -> None:
    """Let the waiting rows of a table be due now."""
    with home.opened() as runtime, runtime.store.write() as tx:
        tx.execute(table.update().values(**values))
