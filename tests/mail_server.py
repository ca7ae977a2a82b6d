"""A mail server on loopback that keeps what it takes; its answers can be scripted.

Invariant: ``taken`` are the messages that were answered with 250, in their order.
"""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import cast


@dataclass
class MailServer:
    """``answers`` gives, by address, the code with which it is refused; ``hang_up`` are addresses of which
    the text is taken and the line cut before the answer."""

    port: int = 0
    taken: list[tuple[str, EmailMessage]] = field(default_factory=list)
    answers: dict[str, int] = field(default_factory=dict)
    hang_up: set[str] = field(default_factory=set)


class _Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        state: MailServer = self.server.state  # type: ignore[attr-defined]
        self._say("220 ready")
        to = ""
        for line in self.rfile:
            verb, _, rest = line.decode().strip().partition(" ")
            verb = verb.upper()
            if verb == "EHLO":
                self._say("250 here")
            elif verb == "RCPT":
                to = rest.partition("<")[2].rstrip(">")
                code = state.answers.get(to, 250)
                self._say(f"{code} {to}")
            elif verb == "DATA":
                self._say("354 go on")
                text = b"".join(iter(self.rfile.readline, b".\r\n"))
                state.taken.append((to, cast(EmailMessage, message_from_bytes(text, policy=default))))
                if to in state.hang_up:
                    return
                self._say("250 taken")
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 fine")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """A running server."""
    with _Server(("127.0.0.1", 0), _Session) as server:
        state = MailServer(server.server_address[1])
        server.state = state  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
