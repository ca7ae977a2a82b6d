"""E-mail over SMTP: messages to our own people, and letters to customers.

Invariant: the same message has the same ``Message-ID`` however often it is sent, so that a mail system that
looks for doubles finds them; a password goes over an encrypted line alone. No error carries an address of a
letter, or the server's own words, which may repeat it.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr, parseaddr
from typing import ClassVar

from adapters.channels.common import INFORMS, LEAST, secret, title
from connector.adapter import Channel, Limits, Posting, Setting
from connector.errors import Halt, Reauth, Reject, Retry
from connector.ports.message import Letter, Message

TIMEOUT = 30.0


class Mail(Posting, Channel):
    """The adapter for e-mail (``creditgate connect add mail``)."""

    name = "mail"
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("host", "the SMTP server"),
        Setting("port", "its port", default="587"),
        Setting(
            "security",
            "starttls, tls, or none for a server on this machine",
            default="starttls",
            choices=("starttls", "tls", "none"),
        ),
        Setting("user", "user name at the server, if it asks for one", optional=True),
        Setting("password", "its password", secret=True, optional=True),
        Setting("sender", "address that the messages come from"),
        Setting("to", "addresses that they go to, with commas between"),
        LEAST,
        INFORMS,
    )
    limits = Limits(slots=1)

    def tell(self, message: Message) -> None:
        """Send one message. Raises ``Retry`` when the server cannot be reached or says later, ``Reauth``
        for a password that it refuses, ``Reject`` for addresses or a message that it does."""
        made = self._mail(message)
        handed_over = False
        try:
            with self._server() as server:
                handed_over = True
                refused = server.send_message(made)
        except smtplib.SMTPResponseException as fault:
            raise self._answered(fault) from None
        except smtplib.SMTPRecipientsRefused as fault:
            raise self._nobody([code for code, _ in fault.recipients.values()]) from None
        except (OSError, smtplib.SMTPException) as fault:
            why = type(fault).__name__
            raise Retry(
                f"the mail server cannot be reached ({why})", where=self._where, unknown_outcome=handed_over
            ) from None
        if refused:
            raise Reject(
                f"the mail server refuses {len(refused)} of the addresses; the others have it",
                code="refused",
                field="to",
                where=self._where,
                todo="correct the addresses",
            )

    @contextmanager
    def posting(self) -> Iterator[Callable[[Letter], None]]:
        """A line that is open for letters, as ``Posting`` says."""
        with ExitStack() as line:
            server = self._greeted(line)
            yield lambda letter: self._post(server, letter)

    def _greeted(self, line: ExitStack) -> smtplib.SMTP:
        """The server, until ``line`` ends."""
        try:
            server = line.enter_context(self._server())
            server.ehlo_or_helo_if_needed()  # without signing in nothing has said hello yet
        except smtplib.SMTPAuthenticationError as fault:
            raise self._answered(fault) from None
        except (smtplib.SMTPNotSupportedError, ssl.SSLError):
            raise Halt(
                "the mail server does not speak TLS as configured, or its certificate is not valid",
                where=self._where,
                todo="correct the settings security and port",
            ) from None
        except (OSError, smtplib.SMTPException) as fault:
            why = type(fault).__name__
            raise Retry(
                f"the mail server cannot be reached ({why})", where=self._where, todo="run again later"
            ) from None
        return server

    def _post(self, server: smtplib.SMTP, letter: Letter) -> None:
        made = self._letter(letter)
        sender = parseaddr(secret(self.context, "sender"))[1]
        try:
            self._expect(server.mail(sender), "mail from this sender", ours=True)
            self._expect(server.rcpt(letter.to), "the address")
        except (OSError, smtplib.SMTPException):
            raise Retry(
                "the line to the mail server broke", where=self._where, todo="run again later", busy=True
            ) from None
        except (Reject, Retry, Halt):
            with suppress(OSError, smtplib.SMTPException):
                server.rset()
            raise
        try:
            answer = server.data(made.as_bytes(policy=SMTP))
        except smtplib.SMTPDataError as fault:
            answer = (fault.smtp_code, b"")
        except (OSError, smtplib.SMTPException):
            raise Retry(
                "the line to the mail server broke while the text was handed over",
                where=self._where,
                todo="find out whether it arrived",
                unknown_outcome=True,
                busy=True,
            ) from None
        self._expect(answer, "the text")

    def _expect(self, answer: tuple[int, bytes], what: str, *, ours: bool = False) -> None:
        code = answer[0]
        if code in (250, 251):
            return
        text = f"the mail server refuses {what} ({code})"
        if code < 500:
            raise Retry(text, where=self._where, todo="it is tried again later", busy=ours or code == 421)
        if ours:
            raise Halt(text, where=self._where, todo="correct the setting sender")
        raise Reject(text, code="refused", field="to", where=self._where, todo="correct the address")

    def test(self) -> str:
        """The server is greeted, and the password shown to it."""
        try:
            with self._server() as server:
                server.noop()
        except smtplib.SMTPResponseException as fault:
            raise self._answered(fault) from None
        except (OSError, smtplib.SMTPException) as fault:
            why = type(fault).__name__
            raise Retry(f"the mail server cannot be reached ({why})", where=self._where) from None
        return f"{self._where} takes our mail"

    @property
    def _where(self) -> str:
        return f"smtp {self.context.settings.get('host')}:{self.context.settings.get('port')}"

    @contextmanager
    def _server(self) -> Iterator[smtplib.SMTP]:
        values = self.context.settings
        port = values.get("port", "587")
        if not port.isdigit():
            raise Halt("the port is no number", where=f"connection {self.context.connection}")
        security, user = values.get("security", "starttls"), values.get("user")
        if user and security == "none":
            raise Halt(
                "a password would go over an open line",
                where=f"connection {self.context.connection}",
                todo="use the security starttls or tls",
            )
        host = secret(self.context, "host")
        if security == "tls":
            context = self._trusted()
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, int(port), timeout=TIMEOUT, context=context)
        else:
            server = smtplib.SMTP(host, int(port), timeout=TIMEOUT)
        with server:
            if security == "starttls":
                server.starttls(context=self._trusted())
            if user:
                server.login(user, secret(self.context, "password"))
            yield server

    def _trusted(self) -> ssl.SSLContext:
        """Certificates are verified, as everywhere; by the configured ones if there are any."""
        return ssl.create_default_context(cafile=self.context.http.ca_bundle)

    def _mail(self, message: Message) -> EmailMessage:
        sender = secret(self.context, "sender")
        domain = parseaddr(sender)[1].rpartition("@")[2] or "creditgate.invalid"
        made = EmailMessage()
        made["Subject"] = title(message, self.context).replace("\n", " ")
        made["From"] = sender
        made["To"] = secret(self.context, "to")
        made["Date"] = format_datetime(self.context.now())
        made["Message-ID"] = f"<{message.key}@{domain}>"
        made["X-Priority"] = "1" if message.severity == "alarm" else "3"
        made.set_content("\n".join(message.lines) + "\n")
        return made

    def _letter(self, letter: Letter) -> EmailMessage:
        sender = parseaddr(secret(self.context, "sender"))[1]
        made = EmailMessage()
        made["Subject"] = letter.subject
        made["From"] = formataddr((letter.sender, sender))
        made["To"] = letter.to
        made["Date"] = format_datetime(self.context.now())
        made["Message-ID"] = f"<{letter.key}@{sender.rpartition('@')[2]}>"
        made["Auto-Submitted"] = "auto-generated"  # no out-of-office answer comes back (RFC 3834)
        made.set_content(letter.text, cte="base64")  # every server takes it, whatever the language
        return made

    def _answered(self, fault: smtplib.SMTPResponseException) -> Exception:
        code = fault.smtp_code
        if isinstance(fault, smtplib.SMTPAuthenticationError):
            return Reauth(
                f"the mail server refuses the password ({code})", where=self._where, todo="correct it"
            )
        return self._nobody([code])

    def _nobody(self, codes: list[int]) -> Exception:
        code = max(codes)
        if code < 500:
            return Retry(f"the mail server says later ({code})", where=self._where)
        return Reject(
            f"the mail server refuses the message ({code})",
            code="refused",
            field="to",
            where=self._where,
            todo="correct the addresses",
        )
