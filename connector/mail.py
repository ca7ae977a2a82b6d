"""E-mail by SMTP.

Invariant: an error says whether the message may have gone out: only a line that broke while the text was
handed over leaves that open. No error carries an address or a server's own words, which may repeat it.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.policy import SMTP

from connector.correspondence import MailServer
from connector.errors import Halt, Reauth, Reject, Retry

_PERMANENT = 500


class Line:
    """An open line to a mail server."""

    def __init__(self, server: MailServer, smtp: smtplib.SMTP) -> None:
        self._server, self._smtp = server, smtp

    def send(self, message: EmailMessage, to: str) -> None:
        """Hand over a message for one address.

        Raises ``Reject`` if the server refuses it for good, ``Retry`` if it may take it later, with
        ``unknown_outcome`` if it may have taken it, ``Halt`` if it does not take mail from this sender.
        """
        try:
            self._addressed(to)
        except (OSError, smtplib.SMTPException):
            raise Retry(
                "the line to the mail server broke", where=self._where, todo="run again later", busy=True
            ) from None
        try:
            code, _ = self._smtp.data(message.as_bytes(policy=SMTP))
        except smtplib.SMTPDataError as fault:
            code = fault.smtp_code
        except (OSError, smtplib.SMTPException):
            raise Retry(
                "the line to the mail server broke while the text was handed over",
                where=self._where,
                todo="find out whether it arrived",
                unknown_outcome=True,
                busy=True,
            ) from None
        if code != 250:
            self._reset()
            raise self._refused("the message", code)

    def _addressed(self, to: str) -> None:
        code, _ = self._smtp.mail(self._server.sender)
        if code != 250:
            self._reset()
            if code < _PERMANENT:
                raise Retry(f"the mail server is busy ({code})", where=self._where, busy=True)
            raise Halt(
                f"the mail server takes no mail from this sender ({code})",
                where=self._where,
                todo="correct 'sender' under [mail] in the configuration",
            )
        code, _ = self._smtp.rcpt(to)
        if code not in (250, 251):
            self._reset()
            raise self._refused("the address", code)

    def _refused(self, what: str, code: int) -> Reject | Retry:
        text = f"the mail server refuses {what} ({code})"
        if code < _PERMANENT:
            return Retry(text, where=self._where, todo="it is tried again later")
        return Reject(text, code="mail_refused", field="address", where=self._where)

    def _reset(self) -> None:
        with suppress(OSError, smtplib.SMTPException):
            self._smtp.rset()

    @property
    def _where(self) -> str:
        return f"{self._server.host}:{self._server.port}"


@contextmanager
def connected(server: MailServer, password: str) -> Iterator[Line]:
    """A line to ``server``, signed in. ``Retry`` if it cannot be reached, ``Reauth`` if it refuses user and
    password, ``Halt`` if it does not speak TLS as configured."""
    where = f"{server.host}:{server.port}"
    try:
        smtp = _opened(server, password)
    except smtplib.SMTPAuthenticationError as fault:
        raise Reauth(
            f"the mail server refuses user and password ({fault.smtp_code})",
            where=where,
            todo="correct 'user' under [mail] and CREDITGATE_MAIL_PASSWORD",
        ) from None
    except (smtplib.SMTPNotSupportedError, ssl.SSLError):
        raise Halt(
            f"the mail server does not speak {server.security}, or its certificate is not valid",
            where=where,
            todo="correct 'security' and 'port' under [mail] in the configuration",
        ) from None
    except (OSError, smtplib.SMTPException) as fault:
        raise Retry(
            f"the mail server cannot be reached ({type(fault).__name__})", where=where, todo="run again later"
        ) from None
    try:
        yield Line(server, smtp)
    finally:
        with suppress(OSError, smtplib.SMTPException):
            smtp.quit()
        smtp.close()


def _opened(server: MailServer, password: str) -> smtplib.SMTP:
    if server.security == "tls":
        context = ssl.create_default_context()
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, timeout=server.timeout, context=context
        )
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=server.timeout)
    try:
        if server.security == "starttls":
            smtp.starttls(context=ssl.create_default_context())
        smtp.ehlo_or_helo_if_needed()
        if server.user:
            smtp.login(server.user, password)
    except BaseException:
        smtp.close()
        raise
    return smtp
